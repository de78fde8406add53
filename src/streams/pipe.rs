//! Pipes between the command and us.

use rustix::pipe::PipeFlags;
use std::io;
use std::os::fd::OwnedFd;

/// A pipe that the command can have, large where the system lets us.
///
/// # Errors
/// No descriptors left.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    #[cfg(target_os = "linux")]
    let _smaller_will_do = rustix::pipe::fcntl_setpipe_size(&reader, 1 << 20);
    Ok((reader, writer))
}
