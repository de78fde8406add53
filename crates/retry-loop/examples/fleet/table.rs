//! The results as tables in Markdown.

use super::model::measure::{MOST, Outcome};
use std::fmt::Write as _;

const BEGIN: &str = "<!-- results: begin -->";
const END: &str = "<!-- results: end -->";

/// A table with a line for each group; the first group is what recovery is compared with.
pub fn markdown(title: &str, rows: &[(&str, Vec<Outcome>)]) -> String {
    let mut text = format!("\n### {title}\n\n");
    text.push_str("| | load | peak after | recovery [s] | × no retries | goodput 95 % | in the fault [%] | of all [%] | lost work [%] | fairness |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    let plain = recovery(&rows[0].1);
    for (name, outcomes) in rows {
        let value = |value: fn(&Outcome) -> f64, digits| {
            let all: Vec<f64> = outcomes.iter().map(value).collect();
            interval(&all, digits)
        };
        let recovered = recovery(outcomes);
        let (seconds, ratio) = match (&recovered, &plain) {
            (Some(all), Some(plain)) if mean(plain) >= 1.0 => {
                (interval(all, 1), format!("{:.2}", mean(all) / mean(plain)))
            }
            (Some(all), _) => (interval(all, 1), String::new()),
            (None, _) => {
                let never = outcomes.iter().filter(|one| one.recovery.is_none()).count();
                (format!("never in {never}"), String::new())
            }
        };
        let good = outcomes.iter().filter(|one| one.goodput >= MOST).count();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {seconds} | {ratio} | {good} of {} | {} | {} | {} | {} |",
            value(|one| one.load_in_fault, 2),
            value(|one| one.peak_after, 2),
            outcomes.len(),
            value(|one| one.done_in_fault * 100.0, 1),
            value(|one| one.done * 100.0, 1),
            value(|one| one.lost_work * 100.0, 1),
            value(|one| one.fairness, 2),
        );
    }
    text
}

/// The times to recover; none if it did not in one of the runs.
fn recovery(outcomes: &[Outcome]) -> Option<Vec<f64>> {
    outcomes.iter().map(|one| one.recovery).collect()
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

/// The mean, and half of its 95 % confidence interval (Student's t) where there is more than one value.
fn interval(all: &[f64], digits: usize) -> String {
    let (mean, count) = (mean(all), all.len() as f64);
    if all.len() < 2 {
        return format!("{mean:.digits$}");
    }
    let deviation = (all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    // The first terms of the expansion of t's quantile about the normal one; exact to 0.001 from 9 degrees on.
    let (z, degrees) = (1.959_964_f64, count - 1.0);
    let t = z
        + (z.powi(3) + z) / (4.0 * degrees)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * degrees.powi(2));
    let half = t * deviation / count.sqrt();
    format!("{mean:.digits$} ± {half:.digits$}")
}

/// Puts the results between the marks in a file.
pub fn insert(path: &str, results: &str) -> std::io::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) =
        parts.ok_or_else(|| std::io::Error::other("the marks of the results are missing"))?;
    std::fs::write(path, format!("{before}{BEGIN}\n{results}\n{END}{after}"))
}
