//! A limit or a signal takes effect in its time, whatever the command and its children do.

#![cfg(target_os = "linux")]

mod common;

use common::command::{PATIENCE, RETRY, Scratch, needs, program, timed, wait_for, wait_until, works};
use common::live::{Ended, Live, is_alive, mask, send, state};
use rustix::process::Signal;
use std::time::Duration;

/// Chains of processes each of which forks and ends at once: an endless supply of orphans.
const STORM: &str = "
import os, time
os.close(0)
for _ in range(20):
    if os.fork() == 0:
        while True:
            if os.fork(): os._exit(0)
open('ready', 'w').write('ready\\n')
time.sleep(1000)";

fn storm(scratch: &Scratch, options: &str) -> Live {
    let mut command = program("setsid");
    command.arg(RETRY).args(options.split_whitespace()).args(["python3", "-c", STORM]);
    // Chains have no name of their own, so this finds them.
    command.env("STORM", scratch.path(""));
    scratch.launch(command)
}

fn has_ended(scratch: &Scratch) -> bool {
    common::live::marked(&format!("STORM={}", scratch.path("").display())).is_empty()
}

/// Well above a busy machine's delay, and far below what a starved limit takes.
const IN_TIME: Duration = Duration::from_secs(20);

fn end_of(live: Live) -> (Ended, Duration) {
    timed(|| live.end())
}

#[test]
fn a_storm_of_orphans_keeps_no_time_limit_from_being_seen() {
    if !needs("python3", "a storm of orphans") {
        return;
    }
    let scratch = Scratch::new();
    let (ended, took) = end_of(storm(&scratch, "--timeout 1 --kill-after 0.2 --retries 1"));
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert!(took < IN_TIME, "{took:?}");
    assert!(has_ended(&scratch));
}

#[test]
fn a_storm_of_orphans_keeps_no_signal_from_being_seen() {
    if !needs("python3", "a storm of orphans") {
        return;
    }
    let scratch = Scratch::new();
    let retry = storm(&scratch, "--kill-after 0.2 --retries 1");
    scratch.line("ready");
    retry.send(Signal::TERM);
    let (ended, took) = end_of(retry);
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()), "{}", ended.stderr);
    assert!(took < IN_TIME, "{took:?}");
    assert!(has_ended(&scratch));
}

#[test]
fn a_command_that_stops_itself_without_job_control_meets_its_limits() {
    for (options, code) in [("--timeout 1", 124), ("--deadline 1", 124)] {
        let scratch = Scratch::new();
        let options = format!("{options} --kill-after 1000 --retries 1");
        let retry = scratch.session(&options, "echo $$ > ready; kill -STOP $$; sleep 1000");
        let command = scratch.pid("ready");
        let ended = retry.end();
        assert_eq!(ended.code(), Some(code), "{options}: {}", ended.stderr);
        assert!(ended.stderr.contains("(sent SIGTERM)"), "{options}: {}", ended.stderr);
        assert!(!is_alive(command));
    }
}

#[test]
fn the_first_term_ends_a_command_that_stopped_itself() {
    let scratch = Scratch::new();
    let retry = scratch.session(
        "",
        "trap 'echo TERM > got; exit 4' TERM; echo $$ > ready; kill -STOP $$; sleep 1000 & wait",
    );
    let command = scratch.pid("ready");
    wait_until("the command to be stopped", || state(command) == Some('T'));
    retry.send(Signal::TERM);
    let ended = retry.end();
    assert_eq!((ended.code(), scratch.read("got").as_str()), (Some(4), "TERM\n"), "{}", ended.stderr);
}

#[test]
fn a_command_that_asks_to_be_traced_goes_on() {
    if !needs("python3", "ptrace") {
        return;
    }
    let scratch = Scratch::new();
    let script = "
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(0, 0, 0, 0) == 0
signal.signal(signal.SIGUSR1, lambda *_: open('got', 'a').write('USR1\\n'))
os.kill(os.getpid(), signal.SIGUSR1)
os.execvp('sh', ['sh', '-c', 'echo executed >> got; exit 6'])";
    let done = scratch.retry("--retries 2 --base 0 -- python3 -c").arg(script).output().unwrap();
    assert_eq!(done.status.code(), Some(6), "{}", common::command::text(&done.stderr));
    assert_eq!(scratch.read("got"), "USR1\nexecuted\nUSR1\nexecuted\n");
}

