//! Files that get their name when they are complete, which cannot be had, and directories to look things up in.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A file without a name: cannot be had.
pub fn open_unnamed(_directory: impl AsFd, _access: OFlags, _mode: Mode) -> Option<OwnedFd> {
    None
}

/// Gives it a name.
///
/// # Errors
/// Always ENOSYS.
pub fn link_unnamed(_file: impl AsFd, _directory: impl AsFd, _name: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// How a directory is opened to look something up in it.
pub const SEARCH: OFlags = OFlags::RDONLY;

/// Whether a directory has names for open files: /dev/stdout, /dev/fd.
pub fn is_of_the_kernel(_directory: impl AsFd, path: &Path) -> bool {
    path.starts_with("/dev")
}
