//! How often to attempt, and how long to wait in between.

use super::backoff::{Backoff, Growth, Jitter};
use super::random::Random;
use std::fmt;
use std::time::Duration;

/// How often to attempt, how long to wait in between, and when to give up.
///
/// The default is three attempts in all, with delays of 0.5 s and 2 s, each plus a random part of up to 0.3 s.
/// Nothing is checked while a policy is put together; [`Policy::check`] says what is wrong with it, and so does
/// each call that uses it.
///
/// ```
/// use retry_loop::{Jitter, Policy};
/// use std::time::Duration;
///
/// let policy = Policy::default()
///     .attempts(5)
///     .base(Duration::from_millis(200))
///     .jitter(Jitter::Full)
///     .deadline(Duration::from_secs(30));
/// assert_eq!(policy.check(), Ok(()));
/// assert!(Policy::default().factor(f64::NAN).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// Attempts in all, the first included.
    pub attempts: Attempts,
    /// Successful attempts in a row that make a success; at least 1.
    pub consecutive: u64,
    /// The delays after failures. Between successful attempts it is its `base`.
    pub backoff: Backoff,
    /// A wait before the first attempt.
    pub initial_delay: Duration,
    /// A random part of this is waited before the first attempt, so that clients which start together part.
    pub stagger: Duration,
    /// An attempt that ran at least so long starts the backoff anew.
    pub reset_after: Option<Duration>,
    /// Counted from the start, more than 0: no attempt starts after this, and a delay that would pass it is not
    /// slept.
    pub deadline: Option<Duration>,
    /// The longest delay that a server may ask for. One that asks for a longer delay is not asked again.
    pub max_retry_after: Duration,
    /// Makes the jitter repeatable.
    pub seed: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempts: Attempts::AtMost(3),
            consecutive: 1,
            backoff: Backoff::default(),
            initial_delay: Duration::ZERO,
            stagger: Duration::ZERO,
            reset_after: None,
            deadline: None,
            max_retry_after: Duration::from_secs(120),
            seed: None,
        }
    }
}

/// Attempts in all, the first included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// At most so many; at least 1.
    AtMost(u64),
    /// No limit.
    Unlimited,
}

impl From<u64> for Attempts {
    fn from(limit: u64) -> Self {
        Self::AtMost(limit)
    }
}

impl Attempts {
    /// Whether attempt `number` (from 1) may be made.
    pub fn allow(self, number: u64) -> bool {
        self.limit().is_none_or(|limit| number <= limit)
    }

    /// How many there are in all; none without a limit.
    pub fn limit(self) -> Option<u64> {
        match self {
            Self::AtMost(limit) => Some(limit),
            Self::Unlimited => None,
        }
    }
}

/// What is wrong with a [`Policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// Zero attempts.
    NoAttempts,
    /// Zero successful attempts in a row.
    NoConsecutive,
    /// A factor that is zero, negative, infinite or not a number.
    Factor,
    /// A jitter ratio that is not between 0 and 1.
    Ratio,
    /// A deadline of zero.
    Deadline,
    /// A time limit of zero for an attempt.
    Timeout,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAttempts => "the number of attempts must be 1 or more",
            Self::NoConsecutive => "the number of successful attempts in a row must be 1 or more",
            Self::Factor => "the factor must be a finite number greater than 0",
            Self::Ratio => "the jitter ratio must be between 0 and 1",
            Self::Deadline => "the deadline must be greater than 0",
            Self::Timeout => "the timeout of an attempt must be greater than 0",
        })
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    /// Sets the number of attempts in all, the first included: a number of 1 or more, or
    /// [`Attempts::Unlimited`].
    #[must_use]
    pub fn attempts(self, attempts: impl Into<Attempts>) -> Self {
        Self { attempts: attempts.into(), ..self }
    }

    /// Sets how many attempts in a row must succeed, 1 or more. Between two of them lies the base delay.
    #[must_use]
    pub fn consecutive(self, consecutive: u64) -> Self {
        Self { consecutive, ..self }
    }

    /// Sets the delay after the first failure.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.backoff.base = base;
        self
    }

    /// Multiplies the delay by `factor`, which is finite and greater than 0, after each failure.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        self.growth(Growth::Exponential { factor })
    }

    /// Sets how the delay grows.
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.backoff.growth = growth;
        self
    }

    /// Caps the delay, before jitter.
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.backoff.max_delay = Some(max_delay);
        self
    }

    /// Sets the random part of each delay.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.backoff.jitter = jitter;
        self
    }

    /// Waits before the first attempt.
    #[must_use]
    pub fn initial_delay(self, initial_delay: Duration) -> Self {
        Self { initial_delay, ..self }
    }

    /// Waits a random part of `stagger` before the first attempt, so that clients which start together part.
    #[must_use]
    pub fn stagger(self, stagger: Duration) -> Self {
        Self { stagger, ..self }
    }

    /// Starts the backoff anew after an attempt that ran at least so long.
    #[must_use]
    pub fn reset_after(self, reset_after: Duration) -> Self {
        Self { reset_after: Some(reset_after), ..self }
    }

    /// Starts no attempt after so much time, which is greater than 0, and sleeps no delay that would pass it. It
    /// ends no attempt that is running.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Gives up where the server asks for a longer delay.
    #[must_use]
    pub fn max_retry_after(self, max_retry_after: Duration) -> Self {
        Self { max_retry_after, ..self }
    }

    /// Makes the jitter repeatable: the same seed gives the same delays, in every version and on every system.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Says whether the policy makes sense.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PolicyError> {
        let factor = match self.backoff.growth {
            Growth::Exponential { factor } => factor,
            _ => 1.0,
        };
        let ratio = match self.backoff.jitter {
            Jitter::Ratio(ratio) => ratio,
            _ => 0.0,
        };
        if self.attempts.limit() == Some(0) {
            Err(PolicyError::NoAttempts)
        } else if self.consecutive == 0 {
            Err(PolicyError::NoConsecutive)
        } else if !(factor.is_finite() && factor > 0.0) {
            Err(PolicyError::Factor)
        } else if !(0.0..=1.0).contains(&ratio) {
            Err(PolicyError::Ratio)
        } else if self.deadline == Some(Duration::ZERO) {
            Err(PolicyError::Deadline)
        } else {
            Ok(())
        }
    }

    /// The wait before the first attempt: the initial delay and a random part of the stagger.
    pub(crate) fn first_delay(&self, random: &mut Random) -> Duration {
        if self.stagger.is_zero() {
            return self.initial_delay;
        }
        self.initial_delay.saturating_add(random.between(Duration::ZERO, self.stagger))
    }
}
