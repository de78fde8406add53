//! Shared state for `--show-state`: as a table for people, and as JSON.

use super::format::elapsed;
use super::sanitize::{self, visible};
use crate::state::error::LockState;
use crate::state::inspect::{RecordStatus, RecordSummary};
use retry_loop::bucket::tokens;
use retry_loop::circuit::{Circuit, Phase};
use retry_loop::recent::Recent;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// A table with the columns name, kind and status.
pub fn text(all: &[RecordSummary]) -> String {
    if all.is_empty() {
        return "nothing is shared yet\n".to_owned();
    }
    let row = |record: &RecordSummary| (visible(&record.name), status(record), locked(record.lock));
    let rows: Vec<_> = all.iter().map(row).collect();
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let table = rows.iter().fold(String::new(), |mut table, (name, (kind, status), locked)| {
        let _cannot_fail = writeln!(table, "{name:width$}  {kind:7}  {status}{locked}");
        table
    });
    sanitize::lines(&table)
}

fn locked(lock: LockState) -> &'static str {
    match lock {
        LockState::Unlocked => "",
        LockState::Locked => " (locked by another process)",
    }
}

fn status(record: &RecordSummary) -> (&'static str, String) {
    match &record.status {
        RecordStatus::Breaker(breaker, refusal) => ("breaker", breaker_text(breaker, *refusal)),
        RecordStatus::Budget(budget) => {
            ("budget", format!("{} tokens when last used", tokens(budget.thousandths)))
        }
        RecordStatus::Damaged(kind, damage) => {
            (kind.as_str(), format!("damaged ({damage}); the next use starts it afresh"))
        }
    }
}

fn breaker_text(breaker: &Circuit, refusal: Option<Duration>) -> String {
    match (breaker.phase, refusal) {
        // Successes are counted for a rate only.
        (Phase::Closed { recent, .. }, _) if recent.sum().0 > 0 => {
            let (good, failed) = recent.sum();
            let (all, window) = (good + failed, elapsed(recent.window()));
            format!("closed, {failed} of {all} attempts failed in {window}")
        }
        (Phase::Closed { failures: 0, .. }, _) => "closed".to_owned(),
        (Phase::Closed { failures: 1, .. }, _) => "closed, 1 failure".to_owned(),
        (Phase::Closed { failures, .. }, _) => format!("closed, {failures} failures in a row"),
        (Phase::Open { .. }, Some(left)) => format!("open for another {}", elapsed(left)),
        (Phase::HalfOpen { .. }, Some(left)) => {
            format!("half-open, a probe runs (its lease: {})", elapsed(left))
        }
        (Phase::Open { .. } | Phase::HalfOpen { .. }, None) => {
            "half-open, the next attempt probes".to_owned()
        }
    }
}

/// An array of objects, as docs/json.md describes them.
pub fn json(all: &[RecordSummary]) -> String {
    let object = |record: &RecordSummary| -> Value {
        let (name, locked) = (&record.name, record.lock == LockState::Locked);
        match &record.status {
            RecordStatus::Breaker(breaker, refusal) => {
                let (state, failures, recent) = match breaker.phase {
                    Phase::Closed { failures, recent } => ("closed", failures, recent),
                    Phase::Open { .. } if refusal.is_some() => ("open", 0, Recent::EMPTY),
                    Phase::Open { .. } | Phase::HalfOpen { .. } => ("half-open", 0, Recent::EMPTY),
                };
                let (window_successes, window_failures) = recent.sum();
                let refuses = refusal.map_or(0.0, |left| left.as_secs_f64());
                json!({"name": name, "kind": "breaker", "state": state, "failures": failures, "window_s": recent.window().as_secs_f64(), "window_successes": window_successes, "window_failures": window_failures, "refuses_s": refuses, "locked": locked})
            }
            RecordStatus::Budget(budget) => {
                json!({"name": name, "kind": "budget", "tokens": tokens(budget.thousandths), "locked": locked})
            }
            RecordStatus::Damaged(kind, damage) => {
                json!({"name": name, "kind": kind.as_str(), "damaged": damage.to_string(), "locked": locked})
            }
        }
    };
    format!("{}\n", sanitize::json_for_people(&Value::Array(all.iter().map(object).collect())))
}
