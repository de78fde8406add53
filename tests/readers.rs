//! Nobody who reads what `retry` says can hold up a signal or a limit, and nobody who reads slowly loses a line.

mod common;

use common::command::{Running, Scratch, timed, wait_until};
use common::live::wait_until_asleep;
use rustix::process::Signal;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What comes in time has come long before this, on any machine.
const SOON: Duration = Duration::from_secs(10);

/// A pipe that is full, and its reader.
fn full_pipe() -> (File, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    while rustix::io::write(&writer, b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (File::from(reader), writer)
}

/// What comes out of it, up to its end, without what it was filled with.
fn rest(mut reader: File) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text.trim_start_matches('.').to_owned()
}

fn start(mut command: Command, stderr: OwnedFd) -> Running {
    Running::start(command.stdin(Stdio::null()).stderr(stderr))
}

#[test]
fn a_signal_is_followed_although_nobody_reads_stderr() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        for (options, script) in
            [("--base 1000 --jitter none", "echo $$ > pid; exit 1"), ("-v", "echo $$ > pid; exec sleep 1000")]
        {
            let scratch = Scratch::new();
            let (reader, writer) = full_pipe();
            let mut retry = scratch.retry_to_spawn(options);
            retry.args(["sh", "-c", script]);
            let retry = start(retry, writer);
            let command = scratch.pid("pid");
            if script.contains("sleep") {
                wait_until_asleep(command);
            } else {
                wait_until("the delay", || !std::fs::exists(format!("/proc/{command}")).unwrap());
            }
            retry.send(signal);
            let (status, took) = timed(|| retry.end());
            assert_eq!(status.signal(), Some(signal.as_raw()), "{options}");
            assert!(took < SOON, "{options}: {took:?}");
            drop(reader);
        }
    }
}

#[test]
fn a_limit_is_kept_although_nobody_reads_stderr() {
    for options in ["--deadline 1 --base 0.1 -r inf", "-v --timeout 0.3 --deadline 1 -r inf"] {
        let scratch = Scratch::new();
        let (reader, writer) = full_pipe();
        let mut retry = scratch.retry_to_spawn(options);
        retry.args(["sh", "-c", "echo >> runs; case $RETRY_ATTEMPT in 1) exit 1;; *) sleep 1000;; esac"]);
        let (status, took) = timed(|| start(retry, writer).end());
        assert!(status.code().is_some_and(|code| code != 0), "{options}: {status:?}");
        assert!(took >= Duration::from_millis(500) && took < SOON, "{options}: {took:?}");
        assert!(scratch.lines("runs") >= 2, "the run went on meanwhile");
        drop(reader);
    }
}

#[test]
fn messages_wait_for_a_reader_that_comes_late() {
    let scratch = Scratch::new();
    let (reader, writer) = full_pipe();
    let mut retry = scratch.retry_to_spawn("-r 2 --base 0 --jitter none");
    retry.args(["sh", "-c", "echo >> runs; exit 1"]);
    let mut retry = start(retry, writer);
    wait_until("both attempts", || scratch.lines("runs") == 2);
    assert!(retry.is_running());
    let text = rest(reader);
    assert_eq!(retry.end().code(), Some(1));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("retry: attempt 1/2 failed")
            && lines[1].starts_with("retry: attempt 2/2 failed")
    );
}

#[test]
fn a_slow_reader_loses_no_line_and_holds_up_a_loop_that_is_faster() {
    let scratch = Scratch::new();
    let (reader, writer) = full_pipe();
    let label = "x".repeat(1000);
    let mut retry = scratch.retry_to_spawn("-r 300 --base 0 --jitter none --label");
    retry.arg(&label).args(["sh", "-c", "echo >> runs; exit 1"]);
    let retry = start(retry, writer);
    // 64 KiB in the pipe, some more in memory.
    wait_until("some attempts", || scratch.lines("runs") > 20);
    let text = rest(reader);
    assert_eq!(retry.end().code(), Some(1));
    let numbers: Vec<String> =
        text.lines().map(|line| line.split("attempt ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(numbers.len(), 300, "{text}");
    for (number, line) in (1..).zip(&numbers) {
        assert!(line.starts_with(&format!("{number}/300 failed")), "{line}");
    }
}

#[test]
fn help_is_whole_in_a_pipe_that_others_made_non_blocking() {
    let (mut reader, writer) = full_pipe();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    // The command would keep the pipe open.
    let spawn = |mut help: Command| help.arg("--help").stdout(writer).spawn().unwrap();
    let mut help = spawn(common::command::retry());
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(help.wait().unwrap().success());
    let whole = common::command::retry().arg("--help").output().unwrap().stdout;
    assert_eq!(text.trim_start_matches('.'), String::from_utf8(whole).unwrap());
}
