//! What is the same on all systems, with a helper program for a command: .ci/test-windows runs it too.

mod helper;

use helper::{Scratch, finish, helper, is_gone, wait_until};
use serde_json::Value;
use std::fs;
use std::time::Duration;

#[test]
fn the_exit_code_of_the_command_comes_through() {
    let scratch = Scratch::new();
    for code in [0, 1, 3, 255] {
        assert_eq!(scratch.run("--retries 1", &format!("exit {code}")).code, code);
    }
}

#[test]
fn it_retries_until_the_command_succeeds() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 5 --base 0.01", "exits runs 1,2,0");
    assert_eq!((ran.code, scratch.read("runs").lines().count()), (0, 3), "{ran:?}");
    let said = ran.said();
    assert!(said[0].starts_with("retry: attempt 1/5 failed: exit status 1 after "), "{said:?}");
    assert!(said[1].starts_with("retry: attempt 2/5 failed: exit status 2 after "), "{said:?}");
    assert!(said[2].starts_with("retry: succeeded on attempt 3/5 after "), "{said:?}");
}

#[test]
fn the_last_code_is_that_of_retry() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 2 --base 0.01", "exits runs 3,4");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("Giving up after"), "{ran:?}");
}

#[test]
fn sets_decide() {
    let scratch = Scratch::new();
    for (options, codes, code, runs) in [
        ("--retry-on 7,28", "7,28,3,0", 3, 3),
        ("--stop-on 2-4", "1,5,3,0", 3, 3),
        ("--success-on 0,24", "9,24,0", 0, 2),
        ("--retry-on nonzero", "1,0", 0, 2),
    ] {
        fs::remove_file(scratch.path("runs")).unwrap_or_default();
        let ran = scratch.run(&format!("--retries 5 --base 0.01 {options}"), &format!("exits runs {codes}"));
        assert_eq!((ran.code, scratch.read("runs").lines().count()), (code, runs), "{options}: {ran:?}");
    }
}

#[test]
fn delays_are_waited_for() {
    let ran = Scratch::new().run("--retries 3 --delays 0.2,0.3 --jitter none", "exit 1");
    assert!(ran.took >= Duration::from_millis(500), "{ran:?}");
    assert!(ran.said()[0].ends_with("Retrying in 0.2s"), "{ran:?}");
}

#[test]
fn arguments_reach_the_command_as_they_are() {
    let words = [
        "",
        "a b",
        r#"say "hi""#,
        r"C:\dir\",
        r"\\server\x y\",
        "%PATH%",
        "50%",
        "ü€",
        "*",
        "$HOME",
        "-x",
        "^&|<>",
    ];
    let scratch = Scratch::new();
    let mut command = scratch.retry("--retries 1 --");
    command.arg(helper()).arg("args").args(words);
    let ran = finish(&mut command, b"");
    assert_eq!((ran.code, ran.lines()), (0, words.to_vec()), "{ran:?}");
}

#[test]
fn the_command_knows_its_attempt() {
    let ran =
        Scratch::new().run("--retries 2 --base 0.01", "env RETRY_ATTEMPT env RETRY_MAX_ATTEMPTS exit 1");
    assert_eq!(ran.lines(), ["1", "2", "2", "2"]);
}

#[test]
fn a_command_that_does_not_exist_is_not_retried() {
    let scratch = Scratch::new();
    let mut command = scratch.retry("--retries 3 -- there-is-no-such-command");
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 127, "{ran:?}");
    assert!(ran.said()[0].contains("there-is-no-such-command: command not found"), "{ran:?}");
}

/// How often a tree has to be gone: more often where there is time for it.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests")]
fn trees() -> usize {
    std::env::var("RETRY_TEST_TREES").map_or(4, |count| count.parse().unwrap())
}

