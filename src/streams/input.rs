//! stdin of the command: what `retry` itself would read. Each attempt starts at the same place where this is possible.

use super::error::StreamError;
use super::spool::Spool;
use super::time_slice::{ElapsedFn, TIME_SLICE};
use crate::core::plan::Stdin;
use crate::platform::nonblocking_reader::NonblockingReader;
use crate::platform::pipe::{self, Access, PipeWriter};
use crate::platform::readiness::Interests;
use crate::platform::stdio::{self, BorrowedStream, OwnedStream};
use crate::platform::{Offset, PipeRead, Supply, Written, stdin};
use std::io;

/// How the command gets its stdin.
#[derive(Debug)]
pub enum Input {
    /// It inherits ours.
    Inherited {
        /// The state of our stdin at the start of the run.
        at_start: Supply,
    },
    /// It inherits ours, a seekable file.
    Rewound {
        /// Where each attempt starts.
        offset: u64,
    },
    /// It reads from a pipe, into which we copy our stdin from its beginning.
    Replayed(Box<Replay>),
    /// It reads from /dev/null.
    Null,
}

impl Input {
    /// Chooses by the kind of our stdin.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new(mode: Stdin) -> io::Result<Self> {
        if mode == Stdin::Null {
            return Ok(Self::Null);
        }
        Ok(match stdin::offset() {
            Offset::At(offset) => Self::Rewound { offset },
            // Not a terminal: what the user types is for the process that reads it, the command or later the shell.
            // And a command that asks for a password reads from the terminal itself.
            Offset::None if mode == Stdin::Replay && !stdio::is_terminal(stdio::stdin()) => {
                Self::Replayed(Box::new(Replay::new(stdio::stdin())?))
            }
            Offset::None | Offset::Shared => Self::Inherited { at_start: stdin::supply() },
        })
    }

    /// Begins an attempt. `None` means that the command inherits our stdin.
    ///
    /// # Errors
    /// When there are no descriptors left, or the file cannot be rewound.
    pub fn begin(&mut self) -> io::Result<Option<OwnedStream>> {
        match self {
            Self::Inherited { .. } => Ok(None),
            Self::Rewound { offset } => {
                stdin::rewind(*offset)?;
                Ok(None)
            }
            Self::Replayed(replay) => replay.begin().map(Some),
            Self::Null => stdio::null().map(Some),
        }
    }

    /// Whether another attempt would find nothing to read, although this one may have read something. (If the pipe
    /// was open and empty at the start, nobody knows: Linux does not record when a pipe was read.)
    pub fn is_used_up(&self) -> bool {
        matches!(self, Self::Inherited { at_start: Supply::Open })
            && stdin::is_stream()
            && stdin::supply() == Supply::Ended
    }
}

/// Keeps stdin as it is read, and gives it to each attempt from its beginning. Reads more only when the command has
/// taken everything so far, so the first attempt gets bytes as they come, and we never wait for a stdin that the
/// command does not read.
#[derive(Debug)]
pub struct Replay {
    reader: NonblockingReader,
    reader_ended: bool,
    /// The permissions of our stdin, for the pipe.
    access: Option<Access>,
    spool: Spool,
    /// Our end of the pipe to the command, until the command has everything or has closed its end.
    pipe: Option<PipeWriter>,
    /// How many bytes of the spool this attempt has got.
    sent: u64,
}

impl Replay {
    fn new(stdin: BorrowedStream<'static>) -> io::Result<Self> {
        Ok(Self {
            reader: NonblockingReader::new(stdin)?,
            reader_ended: false,
            access: Access::of(stdin),
            spool: Spool::default(),
            pipe: None,
            sent: 0,
        })
    }

    fn begin(&mut self) -> io::Result<OwnedStream> {
        let (theirs, ours) = pipe::to_command(self.access)?;
        self.pipe = Some(ours);
        self.sent = 0;
        Ok(theirs)
    }

    /// Moves what is possible without waiting.
    ///
    /// # Errors
    /// When the spool cannot be used: a later attempt would miss something.
    pub fn advance(&mut self, buffer: &mut [u8], elapsed: ElapsedFn<'_>) -> Result<(), StreamError> {
        let end = elapsed() + TIME_SLICE;
        while elapsed() < end {
            let Some(pipe) = &mut self.pipe else { return Ok(()) };
            if self.sent < self.spool.len() {
                let length =
                    self.spool.read_at(buffer, self.sent).map_err(|error| StreamError::stdin(&error))?;
                match pipe.write(&buffer[..length]) {
                    Ok(Written::Bytes(written)) => self.sent += written as u64,
                    Ok(Written::Blocked) => return Ok(()),
                    // EPIPE: the command has closed its end.
                    Err(_) => self.pipe = None,
                }
            } else if self.reader_ended {
                self.pipe = None;
            } else {
                match self.reader.read(buffer) {
                    Ok(PipeRead::Bytes(length)) => {
                        self.spool.append(&buffer[..length]).map_err(|error| StreamError::stdin(&error))?;
                    }
                    Ok(PipeRead::Empty) => {
                        // If the command has closed its end, it needs no more, and poll would return at once, again and
                        // again.
                        if pipe.has_lost_reader() {
                            self.pipe = None;
                        }
                        return Ok(());
                    }
                    // The error is a reset connection, for example: nothing more will come.
                    Ok(PipeRead::End) | Err(_) => self.reader_ended = true,
                }
            }
        }
        Ok(())
    }

    /// The attempt is over.
    pub fn finish(&mut self) {
        self.pipe = None;
    }

    /// What to wait for: room in the pipe, or more of stdin, or the end that the command closes.
    pub fn interests<'a>(&'a self, interests: &mut Interests<'a>) {
        let Some(pipe) = &self.pipe else { return };
        if self.sent < self.spool.len() {
            interests.write_pipe(pipe);
        } else {
            interests.read(&self.reader);
            interests.reader_of_pipe(pipe);
        }
    }
}
