//! From the words of an invocation to a plan to run, or a text to print.

use super::args::{Args, Format};
use super::environment::{self, Settings};
use super::help::{self, Help};
use super::plan::{catalog, location, machine, plan, verbosity};
use super::presets::list;
use super::{checks, dry_run, generate, meant, usage_error};
use crate::core::plan::{Plan, Verbosity};
use crate::core::shared::{Location, Name};
use crate::platform::program::SYSTEM;
use crate::platform::{console, stdio};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug)]
pub enum Invocation {
    Run(Box<Plan>),
    /// A text for stdout.
    Print(Vec<u8>),
    /// `--show-state`
    ShowState(ShowState),
    /// `--reset-state`
    ResetState(Location, Name),
    /// `--stats`
    Stats(Stats),
}

/// What `--show-state` was asked for.
#[derive(Debug)]
pub struct ShowState {
    pub location: Location,
    /// Where this machine keeps state while the server at `location` cannot be used.
    pub machine: Option<Location>,
    /// The form of what is printed.
    pub format: Format,
}

/// What `--stats` was asked for.
#[derive(Debug)]
pub struct Stats {
    /// Files that `--report` wrote; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// The form of what is printed.
    pub format: Format,
    /// The file for the page.
    pub html: Option<PathBuf>,
    /// Whether a message says what was left out.
    pub verbosity: Verbosity,
}

/// Parses the words of an invocation, the name of the program first, and the settings in the environment. The error is
/// the line of a usage error.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(command) = command_alone(&words)
        && !environment::has_settings()
    {
        let args = Args { command: command.to_vec(), ..Args::default() };
        return plan(args, Settings::default()).map(|plan| Invocation::Run(Box::new(plan)));
    }
    parse_options(&words)
}

// Not inlined: its stack frame is two pages, which an invocation without options need not touch.
#[inline(never)]
fn parse_options(words: &[OsString]) -> Result<Invocation, String> {
    let mut model = Args::command();
    if words.len() <= 1 {
        return Err(format!("{}\nTry 'retry -h'.", model.render_usage()));
    }
    let matches = match model.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Invocation::Print(rendered(&error)));
        }
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            return Err(usage_error::line_for_not_utf8(&model, words));
        }
        Err(error) => return Err(usage_error::line(&error, &model, words)),
    };
    let (matches, settings) = environment::merge(&mut model, matches, words)?;
    let args = Args::from_arg_matches(&matches).map_err(|error| usage_error::line(&error, &model, words))?;
    if let Some(what) = args.generate {
        return Ok(Invocation::Print(generate::generate(model, what)));
    }
    check_value_apart(&args, words)?;
    let format = args.log_format.unwrap_or_default();
    // The default would be the state of someone else, and --reset-state would forget it.
    if let Some(bad) = settings.bad("state")
        && (args.show_state || args.reset_state.is_some())
    {
        return Err(format!("retry: {bad}"));
    }
    if args.show_state {
        let location = location(&args, &settings);
        let machine = machine(&location);
        return Ok(Invocation::ShowState(ShowState { location, machine, format }));
    }
    if let Some(name) = &args.reset_state {
        return Ok(Invocation::ResetState(location(&args, &settings), Name::from(name.as_os_str())));
    }
    if let Some(name) = &args.list_presets {
        return list_presets(name.as_deref(), &args, &settings).map(Invocation::Print);
    }
    if !args.stats.is_empty() {
        let verbosity = verbosity(&args);
        checks::check_page(&args)?;
        let Args { stats: files, html, .. } = args;
        return Ok(Invocation::Stats(Stats { files, format, html, verbosity }));
    }
    if args.html.is_some() {
        return Err(format!(
            "retry: --html needs --stats. Example: --stats {} --html {}",
            usage_error::example("--stats"),
            usage_error::example("--html")
        ));
    }
    let dry = args.dry_run;
    let mut plan = plan(args, settings)?;
    plan.if_not_found = meant::by_command(&model, words, &plan.command);
    Ok(match (dry, format) {
        (false, _) => Invocation::Run(Box::new(plan)),
        (true, Format::Text) => Invocation::Print(dry_run::text(&plan).into_bytes()),
        (true, Format::Json) => Invocation::Print(dry_run::json(&plan).into_bytes()),
    })
}

/// `--retry-after both COMMAND` would run `both`, because the value follows a `=`.
fn check_value_apart(args: &Args, words: &[OsString]) -> Result<(), String> {
    let before = words.len().checked_sub(args.command.len() + 1).and_then(|index| words.get(index));
    match args.command.first().and_then(|word| word.to_str()) {
        Some(stream @ ("stderr" | "stdout" | "both"))
            if before.is_some_and(|word| word == "--retry-after") =>
        {
            Err(format!("retry: --retry-after takes its value after a =. Example: --retry-after={stream}"))
        }
        _ => Ok(()),
    }
}

