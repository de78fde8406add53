//! What a call returns when it gives up, and what it tells about each failure.

use super::circuit::RefusalCause;
use super::policy::PolicyError;
use super::run::StopReason;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// How an attempt failed. Its text is that of the error, or `timed out after 5s`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttemptError<E> {
    /// The error that it returned.
    Failed(E),
    /// It was dropped after this time: [`Retrying::timeout`](crate::Retrying::timeout).
    TimedOut(Duration),
}

impl<E> AttemptError<E> {
    /// The error that the attempt returned; none if it timed out.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for AttemptError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(timeout) => write!(f, "timed out after {}", rounded(*timeout)),
        }
    }
}

impl<E: StdError> StdError for AttemptError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::TimedOut(_) => None,
        }
    }
}

/// A call that did not succeed.
///
/// Its text has the last error, and why no further attempt was made if attempts were left: `connection refused (gave
/// up after 3 attempts)`. Its [`source`](StdError::source) is the source of the last error.
///
/// It is a [`std::error::Error`] if `E` is one, so `?` converts it to `anyhow::Error` or `Box<dyn Error>`. If the
/// operation itself returns one of those, or a `String`, use [`into_cause`](Self::into_cause).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error<E> {
    /// No further attempt was made.
    #[non_exhaustive]
    GaveUp {
        /// Why no further attempt was made.
        reason: StopReason,
        /// Attempts that were made; 0 if the circuit breaker or the deadline allowed none.
        attempts: u64,
        /// Time since the start of the call.
        elapsed: Duration,
        /// How the last attempt failed. None if no attempt was made, or if the last one succeeded, but more of them
        /// were wanted in a row.
        last: Option<AttemptError<E>>,
    },
    /// The policy is invalid. No attempt was made.
    InvalidPolicy(PolicyError),
}

impl<E> Error<E> {
    /// The error that the last attempt returned. None if it timed out, or if there was no failed attempt.
    pub fn last(&self) -> Option<&E> {
        match self {
            Self::GaveUp { last, .. } => last.as_ref()?.error(),
            Self::InvalidPolicy(_) => None,
        }
    }

    /// The error that the last attempt returned. None if it timed out, or if there was no failed attempt.
    pub fn into_last(self) -> Option<E> {
        match self {
            Self::GaveUp { last: Some(AttemptError::Failed(error)), .. } => Some(error),
            Self::GaveUp { .. } | Self::InvalidPolicy(_) => None,
        }
    }

    /// The error that the last attempt returned, or else [`NoLastError`] as an error of the same type: for functions
    /// that return `E` themselves, with `.map_err(Error::into_cause)`.
    ///
    /// `std::io::Error`, `String`, `Box<dyn Error + Send + Sync>` and `anyhow::Error` can be made from `NoLastError`.
    /// An enum of your own needs a variant with a `From`, in `thiserror`'s words `#[from] NoLastError`.
    ///
    /// ```
    /// use retry_loop::{Error, Policy, Retry as _};
    ///
    /// fn read() -> std::io::Result<String> {
    ///     let text = (|| std::fs::read_to_string("Cargo.toml")).retry(&Policy::default()).call();
    ///     text.map_err(Error::into_cause)
    /// }
    /// # assert!(read().is_ok());
    /// ```
    pub fn into_cause(self) -> E
    where
        E: From<NoLastError>,
    {
        match self {
            Self::GaveUp { last: Some(AttemptError::Failed(error)), .. } => error,
            Self::GaveUp { last: Some(AttemptError::TimedOut(timeout)), .. } => {
                NoLastError(Cause::TimedOut(timeout)).into()
            }
            Self::GaveUp { reason, last: None, .. } => NoLastError(Cause::Stopped(reason)).into(),
            Self::InvalidPolicy(error) => NoLastError(Cause::Policy(error)).into(),
        }
    }
}

/// The error of the last attempt, for the code of the attribute macro. There always is one: the macro checks its policy
/// when it is compiled, waits for nothing before the first attempt and sets no timeout, breaker or budget.
pub fn last_error<E>(error: Error<E>) -> E {
    match error.into_last() {
        Some(error) => error,
        None => unreachable!("a first attempt is always made, and it returns an error"),
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GaveUp { reason, attempts, last: Some(last), .. } => {
                let plural = if *attempts == 1 { "" } else { "s" };
                write!(f, "{last} (gave up after {attempts} attempt{plural}")?;
                match reason {
                    StopReason::AttemptsExhausted => f.write_str(")"),
                    reason => write!(f, ": {reason})"),
                }
            }
            Self::GaveUp { reason, last: None, .. } => reason.fmt(f),
            Self::InvalidPolicy(error) => write!(f, "invalid retry policy: {error}"),
        }
    }
}

