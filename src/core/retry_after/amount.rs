//! Delays as servers and their tools write them: numbers, durations with units, dates, epochs.

use super::date;
use std::time::{Duration, SystemTime};

/// The smallest number of seconds that is a point in time: as a delay it would be 31 years.
const EPOCH: f64 = 1e9;
/// The largest number of seconds that is used: a delay of 3000 years, a date after the year 5000.
pub(super) const MAX_SECONDS: f64 = 1e11;
/// The smallest number that is a point in time in milliseconds. The largest is a hundred times as much.
const EPOCH_MS: f64 = 1e12;

/// A delay, before the current time is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RequestedDelay {
    In(Duration),
    At(SystemTime),
}

impl RequestedDelay {
    /// A number of seconds as a delay, or as a point in time if it is too large for one. `None` if it is out of range.
    pub fn seconds(value: f64) -> Option<Self> {
        let value = if (EPOCH_MS..100.0 * EPOCH_MS).contains(&value) { value / 1000.0 } else { value };
        if !(0.0..=MAX_SECONDS).contains(&value) {
            return None;
        }
        let duration = Duration::try_from_secs_f64(value).ok()?;
        if value < EPOCH {
            return Some(Self::In(duration));
        }
        SystemTime::UNIX_EPOCH.checked_add(duration).map(Self::At)
    }

    /// The time that is left at `now`; `None` if it is over.
    pub fn left(self, now: SystemTime) -> Option<Duration> {
        let left = match self {
            Self::In(duration) => duration,
            Self::At(time) => time.duration_since(now).ok()?,
        };
        (!left.is_zero()).then_some(left)
    }
}

/// A number of seconds that was parsed from the start of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parsed {
    pub seconds: f64,
    /// The length of its text in bytes.
    pub end: usize,
}

/// Seconds of a unit by each of its names.
const UNITS: &[(f64, &[&str])] = &[
    (1e-9, &["ns", "nanosecond", "nanoseconds"]),
    (1e-6, &["us", "\u{b5}s", "\u{3bc}s", "usec", "usecs", "microsecond", "microseconds"]),
    (1e-3, &["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"]),
    (1.0, &["s", "sec", "secs", "second", "seconds"]),
    (60.0, &["m", "min", "mins", "minute", "minutes"]),
    (3600.0, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400.0, &["d", "day", "days"]),
    (604_800.0, &["w", "week", "weeks"]),
];

