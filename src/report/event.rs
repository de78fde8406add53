//! Everything that can happen, once. The views (`text`, ...) turn it into bytes.

use crate::core::attempt::Remarks;
use crate::core::output::Cursor;
use crate::core::policy::Why;
use crate::core::signal::Signal;
use std::time::Duration;

/// Something that happened. `O` is the outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a, O> {
    /// An attempt begins.
    Starting {
        /// The attempt, from 1.
        number: u64,
    },
    /// An attempt was good, but more of them are wanted in a row.
    Good {
        /// The attempt, from 1.
        number: u64,
        /// This one included.
        good_in_a_row: u64,
        /// How it ended.
        outcome: &'a O,
        /// How long it ran.
        took: Duration,
        /// What comes next.
        next: &'a Next,
    },
    /// An attempt failed.
    Failed {
        /// The attempt, from 1.
        number: u64,
        /// How it ended.
        outcome: &'a O,
        /// How long it ran.
        took: Duration,
        /// The delay that the server asked for, whether or not there is another attempt.
        asked: Option<Duration>,
        /// What else there is to say.
        remarks: &'a Remarks,
        /// What comes next.
        next: &'a Next,
    },
    /// The command of `--before-retry` failed.
    HookFailed {
        /// How it ended.
        outcome: &'a O,
    },
    /// The command of `--retry-if` gave no answer.
    ConditionFailed {
        /// How it ended.
        outcome: &'a O,
    },
    /// The fallback begins.
    FallingBack,
    /// The circuit breaker does not admit an attempt.
    CircuitOpen {
        /// The attempt that does not come.
        number: u64,
        /// For so long.
        wait: Duration,
        /// Since the start.
        elapsed: Duration,
    },
    /// What is shared with others cannot be used.
    Warning {
        /// What happened, and what is done about it.
        what: String,
    },
    /// stdout or stderr cannot be written, and what the command writes there from now on is lost.
    OutputLost {
        /// What happened, and what is done about it.
        what: String,
    },
    /// Something of our own failed, and something is lost.
    Broken {
        /// What.
        what: String,
    },
    /// The run succeeded.
    Succeeded {
        /// The last attempt, from 1.
        number: u64,
        /// How it ended.
        outcome: &'a O,
        /// How long it ran.
        took: Duration,
        /// Attempts that had failed before.
        failures: u64,
        /// Since the start.
        elapsed: Duration,
    },
    /// The deadline leaves no time for the first attempt, or for one that was already announced.
    NoTime {
        /// The attempt that does not come.
        number: u64,
        /// Since the start.
        elapsed: Duration,
    },
    /// A signal ended the run.
    Interrupted {
        /// The signal that `retry` received.
        signal: Signal,
        /// The attempt that ran or would have come next.
        number: u64,
        /// How it ended and how long it ran, if it ran.
        running: Option<(&'a O, Duration)>,
        /// Since the start.
        elapsed: Duration,
    },
}

/// What comes after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another one.
    Retry {
        /// After this.
        delay: Duration,
        /// The rule that says so; none after a good attempt.
        why: Option<Why>,
    },
    /// Nothing: it would be allowed, but is not worth it.
    Stop {
        /// The rule that says so.
        why: Why,
    },
    /// Nothing: it would be worth it, but is not allowed.
    GiveUp {
        /// The rule that says that it would be worth it; none after a good attempt.
        why: Option<Why>,
        /// Since the start.
        elapsed: Duration,
        /// What does not allow it.
        cause: GaveUp,
    },
}

/// What does not allow another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GaveUp {
    /// There are no attempts left.
    Exhausted,
    /// The circuit is open.
    CircuitOpen {
        /// For so long.
        wait: Duration,
    },
    /// The retry budget has nothing left.
    BudgetEmpty,
    /// The next delay would pass the deadline.
    OutOfTime {
        /// That delay.
        delay: Duration,
    },
}

impl<O> Event<'_, O> {
    /// How much a reader of many logs should care.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Good { next, .. } | Self::Failed { next, .. } => match next {
                Next::Retry { why: None, .. } => Severity::Info,
                Next::Retry { .. } => Severity::Warning,
                Next::Stop { .. } | Next::GiveUp { .. } => Severity::Error,
            },
            Self::HookFailed { .. }
            | Self::ConditionFailed { .. }
            | Self::FallingBack
            | Self::Interrupted { .. }
            | Self::Warning { .. } => Severity::Warning,
            Self::Starting { .. } | Self::Succeeded { failures: 0, .. } => Severity::Info,
            Self::Succeeded { .. } => Severity::Notice,
            Self::Broken { .. }
            | Self::OutputLost { .. }
            | Self::NoTime { .. }
            | Self::CircuitOpen { .. } => Severity::Error,
        }
    }
}

/// How much a reader of many logs should care; the numbers are syslog(3)'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is over, and not well.
    Error = 3,
    /// Something failed, and there is hope.
    Warning = 4,
    /// It went well in the end.
    Notice = 5,
    /// For whoever wants to know all.
    Info = 6,
}

/// Where the time of a run went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Since the start.
    pub elapsed: Duration,
    /// In delays.
    pub waited: Duration,
    /// In attempts.
    pub worked: Duration,
}

/// What goes on between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A delay is waited for.
    Waiting {
        /// Until it is over.
        left: Duration,
        /// Since the start.
        elapsed: Duration,
    },
    /// An attempt runs.
    Running {
        /// For so long.
        took: Duration,
    },
    /// It is over.
    Over,
    /// A command was there, and has left the cursor of the terminal somewhere.
    Wrote {
        /// Where.
        cursor: Cursor,
    },
}
