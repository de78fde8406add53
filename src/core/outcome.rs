//! How an attempt ended, how a run ended, and the exit table, which turns that into an exit status.

use super::exit_code::{CONTROL_C_EXIT, ExitCode};
use super::signal::{HAS_SIGNALS, Signal};
use retry_loop::run::StopReason;

/// How one attempt of a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Exited(ExitCode),
    Killed(Signal),
    TimedOut(TimedOut),
    NotStarted(NotStarted),
}

/// An attempt that a time limit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut {
    pub limit: Limit,
    /// The first signal that was sent.
    pub signal: Signal,
    pub escalation: Escalation,
    /// The processes that could not be ended.
    pub survivors: Survivors,
}

/// The processes that are left of a tree which should have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survivors {
    None,
    /// These processes: they run as another user, or are stuck in the kernel.
    Processes(Vec<i32>),
    /// Some that /proc does not show.
    Unknown,
}

/// The time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Timeout,
    Idle,
    Deadline,
}

/// The signals that it took to end a process tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escalation {
    /// The first signal was enough.
    FirstSignal,
    /// It took SIGKILL after the grace period.
    Killed,
}

/// An attempt that never ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStarted {
    pub kind: SpawnFailure,
    /// The system's text for the error.
    pub why: String,
}

/// Why a command could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpawnFailure {
    /// There is no such command: exit status 127.
    NotFound,
    /// It is a program in the current directory, where it is not looked for: 127.
    NotInPath,
    /// The file is there, but not the interpreter or the loader that it names: 127, as env(1) and timeout(1) have it.
    NoInterpreter,
    /// The command cannot be run: 126.
    NotExecutable,
    /// The system lacks a resource for the moment (EAGAIN, ENOMEM, ETXTBSY): 126.
    Transient,
}

impl Outcome {
    /// The status that a shell shows in `$?`: the code, 128 + the signal, 124 for a time limit,
    /// 126 or 127 for a command that could not be run.
    pub fn status(&self) -> ExitCode {
        self.own_exit().status()
    }

    /// Whether another attempt would be pointless by nature: there is no such command, the reader of its output has
    /// gone (SIGPIPE), or a user stopped it (SIGINT, SIGQUIT, Ctrl-C on Windows).
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Exited(CONTROL_C_EXIT) => !HAS_SIGNALS,
            Self::Exited(_) | Self::TimedOut(_) => false,
            Self::Killed(signal) => signal.needs_explicit_rule(),
            Self::NotStarted(NotStarted { kind, .. }) => *kind != SpawnFailure::Transient,
        }
    }

    fn own_exit(&self) -> Exit {
        match self {
            Self::Exited(code) => Exit::Code(*code),
            Self::Killed(signal) => Exit::Signal(*signal),
            Self::TimedOut(_) => Exit::Code(TIMED_OUT),
            Self::NotStarted(NotStarted { kind, .. }) => match kind {
                SpawnFailure::NotFound | SpawnFailure::NotInPath | SpawnFailure::NoInterpreter => {
                    Exit::Code(NOT_FOUND)
                }
                SpawnFailure::NotExecutable | SpawnFailure::Transient => Exit::Code(NOT_EXECUTABLE),
            },
        }
    }
}

impl Signal {
    /// SIGPIPE, SIGINT and SIGQUIT mean that nobody wants another attempt, so a rule has to name them.
    pub fn needs_explicit_rule(self) -> bool {
        matches!(self, Self::SIGPIPE | Self::SIGINT | Self::SIGQUIT)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As many attempts in a row succeeded as `--consecutive` asks for.
    Succeeded {
        /// The failed attempts before.
        failures: u64,
    },
    /// The last attempt failed, or no attempt was made.
    Stopped(StopReason),
    /// `retry` received this signal.
    Interrupted(Signal),
    /// `retry` itself failed and lost something; a message for the user.
    Broken(String),
    /// The reader of the output has gone.
    NoReader,
}

impl Ending {
    /// The name in reports: docs/json.md.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Succeeded { .. } => "success",
            Self::Stopped(StopReason::AttemptsExhausted) => "exhausted",
            Self::Stopped(StopReason::Deadline { .. }) => "deadline",
            Self::Stopped(StopReason::CircuitOpen { .. }) => "circuit-open",
            Self::Stopped(StopReason::BudgetEmpty) => "budget-empty",
            Self::Stopped(_) => "stopped",
            Self::Interrupted(_) => "interrupted",
            Self::Broken(_) | Self::NoReader => "error",
        }
    }

    /// Whether it succeeded after a failed attempt.
    pub fn is_rescued(&self) -> bool {
        matches!(self, Self::Succeeded { failures: 1.. })
    }
}

/// The end of a run. `O` is the outcome of an attempt: [`Outcome`] for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd<O> {
    pub ending: Ending,
    /// The last attempt. After an interruption the attempt that was running; `None` if none was.
    pub last: Option<O>,
    /// The fallback, if it ran.
    pub fallback: Option<O>,
}

