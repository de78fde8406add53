//! Sets of outcomes as they are typed: `7,28`, `5-7`, `SIGKILL`, `nonzero`, `curl`, `auto`.

use super::presets::{self, Shelf, command, file};
use crate::core::outcome::TIMED_OUT;
use crate::core::rules::{Condition, Item, Set};
use crate::core::signal::Signal;
use std::ffi::OsString;

/// A set as it is typed. Which presets there are is known only when all flags are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed(Vec<(String, Word)>);

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Condition(Condition),
    /// The name of a preset, or of nothing.
    Preset,
    Auto,
}

/// Reads a comma-separated set.
///
/// # Errors
/// A fragment that says which item is wrong.
pub fn set(text: &str) -> Result<Typed, String> {
    let item = |part: &str| {
        let text = part.trim();
        word(text).map(|word| (text.to_owned(), word))
    };
    text.split(',').map(item).collect::<Result<_, _>>().map(Typed)
}

impl Typed {
    /// The set, with the presets that it names, for this command.
    ///
    /// # Errors
    /// A fragment that says which item is wrong.
    pub fn resolve(self, presets: &Shelf, command: &[OsString]) -> Result<Set, String> {
        let condition = |(text, word): (String, Word)| {
            let condition = match word {
                Word::Condition(condition) => condition,
                Word::Preset => match presets.preset(&text, command) {
                    Some(preset) => Condition::Preset(preset),
                    None => return Err(unknown(&text, &presets.names())),
                },
                Word::Auto => {
                    let name = presets.for_command(command).0;
                    let preset = name.and_then(|name| presets.preset(&name, command));
                    preset.map_or(Condition::Auto, Condition::Preset)
                }
            };
            Ok(Item { text, condition })
        };
        // timeout(1) around the tool is its time limit, as --timeout is, and says so with a status of its own.
        let own_limit = (self.is_automatic() && command::has_time_limit(command))
            .then(|| Item { text: "auto".to_owned(), condition: Condition::Code(TIMED_OUT) });
        let mut items = self.0.into_iter().map(condition).collect::<Result<Vec<_>, _>>()?;
        items.extend(own_limit);
        Ok(Set(items))
    }

    /// Whether one of its items is `auto`.
    pub fn is_automatic(&self) -> bool {
        self.0.iter().any(|(_, word)| *word == Word::Auto)
    }

    /// As typed.
    pub fn text(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(",")
    }
}

fn word(text: &str) -> Result<Word, String> {
    let condition = match text {
        "" => return Err("an item is empty".to_owned()),
        "auto" => return Ok(Word::Auto),
        "nonzero" => Condition::Nonzero,
        "signal" => Condition::AnySignal,
        "timeout" => Condition::Timeout,
        "spawn" => Condition::Spawn,
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => codes(text)?,
        _ => match Signal::parse(text) {
            Some(signal) => Condition::Signal(signal),
            None if file::is_name(text) => return Ok(Word::Preset),
            None => return Err(unknown(text, &presets::names().map(str::to_owned).collect::<Vec<_>>())),
        },
    };
    Ok(Word::Condition(condition))
}

fn unknown(text: &str, presets: &[String]) -> String {
    format!(
        "'{text}' is no exit status, name of a signal, nonzero, signal, timeout, spawn, auto or preset ({})",
        presets.join(", ")
    )
}

fn codes(text: &str) -> Result<Condition, String> {
    let code = |part: &str| {
        part.trim().parse::<u8>().map_err(|_| match part.trim().parse() {
            Ok(400..=599_u16) => {
                format!(
                    "'{text}' is no exit status; HTTP statuses are looked at by the presets curl and wget"
                )
            }
            _ => format!("'{text}' is no exit status from 0 to 255, nor a range of them"),
        })
    };
    match text.split_once('-') {
        None => code(text).map(Condition::Code),
        Some((low, high)) => {
            let (low, high) = (code(low)?, code(high)?);
            if low > high {
                return Err(format!("the range '{text}' runs backwards"));
            }
            Ok(Condition::Codes(low, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_and_keep_their_words() {
        let typed = set("7, 5-9,SIGKILL,kill,nonzero,signal,timeout,spawn,auto").unwrap();
        let set = typed.resolve(&Shelf::default(), &["make".into()]).unwrap();
        let conditions: Vec<_> = set.0.iter().map(|item| &item.condition).collect();
        assert_eq!(
            conditions,
            [
                &Condition::Code(7),
                &Condition::Codes(5, 9),
                &Condition::Signal(Signal::SIGKILL),
                &Condition::Signal(Signal::SIGKILL),
                &Condition::Nonzero,
                &Condition::AnySignal,
                &Condition::Timeout,
                &Condition::Spawn,
                &Condition::Auto,
            ]
        );
        assert_eq!(set.0[2].text, "SIGKILL");
    }

    #[test]
    fn auto_is_the_preset_of_the_command() {
        let preset = |line: &str| {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let set = set("auto,75").unwrap().resolve(&Shelf::default(), &command).unwrap();
            match &set.0[0].condition {
                Condition::Preset(preset) => preset.name().to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(preset("sudo timeout 5 git fetch"), "git");
        assert_eq!(preset("make"), "Auto");
    }

    #[test]
    fn the_help_names_every_preset() {
        use clap::CommandFactory;
        let model = crate::cli::args::Args::command();
        let flag = model.get_arguments().find(|arg| arg.get_id() == "retry_on").unwrap();
        let help = flag.get_long_help().unwrap().to_string();
        for name in presets::names() {
            assert!(help.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn what_is_no_item_is_named() {
        for (text, named) in [
            ("", "empty"),
            ("7,", "empty"),
            ("256", "'256'"),
            ("-1", "'-1'"),
            ("9-5", "backwards"),
            ("7,curll", "'curll'"),
            ("SIGNOPE", "'SIGNOPE'"),
            ("1-2-3", "'1-2-3'"),
        ] {
            let resolved = set(text).and_then(|set| set.resolve(&Shelf::default(), &[]));
            let error = resolved.unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
