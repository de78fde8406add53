//! The events of a run, and the trait that observes them. The views in `report` show them.

use super::driver::AttemptDetails;
use crate::core::outcome::Outcome;
use crate::core::plan::Verbosity;
use crate::core::signal::Signal;
use crate::core::stream::Cursor;
use crate::core::verdict::Why;
use retry_loop::run::{Next, StopReason};
use std::time::Duration;

/// Observes a run. `O` is the outcome of an attempt.
pub trait Observer<O> {
    /// Called when something has happened.
    fn event(&mut self, event: &Event<'_, O>);

    /// Called while something is in progress. Returns after how long to call again; `None` means not again, so that
    /// nothing wakes up for an observer that shows nothing.
    fn activity(&mut self, _activity: Activity) -> Option<Duration> {
        None
    }
}

/// Something that has happened. `O` is the outcome of an attempt. Attempts are numbered from 1, `took` is how long an
/// attempt ran, and `elapsed` is the time since the start of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields that say nothing else are described above")]
pub enum Event<'a, O> {
    /// An attempt starts.
    Starting { number: u64 },
    /// An attempt succeeded, but more successes in a row are wanted.
    Good {
        number: u64,
        /// Successes in a row, this one included.
        in_a_row: u64,
        outcome: &'a O,
        took: Duration,
        elapsed: Duration,
        next: Next,
    },
    /// An attempt failed.
    Failed {
        number: u64,
        outcome: &'a O,
        took: Duration,
        elapsed: Duration,
        /// The delay that the server asked for, whether or not another attempt follows.
        server_delay: Option<Duration>,
        details: &'a AttemptDetails,
        /// The rule behind the verdict.
        why: &'a Why,
        next: Next,
    },
    /// The command of `--before-retry` failed.
    HookFailed { outcome: &'a O },
    /// The command of `--retry-if` gave no answer.
    ConditionFailed { outcome: &'a O },
    /// The fallback starts.
    FallingBack,
    /// The fallback could not be started.
    FallbackNotStarted { outcome: &'a O },
    /// The next attempt does not start: there is no time for it, or the circuit is open.
    Refused { number: u64, reason: StopReason, elapsed: Duration },
    /// An attempt changes the circuit that it shares with others.
    Circuit { number: u64, change: CircuitChange },
    /// The shared state cannot be used. `what` says why, and what `retry` does about it.
    Warning { what: String },
    /// stdout or stderr cannot be written, and further output of the command is lost. `what` says why.
    OutputLost { what: String },
    /// `retry` itself failed, and something is lost. `what` says what.
    Broken { what: String },
    /// The run succeeded.
    Succeeded {
        /// The last attempt.
        number: u64,
        outcome: &'a O,
        took: Duration,
        /// Failed attempts before the success.
        failures: u64,
        elapsed: Duration,
    },
    /// The processes of a command got a signal that ends them, and some of them still run.
    Slow {
        /// The signal that they have received.
        signal: Signal,
        /// The time until they get SIGKILL.
        left: Duration,
        cause: SlowCause,
    },
    /// The command gets SIGKILL, because a signal that ends the run came again.
    Killing {
        /// The signal that came again.
        signal: Signal,
        request: KillRequest,
    },
    /// A signal ended the run.
    Interrupted {
        /// The signal that `retry` received.
        signal: Signal,
        /// The attempt that ran, had just run, or was next.
        number: u64,
        moment: Moment<'a, O>,
        elapsed: Duration,
    },
}

/// When a signal came, as seen from an attempt that was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`took` is how long the attempt ran")]
pub enum Moment<'a, O> {
    /// Before it was started.
    Before,
    /// While it ran, and this is its outcome.
    During { outcome: &'a O, took: Duration },
    /// When it had failed, and it was not yet known whether another one follows.
    After { outcome: &'a O, took: Duration },
}

/// Why the processes of a command are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlowCause {
    TimeLimit,
    /// `retry` received the signal. The command has ended, and these are processes that it left behind.
    Interruption,
}

impl Event<'_, Outcome> {
    /// Who has to see a message about the event.
    pub fn importance(&self) -> Importance {
        match self {
            // A shell says nothing about that either: the reader, as in `| head`, wanted no more.
            Self::Failed {
                outcome: Outcome::Killed(Signal::SIGPIPE),
                next: Next::Stop(StopReason::Permanent),
                ..
            } => Importance::Detail,
            Self::Failed { next: Next::Stop(_), .. }
            | Self::Refused { .. }
            | Self::FallbackNotStarted { .. }
            | Self::Interrupted { .. }
            | Self::OutputLost { .. }
            | Self::Broken { .. } => Importance::Failure,
            _ => Importance::Progress,
        }
    }
}

impl<O> Event<'_, O> {
    /// The severity of a message about the event.
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
            | Self::Slow { .. }
            | Self::Killing { .. }
            | Self::Interrupted { .. }
            | Self::Circuit { change: CircuitChange::Opened { .. }, .. }
            | Self::Warning { .. } => Severity::Warning,
            Self::Starting { .. } | Self::Succeeded { failures: 0, .. } => Severity::Info,
            Self::Succeeded { .. } | Self::Circuit { .. } => Severity::Notice,
            Self::Broken { .. }
            | Self::OutputLost { .. }
            | Self::Refused { .. }
            | Self::FallbackNotStarted { .. } => Severity::Error,
        }
    }
}

/// Who has to see a message, from few to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Those who asked for details: `--verbose`.
    Detail,
    /// Those who follow the run: not with `--quiet`.
    Progress,
    /// Everyone who needs to know why the run failed: not with `--silent`.
    Failure,
}

impl Importance {
    /// Whether stderr shows the message.
    pub fn is_shown(self, verbosity: Verbosity) -> bool {
        verbosity
            >= match self {
                Self::Detail => Verbosity::Verbose,
                Self::Progress => Verbosity::Normal,
                Self::Failure => Verbosity::Quiet,
            }
    }
}

/// What asked for SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillRequest {
    /// A process sent INT or TERM again.
    SentAgain,
    /// A person pressed the key of a signal three times within two seconds.
    Keys,
}

/// What an attempt does to the circuit that it shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitChange {
    /// Its failure has opened the circuit.
    Opened {
        /// The time for which it is open.
        wait: Duration,
    },
    /// It probes the circuit, which was open.
    Probing,
    /// It was the probe, and its success has closed the circuit.
    Closed,
}

/// The severity of a message. The numbers are those of syslog(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run has failed, or something is lost.
    Error = 3,
    /// Something failed, and the run goes on.
    Warning = 4,
    /// The run succeeded after a failure.
    Notice = 5,
    /// Something went as it should.
    Info = 6,
}

/// How the time of a run was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// The sum of all delays.
    pub waited: Duration,
    /// The sum of the times for which attempts ran.
    pub worked: Duration,
}

/// What is in progress between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A delay.
    Waiting {
        /// Time until the delay is over.
        left: Duration,
        /// Time since the start of the run.
        elapsed: Duration,
    },
    /// An attempt.
    Running {
        /// How long it has run.
        took: Duration,
    },
    /// A command that still runs a second after Ctrl-C. Told once in a run.
    AfterCtrlC,
    /// Nothing: the delay or the attempt is over.
    Finished,
    /// Nothing: a command has ended or a key was pressed, and the cursor of the terminal may have moved.
    CursorMoved {
        /// Where the cursor is now.
        cursor: Cursor,
    },
}
