//! A point in time on the wall clock. The store that keeps a state reads the clock; the rules get the time as an
//! argument, and bear a clock that is set back or forward.

use std::time::Duration;

/// Milliseconds since 1970 on the clock of the machine that keeps the state: this one or the server.
///
/// Processes share it, so a clock that starts at 0 on each boot would be no use. (The calls of one process share a
/// state that is not kept: their milliseconds start at any point.)
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

/// A stretch of time on the wall clock, which ends even if the clock is set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its length in milliseconds.
    pub length: u64,
}

impl Span {
    /// `length` from `from` on, in whole milliseconds; at most a week.
    pub fn new(from: Timestamp, length: Duration) -> Self {
        Self { from, length: millis(length) }
    }

    /// The time that is left at `now`, never more than the length: if the clock was set back, the time that has
    /// passed is unknown, and the span counts as just begun.
    pub fn left(self, now: Timestamp) -> Duration {
        let passed = now.0.saturating_sub(self.from.0);
        Duration::from_millis(self.length.saturating_sub(passed))
    }

    /// The same span, with its beginning at `now` if the clock was set back to before it. Otherwise the span would
    /// not get shorter until the clock has caught up.
    #[must_use]
    pub fn clamped(self, now: Timestamp) -> Self {
        Self { from: self.from.min(now), ..self }
    }
}

/// The longest span: a week. A record with a longer one was forged to keep a circuit open for ever.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whole milliseconds, at most a week.
pub fn millis(duration: Duration) -> u64 {
    duration.min(LONGEST).as_millis() as u64
}
