//! The tables for people.

use crate::report::format::duration;
use crate::report::sanitize::{self, visible};
use crate::stats::read::{LeftOut, Lines, Remark};
use crate::stats::{Group, Stats, Tally, line};
use jiff::civil::Date;
use std::fmt::Write as _;
use std::path::Path;

/// How many days the trend and the second table go back.
const DAYS: usize = 14;
/// How many reasons are named.
const REASONS: usize = 3;
/// A longer name is cut, in characters.
const LONGEST_NAME: usize = 40;
/// From no trouble to nothing but trouble; a day without runs has none of them.
const LEVELS: [char; 8] =
    ['\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}'];
const NO_RUN: char = '.';

/// By name and by day.
pub fn text(stats: &Stats) -> String {
    let Some((begin, end)) = stats.period() else { return "no runs found\n".to_owned() };
    let mut by_name =
        vec![cells(["name", "runs", "rescued", "failed", "attempts", "waited", "trend", "reasons"])];
    let names = stats.names();
    let row = |name: String, group: &Group| {
        let [runs, rescued, failed, attempts, waited] = numbers(group.total);
        vec![name, runs, rescued, failed, attempts, waited, trend(group, end), reasons(group)]
    };
    by_name.extend(names.iter().map(|(name, group)| row(cut(name), group)));
    if names.len() > 1 {
        by_name.push(row("all".to_owned(), &stats.all));
    }
    let mut by_day = vec![cells(["day", "runs", "rescued", "failed", "attempts", "waited"])];
    let days = stats.all.last_days(end, DAYS);
    let days = days.into_iter().filter(|(_, tally)| tally.runs > 0);
    by_day.extend(days.map(|(day, tally)| std::iter::once(day.to_string()).chain(numbers(tally)).collect()));
    let mut text = table(&by_name);
    let _infallible = write!(
        text,
        "\ntrend: share of runs with a failed attempt, per day, until {end}\n\n{}",
        table(&by_day)
    );
    let shown = by_day.len() - 1;
    let before = stats.all.days.len() - shown;
    if before > 0 {
        let _infallible = writeln!(
            text,
            "{before} earlier {} since {begin}: see --log-format json",
            if before == 1 { "day" } else { "days" }
        );
    }
    sanitize::lines(&text)
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn numbers(tally: Tally) -> [String; 5] {
    let part = |count: u64| match count {
        0 => "0".to_owned(),
        count => format!("{count} ({})", percent(count, tally.runs)),
    };
    [
        tally.runs.to_string(),
        part(tally.rescued),
        part(tally.failed),
        tally.attempts.to_string(),
        duration(tally.waited),
    ]
}

/// A part of a whole that is not 0. What is there is not 0 %, and what is missing shows.
pub(super) fn percent(count: u64, whole: u64) -> String {
    let exact = count as f64 * 100.0 / whole as f64;
    match exact {
        ..1.0 if count > 0 => "<1%".to_owned(),
        99.0.. if count < whole => ">99%".to_owned(),
        _ => format!("{exact:.0}%"),
    }
}

fn trend(group: &Group, last: Date) -> String {
    let level = |tally: Tally| match (tally.runs, tally.troubled()) {
        (0, _) => NO_RUN,
        (_, 0) => LEVELS[0],
        (runs, troubled) => {
            let level = (troubled as f64 / runs as f64 * (LEVELS.len() - 1) as f64).ceil();
            LEVELS[(level as usize).clamp(1, LEVELS.len() - 1)]
        }
    };
    group.last_days(last, DAYS).into_iter().map(|(_, tally)| level(tally)).collect()
}

fn reasons(group: &Group) -> String {
    let all = group.reasons();
    let mut listed: Vec<_> =
        all.iter().take(REASONS).map(|(reason, count)| format!("{} ({count})", cut(reason))).collect();
    if all.len() > REASONS {
        listed.push(format!("{} more", all.len() - REASONS));
    }
    listed.join(", ")
}

fn cut(name: &str) -> String {
    let name = visible(name);
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name,
    }
}

/// Columns as wide as they must be: the first and those from the seventh on are words, numbers stand right.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            let _infallible = match column {
                1..6 => write!(line, "{gap}{cell:>width$}"),
                _ => write!(line, "{gap}{cell:width$}"),
            };
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

/// What is said about a file.
pub fn remark(remark: &Remark) -> String {
    match remark {
        Remark::ReadAlready(path) => format!("{} was given twice; reading it once", name(path)),
        Remark::LeftOut(path, left_out) => {
            format!("{}: {}", name(path), what(left_out))
        }
    }
}

fn what(left_out: &LeftOut) -> String {
    let LeftOut { lines, damaged, other_version, unfinished } = left_out;
    match (lines, damaged.count) {
        (1, 1) => return "its one line is not a report".to_owned(),
        (lines, damaged) if *lines == damaged => {
            return format!("none of the {lines} lines is a report");
        }
        _ => {}
    }
    let skipped = damaged.count + other_version.count + u64::from(*unfinished);
    let mut parts = Vec::new();
    let first = |Lines { count, first }: &Lines| match count {
        1 => format!("line {first}"),
        _ => format!("first at line {first}"),
    };
    if damaged.count > 0 {
        let are = if damaged.count == 1 { "is not a report" } else { "are not reports" };
        parts.push(format!("{} {are} ({})", damaged.count, first(damaged)));
    }
    if other_version.count > 0 {
        let have = if other_version.count == 1 { "has" } else { "have" };
        let version = line::VERSION;
        parts.push(format!(
            "{} {have} a report version other than {version} ({})",
            other_version.count,
            first(other_version)
        ));
    }
    if *unfinished {
        parts.push("the last line is incomplete".to_owned());
    }
    format!("skipped {skipped} of {}: {}", self::lines(*lines), parts.join(", "))
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

/// A file by its name.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        crate::report::format::shell_words(&[path.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_nothing_nor_all() {
        let shown = [(1, 3), (1, 1000), (999, 1000), (5, 5), (1, 2), (0, 4)].map(|(a, b)| percent(a, b));
        assert_eq!(shown, ["33%", "<1%", ">99%", "100%", "50%", "0%"]);
    }

    #[test]
    fn one_line_says_what_was_left_out() {
        let lines = |count, first| Lines { count, first };
        let left_out =
            LeftOut { lines: 9, damaged: lines(2, 4), other_version: lines(1, 7), unfinished: true };
        assert_eq!(
            remark(&Remark::LeftOut("a-b".into(), left_out)),
            "a-b: skipped 4 of 9 lines: 2 are not reports (first at line 4), 1 has a report version other than 1 \
             (line 7), the last line is incomplete"
        );
        let left_out = LeftOut { lines: 1, damaged: lines(1, 1), ..LeftOut::default() };
        assert_eq!(remark(&Remark::LeftOut("-".into(), left_out)), "stdin: its one line is not a report");
        let left_out = LeftOut { lines: 13, damaged: lines(13, 1), ..LeftOut::default() };
        assert_eq!(
            remark(&Remark::LeftOut("retry.xml".into(), left_out)),
            "retry.xml: none of the 13 lines is a report"
        );
    }
}
