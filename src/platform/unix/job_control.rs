//! Job control: whether a terminal makes it possible, and stopping ourselves.

use super::signals;
use crate::core::signal::Signal;
use crate::platform::JobControl;
use crate::platform::received::Origin;
use std::fs::File;

/// Looks for the controlling terminal.
pub fn find() -> JobControl {
    match File::open("/dev/tty") {
        // ENXIO: the session has no controlling terminal. ENOENT: this machine has no terminals.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT)) => JobControl::Absent,
        _ => JobControl::Possible,
    }
}

/// The signal with which this process stops as a command does that `signal` has stopped. SIGSTOP would stop us even if
/// no shell can continue us. In that case the kernel discards SIGTSTP.
pub fn signal_to_follow(signal: Signal) -> Signal {
    if can_be_unsolicited(signal) { Signal::SIGTSTP } else { signal }
}

/// Whether a process sends this to the command alone, and continues it later.
pub fn can_be_unsolicited(signal: Signal) -> bool {
    signal == Signal::SIGSTOP
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
