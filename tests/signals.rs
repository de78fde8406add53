//! Signals without a terminal: passed on once, the command waited for, no further attempt, the right
//! status. Each `retry` runs in a session of its own (`setsid`), so nothing here can reach the tests.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program, wait_until};
use common::live::{bit, is_alive, mask, send, wait_until_asleep};
use rustix::process::Signal;

/// Signals of one moment are one: a sender may address the child and the group. This is the next moment.
#[expect(clippy::disallowed_methods, reason = "the time between two signals is what is tested")]
fn later() {
    std::thread::sleep(std::time::Duration::from_millis(150));
}

/// A command that counts what it gets, and goes on.
const COUNTS: &str = "
    for s in HUP INT QUIT TERM USR1 USR2; do trap \"echo $s >> got\" $s; done
    echo $$ > ready
    while [ ! -e stop ]; do sleep 0.01; done
    exit 7";

#[test]
fn each_signal_of_a_process_is_passed_on_once() {
    for (signal, name, ends) in [
        (Signal::HUP, "HUP", true),
        (Signal::INT, "INT", true),
        (Signal::QUIT, "QUIT", true),
        (Signal::TERM, "TERM", true),
        (Signal::USR1, "USR1", false),
        (Signal::USR2, "USR2", false),
    ] {
        let scratch = Scratch::new();
        let retry = scratch.session("--base 0.01 --retries 2", COUNTS);
        scratch.pid("ready");
        retry.send(signal);
        assert_eq!(scratch.line("got"), name);
        std::fs::write(scratch.path("stop"), "").unwrap();
        let ended = retry.end();
        assert_eq!(scratch.read("got"), format!("{name}\n"), "once");
        assert_eq!(ended.code(), Some(7), "{name}: the command's own status\n{}", ended.stderr);
        let said = format!("interrupted by SIG{name} during attempt 1/2");
        assert_eq!(ended.stderr.contains(&said), ends, "{name}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("attempt 2/2"), !ends, "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_command_that_dies_of_the_signal_makes_us_die_of_it() {
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        let scratch = Scratch::new();
        let retry = scratch.session("--base 0.01", "echo $$ >> ready; exec sleep 1000");
        let command = scratch.pid("ready");
        wait_until_asleep(command);
        retry.send(signal);
        let ended = retry.end();
        assert_eq!(ended.signal(), Some(signal.as_raw()), "{}", ended.stderr);
        assert!(!is_alive(command));
        assert_eq!(scratch.lines("ready"), 1, "no further attempt");
        assert!(!scratch.path("core").exists());
    }
}

#[test]
fn the_commands_cleanup_is_waited_for() {
    let scratch = Scratch::new();
    let script = "trap 'echo begun > cleanup; while [ ! -e go ]; do sleep 0.01; done; echo done >> cleanup; exit 3' TERM
                  echo $$ > ready; while :; do sleep 0.01; done";
    let mut retry = scratch.session("--kill-after 0.01", script);
    scratch.pid("ready");
    retry.send(Signal::TERM);
    scratch.line("cleanup");
    assert!(retry.is_running(), "retry must not leave before the command");
    std::fs::write(scratch.path("go"), "").unwrap();
    let ended = retry.end();
    assert_eq!(scratch.read("cleanup"), "begun\ndone\n");
    assert_eq!(ended.code(), Some(3));
}

#[test]
fn the_same_signal_again_kills_and_a_different_one_is_passed_on() {
    for (first, second, killed) in [
        (Signal::INT, Signal::INT, true),
        (Signal::TERM, Signal::TERM, true),
        (Signal::INT, Signal::TERM, false),
        (Signal::TERM, Signal::INT, false),
        (Signal::HUP, Signal::HUP, false),
    ] {
        let scratch = Scratch::new();
        let retry = scratch.session("", COUNTS);
        let command = scratch.pid("ready");
        retry.send(first);
        scratch.line("got");
        later();
        retry.send(second);
        if killed {
            let ended = retry.end();
            assert_eq!(ended.signal(), Some(first.as_raw()), "{}", ended.stderr);
            assert!(!is_alive(command));
        } else {
            wait_until("the second signal", || scratch.lines("got") == 2);
            std::fs::write(scratch.path("stop"), "").unwrap();
            assert_eq!(retry.end().code(), Some(7));
        }
    }
}

#[test]
fn two_of_one_moment_do_not_cut_the_cleanup_short() {
    // As coreutils' timeout sends them: one to the child, one to its group.
    let scratch = Scratch::new();
    let script = "trap 'while [ ! -e go ]; do :; done; echo done > cleanup; exit 3' TERM
                  echo $$ > ready; while :; do sleep 0.01; done";
    let retry = scratch.session("", script);
    scratch.pid("ready");
    retry.send(Signal::TERM);
    retry.send(Signal::TERM);
    std::fs::write(scratch.path("go"), "").unwrap();
    assert_eq!(retry.end().code(), Some(3));
    assert_eq!(scratch.read("cleanup"), "done\n");
}

#[test]
fn a_signal_during_a_delay_ends_it_at_once() {
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        let scratch = Scratch::new();
        let retry = scratch.session("--base 1000", "echo x >> runs; exit 1");
        wait_until("the first failure", || scratch.read("stderr").contains("Retrying"));
        retry.send(signal);
        let ended = retry.end();
        assert_eq!(ended.signal(), Some(signal.as_raw()));
        assert_eq!(scratch.lines("runs"), 1);
        assert!(ended.stderr.contains("before attempt 2/3"), "{}", ended.stderr);
    }
}

#[test]
fn a_signal_before_the_first_attempt_runs_nothing() {
    let scratch = Scratch::new();
    let retry = scratch.session("-v --initial-delay 1000", "echo x >> runs");
    wait_until("the handler", || mask(retry.pid(), "SigCgt") & bit(Signal::TERM) != 0);
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(scratch.lines("runs"), 0);
}

#[test]
fn what_a_cancelled_command_leaves_in_our_session_ends_and_a_daemon_lives() {
    let scratch = Scratch::new();
    let script = "
        sh -c 'trap \"echo TERM > worker.got; exit\" TERM; echo $$ > worker; while :; do sleep 0.01; done' &
        sh -c 'trap \"\" TERM; echo $$ > stubborn; while :; do sleep 0.01; done' &
        setsid sh -c 'trap \"\" TERM; echo $$ > daemon; while :; do sleep 0.01; done' &
        while [ ! -s worker ] || [ ! -s stubborn ] || [ ! -s daemon ]; do sleep 0.01; done
        echo $$ > ready; exec sleep 1000";
    let retry = scratch.session("--kill-after 0.2", script);
    scratch.pid("ready");
    let (worker, stubborn, daemon) = (scratch.pid("worker"), scratch.pid("stubborn"), scratch.pid("daemon"));
    retry.send(Signal::TERM);
    let ended = retry.end();
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(scratch.read("worker.got"), "TERM\n");
    assert!(!is_alive(worker));
    assert!(!is_alive(stubborn), "SIGKILL after the grace");
    assert!(is_alive(daemon), "a daemon that left our session is not ours to end");
    send(daemon, Signal::KILL);
}

#[test]
fn signals_that_were_ignored_at_start_stay_ignored() {
    let scratch = Scratch::new();
    let script = format!(
        "trap '' HUP TERM; exec setsid {RETRY} -- sh -c 'echo $$ > ready; while [ ! -e stop ]; do sleep 0.01; done'"
    );
    let mut command = program("sh");
    command.args(["-c", &script]);
    let mut retry = scratch.launch(command);
    scratch.pid("ready");
    retry.send(Signal::HUP);
    retry.send(Signal::TERM);
    let ignored = mask(scratch.pid("ready"), "SigIgn");
    assert_ne!(ignored & bit(Signal::HUP), 0, "HUP is ignored in the command");
    assert_ne!(ignored & bit(Signal::TERM), 0, "TERM is ignored in the command");
    assert!(retry.is_running());
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(retry.end().code(), Some(0));
}

#[test]
fn sigpipe_ignored_at_start_stays_ignored_in_the_command_and_else_does_not() {
    for (trap, ignored) in [("trap '' PIPE", true), ("trap - PIPE", false)] {
        let scratch = Scratch::new();
        let mut command = program("sh");
        command.args(["-c", &format!("{trap}; exec {RETRY} -- cat /proc/self/status")]);
        assert_eq!(scratch.launch(command).end().code(), Some(0));
        let status = scratch.read("stdout");
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        let mask = u64::from_str_radix(line.trim(), 16).unwrap();
        assert_eq!(mask & bit(Signal::PIPE) != 0, ignored, "{trap}");
    }
}

#[test]
fn sigchld_ignored_or_blocked_by_the_parent_is_put_right() {
    let scratch = Scratch::new();
    let mut command = program("sh");
    command.args(["-c", &format!("trap '' CHLD; exec {RETRY} --retries 1 -- sh -c 'exit 9'")]);
    assert_eq!(scratch.launch(command).end().code(), Some(9));

    if needs("python3", "a blocked SIGCHLD") {
        let mut command = program("python3");
        command.args([
            "-c",
            &format!(
                "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGCHLD}}); \
             os.execv('{RETRY}', ['retry', '--retries', '1', '--', 'grep', 'SigBlk', '/proc/self/status'])"
            ),
        ]);
        assert_eq!(scratch.launch(command).end().code(), Some(0));
        assert!(
            scratch.read("stdout").contains("0000000000010000"),
            "the command's mask is what it would have been"
        );
    }
}

#[test]
fn a_signal_to_a_timed_out_attempt_ends_everything() {
    let scratch = Scratch::new();
    let script = "trap 'echo TERM >> got' TERM; trap 'echo INT >> got' INT; echo $$ >> ready; while :; do sleep 0.01; done";
    let retry = scratch.session("--timeout 2 --kill-after 1000 --retries 5", script);
    let command = scratch.pid("ready");
    // In the grace period now: the command got the limit's TERM.
    scratch.line("got");
    retry.send(Signal::INT);
    wait_until("INT to be passed on", || scratch.lines("got") == 2);
    later();
    retry.send(Signal::INT);
    let ended = retry.end();
    assert_eq!(ended.signal(), Some(Signal::INT.as_raw()), "{}", ended.stderr);
    assert!(!is_alive(command));
    assert_eq!(scratch.lines("ready"), 1, "no further attempt");
}
