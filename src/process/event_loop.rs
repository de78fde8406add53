//! The event loop of a run: the one place where `retry` waits. Attempts, delays, grace periods and limits all wait
//! here, so each of them handles signals, deadlines and stopped time.
//!
//! Nothing starves it: whatever the command, its children or a reader do, the work between two looks at signals and
//! time is bounded.

use super::clock::{Clock, ClockAction};
use super::command_state::{CommandState, StopRequest};
use super::group::Group;
use super::interruption::{Interruption, Urgency};
use super::job_control::{self, JobControl};
use super::signals::{self, Meaning, Received};
use super::sys::children::{self, Change, Whose};
use super::sys::signals as own_signals;
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
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
    wake: WakeUp,
}

/// Children are reaped for at most this long before signals and time are looked at again: there may be more
/// short-lived orphans than anyone can reap.
const REAP_LIMIT: Duration = Duration::from_millis(10);

/// After this many children the time is compared with [`REAP_LIMIT`].
const REAP_BATCH: usize = 64;

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

/// What a look at the children found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reaped {
    Nothing,
    /// The command, which ended like this.
    Command(Outcome),
    /// Others, and there may be more.
    Orphans,
}

/// Whether a SIGCONT came since the signals were last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Continue {
    Requested,
    NotRequested,
}

/// Whether the descriptor of [`EventLoop::watch_writable`] can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Ready,
    NotReady,
}

/// The descriptor by which the signal handler ends a sleep: never blocking, never the command's.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct WakeUp {
    /// eventfd(2): one descriptor, where descriptors may be short.
    counter: OwnedFd,
}

#[cfg(target_os = "linux")]
impl WakeUp {
    fn new() -> io::Result<Self> {
        use rustix::event::EventfdFlags;
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self { counter: rustix::event::eventfd(0, flags)? })
    }

    fn writer(&self) -> &OwnedFd {
        &self.counter
    }

    fn reader(&self) -> &OwnedFd {
        &self.counter
    }
}

/// A pipe. Darwin has no pipe2(2), but nothing else runs yet that could start a process in between.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct WakeUp {
    reader: OwnedFd,
    writer: OwnedFd,
}

#[cfg(not(target_os = "linux"))]
impl WakeUp {
    fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
            rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(Self { reader, writer })
    }

    fn writer(&self) -> &OwnedFd {
        &self.writer
    }

    fn reader(&self) -> &OwnedFd {
        &self.reader
    }
}

impl WakeUp {
    /// Forgets the wake-ups so far.
    fn clear(&self) {
        let mut bytes = [0_u8; 64];
        while rustix::io::read(self.reader(), &mut bytes).is_ok_and(|n| n == bytes.len()) {}
    }
}

