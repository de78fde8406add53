//! Whether the command has a process group of its own, and so what a signal for it is sent to. Which signals are sent,
//! and when, is for those who use it.

use super::children;
use crate::core::signal::Signal;
use crate::platform::system;
use rustix::process::Pid;
use std::io;

/// The process group that a command starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessGroup {
    /// Ours.
    Inherited,
    /// One of its own, with its pid as its number.
    New,
}

impl ProcessGroup {
    /// The group of every command of this run: a terminal does not come or go in between.
    pub fn of_the_command() -> Self {
        system::group::of_the_command()
    }

    /// Sends a signal to the command `pid`, and to all of its group where that is its own.
    ///
    /// # Errors
    /// ESRCH when it is gone, EPERM when it runs as someone else.
    pub fn send(self, pid: Pid, signal: Signal) -> io::Result<()> {
        match self {
            Self::Inherited => children::send(pid, signal),
            Self::New => children::send_to_group(pid, signal),
        }
    }

    /// Whether anything of the command `pid` is still there: a process of its own group (whoever its
    /// parent is by now), or the command itself as long as it was not waited for.
    pub fn holds(self, pid: Pid) -> bool {
        match self {
            Self::Inherited => children::exists(children::Whose::Only(pid)),
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
        // The shell outlives the signal and waits for its child, which ends only if it got one too. The child
        // says when it is ready: a signal before it has forgotten the shell's trap would be lost.
        let script = "trap : TERM; sh -c 'echo ready; exec sleep 1000' & wait; wait; exit 7";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        assert_ne!(rustix::process::getpgid(Some(pid)).unwrap(), rustix::process::getpgrp());

        assert!(ProcessGroup::New.holds(pid));
        ProcessGroup::New.send(pid, Signal::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert!(!ProcessGroup::New.holds(pid));
        assert!(ProcessGroup::New.send(pid, Signal::SIGTERM).is_err());
    }

    #[test]
    fn a_command_in_our_group_is_there_until_it_was_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), rustix::process::getpgrp());
        assert!(ProcessGroup::Inherited.holds(pid));
        child.wait().unwrap();
        assert!(!ProcessGroup::Inherited.holds(pid));
    }
}
