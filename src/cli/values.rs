//! Parsers of the values of flags. Each error is a fragment that fits behind "invalid value ... for --flag:".

use crate::core::duration::{self, DurationError};
use crate::core::exit_code::{self, ExitCode};
use crate::core::plan::LogTarget;
use crate::core::rules::{Rule, Then};
use crate::core::shared::{Location, may_hold_secret};
use crate::core::signal::{HAS_SIGNALS, Signal};
use crate::core::system::System;
use crate::platform::local_socket;
use crate::platform::program::SYSTEM;
use retry_loop::backoff::Jitter;
use retry_loop::policy::Attempts;
use retry_loop::recent::SHORTEST_WINDOW;
use retry_loop::timestamp::LONGEST;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

/// `0.5` (seconds), `500ms`, `1.5s`, `2m 30s`: from 0 to 10^12 s.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// The name of a circuit breaker or a retry budget. An empty one comes from a variable that is not set, most likely.
pub fn shared_name(name: OsString) -> Result<OsString, String> {
    match name.as_encoded_bytes() {
        [] => Err("must not be empty".to_owned()),
        // A flag, whose own value is missing.
        [b'-', ..] => Err("must not begin with a dash".to_owned()),
        _ => Ok(name),
    }
}

/// A line for a shell. An empty one would succeed and decide; it comes from a variable that is not set, most likely.
pub fn shell_command(line: OsString) -> Result<OsString, String> {
    let is_blank = line.as_encoded_bytes().iter().all(u8::is_ascii_whitespace);
    if is_blank { Err("must be a command".to_owned()) } else { Ok(line) }
}

/// The name of a file. One that begins with a dash is a flag whose own value is missing, or `-` for stdin or stdout.
pub fn file(name: OsString) -> Result<PathBuf, String> {
    match name.as_encoded_bytes() {
        b"-" => Err(match SYSTEM {
            System::Unix => "must be a file; use /dev/stdin, /dev/stdout or /dev/stderr".to_owned(),
            System::Windows => "must be a file".to_owned(),
        }),
        [b'-', ..] => Err(format!(
            "must not begin with a dash; for a file with this name, use ./{}",
            name.to_string_lossy()
        )),
        _ => source(name),
    }
}

/// The name of a file that is read, or `-`. A URL is no file, and names of files are printed.
pub fn source(name: OsString) -> Result<PathBuf, String> {
    if may_hold_secret(&name.to_string_lossy()) {
        return Err("must be a file, not a URL".to_owned());
    }
    Ok(name.into())
}

/// A duration above 0: `--timeout`, `--deadline`.
pub fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        limit => Ok(limit),
    }
}

/// `0.5,2,5`
pub fn delays(text: &str) -> Result<Delays, String> {
    let one = |part: &str| match part.trim() {
        "" => Err("empty item in the list".to_owned()),
        part => duration(part).map_err(|error| format!("'{part}': {error}")),
    };
    let are_apart = |part: &str| {
        let mut words = part.split_whitespace();
        duration(part).is_err() && words.all(|word| duration(word).is_ok()) && !part.trim().is_empty()
    };
    if text.split(',').any(|part| part.trim().contains(' ') && are_apart(part)) {
        return Err("separate delays with commas".to_owned());
    }
    text.split(',').map(one).collect::<Result<_, _>>().map(Delays)
}

/// The list of `--delays`. In a type of its own, clap takes it as one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delays(pub Vec<Duration>);

/// A number from 1, or `inf`.
pub fn attempts(text: &str) -> Result<Attempts, String> {
    match text.trim() {
        "inf" => Ok(Attempts::Unlimited),
        text => match count(text) {
            Ok(number) => Ok(Attempts::AtMost(number.get())),
            Err(_) => Err("must be a whole number, 1 or more, or inf".to_owned()),
        },
    }
}

/// A number from 1.
pub fn count(text: &str) -> Result<NonZeroU64, String> {
    text.trim().parse().map_err(|_| "must be a whole number, 1 or more".to_owned())
}

