//! `--dry-run`: what a plan can lead to, as a table with a chart or as JSON. Owns the forecast; it runs
//! nothing, and the times are formatted where all times are (`report::text`).
//!
//! Every number is a bound. `earliest_start` takes attempts that need no time; `latest_start` takes
//! each one before it with its `--timeout` and the grace (`--kill-after`), and without a `--timeout`
//! leaves the attempts' own time out. Beyond the first thousand failures the delays are not added one
//! by one but as so many times the smallest or the largest one, which is exact once they stay the same.
//!
//! # The JSON object
//!
//! Durations are numbers of seconds; one that passes 2^64 is shown as that.
//!
//! | field | meaning |
//! |---|---|
//! | `command` | the command's name |
//! | `arguments` | its arguments, with `-v` only, else null: they hold secrets, and plans end up in logs |
//! | `attempts` | attempts in all; null without a limit |
//! | `consecutive` | good attempts in a row that make a success |
//! | `timeout_s`, `deadline_s` | the limits; null where there is none |
//! | `kill_after_s` | the grace before SIGKILL |
//! | `reset_after_s` | an attempt that ran so long starts the delays anew; null for never |
//! | `rows` | the first attempts, and the last one that can start |
//! | `rows[].attempt` | its number, from 1 |
//! | `rows[].delay_low_s`, `rows[].delay_high_s` | the range of the delay before it |
//! | `rows[].earliest_start_s`, `rows[].latest_start_s` | since the start of retry |
//! | `last_possible` | the last attempt that can start before the deadline, 0 for none; null for no bound |
//! | `worst_case_s` | upper bound for the whole run; null for none |
//! | `worst_case_covers` | `everything`, or `delays` where the attempts' own time comes on top |
//! | `retry_on`, `stop_on`, `success_on` | the rules as typed; null where none is given |
//! | `breaker`, `budget` | the name of what is shared; null where nothing is |
//! | `state` | where it is, without a password; null where nothing is shared |
//! | `settings` | what came from the environment |
//! | `warnings` | known traps |

use super::traps;
use crate::core::backoff::Growth;
use crate::core::plan::{Plan, Verbosity};
use crate::core::policy::{Attempts, Policy, Set};
use crate::core::shared::Asked;
use crate::report::text::{command_name, elapsed, printable, seconds, shell_words};
use serde::{Serialize, Serializer};
use std::fmt::Write as _;
use std::time::Duration;

/// So many rows before the dots.
const FIRST_ROWS: u64 = 12;
/// So many delays are added one by one.
const EXACT: u64 = 1000;
/// Where stdout is no terminal.
const DEFAULT_COLUMNS: usize = 80;
/// Longer lines are harder to read, however wide the terminal is.
const MOST_COLUMNS: usize = 100;
/// Above the chart.
const LEGEND: &str = "# certain, + random";
/// A shorter bar shows nothing.
const SHORTEST_CHART: usize = 8;

/// The plan for people, for the width of the terminal on stdout.
pub fn text(plan: &Plan) -> String {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    let columns = if columns == 0 { DEFAULT_COLUMNS } else { columns.min(MOST_COLUMNS) };
    render(plan, &Forecast::of(plan), columns)
}

/// The plan for machines: one object, as the module's documentation describes it.
pub fn json(plan: &Plan) -> String {
    // A struct of numbers and strings: there is no map with keys that are no strings, nothing to fail.
    let object = serde_json::to_string_pretty(&Forecast::of(plan)).unwrap_or_default();
    format!("{object}\n")
}

