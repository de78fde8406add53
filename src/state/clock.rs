//! The wall clock by which states are kept, read here only, and the time that a store may take for one
//! answer.

use crate::core::wall::Wall;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A store that has not answered after so long has failed, and the command runs without it.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// This machine's wall clock. A clock before 1970 reads 0.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads it for the rules")]
pub fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The rest of the time that one answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    since: Instant,
    limit: Duration,
}

impl Patience {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "the waiting for a store is bounded here")]
    pub fn begin(limit: Duration) -> Self {
        Self { since: Instant::now(), limit }
    }

    /// How much there was at the beginning.
    pub const fn limit(self) -> Duration {
        self.limit
    }

    /// What is left of it, or none.
    pub fn left(self) -> Option<Duration> {
        self.limit.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())
    }
}
