//! A circuit breaker and a retry budget that the calls of one process share.

use super::bucket::{Bucket, BudgetSettings, Payment};
use super::circuit::{
    self, BreakerSettings, Circuit, DEFAULT_LEASE, Observation, Phase, Refusal, Ticket, Trip,
};
use super::random::Random;
use super::run::{Admission, Guard};
use super::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A circuit breaker: after too many failures it refuses all attempts for a while, then admits one as a
/// probe, whose success closes the circuit again. Clones share one circuit.
///
/// An error that [`when`](crate::Retrying::when) calls permanent is no failure of the service, and a call that is
/// dropped during its attempt is neither a failure nor a success. A probe that runs for longer than a minute (or than
/// its [`timeout`](crate::Retrying::timeout), if that is longer) counts as lost, and another one is admitted.
///
/// ```
/// use retry_loop::{Breaker, BreakerState, Error, Policy, Retry as _, StopReason};
/// use std::time::Duration;
///
/// // Opens for a minute after 3 failures in a row.
/// let breaker = Breaker::new(3, Duration::from_secs(60));
/// let policy = Policy::default().base(Duration::ZERO);
/// let down = || Err::<(), _>("down");
/// assert!(down.retry(&policy).breaker(&breaker).call().is_err());
/// assert_eq!(breaker.state(), BreakerState::Open); // it was `Closed { failures: 0 }`
/// // Every call with this breaker, or with a clone of it, now ends without an attempt.
/// let refused = down.retry(&policy).breaker(&breaker.clone()).call();
/// assert!(matches!(refused, Err(Error::GaveUp { reason: StopReason::CircuitOpen { .. }, attempts: 0, .. })));
///
/// // Opens when 3 failures in a row came within a minute.
/// let forgetful = Breaker::new(3, Duration::from_secs(60)).window(Duration::from_secs(60));
/// // Opens when half of the attempts in two minutes failed, and there were at least 20.
/// let by_rate = Breaker::default().rate(0.5, 20).window(Duration::from_secs(120));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    settings: BreakerSettings,
    circuit: Arc<Mutex<Circuit>>,
}

impl Breaker {
    /// A closed circuit that opens for `open` (at most a week) after `failures` failures in a row; 0 counts as 1. Each
    /// failed probe doubles the time, up to 30 s or `open`, whichever is longer; a random part of up to a
    /// fifth is subtracted from a doubled time. `Breaker::default()` opens for 5 s after 5 failures.
    pub fn new(failures: u32, open: Duration) -> Self {
        let trip = Trip::in_a_row(at_least_one(failures));
        Self { settings: BreakerSettings { trip, open }, circuit: Arc::default() }
    }

    /// Counts only what came in this time, 10 ms to a week, to a tenth of it. Without a window, failures in a row count
    /// until there is a success.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.settings.trip = self.settings.trip.within(window);
        self
    }

    /// Opens when this part of the attempts in the window has failed, and not after failures in a row: `part` in (0, 1],
    /// to a thousandth, of `minimum` attempts or more; 0 counts as 1. The window is a minute where none was set.
    #[must_use]
    pub fn rate(mut self, part: f64, minimum: u32) -> Self {
        let rate = Trip::rate(part, at_least_one(minimum));
        self.settings.trip = match self.settings.trip {
            Trip::InARow { window: None, .. } => rate,
            Trip::InARow { window: Some(window), .. } | Trip::Rate { window, .. } => rate.within(window),
        };
        self
    }

    /// The state of the circuit, for a dashboard or a test. It may have changed by the time you look at it.
    pub fn state(&self) -> BreakerState {
        match lock(&self.circuit).phase {
            Phase::Closed { failures, .. } => BreakerState::Closed { failures },
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

/// The state of a [`Breaker`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Attempts are admitted.
    Closed {
        /// Failures in a row so far.
        failures: u32,
    },
    /// Attempts are refused, or the time is over and the next attempt will be the probe.
    Open,
    /// A probe is running; other attempts are refused.
    HalfOpen,
}

/// A retry budget: a bucket of tokens. Each retry (never a first attempt) takes a token, each success puts a part of
/// one back, so retries add little load to a service that is down. Clones share one bucket.
///
/// ```
/// use retry_loop::{Budget, Policy, Retry as _};
///
/// // At most 20 retries at once; each success pays for a tenth of a retry.
/// let budget = Budget::new(20, 0.1);
/// let answer = (|| Ok::<_, ()>(1)).retry(&Policy::default()).budget(&budget).call();
/// # assert_eq!(answer, Ok(1));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Budget {
    settings: BudgetSettings,
    bucket: Arc<Mutex<Option<Bucket>>>,
}

impl Budget {
    /// A full bucket for `burst` tokens, into which each success puts `ratio` tokens (a number of 0 or more, rounded
    /// to a thousandth; a negative one and NaN count as 0). Time puts back one token a minute.
    /// `Budget::default()` has 10 tokens and a ratio of 0.2.
    pub fn new(burst: u32, ratio: f64) -> Self {
        Self { settings: BudgetSettings::new(burst, ratio), bucket: Arc::default() }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    number.try_into().unwrap_or(NonZeroU32::MIN)
}

/// A poisoned lock is as good as any: nothing panics between two changes of the value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The breaker and the budget of one call.
#[derive(Debug, Default)]
pub(crate) struct LocalGuard {
    pub breaker: Option<Breaker>,
    pub budget: Option<Budget>,
    /// The time limit of an attempt.
    pub timeout: Option<Duration>,
    /// The time of the next operation.
    pub now: Timestamp,
    ticket: Option<Ticket>,
}

impl Guard for LocalGuard {
    fn admit(&mut self) -> Admission {
        let Some(breaker) = &self.breaker else { return Admission::Admitted };
        let lease = self.timeout.unwrap_or_default().max(DEFAULT_LEASE);
        match lock(&breaker.circuit).admit(self.now, lease) {
            circuit::Admission::Closed(ticket) | circuit::Admission::Probe(ticket) => {
                self.ticket = Some(ticket);
                Admission::Admitted
            }
            circuit::Admission::Refused(refusal) => Admission::Refused(refusal),
        }
    }

    fn refusal(&mut self) -> Option<Refusal> {
        lock(&self.breaker.as_ref()?.circuit).refusal(self.now)
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        if let (Some(breaker), Some(ticket)) = (&self.breaker, self.ticket.take()) {
            lock(&breaker.circuit).record(ticket, observation, self.now, &breaker.settings, random);
        }
    }

    fn pay(&mut self) -> Payment {
        let now = self.now;
        self.with_bucket(|bucket, settings| bucket.pay(now, settings)).unwrap_or(Payment::Paid)
    }

    fn deposit(&mut self) {
        let now = self.now;
        self.with_bucket(|bucket, settings| bucket.deposit(now, settings));
    }
}

impl LocalGuard {
    fn with_bucket<T>(&self, operation: impl FnOnce(&mut Bucket, &BudgetSettings) -> T) -> Option<T> {
        let budget = self.budget.as_ref()?;
        let mut bucket = lock(&budget.bucket);
        let bucket = bucket.get_or_insert_with(|| Bucket::fresh(self.now, &budget.settings));
        Some(operation(bucket, &budget.settings))
    }
}

/// A call that is dropped during an attempt gives its probe back, so that the next attempt may be the probe.
impl Drop for LocalGuard {
    fn drop(&mut self) {
        self.record(Observation::Neutral, &mut Random::seeded(0));
    }
}
