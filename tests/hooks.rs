//! The commands around the attempts: `--before-retry` and `--fallback`. When they run, with what, and
//! what their ends mean.

mod common;

use common::command::{Scratch, program, said, text, wait_until};
use common::live::{is_alive, wait_until_asleep};
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

fn run(scratch: &Scratch, options: &[&str], script: &str) -> Output {
    let mut retry = scratch.retry("--base 0 -j 0");
    retry.args(options).args(["--", "sh", "-c", script]).output().unwrap()
}

#[test]
fn before_retry_runs_between_attempts_and_nowhere_else() {
    let scratch = Scratch::new();
    let hook = r#"echo "hook $RETRY_ATTEMPT/$RETRY_MAX_ATTEMPTS after $RETRY_PREVIOUS_STATUS" >> log"#;
    let script = r#"echo "attempt $RETRY_ATTEMPT" >> log; exit $((RETRY_ATTEMPT + 4))"#;
    let done = run(&scratch, &["--before-retry", hook], script);
    assert_eq!(done.status.code(), Some(7));
    assert_eq!(scratch.read("log"), "attempt 1\nhook 2/3 after 5\nattempt 2\nhook 3/3 after 6\nattempt 3\n");
    // Not after a first success, and not between good attempts.
    for options in
        [&["--before-retry", "touch ran"][..], &["--before-retry", "touch ran", "--consecutive", "3"]]
    {
        assert!(run(&scratch, options, "true").status.success());
        assert!(!scratch.path("ran").exists());
    }
}

#[test]
fn before_retry_cannot_touch_what_a_pipeline_sees() {
    let scratch = Scratch::new();
    let hook = "readlink /proc/self/fd/0 > stdin; echo said; echo complained >&2";
    let mut retry = scratch.retry_to_spawn("-r 2 --base 0 -j 0");
    retry.args(["--before-retry", hook, "--", "sh", "-c", "echo out; false"]);
    let mut retry =
        retry.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    retry.stdin.take().unwrap().write_all(b"left alone").unwrap();
    let done = retry.wait_with_output().unwrap();
    assert_eq!(text(&done.stdout), "out\nout\n");
    assert!(text(&done.stderr).contains("\nsaid\ncomplained\nretry: attempt 2/2"), "{}", text(&done.stderr));
    assert_eq!(scratch.read("stdin"), "/dev/null\n");
}

#[test]
fn a_failing_before_retry_is_a_warning() {
    let scratch = Scratch::new();
    for (hook, words) in [("exit 9", "exit status 9"), ("kill -9 $$", "killed by SIGKILL")] {
        let script = r#"[ "$RETRY_ATTEMPT" = 2 ]"#;
        let done = run(&scratch, &["--before-retry", hook], script);
        assert_eq!(done.status.code(), Some(0));
        let lines = said(&done);
        assert_eq!(lines[1], format!("retry: the --before-retry command failed: {words}. Retrying anyway"));
        assert_eq!(lines.len(), 3, "{lines:?}");
    }
}

#[test]
fn a_deadline_ends_before_retry() {
    let scratch = Scratch::new();
    let hook = "echo $$ > pid; exec sleep 600";
    let done = run(&scratch, &["--deadline", "3", "--before-retry", hook], "exit 3");
    assert_eq!(done.status.code(), Some(3), "{:?}", said(&done));
    assert!(!is_alive(scratch.pid("pid")));
    let lines = said(&done);
    assert_eq!(lines[1], "retry: the deadline ended the --before-retry command");
    assert!(
        lines[2].starts_with("retry: no time left for attempt 2/3 before the deadline of 3s"),
        "{lines:?}"
    );
}

#[test]
fn a_signal_ends_before_retry_and_the_run() {
    let scratch = Scratch::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let hook = "echo $$ > pid; exec sleep 600";
        let mut retry = scratch.retry_to_spawn("-r 3 --base 0 -j 0");
        retry.args(["--before-retry", hook, "--", "sh", "-c", "echo run >> runs; exit 3"]);
        let retry = scratch.start_command(retry);
        let pid = scratch.pid("pid");
        wait_until_asleep(pid);
        retry.send(signal);
        assert_eq!(retry.end().signal(), Some(signal.as_raw()), "{}", scratch.read("stderr"));
        wait_until("the end of the hook", || !is_alive(pid));
        assert_eq!(scratch.runs(), 1);
        std::fs::remove_file(scratch.path("runs")).unwrap();
        std::fs::remove_file(scratch.path("pid")).unwrap();
    }
}

