//! What our stdin is: a file that can be rewound, or a stream that can be read once.

use super::descriptor::is_same_file;
use crate::platform::system::streams::share_description;
use crate::platform::{Offset, Supply};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags, SeekFrom};
use rustix::stdio::{stderr, stdin, stdout};
use std::io;

/// Where our stdin is in its file. lseek(2) succeeds on /dev/urandom as well, but does nothing there.
pub fn offset() -> Offset {
    if !matches!(kind(), Some(FileType::RegularFile | FileType::BlockDevice)) {
        return Offset::None;
    }
    match rustix::fs::tell(stdin()) {
        Ok(_) if is_written_to() => Offset::Shared,
        Ok(offset) => Offset::At(offset),
        Err(_) => Offset::None,
    }
}

/// Moves our stdin to `offset` in its file.
///
/// # Errors
/// It is no file any more.
pub fn rewind(offset: u64) -> io::Result<()> {
    rustix::fs::seek(stdin(), SeekFrom::Start(offset))?;
    Ok(())
}

/// Whether stdout or stderr shares the open file description of stdin, and so its offset (`0<>log 1>&0`). If that were
/// rewound, the next attempt would overwrite the output.
fn is_written_to() -> bool {
    let is_for_reading =
        rustix::fs::fcntl_getfl(stdin()).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDONLY);
    !is_for_reading
        && [stdout(), stderr()]
            .into_iter()
            .any(|output| is_same_file(stdin(), output) && share_description(stdin(), output).unwrap_or(true))
}

/// Whether our stdin can still be read.
pub fn supply() -> Supply {
    let stdin = stdin();
    let mut fds = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let _same_as_none = rustix::event::poll(&mut fds, Some(&now));
    let events = fds[0].revents();
    let ended = events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN);
    if ended { Supply::Ended } else { Supply::Open }
}

/// Whether our stdin is a pipe or a socket: what is read is gone.
pub fn is_stream() -> bool {
    matches!(kind(), Some(FileType::Fifo | FileType::Socket))
}

fn kind() -> Option<FileType> {
    rustix::fs::fstat(stdin()).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
}
