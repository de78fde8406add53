//! A circuit breaker and a retry budget that the calls of one process share.

use super::bucket::{Bucket, BudgetSettings, Payment};
use super::circuit::{self, BreakerSettings, Circuit, DEFAULT_LEASE, Observation, Phase, Ticket};
use super::random::Random;
use super::run::{Admission, Guard};
use super::timestamp::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A circuit breaker: after some failures in a row nobody attempts for a while, then one does. Its clones share one
/// circuit.
///
/// Only failures that another attempt may cure count. A call that is dropped during its attempt says nothing.
///
/// ```
/// use retry_loop::Breaker;
/// use std::time::Duration;
///
/// // Opens for a minute after 3 failures in a row.
/// let breaker = Breaker::new(3, Duration::from_secs(60));
/// let same = breaker.clone();
/// ```
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    settings: BreakerSettings,
    circuit: Arc<Mutex<Circuit>>,
}

impl Breaker {
    /// A closed one that opens for `open` (at most a week) after `failures` failures in a row; 0 counts as 1. The
    /// default is 30 s after 5 failures. Each probe that fails doubles the time, up to ten minutes.
    pub fn new(failures: u32, open: Duration) -> Self {
        let failures = failures.try_into().unwrap_or(std::num::NonZeroU32::MIN);
        Self { settings: BreakerSettings { failures, open }, circuit: Arc::default() }
    }

    /// Where the circuit is.
    pub fn phase(&self) -> Phase {
        lock(&self.circuit).phase
    }
}

/// A retry budget: a bucket of tokens that retries (never first attempts) pay with, so that they add little load to
/// a service that is down. Its clones share one bucket.
///
/// ```
/// use retry_loop::Budget;
///
/// // At most 20 retries at once; each success pays for a tenth of a retry.
/// let budget = Budget::new(20, 0.1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Budget {
    settings: BudgetSettings,
    bucket: Arc<Mutex<Option<Bucket>>>,
}

impl Budget {
    /// A full bucket for `burst` tokens, into which each success puts `ratio` of a token. The default is 10 and 0.2.
    /// Time gives back one token in 10 s.
    pub fn new(burst: u32, ratio: f64) -> Self {
        Self { settings: BudgetSettings::new(burst, ratio), bucket: Arc::default() }
    }
}

/// Whatever a panic has left there is valid: nothing panics between two changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What guards the attempts of one call.
#[derive(Debug, Default)]
pub(crate) struct LocalGuard {
    pub breaker: Option<Breaker>,
    pub budget: Option<Budget>,
    /// How long an attempt may take, if anything limits it.
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
            circuit::Admission::Refused { wait } => Admission::Refused { wait },
        }
    }

    fn refusal(&mut self) -> Option<Duration> {
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

/// A call that is dropped during an attempt gives its probe back, so that the next one who asks may probe.
impl Drop for LocalGuard {
    fn drop(&mut self) {
        self.record(Observation::Neutral, &mut Random::seeded(0));
    }
}
