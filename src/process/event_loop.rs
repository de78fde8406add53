//! The event loop of a run: the one place where `retry` waits. Attempts, delays, grace periods and limits all wait
//! here, so each of them handles signals, deadlines and stopped time.
//!
//! Nothing starves it: whatever the command, its children or a reader do, the work between two looks at signals and
//! time is bounded.

mod events;

use self::events::{Continue, Reaped};
use super::clock::{Clock, ClockAction};
use super::command_state::CommandState;
use super::interruption::{Interruption, Urgency};
use super::job_control::JobControl;
use super::signals;
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::wakeup;
use crate::report::output;
use crate::streams::stdio::{News, Streams};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;
use std::cell::OnceCell;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// Waits, and keeps the time.
#[derive(Debug)]
pub struct EventLoop {
    clock: Clock,
    interruption: Interruption,
    command: CommandState,
    /// What flows while it waits.
    streams: Streams,
    /// Descriptor whose readiness for writing ends a wait.
    writer: Option<OwnedFd>,
    /// Looked up at the first stop of the command.
    job_control: OnceCell<JobControl>,
    wakeup: wakeup::Wakeup,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakeup {
    /// The command has ended and is reaped.
    CommandEnded(Outcome),
    /// Other children have ended: orphans that were adopted.
    OrphansReaped,
    /// A signal came that asks for the end, and was forwarded where it had to be.
    Interrupted,
    /// A stream has come to its end, or what was left of it is written.
    StreamsChanged,
    /// The descriptor of [`EventLoop::watch_writable`] can be written to, or has lost its reader.
    Writable,
    /// The deadline of this wait has come.
    TimerExpired,
}

/// Whether the descriptor of [`EventLoop::watch_writable`] can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Ready,
    NotReady,
}

impl EventLoop {
    /// Starts the clock and catches signals.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new(streams: Streams) -> io::Result<Self> {
        let clock = Clock::start();
        let wakeup = wakeup::Wakeup::new()?;
        signals::catch_all(wakeup.writer());
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

    /// Time since the start without stopped time.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// From now on, signals are forwarded to this child, and its end is [`Wakeup::CommandEnded`].
    pub fn watch(&mut self, pid: Pid) {
        self.command = CommandState::started(pid);
    }

    /// The pid of the command, until it is reaped.
    pub fn command(&self) -> Option<Pid> {
        self.command.pid()
    }

    /// What flows between the command and us.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// From now on, until the next command, the clock does not pause for a stop that was sent to the command alone.
    pub fn ignore_lone_stops(&mut self) {
        let action = self.command.ignore_lone_stops();
        self.clock.apply(action);
    }

    /// The first signal that asked for the end, if one came.
    pub fn interrupted(&self) -> Option<Signal> {
        self.interruption.signal()
    }

    /// Whether whoever asked for the end wants the command killed by now.
    pub fn is_kill_requested(&self) -> bool {
        self.interruption.urgency() == Urgency::Immediate
    }

    /// From now on, until [`Self::unwatch_writable`], a wait ends with [`Wakeup::Writable`] when `fd` can be written to.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn watch_writable(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.writer = Some(fd.try_clone_to_owned()?);
        Ok(())
    }

    /// Ends [`Self::watch_writable`].
    pub fn unwatch_writable(&mut self) {
        self.writer = None;
    }

    /// Waits until something of [`Wakeup`] happens, `deadline` included.
    ///
    /// Signals come first: one that came while an attempt ended is seen before the end is judged. The command comes
    /// second: one that made it in time has not timed out because we were slow. The time comes third, so that nothing
    /// that happens without end hides it.
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
            // `fg` and `bg` continue the whole group; this is for a CONT that was sent to us alone. Only now that the
            // children were looked at is it known whether the command goes on already and needs no second one.
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
            if self.sleep(left) == Writer::Ready {
                return Wakeup::Writable;
            }
        }
    }

    /// Sleeps in the kernel until a signal comes or something flows, for at most `left`. What is left for stderr
    /// flows as well.
    ///
    /// This is poll(2) and not a runtime's timer: it is exact to the timer slack of 50 us where tokio's wheel is a
    /// millisecond late, and it wakes up once where the wheel wakes up at each of its levels.
    fn sleep(&self, left: Option<Duration>) -> Writer {
        let left = if self.streams.is_behind() { Some(Duration::ZERO) } else { left };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let wake = PollFd::new(self.wakeup.reader(), PollFlags::IN);
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
        self.wakeup.clear();
        writer
    }
}
