//! What sleeps between attempts, and whose clock it is. The only place that looks at a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Sleeps between attempts, and knows what time it is.
///
/// Every function from a [`Duration`] to a future is one, and its clock is std's: `smol::Timer::after`,
/// `futures_timer::Delay::new`, `async_std::task::sleep`.
/// Where std has no clock (wasm32-unknown-unknown) or where time is simulated, implement [`Sleeper::now`] as well.
#[diagnostic::on_unimplemented(
    message = "nothing sleeps between the attempts",
    note = "turn on the feature `tokio`, or call `.sleep_with(...)` with a sleeper of your runtime"
)]
pub trait Sleeper {
    /// A future that ends when the time has passed; its output is ignored.
    type Sleep: Future;

    /// Sleeps for `duration`.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// The time since some fixed point, which is the same for all sleepers of a process.
    fn now(&self) -> Duration {
        std_now()
    }
}

impl<F, S> Sleeper for F
where
    F: Fn(Duration) -> S,
    S: Future,
{
    type Sleep = S;

    fn sleep(&self, duration: Duration) -> S {
        self(duration)
    }
}

/// Sleeps on tokio's clock, which a test can pause. Needs a runtime with time enabled.
#[cfg(feature = "tokio")]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleeper;

#[cfg(feature = "tokio")]
impl Sleeper for TokioSleeper {
    type Sleep = tokio::time::Sleep;

    #[expect(clippy::disallowed_methods, reason = "a function has no child and no signals to wait for")]
    fn sleep(&self, duration: Duration) -> tokio::time::Sleep {
        tokio::time::sleep(duration)
    }

    fn now(&self) -> Duration {
        since_first(tokio::time::Instant::now().into_std())
    }
}

/// There is no sleeper yet: see [`Retrying::sleep_with`](crate::Retrying::sleep_with).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSleeper;

/// The sleeper where none is named.
#[cfg(feature = "tokio")]
pub type DefaultSleeper = TokioSleeper;
/// The sleeper where none is named.
#[cfg(not(feature = "tokio"))]
pub type DefaultSleeper = NoSleeper;

/// The time since the first look at a clock.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that looks at a clock")]
pub fn std_now() -> Duration {
    since_first(Instant::now())
}

fn since_first(now: Instant) -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    now.saturating_duration_since(*FIRST.get_or_init(|| now))
}
