//! Writing to an inherited descriptor. Others share its open file description, so it must not become non-blocking,
//! and yet no write may block: signals and time limits have to work.
//!
//! | the descriptor refers to | how it is written |
//! |---|---|
//! | a file, a block device, /dev/null | with write(2), which waits for nothing (except a stalled network file system) |
//! | a pipe | with `RWF_NOWAIT`; on an older kernel, and for a named pipe, like a terminal |
//! | a socket | with `MSG_DONTWAIT` |
//! | a terminal | through an open file description of our own, which is non-blocking |
//! | what cannot be opened again | a little at a time, when poll(2) says that it is writable |

use super::descriptor::{self, is_ready};
use crate::platform::Written;
use crate::platform::system::streams as platform;
use rustix::event::PollFlags;
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketType};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How many bytes a pipe accepts without blocking when poll(2) says that it is writable (POSIX; PIPE_BUF on Linux).
/// Another writer can fill it in between, which is why the other methods are better.
const PIPE_BUF: usize = 4096;

/// How many bytes a terminal accepts for certain when poll(2) says that it is writable. Even that can block, while
/// another process waits in a write to the same terminal and holds its lock.
const TERMINAL_ROOM: usize = 1;

/// An inherited descriptor to write to.
#[derive(Debug)]
pub struct NonblockingWriter {
    fd: BorrowedFd<'static>,
    method: WriteMethod,
}

/// How to write without blocking.
#[derive(Debug)]
enum WriteMethod {
    /// With write(2), which does not block.
    Plain,
    /// With `RWF_NOWAIT`: an unnamed pipe, since about Linux 6.4.
    NoWait,
    /// With `MSG_DONTWAIT`. `max` limits the size of a datagram.
    Socket { max: usize },
    /// Through an open file description of our own.
    Reopened(OwnedFd),
    /// After poll(2), at most `max` bytes.
    AfterPoll { max: usize },
}

impl NonblockingWriter {
    /// Chooses the method for a descriptor.
    ///
    /// # Errors
    /// When the descriptor is closed.
    pub fn new(fd: BorrowedFd<'static>) -> io::Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        let method = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => WriteMethod::Plain,
            FileType::CharacterDevice if platform::is_memory_device(stat.st_rdev) => WriteMethod::Plain,
            FileType::Fifo => WriteMethod::NoWait,
            FileType::Socket => {
                let is_stream = rustix::net::sockopt::socket_type(fd) == Ok(SocketType::STREAM);
                WriteMethod::Socket { max: if is_stream { usize::MAX } else { PIPE_BUF } }
            }
            _ => reopened_or_after_poll(fd, &stat),
        };
        Ok(Self { fd, method })
    }

    /// The inherited descriptor.
    pub fn inherited(&self) -> BorrowedFd<'static> {
        self.fd
    }

    /// What to wait for after [`Written::Blocked`], which lives as long as the process. If a terminal was opened again,
    /// it is ready when the inherited descriptor is.
    pub fn blocked_on(&self) -> BorrowedFd<'static> {
        self.fd
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.method {
            WriteMethod::Reopened(fd) => fd.as_fd(),
            _ => self.fd,
        }
    }

    /// The most bytes that are written at once.
    pub fn max_write(&self) -> usize {
        match self.method {
            WriteMethod::Plain | WriteMethod::NoWait | WriteMethod::Reopened(_) => usize::MAX,
            WriteMethod::Socket { max } | WriteMethod::AfterPoll { max } => max,
        }
    }

    /// Writes as much as is possible without blocking.
    ///
    /// # Errors
    /// EPIPE when the reader has gone, ENOSPC when the disk is full, and any other error of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        let bytes = &bytes[..bytes.len().min(self.max_write())];
        loop {
            match self.try_write(bytes) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Written::Blocked),
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS)
                    if matches!(self.method, WriteMethod::NoWait) =>
                {
                    self.method = reopened_or_after_poll(self.fd, &rustix::fs::fstat(self.fd)?);
                }
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(Written::Bytes(written)),
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match &self.method {
            WriteMethod::Plain => rustix::io::write(self.fd, bytes),
            WriteMethod::NoWait => platform::write_nowait(self.fd, bytes),
            WriteMethod::Socket { .. } => rustix::net::send(self.fd, bytes, SendFlags::DONTWAIT),
            WriteMethod::Reopened(fd) => rustix::io::write(fd, bytes),
            WriteMethod::AfterPoll { .. } if is_ready(self.fd, PollFlags::OUT) => {
                rustix::io::write(self.fd, &bytes[..bytes.len().min(self.max_write())])
            }
            WriteMethod::AfterPoll { .. } => Err(Errno::AGAIN),
        }
    }

    /// Moves bytes from a file to the descriptor in the kernel, as many as is possible without blocking. `None` where
    /// the kernel cannot do this: append mode, some file systems, some kinds of files.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub fn splice_from(
        &self,
        file: impl AsFd,
        offset: &mut u64,
        length: usize,
    ) -> io::Result<Option<Written>> {
        let moved = match self.method {
            WriteMethod::NoWait => platform::move_to_pipe(file, offset, self.fd, length),
            WriteMethod::Plain => platform::move_to_file(file, offset, self.fd, length),
            WriteMethod::Socket { .. } | WriteMethod::Reopened(_) | WriteMethod::AfterPoll { .. } => {
                return Ok(None);
            }
        };
        match moved {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(moved) => Ok(Some(Written::Bytes(moved))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Some(Written::Blocked)),
            Err(Errno::INVAL | Errno::NOSYS | Errno::BADF) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn reopened_or_after_poll(fd: BorrowedFd<'_>, stat: &Stat) -> WriteMethod {
    let max = if rustix::termios::isatty(fd) { TERMINAL_ROOM } else { PIPE_BUF };
    descriptor::reopen(fd, stat, OFlags::WRONLY).map_or(WriteMethod::AfterPoll { max }, WriteMethod::Reopened)
}
