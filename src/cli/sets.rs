//! The values of `--retry-on`, `--stop-on` and `--success-on`: `7,28`, `5-7`, `SIGKILL`, `nonzero`, `curl`, `auto`.

use super::presets::{Catalog, command, file};
use crate::core::condition::Condition;
use crate::core::exit_code;
use crate::core::outcome::TIMED_OUT;
use crate::core::rules::{Rule, Then};
use crate::core::signal::{HAS_SIGNALS, Signal};
use std::ffi::OsString;

/// A value of `--retry-on` and its kin. Its presets are looked up when all flags are parsed, because `--preset-file`
/// and the command decide which presets there are.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeSet(Vec<Item>);

/// One item of a set, with its text.
#[derive(Debug, Clone, PartialEq)]
struct Item {
    text: String,
    kind: ItemKind,
}

#[derive(Debug, Clone, PartialEq)]
enum ItemKind {
    Condition(Condition),
    /// The name of a preset, if one has this name.
    Preset,
    Auto,
}

/// Parses a comma-separated set.
///
/// # Errors
/// A fragment that names the item that is wrong.
pub fn outcome_set(text: &str) -> Result<OutcomeSet, String> {
    let item = |part: &str| {
        let text = part.trim();
        Ok(Item { kind: item_kind(text)?, text: text.to_owned() })
    };
    text.split(',').map(item).collect::<Result<_, _>>().map(OutcomeSet)
}

impl OutcomeSet {
    /// The rules of the set for this command, with the presets that it names.
    ///
    /// # Errors
    /// A fragment that names the item that is wrong.
    pub fn rules(&self, then: Then, catalog: &Catalog, command: &[OsString]) -> Result<Vec<Rule>, String> {
        let rule = |Item { text, kind }: &Item| {
            let condition = match kind {
                ItemKind::Condition(condition) => condition.clone(),
                ItemKind::Preset => match catalog.preset(text, command) {
                    Some(preset) => Condition::Preset(preset),
                    None => return Err(unknown(text)),
                },
                ItemKind::Auto => {
                    let name = catalog.for_command(command).0;
                    let preset = name.and_then(|name| catalog.preset(&name, command));
                    preset.map_or(Condition::Auto, Condition::Preset)
                }
            };
            Ok(Rule::on_outcome(then, text, condition))
        };
        let mut rules = self.0.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        // The time limit of timeout(1) around the tool counts as --timeout does, but has an exit status.
        if self.has_auto() && command::has_time_limit(command) {
            rules.push(Rule::on_outcome(then, "auto", Condition::Code(TIMED_OUT)));
        }
        Ok(rules)
    }

    /// Whether one of its items is `auto`.
    pub fn has_auto(&self) -> bool {
        self.0.iter().any(|item| item.kind == ItemKind::Auto)
    }

    /// The set as typed.
    pub fn text(&self) -> String {
        self.0.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(",")
    }
}

fn item_kind(text: &str) -> Result<ItemKind, String> {
    let condition = match text {
        "" => return Err("empty item in the list".to_owned()),
        "auto" => return Ok(ItemKind::Auto),
        "nonzero" => Condition::Nonzero,
        "signal" if HAS_SIGNALS => Condition::AnySignal,
        "timeout" => Condition::Timeout,
        "spawn" => Condition::Spawn,
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => codes(text)?,
        _ => match Signal::parse(text) {
            Some(signal) => Condition::Signal(signal),
            None if file::is_name(text) => return Ok(ItemKind::Preset),
            None => return Err(unknown(text)),
        },
    };
    Ok(ItemKind::Condition(condition))
}

fn unknown(text: &str) -> String {
    let (signal, why) =
        if HAS_SIGNALS { ("the name of a signal, ", "") } else { ("", "; Windows has no signals") };
    let any_signal = if HAS_SIGNALS { "signal, " } else { "" };
    format!(
        "'{text}' is not an exit status, {signal}nonzero, {any_signal}timeout, spawn, auto or a preset \
         (--list-presets shows them){why}"
    )
}

