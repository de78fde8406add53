//! A pipe wakes the event loop.

use std::io;
use std::os::fd::OwnedFd;

/// What is read, and what is written where that is another one. Darwin has no pipe2(2), but nothing else runs yet that
/// could start a process before the flags are set.
///
/// # Errors
/// No descriptors left.
pub fn open() -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK)?;
    }
    Ok((reader, Some(writer)))
}
