//! Retries calls that fail now and then: with backoff, jitter and a deadline, and with a circuit breaker and a retry
//! budget that protect the service.
//!
//! ```
//! use retry_loop::{Policy, Retry as _};
//! use std::time::Duration;
//! # #[derive(Debug)] struct Error { busy: bool }
//! # impl std::fmt::Display for Error { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("busy") } }
//! # impl std::error::Error for Error {}
//! # impl Error { fn is_transient(&self) -> bool { self.busy } fn retry_after(&self) -> Option<Duration> { None } }
//! # struct Client;
//! # impl Client { async fn get(&self, _: &str) -> Result<String, Error> { Ok("body".to_owned()) } }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = Client;
//! let policy = Policy::default().attempts(5).base(Duration::from_millis(200)).deadline(Duration::from_secs(30));
//! let body = (|| client.get("x"))
//!     .retry(&policy)
//!     .when(|e: &Error| e.is_transient())
//!     .delay_from(|e| e.retry_after())
//!     .notify(|failure| eprintln!("{failure}"))
//!     .await?;
//! # assert_eq!(body, "body");
//! # Ok(())
//! # }
//! ```
//!
//! A closure or function that returns a `Result` runs in this thread:
//!
//! ```
//! use retry_loop::{Policy, Retry as _};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = (|| std::fs::read_to_string("Cargo.toml")).retry(&Policy::default()).call()?;
//! # assert!(text.contains("retry-loop"));
//! # Ok(())
//! # }
//! ```
//!
//! | topic | where |
//! |---|---|
//! | how often, how long in between, when to give up | [`Policy`] |
//! | the options of a call: `when`, `delay_from`, `notify`, `timeout`, `fallback`, ... | [`Retrying`] |
//! | which closures can be retried; closures that lend `&mut` | [`Retry`], [`retry_with_state`] |
//! | what a call returns when it gives up; `?` with `anyhow` | [`Error`] |
//! | a service that several calls share | [`Breaker`], [`Budget`] |
//! | another runtime than tokio | [`Retrying::sleep_with`], [`Sleeper`], [`BlockingSleeper`] |
//! | a test that does not wait | [`VirtualSleeper`] |
//! | delays for a loop of your own | [`Policy::delays`] |
#![cfg_attr(feature = "macros", doc = "| an attribute for functions | [`macro@retry`] |")]
//!
//! # Features
//!
//! - `tokio` (default): sleeps on tokio's clock. A test with a paused clock takes no time: tokio's feature `test-util`
//!   and `#[tokio::test(start_paused = true)]`.
//! - `macros`: the attribute `#[retry_loop::retry(...)]` for functions.
//!
//! Without features the crate has two dependencies and no runtime, and builds for every target that has std,
//! wasm32-unknown-unknown included.

#![warn(missing_docs)]

// The engine: the command `retry` drives it, too. It is no part of the API, and changes without notice.
#[doc(hidden)]
pub mod backoff;
#[doc(hidden)]
pub mod bucket;
#[doc(hidden)]
pub mod circuit;
#[doc(hidden)]
pub mod policy;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod recent;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod server_hint;
#[doc(hidden)]
pub mod timestamp;

// First, so that the options of a call stand first on its page.
mod retrying;

mod call;
#[cfg(doctest)]
mod does_not_compile;
mod error;
mod fallback;
mod future;
mod lending;
mod shared;
mod sleeper;
mod trip;

pub use backoff::{Growth, Jitter};
pub use circuit::RefusalCause;
pub use error::{AttemptError, Error, Failure, NoLastError};
pub use fallback::{AsyncFallback, BlockingFallback, FallbackFuture, FallbackTo, NoFallback};
pub use future::RetryFuture;
#[cfg(feature = "tokio")]
pub use lending::retry;
pub use lending::retry_with_state;
pub use policy::{Attempts, Delays, Policy, PolicyError};
#[cfg(feature = "macros")]
pub use retry_loop_macros::retry;
pub use retrying::{Async, Awaited, Blocking, Called, Cancellable, Lending, Retry, Retrying, Stateful};
pub use run::StopReason;
pub use shared::{Breaker, BreakerState, Budget};
#[cfg(feature = "tokio")]
pub use sleeper::TokioSleeper;
pub use sleeper::{BlockingSleeper, DefaultSleeper, NoSleeper, Sleeper, VirtualSleep, VirtualSleeper};

/// For the code of the attribute macro.
#[doc(hidden)]
pub mod private {
    pub use crate::call::{Call, PlainCall, Step};
    pub use crate::error::last_error;
    pub use crate::sleeper::std_now;
}
