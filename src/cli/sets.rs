//! Sets of outcomes as they are typed: `7,28`, `5-7`, `SIGKILL`, `nonzero`, `curl`.

use crate::core::policy::{Condition, Item, Set};
use crate::core::preset::PRESETS;
use crate::core::signal::Signal;

/// Reads a comma-separated set.
///
/// # Errors
/// A fragment that says which item is wrong.
pub fn set(text: &str) -> Result<Set, String> {
    let item = |part: &str| {
        let text = part.trim();
        condition(text).map(|condition| Item { text: text.to_owned(), condition })
    };
    text.split(',').map(item).collect::<Result<_, _>>().map(Set)
}

fn condition(text: &str) -> Result<Condition, String> {
    match text {
        "" => return Err("an item is empty".to_owned()),
        "nonzero" => return Ok(Condition::Nonzero),
        "signal" => return Ok(Condition::AnySignal),
        "timeout" => return Ok(Condition::Timeout),
        "spawn" => return Ok(Condition::Spawn),
        _ => {}
    }
    if let Some(preset) = PRESETS.iter().find(|preset| preset.name == text) {
        return Ok(Condition::Preset(preset));
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
        return codes(text);
    }
    Signal::parse(text).map(Condition::Signal).ok_or_else(|| {
        let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        format!(
            "'{text}' is no exit status, name of a signal, nonzero, signal, timeout, spawn or preset ({})",
            presets.join(", ")
        )
    })
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
        let set = set("7, 5-9,SIGKILL,kill,nonzero,signal,timeout,spawn,curl").unwrap();
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
                &Condition::Preset(&PRESETS[0]),
            ]
        );
        assert_eq!(set.0[2].text, "SIGKILL");
    }

    #[test]
    fn the_help_names_every_preset() {
        use clap::CommandFactory;
        let model = crate::cli::args::Args::command();
        let flag = model.get_arguments().find(|arg| arg.get_id() == "retry_on").unwrap();
        let help = flag.get_long_help().unwrap().to_string();
        for preset in PRESETS {
            assert!(help.contains(&format!("`{}`", preset.name)), "{}", preset.name);
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
            let error = set(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
