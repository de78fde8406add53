//! The arguments of a start.

use super::group::ProcessGroup;
use super::stdio::OwnedStream;
use crate::core::signal::Signal;
use std::ffi::{OsStr, OsString};

/// What is started.
#[derive(Debug, Clone, Copy)]
pub enum Program<'a> {
    /// These arguments, the program first.
    Argv(&'a [OsString]),
    /// A line for the system's shell.
    ShellLine(&'a OsStr),
}

/// A command to be started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// What is started.
    pub program: Program<'a>,
    /// Environment variables that it gets in addition to our own, or in their place.
    pub variables: &'a [(&'static str, String)],
    /// Its stdin, stdout and stderr; `None` for our own.
    pub streams: [Option<&'a OwnedStream>; 3],
    /// The signal that it gets when we die first, on a system that has such a signal.
    pub death_signal: Signal,
    /// The process group that it starts in.
    pub group: ProcessGroup,
}
