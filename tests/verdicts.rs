//! `--retry-on`, `--stop-on`, `--success-on` and `--consecutive`, end to end: what is retried, what is
//! final, what is success.

mod common;

use common::command::{Scratch, said};
use std::os::unix::process::ExitStatusExt;

/// Runs a command that ends like this each time. It gets two attempts, so two runs mean "retried".
#[track_caller]
fn runs(options: &str, ends: &str) -> usize {
    let scratch = Scratch::new();
    let retry = format!("--retries 2 --base 0 --jitter 0 {options}");
    scratch.retry(&retry).args(scratch.ends(ends)).output().unwrap();
    scratch.runs()
}

#[track_caller]
fn is_retried(options: &str, ends: &[&str]) {
    for ends in ends {
        assert_eq!(runs(options, ends), 2, "{options}: {ends} is retried");
    }
}

#[track_caller]
fn is_final(options: &str, ends: &[&str]) {
    for ends in ends {
        assert_eq!(runs(options, ends), 1, "{options}: {ends} is final");
    }
}

#[test]
fn without_rules_all_but_the_hopeless_is_retried() {
    is_retried("", &["1", "2", "7", "124", "125", "126", "127", "130", "255"]);
    is_retried("", &["KILL", "TERM", "SEGV", "HUP", "USR1"]);
    is_final("", &["0", "INT", "QUIT", "PIPE"]);
}

#[test]
fn codes_and_ranges() {
    is_retried("--retry-on 7", &["7"]);
    is_final("--retry-on 7", &["1", "8", "KILL"]);
    is_retried("--retry-on 5-7,28", &["5", "6", "7", "28"]);
    is_final("--retry-on 5-7,28", &["4", "8", "27", "29"]);
    is_retried("--retry-on=1 --retry-on=3", &["1", "3"]);
    is_final("--retry-on=1 --retry-on=3", &["2"]);
    is_final("--stop-on 2,64-78", &["2", "64", "70", "78"]);
    is_retried("--stop-on 2,64-78", &["1", "63", "79"]);
}

/// As 126, 127 and 128+n do, a single code means what `retry` itself exits with as well.
#[test]
fn the_code_124_is_a_time_limit_too() {
    let limited = |options: &str| {
        let scratch = Scratch::new();
        let mut retry = scratch.retry(&format!("--retries 2 --base 0 --jitter 0 --timeout 0.1 {options}"));
        let output = retry.args(["sleep", "1000"]).output().unwrap();
        (output.status.code().unwrap(), said(&output).len())
    };
    assert_eq!(limited("--retry-on 124"), (124, 2));
    assert_eq!(limited("--stop-on 124"), (124, 1));
    assert_eq!(limited("--success-on 124"), (0, 0));
    // A range leaves it out, as it leaves out 127.
    assert_eq!(limited("--retry-on 1-255"), (124, 1));
    assert_eq!(limited("--stop-on 120-125"), (124, 2));
    is_retried("--retry-on 124", &["124"]);
    is_final("--stop-on 124", &["124"]);
}

#[test]
fn codes_above_128_are_signals_too() {
    is_retried("--retry-on 137", &["137", "KILL"]);
    is_final("--retry-on 137", &["TERM", "9"]);
    is_final("--stop-on 137", &["137", "KILL"]);
    is_retried("--retry-on 130", &["130", "INT"]);
    // Nobody names a signal that means "stop" with a range.
    is_retried("--retry-on 1-255", &["1", "255", "KILL", "130"]);
    is_final("--retry-on 1-255", &["INT", "QUIT", "PIPE"]);
}

#[test]
fn signals_by_name() {
    for name in ["SIGKILL", "KILL", "kill", "sigkill"] {
        is_retried(&format!("--retry-on {name}"), &["KILL"]);
        is_final(&format!("--retry-on {name}"), &["TERM", "137", "1"]);
        is_final(&format!("--stop-on {name}"), &["KILL"]);
    }
    is_retried("--retry-on INT", &["INT"]);
    is_retried("--retry-on SIGPIPE,SIGQUIT", &["PIPE", "QUIT"]);
}

#[test]
fn words() {
    is_retried("--retry-on nonzero", &["1", "255"]);
    is_final("--retry-on nonzero", &["0", "KILL"]);
    is_final("--stop-on nonzero", &["1"]);
    is_retried("--stop-on nonzero", &["KILL"]);
    is_retried("--retry-on signal", &["KILL", "SEGV"]);
    is_final("--retry-on signal", &["INT", "QUIT", "PIPE", "137", "1"]);
    is_retried("--retry-on 0", &["0"]);
}

#[test]
fn presets() {
    for (preset, passing, not) in [
        ("curl", "5 6 7 16 18 28 35 52 55 56 92 95 96", "1 22 60 255"),
        ("wget", "4", "1 8"),
        ("ssh", "", "1 254 255"),
        ("rsync", "10 12 30 35", "1 23"),
        ("tempfail", "75", "1 74"),
    ] {
        let of = |codes: &'static str| codes.split_whitespace().collect::<Vec<_>>();
        is_retried(&format!("--retry-on {preset}"), &of(passing));
        is_final(&format!("--retry-on {preset}"), &of(not));
    }
    is_retried("--retry-on curl,rsync,3", &["6", "30", "3"]);
}

#[test]
fn stop_beats_retry_and_leaves_success_alone() {
    is_final("--retry-on 1-9 --stop-on 3", &["3"]);
    is_retried("--retry-on 1-9 --stop-on 3", &["4"]);
    let scratch = Scratch::new();
    scratch.retry("--stop-on 0-255").arg("true").assert().code(0).stderr("");
}

