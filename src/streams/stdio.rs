//! The three streams of the command through all attempts: which of them are pipes, what begins and stdio
//! with an attempt, what is released at the end.

use super::end::End;
use super::error::StreamError;
use super::input::{Input, Shares};
use super::nonblocking_writer::NonblockingWriter;
use super::output_pipe::{Clock, Mode, OutputPipe, ServerHints};
use super::spool::CHUNK;
use crate::core::output::{Seen, Watchlist};
use crate::core::plan::{Output, Plan};
use crate::core::stream::{Cursor, Side, Stream};
use retry_loop::server_hint::ServerHint;
use rustix::event::PollFd;
use rustix::fs::OFlags;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

const LOOKED_TOO_LATE: &str = "a pattern is so slow that the output was not searched before the deadline";

/// The streams of a command.
#[derive(Debug)]
pub struct Streams {
    input: Input,
    output_pipes: Vec<OutputPipe>,
    watchlist: Watchlist,
    buffer: Vec<u8>,
    /// Where `--retry-if` wants it.
    end: Option<End>,
    /// When the command wrote something for the last time, in the wait's time.
    active: Duration,
    failure: Option<StreamError>,
    /// Which of our own are terminals.
    terminals: Vec<Stream>,
    /// The status flags of our own three, as they were at the start.
    flags: [Option<OFlags>; 3],
}

/// What the command is started with; `None` is what we have ourselves.
#[derive(Debug, Default)]
pub struct ChildStdio {
    /// For its stdin.
    pub stdin: Option<OwnedFd>,
    /// For its stdout.
    pub stdout: Option<OwnedFd>,
    /// For its stderr.
    pub stderr: Option<OwnedFd>,
}

impl Streams {
    /// Looks at our own streams, and decides which ones the command gets as they are.
    ///
    /// # Errors
    /// One of our own streams that has to be written to cannot be looked at.
    ///
    /// `shares` says whether two descriptors have one open file description, `None` if the kernel does not tell.
    pub fn new(plan: &Plan, shares: Shares) -> io::Result<Self> {
        let watchlist = plan.rules.watchlist();
        Ok(Self {
            input: Input::new(plan.streams.stdin, shares),
            terminals: terminals(),
            flags: standard_streams().map(|fd| rustix::fs::fcntl_getfl(fd).ok()),
            output_pipes: output_pipes(plan, &watchlist)?,
            watchlist,
            buffer: Vec::new(),
            end: plan.hooks.retry_if.is_some().then(End::default),
            active: Duration::ZERO,
            failure: None,
        })
    }

    /// The streams that are no longer what `retry` itself has, although someone might expect a terminal.
    pub fn piped(&self) -> impl Iterator<Item = Stream> {
        self.output_pipes.iter().flat_map(|output_pipe| output_pipe.streams().iter().copied())
    }

