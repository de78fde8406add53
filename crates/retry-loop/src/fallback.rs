//! What stands in for the value of a call that did not succeed.

use super::error::Error;
use std::marker::PhantomData;

/// The fallback of a call that has none: its error is returned.
#[derive(Debug, Clone, Copy)]
pub struct NoFallback(pub(crate) ());

/// A fallback of a call that blocks: a closure for [`Retrying::fallback`](crate::Retrying::fallback), or none.
pub trait BlockingFallback<T, E> {
    /// Turns the error of the call into its result.
    ///
    /// # Errors
    /// If there is no value to fall back on.
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

/// The closure of an async [`fallback`](crate::Retrying::fallback), and the future that it returns.
#[derive(Debug, Clone, Copy)]
pub struct FallbackTo<G, Alt> {
    fallback: G,
    future: PhantomData<fn() -> Alt>,
}

impl<G, Alt> FallbackTo<G, Alt> {
    pub(crate) const fn new(fallback: G) -> Self {
        Self { fallback, future: PhantomData }
    }
}

/// The future of an async fallback.
///
/// It is a trait of its own, whose implementations demand nothing of the closure. To see whether a task is `Send`, the
/// compiler forgets the lifetimes in `E` and `T`. It then could not tell that a closure for an `Error<&'static str>`
/// takes the error of the call ([rust-lang/rust#110338](https://github.com/rust-lang/rust/issues/110338)), and does not
/// have to.
pub trait FallbackFuture<T, E> {
    /// The future of the call's result.
    type Future;
}

impl<T, E> FallbackFuture<T, E> for NoFallback {
    type Future = std::future::Ready<Result<T, Error<E>>>;
}

impl<G, Alt, T, E> FallbackFuture<T, E> for FallbackTo<G, Alt> {
    type Future = Alt;
}

/// A fallback of an async call: a closure for [`Retrying::fallback`](crate::Retrying::fallback) that returns a future,
/// or none.
pub trait AsyncFallback<T, E>: FallbackFuture<T, E, Future: Future<Output = Result<T, Error<E>>>> {
    /// Turns the error of the call into its result.
    fn run(self, error: Error<E>) -> Self::Future;
}

impl<T, E> AsyncFallback<T, E> for NoFallback {
    fn run(self, error: Error<E>) -> Self::Future {
        std::future::ready(Err(error))
    }
}

impl<G, Alt, T, E> AsyncFallback<T, E> for FallbackTo<G, Alt>
where
    G: FnOnce(Error<E>) -> Alt,
    Alt: Future<Output = Result<T, Error<E>>>,
{
    fn run(self, error: Error<E>) -> Alt {
        (self.fallback)(error)
    }
}