/// A whole number of 64 bits.
pub fn seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("must be a whole number from 0 to {}", u64::MAX))
}

/// A number from 1 to 4294967295.
pub fn small_count(text: &str) -> Result<NonZeroU32, String> {
    text.trim().parse().map_err(|_| format!("must be a whole number from 1 to {}", u32::MAX))
}

/// A fraction of a token, 0 or more.
pub fn ratio(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(ratio) if ratio.is_finite() && ratio >= 0.0 => Ok(ratio),
        _ => Err("must be 0 or more".to_owned()),
    }
}

/// The time for which a circuit is open.
pub fn open_time(text: &str) -> Result<Duration, String> {
    let open = limit(text)?;
    if open > LONGEST { Err("must be 7d or less".to_owned()) } else { Ok(open) }
}

/// The time in which failures count.
pub fn window(text: &str) -> Result<Duration, String> {
    let window = duration(text)?;
    if (SHORTEST_WINDOW..=LONGEST).contains(&window) {
        Ok(window)
    } else {
        Err("must be from 10ms to 7d".to_owned())
    }
}

/// The part of attempts that has failed: `50%` is 0.5.
pub fn failure_rate(text: &str) -> Result<f64, String> {
    let percent = text.trim().strip_suffix('%').and_then(|percent| percent.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.1..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("must be from 0.1% to 100%".to_owned()),
    }
}

/// A directory or the URL of a server. The error never contains a password.
pub fn location(text: &str) -> Result<Location, String> {
    Location::parse(OsStr::new(text)).map_err(|error| error.to_string())
}

/// A finite number above 0.
pub fn factor(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("must be more than 0".to_owned()),
    }
}

/// An exit status above 0.
pub fn failure_status(text: &str) -> Result<ExitCode, String> {
    match exit_code::parse(text.trim()) {
        Some(status) if status > 0 => Ok(status),
        _ => Err(format!("must be an exit status from 1 to {}", exit_code::MAX_TEXT)),
    }
}

/// `TERM`, `SIGTERM` or `15`.
pub fn signal(text: &str) -> Result<Signal, String> {
    let why = if HAS_SIGNALS {
        "must be the name or the number of a signal"
    } else {
        "Windows has no signals: a time limit sends Ctrl-Break, and ends the process tree after --kill-after"
    };
    Signal::parse(text.trim()).ok_or_else(|| why.to_owned())
}