impl EventLoop {
    /// Starts the clock and catches signals.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn new(streams: Streams) -> io::Result<Self> {
        let clock = Clock::start();
        let wake = WakeUp::new()?;
        signals::catch_all(wake.writer());
        Ok(Self {
            clock,
            interruption: Interruption::default(),
            command: CommandState::None,
            streams,
            writer: None,
            job_control: OnceCell::new(),
            wake,
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
        let wake = PollFd::new(self.wake.reader(), PollFlags::IN);
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
        self.wake.clear();
        writer
    }

    /// Handles the signals that came meanwhile, without waiting.
    pub fn handle_signals(&mut self) {
        // Called where no command runs, so there is none to continue.
        let _no_command = self.receive_signals();
    }

    fn receive_signals(&mut self) -> Continue {
        let mut request = Continue::NotRequested;
        for (received, meaning) in signals::take_all() {
            match meaning {
                Meaning::End => self.receive_end(received),
                Meaning::Message => self.forward(received),
                Meaning::MessageOrEnd => match self.command.forward_fatal(received.signal) {
                    Some(_) => self.forward(received),
                    None => self.interruption.end_with(received.signal),
                },
                Meaning::Continue => request = Continue::Requested,
                Meaning::Stop => self.receive_stop(received),
            }
        }
        request
    }

    fn receive_end(&mut self, received: Received) {
        if self.interruption.receive(received, Clock::instant()) == Urgency::Graceful {
            self.forward(received);
        }
        // A stopped command would not see it before it goes on. Whoever asks for the end does not want it stopped.
        self.continue_stopped_command();
    }

    fn receive_stop(&mut self, received: Received) {
        match self.command.request_stop(Clock::instant()) {
            StopRequest::WaitForCommand => self.forward(received),
            StopRequest::AlreadyStopped => {}
            StopRequest::StopNow => {
                self.clock.apply(ClockAction::Pause);
                job_control::stop_ourselves(received.signal);
                self.clock.apply(ClockAction::Resume);
            }
        }
    }

    fn forward(&self, received: Received) {
        let Some(pid) = self.command().filter(|_| received.is_for_the_command()) else { return };
        // Real-time signals are queued and each one counts; of the others several are one (signal(7)).
        let is_real_time = own_signals::real_time().contains(&received.signal.0);
        for _ in 0..if is_real_time { received.times } else { 1 } {
            // It may have ended meanwhile, but it is not reaped, so its pid is not someone else's.
            let _gone_meanwhile = Group::of_the_command().send(pid, received.signal);
        }
    }

    fn continue_stopped_command(&self) {
        if let Some(pid) = self.command.stopped_pid() {
            let _gone_meanwhile = Group::of_the_command().send(pid, Signal::SIGCONT);
        }
    }

    /// Reaps what has ended by now: the command, and others for at most [`REAP_LIMIT`].
    fn reap(&mut self) -> Reaped {
        let mut reaped = Reaped::Nothing;
        let mut begun = None;
        for number in 0_usize.. {
            // Few children end at once in nearly every run, and then nobody asks for the time.
            if number > 0
                && number.is_multiple_of(REAP_BATCH)
                && begun.get_or_insert_with(Clock::instant).elapsed() >= REAP_LIMIT
            {
                break;
            }
            // An error is ECHILD: no children, so there is nothing to notice.
            let Ok(Some((pid, change))) = children::next_change(Whose::Any) else { return reaped };
            if self.command() != Some(pid) {
                match change {
                    Change::Ended(_) => reaped = Reaped::Orphans,
                    Change::Traced(signal) => children::stop_tracing(pid, signal),
                    Change::Stopped(_) | Change::Continued => {}
                }
            } else if let Some(outcome) = self.command_changed(pid, change) {
                return Reaped::Command(outcome);
            }
        }
        // There may be no end of them. The command must not have to wait behind them.
        let command = self.command().map(|pid| (pid, children::next_change(Whose::Only(pid))));
        if let Some((pid, Ok(Some((_, change))))) = command
            && let Some(outcome) = self.command_changed(pid, change)
        {
            return Reaped::Command(outcome);
        }
        Reaped::Orphans
    }

    /// Takes a change of the command's state. Returns how it ended, if it did.
    fn command_changed(&mut self, pid: Pid, change: Change) -> Option<Outcome> {
        match change {
            Change::Ended(outcome) => {
                self.clock.apply(ClockAction::Resume);
                if let Some(signal) = self.command.ended(&outcome) {
                    self.interruption.end_with(signal);
                }
                return Some(outcome);
            }
            Change::Traced(signal) => children::stop_tracing(pid, signal),
            Change::Stopped(signal) => self.command_stopped(signal),
            Change::Continued => {
                let action = self.command.continued();
                self.clock.apply(action);
            }
        }
        None
    }

    fn command_stopped(&mut self, signal: Signal) {
        let job_control = *self.job_control.get_or_init(JobControl::find);
        let reaction = self.command.stopped(signal, Clock::instant(), job_control);
        self.clock.apply(reaction.clock);
        if let Some(signal) = reaction.follow {
            job_control::stop_with_the_command(signal);
        }
        // Its end was asked for before it had stopped: as in `receive_end`.
        if self.interrupted().is_some() {
            self.continue_stopped_command();
        }
    }
}
