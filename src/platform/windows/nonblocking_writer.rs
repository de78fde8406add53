//! Writing to an inherited handle. Whoever opened it has decided that a write blocks, and yet no write of ours may block:
//! console events and time limits have to work.
//!
//! | the handle refers to | how it is written |
//! |---|---|
//! | a file, NUL | with WriteFile, which waits for nothing (except a stalled network file system) |
//! | a pipe, a socket | by a thread, one piece at a time |
//! | a console | by a thread as well: UTF-8 as UTF-16, whatever the code page of the console; other bytes as they are |

use super::event::Event;
use super::pipe::is_end;
use crate::platform::Written;
use std::fs::File;
use std::io::{self, Write as _};
use std::mem::ManuallyDrop;
use std::os::windows::io::{AsHandle, AsRawHandle as _, BorrowedHandle, FromRawHandle as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use windows_sys::Win32::Foundation::{GetLastError, INVALID_HANDLE_VALUE, NO_ERROR};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_TYPE_CHAR, FILE_TYPE_DISK, FILE_TYPE_UNKNOWN, GetFileType,
};
use windows_sys::Win32::System::Console::WriteConsoleW;

/// The most bytes that are written at once.
const SIZE: usize = 64 << 10;

/// How long the thread is waited for: nearly every write ends in this time, and then nobody has to come again.
const BRIEF_MS: u32 = 5;

/// An inherited handle to write to. Between [`Written::Blocked`] and the next result, the bytes begin with the same
/// ones, unless they are given up.
#[derive(Debug)]
pub struct NonblockingWriter {
    handle: BorrowedHandle<'static>,
    method: WriteMethod,
    target: Target,
    /// Cleared while the thread writes.
    ready: &'static Event,
}

/// How to write without blocking.
#[derive(Debug)]
enum WriteMethod {
    /// With WriteFile, which does not block.
    Plain,
    /// By a thread, which starts with the first write.
    Thread(Option<&'static Shared>),
}

/// What the thread writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Bytes,
    Console,
}

/// What the thread and we share. It is never freed: the thread may be in a write when the process ends.
#[derive(Debug)]
struct Shared {
    step: Mutex<Step>,
    changed: Condvar,
    ready: &'static Event,
}

#[derive(Debug)]
enum Step {
    /// Nothing is to be written.
    Idle,
    /// The thread is to write these bytes.
    Asked(Vec<u8>),
    /// It writes.
    Writing,
    /// It has written these bytes, or failed with them.
    Written(Vec<u8>, io::Result<()>),
}

impl Shared {
    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self, handle: BorrowedHandle<'static>, target: Target) {
        let mut file = file(handle);
        loop {
            let mut step = self.step();
            let bytes = loop {
                match std::mem::replace(&mut *step, Step::Writing) {
                    Step::Asked(bytes) => break bytes,
                    other => {
                        *step = other;
                        step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            drop(step);
            let result = match (target, str::from_utf8(&bytes)) {
                (Target::Console, Ok(text)) => write_console(handle, text),
                (Target::Console, Err(_)) | (Target::Bytes, _) => file.write_all(&bytes),
            };
            *self.step() = Step::Written(bytes, result);
            self.ready.set();
        }
    }
}

impl NonblockingWriter {
    /// Chooses the method for a handle.
    ///
    /// # Errors
    /// When the handle is closed, or there are no handles left.
    pub fn new(handle: BorrowedHandle<'static>) -> io::Result<Self> {
        let raw = handle.as_raw_handle();
        // SAFETY: no memory is involved.
        let (kind, error) = unsafe { (GetFileType(raw), GetLastError()) };
        if raw.is_null() || raw == INVALID_HANDLE_VALUE || (kind == FILE_TYPE_UNKNOWN && error != NO_ERROR) {
            return Err(io::Error::from_raw_os_error(error.cast_signed()));
        }
        let target = if super::stdio::is_terminal(handle) { Target::Console } else { Target::Bytes };
        let method = match (kind, target) {
            (FILE_TYPE_DISK, _) | (FILE_TYPE_CHAR, Target::Bytes) => WriteMethod::Plain,
            _ => WriteMethod::Thread(None),
        };
        Ok(Self { handle, method, target, ready: Box::leak(Box::new(Event::new()?)) })
    }

    /// The inherited handle.
    pub fn inherited(&self) -> BorrowedHandle<'static> {
        self.handle
    }

    /// What to wait for after [`Written::Blocked`], which lives as long as the process.
    pub fn blocked_on(&self) -> BorrowedHandle<'static> {
        self.ready.handle()
    }

    /// The most bytes that are written at once.
    pub fn max_write(&self) -> usize {
        SIZE
    }

    /// Writes as much as is possible without blocking.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when the reader has gone, and any other error of WriteFile.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        let bytes = &bytes[..bytes.len().min(SIZE)];
        let shared = match self.method {
            WriteMethod::Plain => {
                return match file(self.handle).write(bytes)? {
                    0 => Err(io::ErrorKind::WriteZero.into()),
                    written => Ok(Written::Bytes(written)),
                };
            }
            WriteMethod::Thread(Some(shared)) => shared,
            WriteMethod::Thread(None) => self.start_thread()?,
        };
        let mut step = shared.step();
        if let Step::Asked(_) | Step::Writing = *step {
            return Ok(Written::Blocked);
        }
        if let Some(result) = take_result(&mut step, bytes) {
            return result;
        }
        let bytes = if self.target == Target::Console { whole_characters(bytes) } else { bytes };
        *step = Step::Asked(bytes.to_vec());
        self.ready.clear();
        drop(step);
        shared.changed.notify_one();
        self.ready.wait(BRIEF_MS);
        take_result(&mut shared.step(), bytes).unwrap_or(Ok(Written::Blocked))
    }

    fn start_thread(&mut self) -> io::Result<&'static Shared> {
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            step: Mutex::new(Step::Idle),
            changed: Condvar::new(),
            ready: self.ready,
        }));
        let (handle, target) = (self.handle, self.target);
        thread::Builder::new().name("output".to_owned()).spawn(move || shared.run(handle, target))?;
        self.method = WriteMethod::Thread(Some(shared));
        Ok(shared)
    }

    /// Moves nothing: the kernel cannot do this.
    ///
    /// # Errors
    /// None.
    pub fn splice_from(
        &self,
        _file: impl AsHandle,
        _offset: &mut u64,
        _length: usize,
    ) -> io::Result<Option<Written>> {
        Ok(None)
    }
}

