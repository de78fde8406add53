//! An eventfd(2) wakes the event loop: one descriptor instead of a pipe's two.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::OwnedFd;

/// Opens the descriptor to read, and the one to write if it is another one.
///
/// # Errors
/// No descriptors left.
pub fn open() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    Ok((eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, None))
}
