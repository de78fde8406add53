//! One attempt of a command: started, waited for, passed signals, and ended with all its children.
//!
//! | file | owns |
//! |---|---|
//! | [`supervisor`] | an attempt from start to end; the implementation of [`crate::core::attempt::Attempt`] |
//! | [`spawn`] | starting: argv, environment, 126 and 127 |
//! | [`wait`] | the one wait: children, signals, limits, delays, stopped time |
//! | [`patience`] | how long a run waits for those who read what it says |
//! | [`signals`] | which signals are caught, and the rule by which they are passed on |
//! | [`ticker`] | when a view of what goes on wants to be called |
//! | [`tree`] | the processes that an attempt made, and how they end |
//! | [`group`] | whether the command has a process group of its own (never on Linux), and what is sent to it |
//! | [`sys`] | the system calls that no safe crate offers: the only `unsafe` of the library |
//!
//! Nothing here judges an outcome or prints.

pub mod group;
pub mod patience;
pub mod signals;
pub mod spawn;
pub mod supervisor;
pub mod sys;
pub mod ticker;
pub mod tree;
pub mod wait;
