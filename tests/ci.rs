//! What a CI system shows of a run: `--ci`.

mod common;

use common::command::{Scratch, assert_is, wait_until};
use rustix::process::Signal;

const FAST: &str = "--base 0.01 --factor 1 --jitter 0";

/// What a step of GitHub Actions ends with.
struct Step {
    stdout: String,
    annotations: Vec<String>,
    others: Vec<String>,
    summary: String,
    output: String,
}

fn step_in(scratch: &Scratch, options: &str, more: &[&str], command: &[String]) -> Step {
    let mut retry = scratch.retry(options);
    retry.args(more).args(command).env("GITHUB_ACTIONS", "true");
    retry.env("GITHUB_STEP_SUMMARY", "summary").env("GITHUB_OUTPUT", "output");
    let output = retry.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (annotations, others) =
        stderr.lines().map(str::to_owned).partition(|line: &String| line.starts_with("::"));
    let stdout = String::from_utf8(output.stdout).unwrap();
    Step { stdout, annotations, others, summary: scratch.read("summary"), output: scratch.read("output") }
}

fn step(options: &str, ends: &str) -> Step {
    let scratch = Scratch::new();
    step_in(&scratch, &format!("{FAST} {options}"), &[], &scratch.ends(ends))
}

#[track_caller]
fn is(lines: &[String], pattern: &str) {
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_is(&lines[0], pattern);
}

#[test]
fn a_clean_success_shows_nothing_and_sets_the_outputs() {
    let scratch = Scratch::new();
    let step = step_in(&scratch, "", &[], &["true".to_owned()]);
    assert_eq!((step.annotations.len(), step.others.len(), step.stdout.as_str()), (0, 0, ""));
    assert_eq!(scratch.files(), ["output"]);
    assert_eq!(step.output, "attempts=1\noutcome=success\nexit-status=0\n");
}

#[test]
fn a_late_success_is_a_warning() {
    let step = step("", "7 KILL 0");
    is(
        &step.annotations,
        "::warning title=retry::sh: succeeded on attempt 3/3 after <T>. Last failure: killed by SIGKILL",
    );
    assert_eq!((step.others.len(), step.stdout.as_str()), (3, ""), "{:?}", step.others);
    assert_eq!(step.output, "attempts=3\noutcome=success\nexit-status=0\n");
    let rows: Vec<&str> = step.summary.lines().collect();
    assert_eq!(
        rows[..4],
        ["", "### retry", "", "| run | outcome | attempts | time | waited | last failure | exit status |"]
    );
    let row = r"\| sh \| success after retry \| 3/3 \| <T> \| <T> \| killed by SIGKILL \| 0 \|";
    assert_is(rows[5], row);
    assert_eq!(rows.len(), 6);
}

#[test]
fn giving_up_is_an_error() {
    is(
        &step("", "7").annotations,
        "::error title=retry::sh: gave up on attempt 3/3 after <T>: exit status 7",
    );
    let stopped = step("--stop-on 7", "7");
    is(
        &stopped.annotations,
        "::error title=retry::sh: attempt 1/3 failed and was not retried: exit status 7",
    );
    assert_eq!(stopped.output, "attempts=1\noutcome=stopped\nexit-status=7\n");
    let late = step("--deadline 1 --initial-delay 2", "7");
    is(&late.annotations, "::error title=retry::sh: no time left for attempt 1/3 before the deadline");
    assert_eq!(late.output, "attempts=0\noutcome=deadline\nexit-status=124\n");
    let circuit = step("--state s --breaker b --breaker-failures 1", "7");
    is(
        &circuit.annotations,
        r"::error title=retry::sh: the circuit is open; gave up after <T>\. Last failure: exit status 7",
    );
}

#[test]
fn a_fallback_is_named() {
    for (hook, level, words, status) in [
        ("true", "warning", "the fallback ran and exited with 0", 0),
        ("exit 5", "error", "the fallback ran and exited with 5", 5),
        ("kill -9 $$", "error", "the fallback was killed by SIGKILL", 137),
    ] {
        let scratch = Scratch::new();
        let step = step_in(&scratch, "-r1", &["--fallback", hook], &scratch.ends("7"));
        let line =
            format!("::{level} title=retry::sh: gave up on attempt 1/1 after <T>: exit status 7; {words}");
        is(&step.annotations, &line);
        let row = step.summary.lines().last().unwrap();
        assert!(row.starts_with(&format!("| sh | exhausted; {words} | 1/1 |")), "{row}");
        assert!(row.ends_with(&format!("| exit status 7 | {status} |")), "{row}");
    }
}

#[test]
fn what_stands_in_an_annotation_cannot_end_it() {
    let scratch = Scratch::new();
    scratch.executable("a%0A::b|c", "#!/bin/sh\nexit 1\n");
    let command = [scratch.path("a%0A::b|c").to_str().unwrap().to_owned()];
    let step = step_in(&scratch, "-r1", &["--label", "100% <sure> | maybe"], &command);
    is(
        &step.annotations,
        r"::error title=retry::100%25 <sure> \| maybe: gave up on attempt 1/1 after .*: exit status 1",
    );
    assert!(step.summary.contains(r"| 100% &lt;sure> \| maybe |"), "{}", step.summary);
    let step = step_in(&scratch, "-r1", &[], &command);
    is(&step.annotations, r"::error title=retry::a%250A::b\|c: gave up .*");
}