impl<E: StdError> StdError for Error<E> {
    /// The source of the last attempt's error: the error itself is part of the text.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::GaveUp { last, .. } => last.as_ref()?.source(),
            Self::InvalidPolicy(_) => None,
        }
    }
}

/// Why a call that did not succeed has no error of an attempt: it timed out, was not made, or the policy is invalid.
/// See [`Error::into_cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoLastError(Cause);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    TimedOut(Duration),
    Stopped(StopReason),
    Policy(PolicyError),
}

impl fmt::Display for NoLastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::TimedOut(timeout) => write!(f, "timed out after {}", rounded(timeout)),
            Cause::Stopped(reason) => reason.fmt(f),
            Cause::Policy(error) => write!(f, "invalid retry policy: {error}"),
        }
    }
}

impl StdError for NoLastError {}

impl From<NoLastError> for std::io::Error {
    fn from(no_last_error: NoLastError) -> Self {
        let kind = match no_last_error.0 {
            Cause::TimedOut(_) | Cause::Stopped(StopReason::Deadline { .. }) => std::io::ErrorKind::TimedOut,
            Cause::Policy(_) => std::io::ErrorKind::InvalidInput,
            Cause::Stopped(_) => std::io::ErrorKind::Other,
        };
        Self::new(kind, no_last_error)
    }
}

impl From<NoLastError> for String {
    fn from(no_last_error: NoLastError) -> Self {
        no_last_error.to_string()
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent => f.write_str("permanent error"),
            Self::AttemptsExhausted => f.write_str("no attempts left"),
            Self::Deadline { delay: Duration::ZERO } => f.write_str("the deadline has passed"),
            Self::Deadline { delay } => {
                write!(f, "the delay of {} would exceed the deadline", rounded(*delay))
            }
            Self::CircuitOpen { wait, cause: RefusalCause::Open } => {
                write!(f, "the circuit is open for another {}", rounded(*wait))
            }
            Self::CircuitOpen { cause: RefusalCause::ProbeRunning, .. } => {
                f.write_str("the circuit is open while another attempt probes it")
            }
            Self::BudgetEmpty => f.write_str("the retry budget is empty"),
            Self::RetryAfterTooLong(delay) => {
                write!(f, "the server asked for a delay of {}, more than the maximum", rounded(*delay))
            }
            Self::QuotaExhausted(words) => write!(f, "quota exhausted ({words})"),
        }
    }
}

/// An attempt that has failed, for [`Retrying::notify`](crate::Retrying::notify).
///
/// Its text is a line for a log, `attempt 1 failed after 12ms: connection refused. Retrying in 513ms`, or at the end
/// `attempt 3 failed after 8ms: connection refused. Giving up after 2.713s: no attempts left`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure<'a, E> {
    /// The number of the attempt, from 1.
    pub attempt: u64,
    /// How it failed.
    pub error: &'a AttemptError<E>,
    /// The time that the attempt took.
    pub took: Duration,
    /// Time since the start of the call.
    pub elapsed: Duration,
    /// The delay before the next attempt, or why none follows.
    pub next: Result<Duration, StopReason>,
}

impl<E: fmt::Display> fmt::Display for Failure<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} failed after {}: {}. ", self.attempt, rounded(self.took), self.error)?;
        match self.next {
            Ok(delay) => write!(f, "Retrying in {}", rounded(delay)),
            Err(reason) => write!(f, "Giving up after {}: {reason}", rounded(self.elapsed)),
        }
    }
}

/// To a millisecond, for people: `0ms`, `12ms`, `2.513s`.
fn rounded(duration: Duration) -> String {
    let millis = duration.as_nanos().saturating_add(500_000) / 1_000_000;
    match u64::try_from(millis) {
        Ok(0) => "0ms".to_owned(),
        millis => format!("{:?}", millis.map_or(duration, Duration::from_millis)),
    }
}
