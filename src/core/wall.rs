//! A moment on the wall clock, as a value. The store that keeps a state reads the clock; the rules take what
//! they are given and survive a clock that was set back or forward.

use std::time::Duration;

/// Milliseconds since 1970 on the clock of whoever keeps the state: this machine's or the server's.
///
/// Processes share it, so a clock that starts anew at boot would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(u64);

impl Wall {
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
    pub from: Wall,
    /// Its length in milliseconds.
    pub length: u64,
}

impl Span {
    /// `length` from `from` on, in whole milliseconds; at most 31 years.
    pub fn new(from: Wall, length: Duration) -> Self {
        Self { from, length: millis(length) }
    }

    /// What is left of it at `now`, never more than its length: after a clock that was set back, no one
    /// can tell how much has passed, and it is taken to begin now.
    pub fn left(self, now: Wall) -> Duration {
        let passed = now.0.saturating_sub(self.from.0);
        Duration::from_millis(self.length.saturating_sub(passed))
    }

    /// The same span, begun at `now` if the clock was set back behind its beginning. Without this it
    /// would not get shorter until the clock has made up what it lost.
    #[must_use]
    pub fn clamped(self, now: Wall) -> Self {
        Self { from: self.from.min(now), ..self }
    }
}

/// No span is longer: 31 years. Every store can calculate with that exactly, one whose numbers are all
/// floating-point, too.
const LONGEST: u64 = 1_000_000_000_000;

/// Whole milliseconds, at most 31 years.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(LONGEST)
}