#[test]
fn after_a_time_limit_three_generations_are_gone() {
    let scratch = Scratch::new();
    let one = |number: usize| {
        // On a busy machine, the tree may need more time to stand.
        let stands = [1.5, 6.0, 24.0].into_iter().any(|timeout| {
            let tree = format!("tree{number}-{timeout}");
            let options = format!("--retries 1 --timeout {timeout} --kill-after 0.5");
            let ran = scratch.run(&options, &format!("tree 3 {tree}"));
            assert_eq!(ran.code, 124, "{ran:?}");
            assert!(ran.stderr.contains("failed: timed out after"), "{ran:?}");
            let all = [1, 2, 3].map(|generation| scratch.path(&format!("{tree}.{generation}")));
            let started: Vec<_> = all.iter().filter(|locked| locked.exists()).collect();
            for locked in &started {
                // A system that ends a process may release its locks a moment later.
                wait_until("the lock of a process that has ended", || is_gone(locked));
            }
            started.len() == 3
        });
        assert!(stands, "three generations did not start in time");
    };
    let lanes = 4;
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            scope.spawn(move || (lane..trees()).step_by(lanes).for_each(one));
        }
    });
}

#[test]
fn what_a_successful_command_leaves_running_lives_on() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 1", "leave sleep 2 append late x");
    assert_eq!((ran.code, ran.said().len()), (0, 0), "{ran:?}");
    wait_until("the process that was left running", || scratch.read("late") == "x\n");
}

#[test]
fn the_first_signal_is_enough_for_a_command_that_obeys() {
    if helper::is_wine("the Ctrl-Break of a time limit") {
        return;
    }
    let ran = Scratch::new().run("--retries 1 --timeout 1 --kill-after 30", "out ready sleep 60");
    let signal = if cfg!(windows) { "(sent Ctrl-Break)" } else { "(sent SIGTERM)" };
    assert_eq!((ran.code, ran.stdout.as_str()), (124, "ready\n"), "{ran:?}");
    assert!(ran.stderr.contains(signal) && ran.took < Duration::from_secs(25), "{ran:?}");
}

#[test]
fn a_command_that_ignores_the_first_signal_is_ended_after_the_grace() {
    let ran =
        Scratch::new().run("--retries 1 --timeout 1 --kill-after 0.5", "ignore-break out ready sleep 60");
    assert_eq!((ran.code, ran.stdout.as_str()), (124, "ready\n"), "{ran:?}");
    let last = if cfg!(windows) { "Ctrl-Break, then TerminateJobObject" } else { "SIGTERM, then SIGKILL" };
    assert!(ran.stderr.contains(last), "{ran:?}");
    assert!(ran.took >= Duration::from_millis(1500), "{ran:?}");
}

#[test]
fn a_command_that_writes_nothing_is_ended() {
    let ran = Scratch::new().run("--retries 1 --idle-timeout 1 --kill-after 0.2", "out start sleep 60");
    assert_eq!((ran.code, ran.stdout.as_str()), (124, "start\n"), "{ran:?}");
    assert!(ran.stderr.contains(": no output for "), "{ran:?}");
}

#[test]
fn the_deadline_ends_the_run() {
    let ran = Scratch::new().run("--retries inf --deadline 1 --kill-after 0.2", "sleep 60");
    assert_eq!(ran.code, 124, "{ran:?}");
}

#[test]
fn held_output_is_that_of_the_last_attempt() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 3 --base 0.01 --stdout final", "env RETRY_ATTEMPT exits runs 1,0");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2\n"), "{ran:?}");
    let much =
        scratch.run("--retries 1 --stdout final --stderr final", "fill stdout 3000000 fill stderr 200000");
    assert_eq!((much.code, much.stdout.len(), much.stderr.len()), (0, 3_000_000, 200_000));
    let quiet = scratch.run("--retries 1 --stdout failure", "out x");
    assert_eq!((quiet.code, quiet.stdout.as_str()), (0, ""));
}

#[test]
fn watched_output_decides() {
    let scratch = Scratch::new();
    let ran = scratch
        .run("--retries 2 --base 0.01 --retry-on-output timeout", "append runs x err connect-timeout exit 1");
    assert_eq!((ran.code, scratch.read("runs").lines().count()), (1, 2), "{ran:?}");
    let final_one = scratch.run("--retries 3 --base 0.01 --retry-on-output timeout", "err denied exit 1");
    assert_eq!((final_one.code, final_one.said().len()), (1, 1), "{final_one:?}");
    assert!(final_one.stderr.contains("denied\n"));
    let required = scratch.run("--retries 1 --require-output ^ready", "out ready");
    assert_eq!((required.code, required.stdout.as_str()), (0, "ready\n"), "{required:?}");
}

