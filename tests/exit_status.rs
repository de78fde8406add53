//! The table of exit statuses, row by row.

mod common;

use common::command::{Scratch, program, said, wait_until};
use common::live::wait_until_asleep;
use predicates::prelude::*;
use retry::core::outcome::{
    Ending, Escalation, Limit, NotStarted, OWN_FAILURE, Outcome, RunEnd, SpawnFailure, Survivors, TimedOut,
};
use retry_loop::run::StopReason;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

const KILLERS: [(&str, i32); 8] = [
    ("KILL", libc::SIGKILL),
    ("TERM", libc::SIGTERM),
    ("SEGV", libc::SIGSEGV),
    ("ABRT", libc::SIGABRT),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("PIPE", libc::SIGPIPE),
    ("USR1", libc::SIGUSR1),
];

#[test]
fn success_at_once_or_late_is_0() {
    let scratch = Scratch::new();
    scratch.retry("").arg("true").assert().code(0);
    scratch.retry("--base 0.01 --jitter 0").args(scratch.ends("1 1 0")).assert().code(0);
    assert_eq!(scratch.runs(), 3);
}

#[test]
fn giving_up_shows_the_last_attempt() {
    let scratch = Scratch::new();
    scratch.retry("--base 0.01 --jitter 0").args(scratch.ends("3 4 5 0")).assert().code(5);
    assert_eq!(scratch.runs(), 3, "three attempts by default");
}

#[test]
fn retries_and_attempts_are_one_flag_and_count_the_first() {
    for options in ["--retries 1", "--attempts 1", "-r 1", "-r1", "--retries=1"] {
        let scratch = Scratch::new();
        scratch.retry(options).args(scratch.ends("9")).assert().code(9);
        assert_eq!(scratch.runs(), 1, "{options}");
    }
}

#[test]
fn a_rule_that_stops_shows_the_last_attempt() {
    let scratch = Scratch::new();
    scratch.retry("--stop-on 2").args(scratch.ends("2")).assert().code(2);
    assert_eq!(scratch.runs(), 1);
}

#[test]
fn usage_is_125_and_runs_nothing() {
    let scratch = Scratch::new();
    scratch.retry("--retries 0").args(scratch.ends("0")).assert().code(125);
    scratch.retry("").assert().code(125);
    assert_eq!(scratch.runs(), 0);
}

#[test]
fn an_attempt_that_was_ended_by_its_time_limit_is_124() {
    let scratch = Scratch::new();
    let script = "echo run >> runs; exec sleep 1000";
    scratch
        .retry("--timeout 2 --retries 2 --base 0.01 --jitter 0")
        .args(["sh", "-c", script])
        .assert()
        .code(124);
    assert_eq!(scratch.runs(), 2, "a time limit is retried");
}

#[test]
fn an_attempt_that_was_ended_by_the_deadline_is_124() {
    let scratch = Scratch::new();
    let script = "echo run >> runs; exec sleep 1000";
    scratch.retry("--deadline 2 --base 0").args(["sh", "-c", script]).assert().code(124);
    assert_eq!(scratch.runs(), 1);
}

#[test]
fn a_deadline_before_any_attempt_is_124_and_is_not_waited_for() {
    let scratch = Scratch::new();
    let retry = scratch.retry("--initial-delay 1000 --deadline 900").args(scratch.ends("0")).assert();
    // Not waited for: 0 s until we give up, or next to it.
    let line =
        r"^retry: no time left for attempt 1/3 before the deadline of 15m\. Giving up after \d(\.\d+)?s\n$";
    retry.code(124).stdout("").stderr(predicate::str::is_match(line).unwrap());
    assert_eq!(scratch.runs(), 0);
}

#[test]
fn a_delay_that_would_pass_the_deadline_leaves_the_last_attempts_status() {
    let scratch = Scratch::new();
    scratch.retry("--deadline 900 --base 1000").args(scratch.ends("7")).assert().code(7);
    assert_eq!(scratch.runs(), 1);
}

#[test]
fn the_time_limit_that_was_first_but_not_last_does_not_count() {
    let scratch = Scratch::new();
    let script = "[ $RETRY_ATTEMPT = 2 ] && exit 8; exec sleep 1000";
    let options = "--timeout 2 --retries 2 --base 0.01 --jitter 0";
    scratch.retry(options).args(["sh", "-c", script]).assert().code(8);
}

