//! One run in a few numbers: what the JUnit file, the summary of a CI step and `--stats` say about it.

use super::exit_code::ExitCode;
use std::borrow::Cow;
use std::time::Duration;

/// A run that is over, whether it has just ended or was read from a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The label, else the command's name.
    pub name: String,
    /// The word for how it ended: docs/json.md.
    pub outcome: Cow<'static, str>,
    /// Whether it succeeded, and how.
    pub result: RunResult,
    /// Attempts that were started.
    pub attempts: u64,
    /// The whole run, without time stopped by Ctrl-Z.
    pub elapsed: Duration,
    /// The delays that were waited for.
    pub waited: Duration,
    /// What `retry` ended with, as a shell shows it in `$?`.
    pub exit_status: ExitCode,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// It succeeded, and no attempt failed.
    Clean,
    /// It succeeded after a failed attempt.
    Rescued,
    /// It did not succeed.
    Lost,
}

impl Account {
    /// The word for how it ended that people read.
    pub fn outcome_for_people(&self) -> &str {
        if self.result == RunResult::Rescued { "success after retry" } else { &self.outcome }
    }
}
