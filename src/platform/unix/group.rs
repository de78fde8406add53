//! Whether commands get a process group of their own, and so where a signal for a command is sent.

use super::children;
use crate::core::signal::Signal;
use crate::platform::system;
use rustix::process::Pid;
use std::io;

/// The process group that a command starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessGroup {
    /// Our own.
    Inherited,
    /// A new one, whose number is the command's pid.
    New,
}

impl ProcessGroup {
    /// The choice for all commands of a run. It does not change, because the controlling terminal does not.
    pub fn for_commands() -> Self {
        system::group::for_commands()
    }

    /// Sends a signal to the command `pid`: to its whole group if that is its own.
    ///
    /// # Errors
    /// ESRCH when it is gone, EPERM when it runs as someone else.
    pub fn send(self, pid: Pid, signal: Signal) -> io::Result<()> {
        match self {
            Self::Inherited => children::send(pid, signal),
            Self::New => children::send_to_group(pid, signal),
        }
    }

    /// Continues the command `pid` if it is stopped: its whole group if that is its own.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub fn resume(self, pid: Pid) -> io::Result<()> {
        self.send(pid, Signal::SIGCONT)
    }

    /// Whether the command `pid` is not reaped yet, or a process of its own group still exists.
    pub fn exists(self, pid: Pid) -> bool {
        match self {
            Self::Inherited => children::exists(children::WaitId::Pid(pid)),
            Self::New => rustix::process::test_kill_process_group(pid) != Err(rustix::io::Errno::SRCH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn a_signal_reaches_all_of_a_group_of_its_own() {
        // The shell survives the signal and waits for its child, which ends only if the signal reached it too. The
        // child prints a line when it has reset the shell's trap: an earlier signal would be lost.
        let script = "trap : TERM; sh -c 'echo ready; exec sleep 1000' & wait; wait; exit 7";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        assert_ne!(rustix::process::getpgid(Some(pid)).unwrap(), rustix::process::getpgrp());

        assert!(ProcessGroup::New.exists(pid));
        ProcessGroup::New.send(pid, Signal::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert!(!ProcessGroup::New.exists(pid));
        assert!(ProcessGroup::New.send(pid, Signal::SIGTERM).is_err());
    }

    #[test]
    fn a_command_in_our_group_is_there_until_it_was_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), rustix::process::getpgrp());
        assert!(ProcessGroup::Inherited.exists(pid));
        child.wait().unwrap();
        assert!(!ProcessGroup::Inherited.exists(pid));
    }
}
