//! One line of a file that `--report` wrote. docs/json.md has the format.

use crate::core::account::{Account, RunResult};
use crate::core::exit_code::ExitCode;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The version that is understood.
pub const VERSION: u64 = 1;

/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 200;

/// So many different reasons of one run are told apart; the others are counted as [`OTHER`].
const MOST_REASONS: usize = 100;

/// The reason where there are too many to name, or where a later `retry` has written one that we do not know.
pub const OTHER: &str = "other";

/// A run, as a line tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its numbers.
    pub account: Account,
    /// The day on which it started, in UTC.
    pub day: Date,
    /// How its failed attempts ended, with how many of them did. Of a run that failed without one, how the run
    /// ended.
    pub reasons: BTreeMap<String, u64>,
}

/// Why a line is no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRun {
    /// It is no object with the fields of a report.
    Damaged,
    /// It is one, of another version.
    OtherVersion,
}

/// Reads a line.
///
/// # Errors
/// Why it is no run.
pub fn parse(line: &[u8]) -> Result<Run, NoRun> {
    // A later version may mean something else by any of the other fields.
    match serde_json::from_slice(line) {
        Ok(Head { version: VERSION, .. }) => {}
        Ok(Head { attempts: Some(IgnoredAny), .. }) => return Err(NoRun::OtherVersion),
        _ => return Err(NoRun::Damaged),
    }
    let written: Written = serde_json::from_slice(line).map_err(|_| NoRun::Damaged)?;
    written.run().ok_or(NoRun::Damaged)
}

#[derive(Deserialize)]
struct Head {
    version: u64,
    attempts: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Written {
    label: Option<String>,
    command: String,
    started: String,
    outcome: String,
    exit_status: ExitCode,
    elapsed_s: f64,
    waited_s: f64,
    attempts: Attempts,
}

impl Written {
    fn run(self) -> Option<Run> {
        let duration = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let started: jiff::Timestamp = self.started.parse().ok()?;
        let name = self.label.unwrap_or(self.command);
        let mut reasons = self.attempts.reasons;
        let result = match (self.outcome.as_str(), reasons.is_empty()) {
            ("success", true) => RunResult::Clean,
            ("success", false) => RunResult::Rescued,
            _ => RunResult::Lost,
        };
        if result == RunResult::Lost && reasons.is_empty() {
            reasons.insert(self.outcome.chars().take(LONGEST_NAME).collect(), 1);
        }
        let account = Account {
            name: name.chars().take(LONGEST_NAME).collect(),
            outcome: self.outcome.into(),
            result,
            attempts: self.attempts.started,
            elapsed: duration(self.elapsed_s)?,
            waited: duration(self.waited_s)?,
            exit_status: self.exit_status,
        };
        Some(Run { account, day: TimeZone::UTC.to_datetime(started).date(), reasons })
    }
}

/// The attempts of a run, added up while they are read: a line may hold ten thousand.
#[derive(Debug, Default)]
struct Attempts {
    /// The number of the last one, because a long run keeps only the first and the last of them.
    started: u64,
    reasons: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct OneAttempt {
    attempt: u64,
    ended: Option<Ended>,
    verdict: Option<String>,
}

/// One of the fields is there.
#[derive(Deserialize)]
struct Ended {
    exit: Option<ExitCode>,
    signal: Option<String>,
    timed_out: Option<String>,
    not_started: Option<String>,
}

impl Ended {
    fn reason(self) -> String {
        let why = match self {
            Self { exit: Some(code), .. } => format!("exit {code}"),
            Self { signal: Some(signal), .. } => signal,
            Self { timed_out: Some(limit), .. } => limit,
            Self { not_started: Some(why), .. } => format!("not started: {why}"),
            _ => OTHER.to_owned(),
        };
        why.chars().take(LONGEST_NAME).collect()
    }
}

impl<'de> Deserialize<'de> for Attempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddUp;
        impl<'de> Visitor<'de> for AddUp {
            type Value = Attempts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of attempts")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut all: S) -> Result<Attempts, S::Error> {
                let mut sum = Attempts::default();
                while let Some(OneAttempt { attempt, ended, verdict }) = all.next_element()? {
                    sum.started = sum.started.max(attempt);
                    // Without a verdict a signal cut it short: that says nothing about the command.
                    if let Some(ended) = ended
                        && matches!(verdict.as_deref(), Some("transient" | "permanent"))
                    {
                        count(&mut sum.reasons, ended.reason(), 1, MOST_REASONS);
                    }
                }
                Ok(sum)
            }
        }
        deserializer.deserialize_seq(AddUp)
    }
}

