//! Every usage error as one line that names the flag (or the variable) and shows a good value.

use crate::core::shared::without_secret;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};
use std::ffi::{OsStr, OsString};

/// The line for an error on the command line.
pub fn line(error: &Error) -> String {
    let flag = flag(error);
    let line = |what: String, good: &str| {
        let good = if good.is_empty() { String::new() } else { format!(". Good: {good}") };
        format!("retry: {what}{good}")
    };
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            line(invalid(error, &format!("for {flag}"), &flag), &format!("{flag} {}", example(&flag)))
        }
        ErrorKind::UnknownArgument => {
            let alike = || text(error, ContextKind::SuggestedArg).map(|similar| bare(&similar));
            let help = match synonym(&flag).or_else(alike) {
                Some(meant) => format!("; did you mean {meant}?"),
                None => "; options come before the command, see retry --help".to_owned(),
            };
            line(format!("unknown option {flag}{help}"), "")
        }
        ErrorKind::ArgumentConflict => {
            let rival = text(error, ContextKind::PriorArg).map_or_else(String::new, |rival| bare(&rival));
            match rival.is_empty() {
                true => line(
                    format!("{flag} stands alone"),
                    format!("retry {flag} {}", example(&flag)).trim_end(),
                ),
                false if rival == flag => line(format!("{flag} is given twice"), "give it once"),
                false => line(format!("{flag} cannot be used with {rival}"), "give one of them"),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            line("no command is given".to_owned(), "retry -- curl -fsS https://example.com")
        }
        // The first line of any other error of clap.
        _ => {
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default();
            line(first.trim_start_matches("error: ").to_owned(), "")
        }
    }
}

/// The line for a bad value in a variable, which sets `flag`.
pub fn line_for_variable(error: &Error, flag: &str, variable: &str, value: &OsStr) -> String {
    let place = format!("in {variable}");
    let what = match error.kind() {
        ErrorKind::InvalidUtf8 => invalid_value(flag, &value.to_string_lossy(), &place, NOT_UTF8),
        _ => invalid(error, &place, flag),
    };
    format!("retry: {what}. Good: {variable}={}", example(flag))
}

/// The line for a value that is bad only together with others. `given` is the flag or the variable with the value:
/// `--retry-on 7,x` or `RETRY_RETRY_ON=7,x`.
pub fn line_for_value(flag: &str, given: &str, value: &str, why: &str) -> String {
    let (place, good) = match given.split_once('=') {
        Some((variable, _)) if variable.starts_with("RETRY_") => {
            (format!("in {variable}"), format!("{variable}={}", example(flag)))
        }
        _ => (format!("for {flag}"), format!("{flag} {}", example(flag))),
    };
    format!("retry: {}. Good: {good}", invalid_value(flag, value, &place, why))
}

/// The line for a value of an option that is not UTF-8. clap does not name it: it is the first such word, because options
/// come before the command.
pub fn line_for_not_utf8(model: &Command, words: &[OsString]) -> String {
    let mut before = String::new();
    for word in words.iter().skip(1) {
        let text = word.to_string_lossy().into_owned();
        if word.to_str().is_none() {
            let (flag, value) = match text.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), value.to_owned()),
                _ => short_with_value(model, &text)
                    .or_else(|| short_with_value(model, &before).map(|(flag, _)| (flag, text.clone())))
                    .unwrap_or((before, text)),
            };
            let what = invalid_value(&flag, &value, &format!("for {flag}"), NOT_UTF8);
            return format!("retry: {what}. Good: {flag} {}", example(&flag));
        }
        before = text;
    }
    format!("retry: an option's value is {NOT_UTF8}")
}

/// `--base` and `1` from `-b1`, `-vb1` or `-b=1`.
fn short_with_value(model: &Command, word: &str) -> Option<(String, String)> {
    let cluster = word.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))?;
    cluster.char_indices().find_map(|(index, letter)| {
        let arg = model.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        let value = &cluster[index + letter.len_utf8()..];
        let value = value.strip_prefix('=').unwrap_or(value);
        arg.get_action().takes_values().then_some((format!("--{}", arg.get_long()?), value.to_owned()))
    })
}

const NOT_UTF8: &str = "not UTF-8";

fn invalid_value(flag: &str, value: &str, place: &str, why: &str) -> String {
    format!("invalid value '{}' {place}: {}", visible(flag, value), escaped(why))
}

/// The value of a flag in a message: one line, no escape sequence, no password.
pub fn visible(flag: &str, value: &str) -> String {
    // Only --state takes a URL, but one may be typed anywhere.
    let may_hold_secret = flag == "--state" || value.contains("://") && value.contains(['@', '?']);
    if may_hold_secret { escaped(&without_secret(OsStr::new(value))) } else { escaped(value) }
}

/// A text from elsewhere in a usage error: one line, no escape sequence.
pub fn escaped(text: &str) -> String {
    text.escape_debug().to_string().replace("\\'", "'")
}

