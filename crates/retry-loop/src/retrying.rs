//! `operation.retry(&policy)`: the call before it begins, and what drives it.

use super::call::{self, Call, PlainCall, Step};
use super::error::{AttemptError, Error, Failure};
use super::policy::Policy;
use super::shared::{Breaker, Budget};
use super::sleeper::{self, DefaultSleeper, Sleeper};
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Marks an operation that returns a future.
#[derive(Debug, Clone, Copy)]
pub struct Async<Fut>(PhantomData<fn() -> Fut>);

/// Marks an operation that blocks.
#[derive(Debug, Clone, Copy)]
pub struct Blocking(());

/// Gives closures and functions the method [`retry`](Retry::retry): those that return a future of a `Result`, and
/// those that return a `Result`. `M` tells the two apart, and is inferred.
pub trait Retry<M>: Sized {
    /// What a success returns.
    type Value;
    /// What a failure returns.
    type Error;

    /// Calls this until it succeeds, is not worth another attempt, or the policy allows none. Nothing happens
    /// before the result is awaited or [`call`](Retrying::call)ed.
    fn retry(self, policy: &Policy) -> Retrying<Self, M, Self::Value, Self::Error>;
}

impl<F, Fut, T, E> Retry<Async<Fut>> for F
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Value = T;
    type Error = E;

    fn retry(self, policy: &Policy) -> Retrying<F, Async<Fut>, T, E> {
        Retrying::new(self, policy)
    }
}

impl<F, T, E> Retry<Blocking> for F
where
    F: FnMut() -> Result<T, E>,
{
    type Value = T;
    type Error = E;

    fn retry(self, policy: &Policy) -> Retrying<F, Blocking, T, E> {
        Retrying::new(self, policy)
    }
}

/// There is no fallback.
#[derive(Debug, Clone, Copy)]
pub struct NoFallback(());

