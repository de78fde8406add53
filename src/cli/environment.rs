//! Settings from the environment: `RETRY_` and a flag's name in capitals is that flag, with four
//! rules. Empty means unset. The command line wins, and so does whatever on it conflicts with the
//! setting. A list on the command line replaces the variable's. A bad value is an error that names
//! the variable. (clap's own `env` knows none of the four.)

use super::{usage_error, values};
use crate::core::plan::{GitHub, Shown, Terminal};
use crate::core::shared::Location;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use retry_loop::backoff::Jitter;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Flags with a value that are no settings: what `--generate` prints is no policy.
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

/// A longer `RETRY_RUN_ID` is not taken over, in bytes: services that take keys have such limits.
const LONGEST_ID: usize = 128;

/// The flags about growth, which conflict with `--jitter decorrelated`.
pub const GROWTH: [&str; 3] = ["factor", "backoff", "delays"];

/// The variables that are used.
#[derive(Debug, Default)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// Whether one of them sets this flag.
    pub fn set(&self, id: &str) -> bool {
        self.0.iter().any(|setting| setting.is_about(id))
    }

    /// A flag and its value as they are written where they came from: `--retries 3`, `RETRY_RETRIES=3`.
    pub fn given(&self, id: &str, value: impl Display) -> String {
        match self.0.iter().find(|setting| setting.is_about(id)) {
            Some(setting) => format!("{}={value}", setting.variable),
            None => format!("{} {value}", flag(id)),
        }
    }

    /// For `-v`, one line each: `RETRY_RETRIES=5 is used`.
    pub fn notes(&self) -> Vec<String> {
        self.0.iter().map(Setting::note).collect()
    }
}

/// One variable that is used.
#[derive(Debug)]
struct Setting {
    id: String,
    variable: String,
    value: OsString,
}

impl Setting {
    fn note(&self) -> String {
        let value = usage_error::visible(&self.flag(), &self.value.to_string_lossy());
        format!("{}={value} is used", self.variable)
    }

    fn is_about(&self, id: &str) -> bool {
        self.id == id
    }

    fn flag(&self) -> String {
        flag(&self.id)
    }

    fn word(&self) -> OsString {
        let mut word = OsString::from(format!("{}=", self.flag()));
        word.push(&self.value);
        word
    }
}

/// A variable of the environment. Unit tests have none, whatever whoever runs them has set.
#[expect(clippy::disallowed_methods, reason = "settings are read here")]
fn variable(name: &str) -> Option<OsString> {
    if cfg!(test) { None } else { std::env::var_os(name) }
}

/// One that is text.
fn text(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// Whether there may be any setting. Nearly every run ends here.
pub fn has_settings() -> bool {
    !cfg!(test) && std::env::vars_os().any(|(name, _)| name.as_bytes().starts_with(b"RETRY_"))
}

/// Adds the environment's settings to what was parsed from `words`.
///
/// # Errors
/// A usage error that names the variable.
pub fn merge(
    model: &mut Command,
    matches: ArgMatches,
    words: &[OsString],
) -> Result<(ArgMatches, Settings), String> {
    if !has_settings() {
        return Ok((matches, Settings::default()));
    }
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // `--generate` stands alone, whatever defaults a CI system has set.
    if model.get_arguments().any(|arg| arg.is_exclusive_set() && typed(arg.get_id().as_str())) {
        return Ok((matches, Settings::default()));
    }
    let mut settings: Vec<Setting> = Vec::new();
    for arg in model.get_arguments().filter(|arg| is_setting(arg)) {
        let id = arg.get_id().to_string();
        let name = format!("RETRY_{}", id.to_ascii_uppercase());
        let value = variable(&name).unwrap_or_default();
        if decorrelated_leaves_out(&matches, &id, &value, typed) {
            continue;
        }
        if value.is_empty() || typed(&id) || conflicts(model, arg).iter().any(|c| typed(c.get_id().as_str()))
        {
            continue;
        }
        if let Some(rival) = settings
            .iter()
            .find(|set| conflicts(model, arg).iter().any(|c| set.is_about(c.get_id().as_str())))
        {
            return Err(format!(
                "retry: {name} cannot be used with {}. Good: unset one of them",
                rival.variable
            ));
        }
        settings.push(Setting { id, variable: name, value });
    }
    for setting in &settings {
        let alone = [OsString::from("retry"), setting.word(), "--".into(), "true".into()];
        if let Err(error) = model.try_get_matches_from_mut(alone) {
            let Setting { variable, value, .. } = setting;
            return Err(usage_error::line_for_variable(&error, &setting.flag(), variable, value));
        }
    }
    let program = words.iter().take(1).cloned();
    let all = program.chain(settings.iter().map(Setting::word)).chain(words.iter().skip(1).cloned());
    let matches = model.try_get_matches_from_mut(all).map_err(|error| usage_error::line(&error))?;
    Ok((matches, Settings(settings)))
}

/// Decorrelated jitter grows by itself, so it conflicts with the flags about growth, which clap cannot
/// know: it depends on the value.
fn decorrelated_leaves_out(
    matches: &ArgMatches,
    id: &str,
    value: &OsStr,
    typed: impl Fn(&str) -> bool,
) -> bool {
    if id == "jitter" {
        return jitter_is_decorrelated(value) && GROWTH.into_iter().any(typed);
    }
    GROWTH.contains(&id)
        && typed("jitter")
        && matches.get_one::<Jitter>("jitter") == Some(&Jitter::Decorrelated)
}

fn jitter_is_decorrelated(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| values::jitter(value) == Ok(Jitter::Decorrelated))
}

