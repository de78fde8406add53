//! What an inherited descriptor refers to, and a second open file description of it. Others share the inherited one
//! (the shell, the command, readers of the other end), and O_NONBLOCK belongs to the description (fcntl(2)). A second
//! one is ours alone, so it can be non-blocking without anyone noticing.

use crate::platform::system::streams as platform;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Whether two descriptors refer to the same file.
pub fn is_same_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(a), rustix::fs::fstat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}

/// Whether a descriptor is ready now, or has hung up.
pub fn is_ready(fd: impl AsFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(&fd, flags)];
    matches!(rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1..))
}

/// Opens again, non-blocking, what `fd` refers to: a terminal, or a pipe where the system has /proc. `access` is
/// `RDONLY` or `WRONLY`. `None` where this is not possible: the terminal belongs to another user and is not our
/// controlling one, another process has locked it (TIOCEXCL), or there is no /proc.
pub fn reopen(fd: BorrowedFd<'_>, stat: &Stat, access: OFlags) -> Option<OwnedFd> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_terminal = kind == FileType::CharacterDevice && rustix::termios::isatty(fd);
    // Opening the master of a pseudo-terminal again creates another terminal.
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
    let reopened = platform::path_to_reopen(fd).and_then(|path| open(&path));
    if let Some(reopened) = reopened.filter(is_same) {
        return Some(reopened);
    }
    // After su(1) the terminal's node belongs to another user, but everyone may open /dev/tty. It has a device number
    // of its own, so `is_same` does not work for it. But only the controlling terminal returns its foreground group
    // (tty_ioctl(4), TIOCGPGRP). If the kernel returns the group 0, rustix makes an error of it.
    let is_controlling =
        is_terminal && matches!(rustix::termios::tcgetpgrp(fd), Ok(_) | Err(Errno::OPNOTSUPP));
    if is_controlling { open(b"/dev/tty") } else { None }
}
