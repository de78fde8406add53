//! Pipes between the command and us. Our end is for overlapped calls, which do not block; the command's end is like that
//! of any other pipe. Anonymous pipes cannot do that, so these are named ones, as those of std are.

use super::overlapped::Overlapped;
use crate::platform::unnamed;
use crate::platform::{PipeRead, Written};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Seek as _, Write as _};
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_HANDLE_EOF, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED, GENERIC_READ,
    GENERIC_WRITE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_INBOUND,
    PIPE_ACCESS_OUTBOUND, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_WAIT,
    PeekNamedPipe,
};

/// The size of a pipe and of our buffer beside it, in bytes.
const SIZE: usize = 64 << 10;

/// The permissions of a stream: nothing on Windows, where a handle has the access that it was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access;

impl Access {
    /// Nothing.
    pub fn of(_stream: BorrowedHandle<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// A pipe from the command to us. Returns our end and the command's.
///
/// # Errors
/// When there are no handles left.
pub fn from_command(_access: Option<Access>) -> io::Result<(PipeReader, OwnedHandle)> {
    let (ours, theirs) = pipe(PIPE_ACCESS_INBOUND, GENERIC_WRITE)?;
    Ok((PipeReader { calls: Overlapped::new(ours, SIZE)?, unread: 0..0, state: ReaderState::Open }, theirs))
}

/// A pipe from us to the command. Returns the command's end and ours.
///
/// # Errors
/// When there are no handles left.
pub fn to_command(_access: Option<Access>) -> io::Result<(OwnedHandle, PipeWriter)> {
    let (ours, theirs) = pipe(PIPE_ACCESS_OUTBOUND, GENERIC_READ)?;
    Ok((theirs, PipeWriter(Overlapped::new(ours, SIZE)?)))
}

fn pipe(ours: u32, theirs: u32) -> io::Result<(OwnedHandle, OwnedHandle)> {
    let name = |number: u64| {
        let name = format!(r"\\.\pipe\retry.{}.{number:016x}", std::process::id());
        name.encode_utf16().chain([0]).collect::<Vec<u16>>()
    };
    for _ in 0..8 {
        let name = name(RandomState::new().hash_one(ours));
        // SAFETY: the name ends with a zero, and there are no security attributes. With FIRST_PIPE_INSTANCE it is
        // nobody else's pipe.
        let server = unsafe {
            CreateNamedPipeW(
                name.as_ptr(),
                ours | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                1,
                SIZE as u32,
                SIZE as u32,
                0,
                std::ptr::null(),
            )
        };
        if server == INVALID_HANDLE_VALUE {
            let error = io::Error::last_os_error();
            // The name is taken.
            if error.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed()) {
                continue;
            }
            return Err(error);
        }
        // SAFETY: it is a new handle, and nobody else closes it.
        let server = unsafe { OwnedHandle::from_raw_handle(server) };
        // SAFETY: as above. There is one instance and it has no client yet, so the client is connected.
        let client = unsafe {
            CreateFileW(
                name.as_ptr(),
                theirs,
                0,
                std::ptr::null(),
                OPEN_EXISTING,
                SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                std::ptr::null_mut(),
            )
        };
        if client == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is a new handle, and nobody else closes it.
        return Ok((server, unsafe { OwnedHandle::from_raw_handle(client) }));
    }
    Err(io::Error::from_raw_os_error(ERROR_ACCESS_DENIED.cast_signed()))
}

/// Our end of a pipe from the command. It does not block.
#[derive(Debug)]
pub struct PipeReader {
    calls: Overlapped,
    /// The part of the buffer that was read from the pipe, and not taken yet.
    unread: std::ops::Range<usize>,
    state: ReaderState,
}

/// Whether more can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Open,
    Ended,
}

impl PipeReader {
    /// Reads what is there.
    ///
    /// # Errors
    /// Any error of ReadFile.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<PipeRead> {
        if self.unread.is_empty() {
            self.fill()?;
        }
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buffer.len());
            let taken = self.unread.start..self.unread.start + length;
            buffer[..length].copy_from_slice(&self.calls.buffer()[taken]);
            self.unread.start += length;
            return Ok(PipeRead::Bytes(length));
        }
        Ok(if self.state == ReaderState::Ended { PipeRead::End } else { PipeRead::Empty })
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.state == ReaderState::Open && self.unread.is_empty() {
            match self.calls.read() {
                // A write of no bytes ends a read, and not the pipe.
                Ok(Some(length)) => self.unread = 0..length,
                Ok(None) => return Ok(()),
                Err(error) if is_end(&error) => self.state = ReaderState::Ended,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// How many bytes are in the pipe, and in our buffer.
    pub fn available(&mut self) -> u64 {
        if self.unread.is_empty() && !self.calls.is_idle() {
            // A read that is pending may have ended, and an error comes again.
            let _again = self.fill();
        }
        let mut in_pipe = 0;
        let null = std::ptr::null_mut();
        // SAFETY: the number is ours, and nothing is copied out of the pipe.
        let known = unsafe {
            PeekNamedPipe(
                self.calls.pipe().as_raw_handle(),
                null,
                0,
                null.cast(),
                &raw mut in_pipe,
                null.cast(),
            )
        };
        self.unread.len() as u64 + if known == 0 { 0 } else { u64::from(in_pipe) }
    }

    /// Set when there may be something to read.
    pub fn ready(&self) -> BorrowedHandle<'_> {
        self.calls.ready()
    }
}

