//! Values of flags: the one duration parser, numbers, jitter, lists. Each error is a fragment that
//! fits behind "invalid value ... for --flag:".

use crate::core::backoff::Jitter;
use crate::core::output::{Meaning, Rule};
use crate::core::plan::LogTarget;
use crate::core::policy::Attempts;
use crate::core::shared::Location;
use crate::core::signal::Signal;
use crate::core::wall::LONGEST;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

/// Longer than this (over 30 000 years) is a slip, not a wish.
const ABSURD: f64 = 1e12;

/// `0.5` (seconds), `500ms`, `1.5s`, `1m 30s`: 0 or more, at most 10^12 s.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => with_unit(text)?,
    };
    if seconds.is_nan() {
        return Err("not a duration".to_owned());
    }
    if seconds.is_sign_negative() && seconds != 0.0 {
        return Err("a duration cannot be negative".to_owned());
    }
    if seconds > ABSURD {
        return Err("a duration cannot be longer than 10^12 seconds".to_owned());
    }
    Duration::try_from_secs_f64(seconds.abs()).map_err(|_| "not a duration".to_owned())
}

/// A name of what is shared. An empty one is a variable that is not set, in all likelihood.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn shared_name(name: OsString) -> Result<OsString, String> {
    if name.is_empty() { Err("empty".to_owned()) } else { Ok(name) }
}

/// A duration that is more than 0: `--timeout`, `--deadline`.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        limit => Ok(limit),
    }
}

/// `1.5s`, `-2m`, or whatever humantime reads (`1m 30s`).
fn with_unit(text: &str) -> Result<f64, String> {
    // humantime's month. Nobody retries for months, and some write minutes so.
    if text.contains('M') {
        return Err("M is a month; minutes are m".to_owned());
    }
    let number_ends = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    if let Ok(number) = number.trim().parse::<f64>() {
        let unit = humantime::parse_duration(&format!("1{unit}"));
        return unit.map(|unit| number * unit.as_secs_f64()).map_err(|_| not_a_duration(text));
    }
    humantime::parse_duration(text).map(|duration| duration.as_secs_f64()).map_err(|_| not_a_duration(text))
}

fn not_a_duration(text: &str) -> String {
    if text.is_empty() { "empty".to_owned() } else { "not a duration".to_owned() }
}

/// `0.5,2,5`
///
/// # Errors
/// A fragment that says what is wrong.
pub fn delays(text: &str) -> Result<Delays, String> {
    let one = |part: &str| duration(part).map_err(|error| format!("'{}': {error}", part.trim()));
    text.split(',').map(one).collect::<Result<_, _>>().map(Delays)
}

/// The list of `--delays`, in a type of its own so that clap takes it as one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays(pub Vec<Duration>);

/// A number from 1, or `inf`.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn attempts(text: &str) -> Result<Attempts, String> {
    match text.trim() {
        "inf" => Ok(Attempts::Unlimited),
        text => match count(text) {
            Ok(number) => Ok(Attempts::AtMost(number)),
            Err(_) => Err("not a number of attempts from 1 on, and not inf".to_owned()),
        },
    }
}

/// A number from 1.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn count(text: &str) -> Result<NonZeroU64, String> {
    text.trim().parse().map_err(|_| "not a number from 1 on".to_owned())
}

/// A whole number of 64 bits.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("not a whole number from 0 to {}", u64::MAX))
}

/// A number from 1 to 4294967295.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn small_count(text: &str) -> Result<NonZeroU32, String> {
    text.trim().parse().map_err(|_| "not a number from 1 on".to_owned())
}

/// A part of a token: 0 or more.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn ratio(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && ratio >= 0.0 => Ok(ratio),
        _ => Err("not a number from 0 on".to_owned()),
    }
}

/// How long a circuit may be open.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn open_time(text: &str) -> Result<Duration, String> {
    let open = limit(text)?;
    if open > LONGEST { Err("a circuit is open for a week at most".to_owned()) } else { Ok(open) }
}

/// A directory or the URL of a server.
///
/// # Errors
/// A fragment that says what is wrong. It never holds a password.
pub fn location(text: &str) -> Result<Location, String> {
    Location::parse(OsStr::new(text)).map_err(|error| error.to_string())
}

/// A finite number above 0.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn factor(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("not a number above 0".to_owned()),
    }
}

/// An exit status that is no success.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn failure_status(text: &str) -> Result<u8, String> {
    match text.trim().parse::<u8>() {
        Ok(status) if status > 0 => Ok(status),
        _ => Err("not an exit status from 1 to 255".to_owned()),
    }
}

/// `TERM`, `SIGTERM` or `15`.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text.trim()).ok_or_else(|| "not a signal".to_owned())
}

/// `full`, `equal`, `decorrelated`, `none`, `20%`, `+-0.3`, or a duration.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn jitter(text: &str) -> Result<Jitter, String> {
    let text = text.trim();
    match text {
        "none" => return Ok(Jitter::None),
        "full" => return Ok(Jitter::Full),
        "equal" => return Ok(Jitter::Equal),
        "decorrelated" => return Ok(Jitter::Decorrelated),
        _ => {}
    }
    if let Some(percent) = text.strip_suffix('%') {
        return match percent.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Jitter::Ratio(percent / 100.0)),
            _ => Err("a percentage goes from 0% to 100%".to_owned()),
        };
    }
    let (symmetric, length) = match text.strip_prefix("+-").or(text.strip_prefix('±')) {
        Some(length) => (true, length),
        None => (false, text),
    };
    match duration(length) {
        Ok(Duration::ZERO) => Ok(Jitter::None),
        Ok(length) if symmetric => Ok(Jitter::Symmetric(length)),
        Ok(length) => Ok(Jitter::Additive(length)),
        Err(error) if error == "not a duration" => {
            Err("not a duration, not a percentage, and not full, equal, decorrelated or none".to_owned())
        }
        Err(error) => Err(error),
    }
}

