//! Log lines and the report for machines. docs/json.md describes every field; what it says changes only with the
//! version. Durations are in seconds, times of day are RFC 3339.

use super::clock::rfc3339;
use super::history::{History, PastAttempt, Summary, failure_verdict};
use super::{format, sanitize, text};
use crate::core::exit_code::ExitCode;
use crate::core::outcome::{Limit, NotStarted, Outcome, TimedOut};
use crate::core::plan::Plan;
use crate::core::verdict::Why;
use crate::run::driver::LeftRunning;
use crate::run::event::{CircuitChange, Event, Moment, Severity};
use retry_loop::run::{Next, StopReason, Verdict};
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// Grows with incompatible changes: a field that is removed or has another meaning. A new field is compatible.
const VERSION: u32 = 1;

/// One entry of a log: a line of JSON, or the fields of a journal entry.
#[derive(Debug, Serialize)]
pub struct LogEntry {
    version: u32,
    time: String,
    pub(super) event: &'static str,
    #[serde(skip)]
    pub(super) severity: Severity,
    #[serde(rename = "severity")]
    severity_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    pub(super) command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Vec<String>>,
    pub(super) run_id: String,
    #[serde(flatten)]
    pub(super) attempt: Option<AttemptFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<String>,
    #[serde(flatten)]
    end: Option<EndFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct AttemptFields {
    pub(super) attempt: u64,
    pub(super) max_attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<OutcomeField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<ExitCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) elapsed_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delay_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_running: Option<usize>,
}

#[derive(Debug, Serialize)]
struct EndFields {
    outcome: &'static str,
    exit_status: ExitCode,
    attempts: u64,
    rescued: bool,
    elapsed_s: f64,
    waited_s: f64,
    worked_s: f64,
}

/// How an attempt ended: an object with one field. `outcome` is about the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeField {
    Exit(ExitCode),
    Signal(String),
    TimedOut(&'static str),
    NotStarted(String),
}

impl From<&Outcome> for OutcomeField {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Exited(code) => Self::Exit(*code),
            Outcome::Killed(signal) => Self::Signal(signal.to_string()),
            Outcome::TimedOut(TimedOut { limit, .. }) => Self::TimedOut(match limit {
                Limit::Timeout => "timeout",
                Limit::Idle => "idle-timeout",
                Limit::Deadline => "deadline",
            }),
            Outcome::NotStarted(NotStarted { why, .. }) => Self::NotStarted(why.clone()),
        }
    }
}

impl LogEntry {
    fn base(plan: &Plan, now: SystemTime, event: &'static str, severity: Severity) -> Self {
        Self {
            version: VERSION,
            time: rfc3339(now),
            event,
            severity,
            severity_name: severity_name(severity),
            label: plan.messages.label.clone(),
            command: format::command_name(&plan.command),
            arguments: format::arguments(plan),
            run_id: plan.run_id.clone(),
            attempt: None,
            signal: None,
            end: None,
            message: None,
        }
    }

    /// A note before the first attempt.
    pub fn note(plan: &Plan, now: SystemTime, message: &str) -> Self {
        Self { message: Some(message.to_owned()), ..Self::base(plan, now, "note", Severity::Info) }
    }

    /// An event, with its message for people.
    pub fn of(plan: &Plan, now: SystemTime, event: &Event<'_, Outcome>, message: &str) -> Self {
        let (name, attempt, signal) = match event {
            Event::Starting { number } => ("starting", Some(fields(plan, *number)), None),
            Event::Good { number, outcome, took, next, .. } => {
                ("attempt-succeeded", Some(ended(plan, *number, (outcome, *took), None, Some(*next))), None)
            }
            Event::Failed { number, outcome, took, server_delay, details, why, next, .. } => {
                let fields = ended(plan, *number, (outcome, *took), Some(why), Some(*next));
                let left_running = match &details.left_running {
                    LeftRunning::Kept(pids) => Some(pids.len()),
                    _ => None,
                };
                (
                    "failed",
                    Some(AttemptFields { asked_s: server_delay.map(seconds), left_running, ..fields }),
                    None,
                )
            }
            Event::Succeeded { number, outcome, took, .. } => {
                ("succeeded", Some(ended(plan, *number, (outcome, *took), None, None)), None)
            }
            Event::Refused { number, reason, .. } => {
                let name = match reason {
                    StopReason::CircuitOpen { .. } => "circuit-open",
                    _ => "no-time",
                };
                (name, Some(fields(plan, *number)), None)
            }
            Event::Interrupted { signal, number, moment, .. } => {
                let attempt = match moment {
                    Moment::During { outcome, took } | Moment::After { outcome, took } => {
                        AttemptFields { verdict: None, ..ended(plan, *number, (outcome, *took), None, None) }
                    }
                    Moment::Before => fields(plan, *number),
                };
                ("interrupted", Some(attempt), Some(signal.to_string()))
            }
            Event::Circuit { number, change } => {
                let name = match change {
                    CircuitChange::Opened { .. } => "circuit-opened",
                    CircuitChange::Probing => "circuit-probe",
                    CircuitChange::Closed => "circuit-closed",
                };
                (name, Some(fields(plan, *number)), None)
            }
            Event::Slow { signal, .. } => ("slow", None, Some(signal.to_string())),
            Event::Killing { signal, .. } => ("killing", None, Some(signal.to_string())),
            Event::HookFailed { .. } => ("hook-failed", None, None),
            Event::ConditionFailed { .. } => ("condition-failed", None, None),
            Event::FallingBack => ("fallback", None, None),
            Event::FallbackNotStarted { .. } => ("fallback-not-started", None, None),
            Event::Warning { .. } => ("warning", None, None),
            Event::OutputLost { .. } => ("output-lost", None, None),
            Event::Broken { .. } => ("error", None, None),
        };
        let base = Self::base(plan, now, name, event.severity());
        Self { attempt, signal, message: Some(message.to_owned()), ..base }
    }

