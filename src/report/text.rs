//! The messages for people. People and scripts search for them, so they change only with a note in the CHANGELOG. The
//! command's arguments may be secrets, so only messages of `-v` have them.
//!
//! | file | owns |
//! |---|---|
//! | `outcome` | how an attempt ended, and what it left behind |
//! | `next` | what follows it, and why |

mod next;
mod outcome;

pub use next::rule;
pub use outcome::{fallback, status, what_happened};

use super::format::{command_name, duration, shell_words, time_left};
use super::history::History;
use super::sanitize::visible;
use crate::core::outcome::{Limit, Outcome, TimedOut};
use crate::core::plan::{Plan, Verbosity};
use crate::core::signal::Signal;
use crate::core::system::System;
use crate::platform::program::SYSTEM;
use crate::run::driver::StdinState;
use crate::run::event::{CircuitChange, Event, KillRequest, Moment, SlowCause};
use crate::state::record_key::RecordKind;
use next::{then, why_zero_failed};
use outcome::{has_survivors, hook_status, left_running};
use retry_loop::circuit::RefusalCause;
use retry_loop::policy::Attempts;
use retry_loop::run::{Next, StopReason};
use std::time::Duration;

/// At most once in a run.
const USED_UP: &str = ", but stdin has been read to the end (--stdin replay keeps it)";

/// On a terminal, if the command still runs a second after Ctrl-C.
pub const AFTER_CTRL_C: &str =
    "waiting for the command to exit; press Ctrl-C three times within 2s to kill it";

/// A message as a line: with the name of the program, and the label of the run.
pub fn line(plan: &Plan, message: &str) -> String {
    format!("retry: {}", labelled(plan, message))
}

/// A message with the label of the run, for logs that store the name of the program in another field.
pub fn labelled(plan: &Plan, message: &str) -> String {
    match &plan.messages.label {
        Some(label) => format!("{label}: {message}"),
        None => message.to_owned(),
    }
}

/// The message about an event; `None` if the event has none with this verbosity. With `--quiet` and `--silent` stderr does
/// not show each of them, but a log elsewhere does.
pub fn message(plan: &Plan, event: &Event<'_, Outcome>) -> Option<String> {
    let attempt = |number: &u64| attempt(plan.policy.attempts, *number);
    let is_verbose = plan.verbosity == Verbosity::Verbose;
    let text = match event {
        Event::Broken { what } => what.clone(),
        Event::OutputLost { what } | Event::Warning { what } => visible(what),
        Event::Starting { number } => {
            if !is_verbose {
                return None;
            }
            format!("starting {}: {}", attempt(number), shell_words(&plan.command))
        }
        Event::Good { number, in_a_row, took, elapsed, next, .. } => {
            let wanted = plan.policy.consecutive;
            let then = then(plan, *next, None, *elapsed);
            format!(
                "{} succeeded after {} ({in_a_row} of {wanted} in a row). {then}",
                attempt(number),
                duration(*took)
            )
        }
        Event::Failed { .. } => failed(plan, event)?,
        Event::Refused { number, reason: StopReason::CircuitOpen { wait, cause }, elapsed } => {
            let open = circuit_is_open(plan, *wait, *cause);
            if *number == 1 {
                format!("{open}. Not running {}", command_name(&plan.command))
            } else {
                format!("{open}. Giving up after {}", duration(*elapsed))
            }
        }
        Event::Refused { number, elapsed, .. } => {
            let deadline = duration(plan.policy.deadline.unwrap_or_default());
            format!(
                "no time left for {} before the deadline of {deadline}. Giving up after {}",
                attempt(number),
                duration(*elapsed)
            )
        }
        Event::Circuit { number, change } => {
            let name = shared_name(plan, RecordKind::Breaker);
            match change {
                CircuitChange::Opened { wait } => {
                    format!("{} opened circuit \"{name}\" for {}", attempt(number), duration(*wait))
                }
                CircuitChange::Probing => {
                    format!("{} probes circuit \"{name}\", which was open", attempt(number))
                }
                CircuitChange::Closed => format!("{} closed circuit \"{name}\"", attempt(number)),
            }
        }
        Event::HookFailed { outcome: Outcome::TimedOut(TimedOut { limit: Limit::Deadline, .. }) } => {
            "the deadline ended the --before-retry command".to_owned()
        }
        Event::HookFailed { outcome } => {
            format!("the --before-retry command failed: {}. Retrying anyway", hook_status(plan, outcome))
        }
        Event::ConditionFailed { outcome } => {
            format!(
                "ignoring the --retry-if command: {} (0 means retry, 1 means stop)",
                hook_status(plan, outcome)
            )
        }
        Event::FallingBack => "running the --fallback command".to_owned(),
        Event::FallbackNotStarted { outcome } => {
            format!("the --fallback command failed: {}", hook_status(plan, outcome))
        }
        Event::Succeeded { number: 1, .. } => return None,
        Event::Succeeded { number, failures, elapsed, .. } => {
            if *failures == 0 && !is_verbose {
                return None;
            }
            format!("succeeded on {} after {}", attempt(number), duration(*elapsed))
        }
        Event::Slow { signal, left, cause } => {
            let what = match cause {
                SlowCause::TimeLimit => "timed out, and still running",
                SlowCause::Interruption => "the command's child processes are still running",
            };
            let [first, last] = [*signal, Signal::SIGKILL].map(known);
            format!("{what} after {first}; {last} in {}", time_left(*left))
        }
        Event::Killing { signal, request } => killing(*signal, *request),
        Event::Interrupted { signal, number, moment, elapsed } => {
            let (event, attempt, elapsed) = (known(*signal), attempt(number), duration(*elapsed));
            let when = match moment {
                Moment::Before => "before",
                Moment::During { outcome: Outcome::Killed(by), .. } if by == signal => "during",
                // The command has handled the signal, and its exit status counts.
                Moment::During { outcome, .. } => {
                    let status = status(plan, outcome);
                    return Some(format!(
                        "interrupted by {event} during {attempt}: {status} after {elapsed}"
                    ));
                }
                Moment::After { .. } => "after",
            };
            format!("interrupted by {event} {when} {attempt}. Giving up after {elapsed}")
        }
    };
    Some(text)
}

