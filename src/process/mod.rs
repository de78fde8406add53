//! Runs the command: starts it, waits for it, forwards signals to it, and ends it with all its descendants.
//!
//! | file | owns |
//! |---|---|
//! | [`supervisor`] | the attempts and hooks of a run; implements [`crate::run::driver::Driver`] |
//! | [`spawn`] | the start of a command: its environment, statuses 126 and 127 |
//! | [`interpreter`] | why a file that is there cannot be found: the interpreter that it names |
//! | [`event_loop`] | the one place that waits: for children, signals, streams and time limits |
//! | [`clock`] | the time of a run, without the time for which it was stopped |
//! | [`command_state`] | whether a command runs or is stopped, and what follows from signals and changes |
//! | [`wait_policy`] | how long a run waits for the readers of what it writes |
//! | [`interruption`] | the signals that ask for the end of the run, and how urgently |
//! | [`progress_timer`] | when to tell the observer again what is in progress |
//! | [`tree`] | the descendants of an attempt, and how they are ended |
//! | [`guard`] | the circuit breaker and the retry budget, as the loop asks for them |
//!
//! Nothing here judges an outcome or prints. What differs between systems is in [`crate::platform`]: how a command is
//! started, which signals are caught, how streams are waited for, what a tree consists of.

pub mod clock;
pub mod command_state;
pub mod event_loop;
pub mod guard;
pub mod interpreter;
pub mod interruption;
pub mod progress_timer;
pub mod spawn;
pub mod supervisor;
pub mod tree;
pub mod wait_policy;