/// Digits with at most one point: no sign, no exponent, no `inf`.
pub fn number(text: &[u8]) -> Option<f64> {
    let plain = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let begins = text.first().is_some_and(u8::is_ascii_digit);
    if plain && begins { str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The number at the start, with `,` between thousands and a point only before more digits.
pub fn digits(text: &[u8]) -> Option<Parsed> {
    let count = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = count(0);
    let mut plain = text.get(..end).filter(|digits| !digits.is_empty())?.to_vec();
    while end <= 3 * plain.len() && plain.len() <= 12 && text.get(end) == Some(&b',') && count(end + 1) == 3 {
        plain.extend_from_slice(&text[end + 1..end + 4]);
        end += 4;
    }
    if text.get(end) == Some(&b'.') && count(end + 1) > 0 {
        let fraction = count(end + 1);
        plain.extend_from_slice(&text[end..=end + fraction]);
        end += 1 + fraction;
    }
    Some(Parsed { seconds: number(&plain)?, end })
}

/// One or more numbers with units, each smaller than the one before: `1m30.5s`, `1 hour and 30 minutes`,
/// `'372' seconds`. The text is in lower case; anything may follow.
pub fn duration(text: &[u8]) -> Option<Parsed> {
    if let Some(read) = clock(text).or_else(|| iso(text)) {
        return Some(read);
    }
    let mut sum: Option<Parsed> = None;
    let mut smallest = f64::MAX;
    let mut at = 0;
    while let Some((value, unit, end)) = one(&text[at..]).filter(|(_, unit, _)| *unit < smallest) {
        let before = sum.map_or(0.0, |sum| sum.seconds);
        sum = Some(Parsed { seconds: before + value * unit, end: at + end });
        smallest = unit;
        at += end;
        at += separator(&text[at..]);
    }
    sum
}

/// A number and its unit in seconds.
fn one(text: &[u8]) -> Option<(f64, f64, usize)> {
    let quotes = |from: usize| {
        text[from..].iter().take_while(|byte| matches!(byte, b'\'' | b'"' | b'`' | b'*' | b'\\')).count()
    };
    let mut at = quotes(0);
    let value = if text[at..].starts_with(b"one ") {
        at += 3;
        1.0
    } else {
        let read = digits(&text[at..])?;
        at += read.end;
        read.seconds
    };
    at += quotes(at);
    at += spaces(&text[at..]);
    if text[at..].starts_with(b"more ") {
        at += 5;
    }
    let letters = text[at..].iter().take_while(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()).count();
    let name = &text[at..at + letters];
    let (unit, _) = UNITS.iter().find(|(_, names)| names.iter().any(|other| other.as_bytes() == name))?;
    at += letters;
    if text[at..].starts_with(b"(s)") {
        at += 3;
    }
    Some((value, *unit, at))
}

fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The length of what may stand between two numbers of one duration.
fn separator(text: &[u8]) -> usize {
    let mut at = spaces(text);
    if text[at..].starts_with(b",") {
        at += 1 + spaces(&text[at + 1..]);
    }
    if text[at..].starts_with(b"and ") {
        at += 4 + spaces(&text[at + 4..]);
    }
    at
}

/// `00:05:00`: only below an hour, because `15:30:00` may be the time of day.
fn clock(text: &[u8]) -> Option<Parsed> {
    let rest = text.strip_prefix(b"00:")?;
    let pair = |at: usize| -> Option<f64> {
        let digits = rest.get(at..at + 2)?;
        number(digits).filter(|value| *value < 60.0 && !digits.contains(&b'.'))
    };
    let (minutes, colon) = (pair(0)?, rest.get(2)?);
    let seconds = digits(rest.get(3..)?).filter(|_| *colon == b':' && pair(3).is_some())?;
    let end = 6 + seconds.end;
    let open = text.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
    (!open).then_some(Parsed { seconds: minutes * 60.0 + seconds.seconds, end })
}

/// `PT1M30S`, as Java prints a duration (ISO 8601).
fn iso(text: &[u8]) -> Option<Parsed> {
    let mut read = duration(text.strip_prefix(b"pt").filter(|rest| !rest.starts_with(b"pt"))?)?;
    read.end += 2;
    Some(read)
}

/// A duration or a date at the start of a text, and its end. `lower` is the same text in lower case.
pub fn parse(text: &[u8], lower: &[u8]) -> Option<(RequestedDelay, usize)> {
    if let Some((time, end)) = date::parse(text) {
        return Some((RequestedDelay::At(time), end));
    }
    let read = duration(lower)?;
    // A number with a unit is a duration, however large it is.
    let wait = Duration::try_from_secs_f64(read.seconds).ok().filter(|_| read.seconds < EPOCH)?;
    Some((RequestedDelay::In(wait), read.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, seconds, rest) in [
            ("20s.", 20.0, "."),
            ("900ms", 0.9, ""),
            ("1h 2m 3.5s", 3723.5, ""),
            ("6m0s", 360.0, ""),
            ("1 hour and 30 minutes", 5400.0, ""),
            ("1 hour, 5 minutes, 32 seconds", 3932.0, ""),
            ("2 days 17 hours", 234_000.0, ""),
            ("'372' seconds.", 372.0, "."),
            ("**57** more seconds", 57.0, ""),
            ("57 more seconds", 57.0, ""),
            ("985.86\u{b5}s, allowed", 0.000_985_86, ", allowed"),
            ("985.86\u{3bc}s", 0.000_985_86, ""),
            ("1,500 seconds", 1500.0, ""),
            ("30 second(s) before", 30.0, " before"),
            ("one minute", 60.0, ""),
            ("00:05:00", 300.0, ""),
            ("00:00:05.25", 5.25, ""),
            ("pt1m30s", 90.0, ""),
            ("5 minutes and a bit", 300.0, " and a bit"),
            ("5 minutes, 7 hours", 300.0, ", 7 hours"),
            ("5 seconds 3 minutes", 5.0, " 3 minutes"),
            ("1h 1 month", 3600.0, " 1 month"),
        ] {
            let read = duration(text.as_bytes()).unwrap();
            assert!((read.seconds - seconds).abs() < 1e-9, "{text}: {read:?}");
            assert_eq!(&text[read.end..], rest, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_duration() {
        for text in [
            "",
            "20",
            "20 apples",
            "-3s",
            "a while",
            "s",
            "1e9s",
            "5-10 minutes",
            "5 to 10 minutes",
            "1 month",
            "15:30:00",
            "00:05",
            "1:30 minutes",
            "00:05:00:00",
            "pt",
            "ptpt1s",
            ".5s",
            "1.2.3s",
            "20st",
        ] {
            assert_eq!(duration(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_big_number_is_a_point_in_time() {
        let at = |seconds| Some(RequestedDelay::At(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)));
        assert_eq!(RequestedDelay::seconds(1_795_507_200.0), at(1_795_507_200));
        assert_eq!(RequestedDelay::seconds(1_795_507_200_000.0), at(1_795_507_200));
        assert_eq!(
            RequestedDelay::seconds(999_999_999.0),
            Some(RequestedDelay::In(Duration::from_secs(999_999_999)))
        );
        for absurd in [-1.0, f64::NAN, 1e11 + 1.0, 1e14, f64::INFINITY] {
            assert_eq!(RequestedDelay::seconds(absurd), None, "{absurd}");
        }
    }
}
