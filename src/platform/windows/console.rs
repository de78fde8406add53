//! What a console shows.

use crate::platform::stdio::BorrowedStream;
use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::os::windows::io::AsRawHandle as _;
use windows_sys::Win32::System::Console::{
    CONSOLE_SCREEN_BUFFER_INFO, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode,
    GetConsoleScreenBufferInfo, SetConsoleMode,
};

/// Whether a terminal without `TERM` in the environment may understand escape sequences.
pub const NEEDS_TERM: bool = false;

/// Makes a console understand escape sequences, and returns whether it does: before Windows 10 it prints them. What is no
/// console has nothing against them.
pub fn understands_escapes(terminal: BorrowedStream<'_>) -> bool {
    let handle = terminal.as_raw_handle();
    let mut mode = 0;
    // SAFETY: the handle is open, and the mode is a number of ours. What is no console is an error.
    unsafe {
        GetConsoleMode(handle, &raw mut mode) == 0
            || mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0
            || SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0
    }
}

/// The width of a console's window in columns; `None` if the stream is no console.
pub fn columns(stream: BorrowedStream<'_>) -> Option<usize> {
    let mut info = MaybeUninit::<CONSOLE_SCREEN_BUFFER_INFO>::zeroed();
    // SAFETY: the handle is open, and the structure is ours. One of zeros is a valid one.
    let window = unsafe {
        if GetConsoleScreenBufferInfo(stream.as_raw_handle(), info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init().srWindow
    };
    usize::try_from(i32::from(window.Right) - i32::from(window.Left) + 1).ok().filter(|columns| *columns > 0)
}

/// Whether we may draw on stderr: consoles have no background.
pub fn may_draw() -> bool {
    true
}

/// Writes to stdout; to a console as UTF-16, whatever its code page.
///
/// # Errors
/// Any error of stdout; without a reader, [`io::ErrorKind::BrokenPipe`].
pub fn write_stdout(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}
