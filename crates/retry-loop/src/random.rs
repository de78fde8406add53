//! The source of random numbers. It asks the system for a seed at the first draw only, so a command that succeeds
//! at once does not pay for it.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The generator of the jitter, seeded by the caller (repeatable) or by the system.
///
/// The generator is xoshiro256++ by name, not "the library's default", so that one `--seed` gives
/// the same delays in every version of `retry`.
#[derive(Debug, Clone)]
pub struct Random(Option<Xoshiro256PlusPlus>);

impl Random {
    /// A generator that gives the same draws for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Xoshiro256PlusPlus::seed_from_u64(seed)))
    }

    /// A generator that takes its seed from the operating system at the first draw.
    pub fn from_system() -> Self {
        Self(None)
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0.get_or_insert_with(|| Xoshiro256PlusPlus::seed_from_u64(system_seed())).random()
    }

    /// A duration in [`low`, `high`]; `low` where the range is empty.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low.saturating_add(scale(high.saturating_sub(low), self.unit()))
    }
}

/// `duration * factor`, saturating; 0 for a factor that is negative or not a number.
pub fn scale(duration: Duration, factor: f64) -> Duration {
    let seconds = (duration.as_secs_f64() * factor).max(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// std seeds its hash maps from the operating system. (A target without a source of randomness, such as
/// wasm32-unknown-unknown, has a fixed seed: set [`Policy::seed`](crate::Policy::seed) there if clients must differ.)
fn system_seed() -> u64 {
    RandomState::new().hash_one(0)
}