/// What a plan can lead to.
#[derive(Debug, Serialize)]
struct Forecast {
    command: String,
    arguments: Option<Vec<String>>,
    attempts: Option<u64>,
    consecutive: u64,
    #[serde(serialize_with = "optional_number")]
    timeout_s: Option<Duration>,
    #[serde(serialize_with = "optional_number")]
    deadline_s: Option<Duration>,
    #[serde(serialize_with = "number")]
    kill_after_s: Duration,
    #[serde(serialize_with = "optional_number")]
    reset_after_s: Option<Duration>,
    rows: Vec<Row>,
    last_possible: Option<u64>,
    #[serde(serialize_with = "optional_number")]
    worst_case_s: Option<Duration>,
    worst_case_covers: Covers,
    retry_on: Option<String>,
    stop_on: Option<String>,
    success_on: Option<String>,
    breaker: Option<String>,
    budget: Option<String>,
    state: Option<String>,
    /// The same three in words.
    #[serde(skip)]
    sharing: Vec<String>,
    settings: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Row {
    attempt: u64,
    #[serde(serialize_with = "number")]
    delay_low_s: Duration,
    #[serde(serialize_with = "number")]
    delay_high_s: Duration,
    #[serde(serialize_with = "number")]
    earliest_start_s: Duration,
    #[serde(serialize_with = "number")]
    latest_start_s: Duration,
}

/// What the worst case is the worst case of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Covers {
    Everything,
    Delays,
}

fn number<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn optional_number<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_ref().map(Duration::as_secs_f64).serialize(serializer)
}

impl Forecast {
    fn of(plan: &Plan) -> Self {
        let (policy, limits) = (&plan.policy, &plan.limits);
        let schedule = Schedule::of(plan);
        let asked = plan.shared.as_ref();
        let limit = match policy.attempts {
            Attempts::AtMost(limit) => Some(limit.get()),
            Attempts::Unlimited => None,
        };
        let possible = limits.deadline.and_then(|deadline| schedule.last_before(deadline, limit));
        let last = possible.or(limit);

        let bound = last.map(|last| match last {
            // The first delay is not slept, so nothing takes any time.
            0 => Duration::ZERO,
            last => schedule.start(last).high.saturating_add(schedule.attempt.unwrap_or_default()),
        });
        let after_deadline = limits.deadline.map(|deadline| deadline.saturating_add(limits.kill_after));
        let (worst_case_s, worst_case_covers) = match (after_deadline, schedule.attempt, bound) {
            (_, _, Some(Duration::ZERO)) if last == Some(0) => (bound, Covers::Everything),
            (Some(end), Some(_), Some(bound)) => (Some(end.min(bound)), Covers::Everything),
            (Some(end), _, _) => (Some(end), Covers::Everything),
            (None, Some(_), bound) => (bound, Covers::Everything),
            (None, None, bound) => (bound, Covers::Delays),
        };

        let mut warnings = traps::warnings(plan);
        if let (Some(last), Some(deadline)) = (last, limits.deadline) {
            let (deadline, wanted) = (elapsed(deadline), policy.consecutive.0.get());
            if last == 0 {
                warnings.push(format!(
                    "the first delay leaves no time before the deadline of {deadline}, so retry would run \
                     nothing and exit 124"
                ));
            } else if last < wanted {
                warnings.push(format!(
                    "the deadline of {deadline} leaves no time for {wanted} good attempts in a row"
                ));
            }
        }
        Self {
            command: command_name(&plan.command),
            arguments: (plan.verbosity == Verbosity::Verbose)
                .then(|| plan.command.iter().skip(1).map(|word| word.to_string_lossy().into()).collect()),
            attempts: limit,
            consecutive: policy.consecutive.0.get(),
            timeout_s: limits.timeout,
            deadline_s: limits.deadline,
            kill_after_s: limits.kill_after,
            reset_after_s: policy.reset_after,
            rows: schedule.rows(last, limits.deadline),
            last_possible: last,
            worst_case_s,
            worst_case_covers,
            retry_on: typed(&policy.rules.retry_on),
            stop_on: typed(&policy.rules.stop_on),
            success_on: typed(&policy.rules.success_on),
            breaker: asked.and_then(|asked| asked.breaker.as_ref()).map(|(name, _)| name.to_string()),
            budget: asked.and_then(|asked| asked.budget.as_ref()).map(|(name, _)| name.to_string()),
            state: asked.map(|asked| asked.location.to_string()),
            sharing: asked.map(sharing).unwrap_or_default(),
            settings: plan.settings.clone(),
            warnings,
        }
    }
}

