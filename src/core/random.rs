//! The one source of randomness. It owns the generator and touches the system only at the first
//! draw, so a command that succeeds at once never pays for it.

use rand::rngs::{SysRng, Xoshiro256PlusPlus};
use rand::{RngExt, SeedableRng, TryRng};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Draws for jitter: seeded (repeatable) or from the system.
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
pub(crate) fn scale(duration: Duration, factor: f64) -> Duration {
    let seconds = (duration.as_secs_f64() * factor).max(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A random identifier in the form of a UUID (version 4).
///
/// Every run needs one, so it is taken from std, whose hash maps are seeded with one call to the system;
/// [`SysRng`] makes a second one to see whether it may.
pub fn id() -> String {
    let state = RandomState::new();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&state.hash_one(0).to_ne_bytes());
    bytes[8..].copy_from_slice(&state.hash_one(1).to_ne_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            id.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    id
}

fn system_seed() -> u64 {
    // A kernel without getrandom(2) is older than anything that Rust's std supports; if it fails all
    // the same (a seccomp filter), the address of a local still differs between processes (ASLR) and
    // jitter only has to differ, not to be secret.
    let local = 0_u8;
    SysRng.try_next_u64().unwrap_or_else(|_| std::ptr::from_ref(&local).addr() as u64)
}
