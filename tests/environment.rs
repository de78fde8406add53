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

/// A UUID of version 4.
fn is_random(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

#[test]
fn the_run_id_is_that_of_all_attempts_and_of_a_retry_inside() {
    let ids = seen("", "RETRY_RUN_ID", "exit 1");
    assert_eq!((ids.len(), &ids[0], &ids[1]), (3, &ids[1], &ids[2]));
    assert!(is_random(&ids[0]), "{}", ids[0]);
    assert_ne!(seen("", "RETRY_RUN_ID", "exit 0"), ids[..1]);
    let inner = format!(
        "[ $RETRY_DEPTH = 2 ] || exec '{}' sh -c 'echo $RETRY_RUN_ID >> seen'",
        env!("CARGO_BIN_EXE_retry")
    );
    let ids = seen("", "RETRY_RUN_ID", &inner);
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

#[test]
fn a_run_id_that_is_set_is_taken_over_if_it_can_be_one() {
    let scratch = Scratch::new();
    let long = "x".repeat(129);
    for (set, is_taken) in [
        ("order-4711", true),
        ("ci/build:17.2", true),
        (&long[..128], true),
        (&long, false),
        ("", false),
        ("two words", false),
        ("line\nline", false),
        ("\u{e4}", false),
    ] {
        // It is no setting: -v names those that are used, and nothing is refused.
        let mut retry = scratch.retry("-v -r 1 --report r.json --log-format json");
        let done =
            retry.args(["sh", "-c", "echo $RETRY_RUN_ID; exit 1"]).env("RETRY_RUN_ID", set).output().unwrap();
        let id = String::from_utf8(done.stdout).unwrap().trim_end().to_owned();
        assert_eq!(id == set, is_taken, "{set}: {id}");
        assert!(is_taken || is_random(&id), "{set}: {id}");
        let report: serde_json::Value = serde_json::from_str(&scratch.read("r.json")).unwrap();
        assert_eq!(report["run_id"], id);
        let stderr = String::from_utf8(done.stderr).unwrap();
        for line in stderr.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["run_id"], id);
            assert_ne!(line["message"], format!("RETRY_RUN_ID={set} is used"));
        }
        // Whoever gave one counts on it.
        assert_eq!(stderr.contains("ignoring RETRY_RUN_ID"), !is_taken && !set.is_empty(), "{stderr}");
    }
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
    assert_eq!((none, ours), (0, 6));
    assert_eq!(seen, wanted);
}

#[test]
fn the_directory_stays() {
    let scratch = Scratch::new();
    let here = std::fs::canonicalize(scratch.path(".")).unwrap();
    scratch.retry("").args(["pwd", "-P"]).assert().stdout(format!("{}\n", here.display()));
}