/// The message about a failed attempt.
fn failed(plan: &Plan, event: &Event<'_, Outcome>) -> Option<String> {
    let Event::Failed { number, outcome, took, elapsed, server_delay, details, why, next } = event else {
        return None;
    };
    let what = what_happened(plan, outcome, *took);
    let reason = why_zero_failed(plan, outcome, why);
    let leftovers = left_running(&details.left_running);
    let goes_on = matches!(next, Next::Retry(_));
    let held = details.held.filter(|_| goes_on).map(held_back).unwrap_or_default();
    let stdin = if goes_on && details.stdin == StdinState::UsedUp { USED_UP } else { "" };
    let nested = match next {
        Next::Retry(_) if *number == 1 && plan.depth > 1 => nested(plan),
        _ => String::new(),
    };
    let server_delay = match (next, server_delay) {
        (Next::Retry(_) | Next::Stop(StopReason::Deadline { .. }), Some(delay)) => {
            format!(" (the server asked for {})", duration(*delay))
        }
        _ => String::new(),
    };
    let attempt = attempt(plan.policy.attempts, *number);
    let then = match next {
        Next::Stop(_) if has_survivors(outcome, &details.left_running) => {
            "Not retrying: attempts would overlap".to_owned()
        }
        next => then(plan, *next, Some(why), *elapsed),
    };
    Some(format!("{attempt} failed: {what}{reason}{leftovers}{held}. {then}{server_delay}{stdin}{nested}"))
}

/// The hint of a `retry` that runs inside another one, at most once in a run.
fn nested(plan: &Plan) -> String {
    let numbers = match (plan.outer_attempts, plan.policy.attempts.limit()) {
        (Some(outer), Some(inner)) => {
            format!("up to {outer} x {inner} = {} attempts in total", u128::from(outer) * u128::from(inner))
        }
        _ => "attempts multiply".to_owned(),
    };
    format!(" (inside another retry: {numbers})")
}

/// `attempt 2/3`, or `attempt 2` without a limit.
pub fn attempt(attempts: Attempts, number: u64) -> String {
    match attempts {
        Attempts::AtMost(limit) => format!("attempt {number}/{limit}"),
        Attempts::Unlimited => format!("attempt {number}"),
    }
}

fn killing(signal: Signal, request: KillRequest) -> String {
    let how = match request {
        KillRequest::SentAgain => "again",
        KillRequest::Keys => "three times within 2s",
    };
    let what = match SYSTEM {
        System::Unix => "sending SIGKILL to the command",
        System::Windows => "ending the process tree",
    };
    format!("received {} {how}: {what}", known(signal))
}

fn known(signal: Signal) -> String {
    signal.known_as(SYSTEM)
}

/// The live line of a delay: the next attempt, when it starts, the last failure, and the time to the deadline.
pub fn countdown(plan: &Plan, history: &History, left: Duration, since: Duration) -> String {
    let attempt = attempt(plan.policy.attempts, history.attempts + 1);
    let cause = match &history.cause {
        Some(outcome) => format!(" after {}", status(plan, outcome)),
        None => String::new(),
    };
    let deadline = match plan.policy.deadline {
        Some(deadline) => format!(", deadline in {}", time_left(deadline.saturating_sub(since))),
        None => String::new(),
    };
    format!("{attempt} in {}{cause}{deadline}", time_left(left))
}

/// The heartbeat of a long delay.
pub fn still_waiting(plan: &Plan, number: u64, left: Duration) -> String {
    format!("{} in {}", attempt(plan.policy.attempts, number), time_left(left))
}

/// The heartbeat of an attempt whose output is held.
pub fn still_running(plan: &Plan, number: u64, took: Duration) -> String {
    let attempt = attempt(plan.policy.attempts, number);
    format!("{attempt} has been running for {}; its output is held", duration(took))
}

/// Output that the next attempt discards, and a signal during the delay prints.
fn held_back(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        1 => ", 1 byte of output held back".to_owned(),
        bytes => format!(", {bytes} bytes of output held back"),
    }
}

/// The name of the breaker or of the budget, made safe.
fn shared_name(plan: &Plan, kind: RecordKind) -> String {
    let config = plan.shared.as_ref();
    let name = match kind {
        RecordKind::Breaker => config.and_then(|config| config.breaker.as_ref()).map(|(name, _)| name),
        RecordKind::Budget => config.and_then(|config| config.budget.as_ref()).map(|(name, _)| name),
    };
    visible(&name.map(ToString::to_string).unwrap_or_default())
}

fn circuit_is_open(plan: &Plan, wait: Duration, cause: RefusalCause) -> String {
    let name = shared_name(plan, RecordKind::Breaker);
    match cause {
        RefusalCause::Open => format!("circuit \"{name}\" is open for another {}", time_left(wait)),
        // Nobody knows how long: the lease is renewed while the probe runs.
        RefusalCause::ProbeRunning => format!("circuit \"{name}\" is open while another attempt probes it"),
    }
}