    /// Begins an attempt at `now`: stdin from its beginning, held output of the last attempt dropped.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn begin(&mut self, now: Duration) -> io::Result<ChildStdio> {
        self.active = now;
        self.put_flags_back();
        if let Some(end) = &mut self.end {
            end.clear();
        }
        let mut stdio = ChildStdio { stdin: self.input.begin()?, ..ChildStdio::default() };
        for output_pipe in &mut self.output_pipes {
            let theirs = output_pipe.begin(&self.watchlist)?;
            match *output_pipe.streams() {
                [Stream::Stdout] => stdio.stdout = Some(theirs),
                [Stream::Stderr] => stdio.stderr = Some(theirs),
                _ => {
                    stdio.stderr = Some(theirs.try_clone()?);
                    stdio.stdout = Some(theirs);
                }
            }
        }
        Ok(stdio)
    }

    /// Stdin from its beginning, for the fallback.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn stdin_again(&mut self) -> io::Result<Option<OwnedFd>> {
        self.put_flags_back();
        self.input.begin()
    }

    /// An attempt can have made a stream non-blocking that it shares with us and with the next one: an ssh that
    /// was killed has, and the next program takes EAGAIN for an error.
    fn put_flags_back(&self) {
        for (fd, flags) in standard_streams().into_iter().zip(self.flags) {
            if let Some(flags) = flags
                && rustix::fs::fcntl_getfl(fd).is_ok_and(|now| now != flags)
            {
                let _best_effort = rustix::fs::fcntl_setfl(fd, flags);
            }
        }
    }

    /// What went wrong since the last time, without ending anything.
    pub fn warning(&mut self) -> Option<String> {
        self.output_pipes.iter_mut().find_map(OutputPipe::warning)
    }

    /// Whether there is nothing to move, or no use in it any more: the wait need not ask.
    pub fn is_idle(&self) -> bool {
        self.failure.is_some() || self.output_pipes.is_empty() && !matches!(self.input, Input::Replayed(_))
    }

    /// What to wait for.
    pub fn interests<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        if let Input::Replayed(replay) = &self.input {
            replay.interests(fds);
        }
        fds.extend(self.output_pipes.iter().filter_map(OutputPipe::interest));
    }

    /// Whether there is something to do that nothing is waited for.
    pub fn is_behind(&self) -> bool {
        self.failure.is_none() && self.output_pipes.iter().any(OutputPipe::is_behind)
    }

    /// Moves whatever can be moved without waiting, for a few hundredths of a second at most. Says whether
    /// something has come to an end: a pipe, what was pending or to be looked at, or everything by a failure.
    pub fn advance(&mut self, now: Duration, clock: Clock<'_>) -> News {
        if self.is_idle() {
            return News::None;
        }
        self.buffer.resize(CHUNK, 0);
        let before = self.state();
        if let Input::Replayed(replay) = &mut self.input
            && let Err(failure) = replay.advance(&mut self.buffer, clock)
        {
            self.failure = Some(failure);
        }
        for output_pipe in &mut self.output_pipes {
            match output_pipe.advance(&mut self.buffer, clock, self.end.as_mut()) {
                // A command that waits for our own reader, or for us, is not idle.
                Ok(0) if !output_pipe.has_pending() && !output_pipe.is_behind() => {}
                Ok(_) => self.active = now,
                Err(failure) => self.failure = Some(failure),
            }
        }
        if self.failure.is_some() || before != self.state() { News::Some } else { News::None }
    }

    fn state(&self) -> Vec<[bool; 3]> {
        let state = |output_pipe: &OutputPipe| {
            [output_pipe.is_open(), output_pipe.has_pending(), output_pipe.is_behind()]
        };
        self.output_pipes.iter().map(state).collect()
    }

    /// When the command wrote something for the last time, or was started.
    pub fn active(&self) -> Duration {
        self.active
    }

    /// What was lost, if something was.
    pub fn failure(&self) -> Option<&StreamError> {
        self.failure.as_ref()
    }

    /// The command has ended. Held output: what is in the pipe by now is all.
    pub fn command_ended(&mut self) {
        if let Input::Replayed(replay) = &mut self.input {
            replay.finish();
        }
        for output_pipe in self.output_pipes.iter_mut().filter(|output_pipe| output_pipe.mode() == Mode::Hold)
        {
            output_pipe.take_only_what_is_there();
        }
    }

    /// The grace for a grandchild that still holds a pipe is over: now the same goes for the others.
    pub fn grace_ended(&mut self) {
        self.output_pipes.iter_mut().for_each(OutputPipe::take_only_what_is_there);
    }

    /// What is pending is lost: nobody took it in time.
    pub fn abandon(&mut self) {
        let late = io::Error::other("nobody took it before the deadline");
        if let Some(output_pipe) = self.output_pipes.iter().find(|output_pipe| output_pipe.has_pending()) {
            self.failure.get_or_insert(StreamError::write(&late, output_pipe.streams()));
        }
    }

    /// What was not looked at by now will not be.
    pub fn stop_looking(&mut self) {
        self.output_pipes.iter_mut().for_each(OutputPipe::stop_looking);
    }

    /// The time is over. If something was not looked at, no rule can be trusted.
    pub fn looked_too_late(&mut self) {
        if self.is_behind() {
            self.failure.get_or_insert(StreamError::Lost(LOOKED_TOO_LATE.to_owned()));
        }
    }

    /// Whether more can come, or something is left to be written or to be looked at.
    pub fn is_busy(&self) -> bool {
        self.failure.is_none() && self.state().into_iter().flatten().any(|busy| busy)
    }

    /// Whether something is left to be written, which takes as long as our own reader takes.
    pub fn has_pending(&self) -> bool {
        self.failure.is_none() && self.output_pipes.iter().any(OutputPipe::has_pending)
    }

    /// ChildStdio the attempt, and says what was seen and answers. `now` is the wall clock, read only if needed.
    pub fn finish(&mut self, now: fn() -> SystemTime) -> (Seen, ServerHint) {
        let mut all = (Seen::default(), ServerHint::None);
        for output_pipe in &mut self.output_pipes {
            let (seen, word) = output_pipe.finish(now);
            all.0.add(seen);
            // Two streams, two words: exhaustion wins, then the longer wait.
            all.1 = match (all.1, word) {
                (ServerHint::QuotaExhausted(words), _) | (_, ServerHint::QuotaExhausted(words)) => {
                    ServerHint::QuotaExhausted(words)
                }
                (ServerHint::Wait(a), ServerHint::Wait(b)) => ServerHint::Wait(a.max(b)),
                (ServerHint::None, word) | (word, ServerHint::None) => word,
            };
        }
        all
    }

    /// Where the attempt has left the cursor of our terminal.
    pub fn cursor(&self) -> Cursor {
        let passed =
            |stream| self.output_pipes.iter().find(|output_pipe| output_pipe.streams().contains(stream));
        let mut ends_in_lines = Vec::new();
        for stream in &self.terminals {
            match passed(stream) {
                None => return Cursor::Unknown,
                Some(output_pipe) => ends_in_lines.push(output_pipe.ends_in_a_line()),
            }
        }
        match ends_in_lines.as_slice() {
            // Which of the two came last?
            [true, false] | [false, true] => Cursor::Unknown,
            [true, ..] => Cursor::InLine,
            _ => Cursor::AtStart,
        }
    }

    /// The end of what the attempt wrote; empty where nobody wants it.
    pub fn end(&self) -> &[u8] {
        self.end.as_ref().map(End::bytes).unwrap_or_default()
    }

    /// How many bytes of output are held; `None` where nothing is.
    pub fn held(&self) -> Option<u64> {
        let held = self.output_pipes.iter().filter(|output_pipe| output_pipe.mode() == Mode::Hold);
        held.map(OutputPipe::held).reduce(|a, b| a + b)
    }

    /// From now on, what is held of these streams is written to our own.
    pub fn release(&mut self, is_released: impl Fn(Stream) -> bool) {
        for output_pipe in self.output_pipes.iter_mut().filter(|output_pipe| output_pipe.mode() == Mode::Hold)
        {
            if output_pipe.streams().iter().any(|&stream| is_released(stream)) {
                output_pipe.release();
            }
        }
    }

    /// What goes into the command.
    pub fn input(&self) -> &Input {
        &self.input
    }
}

