//! Rules about what a command prints, from the flag to the message: what matches, where, and what
//! follows from it. The stream that is watched is passed on as it comes.

mod common;

use common::command::{Scratch, assert_is, program, said};
use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};

fn run(scratch: &Scratch, options: &[&str], script: &str) -> Output {
    let mut retry = scratch.retry("--base 0 -j 0");
    retry.args(options).args(["--", "sh", "-c", script]).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The first line of `retry` itself.
fn first(output: &Output) -> String {
    said(output).first().cloned().unwrap_or_default()
}

#[test]
fn retry_on_output_is_the_only_reason_then() {
    let scratch = Scratch::new();
    let done = run(&scratch, &["--retry-on-output", "bus[y]"], "echo busy >&2; exit 7");
    assert_eq!((code(&done), said(&done).len()), (7, 3));
    assert!(first(&done).contains(". Retrying in 0s (--retry-on-output bus[y])"), "{}", first(&done));
    let done = run(&scratch, &["--retry-on-output", "busy"], "echo broken; exit 7");
    assert_eq!((code(&done), said(&done).len()), (7, 1));
    assert!(
        first(&done).ends_with(". Not retrying: not covered by --retry-on-output busy"),
        "{}",
        first(&done)
    );
    // With --retry-on, either will do.
    let both = ["--retry-on", "9", "--retry-on-output", "busy"];
    assert_eq!(said(&run(&scratch, &both, "exit 9")).len(), 3);
    assert_eq!(said(&run(&scratch, &both, "echo busy; exit 7")).len(), 3);
    assert_eq!(said(&run(&scratch, &both, "exit 7")).len(), 1);
}

#[test]
fn a_success_that_says_something_retryable_is_retried() {
    let scratch = Scratch::new();
    let script = r#"[ "$RETRY_ATTEMPT" = 2 ] || echo "try later""#;
    let done = run(&scratch, &["--retry-on-output", "try later"], script);
    assert_eq!((code(&done), said(&done).len()), (0, 2), "{:?}", said(&done));
    let done = run(&scratch, &["--retry-on-output", "try later"], "echo try later");
    assert_eq!((code(&done), said(&done).len()), (1, 3), "{:?}", said(&done));
}

#[test]
fn stop_beats_retry_and_never_turns_a_success_into_a_failure() {
    let scratch = Scratch::new();
    let rules = ["--retry-on-output", "busy", "--stop-on-output", "denied"];
    let done = run(&scratch, &rules, "echo busy; echo denied; exit 4");
    assert_eq!((code(&done), said(&done).len()), (4, 1));
    assert!(
        first(&done).ends_with(". Not retrying: permanent failure (--stop-on-output denied)"),
        "{}",
        first(&done)
    );
    assert_eq!(code(&run(&scratch, &rules, "echo denied")), 0);
    // Without retry rules everything else is retried.
    let done = run(&scratch, &["--stop-on-output", "denied"], "echo other; exit 4");
    assert_eq!(said(&done).len(), 3);
}

#[test]
fn success_on_output_makes_an_attempt_good() {
    let scratch = Scratch::new();
    let script = "echo 'error: version 1.2.3 already exists' >&2; exit 1";
    let done = run(&scratch, &["--success-on-output", "stderr:already exists$"], script);
    assert_eq!((code(&done), said(&done).len()), (0, 0), "{:?}", said(&done));
    let done = run(&scratch, &["--success-on-output", "stdout:already exists"], script);
    assert_eq!((code(&done), said(&done).len()), (1, 3));
}

#[test]
fn require_output_says_what_is_missing() {
    let scratch = Scratch::new();
    let rules = ["--require-output", "^ready$", "--require-output", "stderr:bound"];
    let script = r#"echo ready; [ "$RETRY_ATTEMPT" = 2 ] && echo bound >&2; true"#;
    let done = run(&scratch, &rules, script);
    assert_eq!(code(&done), 0, "{:?}", said(&done));
    assert_is(
        &first(&done),
        r"retry: attempt 1/3 failed: exit status 0 after <T>, but no line matches --require-output stderr:bound\. Retrying in 0s",
    );
    // Never there: the status of a command that succeeded is no success.
    let done = run(&scratch, &rules, "true");
    assert_eq!((code(&done), said(&done).len()), (1, 3), "{:?}", said(&done));
    assert!(
        first(&done).contains(", but no line matches --require-output ^ready$. Retrying"),
        "{}",
        first(&done)
    );
    // The exit status alone is not enough either way.
    assert_eq!(code(&run(&scratch, &rules, "echo ready; echo bound >&2; exit 6")), 6);
}

#[test]
fn a_prefix_narrows_a_rule_to_one_stream() {
    let scratch = Scratch::new();
    for (rule, script, attempts) in [
        ("stdout:x", "echo x", 3),
        ("stdout:x", "echo x >&2", 1),
        ("stderr:x", "echo x", 1),
        ("stderr:x", "echo x >&2", 3),
        ("x", "echo x", 3),
        ("x", "echo x >&2", 3),
    ] {
        let done = run(&scratch, &["--retry-on-output", rule], &format!("{script}; exit 5"));
        assert_eq!((code(&done), said(&done).len()), (5, attempts), "{rule}: {script}");
    }
    // Both into one pipe, and still told apart.
    let mut sh = program("sh");
    let script = r#""$RETRY" --base 0 --retry-on-output stdout:x -- sh -c 'echo x >&2; exit 5' 2>&1"#;
    scratch.settle(sh.args(["-c", script]).env("RETRY", common::command::RETRY));
    let all = String::from_utf8(sh.output().unwrap().stdout).unwrap();
    assert_eq!(all.lines().filter(|line| *line == "x").count(), 1, "{all}");
}

#[test]
fn a_match_is_found_across_writes_and_in_any_bytes() {
    let scratch = Scratch::new();
    for script in [
        "printf 'connection re'; sleep 0.1; printf 'fused\\n'; exit 1",
        "head -c 300000 /dev/zero; printf 'connection refused'; head -c 300000 /dev/zero; exit 1",
        "printf '\\377\\376 connection refused \\000\\n'; exit 1",
        "seq 1 200000; echo connection refused; exit 1",
        "echo connection refused; seq 1 200000; exit 1",
    ] {
        let done = run(&scratch, &["-r", "2", "--retry-on-output", "connection refused"], script);
        assert_eq!(said(&done).len(), 2, "{script}: {:?}", said(&done).first());
    }
    let anchored = ["-r", "2", "--retry-on-output", "^7777$"];
    assert_eq!(said(&run(&scratch, &anchored, "seq 1 100000; exit 1")).len(), 2);
    assert_eq!(said(&run(&scratch, &anchored, "seq 7776 7776; echo 77771; exit 1")).len(), 1);
}

#[test]
fn what_is_watched_is_passed_on_at_once_and_in_order() {
    let scratch = Scratch::new();
    let script = "echo one; printf two; read -r go; echo; seq 1 3; exit 3";
    let mut retry = scratch.retry_to_spawn("-q --retry-on-output nothing");
    let retry = retry.args(["--", "sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut retry = retry.spawn().unwrap();
    let mut output = BufReader::new(retry.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let mut word = [0; 3];
    // No newline has come yet.
    output.read_exact(&mut word).unwrap();
    assert_eq!((line.as_str(), &word), ("one\n", b"two"));
    drop(retry.stdin.take());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "\n1\n2\n3\n");
    assert_eq!(retry.wait().unwrap().code(), Some(3));
}

#[test]
fn a_held_stream_is_watched_too() {
    let scratch = Scratch::new();
    let script = r#"echo "$RETRY_ATTEMPT"; [ "$RETRY_ATTEMPT" = 2 ] || { echo busy; exit 1; }"#;
    let done = run(&scratch, &["-O", "--retry-on-output", "busy"], script);
    assert_eq!((code(&done), String::from_utf8_lossy(&done.stdout).as_ref()), (0, "2\n"));
    assert!(first(&done).contains("7 bytes of output held back"), "{}", first(&done));
    // In one spool, both streams count.
    let mut sh = program("sh");
    let script = r#""$RETRY" --base 0 -O --stderr final --retry-on-output busy -- sh -c \
        'echo out; echo busy >&2; echo out; exit 5' 2>&1"#;
    scratch.settle(sh.args(["-c", script]).env("RETRY", common::command::RETRY));
    let all = String::from_utf8(sh.output().unwrap().stdout).unwrap();
    assert!(all.ends_with("out\nbusy\nout\n") && all.matches("Retrying").count() == 2, "{all}");
}

#[test]
fn a_bad_pattern_is_one_line() {
    let scratch = Scratch::new();
    for flag in ["--retry-on-output", "--stop-on-output", "--success-on-output", "--require-output"] {
        for pattern in ["(", "stderr:a{2,1}", "[z-a]", r"\p{Nope}"] {
            let done = run(&scratch, &[flag, pattern], "touch ran");
            assert_eq!(code(&done), 125, "{flag} {pattern}");
            let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.starts_with("retry: ") && stderr.contains(flag), "{stderr}");
        }
    }
    assert!(!scratch.path("ran").exists());
}

#[test]
fn presets_with_words_look_at_stderr() {
    let scratch = Scratch::new();
    for (preset, script, attempts) in [
        ("git", "echo \"fatal: unable to access 'https://x/': Could not resolve host: x\" >&2; exit 128", 3),
        ("git", "echo 'fatal: repository not found' >&2; exit 128", 1),
        ("curl", "echo 'curl: (22) The requested URL returned error: 503' >&2; exit 22", 3),
        ("curl", "echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22", 1),
        ("npm", "echo 'npm ERR! code ECONNRESET' >&2; exit 1", 3),
        ("apt,pip", "exit 1", 1),
    ] {
        let done = run(&scratch, &["--retry-on", preset], script);
        assert_eq!(said(&done).len(), attempts, "{preset}: {script}: {:?}", said(&done));
    }
}

#[test]
fn an_attempt_that_writes_nothing_has_timed_out() {
    let scratch = Scratch::new();
    let done = run(&scratch, &["-r", "2", "--idle-timeout", "0.5"], "echo begun; exec sleep 600");
    assert_eq!(code(&done), 124);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "begun\nbegun\n");
    assert_is(
        &first(&done),
        r"retry: attempt 1/2 failed: timed out after <T>: no output for 0\.5s \(sent SIGTERM\)\. Retrying in .*",
    );
    // It counts as a timeout for the rules.
    let done = run(&scratch, &["--stop-on", "timeout", "--idle-timeout", "0.2"], "exec sleep 600");
    assert_eq!((code(&done), said(&done).len()), (124, 1));
}

#[test]
fn a_command_that_writes_is_not_idle_whatever_the_stream() {
    let scratch = Scratch::new();
    // Longer in all than the limit, never for long without a byte.
    let script = "for n in 1 2 3 4 5 6; do printf .; sleep 0.25; printf . >&2; sleep 0.25; done";
    for options in [&["--idle-timeout", "2"][..], &["-O", "--stderr", "final", "--idle-timeout", "2"]] {
        let done = run(&scratch, &[options, &["-r", "1"]].concat(), script);
        assert_eq!(code(&done), 0, "{:?}", said(&done));
        assert_eq!((done.stdout.len(), done.stderr.len()), (6, 6));
    }
}
