//! What systems without a child subreaper know of the processes below us: the command, which stands for its whole
//! process group where that is its own.

use crate::core::signal::Signal;
use crate::platform::group::ProcessGroup;
use crate::platform::{Descendants, View};
use rustix::process::Pid;
use std::io;

/// The command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: Pid,
}

impl Process {
    /// A process of which no more is known than its pid.
    pub fn known(pid: Pid) -> Self {
        Self { pid }
    }

    /// Whether this is the same process, as far as can be told.
    pub fn may_be(&self, other: &Self) -> bool {
        self.pid == other.pid
    }
}

/// What becomes an orphan is init's.
pub fn adopt_orphans() {}

/// What an ended command leaves behind goes to init, so our children say nothing about it.
pub fn any() -> Descendants {
    Descendants::Unknown
}

/// A group is in one session, and the command cannot have left ours: setsid(2) refuses the leader of
/// a group. (Without a group of its own, nothing is left of a command that has ended.)
pub fn is_in_our_session(_pid: Pid) -> bool {
    true
}

/// Sends a signal to the command, and to its group where that is its own.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(process: &Process, signal: Signal) -> io::Result<()> {
    ProcessGroup::of_the_command().send(process.pid, signal)
}

/// There are none but the command.
pub fn kill_children(_is_meant: impl Fn(Pid) -> bool) -> usize {
    0
}

/// Calls `found` for the command, if something of it is left.
pub fn walk(command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) -> View {
    if let Some(pid) = command
        && ProcessGroup::of_the_command().holds(pid)
    {
        found(&Process { pid });
    }
    View::Complete
}