/// What came of [`Streams::advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something has come to an end.
    Some,
    /// Nothing that anyone waits for.
    None,
}

fn terminals() -> Vec<Stream> {
    let streams = [(Stream::Stdout, rustix::stdio::stdout()), (Stream::Stderr, rustix::stdio::stderr())];
    streams.into_iter().filter(|(_, fd)| rustix::termios::isatty(fd)).map(|(stream, _)| stream).collect()
}

fn standard_streams() -> [BorrowedFd<'static>; 3] {
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
}

fn output_pipes(plan: &Plan, watchlist: &Watchlist) -> io::Result<Vec<OutputPipe>> {
    let wanted = |stream| Wanted::of(plan, watchlist, stream);
    let fd = |stream| match stream {
        Stream::Stdout => rustix::stdio::stdout(),
        Stream::Stderr => rustix::stdio::stderr(),
    };
    let output_pipe = |streams: Vec<Stream>, wanted: Wanted| -> io::Result<OutputPipe> {
        let writer = NonblockingWriter::new(fd(streams[0]))?;
        Ok(OutputPipe::new(streams, wanted.mode, wanted.server_hints, writer))
    };
    Ok(match (wanted(Stream::Stdout), wanted(Stream::Stderr)) {
        (None, None) => Vec::new(),
        (Some(out), None) => vec![output_pipe(vec![Stream::Stdout], out)?],
        (None, Some(err)) => vec![output_pipe(vec![Stream::Stderr], err)?],
        (Some(out), Some(err)) => {
            let same = is_same_file(rustix::stdio::stdout(), rustix::stdio::stderr());
            // A fallback takes the place of stdout alone, so then they have to be apart.
            let one = out.mode == Mode::Tee || plan.hooks.fallback.is_none();
            if same && out == err && one && !watchlist.tells_streams_apart() {
                vec![output_pipe(vec![Stream::Stdout, Stream::Stderr], out)?]
            } else {
                vec![output_pipe(vec![Stream::Stdout], out)?, output_pipe(vec![Stream::Stderr], err)?]
            }
        }
    })
}

/// Why a stream is piped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    mode: Mode,
    server_hints: ServerHints,
    output: Output,
}

impl Wanted {
    /// `None`: nobody looks at it and nothing is held, so the command gets ours.
    fn of(plan: &Plan, watchlist: &Watchlist, stream: Stream) -> Option<Self> {
        let output = plan.streams.output(stream);
        let listened = plan.streams.retry_after.is_some_and(|side: Side| side.includes(stream));
        let watched = watchlist.watches(stream)
            || listened
            || plan.limits.idle.is_some()
            || plan.hooks.retry_if.is_some();
        let mode = if output == Output::Live { Mode::Tee } else { Mode::Hold };
        let server_hints = if listened { ServerHints::Parse } else { ServerHints::Ignore };
        (mode == Mode::Hold || watched).then_some(Self { mode, server_hints, output })
    }
}

pub(super) fn is_same_file(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(a), rustix::fs::fstat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}
