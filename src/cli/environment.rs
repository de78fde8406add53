//! Settings from the environment: `RETRY_` and the name of a flag in capitals sets that flag, by four rules. An empty
//! variable is unset. The command line wins, also where a flag on it conflicts with the setting. A list on the command
//! line replaces that of the variable. A bad value is a warning that names the variable, which is ignored: it may belong
//! to another program. (The `env` of clap has none of the four.)

use super::args::BackoffShape;
use super::{shown, usage_error, values};
use crate::core::plan::{GitHub, Terminal, Visibility};
use crate::core::shared::Location;
use crate::core::spelling::misspelt;
use crate::core::suggestions::option_elsewhere;
use crate::platform::{console, program, stdio, user};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueEnum as _};
use retry_loop::backoff::Jitter;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::PathBuf;

/// The flags with a value that cannot be set: they are about one invocation.
const NO_SETTINGS: [&str; 9] = [
    "generate",
    "command",
    "before_retry",
    "retry_if",
    "fallback",
    "reset_state",
    "list_presets",
    "stats",
    "html",
];

/// The longest `RETRY_RUN_ID` that is used, in bytes: services that take keys have similar limits.
const MAX_ID: usize = 128;

/// The flags about growth, which conflict with `--jitter decorrelated`.
pub const GROWTH: [&str; 3] = ["factor", "backoff", "delays"];

/// The flags without a value that can be set, with `1` or `true`.
const SWITCHES: [&str; 3] = ["quiet", "silent", "verbose"];

/// The variables that set a flag.
#[derive(Debug, Default)]
pub struct Settings {
    used: Vec<Setting>,
    /// What is wrong with variables that are not used, as messages.
    warnings: Vec<String>,
    /// The flags with a bad value, each with what is wrong.
    bad: Vec<(String, String)>,
}

impl Settings {
    /// Whether one of them sets this flag.
    pub fn has(&self, id: &str) -> bool {
        self.used.iter().any(|setting| setting.is_about(id))
    }

    /// A value with its flag or its variable: `--retries 3`, `RETRY_RETRIES=3`.
    pub fn given(&self, id: &str, value: impl Display) -> String {
        match self.variable(id) {
            Some(variable) => format!("{variable}={value}"),
            None => format!("{} {value}", flag(id)),
        }
    }

    /// The variable that sets this flag.
    pub fn variable(&self, id: &str) -> Option<&str> {
        self.used.iter().find(|setting| setting.is_about(id)).map(|setting| setting.variable.as_str())
    }

    /// One line for each, for `-v`: `RETRY_RETRIES=5 is used`.
    pub fn notes(&self) -> Vec<String> {
        self.used.iter().map(Setting::note).collect()
    }

    /// What is wrong with variables that are not used.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What is wrong with the value for this flag, which is not used.
    pub fn bad(&self, id: &str) -> Option<&str> {
        self.bad.iter().find(|(bad, _)| bad == id).map(|(_, warning)| warning.as_str())
    }

    /// Stops using the variable of this flag. `line` says what is wrong with it.
    pub fn ignore(&mut self, id: &str, line: String) {
        let Some(index) = self.used.iter().position(|setting| setting.is_about(id)) else { return };
        let Setting { variable, .. } = self.used.remove(index);
        self.warnings.push(format!("{line}; {variable} is ignored"));
        self.bad.push((id.to_owned(), line));
    }

    /// Ignores one of two variables that are about the same.
    fn ignore_beside(&mut self, id: &str, rival: &str) {
        if let (Some(name), Some(rival)) = (self.variable(id), self.variable(rival)) {
            self.ignore(id, format!("{name} cannot be used with {rival}"));
        }
    }

    /// Drops settings about growth that do not go with others: if `makes_idle` holds for the value of the flag `id`, the
    /// flags `idle` do nothing. clap does not know these conflicts, because they depend on a value.
    fn drop_idle(&mut self, matches: &ArgMatches, id: &str, makes_idle: fn(&OsStr) -> bool, idle: &[&str]) {
        let typed = |id: &str| matches.get_raw(id).and_then(Iterator::last);
        let is_set = self.used.iter().any(|setting| setting.is_about(id) && makes_idle(&setting.value));
        if typed(id).is_some_and(makes_idle) {
            self.used.retain(|setting| !idle.contains(&setting.id.as_str()));
        } else if is_set && idle.iter().any(|idle| typed(idle).is_some()) {
            self.used.retain(|setting| !setting.is_about(id));
        } else if is_set {
            for idle in idle {
                self.ignore_beside(idle, id);
            }
        }
    }

