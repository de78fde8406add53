//! The command: its end, and its exit code.

use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::Change;
use std::io;
use std::num::NonZeroI32;
use std::os::windows::io::{AsHandle as _, AsRawHandle as _, OwnedHandle};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use windows_sys::Win32::System::Threading::GetExitCodeProcess;

/// The number of a process. While someone has a handle of the process, no other process gets the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// `None` for 0, which is no process of a user.
    pub fn from_raw(pid: i32) -> Option<Self> {
        NonZeroI32::new(pid).map(Self)
    }

    /// The number.
    pub fn as_raw_nonzero(self) -> NonZeroI32 {
        self.0
    }
}

/// Which children a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitId {
    /// All of them.
    All,
    /// The one with this pid.
    Pid(Pid),
}

/// A command whose end was not taken yet. There is one at a time.
#[derive(Debug)]
struct Child {
    pid: Pid,
    process: Arc<OwnedHandle>,
}

static CHILD: Mutex<Option<Child>> = Mutex::new(None);

fn child() -> MutexGuard<'static, Option<Child>> {
    CHILD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes this process the command.
pub fn set(pid: Pid, process: OwnedHandle) {
    *child() = Some(Child { pid, process: Arc::new(process) });
}

/// The handle of the command, which is signaled when it has ended; `None` if its end was taken.
pub fn process() -> Option<Arc<OwnedHandle>> {
    child().as_ref().map(|child| Arc::clone(&child.process))
}

/// Whether there is a command whose end was not taken.
pub fn exists() -> bool {
    child().is_some()
}

/// Takes the end of the command, if it has ended.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is no such child.
pub fn next_change(id: WaitId) -> io::Result<Option<(Pid, Change)>> {
    let mut child = child();
    let found = child.as_ref().filter(|child| id == WaitId::All || id == WaitId::Pid(child.pid));
    let Some(Child { pid, process }) = found else { return Err(io::ErrorKind::NotFound.into()) };
    if !super::event::is_set(process.as_handle(), 0) {
        return Ok(None);
    }
    let mut code = 0;
    // SAFETY: the handle is open, and the number is ours.
    if unsafe { GetExitCodeProcess(process.as_raw_handle(), &raw mut code) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let change = (*pid, Change::Ended(Outcome::Exited(code)));
    *child = None;
    Ok(Some(change))
}

/// Does nothing: no child asks to be traced.
pub fn stop_tracing(_pid: Pid, _signal: Signal) {}