/// `--max-delay` from clap's `max_delay`.
pub fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// Whether a flag can be set in the environment.
pub fn is_setting(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !NO_SETTINGS.contains(&arg.get_id().as_str())
}

/// The flags that cannot be used with `arg`, whichever of the two says so.
fn conflicts<'a>(model: &'a Command, arg: &Arg) -> Vec<&'a Arg> {
    let names = |a: &Arg, b: &Arg| model.get_arg_conflicts_with(a).iter().any(|c| c.get_id() == b.get_id());
    model.get_arguments().filter(|other| names(arg, other) || names(other, arg)).collect()
}

/// How many `retry` are around this one.
pub fn depth() -> u32 {
    text("RETRY_DEPTH").and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// What the environment says about the identifier of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunId {
    /// That of the `retry` around this one, or of whoever wants to know the run by it.
    Given(String),
    /// It cannot be one.
    Unusable,
    /// Nothing.
    None,
}

/// `RETRY_RUN_ID`.
pub fn run_id() -> RunId {
    let is_sane = |id: &OsString| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
        id.len() <= LONGEST_ID && id.as_bytes().iter().all(plain)
    };
    match variable("RETRY_RUN_ID").filter(|id| !id.is_empty()) {
        Some(id) if is_sane(&id) => RunId::Given(id.to_string_lossy().into_owned()),
        Some(_) => RunId::Unusable,
        None => RunId::None,
    }
}

/// `JOURNAL_STREAM`, by which systemd says that stdout or stderr is the journal's.
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

/// How often the `retry` around this one runs it; none if there is none, or if it has no limit.
pub fn outer_attempts() -> Option<u64> {
    if depth() == 0 {
        return None;
    }
    text("RETRY_MAX_ATTEMPTS")?.parse().ok()
}

/// What `TERM` says.
pub fn terminal() -> Terminal {
    match variable("TERM") {
        Some(term) if !term.is_empty() && term != "dumb" => Terminal::Capable,
        _ => Terminal::Dumb,
    }
}

/// What the environment says about colours: no-color.org and bixense.com/clicolors.
pub fn color() -> Shown {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    if given("NO_COLOR").is_some() {
        Shown::Never
    } else if given("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        Shown::Always
    } else if terminal() == Terminal::Dumb {
        Shown::Never
    } else {
        Shown::OnTerminal
    }
}

/// Where shared state lives when nothing is said about it.
///
/// For root, only a home that is root's counts. `sudo` may keep the user's HOME, and what root makes in it locks the
/// user out; giving it to the user instead would mean to make and to hand over files in a directory where somebody
/// else decides what lies there. (pip does without its cache then, and npm has given up handing over.) Root has a
/// home of its own, which the table of users names.
pub fn state_directory() -> Location {
    let [state_home, home] = ["XDG_STATE_HOME", "HOME"].map(variable);
    if !rustix::process::geteuid().is_root() {
        return Location::standard(state_home, home);
    }
    let roots = |home: &OsString| is_roots(Path::new(home));
    let instead = || root_home(&fs::read_to_string("/etc/passwd").ok()?);
    let home = home.and_then(|home| if roots(&home) { Some(home) } else { instead() });
    Location::standard(state_home.filter(roots), home)
}

/// Whether a directory, or the one in which it would be made, belongs to root.
fn is_roots(directory: &Path) -> bool {
    let existing = directory.ancestors().find_map(|path| fs::metadata(path).ok());
    existing.is_some_and(|found| found.uid() == 0)
}

/// Root's home in a text like /etc/passwd (passwd(5)).
fn root_home(passwd: &str) -> Option<OsString> {
    let user = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        matches!(fields[..], [_, _, "0", ..]).then(|| fields.get(5).map(OsString::from))?
    };
    passwd.lines().find_map(user).filter(|home| !home.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_root_is_found_in_the_table_of_users() {
        let home = |passwd: &str| root_home(passwd).map(|home| home.into_string().unwrap());
        let users = "daemon:x:1:1::/usr/sbin:\nadmin:x:0:0:root,,:/var/root:/bin/sh\nroot:x:0:0::/root:\n";
        assert_eq!(home(users).as_deref(), Some("/var/root"));
        for none in ["", "\n:::\n", "root:x:0:0", "root:x:0:0:::", "me:x:10:0::/root:"] {
            assert_eq!(home(none), None, "{none}");
        }
    }
}
