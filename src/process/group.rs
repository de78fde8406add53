//! Whether the command has a process group of its own, and so what a signal for it is sent to. It
//! decides nothing else; which signals are sent, and when, is for those who use it.
//!
//! On Linux the command stays in our group, and its tree is found in /proc. Elsewhere a group is the
//! only way to reach what the command has started. It gets one where that can be noticed by nobody: a
//! group of its own is in the background of a terminal, where reading stops it and Ctrl-C misses it.

use super::sys::children;
pub use super::sys::start::Group;
use crate::core::signal::Signal;
use rustix::process::Pid;
use std::fs::File;
use std::io;
use std::sync::OnceLock;

impl Group {
    /// The decision, the same for every attempt: a terminal does not come or go in between.
    pub fn of_the_command() -> Self {
        static DECIDED: OnceLock<Group> = OnceLock::new();
        if cfg!(target_os = "linux") {
            return Self::Ours;
        }
        *DECIDED.get_or_init(|| match File::open("/dev/tty") {
            Ok(_controlling_terminal) => Self::Ours,
            Err(_) => Self::Own,
        })
    }

    /// Sends a signal to the command `pid`, and to all of its group where that is its own.
    ///
    /// # Errors
    /// ESRCH when it is gone, EPERM when it runs as someone else.
    pub fn send(self, pid: Pid, signal: Signal) -> io::Result<()> {
        match self {
            Self::Ours => children::send(pid, signal),
            Self::Own => children::send_to_group(pid, signal),
        }
    }

    /// Whether anything of the command `pid` is still there: a process of its own group (whoever its
    /// parent is by now), or the command itself as long as it was not waited for.
    #[cfg(any(test, not(target_os = "linux")))]
    pub fn holds(self, pid: Pid) -> bool {
        match self {
            Self::Ours => children::exists(children::Whose::Only(pid)),
            Self::Own => rustix::process::test_kill_process_group(pid) != Err(rustix::io::Errno::SRCH),
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

        assert!(Group::Own.holds(pid));
        Group::Own.send(pid, Signal::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert!(!Group::Own.holds(pid));
        assert!(Group::Own.send(pid, Signal::SIGTERM).is_err());
    }

    #[test]
    fn a_command_in_our_group_is_there_until_it_was_waited_for() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(rustix::process::getpgid(Some(pid)).unwrap(), rustix::process::getpgrp());
        assert!(Group::Ours.holds(pid));
        child.wait().unwrap();
        assert!(!Group::Ours.holds(pid));
    }
}
