//! The modes of the console, saved before a command and restored after it. A command that is killed cannot restore what
//! it has changed: echo, line input, escape sequences.

use super::stdio::{is_terminal, stderr, stdin, stdout};
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle};
use windows_sys::Win32::System::Console::{CONSOLE_MODE, GetConsoleMode, SetConsoleMode};

/// The console that the command shares with us.
#[derive(Debug)]
pub struct Terminal {
    /// Our standard streams that lead to it, each with its mode before the command.
    streams: Vec<(BorrowedHandle<'static>, Option<CONSOLE_MODE>)>,
}

impl Terminal {
    /// The console behind our standard streams, if there is one.
    pub fn find() -> Option<Self> {
        let all = [stdin(), stdout(), stderr()].into_iter();
        let streams: Vec<_> =
            all.filter(|stream| is_terminal(*stream)).map(|stream| (stream, None)).collect();
        (!streams.is_empty()).then_some(Self { streams })
    }

    /// Saves the modes.
    pub fn save(&mut self) {
        for (stream, before) in &mut self.streams {
            let mut mode = 0;
            // SAFETY: the handle is open, and the number is ours.
            let is_known = unsafe { GetConsoleMode(stream.as_raw_handle(), &raw mut mode) } != 0;
            *before = is_known.then_some(mode);
        }
    }

    /// Does nothing: consoles have no foreground group.
    pub fn take_foreground(&self) {}

    /// Restores the modes.
    pub fn restore(&self) {
        for (stream, before) in &self.streams {
            if let Some(mode) = before {
                // SAFETY: the handle is open.
                unsafe { SetConsoleMode(stream.as_raw_handle(), *mode) };
            }
        }
    }
}
