//! Every usage error as one line that names the flag (or the variable) and shows a good value.

use super::meant::{Meant, SETS, by_set, named, short_with_value};
use super::shown::{escaped, is_hidden, reason, visible};
use super::{unsupported_flags, values, windows};
use crate::core::shared::may_hold_secret;
use crate::core::spelling::misspelt;
use crate::core::suggestions::{OPTIONS, option_elsewhere, value_elsewhere, with_two_dashes};
use crate::core::system::System;
use crate::platform::program::{SYSTEM, quoted};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use std::ffi::{OsStr, OsString};

/// The line for an error on the command line, of which these are the words.
pub fn line(error: &Error, model: &Command, words: &[OsString]) -> String {
    let flag = flag(error);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match one_dash(model, words, &flag, error) {
            Some(unknown) => unknown,
            None => invalid(error, model, &flag),
        },
        ErrorKind::UnknownArgument => one_dash(model, words, &flag, error)
            .or_else(|| value_with_dash(model, words, &flag))
            .or_else(|| number(words, &flag))
            .or_else(|| value_after_short(model, words, &flag))
            .unwrap_or_else(|| unknown(model, &flag, &flag)),
        ErrorKind::ArgumentConflict => {
            let rival = text(error, ContextKind::PriorArg).map_or_else(String::new, |rival| bare(&rival));
            if rival.is_empty() {
                let example = format!("retry {flag} {}", example(&flag));
                let is_exclusive = named(model, &flag).is_some_and(Arg::is_exclusive_set);
                let takes = if is_exclusive { "no other option and no command" } else { "no command" };
                with_example(&format!("{flag} takes {takes}"), example.trim_end())
            } else {
                format!("retry: {flag} cannot be used with {rival}: give one of them")
            }
        }
        ErrorKind::MissingRequiredArgument => {
            with_example("no command given", "retry -- curl -fsS https://example.com")
        }
        ErrorKind::TooManyValues => format!("retry: {flag} takes no value"),
        // The first line of any other error of clap.
        _ => {
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default();
            format!("retry: {}", first.trim_start_matches("error: "))
        }
    }
}

/// A line with words that would have been right. Nothing is right for a flag that does nothing on this system.
fn with_example(what: &str, example: &str) -> String {
    match example {
        "" => format!("retry: {what}"),
        example if is_unsupported(example) => format!("retry: {what}"),
        example => format!("retry: {what}. Example: {example}"),
    }
}

/// The line for an option that does not exist: what it is called here, or the name that is meant.
fn unknown(model: &Command, typed: &str, option: &str) -> String {
    let what = format!("unknown option {typed}");
    if let Some(row) = option_elsewhere(SYSTEM, option) {
        return with_example(&format!("{what}: {}", row.said), row.example);
    }
    // A letter is too short to be misspelt.
    let ours: Vec<String> = long_names(model).into_iter().filter(|name| !is_unsupported(name)).collect();
    // A short name of another tool is not guessed: `--tail` is near `--fail` and means something else.
    let is_long = |name: &&str| name.strip_prefix("--").is_some_and(|name| name.len() >= 5);
    let theirs = OPTIONS.iter().flat_map(|row| row.names).copied().filter(is_long);
    let names = ours.iter().map(String::as_str).chain(theirs);
    let meant = if option.starts_with("--") { misspelt(option, names) } else { None };
    match meant.map(|meant| (meant, option_elsewhere(SYSTEM, meant))) {
        Some((_, Some(row))) => with_example(&format!("{what}: {}", row.said), row.example),
        Some((meant, None)) => format!("retry: {what}; did you mean {meant}?"),
        None => format!("retry: {what}; see retry --help"),
    }
}

/// The line for a number with a dash: `-5`. clap names its first digit.
fn number(words: &[OsString], option: &str) -> Option<String> {
    let word = words.iter().skip(1).filter_map(|word| word.to_str()).find(|word| word.starts_with(option))?;
    let number = word.strip_prefix('-')?;
    let attempts = values::count(number).ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit()))?;
    let what = format!("unknown option {word}: --retries counts attempts, the first included");
    Some(with_example(&what, &format!("--retries {attempts}")))
}

/// The line for a value behind a short option that takes none: `-O=final`. clap takes `=` for another option.
fn value_after_short(model: &Command, words: &[OsString], option: &str) -> Option<String> {
    let is_about_value = option.trim_start_matches('-').is_empty();
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str()).filter(|_| is_about_value);
    words.find_map(|word| {
        let letter = word.split_once('=')?.0.strip_prefix('-')?.parse().ok()?;
        let arg = model.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        (!arg.get_action().takes_values()).then(|| format!("retry: -{letter} takes no value"))
    })
}

