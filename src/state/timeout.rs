//! How long a store may take.

use std::time::{Duration, Instant};

/// For all operations of one attempt together, with the waiting for locks and the connecting. After that the store
/// has failed, and the run goes on without it.
pub const TIMEOUT_PER_ATTEMPT: Duration = Duration::from_millis(200);

/// For all of `--show-state` and of `--reset-state`, where a person waits: finding the records of a large server takes
/// longer.
pub const INTERACTIVE_LIMIT: Duration = Duration::from_secs(3);

/// A time limit for one or more operations, and how much of it is used.
#[derive(Debug, Clone, Copy)]
pub struct StoreTimeout {
    started: Instant,
    /// Time that earlier operations have used.
    used_before: Duration,
    limit: Duration,
}

impl StoreTimeout {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the waiting for a store is bounded here")]
    pub fn start(limit: Duration) -> Self {
        Self { started: Instant::now(), used_before: Duration::ZERO, limit }
    }

    /// Starts now, with `used` of the limit already used by earlier operations.
    pub fn resume(limit: Duration, used: Duration) -> Self {
        Self { used_before: used, ..Self::start(limit) }
    }

    /// The whole limit.
    pub const fn limit(self) -> Duration {
        self.limit
    }

    /// The time used so far, by earlier operations too.
    pub fn used(self) -> Duration {
        self.used_before + self.started.elapsed()
    }

    /// The time that is left; `None` when the limit is reached.
    pub fn left(self) -> Option<Duration> {
        self.limit.checked_sub(self.used()).filter(|left| !left.is_zero())
    }
}
