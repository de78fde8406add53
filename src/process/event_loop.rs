//! The one wait. Child, delay, grace and limit all wait here, so each of them knows signals, deadlines and
//! stopped time.
//!
//! Nothing starves it: between two looks at the signals and the time lies a bounded amount of work, whatever the
//! command, its children or a reader do.

use super::clock::Clock;
use super::group::Group;
use super::interruption::{Interruption, Patience};
use super::signals::{self, Meaning, Received};
use super::sys::children::{self, Change, Whose};
use super::sys::signals::{self as own_signals, Origin};
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::report::output;
use crate::streams::stdio::{News, Streams};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;
use std::cell::OnceCell;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Waits, and keeps the time.
#[derive(Debug)]
pub struct EventLoop {
    clock: Clock,
    command: Command,
    /// What flows meanwhile.
    streams: Streams,
    interruption: Interruption,
    /// What was passed on to the command, and ends the run if the command dies of it.
    passed_on: Option<Signal>,
    /// Wakes up when it can be written to.
    writer: Option<OwnedFd>,
    /// When a stop signal came to us since the command was last seen to go on.
    stop_asked: Option<Instant>,
    stops: Stops,
    /// A CONT came while the command was stopped.
    continue_asked: bool,
    terminal: OnceCell<JobControl>,
    wake: WakeUp,
}

/// A stop signal that the command has not followed for so long was none for it.
const STOP_ASKED: Duration = Duration::from_secs(10);

/// Children are reaped for so long between two looks at signals and time: a storm of short-lived orphans has more
/// of them than anyone can reap.
const REAPING: Duration = Duration::from_millis(10);

/// And so many between two looks at the time that this takes.
const BATCH: usize = 64;

/// Whether a stop of the command pauses the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stops {
    /// Where a person may let it go on.
    PauseTheClock,
    /// Not while it is being ended.
    Count,
}

/// Whether somebody at a terminal can stop a job and let it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobControl {
    Possible,
    Absent,
}

/// The process that signals are passed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    None,
    Running(Pid),
    Stopped(Pid),
}

