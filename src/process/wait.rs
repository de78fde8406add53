//! The one wait. Child, delay, grace and limit all wait here, so each of them knows signals,
//! deadlines and stopped time. It also owns the clock of the run: nothing else asks how much time has passed
//! (but for a store, which has its own patience), and time stopped by Ctrl-Z is left out here.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use super::group::Group;
use super::signals::{self, Meaning, Received};
use super::sys::{self, Change, Origin};
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::report::output;
use crate::streams::connected::{News, Streams};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Waits, and keeps the time. Times are durations since the start that leave out stopped time.
#[derive(Debug)]
pub struct Wait {
    started: Instant,
    /// Time stopped by Ctrl-Z, up to now.
    stopped: Duration,
    /// The command is stopped since then.
    stopped_since: Option<Instant>,
    command: Command,
    /// What flows meanwhile.
    streams: Streams,
    /// Wakes up when it can be written to.
    writer: Option<OwnedFd>,
    /// The first of HUP, INT, QUIT, TERM.
    interrupted: Option<Interruption>,
    /// How many of them came in all.
    ends_asked: u64,
    /// The same INT or TERM came a second time: no more patience.
    impatient: bool,
    /// When a stop signal came to us since the command was last seen to go on.
    stop_asked: Option<Instant>,
    lone_stops: LoneStops,
    /// A CONT came while the command was stopped.
    continue_asked: bool,
    wake: OwnedFd,
    _keeps_the_handler_writing: OwnedFd,
}

#[derive(Debug, Clone, Copy)]
struct Interruption {
    signal: Signal,
    origin: Origin,
    at: Instant,
}

/// A key reaches the whole foreground group, and a parent in it (make, npm, timeout) may send the same
/// signal again to its child, us; coreutils' timeout sends one to its child and one to its group. Within
/// this time they are one. Two keys are two, however fast.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// A stop signal that the command has not followed for so long was none for it.
const STOP_ASKED: Duration = Duration::from_secs(10);

/// Whether a stop of the command alone (SIGSTOP, without a key or a signal to us) stops the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoneStops {
    StopTheClock,
    /// While it is being ended.
    Count,
}

/// The process that signals are passed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    None,
    Running(Pid),
    Stopped(Pid),
}

/// Whether what [`Wait::wake_when_writable`] was told of can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Ready,
    NotReady,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Woken {
    /// The watched command is gone and reaped.
    Ended(Outcome),
    /// Some other child is gone: an orphan that was adopted.
    OrphanEnded,
    /// HUP, INT, QUIT or TERM came, and was passed on where it had to be.
    Interrupted,
    /// A stream has come to an end, or what was left of it is written.
    Streams,
    /// What [`Wait::wake_when_writable`] was told of can be written to, or has lost its reader.
    Writable,
    /// The time has come.
    Due,
}

/// The pipe by which the signal handler ends a sleep: never blocking, never the command's.
#[cfg(not(target_vendor = "apple"))]
fn wake_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::PipeFlags;
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Darwin has no pipe2(2). Nothing else runs yet that could start a process in between.
#[cfg(target_vendor = "apple")]
fn wake_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK)?;
    }
    Ok((reader, writer))
}

impl Wait {
    /// Starts the clock and catches signals.
    ///
    /// # Errors
    /// When there are no descriptors left for a pipe.
    pub fn new(streams: Streams) -> io::Result<Self> {
        let started = Instant::now();
        let (reader, writer) = wake_pipe()?;
        signals::catch_all(&writer);
        Ok(Self {
            started,
            stopped: Duration::ZERO,
            stopped_since: None,
            command: Command::None,
            streams,
            writer: None,
            interrupted: None,
            ends_asked: 0,
            impatient: false,
            stop_asked: None,
            lone_stops: LoneStops::StopTheClock,
            continue_asked: false,
            wake: reader,
            _keeps_the_handler_writing: writer,
        })
    }

    /// Time since the start without stopped time.
    pub fn now(&self) -> Duration {
        let now = self.stopped_since.unwrap_or_else(Instant::now);
        now.duration_since(self.started).saturating_sub(self.stopped)
    }

    /// From now on, signals are passed on to this child, and its end is [`Woken::Ended`].
    pub fn watch(&mut self, pid: Pid) {
        self.command = Command::Running(pid);
        self.stop_asked = None;
        self.lone_stops = LoneStops::StopTheClock;
    }

