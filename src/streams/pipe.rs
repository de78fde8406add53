//! Pipes between the command and us.

use std::io;
use std::os::fd::OwnedFd;

/// A pipe that the command can have, large where the system lets us.
///
/// # Errors
/// No descriptors left.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    #[cfg(target_os = "linux")]
    let _smaller_will_do = rustix::pipe::fcntl_setpipe_size(&reader, 1 << 20);
    Ok((reader.into(), writer.into()))
}
