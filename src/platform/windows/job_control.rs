//! Job control, which consoles do not have.

use crate::core::signal::Signal;
use crate::platform::JobControl;

/// Always absent.
pub fn find() -> JobControl {
    JobControl::Absent
}

/// Never asked: no command stops.
pub fn signal_to_follow(signal: Signal) -> Signal {
    signal
}

/// Never asked: no command stops.
pub fn can_be_unsolicited(_signal: Signal) -> bool {
    false
}

/// Does nothing.
pub fn stop_ourselves(_signal: Signal) {}

/// Does nothing.
pub fn stop_with_the_command(_signal: Signal) {}
