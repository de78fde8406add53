//! `operation.retry(&policy)`: which operations can be retried, and the options of a call.

use super::call::{Call, PlainCall, Step};
use super::error::{AttemptError, Error, Failure};
use super::fallback::{BlockingFallback, FallbackTo, NoFallback};
use super::policy::Policy;
use super::shared::{Breaker, Budget};
use super::sleeper::{BlockingSleeper, DefaultSleeper, Sleeper};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Marks an operation that returns a future: `|| client.get("x")`. Await the [`Retrying`].
#[derive(Debug, Clone, Copy)]
pub struct Async<Fut>(PhantomData<fn() -> Fut>);

/// Marks an operation that blocks: `|| std::fs::read("x")`. Call [`Retrying::call`].
#[derive(Debug, Clone, Copy)]
pub struct Blocking(());

/// Marks an async closure with the attempt's number as its argument: `async |attempt| ...`. Its future may borrow
/// what the closure has captured, also mutably. Await [`Retrying::call`].
#[derive(Debug, Clone, Copy)]
pub struct Lending(());

/// Marks an operation that takes a state and gives it back: [`retry_with_state`](crate::retry_with_state).
#[derive(Debug, Clone, Copy)]
pub struct Stateful<C, Fut>(PhantomData<fn() -> (C, Fut)>);

mod sealed {
    use super::{Async, Blocking, Lending, Stateful};

    pub trait Sealed {}

    impl<Fut> Sealed for Async<Fut> {}
    impl Sealed for Blocking {}
    impl Sealed for Lending {}
    impl<C, Fut> Sealed for Stateful<C, Fut> {}
}

/// The kinds of operations that return futures: [`Async`], [`Lending`] and [`Stateful`]. It is sealed.
pub trait Awaited: sealed::Sealed {}

impl<Fut> Awaited for Async<Fut> {}
impl Awaited for Lending {}
impl<C, Fut> Awaited for Stateful<C, Fut> {}

/// The kinds of operations that are run by `.call()`: [`Blocking`], and [`Lending`] and [`Stateful`] by
/// `.call().await`. It is sealed.
#[diagnostic::on_unimplemented(
    message = "this operation returns a future, so it is awaited and not called",
    label = "write `.await` instead of `.call()`",
    note = "`.into_future()` turns it into a future that can be spawned, joined or stored"
)]
pub trait Called: sealed::Sealed {}

impl Called for Blocking {}
impl Called for Lending {}
impl<C, Fut> Called for Stateful<C, Fut> {}

/// The kinds of operations whose attempts can be dropped before they end: [`Async`] and [`Lending`]. It is sealed.
///
/// An operation that blocks cannot be stopped, and an attempt that has taken a state would be dropped together with
/// it.
#[diagnostic::on_unimplemented(
    message = "an attempt of this operation cannot be dropped when its time is up",
    label = "only an operation that returns a future, without a state, can have a timeout",
    note = "code that blocks cannot be stopped: set the timeouts of the client that it uses, or retry an async function",
    note = "an attempt of `retry_with_state` would be dropped with its state: set a timeout in the operation"
)]
pub trait Cancellable: sealed::Sealed {}

impl<Fut> Cancellable for Async<Fut> {}
impl Cancellable for Lending {}

/// Gives closures and functions the method [`retry`](Retry::retry).
///
/// | operation | is run by | its future may borrow from the closure |
/// |---|---|---|
/// | `\|\| future`, `async \|\| ...`, `function` | `.await` | no (what it borrows lives outside the closure) |
/// | `async \|attempt\| ...` | `.call().await` | yes, also mutably |
/// | `\|\| result`, `function` | `.call()` | |
///
/// `M` tells these kinds apart; the compiler infers it. What its errors mean:
///
/// | error | reason | write |
/// |---|---|---|
/// | "`Retrying<..., Blocking, ...>` is not a future" | the operation blocks | `.call()` |
/// | "`Retrying<..., Lending, ...>` is not a future" (or `Stateful`) | the future borrows from the operation | `.call().await` |
/// | "async closure does not implement `FnMut` because it captures state", "captured variable cannot escape `FnMut` closure body" | the future borrows from the closure | `async \|_\| ...` and `.call().await` |
/// | "no method named `retry` found" | the trait is not imported, or the operation returns no `Result` | `use retry_loop::Retry as _;` |
///
/// ```
/// # #[derive(Debug)] struct Error;
/// # struct Connection { pings: u32 }
/// # impl Connection {
/// #     async fn ping(&mut self) -> Result<u32, Error> { self.pings += 1; if self.pings < 2 { Err(Error) } else { Ok(self.pings) } }
/// # }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use retry_loop::{Policy, Retry as _};
///
/// let policy = Policy::default();
/// let mut connection = Connection { pings: 0 };
/// // The future borrows `connection` mutably, so the closure takes an argument: the attempt's number.
/// let answer = (async |_| connection.ping().await).retry(&policy).notify(|failure| drop(failure)).call().await;
/// assert_eq!(answer.unwrap(), 2);
/// # }
/// ```
pub trait Retry<M>: Sized {
    /// The value of a success.
    type Value;
    /// The error of a failed attempt.
    type Error;

