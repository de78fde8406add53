//! stdin of the command: what `retry` itself would read. Each attempt starts at the same place where this is possible.

use super::error::StreamError;
use super::spool::Spool;
use super::time_slice::{ElapsedFn, TIME_SLICE};
use crate::core::plan::Stdin;
use crate::platform::descriptor::{is_ready, is_same_file};
use crate::platform::nonblocking_reader::NonblockingReader;
use crate::platform::pipe::{Access, PipeSize};
use crate::platform::streams::share_description;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags, SeekFrom};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

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

/// Whether a stream that cannot be rewound can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// It has data, or may get some.
    Open,
    /// It is empty, and all its writers are gone.
    Ended,
}

impl Input {
    /// Chooses by the kind of our stdin.
    pub fn new(mode: Stdin) -> Self {
        let stdin = rustix::stdio::stdin();
        if mode == Stdin::Null {
            return Self::Null;
        }
        match rustix::fs::tell(stdin) {
            Ok(offset) if !is_written_to() => Self::Rewound { offset },
            // Not a terminal: what the user types is for the process that reads it, the command or later the shell.
            // And a command that asks for a password reads from the terminal itself.
            Err(_) if mode == Stdin::Replay && !rustix::termios::isatty(stdin) => {
                Self::Replayed(Box::new(Replay::new(stdin)))
            }
            _ => Self::Inherited { at_start: supply(stdin) },
        }
    }

    /// Begins an attempt. `None` means that the command inherits our stdin.
    ///
    /// # Errors
    /// When there are no descriptors left, or the file cannot be rewound.
    pub fn begin(&mut self) -> io::Result<Option<OwnedFd>> {
        match self {
            Self::Inherited { .. } => Ok(None),
            Self::Rewound { offset } => {
                rustix::fs::seek(rustix::stdio::stdin(), SeekFrom::Start(*offset))?;
                Ok(None)
            }
            Self::Replayed(replay) => replay.begin().map(Some),
            Self::Null => File::open("/dev/null").map(|null| Some(null.into())),
        }
    }

    /// Whether another attempt would find nothing to read, although this one may have read something. (If the pipe
    /// was open and empty at the start, nobody knows: Linux does not record when a pipe was read.)
    pub fn is_used_up(&self) -> bool {
        let stdin = rustix::stdio::stdin();
        let is_stream = || {
            let kind = rustix::fs::fstat(stdin).map(|stat| FileType::from_raw_mode(stat.st_mode));
            matches!(kind, Ok(FileType::Fifo | FileType::Socket))
        };
        matches!(self, Self::Inherited { at_start: Supply::Open })
            && is_stream()
            && supply(stdin) == Supply::Ended
    }
}

/// Whether stdout or stderr shares the open file description of stdin, and so its offset (`0<>log 1>&0`). If that were
/// rewound, the next attempt would overwrite the output.
fn is_written_to() -> bool {
    let stdin = rustix::stdio::stdin();
    let is_for_reading =
        rustix::fs::fcntl_getfl(stdin).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDONLY);
    !is_for_reading
        && [rustix::stdio::stdout(), rustix::stdio::stderr()]
            .into_iter()
            .any(|output| is_same_file(stdin, output) && share_description(stdin, output).unwrap_or(true))
}

fn supply(stdin: BorrowedFd<'static>) -> Supply {
    let mut fds = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let _same_as_none = rustix::event::poll(&mut fds, Some(&now));
    let events = fds[0].revents();
    let ended = events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN);
    if ended { Supply::Ended } else { Supply::Open }
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
    pipe: Option<OwnedFd>,
    /// How many bytes of the spool this attempt has got.
    sent: u64,
    size: PipeSize,
}

impl Replay {
    fn new(stdin: BorrowedFd<'static>) -> Self {
        Self {
            reader: NonblockingReader::new(stdin),
            reader_ended: false,
            access: Access::of(stdin),
            spool: Spool::default(),
            pipe: None,
            sent: 0,
            size: PipeSize::Default,
        }
    }

    fn begin(&mut self) -> io::Result<OwnedFd> {
        let (theirs, ours) = crate::platform::pipe::pipe(self.access)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.pipe = Some(ours);
        self.sent = 0;
        self.size = PipeSize::Default;
        Ok(theirs)
    }

    /// Moves what is possible without waiting.
    ///
    /// # Errors
    /// When the spool cannot be used: a later attempt would miss something.
    pub fn advance(&mut self, buffer: &mut [u8], elapsed: ElapsedFn<'_>) -> Result<(), StreamError> {
        let end = elapsed() + TIME_SLICE;
        while elapsed() < end {
            let Some(pipe) = &self.pipe else { return Ok(()) };
            if self.sent < self.spool.len() {
                let length =
                    self.spool.read_at(buffer, self.sent).map_err(|error| StreamError::stdin(&error))?;
                match rustix::io::write(pipe, &buffer[..length]) {
                    Ok(written) => {
                        self.sent += written as u64;
                        if written < length {
                            self.size.grow(pipe);
                        }
                    }
                    Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                    // EPIPE: the command has closed its end.
                    Err(_) => self.pipe = None,
                }
            } else if self.reader_ended {
                self.pipe = None;
            } else {
                match self.reader.read(buffer) {
                    Ok(0) => self.reader_ended = true,
                    Ok(length) => {
                        self.spool.append(&buffer[..length]).map_err(|error| StreamError::stdin(&error))?;
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        // If the command has closed its end, it needs no more, and poll would return at once, again and
                        // again.
                        if is_ready(pipe, PollFlags::empty()) {
                            self.pipe = None;
                        }
                        return Ok(());
                    }
                    // A reset connection, for example: nothing more will come.
                    Err(_) => self.reader_ended = true,
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
    pub fn interests<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let Some(pipe) = &self.pipe else { return };
        if self.sent < self.spool.len() {
            fds.push(PollFd::new(pipe, PollFlags::OUT));
        } else {
            fds.push(PollFd::from_borrowed_fd(self.reader.fd(), PollFlags::IN));
            fds.push(PollFd::new(pipe, PollFlags::empty()));
        }
    }
}
