//! Waiting for streams, console events and the command: WaitForMultipleObjects. Everything that can end a sleep is a
//! handle which stays signaled until it was looked at, so nothing is missed between two sleeps.

use super::children;
use super::event::is_set;
use super::nonblocking_reader::NonblockingReader;
use super::nonblocking_writer::NonblockingWriter;
use super::pipe::{PipeReader, PipeWriter};
use super::wakeup::WakeupSource;
use crate::platform::Readiness;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle};
use std::time::Duration;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Threading::{INFINITE, WaitForMultipleObjects};

/// What ends a sleep besides a console event and the end of the command.
#[derive(Debug, Default)]
pub struct Interests<'a>(Vec<BorrowedHandle<'a>>);

impl<'a> Interests<'a> {
    /// Bytes in the pipe, or its end.
    pub fn read_pipe(&mut self, pipe: &'a PipeReader) {
        self.0.push(pipe.ready());
    }

    /// Room in the pipe, or no reader.
    pub fn write_pipe(&mut self, pipe: &'a PipeWriter) {
        self.0.push(pipe.ready());
    }

    /// Nothing: the system does not tell. The next write finds out.
    pub fn reader_of_pipe(&mut self, _pipe: &'a PipeWriter) {}

    /// Something to read, or the end.
    pub fn read(&mut self, reader: &'a NonblockingReader) {
        self.0.push(reader.ready());
    }

    /// Room for a write.
    pub fn write(&mut self, writer: &'a NonblockingWriter) {
        self.0.push(writer.blocked_on());
    }

    /// The same for the handle of a writer.
    pub fn writable(&mut self, handle: BorrowedHandle<'a>) {
        self.0.push(handle);
    }
}

impl WakeupSource {
    /// Sleeps until a console event comes, the command ends, one of `interests` is ready, or `timeout` is over. Returns
    /// whether `writer` can be written to, or has lost its reader.
    pub fn sleep(
        &self,
        writer: Option<BorrowedHandle<'_>>,
        interests: Interests<'_>,
        timeout: Option<Duration>,
    ) -> Readiness {
        let command = children::process();
        let mut handles: Vec<HANDLE> = vec![self.handle().as_raw_handle()];
        handles.extend(command.as_ref().map(|process| process.as_raw_handle()));
        handles.extend(writer.map(|handle| handle.as_raw_handle()));
        handles.extend(interests.0.into_iter().map(|handle| handle.as_raw_handle()));
        // A run has fewer than ten of them; 64 are allowed.
        let count = handles.len() as u32;
        // SAFETY: the handles are open until this returns.
        unsafe { WaitForMultipleObjects(count, handles.as_ptr(), 0, milliseconds(timeout)) };
        self.clear();
        match writer {
            Some(handle) if is_set(handle, 0) => Readiness::Ready,
            _ => Readiness::NotReady,
        }
    }
}

/// Waits until the writer of this handle can be written to, for at most `timeout`.
pub fn wait_writable(handle: BorrowedHandle<'_>, timeout: Option<Duration>) -> Readiness {
    if is_set(handle, milliseconds(timeout)) { Readiness::Ready } else { Readiness::NotReady }
}

/// Rounded up, so that a wait does not end before its time again and again.
fn milliseconds(timeout: Option<Duration>) -> u32 {
    let Some(timeout) = timeout else { return INFINITE };
    u32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(INFINITE).min(INFINITE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_shorter_than_its_time() {
        assert_eq!(milliseconds(None), INFINITE);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), INFINITE - 1);
    }
}
