//! Reading, writing and moving bytes without blocking, on descriptors that others share. Most of it cannot be had here.

use rustix::fs::Dev;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// There is no flag for one read.
///
/// # Errors
/// Always ENOSYS.
pub fn read_nowait(_pipe: BorrowedFd<'_>, _buffer: &mut [u8]) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// There is no flag for one write.
///
/// # Errors
/// Always ENOSYS.
pub fn write_nowait(_pipe: BorrowedFd<'_>, _bytes: &[u8]) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// There is no splice(2).
///
/// # Errors
/// Always ENOSYS.
pub fn move_to_pipe(
    _file: impl AsFd,
    _offset: &mut u64,
    _pipe: BorrowedFd<'_>,
    _length: usize,
) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// sendfile(2) sends to sockets only.
///
/// # Errors
/// Always ENOSYS.
pub fn move_to_file(
    _file: impl AsFd,
    _offset: &mut u64,
    _to: BorrowedFd<'_>,
    _length: usize,
) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// Pipes grow by themselves.
pub fn grow_pipe(_pipe: &OwnedFd, _size: usize) {}

/// A path by which what `fd` leads to can be opened again: a terminal's name. A pipe has none.
pub fn path_to_reopen(fd: BorrowedFd<'_>) -> Option<Vec<u8>> {
    Some(rustix::termios::ttyname(fd, Vec::new()).ok()?.into_bytes())
}

/// Not known: device numbers differ from system to system.
pub fn is_memory_device(_device: Dev) -> bool {
    false
}

/// Not known, as above.
pub fn is_pty_master(_device: Dev) -> bool {
    false
}

/// Not known: there is no kcmp(2).
pub fn share_description(_a: BorrowedFd<'_>, _b: BorrowedFd<'_>) -> Option<bool> {
    None
}
