//! `--retry-if`: a command that decides about a failed attempt. When it is asked, what it is told, and what
//! its answers mean.

mod common;

use common::command::{Scratch, assert_is, program, said, text, wait_until};
use common::live::{is_alive, wait_until_asleep};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

const FAST: &str = "--base 0 -j 0";

fn run(scratch: &Scratch, options: &[&str], condition: &str, script: &str) -> Output {
    let mut retry = scratch.retry(FAST);
    retry.args(options).args(["--retry-if", condition, "--", "sh", "-c", script]).output().unwrap()
}

#[test]
fn it_decides_by_what_the_attempt_printed() {
    let scratch = Scratch::new();
    let script = r#"echo run >> runs; echo "connection $1"; echo "try $RETRY_ATTEMPT" >&2; exit 7"#;
    for (how, runs) in [("reset", 3), ("refused", 1)] {
        let mut retry = scratch.retry(FAST);
        retry.args(["--retry-if", "grep -q 'connection reset'", "--", "sh", "-c", script, "sh", how]);
        let done = retry.output().unwrap();
        assert_eq!((done.status.code(), scratch.runs()), (Some(7), runs), "{how}: {:?}", said(&done));
        assert_eq!(text(&done.stdout), format!("connection {how}\n").repeat(runs));
        let last = said(&done).pop().unwrap();
        let end = if runs == 1 { "Not retrying: stopped by --retry-if" } else { "Giving up after" };
        assert!(last.contains(end), "{last}");
        std::fs::remove_file(scratch.path("runs")).unwrap();
    }
    // With -v, also where it said yes.
    let done = run(&scratch, &["-v", "-r", "2"], "true", "exit 7");
    assert!(text(&done.stderr).contains(" (--retry-if)\n"), "{}", text(&done.stderr));
}

