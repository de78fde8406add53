//! The three streams of the command through all attempts: which of them are pipes, what starts and ends with an
//! attempt, and what is released at the end.

use super::error::StreamError;
use super::input::Input;
use super::output_pipe::{Mode, OutputPipe};
use super::recent_output::RecentOutput;
use super::scanner::ServerHints;
use super::spool::CHUNK_SIZE;
use super::time_slice::ElapsedFn;
use crate::core::output::{Seen, Watchlist};
use crate::core::plan::{Output, Plan};
use crate::core::stream::{Cursor, Side, Stream};
use crate::platform::nonblocking_writer::NonblockingWriter;
use crate::platform::readiness::Interests;
use crate::platform::stdio::{OwnedStream, StatusFlags, is_same_file, is_terminal, stderr, stdout};
use retry_loop::server_hint::ServerHint;
use std::io;
use std::time::{Duration, SystemTime};

const SCAN_TOO_SLOW: &str =
    "searching the output was not finished before the deadline: a pattern is too slow";

/// The streams of a command.
#[derive(Debug)]
pub struct Streams {
    input: Input,
    output_pipes: Vec<OutputPipe>,
    watchlist: Watchlist,
    buffer: Vec<u8>,
    /// The end of the output, if `--retry-if` needs it.
    recent: Option<RecentOutput>,
    /// When the command last wrote something, as time since the start of the run.
    active: Duration,
    failure: Option<StreamError>,
    /// Which of our own streams are terminals.
    terminals: Vec<Stream>,
    /// The status flags of our own streams at the start of the run.
    flags: StatusFlags,
}

/// The streams for a command that is started. `None` means that it inherits ours.
#[derive(Debug, Default)]
pub struct ChildStdio {
    /// stdin of the command.
    pub stdin: Option<OwnedStream>,
    /// stdout of the command.
    pub stdout: Option<OwnedStream>,
    /// stderr of the command.
    pub stderr: Option<OwnedStream>,
}

impl Streams {
    /// Decides which streams the command inherits, and which are pipes.
    ///
    /// # Errors
    /// When one of our own streams that has to be written is closed.
    pub fn new(plan: &Plan) -> io::Result<Self> {
        let watchlist = plan.rules.watchlist();
        Ok(Self {
            input: Input::new(plan.streams.stdin)?,
            terminals: terminals(),
            flags: StatusFlags::save(),
            output_pipes: output_pipes(plan, &watchlist)?,
            watchlist,
            buffer: Vec::new(),
            recent: plan.hooks.retry_if.is_some().then(RecentOutput::default),
            active: Duration::ZERO,
            failure: None,
        })
    }

    /// The output streams that are pipes, although the command could expect a terminal.
    pub fn piped(&self) -> impl Iterator<Item = Stream> {
        self.output_pipes.iter().flat_map(|output_pipe| output_pipe.streams().iter().copied())
    }

    /// Begins an attempt at `now`: stdin starts at its beginning, and held output of the last attempt is dropped.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn begin(&mut self, now: Duration) -> io::Result<ChildStdio> {
        self.active = now;
        self.flags.restore();
        if let Some(recent) = &mut self.recent {
            recent.clear();
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

    /// stdin from its beginning, for the fallback.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn stdin_again(&mut self) -> io::Result<Option<OwnedStream>> {
        self.flags.restore();
        self.input.begin()
    }

    /// Takes a warning that output was lost, if there is a new one.
    pub fn warning(&mut self) -> Option<String> {
        self.output_pipes.iter_mut().find_map(OutputPipe::warning)
    }

    /// Whether there is nothing to move, so that the event loop does not have to wait for it.
    pub fn is_idle(&self) -> bool {
        self.failure.is_some() || self.output_pipes.is_empty() && !matches!(self.input, Input::Replayed(_))
    }

