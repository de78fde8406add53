//! The trait through which the loop runs a command, or the script of a test, and the types that it returns.

use super::event::{CircuitChange, Observer};
use crate::core::outcome::Survivors;
use crate::core::signal::Signal;
use crate::core::verdict::Verdict;
use retry_loop::circuit::Observation;
use retry_loop::run::{Guard, Unguarded};
use retry_loop::server_hint::ServerHint;
use std::time::Duration;

/// What the loop in [`crate::run`] needs from outside: the attempts, the hooks, the guard, the waits and the clock. The
/// loop decides whether and when each of them is used.
pub trait Driver {
    /// How an attempt ended.
    type Outcome;

    /// Makes attempt `number` (from 1). Returns when nothing is left of it that could overlap with the next one.
    fn attempt(
        &mut self,
        number: u64,
        observer: &mut dyn Observer<Self::Outcome>,
    ) -> FinishedAttempt<Self::Outcome>;

    /// What the rules say about the outcome of the last attempt.
    fn judge(&self, outcome: &Self::Outcome) -> Verdict;

    /// What the last attempt says about the service that it called.
    fn observation(&self, _outcome: &Self::Outcome, verdict: &Verdict) -> Observation {
        verdict.observation()
    }

    /// What the server asked for in the last attempt.
    fn server_hint(&self) -> ServerHint {
        ServerHint::None
    }

    /// Runs the command of `--retry-if` after a failure that no rule stopped.
    fn retry_if(
        &mut self,
        _outcome: &Self::Outcome,
        _observer: &mut dyn Observer<Self::Outcome>,
    ) -> RetryIf<Self::Outcome> {
        RetryIf::NoAnswer
    }

    /// Runs the command of `--before-retry` after a failure and its delay. The next attempt is `number`.
    fn before_retry(
        &mut self,
        _number: u64,
        _observer: &mut dyn Observer<Self::Outcome>,
    ) -> BeforeRetry<Self::Outcome> {
        BeforeRetry::Succeeded
    }

    /// The circuit breaker and the retry budget. `observer` gets a warning if they cannot be used.
    fn guard<'a>(&'a mut self, _observer: &'a mut dyn Observer<Self::Outcome>) -> impl Guard + 'a {
        Unguarded
    }

    /// What the current attempt did to the circuit breaker since the last call.
    fn circuit_change(&mut self) -> Option<CircuitChange> {
        None
    }

    /// Waits for `delay` before an attempt.
    fn wait(&mut self, delay: Duration, observer: &mut dyn Observer<Self::Outcome>) -> Waited;

    /// The signal that ends the run, if one has come since the wait.
    fn interrupted(&mut self, _observer: &mut dyn Observer<Self::Outcome>) -> Option<Signal> {
        None
    }

    /// Time since the start of the run. An implementation may leave out the time for which it was stopped (Ctrl-Z).
    fn elapsed(&self) -> Duration;
}

/// An attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedAttempt<O> {
    /// How it ended.
    pub outcome: O,
    /// How long it ran.
    pub took: Duration,
    /// Why the run ends with it, whatever its outcome; `None` where the outcome decides.
    pub abort: Option<Abort>,
    /// More about it, for messages.
    pub details: AttemptDetails,
}

/// Why a run ends during an attempt, whatever its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abort {
    /// A signal came. This is the first one.
    Interrupted(Signal),
    /// We failed, and something is lost: what.
    Broken(String),
}

/// What a message says about an attempt besides its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptDetails {
    /// Bytes of held output, which is dropped if there is another attempt; `None` if no output is held.
    pub held: Option<u64>,
    /// Whether another attempt can read its stdin.
    pub stdin: StdinState,
    /// What it left running if it failed and ended by itself.
    pub left_running: LeftRunning,
}

/// Processes that outlived a failed attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LeftRunning {
    /// None.
    #[default]
    Nothing,
    /// These processes, which still run.
    Kept(Vec<i32>),
    /// Some, which still run. /proc does not show them, so their number is unknown.
    KeptHidden,
    /// These processes, which were ended.
    Ended(Vec<i32>),
    /// Some that could not be ended.
    Stuck(Survivors),
}

/// Whether another attempt can read its stdin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StdinState {
    /// As far as we know, it can.
    #[default]
    Available,
    /// Stdin is a stream that this attempt may have read to its end.
    UsedUp,
}

/// The answer of `--retry-if` about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryIf<O> {
    /// There is no such command, or it failed in an earlier attempt too.
    NoAnswer,
    /// The failure is worth another attempt.
    Retry,
    /// The failure is final.
    Stop,
    /// The command failed like this, for the first time.
    Failed(O),
    /// A signal came.
    Interrupted(Signal),
}

/// How `--before-retry` ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeforeRetry<O> {
    /// It succeeded, or there is no such command.
    Succeeded,
    /// It failed like this. The next attempt is made anyway.
    Failed(O),
    /// A signal came.
    Interrupted(Signal),
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The delay is over.
    Elapsed,
    /// A signal came.
    Interrupted(Signal),
}
