//! The circuit breaker and the retry budget as a user meets them: what is refused, what is counted, what
//! is said, and that a state which cannot be used stops nothing. The scenarios at the top run with both
//! stores, files and a real Redis.

mod common;
#[cfg(feature = "redis")]
mod shared_state;

use common::command::{RETRY, Running, Scratch, assert_is, not_utf8, said, text, wait_until};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Delays that do not matter here are short and always the same.
const BRISK: &str = "--backoff constant --base 0.01 --jitter none";

/// Users of one shared state, in a directory of their own.
struct Place {
    scratch: Scratch,
    /// `--state ...`, or nothing for the default.
    state: String,
}

impl Place {
    /// The default place, below `$XDG_STATE_HOME`.
    fn by_default() -> Self {
        Self { scratch: Scratch::new(), state: String::new() }
    }

    fn to_spawn(&self, options: &str) -> Command {
        let mut command = self.scratch.retry_to_spawn(&format!("{BRISK} {} {options}", self.state));
        command.env("XDG_STATE_HOME", self.scratch.path("state"));
        // A circuit that a test has opened is still open when the machine is slow.
        command.env("RETRY_BREAKER_OPEN", "30");
        command
    }

    /// `retry OPTIONS -- COMMAND` to its end.
    fn run(&self, options: &str, command: &[String]) -> Output {
        self.to_spawn(options).arg("--").args(command).output().unwrap()
    }

    /// `retry OPTIONS -- sh -c SCRIPT` to its end.
    fn shell(&self, options: &str, script: &str) -> Output {
        self.run(options, &["sh", "-c", script].map(str::to_owned))
    }

