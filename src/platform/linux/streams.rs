//! Reading, writing and moving bytes without blocking, on descriptors that others share.

use rustix::fs::Dev;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::pipe::SpliceFlags;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// The offset that stands for the current position: preadv2(2).
const HERE: u64 = u64::MAX;

/// Reads from a pipe what is there.
///
/// # Errors
/// EAGAIN when nothing is there; EOPNOTSUPP, EINVAL or ENOSYS where such a descriptor cannot be read like this.
pub fn read_nowait(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::preadv2(pipe, &mut [IoSliceMut::new(buffer)], HERE, ReadWriteFlags::NOWAIT)
}

/// Writes to a pipe what fits. (Since Linux 6.4 or so, to unnamed ones only.)
///
/// # Errors
/// EAGAIN when nothing fits; EOPNOTSUPP, EINVAL or ENOSYS where such a descriptor cannot be written like this.
pub fn write_nowait(pipe: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::io::pwritev2(pipe, &[IoSlice::new(bytes)], HERE, ReadWriteFlags::NOWAIT)
}

/// Moves bytes from a file to a pipe in the kernel, as many as fit, and advances `offset`.
///
/// # Errors
/// EAGAIN when nothing fits; EINVAL or ENOSYS where it cannot be done.
pub fn move_to_pipe(
    file: impl AsFd,
    offset: &mut u64,
    pipe: BorrowedFd<'_>,
    length: usize,
) -> Result<usize, Errno> {
    rustix::pipe::splice(file, Some(offset), pipe, None, length, SpliceFlags::NONBLOCK)
}

/// Moves bytes from a file to another file or a device in the kernel, and advances `offset`.
///
/// # Errors
/// EINVAL where it cannot be done (append mode, a kind of file that cannot splice), or ENOSYS.
pub fn move_to_file(
    file: impl AsFd,
    offset: &mut u64,
    to: BorrowedFd<'_>,
    length: usize,
) -> Result<usize, Errno> {
    rustix::fs::sendfile(to, file, Some(offset), length)
}

/// Makes a pipe as large as `size`, if the system lets us.
pub fn grow_pipe(pipe: &OwnedFd, size: usize) {
    let _smaller_will_do = rustix::pipe::fcntl_setpipe_size(pipe, size);
}

/// A path by which what `fd` leads to, a pipe or a terminal, can be opened again.
pub fn path_to_reopen(fd: BorrowedFd<'_>) -> Option<Vec<u8>> {
    Some(format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes())
}

/// Whether a character device is memory, so that nothing blocks there: /dev/null, /dev/zero, /dev/full. Their major
/// number is 1.
pub fn is_memory_device(device: Dev) -> bool {
    rustix::fs::major(device) == 1
}

/// Whether a character device is /dev/ptmx, 5:2. Opening it makes another terminal.
pub fn is_pty_master(device: Dev) -> bool {
    (rustix::fs::major(device), rustix::fs::minor(device)) == (5, 2)
}

/// Whether two descriptors have one open file description, and with it one offset; `None` where the kernel does not
/// tell (kcmp(2) needs CONFIG_KCMP, and a sandbox may forbid it).
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
