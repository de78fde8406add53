//! What was meant by a value that a flag does not take, and by a word that would have been a command.

use super::sets::{class_of_http, whole_class};
use super::shown::{escaped, visible};
use super::{presets, sets, values};
use crate::core::duration::Unit;
use crate::core::signal::Signal;
use crate::core::spelling::misspelt;
use crate::core::suggestions::value_elsewhere;
use crate::platform::program::quoted;
use clap::{Arg, Command};
use std::ffi::OsString;

/// What was meant by a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Meant {
    /// The rest of the sentence that says what is wrong, with its semicolon; may be empty.
    pub hint: String,
    /// Words that would have been right.
    pub example: String,
}

fn meant(hint: &str, example: String) -> Meant {
    Meant { hint: hint.to_owned(), example }
}

/// The flags that take a set of outcomes.
pub const SETS: [&str; 3] = ["--retry-on", "--stop-on", "--success-on"];

/// What was meant by a value that is no set of outcomes.
pub fn by_set(flag: &str, value: &str) -> Option<Meant> {
    if !SETS.contains(&flag) {
        return None;
    }
    let items: Vec<&str> = value.split(',').map(str::trim).collect();
    if items.iter().all(|item| class_of_http(item).is_some()) {
        return Some(by_http(flag, &items));
    }
    if let Some(row) = value_elsewhere(flag, value) {
        return Some(meant(row.said, format!("{flag} {}", row.meant)));
    }
    if value.contains(' ') {
        let words: Vec<&str> = value.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        if words.iter().all(|word| is_outcome(word)) {
            return Some(meant("; separate items with commas", format!("{flag} {}", words.join(","))));
        }
        let output = format!("{flag}-output");
        let hint = format!("; to match the output, use {output}");
        return Some(meant(&hint, format!("{output} {}", quoted(&visible(flag, value)))));
    }
    let near: Vec<&str> = items.iter().map(|item| misspelt(item, presets::names()).unwrap_or(item)).collect();
    (near != items).then(|| meant("", format!("{flag} {}", visible(flag, &near.join(",")))))
}

/// The presets retry these HTTP statuses and stop on the others. Where that is what was asked for, they are the answer,
/// otherwise the words in which curl reports the status.
fn by_http(flag: &str, items: &[&str]) -> Meant {
    let is_transient = |item: &&str| {
        matches!(*item, "408" | "425" | "429" | "500" | "502" | "503" | "504")
            || whole_class(item).eq_ignore_ascii_case("5xx")
    };
    let is_permanent = |item: &&str| matches!(*item, "400" | "401" | "403" | "404" | "405" | "410" | "422");
    let presets = "--retry-on curl".to_owned();
    match flag {
        "--retry-on" if items.iter().all(is_transient) => {
            return meant("; the presets curl and wget retry it", presets);
        }
        "--stop-on" if items.iter().all(is_permanent) => {
            return meant("; the presets curl and wget already stop on it", presets);
        }
        _ => {}
    }
    let digits = |item: &&str| whole_class(item).trim_end_matches(['x', 'X']).to_owned();
    let statuses: Vec<String> = items.iter().map(digits).collect();
    let pattern = match &statuses[..] {
        [status] => format!("error: {status}"),
        statuses => format!("error: ({})", statuses.join("|")),
    };
    let hint = format!("; to match the output, use {flag}-output");
    meant(&hint, format!("{flag}-output {}", quoted(&pattern)))
}

/// Whether this can only be an item of a set of outcomes. The name of a preset is that of a tool as well.
fn is_outcome(word: &str) -> bool {
    let is_status = word.starts_with(|c: char| c.is_ascii_digit());
    let is_signal = word.starts_with("SIG") && Signal::parse(word).is_some();
    (is_status || is_signal || word == "nonzero") && sets::outcome_set(word).is_ok()
}

/// What is said behind "command not found" where the command belongs to the value of the option before it, as in
/// `--timeout 5 minutes` and `--retry-on 1 2`. `words` are all words of the invocation.
pub fn by_command(model: &Command, words: &[OsString], command: &[OsString]) -> Option<String> {
    let first = command.first()?.to_str()?;
    let place = words.len().checked_sub(command.len() + 1)?;
    let (arg, value, typed) = option_at(model, words, place)?;
    let kind = arg.get_value_names()?.first()?.as_str();
    match kind {
        "DUR" | "J" => {
            let unit = Unit::named(&first.to_lowercase())?;
            let apart = value.parse::<f64>().is_ok();
            let example = escaped(&format!("{typed}{}", unit.names()[0]));
            apart.then(|| format!("write the unit without a space: {example}"))
        }
        "SET" | "LIST" => {
            let is_item = |word: &&str| match kind {
                "SET" => is_outcome(word),
                _ => values::duration(word).is_ok(),
            };
            let items: Vec<&str> = command.iter().map_while(|word| word.to_str().filter(is_item)).collect();
            let example = escaped(&format!("{typed},{}", items.join(",")));
            (!items.is_empty()).then(|| format!("separate items with commas: {example}"))
        }
        _ => None,
    }
}