    /// What to wait for.
    pub fn interests<'a>(&'a self, interests: &mut Interests<'a>) {
        if let Input::Replayed(replay) = &self.input {
            replay.interests(interests);
        }
        for output_pipe in &self.output_pipes {
            output_pipe.interests(interests);
        }
    }

    /// Whether output is still to be searched, so that the event loop must not sleep.
    pub fn is_behind(&self) -> bool {
        self.failure.is_none() && self.output_pipes.iter().any(OutputPipe::is_behind)
    }

    /// Moves what is possible without waiting, for a few hundredths of a second at most. Returns whether something has
    /// ended: a pipe, a write, a search, or everything because of an error.
    pub fn advance(&mut self, now: Duration, elapsed: ElapsedFn<'_>) -> News {
        if self.is_idle() {
            return News::None;
        }
        self.buffer.resize(CHUNK_SIZE, 0);
        let before = self.state();
        if let Input::Replayed(replay) = &mut self.input
            && let Err(failure) = replay.advance(&mut self.buffer, elapsed)
        {
            self.failure = Some(failure);
        }
        for output_pipe in &mut self.output_pipes {
            match output_pipe.advance(&mut self.buffer, elapsed, self.recent.as_mut()) {
                // A command that waits for our reader or for our search is not idle.
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

    /// When the command last wrote something, or was started; as time since the start of the run.
    pub fn active(&self) -> Duration {
        self.active
    }

    /// The error by which something was lost, if there was one.
    pub fn failure(&self) -> Option<&StreamError> {
        self.failure.as_ref()
    }

    /// The command has ended. Held output is complete with what is in the pipe now.
    pub fn command_ended(&mut self) {
        if let Input::Replayed(replay) = &mut self.input {
            replay.finish();
        }
        for output_pipe in self.output_pipes.iter_mut().filter(|output_pipe| output_pipe.mode() == Mode::Hold)
        {
            output_pipe.limit_to_present();
        }
    }

    /// The grace period for a grandchild that still holds a pipe is over: now all output is complete.
    pub fn grace_ended(&mut self) {
        self.output_pipes.iter_mut().for_each(OutputPipe::limit_to_present);
    }

    /// The time for pending output is over: it is lost.
    pub fn abandon(&mut self) {
        let late = io::Error::other("the reader was too slow for the deadline");
        if let Some(output_pipe) = self.output_pipes.iter().find(|output_pipe| output_pipe.has_pending()) {
            self.failure.get_or_insert(StreamError::write(&late, output_pipe.streams()));
        }
    }

    /// Stops the search in the output.
    pub fn stop_looking(&mut self) {
        self.output_pipes.iter_mut().for_each(OutputPipe::stop_scanning);
    }

    /// The time for the search is over. If it has not finished, no rule can be trusted.
    pub fn looked_too_late(&mut self) {
        if self.is_behind() {
            self.failure.get_or_insert(StreamError::Lost(SCAN_TOO_SLOW.to_owned()));
        }
    }

    /// Whether more output can come, or some is still to be written or searched.
    pub fn is_busy(&self) -> bool {
        self.failure.is_none() && self.state().into_iter().flatten().any(|busy| busy)
    }

    /// Whether output is still to be written, which takes as long as our reader needs.
    pub fn has_pending(&self) -> bool {
        self.failure.is_none() && self.output_pipes.iter().any(OutputPipe::has_pending)
    }

    /// Ends the attempt, and returns what was found in its output. `now` is the wall clock, read only if needed.
    pub fn finish(&mut self, now: fn() -> SystemTime) -> (Seen, ServerHint) {
        let (mut all_seen, mut all_hints) = (Seen::default(), ServerHint::None);
        for output_pipe in &mut self.output_pipes {
            let (seen, hint) = output_pipe.finish(now);
            all_seen.add(seen);
            // An exhausted quota wins, then the longer wait.
            all_hints = match (all_hints, hint) {
                (ServerHint::QuotaExhausted(words), _) | (_, ServerHint::QuotaExhausted(words)) => {
                    ServerHint::QuotaExhausted(words)
                }
                (ServerHint::Wait(a), ServerHint::Wait(b)) => ServerHint::Wait(a.max(b)),
                (ServerHint::None, hint) | (hint, ServerHint::None) => hint,
            };
        }
        (all_seen, all_hints)
    }

    /// Where the attempt has left the cursor of our terminal.
    pub fn cursor(&self) -> Cursor {
        let pipe_of =
            |stream| self.output_pipes.iter().find(|output_pipe| output_pipe.streams().contains(stream));
        let mut ends_in_lines = Vec::new();
        for stream in &self.terminals {
            match pipe_of(stream) {
                None => return Cursor::Unknown,
                Some(output_pipe) => ends_in_lines.push(output_pipe.ends_in_a_line()),
            }
        }
        match ends_in_lines.as_slice() {
            // Nobody knows which of the two wrote last.
            [true, false] | [false, true] => Cursor::Unknown,
            [true, ..] => Cursor::InLine,
            _ => Cursor::AtStart,
        }
    }

    /// The end of the attempt's output; empty without `--retry-if`.
    pub fn end(&self) -> &[u8] {
        self.recent.as_ref().map(RecentOutput::bytes).unwrap_or_default()
    }

    /// How many bytes of output are held; `None` if no stream is held.
    pub fn held(&self) -> Option<u64> {
        let held = self.output_pipes.iter().filter(|output_pipe| output_pipe.mode() == Mode::Hold);
        held.map(OutputPipe::held).reduce(|a, b| a + b)
    }

    /// From now on, the held output of these streams is written to our own.
    pub fn release(&mut self, is_released: impl Fn(Stream) -> bool) {
        for output_pipe in self.output_pipes.iter_mut().filter(|output_pipe| output_pipe.mode() == Mode::Hold)
        {
            if output_pipe.streams().iter().any(|&stream| is_released(stream)) {
                output_pipe.release();
            }
        }
    }

    /// stdin of the command.
    pub fn input(&self) -> &Input {
        &self.input
    }
}

/// The result of [`Streams::advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something has ended.
    Some,
    /// Nothing has ended.
    None,
}

fn terminals() -> Vec<Stream> {
    let streams = [(Stream::Stdout, stdout()), (Stream::Stderr, stderr())];
    streams.into_iter().filter(|(_, fd)| is_terminal(*fd)).map(|(stream, _)| stream).collect()
}

fn output_pipes(plan: &Plan, watchlist: &Watchlist) -> io::Result<Vec<OutputPipe>> {
    let needs = |stream| PipeNeeds::of(plan, watchlist, stream);
    let fd = |stream| match stream {
        Stream::Stdout => stdout(),
        Stream::Stderr => stderr(),
    };
    let output_pipe = |streams: Vec<Stream>, needs: PipeNeeds| -> io::Result<OutputPipe> {
        let writer = NonblockingWriter::new(fd(streams[0]))?;
        Ok(OutputPipe::new(streams, needs.mode, needs.server_hints, writer))
    };
    Ok(match (needs(Stream::Stdout), needs(Stream::Stderr)) {
        (None, None) => Vec::new(),
        (Some(out), None) => vec![output_pipe(vec![Stream::Stdout], out)?],
        (None, Some(err)) => vec![output_pipe(vec![Stream::Stderr], err)?],
        (Some(out), Some(err)) => {
            let same = is_same_file(stdout(), stderr());
            // A fallback replaces held stdout only, so it needs two pipes.
            let may_join = out.mode == Mode::Tee || plan.hooks.fallback.is_none();
            if same && out == err && may_join && !watchlist.tells_streams_apart() {
                vec![output_pipe(vec![Stream::Stdout, Stream::Stderr], out)?]
            } else {
                vec![output_pipe(vec![Stream::Stdout], out)?, output_pipe(vec![Stream::Stderr], err)?]
            }
        }
    })
}

/// What the pipe of a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PipeNeeds {
    mode: Mode,
    server_hints: ServerHints,
    output: Output,
}

impl PipeNeeds {
    /// `None` if the stream is neither held nor searched, so that the command can inherit ours.
    fn of(plan: &Plan, watchlist: &Watchlist, stream: Stream) -> Option<Self> {
        let output = plan.streams.output(stream);
        let hints_wanted = plan.streams.hint_streams.is_some_and(|side: Side| side.includes(stream));
        let is_read = watchlist.watches(stream)
            || hints_wanted
            || plan.limits.idle.is_some()
            || plan.hooks.retry_if.is_some();
        let mode = if output == Output::Live { Mode::Tee } else { Mode::Hold };
        let server_hints = if hints_wanted { ServerHints::Parse } else { ServerHints::Ignore };
        (mode == Mode::Hold || is_read).then_some(Self { mode, server_hints, output })
    }
}