    /// What flows between the command and us.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// From now on, until the next command, a command that stops itself without being asked to does not
    /// stop the clock: it would never reach the end of its grace.
    pub fn count_lone_stops(&mut self) {
        self.lone_stops = LoneStops::Count;
        if self.stop_asked.is_none() {
            self.go_on();
        }
    }

    /// The watched command, while it lives.
    pub fn command(&self) -> Option<Pid> {
        match self.command {
            Command::None => None,
            Command::Running(pid) | Command::Stopped(pid) => Some(pid),
        }
    }

    /// The first of HUP, INT, QUIT and TERM that came, if one did.
    pub fn interrupted(&self) -> Option<Signal> {
        self.interrupted.map(|interruption| interruption.signal)
    }

    /// Whether the same INT or TERM came twice: whoever sent it will wait no longer.
    pub fn is_impatient(&self) -> bool {
        self.impatient
    }

    /// Looks at signals that came meanwhile, without waiting.
    pub fn look_at_signals(&mut self) {
        while let Some((received, meaning)) = signals::take_next() {
            self.receive(received, meaning);
        }
    }

    /// Waits until something of [`Woken`] happens. Signals first: one that came while an attempt ended
    /// is seen before the end is judged. Then children, then the time, so that a command that made it
    /// in time has not timed out because we were slow.
    pub fn next(&mut self, due: Option<Duration>) -> Woken {
        loop {
            let before = self.ends_asked;
            self.look_at_signals();
            if before != self.ends_asked {
                return Woken::Interrupted;
            }
            // An error is ECHILD: no children, so there is nothing to notice.
            if let Ok(Some((pid, change))) = sys::next_change() {
                match self.notice(pid, change) {
                    Some(woken) => return woken,
                    None => continue,
                }
            }
            self.continue_command();
            if self.streams.advance(self.now()) == News::Some {
                return Woken::Streams;
            }
            let left = match due {
                Some(due) if self.stopped_since.is_none() => {
                    let left = due.saturating_sub(self.now());
                    if left.is_zero() {
                        return Woken::Due;
                    }
                    Some(left)
                }
                _ => None,
            };
            if self.sleep(left) == Writer::Ready {
                return Woken::Writable;
            }
        }
    }

    /// From now on, until [`Self::forget_writable`], that `fd` can be written to is [`Woken::Writable`].
    ///
    /// # Errors
    /// No descriptors left.
    pub fn wake_when_writable(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.writer = Some(fd.try_clone_to_owned()?);
        Ok(())
    }

    /// Ends [`Self::wake_when_writable`].
    pub fn forget_writable(&mut self) {
        self.writer = None;
    }

    /// Sleeps in the kernel until a signal comes or something flows, for at most `left`. What is left for
    /// stderr flows too.
    ///
    /// This is poll(2) and not a runtime's timer: it is exact to the timer slack of 50 us where tokio's
    /// wheel is a millisecond late, and it wakes up once where the wheel wakes up at each of its levels.
    fn sleep(&self, left: Option<Duration>) -> Writer {
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let wake = PollFd::new(&self.wake, PollFlags::IN);
        let stderr = output::flush();
        let mut writer = Writer::NotReady;
        // EINTR is a wake-up too.
        if self.streams.is_idle() && self.writer.is_none() && stderr.is_none() {
            let _woken = rustix::event::poll(&mut [wake], timeout.as_ref());
        } else {
            let mut fds = vec![wake];
            if let Some(fd) = &self.writer {
                fds.push(PollFd::new(fd, PollFlags::OUT));
            }
            fds.extend(stderr.map(|stderr| PollFd::from_borrowed_fd(stderr, PollFlags::OUT)));
            if !self.streams.is_idle() {
                self.streams.interests(&mut fds);
            }
            let woken = rustix::event::poll(&mut fds, timeout.as_ref());
            if woken.is_ok() && self.writer.is_some() && !fds[1].revents().is_empty() {
                writer = Writer::Ready;
            }
        }
        let mut bytes = [0_u8; 64];
        while rustix::io::read(&self.wake, &mut bytes).is_ok_and(|n| n == bytes.len()) {}
        writer
    }