#[test]
fn the_runs_of_a_step_share_a_heading() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("summary"), "Mine, without an end of line").unwrap();
    std::fs::write(scratch.path("output"), "mine=1").unwrap();
    let fail = ["false".to_owned()];
    step_in(&scratch, "-r1", &["--label", "a"], &fail);
    let two = step_in(&scratch, "-r1", &["--label", "b"], &fail);
    assert!(
        two.summary.starts_with("Mine, without an end of line\n\n### retry\n\n| run "),
        "{}",
        two.summary
    );
    assert_eq!(two.summary.matches("### retry").count(), 1);
    assert_eq!(two.summary.matches("| run ").count(), 1);
    let last: Vec<&str> = two.summary.lines().rev().take(2).collect();
    assert!(last[1].starts_with("| a |") && last[0].starts_with("| b |"), "{}", two.summary);
    assert!(
        two.output.starts_with("mine=1\nattempts=1\noutcome=exhausted\nexit-status=1\n"),
        "{}",
        two.output
    );
    // After other text a row alone would be no table.
    std::fs::write(scratch.path("summary"), two.summary + "\nMore of mine\n").unwrap();
    let three = step_in(&scratch, "-r1", &["--label", "c"], &fail);
    assert_eq!((three.summary.matches("### retry").count(), three.summary.matches("| run ").count()), (1, 2));
}

#[test]
fn runs_at_the_same_time_make_one_table() {
    let scratch = Scratch::new();
    let children: Vec<_> = (0..10)
        .map(|_| {
            let mut retry = scratch.retry_to_spawn("-q -r1 false");
            retry.env("GITHUB_STEP_SUMMARY", "summary").env("GITHUB_ACTIONS", "true").spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
    let summary = scratch.read("summary");
    assert_eq!((summary.matches("| run ").count(), summary.matches("| false |").count()), (1, 10));
}

#[test]
fn an_annotation_begins_a_line_whatever_the_command_has_left() {
    // The runner would take it for text behind the command's last words.
    let scratch = Scratch::new();
    let mut retry = scratch.retry("--ci github --log log -r 1");
    let done = retry.args(["sh", "-c", "printf 42 >&2; exit 3"]).output().unwrap();
    let shown = String::from_utf8(done.stderr).unwrap();
    assert!(shown.starts_with("42\n::error title=retry::"), "{shown:?}");
}

#[test]
fn quiet_leaves_the_annotation_out_and_keeps_the_summary() {
    let step = step("--quiet", "7 0");
    assert_eq!((step.annotations.len(), step.others.len()), (0, 0));
    assert!(step.summary.contains("| success after retry |") && step.output.starts_with("attempts=2\n"));
}

#[test]
fn a_file_of_the_step_that_cannot_be_written_is_said_and_changes_nothing() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("-r1 --ci github");
    retry.env("GITHUB_STEP_SUMMARY", "no/such/summary").env("GITHUB_OUTPUT", "");
    let output = retry.args(["sh", "-c", "exit 9"]).output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    let last = "retry: cannot write the GITHUB_STEP_SUMMARY file no/such/summary: no such file or directory";
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().last(), Some(last));
}

#[test]
fn only_where_it_is_github_or_was_asked_for() {
    let annotated = |options: &str, actions: Option<&str>| {
        let scratch = Scratch::new();
        let mut retry = scratch.retry(&format!("-r1 {options}"));
        if let Some(value) = actions {
            retry.env("GITHUB_ACTIONS", value);
        }
        let output = retry.arg("false").output().unwrap();
        String::from_utf8(output.stderr).unwrap().contains("::error")
    };
    assert!(annotated("", Some("true")) && annotated("--ci auto", Some("true")));
    assert!(annotated("--ci github", None));
    assert!(!annotated("", None) && !annotated("", Some("false")) && !annotated("", Some("")));
    assert!(!annotated("--ci none", Some("true")));
    let scratch = Scratch::new();
    let mut retry = scratch.retry("-r1 false");
    let output = retry.env("RETRY_CI", "none").env("GITHUB_ACTIONS", "true").output().unwrap();
    assert!(!String::from_utf8(output.stderr).unwrap().contains("::"));
}

#[test]
fn a_cancelled_run_is_no_error_of_the_command() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry_to_spawn("--ci github");
    retry.args(["sh", "-c", "echo > ready; exec sleep 1000"]).env("GITHUB_OUTPUT", "output");
    let retry = scratch.start_command(retry);
    wait_until("the attempt", || !scratch.read("ready").is_empty());
    retry.send(Signal::TERM);
    retry.end();
    assert!(!scratch.read("stderr").contains("::"), "{}", scratch.read("stderr"));
    assert_eq!(scratch.read("output"), "attempts=1\noutcome=interrupted\nexit-status=143\n");
}
