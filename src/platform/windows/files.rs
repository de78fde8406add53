//! Reading and writing a file at an offset.

use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::FileExt as _;

/// Whether someone may execute a file with this metadata: the name of a file says so, and it was found.
pub fn may_execute(_file: &Metadata) -> bool {
    true
}

/// Reads at an offset; 0 at the end.
///
/// # Errors
/// Any error of ReadFile.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// Writes everything at an offset.
///
/// # Errors
/// Any error of WriteFile.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => {
                bytes = &bytes[written..];
                offset += written as u64;
            }
        }
    }
    Ok(())
}