#[test]
fn retry_that_is_killed_takes_its_command_along() {
    for (options, signal) in [("", Signal::TERM), ("--timeout-signal INT", Signal::INT)] {
        let scratch = Scratch::new();
        let name = if signal == Signal::TERM { "TERM" } else { "INT" };
        let script =
            format!("trap 'echo {name} > got; exit' {name}; echo $$ > ready; while :; do sleep 0.01; done");
        let retry = scratch.session(options, &script);
        scratch.pid("ready");
        retry.send(Signal::KILL);
        assert_eq!(scratch.line("got"), name);
        assert_eq!(retry.end().signal(), Some(Signal::KILL.as_raw()));
    }
}

#[test]
fn a_death_signal_that_retry_was_given_is_handed_on() {
    if !needs("setpriv", "a parent-death signal") {
        return;
    }
    let scratch = Scratch::new();
    let script = "trap 'echo USR1 > got; exit' USR1; echo $$ > ready; while :; do sleep 0.01; done";
    let mut command = program("setsid");
    command.args(["setpriv", "--pdeathsig", "USR1", RETRY, "sh", "-c", script]);
    let retry = scratch.launch(command);
    scratch.pid("ready");
    retry.send(Signal::KILL);
    assert_eq!(scratch.line("got"), "USR1");
    retry.end();
}

