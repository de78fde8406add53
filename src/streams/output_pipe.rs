//! stdout or stderr of the command as a pipe that we read: watched for what rules look for, and passed on
//! at once or held until the verdict.

use super::chunk::Chunk;
use super::end::End;
use super::error::{self, StreamError};
use super::nonblocking_writer::{NonblockingWriter, Written};
use super::pipe::{self, Access, Size};
use super::spool::{CHUNK, Spool, Taken};
use crate::core::lines::MAX_LINE;
use crate::core::output::{Seen, Watcher, Watchlist};
use crate::core::retry_after::HintParser;
use crate::core::stream::Stream;
use retry_loop::server_hint::ServerHint;
use rustix::event::{PollFd, PollFlags};
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

/// What happens to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are written to our own stream as they come.
    Tee,
    /// They are held until it is known whether this was the last attempt.
    Hold,
}

/// What is wanted of an output_pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerHints {
    /// Nobody asks what the server says there.
    Ignore,
    /// `--retry-after` listens.
    Parse,
}

/// One pipe from the command. It serves both streams where they are one and the same file, so that their
/// order stays.
#[derive(Debug)]
pub struct OutputPipe {
    streams: Vec<Stream>,
    mode: Mode,
    server_hints: ServerHints,
    writer: NonblockingWriter,
    /// Our end, while the command or one of its children may write to it.
    pipe: Option<OwnedFd>,
    /// After the command has ended, only so much more is taken: what was there by then.
    allowance: Option<u64>,
    /// Where bytes from the pipe are until they are written on and looked at.
    chunk: Chunk,
    held: Spool,
    /// How far the held bytes are released, once they are.
    released: Option<u64>,
    watcher: Option<Watcher>,
    hint_parser: Option<HintParser>,
    looks: Looks,
    forwarding: Forwarding,
    warning: Warning,
    /// The last byte of this attempt that our own stream got.
    last: Option<u8>,
    access: Option<Access>,
    size: Size,
    /// How many bytes are looked at between two looks at the clock.
    piece: usize,
    largest_piece: usize,
}

/// Whether what comes is still looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    On,
    GivenUp,
}

/// Whether our own stream takes what is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forwarding {
    On,
    /// Not in this attempt any more: it has answered with an error.
    Stopped,
}

/// That it did not, for whoever is to know.
#[derive(Debug, PartialEq, Eq)]
enum Warning {
    None,
    New(String),
    Said,
}

/// How long a stream is busy in one go.
pub const BUSY: Duration = Duration::from_millis(20);

/// A pattern can take 3 us for each byte (`1[01]{1000}x`) or more, and nothing interrupts a search. So a piece is
/// small at first, twice as large after one that was fast, half as large after a slow one. Only a line is
/// never cut: one of 64 KiB is searched in one go.
const PIECES: RangeInclusive<usize> = 1 << 10..=MAX_LINE;
/// A search that was fast can become slow with the next line. That pattern is 50 KB in size, so this is the number
/// of bytes, times the size, that take 0.1 s.
const TENTH: usize = 2_000_000_000;
const FAST: Duration = Duration::from_millis(1);
const SLOW: Duration = Duration::from_millis(4);

/// Time that has passed, since whenever.
pub type Clock<'a> = &'a dyn Fn() -> Duration;

impl OutputPipe {
    /// An output_pipe for these streams (at least one) that ends in `nonblocking_writer`.
    pub fn new(
        streams: Vec<Stream>,
        mode: Mode,
        server_hints: ServerHints,
        writer: NonblockingWriter,
    ) -> Self {
        let access = Access::of(writer.inherited());
        Self {
            streams,
            mode,
            server_hints,
            writer,
            pipe: None,
            allowance: None,
            chunk: Chunk::default(),
            held: Spool::default(),
            released: None,
            watcher: None,
            hint_parser: None,
            looks: Looks::On,
            forwarding: Forwarding::On,
            warning: Warning::None,
            last: None,
            access,
            size: Size::Default,
            piece: *PIECES.start(),
            largest_piece: *PIECES.end(),
        }
    }

