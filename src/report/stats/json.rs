//! `--stats --log-format json`: docs/json.md has every field.

use crate::report::sanitize;
use crate::stats::{Group, Stats, Tally};
use serde::Serialize;

/// Counts changes that a reader must know about, as the version of a report does.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    version: u32,
    #[serde(flatten)]
    all: Numbers,
    reasons: Vec<Reason<'a>>,
    days: Vec<Day>,
    names: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    #[serde(flatten)]
    all: Numbers,
    reasons: Vec<Reason<'a>>,
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Numbers {
    runs: u64,
    rescued: u64,
    failed: u64,
    attempts: u64,
    waited_s: f64,
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'a str,
    count: u64,
}

#[derive(Serialize)]
struct Day {
    day: String,
    #[serde(flatten)]
    all: Numbers,
}

/// One object.
pub fn json(stats: &Stats) -> String {
    let (all, reasons, days) = parts(&stats.all);
    let names = stats.names().into_iter().map(|(name, group)| named(name, group)).collect();
    format!("{}\n", sanitize::json_for_people(&Whole { version: VERSION, all, reasons, days, names }))
}

fn named<'a>(name: &'a str, group: &'a Group) -> Named<'a> {
    let (all, reasons, days) = parts(group);
    Named { name, all, reasons, days }
}

fn parts(group: &Group) -> (Numbers, Vec<Reason<'_>>, Vec<Day>) {
    let reasons = group.reasons().into_iter().map(|(reason, count)| Reason { reason, count });
    let days = group.days.iter().map(|(day, tally)| Day { day: day.to_string(), all: numbers(*tally) });
    (numbers(group.total), reasons.collect(), days.collect())
}

fn numbers(Tally { runs, rescued, failed, attempts, waited }: Tally) -> Numbers {
    // Microseconds, as in a report.
    Numbers { runs, rescued, failed, attempts, waited_s: waited.as_micros() as f64 / 1e6 }
}