#[test]
fn every_signal_that_would_end_retry_is_passed_on() {
    let numbers = [
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::POWER,
        Signal::XCPU,
        Signal::XFSZ,
        Signal::PIPE,
        Signal::ABORT,
        Signal::SEGV,
        Signal::BUS,
        Signal::FPE,
        Signal::ILL,
        Signal::TRAP,
        Signal::SYS,
    ]
    .map(Signal::as_raw)
    .into_iter()
    .chain([16, 34, 37, 50, 64]);
    for number in numbers {
        let scratch = Scratch::new();
        let script = format!(
            "trap 'echo {number} > got; exit 7' {number}; echo $$ > ready; while :; do sleep 0.01; done"
        );
        let mut command = program("setsid");
        // dash has no traps for real-time signals.
        command.args([RETRY, "--retries", "1", "bash", "-c", &script]);
        if !needs("bash", "real-time signals") {
            return;
        }
        let retry = scratch.launch(command);
        scratch.pid("ready");
        let sent = program("kill").args([format!("-{number}"), retry.pid().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = retry.end();
        assert_eq!(scratch.read("got"), format!("{number}\n"), "{}", ended.stderr);
        assert_eq!(ended.code(), Some(7), "{number}: {}", ended.stderr);
    }
}

#[test]
fn a_command_that_dies_of_an_alarm_is_not_retried() {
    // The time limit of `perl -e 'alarm 10; exec ...'`: the alarm outlives exec, and comes to retry.
    let scratch = Scratch::new();
    let retry = scratch.session("--base 0", "echo run >> runs; exec sleep 1000");
    scratch.line("runs");
    let sent = program("kill").args(["-ALRM".to_owned(), retry.pid().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = retry.end();
    assert_eq!(ended.signal(), Some(Signal::ALARM.as_raw()), "{}", ended.stderr);
    assert_eq!(scratch.lines("runs"), 1);
}

#[test]
fn nothing_is_ignored_in_the_command_that_was_not() {
    let scratch = Scratch::new();
    let retry = scratch.session("", "echo $$ > ready; while [ ! -e stop ]; do sleep 0.01; done");
    let command = scratch.pid("ready");
    assert_eq!(mask(command, "SigIgn"), mask(retry.pid(), "SigIgn"));
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(retry.end().code(), Some(0));
}

#[test]
fn what_systemd_tells_a_service_by_its_pid_is_told_to_the_command() {
    let scratch = Scratch::new();
    let script = "for name in LISTEN_PID WATCHDOG_PID SYSTEMD_EXEC_PID; do eval export $name=$$; done
        export LISTEN_PIDFDID=77; exec \"$0\" --retries 2 --base 0 -- sh -c 'env | grep _PID; echo command $$; exit 1'";
    let mut command = program("sh");
    command.args(["-c", script, RETRY]);
    let live = scratch.launch(command);
    assert_eq!(live.end().code(), Some(1));
    let lines: Vec<String> = scratch.read("stdout").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 8, "{lines:?}");
    for attempt in lines.chunks(4) {
        let pid = attempt[3].strip_prefix("command ").unwrap();
        let mut told: Vec<&str> = attempt[..3].iter().map(String::as_str).collect();
        told.sort_unstable();
        let named = ["LISTEN_PID", "SYSTEMD_EXEC_PID", "WATCHDOG_PID"].map(|name| format!("{name}={pid}"));
        assert_eq!(told, named);
    }
    // Another's pid is none of our business.
    let mut command = program("sh");
    command.args([
        "-c",
        "LISTEN_PID=1 LISTEN_PIDFDID=77 exec \"$0\" -- sh -c 'echo $LISTEN_PID $LISTEN_PIDFDID'",
        RETRY,
    ]);
    assert_eq!(scratch.launch(command).end().code(), Some(0));
    assert_eq!(scratch.read("stdout"), "1 77\n");
}

#[test]
fn a_command_starts_and_ends_with_no_descriptor_to_spare() {
    let scratch = Scratch::new();
    for limit in [4, 5, 6] {
        let script = format!(
            "ulimit -S -n {limit}; exec {RETRY} --timeout 1 --kill-after 0.2 --retries 2 --base 0 -- sh -c '
                ulimit -S -n 50; echo run >> runs{limit}; (trap \"\" TERM; exec sleep 1000) & echo $! >> left{limit}; exec sleep 1000'"
        );
        let mut command = program("setsid");
        command.args(["sh", "-c", &script]);
        let ended = scratch.launch(command).end();
        assert_eq!(ended.code(), Some(124), "{limit}: {}", ended.stderr);
        let left: Vec<i32> =
            scratch.read(&format!("left{limit}")).lines().map(|line| line.parse().unwrap()).collect();
        let alive: Vec<i32> = left.into_iter().filter(|pid| is_alive(*pid)).collect();
        let runs = scratch.lines(&format!("runs{limit}"));
        if alive.is_empty() {
            assert_eq!(runs, 2, "{limit}: {}", ended.stderr);
        } else {
            // With no descriptor at all, /proc cannot be read.
            assert_eq!(runs, 1, "an attempt must not overlap with what is left: {}", ended.stderr);
            assert!(ended.stderr.contains("could not end processes"), "{}", ended.stderr);
        }
        for pid in alive {
            send(pid, Signal::KILL);
        }
    }
}

#[test]
fn what_a_failed_attempt_leaves_running_is_said() {
    let scratch = Scratch::new();
    let script = "sleep 1000 & echo $! >> left; exit 3";
    let retry = scratch.session("--retries 2 --base 0 --jitter 0", script);
    let ended = retry.end();
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let pids = scratch.read("left");
    let pids: Vec<&str> = pids.lines().collect();
    // Only what this attempt left.
    for (line, (pid, then)) in lines.iter().zip(pids.iter().zip(["Retrying", "Giving up"])) {
        let left = format!("s, process {pid} still running (--leftovers end ends it). {then}");
        assert!(line.contains("exit status 3 after ") && line.contains(&left), "{lines:?}");
    }
    assert_eq!((lines.len(), pids.len()), (2, 2), "{lines:?}");
    for pid in scratch.read("left").lines().map(|line| line.parse().unwrap()) {
        assert!(is_alive(pid));
        send(pid, Signal::KILL);
    }
}

#[test]
fn what_a_failed_attempt_leaves_running_is_ended_on_request() {
    let scratch = Scratch::new();
    // Attempt 2 needs what attempt 1 holds.
    let script = "
        if [ -e held ] && kill -0 $(cat held) 2> /dev/null; then echo overlap >> overlap; fi
        (trap '' TERM; exec sleep 1000) & echo $! > held; sleep 1000 & exit 3";
    let retry = scratch.session("--leftovers end --kill-after 0.1 --retries 3 --base 0", script);
    let ended = retry.end();
    assert_eq!(ended.code(), Some(3));
    assert_eq!(scratch.read("overlap"), "");
    assert!(!is_alive(scratch.pid("held")));
    assert!(ended.stderr.contains(" ended. Retrying"), "{}", ended.stderr);
    // A success may leave a daemon.
    let retry = scratch.session("--leftovers end", "sleep 1000 & echo $! > daemon; exit 0");
    assert_eq!(retry.end().code(), Some(0));
    assert!(is_alive(scratch.pid("daemon")));
    send(scratch.pid("daemon"), Signal::KILL);
}

#[test]
fn a_signal_during_a_delay_reaches_what_earlier_attempts_left_in_our_session() {
    let scratch = Scratch::new();
    let script = "
        sh -c 'trap \"echo TERM > got; exit\" TERM; echo $$ > left; while :; do sleep 0.01; done' &
        setsid sleep 1000 & echo $! > daemon
        while [ ! -s left ]; do sleep 0.01; done; exit 1";
    let retry = scratch.session("--base 1000", script);
    wait_until("the delay", || {
        scratch.read("stderr").contains(" still running (--leftovers end ends them). Retrying")
    });
    retry.send(Signal::TERM);
    let (ended, took) = end_of(retry);
    assert_eq!(ended.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(scratch.read("got"), "TERM\n");
    assert!(!is_alive(scratch.pid("left")) && took < PATIENCE);
    let daemon = scratch.pid("daemon");
    assert!(is_alive(daemon), "it has left our session");
    send(daemon, Signal::KILL);
}

#[test]
fn a_signal_just_after_an_attempt_reaches_what_it_left_in_our_session() {
    // The child sends it as soon as the command is reaped, while it is still being looked for processes.
    let script = r"
        sh -c 'while kill -0 $1 2>/dev/null; do :; done; kill -TERM $2; exec sleep 1000' - $$ $PPID &
        echo $! > left; exit 1";
    for attempts in [1, 5] {
        let scratch = Scratch::new();
        let retry = scratch.session(&format!("-r {attempts} --base 1000"), script);
        let left = wait_for("the child", || scratch.read("left").trim().parse().ok());
        retry.end();
        assert!(!is_alive(left), "{}", scratch.read("stderr"));
    }
}

#[test]
fn what_cannot_be_forked_now_is_passing_trouble_and_nobody_else_is_signalled() {
    // -1, which clone(2) returns then, is everybody to kill(2). In a pid namespace of its own, everybody is few.
    let mut trial = program("unshare");
    trial.args(["--pid", "--fork", "--mount-proc", "setpriv", "--reuid=65534", "--clear-groups", "true"]);
    if !works(&mut trial, "unshare, setpriv and root", "a user without a process to spare") {
        return;
    }
    let scratch = Scratch::new();
    let script = format!(
        "nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
        $nobody sleep 1000 & bystander=$!
        for options in '-r 2 --base 0 --timeout 1' '-r 1 --deadline 1' '-r 1'; do
            $nobody bash -c 'ulimit -u 0; exec {RETRY} '\"$options\"' -- true'; echo $? >> statuses
        done
        kill -0 $bystander && echo alive > bystander"
    );
    let mut command = program("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "bash", "-c", &script]);
    let ended = scratch.launch(command).end();
    assert_eq!(scratch.read("statuses"), "126\n126\n126\n", "{}", ended.stderr);
    assert_eq!(scratch.read("bystander"), "alive\n", "{}", ended.stderr);
    assert!(ended.stderr.contains("attempt 1/2 failed: cannot start true: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("attempt 2/2 failed: cannot start true: "), "{}", ended.stderr);
}

#[test]
fn without_a_proc_what_is_left_running_is_not_gone() {
    let mount = "umount -l /proc && exec \"$@\"";
    let mut trial = program("unshare");
    trial.args(["--mount", "sh", "-c", mount, "sh", "true"]);
    if !works(&mut trial, "unshare and root", "no /proc") {
        return;
    }
    for (options, runs, said) in [
        (
            "--leftovers end",
            1,
            "; could not end processes that /proc hides. Not retrying: attempts would overlap",
        ),
        (
            "--leftovers keep",
            2,
            ", processes still running that /proc hides (--leftovers end tries to end them). Retrying in",
        ),
    ] {
        let scratch = Scratch::new();
        let mut command = program("unshare");
        command.args(["--mount", "sh", "-c", mount, "sh", RETRY, "-r", "2", "--base", "0"]);
        command.args(options.split(' ')).args([
            "sh",
            "-c",
            "echo run >> runs; sleep 1000 & echo $! >> left; exit 3",
        ]);
        let ended = scratch.launch(command).end();
        assert_eq!((ended.code(), scratch.lines("runs")), (Some(3), runs), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time between two signals is what is tested")]
fn a_fallback_that_had_to_be_killed_does_not_hide_the_signal() {
    let scratch = Scratch::new();
    let fallback = "trap '' TERM; echo $$ > ready; while :; do sleep 0.01; done";
    let mut command = program(RETRY);
    command.args(["-r", "1", "--kill-after", "0.2", "--fallback", fallback, "false"]);
    let retry = scratch.launch(command);
    scratch.pid("ready");
    retry.send(Signal::TERM);
    common::live::wait_until_taken(retry.pid(), Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    retry.send(Signal::TERM);
    assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()));
}
