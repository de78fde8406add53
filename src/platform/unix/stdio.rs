//! The standard streams of this process, which the command may share with us.

use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
pub use std::os::fd::{BorrowedFd as BorrowedStream, OwnedFd as OwnedStream};

pub use super::descriptor::is_same_file;
pub use rustix::stdio::{stderr, stdin, stdout};

/// The stream for a call.
pub fn borrow(stream: &OwnedStream) -> BorrowedStream<'_> {
    stream.as_fd()
}

/// Whether a stream is a terminal.
pub fn is_terminal(stream: BorrowedStream<'_>) -> bool {
    rustix::termios::isatty(stream)
}

/// A stream that is always at its end, and takes everything.
///
/// # Errors
/// No descriptors left.
pub fn null() -> io::Result<OwnedStream> {
    Ok(File::open("/dev/null")?.into())
}

/// Our stderr, for a command's stdout.
///
/// # Errors
/// It is closed, or no descriptors are left.
pub fn stderr_as_stdout() -> io::Result<OwnedStream> {
    Ok(rustix::io::fcntl_dupfd_cloexec(stderr(), 3)?)
}

/// The status flags of our standard streams, to undo what a command does to them. An ssh that is killed leaves them
/// non-blocking, and the next program takes EAGAIN for an error.
#[derive(Debug)]
pub struct StatusFlags([Option<OFlags>; 3]);

impl StatusFlags {
    /// The flags as they are now.
    pub fn save() -> Self {
        Self(all().map(|fd| rustix::fs::fcntl_getfl(fd).ok()))
    }

    /// Makes the flags what they were.
    pub fn restore(&self) {
        for (fd, flags) in all().into_iter().zip(self.0) {
            if let Some(flags) = flags
                && rustix::fs::fcntl_getfl(fd).is_ok_and(|now| now != flags)
            {
                let _best_effort = rustix::fs::fcntl_setfl(fd, flags);
            }
        }
    }
}

fn all() -> [BorrowedStream<'static>; 3] {
    [stdin(), stdout(), stderr()]
}
