//! Times of day in messages and reports. Owns the only look at the wall clock here; how long something
//! took is never computed from it.

use std::time::SystemTime;

/// A time as RFC 3339 in UTC with milliseconds.
pub fn stamp(now: SystemTime) -> String {
    humantime::format_rfc3339_millis(now).to_string()
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "logs and reports say when")]
pub fn now() -> SystemTime {
    SystemTime::now()
}
