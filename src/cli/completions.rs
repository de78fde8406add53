//! The completions. clap_complete generates those for the flags of retry. This adds useful values, and the command line
//! from the command on, which the shell completes as if retry were not there.
//!
//! The script for that is beside this file, one for each shell; the data about the flags is filled in from the model.

use super::presets;
use crate::core::signal::HAS_SIGNALS;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, ValueHint};
use clap_complete::Shell;

/// The words of a set that are no presets. A list of all codes and signals would be useless.
const SET: [&str; 4] = ["nonzero", "signal", "timeout", "spawn"];
const JITTER: [&str; 6] = ["full", "equal", "decorrelated", "none", "20%", "+-0.3"];
const SIGNALS: [&str; 8] = ["TERM", "INT", "HUP", "QUIT", "KILL", "ABRT", "USR1", "USR2"];

/// completions/retry.bash
pub fn bash(model: Command) -> String {
    let flags = Flags::of(&model);
    let own = clap_complete(model, Shell::Bash).replacen("_retry() {", "_retry_options() {", 1);
    let (function, registration) = own.split_at(own.rfind("\nif [[").unwrap_or(own.len()));
    let ours = fill(include_str!("completions/command.bash"), &flags)
        .replace("@SET_FLAGS@", &flags.sets.join(" | "))
        .replace("@SET@", &set_words().join(" "));
    [function, &ours, registration.trim_start()].concat()
}

/// completions/_retry
pub fn zsh(model: Command) -> String {
    let mut script = String::new();
    let set = set_words().join(" ");
    for line in clap_complete(model, Shell::Zsh).lines() {
        if line.starts_with("'*::command") {
            // (-) ends retry's options, and *:: shifts the words so that the command comes first.
            script += "'(-)1:command:_command_names -e' \\\n'*::arguments:_normal' \\";
        } else {
            script += &line.replace(&format!("({set})"), &format!("_sequence compadd - {set}"));
        }
        script.push('\n');
    }
    script
}

/// completions/retry.fish
pub fn fish(model: Command) -> String {
    let ours = fill(include_str!("completions/command.fish"), &Flags::of(&model));
    let words = set_words();
    let set = words.iter().map(|word| format!("{word}\\t''")).collect::<Vec<_>>().join("\n");
    let own = clap_complete(model, Shell::Fish)
        .replace("complete -c retry ", "complete -c retry -n __retry_at_options ")
        .replace(&set, &format!("(__fish_complete_list , 'string join \\\\n {}')", words.join(" ")));
    format!("{ours}\n{own}")
}

/// completions/_retry.ps1
pub fn powershell(model: Command) -> String {
    let flags = Flags::of(&model);
    let cases = flags
        .values
        .iter()
        .map(|(flag, values)| format!("            '{flag}' {{ '{}' }}", values.join("', '")))
        .collect::<Vec<_>>();
    let ours = fill(include_str!("completions/command.ps1"), &flags).replace("@VALUES@", &cases.join("\n"));
    insert_before(&clap_complete(model, Shell::PowerShell), "    $command = @(", &ours)
}

/// completions/retry.elv
pub fn elvish(model: Command) -> String {
    let flags = Flags::of(&model);
    let pairs = flags
        .values
        .iter()
        .map(|(flag, values)| format!("        &{flag}=['{}']", values.join("' '")))
        .collect::<Vec<_>>();
    let ours = fill(include_str!("completions/command.elv"), &flags).replace("@VALUES@", &pairs.join("\n"));
    // The completion of sudo completes a command and its arguments.
    let end = "    if $at-command {
        var rest = $words[$i..]
        edit:complete-sudo sudo $@rest
    } elif (> $i $last) {
        if (has-key $values $option) {
            all $values[$option]
        }
    } else {
        $completions[$command]
    }\n}";
    insert_before(&clap_complete(model, Shell::Elvish), "    var command = 'retry'", &ours)
        .replace("    $completions[$command]\n}", end)
}