#[test]
fn the_fallback_runs_after_every_failure_and_its_status_counts() {
    let scratch = Scratch::new();
    for (case, options, script) in [
        ("exhausted", "-r 2 --base 0", "exit 3"),
        ("stopped", "--stop-on 3", "exit 3"),
        ("left out", "--retry-on 9", "exit 3"),
        ("killed", "-r 1", "kill -9 $$"),
        ("timed out", "-r 1 --timeout 0.2", "exec sleep 600"),
        ("out of time", "--deadline 0.2 --base 1", "exit 3"),
        ("the deadline", "--deadline 0.2", "exec sleep 600"),
        ("required", "-r 1 --require-output x", "true"),
    ] {
        for (fallback, status) in [("echo cached", 0), ("echo cached; exit 42", 42)] {
            let mut retry = scratch.retry(&format!("-j 0 {options} --fallback"));
            let done = retry.args([fallback, "--", "sh", "-c", script]).output().unwrap();
            assert_eq!(done.status.code(), Some(status), "{case}: {:?}", said(&done));
            assert_eq!(text(&done.stdout), "cached\n", "{case}");
            assert_eq!(said(&done).last().unwrap(), "retry: running the --fallback command", "{case}");
        }
    }
    let mut retry = scratch.retry("-q --fallback");
    retry.args(["echo cached", "--", "no-such-command"]).assert().success().stdout("cached\n");
    let mut retry = scratch.retry("-q --initial-delay 2 --deadline 1 --fallback");
    retry.args(["echo cached", "--", "true"]).assert().success().stdout("cached\n");
}

