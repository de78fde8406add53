//! The content of a dry run, as one struct, which is also the JSON object of docs/json.md. The bounds come from
//! `schedule`.

use super::super::pitfalls;
use super::schedule::{Schedule, Start};
use crate::core::plan::Plan;
use crate::core::rules::Then;
use crate::report::format::{arguments, command_name, duration};
use crate::report::sanitize;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// The number of rows before the dots.
pub const FIRST_ROWS: u64 = 12;

/// The JSON object of docs/json.md.
pub fn json(plan: &Plan) -> String {
    // Numbers and strings only: serialization cannot fail.
    let object = sanitize::json_for_people(&Forecast::of(plan));
    format!("{object}\n")
}

/// The possible course of a plan. Durations saturate at 2^64 seconds.
#[derive(Debug, Serialize)]
pub struct Forecast {
    pub command: String,
    pub arguments: Option<Vec<String>>,
    pub attempts: Option<u64>,
    pub consecutive: u64,
    #[serde(serialize_with = "optional_number")]
    pub timeout_s: Option<Duration>,
    #[serde(serialize_with = "optional_number")]
    pub deadline_s: Option<Duration>,
    #[serde(serialize_with = "number")]
    pub kill_after_s: Duration,
    #[serde(serialize_with = "optional_number")]
    pub reset_after_s: Option<Duration>,
    pub rows: Vec<Row>,
    pub last_possible: Option<u64>,
    #[serde(serialize_with = "optional_number")]
    pub worst_case_s: Option<Duration>,
    pub worst_case_covers: WorstCaseScope,
    pub not_counted: Vec<&'static str>,
    pub retry_on: Option<String>,
    pub stop_on: Option<String>,
    pub success_on: Option<String>,
    pub output_rules: Vec<String>,
    pub breaker: Option<String>,
    pub budget: Option<String>,
    pub state: Option<String>,
    pub settings: Vec<String>,
    pub warnings: Vec<String>,
}

/// An attempt that can start.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    pub attempt: u64,
    #[serde(serialize_with = "number")]
    pub delay_low_s: Duration,
    #[serde(serialize_with = "number")]
    pub delay_high_s: Duration,
    #[serde(serialize_with = "number")]
    pub earliest_start_s: Duration,
    #[serde(serialize_with = "number")]
    pub latest_start_s: Duration,
}

/// The time that the worst case includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WorstCaseScope {
    Everything,
    /// The delays only: nothing limits the time of the attempts.
    Delays,
}

/// The flags that add an unknown time. A deadline ends all of it but the fallback.
fn not_counted(plan: &Plan) -> Vec<&'static str> {
    let unlimited = plan.policy.deadline.is_none();
    [
        ("--retry-if", unlimited && plan.hooks.retry_if.is_some()),
        ("--before-retry", unlimited && plan.hooks.before_retry.is_some()),
        ("--retry-after", unlimited && plan.streams.hint_streams.is_some()),
        ("--fallback", plan.hooks.fallback.is_some()),
    ]
    .into_iter()
    .filter_map(|(flag, given)| given.then_some(flag))
    .collect()
}

fn number<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn optional_number<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_ref().map(Duration::as_secs_f64).serialize(serializer)
}

