//! The two output streams of a command, and the cursor of the terminal that they may end on.

use serde::Deserialize;

/// One of the two output streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Which of the two streams a rule, an example or a parser applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Standard output only.
    Stdout,
    /// Standard error only.
    Stderr,
    /// Both streams.
    #[default]
    Both,
}

impl Side {
    /// Whether `stream` is one of these streams.
    pub fn includes(self, stream: Stream) -> bool {
        match self {
            Self::Stdout => stream == Stream::Stdout,
            Self::Stderr => stream == Stream::Stderr,
            Self::Both => true,
        }
    }
}

/// Where the cursor of our terminal is after an attempt, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// At the start of a line, or there is no terminal.
    AtStart,
    /// After the last byte of an unfinished line.
    InLine,
    /// Unknown, because the command writes to the terminal itself.
    Unknown,
}
