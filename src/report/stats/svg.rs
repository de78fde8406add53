//! Charts as inline SVG. They have no text: they are stretched to the width of the page, and text would be too.
//! What they show is said in their `aria-label` and, bar by bar, in titles.

use crate::report::sanitize::html;
use crate::stats::Tally;
use jiff::civil::Date;
use std::fmt::Write as _;

/// Of a chart, in units of its own.
const HEIGHT: f64 = 100.0;
/// From the start of one bar to the next one.
const STEP: f64 = 10.0;
const BAR: f64 = 8.0;

/// A bar for each day, from bottom to top: failed, rescued, clean.
pub fn days(days: &[(Date, Tally)], label: &str) -> String {
    let most = days.iter().map(|(_, tally)| tally.runs).max().unwrap_or(0).max(1) as f64;
    let width = days.len() as f64 * STEP;
    let mut svg = open("days", width, label);
    for (index, (day, tally)) in days.iter().enumerate().filter(|(_, (_, tally))| tally.runs > 0) {
        let x = index as f64 * STEP + (STEP - BAR) / 2.0;
        let _infallible = write!(svg, "<g><title>{}</title>", html(&format!("{day}: {}", said(*tally))));
        let mut top = HEIGHT;
        for (class, count) in parts(*tally) {
            let height = count as f64 / most * HEIGHT;
            top -= height;
            rectangle(&mut svg, class, [x, top, BAR, height]);
        }
        svg.push_str("</g>");
    }
    svg.push_str("</svg>");
    svg
}

/// One bar that shows which part of the runs is failed, rescued and clean.
pub fn parts_of(tally: Tally) -> String {
    let mut svg = open("parts", HEIGHT, &said(tally));
    let mut left = 0.0;
    for (class, count) in parts(tally) {
        let width = count as f64 / tally.runs.max(1) as f64 * HEIGHT;
        rectangle(&mut svg, class, [left, 0.0, width, HEIGHT]);
        left += width;
    }
    svg.push_str("</svg>");
    svg
}

/// One bar, `count` of `most` long.
pub fn bar(count: u64, most: u64) -> String {
    let mut svg = open("bar", HEIGHT, "");
    rectangle(&mut svg, "count", [0.0, 0.0, count as f64 / most.max(1) as f64 * HEIGHT, HEIGHT]);
    svg.push_str("</svg>");
    svg
}

/// `12 runs, 3 rescued, 1 failed`
pub fn said(tally: Tally) -> String {
    let runs = if tally.runs == 1 { "run" } else { "runs" };
    format!("{} {runs}, {} rescued, {} failed", tally.runs, tally.rescued, tally.failed)
}

fn parts(tally: Tally) -> impl Iterator<Item = (&'static str, u64)> {
    let parts = [("failed", tally.failed), ("rescued", tally.rescued), ("clean", tally.clean())];
    parts.into_iter().filter(|(_, count)| *count > 0)
}

fn open(class: &str, width: f64, label: &str) -> String {
    // Without a label the number beside it says the same.
    let role = match label {
        "" => "aria-hidden=\"true\"".to_owned(),
        label => format!("role=\"img\" aria-label=\"{}\"", html(label)),
    };
    format!("<svg class=\"{class}\" viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" {role}>")
}

fn rectangle(svg: &mut String, class: &str, [x, y, width, height]: [f64; 4]) {
    let _infallible = write!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/>"
    );
}
