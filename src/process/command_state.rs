//! What the event loop knows of the command that it watches, and what follows from a signal or from a change of the
//! command's state. Decisions only: the event loop passes the time, sends the signals and moves the clock.

use super::clock::ClockAction;
use super::job_control::JobControl;
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use rustix::process::Pid;
use std::time::{Duration, Instant};

/// The command to which signals are forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CommandState {
    /// There is none: none was started yet, or the last one was reaped.
    #[default]
    None,
    /// It runs, as far as the kernel has told us.
    Running(Watched),
    /// It was stopped, and nobody has let it go on yet.
    Stopped(Watched),
}

/// What is remembered of a command that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    pid: Pid,
    /// The last signal forwarded to it that also ends the run, should the command die of it.
    fatal_signal: Option<Signal>,
    /// When a stop signal came to us since the command was last seen to go on.
    stop_requested: Option<Instant>,
    lone_stops: LoneStops,
}

/// What a stop does to the clock that was sent to the command alone, with `kill -STOP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoneStops {
    /// The clock pauses: a person may let the command go on.
    PauseClock,
    /// The clock goes on: the command is being ended.
    Ignored,
}

/// What a stop signal that we received leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopRequest {
    /// The command gets it, and we stop when the command has. A command that handles TSTP keeps the terminal until
    /// it has stopped itself.
    WaitForCommand,
    /// Nothing: the command is stopped already.
    AlreadyStopped,
    /// We stop at once, as no command runs.
    StopNow,
}

/// What a stop of the command leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReaction {
    /// For the clock.
    pub clock: ClockAction,
    /// The signal by which we stop as well; `None` where the stop concerned the command alone.
    pub follow: Option<Signal>,
}

/// A stop signal that the command has not followed within this time was none for it.
const STOP_FOLLOWED_WITHIN: Duration = Duration::from_secs(10);

impl CommandState {
    /// A command that was just started.
    pub fn started(pid: Pid) -> Self {
        Self::Running(Watched {
            pid,
            fatal_signal: None,
            stop_requested: None,
            lone_stops: LoneStops::PauseClock,
        })
    }

