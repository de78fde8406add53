//! The process group that a command leads on its console, and events for it.
//!
//! A time limit asks a command to end with Ctrl-Break, and the system sends that to a group only if a process was started
//! as its leader (CREATE_NEW_PROCESS_GROUP). Such a group ignores Ctrl-C: the press of the key reaches us alone. So we
//! pass it on, as a Ctrl-Break. A command that was started a moment ago, and is not on the console yet, misses it; the
//! next one, or the end of the grace period, finds it there.

use super::children::Pid;
use super::descendants;
use crate::core::signal::Signal;
use std::io;
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent, GetConsoleProcessList,
};

/// The process group that a command starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessGroup {
    /// A new one, whose number is the command's pid.
    New,
}

impl ProcessGroup {
    /// The choice for all commands of a run.
    pub fn for_commands() -> Self {
        Self::New
    }

    /// Ends all that the command `pid` has started with SIGKILL. Any other signal is a Ctrl-Break for its group.
    ///
    /// # Errors
    /// It is gone, or there is no console.
    pub fn send(self, pid: Pid, signal: Signal) -> io::Result<()> {
        if signal == Signal::SIGKILL { descendants::terminate(pid) } else { send_break(pid) }
    }

    /// Does nothing: no command was stopped.
    ///
    /// # Errors
    /// None.
    pub fn resume(self, _pid: Pid) -> io::Result<()> {
        Ok(())
    }
}

/// Sends Ctrl-Break to the group that `leader` leads or has led.
///
/// # Errors
/// The group is empty, or is on no console.
pub fn send_break(leader: Pid) -> io::Result<()> {
    let leader = leader.as_raw_nonzero().get().cast_unsigned();
    if !has_console() {
        // The command has a console without a window (`spawn`), and events go to processes of our own console only. From
        // now on, that is ours, and that of later commands.
        // SAFETY: no memory is involved.
        unsafe { AttachConsole(leader) };
    }
    // SAFETY: no memory is involved.
    match unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether we have a console, visible or not.
pub fn has_console() -> bool {
    let mut pids = [0; 1];
    // SAFETY: there is room for one number. If there are more, it returns how many, and writes none.
    unsafe { GetConsoleProcessList(pids.as_mut_ptr(), 1) > 0 }
}