/// A sentence for the breaker and one for the budget.
fn sharing(asked: &Asked) -> Vec<String> {
    let place = &asked.location;
    let breaker = asked.breaker.as_ref().map(|(name, settings)| {
        let (failures, open) = (settings.failures, elapsed(settings.open));
        let failures = if failures.get() == 1 { "a failure".to_owned() } else { format!("{failures} failures in a row") };
        format!("Breaker: \"{name}\" in {place} opens for {open} at {failures}; while it is open nothing runs (75).")
    });
    let budget = asked.budget.as_ref().map(|(name, settings)| {
        let tokens = |thousandths: u64| thousandths as f64 / 1000.0;
        let (burst, deposit) = (tokens(settings.burst), tokens(settings.deposit));
        format!("Budget: \"{name}\" in {place} holds {burst} retries, and a success gives back {deposit}.")
    });
    breaker.into_iter().chain(budget).map(|line| printable(&line)).collect()
}

fn typed(set: &Set) -> Option<String> {
    let items: Vec<&str> = set.0.iter().map(|item| item.text.as_str()).collect();
    (!items.is_empty()).then(|| items.join(","))
}

/// A range of durations.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    low: Duration,
    high: Duration,
}

impl Span {
    fn plus(self, other: Self) -> Self {
        Self { low: self.low.saturating_add(other.low), high: self.high.saturating_add(other.high) }
    }

    fn times(self, count: u64) -> Self {
        Self { low: times(self.low, count), high: times(self.high, count) }
    }

    fn around(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// `duration * count`, saturating: the operator of `Duration` takes 32 bits and panics.
fn times(duration: Duration, count: u64) -> Duration {
    const NANOS: u128 = 1_000_000_000;
    let nanos = duration.as_nanos().saturating_mul(count.into());
    let part = (nanos % NANOS) as u32;
    u64::try_from(nanos / NANOS).map_or(Duration::MAX, |seconds| Duration::new(seconds, part))
}

/// When attempts can start.
struct Schedule<'a> {
    policy: &'a Policy,
    /// The longest that an attempt can take, if anything limits it.
    attempt: Option<Duration>,
    /// Delays that are added one by one.
    exact: u64,
}

/// The delays after failure 1, 2, ... in turn, with what was seen so far: where a row of delays can
/// start anew, or a good attempt can come between failures, an earlier one may come again.
struct Walk<'a> {
    policy: &'a Policy,
    seen: Option<Span>,
}

impl Walk<'_> {
    /// The delay after failure `n`.
    fn delay(&mut self, n: u64) -> Span {
        let always_anew = self.policy.reset_after == Some(Duration::ZERO);
        let (low, high) = self.policy.backoff.range(if always_anew { 1 } else { n });
        let own = Span { low, high };
        let mut seen = self.seen.map_or(own, |seen| seen.around(own));
        let several = self.policy.consecutive.0.get() > 1;
        if several {
            let base = self.policy.backoff.base;
            seen = seen.around(Span { low: base, high: base });
        }
        self.seen = Some(seen);
        match (several, self.policy.reset_after) {
            (true, _) => seen,
            // Attempts that take no time reset nothing.
            (false, Some(_)) => Span { high: seen.high, ..own },
            (false, None) => own,
        }
    }
}

impl<'a> Schedule<'a> {
    fn of(plan: &'a Plan) -> Self {
        let attempt = plan.limits.timeout.map(|timeout| timeout.saturating_add(plan.limits.kill_after));
        // A list can be longer than the delays that grow by a rule, and it can go up and down.
        let list = match &plan.policy.backoff.growth {
            Growth::List(list) => list.len() as u64,
            _ => 0,
        };
        Self { policy: &plan.policy, attempt, exact: EXACT.max(list) }
    }

