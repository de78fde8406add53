//! Everything that can happen, once. The views (`text`, ...) turn it into bytes.

use super::attempt::Remarks;
use crate::core::signal::Signal;
use crate::core::stream::Cursor;
use crate::core::verdict::Why;
use retry_loop::run::{Next, StopReason};
use std::time::Duration;

/// Whoever is told what happens. `O` is the outcome of an attempt.
pub trait Observer<O> {
    /// Something has happened.
    fn event(&mut self, event: &Event<'_, O>);

    /// Something goes on. Returns after how long to be told again; none means not again, so that nothing wakes
    /// up for a view that shows nothing.
    fn activity(&mut self, _activity: Activity) -> Option<Duration> {
        None
    }
}

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
        in_a_row: u64,
        /// How it ended.
        outcome: &'a O,
        /// How long it ran.
        took: Duration,
        /// Since the start.
        elapsed: Duration,
        /// What comes next.
        next: Next,
    },
    /// An attempt failed.
    Failed {
        /// The attempt, from 1.
        number: u64,
        /// How it ended.
        outcome: &'a O,
        /// How long it ran.
        took: Duration,
        /// Since the start.
        elapsed: Duration,
        /// The delay that the server asked for, whether or not there is another attempt.
        asked: Option<Duration>,
        /// What else there is to say.
        remarks: &'a Remarks,
        /// The rule that decided.
        why: &'a Why,
        /// What comes next.
        next: Next,
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
    /// An attempt that would have come next does not: there is no time for it, or the circuit is open.
    Refused {
        /// The attempt, from 1.
        number: u64,
        /// Why.
        reason: StopReason,
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

impl<O> Event<'_, O> {
    /// How much a reader of many logs should care.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Good { next, .. } | Self::Failed { next, .. } => match next {
                Next::Succeeded | Next::Again(_) => Severity::Info,
                Next::Retry(_) => Severity::Warning,
                Next::Stop(_) => Severity::Error,
            },
            Self::HookFailed { .. }
            | Self::ConditionFailed { .. }
            | Self::FallingBack
            | Self::Interrupted { .. }
            | Self::Warning { .. } => Severity::Warning,
            Self::Starting { .. } | Self::Succeeded { failures: 0, .. } => Severity::Info,
            Self::Succeeded { .. } => Severity::Notice,
            Self::Broken { .. } | Self::OutputLost { .. } | Self::Refused { .. } => Severity::Error,
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
