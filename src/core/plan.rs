//! Everything that one invocation was asked to do. Made by `cli`, carried out by `main`.

use super::rules::Rules;
use super::shared::SharedConfig;
use super::signal::Signal;
use super::stream::{Side, Stream};
use retry_loop::policy::Policy;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// One invocation.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The command and its arguments; never empty.
    pub command: Vec<OsString>,
    /// When to attempt again, and how often.
    pub policy: Policy,
    /// Which attempts are good, worth another one, or final.
    pub rules: Rules,
    /// What ends an attempt from outside.
    pub limits: Limits,
    /// How the command's streams are connected.
    pub streams: StreamPlan,
    /// Shell commands around the attempts.
    pub hooks: Hooks,
    /// The circuit breaker and the retry budget, if one was asked for.
    pub shared: Option<SharedConfig>,
    /// The exit status of a success that needed more than one attempt.
    pub flaky_exit: Option<u8>,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Where, how and to whom it is said.
    pub messages: Messages,
    /// How many `retry` are around this one, itself included: `RETRY_DEPTH` for the command.
    pub depth: u32,
    /// The same for all attempts and in nested ones: `RETRY_RUN_ID` for the command.
    pub run_id: String,
    /// How often the `retry` around this one runs it, if there is one and it has a limit.
    pub outer_attempts: Option<u64>,
    /// Notes for `-v`: what came from the environment.
    pub settings: Vec<String>,
    /// What `auto` in a set is for this command, for `-v` and a dry run.
    pub auto: Option<String>,
}

/// What ends an attempt from outside, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For one attempt.
    pub timeout: Option<Duration>,
    /// For an attempt that writes nothing.
    pub idle: Option<Duration>,
    /// Sent to the process tree first.
    pub signal: Signal,
    /// Grace before SIGKILL, after a time limit and for what a cancelled command leaves behind.
    pub kill_after: Duration,
    /// What happens to processes that outlive a failed attempt.
    pub leftovers: Leftovers,
}

/// What happens to processes that outlive a failed attempt which ended by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leftovers {
    /// They go on, and a message says so.
    #[default]
    Keep,
    /// They are ended as by a time limit.
    End,
}

/// No limit; SIGTERM and ten seconds of grace where there is one.
impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: None,
            idle: None,
            signal: Signal::SIGTERM,
            kill_after: Duration::from_secs(10),
            leftovers: Leftovers::default(),
        }
    }
}

impl Limits {
    /// The longest that one attempt can take, its grace included; none without a `--timeout`.
    pub fn longest_attempt(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout.saturating_add(self.kill_after))
    }
}

/// How the command's streams are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPlan {
    /// `--stdin`
    pub stdin: Stdin,
    /// `--stdout`
    pub stdout: Output,
    /// `--stderr`
    pub stderr: Output,
    /// `--retry-after`: where to listen for what the server asks for.
    pub retry_after: Option<Side>,
}

impl StreamPlan {
    /// What happens to one of the two outputs.
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
    /// The command reads what `retry` would; a seekable file from the same place at each attempt.
    Inherit,
    /// What was read is kept and given to each attempt.
    Replay,
    /// The command reads /dev/null.
    Null,
}

/// `--stdout`, `--stderr`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It is written as it comes.
    Live,
    /// It is held, and only that of the final attempt is released.
    Final,
    /// As `Final`, but a success releases nothing.
    Failure,
    /// As `Final`, but nothing except a success releases anything.
    Success,
}

impl Output {
    /// Whether what is held of the last attempt is written when the run has ended.
    pub fn is_released(self, end: End) -> bool {
        match self {
            Self::Live | Self::Final => true,
            Self::Failure => end == End::Bad,
            Self::Success => end == End::Good,
        }
    }
}

/// How a run ended, for its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a success.
    Good,
    /// With anything else, an interruption included.
    Bad,
}

/// Shell commands around the attempts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Runs after the delay, before the next attempt.
    pub before_retry: Option<OsString>,
    /// `--retry-if`: decides about a failed attempt that no rule stopped.
    pub retry_if: Option<OsString>,
    /// Runs when everything else has failed.
    pub fallback: Option<OsString>,
}

/// Where messages go, in which form, and which accounts of the run are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// `--log`
    pub target: LogTarget,
    /// `--log-format`
    pub format: LogFormat,
    /// `JOURNAL_STREAM`: the device and inode of the journal's stream, if something of ours is one.
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
    pub progress: Shown,
    /// What a terminal could show.
    pub terminal: Terminal,
    /// `--color`
    pub color: Shown,
}

/// What `TERM` says of a terminal, if there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Terminal {
    /// It can erase a line.
    #[default]
    Capable,
    /// It can only print.
    Dumb,
}

/// When something is shown that is meant for a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// On a terminal.
    #[default]
    OnTerminal,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// `--log`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogTarget {
    /// stderr.
    #[default]
    Stderr,
    /// The systemd journal, at this socket.
    Journald(PathBuf),
    /// The syslog daemon, at this socket.
    Syslog(PathBuf),
    /// This file, at its end.
    File(PathBuf),
}

/// `--log-format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object per line, for machines.
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