#[test]
fn what_cannot_be_run_is_126() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    std::fs::write(scratch.path("file"), "#!/bin/sh\n").unwrap();
    for command in ["./directory", "./file"] {
        scratch.retry("").arg(command).assert().code(126);
    }
    scratch.executable("tool", "#!./file\n");
    scratch.retry("").arg("./tool").assert().code(126);
}

#[test]
fn what_is_not_found_is_127() {
    let scratch = Scratch::new();
    scratch.executable("orphan", "#!/no/such/interpreter\n");
    for command in ["no-such-command-anywhere", "./no-such-file", "./orphan", ""] {
        scratch.retry("").arg(command).assert().code(127);
    }
}

#[test]
fn a_script_without_an_interpreter_line_runs_under_sh() {
    let scratch = Scratch::new();
    let script = scratch.executable("script", "printf '<%s>' \"$0\" \"$@\"\nexit 9\n");
    let name = script.to_str().unwrap();
    let retry = |command: &str| {
        let mut retry = scratch.retry("--retries 1");
        retry.args([command, "a b", ""]);
        retry
    };
    retry(name).assert().code(9).stdout(format!("<{name}><a b><>"));
    retry("./script").assert().code(9).stdout("<./script><a b><>");
    // By its name, as the shell would find it.
    let path = format!("{}:/usr/bin:/bin", script.parent().unwrap().display());
    retry("script").env("PATH", path).assert().code(9).stdout(format!("<{name}><a b><>"));
}

#[test]
fn death_by_a_signal_is_died_again() {
    for (name, number) in KILLERS {
        let scratch = Scratch::new();
        let output = scratch.retry("--retries 1").args(scratch.ends(name)).output().unwrap();
        assert_eq!(output.status.signal(), Some(number), "{name}: {:?}", said(&output));
        assert_eq!(scratch.runs(), 1);
    }
}

#[test]
fn dying_again_leaves_no_core_file() {
    let scratch = Scratch::new();
    for (name, number) in [("SEGV", libc::SIGSEGV), ("QUIT", libc::SIGQUIT), ("ABRT", libc::SIGABRT)] {
        let mut shell = program("sh");
        // The command itself may leave none, so that one in the directory would be ours.
        let command = format!("ulimit -S -c 0; kill -s {name} $$");
        let allowed = r#"ulimit -S -c "$(ulimit -H -c)"; exec "$@""#;
        shell.args(["-c", allowed, "sh", env!("CARGO_BIN_EXE_retry"), "--retries", "1", "--", "sh", "-c"]);
        scratch.settle(shell.arg(command));
        let status = shell.output().unwrap().status;
        assert_eq!(status.signal(), Some(number));
        assert!(!status.core_dumped(), "{name}");
        assert_eq!(scratch.files(), [""; 0], "{name}");
    }
}

#[test]
fn giving_up_on_a_command_that_exits_with_0_is_1() {
    let scratch = Scratch::new();
    let retry_on_0 = "--retries 2 --base 0.01 --jitter 0 --retry-on 0";
    scratch.retry(retry_on_0).args(scratch.ends("0")).assert().code(1);
    assert_eq!(scratch.runs(), 2);
    scratch.retry("--success-on 3 --stop-on 0").arg("true").assert().code(1);
}

#[test]
fn another_code_that_is_success_ends_with_0() {
    let scratch = Scratch::new();
    scratch.retry("--success-on 24").args(scratch.ends("24")).assert().code(0);
    assert_eq!(scratch.runs(), 1);
}

#[test]
fn a_late_success_is_flaky_exit_and_an_early_one_is_0() {
    let options = "--flaky-exit 99 --base 0.01 --jitter 0";
    for (ends, code, runs) in [("1 0", 99, 2), ("0", 0, 1), ("1 1 1 0", 1, 3)] {
        let scratch = Scratch::new();
        scratch.retry(options).args(scratch.ends(ends)).assert().code(code);
        assert_eq!(scratch.runs(), runs, "{ends}");
    }
    // Good attempts that are counted are no failures.
    let scratch = Scratch::new();
    scratch.retry(options).arg("--consecutive=2").args(scratch.ends("0")).assert().code(0);
    assert_eq!(scratch.runs(), 2);
}