#[test]
fn the_fallback_does_not_run_otherwise() {
    let scratch = Scratch::new();
    let ran = || scratch.path("ran").exists();
    assert!(run(&scratch, &["--fallback", "touch ran"], "true").status.success());
    assert!(run(&scratch, &["--fallback", "touch ran"], r#"[ "$RETRY_ATTEMPT" = 2 ]"#).status.success());
    let flaky =
        run(&scratch, &["--flaky-exit", "8", "--fallback", "touch ran"], r#"[ "$RETRY_ATTEMPT" = 2 ]"#);
    assert_eq!(flaky.status.code(), Some(8));
    assert!(!ran());
    // A failure of retry's own.
    let mut retry = scratch.retry("-O -q --fallback");
    retry.args(["touch ran", "--", "head", "-c", "3M", "/dev/zero"]).env("TMPDIR", "/nonexistent");
    retry.assert().code(125);
    assert!(!ran());
    // An interruption.
    let mut retry = scratch.retry_to_spawn("--fallback");
    retry.args(["touch ran", "--", "sh", "-c", "touch ready; exec sleep 600"]);
    let retry = scratch.start_command(retry);
    wait_until("the command", || scratch.path("ready").exists());
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()));
    assert!(!ran());
}

#[test]
fn the_fallback_takes_the_place_of_held_stdout() {
    let scratch = Scratch::new();
    let script = "echo partial; echo reason >&2; exit 3";
    let options = ["-r", "2", "-O", "--stderr", "final", "--fallback", "echo cached"];
    let done = run(&scratch, &options, script);
    assert_eq!(text(&done.stdout), "cached\n");
    assert_eq!(text(&done.stderr).matches("reason\n").count(), 1, "{}", text(&done.stderr));
    // In one file as well.
    let mut sh = program("sh");
    let line = format!(
        r#""$RETRY" --silent -r 1 -O --stderr final --fallback 'echo cached' -- sh -c '{script}' > all 2>&1"#
    );
    scratch.settle(sh.args(["-c", &line]).env("RETRY", common::command::RETRY));
    assert!(sh.status().unwrap().success());
    assert_eq!(scratch.read("all"), "reason\ncached\n");
    // What was live is there, of course.
    assert_eq!(
        text(&run(&scratch, &["-r", "1", "--fallback", "echo cached"], script).stdout),
        "partial\ncached\n"
    );
}

#[test]
fn a_hook_without_a_shell_says_what_is_missing() {
    let scratch = Scratch::new();
    let no_shell = "cannot run sh: no such file or directory";
    for (hook, said) in [
        ("--before-retry", format!("retry: the --before-retry command failed: {no_shell}. Retrying anyway")),
        (
            "--retry-if",
            format!("retry: ignoring the --retry-if command: {no_shell} (0 means retry, 1 means stop)"),
        ),
        ("--fallback", format!("retry: the --fallback command failed: {no_shell}")),
    ] {
        let mut retry = scratch.retry_to_spawn("-r 2 --base 0 -j 0");
        let done =
            retry.args([hook, "echo x", "--", "/bin/false"]).env("PATH", "/nonexistent").output().unwrap();
        let lines: Vec<String> = text(&done.stderr).lines().map(str::to_owned).collect();
        assert!(lines.contains(&said), "{lines:?}");
        assert_eq!(done.status.code(), Some(if hook == "--fallback" { 127 } else { 1 }));
    }
}

#[test]
fn held_stderr_comes_before_the_line_about_the_fallback() {
    let scratch = Scratch::new();
    let options = ["-r", "1", "--stderr", "final", "--fallback", "echo cached >&2"];
    let stderr = text(&run(&scratch, &options, "echo broken >&2; exit 1").stderr);
    let last: Vec<&str> = stderr.lines().skip(1).collect();
    assert_eq!(last, ["broken", "retry: running the --fallback command", "cached"], "{stderr}");
}

#[test]
fn the_fallback_reads_what_the_attempts_read() {
    let scratch = Scratch::new();
    let options = ["-q", "-r", "2", "--base", "0", "--stdin", "replay", "--fallback", "cat"];
    let mut retry = program(common::command::RETRY);
    scratch.settle(retry.args(options).args(["--", "sh", "-c", "cat > /dev/null; false"]));
    let mut retry = retry.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = "line\n".repeat(500_000);
    retry.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = retry.wait_with_output().unwrap();
    assert!(text(&done.stdout) == input, "{} bytes", done.stdout.len());
    assert!(done.status.success());
    // A file is rewound.
    std::fs::write(scratch.path("file"), "from a file\n").unwrap();
    let mut retry = scratch.retry_to_spawn("-q -r 1 --fallback cat");
    retry.args(["--", "sh", "-c", "cat > /dev/null; false"]);
    retry.stdin(std::fs::File::open(scratch.path("file")).unwrap());
    assert_eq!(text(&retry.output().unwrap().stdout), "from a file\n");
}

#[test]
fn the_fallback_is_told_how_it_came_to_this() {
    let scratch = Scratch::new();
    let fallback = r#"echo "$RETRY_ATTEMPT $RETRY_PREVIOUS_STATUS""#;
    assert_eq!(text(&run(&scratch, &["-r", "2", "--fallback", fallback], "exit 9").stdout), "2 9\n");
}

#[test]
fn a_fallback_that_a_signal_kills_makes_retry_die_of_it() {
    let scratch = Scratch::new();
    let done = run(&scratch, &["-r", "1", "--fallback", "kill -9 $$"], "exit 3");
    assert_eq!(done.status.signal(), Some(Signal::KILL.as_raw()));
}

#[test]
fn signals_reach_the_fallback() {
    let scratch = Scratch::new();
    for (fallback, code) in [
        ("trap 'exit 6' TERM; echo $$ > pid; while :; do sleep 0.05; done", Some(6)),
        ("echo $$ > pid; exec sleep 600", None),
    ] {
        let mut retry = scratch.retry_to_spawn("-r 1 --fallback");
        retry.args([fallback, "--", "false"]);
        let retry = scratch.start_command(retry);
        let pid = scratch.pid("pid");
        retry.send(Signal::TERM);
        let status = retry.end();
        assert_eq!(status.code(), code, "{}", scratch.read("stderr"));
        assert_eq!(status.signal().is_some(), code.is_none());
        assert!(!is_alive(pid));
        std::fs::remove_file(scratch.path("pid")).unwrap();
    }
}
