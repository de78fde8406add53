//! What a command is started with.

use super::group::ProcessGroup;
use crate::core::signal::Signal;
use std::ffi::OsString;
use std::os::fd::OwnedFd;

/// A command to be started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Its words, the program first.
    pub words: &'a [OsString],
    /// Variables that it gets besides, or in place of, our own.
    pub variables: &'a [(&'static str, String)],
    /// What it gets as its stdin, stdout and stderr; ours where there is nothing.
    pub streams: [Option<&'a OwnedFd>; 3],
    /// What the kernel sends it when we die first, where the system can do that.
    pub death_signal: Signal,
    /// The process group that it starts in.
    pub group: ProcessGroup,
}