/// Counts a reason; those that come when there are `most` already are [`OTHER`].
pub fn count(reasons: &mut BTreeMap<String, u64>, reason: String, times: u64, most: usize) {
    let known = reasons.len() < most || reasons.contains_key(&reason);
    let sum = reasons.entry(if known { reason } else { OTHER.to_owned() }).or_default();
    *sum = sum.saturating_add(times);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(outcome: &str, attempts: &str) -> String {
        format!(
            r#"{{"version":1,"label":null,"command":"curl","run_id":"x","started":"2026-11-24T23:59:59.999Z","outcome":"{outcome}","exit_status":0,"elapsed_s":12.5,"waited_s":0.5,"attempts":[{attempts}],"new":[1]}}"#
        )
    }

    #[test]
    fn a_line_is_a_run() {
        let failed = r#"{"attempt":1,"started":"x","elapsed_s":1,"ended":{"exit":7},"verdict":"transient"}"#;
        let good = r#"{"attempt":12000,"ended":{"exit":0},"verdict":"success"}"#;
        let run = parse(line("success", &format!("{failed},{failed},{good}")).as_bytes()).unwrap();
        assert_eq!((run.account.name.as_str(), run.day.to_string().as_str()), ("curl", "2026-11-24"));
        assert_eq!((run.account.result, run.account.attempts), (RunResult::Rescued, 12000));
        assert_eq!(run.reasons, BTreeMap::from([("exit 7".to_owned(), 2)]));
        assert_eq!(parse(line("success", good).as_bytes()).unwrap().account.result, RunResult::Clean);
        let refused = parse(line("circuit-open", "").as_bytes()).unwrap();
        assert_eq!(refused.reasons, BTreeMap::from([("circuit-open".to_owned(), 1)]));
        let interrupted = r#"{"attempt":1,"ended":{"signal":"SIGTERM"},"verdict":null}"#;
        let interrupted = parse(line("interrupted", interrupted).as_bytes()).unwrap();
        assert_eq!(interrupted.account.result, RunResult::Lost);
        assert_eq!(interrupted.reasons, BTreeMap::from([("interrupted".to_owned(), 1)]));
    }

    #[test]
    fn a_line_that_is_no_run_says_why() {
        let whole = line("success", "");
        for end in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end]), Err(NoRun::Damaged), "{end}");
        }
        for (from, to) in [
            ("12.5", "-1"),
            ("12.5", "1e300"),
            ("2026-11-24", "2026-13-24"),
            ("\"command\"", "\"commando\""),
            ("[]", "3"),
            ("[]", "[{}]"),
        ] {
            assert!(whole.contains(from));
            assert_eq!(parse(whole.replacen(from, to, 1).as_bytes()), Err(NoRun::Damaged), "{to}");
        }
        let later = whole.replace(r#""version":1"#, r#""version":2"#);
        assert_eq!(parse(later.as_bytes()), Err(NoRun::OtherVersion));
        assert_eq!(parse(br#"{"version":2}"#), Err(NoRun::Damaged), "something else has versions too");
    }

    #[test]
    fn reasons_are_bounded() {
        let attempt =
            |n: u32| format!(r#"{{"attempt":1,"ended":{{"not_started":"{n}"}},"verdict":"permanent"}}"#);
        let attempts: Vec<String> = (0..500).map(attempt).collect();
        let run = parse(line("stopped", &attempts.join(",")).as_bytes()).unwrap();
        assert_eq!(run.reasons.len(), MOST_REASONS + 1);
        assert_eq!(run.reasons[OTHER], 400);
        assert_eq!(run.reasons.values().sum::<u64>(), 500);
    }
}
