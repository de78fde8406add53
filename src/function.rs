//! The same loop for a Rust function: [`retry()`].

use crate::core::attempt::{Attempt, Done, Remarks, Waited};
use crate::core::outcome::Ending;
use crate::core::policy::{Policy, Verdict, Why};
use crate::core::random::Random;
use std::time::Duration;
use tokio::time::Instant;

/// Calls `function` until it returns `Ok`, with the policy's delays between the calls.
///
/// `function` gets the attempt's number, from 1. The default policy is three attempts in all, with
/// delays of 0.5 s and 2 s, each plus a random part of up to 0.3 s.
///
/// Every `Err` is worth another attempt while there are attempts and time left. An error that is final
/// travels inside `Ok`, as in the second example. The policy's `rules` and `max_retry_after` are about
/// commands and do nothing here. The deadline ends no attempt that is running; tokio's `timeout` around
/// the whole call does.
///
/// Needs a tokio runtime with time enabled; of any flavour, since the future is `Send` where `function`
/// and what it returns are. With tokio's paused clock no time passes. Dropping the future is safe: nothing
/// goes on behind it.
///
/// # Errors
/// The error of the last attempt. (Where `consecutive` wants several good attempts in a row and the last one
/// was good, there is none to return: it is `Ok`, although there were too few.)
///
/// # Panics
/// When the deadline has passed before the first attempt (a deadline that is not longer than the
/// initial delay), since there is no error to return.
///
/// ```
/// use retry::Policy;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let answer = retry::retry(&Policy::default(), async |attempt| match attempt {
///     1 | 2 => Err(format!("no luck on attempt {attempt}")),
///     _ => Ok(42),
/// })
/// .await;
/// assert_eq!(answer, Ok(42));
///
/// let failed: Result<(), u64> = retry::retry(&Policy::default(), async |attempt| Err(attempt)).await;
/// assert_eq!(failed, Err(3));
/// # }
/// ```
///
/// An error after which another attempt is pointless:
///
/// ```
/// use retry::Policy;
///
/// #[derive(Debug, PartialEq)]
/// enum Failure {
///     Busy,
///     Forbidden,
/// }
///
/// async fn fetch(attempt: u64) -> Result<String, Failure> {
///     Err(if attempt == 1 { Failure::Busy } else { Failure::Forbidden })
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let answer = retry::retry(&Policy::default(), async |attempt| match fetch(attempt).await {
///     Err(Failure::Busy) => Err(Failure::Busy),
///     good_or_final => Ok(good_or_final),
/// })
/// .await
/// .flatten();
/// assert_eq!(answer, Err(Failure::Forbidden));
/// # }
/// ```
pub async fn retry<T, E, F>(policy: &Policy, function: F) -> Result<T, E>
where
    F: AsyncFnMut(u64) -> Result<T, E>,
{
    let mut attempt = FunctionAttempt { function, started: now() };
    let ending = crate::run::run(policy, &mut attempt, &mut Random::from_system(), &mut |_| {}).await;
    match ending {
        Ending::Succeeded { last, .. }
        | Ending::Stopped { last }
        | Ending::Exhausted { last }
        | Ending::OutOfTime { last: Some(last) } => last,
        Ending::OutOfTime { last: None } => panic!("the policy's deadline allows no attempt at all"),
        Ending::Interrupted { .. }
        | Ending::CircuitOpen { .. }
        | Ending::BudgetEmpty { .. }
        | Ending::FellBack { .. }
        | Ending::Broken(_)
        | Ending::NoReader => {
            unreachable!("a function has no signals, no breaker, no budget, no fallback and no streams")
        }
    }
}

/// tokio's clock, so that it can be paused.
fn now() -> Instant {
    Instant::now()
}

struct FunctionAttempt<F> {
    function: F,
    started: Instant,
}

impl<T, E, F> Attempt for FunctionAttempt<F>
where
    F: AsyncFnMut(u64) -> Result<T, E>,
{
    type Outcome = Result<T, E>;

    async fn attempt(&mut self, number: u64) -> Done<Result<T, E>> {
        let begun = now();
        let outcome = (self.function)(number).await;
        Done { outcome, took: begun.elapsed(), abort: None, remarks: Remarks::default() }
    }

    fn judge(&self, outcome: &Result<T, E>) -> Verdict {
        if outcome.is_ok() { Verdict::Good } else { Verdict::Retry(Why::NoRule) }
    }

    #[expect(clippy::disallowed_methods, reason = "a function has no child and no signals to wait for")]
    async fn wait(&mut self, delay: Duration) -> Waited {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Waited::Elapsed
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