/// The result of the write that has ended; `None` if there is none, or if its bytes were given up.
fn take_result(step: &mut Step, bytes: &[u8]) -> Option<io::Result<Written>> {
    let (written, result) = match std::mem::replace(step, Step::Idle) {
        Step::Written(written, result) => (written, result),
        other => {
            *step = other;
            return None;
        }
    };
    match result {
        Ok(()) if bytes.starts_with(&written) => Some(Ok(Written::Bytes(written.len()))),
        Ok(()) => None,
        Err(error) if is_end(&error) => Some(Err(io::ErrorKind::BrokenPipe.into())),
        Err(error) => Some(Err(error)),
    }
}

/// The bytes without the beginning of a character at their end, unless there is nothing else.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

fn write_console(handle: BorrowedHandle<'static>, text: &str) -> io::Result<()> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut rest = units.as_slice();
    while !rest.is_empty() {
        // Old consoles take less than 32 KiB at once. Half of a pair of surrogates may be in the next call.
        let length = rest.len().min(8 << 10) as u32;
        let mut written = 0;
        // SAFETY: there are this many units. The null pointer is reserved.
        let succeeded = unsafe {
            WriteConsoleW(handle.as_raw_handle(), rest.as_ptr(), length, &raw mut written, std::ptr::null())
        };
        if succeeded == 0 || written == 0 {
            return Err(io::Error::last_os_error());
        }
        rest = &rest[written as usize..];
    }
    Ok(())
}

/// The handle as a file that does not close it.
fn file(handle: BorrowedHandle<'static>) -> ManuallyDrop<File> {
    // SAFETY: the handle stays open, as the file is never dropped.
    ManuallyDrop::new(unsafe { File::from_raw_handle(handle.as_raw_handle()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::windows::io::OwnedHandle;

    fn writer(handle: OwnedHandle) -> NonblockingWriter {
        let handle: &'static OwnedHandle = Box::leak(Box::new(handle));
        NonblockingWriter::new(handle.as_handle()).unwrap()
    }

    #[test]
    fn a_full_pipe_blocks_and_takes_everything_in_order_later() {
        let (mut reader, theirs) = io::pipe().unwrap();
        let mut writer = writer(theirs.into());
        let bytes: Vec<u8> = (0..600_000).map(|at| (at % 251) as u8).collect();
        let mut sent = 0;
        while let Written::Bytes(n) = writer.write(&bytes[sent..]).unwrap() {
            sent += n;
        }
        assert!(sent < bytes.len());
        assert!(!super::super::event::is_set(writer.blocked_on(), 0));
        let length = bytes.len();
        let reader = std::thread::spawn(move || {
            let mut all = vec![0; length];
            reader.read_exact(&mut all).unwrap();
            all
        });
        while sent < bytes.len() {
            match writer.write(&bytes[sent..]).unwrap() {
                Written::Bytes(n) => sent += n,
                Written::Blocked => assert!(super::super::event::is_set(writer.blocked_on(), 10_000)),
            }
        }
        assert!(reader.join().unwrap() == bytes);
    }

    #[test]
    fn characters_are_not_cut() {
        for (bytes, whole) in [
            (&b"abc"[..], &b"abc"[..]),
            ("\u{fc}b".as_bytes(), "\u{fc}b".as_bytes()),
            (b"ab\xc3", b"ab"),
            (b"ab\xf0\x9f\x98", b"ab"),
            // Nothing else, or no UTF-8.
            (b"\xc3", b"\xc3"),
            (b"\xfcb\xc3", b"\xfcb\xc3"),
            (b"", b""),
        ] {
            assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
        }
    }

    #[test]
    fn what_was_given_up_is_not_taken_for_what_comes_next() {
        let (mut reader, theirs) = io::pipe().unwrap();
        let mut writer = writer(theirs.into());
        let filler = vec![b'x'; 60_000];
        while writer.write(&filler).unwrap() != Written::Blocked {}
        // Given up here. The reader makes room.
        let drain = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        loop {
            match writer.write(b"next").unwrap() {
                Written::Bytes(4) => break,
                Written::Blocked => assert!(super::super::event::is_set(writer.blocked_on(), 10_000)),
                other => panic!("{other:?}"),
            }
        }
        // The handle is leaked, so the reader has no end; the thread ends with the test's process.
        assert!(!drain.is_finished());
    }

    #[test]
    fn without_a_reader_the_error_says_so() {
        let (reader, theirs) = io::pipe().unwrap();
        drop(reader);
        let mut writer = writer(theirs.into());
        let result = loop {
            match writer.write(b"x") {
                Ok(Written::Blocked) => {
                    super::super::event::is_set(writer.blocked_on(), 10_000);
                }
                other => break other,
            }
        };
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
