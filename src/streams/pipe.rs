//! Pipes between the command and us.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
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

/// What can be read to its end and holds these bytes: a pipe, or a file without a name where no pipe is large
/// enough.
///
/// # Errors
/// No descriptors left, or no room for the file.
pub fn filled(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reader, writer) = pipe()?;
    // Nobody reads yet, so what does not fit must not be waited for.
    rustix::io::ioctl_fionbio(&writer, true)?;
    let mut writer = File::from(writer);
    if writer.write_all(bytes).is_ok() {
        return Ok(reader);
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_filled_is_read_to_its_end_whatever_its_size() {
        for size in [0, 1, 64 * 1024, 3 << 20] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut read = Vec::new();
            File::from(filled(&bytes).unwrap()).read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{size}: {}", read.len());
        }
    }
}
