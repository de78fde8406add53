//! Files that are read for the user.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::{AsHandle as _, AsRawHandle as _};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_TYPE_DISK, GetFileInformationByHandle, GetFileType,
};

/// What tells a file from all others, whatever its name: the volume's serial number and the file's index.
pub type FileId = (u32, u32, u32);

/// The identity of a regular file; `None` for anything else.
///
/// # Errors
/// Any error of the system.
pub fn identity(file: &File) -> io::Result<Option<FileId>> {
    let handle = file.as_raw_handle();
    let mut info = MaybeUninit::<BY_HANDLE_FILE_INFORMATION>::zeroed();
    // SAFETY: the handle is open, and the structure is ours. One of zeros is a valid one.
    let info = unsafe {
        if GetFileType(handle) != FILE_TYPE_DISK {
            return Ok(None);
        }
        if GetFileInformationByHandle(handle, info.as_mut_ptr()) == 0 {
            return Err(io::Error::last_os_error());
        }
        info.assume_init()
    };
    Ok(Some((info.dwVolumeSerialNumber, info.nFileIndexHigh, info.nFileIndexLow)))
}

/// Our stdin as a file.
///
/// # Errors
/// There is none, or no handles are left.
pub fn stdin() -> io::Result<File> {
    Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
}
