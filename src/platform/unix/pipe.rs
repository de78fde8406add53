//! Pipes between the command and us, with the permissions of the streams that they replace, and large enough to be
//! fast.

use crate::platform::streams as platform;
use rustix::fs::{Mode, Stat};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The default size of a pipe, in bytes. (It is smaller for a user with many pipes.)
pub const DEFAULT_SIZE: usize = 64 << 10;

/// The size of a pipe after it was full. A larger one is not faster, and the pipes of a user have a limit together:
/// pipe(7), pipe-user-pages-soft.
const LARGE_SIZE: usize = 256 << 10;

/// The permissions of a stream. A command that has changed its user may open the stream by its name, as nginx does with
/// /dev/stdout, but pipe(2) makes pipes for their owner only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    mode: Mode,
    uid: u32,
    gid: u32,
}

impl Access {
    /// The permissions of a stream; `None` if it is closed.
    pub fn of(fd: BorrowedFd<'_>) -> Option<Self> {
        let stat: Stat = rustix::fs::fstat(fd).ok()?;
        let mode = Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        Some(Self { mode, uid: stat.st_uid, gid: stat.st_gid })
    }

    /// Gives these permissions to a new pipe, as far as the system allows: only root may change the owner.
    fn apply_to(self, pipe: &OwnedFd) {
        use rustix::fs::{Gid, Uid};
        let Some(new) = Self::of(pipe.as_fd()) else { return };
        if (new.uid, new.gid) != (self.uid, self.gid) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            let _not_root = rustix::fs::fchown(pipe, Some(uid), Some(gid));
        }
        if new.mode != self.mode {
            let _best_effort = rustix::fs::fchmod(pipe, self.mode);
        }
    }
}

/// A pipe in place of a stream with these permissions. Returns the reader and the writer.
///
/// # Errors
/// When there are no descriptors left.
pub fn pipe(access: Option<Access>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    // On Linux both ends are one file. Where they are not, fchmod(2) and fchown(2) refuse a pipe.
    if let Some(access) = access {
        access.apply_to(&reader);
    }
    Ok((reader, writer))
}

/// The size of a pipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PipeSize {
    /// The system's default.
    #[default]
    Default,
    /// As large as is useful, if the system allows it.
    Large,
}

impl PipeSize {
    /// Enlarges a pipe that was full, once.
    pub fn grow(&mut self, pipe: &OwnedFd) {
        if *self == Self::Default {
            *self = Self::Large;
            platform::grow_pipe(pipe, LARGE_SIZE);
        }
    }
}

/// A descriptor from which these bytes can be read: a pipe, or an unnamed file if the pipe is too small.
///
/// # Errors
/// When there are no descriptors left, or the file cannot be written.
pub fn filled(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reader, writer) = pipe(None)?;
    // Nobody reads yet, so a write to a full pipe must not block.
    rustix::io::ioctl_fionbio(&writer, true)?;
    let mut writer = File::from(writer);
    if writer.write_all(bytes).is_ok() {
        return Ok(reader);
    }
    let mut file = super::unnamed::file()?;
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
