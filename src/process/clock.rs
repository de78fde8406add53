//! The clock of a run. Nothing else asks how much time has passed (but for a store, which has its own limit), and
//! time that a person has stopped with Ctrl-Z is left out here.

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::time::{Duration, Instant};

/// Time since the start. Times are durations since the start that leave out paused time.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// Paused time, but for a pause that lasts.
    paused: Duration,
    paused_since: Option<Instant>,
}

impl Clock {
    /// Starts it.
    pub fn start() -> Self {
        Self { started: Instant::now(), paused: Duration::ZERO, paused_since: None }
    }

    /// Time since the start without paused time.
    pub fn now(&self) -> Duration {
        let now = self.paused_since.unwrap_or_else(Instant::now);
        now.duration_since(self.started).saturating_sub(self.paused)
    }

    /// Time of this machine, to measure what goes on while the clock is paused.
    pub fn instant() -> Instant {
        Instant::now()
    }

    /// Time stands still from now on.
    pub fn pause(&mut self) {
        self.paused_since.get_or_insert_with(Instant::now);
    }

    /// Time goes on.
    pub fn resume(&mut self) {
        if let Some(since) = self.paused_since.take() {
            self.paused += since.elapsed();
        }
    }

    /// Whether time stands still.
    pub fn is_paused(&self) -> bool {
        self.paused_since.is_some()
    }
}
