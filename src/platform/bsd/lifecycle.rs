//! The end of this process: there is no parent-death signal, and no way to forbid core files but their limit.

use crate::core::signal::Signal;

/// Always `None`.
pub fn death_signal() -> Option<Signal> {
    None
}

/// Does nothing: the limit of a core file's size is enough.
pub fn forbid_dumps() {}
