//! How often to attempt, and how long to wait in between.

use super::backoff::{Backoff, BackoffState, Growth, Jitter};
use super::random::Random;
use std::fmt;
use std::time::Duration;

/// How often to attempt, how long to wait in between, and when to give up.
///
/// The default is three attempts in all, with delays of 0.5 s and 2 s, each plus a random part of up to 0.3 s.
///
/// The methods that set something check nothing. [`Policy::check`] says what is wrong with a policy, and so does
/// each call that uses it, as [`Error::InvalidPolicy`](crate::Error::InvalidPolicy). Durations have no upper limit:
/// sums of them saturate.
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
///
/// A policy that several functions use:
///
/// ```
/// use retry_loop::Policy;
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::default().deadline(Duration::from_secs(10)));
/// # assert!(POLICY.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// Attempts in all, the first included. Default: 3.
    pub attempts: Attempts,
    /// Successful attempts in a row that make a success; at least 1. Default: 1.
    pub consecutive: u64,
    /// The delays after failures. Between successful attempts the delay is its `base`.
    #[doc(hidden)]
    pub backoff: Backoff,
    /// The wait before the first attempt. Default: none.
    pub initial_delay: Duration,
    /// The longest random wait before the first attempt, in addition to `initial_delay`. Default: none.
    pub stagger: Duration,
    /// An attempt that ran for this time or longer starts the backoff anew. Default: never.
    pub reset_after: Option<Duration>,
    /// Time since the start of the call after which no attempt starts; more than 0. Default: none.
    pub deadline: Option<Duration>,
    /// The longest delay that a server may ask for. Default: 2 minutes.
    pub max_retry_after: Duration,
    /// The seed of the jitter. Default: a new one from the system for each call.
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

/// The number of attempts, the first included: a limit or none. `5` converts to `AtMost(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// A limit; at least 1.
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

    /// The limit, if there is one.
    pub fn limit(self) -> Option<u64> {
        match self {
            Self::AtMost(limit) => Some(limit),
            Self::Unlimited => None,
        }
    }
}

/// What is wrong with a [`Policy`] or with an option of a call.
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
            Self::NoConsecutive => "the number of consecutive successes must be 1 or more",
            Self::Factor => "the factor must be a finite number greater than 0",
            Self::Ratio => "the jitter ratio must be between 0 and 1",
            Self::Deadline => "the deadline must be greater than 0",
            Self::Timeout => "the attempt timeout must be greater than 0",
        })
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    /// Sets the number of attempts in all, the first included: 1 or more, or [`Attempts::Unlimited`]. Default: 3.
    #[must_use]
    pub fn attempts(self, attempts: impl Into<Attempts>) -> Self {
        Self { attempts: attempts.into(), ..self }
    }

    /// Sets how many attempts in a row must succeed, 1 or more, with the base delay in between. Default: 1.
    #[must_use]
    pub fn consecutive(self, consecutive: u64) -> Self {
        Self { consecutive, ..self }
    }

    /// Sets the delay after the first failure. Default: 0.5 s. The default jitter does not shrink with it: see
    /// [`jitter`](Self::jitter).
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.backoff.base = base;
        self
    }

    /// Multiplies the delay by `factor`, which is finite and greater than 0, after each failure. Default: 4.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        self.growth(Growth::Exponential { factor })
    }

    /// Sets how the delay grows. Default: exponentially, by a factor of 4.
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.backoff.growth = growth;
        self
    }

    /// Caps the delay, before jitter. Default: 60 s, or a longer `base` (with [`Growth::List`]: the longest delay of
    /// the list).
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.backoff.max_delay = Some(max_delay);
        self
    }

    /// Sets the random part of each delay. Default: [`Jitter::Additive`], up to 0.3 s more whatever the base delay is.
    /// With a short base delay choose another one, such as [`Jitter::Full`].
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.backoff.jitter = jitter;
        self
    }

    /// Sets the wait before the first attempt. Default: none.
    #[must_use]
    pub fn initial_delay(self, initial_delay: Duration) -> Self {
        Self { initial_delay, ..self }
    }

    /// Waits a random time of at most `stagger` before the first attempt, in addition to the initial delay, so that
    /// clients which start together do not call together. Default: none.
    #[must_use]
    pub fn stagger(self, stagger: Duration) -> Self {
        Self { stagger, ..self }
    }

    /// Starts the backoff anew, as after the first failure, when an attempt ran for `reset_after` or longer: for
    /// connections that live long. Default: never.
    #[must_use]
    pub fn reset_after(self, reset_after: Duration) -> Self {
        Self { reset_after: Some(reset_after), ..self }
    }

    /// Starts no attempt later than `deadline` (more than 0) after the start of the call, and skips a delay that
    /// would end later. Default: none.
    ///
    /// The deadline does not end an attempt that is running, so a call can take longer.
    /// [`Retrying::timeout`](crate::Retrying::timeout) limits each attempt: with both, a call ends after at most
    /// `deadline` plus `timeout`.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Gives up when the server asks for a longer delay than this. Default: 2 minutes.
    #[must_use]
    pub fn max_retry_after(self, max_retry_after: Duration) -> Self {
        Self { max_retry_after, ..self }
    }

    /// Makes the jitter repeatable: the same seed gives the same delays, in every version and on every system.
    /// Default: each call takes a seed from the system.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The delays between the attempts of a call that only fails: one less than there are attempts, or without end.
    ///
    /// With a seed they are those that a call waits. They know nothing of what happens during a call: the deadline,
    /// [`reset_after`](Self::reset_after) and delays that a server asks for.
    ///
    /// ```
    /// use retry_loop::{Jitter, Policy};
    /// use std::time::Duration;
    ///
    /// let policy = Policy::default().attempts(4).factor(2.0).jitter(Jitter::None);
    /// let delays: Vec<_> = policy.delays().collect();
    /// assert_eq!(delays, [500, 1000, 2000].map(Duration::from_millis));
    /// ```
    pub fn delays(&self) -> Delays {
        let mut random = self.random();
        // A call draws the wait before its first attempt first.
        self.first_delay(&mut random);
        let left = self.attempts.limit().map(|attempts| attempts.saturating_sub(1));
        Delays { backoff: self.backoff.clone(), state: BackoffState::default(), random, left }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first value that is out of its range.
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

    pub(crate) fn random(&self) -> Random {
        self.seed.map_or_else(Random::from_system, Random::seeded)
    }

    /// The wait before the first attempt: the initial delay and a random part of the stagger.
    pub(crate) fn first_delay(&self, random: &mut Random) -> Duration {
        if self.stagger.is_zero() {
            return self.initial_delay;
        }
        self.initial_delay.saturating_add(random.between(Duration::ZERO, self.stagger))
    }
}