/// `full`, `equal`, `decorrelated`, `none`, `20%`, `+-0.3`, or a duration.
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
            _ => Err("must be from 0% to 100%".to_owned()),
        };
    }
    let (symmetric, length) = match text.strip_prefix("+-").or(text.strip_prefix('±')) {
        Some(length) => (true, length),
        None => (false, text),
    };
    match duration::parse(length) {
        Ok(Duration::ZERO) => Ok(Jitter::None),
        Ok(length) if symmetric => Ok(Jitter::Symmetric(length)),
        Ok(length) => Ok(Jitter::Additive(length)),
        Err(DurationError::NotADuration | DurationError::Empty) => {
            Err("must be a duration, a percentage, full, equal, decorrelated or none".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// `stderr`, `journald`, `syslog` (the last two also with a socket behind a colon), or a file.
pub fn log_target(text: &str) -> Result<LogTarget, String> {
    let (name, socket) = text.split_once(':').map_or((text, None), |(name, socket)| (name, Some(socket)));
    let target = match (name, socket) {
        ("journald" | "syslog", _) if !local_socket::HAS_SYSTEM_LOGS => {
            return Err(format!("Windows has no {name}"));
        }
        ("journald" | "syslog", Some("")) => return Err("needs a socket after the colon".to_owned()),
        ("journald", socket) => LogTarget::Journald(socket.unwrap_or("/run/systemd/journal/socket").into()),
        ("syslog", socket) => LogTarget::Syslog(socket.unwrap_or("/dev/log").into()),
        _ => match text {
            "" => return Err("must not be empty".to_owned()),
            "stderr" => LogTarget::Stderr,
            path if path.contains('\0') => return Err("must not contain a NUL byte".to_owned()),
            path => LogTarget::File(file(path.into())?),
        },
    };
    Ok(target)
}

/// A name on one line.
pub fn label(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must not be empty".to_owned()),
        label if label.starts_with('-') => Err("must not begin with a dash".to_owned()),
        label if label.contains(char::is_control) => Err("must not contain control characters".to_owned()),
        label => Ok(label.to_owned()),
    }
}

/// A pattern of `--retry-on-output` and its kin.
fn pattern(then: Then, text: &str) -> Result<Rule, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    // The parser draws the place over several lines; the last line says what is wrong.
    let brief =
        |text: String| text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Rule::on_output(then, text).map_err(|error| brief(error.to_string()))
}

pub fn retry_pattern(text: &str) -> Result<Rule, String> {
    pattern(Then::Retry, text)
}

pub fn stop_pattern(text: &str) -> Result<Rule, String> {
    pattern(Then::Stop, text)
}

pub fn success_pattern(text: &str) -> Result<Rule, String> {
    pattern(Then::Success, text)
}

pub fn required_pattern(text: &str) -> Result<Rule, String> {
    pattern(Then::Require, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_above_0() {
        assert_eq!(limit("2m30s"), Ok(Duration::from_secs(150)));
        for text in ["0", "0ms", "1e-12", "0h 0m", "-1"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn delays_are_parsed() {
        let delays = |text| delays(text).map(|Delays(list)| list);
        assert_eq!(
            delays("0.5, 2m30s,1h"),
            Ok([500, 150_000, 3_600_000].map(Duration::from_millis).to_vec())
        );
        assert_eq!(delays("1,5M").unwrap_err(), "'5M': use m for minutes");
        assert_eq!(delays("1m 30s 2s"), Ok(vec![Duration::from_secs(92)]));
        for text in ["1 2 3", "1, 2 3", "1s 2"] {
            assert_eq!(delays(text).unwrap_err(), "separate delays with commas", "{text}");
        }
        assert_eq!(delays("1 x").unwrap_err(), "'1 x': x is not a unit; use ms, s, m, h, d or w");
    }

    #[test]
    fn jitter_is_parsed() {
        let second = Duration::from_secs(1);
        for (text, wanted) in [
            ("1", Jitter::Additive(second)),
            ("1000ms", Jitter::Additive(second)),
            ("2m30s", Jitter::Additive(150 * second)),
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
    fn log_targets_are_parsed() {
        for (text, wanted) in [
            ("stderr", LogTarget::Stderr),
            ("journald", LogTarget::Journald("/run/systemd/journal/socket".into())),
            ("journald:/a:b", LogTarget::Journald("/a:b".into())),
            ("syslog", LogTarget::Syslog("/dev/log".into())),
            ("./syslog", LogTarget::File("./syslog".into())),
            ("a:b", LogTarget::File("a:b".into())),
        ] {
            if local_socket::HAS_SYSTEM_LOGS || matches!(wanted, LogTarget::File(_) | LogTarget::Stderr) {
                assert_eq!(log_target(text), Ok(wanted), "{text}");
            } else {
                assert!(log_target(text).unwrap_err().starts_with("Windows has no "), "{text}");
            }
        }
        for text in ["", "journald:", "syslog:"] {
            assert!(log_target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_parsed() {
        assert_eq!(attempts("inf"), Ok(Attempts::Unlimited));
        assert!(attempts("3").is_ok());
        for text in ["0", "-1", "1.5", "", "three", "99999999999999999999999"] {
            assert!(attempts(text).is_err(), "{text}");
        }
        assert!(factor("0").is_err());
        assert!(factor("nan").is_err());
        assert!(factor("inf").is_err());
        assert!(failure_status("0").is_err());
        assert!(failure_status("4294967296").is_err());
    }
}
