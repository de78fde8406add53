//! One attempt of a command: started, waited for, passed signals, and ended with all its children.
//!
//! | file | owns |
//! |---|---|
//! | [`supervisor`] | an attempt from start to end; the implementation of [`crate::run::attempt::Attempt`] |
//! | [`spawn`] | starting: argv, environment, 126 and 127 |
//! | [`event_loop`] | the one wait: children, signals, limits, delays |
//! | [`clock`] | the time of a run, without stopped time |
//! | [`command_state`] | none, running or stopped: what follows from a signal or from a change of it |
//! | [`job_control`] | whether somebody can stop a job and continue it; stopping ourselves |
//! | [`patience`] | how long a run waits for those who read what it says |
//! | [`signals`] | which signals are caught, and the rule by which they are passed on |
//! | [`interruption`] | what the signals amount to that ask for the end |
//! | [`progress_timer`] | when a view of what goes on wants to be called |
//! | [`tree`] | the processes that an attempt made, and how they end |
//! | [`terminal`] | the terminal's settings and foreground group, put back after a command that was killed |
//! | [`guard`] | the circuit breaker and the retry budget, as the loop asks for them |
//!
//! Nothing here judges an outcome or prints. What a system can do, and how, is in [`crate::platform`].

pub mod clock;
pub mod command_state;
pub mod event_loop;
pub mod guard;
pub mod interruption;
pub mod job_control;
pub mod patience;
pub mod progress_timer;
pub mod signals;
pub mod spawn;
pub mod supervisor;
pub mod terminal;
pub mod tree;
