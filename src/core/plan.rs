//! The plan of one invocation. Made by `cli`, carried out by `main`.

use super::exit_code::ExitCode;
use super::rules::Rules;
use super::shared::SharedConfig;
use super::signal::Signal;
use super::stream::{Side, Stream};
use retry_loop::policy::Policy;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Plan {
    /// The command and its arguments; never empty.
    pub command: Vec<OsString>,
    /// What was meant if there is no such command: it may be part of the value of the option before it.
    pub if_not_found: Option<String>,
    /// Attempts, delays and the deadline.
    pub policy: Policy,
    /// Which attempts are good, worth another one, or final.
    pub rules: Rules,
    /// The time limits of an attempt.
    pub limits: Limits,
    pub streams: StreamPlan,
    pub hooks: Hooks,
    /// The circuit breaker and the retry budget, if one is used.
    pub shared: Option<SharedConfig>,
    /// The exit status of a success that needed more than one attempt.
    pub flaky_exit: Option<ExitCode>,
    pub verbosity: Verbosity,
    pub messages: Messages,
    /// How deep this `retry` is nested, from 1: `RETRY_DEPTH` for the command.
    pub depth: u32,
    /// The identifier of the run, also for nested `retry`: `RETRY_RUN_ID` for the command.
    pub run_id: String,
    /// The attempts of the `retry` around this one, if there is one and it has a limit.
    pub outer_attempts: Option<u64>,
    /// The settings from the environment, as notes for `-v`.
    pub settings: Vec<String>,
    /// What is wrong with variables of the environment that are not used.
    pub warnings: Vec<String>,
    /// The meaning of `auto` for this command, as a note for `-v` and a dry run.
    pub auto: Option<String>,
}

/// The time limits of an attempt, and how an attempt is ended. The deadline is in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `--timeout`: the longest that one attempt may take.
    pub timeout: Option<Duration>,
    /// `--idle-timeout`: the longest that an attempt may write nothing.
    pub idle: Option<Duration>,
    /// `--timeout-signal`: the first signal for the process tree.
    pub timeout_signal: Signal,
    /// `--kill-after`: the grace before SIGKILL, after a time limit and for processes that an interrupted command
    /// leaves behind.
    pub kill_after: Duration,
    pub leftovers: Leftovers,
}

/// `--leftovers`: what happens to processes that outlive a failed attempt which ended by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// They keep running, and a message says so.
    #[default]
    Keep,
    /// They are ended as after a time limit.
    End,
}

/// No limits; SIGTERM (on Windows Ctrl-Break), and ten seconds of grace.
impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: None,
            idle: None,
            timeout_signal: Signal::FIRST_OF_LIMIT,
            kill_after: Duration::from_secs(10),
            leftovers: Leftovers::default(),
        }
    }
}

impl Limits {
    /// The longest that one attempt can take, its grace included; `None` without a `--timeout`.
    pub fn longest_attempt(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout.saturating_add(self.kill_after))
    }
}

/// How the standard streams of the command are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPlan {
    /// `--stdin`
    pub stdin: Stdin,
    /// `--stdout`
    pub stdout: Output,
    /// `--stderr`
    pub stderr: Output,
    /// `--retry-after`: the streams in which the delay of a server is looked for.
    pub hint_streams: Option<Side>,
}

impl StreamPlan {
    pub fn output(&self, stream: Stream) -> Output {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }
}

/// `--stdin`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// The command inherits the stdin of `retry`; a seekable file is rewound before each attempt.
    Inherit,
    /// Input is kept, and given to each attempt again.
    Replay,
    /// The command reads /dev/null.
    Null,
}

/// `--stdout`, `--stderr`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Output is written as it comes.
    Live,
    /// Output is held, and only that of the last attempt is released.
    Final,
    /// As `Final`, but nothing is released after a success.
    Failure,
    /// As `Final`, but only after a success.
    Success,
}

impl Output {
    /// Whether the held output of the last attempt is written after this result.
    pub fn is_released(self, result: RunResult) -> bool {
        match self {
            Self::Live | Self::Final => true,
            Self::Failure => result == RunResult::Failure,
            Self::Success => result == RunResult::Success,
        }
    }
}

/// How a run ended, for the output that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    Success,
    /// With a failure or an interruption.
    Failure,
}

/// Shell commands around the attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// `--before-retry`: runs after the delay, before the next attempt.
    pub before_retry: Option<OsString>,
    /// `--retry-if`: decides about a failure that no rule stopped.
    pub retry_if: Option<OsString>,
    /// `--fallback`: runs when the last attempt has failed.
    pub fallback: Option<OsString>,
}

/// Where messages go, in which form, and which reports are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// `--log`
    pub target: LogTarget,
    /// `--log-format`
    pub format: LogFormat,
    /// `JOURNAL_STREAM`: the device and inode of a stream of ours that leads to the journal.
    pub journal_stream: Option<String>,
    /// `--label`: a name for the run.
    pub label: Option<String>,
    /// `--report`
    pub report: Option<PathBuf>,
    /// `--junit`
    pub junit: Option<PathBuf>,
    /// `--ci`, when it is GitHub Actions.
    pub github: Option<GitHub>,
    /// `--progress`
    pub progress: Visibility,
    pub terminal: Terminal,
    /// `--color`
    pub color: Visibility,
}

/// Whether a report with this name is appended to its file. Else it replaces the file.
pub fn is_appended(report: &Path) -> bool {
    report.extension().is_some_and(|extension| extension == "jsonl")
}

/// What a terminal can do, by `TERM`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Terminal {
    /// It can erase a line.
    #[default]
    Capable,
    /// It can only print.
    Dumb,
}

/// `--progress`, `--color`: when output for a terminal is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    #[default]
    OnTerminal,
    Always,
    Never,
}

/// `--log`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogTarget {
    #[default]
    Stderr,
    /// The systemd journal, at this socket.
    Journald(PathBuf),
    /// The syslog daemon, at this socket.
    Syslog(PathBuf),
    /// Appended to this file.
    File(PathBuf),
}

/// `--log-format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    /// One object per line.
    Json,
}

/// The files that a step of GitHub Actions may append to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitHub {
    /// `GITHUB_STEP_SUMMARY`: Markdown.
    pub summary: Option<PathBuf>,
    /// `GITHUB_OUTPUT`: `name=value` lines.
    pub output: Option<PathBuf>,
}

/// Which messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Nothing, except usage errors.
    Silent,
    /// Why a run failed, in one line, and `retry`'s own errors.
    Quiet,
    /// Each failure, a late success, giving up.
    Normal,
    /// Also starts, arguments, rules that matched, settings from the environment.
    Verbose,
}
