//! How a call sleeps and reads the time. No other file reads a clock.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Sleeps between attempts, and provides the clock of the call.
///
/// Every function from a [`Duration`] to a future is one, and its clock is std's: `smol::Timer::after`,
/// `futures_timer::Delay::new`, `async_std::task::sleep`. If the function returns before the time has passed, the
/// clock shows less than was slept, and deadlines and breakers are wrong: use [`VirtualSleeper`] in tests.
/// Where std has no clock (wasm32-unknown-unknown), implement [`Sleeper::now`] as well.
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
    /// [`Budget`](crate::Budget) need sleepers whose clocks agree.
    ///
    /// std's clock (closures, and blocking calls without a sleeper) and tokio's agree as long as tokio's is not
    /// paused. A paused clock stands still or jumps, and std's goes on. So in a test with a paused clock do not share
    /// a breaker between async and blocking calls, or give both a clone of one [`VirtualSleeper`].
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

/// Sleeps on tokio's clock. It panics outside of a tokio runtime with its time driver.
///
/// A test can pause this clock, with tokio's feature `test-util`: `#[tokio::test(start_paused = true)]`. While every
/// task waits, a paused clock jumps to the next timer, and `tokio::time::advance` moves it by hand.
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
/// Every function that takes a [`Duration`] is one, with std's clock. A function that does not really sleep leaves that
/// clock where it was, and deadlines and breakers are wrong: use [`VirtualSleeper`] in tests.
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

/// Sleeps in no time, for tests without tokio's paused clock. Its clock shows the time that was slept. Clones share
/// one clock, and it serves async and blocking calls.
///
/// ```
/// use retry_loop::{Breaker, Jitter, Policy, Retry as _, VirtualSleeper};
/// use std::time::Duration;
///
/// let clock = VirtualSleeper::new();
/// let policy = Policy::default().jitter(Jitter::None).deadline(Duration::from_secs(9));
/// let slow = || {
///     // An attempt that takes 3 s.
///     clock.advance(Duration::from_secs(3));
///     Err::<(), _>("down")
/// };
/// let breaker = Breaker::new(2, Duration::from_secs(60));
/// let result = slow.retry(&policy).breaker(&breaker).sleep_with(clock.clone()).call();
/// // Two attempts, and 0.5 s in between.
/// assert_eq!(clock.elapsed(), Duration::from_millis(6500));
/// # assert!(matches!(result, Err(retry_loop::Error::GaveUp { reason: retry_loop::StopReason::CircuitOpen { .. }, .. })));
///
/// // The breaker admits a probe after a minute.
/// clock.advance(Duration::from_secs(60));
/// let probe = || Ok::<_, &str>("up");
/// assert_eq!(probe.retry(&policy).breaker(&breaker).sleep_with(clock.clone()).call(), Ok("up"));
/// ```
///
/// It is made for calls that run one after another: the sleeps of calls that run at the same time are added up. With a
/// [`timeout`](crate::Retrying::timeout), an async attempt that waits for anything but this clock times out at once, and
/// one that sleeps on this clock never does. Tokio's paused clock has neither limit.
#[derive(Debug, Clone, Default)]
pub struct VirtualSleeper {
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualSleeper {
    /// A clock that shows zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time that its clock shows: what was slept, and what [`advance`](Self::advance) added.
    pub fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock on, as an attempt that takes time or a pause between two calls would.
    pub fn advance(&self, duration: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = elapsed.saturating_add(duration);
    }
}

impl BlockingSleeper for VirtualSleeper {
    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

impl Sleeper for VirtualSleeper {
    type Sleep = VirtualSleep;

    fn sleep(&self, duration: Duration) -> VirtualSleep {
        VirtualSleep { end: self.elapsed().saturating_add(duration), sleeper: self.clone() }
    }

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

/// The future of a [`VirtualSleeper`]. It moves the clock when it is polled, not before: the limit of an attempt that
/// ends in time takes no time.
#[derive(Debug)]
#[must_use = "futures do nothing before they are awaited"]
pub struct VirtualSleep {
    sleeper: VirtualSleeper,
    end: Duration,
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        let mut elapsed = self.sleeper.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed = self.end.max(*elapsed);
        Poll::Ready(())
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