    fn receive(&mut self, received: Received, meaning: Meaning) {
        match meaning {
            Meaning::End => {
                self.ends_asked += u64::from(received.times);
                if self.is_repeated(received) {
                    self.impatient = true;
                } else {
                    self.pass_on(received);
                }
            }
            Meaning::Message => self.pass_on(received),
            Meaning::Continue => self.continue_asked = true,
            Meaning::Stop => match self.command {
                // A command that handles TSTP keeps the terminal until it has stopped itself, so we wait
                // for that instead of stopping now.
                Command::Running(_) => {
                    self.stop_asked = Some(Instant::now());
                    self.pass_on(received);
                }
                Command::Stopped(_) => {}
                Command::None => self.stop_ourselves(received.signal),
            },
        }
    }

    /// Notes the first interruption, and says whether this is the same INT or TERM once more.
    fn is_repeated(&mut self, received: Received) -> bool {
        let Received { signal, origin, times } = received;
        let hurry = matches!(signal, Signal::SIGINT | Signal::SIGTERM);
        match self.interrupted {
            None => {
                self.interrupted = Some(Interruption { signal, origin, at: Instant::now() });
                hurry && times > 1 && origin == Origin::Kernel
            }
            Some(first) => {
                let two_keys = first.origin == Origin::Kernel && origin == Origin::Kernel;
                hurry && first.signal == signal && (two_keys || first.at.elapsed() >= ONE_SIGNAL)
            }
        }
    }

    fn pass_on(&self, received: Received) {
        if received.is_for_the_command()
            && let Some(pid) = self.command()
        {
            // It may have ended meanwhile, but it is not reaped, so its pid is not someone else's.
            let _gone_meanwhile = Group::of_the_command().send(pid, received.signal);
        }
    }

    fn notice(&mut self, pid: Pid, change: Change) -> Option<Woken> {
        if self.command() != Some(pid) {
            return matches!(change, Change::Ended(_)).then_some(Woken::OrphanEnded);
        }
        match change {
            Change::Ended(outcome) => {
                self.go_on();
                self.command = Command::None;
                return Some(Woken::Ended(outcome));
            }
            Change::Stopped(signal) => {
                self.command = Command::Stopped(pid);
                // A SIGSTOP that nobody's key announced was sent to the command alone (`kill -STOP`).
                // Whoever sent it will continue the command, not us, so only the clock stops.
                let lone = signal == Signal::SIGSTOP
                    && self.stop_asked.is_none_or(|asked| asked.elapsed() > STOP_ASKED);
                if !lone || self.lone_stops == LoneStops::StopTheClock {
                    self.stopped_since.get_or_insert_with(Instant::now);
                }
                if !lone {
                    Self::stop_with_the_command(signal);
                }
            }
            Change::Continued => {
                self.command = Command::Running(pid);
                self.stop_asked = None;
                self.go_on();
            }
        }
        None
    }

    /// Stops as the command did, so that the shell sees a stopped job, and lets it go on with us.
    fn stop_with_the_command(signal: Signal) {
        sys::take_default_action(if signal == Signal::SIGSTOP { Signal::SIGTSTP } else { signal });
        // Back again: continued, or not stopped at all because no shell could continue us (orphaned
        // process group). Stop signals that came while we were on the way down are one with this stop.
        for origin in [Origin::Process, Origin::Kernel] {
            sys::take(Signal::SIGTSTP, origin);
            sys::take(Signal::SIGTTIN, origin);
        }
    }

    /// `fg` and `bg` continue the whole group; this is for a CONT that was sent to us alone. Asked only
    /// after the children were looked at, so that a command that goes on already gets no second one.
    fn continue_command(&mut self) {
        if std::mem::take(&mut self.continue_asked)
            && let Command::Stopped(pid) = self.command
        {
            let _gone_meanwhile = Group::of_the_command().send(pid, Signal::SIGCONT);
        }
    }

    /// Stops without a command: during a delay.
    fn stop_ourselves(&mut self, signal: Signal) {
        let since = Instant::now();
        sys::take_default_action(signal);
        self.stopped += since.elapsed();
    }

    fn go_on(&mut self) {
        if let Some(since) = self.stopped_since.take() {
            self.stopped += since.elapsed();
        }
    }
}