/// The option that ends with this word: itself, its value, and both as typed.
fn option_at<'a>(model: &'a Command, words: &[OsString], place: usize) -> Option<(&'a Arg, String, String)> {
    let word = words.get(place)?.to_str()?;
    let together = match word.split_once('=').filter(|_| word.starts_with("--")) {
        Some((flag, value)) => Some((flag.to_owned(), value.to_owned())),
        None => short_with_value(model, word),
    };
    if let Some((flag, value)) = together {
        return Some((named(model, &flag)?, value, word.to_owned()));
    }
    let before = words.get(place.checked_sub(1)?)?.to_str()?;
    let flag = match short_with_value(model, before) {
        Some((flag, value)) if value.is_empty() => flag,
        _ => before.to_owned(),
    };
    Some((named(model, &flag)?, word.to_owned(), format!("{before} {word}")))
}

/// The flag with this name or alias: `--attempts`.
pub fn named<'a>(model: &'a Command, flag: &str) -> Option<&'a Arg> {
    model.get_arguments().find(|arg| {
        let names = arg.get_long_and_visible_aliases().unwrap_or_default();
        names.iter().any(|name| flag.strip_prefix("--") == Some(name))
    })
}

/// `--base` and `1` from `-b1`, `-vb1` or `-b=1`.
pub fn short_with_value(model: &Command, word: &str) -> Option<(String, String)> {
    let cluster = word.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))?;
    cluster.char_indices().find_map(|(index, letter)| {
        let arg = model.get_arguments().find(|arg| arg.get_short() == Some(letter))?;
        let value = &cluster[index + letter.len_utf8()..];
        let value = value.strip_prefix('=').unwrap_or(value);
        arg.get_action().takes_values().then_some((format!("--{}", arg.get_long()?), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn an_http_status_never_suggests_the_opposite() {
        let example = |flag: &str, value: &str| by_set(flag, value).map(|meant| meant.example);
        for (flag, value, wanted) in [
            ("--retry-on", "503", "--retry-on curl"),
            ("--retry-on", "429,5xx", "--retry-on curl"),
            ("--retry-on", "500-599", "--retry-on curl"),
            ("--stop-on", "400-499", "--stop-on-output 'error: 4'"),
            ("--retry-on", "404", "--retry-on-output 'error: 404'"),
            ("--retry-on", "404,503", "--retry-on-output 'error: (404|503)'"),
            ("--retry-on", "4XX", "--retry-on-output 'error: 4'"),
            ("--stop-on", "404", "--retry-on curl"),
            ("--stop-on", "401,403", "--retry-on curl"),
            ("--stop-on", "503", "--stop-on-output 'error: 503'"),
            ("--stop-on", "4xx", "--stop-on-output 'error: 4'"),
            ("--success-on", "404", "--success-on-output 'error: 404'"),
        ] {
            // Windows has such exit codes.
            if crate::core::exit_code::parse("404").is_none() {
                assert_eq!(example(flag, value).as_deref(), Some(wanted), "{flag} {value}");
            }
        }
        for value in ["7,404", "600", "6xx", "40", "4000", "4x"] {
            assert_eq!(example("--stop-on", value), None, "{value}");
        }
    }

    #[test]
    fn a_word_behind_an_option_is_part_of_its_value_or_a_command() {
        let said = |line: &str| {
            let words: Vec<OsString> = format!("retry {line}").split(' ').map(OsString::from).collect();
            let command = words.iter().position(|word| word == "|").unwrap();
            let words: Vec<OsString> = words.into_iter().filter(|word| word != "|").collect();
            by_command(&Args::command(), &words, &words[command..])
        };
        for (line, wanted) in [
            ("--timeout 5 | minutes make", "write the unit without a space: --timeout 5m"),
            ("--deadline=1.5 | Hours make", "write the unit without a space: --deadline=1.5h"),
            ("-vb 100 | ms make", "write the unit without a space: -vb 100ms"),
            ("-t5 | sec -- make", "write the unit without a space: -t5s"),
            ("--jitter 5 | s make", "write the unit without a space: --jitter 5s"),
            ("--retry-on 1 | 2 -- make", "separate items with commas: --retry-on 1,2"),
            ("--stop-on=1 | 2 nonzero make", "separate items with commas: --stop-on=1,2,nonzero"),
            ("--delays 1 | 2s 3 make", "separate items with commas: --delays 1,2s,3"),
        ] {
            assert_eq!(said(line).as_deref(), Some(wanted), "{line}");
        }
        for line in [
            "| minutes",
            "-v | minutes",
            "--timeout 5 -- | minutes",
            "--timeout 5s | minutes",
            "--retries 5 | minutes",
            "--timeout 5 | make",
            "--retry-on 7 | curl",
            "--retry-on 7 | timeout 5 make",
            "--retry-on 7 | make 7",
            "--label 5 | minutes",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}
