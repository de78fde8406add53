//! Files without a name, which do not exist here, and directories to look things up in.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Always `None`.
pub fn open_unnamed(_directory: impl AsFd, _access: OFlags, _mode: Mode) -> Option<OwnedFd> {
    None
}

/// Fails.
///
/// # Errors
/// Always ENOSYS.
pub fn link_unnamed(_file: impl AsFd, _directory: impl AsFd, _name: &Path) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

/// The flags to open a directory for a lookup.
pub const SEARCH: OFlags = OFlags::RDONLY;

/// Whether a directory may name open files, as /dev does (/dev/stdout, /dev/fd). Such a file may have no other path.
pub fn names_open_files(_directory: impl AsFd, path: &Path) -> bool {
    path.starts_with("/dev")
}
