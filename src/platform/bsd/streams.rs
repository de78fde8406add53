//! Reading, writing and moving bytes without blocking, on descriptors that other processes share. Most of it is not
//! supported here.

use rustix::fs::Dev;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Fails: no flag makes one read nonblocking.
///
/// # Errors
/// Always ENOSYS.
pub fn read_nowait(_pipe: BorrowedFd<'_>, _buffer: &mut [u8]) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// Fails: no flag makes one write nonblocking.
///
/// # Errors
/// Always ENOSYS.
pub fn write_nowait(_pipe: BorrowedFd<'_>, _bytes: &[u8]) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

/// Fails: there is no splice(2).
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

/// Fails: sendfile(2) sends to sockets only.
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

/// Does nothing: pipes grow by themselves.
pub fn grow_pipe(_pipe: &OwnedFd, _size: usize) {}

/// A path to open the file behind `fd` again: the name of a terminal. A pipe has none.
pub fn path_to_reopen(fd: BorrowedFd<'_>) -> Option<Vec<u8>> {
    Some(rustix::termios::ttyname(fd, Vec::new()).ok()?.into_bytes())
}

/// Always false: device numbers differ between systems.
pub fn is_memory_device(_device: Dev) -> bool {
    false
}

/// Always false: device numbers differ between systems.
pub fn is_pty_master(_device: Dev) -> bool {
    false
}

/// Always `None`: there is no kcmp(2).
pub fn share_description(_a: BorrowedFd<'_>, _b: BorrowedFd<'_>) -> Option<bool> {
    None
}
