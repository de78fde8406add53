//! The wall clock of shared state. Only this file reads it.

use retry_loop::timestamp::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time on this machine's wall clock. A clock before 1970 reads 0.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads it for the rules")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