impl Forecast {
    /// Everything that is known without running anything.
    pub fn of(plan: &Plan) -> Self {
        let (policy, limits) = (&plan.policy, &plan.limits);
        let schedule = Schedule::of(plan);
        let shared = plan.shared.as_ref();
        let limit = policy.attempts.limit();
        let possible = policy.deadline.and_then(|deadline| schedule.last_before(deadline, limit));
        let last = possible.or(limit);

        let bound = last.map(|last| match last {
            // Not even the first delay is slept.
            0 => Duration::ZERO,
            last => schedule.start(last).high.saturating_add(schedule.attempt.unwrap_or_default()),
        });
        let after_deadline = policy.deadline.map(|deadline| deadline.saturating_add(limits.kill_after));
        let (worst_case_s, worst_case_covers) = match (after_deadline, schedule.attempt, bound) {
            (_, _, Some(Duration::ZERO)) if last == Some(0) => (bound, WorstCaseScope::Everything),
            (Some(end), Some(_), Some(bound)) => (Some(end.min(bound)), WorstCaseScope::Everything),
            (Some(end), _, _) => (Some(end), WorstCaseScope::Everything),
            (None, Some(_), bound) => (bound, WorstCaseScope::Everything),
            (None, None, bound) => (bound, WorstCaseScope::Delays),
        };

        let mut warnings = pitfalls::warnings(plan);
        if let (Some(last), Some(deadline)) = (last, policy.deadline) {
            let (deadline, wanted) = (duration(deadline), policy.consecutive);
            if last == 0 {
                warnings.push(format!(
                    "the initial delay reaches the deadline of {deadline}, so retry would run nothing and exit \
                     with 124"
                ));
            } else if last < wanted {
                warnings.push(format!(
                    "the deadline of {deadline} leaves no time for {wanted} consecutive successes"
                ));
            }
        }
        Self {
            command: command_name(&plan.command),
            arguments: arguments(plan),
            attempts: limit,
            consecutive: policy.consecutive,
            timeout_s: limits.timeout,
            deadline_s: policy.deadline,
            kill_after_s: limits.kill_after,
            reset_after_s: policy.reset_after,
            rows: rows(&schedule, last, policy.deadline),
            last_possible: last,
            worst_case_s,
            worst_case_covers,
            not_counted: not_counted(plan),
            retry_on: plan.rules.set_text(Then::Retry),
            stop_on: plan.rules.set_text(Then::Stop),
            success_on: plan.rules.set_text(Then::Success),
            output_rules: plan.rules.output_rules().map(ToString::to_string).collect(),
            breaker: shared.and_then(|shared| shared.breaker.as_ref()).map(|(name, _)| name.to_string()),
            budget: shared.and_then(|shared| shared.budget.as_ref()).map(|(name, _)| name.to_string()),
            state: shared.map(|shared| shared.location.to_string()),
            settings: plan.settings.clone(),
            warnings,
        }
    }
}

/// The first rows and the last one, if there is one.
fn rows(schedule: &Schedule<'_>, last: Option<u64>, deadline: Option<Duration>) -> Vec<Row> {
    // Dots would not be shorter than one row.
    let shown = match last {
        Some(last) if last <= FIRST_ROWS + 1 => last,
        _ => FIRST_ROWS,
    };
    let row = |start: Start| Row {
        attempt: start.attempt,
        delay_low_s: start.delay.low,
        delay_high_s: start.delay.high,
        earliest_start_s: start.at.low,
        latest_start_s: deadline.map_or(start.at.high, |deadline| start.at.high.min(deadline)),
    };
    schedule.starts(shown, last).into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan_of;
    use super::*;

    fn forecast(flags: &str) -> Forecast {
        Forecast::of(&plan_of(flags))
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
        assert_eq!(forecast.worst_case_covers, WorstCaseScope::Delays);
        assert_eq!((forecast.attempts, forecast.last_possible), (Some(3), Some(3)));
    }

    #[test]
    fn a_timeout_and_its_grace_come_between_the_starts() {
        let flags = "--timeout 30 --kill-after 1";
        let wanted = [(1, [0, 0, 0, 0]), (2, [500, 800, 500, 31_800]), (3, [2000, 2300, 2500, 65_100])];
        assert_eq!(rows(flags), wanted);
        assert_eq!(forecast(flags).worst_case_s, Some(ms(96_100)));
        assert_eq!(forecast(flags).worst_case_covers, WorstCaseScope::Everything);
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
                (Some(worst), WorstCaseScope::Everything)
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
    fn a_deadline_too_short_for_consecutive_successes_is_warned_of() {
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
}
