//! A second open file description of what an inherited descriptor leads to. That one is ours alone, so it can
//! be made non-blocking without others noticing: fcntl(2) has the flag on the description, and the shell, the
//! command and whoever reads the other end share the inherited one.

use crate::platform::streams as platform;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Opens once more, without blocking, what `fd` leads to: a terminal, or a pipe where the system has /proc.
/// `access` is `RDONLY` or `WRONLY`. `None` where that cannot be done: the terminal is someone else's and not
/// our controlling one, another has locked it (TIOCEXCL), there is no /proc.
pub fn reopen(fd: BorrowedFd<'_>, stat: &Stat, access: OFlags) -> Option<OwnedFd> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_terminal = kind == FileType::CharacterDevice && rustix::termios::isatty(fd);
    // Opening the master of a pseudo-terminal makes another terminal.
    if !(is_terminal || kind == FileType::Fifo) || platform::is_pty_master(stat.st_rdev) {
        return None;
    }
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |path: &[u8]| rustix::fs::open(path, flags, Mode::empty()).ok();
    let is_same = |opened: &OwnedFd| {
        rustix::fs::fstat(opened).is_ok_and(|new| match kind {
            FileType::Fifo => (new.st_dev, new.st_ino) == (stat.st_dev, stat.st_ino),
            _ => new.st_rdev == stat.st_rdev,
        })
    };
    let again = platform::path_to_reopen(fd).and_then(|path| open(&path));
    if let Some(again) = again.filter(is_same) {
        return Some(again);
    }
    // After su(1) the terminal's node belongs to someone else, but /dev/tty is for everyone. Its device number
    // is its own, so the question is put the other way round: only of the controlling terminal the foreground
    // group can be asked (tty_ioctl(4), TIOCGPGRP). The kernel may answer 0, which is no error of the terminal.
    let is_ours = is_terminal && matches!(rustix::termios::tcgetpgrp(fd), Ok(_) | Err(Errno::OPNOTSUPP));
    if is_ours { open(b"/dev/tty") } else { None }
}
