//! The clock of a run. Nothing else asks how much time has passed (a store has a limit and a clock of its own). It
//! leaves out the time during which a person has stopped the run with Ctrl-Z.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::{Duration, Instant};

/// Time since the start, without the time during which the clock was paused.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// The pauses that are over.
    paused: Duration,
    paused_since: Option<Instant>,
}

/// What an event does to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockAction {
    /// It pauses.
    Pause,
    /// It goes on.
    Resume,
    /// It stays as it is.
    Keep,
}

impl Clock {
    /// Starts it.
    pub fn start() -> Self {
        Self::started_at(Instant::now())
    }

    fn started_at(started: Instant) -> Self {
        Self { started, paused: Duration::ZERO, paused_since: None }
    }

    /// Time since the start without pauses.
    pub fn now(&self) -> Duration {
        // A paused clock shows the time at which it was paused, so the system need not be asked.
        self.at(self.paused_since.unwrap_or_else(Instant::now))
    }

    fn at(&self, instant: Instant) -> Duration {
        let now = self.paused_since.unwrap_or(instant);
        now.duration_since(self.started).saturating_sub(self.paused)
    }

    /// The time of this machine, to measure what goes on while the clock is paused.
    pub fn instant() -> Instant {
        Instant::now()
    }

    /// Pauses the clock, lets it go on, or neither.
    pub fn apply(&mut self, action: ClockAction) {
        if action != ClockAction::Keep {
            self.apply_at(action, Instant::now());
        }
    }

    fn apply_at(&mut self, action: ClockAction, now: Instant) {
        match action {
            ClockAction::Pause => {
                self.paused_since.get_or_insert(now);
            }
            ClockAction::Resume => {
                if let Some(since) = self.paused_since.take() {
                    self.paused += now.duration_since(since);
                }
            }
            ClockAction::Keep => {}
        }
    }

    /// Whether time stands still.
    pub fn is_paused(&self) -> bool {
        self.paused_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_left_out_and_do_not_nest() {
        let start = Instant::now();
        let second = |count| start + Duration::from_secs(count);
        let mut clock = Clock::started_at(start);
        for (at, action) in [(2, ClockAction::Pause), (3, ClockAction::Pause), (5, ClockAction::Keep)] {
            clock.apply_at(action, second(at));
        }
        assert!(clock.is_paused());
        assert_eq!(clock.at(second(6)), Duration::from_secs(2));
        for at in [7, 9] {
            clock.apply_at(ClockAction::Resume, second(at));
        }
        assert!(!clock.is_paused());
        assert_eq!(clock.at(second(10)), Duration::from_secs(5));
    }
}
