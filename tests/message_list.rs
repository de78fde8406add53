//! docs/messages.md lists what `retry` prints on stderr. It is made here, from samples that go through the code that writes
//! the messages.

mod common;

use common::bad_values::BAD;
use common::command::program;
use retry::cli::parse::{Invocation, parse};
use retry::core::outcome::{Escalation, Limit, NotStarted, Outcome, SpawnFailure, Survivors, TimedOut};
use retry::core::output::{Seen, Watcher};
use retry::core::plan::Plan;
use retry::core::rules::Evidence;
use retry::core::signal::Signal;
use retry::core::stream::Stream;
use retry::core::suggestions::{OPTIONS, OptionElsewhere, WINDOWS_OPTIONS, command_elsewhere, commands};
use retry::core::system::System;
use retry::core::verdict::{Verdict, Why};
use retry::report::text;
use retry::run::driver::{AttemptDetails, LeftRunning, StdinState};
use retry::run::event::{CircuitChange, Event, KillRequest, Moment, SlowCause};
use retry_loop::circuit::RefusalCause;
use retry_loop::run::{Next, StopReason};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(1200);
const DELAY: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(150);

/// The plan for these options, as typed, and this command.
fn plan_for(options: &str, command: &[&str]) -> Plan {
    let words = ["retry"].into_iter().chain(options.split_whitespace()).chain(["--"]);
    match parse(words.chain(command.iter().copied()).map(OsString::from)) {
        // The environment of the test is no part of the samples.
        Ok(Invocation::Run(plan)) => Plan { depth: 1, outer_attempts: None, ..*plan },
        other => panic!("{options}: {other:?}"),
    }
}

fn plan(options: &str) -> Plan {
    plan_for(options, &["curl", "-fsS", "http://server"])
}

