//! Everything that one invocation was asked to do. Made by `cli`, carried out by `main`.

use super::policy::Policy;
use super::signal::Signal;
use std::ffi::OsString;
use std::time::Duration;

/// One invocation.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The command and its arguments; never empty.
    pub command: Vec<OsString>,
    /// When to attempt again.
    pub policy: Policy,
    /// What ends an attempt from outside.
    pub limits: Limits,
    /// Makes the jitter repeatable.
    pub seed: Option<u64>,
    /// The exit status of a success that needed more than one attempt.
    pub flaky_exit: Option<u8>,
    /// How much is said.
    pub verbosity: Verbosity,
    /// How many `retry` are around this one, itself included: `RETRY_DEPTH` for the command.
    pub depth: u32,
    /// Notes for `-v`: what came from the environment.
    pub settings: Vec<String>,
}

/// What ends an attempt from outside, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For one attempt.
    pub timeout: Option<Duration>,
    /// For everything, since the start.
    pub deadline: Option<Duration>,
    /// Sent to the process tree first.
    pub signal: Signal,
    /// Grace before SIGKILL, after a time limit and for what a cancelled command leaves behind.
    pub kill_after: Duration,
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `retry`'s own errors only.
    Quiet,
    /// Each failure, a late success, giving up.
    Normal,
    /// Also starts, arguments, rules that matched, settings from the environment.
    Verbose,
}
