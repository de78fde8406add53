//! How long one stream may take before signals, time limits and the other streams have their turn.

use std::time::Duration;

/// How long one stream takes at most to advance.
pub const TIME_SLICE: Duration = Duration::from_millis(20);

/// Returns the time since some point in the past.
pub type ElapsedFn<'a> = &'a dyn Fn() -> Duration;