    /// Its pid, until it is reaped.
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::None => None,
            Self::Running(watched) | Self::Stopped(watched) => Some(watched.pid),
        }
    }

    /// Its pid while it is stopped.
    pub fn stopped_pid(&self) -> Option<Pid> {
        match self {
            Self::Stopped(watched) => Some(watched.pid),
            Self::None | Self::Running(_) => None,
        }
    }

    fn watched(&mut self) -> Option<&mut Watched> {
        match self {
            Self::None => None,
            Self::Running(watched) | Self::Stopped(watched) => Some(watched),
        }
    }

    /// A signal came that is the command's business, and ends the run if the command dies of it. `None` if there is
    /// no command to forward it to.
    pub fn forward_fatal(&mut self, signal: Signal) -> Option<Pid> {
        let watched = self.watched()?;
        watched.fatal_signal = Some(signal);
        Some(watched.pid)
    }

    /// A stop signal came to us at `now`.
    pub fn request_stop(&mut self, now: Instant) -> StopRequest {
        match self {
            Self::Running(watched) => {
                watched.stop_requested = Some(now);
                StopRequest::WaitForCommand
            }
            Self::Stopped(_) => StopRequest::AlreadyStopped,
            Self::None => StopRequest::StopNow,
        }
    }

    /// The command was stopped by `signal`, as we saw at `now`.
    pub fn stopped(&mut self, signal: Signal, now: Instant, job_control: JobControl) -> StopReaction {
        let Some(&mut watched) = self.watched() else {
            return StopReaction { clock: ClockAction::Keep, follow: None };
        };
        *self = Self::Stopped(watched);
        // A SIGSTOP that no stop signal of ours announced was sent to the command alone. Whoever sent it will continue
        // the command and not us, so we stay awake.
        let is_lone = signal == Signal::SIGSTOP
            && watched.stop_requested.is_none_or(|at| now.duration_since(at) > STOP_FOLLOWED_WITHIN);
        // Without a terminal nobody is there who lets the command go on, and with a paused clock no limit would end it.
        let pauses =
            job_control == JobControl::Possible && (!is_lone || watched.lone_stops == LoneStops::PauseClock);
        let clock = if pauses { ClockAction::Pause } else { ClockAction::Keep };
        // SIGSTOP would stop us even where no shell can continue us; the kernel discards SIGTSTP there.
        let catchable = if signal == Signal::SIGSTOP { Signal::SIGTSTP } else { signal };
        StopReaction { clock, follow: (!is_lone).then_some(catchable) }
    }

    /// The command goes on.
    pub fn continued(&mut self) -> ClockAction {
        if let Some(&mut watched) = self.watched() {
            *self = Self::Running(Watched { stop_requested: None, ..watched });
        }
        ClockAction::Resume
    }

    /// The command has ended. Returns the signal that ends the run with it.
    pub fn ended(&mut self, outcome: &Outcome) -> Option<Signal> {
        let fatal = self.watched().and_then(|watched| watched.fatal_signal);
        *self = Self::None;
        fatal.filter(|signal| *outcome == Outcome::Killed(*signal))
    }

    /// From now on, until the next command, a lone stop does not pause the clock: a command that stops itself while it
    /// is being ended would never reach the end of its grace period.
    pub fn ignore_lone_stops(&mut self) -> ClockAction {
        match self.watched() {
            Some(watched) => {
                watched.lone_stops = LoneStops::Ignored;
                if watched.stop_requested.is_none() { ClockAction::Resume } else { ClockAction::Keep }
            }
            None => ClockAction::Keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::clock::Clock;

    const LONE: StopReaction = StopReaction { clock: ClockAction::Pause, follow: None };

    fn running() -> CommandState {
        CommandState::started(Pid::from_raw(7).unwrap())
    }

    #[test]
    fn a_stop_that_was_requested_stops_us_too() {
        let now = Clock::instant();
        for (signal, follow) in [
            (Signal::SIGTSTP, Signal::SIGTSTP),
            (Signal::SIGSTOP, Signal::SIGTSTP),
            (Signal::SIGTTOU, Signal::SIGTTOU),
        ] {
            let mut command = running();
            assert_eq!(command.request_stop(now), StopRequest::WaitForCommand);
            let reaction = command.stopped(signal, now + Duration::from_secs(9), JobControl::Possible);
            assert_eq!(reaction, StopReaction { clock: ClockAction::Pause, follow: Some(follow) });
            assert_eq!(command.stopped_pid(), command.pid());
            assert_eq!(command.request_stop(now), StopRequest::AlreadyStopped);
        }
        // A key stops the command without us: the kernel sends TTIN to whoever reads, unannounced.
        let reaction = running().stopped(Signal::SIGTTIN, now, JobControl::Possible);
        assert_eq!(reaction.follow, Some(Signal::SIGTTIN));
    }

    #[test]
    fn a_sigstop_that_nobody_announced_concerns_the_command_alone() {
        let now = Clock::instant();
        assert_eq!(running().stopped(Signal::SIGSTOP, now, JobControl::Possible), LONE);
        let mut late = running();
        late.request_stop(now);
        assert_eq!(late.stopped(Signal::SIGSTOP, now + Duration::from_secs(11), JobControl::Possible), LONE);
        // After the command went on, an earlier announcement counts no longer.
        let mut again = running();
        again.request_stop(now);
        again.stopped(Signal::SIGTSTP, now, JobControl::Possible);
        assert_eq!(again.continued(), ClockAction::Resume);
        assert_eq!(again, running());
        assert_eq!(again.stopped(Signal::SIGSTOP, now, JobControl::Possible), LONE);
    }

    #[test]
    fn no_stop_pauses_the_clock_without_a_terminal() {
        let now = Clock::instant();
        for signal in [Signal::SIGSTOP, Signal::SIGTSTP] {
            assert_eq!(running().stopped(signal, now, JobControl::Absent).clock, ClockAction::Keep);
        }
    }

    #[test]
    fn while_it_is_ended_only_a_requested_stop_pauses_the_clock() {
        let now = Clock::instant();
        let mut command = running();
        assert_eq!(command.ignore_lone_stops(), ClockAction::Resume);
        let reaction = command.stopped(Signal::SIGSTOP, now, JobControl::Possible);
        assert_eq!(reaction, StopReaction { clock: ClockAction::Keep, follow: None });
        command.continued();
        command.request_stop(now);
        assert_eq!(command.ignore_lone_stops(), ClockAction::Keep);
        let reaction = command.stopped(Signal::SIGSTOP, now, JobControl::Possible);
        assert_eq!(reaction.clock, ClockAction::Pause);
    }

    #[test]
    fn a_forwarded_signal_ends_the_run_only_if_the_command_dies_of_it() {
        let killed = |signal| Outcome::Killed(signal);
        for (outcome, fatal) in [
            (killed(Signal::SIGALRM), Some(Signal::SIGALRM)),
            (killed(Signal::SIGKILL), None),
            (Outcome::Exited(142), None),
        ] {
            let mut command = running();
            assert_eq!(command.forward_fatal(Signal::SIGALRM), command.pid());
            assert_eq!(command.ended(&outcome), fatal);
            assert_eq!(command, CommandState::None);
        }
        assert_eq!(running().ended(&killed(Signal::SIGALRM)), None);
    }

    #[test]
    fn without_a_command_nothing_is_forwarded_or_awaited() {
        let mut none = CommandState::None;
        assert_eq!(none.forward_fatal(Signal::SIGALRM), None);
        assert_eq!(none.request_stop(Clock::instant()), StopRequest::StopNow);
        assert_eq!(none.ignore_lone_stops(), ClockAction::Keep);
        assert_eq!(none.pid(), None);
    }
}
