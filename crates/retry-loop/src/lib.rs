//! Calls that fail now and then, called again: with backoff, jitter and a deadline, and with a circuit breaker and a
//! retry budget that keep a service from being overrun.
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
//! A closure or function that returns a `Result` is called in this thread:
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
//! | for | see |
//! |---|---|
//! | how often, how long in between, when to give up | [`Policy`] |
//! | what else can be said about a call | [`Retrying`] |
//! | closures that lend their state to their future, or want the attempt's number | [`retry()`], [`retry_with_state`] |
//! | calls that share a fate | [`Breaker`], [`Budget`] |
//! | another runtime than tokio | [`Retrying::sleep_with`], [`Sleeper`] |
//! | drivers of one's own, stores of one's own | [`run`], [`circuit`], [`bucket`] |
//!
//! # Features
//!
//! - `tokio` (default): sleeps on tokio's clock. A test with a paused clock takes no time.
//! - `macros`: the attribute [`macro@retry`] for functions.
//!
//! Without features it has two dependencies and no runtime, and builds for every target that has std.

#![warn(missing_docs)]

pub mod backoff;
pub mod bucket;
mod call;
pub mod circuit;
mod error;
pub mod policy;
pub mod random;
mod retrying;
pub mod run;
pub mod server_hint;
mod shared;
mod sleeper;
pub mod timestamp;

pub use backoff::{Growth, Jitter};
pub use error::{AttemptError, Error, Failure, NoCause};
pub use policy::{Attempts, Policy, PolicyError};
#[cfg(feature = "macros")]
pub use retry_loop_macros::retry;
pub use retrying::{Async, Blocking, NoFallback, Retry, RetryFuture, Retrying, retry_with};
#[cfg(feature = "tokio")]
pub use retrying::{retry, retry_with_state};
pub use run::StopReason;
pub use shared::{Breaker, Budget};
#[cfg(feature = "tokio")]
pub use sleeper::TokioSleeper;
pub use sleeper::{DefaultSleeper, NoSleeper, Sleeper};

/// What the attribute macro needs. No part of the API.
#[doc(hidden)]
pub mod private {
    pub use crate::call::{Call, PlainCall, Step};
    pub use crate::error::last_error;
    pub use crate::retrying::{AsyncFallback, BlockingFallback};
    pub use crate::sleeper::std_now;
}