#[test]
fn a_command_that_is_interrupted_and_exits_answers_for_itself() {
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT")] {
        for code in [7, 0] {
            let scratch = Scratch::new();
            let traps = format!("trap 'exit {code}' {name}; echo run >> runs; while :; do sleep 0.01; done");
            let retry = scratch.start("--base 0 --jitter 0", &traps);
            wait_until("the command", || scratch.runs() == 1);
            retry.send(signal);
            let status = retry.end();
            assert_eq!(status.code(), Some(code), "{name}: {}", scratch.read("stderr"));
            assert_eq!(scratch.runs(), 1, "no further attempt");
            let line = scratch.read("stderr");
            assert!(
                line.starts_with(&format!(
                    "retry: interrupted by SIG{name} during attempt 1/3: exit status {code} after "
                )),
                "{line}"
            );
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }
}

#[test]
fn a_command_that_is_interrupted_and_dies_of_it_is_died_again() {
    for (signal, number) in
        [(Signal::TERM, libc::SIGTERM), (Signal::INT, libc::SIGINT), (Signal::QUIT, libc::SIGQUIT)]
    {
        let scratch = Scratch::new();
        let retry = scratch.start("--base 0 --jitter 0", "echo run >> runs; echo $$ > pid; exec sleep 1000");
        wait_until_asleep(scratch.pid("pid"));
        retry.send(signal);
        assert_eq!(retry.end().signal(), Some(number), "{}", scratch.read("stderr"));
        assert_eq!(scratch.runs(), 1, "no further attempt");
    }
}

#[test]
fn an_interrupted_delay_ends_at_once_with_the_signal() {
    for (signal, number, name) in
        [(Signal::TERM, libc::SIGTERM, "SIGTERM"), (Signal::INT, libc::SIGINT, "SIGINT")]
    {
        let scratch = Scratch::new();
        let retry = scratch.start("--base 1000 --max-delay 1000", "echo run >> runs; exit 1");
        wait_until("the delay", || scratch.read("stderr").ends_with("s\n"));
        retry.send(signal);
        assert_eq!(retry.end().signal(), Some(number));
        assert_eq!(scratch.runs(), 1, "no further attempt");
        let stderr = scratch.read("stderr");
        let last = stderr.lines().last().unwrap();
        assert!(last.starts_with(&format!("retry: interrupted by {name} before attempt 2/3. ")), "{stderr}");
    }
}

#[test]
fn an_interrupted_initial_delay_runs_nothing() {
    let scratch = Scratch::new();
    // What comes from the environment is said once the run has begun.
    let mut command = scratch.retry_to_spawn("-v");
    command.env("RETRY_INITIAL_DELAY", "1000").args(scratch.ends("0"));
    let retry = scratch.start_command(command);
    wait_until("the run", || scratch.read("stderr").ends_with("is used\n"));
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(libc::SIGTERM));
    assert_eq!(scratch.runs(), 0);
}

/// How a run can end, and the words for it in the tables. The status comes from the type that decides it.
fn endings() -> Vec<(Ending, Option<Outcome>, &'static str)> {
    let timed_out = |limit| {
        let (signal, escalation) = (retry::core::signal::Signal::SIGTERM, Escalation::FirstSignal);
        Some(Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors: Survivors::None }))
    };
    let not_started = |kind| Some(Outcome::NotStarted(NotStarted { kind, why: String::new() }));
    let stopped = || Ending::Stopped(StopReason::AttemptsExhausted);
    let (wait, delay) = (Duration::from_secs(1), Duration::from_secs(1));
    let cause = retry_loop::RefusalCause::Open;
    vec![
        (Ending::Succeeded { failures: 0 }, Some(Outcome::Exited(0)), "an attempt succeeded"),
        (Ending::Stopped(StopReason::CircuitOpen { wait, cause }), None, "the --breaker circuit was open"),
        (Ending::Stopped(StopReason::Deadline { delay }), None, "or the deadline passed before the first"),
        (
            stopped(),
            timed_out(Limit::Timeout),
            "--timeout, --idle-timeout or --deadline ended the last attempt",
        ),
        (stopped(), timed_out(Limit::Idle), "--idle-timeout"),
        (stopped(), timed_out(Limit::Deadline), "or --deadline"),
        (Ending::Broken(String::new()), None, "retry itself failed"),
        (stopped(), not_started(SpawnFailure::NotExecutable), "could not be run"),
        (stopped(), not_started(SpawnFailure::Transient), "could not be run"),
        (stopped(), not_started(SpawnFailure::NotFound), "was not found"),
    ]
}

