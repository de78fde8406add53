//! Points in time as servers and their tools write them. A time without a zone is ignored, because its moment is
//! unknown.

use std::time::{Duration, SystemTime};

/// The last year. A later one is a mistake.
const LAST_YEAR: i64 = 9999;

/// Parses a date at the start of `text`, and returns its length in bytes as well.
///
/// HTTP dates (with `GMT`, `UTC` or `+0000`), RFC 3339, and `2023-08-25 09:00:00 UTC` as Go and Python
/// print it.
pub fn parse(text: &[u8]) -> Option<(SystemTime, usize)> {
    if text.first()?.is_ascii_digit() { numeric(text) } else { named(text) }
}

/// The format of asctime(3), which HTTP still allows. It has no zone, so it counts only in a header.
pub fn asctime(text: &[u8]) -> Option<(SystemTime, usize)> {
    let date = str::from_utf8(text.get(..24)?).ok()?;
    Some((httpdate::parse_http_date(date).ok()?, 24))
}

/// `Tue, 24 Nov 2026 08:00:30 GMT` and `Tuesday, 24-Nov-26 08:00:30 GMT`.
fn named(text: &[u8]) -> Option<(SystemTime, usize)> {
    // The longest is `Wednesday, 24-Nov-26 08:00:30 +0000`.
    let text = &text[..text.len().min(40)];
    let colon = memchr::memrchr(b':', text)?;
    let end = colon + 3;
    let (zone, length) = zone(text.get(end..)?)?;
    let date = [text.get(..end)?, b" GMT"].concat();
    let time = httpdate::parse_http_date(str::from_utf8(&date).ok()?).ok()?;
    Some((shifted(time, zone)?, end + length))
}

/// `2026-11-24T08:00:30.5Z`, `2026-11-24 08:00:30 +0000 UTC`.
fn numeric(text: &[u8]) -> Option<(SystemTime, usize)> {
    let mut rest = Rest { text, at: 0 };
    let year = rest.digits(4)?;
    rest.byte(b"-")?;
    let month = rest.digits(2)?;
    rest.byte(b"-")?;
    let day = rest.digits(2)?;
    rest.byte(b"Tt ")?;
    let hour = rest.digits(2)?;
    rest.byte(b":")?;
    let minute = rest.digits(2)?;
    let second = if rest.byte(b":").is_some() { rest.digits(2)? } else { 0 };
    let fraction = if rest.byte(b".").is_some() { rest.fraction()? } else { 0.0 };
    let (zone, length) = zone(&text[rest.at..])?;
    let valid = (1970..=LAST_YEAR).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let since = Duration::from_secs(u64::try_from(seconds).ok()?) + Duration::from_secs_f64(fraction);
    Some((shifted(SystemTime::UNIX_EPOCH.checked_add(since)?, zone)?, rest.at + length))
}

/// The offset from UTC in seconds, east is positive, and the length of its text, a space before it included.
fn zone(text: &[u8]) -> Option<(i64, usize)> {
    let space = usize::from(text.first() == Some(&b' '));
    let text = &text[space..];
    let ends = |length: usize| !text.get(length).is_some_and(u8::is_ascii_alphanumeric);
    for name in [&b"GMT"[..], b"UTC", b"Z"] {
        let here = text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        // `Z` follows the time without a space.
        if here && ends(name.len()) && (name.len() > 1 || space == 0) {
            return Some((0, space + name.len()));
        }
    }
    let mut rest = Rest { text, at: 0 };
    let sign = if rest.byte(b"+").is_some() { 1 } else { rest.byte(b"-").map(|()| -1)? };
    let hours = rest.digits(2)?;
    let _colon = rest.byte(b":");
    let minutes = rest.digits(2)?;
    // Go prints the name of the zone after the offset.
    let name = text[rest.at..].strip_prefix(b" UTC").or(text[rest.at..].strip_prefix(b" GMT"));
    let length = rest.at + if name.is_some() { 4 } else { 0 };
    (hours <= 14 && minutes < 60 && ends(rest.at))
        .then_some((sign * (hours * 3600 + minutes * 60), space + length))
}