fn invalid(error: &Error, place: &str, flag: &str) -> String {
    let why = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(valid)) => format!("not one of {}", valid.join(", ")),
            _ => "not valid".to_owned(),
        },
    };
    match text(error, ContextKind::InvalidValue) {
        Some(value) if !value.is_empty() => invalid_value(flag, &value, place, &why),
        _ => format!("{flag} needs a value"),
    }
}

/// `--base` from clap's `--base <DUR>`.
fn flag(error: &Error) -> String {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => bare(flag),
        Some(ContextValue::Strings(flags)) => flags.first().map_or_else(String::new, |flag| bare(flag)),
        _ => String::new(),
    }
}

fn bare(flag: &str) -> String {
    let flag = flag.split([' ', '=', '[']).next().unwrap_or_default();
    flag.escape_debug().to_string()
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The names in other tools. clap suggests names of similar spelling, but `--times` does not mean `--timeout`.
const SYNONYMS: &[(&str, &str)] = &[
    ("--times", "--retries"),
    ("--tries", "--retries"),
    ("--count", "--retries"),
    ("--max", "--retries"),
    ("--max-attempts", "--retries"),
    ("--max-retries", "--retries"),
    ("--max-tries", "--retries"),
    ("--retry", "--retries"),
    ("-n", "--retries"),
    ("--forever", "--retries inf"),
    ("--delay", "--base"),
    ("--interval", "--base"),
    ("--sleep", "--base"),
    ("--wait", "--base"),
    ("-d", "--base"),
    ("--max-time", "--deadline"),
    ("--until", "--success-on"),
    ("--while", "--retry-on"),
    ("--silent", "--quiet"),
    ("--debug", "--verbose"),
    ("--exec", "--before-retry"),
];

fn synonym(flag: &str) -> Option<String> {
    SYNONYMS.iter().find(|(theirs, _)| *theirs == flag).map(|(_, ours)| (*ours).to_owned())
}

/// A good value for each flag that takes one. A test parses all of them.
const EXAMPLES: &[(&str, &str)] = &[
    ("--retries", "5"),
    ("--timeout", "30"),
    ("--deadline", "5m"),
    ("--timeout-signal", "INT"),
    ("--kill-after", "10s"),
    ("--leftovers", "end"),
    ("--idle-timeout", "2m"),
    ("--consecutive", "2"),
    ("--base", "500ms"),
    ("--factor", "2"),
    ("--max-delay", "1m"),
    ("--jitter", "20%"),
    ("--backoff", "linear"),
    ("--delays", "0.5,2,5"),
    ("--initial-delay", "2s"),
    ("--stagger", "30s"),
    ("--reset-after", "10m"),
    ("--retry-after", "stderr"),
    ("--max-retry-after", "5m"),
    ("--seed", "42"),
    ("--retry-on", "7,28,SIGKILL,timeout"),
    ("--stop-on", "2,64-78"),
    ("--success-on", "0,24"),
    ("--preset-file", "tools.toml"),
    ("--list-presets", "git"),
    ("--stats", "retries.jsonl"),
    ("--html", "retries.html"),
    ("--retry-on-output", "stderr:timeout"),
    ("--stop-on-output", "denied"),
    ("--success-on-output", "already.exists"),
    ("--require-output", "^ready"),
    ("--retry-if", "grep -q timeout"),
    ("--stdin", "replay"),
    ("--stdout", "final"),
    ("--stderr", "failure"),
    ("--before-retry", "./clean-up"),
    ("--fallback", "./cached"),
    ("--breaker", "registry"),
    ("--breaker-failures", "5"),
    ("--breaker-rate", "50%"),
    ("--breaker-min-attempts", "20"),
    ("--breaker-window", "2m"),
    ("--breaker-open", "30s"),
    ("--budget", "registry"),
    ("--budget-ratio", "0.1"),
    ("--budget-burst", "20"),
    ("--state", "/var/lib/retry"),
    ("--reset-state", "registry"),
    ("--flaky-exit", "99"),
    ("--log", "journald"),
    ("--log-format", "json"),
    ("--report", "retry.jsonl"),
    ("--junit", "retry.xml"),
    ("--ci", "none"),
    ("--progress", "never"),
    ("--color", "never"),
    ("--label", "deploy"),
    ("--generate", "man"),
];

/// A good value for a flag that takes one.
pub fn example(flag: &str) -> &'static str {
    EXAMPLES.iter().find(|(name, _)| *name == flag).map_or("", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_model_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_good_example() {
        for arg in Args::command().get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let Some(long) = arg.get_long() else { continue };
            let flag = format!("--{long}");
            let mut words = vec!["retry".to_owned(), format!("{flag}={}", example(&flag))];
            match long {
                "generate" | "reset-state" | "list-presets" | "stats" => {}
                _ => words.push("true".to_owned()),
            }
            assert_ne!(example(&flag), "", "{flag}");
            assert!(Args::try_parse_from(&words).is_ok(), "{words:?}");
        }
    }
}