    /// Ignores the second one of two variables that conflict.
    fn drop_rivals(&mut self, model: &Command) {
        let ids: Vec<String> = self.used.iter().map(|setting| setting.id.clone()).collect();
        for (index, id) in ids.iter().enumerate() {
            let Some(arg) = model.get_arguments().find(|arg| arg.get_id() == id.as_str()) else { continue };
            let rivals = conflicts(model, arg);
            let is_rival = |id: &&String| rivals.iter().any(|rival| rival.get_id() == id.as_str());
            if let Some(rival) = ids[..index].iter().filter(is_rival).find(|rival| self.has(rival)) {
                self.ignore_beside(id, rival);
            }
        }
    }

    /// Ignores a variable. `line` says what is wrong with it.
    fn warn_of_value(&mut self, id: &str, line: String) {
        self.warnings.push(usage_error::ignored(&line));
        self.bad.push((id.to_owned(), line));
    }
}

#[derive(Debug)]
struct Setting {
    id: String,
    variable: String,
    value: OsString,
}

impl Setting {
    fn note(&self) -> String {
        let value = shown::visible(&self.flag(), &self.value.to_string_lossy());
        format!("{}={value} is used", self.variable)
    }

    fn is_about(&self, id: &str) -> bool {
        self.id == id
    }

    fn flag(&self) -> String {
        flag(&self.id)
    }

    /// `--retries=5`, or `--quiet`
    fn argument(&self) -> OsString {
        if SWITCHES.contains(&self.id.as_str()) {
            return self.flag().into();
        }
        let mut argument = OsString::from(format!("{}=", self.flag()));
        argument.push(&self.value);
        argument
    }
}

/// A variable of the environment. Unit tests have none, whatever is set.
#[expect(clippy::disallowed_methods, reason = "settings are read here")]
fn variable(name: &str) -> Option<OsString> {
    if cfg!(test) { None } else { std::env::var_os(name) }
}

/// A variable that is UTF-8.
fn text(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// Whether there may be a setting. Nearly every run has none.
pub fn has_settings() -> bool {
    !cfg!(test) && std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"RETRY_"))
}

/// Adds the settings to the flags that were parsed from `words`. The error is a usage error.
pub fn merge(
    model: &mut Command,
    matches: ArgMatches,
    words: &[OsString],
) -> Result<(ArgMatches, Settings), String> {
    if !has_settings() {
        return Ok((matches, Settings::default()));
    }
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // `--generate` takes no other flag, but a CI system may have set some.
    if model.get_arguments().any(|arg| arg.is_exclusive_set() && typed(arg.get_id().as_str())) {
        return Ok((matches, Settings::default()));
    }
    let mut settings = Settings::default();
    for arg in model.get_arguments().filter(|arg| is_setting(arg)) {
        let id = arg.get_id().to_string();
        let given = |name: String| Some((variable(&name).filter(|value| !value.is_empty())?, name));
        let Some((value, name)) = variables(arg).find_map(given) else { continue };
        if typed(&id) || conflicts(model, arg).iter().any(|c| typed(c.get_id().as_str())) {
            continue;
        }
        if SWITCHES.contains(&id.as_str()) {
            // Of the three the last one counts, and that is a typed one.
            if SWITCHES.into_iter().any(typed) {
                continue;
            }
            match switch(&value) {
                Some(true) => settings.used.push(Setting { id, variable: name, value }),
                Some(false) => {}
                None => {
                    let example = format!("{} 1", flag(&id));
                    let value = value.to_string_lossy();
                    settings.warn_of_value(
                        &id,
                        usage_error::bad_variable(&flag(&id), &name, &value, "must be 1 or 0", &example),
                    );
                }
            }
            continue;
        }
        let setting = Setting { id, variable: name, value };
        let alone = [OsString::from("retry"), setting.argument(), "--".into(), "true".into()];
        if let Err(error) = model.clone().try_get_matches_from_mut(alone) {
            let Setting { variable, value, .. } = &setting;
            settings.warn_of_value(
                &setting.id,
                usage_error::about_variable(&error, model, &setting.flag(), variable, value),
            );
            continue;
        }
        settings.used.push(setting);
    }
    settings.drop_idle(&matches, "jitter", is_decorrelated, &GROWTH);
    settings.drop_idle(&matches, "backoff", has_no_factor, &["factor"]);
    settings.drop_rivals(model);
    settings.warnings.extend(unknown_variables(model));
    let program = words.iter().take(1).cloned();
    let all = program.chain(settings.used.iter().map(Setting::argument)).chain(words.iter().skip(1).cloned());
    let matches =
        model.try_get_matches_from_mut(all).map_err(|error| usage_error::line(&error, model, words))?;
    Ok((matches, settings))
}

