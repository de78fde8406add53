//! Files that get their name when they are complete (open(2), `O_TMPFILE`), and directories to look things up in.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;

/// Opens a file without a name in a directory, for writing or for both. `None` where that cannot be done: on NFS, say.
pub fn open_unnamed(directory: impl AsFd, access: OFlags, mode: Mode) -> Option<OwnedFd> {
    rustix::fs::openat(directory, ".", access | OFlags::TMPFILE | OFlags::CLOEXEC, mode).ok()
}

/// Gives it a name in that directory.
///
/// # Errors
/// EEXIST when the name is taken. Without /proc: ENOENT.
pub fn link_unnamed(file: impl AsFd, directory: impl AsFd, name: &Path) -> Result<(), Errno> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::linkat(CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)
}

/// How a directory is opened to look something up in it: one that we may write to but not list will do.
pub const SEARCH: OFlags = OFlags::PATH;

/// Whether a directory is in /proc, where /dev/stdout, /dev/fd and bash's `>(...)` end: its links name open files, which
/// may have no path.
pub fn is_of_the_kernel(directory: impl AsFd, _path: &Path) -> bool {
    rustix::fs::fstatfs(directory).is_ok_and(|system| system.f_type == rustix::fs::PROC_SUPER_MAGIC)
}
