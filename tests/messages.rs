//! The lines on stderr, to the letter, and what must never be in them.

mod common;

use common::command::{Scratch, assert_is, program, said};
use predicates::prelude::*;
use std::process::{Command, Stdio};

/// Options for a run that waits next to nothing between attempts.
const FAST: &str = "--base 0.01 --factor 1 --jitter 0";

/// Whether `lines` are these, one regular expression for each; `T` stands for an elapsed time.
#[track_caller]
fn are(lines: &[String], wanted: &[&str]) {
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert_is(line, wanted);
    }
}

/// The lines of a run.
fn lines(scratch: &Scratch, options: &str, command: &[String]) -> Vec<String> {
    let output = scratch.retry(options).args(command).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing of ours goes to stdout");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<String> = stderr.lines().map(str::to_owned).collect();
    assert!(lines.iter().all(|line| line.starts_with("retry: ")), "{lines:?}");
    lines
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

#[test]
fn failures_and_giving_up() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--base 0.01 --factor 4 --jitter 0", &scratch.ends("22 KILL 7")),
        &[
            r"retry: attempt 1/3 failed: exit status 22 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2/3 failed: killed by SIGKILL after <T>\. Retrying in 0\.04s",
            r"retry: attempt 3/3 failed: exit status 7 after <T>\. Giving up after <T>",
        ],
    );
}

#[test]
fn a_condition_that_gives_no_answer_and_one_that_says_no() {
    let scratch = Scratch::new();
    let run = |condition: &str| {
        let mut retry = scratch.retry(&format!("{FAST} -r 2"));
        let done = retry.args(["--retry-if", condition]).args(shell("exit 22")).output().unwrap();
        said(&done)
    };
    are(
        &run("exit 9"),
        &[
            r"retry: the --retry-if command gave no answer: exit status 9\. Retrying as without it",
            r"retry: attempt 1/2 failed: exit status 22 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2/2 failed: exit status 22 after <T>\. Giving up after <T>",
        ],
    );
    are(
        &run("exit 1"),
        &[r"retry: attempt 1/2 failed: exit status 22 after <T>\. Not retryable \(--retry-if\)"],
    );
}

#[test]
fn a_late_success() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, FAST, &scratch.ends("1 0")),
        &[
            r"retry: attempt 1/3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: succeeded on attempt 2/3 after <T>",
        ],
    );
}

#[test]
fn a_success_at_once_is_silent() {
    let scratch = Scratch::new();
    scratch.retry("").args(["echo", "x"]).assert().code(0).stdout("x\n").stderr("");
    are(&lines(&scratch, "--success-on 3", &shell("exit 3")), &[]);
}

#[test]
fn a_time_limit() {
    let scratch = Scratch::new();
    let dies = r"timed out after \d+\.\ds \(SIGTERM\)";
    let script = "[ $RETRY_ATTEMPT = 2 ] && exit; exec sleep 1000";
    are(
        &lines(&scratch, &format!("{FAST} --timeout 2"), &shell(script)),
        &[
            &format!(r"retry: attempt 1/3 failed: {dies}\. Retrying in 0\.01s"),
            r"retry: succeeded on attempt 2/3 after <T>",
        ],
    );
}

#[test]
fn a_time_limit_that_takes_sigkill() {
    let scratch = Scratch::new();
    let deaf = shell("trap '' TERM; exec sleep 1000");
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --kill-after 0.1", &deaf),
        &[
            r"retry: attempt 1/1 failed: timed out after \d+\.\ds \(SIGTERM, then SIGKILL\)\. Giving up after <T>",
        ],
    );
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --timeout-signal INT", &shell("exec sleep 1000")),
        &[r"retry: attempt 1/1 failed: timed out after \d+\.\ds \(SIGINT\)\. Giving up after <T>"],
    );
    // No grace at all.
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --kill-after 0", &deaf),
        &[
            r"retry: attempt 1/1 failed: timed out after \d+\.\ds \(SIGTERM, then SIGKILL\)\. Giving up after <T>",
        ],
    );
}