/// The variables that set a flag: `RETRY_RETRIES`, then `RETRY_ATTEMPTS`.
fn variables(arg: &Arg) -> impl Iterator<Item = String> {
    let names = arg.get_long_and_visible_aliases().unwrap_or_default();
    names.into_iter().map(variable_of)
}

/// `RETRY_MAX_DELAY` for `max-delay`.
fn variable_of(name: &str) -> String {
    format!("RETRY_{}", name.replace('-', "_").to_ascii_uppercase())
}

/// What a flag without a value is set to; `None` if the words do not say.
fn switch(value: &OsStr) -> Option<bool> {
    match value.to_str()?.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Warnings of variables that begin with `RETRY_` and are neither a setting nor something that `retry` sets for its
/// command. The outermost `retry` says so, and those inside it need not.
fn unknown_variables(model: &Command) -> Vec<String> {
    if depth() > 0 {
        return Vec::new();
    }
    let settings: Vec<String> =
        model.get_arguments().filter(|arg| is_setting(arg)).flat_map(variables).collect();
    let mut names: Vec<String> = std::env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("RETRY_"))
        .filter(|name| !settings.contains(name))
        .filter(|name| !FOR_THE_COMMAND.contains(&name.as_str()) || is_meant_for_us(name))
        .collect();
    names.sort_unstable();
    let as_option = |name: &String| flag(&name.strip_prefix("RETRY_").unwrap_or(name).to_ascii_lowercase());
    let options: Vec<String> = settings.iter().map(as_option).collect();
    let said = |name: String| {
        let option = as_option(&name);
        if name == MAX_ATTEMPTS {
            return format!("ignoring {name}, which retry sets for its command; did you mean RETRY_RETRIES?");
        }
        let is_flag = model.get_arguments().any(|arg| arg.get_long() == option.strip_prefix("--"));
        if is_flag {
            return format!("ignoring {name}: {option} works on the command line only");
        }
        let meant = match (option_elsewhere(program::SYSTEM, &option), option.as_str()) {
            (Some(row), _) => row.meant(),
            // `-O` is a form of this flag.
            (None, "--o") => Some(("--stdout", None)),
            (None, _) => misspelt(&option, options.iter().map(String::as_str)).map(|option| (option, None)),
        };
        let meant = meant.map(|(option, value)| (variable_of(option.trim_start_matches("--")), value));
        let shown = shown::escaped(&name);
        match meant.filter(|(meant, _)| settings.contains(meant)) {
            Some((meant, value)) => {
                let value = value.map(|value| format!("={value}")).unwrap_or_default();
                format!("ignoring {shown}, which is not a setting; did you mean {meant}{value}?")
            }
            None => format!("ignoring {shown}, which is not a setting"),
        }
    };
    names.into_iter().map(said).collect()
}

/// Whether this is a variable that `retry` sets for its command, but did not: a setting was meant.
fn is_meant_for_us(name: &str) -> bool {
    name == MAX_ATTEMPTS && variable("RETRY_DEPTH").is_none()
}

const MAX_ATTEMPTS: &str = "RETRY_MAX_ATTEMPTS";

