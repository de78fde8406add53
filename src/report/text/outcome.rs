//! How an attempt ended, and what it left behind, in words.

use super::known;
use crate::core::exit_code;
use crate::core::outcome::{Escalation, Limit, NotStarted, Outcome, SpawnFailure, Survivors, TimedOut};
use crate::core::plan::Plan;
use crate::core::signal::Signal;
use crate::core::suggestions::command_elsewhere;
use crate::core::system::System;
use crate::platform::program::{HOOK_SHELL, SYSTEM};
use crate::report::format::{duration, typed_program};
use crate::report::sanitize::visible;
use crate::run::driver::LeftRunning;
use std::time::Duration;

/// How an attempt ended, how long it ran, and what was sent to end it.
pub fn what_happened(plan: &Plan, outcome: &Outcome, took: Duration) -> String {
    let took = duration(took);
    match outcome {
        Outcome::Exited(_) | Outcome::Killed(_) => format!("{} after {took}", status(plan, outcome)),
        Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors }) => {
            let idle = no_output(plan, *limit);
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

/// How an attempt ended, in a few words.
pub fn status(plan: &Plan, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("exit status {}", exit_code::display(*code)),
        Outcome::Killed(signal) => format!("killed by {}", known(*signal)),
        Outcome::TimedOut(TimedOut { limit, .. }) => format!("timed out{}", no_output(plan, *limit)),
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

/// The same for a hook, which a shell runs: what cannot be started is the shell.
pub(super) fn hook_status(plan: &Plan, outcome: &Outcome) -> String {
    match outcome {
        Outcome::NotStarted(NotStarted { why, .. }) => format!("cannot run {HOOK_SHELL}: {}", visible(why)),
        _ => status(plan, outcome),
    }
}

/// What the idle limit adds to "timed out".
fn no_output(plan: &Plan, limit: Limit) -> String {
    match (limit, plan.limits.idle) {
        (Limit::Idle, Some(idle)) => format!(": no output for {}", duration(idle)),
        _ => String::new(),
    }
}

/// What became of the fallback, for the reports of a run that failed.
pub fn fallback(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("the fallback ran and exited with {}", exit_code::display(*code)),
        Outcome::Killed(signal) => format!("the fallback was killed by {}", known(*signal)),
        Outcome::TimedOut(_) => "the fallback was ended".to_owned(),
        Outcome::NotStarted(NotStarted { why, .. }) => {
            format!("cannot run {HOOK_SHELL} for the fallback: {}", visible(why))
        }
    }
}

/// Whether processes could not be ended, which is why no attempt follows.
pub(super) fn has_survivors(outcome: &Outcome, left_running: &LeftRunning) -> bool {
    match (outcome, left_running) {
        (Outcome::TimedOut(TimedOut { survivors, .. }), _) | (_, LeftRunning::Stuck(survivors)) => {
            *survivors != Survivors::None
        }
        _ => false,
    }
}

/// Who hides processes from us.
const HIDER: &str = match SYSTEM {
    System::Unix => "/proc",
    System::Windows => "the system",
};

pub(super) fn could_not_end(survivors: &Survivors) -> String {
    match survivors {
        Survivors::None => String::new(),
        Survivors::Processes(pids) => format!("; could not end {}", processes(pids)),
        Survivors::Unknown => format!("; could not end processes that {HIDER} hides"),
    }
}

pub(super) fn left_running(leftovers: &LeftRunning) -> String {
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

/// More processes than this are counted instead of named.
const MAX_NAMED: usize = 5;

pub(super) fn processes(pids: &[i32]) -> String {
    let named = pids.iter().take(MAX_NAMED).map(i32::to_string).collect::<Vec<_>>().join(", ");
    match pids.len() {
        1 => format!("process {named}"),
        count if count > MAX_NAMED => format!("{count} processes ({named}, ...)"),
        _ => format!("processes {named}"),
    }
}
