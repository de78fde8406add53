//! What these systems have to say about the end of this process.

use crate::core::signal::Signal;

/// There is no parent-death signal.
pub fn death_signal() -> Option<Signal> {
    None
}

/// The limit of a core's size is enough.
pub fn forbid_dumps() {}
