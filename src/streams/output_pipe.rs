//! stdout or stderr of the command as a pipe that we read: searched, and passed on at once or held until the verdict.

use super::chunk::Chunk;
use super::error::{self, StreamError};
use super::recent_output::RecentOutput;
use super::scanner::{Scanner, ServerHints};
use super::spool::{CHUNK_SIZE, Spool};
use super::time_slice::{ElapsedFn, TIME_SLICE};
use crate::core::output::{Seen, Watchlist};
use crate::core::stream::Stream;
use crate::platform::nonblocking_writer::NonblockingWriter;
use crate::platform::pipe::{self, Access, PipeReader};
use crate::platform::readiness::Interests;
use crate::platform::stdio::OwnedStream;
use crate::platform::{PipeRead, Written};
use retry_loop::server_hint::ServerHint;
use std::io;
use std::time::SystemTime;

/// What happens to the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is written to our own stream as it comes.
    Tee,
    /// It is held until it is known whether this was the last attempt.
    Hold,
}

/// One pipe from the command. It serves both streams if they are the same file, so that their order stays.
#[derive(Debug)]
pub struct OutputPipe {
    streams: Vec<Stream>,
    mode: Mode,
    server_hints: ServerHints,
    writer: NonblockingWriter,
    access: Option<Access>,
    /// Bytes from the pipe that are still to be written or searched.
    chunk: Chunk,
    held: Spool,
    /// How many of the held bytes are written; `None` before their release.
    released: Option<u64>,
    warning: Warning,
    attempt: AttemptState,
}

/// What starts anew with each attempt.
#[derive(Debug, Default)]
struct AttemptState {
    /// Our end, while the command or one of its children may write to it.
    pipe: Option<PipeReader>,
    /// After the command has ended, how many bytes are still read: those that were in the pipe then.
    allowance: Option<u64>,
    scanner: Scanner,
    forwarding: Forwarding,
    /// The last byte that was written to our own stream.
    last_written: Option<u8>,
}

/// Whether output is written to our own stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Forwarding {
    #[default]
    On,
    /// Not any more: a write has failed.
    Stopped,
}

/// The warning that output is lost, at most once in a run.
#[derive(Debug, PartialEq, Eq)]
enum Warning {
    None,
    New(String),
    Taken,
}