#[test]
fn a_server_is_waited_for() {
    let scratch = Scratch::new();
    let mut command = scratch.retry("--retries 2 --base 0 --retry-after --");
    command.arg(helper()).args(["err", "Retry-After: 1", "exits", "runs", "1,0"]);
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.said()[0].contains("(the server asked for 1s)"), "{ran:?}");
    assert!(ran.took >= Duration::from_secs(1));
}

#[test]
fn stdin_is_given_to_each_attempt_again() {
    let scratch = Scratch::new();
    let ran =
        scratch.run_with_input("--retries 2 --base 0.01 --stdin replay", "cat exits runs 1,0", b"one\ntwo\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "one\ntwo\none\ntwo\n"), "{ran:?}");
    let input = "0123456789abcdef".repeat(40_000);
    let much = scratch.run_with_input("--retries 1 --stdin replay", "cat", input.as_bytes());
    assert_eq!((much.code, much.stdout == input), (0, true), "{} bytes", much.stdout.len());
    // A command that does not read all of it.
    let some =
        scratch.run_with_input("--retries 2 --base 0 --stdin replay", "head 4 exit 1", input.as_bytes());
    assert_eq!((some.code, some.stdout.as_str()), (1, "0123\n0123\n"), "{some:?}");
}

#[test]
fn without_replay_the_command_reads_stdin_itself() {
    let ran = Scratch::new().run_with_input("--retries 1", "cat", b"text\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "text\n"), "{ran:?}");
    let none = Scratch::new().run_with_input("--retries 1 --stdin null", "cat", b"text\n");
    assert_eq!((none.code, none.stdout.as_str()), (0, ""), "{none:?}");
}

#[test]
fn hooks_run_around_the_attempts() {
    let scratch = Scratch::new();
    let hook = |actions: &str| format!("{} {actions}", helper().display());
    let mut command = scratch.retry("--retries 2 --base 0.01");
    command.arg("--before-retry").arg(hook("append hooks before"));
    command.arg("--fallback").arg(hook("append hooks fallback exit 5"));
    command.arg("--").arg(helper()).args(["append", "hooks", "attempt", "exit", "1"]);
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(
        scratch.read("hooks").lines().collect::<Vec<_>>(),
        ["attempt", "before", "attempt", "fallback"]
    );
    for (answer, runs) in [(0, 3), (1, 1)] {
        let mut command = scratch.retry("--retries 3 --base 0.01");
        command.arg("--retry-if").arg(hook(&format!("env RETRY_STATUS exit {answer}")));
        let ends = format!("runs{answer}");
        command.arg("--").arg(helper()).args(["exits", &ends, "9"]);
        let ran = finish(&mut command, b"");
        assert_eq!((ran.code, scratch.read(&ends).lines().count()), (9, runs), "{ran:?}");
    }
}

#[test]
fn a_breaker_is_shared_by_processes() {
    let scratch = Scratch::new();
    let options = "--retries 1 --state state --breaker registry --breaker-failures 3";
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(scratch.run(options, "exit 1").code, 1));
        }
    });
    let refused = scratch.run(options, "append ran x");
    assert_eq!((refused.code, scratch.read("ran").as_str()), (75, ""), "{refused:?}");
    assert!(refused.said()[0].contains("circuit \"registry\" is open"), "{refused:?}");
    let shown = finish(&mut scratch.retry("--state state --show-state --log-format json"), b"");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert!(shown.to_string().contains("registry"), "{shown}");
    let reset = finish(&mut scratch.retry("--state state --reset-state registry"), b"");
    assert_eq!(reset.stdout, "registry was reset\n");
    assert_eq!(scratch.run(options, "exit 0").code, 0);
}

#[test]
fn a_budget_is_counted_by_all_processes() {
    let scratch = Scratch::new();
    let options = "--retries 2 --base 0 --state state --budget all --budget-burst 5";
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| scratch.run(options, "append ran x exit 1"));
        }
    });
    // Ten first attempts, and five retries that the bucket pays for.
    assert_eq!(scratch.read("ran").lines().count(), 15);
}

