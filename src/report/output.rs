//! The writes. A message that cannot be written (EPIPE, ENOSPC, a closed stderr) never changes what
//! `retry` does or how it ends, so errors on stderr end here; errors on stdout are the caller's.

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;

/// Writes `text` and a newline to stderr in one write, so that lines of several processes do not mix.
///
/// A line whose reader does not read is given up when a signal says to end: handlers of those signals let
/// a write end with EINTR, which `write_all` would take for a reason to go on.
pub fn line(text: &str) {
    let line = format!("{text}\n");
    let mut rest = line.as_bytes();
    while let Ok(written @ 1..) = io::stderr().write(rest) {
        rest = &rest[written..];
    }
}

/// Puts `text` in the place of the line that the cursor of a terminal is in, after `start`, which leaves a line
/// that is not ours; nothing clears it. What is not written now is not written later.
pub fn replace_line(start: &str, text: &str) {
    let _not_shown = io::stderr().write(format!("{start}\r\x1b[K{text}").as_bytes());
}

/// What brings the cursor of a terminal to the start of a line, wherever it was: as many blanks as the terminal is
/// wide, which wrap unless it was there already (a cursor behind the last column waits for one more character
/// before it wraps), a return, and the blanks are erased. zsh does so before its prompt. Nothing where the width
/// is not known.
pub fn to_line_start(fd: BorrowedFd<'_>) -> String {
    match rustix::termios::tcgetwinsize(fd) {
        Ok(size) if size.ws_col > 0 => format!("{:1$}\r\x1b[K", "", usize::from(size.ws_col)),
        _ => String::new(),
    }
}

/// How wide the terminal on a descriptor is, in columns; 80 where that is not known.
pub fn columns(fd: BorrowedFd<'_>) -> usize {
    match rustix::termios::tcgetwinsize(fd) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => 80,
    }
}

/// Writes what was asked for (help, a generated file, a dry run) to stdout, all of it: where whoever shares stdout
/// has made it non-blocking, a full pipe is waited for.
///
/// # Errors
/// Whatever stdout answers; a missing reader is [`io::ErrorKind::BrokenPipe`].
pub fn product(text: &[u8]) -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    let mut rest = text;
    while !rest.is_empty() {
        match rustix::io::write(stdout, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                rustix::event::poll(&mut [PollFd::from_borrowed_fd(stdout, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
