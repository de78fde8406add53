//! One read or write of a pipe that goes on in the kernel while we do something else.

use super::event::Event;
use std::io;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, OwnedHandle};
use windows_sys::Win32::Foundation::{ERROR_IO_INCOMPLETE, ERROR_IO_PENDING};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};

/// What is done with the pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

/// Whether the kernel uses the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Pending,
}

/// A pipe that was opened for overlapped calls, with a buffer for one call at a time.
pub struct Overlapped {
    pipe: OwnedHandle,
    /// Set when no call is pending.
    event: Event,
    /// In boxes: the kernel has their addresses while a call is pending.
    buffer: Box<[u8]>,
    call: Box<OVERLAPPED>,
    state: State,
}

impl std::fmt::Debug for Overlapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlapped")
            .field("pipe", &self.pipe)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Overlapped {
    /// For `pipe`, with a buffer of `size` bytes.
    ///
    /// # Errors
    /// No handles left.
    pub fn new(pipe: OwnedHandle, size: usize) -> io::Result<Self> {
        let (event, buffer) = (Event::new()?, vec![0; size].into_boxed_slice());
        let call = Box::new(OVERLAPPED { hEvent: event.handle().as_raw_handle(), ..OVERLAPPED::default() });
        Ok(Self { pipe, event, buffer, call, state: State::Idle })
    }

    /// The pipe.
    pub fn pipe(&self) -> &OwnedHandle {
        &self.pipe
    }

    /// Set when no call is pending, so that [`Self::read`] or [`Self::write`] gets further.
    pub fn ready(&self) -> BorrowedHandle<'_> {
        self.event.handle()
    }

    /// What the last read has put into the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads into the buffer, or looks whether the read that is pending has ended. Returns how many bytes were read;
    /// `None` if it is pending.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] at the end.
    pub fn read(&mut self) -> io::Result<Option<usize>> {
        match self.state {
            State::Idle => self.begin(Direction::Read, self.buffer.len()),
            State::Pending => self.result(),
        }
    }

    /// Whether no call is pending.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Writes bytes, or looks whether the write that is pending has ended; the bytes are the same then. Returns how many
    /// were written; `None` if it is pending.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when the reader has gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self.state {
            State::Idle => {
                let length = bytes.len().min(self.buffer.len());
                self.buffer[..length].copy_from_slice(&bytes[..length]);
                self.begin(Direction::Write, length)
            }
            State::Pending => self.result(),
        }
    }

    fn begin(&mut self, direction: Direction, length: usize) -> io::Result<Option<usize>> {
        let (pipe, buffer) = (self.pipe.as_raw_handle(), self.buffer.as_mut_ptr());
        let (length, call) = (length as u32, &raw mut *self.call);
        // SAFETY: the buffer has this length. It and the OVERLAPPED stay where they are until the call has ended:
        // `drop` waits for that. ReadFile and WriteFile clear the event first.
        let succeeded = unsafe {
            match direction {
                Direction::Read => ReadFile(pipe, buffer, length, std::ptr::null_mut(), call),
                Direction::Write => WriteFile(pipe, buffer, length, std::ptr::null_mut(), call),
            }
        };
        let error = io::Error::last_os_error();
        if succeeded == 0 && error.raw_os_error() != Some(ERROR_IO_PENDING.cast_signed()) {
            self.event.set();
            return Err(error);
        }
        self.state = State::Pending;
        self.result()
    }

    fn result(&mut self) -> io::Result<Option<usize>> {
        let mut moved = 0;
        // SAFETY: the OVERLAPPED belongs to a call on this pipe.
        let ended = unsafe {
            GetOverlappedResult(self.pipe.as_raw_handle(), &raw const *self.call, &raw mut moved, 0)
        };
        let error = io::Error::last_os_error();
        if ended == 0 && error.raw_os_error() == Some(ERROR_IO_INCOMPLETE.cast_signed()) {
            return Ok(None);
        }
        self.state = State::Idle;
        if ended == 0 { Err(error) } else { Ok(Some(moved as usize)) }
    }
}

impl Drop for Overlapped {
    fn drop(&mut self) {
        if self.state == State::Pending {
            let mut moved = 0;
            // SAFETY: as above. The kernel may use the buffer until the cancelled call has ended.
            unsafe {
                CancelIoEx(self.pipe.as_raw_handle(), &raw const *self.call);
                GetOverlappedResult(self.pipe.as_raw_handle(), &raw const *self.call, &raw mut moved, 1);
            }
        }
    }
}
