//! How long something of ours waits for others: a reader, the holder of a lock. Here are the two ways to wait
//! where no command is about; the run's own is [`crate::process::patience`]'s, which knows signals and limits.

use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// What was waited for is there.
    Yes,
    /// It is not, and it is not waited for any longer.
    No,
}

/// Waits, within limits.
pub trait Patience {
    /// Waits until `fd` can be written to.
    fn writable(&mut self, fd: BorrowedFd<'_>) -> Ready;

    /// Waits a moment before something is tried once more.
    fn pause(&mut self) -> Ready;
}

/// For what is said before or after a run: signals still do, or do again, what they do by default.
#[derive(Debug)]
pub struct Endless;

impl Patience for Endless {
    fn writable(&mut self, fd: BorrowedFd<'_>) -> Ready {
        poll(fd, None)
    }

    fn pause(&mut self) -> Ready {
        Ready::No
    }
}

/// For a message in the middle of a run: so short that it may be waited for between two looks at signals
/// and limits, and long enough for a daemon or a reader that is only busy.
#[derive(Debug)]
pub struct Short;

const SHORT: Duration = Duration::from_millis(200);

impl Patience for Short {
    fn writable(&mut self, fd: BorrowedFd<'_>) -> Ready {
        poll(fd, Timespec::try_from(SHORT).ok())
    }

    fn pause(&mut self) -> Ready {
        Ready::No
    }
}

/// A signal ends it: poll(2) is never restarted after one (signal(7)).
fn poll(fd: BorrowedFd<'_>, longest: Option<Timespec>) -> Ready {
    match rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::OUT)], longest.as_ref()) {
        Ok(1..) => Ready::Yes,
        Ok(0) | Err(_) => Ready::No,
    }
}
