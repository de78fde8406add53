//! The delay that a server asks for.

use super::random::{Random, scale};
use std::time::Duration;

/// The random part is at most this share of the delay. It keeps clients that got the same answer apart.
const SHARE: f64 = 0.1;
/// The random part is never longer than this.
const SHARE_LIMIT: Duration = Duration::from_secs(5);

/// What the server asked for after a failed attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerHint {
    /// Nothing that was understood, or a time in the past.
    #[default]
    None,
    /// To wait for this time from now on.
    Wait(Duration),
    /// Not to try again soon, in these words: a daily quota or a spending limit is exhausted.
    QuotaExhausted(&'static str),
}

/// `max(own, requested) + U(0, min(10 %, 5 s))`: never shorter than what was requested.
pub fn delay(own: Duration, requested: Duration, random: &mut Random) -> Duration {
    let least = own.max(requested);
    let share = scale(least, SHARE).min(SHARE_LIMIT);
    least.saturating_add(random.between(Duration::ZERO, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requested_delay_is_never_shortened() {
        let random = &mut Random::seeded(1);
        let second = Duration::from_secs(1);
        for (own, requested, low, high) in
            [(1, 20, 20, 22), (60, 2, 60, 65), (1, 120, 120, 125), (0, 0, 0, 0)]
        {
            for _ in 0..100 {
                let delay = delay(own * second, requested * second, random);
                assert!((low * second..=high * second).contains(&delay), "{own} {requested}: {delay:?}");
            }
        }
        assert_eq!(delay(Duration::MAX, second, random), Duration::MAX);
    }
}
