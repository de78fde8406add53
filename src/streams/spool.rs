//! Bytes that are kept: up to 1 MiB in memory, more in an unlinked file in `$TMPDIR`, so that memory is bounded and
//! nothing is left behind, however we end.

use crate::platform::nonblocking_writer::NonblockingWriter;
use crate::platform::pipe::PipeReader;
use crate::platform::{PipeRead, Written, files, unnamed};
use std::fs::File;
use std::io;

/// How many bytes are kept in memory at most.
const MAX_IN_MEMORY: usize = 1 << 20;

/// How many bytes are moved at once.
pub const CHUNK_SIZE: usize = 1 << 18;

/// Bytes, in the order in which they came.
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
}

impl Spool {
    /// How many bytes are kept.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the file cannot be created or written, mostly because the disk is full.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() && self.memory.len() + bytes.len() > MAX_IN_MEMORY {
            self.move_to_file()?;
        }
        match &self.file {
            Some(file) => files::write_all_at(file, bytes, self.length)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn move_to_file(&mut self) -> io::Result<()> {
        let file = unnamed::file()?;
        files::write_all_at(&file, &self.memory, 0)?;
        self.memory = Vec::new();
        self.file = Some(file);
        Ok(())
    }

    /// Appends what is in a non-blocking pipe. Copies through `buffer`: splice(2) needs no copy, but it locks the
    /// pipe while the file is written, which stops the command that writes to it (measured: a third slower).
    ///
    /// # Errors
    /// As for [`Self::append`].
    pub fn append_from(&mut self, pipe: &mut PipeReader, buffer: &mut [u8]) -> io::Result<PipeRead> {
        let result = pipe.read(buffer)?;
        if let PipeRead::Bytes(n) = result {
            self.append(&buffer[..n])?;
        }
        Ok(result)
    }

    /// Copies bytes from `offset` on into `buffer`. Returns how many; 0 at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(file) = &self.file {
            return files::read_at(file, buffer, offset);
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.memory.len());
        let kept = &self.memory[start..];
        let length = kept.len().min(buffer.len());
        buffer[..length].copy_from_slice(&kept[..length]);
        Ok(length)
    }

    /// Writes bytes from `offset` on, as many as is possible without blocking, and advances `offset`.
    ///
    /// # Errors
    /// As for [`NonblockingWriter::write`], and when the file cannot be read.
    pub fn write_to(
        &self,
        writer: &mut NonblockingWriter,
        offset: &mut u64,
        buffer: &mut [u8],
    ) -> io::Result<Written> {
        if let Some(file) = &self.file
            && let Some(written) = writer.splice_from(file, offset, CHUNK_SIZE)?
        {
            return Ok(written);
        }
        let max = buffer.len().min(writer.max_write());
        let length = self.read_at(&mut buffer[..max], *offset)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let written = writer.write(&buffer[..length])?;
        if let Written::Bytes(written) = written {
            *offset += written as u64;
        }
        Ok(written)
    }

    /// Removes all bytes, and keeps the empty file.
    ///
    /// # Errors
    /// When the file cannot be truncated.
    pub fn clear(&mut self) -> io::Result<()> {
        self.memory.clear();
        self.length = 0;
        self.file.as_ref().map_or(Ok(()), |file| file.set_len(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_comes_back_across_the_border_between_memory_and_file() {
        let mut spool = Spool::default();
        let bytes: Vec<u8> = (0..3 * MAX_IN_MEMORY).map(|n| (n % 251) as u8).collect();
        for chunk in bytes.chunks(100_003) {
            spool.append(chunk).unwrap();
        }
        assert_eq!(spool.len(), bytes.len() as u64);
        assert!(spool.file.is_some() && spool.memory.is_empty());
        let mut back = vec![0; bytes.len()];
        let mut offset = 0;
        while offset < back.len() {
            offset += spool.read_at(&mut back[offset..], offset as u64).unwrap();
        }
        assert!(back == bytes);
        spool.clear().unwrap();
        assert!(spool.is_empty());
        assert_eq!(spool.read_at(&mut back, 0).unwrap(), 0);
    }

    proptest! {
        #[test]
        fn any_part_comes_back(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20), at in 0..500_u64, size in 1..100_usize) {
            let mut spool = Spool::default();
            for chunk in &chunks {
                spool.append(chunk).unwrap();
            }
            let all = chunks.concat();
            let mut buffer = vec![0; size];
            let n = spool.read_at(&mut buffer, at).unwrap();
            let start = (at as usize).min(all.len());
            prop_assert_eq!(&buffer[..n], &all[start..(start + size).min(all.len())]);
        }
    }
}