/// The long options, aliases included.
fn long_names(model: &Command) -> Vec<String> {
    let longs = model.get_arguments().flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default());
    longs.map(|name| format!("--{name}")).collect()
}

/// The line for a long option with one dash, as Go programs have them. clap takes `-max-time` for `-m ax-time`, and
/// `-attempts` for `-a`.
fn one_dash(model: &Command, words: &[OsString], flag: &str, error: &Error) -> Option<String> {
    let rest = match error.kind() {
        ErrorKind::UnknownArgument if !flag.starts_with("--") => flag.trim_start_matches('-').to_owned(),
        ErrorKind::UnknownArgument => return None,
        _ => text(error, ContextKind::InvalidValue)?,
    };
    let names = long_names(model);
    words.iter().skip(1).take_while(|word| *word != "--").find_map(|word| {
        let long = with_two_dashes(word).filter(|_| word.to_string_lossy().contains(&rest))?;
        let typed = long.get(1..)?;
        if names.contains(&long) {
            let example = with_value(&long, example_for(model, &long));
            return Some(with_example(
                &format!("unknown option {typed}: long options have two dashes"),
                example.trim_end(),
            ));
        }
        option_elsewhere(SYSTEM, &long).map(|_| unknown(model, typed, &long))
    })
}

/// The line for an unknown option that was to be the value of the flag before it.
fn value_with_dash(model: &Command, words: &[OsString], option: &str) -> Option<String> {
    let (before, value) = words.windows(2).find_map(|pair| {
        let (before, value) = (pair[0].to_str()?, pair[1].to_str()?);
        (value.split('=').next()? == option).then_some((before, value))
    })?;
    let arg = named(model, before)?;
    let takes_word = arg.get_action().takes_values() && !arg.is_require_equals_set();
    takes_word.then(|| {
        let shown = visible(before, value);
        let what = if is_valid(model, before, value) {
            format!("{before} needs a value; if the value begins with a dash, use {before}={shown}")
        } else {
            format!("{before} needs a value")
        };
        with_example(&what, &with_value(before, example_for(model, before)))
    })
}

/// Whether a flag takes this value behind a `=`.
fn is_valid(model: &Command, flag: &str, value: &str) -> bool {
    let option = format!("{flag}={value}");
    // Some flags need a command, others take none.
    [&["--", "true"][..], &[]].into_iter().any(|command| {
        let words = ["retry", &option].into_iter().chain(command.iter().copied());
        model.clone().try_get_matches_from(words).is_ok()
    })
}

/// The line for a bad value, or for none.
fn invalid(error: &Error, model: &Command, flag: &str) -> String {
    match text(error, ContextKind::InvalidValue) {
        Some(value) if !value.is_empty() => {
            let (why, example) = why_and_example(error, model, flag, &value);
            with_example(&invalid_value(flag, &value, &format!("for {flag}"), &why), &example)
        }
        _ => with_example(&format!("{flag} needs a value"), &with_value(flag, example(flag))),
    }
}

/// What a bad value in a variable, which sets `flag`, gets for a message. It is no usage error: `RETRY_BACKOFF` may belong
/// to another program.
pub fn about_variable(error: &Error, model: &Command, flag: &str, variable: &str, value: &OsStr) -> String {
    let value = value.to_string_lossy();
    let (why, example) = match error.kind() {
        ErrorKind::InvalidUtf8 => (NOT_UTF8.to_owned(), with_value(flag, example(flag))),
        _ => why_and_example(error, model, flag, &value),
    };
    bad_variable(flag, variable, &value, &why, &example)
}

/// The same for a value that is bad only together with others.
pub fn bad_variable(flag: &str, variable: &str, value: &str, why: &str, example: &str) -> String {
    let what = invalid_value(flag, value, &format!("in {variable}"), why);
    // What fits may be another flag: `--base 2s` for `RETRY_BACKOFF=2s`.
    let example = example.split_once([' ', '=']).map(|(flag, value)| {
        format!("RETRY_{}={value}", flag.trim_start_matches("--").replace('-', "_").to_uppercase())
    });
    match example.filter(|_| !is_unsupported(flag)) {
        Some(example) => format!("{what}. Example: {example}"),
        None => what,
    }
}

/// A line about a bad variable, which is not used, as a warning.
pub fn ignored(line: &str) -> String {
    format!("{line}. The variable is ignored")
}

