//! `retry` runs a command until it succeeds, with exponential backoff and jitter between attempts.
//!
//! The command line is described in the README and the man page.
//!
//! # For a function of your own
//!
//! [`retry()`] calls an async function until it returns `Ok`, with the delays of a [`Policy`]: the same ones
//! that the command line has. The package is `retry-command`, the library in it is `retry`; without its default
//! features it leaves out Redis, which only the command line needs.
//!
//! ```
//! use retry::{Attempts, Backoff, Jitter, Policy};
//! use std::num::NonZeroU64;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! // Five attempts in all, 1, 4, 16 and 30 s apart, each delay give or take a fifth.
//! let policy = Policy {
//!     attempts: Attempts::AtMost(NonZeroU64::new(5).unwrap()),
//!     backoff: Backoff {
//!         base: Duration::from_secs(1),
//!         max_delay: Some(Duration::from_secs(30)),
//!         jitter: Jitter::Ratio(0.2),
//!         ..Backoff::default()
//!     },
//!     ..Policy::default()
//! };
//! let answer: Result<u64, String> = retry::retry(&policy, async |attempt| {
//!     if attempt < 5 { Err("not yet".to_owned()) } else { Ok(attempt) }
//! })
//! .await;
//! assert_eq!(answer, Ok(5));
//! # }
//! ```
//!
//! What a program needs for that is exported here. The modules are public because the command line is made of
//! them; they change with it, whatever the version says.
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
//! | [`stats`] | what many runs have in common, from the reports of `--report` |
//! | [`function`] | the same loop for a Rust function |
//!
//! `src/main.rs` connects them and is the only file that ends the process. Imports go downward only:
//! main, then run, then process, streams, report and state, then core; cli needs only core (and, for the
//! dry run, report's texts and the width of a terminal). Among the four, process stands on streams, state
//! and report's events (and on what is left for stderr, which its wait writes), and report on what state shows,
//! on what stats has added up and on the nonblocking writer of streams, which never blocks; run needs only report's events.

pub mod cli;
pub mod core;
pub mod process;
pub mod report;
pub mod run;
pub mod state;
pub mod stats;
pub mod streams;
