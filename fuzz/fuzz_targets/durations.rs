//! A duration is read as an independent reading of the grammar says, or refused where that refuses it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry::core::duration::parse;
use std::time::Duration;

const LONGEST: f64 = 1e12;

fuzz_target!(|text: &str| {
    let (read, wanted) = (parse(text), reading(text));
    match (read, wanted) {
        (Ok(read), Some(wanted)) => {
            assert!(read <= Duration::from_secs(LONGEST as u64), "{text:?}: {read:?}");
            // Each pair is rounded to a nanosecond, and f64 has 53 bits.
            let slack = 1e-9 * (1.0 + text.len() as f64) + wanted * 1e-12;
            assert!((read.as_secs_f64() - wanted).abs() <= slack, "{text:?}: {read:?}, not {wanted} s");
        }
        (Err(_), None) => {}
        (Err(error), Some(wanted)) => {
            assert!(wanted > LONGEST * (1.0 - 1e-9), "{text:?} is {wanted} s: {error}");
        }
        (Ok(read), None) => panic!("{text:?} is none: {read:?}"),
    }
});

/// The grammar a second time, in f64, from the end of the text to its start.
fn reading(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if text.starts_with(char::is_whitespace) {
        return None;
    }
    let seconds = match plain(text) {
        Some(seconds) => seconds,
        None => pairs(text)?,
    };
    // Below half a nanosecond it is 0, which has no sign.
    (sign > 0.0 || seconds < 0.5e-9).then_some(seconds)
}

fn plain(text: &str) -> Option<f64> {
    let numeric = text.chars().all(|c| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    let begins = text.chars().next().is_some_and(|c| matches!(c, '0'..='9' | '.'));
    text.parse().ok().filter(|_| numeric && begins)
}

fn pairs(text: &str) -> Option<f64> {
    let (mut sum, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let before_unit = rest.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let unit = match &rest[before_unit.len()..] {
            "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "wk" | "wks" | "week" | "weeks" => 604_800.0,
            _ => return None,
        };
        let before_blank = before_unit.trim_end();
        let before_number = before_blank.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        sum += before_blank[before_number.len()..].parse::<f64>().ok()? * unit;
        rest = before_number.trim_end();
    }
    Some(sum).filter(|_| !text.is_empty())
}