/// The rows of a table of exit statuses: the statuses of a row, and its text.
type Rows = Vec<(String, String)>;

/// The rows below `title` in the help: two spaces, the status, two spaces, the text.
fn rows_of_help(help: &str, title: &str) -> Rows {
    let section = help.split_once(title).expect("the title of the table").1;
    let mut rows: Rows = Vec::new();
    for line in section.lines().skip(1).take_while(|line| line.starts_with("  ")) {
        match line.trim_start().split_once("  ") {
            Some((term, text)) => rows.push((term.to_owned(), text.trim().to_owned())),
            None => match rows.last_mut() {
                Some((_, text)) if line.starts_with("    ") => {
                    text.extend([" ", line.trim()]);
                }
                _ => break,
            },
        }
    }
    rows
}

/// The rows of the section of the man page: `.TP`, the status, the text.
fn rows_of_man_page(page: &str) -> Rows {
    let section = page.split_once(".SH \"EXIT STATUS\"").expect("the section").1;
    let section = section.split_once(".PP").expect("a paragraph behind the table").0;
    let plain = section.replace(r"\fB", "").replace(r"\fR", "").replace(r"\-", "-");
    let rows = plain.split(".TP\n").skip(1).map(|row| row.trim_end().split_once('\n').expect("two lines"));
    rows.map(|(term, text)| (term.to_owned(), text.replace('\n', " "))).collect()
}

/// The rows of the table in the README: `| status | text |`.
fn rows_of_readme(readme: &str) -> Rows {
    let section = readme.split_once("## Exit status").expect("the section").1;
    let rows = section.split_once("|---|---|\n").expect("a table").1.lines();
    let rows =
        rows.take_while(|line| line.starts_with('|')).map(|line| line.trim_matches('|').split_once('|'));
    let rows = rows.map(|row| row.expect("two columns"));
    rows.map(|(term, text)| (term.trim().to_owned(), text.trim().replace('`', ""))).collect()
}

#[test]
fn help_man_page_and_readme_have_the_statuses_of_the_type() {
    let help = Scratch::new().retry("--help").output().unwrap();
    let tables = [
        ("help", rows_of_help(&String::from_utf8(help.stdout).unwrap(), "EXIT STATUS")),
        ("man page", rows_of_man_page(include_str!("../man/retry.1"))),
        ("README", rows_of_readme(include_str!("../README.md"))),
    ];
    let row = |rows: &Rows, status: &str| {
        let found = rows.iter().find(|(term, _)| term.split(", ").any(|one| one == status));
        found.map(|(_, text)| text.clone())
    };
    let status = |ending: Ending, last| RunEnd { ending, last, fallback: None }.exit(None).status();
    let mut own: Vec<String> = Vec::new();
    for (ending, last, words) in endings() {
        let status = status(ending, last).to_string();
        for (name, rows) in &tables {
            let text = row(rows, &status).unwrap_or_else(|| panic!("{name} has no row {status}: {rows:?}"));
            assert!(text.contains(words), "{name}, {status}: {text:?} without {words:?}");
        }
        own.push(status);
    }
    own.push(OWN_FAILURE.to_string());
    // The command's own status, and the one that takes the place of its 0.
    assert_eq!(status(Ending::Stopped(StopReason::AttemptsExhausted), Some(Outcome::Exited(0))), 1);
    for (name, rows) in &tables {
        let other = row(rows, "other").unwrap_or_else(|| panic!("{name} has no row for other statuses"));
        assert!(other.contains("exit status of the last attempt; 1 if that was 0"), "{name}: {other:?}");
        for term in rows.iter().flat_map(|(term, _)| term.split(", ")) {
            assert!(term == "other" || own.iter().any(|status| status == term), "{name} has a row {term}");
        }
    }
}
