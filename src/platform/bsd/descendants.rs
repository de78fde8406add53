//! Our descendants on a system without a child subreaper: the command, which stands for its whole process group if it
//! has one of its own.

use crate::core::signal::Signal;
use crate::platform::group::ProcessGroup;
use crate::platform::{Coverage, Descendants};
use rustix::process::Pid;
use std::io;

/// The command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: Pid,
}

impl Process {
    /// A process with this pid, of which nothing else is known.
    pub fn with_pid(pid: Pid) -> Self {
        Self { pid }
    }

    /// Whether the two may be the same process.
    pub fn may_be(&self, other: &Self) -> bool {
        self.pid == other.pid
    }
}

/// Does nothing: orphans become children of init.
pub fn adopt_orphans() {}

/// Does nothing: what still runs lives on when we end.
pub fn release() {}

/// Unknown: a process whose parent has ended is a child of init, not of ours.
pub fn any() -> Descendants {
    Descendants::Unknown
}

/// Always: a group is in one session, and the command cannot leave ours, as setsid(2) refuses the leader of a group.
/// (Without a group of its own, nothing is left of a command that has ended.)
pub fn is_in_our_session(_pid: Pid) -> bool {
    true
}

/// Sends a signal to the command: to its whole group if that is its own.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(process: &Process, signal: Signal) -> io::Result<()> {
    ProcessGroup::for_commands().send(process.pid, signal)
}

/// Continues the command if it is stopped: its whole group if that is its own.
///
/// # Errors
/// As for [`send`].
pub fn resume(process: &Process) -> io::Result<()> {
    send(process, Signal::SIGCONT)
}

/// Kills nothing: the command is our only child.
pub fn kill_children(_is_selected: impl Fn(Pid) -> bool) -> usize {
    0
}

/// Calls `found` for the command, if it or its group still exists.
pub fn walk(command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) -> Coverage {
    if let Some(pid) = command
        && ProcessGroup::for_commands().exists(pid)
    {
        found(&Process { pid });
    }
    Coverage::Complete
}
