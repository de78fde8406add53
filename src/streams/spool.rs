//! Bytes that are kept: up to 1 MiB in memory, from there on in an unlinked file in `$TMPDIR`, so that
//! memory stays constant and nothing is left behind, however we end.

use super::nonblocking_writer::{NonblockingWriter, Written};
use super::unnamed;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

/// More than this is kept in a file.
const IN_MEMORY: usize = 1 << 20;

/// How much is moved in one go.
pub const CHUNK: usize = 1 << 18;

/// Bytes, in the order in which they came.
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
}

/// What came of taking from a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing is there at the moment.
    Nothing,
    /// All writers are gone.
    End,
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

    /// Keeps these bytes too.
    ///
    /// # Errors
    /// The file cannot be made or written: a full disk, mostly.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() && self.memory.len() + bytes.len() > IN_MEMORY {
            self.move_to_file()?;
        }
        match &self.file {
            Some(file) => file.write_all_at(bytes, self.length)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn move_to_file(&mut self) -> io::Result<()> {
        let file = unnamed::file()?;
        file.write_all_at(&self.memory, 0)?;
        self.memory = Vec::new();
        self.file = Some(file);
        Ok(())
    }

    /// Keeps what is in a non-blocking pipe. By way of `buffer`: splice(2) would spare a copy, but holds the
    /// pipe while the file is written, and so stops the command that fills it (measured: a third slower).
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn take_from(&mut self, pipe: impl AsFd, buffer: &mut [u8]) -> io::Result<Taken> {
        match read(pipe, buffer)? {
            (Taken::Bytes(n), bytes) => self.append(bytes).map(|()| Taken::Bytes(n)),
            (taken, _) => Ok(taken),
        }
    }

    /// Copies what is kept at `offset` into `buffer`, and says how much that was; 0 at the end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(file) = &self.file {
            return file.read_at(buffer, offset);
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.memory.len());
        let kept = &self.memory[start..];
        let length = kept.len().min(buffer.len());
        buffer[..length].copy_from_slice(&kept[..length]);
        Ok(length)
    }

    /// Writes what is kept from `offset` on, as far as it goes without blocking, and moves `offset`.
    ///
    /// # Errors
    /// As [`NonblockingWriter::write`], and when the file cannot be read.
    pub fn write_to(
        &self,
        writer: &mut NonblockingWriter,
        offset: &mut u64,
        buffer: &mut [u8],
    ) -> io::Result<Written> {
        #[cfg(target_os = "linux")]
        if let Some(file) = &self.file {
            match writer.splice_from(file, offset, CHUNK) {
                // Append targets and some file systems refuse; then by hand.
                Err(error)
                    if matches!(
                        Errno::from_io_error(&error),
                        Some(Errno::INVAL | Errno::NOSYS | Errno::BADF)
                    ) => {}
                result => return result,
            }
        }
        let most = buffer.len().min(writer.most());
        let length = self.read_at(&mut buffer[..most], *offset)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let written = writer.write(&buffer[..length])?;
        if let Written::Bytes(written) = written {
            *offset += written as u64;
        }
        Ok(written)
    }

    /// Forgets everything, and keeps the file for what comes next: its blocks are given back.
    ///
    /// # Errors
    /// The file cannot be cut.
    pub fn clear(&mut self) -> io::Result<()> {
        self.memory.clear();
        self.length = 0;
        self.file.as_ref().map_or(Ok(()), |file| file.set_len(0))
    }
}

/// Reads from a non-blocking pipe.
///
/// # Errors
/// Whatever a read may meet.
pub fn read(pipe: impl AsFd, buffer: &mut [u8]) -> io::Result<(Taken, &[u8])> {
    match rustix::io::read(pipe, &mut *buffer) {
        Ok(0) => Ok((Taken::End, &[])),
        Ok(n) => Ok((Taken::Bytes(n), &buffer[..n])),
        Err(Errno::AGAIN | Errno::INTR) => Ok((Taken::Nothing, &[])),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_comes_back_across_the_border_between_memory_and_file() {
        let mut spool = Spool::default();
        let bytes: Vec<u8> = (0..3 * IN_MEMORY).map(|n| (n % 251) as u8).collect();
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
