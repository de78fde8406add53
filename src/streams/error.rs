//! Errors that lose a part of a stream. Owns their texts.

use crate::core::os_error::describe;
use crate::core::stream::Stream;
use std::io;

/// A part of a stream is lost, and the run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// The text for a message.
    Lost(String),
    /// The reader of our own stdout or stderr has gone.
    NoReader,
}

impl StreamError {
    /// The spool of held output cannot be used.
    pub fn spool(error: &io::Error) -> Self {
        Self::Lost(format!("cannot hold the command's output in {}: {}", directory(), describe(error)))
    }

    /// The spool of stdin cannot be used.
    pub fn stdin(error: &io::Error) -> Self {
        Self::Lost(format!("cannot store stdin for replay in {}: {}", directory(), describe(error)))
    }

    /// Our own stdout or stderr cannot be written.
    pub fn write(error: &io::Error, streams: &[Stream]) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::NoReader;
        }
        Self::Lost(cannot_write(error, streams))
    }
}

/// The warning that our own stdout or stderr does not accept output as it comes: the disk is full, the terminal hung
/// up. Without us, the command would get the error itself, and might go on.
pub fn not_passed_on(error: &io::Error, streams: &[Stream]) -> String {
    format!("{}. Discarding the rest", cannot_write(error, streams))
}

fn cannot_write(error: &io::Error, streams: &[Stream]) -> String {
    let name = if streams.contains(&Stream::Stdout) { "stdout" } else { "stderr" };
    format!("cannot write the command's output to {name}: {}", describe(error))
}

fn directory() -> String {
    std::env::temp_dir().display().to_string()
}
