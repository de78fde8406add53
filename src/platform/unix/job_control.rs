//! Job control: whether a terminal makes it possible, and stopping ourselves.

use crate::core::signal::Signal;
use crate::platform::signals::{self, Origin};
use std::fs::File;

/// Whether a person at a terminal can stop and continue us.
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

/// Stops this process with `signal` until it is continued. Returns at once if the kernel discards the signal because no
/// shell could continue us (an orphaned process group).
pub fn stop_ourselves(signal: Signal) {
    signals::take_default_action(signal);
}

/// Stops this process after the command, so that the shell sees a stopped job and can continue both.
pub fn stop_with_the_command(signal: Signal) {
    stop_ourselves(signal);
    // Stop signals that came before we stopped are done with this stop.
    for origin in [Origin::Process, Origin::Kernel] {
        signals::take(Signal::SIGTSTP, origin);
        signals::take(Signal::SIGTTIN, origin);
    }
}
