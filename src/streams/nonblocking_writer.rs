//! Writing to a descriptor that was inherited. Others share its open file description, so it is never
//! made non-blocking, and yet no write here may block: a signal or a time limit has to get through.
//!
//! | what it leads to | how it is written |
//! |---|---|
//! | a file, a block device, /dev/null | plainly: such a write waits for no one (but for a stalled network) |
//! | a pipe | `RWF_NOWAIT`; by an older kernel and for a named one, as a terminal |
//! | a socket | `MSG_DONTWAIT` |
//! | a terminal | through an open file description of our own, which is non-blocking |
//! | what cannot be opened again | little by little, whenever poll(2) says so |

use super::own;
use crate::platform::streams as platform;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketType};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// POSIX: a pipe that polls writable takes at least so much without blocking (PIPE_BUF on Linux). Another
/// writer can fill it in between; that window is left where neither of the better ways works.
const SURE: usize = 4096;

/// A terminal that polls writable has room for one byte, and no more is known. What remains: a process that
/// waits in a write to the same terminal has its lock, for which a blocking write waits.
const ONE: usize = 1;

/// An inherited descriptor to write to.
#[derive(Debug)]
pub struct NonblockingWriter {
    fd: BorrowedFd<'static>,
    way: Way,
}

/// How writing does not block.
#[derive(Debug)]
enum Way {
    /// It does not anyway.
    Plain,
    /// A pipe, as long as the system can write to it like this.
    NoWait,
    /// A socket, and the most that it gets at once: a datagram must not grow too long.
    Socket { most: usize },
    /// An open file description of our own.
    Own(OwnedFd),
    /// At most so many bytes after each poll.
    AfterPoll { most: usize },
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// So many bytes, at least one.
    Bytes(usize),
    /// None, because it would have blocked.
    Blocked,
}

impl NonblockingWriter {
    /// Looks at what the descriptor is.
    ///
    /// # Errors
    /// It is closed.
    pub fn new(fd: BorrowedFd<'static>) -> io::Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        let way = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => Way::Plain,
            FileType::CharacterDevice if platform::is_memory_device(stat.st_rdev) => Way::Plain,
            FileType::Fifo => Way::NoWait,
            FileType::Socket => {
                let is_stream = rustix::net::sockopt::socket_type(fd) == Ok(SocketType::STREAM);
                Way::Socket { most: if is_stream { usize::MAX } else { SURE } }
            }
            _ => own_or_after_poll(fd, &stat),
        };
        Ok(Self { fd, way })
    }

    /// The descriptor as it was inherited.
    pub fn inherited(&self) -> BorrowedFd<'static> {
        self.fd
    }

    /// The descriptor, to wait for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Own(own) => own.as_fd(),
            _ => self.fd,
        }
    }

    /// More than this is not taken in one write.
    pub fn most(&self) -> usize {
        match self.way {
            Way::Plain | Way::NoWait | Way::Own(_) => usize::MAX,
            Way::Socket { most } | Way::AfterPoll { most } => most,
        }
    }

    /// Writes what fits without blocking.
    ///
    /// # Errors
    /// EPIPE when the reader has gone, ENOSPC when a disk is full, and whatever else a write may meet.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        let bytes = &bytes[..bytes.len().min(self.most())];
        loop {
            match self.attempt(bytes) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Written::Blocked),
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if matches!(self.way, Way::NoWait) => {
                    self.way = own_or_after_poll(self.fd, &rustix::fs::fstat(self.fd)?);
                }
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(Written::Bytes(written)),
            }
        }
    }

    fn attempt(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match &self.way {
            Way::Plain => rustix::io::write(self.fd, bytes),
            Way::NoWait => platform::write_nowait(self.fd, bytes),
            Way::Socket { .. } => rustix::net::send(self.fd, bytes, SendFlags::DONTWAIT),
            Way::Own(own) => rustix::io::write(own, bytes),
            Way::AfterPoll { .. } if is_ready(self.fd, PollFlags::OUT) => {
                rustix::io::write(self.fd, &bytes[..bytes.len().min(self.most())])
            }
            Way::AfterPoll { .. } => Err(Errno::AGAIN),
        }
    }

    /// Moves bytes from a file to a pipe in the kernel, as far as that goes without blocking.
    ///
    /// # Errors
    /// As [`Self::write`]; EINVAL or ENOSYS where this cannot be done for such a descriptor or by this system.
    pub fn splice_from(&self, file: impl AsFd, offset: &mut u64, length: usize) -> io::Result<Written> {
        let moved = match self.way {
            Way::NoWait => platform::move_to_pipe(file, offset, self.fd, length),
            Way::Plain => platform::move_to_file(file, offset, self.fd, length),
            Way::Socket { .. } | Way::Own(_) | Way::AfterPoll { .. } => Err(Errno::INVAL),
        };
        match moved {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(moved) => Ok(Written::Bytes(moved)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Written::Blocked),
            Err(error) => Err(error.into()),
        }
    }
}

fn own_or_after_poll(fd: BorrowedFd<'_>, stat: &Stat) -> Way {
    let most = if rustix::termios::isatty(fd) { ONE } else { SURE };
    own::reopen(fd, stat, OFlags::WRONLY).map_or(Way::AfterPoll { most }, Way::Own)
}

/// Whether a descriptor is ready now, or has hung up.
pub fn is_ready(fd: impl AsFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(&fd, flags)];
    matches!(rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
}