/// The kind of an event, so that the compiler asks for samples of a new one.
fn kind(event: &Event<'_, Outcome>) -> &'static str {
    match event {
        Event::Starting { .. } => "starting",
        Event::Good { .. } => "good",
        Event::Failed { .. } => "failed",
        Event::HookFailed { .. } => "hook failed",
        Event::ConditionFailed { .. } => "condition failed",
        Event::FallingBack => "falling back",
        Event::FallbackNotStarted { .. } => "fallback not started",
        Event::Refused { .. } => "refused",
        Event::Circuit { .. } => "circuit",
        Event::Succeeded { .. } => "succeeded",
        Event::Slow { .. } => "slow",
        Event::Killing { .. } => "killing",
        Event::Interrupted { .. } => "interrupted",
        // Their text comes from elsewhere, and is passed on.
        Event::Warning { .. } | Event::OutputLost { .. } | Event::Broken { .. } => "passed on",
    }
}

const KINDS: [&str; 13] = [
    "starting",
    "good",
    "failed",
    "hook failed",
    "condition failed",
    "falling back",
    "fallback not started",
    "refused",
    "slow",
    "circuit",
    "succeeded",
    "killing",
    "interrupted",
];

/// The document as far as it is made.
struct Document {
    text: String,
    kinds: BTreeSet<&'static str>,
}

impl Document {
    fn heading(&mut self, title: &str) {
        write!(self.text, "\n## {title}\n\n| message | when |\n|---|---|\n").unwrap();
    }

    fn row(&mut self, message: &str, when: &str) {
        let message = message.replace('|', "\\|");
        assert!(!message.contains('`'), "{message}");
        writeln!(self.text, "| `retry: {message}` | {when} |").unwrap();
    }

    /// The message about an event.
    fn event(&mut self, plan: &Plan, event: &Event<'_, Outcome>, when: &str) {
        self.kinds.insert(kind(event));
        let message = text::message(plan, event).unwrap_or_else(|| panic!("{event:?} has no message"));
        self.row(&message, when);
    }

    /// The message about the first failure of a run.
    fn failure(&mut self, plan: &Plan, failure: Failure, when: &str) {
        let Failure { outcome, stderr, next, details, server_delay, why } = failure;
        let mut watcher = Watcher::new(&plan.rules.watchlist(), Stream::Stderr);
        watcher.feed(stderr.as_bytes());
        let mut seen = Seen::default();
        seen.add(watcher.finish());
        let survivors = match &details.left_running {
            LeftRunning::Stuck(survivors) => survivors,
            _ => &Survivors::None,
        };
        let verdict = plan.rules.judge(&Evidence { outcome: &outcome, seen: &seen, survivors });
        let judged = match verdict {
            Verdict::Good => panic!("a success: {outcome:?}"),
            Verdict::Retry(why) | Verdict::Stop(why) => why,
        };
        let is_final = matches!(verdict, Verdict::Stop(_)) && next == Next::Retry(DELAY);
        let next = if is_final { Next::Stop(StopReason::Permanent) } else { next };
        let event = Event::Failed {
            number: 1,
            outcome: &outcome,
            took: SHORT,
            elapsed: SHORT,
            server_delay,
            details: &details,
            why: &why.unwrap_or(judged),
            next,
        };
        self.event(plan, &event, when);
    }
}

/// A failure to show. What is not said is that of an attempt that is retried.
struct Failure {
    outcome: Outcome,
    stderr: &'static str,
    next: Next,
    details: AttemptDetails,
    server_delay: Option<Duration>,
    why: Option<Why>,
}

impl Default for Failure {
    fn default() -> Self {
        Self {
            outcome: Outcome::Exited(22),
            stderr: "x\n",
            next: Next::Retry(DELAY),
            details: AttemptDetails::default(),
            server_delay: None,
            why: None,
        }
    }
}

fn ended(outcome: Outcome) -> Failure {
    Failure { outcome, ..Failure::default() }
}

fn stopped(reason: StopReason) -> Failure {
    Failure { next: Next::Stop(reason), ..Failure::default() }
}

fn with(details: AttemptDetails) -> Failure {
    Failure { details, ..Failure::default() }
}

fn left(left_running: LeftRunning) -> Failure {
    with(AttemptDetails { left_running, ..AttemptDetails::default() })
}

fn timed_out(limit: Limit, escalation: Escalation, survivors: Survivors) -> Outcome {
    Outcome::TimedOut(TimedOut { limit, signal: Signal::SIGTERM, escalation, survivors })
}

fn not_started(kind: SpawnFailure, why: &str) -> Outcome {
    Outcome::NotStarted(NotStarted { kind, why: why.to_owned() })
}

/// When a row of [`COMMANDS`] applies, by its example.
fn when_not_found(example: &str) -> &'static str {
    match example {
        "make\r" => "no such command; the name ends in a carriage return",
        "5" => "no such command; the name is a number",
        "10s" => "no such command; the name is a duration",
        "help" => "no such command; the name is `help` or `version`",
        "FOO=bar" => "no such command; the name is an assignment",
        "a | b" => "no such command; the name has a pipe, a redirection or another operator of a shell",
        "curl -f http://x" => "no such command; the name has arguments",
        "cd" => "no such command; the name is a shell builtin that changes the shell or waits for its jobs",
        "eval" => "no such command; the name is another shell builtin",
        "if" => "no such command; the name is a shell keyword",
        "[[" => "no such command; the name is a keyword of bash",
        "deploy" => "no such command; any other name",
        "'curl" => "no such command; the name begins with a single quote",
        "Get-Item" => "no such command; the name is a cmdlet",
        "deploy.ps1" => "no such command; the name has the ending of a script",
        "start" => "no such command; the name is the builtin `start`",
        "copy" => "no such command; the name is another builtin of cmd",
        "ls" => "no such command; the name is an alias of PowerShell",
        "bash" => "no such command; the name is a shell of Unix",
        other => panic!("{other}: say here when this advice is given"),
    }
}