/// How the process of `retry` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(ExitCode),
    /// By this signal, raised again, so that the parent sees the same death as without `retry`.
    Signal(Signal),
}

impl Exit {
    /// The status that a shell shows in `$?`.
    pub fn status(self) -> ExitCode {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.status(),
        }
    }
}

/// The circuit is open and nothing was run: EX_TEMPFAIL of sysexits.h.
const TEMPORARY_FAILURE: ExitCode = 75;
/// The last attempt was ended by a limit, or the deadline passed before any: as timeout(1).
pub const TIMED_OUT: ExitCode = 124;
/// A usage error, or a failure of `retry` itself that loses something: as timeout(1) and env(1).
pub const OWN_FAILURE: ExitCode = 125;
const NOT_EXECUTABLE: ExitCode = 126;
const NOT_FOUND: ExitCode = 127;

impl RunEnd<Outcome> {
    /// The exit table. `flaky_exit` is the status of a success after a failed attempt.
    pub fn exit(&self, flaky_exit: Option<ExitCode>) -> Exit {
        if let Some(fallback) = &self.fallback {
            return fallback.own_exit();
        }
        match (&self.ending, &self.last) {
            (Ending::Broken(_), _) => Exit::Code(OWN_FAILURE),
            (Ending::NoReader, _) => Exit::Signal(Signal::SIGPIPE),
            (Ending::Interrupted(_), Some(Outcome::Exited(code))) => Exit::Code(*code),
            (Ending::Interrupted(signal), _) => Exit::Signal(*signal),
            (Ending::Succeeded { failures: 0 }, _) => Exit::Code(0),
            (Ending::Succeeded { .. }, _) => Exit::Code(flaky_exit.unwrap_or(0)),
            (Ending::Stopped(StopReason::CircuitOpen { .. }), None) => Exit::Code(TEMPORARY_FAILURE),
            (Ending::Stopped(_), None) => Exit::Code(TIMED_OUT),
            (Ending::Stopped(_), Some(last)) => match last.own_exit() {
                // A run that gave up is no success, even if the command exited with 0.
                Exit::Code(0) => Exit::Code(1),
                exit => exit,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retry_loop::circuit::RefusalCause;
    use std::time::Duration;

    fn end(ending: Ending, last: Option<Outcome>) -> RunEnd<Outcome> {
        RunEnd { ending, last, fallback: None }
    }

    fn stopped(last: Outcome) -> Exit {
        end(Ending::Stopped(StopReason::Permanent), Some(last)).exit(Some(9))
    }

    fn not_started(kind: SpawnFailure) -> Outcome {
        Outcome::NotStarted(NotStarted { kind, why: String::new() })
    }

    #[test]
    fn giving_up_shows_the_last_attempt_and_is_never_zero() {
        assert_eq!(stopped(Outcome::Exited(22)), Exit::Code(22));
        assert_eq!(stopped(Outcome::Exited(0)), Exit::Code(1));
        assert_eq!(stopped(Outcome::Killed(Signal::SIGKILL)), Exit::Signal(Signal::SIGKILL));
        assert_eq!(stopped(not_started(SpawnFailure::NotFound)), Exit::Code(127));
        assert_eq!(stopped(not_started(SpawnFailure::NotExecutable)), Exit::Code(126));
        assert_eq!(stopped(not_started(SpawnFailure::Transient)), Exit::Code(126));
        let wait = Duration::from_secs(1);
        let refused = StopReason::CircuitOpen { wait, cause: RefusalCause::Open };
        let open = |last| end(Ending::Stopped(refused), last).exit(None);
        assert_eq!(open(None), Exit::Code(75));
        assert_eq!(open(Some(Outcome::Exited(7))), Exit::Code(7));
        let empty = end(Ending::Stopped(StopReason::BudgetEmpty), Some(Outcome::Exited(7)));
        assert_eq!(empty.exit(None), Exit::Code(7));
    }

    #[test]
    fn only_a_late_success_is_flaky() {
        let ending = |failures| end(Ending::Succeeded { failures }, Some(Outcome::Exited(0)));
        assert_eq!(ending(0).exit(Some(9)), Exit::Code(0));
        assert_eq!(ending(1).exit(Some(9)), Exit::Code(9));
        assert_eq!(ending(1).exit(None), Exit::Code(0));
    }

    #[test]
    fn an_interrupted_command_that_exits_decides_the_status() {
        let ending = |running| end(Ending::Interrupted(Signal::SIGTERM), running).exit(None);
        assert_eq!(ending(Some(Outcome::Exited(0))), Exit::Code(0));
        assert_eq!(ending(Some(Outcome::Exited(3))), Exit::Code(3));
        assert_eq!(ending(Some(Outcome::Killed(Signal::SIGKILL))), Exit::Signal(Signal::SIGTERM));
        assert_eq!(ending(None), Exit::Signal(Signal::SIGTERM));
    }
}
