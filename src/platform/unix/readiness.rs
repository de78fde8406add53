//! Waiting for streams and signals: poll(2).

use super::nonblocking_reader::NonblockingReader;
use super::nonblocking_writer::NonblockingWriter;
use super::pipe::{PipeReader, PipeWriter};
use super::wakeup::WakeupSource;
use crate::platform::Readiness;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

/// What ends a sleep besides a signal.
#[derive(Debug, Default)]
pub struct Interests<'a>(Vec<PollFd<'a>>);

impl<'a> Interests<'a> {
    /// Bytes in the pipe, or its end.
    pub fn read_pipe(&mut self, pipe: &'a PipeReader) {
        self.0.push(PollFd::new(pipe.fd(), PollFlags::IN));
    }

    /// Room in the pipe, or no reader.
    pub fn write_pipe(&mut self, pipe: &'a PipeWriter) {
        self.0.push(PollFd::new(pipe.fd(), PollFlags::OUT));
    }

    /// The end of the pipe's reader.
    pub fn reader_of_pipe(&mut self, pipe: &'a PipeWriter) {
        self.0.push(PollFd::new(pipe.fd(), PollFlags::empty()));
    }

    /// Something to read, or the end.
    pub fn read(&mut self, reader: &'a NonblockingReader) {
        self.0.push(PollFd::from_borrowed_fd(reader.fd(), PollFlags::IN));
    }

    /// Room for a write.
    pub fn write(&mut self, writer: &'a NonblockingWriter) {
        self.writable(writer.fd());
    }

    /// The same for a descriptor.
    pub fn writable(&mut self, fd: BorrowedFd<'a>) {
        self.0.push(PollFd::from_borrowed_fd(fd, PollFlags::OUT));
    }
}

impl WakeupSource {
    /// Sleeps until a signal comes, one of `interests` is ready, or `timeout` is over. Returns whether `writer` can be
    /// written to, or has lost its reader.
    ///
    /// poll(2) is exact to the timer slack of 50 us, and wakes up once. The timer wheel of tokio is up to a millisecond
    /// late, and wakes up at each of its levels.
    pub fn sleep<'a>(
        &'a self,
        writer: Option<BorrowedFd<'a>>,
        interests: Interests<'a>,
        timeout: Option<Duration>,
    ) -> Readiness {
        let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
        let wake = PollFd::new(self.reader(), PollFlags::IN);
        let mut readiness = Readiness::NotReady;
        let Interests(mut fds) = interests;
        // EINTR ends the sleep too.
        if writer.is_none() && fds.is_empty() {
            let _ready = rustix::event::poll(&mut [wake], timeout.as_ref());
        } else {
            fds.push(wake);
            fds.extend(writer.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)));
            let ready = rustix::event::poll(&mut fds, timeout.as_ref());
            if ready.is_ok() && writer.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty()) {
                readiness = Readiness::Ready;
            }
        }
        self.clear();
        readiness
    }
}

/// Waits until `fd` can be written to, for at most `timeout`. A signal handler ends the wait too: poll(2) is never
/// restarted (signal(7)).
pub fn wait_writable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> Readiness {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match rustix::event::poll(&mut [PollFd::new(&fd.as_fd(), PollFlags::OUT)], timeout.as_ref()) {
        Ok(1..) => Readiness::Ready,
        Ok(0) | Err(_) => Readiness::NotReady,
    }
}
