//! `-h` and `--help`. Both have one line for each flag: `-h` the common ones, `--help` all of them, in groups. The man
//! page has the rest.

use super::texts;
use super::{unsupported_flags, windows};
use crate::core::system::System;
use clap::builder::StyledStr;
use clap::{Arg, Command};

/// Which help was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// `-h`
    Short,
    /// `--help`
    Long,
}

/// The help. Its lines are as wide as the terminal.
pub fn text(model: Command, help: Help, system: System) -> StyledStr {
    let model = for_system(model, system);
    let mut shown = match (help, system) {
        (Help::Short, System::Unix) => model.mut_args(|arg| arg.help_heading("Options")),
        (Help::Short, System::Windows) => {
            model.mut_args(|arg| arg.help_heading("Options")).after_help(windows::AFTER_SHORT)
        }
        (Help::Long, _) => {
            let about = model.get_long_about().cloned().unwrap_or_default();
            model
                .mut_args(|arg| arg.hide_short_help(false).hide_possible_values(false))
                .about(about)
                .after_help(texts::after_long_help(system))
        }
    };
    shown.render_help()
}

/// The model with the flags that do something on this system, for completions. They offer hidden flags as well.
pub fn for_completions(model: Command, system: System) -> Command {
    match system {
        System::Unix => model,
        System::Windows => {
            let model = for_system(model, system);
            let is_offered = |arg: &&Arg| arg.is_positional() || !arg.is_hide_set();
            let offered: Vec<Arg> = model.get_arguments().filter(is_offered).cloned().collect();
            let model = Command::new("retry").version(env!("CARGO_PKG_VERSION")).args(offered);
            model.disable_help_flag(true).disable_version_flag(true)
        }
    }
}

/// The model with what the flags do on this system. The man page is the same everywhere.
fn for_system(model: Command, system: System) -> Command {
    match system {
        System::Unix => model,
        System::Windows => model.mut_args(|arg| on_windows(arg, system)),
    }
}

fn on_windows(arg: Arg, system: System) -> Arg {
    let flag = arg.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    if unsupported_flags(system).contains(&flag.as_str()) {
        return arg.hide(true);
    }
    match windows::HELP.iter().find(|(name, _)| *name == flag) {
        Some((_, line)) => arg.help(*line),
        None => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Args;
    use super::*;
    use clap::CommandFactory;

    fn shown(help: Help, system: System) -> String {
        text(Args::command(), help, system).to_string()
    }

    #[test]
    fn the_help_of_windows_has_no_word_of_unix() {
        for help in [Help::Short, Help::Long] {
            let text = shown(help, System::Windows);
            for word in [
                "signal",
                "SIG",
                "KILL",
                "TERM",
                "journald",
                "syslog",
                "man -l",
                " ./",
                "sh -c",
                "/dev/",
                "nc -z",
                "hell command",
                "redis+unix",
                "$XDG",
            ] {
                assert!(!text.contains(word), "{word}: {text}");
            }
            assert!(text.contains("0xC0000005"), "{text}");
        }
        let long = shown(Help::Long, System::Windows);
        for part in
            ["stderr or a file", "Ctrl-Break", "cmd /c", "powershell -Command", "--generate text | more"]
        {
            assert!(long.contains(part), "{part}: {long}");
        }
    }

    #[test]
    fn the_help_of_unix_has_every_flag() {
        let long = shown(Help::Long, System::Unix);
        for part in ["--timeout-signal", "journald", "man retry", "nc -z"] {
            assert!(long.contains(part), "{part}: {long}");
        }
        assert!(shown(Help::Short, System::Unix).contains("man retry"));
    }

    #[test]
    fn the_completions_of_windows_lack_what_does_nothing() {
        for (system, offered) in [(System::Unix, true), (System::Windows, false)] {
            let mut model = for_completions(Args::command(), system);
            model.build();
            let script = super::super::completions::powershell(model);
            assert_eq!(script.contains("timeout-signal"), offered, "{system:?}");
            assert!(script.contains("'--kill-after'") && script.contains("'--retries'"), "{script}");
        }
    }

    /// A line for a flag that has another name by now would not be shown.
    #[test]
    fn every_line_belongs_to_a_flag() {
        let model = Args::command();
        let names = windows::HELP.iter().chain(windows::VALUES).map(|(name, _)| *name);
        for name in names.chain(windows::UNSUPPORTED_FLAGS.iter().copied()) {
            assert!(model.get_arguments().any(|arg| arg.get_long() == name.strip_prefix("--")), "{name}");
        }
        // The default is part of the line.
        for (name, line) in windows::HELP {
            let arg = model.get_arguments().find(|arg| arg.get_long() == name.strip_prefix("--")).unwrap();
            let usual = arg.get_help().unwrap().to_string();
            let default = |line: &str| line.split_once('[').map(|(_, default)| default.to_owned());
            assert_eq!(default(line), default(&usual), "{name}");
        }
    }
}
