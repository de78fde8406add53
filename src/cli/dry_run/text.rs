//! A dry run for people: the table with its chart, and the sentences below it. Times are formatted in
//! [`crate::report::format`].

use super::chart::{self, LEGEND};
use super::forecast::{FIRST_ROWS, Forecast, Row, WorstCaseScope};
use crate::cli::texts::fill;
use crate::core::plan::{Plan, Verbosity};
use crate::core::shared::SharedConfig;
use crate::platform::stdio;
use crate::report::format::{command_name, duration, shell_words};
use crate::report::output::columns;
use crate::report::sanitize::{lines, visible};
use retry_loop::bucket::tokens;
use retry_loop::circuit::Trip;
use std::fmt::Write as _;
use std::time::Duration;

/// The widest output in columns: longer lines are hard to read.
const MAX_COLUMNS: usize = 100;

/// The text, in the width of the terminal on stdout.
pub fn text(plan: &Plan) -> String {
    lines(&render(plan, &Forecast::of(plan), columns(stdio::stdout()).min(MAX_COLUMNS)))
}

fn render(plan: &Plan, forecast: &Forecast, columns: usize) -> String {
    let mut out = String::new();
    let command = match plan.verbosity {
        Verbosity::Verbose => shell_words(&plan.command),
        _ => command_name(&plan.command),
    };
    let attempts = match forecast.attempts {
        Some(1) => "once".to_owned(),
        Some(limit) => format!("at most {limit} times"),
        None => "until it succeeds".to_owned(),
    };
    line(&mut out, &format!("retry would run {command} {attempts}:"));
    if !forecast.rows.is_empty() {
        out.push('\n');
        table(&mut out, forecast, columns);
    }
    out.push('\n');
    for fact in facts(plan, forecast) {
        fill(&mut out, "", 2, &fact, columns);
    }
    for warning in &forecast.warnings {
        fill(&mut out, "", 2, &format!("Warning: {warning}."), columns);
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A bound of a time, which may be too long to count.
fn bound(time: Duration) -> String {
    if time == Duration::MAX { "over 500 billion years".to_owned() } else { duration(time) }
}

fn table(out: &mut String, forecast: &Forecast, columns: usize) {
    let delay = |row: &Row| match (row.delay_low_s, row.delay_high_s) {
        (_, Duration::ZERO) if row.attempt == 1 => String::new(),
        (low, high) if duration(low) == duration(high) => duration(low),
        (low, high) => format!("{}-{}", duration(low), duration(high)),
    };
    let head = ["attempt", "earliest start", "latest start", "delay before"].map(str::to_owned);
    let cells = |row: &Row| {
        [row.attempt.to_string(), bound(row.earliest_start_s), bound(row.latest_start_s), delay(row)]
    };
    let body: Vec<[String; 4]> = forecast.rows.iter().map(cells).collect();
    let width = |column: usize| {
        body.iter().chain([&head]).map(|cells| cells[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(width);
    let aligned = |cells: &[String; 4]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let _infallible = write!(text, "  {cell:>width$}");
        }
        text
    };
    let room = columns.saturating_sub(aligned(&head).chars().count() + 2);
    let longest = forecast.rows.iter().map(|row| row.delay_high_s).max().unwrap_or_default();

    let legend = if room < LEGEND.len() || longest.is_zero() { "" } else { LEGEND };
    line(out, &format!("{}  {legend}", aligned(&head)));
    for (row, cells) in forecast.rows.iter().zip(&body) {
        if row.attempt > FIRST_ROWS + 1 {
            line(out, &format!("  {:>1$}", "...", widths[0]));
        }
        let bar = if room < chart::MIN_WIDTH {
            String::new()
        } else {
            chart::bar((row.delay_low_s, row.delay_high_s), longest, room)
        };
        line(out, &format!("{}  {bar}", aligned(cells)));
    }
    match (forecast.attempts, forecast.last_possible) {
        (None, None) => line(out, &format!("  {:>1$}  and so on", "...", widths[0])),
        (limit, Some(last)) if limit.is_none_or(|limit| last < limit) => {
            let text = format!("  {:>1$}  not run: after the deadline", range(last + 1, limit), widths[0]);
            line(out, &text);
        }
        _ => {}
    }
}

/// `4`, `4-10`, or `4...` without an end.
fn range(from: u64, to: Option<u64>) -> String {
    match to {
        Some(to) if to == from => from.to_string(),
        Some(to) => format!("{from}-{to}"),
        None => format!("{from}..."),
    }
}

/// The sentences below the table.
fn facts(plan: &Plan, forecast: &Forecast) -> Vec<String> {
    let mut facts = Vec::new();
    let grace = duration(forecast.kill_after_s);
    if forecast.rows.len() < 2 {
        // There is no start that another attempt could delay.
    } else if let Some(timeout) = forecast.timeout_s {
        facts.push(format!(
            "Latest start: if every attempt takes its full --timeout of {} plus --kill-after of {grace}.",
            duration(timeout)
        ));
    } else {
        facts.push(
            "Latest start: does not include the run time of attempts, because no --timeout is set."
                .to_owned(),
        );
    }
    if let Some(deadline) = forecast.deadline_s {
        facts.push(format!(
            "Deadline: after {}, a running attempt is ended (within {grace}, --kill-after) and no new one starts.",
            duration(deadline)
        ));
    }
    if forecast.consecutive > 1 {
        facts.push(format!("Success: needs {} consecutive successes, --base apart.", forecast.consecutive));
    }
    if let Some(reset_after) = forecast.reset_after_s {
        facts.push(format!(
            "Reset: after an attempt that ran for {} or longer, the delays start again from the first.",
            duration(reset_after)
        ));
    }
    let sets = [
        ("--retry-on", &forecast.retry_on),
        ("--stop-on", &forecast.stop_on),
        ("--success-on", &forecast.success_on),
    ];
    let mut rules: Vec<String> =
        sets.iter().filter_map(|(flag, set)| set.as_ref().map(|set| format!("{flag} {set}"))).collect();
    rules.extend(forecast.output_rules.iter().map(|rule| visible(rule)));
    if !rules.is_empty() {
        facts.push(format!("Rules: {}.", rules.join("; ")));
    }
    facts.extend(plan.auto.iter().map(|note| format!("Preset: {note}.")));
    facts.extend(plan.shared.iter().flat_map(sharing));
    facts.extend(forecast.settings.iter().map(|setting| format!("Environment: {setting}.")));
    if !forecast.rows.is_empty() {
        facts.push(worst_case(forecast));
    }
    if !forecast.not_counted.is_empty() {
        facts.push(format!("Not included: time taken by {}.", listed(&forecast.not_counted)));
    }
    facts
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => words.concat(),
    }
}

/// A sentence for the breaker and one for the budget.
fn sharing(shared: &SharedConfig) -> impl Iterator<Item = String> {
    let place = &shared.location;
    let breaker = shared.breaker.as_ref().map(|(name, settings)| {
        let (open, failures) = (duration(settings.open), which_failures(settings.trip));
        format!("Breaker: \"{name}\" in {place} opens for {open} after {failures}; while it is open, retry runs nothing and exits with 75.")
    });
    let budget = shared.budget.as_ref().map(|(name, settings)| {
        let (burst, deposit) = (tokens(settings.burst), tokens(settings.deposit));
        format!("Budget: \"{name}\" in {place} holds {burst} tokens; a retry takes 1, a success returns {deposit}.")
    });
    breaker.into_iter().chain(budget).map(|line| visible(&line))
}

fn which_failures(trip: Trip) -> String {
    match trip {
        Trip::InARow { failures, .. } if failures.get() == 1 => "a failure".to_owned(),
        Trip::InARow { failures, window: None } => format!("{failures} consecutive failures"),
        Trip::InARow { failures, window: Some(window) } => {
            format!("{failures} consecutive failures within {}", duration(window))
        }
        Trip::Rate { thousandths, minimum, window } => {
            let percent = f64::from(thousandths) / 10.0;
            format!("{percent}% failures among at least {minimum} attempts within {}", duration(window))
        }
    }
}

fn worst_case(forecast: &Forecast) -> String {
    let attempts = match forecast.last_possible {
        Some(1) => "the attempt".to_owned(),
        Some(last) => format!("{last} attempts"),
        None => "the attempts".to_owned(),
    };
    match (forecast.worst_case_s, forecast.worst_case_covers) {
        (None, _) => "Worst case: unlimited; retry goes on until it succeeds.".to_owned(),
        (Some(Duration::ZERO), WorstCaseScope::Delays) => {
            format!("Worst case: the run time of {attempts}, without delays.")
        }
        (Some(worst), WorstCaseScope::Delays) => {
            format!("Worst case: {} of delays plus the run time of {attempts}.", bound(worst))
        }
        (Some(worst), WorstCaseScope::Everything) => format!("Worst case: {} in total.", bound(worst)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan_of;
    use super::*;

    #[test]
    fn the_text_keeps_to_the_width_and_hides_arguments() {
        let plan = Plan { command: vec!["curl".into(), "-f".into(), "-uroot:secret".into()], ..plan_of("") };
        for columns in [60, 80, 100] {
            let text = render(&plan, &Forecast::of(&plan), columns);
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}\n{text}");
            assert!(text.contains("0.5s-0.8s") && !text.contains("secret"), "{text}");
        }
        let plan = Plan { verbosity: Verbosity::Verbose, ..plan };
        assert!(render(&plan, &Forecast::of(&plan), 80).contains("curl -f -uroot:secret at most 3 times"));
    }
}
