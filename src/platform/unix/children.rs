//! What becomes of children, and signals to other processes.

use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
pub use crate::platform::system::trace::stop_tracing;
use rustix::process::Pid;
use std::io;
use std::mem::MaybeUninit;

/// A change in the state of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is gone and reaped.
    Ended(Outcome),
    /// It was stopped by this signal.
    Stopped(Signal),
    /// It goes on.
    Continued,
    /// It asked to be traced by its parent (PTRACE_TRACEME), and waits with this signal for the tracer's word.
    Traced(Signal),
}

/// Of which child something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Any child's.
    Any,
    /// This one's.
    Only(Pid),
}

/// The next change of a child, if there is one by now. Ended children are reaped.
///
/// # Errors
/// ECHILD when there is no such child.
pub fn next_change(whose: Whose) -> io::Result<Option<(Pid, Change)>> {
    let wanted = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let (kind, id) = whose.as_wait_id();
    // SAFETY: waitid fills the siginfo_t; with WNOHANG and no change it stays zeroed (POSIX), so the
    // fields that are read are valid either way.
    let (pid, code, status) = unsafe {
        if libc::waitid(kind, id, info.as_mut_ptr(), wanted) == -1 {
            return Err(io::Error::last_os_error());
        }
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    let Some(pid) = Pid::from_raw(pid) else { return Ok(None) };
    let change = match code {
        libc::CLD_EXITED => Change::Ended(Outcome::Exited(status as u8)),
        libc::CLD_STOPPED => Change::Stopped(Signal(status)),
        libc::CLD_CONTINUED => Change::Continued,
        libc::CLD_TRAPPED => Change::Traced(Signal(status)),
        // CLD_KILLED and CLD_DUMPED.
        _ => Change::Ended(Outcome::Killed(Signal(status))),
    };
    Ok(Some((pid, change)))
}

impl Whose {
    fn as_wait_id(self) -> (libc::idtype_t, libc::id_t) {
        match self {
            Self::Any => (libc::P_ALL, 0),
            // A pid is positive, so the cast keeps it.
            Self::Only(pid) => (libc::P_PID, pid.as_raw_nonzero().get() as libc::id_t),
        }
    }
}

/// Whether there is such a child, ended or not. Reaps nothing.
pub fn exists(whose: Whose) -> bool {
    let wanted = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let (kind, id) = whose.as_wait_id();
    // SAFETY: as in `next_change`; nothing is read from it.
    unsafe { libc::waitid(kind, id, info.as_mut_ptr(), wanted) == 0 }
}

/// Sends a signal to one process.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(pid: Pid, signal: Signal) -> io::Result<()> {
    kill(pid.as_raw_nonzero().get(), signal.0, Target::Process)
}

/// Sends a signal to all processes of the group that `leader` has begun.
///
/// # Errors
/// ESRCH when it is empty, EPERM when all of it runs as someone else.
pub fn send_to_group(leader: Pid, signal: Signal) -> io::Result<()> {
    kill(leader.as_raw_nonzero().get(), signal.0, Target::Group)
}

/// Whether the kernel knows of this process, as a zombie perhaps. Whether we may send it anything is another matter.
pub fn is_there(pid: Pid) -> bool {
    !matches!(kill(pid.as_raw_nonzero().get(), 0, Target::Process), Err(error) if error.raw_os_error() == Some(libc::ESRCH))
}

/// What a pid stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Process,
    Group,
}

fn kill(pid: libc::pid_t, signal: libc::c_int, target: Target) -> io::Result<()> {
    // A `Pid` may be negative, and to kill(2) -1 is everybody that we may send a signal to, 0 is our own group, and the
    // group of process 1 is -1 again. Whatever went wrong elsewhere, none of them is ever meant.
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

/// The session of a process, 0 for our own. Not through rustix, whose `Pid` cannot hold the 0 that the
/// kernel answers for a session whose leader is outside of our pid namespace.
pub fn session(pid: i32) -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::getsid(pid) }
}