/// `stderr`, `journald`, `syslog`, each of the last two with another socket behind a colon, or a file.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn log_target(text: &str) -> Result<LogTarget, String> {
    let (name, socket) = text.split_once(':').map_or((text, None), |(name, socket)| (name, Some(socket)));
    let target = match (name, socket) {
        ("journald" | "syslog", Some("")) => return Err("no socket behind the colon".to_owned()),
        ("journald", socket) => LogTarget::Journald(socket.unwrap_or("/run/systemd/journal/socket").into()),
        ("syslog", socket) => LogTarget::Syslog(socket.unwrap_or("/dev/log").into()),
        _ => match text {
            "" => return Err("empty".to_owned()),
            "stderr" => LogTarget::Stderr,
            path if path.contains('\0') => return Err("not a file name".to_owned()),
            path => LogTarget::File(path.into()),
        },
    };
    Ok(target)
}

/// A name that fits in a line.
///
/// # Errors
/// A fragment that says what is wrong.
pub fn label(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("empty".to_owned()),
        label if label.contains(char::is_control) => Err("a name has no control characters".to_owned()),
        label => Ok(label.to_owned()),
    }
}

/// A pattern of the `regex` crate's syntax, for `--retry-on-output` and its kin.
///
/// # Errors
/// A fragment that says what is wrong.
fn pattern(meaning: Meaning, text: &str) -> Result<Rule, String> {
    if text.is_empty() {
        return Err("empty".to_owned());
    }
    // The parser draws the place over several lines; its last line says what is wrong.
    let brief =
        |text: String| text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Rule::parse(meaning, text).map_err(|error| brief(error.to_string()))
}

/// `--retry-on-output`
///
/// # Errors
/// A fragment that says what is wrong.
pub fn retry_pattern(text: &str) -> Result<Rule, String> {
    pattern(Meaning::Retry, text)
}

/// `--stop-on-output`
///
/// # Errors
/// A fragment that says what is wrong.
pub fn stop_pattern(text: &str) -> Result<Rule, String> {
    pattern(Meaning::Stop, text)
}

/// `--success-on-output`
///
/// # Errors
/// A fragment that says what is wrong.
pub fn success_pattern(text: &str) -> Result<Rule, String> {
    pattern(Meaning::Success, text)
}

/// `--require-output`
///
/// # Errors
/// A fragment that says what is wrong.
pub fn required_pattern(text: &str) -> Result<Rule, String> {
    pattern(Meaning::Require, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("0.5", 500),
            ("0", 0),
            ("-0", 0),
            (".5", 500),
            ("2", 2000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("0.1m", 6000),
            ("1m 30s", 90_000),
            ("1h30m", 5_400_000),
            (" 3 ", 3000),
            ("1e3", 1_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert!(duration("1000000000000").is_ok());
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in
            ["", "abc", "nan", "NaN", "inf", "-1", "-0.5s", "-1m 30s", "1000000000001", "1e300", "5x", "1,5"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(limit("0").is_err());
        assert!(limit("0ms").is_err());
    }

    #[test]
    fn jitter_is_read() {
        let second = Duration::from_secs(1);
        for (text, wanted) in [
            ("1", Jitter::Additive(second)),
            ("1000ms", Jitter::Additive(second)),
            ("+-1", Jitter::Symmetric(second)),
            ("±1s", Jitter::Symmetric(second)),
            ("20%", Jitter::Ratio(0.2)),
            ("full", Jitter::Full),
            ("equal", Jitter::Equal),
            ("decorrelated", Jitter::Decorrelated),
            ("none", Jitter::None),
            ("0", Jitter::None),
        ] {
            assert_eq!(jitter(text), Ok(wanted), "{text}");
        }
        for text in ["", "-1", "101%", "-5%", "half", "+1x", "nan%"] {
            assert!(jitter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn log_targets_are_read() {
        for (text, wanted) in [
            ("stderr", LogTarget::Stderr),
            ("journald", LogTarget::Journald("/run/systemd/journal/socket".into())),
            ("journald:/a:b", LogTarget::Journald("/a:b".into())),
            ("syslog", LogTarget::Syslog("/dev/log".into())),
            ("./syslog", LogTarget::File("./syslog".into())),
            ("a:b", LogTarget::File("a:b".into())),
        ] {
            assert_eq!(log_target(text), Ok(wanted), "{text}");
        }
        for text in ["", "journald:", "syslog:"] {
            assert!(log_target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_read() {
        assert_eq!(attempts("inf"), Ok(Attempts::Unlimited));
        assert!(attempts("3").is_ok());
        for text in ["0", "-1", "1.5", "", "three", "99999999999999999999999"] {
            assert!(attempts(text).is_err(), "{text}");
        }
        assert!(factor("0").is_err());
        assert!(factor("nan").is_err());
        assert!(factor("inf").is_err());
        assert!(failure_status("0").is_err());
        assert!(failure_status("256").is_err());
    }
}
