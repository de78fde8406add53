//! Reading and writing a file at an offset, and what else differs about files.

pub use crate::platform::system::files::{SEARCH, link_unnamed, names_open_files, open_unnamed};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

/// Whether someone may execute a file with this metadata.
pub fn may_execute(file: &Metadata) -> bool {
    file.permissions().mode() & 0o111 != 0
}

/// Reads at an offset; 0 at the end.
///
/// # Errors
/// Any error of pread(2).
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Writes everything at an offset.
///
/// # Errors
/// Any error of pwrite(2).
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}
