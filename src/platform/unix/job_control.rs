//! Job control: whether a terminal makes it possible, and stopping ourselves.

use super::signals;
use crate::core::signal::Signal;
use crate::platform::JobControl;
use crate::platform::received::Origin;
use std::fs::File;

/// Looks for the controlling terminal.
pub fn find() -> JobControl {
    match File::open("/dev/tty") {
        // ENXIO: the session has no controlling terminal. ENOENT: this machine has no terminals.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENOENT)) => JobControl::Absent,
        _ => JobControl::Possible,
    }
}

/// The signal with which this process stops as a command does that `signal` has stopped. SIGSTOP would stop us even if
/// no shell can continue us. In that case the kernel discards SIGTSTP.
pub fn signal_to_follow(signal: Signal) -> Signal {
    if can_be_unsolicited(signal) { Signal::SIGTSTP } else { signal }
}

/// Whether a process sends this to the command alone, and continues it later.
pub fn can_be_unsolicited(signal: Signal) -> bool {
    signal == Signal::SIGSTOP
}

/// Stops this process with `signal` until it is continued. Returns at once if the kernel discards the signal because no
/// shell could continue us (an orphaned process group).
pub fn stop_ourselves(signal: Signal) {
    signals::take_default_action(signal);
}

/// Stops this process after the command, so that the shell sees a stopped job and can continue both.
pub fn stop_with_the_command(signal: Signal) {
    stop_ourselves(signal);
    // Stop signals that came before we stopped are done with this stop.
    for origin in [Origin::Process, Origin::Kernel] {
        signals::take(Signal::SIGTSTP, origin);
        signals::take(Signal::SIGTTIN, origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outcome::Outcome;
    use crate::platform::children::Pid;
    use crate::process::clock::{Clock, ClockAction};
    use crate::process::command_state::{CommandState, StopReaction, StopRequest};
    use std::time::Duration;

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
        // The kernel sends TTIN to a process in the background that reads, without a signal to us.
        let reaction = running().stopped(Signal::SIGTTIN, now, JobControl::Possible);
        assert_eq!(reaction.follow, Some(Signal::SIGTTIN));
    }

    #[test]
    fn a_sigstop_without_a_request_stops_the_command_alone() {
        let now = Clock::instant();
        assert_eq!(running().stopped(Signal::SIGSTOP, now, JobControl::Possible), LONE);
        let mut late = running();
        late.request_stop(now);
        assert_eq!(late.stopped(Signal::SIGSTOP, now + Duration::from_secs(11), JobControl::Possible), LONE);
        // A request from before a continuation no longer counts.
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
