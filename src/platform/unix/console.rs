//! What a terminal shows.

use crate::platform::stdio::{self, BorrowedStream};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{tcgetpgrp, tcgetwinsize};
use std::io;

/// Whether a terminal without `TERM` in the environment may understand escape sequences.
pub const NEEDS_TERM: bool = true;

/// Whether a terminal can be made to understand escape sequences. Here it always may, and `TERM` says whether it does.
pub fn understands_escapes(_terminal: BorrowedStream<'_>) -> bool {
    true
}

/// The width of a terminal in columns; `None` if it is not known, or the stream is no terminal.
pub fn columns(stream: BorrowedStream<'_>) -> Option<usize> {
    tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether we may draw on stderr: not from the background, where the terminal belongs to another process group. What is
/// not a terminal has no foreground group.
pub fn may_draw() -> bool {
    tcgetpgrp(stdio::stderr()).map_or(true, |foreground| foreground == getpgrp())
}

/// Writes to stdout. Another process that shares the open file description may have made it non-blocking, so this waits
/// for a full pipe.
///
/// # Errors
/// Any error of stdout; without a reader, [`io::ErrorKind::BrokenPipe`].
pub fn write_stdout(text: &[u8]) -> io::Result<()> {
    let stdout = stdio::stdout();
    let mut rest = text;
    while !rest.is_empty() {
        match rustix::io::write(stdout, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _or_interrupted = rustix::event::poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