    /// What `retry OPTIONS` prints on stdout, without a command.
    fn printed(&self, options: &str) -> String {
        let output = self.to_spawn(options).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn start(&self, options: &str, script: &str) -> Running {
        let mut command = self.to_spawn(options);
        command.args(["--", "sh", "-c", script]);
        self.scratch.start_command(command)
    }

    /// The line about `name` in `--show-state`; empty if there is none.
    fn shown(&self, name: &str) -> String {
        let table = self.printed("--show-state");
        table.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_default().to_owned()
    }

    fn runs(&self) -> usize {
        self.scratch.runs()
    }
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

/// In the script of a command or of a hook: it says that it is there, and waits to be let go.
const MEET: &str = "touch here; while [ ! -e go ]; do sleep 0.01; done; ";

/// What must hold wherever the state is kept.
const SCENARIOS: [fn(&Place); 20] = [
    failures_in_a_row_open_the_circuit,
    a_success_starts_the_count_anew,
    two_failures_of_three_open_a_circuit_with_a_rate,
    old_failures_do_not_open_a_circuit_with_a_window,
    a_slow_success_is_a_success,
    what_says_nothing_about_the_service_is_not_counted,
    trouble_of_this_machine_is_not_counted,
    an_interrupted_attempt_is_not_counted,
    a_circuit_that_others_open_ends_our_retries,
    one_probe_closes_the_circuit,
    a_running_probe_ends_the_retries_of_others,
    a_nested_run_leaves_its_breaker_to_the_outer_one,
    a_killed_probe_is_replaced,
    a_probe_keeps_its_slot_while_it_runs,
    a_probe_keeps_its_slot_while_its_tree_is_ended,
    an_interrupted_probe_gives_its_slot_back,
    an_empty_budget_stops_retries_and_no_first_attempt,
    good_attempts_in_a_row_cost_nothing,
    state_is_shown_and_forgotten,
    every_name_that_is_shown_can_be_reset,
];

#[test]
fn all_of_it_with_files() {
    for scenario in SCENARIOS {
        scenario(&Place::by_default());
    }
}

#[cfg(feature = "redis")]
#[test]
fn all_of_it_with_redis() {
    let Some(server) = shared_state::server::Server::start("retry with Redis", &["--databases", "32"]) else {
        return;
    };
    for (database, scenario) in SCENARIOS.into_iter().enumerate() {
        scenario(&Place { scratch: Scratch::new(), state: format!("--state {}/{database}", server.url()) });
    }
}

fn failures_in_a_row_open_the_circuit(place: &Place) {
    let (options, fails) = ("--breaker b --breaker-failures 3 --retries 2", place.scratch.ends("7"));

    let first = place.run(options, &fails);
    assert_eq!((status(&first), place.runs()), (7, 2));
    assert_is(&said(&first)[1], "retry: attempt 2/2 failed: exit status 7 after <T>. Giving up after <T>");

    // The third failure in a row is another invocation's first.
    let second = place.run(options, &fails);
    assert_eq!((status(&second), place.runs()), (7, 3));
    assert_is(
        &said(&second)[1],
        "retry: attempt 1/2 failed: exit status 7 after <T>. Giving up after <T>: \
         circuit \"b\" is open for another (30|29|2\\d|1\\d)s",
    );
    assert_eq!(said(&second)[..1], ["retry: attempt 1/2 opened circuit \"b\" for 30s"]);

    let refused = place.run(options, &fails);
    assert_eq!((status(&refused), place.runs()), (75, 3));
    let said = said(&refused);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_is(&said[0], "retry: circuit \"b\" is open for another (30|[12]\\d|\\d)s. Not running sh");

    // Held output, --quiet and the fallback.
    let quiet = place.run(&format!("--quiet -O {options}"), &fails);
    assert_eq!((status(&quiet), place.runs()), (75, 3));
    assert_is(text(&quiet.stderr).trim_end(), "retry: circuit \"b\" is open .* Not running sh");
    let silent = place.run(&format!("--silent -O {options}"), &fails);
    assert_eq!((status(&silent), silent.stderr.as_slice(), place.runs()), (75, &b""[..], 3));
    let mut fallback = place.to_spawn(options);
    let fallback = fallback.args(["--fallback", "echo cached; exit 9", "--"]).args(&fails).output().unwrap();
    assert_eq!((status(&fallback), fallback.stdout.as_slice(), place.runs()), (9, &b"cached\n"[..], 3));

    // Others have nothing to do with it.
    assert_eq!(status(&place.run("--breaker c --breaker-failures 3 --retries 1", &fails)), 7);
    assert_eq!(status(&place.run("--retries 1", &fails)), 7);
}

fn a_success_starts_the_count_anew(place: &Place) {
    let ends = place.scratch.ends("1 1 0 1 1 1 0");
    let statuses = |count: usize| -> Vec<i32> {
        (0..count)
            .map(|_| status(&place.run("--breaker b --breaker-failures 3 --retries 1", &ends)))
            .collect()
    };
    assert_eq!(statuses(5), [1, 1, 0, 1, 1]);
    assert_is(&place.shown("b"), "b  breaker  closed, 2 consecutive failures");
    assert_eq!(statuses(2), [1, 75]);
    assert_eq!(place.runs(), 6);
}

fn two_failures_of_three_open_a_circuit_with_a_rate(place: &Place) {
    let ends = place.scratch.ends("1 1 0 1 1 0 1 1 0");
    let run = |options: &str| status(&place.run(&format!("{options} --retries 1"), &ends));
    // A window of a day: nothing ages while the test runs.
    let rate = "--breaker r --breaker-rate 60% --breaker-min-attempts 5 --breaker-window 1d";
    assert_eq!([(); 4].map(|()| run(rate)), [1, 1, 0, 1]);
    assert_is(&place.shown("r"), "r  breaker  closed, 3 of 4 attempts failed in 1d");
    let json: serde_json::Value =
        serde_json::from_str(&place.printed("--show-state --log-format json")).unwrap();
    let expected = serde_json::json!({
        "name": "r", "kind": "breaker", "state": "closed", "failures": 1, "window_s": 86400.0,
        "window_successes": 1, "window_failures": 3, "refused_for_s": 0.0, "locked": false,
    });
    assert_eq!(json[0], expected);
    // The fifth attempt fails, and four of five are enough.
    assert_eq!([(); 2].map(|()| run(rate)), [1, 75]);
    assert_is(&place.shown("r"), "r  breaker  open for another <T>");
    // By failures in a row, the same pattern opens nothing. Five attempts were made already.
    let ends = place.scratch.ends("1 1 0 1 1 1 1 0 1 1 0 1 1 0");
    let run = || status(&place.run("--breaker c --breaker-failures 3 --retries 1", &ends));
    assert_eq!([(); 9].map(|()| run()), [1, 1, 0, 1, 1, 0, 1, 1, 0]);
}

fn old_failures_do_not_open_a_circuit_with_a_window(place: &Place) {
    let fails = place.scratch.ends("1");
    let run = |options: &str| {
        status(&place.run(&format!("--breaker w --breaker-failures 2 --retries 1 {options}"), &fails))
    };
    let json = || -> serde_json::Value {
        serde_json::from_str(&place.printed("--show-state --log-format json")).unwrap()
    };
    assert_eq!(run("--breaker-window 50ms"), 1);
    wait_until("the failure to age", || json()[0]["window_failures"] == 0);
    // The second in a row, and the first in the window.
    assert_eq!(run("--breaker-window 50ms"), 1);
    assert!(place.shown("w").starts_with("w  breaker  closed, "), "{}", place.shown("w"));
    // Without a window both count, and this one is the third.
    assert_eq!([(); 2].map(|()| run("")), [1, 75]);
    // In a window that is long enough, two in a row open it.
    let run =
        |_| status(&place.run("--breaker v --breaker-failures 2 --retries 1 --breaker-window 1d", &fails));
    assert_eq!([0; 3].map(run), [1, 1, 75]);
}

/// However long it takes: only its end says something.
fn a_slow_success_is_a_success(place: &Place) {
    let options = "--breaker s --breaker-rate 0.1% --breaker-min-attempts 1 --breaker-window 1d --retries 1";
    assert_eq!([(); 3].map(|()| status(&place.shell(options, "sleep 0.3"))), [0, 0, 0]);
    assert_is(&place.shown("s"), "s  breaker  closed, 0 of 3 attempts failed in 1d");
}

fn what_says_nothing_about_the_service_is_not_counted(place: &Place) {
    let options = "--breaker b --breaker-failures 1 --stop-on 2 --retry-on 3,PIPE --retries 1";
    for (script, expected) in [("exit 2", 2), ("exit 4", 4), ("exit 0", 0)] {
        assert_eq!(status(&place.shell(options, script)), expected);
    }
    let hopeless = "--breaker b --breaker-failures 1 --retries 1";
    assert_eq!(place.shell(hopeless, "kill -s PIPE $$").status.code(), None);
    assert_eq!(status(&place.run(hopeless, &["no-such-command".to_owned()])), 127);
    assert_eq!(place.shown("b"), "");

    // A time limit says something.
    assert_eq!(status(&place.shell(&format!("{hopeless} --timeout 0.05"), "exec sleep 1000")), 124);
    assert_eq!(status(&place.shell(hopeless, "exit 0")), 75);
}

/// A file that somebody writes cannot be run (ETXTBSY), which passes: each attempt fails, and nobody has asked
/// the service anything. As with no descriptors or processes left.
fn trouble_of_this_machine_is_not_counted(place: &Place) {
    let program = place.scratch.path("program");
    fs::copy("/bin/true", &program).unwrap();
    let writer = fs::OpenOptions::new().append(true).open(&program).unwrap();
    let options = "--breaker b --breaker-failures 1 --retries 3";
    let output = place.run(options, &[program.to_str().unwrap().to_owned()]);
    assert_eq!(status(&output), 126, "{output:?}");
    assert_eq!(said(&output).len(), 3, "{output:?}");
    assert_eq!(place.shown("b"), "");
    drop(writer);
    // A probe that could not be started gives its slot back.
    assert_eq!(
        status(&place.shell("--breaker b --breaker-failures 1 --breaker-open 0.01 --retries 1", "exit 1")),
        1
    );
    wait_until("the time to be up", || place.shown("b").ends_with("the next attempt is a probe"));
    let writer = fs::OpenOptions::new().append(true).open(&program).unwrap();
    assert_eq!(status(&place.run("--breaker b --retries 1", &[program.to_str().unwrap().to_owned()])), 126);
    drop(writer);
    assert_eq!(place.shown("b"), "b  breaker  half-open, the next attempt is a probe");
}

fn an_interrupted_attempt_is_not_counted(place: &Place) {
    let running = place.start("--breaker b --breaker-failures 1", "touch here; exec sleep 1000");
    wait_until("the attempt", || place.scratch.path("here").exists());
    running.send(Signal::TERM);
    assert!(!running.end().success());
    assert_eq!(place.shown("b"), "");
}

fn a_circuit_that_others_open_ends_our_retries(place: &Place) {
    let mut command = place.to_spawn("--breaker b --breaker-failures 2");
    command.args(["--before-retry", MEET, "--", "sh", "-c", "echo run >> runs; exit 7"]);
    let waits = place.scratch.start_command(command);
    wait_until("the hook", || place.scratch.path("here").exists());
    assert_eq!(status(&place.shell("--breaker b --breaker-failures 2 --retries 1", "exit 1")), 1);
    assert_eq!(status(&place.shell("--breaker b", "exit 0")), 75);
    fs::write(place.scratch.path("go"), "").unwrap();
    assert_eq!(waits.end().code(), Some(7));
    let stderr = place.scratch.read("stderr");
    let last = stderr.lines().last().unwrap();
    assert_is(last, "retry: circuit \"b\" is open for another (30|[12]\\d|\\d)s. Giving up after <T>");
    assert_eq!(place.runs(), 1);
}

fn one_probe_closes_the_circuit(place: &Place) {
    let options = "--breaker b --breaker-failures 1 --breaker-open 0.3 --retries 1";
    assert_eq!(status(&place.shell(options, "exit 1")), 1);
    // A probe that fails opens it again.
    wait_until("a probe", || status(&place.shell(options, "exit 1")) == 1);
    wait_until("the time to be up", || place.shown("b").ends_with("half-open, the next attempt is a probe"));

    let probe = place.start(options, MEET);
    wait_until("the probe", || place.scratch.path("here").exists());
    assert_is(&place.shown("b"), "b  breaker  half-open, probe running \\(lease expires in .*\\)");
    let refused = place.shell(options, "exit 0");
    assert_eq!(status(&refused), 75);
    let probed = "retry: circuit \"b\" is open while another attempt probes it. Not running sh";
    assert_eq!(said(&refused), [probed]);
    fs::write(place.scratch.path("go"), "").unwrap();
    assert_eq!(probe.end().code(), Some(0));
    assert_eq!(place.shown("b"), "b  breaker  closed");
    assert_eq!(
        place.scratch.read("stderr").lines().collect::<Vec<_>>(),
        [
            "retry: attempt 1/1 probes circuit \"b\", which was open",
            "retry: attempt 1/1 closed circuit \"b\""
        ]
    );
    assert_eq!(said(&place.shell(options, "exit 0")), Vec::<String>::new());
    // The last attempt of a run opens it too.
    let last = place.shell(options, "exit 1");
    assert_eq!(said(&last)[..1], ["retry: attempt 1/1 opened circuit \"b\" for 0.3s"]);
}

/// Whether it is asked together with the budget or alone.
fn a_running_probe_ends_the_retries_of_others(place: &Place) {
    for budget in ["", " --budget p"] {
        let options = format!("--breaker p --breaker-failures 1 --breaker-open 0.05{budget}");
        // It starts while the circuit is closed, and fails while it is probed.
        let script = "touch late; while [ ! -e go-on ]; do sleep 0.01; done; exit 7";
        let mut late = place.to_spawn(&format!("{options} --retries 2"));
        let late = late.args(["--", "sh", "-c", script]).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("the attempt", || place.scratch.path("late").exists());
        let options = format!("{options} --retries 1");
        assert_eq!(status(&place.shell(&options, "exit 1")), 1);
        wait_until("the time to be up", || {
            place.shown("p").ends_with("half-open, the next attempt is a probe")
        });
        let probe = place.start(&options, MEET);
        wait_until("the probe", || place.scratch.path("here").exists());
        fs::write(place.scratch.path("go-on"), "").unwrap();
        let late = late.wait_with_output().unwrap();
        assert_eq!(status(&late), 7);
        assert_is(
            &said(&late)[0],
            "retry: attempt 1/2 failed: exit status 7 after <T>. Giving up after <T>: circuit \"p\" is open while another attempt probes it",
        );
        fs::write(place.scratch.path("go"), "").unwrap();
        assert_eq!(probe.end().code(), Some(0));
        for file in ["late", "go-on", "here", "go"] {
            fs::remove_file(place.scratch.path(file)).unwrap();
        }
    }
}

fn a_nested_run_leaves_its_breaker_to_the_outer_one(place: &Place) {
    let same = "--breaker n --breaker-failures 3 --breaker-open 0.2 --retries 1";
    let nested = |script: &str| {
        let state = &place.state;
        let words = format!("{RETRY} {state} {same} -- sh -c '{script}'");
        place.shell(same, &words)
    };
    // One failure is one failure: the third opens the circuit.
    for _ in 0..2 {
        assert_eq!(status(&nested("exit 7")), 7);
    }
    assert_is(&place.shown("n"), "n  breaker  closed, 2 consecutive failures");
    assert_eq!(status(&nested("exit 7")), 7);
    // The nested run makes the attempt of the probe.
    wait_until("the circuit may be probed", || place.shown("n").contains("half-open"));
    assert_eq!(status(&nested("exit 0")), 0);
    assert_is(&place.shown("n"), "n  breaker  closed");
    // Another breaker is its own.
    let other =
        format!("{RETRY} {} --breaker m --breaker-failures 9 --retries 1 -- sh -c 'exit 7'", place.state);
    assert_eq!(status(&place.shell(same, &other)), 7);
    assert_is(&place.shown("m"), "m  breaker  closed, 1 failure");
}

fn a_killed_probe_is_replaced(place: &Place) {
    let options =
        "--breaker b --breaker-failures 1 --breaker-open 0.01 --retries 1 --timeout 1 --kill-after 0";
    assert_eq!(status(&place.shell(options, "exit 1")), 1);
    wait_until("the time to be up", || place.shown("b").ends_with("the next attempt is a probe"));
    let probe = place.start(options, MEET);
    wait_until("the probe", || place.scratch.path("here").exists());
    probe.send(Signal::KILL);
    assert_eq!(probe.end().code(), None);
    fs::write(place.scratch.path("go"), "").unwrap();
    wait_until("the lease to run out", || status(&place.shell(options, "exit 0")) == 0);
    assert_eq!(place.shown("b"), "b  breaker  closed");
}

/// Starts a probe, and waits until its lease was renewed: it only gets shorter by itself.
fn renewed_probe(place: &Place, limits: &str, script: &str) -> Running {
    let options = format!("--breaker b --breaker-failures 1 --breaker-open 0.01 --retries 1 {limits}");
    assert_eq!(status(&place.shell(&options, "exit 1")), 1);
    wait_until("the time to be up", || place.shown("b").ends_with("the next attempt is a probe"));
    let probe = place.start(&options, script);
    wait_until("the probe", || place.scratch.path("here").exists());
    let lease = || {
        let shown = place.shown("b");
        let (_, rest) = shown.split_once("lease expires in ").unwrap_or_else(|| panic!("no probe: {shown}"));
        rest.trim_end_matches("s)").parse::<f64>().unwrap()
    };
    let mut before = lease();
    wait_until("a renewal", || {
        let now = lease();
        now > std::mem::replace(&mut before, now)
    });
    probe
}

fn a_probe_keeps_its_slot_while_it_runs(place: &Place) {
    // The lease is the longest that an attempt may take, and is renewed after each third of that.
    let probe = renewed_probe(place, "--timeout 6 --kill-after 0", MEET);
    fs::write(place.scratch.path("go"), "").unwrap();
    assert_eq!(probe.end().code(), Some(0), "{}", place.scratch.read("stderr"));
    assert_eq!(place.shown("b"), "b  breaker  closed");
}

fn a_probe_keeps_its_slot_while_its_tree_is_ended(place: &Place) {
    // The first third would be over after 4 s; the limit comes after 1 s, and is ignored until `go` is there.
    let probe = renewed_probe(place, "--timeout 1 --kill-after 11", &format!("trap '' TERM; {MEET}"));
    fs::write(place.scratch.path("go"), "").unwrap();
    assert_eq!(probe.end().code(), Some(124), "{}", place.scratch.read("stderr"));
}

fn an_interrupted_probe_gives_its_slot_back(place: &Place) {
    let options = "--breaker b --breaker-failures 1 --breaker-open 0.01 --retries 1";
    assert_eq!(status(&place.shell(options, "exit 1")), 1);
    wait_until("the time to be up", || place.shown("b").ends_with("the next attempt is a probe"));
    let probe = place.start(options, "touch here; exec sleep 1000");
    wait_until("the probe", || place.scratch.path("here").exists());
    probe.send(Signal::TERM);
    assert!(!probe.end().success());
    // The lease would be a minute.
    assert_eq!(place.shown("b"), "b  breaker  half-open, the next attempt is a probe");
    assert_eq!(status(&place.shell(options, "exit 0")), 0);
}

fn an_empty_budget_stops_retries_and_no_first_attempt(place: &Place) {
    let options = "--budget b --budget-burst 2 --budget-ratio 1 --retries 9";
    let fails = place.scratch.ends("7");
    let first = place.run(options, &fails);
    assert_eq!((status(&first), place.runs()), (7, 3));
    assert_is(
        said(&first).last().unwrap(),
        "retry: attempt 3/9 failed: exit status 7 after <T>. Giving up after <T>: \
         retry budget \"b\" is empty",
    );
    assert_eq!((status(&place.run(options, &fails)), place.runs()), (7, 4));

    // A success pays for one retry here.
    assert_eq!(status(&place.shell(options, "exit 0")), 0);
    assert_eq!((status(&place.run(options, &fails)), place.runs()), (7, 6));
    // The last attempt of a run asks for nothing: there would be no retry.
    let last = place.run("--budget b --retries 1", &fails);
    assert_is(&said(&last)[0], "retry: attempt 1/1 failed: exit status 7 after <T>. Giving up after <T>");
    // A stopped one neither.
    let stopped = place.run(&format!("{options} --stop-on 7"), &fails);
    assert_is(
        &said(&stopped)[0],
        r"retry: attempt 1/9 failed: .* Not retrying: permanent failure \(--stop-on 7\)",
    );
}

fn good_attempts_in_a_row_cost_nothing(place: &Place) {
    let done = place.run("--budget b --budget-burst 1 --consecutive 5 --retries 5", &place.scratch.ends("0"));
    assert_eq!((status(&done), place.runs()), (0, 5));
    assert_eq!(place.shown("b"), "");
}

fn state_is_shown_and_forgotten(place: &Place) {
    assert_is(place.printed("--show-state").trim_end(), "no shared state in .+");
    assert_eq!(place.printed("--show-state --log-format json"), "[]\n");
    let options = "--breaker reg --breaker-failures 2 --budget reg --retries 2";
    assert_eq!(status(&place.shell(options, "exit 1")), 1);
    assert_eq!(status(&place.shell("--breaker other --retries 1", "exit 1")), 1);

    let table = place.printed("--show-state");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert_eq!(lines[0], "other  breaker  closed, 1 failure");
    assert_is(lines[1], "reg    breaker  open for another <T>");
    assert_is(lines[2], "reg    budget   9 tokens at last use; a retry takes one");

    let json: serde_json::Value =
        serde_json::from_str(&place.printed("--show-state --log-format json")).unwrap();
    let field = |n: usize, field: &str| json[n][field].clone();
    assert_eq!(field(0, "state"), "closed");
    assert_eq!(field(0, "failures"), 1);
    assert_eq!(field(1, "state"), "open");
    assert!(field(1, "refused_for_s").as_f64().is_some_and(|left| left > 0.0 && left <= 30.0), "{json}");
    assert_eq!(field(2, "kind"), "budget");
    assert_eq!(field(2, "tokens"), 9.0);

    assert_eq!(place.printed("--reset-state reg"), "reg was reset\n");
    let absent = place.to_spawn("--reset-state reg").output().unwrap();
    assert_eq!((status(&absent), absent.stdout.as_slice()), (1, &b""[..]));
    assert_is(text(&absent.stderr).trim_end(), "retry: no shared state named reg in .+");
    assert_eq!(place.printed("--show-state"), "other  breaker  closed, 1 failure\n");
    assert_eq!(status(&place.shell(options, "exit 0")), 0);
}

fn every_name_that_is_shown_can_be_reset(place: &Place) {
    let with_name = |options: &str, flag: &str, name: &OsStr, command: &[&str]| {
        place.to_spawn(options).arg(flag).arg(name).args(command).output().unwrap()
    };
    let (long, longer) = ("long ".repeat(60), "LONG".repeat(60));
    let names = ["plain", "with blanks", "\x1b[31m", "a\tb", &long, &longer].map(OsStr::new);
    for name in names.into_iter().chain([not_utf8()]) {
        for format in ["", " --log-format json"] {
            assert_eq!(status(&with_name("--retries 1", "--breaker", name, &["--", "false"])), 1);
            let shown = place.printed(&format!("--show-state{format}"));
            let shown_name = if format.is_empty() {
                let line = shown.strip_suffix("  breaker  closed, 1 failure\n");
                line.unwrap_or_else(|| panic!("{shown:?}")).to_owned()
            } else {
                let all: serde_json::Value = serde_json::from_str(&shown).unwrap();
                all[0]["name"].as_str().unwrap().to_owned()
            };
            assert!(name != "plain" && name != "with blanks" || name == shown_name.as_str());
            let output = with_name("", "--reset-state", OsStr::new(&shown_name), &[]);
            assert_eq!(status(&output), 0, "{}: {output:?}", name.display());
            assert_is(place.printed("--show-state").trim_end(), "no shared state in .+");
        }
        assert_eq!(status(&with_name("", "--reset-state", name, &[])), 1, "{}", name.display());
    }
}

#[test]
fn state_that_cannot_be_used_is_warned_of_once_and_stops_nothing() {
    let place = Place::by_default();
    fs::write(place.scratch.path("file"), "").unwrap();
    fs::create_dir(place.scratch.path("state")).unwrap();
    fs::write(place.scratch.path("state/retry"), "").unwrap();
    let mut states = vec!["", "--state file", "--state file/below"];
    if cfg!(feature = "redis") {
        // Nothing listens there: who may is told by the kernel's table of services.
        states.push("--state redis://me:secret@127.0.0.1:1");
    }
    for state in states {
        let ends = place.scratch.ends("1 1 0");
        let first_time = || fs::remove_file(place.scratch.path("runs")).is_err();
        first_time();
        let options = format!("{state} --breaker b --breaker-failures 1");
        let output = place.run(&options, &ends);
        assert_eq!((status(&output), place.runs()), (0, 3), "{output:?}");
        let breaker = said(&output);
        assert_eq!(breaker.len(), 4, "{breaker:?}");
        let warning = r"retry: cannot use shared state in .*: .*\. Continuing without shared state";
        assert_is(&breaker[0], warning);
        assert!(!breaker[0].contains("secret"), "{breaker:?}");

        // With a budget there is one retry.
        first_time();
        let options = format!("{options} --budget b");
        let output = place.run(&options, &ends);
        assert_eq!((status(&output), place.runs()), (1, 2), "{output:?}");
        let both = said(&output);
        assert_eq!(both.len(), 3, "{both:?}");
        assert_is(&both[0], &format!("{warning}, with at most one retry"));
        assert!(both[2].contains("retry budget"), "{both:?}");

        let quiet = place.shell(&format!("--quiet {options}"), "exit 0");
        assert_eq!((status(&quiet), quiet.stderr.as_slice()), (0, &b""[..]));
        // Whoever asks to see it wants to know.
        for look in ["--show-state", "--reset-state b"] {
            let output = place.to_spawn(&format!("{state} {look}")).output().unwrap();
            assert_eq!(status(&output), 125, "{output:?}");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_is(said.trim_end(), "retry: cannot use shared state in .*: .*");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}

/// A fleet whose secret has a `/` that is not encoded must not retry as if each machine had the budget of all.
#[test]
fn a_bad_retry_state_leaves_one_retry_like_a_server_that_is_gone() {
    for (url, why) in [
        ("redis://:SECRET/x@127.0.0.1:1/0", "invalid value 'redis:...' in RETRY_STATE: .*"),
        ("rediss:/SECRET", "invalid value 'rediss:...' in RETRY_STATE: .*"),
        ("http://:SECRET@127.0.0.1", "invalid value 'http:...' in RETRY_STATE: .*"),
    ] {
        for verbosity in ["", "--quiet"] {
            let place = Place::by_default();
            let run = |options: &str| {
                let _first_time = fs::remove_file(place.scratch.path("runs"));
                let options = format!("{verbosity} --retries 5 {options}");
                let script = "echo x >> runs; exit 7";
                let mut command = place.to_spawn(&options);
                let output =
                    command.env("RETRY_STATE", url).args(["--", "sh", "-c", script]).output().unwrap();
                assert_eq!(status(&output), 7, "{output:?}");
                (place.runs(), said(&output))
            };
            let (runs, lines) = run("--budget b");
            assert_eq!(runs, 2, "{url} {lines:?}");
            // One warning, which --quiet hides as it does that of a server.
            let expected = usize::from(verbosity.is_empty());
            let warnings: Vec<_> = lines.iter().filter(|line| line.contains("RETRY_STATE")).collect();
            assert_eq!(warnings.len(), expected, "{lines:?}");
            for warning in warnings {
                let next = "Continuing with the state of this machine, whose budget is one retry";
                assert_is(warning, &format!(r"retry: {why}\. {next}"));
            }
            // The next job of this machine has none left.
            assert_eq!(run("--budget b").0, 1);
            // Nothing of the default directory itself is used.
            assert!(!place.scratch.path("state/retry/b.budget").exists());
            // Without shared state the variable is just ignored.
            let (runs, lines) = run("");
            assert_eq!(runs, 5, "{lines:?}");
            assert_eq!(
                lines.iter().filter(|line| line.contains("RETRY_STATE")).count(),
                expected,
                "{lines:?}"
            );
        }
    }
    let place = Place::by_default();
    let mut dry = place.to_spawn("--dry-run --budget b");
    let dry = dry.env("RETRY_STATE", "redis://:SECRET/x@host").arg("true").output().unwrap();
    let shown = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(shown.contains("Warning: invalid value 'redis:...' in RETRY_STATE"), "{shown}");
}

#[test]
fn without_a_home_there_is_no_state_and_the_command_runs() {
    let scratch = Scratch::new();
    let mut command = scratch.retry_to_spawn("--breaker b true");
    let output = command.env_remove("XDG_STATE_HOME").env_remove("HOME").output().unwrap();
    assert_eq!(status(&output), 0);
    assert_is(
        &said(&output)[0],
        "retry: cannot use shared state in the default directory: .*use --state DIR.*",
    );
}

#[test]
fn a_password_is_never_printed() {
    let place = Place::by_default();
    let bad = [
        "http://me:SECRET@example.com",
        "redis://:SECRET",
        "redis://me:SEC/SECRET@host",
        "redis:/:SECRET@host",
        "redis:SECRET@host",
        "rediss:/SECRET",
        "redis+unix:SECRET",
        " redis://:SECRET@host",
        "'redis://:SECRET@host'",
        "REDIS:/:SECRET@host",
    ];
    let mut cases: Vec<(&str, i32)> = bad.map(|url| (url, 125)).to_vec();
    if cfg!(feature = "redis") {
        cases.push(("redis://me:SECRET@127.0.0.1:1", 0));
    }
    for (url, expected) in cases {
        for more in [
            "-v --breaker b true",
            "--dry-run -v --breaker b true",
            "--report r --breaker b true",
            "--show-state",
            "--reset-state b",
        ] {
            for typed in [true, false] {
                let _none_yet = fs::remove_file(place.scratch.path("r"));
                let mut command = place.to_spawn("");
                if typed {
                    command.arg(format!("--state={url}"));
                } else {
                    command.env("RETRY_STATE", url);
                }
                let output = command.args(more.split(' ')).output().unwrap();
                let text = [output.stdout.as_slice(), &output.stderr].concat();
                let text = format!("{}{}", String::from_utf8_lossy(&text), place.scratch.read("r"));
                assert!(!text.contains("SEC"), "{url} {more}: {text}");
                // The server is not there, which only stops those who want to look. A bad variable may belong to another
                // program, and stops nothing else either.
                let expected = match more.contains("state") {
                    true => 125,
                    false if typed => expected,
                    false => 0,
                };
                assert_eq!(output.status.code(), Some(expected), "{url} {more}: {text}");
                if expected == 125 {
                    assert_eq!(text.lines().count(), 1, "{url} {more}: {text}");
                }
            }
        }
    }
    // No directory of such a name either.
    assert_eq!(place.scratch.files().into_iter().filter(|name| name.contains("SEC")).count(), 0);
}

#[test]
fn a_flag_that_does_nothing_alone_is_refused() {
    let place = Place::by_default();
    for (flag, needs) in [
        ("--breaker-failures 2", "--breaker"),
        ("--breaker-rate 50%", "--breaker"),
        ("--breaker-window 2m", "--breaker"),
        ("--breaker-open 2", "--breaker"),
        ("--budget-ratio 0.5", "--budget"),
        ("--budget-burst 2", "--budget"),
    ] {
        let other = if needs.contains("breaker") { "--budget x" } else { "--breaker x" };
        for options in [flag.to_owned(), format!("{flag} {other}")] {
            let output = place.shell(&options, "exit 0");
            assert_eq!(status(&output), 125);
            let name = flag.split(' ').next().unwrap();
            assert_is(&said(&output)[0], &format!("retry: {name} needs {needs}. Example: .*"));
        }
        // As a default in the environment it waits for its use.
        let (name, value) = flag.split_once(' ').unwrap();
        let variable = format!("RETRY_{}", name[2..].replace('-', "_").to_uppercase());
        let idle = place.to_spawn("").env(variable, value).arg("true").output().unwrap();
        assert_eq!((status(&idle), idle.stderr.as_slice()), (0, &b""[..]));
    }
    let output = place.shell("--breaker b --breaker-min-attempts 9", "exit 0");
    assert_eq!(status(&output), 125);
    let line = "retry: --breaker-min-attempts needs --breaker-rate. \
                Example: --breaker-rate 50% --breaker-min-attempts 20";
    assert_eq!(said(&output)[0], line);
    let both = place.shell("--breaker b --breaker-failures 2 --breaker-rate 50%", "exit 0");
    assert_eq!(status(&both), 125);
    assert!(said(&both)[0].contains("--breaker-rate"), "{both:?}");
    // A flag overrules a conflicting default.
    let mut command = place.to_spawn("--breaker b --breaker-failures 2");
    let overruled = command.env("RETRY_BREAKER_RATE", "50%").arg("true").output().unwrap();
    assert_eq!((status(&overruled), overruled.stderr.as_slice()), (0, &b""[..]));
    for bad in ["--breaker-failures 0", "--breaker-open 0", "--budget-ratio -1", "--budget-burst 0"] {
        assert_eq!(status(&place.shell(&format!("--breaker b --budget b {bad}"), "exit 0")), 125, "{bad}");
    }
    for bad in ["--show-state true", "--reset-state x true", "--show-state --reset-state x"] {
        assert_eq!(status(&place.to_spawn(bad).output().unwrap()), 125, "{bad}");
    }
}

#[test]
fn settings_come_from_the_environment_too() {
    let place = Place::by_default();
    let mut options = place.to_spawn("--retries 2");
    options.args(["--", "sh", "-c", "exit 1"]);
    for (name, value) in [
        ("BREAKER", "b"),
        ("BREAKER_FAILURES", "1"),
        ("BUDGET", "p"),
        ("BUDGET_BURST", "3"),
        ("STATE", "there"),
    ] {
        options.env(format!("RETRY_{name}"), value);
    }
    assert_eq!(status(&options.output().unwrap()), 1);
    assert_eq!(status(&options.output().unwrap()), 75);
    // The directory is taken as it is, whoever names it.
    let shown = place.printed("--state there --show-state");
    assert!(shown.starts_with("b  breaker  open for another "), "{shown}");
    assert_is(place.printed("--show-state").trim_end(), "no shared state in .+");
    // --reset-state is no setting: a forgotten variable must not stop every run.
    let output = place.to_spawn("").env("RETRY_RESET_STATE", "b").arg("true").output().unwrap();
    assert_eq!((status(&output), output.stdout.as_slice()), (0, &b""[..]));
}

#[test]
fn control_characters_in_a_name_are_not_printed() {
    let place = Place::by_default();
    let options = "--breaker a\x1b[31mb --breaker-failures 1 --retries 1";
    assert_eq!(status(&place.shell(options, "exit 1")), 1);
    let output = place.shell(options, "exit 1");
    assert_eq!(status(&output), 75);
    assert!(!output.stderr.contains(&0x1b), "{output:?}");
    assert!(!place.printed("--show-state").contains('\x1b'));
    assert!(!place.printed("--reset-state a\x1b[31mb").contains('\x1b'));
}

/// Attempts per invocation against a service that always fails, eight invocations at a time.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn attempts_each(place: &Place, invocations: usize, options: &str) -> f64 {
    let options = format!("--retries 4 {options}");
    let begun = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while begun.fetch_add(1, Ordering::Relaxed) < invocations {
                    let output = place.shell(&options, "echo run >> runs; exit 1");
                    assert_eq!(status(&output), 1, "{output:?}");
                }
            });
        }
    });
    place.runs() as f64 / invocations as f64
}

/// More of them with `SHARED_INVOCATIONS=1000`.
#[expect(clippy::disallowed_methods, reason = "a test's own setting")]
#[test]
fn a_budget_keeps_retries_from_multiplying_an_outage() {
    let invocations = std::env::var("SHARED_INVOCATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let without = attempts_each(&Place::by_default(), invocations, "");
    assert!((without - 4.0).abs() < 1e-9, "{without} attempts each");
    // Ten from the full bucket and one in a minute: 1.05 and a little.
    let with = attempts_each(&Place::by_default(), invocations, "--budget b");
    assert!(with > 1.0 && with <= 1.2, "{with} attempts each");
}