/// The delays of [`Policy::delays`].
#[derive(Debug, Clone)]
pub struct Delays {
    backoff: Backoff,
    state: BackoffState,
    random: Random,
    /// None if there is no end.
    left: Option<u64>,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.state.next(&self.backoff, &mut self.random))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.left.map(usize::try_from) {
            Some(Ok(left)) => (left, Some(left)),
            Some(Err(_)) | None => (usize::MAX, None),
        }
    }
}

impl std::iter::FusedIterator for Delays {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_sets_one_field() {
        let second = Duration::from_secs(1);
        let policy = Policy::default()
            .attempts(7)
            .consecutive(2)
            .base(second)
            .factor(3.0)
            .max_delay(2 * second)
            .jitter(Jitter::Full)
            .initial_delay(3 * second)
            .stagger(4 * second)
            .reset_after(5 * second)
            .deadline(6 * second)
            .max_retry_after(7 * second)
            .seed(8);
        let expected = Policy {
            attempts: Attempts::AtMost(7),
            consecutive: 2,
            backoff: Backoff {
                base: second,
                growth: Growth::Exponential { factor: 3.0 },
                max_delay: Some(2 * second),
                jitter: Jitter::Full,
            },
            initial_delay: 3 * second,
            stagger: 4 * second,
            reset_after: Some(5 * second),
            deadline: Some(6 * second),
            max_retry_after: 7 * second,
            seed: Some(8),
        };
        assert_eq!(policy, expected);
        assert_eq!(policy.growth(Growth::Linear).backoff.growth, Growth::Linear);
    }

    #[test]
    fn the_wait_before_the_first_attempt_is_the_initial_delay_and_a_part_of_the_stagger() {
        let second = Duration::from_secs(1);
        let policy = Policy::default().initial_delay(second);
        assert_eq!(policy.first_delay(&mut policy.random()), second);
        let staggered = policy.stagger(second);
        let mut random = Random::seeded(1);
        let waits: Vec<_> = (0..100).map(|_| staggered.first_delay(&mut random)).collect();
        assert!(waits.iter().all(|wait| (second..=2 * second).contains(wait)));
        assert!(waits.iter().max() > waits.iter().min());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (policy, text) in [
            (Policy::default().attempts(0), "the number of attempts must be 1 or more"),
            (Policy::default().consecutive(0), "the number of consecutive successes must be 1 or more"),
            (Policy::default().factor(-1.0), "the factor must be a finite number greater than 0"),
            (Policy::default().jitter(Jitter::Ratio(-0.1)), "the jitter ratio must be between 0 and 1"),
            (Policy::default().deadline(Duration::ZERO), "the deadline must be greater than 0"),
        ] {
            assert_eq!(policy.check().unwrap_err().to_string(), text);
        }
        let limits = [0.0, 1.0].map(|ratio| Policy::default().jitter(Jitter::Ratio(ratio)).check());
        assert_eq!(limits, [Ok(()), Ok(())]);
    }
}