    /// Repeats the operation until it succeeds, [`when`](Retrying::when) says that its error is permanent, or the
    /// policy allows no further attempt. Nothing happens before the result is awaited or called.
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

impl<F, T, E> Retry<Lending> for F
where
    F: AsyncFnMut(u64) -> Result<T, E>,
{
    type Value = T;
    type Error = E;

    fn retry(self, policy: &Policy) -> Retrying<F, Lending, T, E> {
        Retrying::new(self, policy)
    }
}

/// An operation, its policy and its options. Await it or call it: see the table of [`Retry`].
///
/// Its future can be dropped at any time: the attempt that runs is dropped with it, nothing goes on in the
/// background, and a probe of a circuit breaker is given back.
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
    pub(crate) operation: F,
    pub(crate) state: Call<E, W, D, N>,
    pub(crate) fallback: G,
    pub(crate) sleeper: S,
    marker: PhantomData<fn() -> (M, T)>,
}

impl<F, M, T, E> Retrying<F, M, T, E> {
    pub(crate) fn new(operation: F, policy: &Policy) -> Self {
        Self {
            operation,
            state: PlainCall::new(policy),
            fallback: NoFallback(()),
            sleeper: DefaultSleeper::default(),
            marker: PhantomData,
        }
    }
}

impl<F, M, T, E, W, D, N, G, S> Retrying<F, M, T, E, W, D, N, G, S> {
    /// Retries only errors for which `when` returns true; any other error ends the call with
    /// [`StopReason::Permanent`](crate::StopReason::Permanent). By default every error is retried.
    pub fn when<W2>(self, when: W2) -> Retrying<F, M, T, E, W2, D, N, G, S>
    where
        W2: FnMut(&E) -> bool,
    {
        let Self { operation, state, fallback, sleeper, marker } = self;
        Retrying { operation, state: state.when(when), fallback, sleeper, marker }
    }

    /// Takes from an error the delay that the server asks for, such as that of `Retry-After`.
    ///
    /// The next delay is the longer one of this and the policy's, plus a random part of up to a tenth of it (at
    /// most 5 s). A server that asks for more than [`Policy::max_retry_after`] ends the call.
    pub fn delay_from<D2>(self, delay_from: D2) -> Retrying<F, M, T, E, W, D2, N, G, S>
    where
        D2: FnMut(&E) -> Option<Duration>,
    {
        let Self { operation, state, fallback, sleeper, marker } = self;
        Retrying { operation, state: state.delay_from(delay_from), fallback, sleeper, marker }
    }

    /// Calls `notify` after each failed attempt, before the delay. A [`Failure`] has the delay that follows, or the
    /// reason why none does; its text is a line for a log.
    pub fn notify<N2>(self, notify: N2) -> Retrying<F, M, T, E, W, D, N2, G, S>
    where
        N2: FnMut(&Failure<'_, E>),
    {
        let Self { operation, state, fallback, sleeper, marker } = self;
        Retrying { operation, state: state.notify(notify), fallback, sleeper, marker }
    }

    /// Asks this circuit breaker before each attempt. While the circuit is open, no attempt is made, and the call
    /// ends with [`StopReason::CircuitOpen`](crate::StopReason::CircuitOpen).
    pub fn breaker(mut self, breaker: &Breaker) -> Self {
        self.state.guard.breaker = Some(breaker.clone());
        self
    }

    /// Takes a token for each retry (never for a first attempt) from this budget. When it is empty, the call ends
    /// with [`StopReason::BudgetEmpty`](crate::StopReason::BudgetEmpty).
    pub fn budget(mut self, budget: &Budget) -> Self {
        self.state.guard.budget = Some(budget.clone());
        self
    }

    /// Drops an attempt that takes longer than `timeout`, and retries it. A timeout of 0 is an error of the call.
    /// Only attempts that return futures can be dropped: see [`Cancellable`].
    pub fn timeout(mut self, timeout: Duration) -> Self
    where
        M: Cancellable,
    {
        self.state.guard.timeout = Some(timeout);
        self
    }
}

impl<F, M: Awaited, T, E, W, D, N, G, S> Retrying<F, M, T, E, W, D, N, G, S> {
    /// Sleeps with `sleeper` instead of tokio: `smol::Timer::after`, `futures_timer::Delay::new` or any other
    /// function that turns a [`Duration`] into a future, or a [`Sleeper`] with a clock of its own.
    ///
    /// The sleeper provides the clock; a function's clock is std's. A function that does not really sleep leaves it
    /// where it was, and deadlines and breakers are wrong: use [`VirtualSleeper`](crate::VirtualSleeper) in tests.
    pub fn sleep_with<S2: Sleeper>(self, sleeper: S2) -> Retrying<F, M, T, E, W, D, N, G, S2> {
        let Self { operation, state, fallback, marker, .. } = self;
        Retrying { operation, state, fallback, sleeper, marker }
    }

