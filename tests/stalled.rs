//! Terminals and other streams whose reader has stopped: limits and signals still work. (Pipes are in
//! tests/streams.rs.)

#![cfg(target_os = "linux")]

mod common;

use common::command::{Running, Scratch, program, wait_until, works};
use common::live::is_alive;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// A terminal that only the test reads.
struct Stalled {
    master: File,
    slave: File,
    name: String,
}

impl Stalled {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(&name).unwrap();
        Self { master: File::from(master), slave, name }
    }

    /// Another descriptor for the terminal, as a child inherits it.
    fn slave(&self) -> OwnedFd {
        self.slave.try_clone().unwrap().into()
    }

    /// Not with poll(2): after the last write, the kernel may move bytes to the reader's buffer without waking up a
    /// writer. The bytes that the test writes fill that room.
    fn wait_until_full(&self) {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut slave = File::from(open(&self.name, flags, Mode::empty()).unwrap());
        let is_full = || slave.write(b"~").is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        wait_until("a full terminal", is_full);
    }

    /// Reads to the end, when no other process has the terminal open.
    fn drain(self) -> Vec<u8> {
        let Self { mut master, slave, .. } = self;
        drop(slave);
        let mut all = Vec::new();
        let _ends_with_eio = master.read_to_end(&mut all);
        all
    }
}

/// `retry OPTIONS -- sh -c SCRIPT` whose stdout is such a terminal, in a session of its own.
fn command(scratch: &Scratch, terminal: &Stalled, options: &str, script: &str) -> Command {
    let mut command = scratch.retry_to_spawn(options);
    command.args(["--", "sh", "-c", script]).stdout(terminal.slave());
    command
}

fn stalled(scratch: &Scratch, options: &str, script: &str) -> (Running, Stalled) {
    let terminal = Stalled::new();
    let running = scratch.start_command(command(scratch, &terminal, options, script));
    terminal.wait_until_full();
    (running, terminal)
}

#[test]
fn the_time_limit_of_an_attempt_holds_while_the_terminal_stalls() {
    let scratch = Scratch::new();
    let options = "-r 1 --timeout 1 --kill-after 1 --retry-on-output nothing";
    let (retry, terminal) = stalled(&scratch, options, "echo $$ > pid; exec yes");
    let pid = scratch.pid("pid");
    wait_until("the end of the command", || !is_alive(pid));
    // The reader still gets the output from before.
    let shown = terminal.drain();
    assert!(shown.windows(2000).any(|shown| shown.starts_with(b"y\r\ny\r\n")), "{}", shown.len());
    assert_eq!(retry.end().code(), Some(124), "{}", scratch.read("stderr"));
}

#[test]
fn the_deadline_holds_while_the_terminal_stalls() {
    let scratch = Scratch::new();
    for (options, script) in [("--retry-on-output nothing", "exec yes"), ("-O", "head -c 900K /dev/zero")] {
        let options = format!("--deadline 1 --kill-after 0.2 {options}");
        let (retry, _terminal) = stalled(&scratch, &options, script);
        // The first was ended; the output of the second is lost.
        let expected = if script == "exec yes" { 124 } else { 125 };
        assert_eq!(retry.end().code(), Some(expected), "{}", scratch.read("stderr"));
    }
    assert!(
        scratch.read("stderr").contains("the reader was too slow for the deadline"),
        "{}",
        scratch.read("stderr")
    );
}

#[test]
fn a_signal_gets_through_while_the_terminal_stalls() {
    let scratch = Scratch::new();
    for (options, script) in [
        ("--retry-on-output nothing --kill-after 0.2", "exec yes"),
        ("-O", "head -c 900K /dev/zero"),
        // Beyond what is held in memory.
        ("-O", "head -c 3M /dev/zero"),
    ] {
        let (retry, _terminal) = stalled(&scratch, options, script);
        retry.send(Signal::TERM);
        assert_eq!(
            retry.end().signal(),
            Some(Signal::TERM.as_raw()),
            "{options}: {}",
            scratch.read("stderr")
        );
    }
}

/// Other streams without a reader: a socket, and a named pipe, for which the kernel does not support `RWF_NOWAIT`.
#[test]
fn a_signal_gets_through_while_a_socket_or_a_named_pipe_stalls() {
    let scratch = Scratch::new();
    let (socket, _never_read) = std::os::unix::net::UnixStream::pair().unwrap();
    let socket = OwnedFd::from(socket);
    let fifo = scratch.path("fifo");
    assert!(program("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = open(&fifo, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let fifo = OwnedFd::from(OpenOptions::new().write(true).open(&fifo).unwrap());
    let size = rustix::pipe::fcntl_getpipe_size(&fifo).unwrap() as u64;
    let socket_is_full = || {
        let sent = rustix::net::send(&socket, b"~", rustix::net::SendFlags::DONTWAIT);
        sent == Err(rustix::io::Errno::AGAIN)
    };
    let fifo_is_full = || rustix::io::ioctl_fionread(&reader).unwrap() + 4096 > size;
    let targets: [(&OwnedFd, &dyn Fn() -> bool); 2] = [(&socket, &socket_is_full), (&fifo, &fifo_is_full)];
    for (target, is_full) in targets {
        let mut command = scratch.retry_to_spawn("--retry-on-output nothing --kill-after 0.2");
        command.args(["--", "sh", "-c", "exec yes"]).stdout(target.try_clone().unwrap());
        let retry = scratch.start_command(command);
        wait_until("a full stream", is_full);
        retry.send(Signal::TERM);
        assert_eq!(retry.end().signal(), Some(Signal::TERM.as_raw()), "{}", scratch.read("stderr"));
    }
}

/// As after su(1): the terminal's node belongs to another user.
#[test]
fn a_terminal_that_cannot_be_opened_again_stalls_nothing_either() {
    let mut trial = program("setpriv");
    trial.args(["--reuid=65534", "--regid=65534", "--clear-groups", "true"]);
    if !works(&mut trial, "setpriv", "a terminal of someone else (as root)") {
        return;
    }
    let scratch = Scratch::new();
    std::fs::set_permissions(scratch.path("."), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    for with_tty in [&[][..], &["--ctty"]] {
        let terminal = Stalled::new();
        let mut setsid = program("setsid");
        setsid.args(with_tty).args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
        setsid.args([common::command::RETRY, "--retry-on-output", "nothing", "--kill-after", "0.2", "--"]);
        setsid.args(["sh", "-c", "echo $$ > pid; exec yes"]).stdout(terminal.slave()).stdin(terminal.slave());
        scratch.settle(&mut setsid);
        setsid.stderr(File::create(scratch.path("stderr")).unwrap());
        let mut child = setsid.spawn().unwrap();
        terminal.wait_until_full();
        let retry = common::live::parent(scratch.pid("pid"));
        common::live::send(retry, Signal::TERM);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{}", scratch.read("stderr"));
        std::fs::remove_file(scratch.path("pid")).unwrap();
    }
}
