//! eventfd(2) wakes the event loop: one descriptor, where descriptors may be short.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::OwnedFd;

/// What is read, and what is written where that is another one.
///
/// # Errors
/// No descriptors left.
pub fn open() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    Ok((eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, None))
}