    /// Calls `fallback` with the error of a call that did not succeed, and returns its result instead: a value, or
    /// the error that it was given.
    pub fn fallback<G2, Alt>(self, fallback: G2) -> Retrying<F, M, T, E, W, D, N, FallbackTo<G2, Alt>, S>
    where
        G2: FnOnce(Error<E>) -> Alt,
        Alt: Future<Output = Result<T, Error<E>>>,
    {
        let Self { operation, state, sleeper, marker, .. } = self;
        let fallback = FallbackTo::new(fallback);
        Retrying { operation, state, fallback, sleeper, marker }
    }
}

impl<F, Fut, T, E, W, D, N, G, S> Retrying<F, Async<Fut>, T, E, W, D, N, G, S> {
    /// Never callable, because [`Async`] is not [`Called`]: without this method the compiler would only say that there
    /// is none, and now it says what to write.
    #[doc(hidden)]
    pub fn call(self) -> Result<T, Error<E>>
    where
        Async<Fut>: Called,
    {
        unreachable!("no code outside of this module can implement `Called`")
    }
}

impl<F, T, E, W, D, N, G, S> Retrying<F, Blocking, T, E, W, D, N, G, S> {
    /// Sleeps with `sleeper` instead of [`std::thread::sleep`]: a function that takes a [`Duration`], or a
    /// [`BlockingSleeper`] with a clock of its own.
    ///
    /// The sleeper provides the clock; a function's clock is std's. A function that does not really sleep leaves it
    /// where it was, and deadlines and breakers are wrong: use [`VirtualSleeper`](crate::VirtualSleeper) in tests. A
    /// function serves a test that looks at the delays only:
    ///
    /// ```
    /// use retry_loop::{Policy, Retry as _};
    /// use std::cell::RefCell;
    ///
    /// let policy = Policy::default().seed(7);
    /// let slept = RefCell::new(Vec::new());
    /// let result = (|| Err::<(), _>("down")).retry(&policy).sleep_with(|delay| slept.borrow_mut().push(delay)).call();
    /// assert!(result.is_err());
    /// assert!(policy.delays().eq(slept.into_inner()));
    /// ```
    pub fn sleep_with<S2: BlockingSleeper>(self, sleeper: S2) -> Retrying<F, Blocking, T, E, W, D, N, G, S2> {
        let Self { operation, state, fallback, marker, .. } = self;
        Retrying { operation, state, fallback, sleeper, marker }
    }

    /// Calls `fallback` with the error of a call that did not succeed, and returns its result instead: a value, or
    /// the error that it was given.
    pub fn fallback<G2>(self, fallback: G2) -> Retrying<F, Blocking, T, E, W, D, N, G2, S>
    where
        G2: FnOnce(Error<E>) -> Result<T, Error<E>>,
    {
        let Self { operation, state, sleeper, marker, .. } = self;
        Retrying { operation, state, fallback, sleeper, marker }
    }
}

impl<F, T, E, W, D, N, G, S> Retrying<F, Blocking, T, E, W, D, N, G, S>
where
    F: FnMut() -> Result<T, E>,
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
    G: BlockingFallback<T, E>,
    S: BlockingSleeper,
{
    /// Makes the attempts in this thread, and sleeps in between. No runtime is needed.
    ///
    /// # Errors
    /// The last attempt's error with the reason why no further one was made, or what is wrong with the policy.
    pub fn call(mut self) -> Result<T, Error<E>> {
        let mut step = self.state.start(self.sleeper.now());
        loop {
            step = match step {
                Step::Wait(delay) => {
                    self.sleeper.sleep(delay);
                    self.state.waited(self.sleeper.now())
                }
                Step::Attempt(_) => {
                    let result = (self.operation)().map_err(AttemptError::Failed);
                    self.state.ended(result, self.sleeper.now())
                }
                Step::Finished(Err(error)) => return self.fallback.run(error),
                Step::Finished(Ok(value)) => return Ok(value),
            }
        }
    }
}

impl<F, M, T, E, W, D, N, G, S> fmt::Debug for Retrying<F, M, T, E, W, D, N, G, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").finish_non_exhaustive()
    }
}
