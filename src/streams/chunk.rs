//! The bytes of one read from a pipe, on their way to our own stream and through the search, each at its own pace.

use crate::platform::PipeRead;
use crate::platform::pipe::PipeReader;
use std::io;

/// The bytes of one read.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
    written: usize,
    scanned: usize,
}

impl Chunk {
    /// Reads at most `max` bytes from a non-blocking pipe, in place of the present ones.
    ///
    /// # Errors
    /// Any error of read(2).
    pub fn fill(&mut self, pipe: &mut PipeReader, max: usize) -> io::Result<PipeRead> {
        if self.bytes.len() < max {
            self.bytes.resize(max, 0);
        }
        let result = pipe.read(&mut self.bytes[..max])?;
        let filled = if let PipeRead::Bytes(n) = result { n } else { 0 };
        (self.filled, self.written, self.scanned) = (filled, 0, 0);
        Ok(result)
    }

    /// Removes all bytes, and keeps the memory.
    pub fn clear(&mut self) {
        (self.filled, self.written, self.scanned) = (0, 0, 0);
    }

    /// All bytes of the read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The bytes that are not yet written.
    pub fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..self.filled]
    }

    /// Counts `length` more bytes as written. Returns the last one of them.
    pub fn mark_written(&mut self, length: usize) -> Option<u8> {
        let last = self.unwritten().get(length.wrapping_sub(1)).copied();
        self.written += length;
        last
    }

    /// Leaves nothing to write.
    pub fn mark_all_written(&mut self) {
        self.written = self.filled;
    }

    /// The bytes that are not yet searched.
    pub fn unscanned(&self) -> &[u8] {
        &self.bytes[self.scanned..self.filled]
    }

    /// Counts `length` more bytes as searched.
    pub fn mark_scanned(&mut self, length: usize) {
        self.scanned += length;
    }
}
