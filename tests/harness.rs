//! What the other tests stand on: a child of a test gets nothing from whoever runs the tests, and nothing
//! outlives its test.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program, text, timed, wait_until};
use common::live::is_alive;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;

/// What a child shows of what it was given.
const SHOW: &str = r"
    grep -E '^Sig(Blk|Ign):' /proc/self/status
    readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 > streams
    env | cut -d= -f1 | sort > names";

#[test]
fn a_child_begins_with_clean_signals_null_streams_and_a_bare_environment() {
    let scratch = Scratch::new();
    let mut child = program("sh");
    scratch.settle(child.args(["-c", SHOW]));
    // No `output`: whatever would be inherited is null.
    let shown = text(&child.stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap().stdout);
    let masks: Vec<&str> =
        shown.lines().filter_map(|line| line.split_once(":\t")).map(|(_, mask)| mask).collect();
    assert_eq!(masks, ["0000000000000000"; 2], "{shown}");
    let streams = scratch.read("streams");
    let streams: Vec<&str> = streams.lines().collect();
    assert_eq!((streams[0], streams[2]), ("/dev/null", "/dev/null"));
    for name in scratch.read("names").lines() {
        let known = ["HOME", "LLVM_PROFILE_FILE", "PATH", "PWD", "SCRATCH", "TMPDIR", "_", "OLDPWD", "SHLVL"];
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn wherever_the_tests_run_their_children_are_clean() {
    if !needs("python3", "clean children of unclean tests") {
        return;
    }
    // As nohup and a shell's background job leave it, with a mask on top, and with settings of all kinds.
    let unclean = "
import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])";
    let mut again = program("python3");
    again.args(["-c", unclean]).arg(std::env::current_exe().unwrap());
    again.args(["--exact", "a_child_begins_with_clean_signals_null_streams_and_a_bare_environment"]);
    again.envs(
        ["GITHUB_ACTIONS", "CI", "JOURNAL_STREAM", "NO_COLOR", "RETRY_RETRIES"].map(|name| (name, "1")),
    );
    let done = again.env("TERM", "xterm").output().unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    assert!(text(&done.stdout).contains("1 passed"), "{}", text(&done.stdout));
}

#[test]
fn nothing_outlives_a_test_that_fails() {
    let mut pids = Vec::new();
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let scratch = Scratch::new();
        let script = "trap '' HUP INT TERM; sleep 1000 & echo $! >> pids
            setsid sh -c 'echo $$ >> pids; exec sleep 1000' &
            env -i PATH=\"$PATH\" setsid sh -c 'echo $$ >> pids; exec sleep 1000' &
            pids=$PWD/pids; (cd / && exec setsid sh -c 'echo $$ >> \"$0\"; exec sleep 1000' \"$pids\") &
            echo $$ >> pids; wait";
        // Whatever `retry` does for a command when it is killed does not come in here.
        let retry = scratch.start("", &format!("setsid sh -c '{}'", script.replace('\'', r"'\''")));
        wait_until("the processes", || scratch.lines("pids") == 5);
        pids = scratch.read("pids").lines().map(|pid| pid.trim().parse().unwrap()).collect();
        pids.push(retry.pid());
        assert!(pids.iter().all(|pid| is_alive(*pid)), "they run");
        std::panic::resume_unwind(Box::new("failed"));
    }));
    assert_eq!(failed.unwrap_err().downcast_ref(), Some(&"failed"));
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "{pids:?}");
}

#[test]
fn no_fork_storm_outlives_a_test() {
    if !needs("python3", "the end of a fork storm") {
        return;
    }
    // Each process starts the next one and ends: none stays to be killed. After a minute they stop by themselves.
    let storm = "
import os, time
end = time.time() + 60
os.setsid()
open('group', 'w').write(f'{os.getpid()}\\n')
for _ in range(5):
    if os.fork() == 0:
        while time.time() < end:
            if os.fork(): break
        os._exit(0)";
    let scratch = Scratch::new();
    let mut python = program("python3");
    scratch.settle(python.args(["-c", storm]));
    let python = scratch.start_command(python);
    let group = rustix::process::Pid::from_raw(scratch.pid("group")).unwrap();
    let lives = || rustix::process::test_kill_process_group(group).is_ok();
    assert!(lives());
    let ((), took) = timed(|| {
        drop(python);
        drop(scratch);
        // What was killed may still have to be reaped by whoever does that here.
        wait_until("the end of the storm", || !lives());
    });
    assert!(took.as_secs() < 40, "{took:?}");
}

#[test]
fn what_a_test_hands_on_arrives() {
    let scratch = Scratch::new();
    let mut child = program("sh");
    scratch.settle(child.args(["-c", "trap '' HUP; exec \"$@\"", "sh", RETRY, "-r1", "-b", "0", "--"]));
    child.args(["sh", "-c", "kill -HUP $$; echo \"$MINE\"; cat; kill -TERM $$"]).env("MINE", "mine");
    std::fs::write(scratch.path("input"), "input\n").unwrap();
    let input = std::fs::File::open(scratch.path("input")).unwrap();
    let done = child.stdin(input).output().unwrap();
    assert_eq!(text(&done.stdout), "mine\ninput\n");
    assert_eq!(done.status.signal(), Some(libc::SIGTERM));
}

#[test]
fn every_test_starts_its_children_so() {
    let mut sources = 0;
    for directory in ["tests", "tests/shared_state"] {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let Ok(source) = std::fs::read_to_string(entry.path()) else { continue };
            let raw = source.matches(concat!("Command", "::new(")).count();
            assert_eq!(raw, 0, "{}: children are started with `program`", entry.path().display());
            sources += 1;
        }
    }
    assert!(sources > 20, "{sources}");
}
