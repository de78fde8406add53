//! The standard streams of this process, which the command may share with us.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _};
use std::os::windows::io::{AsHandle as _, AsRawHandle as _};
pub use std::os::windows::io::{BorrowedHandle as BorrowedStream, OwnedHandle as OwnedStream};
use windows_sys::Win32::Foundation::CompareObjectHandles;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_TYPE_DISK, GetFileInformationByHandle, GetFileType,
};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
};

/// Our stdin. Like the other two it may be closed, and then every call with it fails.
pub fn stdin() -> BorrowedStream<'static> {
    standard(STD_INPUT_HANDLE)
}

/// Our stdout.
pub fn stdout() -> BorrowedStream<'static> {
    standard(STD_OUTPUT_HANDLE)
}

/// Our stderr.
pub fn stderr() -> BorrowedStream<'static> {
    standard(STD_ERROR_HANDLE)
}

fn standard(which: STD_HANDLE) -> BorrowedStream<'static> {
    // SAFETY: no memory is involved, and this process never closes a standard stream. A null or invalid handle is
    // allowed here.
    unsafe { BorrowedStream::borrow_raw(GetStdHandle(which)) }
}

/// The stream for a call.
pub fn borrow(stream: &OwnedStream) -> BorrowedStream<'_> {
    stream.as_handle()
}

/// Whether a stream is a console.
pub fn is_terminal(stream: BorrowedStream<'_>) -> bool {
    stream.is_terminal()
}

/// Whether two streams lead to the same place: one object, one file, or the console.
pub fn is_same_file(a: BorrowedStream<'_>, b: BorrowedStream<'_>) -> bool {
    // SAFETY: no memory is involved.
    let is_same_object = unsafe { CompareObjectHandles(a.as_raw_handle(), b.as_raw_handle()) } != 0;
    if is_same_object || (is_terminal(a) && is_terminal(b)) {
        return true;
    }
    matches!((file_id(a), file_id(b)), (Some(a), Some(b)) if a == b)
}

fn file_id(stream: BorrowedStream<'_>) -> Option<(u32, u32, u32)> {
    let mut info = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the structure is ours. A handle that is closed is an error.
    let is_known = unsafe {
        GetFileType(stream.as_raw_handle()) == FILE_TYPE_DISK
            && GetFileInformationByHandle(stream.as_raw_handle(), &raw mut info) != 0
    };
    is_known.then_some((info.dwVolumeSerialNumber, info.nFileIndexHigh, info.nFileIndexLow))
}

/// A stream that is always at its end, and takes everything.
///
/// # Errors
/// No handles left.
pub fn null() -> io::Result<OwnedStream> {
    let null: File = OpenOptions::new().read(true).write(true).open("NUL")?;
    Ok(null.into())
}

/// Our stderr, for a command's stdout.
///
/// # Errors
/// It is closed, or no handles are left.
pub fn stderr_as_stdout() -> io::Result<OwnedStream> {
    stderr().try_clone_to_owned()
}

/// Nothing: a handle has no status flags that a command could change.
#[derive(Debug)]
pub struct StatusFlags;

impl StatusFlags {
    /// Saves nothing.
    pub fn save() -> Self {
        Self
    }

    /// Restores nothing.
    pub fn restore(&self) {}
}