#[test]
fn names_of_state_are_told_apart() {
    let scratch = Scratch::new();
    for name in ["a", "A", "con", "nul.x", "a:b*?", "ü"] {
        let mut command = scratch.retry("--retries 1 --breaker-failures 1 --breaker");
        command.arg(name).arg("--").arg(helper()).args(["exit", "1"]);
        let ran = finish(&mut command, b"");
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
    }
    let shown = finish(&mut scratch.retry("--show-state --log-format json"), b"");
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    for name in ["a", "A", "con", "nul.x", "a:b*?", "ü"] {
        assert!(shown.to_string().contains(&format!("{name:?}")), "{name}: {shown}");
    }
}

#[test]
fn reports_are_written() {
    let scratch = Scratch::new();
    let options = "--retries 2 --base 0.01 --report report.jsonl --junit junit.xml --label deploy";
    for codes in ["1,0", "3"] {
        fs::remove_file(scratch.path("runs")).unwrap_or_default();
        scratch.run(options, &format!("exits runs {codes}"));
    }
    let report = scratch.read("report.jsonl");
    let runs: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ends: Vec<_> =
        runs.iter().map(|run| (run["outcome"].as_str(), run["exit_status"].as_u64())).collect();
    assert_eq!(ends, [(Some("success"), Some(0)), (Some("exhausted"), Some(3))]);
    assert_eq!(runs[1]["attempts"][0]["ended"]["exit"], 3);
    let junit = scratch.read("junit.xml");
    assert!(junit.contains("exhausted; retry exited with 3") && junit.contains("deploy"), "{junit}");
    let stats = finish(&mut scratch.retry("--stats report.jsonl --html page.html"), b"");
    assert_eq!(stats.code, 0, "{stats:?}");
    assert!(stats.stdout.contains("deploy") && scratch.read("page.html").contains("deploy"), "{stats:?}");
}

#[test]
fn messages_go_where_log_says() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 2 --base 0.01 --log retry.log", "exit 1");
    assert_eq!(ran.stderr, "");
    let log = scratch.read("retry.log");
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(log.lines().all(|line| line.contains("Z retry: attempt ")), "{log}");
    let json = scratch.run("--retries 1 --log-format json", "exit 1");
    let entry: Value = serde_json::from_str(json.stderr.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["status"], &entry["version"]), (&Value::from(1), &Value::from(1)), "{entry}");
}

#[test]
fn the_files_of_a_step_are_appended_to() {
    let scratch = Scratch::new();
    fs::write(scratch.path("output"), "before=1\n").unwrap();
    let mut command = scratch.retry("--retries 1 --ci github --");
    command.arg(helper()).args(["exit", "3"]);
    command.env("GITHUB_STEP_SUMMARY", "summary").env("GITHUB_OUTPUT", "output");
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(scratch.read("summary").contains("| exhausted |"), "{}", scratch.read("summary"));
    assert_eq!(scratch.read("output"), "before=1\nattempts=1\noutcome=exhausted\nexit-status=3\n");
}

#[test]
fn help_and_generated_files_are_printed() {
    let scratch = Scratch::new();
    let print = |options: &str| finish(&mut scratch.retry(options), b"");
    assert!(print("--version").stdout.starts_with("retry "));
    assert!(print("--help").stdout.contains("--retry-on"));
    let powershell = print("--generate powershell");
    assert!(powershell.stdout.contains("Register-ArgumentCompleter"), "{}", powershell.stdout);
    let dry = print("--dry-run --retries 3 -- make");
    assert_eq!((dry.code, dry.stdout.contains("at most 3 times")), (0, true), "{dry:?}");
}

#[test]
fn bad_input_is_one_line_and_125() {
    let scratch = Scratch::new();
    for options in [
        "--retries 0 -- x",
        "--retry-on 7,x -- x",
        "--stop-on 99999999999 -- x",
        "--nope -- x",
        "--timeout 0 -- x",
    ] {
        let ran = finish(&mut scratch.retry(options), b"");
        assert_eq!((ran.code, ran.stderr.lines().count()), (125, 1), "{options}: {ran:?}");
        assert!(ran.stderr.starts_with("retry: "), "{ran:?}");
    }
}
