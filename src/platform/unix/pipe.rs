//! Pipes between the command and us, with the permissions of the streams that they replace, and large enough to be
//! fast.

use super::descriptor::is_ready;
use crate::platform::system::streams as platform;
use crate::platform::{PipeRead, Written};
use rustix::event::PollFlags;
use rustix::fs::{Mode, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The default size of a pipe, in bytes. (It is smaller for a user with many pipes.)
const DEFAULT_SIZE: usize = 64 << 10;

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

/// A pipe from the command to us, in place of a stream with these permissions. Returns our end and the command's.
///
/// # Errors
/// When there are no descriptors left.
pub fn from_command(access: Option<Access>) -> io::Result<(PipeReader, OwnedFd)> {
    let (fd, theirs) = pipe(access)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok((PipeReader { fd, size: PipeSize::Default }, theirs))
}

/// A pipe from us to the command, in place of a stream with these permissions. Returns the command's end and ours.
///
/// # Errors
/// When there are no descriptors left.
pub fn to_command(access: Option<Access>) -> io::Result<(OwnedFd, PipeWriter)> {
    let (theirs, fd) = pipe(access)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok((theirs, PipeWriter { fd, size: PipeSize::Default }))
}

fn pipe(access: Option<Access>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    // On Linux both ends are one file. Where they are not, fchmod(2) and fchown(2) refuse a pipe.
    if let Some(access) = access {
        access.apply_to(&reader);
    }
    Ok((reader, writer))
}

/// Our end of a pipe from the command. It does not block.
#[derive(Debug)]
pub struct PipeReader {
    fd: OwnedFd,
    size: PipeSize,
}

impl PipeReader {
    /// Reads what is there.
    ///
    /// # Errors
    /// Any error of read(2).
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<PipeRead> {
        match rustix::io::read(&self.fd, buffer) {
            Ok(0) => Ok(PipeRead::End),
            Ok(read) => {
                if read >= DEFAULT_SIZE {
                    self.size.grow(&self.fd);
                }
                Ok(PipeRead::Bytes(read))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(PipeRead::Empty),
            Err(error) => Err(error.into()),
        }
    }

    /// How many bytes are in the pipe.
    pub fn available(&mut self) -> u64 {
        rustix::io::ioctl_fionread(&self.fd).unwrap_or(0)
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

/// Our end of a pipe to the command. It does not block.
#[derive(Debug)]
pub struct PipeWriter {
    fd: OwnedFd,
    size: PipeSize,
}

impl PipeWriter {
    /// Writes what there is room for.
    ///
    /// # Errors
    /// EPIPE when the command has closed its end, and any other error of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        match rustix::io::write(&self.fd, bytes) {
            Ok(written) => {
                if written < bytes.len() {
                    self.size.grow(&self.fd);
                }
                Ok(Written::Bytes(written))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Written::Blocked),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the command has closed its end.
    pub fn has_lost_reader(&self) -> bool {
        is_ready(&self.fd, PollFlags::empty())
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }
}

/// The size of a pipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum PipeSize {
    /// The system's default.
    #[default]
    Default,
    /// As large as is useful, if the system allows it.
    Large,
}

impl PipeSize {
    /// Enlarges a pipe that was full, once.
    fn grow(&mut self, pipe: &OwnedFd) {
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
