//! Closures whose futures borrow from them, and closures that take a state and give it back.
//!
//! A future that borrows from its closure has no type that could be named, so these are driven by async functions.

use super::call::Step;
use super::error::{AttemptError, Error, Failure};
use super::fallback::AsyncFallback;
use super::future::Limited;
use super::policy::Policy;
#[cfg(feature = "tokio")]
use super::retrying::Retry as _;
use super::retrying::{Lending, Retrying, Stateful};
use super::sleeper::Sleeper;
use std::time::Duration;

/// Calls `operation` with the number of the attempt, from 1, until it succeeds or the policy allows no further
/// attempt. It is short for `operation.retry(policy).call()`, which has options: [`Retry`](crate::Retry).
///
/// # Errors
/// The last attempt's error with the reason why no further one was made, or what is wrong with the policy.
///
/// ```
/// use retry_loop::Policy;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut seen = Vec::new();
/// let answer = retry_loop::retry(&Policy::default(), async |attempt| {
///     seen.push(attempt);
///     if attempt < 3 { Err("no luck") } else { Ok(42) }
/// })
/// .await;
/// assert_eq!((answer, seen), (Ok(42), vec![1, 2, 3]));
/// # }
/// ```
#[cfg(feature = "tokio")]
pub async fn retry<T, E>(
    policy: &Policy,
    operation: impl AsyncFnMut(u64) -> Result<T, E>,
) -> Result<T, Error<E>> {
    operation.retry(policy).call().await
}

/// Retries an operation that takes a state (and the attempt's number) and gives it back with its result, for tasks
/// that are spawned: the compiler cannot prove yet that a future which borrows from its closure is `Send`
/// ([rust-lang/rust#110338](https://github.com/rust-lang/rust/issues/110338)), but it can for one that owns its state.
/// A mutable reference is such a state, too.
///
/// ```
/// # struct Connection { queries: u32 }
/// # impl Connection { async fn query(&mut self) -> Result<u32, &'static str> { self.queries += 1; if self.queries < 2 { Err("busy") } else { Ok(7) } } }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use retry_loop::{Policy, retry_with_state};
///
/// let task = tokio::spawn(async {
///     let connection = Connection { queries: 0 };
///     let query = async |mut connection: Connection, _attempt| {
///         let result = connection.query().await;
///         (connection, result)
///     };
///     retry_with_state(&Policy::default(), connection, query).when(|error| *error == "busy").call().await
/// });
/// let (connection, answer) = task.await.unwrap();
/// assert_eq!((connection.queries, answer), (2, Ok(7)));
/// # }
/// ```
///
/// A method with `&mut self`, whose future can be spawned. (Write such a closure in place: in a variable of its own
/// the compiler does not see that the reference comes back.)
///
/// ```
/// # use retry_loop::{Error, Policy, retry_with_state};
/// # struct Connection;
/// # impl Connection {
/// #     async fn query(&mut self) -> Result<u32, String> { Ok(7) }
/// async fn query_patiently(&mut self) -> Result<u32, Error<String>> {
///     let call = retry_with_state(&Policy::default(), self, async |this: &mut Self, _attempt| {
///         let result = this.query().await;
///         (this, result)
///     });
///     call.call().await.1
/// }
/// # }
/// # fn is_send<T: Send>(_: T) {}
/// # is_send(async { Connection.query_patiently().await });
/// ```
pub fn retry_with_state<C, F, Fut, T, E>(
    policy: &Policy,
    state: C,
    operation: F,
) -> Retrying<(C, F), Stateful<C, Fut>, T, E>
where
    F: FnMut(C, u64) -> Fut,
    Fut: Future<Output = (C, Result<T, E>)>,
{
    Retrying::new((state, operation), policy)
}

impl<F, T, E, W, D, N, G, S> Retrying<F, Lending, T, E, W, D, N, G, S>
where
    F: AsyncFnMut(u64) -> Result<T, E>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: AsyncFallback<T, E>,
    S: Sleeper,
{
    /// Makes the attempts. The future borrows from the closure, so it cannot be spawned if the closure captures by
    /// mutable reference: see [`retry_with_state`].
    ///
    /// # Errors
    /// The last attempt's error with the reason why no further one was made, or what is wrong with the policy.
    pub async fn call(mut self) -> Result<T, Error<E>> {
        let mut step = self.state.start(self.sleeper.now());
        loop {
            step = match step {
                Step::Wait(delay) => {
                    self.sleeper.sleep(delay).await;
                    self.state.waited(self.sleeper.now())
                }
                Step::Attempt(number) => {
                    let attempt = (self.operation)(number);
                    let result = Limited::new(attempt, self.state.guard.timeout, &self.sleeper).await;
                    self.state.ended(result, self.sleeper.now())
                }
                Step::Finished(Err(error)) => return self.fallback.run(error).await,
                Step::Finished(Ok(value)) => return Ok(value),
            }
        }
    }
}

impl<C, F, Fut, T, E, W, D, N, G, S> Retrying<(C, F), Stateful<C, Fut>, T, E, W, D, N, G, S>
where
    F: FnMut(C, u64) -> Fut,
    Fut: Future<Output = (C, Result<T, E>)>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: AsyncFallback<T, E>,
    S: Sleeper,
{
    /// Makes the attempts, and returns the state with their result: the last attempt's error with the reason why no
    /// further one was made, or what is wrong with the policy.
    pub async fn call(self) -> (C, Result<T, Error<E>>) {
        let Self { operation: (mut lent, mut operation), state: mut call, fallback, sleeper, .. } = self;
        let mut step = call.start(sleeper.now());
        loop {
            step = match step {
                Step::Wait(delay) => {
                    sleeper.sleep(delay).await;
                    call.waited(sleeper.now())
                }
                Step::Attempt(number) => {
                    let result;
                    (lent, result) = operation(lent, number).await;
                    call.ended(result.map_err(AttemptError::Failed), sleeper.now())
                }
                Step::Finished(Err(error)) => return (lent, fallback.run(error).await),
                Step::Finished(Ok(value)) => return (lent, Ok(value)),
            }
        }
    }
}