fn outcomes(document: &mut Document) {
    let run = plan("");
    document.heading("A failed attempt that is retried");
    document.failure(&run, Failure::default(), "the command exited with this status");
    document.failure(&run, ended(Outcome::Killed(Signal::SIGKILL)), "a signal killed the command");
    let limited = plan("--timeout 1.2");
    let first = timed_out(Limit::Timeout, Escalation::FirstSignal, Survivors::None);
    document.failure(&limited, ended(first), "`--timeout` ended the attempt");
    let second = timed_out(Limit::Timeout, Escalation::Killed, Survivors::None);
    document.failure(&limited, ended(second), "the same, and `--kill-after` passed");
    let idle = timed_out(Limit::Idle, Escalation::FirstSignal, Survivors::None);
    document.failure(&plan("--idle-timeout 1"), ended(idle), "`--idle-timeout` ended the attempt");
    let busy = not_started(SpawnFailure::Transient, "resource temporarily unavailable");
    document.failure(&run, ended(busy), "the system could not start the command; this may pass");
    let output = Failure { stderr: "busy\n", ..Failure::default() };
    document.failure(&plan("--retry-on-output busy"), output, "a line of the output matched a retry rule");
    let zero = ended(Outcome::Exited(0));
    document.failure(&plan("--require-output ready"), zero, "`--require-output` found no line");
    let zero = ended(Outcome::Exited(0));
    document.failure(&plan("--success-on 1"), zero, "`--success-on` does not name the status");
    let asked = Failure { server_delay: Some(DELAY), ..Failure::default() };
    document.failure(&plan("--retry-after"), asked, "`--retry-after` found what the server asks for");
    let held = with(AttemptDetails { held: Some(10), ..AttemptDetails::default() });
    document.failure(&plan("-O"), held, "output is held, and the next attempt discards it");
    let used_up = with(AttemptDetails { stdin: StdinState::UsedUp, ..AttemptDetails::default() });
    document.failure(&run, used_up, "the next attempt cannot read stdin again; once in a run");
    document.failure(&run, left(LeftRunning::Kept(vec![4711])), "`--leftovers keep` found a process");
    document.failure(&run, left(LeftRunning::KeptHidden), "the same, and /proc is mounted with hidepid");
    document.failure(&run, left(LeftRunning::Ended(vec![4711, 4712])), "`--leftovers end` ended processes");
    let nested = Plan { depth: 2, outer_attempts: Some(2), ..plan("") };
    document.failure(&nested, Failure::default(), "retry runs inside another retry; once in a run");

    document.heading("A failed attempt that is not retried");
    let stop = plan("--stop-on 22");
    document.failure(&stop, Failure::default(), "a stop rule matched");
    document.failure(&plan("--retry-on 7,28"), Failure::default(), "no retry rule matched");
    let silent = Failure { stderr: "", ..Failure::default() };
    document.failure(&plan("--retry-on curl"), silent, "the same, and the preset has advice");
    let condition = Failure { why: Some(Why::Condition), ..stopped(StopReason::Permanent) };
    document.failure(&plan("--retry-if false"), condition, "the command of `--retry-if` exited with 1");
    let interrupted = ended(Outcome::Killed(Signal::SIGINT));
    document.failure(
        &run,
        interrupted,
        "SIGINT or SIGQUIT killed the command (SIGPIPE too, but only with `--verbose`)",
    );
    not_found(document, System::Unix);
    let why = "not in PATH, but in this directory: retry -- ./deploy";
    let here = ended(not_started(SpawnFailure::NotInPath, why));
    document.failure(&plan_for("", &["deploy"]), here, "a file that is not looked for there");
    let run_path = plan_for("", &["./deploy"]);
    let missing = ended(not_started(SpawnFailure::NotFound, "no such file or directory"));
    document.failure(&run_path, missing, "there is no such file");
    let refused = ended(not_started(SpawnFailure::NotExecutable, "permission denied"));
    document.failure(&run_path, refused, "the file cannot be executed");
    let why = "its interpreter /bin/nope does not exist";
    let script = ended(not_started(SpawnFailure::NoInterpreter, why));
    document.failure(&run_path, script, "a script names an interpreter that does not exist");
    for survivors in [Survivors::Processes(vec![4711]), Survivors::Unknown] {
        let stuck = timed_out(Limit::Timeout, Escalation::Killed, survivors.clone());
        let stuck = Failure { next: Next::Stop(StopReason::Permanent), ..ended(stuck) };
        document.failure(&limited, stuck, "a time limit could not end the process tree");
    }
    let stuck = LeftRunning::Stuck(Survivors::Processes(vec![4711]));
    document.failure(&plan("--leftovers end"), left(stuck), "`--leftovers end` could not end a process");

    document.heading("A command that is not found on Windows");
    not_found(document, System::Windows);
    let why = "it is a script; use retry -- powershell -File deploy.ps1";
    let script = ended(not_started(SpawnFailure::NotExecutable, why));
    document.failure(&plan_for("", &["deploy.ps1"]), script, "a file that Windows does not run by itself");

    document.heading("A failed attempt after which retry gives up");
    document.failure(&run, stopped(StopReason::AttemptsExhausted), "it was the last one");
    let deadline = plan("--deadline 1.5");
    document.failure(
        &deadline,
        stopped(StopReason::Deadline { delay: DELAY }),
        "the delay would be too long",
    );
    let over = plan("--deadline 1");
    let passed = timed_out(Limit::Deadline, Escalation::FirstSignal, Survivors::None);
    let passed = Failure { outcome: passed, ..stopped(StopReason::Deadline { delay: Duration::ZERO }) };
    document.failure(&over, passed, "the deadline ended the attempt");
    let asked = StopReason::RetryAfterTooLong(LONG);
    document.failure(
        &plan("--retry-after"),
        stopped(asked),
        "the server asks for more than `--max-retry-after`",
    );
    let quota = StopReason::QuotaExhausted("insufficient_quota");
    document.failure(&plan("--retry-after"), stopped(quota), "the server says that waiting will not help");
    let circuit = circuit_open(RefusalCause::Open);
    document.failure(&plan("--breaker registry"), stopped(circuit), "the circuit is open");
    let probed = circuit_open(RefusalCause::ProbeRunning);
    document.failure(&plan("--breaker registry"), stopped(probed), "another run probes the circuit");
    document.failure(&plan("--budget registry"), stopped(StopReason::BudgetEmpty), "the budget has no token");
}

