//! What stands in for the value of a call that did not succeed.

use super::error::Error;

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

/// A fallback of an async call: a closure for [`Retrying::fallback`](crate::Retrying::fallback) that returns a future,
/// or none.
pub trait AsyncFallback<T, E> {
    /// The future of the call's result.
    type Future: Future<Output = Result<T, Error<E>>>;

    /// Turns the error of the call into its result.
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