impl OutputPipe {
    /// A pipe for these streams (at least one), whose output goes to `writer`.
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
            access,
            chunk: Chunk::default(),
            held: Spool::default(),
            released: None,
            warning: Warning::None,
            attempt: AttemptState::default(),
        }
    }

    /// The streams of the command that write to the pipe.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What happens to the output.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Begins an attempt, and drops what is held of the last one. Returns the end of the pipe for the command.
    ///
    /// # Errors
    /// When there are no descriptors or no memory left.
    pub fn begin(&mut self, watchlist: &Watchlist) -> io::Result<OwnedStream> {
        self.held.clear()?;
        let (ours, theirs) = pipe::from_command(self.access)?;
        let scanner = Scanner::new(watchlist, &self.streams, self.server_hints)?;
        self.attempt = AttemptState { pipe: Some(ours), scanner, ..AttemptState::default() };
        Ok(theirs)
    }

    /// Moves and searches what is possible without waiting, for [`TIME_SLICE`] at most: endless output and a slow
    /// pattern must not delay signals and time limits. Adds what it reads to `recent`. Returns how many bytes it has
    /// read.
    ///
    /// # Errors
    /// When something is lost, because the disk behind the spool or behind our own stream is full.
    pub fn advance(
        &mut self,
        buffer: &mut [u8],
        elapsed: ElapsedFn<'_>,
        mut recent: Option<&mut RecentOutput>,
    ) -> Result<u64, StreamError> {
        let mut total = 0;
        let end = elapsed() + TIME_SLICE;
        while elapsed() < end {
            if self.is_releasing() {
                match self.release_some(buffer)? {
                    Written::Bytes(_) => continue,
                    Written::Blocked => break,
                }
            }
            let flushed = self.flush();
            self.attempt.scanner.scan(&mut self.chunk, elapsed, end);
            if flushed == Flushed::Blocked || self.is_behind() {
                break;
            }
            match self.read(buffer, recent.as_deref_mut())? {
                0 => break,
                read => total += read,
            }
        }
        Ok(total)
    }

    /// Reads some bytes from the pipe; 0 if there are none now, or will be none any more.
    fn read(&mut self, buffer: &mut [u8], recent: Option<&mut RecentOutput>) -> Result<u64, StreamError> {
        let attempt = &mut self.attempt;
        let Some(pipe) = &mut attempt.pipe else { return Ok(0) };
        let max = attempt.allowance.map_or(CHUNK_SIZE as u64, |left| left.min(CHUNK_SIZE as u64)) as usize;
        if max == 0 {
            attempt.pipe = None;
            return Ok(0);
        }
        let result = if self.mode == Mode::Hold && !attempt.scanner.is_active() && recent.is_none() {
            self.held.append_from(pipe, &mut buffer[..max]).map_err(|error| StreamError::spool(&error))?
        } else {
            let result = self.chunk.fill(pipe, max).map_err(|error| StreamError::spool(&error))?;
            if self.mode == Mode::Hold {
                self.held.append(self.chunk.bytes()).map_err(|error| StreamError::spool(&error))?;
            }
            if let Some(recent) = recent {
                recent.add(self.chunk.bytes());
            }
            if self.mode == Mode::Hold || attempt.forwarding == Forwarding::Stopped {
                self.chunk.mark_all_written();
            }
            result
        };
        Ok(match result {
            PipeRead::Bytes(n) => {
                attempt.allowance = attempt.allowance.map(|left| left.saturating_sub(n as u64));
                n as u64
            }
            PipeRead::Empty => 0,
            PipeRead::End => {
                attempt.pipe = None;
                0
            }
        })
    }

    /// Writes what is pending.
    fn flush(&mut self) -> Flushed {
        while !self.chunk.unwritten().is_empty() {
            match self.writer.write(self.chunk.unwritten()) {
                Ok(Written::Bytes(n)) => self.attempt.last_written = self.chunk.mark_written(n),
                Ok(Written::Blocked) => return Flushed::Blocked,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    // Our reader has gone. When our end is closed, the command gets SIGPIPE, as it would without us.
                    self.attempt.pipe = None;
                    self.chunk.mark_all_written();
                }
                Err(error) => {
                    self.chunk.mark_all_written();
                    self.attempt.forwarding = Forwarding::Stopped;
                    if self.warning == Warning::None {
                        self.warning = Warning::New(error::not_passed_on(&error, &self.streams));
                    }
                }
            }
        }
        Flushed::All
    }

    /// Takes the warning that our own stream cannot be written. Returns it once.
    pub fn warning(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.warning, Warning::Taken) {
            Warning::New(text) => Some(text),
            Warning::Taken => None,
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

    /// From now on, the held bytes are written to our own stream.
    pub fn release(&mut self) {
        self.released = Some(0);
    }

    /// How many bytes are held.
    pub fn held(&self) -> u64 {
        self.held.len()
    }

    /// The command has ended: from now on, only the bytes that are in the pipe now are read, and no other process is
    /// waited for.
    pub fn limit_to_present(&mut self) {
        if let Some(pipe) = &mut self.attempt.pipe {
            self.attempt.allowance = Some(pipe.available());
        }
    }

    /// Whether the output that was passed on in this attempt ended without a newline.
    pub fn ends_in_a_line(&self) -> bool {
        self.attempt.last_written.is_some_and(|last| last != b'\n')
    }

    /// Whether more output can come.
    pub fn is_open(&self) -> bool {
        self.attempt.pipe.is_some()
    }

    /// Whether something is still to be written.
    pub fn has_pending(&self) -> bool {
        !self.chunk.unwritten().is_empty() || self.is_releasing()
    }

    /// Whether something is still to be searched.
    pub fn is_behind(&self) -> bool {
        self.attempt.scanner.is_behind(&self.chunk)
    }

    /// Stops the search: nobody waits any longer for its end.
    pub fn stop_scanning(&mut self) {
        self.attempt.scanner.stop();
    }

    /// Closes the pipe, drops what is still pending, and returns what was found. `now` is the wall clock.
    pub fn finish(&mut self, now: fn() -> SystemTime) -> (Seen, ServerHint) {
        self.attempt.pipe = None;
        self.chunk.clear();
        std::mem::take(&mut self.attempt.scanner).finish(now)
    }

    /// What to wait for.
    pub fn interests<'a>(&'a self, interests: &mut Interests<'a>) {
        if self.has_pending() {
            interests.write(&self.writer);
        } else if !self.is_behind()
            && let Some(pipe) = &self.attempt.pipe
        {
            interests.read_pipe(pipe);
        }
    }
}

/// Whether everything that was pending is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flushed {
    All,
    Blocked,
}
