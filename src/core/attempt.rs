//! The trait through which the loop runs whatever is retried: a command, a Rust function, a script
//! of outcomes in a test. It owns the vocabulary between the loop and an attempt, and no behaviour.

use super::policy::Verdict;
use super::signal::Signal;
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
    fn attempt(&mut self, number: u64) -> impl Future<Output = Done<Self::Outcome>>;

    /// What the outcome means.
    fn judge(&self, outcome: &Self::Outcome) -> Verdict;

    /// Waits between attempts.
    fn wait(&mut self, delay: Duration) -> impl Future<Output = Waited>;

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
    /// The first signal that told us to end everything, if one came while it ran.
    pub interrupted: Option<Signal>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time has passed.
    Elapsed,
    /// A signal said to end everything.
    Interrupted(Signal),
}
