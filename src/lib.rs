//! `retry` runs a command until it succeeds, with exponential backoff and jitter between attempts.
//!
//! This package is the command; the README and the man page describe it. A Rust program that wants to retry a
//! function uses the crate `retry-loop`. The modules below are public for the binary and the tests only, and change
//! with them, whatever the version says.
//!
//! # How it is built
//!
//! ```text
//! argv --cli--> Plan --run--> loop, decided by retry_loop::run::Run {
//!     start:   initial delay; time left before the deadline?
//!     wait  -> hook -> deadline passed? circuit closed?
//!     attempt  (spawn, streams, limits, signals) -> Outcome
//!     judge    (rules, then --retry-if)          -> Verdict
//!     next:    permanent? attempts left? delay; deadline; circuit still closed; budget pays }
//!   -> Ending -> fallback -> exit table -> exit status, or the signal raised again
//! ```
//!
//! | module | owns |
//! |---|---|
//! | `core` | what is pure: the plan, the rules and the verdict, outcomes and the exit table, parsers of output |
//! | `cli` | what was typed: flags, values, presets, generated files, the dry run; makes the plan |
//! | `run` | the loop of a command, on one page, with its events |
//! | `process` | one attempt: spawn, process tree, signals, the event loop |
//! | `platform` | what is asked of the operating system, one folder per system |
//! | `streams` | stdin, held output, searched output |
//! | `state` | what processes share: circuit breakers and retry budgets, in files or on a server |
//! | `stats` | what many runs have in common, from the reports of `--report` |
//! | `report` | every byte that is printed: the events as text, log entries and reports |
//!
//! The decisions of the loop (attempts, delays, deadline, circuit breaker, retry budget) are in `crates/retry-loop`,
//! which knows no process, file or environment. `src/main.rs` connects the modules, and the process ends when it
//! returns; `src/start.rs` calls it.
//!
//! Imports go downward only:
//!
//! ```text
//! main -> process, cli -> report -> run, streams, state, stats -> platform -> core -> retry_loop
//! ```
//!
//! `process` implements the loop's `Driver` and writes what `report` has left for stderr. `report` shows the events of
//! `run`, the records of `state` and the sums of `stats`, and writes with the nonblocking writer of `streams`. `cli`
//! uses the texts of `report` for the dry run.

#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod core;
#[doc(hidden)]
pub mod platform;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod state;
#[doc(hidden)]
pub mod stats;
#[doc(hidden)]
pub mod streams;
