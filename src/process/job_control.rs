//! Stopping as a job of a shell: whether somebody can do it, and doing it ourselves.

use crate::core::signal::Signal;
use crate::platform::signals::{self, Origin};
use std::fs::File;

/// Whether somebody at a terminal can stop a job and let it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobControl {
    /// There is a controlling terminal.
    Possible,
    /// There is none.
    Absent,
}

impl JobControl {
    /// Looks for the controlling terminal.
    pub fn find() -> Self {
        match File::open("/dev/tty") {
            // ENXIO: the session has no controlling terminal. ENOENT: this machine has no terminals.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT)) => Self::Absent,
            _ => Self::Possible,
        }
    }
}

/// Stops this process with `signal` until it is continued. Comes back at once where the kernel discards the signal,
/// because no shell could continue us (an orphaned process group).
pub fn stop_ourselves(signal: Signal) {
    signals::take_default_action(signal);
}

/// Stops as the command did, so that the shell sees a stopped job and lets both go on.
pub fn stop_with_the_command(signal: Signal) {
    stop_ourselves(signal);
    // Stop signals that came while we were on the way down were answered by this stop.
    for origin in [Origin::Process, Origin::Kernel] {
        signals::take(Signal::SIGTSTP, origin);
        signals::take(Signal::SIGTTIN, origin);
    }
}
