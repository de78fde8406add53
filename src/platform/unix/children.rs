//! Changes in the state of children, and signals to other processes.

use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::Change;
pub use crate::platform::system::ptrace::stop_tracing;
pub use rustix::process::Pid;
use std::io;
use std::mem::MaybeUninit;

/// Which children a call is about, as in waitid(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitId {
    /// All of them.
    All,
    /// The one with this pid.
    Pid(Pid),
}

/// Takes the next change of a child, if there is one. A child that has ended is reaped.
///
/// # Errors
/// ECHILD when there is no such child.
pub fn next_change(id: WaitId) -> io::Result<Option<(Pid, Change)>> {
    let wanted = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let (kind, number) = id.for_waitid();
    // SAFETY: waitid fills the siginfo_t; with WNOHANG and no change it stays zeroed (POSIX), so the
    // fields that are read are valid either way.
    let (pid, code, status) = unsafe {
        if libc::waitid(kind, number, info.as_mut_ptr(), wanted) == -1 {
            return Err(io::Error::last_os_error());
        }
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    let Some(pid) = Pid::from_raw(pid) else { return Ok(None) };
    let change = match code {
        libc::CLD_EXITED => Change::Ended(Outcome::Exited(status as u32 & 0xff)),
        libc::CLD_STOPPED => Change::Stopped(Signal(status)),
        libc::CLD_CONTINUED => Change::Continued,
        libc::CLD_TRAPPED => Change::Traced(Signal(status)),
        // CLD_KILLED and CLD_DUMPED.
        _ => Change::Ended(Outcome::Killed(Signal(status))),
    };
    Ok(Some((pid, change)))
}

impl WaitId {
    fn for_waitid(self) -> (libc::idtype_t, libc::id_t) {
        match self {
            Self::All => (libc::P_ALL, 0),
            // A pid is positive, so the cast keeps it.
            Self::Pid(pid) => (libc::P_PID, pid.as_raw_nonzero().get() as libc::id_t),
        }
    }
}

/// Whether there is such a child, ended or not. It reaps nothing.
pub fn exists(id: WaitId) -> bool {
    let wanted = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let (kind, number) = id.for_waitid();
    // SAFETY: as in `next_change`; nothing is read from it.
    unsafe { libc::waitid(kind, number, info.as_mut_ptr(), wanted) == 0 }
}

/// Sends a signal to one process.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(pid: Pid, signal: Signal) -> io::Result<()> {
    kill(pid.as_raw_nonzero().get(), signal.0, Target::Process)
}

/// Sends a signal to all processes of the group that `leader` leads.
///
/// # Errors
/// ESRCH when it is empty, EPERM when all of it runs as someone else.
pub fn send_to_group(leader: Pid, signal: Signal) -> io::Result<()> {
    kill(leader.as_raw_nonzero().get(), signal.0, Target::Group)
}

/// Whether there is a process with this pid, ended or not, and whether or not we may signal it.
pub fn is_there(pid: Pid) -> bool {
    let result = kill(pid.as_raw_nonzero().get(), 0, Target::Process);
    !result.is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH))
}

/// What a pid stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Process,
    Group,
}

fn kill(pid: libc::pid_t, signal: libc::c_int, target: Target) -> io::Result<()> {
    // A `Pid` may be negative. For kill(2), -1 is every process that we may signal, 0 is our own group, and the group
    // of process 1 is -1 again. No caller means one of these, so they are refused.
    let number = match target {
        Target::Process if pid > 0 => pid,
        Target::Group if pid > 1 => -pid,
        Target::Process | Target::Group => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
    };
    // SAFETY: no memory is involved.
    match unsafe { libc::kill(number, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The session of the process `pid`, or of ours if that is 0. A `Pid` of rustix cannot hold the 0 that the kernel
/// returns for a session whose leader is outside of our pid namespace.
pub fn session(pid: i32) -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::getsid(pid) }
}
