//! A reader of the messages of `retry` cannot delay signals and limits, and a slow reader loses no line.

mod common;

use common::command::{Running, Scratch, needs, program, said, text, timed, wait_until};
use common::live::{state, wait_until_asleep};
use rustix::process::Signal;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Everything that is in time comes long before this, on any machine.
const SOON: Duration = Duration::from_secs(10);

/// A full pipe, and its reader.
fn full_pipe() -> (File, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
    while rustix::io::write(&writer, b".").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (File::from(reader), writer)
}

/// The contents of the pipe up to its end, without what it was filled with.
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

/// The environment of a step of GitHub Actions.
fn github(retry: &mut Command, output: &str) {
    retry.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", output).env("GITHUB_OUTPUT", output);
}

#[test]
fn a_report_into_a_pipe_is_whole_however_late_it_is_read() {
    for (option, last) in [("--report", "]}\n"), ("--junit", "</testsuites>\n")] {
        let scratch = Scratch::new();
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let mut retry = scratch.retry_to_spawn("--silent -r 1000 --base 0 --jitter none");
        retry.args([option, "/dev/stdout", "sh", "-c", "echo >> runs; exit 1"]).stdout(writer);
        let retry = start(retry, File::create(scratch.path("stderr")).unwrap().into());
        wait_until("the last attempt", || scratch.lines("runs") == 1000);
        wait_until("a full pipe", || state(retry.pid()) == Some('S') && is_full(&reader));
        let text = rest(File::from(reader));
        assert_eq!(retry.end().code(), Some(1));
        assert!(text.len() > 65_536 && text.ends_with(last), "{} bytes", text.len());
        assert_eq!(scratch.read("stderr"), "");
    }
}

fn is_full(pipe: &OwnedFd) -> bool {
    rustix::io::ioctl_fionread(pipe).unwrap() >= 61_440
}

#[test]
fn a_report_that_nobody_reads_holds_up_no_signal_and_no_limit() {
    let cases = [("--report", "report"), ("--junit", "JUnit file"), ("", "GITHUB_OUTPUT file")];
    for (option, what) in cases {
        for limit in ["", "--deadline 1"] {
            let scratch = Scratch::new();
            let (reader, writer) = full_pipe();
            let mut retry = scratch.retry_to_spawn(&format!("-r 1 {limit}"));
            if option.is_empty() {
                github(&mut retry, "/dev/stdout");
            } else {
                retry.args([option, "/dev/stdout"]);
            }
            retry.args(["sh", "-c", "echo $$ > pid; exit 7"]).stdout(writer);
            let retry = start(retry, File::create(scratch.path("stderr")).unwrap().into());
            if limit.is_empty() {
                wait_until("the end of the attempt", || scratch.read("stderr").contains("Giving up"));
                retry.send(Signal::TERM);
            }
            let (status, took) = timed(|| retry.end());
            assert_eq!(status.code(), Some(7), "what the run came to stays");
            assert!(took < SOON, "{option} {limit}: {took:?}");
            let warning =
                format!("retry: cannot write the {what} /dev/stdout: no process is reading from it");
            assert!(scratch.read("stderr").contains(&warning), "{}", scratch.read("stderr"));
            drop(reader);
        }
    }
}

#[test]
fn outputs_of_a_step_into_a_pipe_take_nothing_out_of_it() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry_to_spawn("-r 2 --base 0");
    github(&mut retry, "/dev/stdout");
    let output = retry.args(["sh", "-c", "echo out; exit 3"]).stdin(Stdio::null()).output().unwrap();
    let stdout = text(&output.stdout);
    assert!(
        stdout.starts_with("out\nout\n")
            && stdout.ends_with("attempts=2\noutcome=exhausted\nexit-status=3\n"),
        "{stdout}"
    );
    assert!(stdout.contains("### retry"), "{stdout}");
}

#[test]
fn a_fifo_without_a_reader_is_not_waited_for() {
    let scratch = Scratch::new();
    assert!(program("mkfifo").arg(scratch.path("fifo")).status().unwrap().success());
    let mut retry = scratch.retry_to_spawn("-r 1 --report fifo --junit fifo --log fifo");
    github(&mut retry, "fifo");
    let (output, took) = timed(|| retry.arg("false").stdin(Stdio::null()).output().unwrap());
    assert!(took < SOON, "{took:?}");
    assert_eq!((output.status.code(), said(&output).len()), (Some(1), 6), "{}", text(&output.stderr));
    let reason = "fifo: no process has it open for reading";
    assert_eq!(text(&output.stderr).matches(reason).count(), 5, "{}", text(&output.stderr));
    assert_eq!(scratch.files(), ["fifo"]);
}

#[test]
fn a_lock_of_someone_else_is_not_waited_for_and_nothing_is_lost() {
    let scratch = Scratch::new();
    let file = File::create(scratch.path("output")).unwrap();
    file.lock().unwrap();
    let mut retry = scratch.retry_to_spawn("-q -r 1");
    github(&mut retry, "output");
    let (output, took) = timed(|| retry.arg("false").stdin(Stdio::null()).output().unwrap());
    assert!(took < SOON, "{took:?}");
    let warning =
        |what| format!("retry: another process has locked the {what} output; wrote it without a lock");
    assert_eq!(said(&output)[1..], [warning("GITHUB_STEP_SUMMARY file"), warning("GITHUB_OUTPUT file")]);
    assert!(scratch.read("output").ends_with("\nattempts=1\noutcome=exhausted\nexit-status=1\n"));
}

#[test]
fn a_daemon_that_takes_nothing_is_said_once() {
    for log in ["journald", "syslog"] {
        let scratch = Scratch::new();
        let _daemon = UnixDatagram::bind(scratch.path("socket")).unwrap();
        let other = UnixDatagram::unbound().unwrap();
        other.set_nonblocking(true).unwrap();
        while other.send_to(b"full", scratch.path("socket")).is_ok() {}
        let mut retry = scratch.retry_to_spawn("-r 3 --base 0");
        retry.args(["--log", &format!("{log}:socket"), "false"]);
        let (output, took) = timed(|| retry.stdin(Stdio::null()).output().unwrap());
        assert!(took < SOON, "{took:?}");
        let lines = said(&output);
        assert!(
            lines[0].ends_with(": the socket accepts no messages. Logging to stderr instead"),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 4, "{lines:?}");
    }
}

#[test]
fn what_kills_retry_while_it_writes_a_report_leaves_no_file_behind() {
    if !needs("strace", "a kill in the middle of a report") {
        return;
    }
    for call in ["linkat", "write"] {
        let scratch = Scratch::new();
        let mut strace = program("strace");
        scratch.settle(&mut strace);
        strace.args(["-qq", "-o", "/dev/null", "-e", &format!("inject={call}:signal=KILL:when=1")]);
        strace.args([common::command::RETRY, "-q", "-r1", "--report", "r.json", "false"]);
        let status = strace.env_remove("LD_LIBRARY_PATH").stdin(Stdio::null()).status().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{call}: {status:?}");
        assert_eq!(scratch.files(), Vec::<String>::new(), "{call}");
    }
}
