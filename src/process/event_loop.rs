//! The event loop of a run: the one place where `retry` waits. Attempts, delays, grace periods and limits all wait
//! here, so each of them handles signals, the deadline and stops.
//!
//! It cannot be starved: the work between two checks of signals and time is bounded, whatever the command, its children
//! or a reader do.

mod events;

use self::events::{Continue, Reaped};
use super::clock::{Clock, ClockAction};
use super::command_state::CommandState;
use super::interruption::{Interruption, Urgency};
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::children::Pid;
use crate::platform::readiness::Interests;
use crate::platform::stdio::{self, BorrowedStream, OwnedStream};
use crate::platform::wakeup::WakeupSource;
use crate::platform::{JobControl, Readiness, caught};
use crate::report::output;
use crate::run::event::KillRequest;
use crate::streams::stdio::{News, Streams};
use std::cell::OnceCell;
use std::io;
use std::time::Duration;

/// Waits, and has the clock and the streams of a run.
#[derive(Debug)]
pub struct EventLoop {
    clock: Clock,
    interruption: Interruption,
    command: CommandState,
    streams: Streams,
    /// A descriptor that ends a wait when it can be written to.
    writer: Option<OwnedStream>,
    /// Looked up at the first stop of the command.
    job_control: OnceCell<JobControl>,
    wakeup: WakeupSource,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakeup {
    /// The command has ended and is reaped.
    CommandEnded(Outcome),
    /// Only other children have ended: orphans that we adopted.
    OrphansReaped,
    /// A signal came that asks for the end. It is forwarded already.
    Interrupted,
    /// A stream has ended, or the rest of it is written.
    StreamsChanged,
    /// The descriptor of [`EventLoop::watch_writable`] can be written to, or has lost its reader.
    Writable,
    /// The deadline of this wait is reached.
    TimerExpired,
}

impl EventLoop {
    /// Starts the clock and catches signals.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new(streams: Streams) -> io::Result<Self> {
        let clock = Clock::start();
        let wakeup = WakeupSource::new()?;
        caught::catch_all(&wakeup);
        Ok(Self {
            clock,
            interruption: Interruption::default(),
            command: CommandState::None,
            streams,
            writer: None,
            job_control: OnceCell::new(),
            wakeup,
        })
    }

    /// Time since the start of the run, without the time for which it was stopped.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Makes this child the command: signals are forwarded to it, and its end is [`Wakeup::CommandEnded`].
    pub fn watch(&mut self, pid: Pid) {
        self.command = CommandState::started(pid);
    }

    /// The pid of the command; `None` when it is reaped.
    pub fn command(&self) -> Option<Pid> {
        self.command.pid()
    }

    /// The streams between the command and us.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// Until the next command, a stop that was sent to the command alone does not pause the clock.
    pub fn ignore_lone_stops(&mut self) {
        let action = self.command.ignore_lone_stops();
        self.clock.apply(action);
    }

    /// The first signal that asked for the end of the run, if one came.
    pub fn interrupted(&self) -> Option<Signal> {
        self.interruption.signal()
    }

    /// The repeated signal that asks for SIGKILL, and how; `None` if none does.
    pub fn kill_request(&self) -> Option<(Signal, KillRequest)> {
        self.interruption.kill_request()
    }

    /// Whether repeated signals ask for SIGKILL.
    pub fn is_kill_requested(&self) -> bool {
        self.interruption.urgency() == Urgency::Immediate
    }

    /// Until [`Self::unwatch_writable`], a wait ends with [`Wakeup::Writable`] when `fd` can be written to.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn watch_writable(&mut self, fd: BorrowedStream<'_>) -> io::Result<()> {
        self.writer = Some(fd.try_clone_to_owned()?);
        Ok(())
    }

    /// Ends [`Self::watch_writable`].
    pub fn unwatch_writable(&mut self) {
        self.writer = None;
    }

    /// Waits for the next [`Wakeup`], until `deadline` as time since the start of the run.
    ///
    /// Signals come first: one that came while an attempt ended counts before its outcome. The command comes second:
    /// one that ended in time has not timed out because we were slow. The time comes third, so that endless events do
    /// not delay it.
    pub fn next(&mut self, deadline: Option<Duration>) -> Wakeup {
        loop {
            let count = self.interruption.count();
            let request = self.receive_signals();
            if count != self.interruption.count() {
                return Wakeup::Interrupted;
            }
            let reaped = match self.reap() {
                Reaped::Command(outcome) => return Wakeup::CommandEnded(outcome),
                other => other,
            };
            // For a CONT that was sent to us alone: `fg` and `bg` continue the whole group, and then the command needs
            // no second one. Whether it was continued is known only after `reap`.
            if request == Continue::Requested {
                self.continue_stopped_command();
            }
            let begun = Clock::instant();
            let news = self.streams.advance(self.now(), &|| begun.elapsed());
            let left = match deadline {
                Some(deadline) if !self.clock.is_paused() => {
                    let left = deadline.saturating_sub(self.now());
                    if left.is_zero() {
                        return Wakeup::TimerExpired;
                    }
                    Some(left)
                }
                _ => None,
            };
            if news == News::Some {
                return Wakeup::StreamsChanged;
            }
            if reaped == Reaped::Orphans {
                return Wakeup::OrphansReaped;
            }
            if self.sleep(left) == Readiness::Ready {
                return Wakeup::Writable;
            }
        }
    }

    /// Sleeps until a signal comes, the command or a stream is ready, or `left` is over. Pending messages to stderr are
    /// written meanwhile.
    fn sleep(&self, left: Option<Duration>) -> Readiness {
        let left = if self.streams.is_behind() { Some(Duration::ZERO) } else { left };
        let mut interests = Interests::default();
        if let Some(stderr) = output::flush() {
            interests.writable(stderr);
        }
        if !self.streams.is_idle() {
            self.streams.interests(&mut interests);
        }
        self.wakeup.sleep(self.writer.as_ref().map(stdio::borrow), interests, left)
    }
}