    /// A heartbeat; `event` is `waiting` or `running`.
    pub fn heartbeat(
        plan: &Plan,
        now: SystemTime,
        event: &'static str,
        attempt: u64,
        message: String,
    ) -> Self {
        let attempt = Some(fields(plan, attempt));
        Self { attempt, message: Some(message), ..Self::base(plan, now, event, Severity::Info) }
    }

    /// The totals of the run.
    pub fn end(plan: &Plan, now: SystemTime, summary: &Summary) -> Self {
        let end = EndFields {
            outcome: summary.ending.name(),
            exit_status: summary.exit_status,
            attempts: summary.attempts,
            rescued: summary.ending.is_rescued(),
            elapsed_s: seconds(summary.times.elapsed),
            waited_s: seconds(summary.times.waited),
            worked_s: seconds(summary.times.worked),
        };
        Self { end: Some(end), ..Self::base(plan, now, "end", Severity::Info) }
    }

    /// The entry as one line of JSON.
    pub fn json(&self) -> String {
        sanitize::json(self)
    }
}

fn fields(plan: &Plan, attempt: u64) -> AttemptFields {
    AttemptFields { attempt, max_attempts: plan.policy.attempts.limit(), ..AttemptFields::default() }
}

fn ended(
    plan: &Plan,
    number: u64,
    (outcome, took): (&Outcome, Duration),
    why: Option<&Why>,
    next: Option<Next>,
) -> AttemptFields {
    let verdict = match (why, next) {
        (Some(_), Some(next)) => failure_verdict(next),
        _ => Verdict::Success,
    };
    AttemptFields {
        ended: Some(outcome.into()),
        status: Some(outcome.status()),
        elapsed_s: Some(seconds(took)),
        verdict: Some(verdict_name(verdict)),
        rule: text::rule(plan, why, next),
        delay_s: delay(next).map(seconds),
        ..fields(plan, number)
    }
}

fn delay(next: Option<Next>) -> Option<Duration> {
    match next? {
        Next::Retry(delay) | Next::Again(delay) => Some(delay),
        Next::Succeeded | Next::Stop(_) => None,
    }
}

/// The report of `--report`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    label: Option<&'a str>,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Vec<String>>,
    run_id: &'a str,
    started: String,
    outcome: &'static str,
    exit_status: ExitCode,
    elapsed_s: f64,
    waited_s: f64,
    attempts: Vec<ReportedAttempt>,
}

#[derive(Debug, Serialize)]
struct ReportedAttempt {
    attempt: u64,
    started: String,
    elapsed_s: Option<f64>,
    ended: Option<OutcomeField>,
    verdict: Option<&'static str>,
    rule: Option<String>,
    delay_s: Option<f64>,
}

/// The report in one line; `None` if the history has no attempts.
pub fn report(plan: &Plan, history: &History, summary: &Summary) -> Option<String> {
    let detail = history.detail.as_ref()?;
    let attempt = |attempt: &PastAttempt| ReportedAttempt {
        attempt: attempt.number,
        started: rfc3339(attempt.started),
        elapsed_s: attempt.ended.as_ref().map(|(took, _)| seconds(*took)),
        ended: attempt.ended.as_ref().map(|(_, outcome)| outcome.into()),
        verdict: attempt.verdict.map(verdict_name),
        rule: text::rule(plan, attempt.why.as_ref(), attempt.next),
        delay_s: attempt.next.and_then(|next| delay(Some(next))).map(seconds),
    };
    Some(sanitize::json(&Report {
        version: VERSION,
        label: plan.messages.label.as_deref(),
        command: format::command_name(&plan.command),
        arguments: format::arguments(plan),
        run_id: &plan.run_id,
        started: rfc3339(detail.started),
        outcome: summary.ending.name(),
        exit_status: summary.exit_status,
        elapsed_s: seconds(summary.times.elapsed),
        waited_s: seconds(summary.times.waited),
        attempts: detail.attempts().map(attempt).collect(),
    }))
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Success => "success",
        Verdict::Transient => "transient",
        Verdict::Permanent => "permanent",
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
        Severity::Info => "info",
    }
}

/// Rounded to microseconds: exact enough, and short.
fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}
