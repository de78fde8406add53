//! What one read from a pipe has brought, on its way to our own stream and past whoever looks at it; each of the
//! two goes at its own pace.

use super::spool::{self, Taken};
use std::io;
use std::os::fd::AsFd;

/// The bytes of one read.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
    written: usize,
    looked_at: usize,
}

impl Chunk {
    /// Reads at most `most` bytes from a non-blocking pipe, in the place of what was there.
    ///
    /// # Errors
    /// Whatever a read may meet.
    pub fn fill(&mut self, pipe: impl AsFd, most: usize) -> io::Result<Taken> {
        if self.bytes.len() < most {
            self.bytes.resize(most, 0);
        }
        let (taken, bytes) = spool::read(pipe, &mut self.bytes[..most])?;
        (self.filled, self.written, self.looked_at) = (bytes.len(), 0, 0);
        Ok(taken)
    }

    /// Forgets what is there, and keeps the memory.
    pub fn clear(&mut self) {
        (self.filled, self.written, self.looked_at) = (0, 0, 0);
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// What is not yet written on.
    pub fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..self.filled]
    }

    /// So much more of it is written. The last byte of that.
    pub fn wrote(&mut self, length: usize) -> Option<u8> {
        let last = self.unwritten().get(length.wrapping_sub(1)).copied();
        self.written += length;
        last
    }

    /// None of it will be written.
    pub fn write_none(&mut self) {
        self.written = self.filled;
    }

    /// What was not yet looked at.
    pub fn unseen(&self) -> &[u8] {
        &self.bytes[self.looked_at..self.filled]
    }

    /// So much more of it was looked at.
    pub fn saw(&mut self, length: usize) {
        self.looked_at += length;
    }
}
