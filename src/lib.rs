//! `retry` runs a command until it succeeds, with exponential backoff and jitter between attempts.
//!
//! The command line is described in the README and the man page. For a Rust function of your own,
//! use [`retry()`] with a [`Policy`].
//!
//! # How it is built
//!
//! ```text
//! argv --cli--> Plan --run--> loop {
//!     breaker admits -> attempt (spawn, streams, limits, signals) -> Outcome -> the rules judge -> Verdict
//!     -> attempts left? -> delay -> deadline? -> breaker still closed? -> budget pays -> wait -> hook }
//!   -> Ending --exit table--> exit status, or the signal raised again
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`mod@run`] | the loop, on one page |
//! | [`cli`] | what was typed: flags, values, generated files, the dry run; makes the plan |
//! | [`core`] | the rules, pure: plan, backoff, policy, outcome and the exit table |
//! | [`process`] | one attempt: spawn, tree, signals, the one wait |
//! | [`streams`](mod@streams) | stdin, held output, watched output |
//! | [`report`] | every byte that is printed: events and the views of them |
//! | [`state`] | what processes share: circuit breakers and retry budgets, in files or on a server |
//! | [`function`] | the same loop for a Rust function |
//!
//! `src/main.rs` connects them and is the only file that ends the process. Imports go downward only:
//! main, then run, then process, streams, report and state, then core; cli needs only core (and report's
//! texts for the dry run). Among the four, process stands on streams and state.

pub mod cli;
pub mod core;
pub mod function;
pub mod process;
pub mod report;
pub mod run;
pub mod state;
pub mod streams;

pub use crate::core::backoff::{Backoff, Growth, Jitter};
pub use crate::core::policy::{Attempts, Policy};
pub use crate::function::retry;