/// Whether what [`EventLoop::wake_when_writable`] was told of can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Ready,
    NotReady,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakeup {
    /// The watched command is gone and reaped.
    Ended(Outcome),
    /// Some other child is gone: an orphan that was adopted.
    OrphanEnded,
    /// A signal came that asks for the end, and was passed on where it had to be.
    Interrupted,
    /// A stream has come to an end, or what was left of it is written.
    Streams,
    /// What [`EventLoop::wake_when_writable`] was told of can be written to, or has lost its reader.
    Writable,
    /// The time has come.
    Due,
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
            command: Command::None,
            streams,
            interruption: Interruption::default(),
            passed_on: None,
            writer: None,
            stop_asked: None,
            stops: Stops::PauseTheClock,
            continue_asked: false,
            terminal: OnceCell::new(),
            wake,
        })
    }

    /// Time since the start without stopped time.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// From now on, signals are passed on to this child, and its end is [`Wakeup::Ended`].
    pub fn watch(&mut self, pid: Pid) {
        self.command = Command::Running(pid);
        self.passed_on = None;
        self.stop_asked = None;
        self.stops = Stops::PauseTheClock;
    }

    /// What flows between the command and us.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// From now on, until the next command, a command that stops itself without being asked to does not
    /// pause the clock: it would never reach the end of its grace.
    pub fn count_stops(&mut self) {
        self.stops = Stops::Count;
        if self.stop_asked.is_none() {
            self.clock.resume();
        }
    }

    /// The watched command, while it lives.
    pub fn command(&self) -> Option<Pid> {
        match self.command {
            Command::None => None,
            Command::Running(pid) | Command::Stopped(pid) => Some(pid),
        }
    }

    /// The first signal that asked for the end, if one came.
    pub fn interrupted(&self) -> Option<Signal> {
        self.interruption.signal()
    }

    /// Whether whoever asks for the end waits no longer.
    pub fn is_impatient(&self) -> bool {
        self.interruption.patience() == Patience::Lost
    }

    /// Looks at signals that came meanwhile, without waiting.
    pub fn look_at_signals(&mut self) {
        for (received, meaning) in signals::take_all() {
            self.receive(received, meaning);
        }
    }

    /// Waits until something of [`Wakeup`] happens. Signals first: one that came while an attempt ended
    /// is seen before the end is judged. Then the command, so that one that made it in time has not timed out
    /// because we were slow. Then the time, so that nothing that happens without end keeps it from being seen.
    pub fn next(&mut self, due: Option<Duration>) -> Wakeup {
        loop {
            let before = self.interruption.count();
            self.look_at_signals();
            if before != self.interruption.count() {
                return Wakeup::Interrupted;
            }
            let reaped = match self.look_at_children() {
                Children::Command(outcome) => return Wakeup::Ended(outcome),
                other => other,
            };
            self.continue_command();
            let begun = Clock::instant();
            let news = self.streams.advance(self.now(), &|| begun.elapsed());
            let left = match due {
                Some(due) if !self.clock.is_paused() => {
                    let left = due.saturating_sub(self.now());
                    if left.is_zero() {
                        return Wakeup::Due;
                    }
                    Some(left)
                }
                _ => None,
            };
            if news == News::Some {
                return Wakeup::Streams;
            }
            if reaped == Children::Orphans {
                return Wakeup::OrphanEnded;
            }
            if self.sleep(left) == Writer::Ready {
                return Wakeup::Writable;
            }
        }
    }

    /// From now on, until [`Self::forget_writable`], that `fd` can be written to is [`Wakeup::Writable`].
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

    fn receive(&mut self, received: Received, meaning: Meaning) {
        match meaning {
            Meaning::End => self.end_is_asked(received),
            Meaning::Message => self.pass_on(received),
            Meaning::MessageOrEnd if self.command().is_some() => {
                self.passed_on = Some(received.signal);
                self.pass_on(received);
            }
            Meaning::MessageOrEnd => self.interruption.set(received.signal),
            Meaning::Continue => self.continue_asked = true,
            Meaning::Stop => match self.command {
                // A command that handles TSTP keeps the terminal until it has stopped itself, so we wait
                // for that instead of stopping now.
                Command::Running(_) => {
                    self.stop_asked = Some(Clock::instant());
                    self.pass_on(received);
                }
                Command::Stopped(_) => {}
                Command::None => self.stop_ourselves(received.signal),
            },
        }
    }

    fn end_is_asked(&mut self, received: Received) {
        if self.interruption.note(received) == Patience::Unlimited {
            self.pass_on(received);
        }
        // A stopped command would not see it before it goes on. Whoever asks for the end has no use for a stop.
        if let Command::Stopped(pid) = self.command {
            let _gone_meanwhile = Group::of_the_command().send(pid, Signal::SIGCONT);
        }
    }

    fn pass_on(&self, received: Received) {
        let Some(pid) = self.command().filter(|_| received.is_for_the_command()) else { return };
        // Real-time signals are queued and each one counts; of the others several are one (signal(7)).
        let is_real_time = own_signals::real_time().contains(&received.signal.0);
        for _ in 0..if is_real_time { received.times } else { 1 } {
            // It may have ended meanwhile, but it is not reaped, so its pid is not someone else's.
            let _gone_meanwhile = Group::of_the_command().send(pid, received.signal);
        }
    }

    /// Reaps what has ended by now: the command, and others for at most [`REAPING`].
    fn look_at_children(&mut self) -> Children {
        let mut found = Children::NoneEnded;
        let mut begun = None;
        for number in 0_usize.. {
            // Few children end at once in nearly every run, and then nobody asks for the time.
            if number > 0
                && number.is_multiple_of(BATCH)
                && begun.get_or_insert_with(Clock::instant).elapsed() >= REAPING
            {
                break;
            }
            // An error is ECHILD: no children, so there is nothing to notice.
            let Ok(Some((pid, change))) = children::next_change(Whose::Any) else { return found };
            if self.command() != Some(pid) {
                match change {
                    Change::Ended(_) => found = Children::Orphans,
                    Change::Traced(signal) => children::stop_tracing(pid, signal),
                    Change::Stopped(_) | Change::Continued => {}
                }
            } else if let Some(outcome) = self.notice(pid, change) {
                return Children::Command(outcome);
            }
        }
        // The queue has no end. The command must not have to wait in it.
        let command = self.command().map(|pid| (pid, children::next_change(Whose::Only(pid))));
        if let Some((pid, Ok(Some((_, change))))) = command
            && let Some(outcome) = self.notice(pid, change)
        {
            return Children::Command(outcome);
        }
        Children::Orphans
    }

    /// Notes what became of the command. Says how it ended, if it did.
    fn notice(&mut self, pid: Pid, change: Change) -> Option<Outcome> {
        match change {
            Change::Ended(outcome) => {
                self.clock.resume();
                self.command = Command::None;
                if let Some(signal) = self.passed_on
                    && outcome == Outcome::Killed(signal)
                {
                    self.interruption.set(signal);
                }
                return Some(outcome);
            }
            Change::Traced(signal) => children::stop_tracing(pid, signal),
            Change::Stopped(signal) => self.command_stopped(pid, signal),
            Change::Continued => {
                self.command = Command::Running(pid);
                self.stop_asked = None;
                self.clock.resume();
            }
        }
        None
    }

    fn command_stopped(&mut self, pid: Pid, signal: Signal) {
        self.command = Command::Stopped(pid);
        // A SIGSTOP that nobody's key announced was sent to the command alone (`kill -STOP`).
        // Whoever sent it will continue the command, not us, so only the clock stops.
        let lone = signal == Signal::SIGSTOP
            && self.stop_asked.is_none_or(|asked| Clock::instant().duration_since(asked) > STOP_ASKED);
        // Without a terminal of ours there is nobody to let it go on, and no limit would ever come.
        if self.job_control() == JobControl::Possible && (!lone || self.stops == Stops::PauseTheClock) {
            self.clock.pause();
        }
        if !lone {
            Self::stop_with_the_command(signal);
        }
        // Asked for its end before it had stopped: as in `end_is_asked`.
        if self.interrupted().is_some() {
            let _gone_meanwhile = Group::of_the_command().send(pid, Signal::SIGCONT);
        }
    }

    fn job_control(&self) -> JobControl {
        *self.terminal.get_or_init(|| match File::open("/dev/tty") {
            // ENXIO: the session has no controlling terminal. ENOENT: nor has this machine any.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT)) => {
                JobControl::Absent
            }
            _ => JobControl::Possible,
        })
    }

    /// Stops as the command did, so that the shell sees a stopped job, and lets it go on with us.
    fn stop_with_the_command(signal: Signal) {
        own_signals::take_default_action(if signal == Signal::SIGSTOP { Signal::SIGTSTP } else { signal });
        // Back again: continued, or not stopped at all because no shell could continue us (orphaned
        // process group). Stop signals that came while we were on the way down are one with this stop.
        for origin in [Origin::Process, Origin::Kernel] {
            own_signals::take(Signal::SIGTSTP, origin);
            own_signals::take(Signal::SIGTTIN, origin);
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
        self.clock.pause();
        own_signals::take_default_action(signal);
        self.clock.resume();
    }
}

/// What a look at the children found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Children {
    /// None has ended.
    NoneEnded,
    /// The command has ended, like this.
    Command(Outcome),
    /// Others have ended, and there may be more.
    Orphans,
}
