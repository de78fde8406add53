//! Reading from an inherited descriptor. As with [`super::nonblocking_writer`], it must not become non-blocking, and
//! yet no read may block: another reader can take the bytes that poll(2) has seen.

use super::descriptor::{self, is_ready};
use crate::platform::PipeRead;
use crate::platform::system::streams as platform;
use rustix::event::PollFlags;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An inherited descriptor to read from.
#[derive(Debug)]
pub struct NonblockingReader {
    fd: BorrowedFd<'static>,
    method: ReadMethod,
}

/// How to read without blocking.
#[derive(Debug)]
enum ReadMethod {
    /// With `RWF_NOWAIT`: an unnamed pipe.
    NoWait,
    /// With `MSG_DONTWAIT`.
    Socket,
    /// Through an open file description of our own.
    Reopened(OwnedFd),
    /// After poll(2). Only a pipe or a socket is likely to have a second reader.
    AfterPoll,
}

impl NonblockingReader {
    /// Chooses the method for a descriptor.
    ///
    /// # Errors
    /// None; other systems need a handle.
    pub fn new(fd: BorrowedFd<'static>) -> io::Result<Self> {
        let kind = rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let method = match kind {
            Ok(FileType::Fifo) => ReadMethod::NoWait,
            Ok(FileType::Socket) => ReadMethod::Socket,
            _ => reopened_or_after_poll(fd),
        };
        Ok(Self { fd, method })
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.method {
            ReadMethod::Reopened(fd) => fd.as_fd(),
            _ => self.fd,
        }
    }

    /// Reads what is available.
    ///
    /// # Errors
    /// Any error of read(2).
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<PipeRead> {
        loop {
            match self.try_read(buffer) {
                Ok(0) => return Ok(PipeRead::End),
                Ok(read) => return Ok(PipeRead::Bytes(read)),
                Err(Errno::AGAIN) => return Ok(PipeRead::Empty),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS)
                    if matches!(self.method, ReadMethod::NoWait) =>
                {
                    self.method = reopened_or_after_poll(self.fd);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match &self.method {
            ReadMethod::NoWait => platform::read_nowait(self.fd, buffer),
            ReadMethod::Socket => {
                rustix::net::recv(self.fd, buffer, RecvFlags::DONTWAIT).map(|(read, _)| read)
            }
            ReadMethod::Reopened(fd) => rustix::io::read(fd, buffer),
            ReadMethod::AfterPoll if is_ready(self.fd, PollFlags::IN) => rustix::io::read(self.fd, buffer),
            ReadMethod::AfterPoll => Err(Errno::AGAIN),
        }
    }
}

fn reopened_or_after_poll(fd: BorrowedFd<'_>) -> ReadMethod {
    let reopened = rustix::fs::fstat(fd).ok().and_then(|stat| descriptor::reopen(fd, &stat, OFlags::RDONLY));
    reopened.map_or(ReadMethod::AfterPoll, ReadMethod::Reopened)
}
