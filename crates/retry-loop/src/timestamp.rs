//! A moment on the wall clock, as a value. The store that keeps a state reads the clock; the rules take what
//! they are given and survive a clock that was set back or forward.

use std::time::Duration;

/// Milliseconds since 1970 on the clock of whoever keeps the state: this machine's or the server's.
///
/// Processes share it, so a clock that starts anew at boot would not do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// `millis` milliseconds after 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

/// A stretch of wall-clock time that ends, whatever is done to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub from: Timestamp,
    /// Its length in milliseconds.
    pub length: u64,
}

impl Span {
    /// `length` from `from` on, in whole milliseconds; at most a week.
    pub fn new(from: Timestamp, length: Duration) -> Self {
        Self { from, length: millis(length) }
    }

    /// What is left of it at `now`, never more than its length: after a clock that was set back, no one
    /// can tell how much has passed, and it is taken to begin now.
    pub fn left(self, now: Timestamp) -> Duration {
        let passed = now.0.saturating_sub(self.from.0);
        Duration::from_millis(self.length.saturating_sub(passed))
    }

    /// The same span, begun at `now` if the clock was set back behind its beginning. Without this it
    /// would not get shorter until the clock has made up what it lost.
    #[must_use]
    pub fn clamped(self, now: Timestamp) -> Self {
        Self { from: self.from.min(now), ..self }
    }
}

/// No span is longer: a week. A record that says otherwise was made to keep a circuit open for ever.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whole milliseconds, at most a week.
pub fn millis(duration: Duration) -> u64 {
    duration.min(LONGEST).as_millis() as u64
}