    fn walk(&self) -> Walk<'a> {
        Walk { policy: self.policy, seen: None }
    }

    /// The wait before attempt 1.
    fn first(&self) -> Span {
        let low = self.policy.initial_delay;
        Span { low, high: low.saturating_add(self.policy.stagger) }
    }

    /// From the start of an attempt to its end.
    fn running(&self) -> Span {
        Span { low: Duration::ZERO, high: self.attempt.unwrap_or_default() }
    }

    /// When attempt `number` can start.
    fn start(&self, number: u64) -> Span {
        let (mut walk, delays) = (self.walk(), number.saturating_sub(1));
        let one_by_one = delays.min(self.exact);
        let mut start = self.first().plus(self.running().times(delays));
        for n in 1..=one_by_one {
            start = start.plus(walk.delay(n));
        }
        if delays > one_by_one {
            // From here on the delays only grow, only shrink, or stay.
            let rest = walk.delay(one_by_one + 1).around(walk.delay(delays));
            start = start.plus(rest.times(delays - one_by_one));
        }
        start
    }

    /// The last attempt that can start before `deadline`, 0 for none; `None` where nothing bounds it.
    fn last_before(&self, deadline: Duration, limit: Option<u64>) -> Option<u64> {
        let most = limit.unwrap_or(u64::MAX);
        let (mut walk, mut earliest) = (self.walk(), self.first().low);
        if earliest >= deadline {
            return Some(0);
        }
        for n in 1..=self.exact.min(most - 1) {
            earliest = earliest.saturating_add(walk.delay(n).low);
            if earliest >= deadline {
                return Some(n);
            }
        }
        if most - 1 <= self.exact {
            return limit;
        }
        let least = walk.delay(self.exact + 1).around(walk.delay(most - 1)).low;
        // Strictly before the deadline, hence the nanosecond.
        let left = deadline.saturating_sub(earliest).as_nanos() - 1;
        let more = left.checked_div(least.as_nanos())?;
        Some(u64::try_from(more).unwrap_or(u64::MAX).saturating_add(self.exact + 1).min(most))
            .filter(|&last| limit.is_some() || last < u64::MAX)
    }

    /// The first rows, and the last one if there is one.
    fn rows(&self, last: Option<u64>, deadline: Option<Duration>) -> Vec<Row> {
        let (mut walk, mut rows) = (self.walk(), Vec::new());
        let (mut start, mut delay) = (self.first(), self.first());
        let row = |attempt: u64, delay: Span, start: Span| Row {
            attempt,
            delay_low_s: delay.low,
            delay_high_s: delay.high,
            earliest_start_s: start.low,
            latest_start_s: deadline.map_or(start.high, |deadline| start.high.min(deadline)),
        };
        // Dots for one row would be longer than the row.
        let shown = match last {
            Some(last) if last <= FIRST_ROWS + 1 => last,
            _ => FIRST_ROWS,
        };
        for attempt in 1..=shown {
            rows.push(row(attempt, delay, start));
            delay = walk.delay(attempt);
            start = start.plus(self.running()).plus(delay);
        }
        if let Some(last) = last
            && last > shown
        {
            // What came between matters only where an earlier delay may come again.
            for n in shown + 1..(last - 1).min(self.exact) {
                walk.delay(n);
            }
            rows.push(row(last, walk.delay(last - 1), self.start(last)));
        }
        rows
    }
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
        None => "as often as it takes".to_owned(),
    };
    line(&mut out, &format!("retry would run {command} {attempts}:"));
    if !forecast.rows.is_empty() {
        out.push('\n');
        table(&mut out, forecast, columns);
    }
    out.push('\n');
    for fact in facts(forecast) {
        wrapped(&mut out, &fact, columns);
    }
    for warning in &forecast.warnings {
        wrapped(&mut out, &format!("Warning: {warning}."), columns);
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// A paragraph whose further lines are indented.
fn wrapped(out: &mut String, text: &str, columns: usize) {
    let mut row = String::new();
    for word in text.split(' ') {
        if !row.trim().is_empty() && row.chars().count() + 1 + word.chars().count() > columns {
            line(out, &row);
            row = String::from("  ");
        } else if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    line(out, &row);
}

/// An elapsed time that may be beyond all reckoning.
fn bound(duration: Duration) -> String {
    if duration == Duration::MAX { "over 500 billion years".to_owned() } else { elapsed(duration) }
}

fn table(out: &mut String, forecast: &Forecast, columns: usize) {
    let delay = |row: &Row| match (row.delay_low_s, row.delay_high_s) {
        (_, Duration::ZERO) if row.attempt == 1 => String::new(),
        (low, high) if low == high => seconds(low),
        (low, high) => format!("{}-{}", seconds(low), seconds(high)),
    };
    let head = ["attempt", "earliest start", "latest start", "delay before it"].map(str::to_owned);
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
    let used = aligned(&head).chars().count() + 2;
    let chart = columns.saturating_sub(used);
    let longest = forecast.rows.iter().map(|row| row.delay_high_s).max().unwrap_or_default();

    let legend = if chart < LEGEND.len() || longest.is_zero() { "" } else { LEGEND };
    line(out, &format!("{}  {legend}", aligned(&head)));
    for (row, cells) in forecast.rows.iter().zip(&body) {
        if row.attempt > FIRST_ROWS + 1 {
            line(out, &format!("  {:>1$}", "...", widths[0]));
        }
        let bar = if chart < SHORTEST_CHART { String::new() } else { bar(row, longest, chart) };
        line(out, &format!("{}  {bar}", aligned(cells)));
    }
    match (forecast.attempts, forecast.last_possible) {
        (None, None) => line(out, &format!("  {:>1$}  and so on", "...", widths[0])),
        (limit, Some(last)) if limit.is_none_or(|limit| last < limit) => {
            let text = format!("  {:>1$}  too late: after the deadline", range(last + 1, limit), widths[0]);
            line(out, &text);
        }
        _ => {}
    }
}

/// `#` for the part of a delay that is certain, `+` for the random part.
fn bar(row: &Row, longest: Duration, width: usize) -> String {
    if row.delay_high_s.is_zero() {
        return String::new();
    }
    let length = |delay: Duration| {
        ((delay.as_secs_f64() / longest.as_secs_f64() * width as f64).round() as usize).min(width)
    };
    let all = length(row.delay_high_s).max(1);
    let certain = if row.delay_low_s == row.delay_high_s {
        all
    } else if all == 1 {
        // One character shows the larger part.
        usize::from(row.delay_low_s >= row.delay_high_s / 2)
    } else {
        // A random part that is too small for the scale is there all the same.
        length(row.delay_low_s).min(all - 1)
    };
    format!("{}{}", "#".repeat(certain), "+".repeat(all - certain))
}

/// `4`, `4-10`, or `4...` without an end.
fn range(from: u64, to: Option<u64>) -> String {
    match to {
        Some(to) if to == from => from.to_string(),
        Some(to) => format!("{from}-{to}"),
        None => format!("{from}..."),
    }
}

/// What there is to say below the table, one fact each.
fn facts(forecast: &Forecast) -> Vec<String> {
    let mut facts = Vec::new();
    let grace = elapsed(forecast.kill_after_s);
    if forecast.rows.len() < 2 {
        // There is no start that the time of another attempt could put off.
    } else if let Some(timeout) = forecast.timeout_s {
        facts.push(format!(
            "Latest starts: each attempt takes its --timeout of {} and the grace of {grace}.",
            elapsed(timeout)
        ));
    } else {
        facts.push(
            "Latest starts: without the time that the attempts themselves take, as there is no --timeout."
                .to_owned(),
        );
    }
    if let Some(deadline) = forecast.deadline_s {
        facts.push(format!(
            "Deadline: no attempt starts after {}, and one that runs is ended then.",
            elapsed(deadline)
        ));
    }
    if forecast.consecutive > 1 {
        facts.push(format!("Success: {} good attempts in a row, --base apart.", forecast.consecutive));
    }
    if let Some(reset_after) = forecast.reset_after_s {
        facts.push(format!(
            "Reset: an attempt that ran {} or longer starts the delays anew.",
            elapsed(reset_after)
        ));
    }
    let rules = [
        ("retry on", &forecast.retry_on),
        ("stop on", &forecast.stop_on),
        ("success on", &forecast.success_on),
    ];
    let rules: Vec<String> =
        rules.iter().filter_map(|(name, set)| set.as_ref().map(|set| format!("{name} {set}"))).collect();
    if !rules.is_empty() {
        facts.push(format!("Rules: {}.", rules.join("; ")));
    }
    facts.extend(forecast.sharing.iter().cloned());
    facts.extend(forecast.settings.iter().map(|setting| format!("Environment: {setting}.")));
    if !forecast.rows.is_empty() {
        facts.push(worst_case(forecast));
    }
    facts
}

fn worst_case(forecast: &Forecast) -> String {
    let attempts = match forecast.last_possible {
        Some(1) => "the attempt takes".to_owned(),
        Some(last) => format!("{last} attempts take"),
        None => "the attempts take".to_owned(),
    };
    match (forecast.worst_case_s, forecast.worst_case_covers) {
        (None, _) => "Worst case: there is none, it goes on for as long as attempts fail.".to_owned(),
        (Some(Duration::ZERO), Covers::Delays) => {
            format!("Worst case: no delays, only the time that {attempts}.")
        }
        (Some(worst), Covers::Delays) => {
            format!("Worst case: {} of delays, plus the time that {attempts}.", bound(worst))
        }
        (Some(worst), Covers::Everything) => format!("Worst case: {} in all.", bound(worst)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::{self, parse};
    use super::*;
    use crate::core::backoff::Delays;
    use crate::core::random::Random;
    use std::ffi::OsString;

    fn plan(flags: &str) -> Plan {
        let words = ["retry"].into_iter().chain(flags.split_whitespace()).chain(["./deploy"]);
        match parse(words.map(OsString::from)) {
            Ok(parse::Asked::Run(plan)) => Plan { depth: 1, ..*plan },
            other => panic!("{flags}: {other:?}"),
        }
    }

    fn forecast(flags: &str) -> Forecast {
        Forecast::of(&plan(flags))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Attempt, delay and start, as milliseconds.
    fn row(row: &Row) -> (u64, [u128; 4]) {
        let times = [row.delay_low_s, row.delay_high_s, row.earliest_start_s, row.latest_start_s];
        (row.attempt, times.map(|time| time.as_millis()))
    }

    fn rows(flags: &str) -> Vec<(u64, [u128; 4])> {
        forecast(flags).rows.iter().map(row).collect()
    }

    #[test]
    fn the_defaults() {
        let wanted = [(1, [0, 0, 0, 0]), (2, [500, 800, 500, 800]), (3, [2000, 2300, 2500, 3100])];
        assert_eq!(rows(""), wanted);
        let forecast = forecast("");
        assert_eq!(forecast.worst_case_s, Some(ms(3100)));
        assert_eq!(forecast.worst_case_covers, Covers::Delays);
        assert_eq!((forecast.attempts, forecast.last_possible), (Some(3), Some(3)));
    }

    #[test]
    fn a_timeout_and_its_grace_come_between_the_starts() {
        let flags = "--timeout 30 --kill-after 1";
        let wanted = [(1, [0, 0, 0, 0]), (2, [500, 800, 500, 31_800]), (3, [2000, 2300, 2500, 65_100])];
        assert_eq!(rows(flags), wanted);
        assert_eq!(forecast(flags).worst_case_s, Some(ms(96_100)));
        assert_eq!(forecast(flags).worst_case_covers, Covers::Everything);
    }

    #[test]
    fn the_first_delay_shifts_every_start() {
        let wanted = [(1, [1000, 3000, 1000, 3000]), (2, [500, 500, 1500, 3500])];
        assert_eq!(rows("--retries 2 --jitter 0 --initial-delay 1 --stagger 2"), wanted);
    }

    #[test]
    fn the_deadline_cuts_the_plan_and_bounds_the_worst_case() {
        // Starts at 0, 0.5, 2.5, 10.5. What would start at the deadline does not start.
        for (deadline, last) in [("10.5", 3), ("10.6", 4), ("0.5", 1), ("2.5", 2), ("0.001", 1)] {
            let forecast = forecast(&format!("--retries 10 --jitter 0 --deadline {deadline}"));
            assert_eq!(forecast.last_possible, Some(last), "{deadline}");
            assert_eq!(forecast.rows.last().unwrap().attempt, last, "{deadline}");
            let worst = forecast.deadline_s.unwrap() + ms(10_000);
            assert_eq!(
                (forecast.worst_case_s, forecast.worst_case_covers),
                (Some(worst), Covers::Everything)
            );
        }
        // Limits that end everything long before.
        let early = forecast("--retries 2 --jitter 0 --timeout 1 --kill-after 1 --deadline 1h");
        assert_eq!(early.worst_case_s, Some(ms(4500)));
        // No start is after the deadline.
        let late = rows("--retries 3 --timeout 10 --deadline 12");
        assert_eq!(late[1], (2, [500, 800, 500, 12_000]));
    }

    #[test]
    fn a_deadline_before_the_first_attempt_leaves_nothing() {
        let forecast = forecast("--initial-delay 10 --deadline 10");
        assert_eq!((forecast.rows.len(), forecast.last_possible), (0, Some(0)));
        assert_eq!(forecast.worst_case_s, Some(Duration::ZERO));
        assert!(forecast.warnings[0].contains("run nothing"), "{:?}", forecast.warnings);
        let possible = self::forecast("--initial-delay 9 --stagger 5 --deadline 10");
        assert_eq!(possible.last_possible, Some(2));
    }

    #[test]
    fn too_short_a_deadline_for_the_row_of_good_attempts_is_warned_of() {
        let warned = |flags| !forecast(flags).warnings.is_empty();
        assert!(warned("--retries 5 --consecutive 3 --deadline 0.6"));
        assert!(!warned("--retries 5 --consecutive 3 --deadline 6"));
    }

    #[test]
    fn many_attempts_show_the_first_and_the_last() {
        assert_eq!(rows("--retries 13").len(), 13);
        let many = rows("--retries 1000 --jitter 0");
        assert_eq!(many.len(), 13);
        assert_eq!(many[11].0, 12);
        // 0.5 + 2 + 8 + 32, then 995 times a minute.
        let start = 42_500 + 995 * 60_000;
        assert_eq!(many[12], (1000, [60_000, 60_000, start, start]));
        let huge = forecast("--retries 18446744073709551615 --timeout 1h");
        assert_eq!(huge.rows[12].attempt, u64::MAX);
        assert_eq!(huge.worst_case_s, Some(Duration::MAX));
        // One minute each, the deadline in 10^12 seconds.
        let long = forecast("--retries 18446744073709551615 --jitter 0 --deadline 1e12");
        assert_eq!(long.last_possible, Some((1_000_000_000_000 - 43) / 60 + 5));
    }

    #[test]
    fn without_a_limit_there_is_no_last_row_unless_the_deadline_makes_one() {
        let endless = forecast("--retries inf --timeout 5");
        assert_eq!((endless.rows.len(), endless.last_possible, endless.worst_case_s), (12, None, None));
        let ended = forecast("--retries inf --jitter 0 --deadline 5m");
        // 42.5 s, then each minute: attempt 5 at 42.5, attempt 9 at 282.5.
        assert_eq!(ended.last_possible, Some(9));
        // No delay is certain: any number of attempts fits.
        let any = forecast("--retries inf --jitter full --deadline 5m");
        assert_eq!((any.last_possible, any.worst_case_s), (None, Some(ms(310_000))));
    }

    #[test]
    fn delays_that_can_come_again_widen_the_range() {
        // A good attempt waits --base, and failures go on from where they were.
        let consecutive = rows("--retries 4 --jitter 0 --consecutive 2");
        assert_eq!(consecutive[3], (4, [500, 8000, 1500, 10_500]));
        // A list that falls can start anew, so its first delay can come again.
        let reset = rows("--retries 4 --jitter 0 --delays 5,1 --reset-after 1m");
        assert_eq!(reset[2], (3, [1000, 5000, 6000, 10_000]));
        let always = rows("--retries 4 --jitter 0 --reset-after 0");
        assert_eq!(always[3], (4, [500, 500, 1500, 1500]));
    }

    /// What the loop draws is never outside of what is shown.
    #[test]
    fn no_draw_leaves_the_forecast() {
        for flags in [
            "",
            "--jitter +-5",
            "--jitter 50%",
            "--jitter full",
            "--jitter equal",
            "--jitter decorrelated",
            "--backoff linear --jitter 1",
            "--backoff fibonacci",
            "--factor 0.5",
            "--delays 9,1,5 --jitter +-2",
        ] {
            let plan = plan(&format!("--retries 40 {flags}"));
            let schedule = Schedule::of(&plan);
            let mut random = Random::seeded(3);
            for _ in 0..50 {
                let mut delays = Delays::new(&plan.policy.backoff);
                let mut start = Duration::ZERO;
                for number in 1..=40 {
                    let span = schedule.start(number);
                    let slack = Duration::from_nanos(100);
                    assert!(start + slack >= span.low && start <= span.high + slack, "{flags}: {number}");
                    start += delays.next(&mut random);
                }
            }
        }
    }

    /// The shortcut for many attempts is never on the wrong side of the sum.
    #[test]
    fn the_shortcut_bounds_the_sum() {
        for flags in
            ["", "--factor 1.01 --base 1", "--factor 0.9", "--backoff fibonacci", "--jitter decorrelated"]
        {
            let plan = plan(&format!("--retries 300 {flags}"));
            let exact = Schedule::of(&plan);
            let short = Schedule { exact: 5, ..Schedule::of(&plan) };
            for number in [1, 5, 6, 7, 8, 100, 300] {
                let (exact, short) = (exact.start(number), short.start(number));
                assert!(short.low <= exact.low && exact.high <= short.high, "{flags}: {number}");
            }
            // No bound at all is a bound too.
            let last = |schedule: &Schedule<'_>| {
                schedule.last_before(Duration::from_secs(100), Some(300)).unwrap_or(300)
            };
            assert!(last(&short) >= last(&exact), "{flags}");
        }
    }

    #[test]
    fn bars_fit_and_show_both_parts() {
        let bar = |low, high, longest| {
            let row = Row {
                attempt: 2,
                delay_low_s: ms(low),
                delay_high_s: ms(high),
                earliest_start_s: ms(0),
                latest_start_s: ms(0),
            };
            super::bar(&row, ms(longest), 10)
        };
        assert_eq!(bar(0, 0, 1000), "");
        assert_eq!(bar(1, 1, 1000), "#");
        assert_eq!(bar(0, 1, 1000), "+");
        assert_eq!(bar(5, 8, 1000), "#");
        assert_eq!(bar(1000, 1000, 1000), "##########");
        assert_eq!(bar(999, 1000, 1000), "#########+");
        assert_eq!(bar(500, 1000, 1000), "#####+++++");
        assert_eq!(bar(0, 500, 1000), "+++++");
    }

    #[test]
    fn the_text_keeps_to_the_width_and_hides_arguments() {
        let plan = Plan { command: vec!["curl".into(), "-f".into(), "-uroot:secret".into()], ..plan("") };
        for columns in [60, 80, 100] {
            let text = render(&plan, &Forecast::of(&plan), columns);
            assert!(text.lines().all(|line| line.chars().count() <= columns), "{columns}\n{text}");
            assert!(text.contains("0.50s-0.80s") && !text.contains("secret"), "{text}");
        }
        let plan = Plan { verbosity: Verbosity::Verbose, ..plan };
        assert!(render(&plan, &Forecast::of(&plan), 80).contains("curl -f -uroot:secret at most 3 times"));
    }
}
