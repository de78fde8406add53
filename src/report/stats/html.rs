//! The page of `--html`: one file without scripts that loads nothing, for wide and narrow screens, light and dark.

use super::svg;
use super::text;
use crate::report::format::duration;
use crate::report::sanitize::html;
use crate::stats::{Group, Stats, Tally};
use jiff::civil::Date;
use std::fmt::Write as _;

/// How far the large chart goes back. More days would be thinner than a pixel on a telephone.
const DAYS: usize = 90;
/// How far the chart of one name goes back.
const DAYS_OF_NAME: usize = 30;
/// How many names have a row.
const NAMES: usize = 200;
/// How many reasons are shown for all runs, and for one name.
const REASONS: usize = 12;
const REASONS_OF_NAME: usize = 3;

const STYLE: &str = include_str!("page.css");

fn percent(count: u64, whole: u64) -> String {
    html(&text::percent(count, whole))
}

/// The whole page.
pub fn page(stats: &Stats) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>Retry statistics</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Retry statistics</h1>\n"
    );
    match stats.period() {
        None => page.push_str("<p>No runs found.</p>\n"),
        Some(period) => sections(&mut page, stats, period),
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn sections(page: &mut String, stats: &Stats, (first, last): (Date, Date)) {
    totals(page, stats.all.total, first, last);
    by_day(page, &stats.all, first, last);
    reasons(page, &stats.all);
    by_name(page, stats, last);
}

fn totals(page: &mut String, total: Tally, first: Date, last: Date) {
    let days = if first == last { format!("on {first}") } else { format!("from {first} to {last}") };
    let _infallible =
        write!(page, "<p>{} (UTC)</p>\n<dl class=\"totals\">\n", html(&format!("{} {days}", runs(total))));
    let further = total.attempts.saturating_sub(total.runs);
    for (class, what, count, more) in [
        (
            "",
            "runs",
            total.runs.to_string(),
            format!("{} succeeded on the first attempt", percent(total.clean(), total.runs)),
        ),
        ("rescued", "rescued by a retry", total.rescued.to_string(), percent(total.rescued, total.runs)),
        ("failed", "failed", total.failed.to_string(), percent(total.failed, total.runs)),
        (
            "",
            "attempts",
            total.attempts.to_string(),
            format!("{further} {}", if further == 1 { "retry" } else { "retries" }),
        ),
        ("", "time spent waiting", duration(total.waited), String::new()),
    ] {
        let _infallible = writeln!(
            page,
            "<div class=\"{class}\"><dt>{what}</dt><dd>{count} <small>{more}</small></dd></div>"
        );
    }
    page.push_str("</dl>\n");
}

fn runs(tally: Tally) -> String {
    if tally.runs == 1 { "1 run".to_owned() } else { format!("{} runs", tally.runs) }
}

/// As many days as there are from `first` to `last`, at most `most`.
fn span(first: Date, last: Date, most: usize) -> usize {
    let days = last.since(first).map_or(0, |span| span.get_days());
    usize::try_from(days).unwrap_or(0).saturating_add(1).clamp(1, most)
}

fn by_day(page: &mut String, all: &Group, first: Date, last: Date) {
    // A few bars would be as wide as the page.
    let count = span(first, last, DAYS).max(DAYS_OF_NAME);
    let days = all.last_days(last, count);
    let most = days.iter().map(|(_, tally)| tally.runs).max().unwrap_or(0);
    let label = format!("Runs per day, at most {most}");
    let (from, to) = (days.first().map_or(last, |(day, _)| *day), last);
    let _infallible = write!(
        page,
        "<section>\n<h2>By day</h2>\n<p class=\"legend\"><span class=\"clean\">succeeded on the first attempt</span> \
         <span class=\"rescued\">rescued</span> <span class=\"failed\">failed</span></p>\n\
         <figure><div class=\"most\">{most} runs</div>{}<figcaption><span>{from}</span><span>{to}</span></figcaption></figure>\n",
        svg::days(&days, &label)
    );
    page.push_str("<details><summary>As a table</summary>\n<table>\n<thead><tr><th>day</th>");
    page.push_str(NUMBERS);
    page.push_str("</tr></thead>\n<tbody>\n");
    for (day, tally) in days.iter().rev().filter(|(_, tally)| tally.runs > 0) {
        let _infallible = writeln!(page, "<tr><th>{day}</th>{}</tr>", numbers(*tally));
    }
    page.push_str("</tbody>\n</table>\n</details>\n</section>\n");
}

const NUMBERS: &str = "<th>runs</th><th>rescued</th><th>failed</th><th>attempts</th><th>waited</th>";

fn numbers(tally: Tally) -> String {
    let part = |count| match count {
        0 => "0".to_owned(),
        count => format!("{count} <small>{}</small>", percent(count, tally.runs)),
    };
    let cells = [
        ("runs", tally.runs.to_string()),
        ("rescued", part(tally.rescued)),
        ("failed", part(tally.failed)),
        ("attempts", tally.attempts.to_string()),
        ("waited", duration(tally.waited)),
    ];
    cells.map(|(name, cell)| format!("<td data-name=\"{name}\"><span>{cell}</span></td>")).concat()
}

fn reasons(page: &mut String, all: &Group) {
    let reasons = all.reasons();
    let Some((_, most)) = reasons.first().copied() else { return };
    page.push_str("<section>\n<h2>Why attempts failed</h2>\n<ul class=\"reasons\">\n");
    for (reason, count) in reasons.iter().take(REASONS) {
        let bar = svg::bar(*count, most);
        let _infallible = writeln!(page, "<li><span>{}</span>{bar}<span>{count}</span></li>", html(reason));
    }
    page.push_str("</ul>\n");
    more(page, reasons.len(), REASONS, "reasons");
    page.push_str("</section>\n");
}

fn by_name(page: &mut String, stats: &Stats, last: Date) {
    let names = stats.names();
    let _infallible = write!(
        page,
        "<section>\n<h2>By name</h2>\n<table class=\"names\">\n<thead><tr><th>label or command</th>{NUMBERS}\
         <th>{DAYS_OF_NAME} days</th><th>most common reasons</th></tr></thead>\n<tbody>\n"
    );
    for (name, group) in names.iter().take(NAMES) {
        let label = format!("Runs per day, {DAYS_OF_NAME} days until {last}");
        let chart = svg::days(&group.last_days(last, DAYS_OF_NAME), &label);
        let all = group.reasons();
        let mut reasons: Vec<String> = all
            .iter()
            .take(REASONS_OF_NAME)
            .map(|(reason, count)| format!("{} <small>{count}</small>", html(reason)))
            .collect();
        if all.len() > REASONS_OF_NAME {
            reasons.push(format!("<small>{} more</small>", all.len() - REASONS_OF_NAME));
        }
        let _infallible = writeln!(
            page,
            "<tr><th>{}{}</th>{}<td class=\"trend\" data-name=\"{DAYS_OF_NAME} days\">{chart}</td>\
             <td class=\"words\" data-name=\"reasons\">{}</td></tr>",
            html(name),
            svg::parts_of(group.total),
            numbers(group.total),
            reasons.join(", ")
        );
    }
    page.push_str("</tbody>\n</table>\n");
    more(page, names.len(), NAMES, "names");
    page.push_str("</section>\n");
}

fn more(page: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _infallible =
            writeln!(page, "<p>{} more {what}: see <code>--log-format json</code>.</p>", all - shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_counted_with_both_ends() {
        let last = date(2026, 11, 24);
        assert_eq!(
            [last, date(2026, 11, 1), date(2025, 11, 24)].map(|first| span(first, last, 90)),
            [1, 24, 90]
        );
    }

    #[test]
    fn a_page_without_runs_says_so() {
        let page = page(&Stats::default());
        assert!(page.contains("No runs found") && !page.contains("<svg"), "{page}");
    }
}