#[test]
fn the_deadline() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--deadline 2 --retries inf", &shell("exec sleep 1000")),
        &[
            r"retry: attempt 1 failed: timed out after \d+\.\ds \(SIGTERM\)\. Giving up after <T>: the deadline of 2\.0s has passed",
        ],
    );
    are(
        &lines(&scratch, "--deadline 90 --base 100 --jitter 0", &scratch.ends("7")),
        &[
            r"retry: attempt 1/3 failed: exit status 7 after <T>\. Giving up after <T>: a delay of 100\.00s would pass the deadline of 1m 30s",
        ],
    );
    are(
        &lines(&scratch, "--deadline 1 --initial-delay 2", &shell("true")),
        &[r"retry: no time for attempt 1/3 before the deadline of 1\.0s\. Giving up after <T>"],
    );
}

#[test]
fn what_is_not_retryable() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--stop-on 2", &scratch.ends("2")),
        &[r"retry: attempt 1/3 failed: exit status 2 after <T>\. Not retryable \(--stop-on 2\)"],
    );
    are(
        &lines(&scratch, "--stop-on 1,64-78", &shell("exit 70")),
        &[r"retry: attempt 1/3 failed: exit status 70 after <T>\. Not retryable \(--stop-on 64-78\)"],
    );
    are(
        &lines(&scratch, "--retry-on 7,28 --retry-on timeout", &shell("exit 1")),
        &[r"retry: attempt 1/3 failed: exit status 1 after <T>\. Not retryable \(--retry-on 7,28,timeout\)"],
    );
    are(
        &lines(&scratch, "", &shell("kill -s INT $$")),
        &[r"retry: attempt 1/3 failed: killed by SIGINT after <T>\. Not retryable"],
    );
}

#[test]
fn what_cannot_be_started() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    are(
        &lines(&scratch, "", &["no-such-command-anywhere".to_owned(), "argument".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: no-such-command-anywhere: command not found \(no such file or directory\)\. Not retryable",
        ],
    );
    // A command line in quotes: its name and not its arguments.
    are(
        &lines(&scratch, "", &["no-such-command -f secret/path".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: no-such-command \.\.\.: command not found \(one word with spaces: use no quotes, or sh -c\)\. Not retryable",
        ],
    );
    are(
        &lines(&scratch, "", &["./no such/tool".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: tool: command not found \(no such file or directory\)\. Not retryable",
        ],
    );
    are(
        &lines(&scratch, "", &["./directory".to_owned()]),
        &[r"retry: attempt 1/3 failed: directory: cannot be run \(permission denied\)\. Not retryable"],
    );
}

#[test]
fn without_a_limit_there_is_no_total() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, &format!("{FAST} --retries inf"), &scratch.ends("1 1 1 0")),
        &[
            r"retry: attempt 1 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: succeeded on attempt 4 after <T>",
        ],
    );
}

#[test]
fn good_attempts_that_are_counted() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, &format!("{FAST} --retries 9 --consecutive 2"), &scratch.ends("0 1 0 0")),
        &[
            r"retry: attempt 1/9 was good after <T>, 1 of 2 in a row\. Next in 0\.01s",
            r"retry: attempt 2/9 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 3/9 was good after <T>, 1 of 2 in a row\. Next in 0\.01s",
            r"retry: succeeded on attempt 4/9 after <T>",
        ],
    );
}

#[test]
fn quiet_says_nothing_but_our_own_errors() {
    for quiet in ["-q", "--quiet"] {
        let scratch = Scratch::new();
        are(&lines(&scratch, &format!("{quiet} {FAST}"), &scratch.ends("1 1 0")), &[]);
        are(&lines(&scratch, &format!("{quiet} {FAST}"), &shell("exit 1")), &[]);
        are(&lines(&scratch, quiet, &["no-such-command-anywhere".to_owned()]), &[]);
        scratch.retry(quiet).args(["--base", "x", "true"]).assert().code(125).stderr(predicate::ne(""));
    }
}