#[test]
fn it_sees_both_streams_in_their_order_and_how_the_attempt_ended() {
    let scratch = Scratch::new();
    let condition =
        r#"cat > "seen$RETRY_ATTEMPT"; echo "$RETRY_STATUS $RETRY_ATTEMPT/$RETRY_MAX_ATTEMPTS" >> told"#;
    // Each line is there before the next one is written.
    let script = r"echo one; while ! grep -q one out; do sleep 0.01; done; echo two >&2
        while ! grep -q two err; do sleep 0.01; done; echo three; exit $((RETRY_ATTEMPT + 4))";
    let mut sh = program("sh");
    let line =
        format!(r#"exec "$RETRY" -r 2 {FAST} --retry-if "$CONDITION" -- sh -c "$SCRIPT" > out 2> err"#);
    scratch.settle(sh.args(["-c", &line]));
    sh.env("RETRY", common::command::RETRY).env("CONDITION", condition).env("SCRIPT", script);
    assert_eq!(sh.status().unwrap().code(), Some(6));
    assert_eq!(scratch.read("seen1"), "one\ntwo\nthree\n");
    assert_eq!(scratch.read("told"), "5 1/2\n6 2/2\n");
    assert_eq!(scratch.read("out"), "one\nthree\none\nthree\n");
    // Death by a signal, and a time limit, as a shell shows them.
    for (options, script, status) in
        [(&["-r", "1"][..], "kill -9 $$", "137"), (&["-r", "1", "--timeout", "0.2"], "exec sleep 600", "124")]
    {
        run(&scratch, options, r#"echo "$RETRY_STATUS" > status"#, script);
        assert_eq!(scratch.read("status"), format!("{status}\n"));
    }
}

#[test]
fn its_stdin_is_the_end_of_the_output() {
    let scratch = Scratch::new();
    let condition = "cat > seen";
    let whole = text(&program("seq").args(["1", "100000"]).output().unwrap().stdout);
    for (options, script) in [
        (&["-r", "1"][..], "seq 1 100000; exit 1"),
        (&["-r", "1"], "seq 1 100000 >&2; exit 1"),
        (&["-r", "1", "-O"], "seq 1 100000; exit 1"),
        (&["-r", "1", "-O", "--stderr", "final"], "seq 1 100000; exit 1"),
    ] {
        let done = run(&scratch, options, condition, script);
        let written = [text(&done.stdout), text(&done.stderr)].concat();
        assert!(written.starts_with(&whole), "{options:?} {script}");
        let seen = scratch.read("seen");
        assert!(seen.len() == 64 * 1024 && whole.ends_with(&seen), "{options:?} {script}: {}", seen.len());
    }
    run(&scratch, &["-r", "1"], condition, "exit 1");
    assert_eq!(scratch.read("seen"), "");
}

#[test]
fn it_is_asked_about_failures_that_no_rule_stopped() {
    let scratch = Scratch::new();
    let condition = "echo asked >> asked; false";
    for (options, script, asked) in [
        (&[][..], "exit 0", 0),
        (&["--stop-on", "3"], "exit 3", 0),
        (&["--stop-on-output", "denied"], "echo denied; exit 3", 0),
        (&["--retry-on", "7"], "exit 3", 0),
        (&[], "exec no-such-command", 1),
        (&["--success-on", "3"], "exit 3", 0),
        (&[], "kill -s PIPE $$", 0),
        (&[], "exit 3", 1),
        (&["--retry-on", "3"], "exit 3", 1),
        (&["--require-output", "x"], "true", 1),
    ] {
        run(&scratch, options, condition, script);
        assert_eq!(scratch.lines("asked"), asked, "{options:?} {script}");
        let _none = std::fs::remove_file(scratch.path("asked"));
    }
    // A good attempt that wants another one beside it is no failure.
    run(&scratch, &["--consecutive", "3"], condition, "true");
    assert!(!scratch.path("asked").exists());
    // A command that cannot be run is hopeless by nature.
    scratch.retry(FAST).args(["--retry-if", condition, "--", "no-such-command"]).assert().code(127);
    assert!(!scratch.path("asked").exists());
}

#[test]
fn any_other_answer_is_said_once_and_counts_for_nothing() {
    let scratch = Scratch::new();
    for (condition, words) in [
        ("exit 2", "exit status 2"),
        ("kill -9 $$", "killed by SIGKILL"),
        ("if", "exit status 2"),
        ("no-such-command", "exit status 127"),
    ] {
        let done = run(&scratch, &["-r", "3"], condition, "echo run >> runs; exit 3");
        assert_eq!((done.status.code(), scratch.runs()), (Some(3), 3));
        let line = format!("retry: ignoring the --retry-if command: {words} (0 means retry, 1 means stop)");
        let lines = said(&done);
        assert_eq!(lines.iter().filter(|said| **said == line).count(), 1, "{lines:?}");
        assert!(lines.last().unwrap().contains("Giving up"), "{lines:?}");
        std::fs::remove_file(scratch.path("runs")).unwrap();
    }
}

#[test]
fn what_it_says_goes_to_stderr_and_its_variable_is_its_own() {
    let scratch = Scratch::new();
    let condition = "echo said; echo complained >&2";
    let script = r#"echo "${RETRY_STATUS-unset}"; exit 9"#;
    let done = run(&scratch, &["-r", "2"], condition, script);
    assert_eq!(text(&done.stdout), "unset\nunset\n");
    assert_eq!(text(&done.stderr).matches("said\ncomplained\n").count(), 2, "{}", text(&done.stderr));
}

#[test]
fn the_deadline_ends_it_and_nothing_of_it_is_left() {
    let scratch = Scratch::new();
    let condition = "echo $$ > pid; sleep 600 & echo $! > child; wait";
    let done = run(&scratch, &["--deadline", "1"], condition, "exit 3");
    assert_eq!(done.status.code(), Some(3), "{:?}", said(&done));
    assert!(!is_alive(scratch.pid("pid")));
    assert!(!is_alive(scratch.pid("child")));
    let lines = said(&done);
    assert!(lines[0].contains("ignoring the --retry-if command: timed out"), "{lines:?}");
    assert!(lines[1].contains("the deadline of 1s has passed"), "{lines:?}");
}

#[test]
fn a_signal_ends_it_and_the_run() {
    let scratch = Scratch::new();
    for signal in [Signal::INT, Signal::TERM] {
        let mut retry = scratch.retry_to_spawn(FAST);
        retry.args(["--report", "report.json", "--retry-if", "echo $$ > pid; exec sleep 600"]);
        retry.args(["--", "sh", "-c", "exit 3"]);
        let retry = scratch.start_command(retry);
        let pid = scratch.pid("pid");
        wait_until_asleep(pid);
        retry.send(signal);
        assert_eq!(retry.end().signal(), Some(signal.as_raw()), "{}", scratch.read("stderr"));
        wait_until("the end of the condition", || !is_alive(pid));
        let report: Value = serde_json::from_str(&scratch.read("report.json")).unwrap();
        assert_eq!(report["outcome"], "interrupted");
        assert_eq!(report["attempts"][0]["ended"], json!({"exit": 3}));
        let last = scratch.read("stderr").lines().last().unwrap().to_owned();
        let name = if signal == Signal::INT { "SIGINT" } else { "SIGTERM" };
        assert_is(&last, &format!(r"retry: interrupted by {name} after attempt 1/3\. Giving up after <T>"));
        std::fs::remove_file(scratch.path("pid")).unwrap();
    }
}

#[test]
fn reports_and_logs_name_it() {
    let scratch = Scratch::new();
    let condition = "test $RETRY_ATTEMPT = 1";
    let done = run(&scratch, &["--report", "r.json", "--log-format", "json"], condition, "exit 3");
    let report: Value = serde_json::from_str(&scratch.read("r.json")).unwrap();
    let rules: Vec<Value> = report["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| json!([attempt["verdict"], attempt["rule"]]))
        .collect();
    assert_eq!(rules, [json!(["transient", "--retry-if"]), json!(["permanent", "--retry-if"])]);
    assert_eq!(report["outcome"], "stopped");
    let last = text(&done.stderr).lines().rev().nth(1).unwrap().to_owned();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&last["event"], &last["rule"]), (&json!("failed"), &json!("--retry-if")));
    let done = run(&scratch, &["-r", "1", "--log-format", "json"], "exit 4", "exit 3");
    let first: Value = serde_json::from_str(text(&done.stderr).lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"], &first["severity"]), (&json!("condition-failed"), &json!("warning")));
}
