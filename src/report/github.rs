//! What GitHub Actions shows of a run: an annotation, a row in the step's summary, the step's outputs. A run that
//! succeeded at the first attempt has the outputs alone.
//!
//! The runner reads workflow commands from stderr as well as from stdout (actions/runner, ScriptHandler.cs), so
//! nothing of ours goes to the command's stdout.

use super::history::{History, Summary};
use super::sanitize::{Line, cell};
use super::{format, text};
use crate::core::outcome::Ending;
use crate::core::plan::Plan;
use crate::run::event::Importance;
use retry_loop::run::StopReason;

const TITLE: &str = "### retry";
const HEADING: &str = "| run | outcome | attempts | time | waited | last failure | exit status |\n\
    |---|---|---|---|---|---|---|\n";

/// Whether the run succeeded without a failed attempt.
pub fn is_clean(summary: &Summary) -> bool {
    matches!(summary.ending, Ending::Succeeded { failures: 0 })
}

/// The annotation, as a workflow command in one line. `None` for a clean run, for one that was interrupted or ended by
/// an error of ours that has its own message, and where `--quiet` or `--silent` hides it as it hides messages.
pub fn annotation(plan: &Plan, history: &History, summary: &Summary) -> Option<Line> {
    let attempt = text::attempt(plan.policy.attempts, summary.attempts.max(1));
    let since = format::duration(summary.times.elapsed);
    let failure = history.last_failure.as_ref().map(|outcome| text::status(plan, outcome));
    let what = match (&summary.ending, failure) {
        (
            Ending::Interrupted(_) | Ending::Broken(_) | Ending::NoReader | Ending::Succeeded { failures: 0 },
            _,
        ) => return None,
        (Ending::Succeeded { .. }, Some(failure)) => {
            format!("succeeded on {attempt} after {since}. Last failure: {failure}")
        }
        (Ending::Succeeded { .. }, None) => format!("succeeded on {attempt} after {since}"),
        (Ending::Stopped(StopReason::CircuitOpen { .. }), failure) => {
            let failure = failure.map(|failure| format!(". Last failure: {failure}")).unwrap_or_default();
            format!("the circuit is open; gave up after {since}{failure}")
        }
        (Ending::Stopped(reason), Some(failure)) if is_giving_up(*reason) => {
            format!("gave up on {attempt} after {since}: {failure}")
        }
        (Ending::Stopped(StopReason::Deadline { .. }), None) => {
            format!("no time left for {attempt} before the deadline")
        }
        (Ending::Stopped(reason), None) if is_giving_up(*reason) => {
            format!("gave up on {attempt} after {since}")
        }
        (Ending::Stopped(_), failure) => {
            format!("{attempt} failed and was not retried: {}", failure.unwrap_or_default())
        }
    };
    let fallback = match &summary.fallback {
        Some(outcome) => format!("; {}", text::fallback(outcome)),
        None => String::new(),
    };
    // With a fallback that succeeded, the exit status is 0.
    let succeeded = matches!(summary.ending, Ending::Succeeded { .. }) || summary.exit_status == 0;
    let (level, importance) =
        if succeeded { ("warning", Importance::Progress) } else { ("error", Importance::Failure) };
    if !importance.is_shown(plan.verbosity) {
        return None;
    }
    Some(Line::annotation(level, &format!("{}: {what}{fallback}", summary.account(plan).name)))
}

/// Whether the failure was transient, but no further attempt was allowed.
fn is_giving_up(reason: StopReason) -> bool {
    matches!(reason, StopReason::AttemptsExhausted | StopReason::Deadline { .. } | StopReason::BudgetEmpty)
}

/// A row for the summary of a step, after the heading if the present contents do not end with our table.
pub fn row(plan: &Plan, history: &History, summary: &Summary, present: &str) -> String {
    let account = summary.account(plan);
    let attempts = text::attempt(plan.policy.attempts, account.attempts);
    let failure =
        history.last_failure.as_ref().map(|outcome| text::status(plan, outcome)).unwrap_or_default();
    let mut outcome = account.outcome_for_people().to_owned();
    if let Some(fallback) = &summary.fallback {
        outcome = format!("{outcome}; {}", text::fallback(fallback));
    }
    let cells = [
        account.name.clone(),
        outcome,
        attempts.trim_start_matches("attempt ").to_owned(),
        format::duration(account.elapsed),
        format::duration(account.waited),
        failure,
        account.exit_status.to_string(),
    ];
    let mut row = String::new();
    let ends_with_table =
        present.contains(HEADING) && present.trim_end().rsplit('\n').next().is_some_and(is_row);
    if !ends_with_table {
        let line_end = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
        let title = if present.contains(TITLE) { String::new() } else { format!("{TITLE}\n\n") };
        row = format!("{line_end}\n{title}{HEADING}");
    }
    row.extend(cells.map(|text| format!("| {} ", cell(&text))));
    row.push_str("|\n");
    row
}

/// Lines for the outputs of a step, to append to the present contents.
pub fn outputs(summary: &Summary, present: &str) -> String {
    let line_end = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    let Summary { attempts, ending, exit_status, .. } = summary;
    format!("{line_end}attempts={attempts}\noutcome={}\nexit-status={exit_status}\n", ending.name())
}

fn is_row(line: &str) -> bool {
    line.starts_with("| ")
}
