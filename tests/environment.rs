//! What the command is told in its environment.

mod common;

use common::command::{Scratch, program};
use std::process::Command;

/// What each attempt of a command saw, with `$` for the variables.
fn seen(options: &str, variable: &str, script: &str) -> Vec<String> {
    let scratch = Scratch::new();
    let script = format!("echo \"${variable}\" >> seen; {script}");
    scratch
        .retry(&format!("--delays 0.01 --jitter 0 {options}"))
        .args(["sh", "-c", &script])
        .output()
        .unwrap();
    scratch.read("seen").lines().map(str::to_owned).collect()
}

#[test]
fn the_attempt() {
    assert_eq!(seen("", "RETRY_ATTEMPT", "exit 1"), ["1", "2", "3"]);
    assert_eq!(seen("", "RETRY_ATTEMPT", "exit 0"), ["1"]);
    assert_eq!(seen("--consecutive 2", "RETRY_ATTEMPT", "exit 0"), ["1", "2"]);
}

#[test]
fn attempts_in_all() {
    assert_eq!(seen("", "RETRY_MAX_ATTEMPTS", "exit 0"), ["3"]);
    assert_eq!(seen("--retries 2", "RETRY_MAX_ATTEMPTS", "exit 1"), ["2", "2"]);
    assert_eq!(seen("--retries inf", "RETRY_MAX_ATTEMPTS", "exit 0"), ["inf"]);
}

#[test]
fn the_previous_status() {
    let ends =
        "case $RETRY_ATTEMPT in 1) exit 7 ;; 2) kill -s KILL $$ ;; 3) exec sleep 1000 ;; *) exit 0 ;; esac";
    let options = "--retries 9 --timeout 2";
    assert_eq!(seen(options, "RETRY_PREVIOUS_STATUS", ends), ["", "7", "137", "124"]);
    assert_eq!(seen("--consecutive 2", "RETRY_PREVIOUS_STATUS", "exit 0"), ["", "0"]);
}

#[test]
fn the_time_since_the_start() {
    let elapsed = seen("--initial-delay 0.2", "RETRY_ELAPSED", "exit 1");
    let seconds: Vec<f64> = elapsed.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(seconds.len(), 3);
    assert!(seconds[0] >= 0.2 && seconds[1] >= seconds[0] + 0.01 && seconds[2] >= seconds[1] + 0.01);
}

#[test]
fn the_depth() {
    assert_eq!(seen("", "RETRY_DEPTH", "exit 0"), ["1"]);
    let inner = format!(
        "[ $RETRY_DEPTH = 2 ] || exec '{}' sh -c 'echo $RETRY_DEPTH >> seen'",
        env!("CARGO_BIN_EXE_retry")
    );
    assert_eq!(seen("", "RETRY_DEPTH", &inner), ["1", "2"]);
}

#[test]
fn an_inner_retry_counts_its_own_attempts() {
    let scratch = Scratch::new();
    let script = "echo $RETRY_ATTEMPT/$RETRY_MAX_ATTEMPTS/$RETRY_PREVIOUS_STATUS >> seen; exit 1";
    let mut outer = scratch.retry("--retries 2 --base 0 --jitter 0");
    outer.args([
        env!("CARGO_BIN_EXE_retry"),
        "--retries=3",
        "--base=0",
        "--jitter=0",
        "--",
        "sh",
        "-c",
        script,
    ]);
    outer.assert().code(1);
    assert_eq!(scratch.read("seen"), "1/3/\n2/3/1\n3/3/1\n".repeat(2));
}

#[test]
fn nothing_else_changes() {
    let scratch = Scratch::new();
    let environment = |mut command: Command| {
        command.env("MINE", "a b\n=c").env("EMPTY", "");
        let output = command.arg("env").arg("-0").output().unwrap();
        assert!(output.status.success());
        let variables = output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec);
        let ours = |variable: &Vec<u8>| variable.starts_with(b"RETRY_");
        // A shell sets `_` for each command that it starts.
        let (ours, mut others): (Vec<_>, Vec<_>) = variables.partition(ours);
        others.sort();
        (ours.len(), others)
    };
    let mut alone = program("env");
    scratch.settle(&mut alone);
    let (none, wanted) = environment(alone);
    let (ours, seen) = environment(scratch.retry_to_spawn("--"));
    assert_eq!((none, ours), (0, 5));
    assert_eq!(seen, wanted);
}

#[test]
fn the_directory_stays() {
    let scratch = Scratch::new();
    let here = std::fs::canonicalize(scratch.path(".")).unwrap();
    scratch.retry("").args(["pwd", "-P"]).assert().stdout(format!("{}\n", here.display()));
}
