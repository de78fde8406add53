//! Files that are given a name when they are complete (open(2), `O_TMPFILE`), and directories to look things up in.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;

/// Opens a file without a name in a directory. `None` if the file system cannot do that, as NFS.
pub fn open_unnamed(directory: impl AsFd, access: OFlags, mode: Mode) -> Option<OwnedFd> {
    rustix::fs::openat(directory, ".", access | OFlags::TMPFILE | OFlags::CLOEXEC, mode).ok()
}

/// Gives the file a name in that directory.
///
/// # Errors
/// EEXIST when the name is taken. Without /proc: ENOENT.
pub fn link_unnamed(file: impl AsFd, directory: impl AsFd, name: &Path) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::linkat(CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)
}

/// The flags to open a directory for a lookup, which needs no permission to list it.
pub const SEARCH: OFlags = OFlags::PATH;

/// Whether a directory may name open files, as /proc does, where /dev/stdout, /dev/fd and bash's `>(...)` lead. Such a
/// file may have no other path.
pub fn names_open_files(directory: impl AsFd, _path: &Path) -> bool {
    rustix::fs::fstatfs(directory).is_ok_and(|system| system.f_type == rustix::fs::PROC_SUPER_MAGIC)
}
