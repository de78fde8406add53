//! The notation of durations in flags and variables, and the names of the units, which the parser of server hints
//! uses as well.
//!
//! A plain number is seconds: `2`, `0.5`, `1e3`. Anything else is a sum of pairs of a number and a unit: `500ms`,
//! `2m30s`, `1.5 hours 10 min`. Blanks may stand between a number and its unit and between pairs, but not inside a
//! number. Units are in lower case, because `M` is a month to some and minutes to others.
//!
//! The sum is computed in whole nanoseconds, so that no rounding changes it.

use std::fmt;
use std::time::Duration;

/// The longest duration, in seconds: over 30 000 years. A longer one is a mistake.
const MAX_SECONDS: u64 = 1_000_000_000_000;
const NANOS: u64 = 1_000_000_000;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`, of 24 hours.
    Days,
    /// `w`
    Weeks,
}

impl Unit {
    const ALL: [Self; 6] =
        [Self::Milliseconds, Self::Seconds, Self::Minutes, Self::Hours, Self::Days, Self::Weeks];

    /// The unit with this name, in lower case: `m`, `min`, `mins`, `minute` or `minutes`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.names().contains(&name))
    }

    /// The length in nanoseconds.
    pub fn nanos(self) -> u64 {
        match self {
            Self::Milliseconds => NANOS / 1000,
            Self::Seconds => NANOS,
            Self::Minutes => 60 * NANOS,
            Self::Hours => 3600 * NANOS,
            Self::Days => 86_400 * NANOS,
            Self::Weeks => 7 * 86_400 * NANOS,
        }
    }

    /// All names; the first is the shortest, the last is the plural.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Milliseconds => &["ms", "msec", "millis", "millisecond", "milliseconds"],
            Self::Seconds => &["s", "sec", "secs", "second", "seconds"],
            Self::Minutes => &["m", "min", "mins", "minute", "minutes"],
            Self::Hours => &["h", "hr", "hrs", "hour", "hours"],
            Self::Days => &["d", "day", "days"],
            Self::Weeks => &["w", "wk", "wks", "week", "weeks"],
        }
    }
}

/// Why a text is no duration. The text fits behind "invalid value ... for --flag:".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DurationError {
    Empty,
    /// It does not begin with a number.
    NotADuration,
    Negative,
    /// It is infinite, or above 10^12 s.
    TooLong,
    /// Digits and points that are no number.
    Number(String),
    /// A number without a unit that is not the whole text.
    NoUnit(String),
    /// A word without a number before it.
    NoNumber(String),
    /// A word that is no unit.
    UnknownUnit(String),
    /// The unit, but not in lower case.
    UpperCase(String, Unit),
    /// A character that no duration contains.
    Character(char),
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::NotADuration => f.write_str("must be a duration"),
            Self::Negative => f.write_str("must not be negative"),
            Self::TooLong => f.write_str("must be 10^12 seconds or less"),
            Self::Number(text) => write!(f, "{text} is not a number"),
            Self::NoUnit(number) => write!(f, "no unit after {number}; use ms, s, m, h, d or w"),
            Self::NoNumber(word) => write!(f, "no number before {word}"),
            Self::UnknownUnit(word) => write!(f, "{word} is not a unit; use ms, s, m, h, d or w"),
            Self::UpperCase(_, unit) => {
                let names = unit.names();
                write!(f, "use {} for {}", names[0], names[names.len() - 1])
            }
            Self::Character(',') => f.write_str("use a point, not a comma, for decimals"),
            Self::Character(':') => f.write_str("use units, not colons: 1h2m3s"),
            Self::Character(character) => write!(f, "unexpected character {character}"),
        }
    }
}

impl std::error::Error for DurationError {}

/// Parses a duration of 0 to 10^12 s, to the nanosecond.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let (negative, amount) = match text.strip_prefix('-') {
        Some(amount) => (true, amount),
        None => (false, text),
    };
    let nanos = match seconds(amount) {
        Some(nanos) => nanos,
        None => pairs(amount)?,
    };
    if negative && nanos > 0 {
        return Err(DurationError::Negative);
    }
    from_nanos(nanos)
        .filter(|duration| *duration <= Duration::from_secs(MAX_SECONDS))
        .ok_or(DurationError::TooLong)
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    let seconds = u64::try_from(nanos / u128::from(NANOS)).ok()?;
    Some(Duration::new(seconds, (nanos % u128::from(NANOS)) as u32))
}

/// A plain number of seconds, in nanoseconds.
fn seconds(text: &str) -> Option<u128> {
    if let Some(number) = Decimal::parse(text) {
        return Some(number.times(Unit::Seconds));
    }
    let exponent = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let value = text.parse::<f64>().ok().filter(|_| exponent)?;
    Some((value * NANOS as f64).round() as u128)
}

/// The sum of pairs of a number and a unit, in nanoseconds.
fn pairs(text: &str) -> Result<u128, DurationError> {
    let mut sum = 0_u128;
    let mut rest = text;
    loop {
        let (digits, behind) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (word, behind) = split(behind.trim_start(), char::is_alphabetic);
        if digits.is_empty() && rest.len() == text.len() {
            return Err(DurationError::NotADuration);
        }
        let foreign =
            behind.chars().next().filter(|c| !c.is_ascii_digit() && *c != '.' && !c.is_whitespace());
        if let Some(character) = foreign {
            return Err(DurationError::Character(character));
        }
        if digits.is_empty() {
            return Err(DurationError::NoNumber(word.to_owned()));
        }
        let number = Decimal::parse(digits).ok_or_else(|| DurationError::Number(digits.to_owned()))?;
        if word.is_empty() {
            return Err(DurationError::NoUnit(digits.to_owned()));
        }
        let unit = Unit::named(word).ok_or_else(|| unknown(word))?;
        sum = sum.saturating_add(number.times(unit));
        rest = behind.trim_start();
        if rest.is_empty() {
            return Ok(sum);
        }
    }
}

fn unknown(word: &str) -> DurationError {
    match Unit::named(&word.to_lowercase()) {
        Some(unit) => DurationError::UpperCase(word.to_owned(), unit),
        None => DurationError::UnknownUnit(word.to_owned()),
    }
}

/// The characters at the start that fit, and the rest.
fn split(text: &str, fits: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !fits(c)).unwrap_or(text.len()))
}

/// A decimal number of 0 or more.
struct Decimal {
    whole: u128,
    /// The digits behind the point, as a fraction of `scale`.
    fraction: u128,
    scale: u128,
}

impl Decimal {
    /// Parses digits with at most one point: `2`, `0.5`, `.5`, `2.`. A number above 10^30 becomes the largest one.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = match whole.trim_start_matches('0') {
            "" => 0,
            whole if whole.len() > 30 => u128::MAX,
            whole => whole.parse().ok()?,
        };
        // Further digits are less than a nanosecond of any unit.
        let fraction = &fraction[..fraction.len().min(18)];
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let fraction = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        Some(Self { whole, fraction, scale })
    }

    /// The nanoseconds of this number of units, rounded to the nearest.
    fn times(&self, unit: Unit) -> u128 {
        let unit = u128::from(unit.nanos());
        let rest = (self.fraction * unit + self.scale / 2) / self.scale;
        self.whole.saturating_mul(unit).saturating_add(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_number_is_seconds() {
        for (text, millis) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("2", 2000),
            ("0.5", 500),
            (".5", 500),
            ("2.", 2000),
            (" 3 ", 3000),
            ("0003", 3000),
            ("1e3", 1_000_000),
            ("1.5E-1", 150),
            ("600", 600_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("0.000000001"), Ok(Duration::from_nanos(1)));
        assert_eq!(parse("1000000000000"), Ok(Duration::from_secs(MAX_SECONDS)));
        assert_eq!(parse(&format!("{}1", "0".repeat(100))), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn pairs_are_added_up() {
        for (text, millis) in [
            ("500ms", 500),
            ("1.5s", 1500),
            ("2m30s", 150_000),
            ("2h30m", 9_000_000),
            ("1.5h30m", 7_200_000),
            ("0h30m", 1_800_000),
            ("1m 30s", 90_000),
            ("1 m30 s", 90_000),
            ("5 minutes", 300_000),
            ("0.1m", 6000),
            ("30s1m", 90_000),
            ("1m1m", 120_000),
            ("1.5h 1.5m 1.5s", 5_491_500),
            ("1w2d3h4m5s6ms", 788_645_006),
            ("-0m", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    /// What people typed for other tools, in their public issues.
    #[test]
    fn spellings_of_other_tools_are_read_or_refused_with_a_reason() {
        let read = |text: &str| match parse(text) {
            Ok(duration) => format!("{duration:?}"),
            Err(error) => error.to_string(),
        };
        for (text, wanted) in [
            // seaweedfs/seaweedfs#1529, 007revad/Video_Station_for_DSM_722#72, chaosblade-io/chaosblade#383
            ("600", "600s"),
            ("5.0m", "300s"),
            ("23w", "13910400s"),
            // mockingbirdnest/Principia#2984
            ("7d0h0min", "604800s"),
            // tri1976/bashscripts#10: a shell with a French locale
            ("120,000000", "use a point, not a comma, for decimals"),
            // CopilotKit/OpenBot#375, jimsalterjrs/sanoid#306
            ("30M", "use m for minutes"),
            ("1H", "use h for hours"),
            ("500MS", "use ms for milliseconds"),
            // jkroso/parse-duration#54
            ("3h50", "no unit after 50; use ms, s, m, h, d or w"),
            // hazelcast/hazelcast-commandline-client#255
            ("10_000_000ms", "unexpected character _"),
            // unixwin/WinuxCmd#1015
            ("infinity", "must be a duration"),
            ("0x10", "x is not a unit; use ms, s, m, h, d or w"),
            // keycloak/keycloak#45988, Particular/docs.particular.net#5761
            ("PT30S", "must be a duration"),
            ("00:05:00", "use units, not colons: 1h2m3s"),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn each_mistake_has_its_words() {
        use DurationError as E;
        let word = str::to_owned;
        for (text, error) in [
            ("", E::Empty),
            (" \t", E::Empty),
            ("abc", E::NotADuration),
            ("nan", E::NotADuration),
            ("-", E::NotADuration),
            ("--1", E::NotADuration),
            ("+1", E::NotADuration),
            ("-1", E::Negative),
            ("-0.5s", E::Negative),
            ("-1m 30s", E::Negative),
            ("1000000000001", E::TooLong),
            ("1000000000000.000000001", E::TooLong),
            ("1e300", E::TooLong),
            ("1e999", E::TooLong),
            ("99999999999999999999999999999999999999999w", E::TooLong),
            ("340282366920938463463374607431768211455ms 1ms", E::TooLong),
            ("1.2.3s", E::Number(word("1.2.3"))),
            ("5 10m", E::NoUnit(word("5"))),
            ("1m 30", E::NoUnit(word("30"))),
            (". s", E::Number(word("."))),
            ("1m and 2s", E::NoNumber(word("and"))),
            ("5x", E::UnknownUnit(word("x"))),
            ("1e", E::UnknownUnit(word("e"))),
            ("1e3s", E::UnknownUnit(word("e"))),
            ("2us", E::UnknownUnit(word("us"))),
            ("2y", E::UnknownUnit(word("y"))),
            ("2 months", E::UnknownUnit(word("months"))),
            ("2Min", E::UpperCase(word("Min"), Unit::Minutes)),
            ("1d 2M", E::UpperCase(word("M"), Unit::Minutes)),
            ("1m-30s", E::Character('-')),
            ("1m, 30s", E::Character(',')),
            ("5%", E::Character('%')),
            ("٣s", E::NotADuration),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    fn unit() -> impl Strategy<Value = Unit> {
        prop::sample::select(Unit::ALL.to_vec())
    }

    /// A number as it may be written, and its value in billionths. Nine decimals of a week are a whole number
    /// of nanoseconds, so that no rounding comes in.
    fn number() -> impl Strategy<Value = (String, u128)> {
        (0..10_000_u128, prop::option::of("[0-9]{1,9}"), 0..3_usize).prop_map(|(whole, fraction, zeros)| {
            let digits = fraction.clone().unwrap_or_default();
            let billionths = whole * 1_000_000_000 + format!("{digits:0<9}").parse::<u128>().unwrap();
            let whole = if whole == 0 && fraction.is_some() { String::new() } else { whole.to_string() };
            let point = if fraction.is_some() { "." } else { "" };
            (format!("{}{whole}{point}{digits}", "0".repeat(zeros)), billionths)
        })
    }

    proptest! {
        #[test]
        fn the_sum_of_pairs_in_any_legal_writing_reads_back(
            pairs in proptest::collection::vec(
                (number(), unit(), any::<prop::sample::Index>(), "[ \t]{0,2}", "[ \t]{0,2}"), 1..8),
            before in " {0,2}",
        ) {
            let mut text = before;
            // In 10^-18 s; each pair is rounded to nanoseconds by itself.
            let mut sum = 0_u128;
            for ((number, billionths), unit, name, inner, outer) in pairs {
                text.extend([&number, &inner, *name.get(unit.names()), &outer]);
                sum += (billionths * u128::from(unit.nanos()) + 500_000_000) / 1_000_000_000;
            }
            prop_assert_eq!(parse(&text), Ok(from_nanos(sum).unwrap()), "{:?}", text);
        }

        #[test]
        fn what_humantime_reads_too_it_reads_alike(
            pairs in proptest::collection::vec((number(), unit(), any::<prop::sample::Index>(), " {0,1}"), 1..6),
        ) {
            let mut text = String::new();
            for ((number, _), unit, name, blank) in pairs {
                text.extend([&number, &blank, *name.get(unit.names()), &blank]);
            }
            // humantime refuses some fractions of a unit, and ".5s".
            if let Ok(theirs) = humantime::parse_duration(&text) {
                prop_assert_eq!(parse(&text), Ok(theirs), "{:?}", text);
            }
        }

        #[test]
        fn no_text_leads_to_a_panic_or_an_absurd_duration(
            text in prop_oneof!["\\PC{0,30}", "[0-9.eE+ -]{0,40}", "([0-9.]{0,40} ?[smhdwM]{0,2} ?){0,5}"],
        ) {
            if let Ok(duration) = parse(&text) {
                prop_assert!(duration <= Duration::from_secs(MAX_SECONDS));
            }
        }
    }
}
