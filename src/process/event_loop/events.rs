//! What follows from signals, and from the ends, stops and continuations of children.

use super::{Clock, ClockAction, EventLoop};
use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use crate::platform::children::{self, Pid, WaitId};
use crate::platform::group::ProcessGroup;
use crate::platform::received::{Meaning, Received};
use crate::platform::{Change, caught, job_control};
use crate::process::command_state::StopRequest;
use crate::process::interruption::Urgency;
use std::time::Duration;

/// Children are reaped for at most this long before signals and time are looked at again: there may be more
/// short-lived orphans than we can reap.
const REAP_LIMIT: Duration = Duration::from_millis(10);

/// After this many children the time is compared with [`REAP_LIMIT`].
const REAP_BATCH: usize = 64;

/// The children that were reaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reaped {
    Nothing,
    /// The command, which has ended like this.
    Command(Outcome),
    /// Only others. There may be more.
    Orphans,
}

/// Whether a SIGCONT came since the signals were last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Continue {
    Requested,
    NotRequested,
}

impl EventLoop {
    /// Handles the signals that have come, without waiting.
    pub fn handle_signals(&mut self) {
        // No command runs when this is called, so there is none to continue.
        let _no_command = self.receive_signals();
    }

    pub(super) fn receive_signals(&mut self) -> Continue {
        let mut request = Continue::NotRequested;
        for (received, meaning) in caught::take_all() {
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
        // A stopped command handles the signal only when it is continued.
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
        let Some(pid) = self.command().filter(|_| caught::came_to_us_alone(&received)) else { return };
        for _ in 0..if caught::is_queued(received.signal) { received.times } else { 1 } {
            // It may have ended, but it is not reaped, so its pid is not reused.
            let _already_gone = ProcessGroup::for_commands().send(pid, received.signal);
        }
    }

    pub(super) fn continue_stopped_command(&self) {
        if let Some(pid) = self.command.stopped_pid() {
            let _already_gone = ProcessGroup::for_commands().resume(pid);
        }
    }

    /// Reaps what has ended by now: the command, and others for at most [`REAP_LIMIT`].
    pub(super) fn reap(&mut self) -> Reaped {
        let mut reaped = Reaped::Nothing;
        let mut begun = None;
        for number in 0_usize.. {
            // In nearly every run few children end at once, and the time is not needed.
            if number > 0
                && number.is_multiple_of(REAP_BATCH)
                && begun.get_or_insert_with(Clock::instant).elapsed() >= REAP_LIMIT
            {
                break;
            }
            // The error is ECHILD: there are no children.
            let Ok(Some((pid, change))) = children::next_change(WaitId::All) else { return reaped };
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
        // More orphans may end all the time. The command does not have to wait for them.
        let command = self.command().map(|pid| (pid, children::next_change(WaitId::Pid(pid))));
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
        let job_control = *self.job_control.get_or_init(job_control::find);
        let reaction = self.command.stopped(signal, Clock::instant(), job_control);
        self.clock.apply(reaction.clock);
        if let Some(signal) = reaction.follow {
            job_control::stop_with_the_command(signal);
        }
        // The signal that asked for the end came before the stop. As in `receive_end`.
        if self.interrupted().is_some() {
            self.continue_stopped_command();
        }
    }
}