/// An operation with everything that there is to say about its retries. Await it, or [`call`](Self::call) it if it
/// blocks.
///
/// Dropping the future is safe: nothing goes on behind it, and a circuit breaker's probe is given back.
#[must_use = "nothing happens before it is awaited or called"]
pub struct Retrying<
    F,
    M,
    T,
    E,
    W = fn(&E) -> bool,
    D = fn(&E) -> Option<Duration>,
    N = fn(&Failure<'_, E>),
    G = NoFallback,
    S = DefaultSleeper,
> {
    operation: F,
    call: Call<E, W, D, N>,
    fallback: G,
    sleeper: S,
    marker: PhantomData<fn() -> (M, T)>,
}

impl<F, M, T, E> Retrying<F, M, T, E> {
    fn new(operation: F, policy: &Policy) -> Self {
        Self {
            operation,
            call: PlainCall::new(policy),
            fallback: NoFallback(()),
            sleeper: DefaultSleeper::default(),
            marker: PhantomData,
        }
    }
}

impl<F, M, T, E, W, D, N, G, S> Retrying<F, M, T, E, W, D, N, G, S> {
    /// Asks about each error whether another attempt may cure it. Without, each one is worth another attempt.
    pub fn when<W2>(self, when: W2) -> Retrying<F, M, T, E, W2, D, N, G, S>
    where
        W2: FnMut(&E) -> bool,
    {
        let Self { operation, call, fallback, sleeper, marker } = self;
        Retrying { operation, call: call.when(when), fallback, sleeper, marker }
    }

    /// Takes the delay that a server asks for from an error. It is never shortened, gets a random part of a tenth
    /// (at most 5 s), and one that is longer than [`Policy::max_retry_after`] ends the call.
    pub fn delay_from<D2>(self, delay_from: D2) -> Retrying<F, M, T, E, W, D2, N, G, S>
    where
        D2: FnMut(&E) -> Option<Duration>,
    {
        let Self { operation, call, fallback, sleeper, marker } = self;
        Retrying { operation, call: call.delay_from(delay_from), fallback, sleeper, marker }
    }

    /// Is told about each failed attempt, before the delay.
    pub fn notify<N2>(self, notify: N2) -> Retrying<F, M, T, E, W, D, N2, G, S>
    where
        N2: FnMut(&Failure<'_, E>),
    {
        let Self { operation, call, fallback, sleeper, marker } = self;
        Retrying { operation, call: call.notify(notify), fallback, sleeper, marker }
    }

    /// Asks this circuit breaker before each attempt. While it is open, no attempt is made.
    pub fn breaker(mut self, breaker: &Breaker) -> Self {
        self.call.guard.breaker = Some(breaker.clone());
        self
    }

    /// Takes each retry (never a first attempt) from this budget.
    pub fn budget(mut self, budget: &Budget) -> Self {
        self.call.guard.budget = Some(budget.clone());
        self
    }
}

impl<F, Fut, T, E, W, D, N, G, S> Retrying<F, Async<Fut>, T, E, W, D, N, G, S> {
    /// Drops an attempt that takes longer than this, which is greater than 0. It counts as a failure that is worth
    /// another attempt.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call.guard.timeout = Some(timeout);
        self
    }

    /// Sleeps with this instead of tokio: any function that returns a future will do.
    pub fn sleep_with<S2: Sleeper>(self, sleeper: S2) -> Retrying<F, Async<Fut>, T, E, W, D, N, G, S2> {
        let Self { operation, call, fallback, marker, .. } = self;
        Retrying { operation, call, fallback, sleeper, marker }
    }

    /// Calls this when everything else has failed. What it returns is returned: a value, or the error that it
    /// was given.
    pub fn fallback<G2, Alt>(self, fallback: G2) -> Retrying<F, Async<Fut>, T, E, W, D, N, G2, S>
    where
        G2: FnOnce(Error<E>) -> Alt,
        Alt: Future<Output = Result<T, Error<E>>>,
    {
        let Self { operation, call, sleeper, marker, .. } = self;
        Retrying { operation, call, fallback, sleeper, marker }
    }
}

impl<F, T, E, W, D, N, G, S> Retrying<F, Blocking, T, E, W, D, N, G, S> {
    /// Calls this when everything else has failed. What it returns is returned: a value, or the error that it
    /// was given.
    pub fn fallback<G2>(self, fallback: G2) -> Retrying<F, Blocking, T, E, W, D, N, G2, S>
    where
        G2: FnOnce(Error<E>) -> Result<T, Error<E>>,
    {
        let Self { operation, call, sleeper, marker, .. } = self;
        Retrying { operation, call, fallback, sleeper, marker }
    }
}

/// What is returned for a call that did not succeed, at once.
pub trait BlockingFallback<T, E> {
    /// Takes the error, and returns what is returned.
    ///
    /// # Errors
    /// Where there is nothing better to return.
    fn run(self, error: Error<E>) -> Result<T, Error<E>>;
}

impl<T, E> BlockingFallback<T, E> for NoFallback {
    fn run(self, error: Error<E>) -> Result<T, Error<E>> {
        Err(error)
    }
}

impl<G, T, E> BlockingFallback<T, E> for G
where
    G: FnOnce(Error<E>) -> Result<T, Error<E>>,
{
    fn run(self, error: Error<E>) -> Result<T, Error<E>> {
        self(error)
    }
}

/// What is returned for a call that did not succeed, in a while.
pub trait AsyncFallback<T, E> {
    /// Returns it.
    type Future: Future<Output = Result<T, Error<E>>>;

    /// Takes the error, and returns what is returned.
    fn run(self, error: Error<E>) -> Self::Future;
}

impl<T, E> AsyncFallback<T, E> for NoFallback {
    type Future = std::future::Ready<Result<T, Error<E>>>;

    fn run(self, error: Error<E>) -> Self::Future {
        std::future::ready(Err(error))
    }
}

impl<G, Alt, T, E> AsyncFallback<T, E> for G
where
    G: FnOnce(Error<E>) -> Alt,
    Alt: Future<Output = Result<T, Error<E>>>,
{
    type Future = Alt;

    fn run(self, error: Error<E>) -> Alt {
        self(error)
    }
}

impl<F, T, E, W, D, N, G> Retrying<F, Blocking, T, E, W, D, N, G>
where
    F: FnMut() -> Result<T, E>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: BlockingFallback<T, E>,
{
    /// Makes the attempts, and sleeps in this thread in between. No runtime is needed.
    ///
    /// # Errors
    /// The last attempt's error and why no further one was made, or what is wrong with the policy.
    #[expect(clippy::disallowed_methods, reason = "this thread is the caller's, who asks for it")]
    pub fn call(mut self) -> Result<T, Error<E>> {
        let mut step = self.call.start(sleeper::std_now());
        loop {
            step = match step {
                Step::Wait(delay) => {
                    std::thread::sleep(delay);
                    self.call.waited(sleeper::std_now())
                }
                Step::Attempt(_) => {
                    let result = (self.operation)().map_err(AttemptError::Failed);
                    self.call.ended(result, sleeper::std_now())
                }
                Step::Finished(Err(error)) => return self.fallback.run(error),
                Step::Finished(Ok(value)) => return Ok(value),
            }
        }
    }
}

impl<F, Fut, T, E, W, D, N, G, S> IntoFuture for Retrying<F, Async<Fut>, T, E, W, D, N, G, S>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: AsyncFallback<T, E>,
    S: Sleeper,
{
    type Output = Result<T, Error<E>>;
    type IntoFuture = RetryFuture<F, Fut, T, E, W, D, N, G, S>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { operation, call, fallback, sleeper, .. } = self;
        RetryFuture { operation, call, fallback: Some(fallback), sleeper, state: State::Start }
    }
}

