//! What `--list-presets` prints: all presets, or one with its rules.

use super::{Catalog, Entry};
use crate::core::exit_code::{ExitCode, display};
use crate::core::preset::{Codes, PresetRule, PresetThen};
use crate::core::stream::Side;
use crate::report::sanitize;
use std::fmt::Write as _;

/// One line for each preset: its name, the commands that it is for, what it is about.
pub fn all(catalog: &Catalog) -> String {
    let entries: Vec<Entry> = catalog.names().iter().filter_map(|name| catalog.find(name)).collect();
    let rows = entries.iter().map(|Entry { definition, .. }| {
        let commands = definition.commands.join(", ");
        (definition.name.as_str(), definition.about.as_str(), commands)
    });
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, about, commands) in rows {
        let commands = if commands.is_empty() { String::new() } else { format!(" [{commands}]") };
        let _infallible = writeln!(text, "{name:width$}  {about}{commands}");
    }
    sanitize::lines(&text)
}

/// A preset with its rules and their sources.
pub fn one(entry: &Entry) -> String {
    let Entry { definition, path } = entry;
    let mut text = format!("{}: {}\n", definition.name, definition.about);
    let mut line = |what: &str, words: &str| {
        let _infallible = writeln!(text, "{what}: {words}");
    };
    line("commands", &definition.commands.join(", "));
    match path {
        Some(path) => line("file", &path.display().to_string()),
        None => line("file", &format!("built-in (presets/{}.toml)", definition.name)),
    }
    definition.sources.iter().for_each(|source| line("source", source));
    for (PresetRule { then, codes, side, pattern }, why) in &definition.rules {
        let then = match then {
            PresetThen::Retry => "retry",
            PresetThen::Stop => "stop",
        };
        let side = match (side, pattern) {
            (_, None) => String::new(),
            (Side::Stdout, _) => ", on stdout".to_owned(),
            (Side::Stderr, _) => ", on stderr".to_owned(),
            (Side::Both, _) => ", on stdout or stderr".to_owned(),
        };
        let _infallible = writeln!(text, "\n{then}: {why}\n  exit {}{side}", codes_text(codes));
        if let Some(pattern) = pattern {
            let _infallible = writeln!(text, "  {pattern}");
        }
    }
    sanitize::lines(&text)
}

fn codes_text(codes: &Codes) -> String {
    match codes {
        Codes::Nonzero => "nonzero".to_owned(),
        Codes::Of(ranges) => {
            let range = |(low, high): &(ExitCode, ExitCode)| {
                if low == high { display(*low) } else { format!("{}-{}", display(*low), display(*high)) }
            };
            ranges.iter().map(range).collect::<Vec<_>>().join(",")
        }
    }
}