fn shifted(time: SystemTime, east: i64) -> Option<SystemTime> {
    let by = Duration::from_secs(east.unsigned_abs());
    if east > 0 { time.checked_sub(by) } else { time.checked_add(by) }
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from March, so that the leap day is the last day of a year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

struct Rest<'a> {
    text: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.text.get(self.at..self.at + count)?;
        let number = digits.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(digits).ok())??;
        self.at += count;
        number.parse().ok()
    }

    /// One of these bytes.
    fn byte(&mut self, which: &[u8]) -> Option<()> {
        let byte = self.text.get(self.at)?;
        which.contains(byte).then(|| self.at += 1)
    }

    /// The digits behind a point, below 1.
    fn fraction(&mut self) -> Option<f64> {
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = str::from_utf8(&self.text[self.at..self.at + digits.min(9)]).ok()?;
        self.at += digits;
        format!("0.{text}").parse().ok().filter(|_| digits > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> Option<(f64, usize)> {
        let (time, length) = parse(text.as_bytes())?;
        Some((time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64(), length))
    }

    #[test]
    fn dates_with_a_zone_are_read() {
        for (text, expected, length) in [
            ("Tue, 24 Nov 2026 08:00:30 GMT", 1_795_507_230.0, 29),
            ("Tue, 24 Nov 2026 08:00:30 UTC.", 1_795_507_230.0, 29),
            ("Tue, 24 Nov 2026 09:00:30 +0100", 1_795_507_230.0, 31),
            ("Tuesday, 24-Nov-26 08:00:30 GMT and", 1_795_507_230.0, 31),
            ("2026-11-24T08:00:30Z", 1_795_507_230.0, 20),
            ("2026-11-24T08:00:30.25Z: see", 1_795_507_230.25, 23),
            ("2026-11-24T03:00:30-05:00", 1_795_507_230.0, 25),
            ("2026-11-24 08:00:30 UTC:", 1_795_507_230.0, 23),
            ("2026-11-24 08:00:30 +0000 UTC, not", 1_795_507_230.0, 29),
            ("2026-11-24 13:30:30.5+05:30", 1_795_507_230.5, 27),
            ("2026-11-24 08:00 UTC", 1_795_507_200.0, 20),
            ("2024-02-29T00:00:00Z", 1_709_164_800.0, 20),
            ("1970-01-01T00:00:00Z", 0.0, 20),
        ] {
            assert_eq!(seconds(text), Some((expected, length)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T08:00:30",
            "2026-11-24 08:00:30 Z",
            "2026-11-24 08:00:30 EST",
            "2026-11-24 08:00:30 UTCX",
            "2026-13-24T08:00:30Z",
            "2026-02-29T08:00:30Z",
            "2026-11-24T24:00:30Z",
            "2026-11-24T08:60:30Z",
            "2026-11-24T08:00:30.Z",
            "1969-11-24T08:00:30Z",
            "Tue, 24 Nov 2026 08:00:30",
            "Tue, 99 Foo 2026 07:59:59 GMT",
            "2:51 PM",
            "Nov 24th, 2026 8:01 AM",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_it_is_written(seconds in 0..253_402_300_799_u64) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let rfc3339 = humantime::format_rfc3339_seconds(time).to_string();
            prop_assert_eq!(parse(rfc3339.as_bytes()), Some((time, 20)));
            let http = httpdate::fmt_http_date(time);
            prop_assert_eq!(parse(http.as_bytes()), Some((time, http.len())));
        }

        #[test]
        fn no_bytes_lead_to_a_panic(text in proptest::collection::vec(any::<u8>(), 0..60), date in "[0-9T: Z.+-]{0,40}") {
            let _ = (parse(&text), asctime(&text), parse(date.as_bytes()), asctime(date.as_bytes()));
        }
    }
}