pin_project! {
    /// The future of a [`Retrying`].
    ///
    /// It is `Send` where the operation, its future and the rest of what it holds are.
    #[must_use = "futures do nothing before they are awaited"]
    pub struct RetryFuture<F, Fut, T, E, W, D, N, G, S>
    where
        G: AsyncFallback<T, E>,
        S: Sleeper,
    {
        operation: F,
        call: Call<E, W, D, N>,
        fallback: Option<G>,
        sleeper: S,
        #[pin]
        state: State<Fut, S::Sleep, G::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<Fut, Sleep, Alt> {
        Start,
        Waiting { #[pin] sleep: Sleep },
        Attempting { #[pin] attempt: Fut, #[pin] limit: Option<Sleep>, timeout: Duration },
        FallingBack { #[pin] fallback: Alt },
        Finished,
    }
}

impl<F, Fut, T, E, W, D, N, G, S> Future for RetryFuture<F, Fut, T, E, W, D, N, G, S>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: AsyncFallback<T, E>,
    S: Sleeper,
{
    type Output = Result<T, Error<E>>;

    /// # Panics
    /// When it is polled again after it has returned.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let step = match this.state.as_mut().project() {
                StateProjection::Start => this.call.start(this.sleeper.now()),
                StateProjection::Waiting { sleep } => {
                    ready!(sleep.poll(context));
                    this.call.waited(this.sleeper.now())
                }
                StateProjection::Attempting { attempt, limit, timeout } => {
                    // The attempt first: one that is ready in time has not timed out because nobody looked.
                    let result = match (attempt.poll(context), limit.as_pin_mut()) {
                        (Poll::Ready(result), _) => result.map_err(AttemptError::Failed),
                        (Poll::Pending, Some(limit)) => {
                            ready!(limit.poll(context));
                            Err(AttemptError::TimedOut(*timeout))
                        }
                        (Poll::Pending, None) => return Poll::Pending,
                    };
                    this.call.ended(result, this.sleeper.now())
                }
                StateProjection::FallingBack { fallback } => Step::Finished(ready!(fallback.poll(context))),
                StateProjection::Finished => panic!("a future was polled after it had returned"),
            };
            // What the last state held (an attempt that has timed out, say) is dropped before the next one begins.
            this.state.set(State::Finished);
            this.state.set(match step {
                Step::Wait(delay) => State::Waiting { sleep: this.sleeper.sleep(delay) },
                Step::Attempt(_) => {
                    let timeout = this.call.guard.timeout;
                    State::Attempting {
                        attempt: (this.operation)(),
                        limit: timeout.map(|timeout| this.sleeper.sleep(timeout)),
                        timeout: timeout.unwrap_or_default(),
                    }
                }
                Step::Finished(result) => match (result, this.fallback.take()) {
                    (Err(error), Some(fallback)) => State::FallingBack { fallback: fallback.run(error) },
                    (result, _) => return Poll::Ready(result),
                },
            });
        }
    }
}

impl<F, M, T, E, W, D, N, G, S> fmt::Debug for Retrying<F, M, T, E, W, D, N, G, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").finish_non_exhaustive()
    }
}