    /// The streams that it serves.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What happens to the bytes.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Begins an attempt: what the last one left is dropped.
    ///
    /// # Errors
    /// No descriptors or memory left.
    pub fn begin(&mut self, list: &Watchlist) -> io::Result<OwnedFd> {
        self.held.clear()?;
        let (ours, theirs) = super::pipe::pipe(self.access)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.pipe = Some(ours);
        self.allowance = None;
        self.looks = Looks::On;
        self.forwarding = Forwarding::On;
        self.last = None;
        self.size = Size::Default;
        // The rules of a shared pipe look at both streams, so either name will do.
        let watched = self.streams.iter().find(|stream| list.watches(**stream));
        self.watcher = watched.map(|&stream| Watcher::new(list, stream));
        let size = self.watcher.as_ref().map_or(0, Watcher::size).max(1);
        self.largest_piece = (TENTH / size).clamp(*PIECES.start(), *PIECES.end());
        self.hint_parser = match self.server_hints {
            ServerHints::Parse => Some(HintParser::new().map_err(io::Error::other)?),
            ServerHints::Ignore => None,
        };
        Ok(theirs)
    }

    /// Moves what can be moved without waiting, and looks at it, for [`BUSY`] at most: a command that writes
    /// without end and a slow pattern must not keep us from signals and time limits. What came is added to `tail`.
    /// Says how many bytes came from the command.
    ///
    /// # Errors
    /// Something is lost: the disk behind the spool or behind our own stream is full.
    pub fn advance(
        &mut self,
        buffer: &mut [u8],
        clock: Clock<'_>,
        mut tail: Option<&mut End>,
    ) -> Result<u64, StreamError> {
        let mut came = 0;
        let end = clock() + BUSY;
        while clock() < end {
            if self.is_releasing() {
                match self.release_some(buffer)? {
                    Written::Bytes(_) => continue,
                    Written::Blocked => break,
                }
            }
            let all_written = self.flush();
            self.look(clock, end);
            if !all_written || self.is_behind() {
                break;
            }
            match self.take(buffer, tail.as_deref_mut())? {
                0 => break,
                taken => came += taken,
            }
        }
        Ok(came)
    }

    /// Looks at what came, piece by piece, until `end`.
    fn look(&mut self, clock: Clock<'_>, end: Duration) {
        while self.is_behind() {
            let begun = clock();
            if begun >= end {
                break;
            }
            let unseen = self.chunk.unseen();
            let piece = &unseen[..unseen.len().min(self.piece)];
            if let Some(watcher) = &mut self.watcher {
                watcher.feed(piece);
            }
            if let Some(hint_parser) = &mut self.hint_parser {
                hint_parser.feed(piece);
            }
            let length = piece.len();
            self.chunk.saw(length);
            self.piece = match clock().saturating_sub(begun) {
                took if took < FAST => (self.piece * 2).min(self.largest_piece),
                took if took > SLOW => (self.piece / 2).max(*PIECES.start()),
                _ => self.piece,
            };
        }
    }

    /// Takes some bytes from the pipe. 0 if none are there, or none will come any more.
    fn take(&mut self, buffer: &mut [u8], tail: Option<&mut End>) -> Result<u64, StreamError> {
        let Some(ours) = &self.pipe else { return Ok(0) };
        let most = self.allowance.map_or(CHUNK as u64, |left| left.min(CHUNK as u64)) as usize;
        if most == 0 {
            self.pipe = None;
            return Ok(0);
        }
        let taken = if self.mode == Mode::Hold && !self.is_looked_at() && tail.is_none() {
            self.held.take_from(ours, &mut buffer[..most]).map_err(|error| StreamError::spool(&error))?
        } else {
            let taken = self.chunk.fill(ours, most).map_err(|error| StreamError::spool(&error))?;
            if self.mode == Mode::Hold {
                self.held.append(self.chunk.bytes()).map_err(|error| StreamError::spool(&error))?;
            }
            if let Some(tail) = tail {
                tail.add(self.chunk.bytes());
            }
            if self.mode == Mode::Hold || self.forwarding == Forwarding::Stopped {
                self.chunk.write_none();
            }
            taken
        };
        Ok(match taken {
            Taken::Bytes(n) => {
                if n >= pipe::DEFAULT {
                    self.size.grow(ours);
                }
                self.allowance = self.allowance.map(|left| left.saturating_sub(n as u64));
                n as u64
            }
            Taken::Nothing => 0,
            Taken::End => {
                self.pipe = None;
                0
            }
        })
    }

