//! Values as text: durations, and the words of a command line. The dry run uses the same forms as the messages.

use super::sanitize::visible;
use crate::core::plan::{Plan, Verbosity};
use crate::core::shared::{may_hold_secret, without_secret};
use crate::core::suggestions::{is_line, variable};
use crate::platform::program;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// The name of a command, without its directory and its arguments.
pub fn command_name(command: &[OsString]) -> String {
    let word = program(command);
    let name = Path::new(&word).file_name().unwrap_or(word.as_os_str());
    shown(name)
}

/// The name of a command as it was typed, with its directory.
pub fn typed_program(command: &[OsString]) -> String {
    shown(&program(command))
}

fn shown(name: &OsStr) -> String {
    if name.is_empty() { "''".to_owned() } else { visible(&name.to_string_lossy()) }
}

/// The first word of a command, without what may be a secret: the arguments in `retry 'curl -f URL'`, the value in
/// `retry TOKEN=... curl`, and the password of a URL.
fn program(command: &[OsString]) -> OsString {
    let word = command.first().map(OsString::as_os_str).unwrap_or_default();
    match word.to_str() {
        Some(text) if variable(text).is_some() => {
            format!("{}=...", variable(text).unwrap_or_default()).into()
        }
        Some(text) => match text.split_once(' ').filter(|_| is_line(text)) {
            Some((tool, _)) if !tool.contains("://") => format!("{tool} ...").into(),
            _ if may_hold_secret(text) => without_secret(word).into_owned().into(),
            _ => word.to_owned(),
        },
        None => word.to_owned(),
    }
}

/// The arguments of the command, for JSON. They may be secrets, so `None` without `-v`.
pub fn arguments(plan: &Plan) -> Option<Vec<String>> {
    let words = || plan.command.iter().skip(1).map(|word| word.to_string_lossy().into()).collect();
    (plan.verbosity == Verbosity::Verbose).then(words)
}

/// A duration as a flag reads it, in one word: `0.41s`, `0.5s`, `17.1s`, `2s`, `1m30s`, `2h5m`, `1d4h`. Below a minute it
/// has at most three digits or two decimals; a longer one is rounded to seconds.
pub fn duration(duration: Duration) -> String {
    let exact = duration.as_secs_f64();
    if duration.subsec_nanos() > 0 && exact < 59.95 {
        let shown = if exact < 9.995 { format!("{exact:.2}") } else { format!("{exact:.1}") };
        return format!("{}s", shown.trim_end_matches('0').trim_end_matches('.'));
    }
    let whole = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
    let parts = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
    let shown: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.concat() }
}

/// A time that is left: `17s`, `1m30s`. Rounded up, so that it is over when it says so.
pub(super) fn time_left(left: Duration) -> String {
    duration(Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
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
    use proptest::prelude::*;

    #[test]
    fn durations_are_short_and_never_round_to_another_form() {
        for (millis, text) in [
            (0, "0s"),
            (1, "0s"),
            (410, "0.41s"),
            (500, "0.5s"),
            (994, "0.99s"),
            (2000, "2s"),
            (2034, "2.03s"),
            (9994, "9.99s"),
            (9996, "10s"),
            (17_149, "17.1s"),
            (59_949, "59.9s"),
            (59_960, "1m"),
            (90_004, "1m30s"),
            (300_000, "5m"),
            (3_599_700, "1h"),
            (7_500_000, "2h5m"),
            (100_000_000, "1d3h46m40s"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(time_left(Duration::from_millis(16_001)), "17s");
    }

    proptest! {
        #[test]
        fn a_flag_reads_a_duration_back(millis in prop_oneof![0..70_000_u64, 0..1_000_000_000_000_000_u64]) {
            let exact = Duration::from_millis(millis);
            let shown = duration(exact);
            prop_assert!(!shown.contains(' '), "a shell would take {shown} for two words");
            let read = crate::core::duration::parse(&shown).unwrap();
            let tolerance = match exact.as_secs() {
                0..10 => Duration::from_millis(5),
                10..60 => Duration::from_millis(50),
                _ => Duration::from_millis(500),
            };
            prop_assert!(read.abs_diff(exact) <= tolerance, "{exact:?} {read:?}");
            if millis % 1000 == 0 {
                prop_assert_eq!(read, exact);
            }
        }
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
        assert_eq!(name("TOKEN=hunter2"), "TOKEN=...");
        assert_eq!(name("/bin/curl -u me:hunter2"), "curl ...");
        assert_eq!(name("http://me:hunter2@host/x"), "http:...");
        assert_eq!(typed_program(&["redis//://me:hunter2@host".into()]), ":...");
        assert_eq!(typed_program(&["./no such/tool".into()]), "./no such/tool");
    }
}
