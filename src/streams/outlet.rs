//! stdout or stderr of the command as a pipe that we read: watched for what rules look for, and passed on
//! at once or held until the verdict.

use super::end::End;
use super::failure::Failure;
use super::sink::{Sink, Written};
use super::spool::{self, CHUNK, Spool, Taken};
use crate::core::output::{Seen, Stream, Watcher, Watchlist};
use crate::core::retry_after::{Listener, Word};
use rustix::event::{PollFd, PollFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::time::SystemTime;

/// What happens to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// They are written to our own stream as they come.
    PassOn,
    /// They are held until it is known whether this was the last attempt.
    Hold,
}

/// What is wanted of an outlet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ears {
    /// Nobody asks what the server says there.
    Closed,
    /// `--retry-after` listens.
    Open,
}

/// One pipe from the command. It serves both streams where they are one and the same file, so that their
/// order stays.
#[derive(Debug)]
pub struct Outlet {
    streams: Vec<Stream>,
    route: Route,
    ears: Ears,
    sink: Sink,
    /// Our end, while the command or one of its children may write to it.
    pipe: Option<OwnedFd>,
    /// After the command has ended, only so much more is taken: what was there by then.
    allowance: Option<u64>,
    /// Read, but not yet written on.
    pending: Vec<u8>,
    written: usize,
    held: Spool,
    /// How far the held bytes are released, once they are.
    released: Option<u64>,
    watcher: Option<Watcher>,
    listener: Option<Listener>,
}

impl Outlet {
    /// An outlet for these streams (at least one) that ends in `sink`.
    pub fn new(streams: Vec<Stream>, route: Route, ears: Ears, sink: Sink) -> Self {
        Self {
            streams,
            route,
            ears,
            sink,
            pipe: None,
            allowance: None,
            pending: Vec::new(),
            written: 0,
            held: Spool::default(),
            released: None,
            watcher: None,
            listener: None,
        }
    }

    /// The streams that it serves.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// What happens to the bytes.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Begins an attempt: what the last one left is dropped.
    ///
    /// # Errors
    /// No descriptors or memory left.
    pub fn begin(&mut self, list: &Watchlist) -> io::Result<OwnedFd> {
        self.held.clear()?;
        let (ours, theirs) = super::pipe::pipe()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        self.pipe = Some(ours);
        self.allowance = None;
        // The rules of a shared pipe look at both streams, so either name will do.
        let watched = self.streams.iter().find(|stream| list.watches(**stream));
        self.watcher = watched.map(|&stream| Watcher::new(list, stream));
        self.listener = match self.ears {
            Ears::Open => Some(Listener::new().map_err(io::Error::other)?),
            Ears::Closed => None,
        };
        Ok(theirs)
    }

    /// Moves what can be moved without waiting, and adds it to `end`. Says how many bytes came from the command.
    ///
    /// # Errors
    /// Something is lost: the disk behind the spool or behind our own stream is full.
    pub fn advance(&mut self, buffer: &mut [u8], mut end: Option<&mut End>) -> Result<u64, Failure> {
        let mut came = 0;
        // A command that writes without end must not keep us from signals and time limits.
        for _ in 0..32 {
            if self.is_releasing() {
                match self.release_some(buffer)? {
                    Written::Bytes(_) => continue,
                    Written::Blocked => break,
                }
            }
            if !self.flush()? {
                break;
            }
            match self.take(buffer, end.as_deref_mut())? {
                0 => break,
                taken => came += taken,
            }
        }
        Ok(came)
    }

    /// Takes some bytes from the pipe. 0 if none are there, or none will come any more.
    fn take(&mut self, buffer: &mut [u8], end: Option<&mut End>) -> Result<u64, Failure> {
        let Some(pipe) = &self.pipe else { return Ok(0) };
        let most = self.allowance.map_or(CHUNK as u64, |left| left.min(CHUNK as u64)) as usize;
        if most == 0 {
            self.pipe = None;
            return Ok(0);
        }
        let unwatched =
            self.watcher.is_none() && self.listener.is_none() && self.allowance.is_none() && end.is_none();
        let taken = if self.route == Route::Hold && unwatched {
            self.held.take_from(pipe, buffer).map_err(|error| Failure::spool(&error))?
        } else {
            let (taken, bytes) =
                spool::read(pipe, &mut buffer[..most]).map_err(|error| Failure::spool(&error))?;
            if let Some(watcher) = &mut self.watcher {
                watcher.feed(bytes);
            }
            if let Some(listener) = &mut self.listener {
                listener.feed(bytes);
            }
            if let Some(end) = end {
                end.add(bytes);
            }
            match self.route {
                Route::Hold => self.held.append(bytes).map_err(|error| Failure::spool(&error))?,
                Route::PassOn => self.pending.extend_from_slice(bytes),
            }
            taken
        };
        Ok(match taken {
            Taken::Bytes(n) => {
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
    fn flush(&mut self) -> Result<bool, Failure> {
        while self.written < self.pending.len() {
            match self.sink.write(&self.pending[self.written..]) {
                Ok(Written::Bytes(n)) => self.written += n,
                Ok(Written::Blocked) => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    // The reader has gone. With our end closed, the command hears it as it would alone: by
                    // SIGPIPE.
                    self.pipe = None;
                    break;
                }
                Err(error) => {
                    self.pending.clear();
                    self.written = 0;
                    return Err(Failure::sink(&error, &self.streams));
                }
            }
        }
        self.pending.clear();
        self.written = 0;
        Ok(true)
    }

    fn release_some(&mut self, buffer: &mut [u8]) -> Result<Written, Failure> {
        let mut offset = self.released.unwrap_or_default();
        let written = self.held.write_to(&mut self.sink, &mut offset, buffer);
        self.released = Some(offset);
        written.map_err(|error| {
            self.released = None;
            Failure::sink(&error, &self.streams)
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

    /// Whether more can come from the command.
    pub fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether something is left to be written.
    pub fn has_pending(&self) -> bool {
        self.written < self.pending.len() || self.is_releasing()
    }

    /// Closes the pipe and says what was seen and heard. What is still pending is given up: whoever ends an
    /// attempt has waited for as long as it should. `now` is the wall clock.
    pub fn finish(&mut self, now: fn() -> SystemTime) -> (Seen, Word) {
        self.pipe = None;
        self.pending.clear();
        self.written = 0;
        let seen = self.watcher.take().map(Watcher::finish).unwrap_or_default();
        let word = self.listener.take().map_or(Word::Nothing, |listener| listener.finish(now()));
        (seen, word)
    }

    /// What to wait for.
    pub fn interest(&self) -> Option<PollFd<'_>> {
        if self.has_pending() {
            return Some(PollFd::from_borrowed_fd(self.sink.fd(), PollFlags::OUT));
        }
        self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN))
    }
}
