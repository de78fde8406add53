//! The wall clock by which states are kept, read here only, and the time that a store may take.

use retry_loop::timestamp::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// All that one attempt asks of a store may take so long, waiting for locks and connecting included. After that
/// the store has failed, and the command runs without it.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// A person who wants to see or to forget what is shared waits so long for all of it: the records of a large
/// server have to be searched for.
pub const PATIENCE_OF_A_PERSON: Duration = Duration::from_secs(3);

/// This machine's wall clock. A clock before 1970 reads 0.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads it for the rules")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The rest of the time that something may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    since: Instant,
    /// Before that.
    spent: Duration,
    limit: Duration,
}

impl Patience {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "the waiting for a store is bounded here")]
    pub fn begin(limit: Duration) -> Self {
        Self { since: Instant::now(), spent: Duration::ZERO, limit }
    }

    /// What is left of `limit` after `spent` of it, beginning now.
    pub fn rest(limit: Duration, spent: Duration) -> Self {
        Self { spent, ..Self::begin(limit) }
    }

    /// How much there was at the beginning.
    pub const fn limit(self) -> Duration {
        self.limit
    }

    /// How much of it is used up.
    pub fn spent(self) -> Duration {
        self.spent + self.since.elapsed()
    }

    /// What is left of it, or none.
    pub fn left(self) -> Option<Duration> {
        self.limit.checked_sub(self.spent()).filter(|left| !left.is_zero())
    }
}