/// Our end of a pipe to the command. It does not block. Between [`Written::Blocked`] and the next result, the bytes are
/// the same ones.
#[derive(Debug)]
pub struct PipeWriter(Overlapped);

impl PipeWriter {
    /// Writes what there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when the command has closed its end.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        match self.0.write(bytes) {
            Ok(Some(written)) => Ok(Written::Bytes(written)),
            Ok(None) => Ok(Written::Blocked),
            Err(error) if is_end(&error) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(error) => Err(error),
        }
    }

    /// Always false: the system does not tell. The next write finds out.
    pub fn has_lost_reader(&self) -> bool {
        false
    }

    /// Set when no write is pending.
    pub fn ready(&self) -> BorrowedHandle<'_> {
        self.0.ready()
    }
}

/// Whether an error means that nobody has the other end any more.
pub fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
        || matches!(
            error.raw_os_error().map(i32::cast_unsigned),
            Some(ERROR_HANDLE_EOF | ERROR_NO_DATA | ERROR_PIPE_NOT_CONNECTED)
        )
}

/// A stream from which these bytes can be read: an unnamed file. A pipe would need a writer that stays.
///
/// # Errors
/// When there are no handles left, or the file cannot be written.
pub fn filled(bytes: &[u8]) -> io::Result<OwnedHandle> {
    let mut file = unnamed::file()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::windows::event::is_set;
    use std::fs::File;
    use std::io::Read as _;

    /// Reads until the end, and waits as the event loop does.
    fn read_all(pipe: &mut PipeReader) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 1000]);
        loop {
            match pipe.read(&mut buffer).unwrap() {
                PipeRead::Bytes(n) => all.extend_from_slice(&buffer[..n]),
                PipeRead::Empty => assert!(is_set(pipe.ready(), 10_000)),
                PipeRead::End => return all,
            }
        }
    }

    #[test]
    fn what_the_command_writes_is_read_to_its_end() {
        for size in [0, 1, SIZE, 1 << 20] {
            let (mut ours, theirs) = from_command(None).unwrap();
            assert_eq!(ours.read(&mut [0; 10]).unwrap(), PipeRead::Empty);
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let expected = bytes.clone();
            let writer = std::thread::spawn(move || File::from(theirs).write_all(&bytes).unwrap());
            assert!(read_all(&mut ours) == expected, "{size}");
            writer.join().unwrap();
        }
    }

    #[test]
    fn what_is_in_the_pipe_is_counted_whether_or_not_a_read_is_pending() {
        let (mut ours, theirs) = from_command(None).unwrap();
        let mut theirs = File::from(theirs);
        theirs.write_all(b"abc").unwrap();
        assert_eq!(ours.available(), 3);
        assert_eq!(ours.read(&mut [0; 10]).unwrap(), PipeRead::Bytes(3));
        assert_eq!(ours.read(&mut [0; 10]).unwrap(), PipeRead::Empty);
        theirs.write_all(b"defgh").unwrap();
        theirs.write_all(b"i").unwrap();
        assert!(is_set(ours.ready(), 10_000));
        assert_eq!(ours.available(), 6);
        assert_eq!(ours.read(&mut [0; 2]).unwrap(), PipeRead::Bytes(2));
        assert_eq!(ours.available(), 4);
    }

    #[test]
    fn what_the_command_does_not_read_blocks_nobody() {
        let (theirs, mut ours) = to_command(None).unwrap();
        let bytes: Vec<u8> = (0..500_000).map(|at| (at % 251) as u8).collect();
        let mut sent = 0;
        while let Written::Bytes(n) = ours.write(&bytes[sent..]).unwrap() {
            sent += n;
        }
        assert!(sent < bytes.len());
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            File::from(theirs).read_to_end(&mut all).unwrap();
            all
        });
        while sent < bytes.len() {
            match ours.write(&bytes[sent..]).unwrap() {
                Written::Bytes(n) => sent += n,
                Written::Blocked => assert!(is_set(ours.ready(), 10_000)),
            }
        }
        drop(ours);
        assert!(reader.join().unwrap() == bytes);
    }

    #[test]
    fn a_command_that_closes_its_end_is_noticed_by_a_write() {
        let (theirs, mut ours) = to_command(None).unwrap();
        drop(theirs);
        assert_eq!(ours.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_pending_call_ends_with_its_pipe() {
        let (mut reader, theirs) = from_command(None).unwrap();
        assert_eq!(reader.read(&mut [0; 10]).unwrap(), PipeRead::Empty);
        drop(reader);
        assert!(File::from(theirs).write_all(b"x").is_err());
    }

    #[test]
    fn what_is_filled_is_read_to_its_end_whatever_its_size() {
        for size in [0, 1, 64 * 1024, 3 << 20] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let mut read = Vec::new();
            File::from(filled(&bytes).unwrap()).read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{size}: {}", read.len());
        }
    }
}
