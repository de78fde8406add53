//! An event object: a flag that a thread can wait for.

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent, WaitForSingleObject};

/// A flag that stays as it is until it is changed (manual reset).
#[derive(Debug)]
pub struct Event(OwnedHandle);

impl Event {
    /// A flag that is set, so that whoever waits for it looks at once.
    ///
    /// # Errors
    /// No handles left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: the null pointers mean no attributes and no name.
        let handle = unsafe { CreateEventW(std::ptr::null(), 1, 1, std::ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is a new handle, and nobody else closes it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Sets the flag.
    pub fn set(&self) {
        // SAFETY: the handle is open.
        unsafe { SetEvent(self.0.as_raw_handle()) };
    }

    /// Clears the flag.
    pub fn clear(&self) {
        // SAFETY: the handle is open.
        unsafe { ResetEvent(self.0.as_raw_handle()) };
    }

    /// Waits until the flag is set, for `milliseconds` at most. Returns whether it is.
    pub fn wait(&self, milliseconds: u32) -> bool {
        is_set(self.0.as_handle(), milliseconds)
    }

    /// The handle to wait for.
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.0.as_handle()
    }
}

/// Waits for a handle (an event, a process) for `milliseconds` at most. Returns whether it is signaled.
pub fn is_set(handle: BorrowedHandle<'_>, milliseconds: u32) -> bool {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(handle.as_raw_handle(), milliseconds) == WAIT_OBJECT_0 }
}