#[test]
fn verbose_says_starts_arguments_and_rules() {
    for verbose in ["-v", "--verbose"] {
        let scratch = Scratch::new();
        let command = shell("# it's \"here\"\nexit 2");
        are(
            &lines(&scratch, &format!("{verbose} {FAST} --retries 2 --retry-on 1-3"), &command),
            &[
                r#"retry: attempt 1/2 starts: sh -c '# it'\\''s "here"\\nexit 2'"#,
                r"retry: attempt 1/2 failed: exit status 2 after <T>\. Retrying in 0\.01s \(--retry-on 1-3\)",
                r#"retry: attempt 2/2 starts: sh -c '# it'\\''s "here"\\nexit 2'"#,
                r"retry: attempt 2/2 failed: exit status 2 after <T>\. Giving up after <T> \(--retry-on 1-3\)",
            ],
        );
        are(&lines(&scratch, verbose, &["true".to_owned()]), &["retry: attempt 1/3 starts: true"]);
    }
}

#[test]
fn arguments_and_variables_are_no_ones_business() {
    let scratch = Scratch::new();
    for (options, command) in [
        (FAST, vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--stop-on 1", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--retry-on 2", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("", vec!["no-such-command-anywhere", "hunter2"]),
        ("--deadline 1 --initial-delay 2", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--timeout 2 --retries 1", vec!["sh", "-c", "exec sleep 1000", "hunter2"]),
    ] {
        let output = scratch.retry(options).args(&command).env("TOKEN", "hunter2").output().unwrap();
        let lines = said(&output);
        assert!(!lines.is_empty());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "{lines:?}");
    }
    let verbose = scratch.retry("-v").args(["true", "argument"]).env("TOKEN", "hunter2").output().unwrap();
    assert_eq!(said(&verbose), ["retry: attempt 1/3 starts: true argument"]);
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let scratch = Scratch::new();
    scratch
        .retry("")
        .arg("./no\u{1b}[31m\nretry: such")
        .assert()
        .stderr(predicate::str::starts_with(r"retry: attempt 1/3 failed: no\u{1b}[31m\nretry: such: command"))
        .stderr(predicate::function(|text: &str| text.lines().count() == 1));
}

type Spoil = fn(&mut Command);

#[test]
fn stderr_that_cannot_be_written_changes_nothing() {
    let ways: &[(&str, Spoil)] = &[
        #[cfg(target_os = "linux")]
        ("full", |retry| {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            retry.stderr(full);
        }),
        ("without a reader", |retry| {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            retry.stderr(writer);
        }),
        ("read only", |retry| {
            retry.stderr(std::fs::File::open("/dev/null").unwrap());
        }),
    ];
    for (what, spoil) in ways {
        for (ends, code, runs) in [("1 1 0", 0, 3), ("1 1 7", 7, 3)] {
            let scratch = Scratch::new();
            let mut retry = scratch.retry_to_spawn(FAST);
            retry.args(scratch.ends(ends)).stdin(Stdio::null()).stdout(Stdio::piped());
            spoil(&mut retry);
            let output = retry.spawn().unwrap().wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{what}");
            assert_eq!(output.stdout, b"", "{what}");
            assert_eq!(scratch.runs(), runs, "{what}");
        }
    }
}

#[test]
fn closed_streams_change_nothing() {
    for closed in ["2>&-", "2>&- 1>&-", "2>&- 1>&- 0<&-"] {
        for (ends, code) in [("1 1 0", 0), ("1 1 7", 7)] {
            let scratch = Scratch::new();
            let mut shell = program("sh");
            shell.args(["-c", &format!("exec \"$@\" {closed}"), "sh", env!("CARGO_BIN_EXE_retry")]);
            shell.args(FAST.split_whitespace()).args(scratch.ends(ends));
            scratch.settle(&mut shell);
            let output = shell.output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{closed}");
            assert_eq!((output.stdout, output.stderr), (vec![], vec![]), "{closed}");
            assert_eq!(scratch.runs(), 3, "{closed}");
        }
        let mut shell = program("sh");
        shell.args(["-c", &format!("exec \"$@\" {closed}"), "sh", env!("CARGO_BIN_EXE_retry"), "--nope"]);
        assert_eq!(shell.status().unwrap().code(), Some(125), "{closed}");
    }
}

#[test]
fn curl_without_f_is_noted_where_a_person_looks() {
    let scratch = Scratch::new();
    // A curl of our own, because only its name matters here.
    scratch.executable("curl", "#!/bin/sh\n");
    let note = "retry: note: curl without -f exits 0 on an HTTP error such as 503, so nothing would be retried. Add -f";
    let noted = |options: &str, arguments: &[&str]| {
        let output = scratch.retry(options).arg("./curl").args(arguments).output().unwrap();
        assert!(output.status.success());
        said(&output).iter().filter(|line| *line == note).count()
    };
    assert_eq!(noted("-v --base 0", &["-sS", "http://localhost"]), 1);
    assert_eq!(noted("-v", &["-fsS", "http://localhost"]), 0);
    assert_eq!(noted("-v", &["--fail-with-body", "http://localhost"]), 0);
    // Not in a log that nobody asked to be wordy.
    assert_eq!(noted("", &["-sS", "http://localhost"]), 0);
}

#[test]
fn a_retry_inside_a_retry_says_once_that_attempts_multiply() {
    let scratch = Scratch::new();
    let mut outer = scratch.retry(FAST);
    outer.args(["--retries", "2", env!("CARGO_BIN_EXE_retry")]).args(FAST.split_whitespace());
    let output = outer.args(["--", "sh", "-c", "exit 1"]).output().unwrap();
    let once = [
        r"retry: attempt 1/3 failed: exit status 1 after <T>\. Retrying in 0\.01s \(inside another retry: attempts multiply, 2 x 3 = 6\)",
        r"retry: attempt 2/3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
        r"retry: attempt 3/3 failed: exit status 1 after <T>\. Giving up after <T>",
    ];
    let mut wanted = once.to_vec();
    wanted.push(r"retry: attempt 1/2 failed: exit status 1 after <T>\. Retrying in 0\.01s");
    wanted.extend(once);
    wanted.push(r"retry: attempt 2/2 failed: exit status 1 after <T>\. Giving up after <T>");
    are(&said(&output), &wanted);
}

#[test]
fn what_attempts_multiply_to_is_said_only_where_it_is_known() {
    let scratch = Scratch::new();
    let said_inside = |outer: &str, inner: &str| {
        let mut retry = scratch.retry(&format!("--delays 0.01 --deadline 1 {outer}"));
        retry.args([env!("CARGO_BIN_EXE_retry"), "--delays=0.01", inner, "--stop-on=2", "--"]);
        let output = retry.args(["sh", "-c", "exit $RETRY_ATTEMPT"]).output().unwrap();
        let line = said(&output).remove(0);
        line.split_once(" (inside another retry: ").map(|(_, numbers)| numbers.to_owned()).unwrap()
    };
    assert_eq!(said_inside("-r4", "-r5"), "attempts multiply, 4 x 5 = 20)");
    assert_eq!(said_inside("-rinf", "-r5"), "attempts multiply)");
    assert_eq!(said_inside("-r4", "-rinf"), "attempts multiply)");
    assert_eq!(
        said_inside("-r18446744073709551615", "-r2"),
        "attempts multiply, 18446744073709551615 x 2 = 36893488147419103230)"
    );
}
