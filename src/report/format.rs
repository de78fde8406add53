//! Values as text: durations, and the words of a command line. The dry run uses the same forms as the messages.

use super::sanitize::visible;
use crate::core::plan::{Plan, Verbosity};
use crate::platform::program;
use std::ffi::OsString;
use std::time::Duration;

/// The first word of a command that was quoted as a whole, as in `retry 'curl -f URL'`; `None` for other commands.
pub(super) fn quoted(command: &[OsString]) -> Option<String> {
    let (name, arguments) = command.first()?.to_str()?.split_once(' ')?;
    // A directory may have a space in its name.
    let is_path =
        name.contains(std::path::is_separator) && !arguments.contains(" -") && !arguments.starts_with('-');
    (!is_path && !name.is_empty()).then(|| name.to_owned())
}

/// The name of a command, without its directory and its arguments.
pub fn command_name(command: &[OsString]) -> String {
    let name = quoted(command).map(|name| OsString::from(name + " ..."));
    let program = name.as_deref().or(command.first().map(OsString::as_os_str)).unwrap_or_default();
    let name = std::path::Path::new(program).file_name().unwrap_or(program);
    if name.is_empty() {
        return "''".to_owned();
    }
    visible(&name.to_string_lossy())
}

/// The arguments of the command, for JSON. They may be secrets, so `None` without `-v`.
pub fn arguments(plan: &Plan) -> Option<Vec<String>> {
    let words = || plan.command.iter().skip(1).map(|word| word.to_string_lossy().into()).collect();
    (plan.verbosity == Verbosity::Verbose).then(words)
}

/// A delay, with two decimals: `0.57s`.
pub fn seconds(duration: Duration) -> String {
    format!("{:.2}s", duration.as_secs_f64())
}

/// An elapsed time: `0.41s`, `17.1s`, `1m 30s`, `2h 5m 0s`.
pub fn elapsed(duration: Duration) -> String {
    let exact = duration.as_secs_f64();
    if exact < 0.995 {
        return format!("{exact:.2}s");
    }
    if exact < 59.95 {
        return format!("{exact:.1}s");
    }
    let whole = exact.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours == 0 { format!("{minutes}m {seconds}s") } else { format!("{hours}h {minutes}m {seconds}s") }
}

/// A time that is left: `17s`, `1m 30s`. Rounded up, so that it is over when it says so.
pub(super) fn whole_seconds(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    if seconds < 60 { format!("{seconds}s") } else { elapsed(Duration::from_secs(seconds)) }
}

/// Words quoted for a shell, with control characters made visible.
pub fn shell_words(words: &[OsString]) -> String {
    words.iter().map(|word| shell_word(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    visible(&program::quoted(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_never_round_to_another_form() {
        for (millis, text) in [
            (0, "0.00s"),
            (410, "0.41s"),
            (994, "0.99s"),
            (996, "1.0s"),
            (17_149, "17.1s"),
            (59_949, "59.9s"),
            (59_960, "1m 0s"),
            (90_000, "1m 30s"),
            (3_599_700, "1h 0m 0s"),
            (7_500_000, "2h 5m 0s"),
        ] {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
        assert_eq!(seconds(Duration::from_millis(90_004)), "90.00s");
    }

    #[test]
    fn words_have_no_control_characters() {
        let words: Vec<OsString> = ["curl", "-d", "x\ny"].iter().map(OsString::from).collect();
        let shown = shell_words(&words);
        assert!(shown.starts_with("curl -d ") && shown.contains(r"x\ny"), "{shown}");
    }

    #[test]
    fn the_name_has_no_directory_and_no_escape_sequences() {
        let name = |path: &str| command_name(&[OsString::from(path), "secret".into()]);
        assert_eq!(name("/usr/bin/curl"), "curl");
        assert_eq!(name("a\x1b[31mb"), r"a\u{1b}[31mb");
        assert_eq!(name(""), "''");
    }
}
