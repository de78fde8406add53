//! What our stdin is: a file that can be rewound, or a stream that can be read once.

use super::stdio::stdin;
use crate::platform::{Offset, Supply};
use std::io;
use std::os::windows::io::AsRawHandle as _;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_BEGIN, FILE_CURRENT, FILE_TYPE_DISK, FILE_TYPE_PIPE, GetFileType, SetFilePointerEx,
};

/// Where our stdin is in its file.
pub fn offset() -> Offset {
    if file_type() != FILE_TYPE_DISK {
        return Offset::None;
    }
    let mut offset = 0;
    // SAFETY: the number is ours.
    let moved = unsafe { SetFilePointerEx(stdin().as_raw_handle(), 0, &raw mut offset, FILE_CURRENT) };
    match u64::try_from(offset) {
        Ok(offset) if moved != 0 => Offset::At(offset),
        _ => Offset::None,
    }
}

/// Moves our stdin to `offset` in its file.
///
/// # Errors
/// It is no file any more.
pub fn rewind(offset: u64) -> io::Result<()> {
    let offset = i64::try_from(offset).map_err(io::Error::other)?;
    // SAFETY: a null pointer means that the new offset is not wanted.
    match unsafe { SetFilePointerEx(stdin().as_raw_handle(), offset, std::ptr::null_mut(), FILE_BEGIN) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Always open: a look into the pipe (PeekNamedPipe) would wait while a descendant of the command reads from it.
pub fn supply() -> Supply {
    Supply::Open
}

/// Whether our stdin is a pipe or a socket: what is read is gone.
pub fn is_stream() -> bool {
    file_type() == FILE_TYPE_PIPE
}

fn file_type() -> u32 {
    // SAFETY: no memory is involved.
    unsafe { GetFileType(stdin().as_raw_handle()) }
}