#[test]
fn a_success_set_replaces_0() {
    let options = "--base 0 --jitter 0 --retries 2 --success-on 0,24";
    for (ends, code) in [("0", 0), ("24", 0), ("23 24", 0), ("23", 23)] {
        let scratch = Scratch::new();
        scratch.retry(options).args(scratch.ends(ends)).assert().code(code);
    }
    for (set, ends) in [("nonzero", "5"), ("SIGTERM", "TERM"), ("143", "TERM"), ("40-50", "45")] {
        let scratch = Scratch::new();
        let retry = format!("--base 0 --jitter 0 --retries 2 --success-on {set}");
        scratch.retry(&retry).args(scratch.ends(ends)).assert().code(0).stderr("");
        // 0 is not in the set, so it is a failure, and giving up is never 0.
        let scratch = Scratch::new();
        scratch.retry(&retry).args(scratch.ends("0")).assert().code(1);
        assert_eq!(scratch.runs(), 2);
    }
}

#[test]
fn a_retry_rule_may_name_a_success() {
    let scratch = Scratch::new();
    let options = "--base 0 --jitter 0 --success-on 0,3 --retry-on 3";
    scratch.retry(options).args(scratch.ends("3 3 0")).assert().code(0);
    assert_eq!(scratch.runs(), 3);
}

#[test]
fn time_limits_in_sets() {
    let timed_out = |options: &str| {
        let scratch = Scratch::new();
        let retry = format!("--timeout 2 --retries 2 --base 0 --jitter 0 {options}");
        let script = "echo run >> runs; exec sleep 1000";
        let status = scratch.retry(&retry).args(["sh", "-c", script]).output().unwrap().status;
        (scratch.runs(), status.code())
    };
    assert_eq!(timed_out("--retry-on timeout"), (2, Some(124)));
    assert_eq!(timed_out("--retry-on curl"), (2, Some(124)), "each preset includes it");
    assert_eq!(timed_out("--retry-on nonzero,signal"), (1, Some(124)), "it is neither");
    assert_eq!(timed_out("--stop-on timeout"), (1, Some(124)));
    assert_eq!(timed_out("--success-on timeout"), (1, Some(0)));
}

#[test]
fn what_cannot_be_started_in_sets() {
    let scratch = Scratch::new();
    let failures = |options: &str, command: &str| {
        let retry = format!("--retries 2 --base 0 --jitter 0 {options}");
        said(&scratch.retry(&retry).arg(command).output().unwrap()).len()
    };
    std::fs::create_dir(scratch.path("directory")).unwrap();
    let (missing, directory) = ("./no-such-file", "./directory");
    assert_eq!(failures("", missing), 1, "hopeless");
    assert_eq!(failures("", directory), 1, "hopeless");
    assert_eq!(failures("--retry-on spawn", missing), 2);
    assert_eq!(failures("--retry-on spawn", directory), 2);
    assert_eq!(failures("--retry-on 127", missing), 2);
    assert_eq!(failures("--retry-on 127", directory), 1);
    assert_eq!(failures("--retry-on 126", directory), 2);
    assert_eq!(failures("--retry-on nonzero,1-255", missing), 1, "nobody names it with a range");
    // It may be there the next time.
    let appears = Scratch::new();
    appears.executable("tool", "#!/bin/sh\n");
    std::fs::rename(appears.path("tool"), appears.path("later")).unwrap();
    let script = "[ $RETRY_ATTEMPT = 1 ] && exec ./tool; mv later tool; exec ./tool";
    let options = "--retry-on 127 --base 0 --jitter 0";
    appears.retry(options).args(["sh", "-c", script]).assert().code(0);
}

#[test]
fn good_attempts_must_follow_each_other() {
    for (options, ends, code, runs) in [
        ("--consecutive 3", "0", 0, 3),
        ("--consecutive 1", "0", 0, 1),
        ("--retries 6 --consecutive 2", "0 1 0 1 0 0", 0, 6),
        // The last attempt was good, but there is no time for another one.
        ("--retries 3 --consecutive 2", "0 1 0", 1, 3),
        ("--retries 3 --consecutive 2", "0 1 6", 6, 3),
        ("--retries inf --consecutive 4", "0 0 0 2 0", 0, 8),
        ("--consecutive 2 --stop-on 5", "0 5", 5, 2),
        ("--consecutive 2 --success-on 5", "5 5", 0, 2),
    ] {
        let scratch = Scratch::new();
        let retry = format!("--base 0 --jitter 0 {options}");
        scratch.retry(&retry).args(scratch.ends(ends)).assert().code(code);
        assert_eq!(scratch.runs(), runs, "{options}: {ends}");
    }
}

#[test]
fn the_first_signal_of_a_time_limit_can_be_chosen() {
    let scratch = Scratch::new();
    let script = "trap 'echo USR1 >> got; exit 3' USR1; while :; do sleep 0.01; done";
    let options = "--retries 1 --timeout 2 --timeout-signal USR1";
    scratch.retry(options).args(["sh", "-c", script]).assert().code(124);
    assert_eq!(scratch.read("got"), "USR1\n");
    let killed =
        scratch.retry("--retries 1 --timeout 1 --timeout-signal KILL").args(["sleep", "1000"]).output();
    let status = killed.unwrap().status;
    assert_eq!((status.code(), status.signal()), (Some(124), None));
}