impl<F, Fut, T, E, W, D, N, G, S> fmt::Debug for RetryFuture<F, Fut, T, E, W, D, N, G, S>
where
    G: AsyncFallback<T, E>,
    S: Sleeper,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryFuture").finish_non_exhaustive()
    }
}

/// Calls `operation` with the number of the attempt, from 1, until it succeeds or the policy allows no further
/// attempt; each error is worth another one. The closure may lend its state to the future that it returns, which
/// [`Retry::retry`] cannot.
///
/// # Errors
/// The last attempt's error and why no further one was made, or what is wrong with the policy.
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
    retry_with(DefaultSleeper::default(), policy, operation).await
}

/// As [`retry`], with a sleeper of any runtime.
///
/// # Errors
/// The last attempt's error and why no further one was made, or what is wrong with the policy.
pub async fn retry_with<T, E>(
    sleeper: impl Sleeper,
    policy: &Policy,
    mut operation: impl AsyncFnMut(u64) -> Result<T, E>,
) -> Result<T, Error<E>> {
    let mut call = call::PlainCall::<E>::new(policy);
    let mut step = call.start(sleeper.now());
    loop {
        step = match step {
            Step::Wait(delay) => {
                sleeper.sleep(delay).await;
                call.waited(sleeper.now())
            }
            Step::Attempt(number) => {
                let result = operation(number).await.map_err(AttemptError::Failed);
                call.ended(result, sleeper.now())
            }
            Step::Finished(result) => return result,
        }
    }
}

/// As [`retry`], with a state that each attempt takes and gives back: for tasks that are spawned, where the compiler
/// cannot yet show that a future which borrows from its closure is `Send`
/// ([rust-lang/rust#110338](https://github.com/rust-lang/rust/issues/110338)).
///
/// # Errors
/// The last attempt's error and why no further one was made, or what is wrong with the policy.
///
/// ```
/// # struct Connection { queries: u32 }
/// # impl Connection { async fn query(&mut self) -> Result<u32, &'static str> { self.queries += 1; if self.queries < 2 { Err("busy") } else { Ok(7) } } }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use retry_loop::Policy;
///
/// let connection = Connection { queries: 0 };
/// let task = tokio::spawn(retry_loop::retry_with_state(Policy::default(), connection, async |mut connection, _| {
///     let result = connection.query().await;
///     (connection, result)
/// }));
/// let (connection, answer) = task.await.unwrap();
/// assert_eq!((connection.queries, answer), (2, Ok(7)));
/// # }
/// ```
#[cfg(feature = "tokio")]
pub async fn retry_with_state<C, T, E, Fut>(
    policy: Policy,
    mut state: C,
    mut operation: impl FnMut(C, u64) -> Fut,
) -> (C, Result<T, Error<E>>)
where
    Fut: Future<Output = (C, Result<T, E>)>,
{
    let sleeper = DefaultSleeper::default();
    let mut call = call::PlainCall::<E>::new(&policy);
    let mut step = call.start(sleeper.now());
    loop {
        step = match step {
            Step::Wait(delay) => {
                sleeper.sleep(delay).await;
                call.waited(sleeper.now())
            }
            Step::Attempt(number) => {
                let result;
                (state, result) = operation(state, number).await;
                call.ended(result.map_err(AttemptError::Failed), sleeper.now())
            }
            Step::Finished(result) => return (state, result),
        }
    }
}
