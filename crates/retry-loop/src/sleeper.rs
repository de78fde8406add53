//! How a call sleeps and reads the time. No other file reads a clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Sleeps between attempts, and knows what time it is.
///
/// Every function from a [`Duration`] to a future is one, and its clock is std's: `smol::Timer::after`,
/// `futures_timer::Delay::new`, `async_std::task::sleep`.
/// Where std has no clock (wasm32-unknown-unknown) or where time is simulated, implement [`Sleeper::now`] as well.
///
/// Without the feature `tokio` a call has no sleeper, and the compiler says that it is not a future, until
/// [`Retrying::sleep_with`](crate::Retrying::sleep_with) gives it one.
///
/// ```
/// # #[derive(Clone, Copy)] struct Clock;
/// # impl Clock { fn millis(&self) -> u64 { 7 } async fn advance(self, _: std::time::Duration) {} }
/// use retry_loop::Sleeper;
/// use std::time::Duration;
///
/// /// A clock of the browser, of a simulation, ...
/// struct ClockSleeper(Clock);
///
/// impl Sleeper for ClockSleeper {
///     type Sleep = std::pin::Pin<Box<dyn Future<Output = ()>>>;
///
///     fn sleep(&self, duration: Duration) -> Self::Sleep {
///         Box::pin(self.0.advance(duration))
///     }
///
///     fn now(&self) -> Duration {
///         Duration::from_millis(self.0.millis())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "nothing sleeps between the attempts",
    note = "turn on the feature `tokio`, or call `.sleep_with(...)` with a sleeper of your runtime"
)]
pub trait Sleeper {
    /// A future that ends when the time has passed; its output is ignored.
    type Sleep: Future;

    /// Sleeps for `duration`.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// The time since some fixed point. Calls that share a [`Breaker`](crate::Breaker) or a
    /// [`Budget`](crate::Budget) need sleepers with the same fixed point; those with std's or tokio's clock have.
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

/// Sleeps on tokio's clock, which a test can pause. It panics outside of a tokio runtime with its time driver.
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

/// Stands for the sleeper that is missing without the feature `tokio`: see
/// [`Retrying::sleep_with`](crate::Retrying::sleep_with).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSleeper;

/// Sleeps between the attempts of an operation that blocks, for
/// [`Retrying::sleep_with`](crate::Retrying::sleep_with). Without one, the thread sleeps.
///
/// Every function that takes a [`Duration`] is one, with std's clock. For a test in virtual time implement
/// [`now`](Self::now) as well.
pub trait BlockingSleeper {
    /// Returns when `duration` has passed.
    fn sleep(&self, duration: Duration);

    /// The time since some fixed point, as [`Sleeper::now`].
    fn now(&self) -> Duration {
        std_now()
    }
}

impl<F: Fn(Duration)> BlockingSleeper for F {
    fn sleep(&self, duration: Duration) {
        self(duration);
    }
}

impl BlockingSleeper for DefaultSleeper {
    #[expect(clippy::disallowed_methods, reason = "this thread is the caller's, who asks for it")]
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// The sleeper of a call without [`Retrying::sleep_with`](crate::Retrying::sleep_with).
#[cfg(feature = "tokio")]
pub type DefaultSleeper = TokioSleeper;
/// The sleeper of a call without [`Retrying::sleep_with`](crate::Retrying::sleep_with).
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
