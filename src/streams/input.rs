//! stdin of the command: what `retry` itself would read, from the same place at each attempt where that
//! can be had.

use super::error::StreamError;
use super::nonblocking_writer::is_ready;
use super::output_pipe::{BUSY, Clock};
use super::pipe::{Access, Size};
use super::source::Source;
use super::spool::Spool;
use super::stdio::is_same_file;
use crate::core::plan::Stdin;
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
    /// It has ours.
    Inherited {
        /// Whether there was anything to read, or could be later.
        at_start: Supply,
    },
    /// It has ours, a seekable file, and each attempt starts at this offset.
    Rewound {
        /// Where the first attempt began.
        offset: u64,
    },
    /// It has a pipe, into which goes what is and was to be read from ours.
    Replayed(Box<Replay>),
    /// It has /dev/null.
    Null,
}

/// Whether a stream that cannot be rewound has something to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// Something is there, or may come.
    Open,
    /// Nothing is there, and nothing will come.
    Ended,
}

impl Input {
    /// Looks at our stdin.
    pub fn new(mode: Stdin) -> Self {
        let stdin = rustix::stdio::stdin();
        if mode == Stdin::Null {
            return Self::Null;
        }
        match rustix::fs::tell(stdin) {
            Ok(offset) if !is_written_to() => Self::Rewound { offset },
            // What is typed is for whoever reads it: the command, and after it the shell. And a command that
            // asks for a password reads the terminal itself.
            Err(_) if mode == Stdin::Replay && !rustix::termios::isatty(stdin) => {
                Self::Replayed(Box::new(Replay::new(stdin)))
            }
            _ => Self::Inherited { at_start: supply(stdin) },
        }
    }

    /// Begins an attempt. `None`: the command inherits ours.
    ///
    /// # Errors
    /// No descriptors left, or the file cannot be rewound.
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

    /// Whether another attempt would find nothing to read, where this one may have found something. No more
    /// can be known of a pipe that was open and empty at the start: Linux keeps no times of its reads.
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

/// Whether stdout or stderr has the open file description of stdin (`0<>log 1>&0`), and with it the offset: if that
/// went back, the next attempt would write over what is there.
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

/// A stdin that is kept as it is read, and given to each attempt from its beginning. Nothing is read
/// before the command has taken what was read so far, so the first attempt sees bytes as they come, and a
/// stdin that nobody reads is never waited for.
#[derive(Debug)]
pub struct Replay {
    source: Source,
    source_ended: bool,
    /// That of our stdin, which the pipe stands in for.
    access: Option<Access>,
    spool: Spool,
    /// Our end of the pipe to the command, until it has everything or wants no more.
    pipe: Option<OwnedFd>,
    /// How much of the spool this attempt has got.
    sent: u64,
    size: Size,
}

impl Replay {
    fn new(stdin: BorrowedFd<'static>) -> Self {
        Self {
            source: Source::new(stdin),
            source_ended: false,
            access: Access::of(stdin),
            spool: Spool::default(),
            pipe: None,
            sent: 0,
            size: Size::Default,
        }
    }

    fn begin(&mut self) -> io::Result<OwnedFd> {
        let (theirs, ours) = super::pipe::pipe(self.access)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.pipe = Some(ours);
        self.sent = 0;
        self.size = Size::Default;
        Ok(theirs)
    }

    /// Moves what can be moved without waiting.
    ///
    /// # Errors
    /// The spool cannot be written, so a later attempt would miss something.
    pub fn advance(&mut self, buffer: &mut [u8], clock: Clock<'_>) -> Result<(), StreamError> {
        let end = clock() + BUSY;
        while clock() < end {
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
                    // EPIPE: the command wants no more of it.
                    Err(_) => self.pipe = None,
                }
            } else if self.source_ended {
                self.pipe = None;
            } else {
                match self.source.read(buffer) {
                    Ok(0) => self.source_ended = true,
                    Ok(length) => {
                        self.spool.append(&buffer[..length]).map_err(|error| StreamError::stdin(&error))?;
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        // If the command has closed its end, nothing will be needed either, and poll would
                        // say so again and again.
                        if is_ready(pipe, PollFlags::empty()) {
                            self.pipe = None;
                        }
                        return Ok(());
                    }
                    // A connection that was reset, and the like: nothing more will come.
                    Err(_) => self.source_ended = true,
                }
            }
        }
        Ok(())
    }

    /// The attempt is over.
    pub fn finish(&mut self) {
        self.pipe = None;
    }

    /// What to wait for: room in the pipe, or something to read and the command's hanging up.
    pub fn interests<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let Some(pipe) = &self.pipe else { return };
        if self.sent < self.spool.len() {
            fds.push(PollFd::new(pipe, PollFlags::OUT));
        } else {
            fds.push(PollFd::from_borrowed_fd(self.source.fd(), PollFlags::IN));
            fds.push(PollFd::new(pipe, PollFlags::empty()));
        }
    }
}
