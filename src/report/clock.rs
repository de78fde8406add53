//! Times of day in messages and reports. Nothing else in this folder reads the wall clock, and no duration is computed
//! from it.

use std::time::SystemTime;

/// A time as RFC 3339 in UTC, with milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// The time on the wall clock.
#[expect(clippy::disallowed_methods, reason = "logs and reports have times of day")]
pub fn now() -> SystemTime {
    SystemTime::now()
}
