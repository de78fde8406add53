//! The future of an operation that returns a future. It has a name and borrows nothing from the operation, so the
//! compiler sees that it is `Send` where what it holds is.

use super::call::{Call, Step};
use super::error::{AttemptError, Error, Failure};
use super::fallback::{AsyncFallback, FallbackFuture};
use super::retrying::{Async, Retrying};
use super::sleeper::Sleeper;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

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
        let Self { operation, state: call, fallback, sleeper, .. } = self;
        RetryFuture { operation, call, fallback: Some(fallback), sleeper, state: State::Start }
    }
}

pin_project! {
    /// The future of a [`Retrying`]. It is `Send` if the operation, its future, the error and the options are.
    #[must_use = "futures do nothing before they are awaited"]
    pub struct RetryFuture<F, Fut, T, E, W, D, N, G, S>
    where
        G: FallbackFuture<T, E>,
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
        Attempting { #[pin] attempt: Limited<Fut, Sleep> },
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
                StateProjection::Attempting { attempt } => {
                    let result = ready!(attempt.poll(context));
                    this.call.ended(result, this.sleeper.now())
                }
                StateProjection::FallingBack { fallback } => Step::Finished(ready!(fallback.poll(context))),
                StateProjection::Finished => panic!("future polled after completion"),
            };
            // What the last state held (an attempt that has timed out, say) is dropped before the next one begins.
            this.state.set(State::Finished);
            this.state.set(match step {
                Step::Wait(delay) => State::Waiting { sleep: this.sleeper.sleep(delay) },
                Step::Attempt(_) => {
                    let attempt = (this.operation)();
                    State::Attempting {
                        attempt: Limited::new(attempt, this.call.guard.timeout, this.sleeper),
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

pin_project! {
    /// An attempt that may have a time limit.
    pub(crate) struct Limited<Fut, Sleep> {
        #[pin]
        attempt: Fut,
        #[pin]
        limit: Option<Sleep>,
        timeout: Duration,
    }
}

impl<Fut, Sleep> Limited<Fut, Sleep> {
    /// The time limit begins now.
    pub(crate) fn new(
        attempt: Fut,
        timeout: Option<Duration>,
        sleeper: &impl Sleeper<Sleep = Sleep>,
    ) -> Self {
        let limit = timeout.map(|timeout| sleeper.sleep(timeout));
        Self { attempt, limit, timeout: timeout.unwrap_or_default() }
    }
}

impl<Fut, Sleep, T, E> Future for Limited<Fut, Sleep>
where
    Fut: Future<Output = Result<T, E>>,
    Sleep: Future,
{
    type Output = Result<T, AttemptError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // The attempt is polled first, so that one which is ready in time has not timed out because its task was
        // polled late.
        if let Poll::Ready(result) = this.attempt.poll(context) {
            return Poll::Ready(result.map_err(AttemptError::Failed));
        }
        match this.limit.as_pin_mut() {
            Some(limit) => limit.poll(context).map(|_| Err(AttemptError::TimedOut(*this.timeout))),
            None => Poll::Pending,
        }
    }
}

impl<F, Fut, T, E, W, D, N, G, S> fmt::Debug for RetryFuture<F, Fut, T, E, W, D, N, G, S>
where
    G: FallbackFuture<T, E>,
    S: Sleeper,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryFuture").finish_non_exhaustive()
    }
}
