//! The state of the command, and what follows from signals and from changes of that state. This only decides: the event
//! loop passes the time, sends the signals and changes the clock.

use super::clock::ClockAction;
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::children::Pid;
use crate::platform::{JobControl, job_control};
use std::time::{Duration, Instant};

/// The state of the command to which signals are forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommandState {
    /// There is no command: none was started yet, or the last one was reaped.
    #[default]
    None,
    /// It runs, as far as the kernel has reported.
    Running(Command),
    /// It was stopped, and not continued yet.
    Stopped(Command),
}

/// A command that is not reaped yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    pid: Pid,
    /// The last forwarded signal that ends the run if the command dies of it.
    fatal_signal: Option<Signal>,
    /// When a stop signal came to us; `None` if none came since the command was last continued.
    stop_requested: Option<Instant>,
    lone_stops: LoneStops,
}

/// What a stop sent to the command alone (`kill -STOP`) does to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoneStops {
    /// The clock pauses: a person may continue the command.
    PauseClock,
    /// The clock runs: the command is being ended.
    Ignored,
}

/// What follows from a stop signal that we received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// It is forwarded, and we stop when the command has stopped. A command that handles TSTP uses the terminal until
    /// it stops itself.
    WaitForCommand,
    /// Nothing: the command is stopped already.
    AlreadyStopped,
    /// We stop at once, because no command runs.
    StopNow,
}

/// What follows from a stop of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReaction {
    /// What happens to the clock.
    pub clock: ClockAction,
    /// The signal with which we stop as well; `None` if the stop was sent to the command alone.
    pub follow: Option<Signal>,
}

/// A stop of the command within this time after a stop signal to us counts as requested. A command that has not stopped
/// within this time has ignored the signal.
const REQUEST_VALID_FOR: Duration = Duration::from_secs(10);

impl CommandState {
    /// A command that was just started.
    pub fn started(pid: Pid) -> Self {
        Self::Running(Command {
            pid,
            fatal_signal: None,
            stop_requested: None,
            lone_stops: LoneStops::PauseClock,
        })
    }

    /// The pid of the command.
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::None => None,
            Self::Running(command) | Self::Stopped(command) => Some(command.pid),
        }
    }

    /// The pid of the command if it is stopped.
    pub fn stopped_pid(&self) -> Option<Pid> {
        match self {
            Self::Stopped(command) => Some(command.pid),
            Self::None | Self::Running(_) => None,
        }
    }

    fn command(&mut self) -> Option<&mut Command> {
        match self {
            Self::None => None,
            Self::Running(command) | Self::Stopped(command) => Some(command),
        }
    }

    /// Notes that `signal` is forwarded, and ends the run if the command dies of it. Returns the pid of the command;
    /// `None` if there is none.
    pub fn forward_fatal(&mut self, signal: Signal) -> Option<Pid> {
        let command = self.command()?;
        command.fatal_signal = Some(signal);
        Some(command.pid)
    }

    /// Decides about a stop signal that came to us at `now`.
    pub fn request_stop(&mut self, now: Instant) -> StopRequest {
        match self {
            Self::Running(command) => {
                command.stop_requested = Some(now);
                StopRequest::WaitForCommand
            }
            Self::Stopped(_) => StopRequest::AlreadyStopped,
            Self::None => StopRequest::StopNow,
        }
    }

    /// Decides about a stop of the command by `signal`, which was reported at `now`.
    pub fn stopped(&mut self, signal: Signal, now: Instant, control: JobControl) -> StopReaction {
        let Some(&mut command) = self.command() else {
            return StopReaction { clock: ClockAction::Keep, follow: None };
        };
        *self = Self::Stopped(command);
        // A SIGSTOP without a recent stop signal to us was sent to the command alone. Its sender will continue the
        // command and not us, so we do not stop.
        let is_lone = job_control::can_be_unsolicited(signal)
            && command.stop_requested.is_none_or(|at| now.duration_since(at) > REQUEST_VALID_FOR);
        // Without a terminal there is no person to continue the command, and with a paused clock no limit would end it.
        let pauses =
            control == JobControl::Possible && (!is_lone || command.lone_stops == LoneStops::PauseClock);
        let clock = if pauses { ClockAction::Pause } else { ClockAction::Keep };
        StopReaction { clock, follow: (!is_lone).then_some(job_control::signal_to_follow(signal)) }
    }

    /// Notes that the command was continued.
    pub fn continued(&mut self) -> ClockAction {
        if let Some(&mut command) = self.command() {
            *self = Self::Running(Command { stop_requested: None, ..command });
        }
        ClockAction::Resume
    }

    /// Notes that the command has ended. Returns the signal that ends the run, if it died of a forwarded one.
    pub fn ended(&mut self, outcome: &Outcome) -> Option<Signal> {
        let fatal = self.command().and_then(|command| command.fatal_signal);
        *self = Self::None;
        fatal.filter(|signal| *outcome == Outcome::Killed(*signal))
    }

    /// Until the next command, the clock does not pause when only the command is stopped. Otherwise, the grace
    /// period of a command that stops itself while it is being ended would never be over.
    pub fn ignore_lone_stops(&mut self) -> ClockAction {
        match self.command() {
            Some(command) => {
                command.lone_stops = LoneStops::Ignored;
                if command.stop_requested.is_none() { ClockAction::Resume } else { ClockAction::Keep }
            }
            None => ClockAction::Keep,
        }
    }
}