fn codes(text: &str) -> Result<Condition, String> {
    let code = |part: &str| {
        exit_code::parse(part.trim()).ok_or_else(|| match part.trim() {
            part if class_of_http(part).is_some() => {
                format!("'{part}' is an HTTP status, not an exit status")
            }
            _ => {
                format!("'{text}' is not an exit status (0 to {}) or a range of them", exit_code::MAX_TEXT)
            }
        })
    };
    match exit_code::ends_of_range(text) {
        None => code(text).map(Condition::Code),
        Some((low, high)) => {
            let (low, high) = (code(low)?, code(high)?);
            if low > high {
                let [low, high] = [low, high].map(exit_code::display);
                return Err(format!("the range '{text}' is reversed; use {high}-{low}"));
            }
            Ok(Condition::Codes(low, high))
        }
    }
}

/// `4` or `5` for an HTTP status of an error: `404`, `5xx`, `500-599`.
pub fn class_of_http(item: &str) -> Option<char> {
    let item = whole_class(item);
    let class = item.chars().next().filter(|class| "45".contains(*class))?;
    let is_class = item.get(1..).is_some_and(|rest| rest.eq_ignore_ascii_case("xx"));
    let is_status = item.len() == 3 && item.bytes().all(|byte| byte.is_ascii_digit());
    ((is_class || is_status) && exit_code::parse(item).is_none()).then_some(class)
}

/// `5xx` for `500-599`.
pub fn whole_class(item: &str) -> &str {
    match item {
        "400-499" => "4xx",
        "500-599" => "5xx",
        item => item,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::presets;
    use crate::core::rules::Rules;

    #[test]
    fn items_are_parsed_and_keep_their_text() {
        let set = outcome_set("7, 5-9,nonzero,timeout,spawn,auto").unwrap();
        let rules = Rules::new(set.rules(Then::Stop, &Catalog::default(), &["make".into()]).unwrap());
        let conditions: Vec<_> = rules.conditions(Then::Stop).collect();
        assert_eq!(
            conditions,
            [
                &Condition::Code(7),
                &Condition::Codes(5, 9),
                &Condition::Nonzero,
                &Condition::Timeout,
                &Condition::Spawn,
                &Condition::Auto,
            ]
        );
        let text = rules.set_text(Then::Stop);
        assert_eq!(text.as_deref(), Some("7,5-9,nonzero,timeout,spawn,auto"));
    }

    #[test]
    fn signals_are_items_where_there_are_some() {
        for (text, condition) in [
            ("SIGKILL", Condition::Signal(Signal::SIGKILL)),
            ("kill", Condition::Signal(Signal::SIGKILL)),
            ("signal", Condition::AnySignal),
        ] {
            let rules = outcome_set(text).and_then(|set| set.rules(Then::Stop, &Catalog::default(), &[]));
            if HAS_SIGNALS {
                assert_eq!(
                    Rules::new(rules.unwrap()).conditions(Then::Stop).next(),
                    Some(&condition),
                    "{text}"
                );
            } else {
                assert!(rules.unwrap_err().ends_with("; Windows has no signals"), "{text}");
            }
        }
    }

    #[test]
    fn auto_is_the_preset_of_the_command() {
        let preset = |line: &str| {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let set = outcome_set("auto,75").unwrap();
            let rules = Rules::new(set.rules(Then::Retry, &Catalog::default(), &command).unwrap());
            match rules.conditions(Then::Retry).next().unwrap() {
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
    fn a_wrong_item_is_named() {
        for (text, named) in [
            ("", "empty"),
            ("7,", "empty"),
            ("4294967296", "'4294967296'"),
            ("-4294967296", "'-4294967296'"),
            ("9-5", "is reversed; use 5-9"),
            ("7,curll", "'curll'"),
            ("SIGNOPE", "'SIGNOPE'"),
            ("1-2-3", "'1-2-3'"),
        ] {
            let rules = outcome_set(text).and_then(|set| set.rules(Then::Retry, &Catalog::default(), &[]));
            let error = rules.unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
