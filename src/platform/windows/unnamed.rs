//! A file in the directory for temporary files that only we can open, and that is gone when we are.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_TEMPORARY, FILE_FLAG_DELETE_ON_CLOSE};

/// Makes one, empty, for reading and writing. The system deletes it when its last handle is closed, however we end, and
/// writes it to the disk only when memory is short.
///
/// # Errors
/// There is no such directory, we may not write there, or no handles are left.
pub fn file() -> io::Result<File> {
    for _ in 0..8 {
        let name = format!(".retry-{:016x}", RandomState::new().hash_one(std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .share_mode(0)
            .attributes(FILE_ATTRIBUTE_TEMPORARY)
            .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
            .open(std::env::temp_dir().join(name));
        match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return file,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
