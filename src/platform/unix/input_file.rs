//! Files that are read for the user.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// What tells a file from all others, whatever its name: device and inode.
pub type FileId = (u64, u64);

/// The identity of a regular file; `None` for anything else.
///
/// # Errors
/// Any error of fstat(2).
pub fn identity(file: &File) -> io::Result<Option<FileId>> {
    let found = file.metadata()?;
    Ok(found.is_file().then(|| (found.dev(), found.ino())))
}

/// Our stdin as a file.
///
/// # Errors
/// It is closed, or no descriptors are left.
pub fn stdin() -> io::Result<File> {
    Ok(rustix::io::dup(rustix::stdio::stdin())?.into())
}
