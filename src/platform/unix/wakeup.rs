//! The descriptors with which a signal handler wakes the event loop from poll(2). They do not block, and the command
//! does not inherit them.

use crate::platform::system;
use std::io;
use std::os::fd::OwnedFd;

/// A descriptor that a signal handler writes to, and one that the event loop polls.
#[derive(Debug)]
pub struct WakeupSource {
    reader: OwnedFd,
    /// `None` if it is the same as `reader`.
    writer: Option<OwnedFd>,
}

impl WakeupSource {
    /// Opens the descriptors.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = system::wakeup::open()?;
        Ok(Self { reader, writer })
    }

    /// The handler writes eight bytes to this, a number above 0.
    pub fn writer(&self) -> &OwnedFd {
        self.writer.as_ref().unwrap_or(&self.reader)
    }

    /// This is readable when a handler has written.
    pub fn reader(&self) -> &OwnedFd {
        &self.reader
    }

    /// Reads what was written so far.
    pub fn clear(&self) {
        let mut bytes = [0_u8; 64];
        while rustix::io::read(&self.reader, &mut bytes).is_ok_and(|n| n == bytes.len()) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec};

    #[test]
    fn what_was_written_wakes_until_it_is_cleared() {
        let wakeup = WakeupSource::new().unwrap();
        let is_awake = || {
            let mut fds = [PollFd::new(wakeup.reader(), PollFlags::IN)];
            rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
        };
        assert!(!is_awake());
        for _ in 0..100 {
            rustix::io::write(wakeup.writer(), &1_u64.to_ne_bytes()).unwrap();
        }
        assert!(is_awake());
        wakeup.clear();
        assert!(!is_awake());
    }
}
