//! The bounds of when attempts can start.
//!
//! An attempt starts at the earliest if those before it need no time; at the latest if each of them takes its
//! `--timeout` and the grace (`--kill-after`). Without a `--timeout` the time of the attempts is left out. Beyond the
//! first thousand failures the delays are not added one by one, but as a multiple of the smallest or the largest one,
//! which is exact once they stay the same.

use crate::core::plan::Plan;
use retry_loop::backoff::Growth;
use retry_loop::policy::Policy;
use std::time::Duration;

/// The number of delays that are added one by one.
const EXACT_DELAYS: u64 = 1000;

/// A range of durations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DurationRange {
    pub low: Duration,
    pub high: Duration,
}

impl DurationRange {
    fn plus(self, other: Self) -> Self {
        Self { low: self.low.saturating_add(other.low), high: self.high.saturating_add(other.high) }
    }

    fn times(self, count: u64) -> Self {
        Self { low: times(self.low, count), high: times(self.high, count) }
    }

    fn hull(self, other: Self) -> Self {
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

/// The bounds of the start of one attempt.
pub struct Start {
    pub attempt: u64,
    /// The delay before it.
    pub delay: DurationRange,
    /// Since the start of retry.
    pub at: DurationRange,
}

pub struct Schedule<'a> {
    policy: &'a Policy,
    /// The longest that an attempt can take, if anything limits it.
    pub attempt: Option<Duration>,
    /// The number of delays that are added one by one.
    exact: u64,
}

/// The ranges of the delays after failure 1, 2, ... in turn. Where the delays can start anew, or a good attempt can come
/// between failures, an earlier delay can come again, so the range of all delays so far is kept.
struct DelayRanges<'a> {
    policy: &'a Policy,
    so_far: Option<DurationRange>,
}

impl DelayRanges<'_> {
    /// The delay after failure `n`.
    fn after(&mut self, n: u64) -> DurationRange {
        let always_anew = self.policy.reset_after == Some(Duration::ZERO);
        let (low, high) = self.policy.backoff.range(if always_anew { 1 } else { n });
        let own = DurationRange { low, high };
        let mut so_far = self.so_far.map_or(own, |so_far| so_far.hull(own));
        let several = self.policy.consecutive > 1;
        if several {
            let base = self.policy.backoff.base;
            so_far = so_far.hull(DurationRange { low: base, high: base });
        }
        self.so_far = Some(so_far);
        match (several, self.policy.reset_after) {
            (true, _) => so_far,
            // In the best case attempts take no time, which resets nothing.
            (false, Some(_)) => DurationRange { high: so_far.high, ..own },
            (false, None) => own,
        }
    }
}

impl<'a> Schedule<'a> {
    pub fn of(plan: &'a Plan) -> Self {
        // A list can be longer than that, and its delays can rise and fall.
        let list = match &plan.policy.backoff.growth {
            Growth::List(list) => list.len() as u64,
            _ => 0,
        };
        Self { policy: &plan.policy, attempt: plan.limits.longest_attempt(), exact: EXACT_DELAYS.max(list) }
    }

    fn delay_ranges(&self) -> DelayRanges<'a> {
        DelayRanges { policy: self.policy, so_far: None }
    }

    /// The delay before attempt 1.
    fn first(&self) -> DurationRange {
        let low = self.policy.initial_delay;
        DurationRange { low, high: low.saturating_add(self.policy.stagger) }
    }

    /// The time of an attempt.
    fn running(&self) -> DurationRange {
        DurationRange { low: Duration::ZERO, high: self.attempt.unwrap_or_default() }
    }

    /// The bounds of the start of attempt `number`.
    pub fn start(&self, number: u64) -> DurationRange {
        let (mut ranges, delays) = (self.delay_ranges(), number.saturating_sub(1));
        let one_by_one = delays.min(self.exact);
        let mut start = self.first().plus(self.running().times(delays));
        for n in 1..=one_by_one {
            start = start.plus(ranges.after(n));
        }
        if delays > one_by_one {
            // From here on the delays only grow, only shrink, or stay the same.
            let rest = ranges.after(one_by_one + 1).hull(ranges.after(delays));
            start = start.plus(rest.times(delays - one_by_one));
        }
        start
    }

    /// The last attempt that can start before `deadline`: 0 for none, `None` without a bound.
    pub fn last_before(&self, deadline: Duration, limit: Option<u64>) -> Option<u64> {
        let most = limit.unwrap_or(u64::MAX);
        let (mut ranges, mut earliest) = (self.delay_ranges(), self.first().low);
        if earliest >= deadline {
            return Some(0);
        }
        for n in 1..=self.exact.min(most - 1) {
            earliest = earliest.saturating_add(ranges.after(n).low);
            if earliest >= deadline {
                return Some(n);
            }
        }
        if most - 1 <= self.exact {
            return limit;
        }
        let least = ranges.after(self.exact + 1).hull(ranges.after(most - 1)).low;
        // Strictly before the deadline, hence the nanosecond.
        let left = deadline.saturating_sub(earliest).as_nanos() - 1;
        let more = left.checked_div(least.as_nanos())?;
        Some(u64::try_from(more).unwrap_or(u64::MAX).saturating_add(self.exact + 1).min(most))
            .filter(|&last| limit.is_some() || last < u64::MAX)
    }

    /// The starts of attempts, from the first to `shown` and then `last`, if it comes later.
    pub fn starts(&self, shown: u64, last: Option<u64>) -> Vec<Start> {
        let (mut ranges, mut starts) = (self.delay_ranges(), Vec::new());
        let (mut at, mut delay) = (self.first(), self.first());
        for attempt in 1..=shown {
            starts.push(Start { attempt, delay, at });
            delay = ranges.after(attempt);
            at = at.plus(self.running()).plus(delay);
        }
        if let Some(last) = last
            && last > shown
        {
            // The delays between matter only where an earlier one can come again.
            for n in shown + 1..(last - 1).min(self.exact) {
                ranges.after(n);
            }
            starts.push(Start { attempt: last, delay: ranges.after(last - 1), at: self.start(last) });
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plan_of;
    use super::*;
    use retry_loop::backoff::BackoffState;
    use retry_loop::random::Random;

    /// The loop never draws a delay outside of the bounds.
    #[test]
    fn no_drawn_delay_is_outside_of_the_forecast() {
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
            let plan = plan_of(&format!("--retries 40 {flags}"));
            let schedule = Schedule::of(&plan);
            let mut random = Random::seeded(3);
            for _ in 0..50 {
                let mut delays = BackoffState::default();
                let mut start = Duration::ZERO;
                for number in 1..=40 {
                    let span = schedule.start(number);
                    let slack = Duration::from_nanos(100);
                    assert!(start + slack >= span.low && start <= span.high + slack, "{flags}: {number}");
                    start += delays.next(&plan.policy.backoff, &mut random);
                }
            }
        }
    }

    /// The multiple for many attempts is never on the wrong side of the sum.
    #[test]
    fn the_shortcut_bounds_the_sum() {
        for flags in
            ["", "--factor 1.01 --base 1", "--factor 0.9", "--backoff fibonacci", "--jitter decorrelated"]
        {
            let plan = plan_of(&format!("--retries 300 {flags}"));
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
}