fn clap_complete(model: Command, shell: Shell) -> String {
    let mut model = model.mut_args(suggest);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut model, "retry", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Gives a flag the values to offer. They need not be complete, because nothing is parsed with the changed model.
fn suggest(arg: Arg) -> Arg {
    let values = match value_name(&arg) {
        "SET" => set_words(),
        "J" => JITTER.to_vec(),
        "SIG" if HAS_SIGNALS => SIGNALS.to_vec(),
        _ if arg.get_id() == "list_presets" => presets::names().collect(),
        _ if arg.get_action().takes_values()
            && arg.get_possible_values().is_empty()
            && arg.get_value_hint() == ValueHint::Unknown =>
        {
            // A number or a duration. Without a hint, shells offer files.
            return arg.value_hint(ValueHint::Other);
        }
        _ => return arg,
    };
    arg.value_parser(PossibleValuesParser::new(values))
}

/// The values to offer for a set.
fn set_words() -> Vec<&'static str> {
    SET.into_iter().filter(|word| HAS_SIGNALS || *word != "signal").chain(presets::names()).collect()
}

fn value_name(arg: &Arg) -> &str {
    arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str())
}

/// What a shell needs to know about the flags to find the command behind them.
struct Flags {
    /// The flags whose value is the next word: `-r`, `--retries`, ...
    valued: Vec<String>,
    /// The letters of the flags without a value, which can stand before another letter: `-qr 3`.
    switches: String,
    /// The flags with a set.
    sets: Vec<String>,
    /// The values to offer, by flag.
    values: Vec<(String, Vec<String>)>,
}

impl Flags {
    fn of(model: &Command) -> Self {
        let mut flags =
            Self { valued: Vec::new(), switches: String::new(), sets: Vec::new(), values: Vec::new() };
        for arg in model.get_arguments().filter(|arg| !arg.is_positional()) {
            let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
            let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
            let names: Vec<String> = shorts
                .iter()
                .map(|short| format!("-{short}"))
                .chain(longs.iter().map(|long| format!("--{long}")))
                .collect();
            if !arg.get_action().takes_values() {
                flags.switches.extend(shorts);
                continue;
            }
            if value_name(arg) == "SET" {
                flags.sets.extend(names.clone());
            }
            let values = suggest(arg.clone()).get_possible_values();
            let values: Vec<String> = values.iter().map(|value| value.get_name().to_owned()).collect();
            if !values.is_empty() {
                flags.values.extend(names.iter().map(|name| (name.clone(), values.clone())));
            }
            let needs_value = arg.get_num_args().is_none_or(|values| values.min_values() > 0);
            if needs_value && !arg.is_require_equals_set() {
                flags.valued.extend(names);
            }
        }
        flags
    }
}

fn fill(script: &str, flags: &Flags) -> String {
    let quoted: Vec<String> = flags.valued.iter().map(|name| format!("'{name}'")).collect();
    script
        .replace("@(@VALUED@)", &format!("@({})", quoted.join(", ")))
        .replace("@VALUED@", &flags.valued.join(" "))
        .replace("@SWITCHES@", &flags.switches)
}

fn insert_before(script: &str, line: &str, text: &str) -> String {
    let (before, after) = script.split_at(script.find(line).unwrap_or(script.len()));
    [before, text, after].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{args::Args, sets, values};
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn offered_values_are_valid() {
        assert!(set_words().iter().all(|word| sets::outcome_set(word).is_ok()));
        assert!(JITTER.iter().all(|word| values::jitter(word).is_ok()));
        assert!(SIGNALS.iter().all(|word| values::signal(word).is_ok() == HAS_SIGNALS));
    }

    /// A newer clap_complete may generate other scripts, without the places at which ours are inserted.
    #[test]
    fn every_script_is_joined_with_ours() {
        let mut model = Args::command();
        model.build();
        assert!(bash(model.clone()).starts_with("_retry_options() {"));
        assert!(bash(model.clone()).contains("\n}\n\nif [[ \"${BASH_VERSINFO"));
        assert!(zsh(model.clone()).contains("\n'*::arguments:_normal' \\\n&& ret=0"));
        assert!(zsh(model.clone()).contains(":SET:_sequence compadd"));
        assert!(fish(model.clone()).contains("\ncomplete -c retry -n __retry_at_options -s r"));
        assert!(fish(model.clone()).contains("(__fish_complete_list"));
        assert!(powershell(model.clone()).contains("    }\n\n    $command = @("));
        assert!(elvish(model.clone()).contains(")\n    var command = 'retry'"));
        assert!(elvish(model).contains("        $completions[$command]\n    }"));
    }
}
