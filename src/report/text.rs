//! The messages for people. People and scripts search for them, so they change only with a note in the CHANGELOG. The
//! command's arguments may be secrets, so only messages of `-v` have them.

use super::format::{command_name, duration, shell_words, time_left, typed_program};
use super::history::History;
use super::sanitize::visible;
use crate::core::exit_code;
use crate::core::outcome::{Escalation, Limit, NotStarted, Outcome, SpawnFailure, Survivors, TimedOut};
use crate::core::plan::{Plan, Verbosity};
use crate::core::rules::Then;
use crate::core::signal::Signal;
use crate::core::suggestions::command_elsewhere;
use crate::core::system::System;
use crate::core::verdict::Why;
use crate::platform::program::SYSTEM;
use crate::run::driver::{LeftRunning, StdinState};
use crate::run::event::{CircuitChange, Event, KillRequest};
use crate::state::record_key::RecordKind;
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
        Event::Refused { number, reason: StopReason::CircuitOpen { wait }, elapsed } => {
            let open = circuit_is_open(plan, *wait);
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
            format!("the --before-retry command failed: {}. Retrying anyway", status(plan, outcome))
        }
        Event::ConditionFailed { outcome } => {
            format!(
                "ignoring the --retry-if command: {} (0 means retry, 1 means stop)",
                status(plan, outcome)
            )
        }
        Event::FallingBack => "running the --fallback command".to_owned(),
        Event::Succeeded { number: 1, .. } => return None,
        Event::Succeeded { number, failures, elapsed, .. } => {
            if *failures == 0 && !is_verbose {
                return None;
            }
            format!("succeeded on {} after {}", attempt(number), duration(*elapsed))
        }
        Event::Slow { signal, left } => {
            let [first, last] = [*signal, Signal::SIGKILL].map(known);
            format!("timed out, and still running after {first}; {last} in {}", time_left(*left))
        }
        Event::Killing { signal, request } => killing(*signal, *request),
        Event::Interrupted { signal, number, running, elapsed } => {
            let elapsed = duration(*elapsed);
            let event = known(*signal);
            match running {
                None => {
                    format!("interrupted by {event} before {}. Giving up after {elapsed}", attempt(number))
                }
                Some((Outcome::Killed(by), _)) if by == signal => {
                    format!("interrupted by {event} during {}. Giving up after {elapsed}", attempt(number))
                }
                // The command has handled the signal, and its exit status counts.
                Some((outcome, _)) => format!(
                    "interrupted by {event} during {}: {} after {elapsed}",
                    attempt(number),
                    status(plan, outcome)
                ),
            }
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

/// Whether processes could not be ended, which is why no attempt follows.
fn has_survivors(outcome: &Outcome, left_running: &LeftRunning) -> bool {
    match (outcome, left_running) {
        (Outcome::TimedOut(TimedOut { survivors, .. }), _) | (_, LeftRunning::Stuck(survivors)) => {
            *survivors != Survivors::None
        }
        _ => false,
    }
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

fn what_happened(plan: &Plan, outcome: &Outcome, took: Duration) -> String {
    let took = duration(took);
    match outcome {
        Outcome::Exited(_) | Outcome::Killed(_) => format!("{} after {took}", status(plan, outcome)),
        Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors }) => {
            let idle = match (limit, plan.limits.idle) {
                (Limit::Idle, Some(idle)) => format!(": no output for {}", duration(idle)),
                _ => String::new(),
            };
            let signals = match escalation {
                Escalation::FirstSignal => known(*signal),
                Escalation::Killed if *signal == Signal::SIGKILL => known(*signal),
                Escalation::Killed => format!("{}, then {}", known(*signal), known(Signal::SIGKILL)),
            };
            let survivors = could_not_end(survivors);
            format!("timed out after {took}{idle} (sent {signals}){survivors}")
        }
        Outcome::NotStarted(_) => status(plan, outcome),
    }
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

/// How an attempt ended, in a few words.
pub fn status(plan: &Plan, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("exit status {}", exit_code::display(*code)),
        Outcome::Killed(signal) => format!("killed by {}", known(*signal)),
        Outcome::TimedOut(_) => "timed out".to_owned(),
        Outcome::NotStarted(NotStarted { kind, why }) => {
            let program = typed_program(&plan.command);
            match kind {
                SpawnFailure::NotFound => {
                    let meant =
                        plan.if_not_found.clone().or_else(|| command_elsewhere(SYSTEM, &plan.command));
                    let why = meant.unwrap_or_else(|| why.clone());
                    format!("{program}: command not found ({})", visible(&why))
                }
                SpawnFailure::NotInPath => format!("{program}: command not found ({})", visible(why)),
                SpawnFailure::NoInterpreter | SpawnFailure::NotExecutable => {
                    format!("cannot run {program}: {why}")
                }
                SpawnFailure::Transient => format!("cannot start {program}: {why}"),
            }
        }
    }
}

/// What became of the fallback, for the reports of a run that failed.
pub fn fallback(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("the fallback ran and exited with {}", exit_code::display(*code)),
        Outcome::Killed(signal) => format!("the fallback was killed by {}", known(*signal)),
        Outcome::TimedOut(_) => "the fallback was ended".to_owned(),
        Outcome::NotStarted(NotStarted { why, .. }) => format!("the fallback did not start: {why}"),
    }
}

/// Who hides processes from us.
const HIDER: &str = match SYSTEM {
    System::Unix => "/proc",
    System::Windows => "the system",
};

fn could_not_end(survivors: &Survivors) -> String {
    match survivors {
        Survivors::None => String::new(),
        Survivors::Processes(pids) => format!("; could not end {}", processes(pids)),
        Survivors::Unknown => format!("; could not end processes that {HIDER} hides"),
    }
}

fn left_running(leftovers: &LeftRunning) -> String {
    match leftovers {
        LeftRunning::Nothing => String::new(),
        LeftRunning::KeptHidden => {
            format!(", processes still running that {HIDER} hides (--leftovers end tries to end them)")
        }
        LeftRunning::Kept(pids) => {
            let them = if pids.len() == 1 { "it" } else { "them" };
            format!(", {} still running (--leftovers end ends {them})", processes(pids))
        }
        LeftRunning::Ended(pids) => format!(", leftover {} ended", processes(pids)),
        LeftRunning::Stuck(survivors) => could_not_end(survivors),
    }
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

fn circuit_is_open(plan: &Plan, wait: Duration) -> String {
    format!("circuit \"{}\" is open for another {}", shared_name(plan, RecordKind::Breaker), time_left(wait))
}

/// More processes than this are counted instead of named.
const MAX_NAMED: usize = 5;

fn processes(pids: &[i32]) -> String {
    let named = pids.iter().take(MAX_NAMED).map(i32::to_string).collect::<Vec<_>>().join(", ");
    match pids.len() {
        1 => format!("process {named}"),
        count if count > MAX_NAMED => format!("{count} processes ({named}, ...)"),
        _ => format!("processes {named}"),
    }
}

/// What comes next, and for which reason: the rule behind it, none after a success, `since` the start.
fn then(plan: &Plan, next: Next, why: Option<&Why>, since: Duration) -> String {
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
            StopReason::CircuitOpen { wait } => format!(": {}", circuit_is_open(plan, wait)),
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
fn why_zero_failed(plan: &Plan, outcome: &Outcome, why: &Why) -> String {
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