/// The variables that `retry` sets for the commands that it runs; a caller may set the last one.
const FOR_THE_COMMAND: [&str; 8] = [
    "RETRY_ATTEMPT",
    MAX_ATTEMPTS,
    "RETRY_PREVIOUS_STATUS",
    "RETRY_ELAPSED",
    "RETRY_DEPTH",
    "RETRY_OUTER_BREAKER",
    "RETRY_STATUS",
    "RETRY_RUN_ID",
];

/// Jitter that grows by itself.
fn is_decorrelated(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| values::jitter(value) == Ok(Jitter::Decorrelated))
}

/// Growth without a factor.
fn has_no_factor(value: &OsStr) -> bool {
    let shape = value.to_str().map(|value| BackoffShape::from_str(value, false));
    matches!(shape, Some(Ok(shape)) if shape != BackoffShape::Exponential)
}

/// `--max-delay` from clap's `max_delay`.
pub fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// Whether a flag can be set in the environment.
pub fn is_setting(arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    (arg.get_action().takes_values() && !NO_SETTINGS.contains(&id)) || SWITCHES.contains(&id)
}

/// The flags that conflict with `arg`, whichever of the two declares it.
fn conflicts<'a>(model: &'a Command, arg: &Arg) -> Vec<&'a Arg> {
    let names = |a: &Arg, b: &Arg| model.get_arg_conflicts_with(a).iter().any(|c| c.get_id() == b.get_id());
    model.get_arguments().filter(|other| names(arg, other) || names(other, arg)).collect()
}

/// The number of `retry` around this one.
pub fn depth() -> u32 {
    text("RETRY_DEPTH").and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// `RETRY_OUTER_BREAKER`: the breaker of the `retry` around this one.
pub fn outer_breaker() -> Option<String> {
    text("RETRY_OUTER_BREAKER")
}

/// `RETRY_RUN_ID`, the identifier of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunId {
    /// Given by the `retry` around this one, or by the caller.
    Given(String),
    /// Set, but with characters or a length that an identifier cannot have.
    Unusable,
    None,
}

/// `RETRY_RUN_ID`.
pub fn run_id() -> RunId {
    let is_valid = |id: &OsString| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
        id.len() <= MAX_ID && id.as_encoded_bytes().iter().all(plain)
    };
    match variable("RETRY_RUN_ID").filter(|id| !id.is_empty()) {
        Some(id) if is_valid(&id) => RunId::Given(id.to_string_lossy().into_owned()),
        Some(_) => RunId::Unusable,
        None => RunId::None,
    }
}

/// `JOURNAL_STREAM`, with which systemd tells that stdout or stderr leads to the journal.
pub fn journal_stream() -> Option<String> {
    text("JOURNAL_STREAM")
}

/// Whether this is a step of GitHub Actions.
pub fn is_github_actions() -> bool {
    variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// The files that a step of GitHub Actions may append to.
pub fn github() -> GitHub {
    let file = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    GitHub { summary: file("GITHUB_STEP_SUMMARY"), output: file("GITHUB_OUTPUT") }
}

/// The attempts of the `retry` around this one; `None` without one, or if it has no limit.
pub fn outer_attempts() -> Option<u64> {
    if depth() == 0 {
        return None;
    }
    text(MAX_ATTEMPTS)?.parse().ok()
}

pub fn terminal() -> Terminal {
    let is_capable = match variable("TERM").filter(|term| !term.is_empty()) {
        Some(term) => term != "dumb",
        None => !console::NEEDS_TERM,
    };
    if is_capable && console::understands_escapes(stdio::stderr()) {
        Terminal::Capable
    } else {
        Terminal::Dumb
    }
}

/// Whether to use colours: no-color.org and bixense.com/clicolors.
pub fn color() -> Visibility {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    if given("NO_COLOR").is_some() {
        Visibility::Never
    } else if given("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        Visibility::Always
    } else if terminal() == Terminal::Dumb {
        Visibility::Never
    } else {
        Visibility::OnTerminal
    }
}

/// The default location of shared state.
pub fn state_directory() -> Location {
    user::state_directory(variable)
}
