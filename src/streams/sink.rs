//! Writing to a descriptor that was inherited. Others share its open file description, so it is never
//! made non-blocking, and yet no write here may block: a signal or a time limit has to get through.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// POSIX: a pipe that polls writable takes at least so much without blocking (PIPE_BUF on Linux).
const SURE: usize = 4096;

/// An inherited descriptor to write to.
#[derive(Debug, Clone, Copy)]
pub struct Sink {
    fd: BorrowedFd<'static>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A regular file, a block device, /dev/null: a write does not wait for anyone.
    File,
    /// A pipe that takes `RWF_NOWAIT` (since Linux 6.4 or so; what fails with it, becomes `Other`).
    Pipe,
    /// A terminal, a socket, an old kernel's pipe.
    Other,
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// So many bytes, at least one.
    Bytes(usize),
    /// None, because it would have blocked.
    Blocked,
}

impl Sink {
    /// Looks at what the descriptor is.
    ///
    /// # Errors
    /// It is closed.
    pub fn new(fd: BorrowedFd<'static>) -> io::Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => Kind::File,
            FileType::CharacterDevice if is_memory_device(stat.st_rdev) => Kind::File,
            FileType::Fifo if cfg!(target_os = "linux") => Kind::Pipe,
            _ => Kind::Other,
        };
        Ok(Self { fd, kind })
    }

    /// The descriptor, to wait for.
    pub fn fd(self) -> BorrowedFd<'static> {
        self.fd
    }

    /// More than this is not taken in one write.
    pub fn most(self) -> usize {
        if self.kind == Kind::Other { SURE } else { usize::MAX }
    }

    /// Writes what fits without blocking.
    ///
    /// # Errors
    /// EPIPE when the reader has gone, ENOSPC when a disk is full, and whatever else a write may meet.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        loop {
            match self.attempt(bytes) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Written::Blocked),
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if self.kind == Kind::Pipe => {
                    self.kind = Kind::Other;
                }
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => return Ok(Written::Bytes(written)),
            }
        }
    }

    fn attempt(self, bytes: &[u8]) -> Result<usize, Errno> {
        match self.kind {
            Kind::File => rustix::io::write(self.fd, bytes),
            Kind::Pipe => write_without_waiting(self.fd, bytes),
            Kind::Other if self.is_writable() => rustix::io::write(self.fd, &bytes[..bytes.len().min(SURE)]),
            Kind::Other => Err(Errno::AGAIN),
        }
    }

    fn is_writable(self) -> bool {
        is_ready(self.fd, PollFlags::OUT)
    }

    /// Moves bytes from a file to a pipe in the kernel, as far as that goes without blocking.
    ///
    /// # Errors
    /// As [`Self::write`]; EINVAL where this cannot be done for such a descriptor (append mode, a kind
    /// of file that cannot splice).
    #[cfg(target_os = "linux")]
    pub fn splice_from(self, file: impl AsFd, offset: &mut u64, length: usize) -> io::Result<Written> {
        match self.kind {
            Kind::Pipe => {
                match rustix::pipe::splice(
                    file,
                    Some(offset),
                    self.fd,
                    None,
                    length,
                    rustix::pipe::SpliceFlags::NONBLOCK,
                ) {
                    Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(moved) => Ok(Written::Bytes(moved)),
                    Err(Errno::AGAIN | Errno::INTR) => Ok(Written::Blocked),
                    Err(error) => Err(error.into()),
                }
            }
            Kind::File => match rustix::fs::sendfile(self.fd, file, Some(offset), length) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(moved) => Ok(Written::Bytes(moved)),
                Err(Errno::AGAIN | Errno::INTR) => Ok(Written::Blocked),
                Err(error) => Err(error.into()),
            },
            Kind::Other => Err(Errno::INVAL.into()),
        }
    }
}

#[cfg(target_os = "linux")]
fn write_without_waiting(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    // The offset -1 is "the current position", as in pwritev2(2).
    rustix::io::pwritev2(fd, &[io::IoSlice::new(bytes)], u64::MAX, rustix::io::ReadWriteFlags::NOWAIT)
}

#[cfg(not(target_os = "linux"))]
fn write_without_waiting(_fd: BorrowedFd<'_>, _bytes: &[u8]) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// /dev/null, /dev/zero and /dev/full: Linux gives the number 1 to devices that are memory.
fn is_memory_device(device: rustix::fs::Dev) -> bool {
    cfg!(target_os = "linux") && rustix::fs::major(device) == 1
}

/// Whether a descriptor is ready now, or has hung up.
pub fn is_ready(fd: impl AsFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(&fd, flags)];
    matches!(rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
}