    /// Writes what is pending. Says whether nothing is left of it.
    fn flush(&mut self) -> bool {
        while !self.chunk.unwritten().is_empty() {
            match self.writer.write(self.chunk.unwritten()) {
                Ok(Written::Bytes(n)) => self.last = self.chunk.wrote(n),
                Ok(Written::Blocked) => return false,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    // The reader has gone. With our end closed, the command hears it as it would alone: by
                    // SIGPIPE.
                    self.pipe = None;
                    self.chunk.write_none();
                }
                Err(error) => {
                    self.chunk.write_none();
                    self.forwarding = Forwarding::Stopped;
                    if self.warning == Warning::None {
                        self.warning = Warning::New(error::not_passed_on(&error, &self.streams));
                    }
                }
            }
        }
        true
    }

    /// That our own stream takes nothing, the first time that it is asked.
    pub fn warning(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.warning, Warning::Said) {
            Warning::New(what) => Some(what),
            Warning::Said => None,
            Warning::None => {
                self.warning = Warning::None;
                None
            }
        }
    }

    fn release_some(&mut self, buffer: &mut [u8]) -> Result<Written, StreamError> {
        let mut offset = self.released.unwrap_or_default();
        let written = self.held.write_to(&mut self.writer, &mut offset, buffer);
        self.released = Some(offset);
        written.map_err(|error| {
            self.released = None;
            StreamError::write(&error, &self.streams)
        })
    }

    fn is_releasing(&self) -> bool {
        self.released.is_some_and(|offset| offset < self.held.len())
    }

    /// From now on the held bytes are written to our own stream.
    pub fn release(&mut self) {
        self.released = Some(0);
    }

    /// How many bytes are held.
    pub fn held(&self) -> u64 {
        self.held.len()
    }

    /// The command has ended: no one else is waited for, so only what is in the pipe by now is taken.
    pub fn take_only_what_is_there(&mut self) {
        if let Some(pipe) = &self.pipe {
            self.allowance = Some(rustix::io::ioctl_fionread(pipe).unwrap_or(0));
        }
    }

    /// Whether what this attempt has passed on ended in the middle of a line.
    pub fn ends_in_a_line(&self) -> bool {
        self.last.is_some_and(|last| last != b'\n')
    }

    /// Whether more can come from the command.
    pub fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether something is left to be written.
    pub fn has_pending(&self) -> bool {
        !self.chunk.unwritten().is_empty() || self.is_releasing()
    }

    /// Whether something is left to be looked at.
    pub fn is_behind(&self) -> bool {
        self.is_looked_at() && !self.chunk.unseen().is_empty()
    }

    fn is_looked_at(&self) -> bool {
        self.looks == Looks::On && (self.watcher.is_some() || self.hint_parser.is_some())
    }

    /// What was not looked at by now will not be: nobody waits for it any longer.
    pub fn stop_looking(&mut self) {
        self.looks = Looks::GivenUp;
    }

    /// Closes the pipe and says what was seen and answers. What is still pending is given up: whoever ends an
    /// attempt has waited for as long as it should. `now` is the wall clock.
    pub fn finish(&mut self, now: fn() -> SystemTime) -> (Seen, ServerHint) {
        self.pipe = None;
        self.chunk.clear();
        let (watcher, hint_parser) = (self.watcher.take(), self.hint_parser.take());
        if self.looks == Looks::GivenUp {
            return (watcher.map(Watcher::seen_so_far).unwrap_or_default(), ServerHint::None);
        }
        let seen = watcher.map(Watcher::finish).unwrap_or_default();
        let word = hint_parser.map_or(ServerHint::None, |hint_parser| hint_parser.finish(now()));
        (seen, word)
    }

    /// What to wait for.
    pub fn interest(&self) -> Option<PollFd<'_>> {
        if self.has_pending() {
            return Some(PollFd::from_borrowed_fd(self.writer.fd(), PollFlags::OUT));
        }
        if self.is_behind() {
            return None;
        }
        self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN))
    }
}
