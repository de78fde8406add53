//! The arguments of a start.

use super::group::ProcessGroup;
use crate::core::signal::Signal;
use std::ffi::OsString;
use std::os::fd::OwnedFd;

/// A command to be started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Its arguments, the program first.
    pub argv: &'a [OsString],
    /// Environment variables that it gets in addition to our own, or in their place.
    pub variables: &'a [(&'static str, String)],
    /// Its stdin, stdout and stderr; `None` for our own.
    pub streams: [Option<&'a OwnedFd>; 3],
    /// The signal that it gets when we die first, on a system that has such a signal.
    pub death_signal: Signal,
    /// The process group that it starts in.
    pub group: ProcessGroup,
}
