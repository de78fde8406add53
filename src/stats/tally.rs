//! The sums.

use super::line::{self, Run};
use crate::core::account::RunResult;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many names are told apart, the first that come; the runs of others are counted under [`OTHERS`].
pub const MOST_NAMES: usize = 1000;
/// As with names, for the reasons of one name.
const MOST_REASONS: usize = 100;
/// Of one name, the latest days; older ones are only in the totals. Thirteen months.
const MOST_DAYS: usize = 400;
/// The name for all that are too many to be told apart.
pub const OTHERS: &str = "(others)";

/// Runs, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub runs: u64,
    /// Those that succeeded after a failed attempt.
    pub rescued: u64,
    /// Those that did not succeed.
    pub failed: u64,
    /// Attempts that were started.
    pub attempts: u64,
    /// The delays that were waited for.
    pub waited: Duration,
}

impl Tally {
    fn add(&mut self, run: &Run) {
        self.runs += 1;
        match run.account.result {
            RunResult::Clean => {}
            RunResult::Rescued => self.rescued += 1,
            RunResult::Lost => self.failed += 1,
        }
        self.attempts = self.attempts.saturating_add(run.account.attempts);
        self.waited = self.waited.saturating_add(run.account.waited);
    }

    /// Runs in which an attempt failed, or that failed without one.
    pub fn troubled(&self) -> u64 {
        self.rescued + self.failed
    }

    /// Runs that succeeded at once.
    pub fn clean(&self) -> u64 {
        self.runs - self.troubled()
    }
}

/// The runs of one name, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Of all days.
    pub total: Tally,
    /// By the day in UTC on which they started.
    pub days: BTreeMap<Date, Tally>,
    reasons: BTreeMap<String, u64>,
}

impl Group {
    fn add(&mut self, run: &Run) {
        self.total.add(run);
        self.days.entry(run.day).or_default().add(run);
        if self.days.len() > MOST_DAYS {
            self.days.pop_first();
        }
        for (reason, times) in &run.reasons {
            line::count(&mut self.reasons, reason.clone(), *times, MOST_REASONS);
        }
    }

    /// Why attempts failed, the commonest reason first.
    pub fn reasons(&self) -> Vec<(&str, u64)> {
        let mut reasons: Vec<_> = self.reasons.iter().map(|(name, times)| (name.as_str(), *times)).collect();
        reasons.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        reasons
    }

    /// The last `count` days up to `until`, also those without runs, oldest first.
    pub fn last_days(&self, until: Date, count: usize) -> Vec<(Date, Tally)> {
        let mut days = Vec::with_capacity(count);
        let mut day = Some(until);
        while let Some(date) = day.filter(|_| days.len() < count) {
            days.push((date, self.days.get(&date).copied().unwrap_or_default()));
            day = date.yesterday().ok();
        }
        days.reverse();
        days
    }
}

/// What is known of all runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// All runs.
    pub all: Group,
    names: BTreeMap<String, Group>,
}

impl Stats {
    /// Counts a run.
    pub fn add(&mut self, run: &Run) {
        self.all.add(run);
        let name = &run.account.name;
        let known = self.names.len() < MOST_NAMES || self.names.contains_key(name);
        self.names.entry(if known { name.clone() } else { OTHERS.to_owned() }).or_default().add(run);
    }

    /// The names with their runs: those with the most trouble first, then by name.
    pub fn names(&self) -> Vec<(&str, &Group)> {
        let mut names: Vec<_> = self.names.iter().map(|(name, group)| (name.as_str(), group)).collect();
        names.sort_by_key(|(_, group)| std::cmp::Reverse((group.total.troubled(), group.total.failed)));
        names
    }

    /// The first and the last day with a run, of those that are kept.
    pub fn period(&self) -> Option<(Date, Date)> {
        let days = &self.all.days;
        Some((*days.first_key_value()?.0, *days.last_key_value()?.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::account::Account;
    use jiff::ToSpan as _;
    use jiff::civil::date;

    fn run(name: &str, day: Date, result: RunResult) -> Run {
        let account = Account {
            name: name.to_owned(),
            outcome: "success".into(),
            result,
            attempts: 2,
            elapsed: Duration::from_secs(3),
            waited: Duration::from_secs(1),
            exit_status: 0,
        };
        Run { account, day, reasons: BTreeMap::from([("exit 7".to_owned(), 1)]) }
    }

    #[test]
    fn trouble_comes_first_and_days_without_runs_are_there() {
        let mut stats = Stats::default();
        stats.add(&run("calm", date(2026, 11, 20), RunResult::Clean));
        stats.add(&run("b", date(2026, 11, 24), RunResult::Rescued));
        stats.add(&run("a", date(2026, 11, 22), RunResult::Lost));
        let names: Vec<&str> = stats.names().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["a", "b", "calm"]);
        assert_eq!(stats.period(), Some((date(2026, 11, 20), date(2026, 11, 24))));
        let days = stats.all.last_days(date(2026, 11, 24), 4);
        let runs: Vec<_> = days.iter().map(|(day, tally)| (day.day(), tally.runs, tally.clean())).collect();
        assert_eq!(runs, [(21, 0, 0), (22, 1, 0), (23, 0, 0), (24, 1, 0)]);
        assert_eq!(stats.all.last_days(Date::MIN, 3).len(), 1);
        assert_eq!(stats.all.reasons(), [("exit 7", 3)]);
    }

    #[test]
    fn names_and_days_are_bounded_and_nothing_is_lost_from_the_totals() {
        let mut stats = Stats::default();
        for n in 0..1500 {
            let day = date(2026, 11, 24).checked_sub(n.days()).unwrap();
            stats.add(&run(&format!("job-{n}"), day, RunResult::Clean));
            stats.add(&run("job-0", day, RunResult::Rescued));
        }
        assert_eq!((stats.all.total.runs, stats.all.total.rescued), (3000, 1500));
        let names = stats.names();
        assert_eq!(names.len(), MOST_NAMES + 1);
        assert_eq!(names.iter().map(|(_, group)| group.total.runs).sum::<u64>(), 3000);
        let others = names.iter().find(|(name, _)| *name == OTHERS).unwrap().1;
        assert_eq!(others.total.runs, 500);
        assert_eq!(stats.all.days.len(), MOST_DAYS);
        assert_eq!(stats.period().unwrap().1, date(2026, 11, 24), "the latest are kept");
    }
}
