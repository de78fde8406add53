//! Reading from a descriptor that was inherited. As with [`super::nonblocking_writer`], it is never made non-blocking, and yet
//! no read may block: another reader can take what poll(2) has seen there.

use super::nonblocking_writer::is_ready;
use super::own;
use crate::platform::streams as platform;
use rustix::event::PollFlags;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An inherited descriptor to read from.
#[derive(Debug)]
pub struct Source {
    fd: BorrowedFd<'static>,
    way: Way,
}

/// How reading does not block.
#[derive(Debug)]
enum Way {
    /// A pipe that takes `RWF_NOWAIT`.
    NoWait,
    Socket,
    /// An open file description of our own.
    Own(OwnedFd),
    /// Nothing else can be done: what is no pipe and no socket has seldom a second reader.
    AfterPoll,
}

impl Source {
    /// Looks at what the descriptor is.
    pub fn new(fd: BorrowedFd<'static>) -> Self {
        let kind = rustix::fs::fstat(fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
        let way = match kind {
            Ok(FileType::Fifo) => Way::NoWait,
            Ok(FileType::Socket) => Way::Socket,
            _ => own_or_after_poll(fd),
        };
        Self { fd, way }
    }

    /// The descriptor, to wait for.
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Own(own) => own.as_fd(),
            _ => self.fd,
        }
    }

    /// Reads what is there; 0 at the end.
    ///
    /// # Errors
    /// EAGAIN when nothing is there, and whatever else a read may meet.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let read = match &self.way {
            Way::NoWait => platform::read_nowait(self.fd, buffer),
            Way::Socket => rustix::net::recv(self.fd, buffer, RecvFlags::DONTWAIT).map(|(read, _)| read),
            Way::Own(own) => rustix::io::read(own, buffer),
            Way::AfterPoll if is_ready(self.fd, PollFlags::IN) => rustix::io::read(self.fd, buffer),
            Way::AfterPoll => Err(Errno::AGAIN),
        };
        match read {
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if matches!(self.way, Way::NoWait) => {
                self.way = own_or_after_poll(self.fd);
                Err(Errno::INTR)
            }
            read => read,
        }
    }
}

fn own_or_after_poll(fd: BorrowedFd<'_>) -> Way {
    let again = rustix::fs::fstat(fd).ok().and_then(|stat| own::reopen(fd, &stat, OFlags::RDONLY));
    again.map_or(Way::AfterPoll, Way::Own)
}
