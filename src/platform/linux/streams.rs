//! Reading, writing and moving bytes without blocking, on descriptors that other processes share.

use rustix::fs::Dev;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::pipe::SpliceFlags;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// The offset that means the current position: preadv2(2).
const CURRENT_POSITION: u64 = u64::MAX;

/// Reads from a pipe without blocking.
///
/// # Errors
/// EAGAIN when the pipe is empty; EOPNOTSUPP, EINVAL or ENOSYS where this is not supported.
pub fn read_nowait(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::preadv2(pipe, &mut [IoSliceMut::new(buffer)], CURRENT_POSITION, ReadWriteFlags::NOWAIT)
}

/// Writes to a pipe without blocking. (Since about Linux 6.4, to unnamed pipes only.)
///
/// # Errors
/// EAGAIN when the pipe is full; EOPNOTSUPP, EINVAL or ENOSYS where this is not supported.
pub fn write_nowait(pipe: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::io::pwritev2(pipe, &[IoSlice::new(bytes)], CURRENT_POSITION, ReadWriteFlags::NOWAIT)
}

/// Moves up to `length` bytes from a file to a pipe in the kernel without blocking, and advances `offset`.
///
/// # Errors
/// EAGAIN when the pipe is full; EINVAL or ENOSYS where this is not supported.
pub fn move_to_pipe(
    file: impl AsFd,
    offset: &mut u64,
    pipe: BorrowedFd<'_>,
    length: usize,
) -> Result<usize, Errno> {
    rustix::pipe::splice(file, Some(offset), pipe, None, length, SpliceFlags::NONBLOCK)
}

/// Moves up to `length` bytes from a file to another file or a device in the kernel, and advances `offset`.
///
/// # Errors
/// EINVAL (append mode, a file that cannot splice) or ENOSYS where this is not supported.
pub fn move_to_file(
    file: impl AsFd,
    offset: &mut u64,
    to: BorrowedFd<'_>,
    length: usize,
) -> Result<usize, Errno> {
    rustix::fs::sendfile(to, file, Some(offset), length)
}

/// Sets the capacity of a pipe to `size` bytes, if the system allows it.
pub fn grow_pipe(pipe: &OwnedFd, size: usize) {
    let _smaller_will_do = rustix::pipe::fcntl_setpipe_size(pipe, size);
}

/// A path to open the file behind `fd`, a pipe or a terminal, again.
#[expect(clippy::unnecessary_wraps, reason = "a pipe has no path on other systems")]
pub fn path_to_reopen(fd: BorrowedFd<'_>) -> Option<Vec<u8>> {
    Some(format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes())
}

/// Whether a character device is /dev/null, /dev/zero, /dev/full or the like, where nothing blocks. Their major number
/// is 1.
pub fn is_memory_device(device: Dev) -> bool {
    rustix::fs::major(device) == 1
}

/// Whether a character device is /dev/ptmx, 5:2. Opening that creates another terminal.
pub fn is_pty_master(device: Dev) -> bool {
    (rustix::fs::major(device), rustix::fs::minor(device)) == (5, 2)
}

/// Whether two descriptors share an open file description, and with it an offset; `None` if the kernel does not say
/// (kcmp(2) needs CONFIG_KCMP, and a sandbox may forbid it).
pub fn share_description(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Option<bool> {
    const KCMP_FILE: libc::c_long = 0;
    let pid = libc::c_long::from(rustix::process::getpid().as_raw_nonzero().get());
    let (a, b) = (libc::c_long::from(a.as_raw_fd()), libc::c_long::from(b.as_raw_fd()));
    // SAFETY: no memory is involved.
    match unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, a, b) } {
        0 => Some(true),
        1.. => Some(false),
        _ => None,
    }
}
