//! Pipes between the command and us: as open to others as what they stand in for, and as large as pays.

use rustix::fs::{Mode, Stat};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How large a pipe is that nothing was done about. (Smaller, once a user has many.)
pub const DEFAULT: usize = 64 << 10;

/// How large it becomes when it was full. More is no faster, and what all pipes of a user may take is limited:
/// pipe(7), pipe-user-pages-soft, 16 pipes of a MiB.
#[cfg(target_os = "linux")]
const LARGE: usize = 256 << 10;

/// Who may open a stream by its name in /dev or /proc: a command that has become another user does, as `nginx`
/// with /dev/stdout. pipe(2) makes its pipes for their owner alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    mode: Mode,
    uid: u32,
    gid: u32,
}

impl Access {
    /// That of a stream of ours; `None` if it is closed.
    pub fn of(fd: BorrowedFd<'_>) -> Option<Self> {
        let stat: Stat = rustix::fs::fstat(fd).ok()?;
        let mode = Mode::from_raw_mode(stat.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        Some(Self { mode, uid: stat.st_uid, gid: stat.st_gid })
    }

    /// Gives it to a new pipe, as far as the system lets us: a file may be given away by root only.
    fn give(self, pipe: &OwnedFd) {
        use rustix::fs::{Gid, Uid};
        let Some(new) = Self::of(pipe.as_fd()) else { return };
        if (new.uid, new.gid) != (self.uid, self.gid) {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            let _not_root = rustix::fs::fchown(pipe, Some(uid), Some(gid));
        }
        if new.mode != self.mode {
            let _as_it_was_made = rustix::fs::fchmod(pipe, self.mode);
        }
    }
}

/// A pipe that stands in for a stream with this access. Its reader and its writer.
///
/// # Errors
/// No descriptors left.
pub fn pipe(access: Option<Access>) -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    // Elsewhere each end has an access of its own, or none.
    if cfg!(target_os = "linux")
        && let Some(access) = access
    {
        access.give(&reader);
    }
    Ok((reader, writer))
}

/// How large a pipe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As the system has made it.
    Default,
    /// As large as pays, if the system lets us.
    Large,
}

impl Size {
    /// Makes a pipe larger that was full, once.
    pub fn grow(&mut self, pipe: &OwnedFd) {
        if *self == Self::Default {
            *self = Self::Large;
            #[cfg(target_os = "linux")]
            let _smaller_will_do = rustix::pipe::fcntl_setpipe_size(pipe, LARGE);
            #[cfg(not(target_os = "linux"))]
            let _grows_by_itself = pipe;
        }
    }
}

/// What can be read to its end and holds these bytes: a pipe, or a file without a name where no pipe is large
/// enough.
///
/// # Errors
/// No descriptors left, or no room for the file.
pub fn filled(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reader, writer) = pipe(None)?;
    // Nobody reads yet, so what does not fit must not be waited for.
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
