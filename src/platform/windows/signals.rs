//! What a Unix process does with signals to itself.

use crate::core::signal::Signal;

/// Does nothing: a write to a pipe without a reader is an error.
pub fn catch_write_signals() {}

/// Does nothing: no signal ends a process. The exit code says what would have.
pub fn take_default_action(_signal: Signal) {}
