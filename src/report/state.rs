//! Shared state for `--show-state`: as a table for people, and as JSON.

use super::format::{duration, shell_words};
use super::sanitize::{self, visible};
use crate::core::shared::Location;
use crate::state::error::LockState;
use crate::state::inspect::{RecordStatus, RecordSummary};
use retry_loop::bucket::tokens;
use retry_loop::circuit::{Circuit, Phase};
use retry_loop::recent::Recent;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

/// A table with the columns name, kind and status, of the records at a location.
pub fn text(location: &Location, all: &[RecordSummary]) -> String {
    if all.is_empty() {
        return format!("no shared state in {}\n", visible(&location.to_string()));
    }
    let rows: Vec<_> = all.iter().map(|record| (name(record), status(record), locked(record.lock))).collect();
    let width = rows.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let table = rows.iter().fold(String::new(), |mut table, (name, (kind, status), locked)| {
        let _cannot_fail = writeln!(table, "{name:width$}  {kind:7}  {status}{locked}");
        table
    });
    sanitize::lines(&table)
}

/// What follows the message that a server cannot be used: where the runs of this machine keep state instead.
pub fn instead_of_server(machine: &Location) -> String {
    format!(". Meanwhile this machine has state of its own: {}", look_at(machine))
}

/// That this machine has a circuit of its own, from a time when its server could not be used.
pub fn besides_server(machine: &Location) -> String {
    format!("retry: note: without the server, this machine has a circuit of its own: {}", look_at(machine))
}

fn look_at(machine: &Location) -> String {
    let words = ["retry", "--state", &machine.to_string(), "--show-state"].map(OsString::from);
    shell_words(&words)
}

/// The name as `--reset-state` takes it, and as a terminal can show it.
fn name(record: &RecordSummary) -> &str {
    let is_plain = !record.name.is_empty() && visible(&record.name) == record.name;
    if is_plain { &record.name } else { &record.encoded_name }
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
            ("budget", format!("{} at last use; a retry takes one", rounded_tokens(budget.thousandths)))
        }
        RecordStatus::Damaged(kind, damage) => {
            (kind.as_str(), format!("damaged ({damage}); the next use resets it"))
        }
        RecordStatus::Unusable(kind, error) => (kind.as_str(), format!("cannot be used: {error}")),
    }
}

/// Rounded down to a tenth: 0.96 tokens are not enough for a retry.
fn rounded_tokens(thousandths: u64) -> String {
    match thousandths / 100 {
        10 => "1 token".to_owned(),
        tenths if tenths % 10 == 0 => format!("{} tokens", tenths / 10),
        tenths => format!("{}.{} tokens", tenths / 10, tenths % 10),
    }
}

fn breaker_text(breaker: &Circuit, refusal: Option<Duration>) -> String {
    match (breaker.phase, refusal) {
        // Successes are counted for a rate only.
        (Phase::Closed { recent, .. }, _) if recent.sum().0 > 0 => {
            let (good, failed) = recent.sum();
            let (all, window) = (good + failed, duration(recent.window()));
            format!("closed, {failed} of {all} attempts failed in {window}")
        }
        (Phase::Closed { failures: 0, .. }, _) => "closed".to_owned(),
        (Phase::Closed { failures: 1, .. }, _) => "closed, 1 failure".to_owned(),
        (Phase::Closed { failures, .. }, _) => format!("closed, {failures} consecutive failures"),
        (Phase::Open { .. }, Some(left)) => format!("open for another {}", duration(left)),
        (Phase::HalfOpen { .. }, Some(left)) => {
            format!("half-open, probe running (lease expires in {})", duration(left))
        }
        (Phase::Open { .. } | Phase::HalfOpen { .. }, None) => {
            "half-open, the next attempt is a probe".to_owned()
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
                    Phase::Closed { failures, recent } => ("closed", Some(failures), recent),
                    Phase::Open { .. } if refusal.is_some() => ("open", None, Recent::EMPTY),
                    Phase::Open { .. } | Phase::HalfOpen { .. } => ("half-open", None, Recent::EMPTY),
                };
                let (window_successes, window_failures) = recent.sum();
                let refuses = refusal.map_or(0.0, |left| left.as_secs_f64());
                json!({"name": name, "kind": "breaker", "state": state, "failures": failures, "window_s": recent.window().as_secs_f64(), "window_successes": window_successes, "window_failures": window_failures, "refused_for_s": refuses, "locked": locked})
            }
            RecordStatus::Budget(budget) => {
                json!({"name": name, "kind": "budget", "tokens": tokens(budget.thousandths), "locked": locked})
            }
            RecordStatus::Damaged(kind, damage) => {
                json!({"name": name, "kind": kind.as_str(), "damaged": damage.to_string(), "locked": locked})
            }
            RecordStatus::Unusable(kind, error) => {
                json!({"name": name, "kind": kind.as_str(), "unusable": error.to_string(), "locked": locked})
            }
        }
    };
    format!("{}\n", sanitize::json_for_people(&Value::Array(all.iter().map(object).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_one_decimal_and_are_never_rounded_up() {
        for (thousandths, shown) in [
            (0, "0 tokens"),
            (99, "0 tokens"),
            (960, "0.9 tokens"),
            (1000, "1 token"),
            (1099, "1 token"),
            (7016, "7 tokens"),
            (8299, "8.2 tokens"),
            (10_000, "10 tokens"),
        ] {
            assert_eq!(rounded_tokens(thousandths), shown, "{thousandths}");
        }
    }
}
