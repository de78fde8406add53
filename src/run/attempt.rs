//! The trait through which the loop runs a command, or the script of a test. It owns the vocabulary between the
//! loop and an attempt, and no behaviour.

use super::event::Observer;
use crate::core::outcome::Left;
use crate::core::signal::Signal;
use crate::core::verdict::Verdict;
use retry_loop::circuit::Observation;
use retry_loop::run::{Guard, Unguarded};
use retry_loop::server_hint::ServerHint;
use std::time::Duration;

/// Something that can be attempted again.
///
/// The loop in [`crate::run`] decides *whether* and *when*; an implementation knows *how*, and what
/// time it is.
pub trait Attempt {
    /// How one attempt ended.
    type Outcome;

    /// Makes attempt `number` (from 1) and comes back when nothing of it is left that could overlap
    /// with the next one.
    fn attempt(&mut self, number: u64, observer: &mut dyn Observer<Self::Outcome>) -> Done<Self::Outcome>;

    /// What the outcome means.
    fn judge(&self, outcome: &Self::Outcome) -> Verdict;

    /// Asks whether a failure that no rule stopped is worth another attempt.
    fn second_opinion(
        &mut self,
        _outcome: &Self::Outcome,
        _observer: &mut dyn Observer<Self::Outcome>,
    ) -> Opinion<Self::Outcome> {
        Opinion::None
    }

    /// What the server asked for in the last attempt.
    fn server_hint(&self) -> ServerHint {
        ServerHint::None
    }

    /// Makes ready for another attempt after a failure, when the delay is over.
    fn before_retry(
        &mut self,
        _number: u64,
        _observer: &mut dyn Observer<Self::Outcome>,
    ) -> Ready<Self::Outcome> {
        Ready::Yes
    }

    /// What an outcome and the verdict on it say of the service that the command has called.
    fn observation(&self, _outcome: &Self::Outcome, verdict: &Verdict) -> Observation {
        verdict.observation()
    }

    /// The circuit breaker and the retry budget. `observer` is told where they cannot be used.
    fn guard<'a>(&'a mut self, _observer: &'a mut dyn Observer<Self::Outcome>) -> impl Guard + 'a {
        Unguarded
    }

    /// Waits between attempts.
    fn wait(&mut self, delay: Duration, observer: &mut dyn Observer<Self::Outcome>) -> Waited;

    /// Time since the start. An implementation may leave out what must not count (time stopped by
    /// Ctrl-Z).
    fn elapsed(&self) -> Duration;
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done<O> {
    /// How it ended.
    pub outcome: O,
    /// How long it ran.
    pub took: Duration,
    /// What ends everything with it, if something does.
    pub abort: Option<Abort>,
    /// What else there is to say about it.
    pub remarks: Remarks,
}

/// What ends a run in the middle of an attempt, whatever the attempt's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abort {
    /// The first signal that told us to end.
    Interrupted(Signal),
    /// A failure of our own that loses something.
    Broken(String),
}

/// What a message may say about an attempt besides its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Bytes of output that are held and will be dropped when there is another attempt.
    pub held: Option<u64>,
    /// Whether another attempt finds its stdin.
    pub stdin: StdinState,
    /// What it left running when it ended by itself and failed.
    pub leftovers: LeftRunning,
}

/// Processes that outlived a failed attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LeftRunning {
    /// None.
    #[default]
    Nothing,
    /// So many go on.
    Kept(usize),
    /// Some go on, and nobody can say how many: /proc does not show them.
    KeptUnseen,
    /// So many were ended.
    Ended(usize),
    /// They should have been ended, but could not be.
    Stuck(Left),
}

/// Whether another attempt finds its stdin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StdinState {
    /// As far as we know.
    #[default]
    Fine,
    /// It is a stream that this attempt may have read to its end.
    UsedUp,
}

/// What was said about a failure that no rule stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion<O> {
    /// Nothing.
    None,
    /// It is worth another attempt.
    Retry,
    /// It is not.
    Stop,
    /// Nothing: whoever was asked ended like this.
    Unusable(O),
    /// A signal said to end everything.
    Interrupted(Signal),
}

/// Whether another attempt can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready<O> {
    /// Yes.
    Yes,
    /// Yes, although what should have made ready for it ended like this.
    Warned(O),
    /// No: a signal said to end everything.
    Interrupted(Signal),
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time has passed.
    Elapsed,
    /// A signal said to end everything.
    Interrupted(Signal),
}