/// The same for a set of outcomes with a name that no preset has.
pub fn bad_set(flag: &str, variable: &str, value: &str, why: &str) -> String {
    let Meant { hint, example } = meant_by_set(flag, value);
    bad_variable(flag, variable, value, &format!("{why}{hint}"), &example)
}

/// The line for a value that is bad only together with others. `given` is the flag with the value: `--retry-on 7,x`.
pub fn line_for_value(flag: &str, value: &str, why: &str) -> String {
    let Meant { hint, example } = meant_by_set(flag, value);
    let what = invalid_value(flag, value, &format!("for {flag}"), &format!("{why}{hint}"));
    with_example(&what, &example)
}

fn meant_by_set(flag: &str, value: &str) -> Meant {
    let usual = || Meant { hint: String::new(), example: with_value(flag, example(flag)) };
    by_set(flag, value).unwrap_or_else(usual)
}

/// Why a value is bad, and words that would have been right: those that were meant, if that can be seen.
fn why_and_example(error: &Error, model: &Command, flag: &str, value: &str) -> (String, String) {
    let valid: &[String] = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => valid,
        _ => &[],
    };
    let why = match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None if valid.is_empty() => "not valid".to_owned(),
        None => format!("must be one of {}", valid.join(", ")),
    };
    let is_duration = values::duration(value).is_ok();
    let elsewhere = match flag {
        "--backoff" if is_duration => Some(("for a delay", "--base")),
        "--retries" | "--consecutive" if is_duration && value.ends_with(char::is_alphabetic) => {
            Some(("for a time limit", "--deadline"))
        }
        "--retry-after" if is_duration => Some(("for a limit", "--max-retry-after")),
        _ => None,
    };
    if let Some((to, other)) = elsewhere {
        return (format!("{why}; {to}, use {other}"), format!("{other} {value}"));
    }
    if let Some(Meant { hint, example }) = by_set(flag, value) {
        return (format!("{why}{hint}"), example);
    }
    if let Some(row) = value_elsewhere(flag, value) {
        return (format!("{why}{}", row.said), format!("{flag} {}", row.meant));
    }
    if is_hidden(flag, value) {
        return (why, with_value(flag, example(flag)));
    }
    let near = misspelt(value, valid.iter().map(String::as_str)).map(str::to_owned);
    // A set in lower case would pass as the name of a preset.
    let lower = (!SETS.contains(&flag)).then(|| value.to_lowercase());
    let apart = value.split([' ', ',']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(",");
    let others = [value.replace(',', "."), value.replace(';', ","), apart];
    let works = |value: &String| is_valid(model, flag, value);
    let meant = near.into_iter().chain(lower).chain(others).find(works);
    let value = meant.as_deref().unwrap_or_else(|| example(flag));
    let requires_equals = named(model, flag).is_some_and(Arg::is_require_equals_set);
    (why, if requires_equals { format!("{flag}={value}") } else { with_value(flag, value) })
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
            return with_example(&what, &with_value(&flag, example(&flag)));
        }
        before = text;
    }
    format!("retry: an option value is {NOT_UTF8}")
}

const NOT_UTF8: &str = "not valid UTF-8";

fn invalid_value(flag: &str, value: &str, place: &str, why: &str) -> String {
    format!("invalid value '{}' {place}: {}", visible(flag, value), escaped(&reason(flag, value, why)))
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
    // The password of `--redis://:PASSWORD@HOST` may have a blank or a `=`.
    if may_hold_secret(flag) {
        return format!("--{}", visible("", flag.trim_start_matches('-')));
    }
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

/// A flag and its value as words to type.
fn with_value(flag: &str, value: &str) -> String {
    let is_special = |c: char| c.is_whitespace() || "^|()&*$\"'".contains(c);
    if value.contains(is_special) { format!("{flag} {}", quoted(value)) } else { format!("{flag} {value}") }
}

/// A good value for a flag that may be named by an alias.
fn example_for(model: &Command, flag: &str) -> &'static str {
    let long = named(model, flag).and_then(Arg::get_long).unwrap_or_default();
    example(&format!("--{long}"))
}

/// Whether these words begin with a flag that does nothing on this system.
fn is_unsupported(words: &str) -> bool {
    unsupported_flags(SYSTEM).contains(&words.split(' ').next().unwrap_or_default())
}

/// A good value for a flag that takes one.
pub fn example(flag: &str) -> &'static str {
    let own = match SYSTEM {
        System::Unix => &[],
        System::Windows => windows::VALUES,
    };
    own.iter().chain(EXAMPLES).find(|(name, _)| *name == flag).map_or("", |(_, value)| value)
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
            if is_unsupported(&flag) {
                continue;
            }
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