/// The command of an invocation without options. The model of the flags, half the cost of a start (benches/README.md), is
/// not built for it.
fn command_alone(words: &[OsString]) -> Option<&[OsString]> {
    let command = match words.get(1)?.as_encoded_bytes() {
        b"--" => words.get(2..)?,
        [b'-', ..] => return None,
        _ => words.get(1..)?,
    };
    (!command.is_empty()).then_some(command)
}

/// Help or the version as clap renders it, in colour on a terminal only.
fn rendered(error: &clap::Error) -> Vec<u8> {
    let text = match error.kind() {
        ErrorKind::DisplayHelp => {
            let mut model = Args::command();
            let is_short = error.to_string() == model.render_help().to_string();
            help::text(model, if is_short { Help::Short } else { Help::Long }, SYSTEM)
        }
        _ => error.render(),
    };
    let stdout = stdio::stdout();
    let is_colored = stdio::is_terminal(stdout) && console::understands_escapes(stdout);
    if is_colored { text.ansi().to_string() } else { text.to_string() }.into_bytes()
}

/// The output of `--list-presets`.
fn list_presets(name: Option<&str>, args: &Args, settings: &Settings) -> Result<Vec<u8>, String> {
    // Without the file of RETRY_PRESET_FILE, the answer would not be the one that was asked for.
    let catalog = catalog(args, settings).map_err(|line| format!("retry: {line}"))?;
    let Some(name) = name else { return Ok(list::all(&catalog).into_bytes()) };
    let entry = catalog.find(name).ok_or_else(|| {
        let why = format!("must be one of {}", catalog.names().join(", "));
        usage_error::line_for_value("--list-presets", name, &why)
    });
    Ok(list::one(&entry?).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::unsupported_flags;
    use super::*;

    fn plan_of(words: &[&str]) -> String {
        let words = std::iter::once("retry").chain(words.iter().copied()).map(OsString::from);
        match parse(words) {
            // Each run has its own identifier.
            Ok(Invocation::Run(plan)) => format!("{:#?}", Plan { run_id: String::new(), ..*plan }),
            other => panic!("{other:?}"),
        }
    }

    /// The defaults are in `core`, and their description is in the help.
    #[test]
    fn the_defaults_are_what_the_help_says() {
        // Some options do nothing without another one.
        let others = ["--breaker=b", "--budget=b", "--retry-after", "--breaker-rate=50%"];
        for beside in [&[][..], &others[..3], &others] {
            let mut described = 0;
            for option in Args::command().get_arguments() {
                let help = option.get_help().map(ToString::to_string).unwrap_or_default();
                let Some((_, default)) = help.split_once("[default: ") else { continue };
                let default = default.split([']', ',', ' ']).next().unwrap_or_default();
                let given = format!("--{}={default}", option.get_long().expect("a long name"));
                let needs = [
                    ("--breaker-min", "--breaker-rate=50%"),
                    ("--breaker-window", "--breaker-rate=50%"),
                    ("--breaker-", "--breaker=b"),
                    ("--budget-", "--budget=b"),
                    ("--max-retry", "--retry-after"),
                ];
                let needed = needs.iter().find(|(start, _)| given.starts_with(start));
                let is_idle = needed.is_some_and(|(_, other)| !beside.contains(other));
                let conflicts = given.starts_with("--breaker-failures") && beside.contains(&others[3]);
                let flag = given.split('=').next().unwrap_or_default();
                if is_idle || conflicts || unsupported_flags(SYSTEM).contains(&flag) {
                    continue;
                }
                let with = [beside, &[&given, "true"]].concat();
                let without = [beside, &["true"]].concat();
                // A --max-delay that is given does not depend on --base, and a success rule that is given has a text.
                if !["--max-delay=60", "--success-on=0"].contains(&given.as_str()) {
                    assert_eq!(plan_of(&with), plan_of(&without), "{given}");
                }
                described += 1;
            }
            assert!(described >= 14, "{described}");
        }
    }

    #[test]
    fn a_command_alone_keeps_its_words() {
        for (words, command) in [
            (&["true"][..], Some(&["true"][..])),
            (&["--", "-x", "--"], Some(&["-x", "--"])),
            (&["true", "--help"], Some(&["true", "--help"])),
            (&[""], Some(&[""])),
            (&["--"], None),
            (&["-v", "true"], None),
            (&["-"], None),
            (&[], None),
        ] {
            let words: Vec<OsString> = ["retry"].iter().chain(words).map(OsString::from).collect();
            let command = command.map(|words| words.iter().map(OsString::from).collect::<Vec<_>>());
            assert_eq!(command_alone(&words), command.as_deref(), "{words:?}");
        }
    }
}
