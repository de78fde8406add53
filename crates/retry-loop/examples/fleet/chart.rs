//! One experiment for each group as a chart: what succeeds, and the load, by second.

use super::model::FAULT_END;
use super::model::measure::Outcome;
use std::fmt::Write as _;

const COLOURS: [&str; 5] = ["#555555", "#d55e00", "#0072b2", "#56b4e9", "#009e73"];
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 520.0;

/// Where a panel is, and the range of its values.
struct Panel {
    top: f64,
    title: &'static str,
    most: f64,
    ticks: &'static [f64],
}

const LEFT: f64 = 50.0;
const PANEL_WIDTH: f64 = 690.0;
const PANEL_HEIGHT: f64 = 160.0;

/// The seconds that are shown.
const SHOWN: std::ops::Range<usize> = 10..310;

/// The chart.
pub fn svg(title: &str, groups: &[(&str, Outcome)]) -> String {
    let success = Panel {
        top: 90.0,
        title: "part of the clients that succeeds, by the second in which they come",
        most: 1.0,
        ticks: &[0.0, 0.5, 1.0],
    };
    let load = Panel {
        top: 310.0,
        title: "requests a second, for each client that comes in one",
        most: 5.0,
        ticks: &[0.0, 1.0, 3.0, 5.0],
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}; it ends at 0 s</text>\n"
    );
    for (index, ((name, _), colour)) in groups.iter().zip(COLOURS).enumerate() {
        let x = LEFT + 140.0 * index as f64;
        let _ = writeln!(
            text,
            "<path d=\"M{x} 45h16\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"49\">{name}</text>",
            x + 21.0
        );
    }
    frame(&mut text, &success);
    frame(&mut text, &load);
    for ((_, outcome), colour) in groups.iter().zip(COLOURS) {
        line(&mut text, &success, &outcome.success_by_second, colour);
        line(&mut text, &load, &outcome.load_by_second, colour);
    }
    text.push_str("</svg>\n");
    text
}

fn frame(text: &mut String, panel: &Panel) {
    let (bottom, right) = (panel.top + PANEL_HEIGHT, LEFT + PANEL_WIDTH);
    let _ = writeln!(text, "<text x=\"{LEFT}\" y=\"{}\">{}</text>", panel.top - 8.0, panel.title);
    for tick in panel.ticks {
        let y = bottom - PANEL_HEIGHT * tick / panel.most;
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#dddddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for second in SHOWN.step_by(50) {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{} s</text>",
            x(second + 10),
            bottom + 16.0,
            second as f64 + 10.0 - FAULT_END as f64
        );
    }
}

fn line(text: &mut String, panel: &Panel, values: &[f64], colour: &str) {
    let points: Vec<String> = SHOWN
        .map(|second| {
            let y = panel.top + PANEL_HEIGHT * (1.0 - (values[second] / panel.most).min(1.0));
            format!("{:.1},{y:.1}", x(second))
        })
        .collect();
    let _ = writeln!(
        text,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
        points.join(" ")
    );
}

fn x(second: usize) -> f64 {
    LEFT + PANEL_WIDTH * (second - SHOWN.start) as f64 / SHOWN.len() as f64
}