fn circuit_open(cause: RefusalCause) -> StopReason {
    StopReason::CircuitOpen { wait: LONG, cause }
}

/// The rows of this system; on Windows, without those that Unix has as well.
fn not_found(document: &mut Document, system: System) {
    let is_listed = |said| system != System::Unix && commands(System::Unix).any(|row| row.said == said);
    for row in commands(system).filter(|row| !is_listed(row.said)) {
        let run = plan_for("", &[row.example]);
        let run = Plan { if_not_found: command_elsewhere(system, &run.command), ..run };
        let missing = ended(not_started(SpawnFailure::NotFound, "no such file or directory"));
        let when =
            if system == System::Unix { when_not_found(row.example) } else { "there is no such command" };
        document.failure(&run, missing, when);
    }
}

fn other_events(document: &mut Document) {
    let (run, verbose) = (plan(""), plan("--verbose"));
    let outcome = Outcome::Exited(3);
    document.heading("Other events of a run");
    document.event(&verbose, &Event::Starting { number: 1 }, "with `--verbose`");
    let good = Outcome::Exited(0);
    let succeeded =
        |failures| Event::Succeeded { number: 2, outcome: &good, took: SHORT, failures, elapsed: LONG };
    document.event(&run, &succeeded(1), "an attempt succeeded after a failure");
    let next = Next::Again(DELAY);
    let event = Event::Good { number: 1, in_a_row: 1, outcome: &good, took: SHORT, elapsed: SHORT, next };
    document.event(&plan("--consecutive 2"), &event, "`--consecutive` requires another success");
    let circuit = circuit_open(RefusalCause::Open);
    let refused = |number, reason| Event::Refused { number, reason, elapsed: SHORT };
    let breaker = plan("--breaker registry");
    document.event(&breaker, &refused(1, circuit), "the circuit was open at the start");
    document.event(&breaker, &refused(2, circuit), "the circuit was open after a delay");
    let probed = circuit_open(RefusalCause::ProbeRunning);
    document.event(&breaker, &refused(1, probed), "another run probed the circuit at the start");
    document.event(&breaker, &refused(2, probed), "another run probed the circuit after a delay");
    let deadline = StopReason::Deadline { delay: Duration::ZERO };
    document.event(&plan("--deadline 1"), &refused(1, deadline), "the initial delay reached the deadline");
    for (change, when) in [
        (CircuitChange::Opened { wait: DELAY }, "the failure of the attempt opened the circuit"),
        (CircuitChange::Probing, "the time of `--breaker-open` is over"),
        (CircuitChange::Closed, "the probe succeeded"),
    ] {
        document.event(&breaker, &Event::Circuit { number: 1, change }, when);
    }
    document.event(&run, &Event::HookFailed { outcome: &outcome }, "`--before-retry` failed");
    let at_deadline = timed_out(Limit::Deadline, Escalation::FirstSignal, Survivors::None);
    let stopped = Event::HookFailed { outcome: &at_deadline };
    document.event(&plan("--deadline 1"), &stopped, "`--before-retry` ran until the deadline");
    document.event(
        &run,
        &Event::ConditionFailed { outcome: &outcome },
        "`--retry-if` exited with neither 0 nor 1",
    );
    document.event(&run, &Event::FallingBack, "the run failed, and `--fallback` is given");
    let no_shell = not_started(SpawnFailure::NotFound, "no such file or directory");
    let event = Event::FallbackNotStarted { outcome: &no_shell };
    document.event(&run, &event, "the same, but there is no shell");
    let signal = Signal::SIGTERM;
    let interrupted = |moment| Event::Interrupted { signal, number: 2, moment, elapsed: SHORT };
    let during = |outcome| interrupted(Moment::During { outcome, took: SHORT });
    document.event(&run, &interrupted(Moment::Before), "a signal came during a delay");
    let after = Moment::After { outcome: &outcome, took: SHORT };
    document.event(&run, &interrupted(after), "a signal came while `--retry-if` ran");
    let killed = Outcome::Killed(signal);
    document.event(&run, &during(&killed), "a signal came, and the command died of it");
    document.event(&run, &during(&outcome), "a signal came, and the command exited by itself");
    for (cause, when) in [
        (SlowCause::TimeLimit, "after a time limit, processes still run 2 s after the signal"),
        (SlowCause::Interruption, "a signal came, and what the command left behind still runs after 2 s"),
    ] {
        document.event(&plan("--kill-after 152"), &Event::Slow { signal, left: LONG, cause }, when);
    }
    let killing = |signal, request| Event::Killing { signal, request };
    document.event(&run, &killing(signal, KillRequest::SentAgain), "a process sent the same signal again");
    document.event(&run, &killing(Signal::SIGINT, KillRequest::Keys), "Ctrl-C was pressed three times");

    document.heading("Lines without an event");
    document.row(text::AFTER_CTRL_C, "once, on a terminal, if the command still runs a second after Ctrl-C");
    document.row(&text::still_waiting(&run, 2, LONG), "each minute of a long delay, without a terminal");
    document.row(
        &text::still_running(&plan("-O"), 1, LONG),
        "each minute of an attempt whose output is held for `final` or `success`, without a terminal",
    );
}

