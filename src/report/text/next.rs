//! What follows an attempt, and why, in words.

use super::{circuit_is_open, shared_name};
use crate::core::outcome::Outcome;
use crate::core::plan::{Plan, Verbosity};
use crate::core::rules::Then;
use crate::core::verdict::Why;
use crate::report::format::duration;
use crate::report::sanitize::visible;
use crate::state::record_key::RecordKind;
use retry_loop::run::{Next, StopReason};
use std::time::Duration;

/// What comes next, and for which reason: the rule behind it, none after a success, `since` the start.
pub(super) fn then(plan: &Plan, next: Next, why: Option<&Why>, since: Duration) -> String {
    let rule = why.map(|why| rule_behind(plan, why)).unwrap_or_default();
    let because = match next {
        Next::Succeeded => return String::new(),
        Next::Again(delay) => return format!("Next attempt in {}", duration(delay)),
        Next::Retry(delay) => return format!("Retrying in {}{rule}", duration(delay)),
        Next::Stop(reason) => match reason {
            StopReason::RetryAfterTooLong(asked) => {
                return format!(
                    "Not retrying: the server asked for {}, more than --max-retry-after {} \
                     (--max-retry-after {} waits for it)",
                    duration(asked),
                    duration(plan.policy.max_retry_after),
                    room_for(asked)
                );
            }
            StopReason::QuotaExhausted(words) => return format!("Not retrying: quota exhausted ({words})"),
            StopReason::CircuitOpen { wait, cause } => {
                format!(": {}", circuit_is_open(plan, wait, cause))
            }
            StopReason::BudgetEmpty => {
                format!(": retry budget \"{}\" is empty", shared_name(plan, RecordKind::Budget))
            }
            StopReason::Deadline { delay } => {
                let deadline = plan.policy.deadline.unwrap_or_default();
                let shown = duration(deadline);
                if since >= deadline {
                    format!(": the deadline of {shown} has passed")
                } else {
                    format!(": a delay of {} would exceed the deadline of {shown}", duration(delay))
                }
            }
            StopReason::AttemptsExhausted => String::new(),
            _ => return not_retried(plan, why),
        },
    };
    format!("Giving up after {}{because}{rule}", duration(since))
}

fn not_retried(plan: &Plan, why: Option<&Why>) -> String {
    let rules = &plan.rules;
    let because = match why {
        Some(Why::Rule(id)) => format!("permanent failure ({})", rules[*id]),
        Some(Why::LeftOut { advice }) => {
            let left_out = format!("not covered by {}", rules.retry_text());
            match advice.and_then(|id| rules.advice(id)) {
                Some(advice) => format!("{left_out} ({advice})"),
                None => left_out,
            }
        }
        Some(Why::Condition) => "stopped by --retry-if".to_owned(),
        Some(Why::Missing(_) | Why::Permanent | Why::NoRule) | None => "permanent failure".to_owned(),
    };
    format!("Not retrying: {}", visible(&because))
}

/// Why an attempt failed that exited with 0, which is a success elsewhere.
pub(super) fn why_zero_failed(plan: &Plan, outcome: &Outcome, why: &Why) -> String {
    let rules = &plan.rules;
    let reason = match why {
        Why::Missing(id) => format!(", but no line matches {}", rules[*id]),
        Why::NoRule | Why::LeftOut { .. } if *outcome == Outcome::Exited(0) => {
            match rules.set_text(Then::Success) {
                Some(set) => format!(", not in --success-on {set}"),
                None => String::new(),
            }
        }
        _ => String::new(),
    };
    visible(&reason)
}

/// A value for `--max-retry-after` that allows such a demand: the next round one, because a demand until a
/// point in time is another one the next time.
fn room_for(asked: Duration) -> String {
    let seconds = asked.as_secs().saturating_add(1);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..7200 => format!("{}m", seconds.div_ceil(60)),
        _ => format!("{}h", seconds.div_ceil(3600)),
    }
}

/// The rule that made a failure worth another attempt, where the status alone does not show it.
fn rule_behind(plan: &Plan, why: &Why) -> String {
    let rules = &plan.rules;
    let is_verbose = plan.verbosity == Verbosity::Verbose;
    let rule = match why {
        Why::Rule(id) if is_verbose || rules[*id].is_about_output() => rules[*id].to_string(),
        Why::Condition if is_verbose => "--retry-if".to_owned(),
        _ => return String::new(),
    };
    format!(" ({})", visible(&rule))
}

/// The rule that decided, in the words of the command line; `None` where it took none.
pub fn rule(plan: &Plan, why: Option<&Why>, next: Option<Next>) -> Option<String> {
    match next {
        Some(Next::Stop(StopReason::RetryAfterTooLong(_))) => {
            return Some(format!("--max-retry-after {}", duration(plan.policy.max_retry_after)));
        }
        Some(Next::Stop(StopReason::QuotaExhausted(words))) => return Some(words.to_owned()),
        _ => {}
    }
    match why? {
        Why::Rule(id) | Why::Missing(id) => Some(plan.rules[*id].to_string()),
        Why::LeftOut { .. } => Some(plan.rules.retry_text()),
        Why::Condition => Some("--retry-if".to_owned()),
        Why::Permanent | Why::NoRule => None,
    }
}
