//! The trait through which the loop runs whatever is retried: a command, a Rust function, a script
//! of outcomes in a test. It owns the vocabulary between the loop and an attempt, and no behaviour.

use super::breaker;
use super::budget::Payment;
use super::outcome::Left;
use super::policy::Verdict;
use super::random::Random;
use super::retry_after::ServerHint;
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

    /// Asks whether a failure that no rule stopped is worth another attempt.
    fn second_opinion(&mut self, _outcome: &Self::Outcome) -> impl Future<Output = Opinion<Self::Outcome>> {
        std::future::ready(Opinion::None)
    }

    /// How long the server asked us to wait, after the last attempt.
    fn asked(&self) -> ServerHint {
        ServerHint::Nothing
    }

    /// Makes ready for another attempt after a failure, when the delay is over.
    fn before_retry(&mut self, _number: u64) -> impl Future<Output = Ready<Self::Outcome>> {
        std::future::ready(Ready::Yes)
    }

    /// What an outcome and the verdict on it tell the circuit breaker.
    fn says_of_the_service(&self, _outcome: &Self::Outcome, verdict: &Verdict) -> breaker::Result {
        verdict.says_of_the_service()
    }

    /// Asks the circuit breaker, if there is one, whether an attempt may start.
    fn admit(&mut self) -> Admitted {
        Admitted::Yes
    }

    /// Tells the circuit breaker how the attempt that it admitted ended.
    fn record(&mut self, _result: breaker::Result, _random: &mut Random) {}

    /// For how long the circuit breaker would refuse an attempt now.
    fn refusal(&mut self) -> Option<Duration> {
        None
    }

    /// Takes the price of a retry from the retry budget, if there is one.
    fn pay(&mut self) -> Payment {
        Payment::Paid
    }

    /// Gives the retry budget what a success is worth.
    fn deposit(&mut self) {}

    /// What went wrong without ending anything (with what is shared, with a stream), one after the other.
    fn warning(&mut self) -> Option<Problem> {
        None
    }

    /// Waits between attempts.
    fn wait(&mut self, delay: Duration) -> impl Future<Output = Waited>;

    /// Time since the start. An implementation may leave out what must not count (time stopped by
    /// Ctrl-Z).
    fn elapsed(&self) -> Duration;
}

/// Something that went wrong without ending anything, in words for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// What is shared with others cannot be used.
    Store(String),
    /// Output of the command is lost on its way through us.
    OutputLost(String),
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Yes.
    Yes,
    /// The circuit is open.
    No {
        /// For so long.
        wait: Duration,
    },
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