fn usage_errors(text: &mut String) {
    text.push_str(
        "\n## Usage errors\n\nExit status 125. The examples are values that the flag takes.\n\n<!-- not run: the test that makes this \
        list has run it -->\n```text\n",
    );
    for (flag, values) in BAD {
        let mut reasons = BTreeSet::new();
        for value in *values {
            let words = ["retry".to_owned(), format!("{flag}={value}"), "--".to_owned(), "true".to_owned()];
            let line = parse(words.map(OsString::from)).expect_err("a bad value");
            let reason = line.split_once(&format!("for {flag}: ")).expect("a reason").1;
            let reason = reason.split(". Example: ").next().unwrap().replace(&format!("'{value}'"), "");
            if reasons.insert(reason) {
                text.extend([line.as_str(), "\n"]);
            }
        }
    }
    text.push_str("```\n");
}

fn suggestions(text: &mut String) {
    text.push_str("\n## Options of other tools\n\nEach is a usage error: `retry: unknown option --max-attempts: ...`.\n\n");
    text.push_str("| typed | answer |\n|---|---|\n");
    answers(text, OPTIONS);
    text.push_str("\nOn Windows, these have another answer:\n\n| typed | answer |\n|---|---|\n");
    answers(text, WINDOWS_OPTIONS);
}

fn answers(text: &mut String, rows: &[OptionElsewhere]) {
    for row in rows {
        let names: Vec<String> = row.names.iter().map(|name| format!("`{name}`")).collect();
        let example =
            if row.example.is_empty() { String::new() } else { format!(". Example: `{}`", row.example) };
        writeln!(text, "| {} | {}{example} |", names.join(", "), row.said).unwrap();
    }
}

/// `DOCUMENTS=write cargo test --test message_list` writes it.
#[test]
#[expect(clippy::disallowed_methods, reason = "what a test is told by who runs it")]
fn the_list_of_messages_is_what_the_program_says() {
    // `parse` reads the settings of the person who runs the tests.
    if std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"RETRY_")) {
        let mut again = program(std::env::current_exe().unwrap());
        again.args(["--exact", "the_list_of_messages_is_what_the_program_says"]);
        again.envs(std::env::var_os("DOCUMENTS").map(|what| ("DOCUMENTS", what)));
        let done = again.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        return;
    }
    let introduction = "# Messages\n\nThe messages about a run, and the usage errors, with sample values. `retry` writes \
        them to stderr. A test generates this\nlist from the code that writes them. Messages change only with a note in the \
        [changelog](../CHANGELOG.md); scripts should\nuse [JSON](json.md). With `--label NAME`, the name follows \
        `retry: `.\n\nNot listed: warnings about mistakes in the command line, which name the flag to use, and errors \
        about files, sockets and\nshared state, which name the file or the server and give the system's reason.\n";
    let mut document = Document { text: introduction.to_owned(), kinds: BTreeSet::new() };
    outcomes(&mut document);
    other_events(&mut document);
    assert_eq!(document.kinds, BTreeSet::from(KINDS), "each kind of event has a sample");
    let mut text = document.text;
    usage_errors(&mut text);
    suggestions(&mut text);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/messages.md");
    if std::env::var("DOCUMENTS").is_ok_and(|what| what == "write") {
        std::fs::write(&file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "docs/messages.md differs: DOCUMENTS=write cargo test --test message_list");
}
