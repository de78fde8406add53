//! Pitfalls: commands whose exit status does not say what people think, and commands that retry by themselves. Looks
//! only at the words of the command.
//!
//! Sources: the exit statuses of curl, git, apt-get, pip and npm were tried with a server that answers 503, 429 and 404,
//! resets and refuses; wget(1) `--tries`; the "retries" guide of the AWS CLI.

use super::environment::{self, RunId};
use super::presets::Catalog;
use super::presets::command::{name, tool};
use crate::core::condition::Condition;
use crate::core::plan::{Plan, Verbosity};
use crate::core::rules::Then;
use crate::core::shared::Location;
use crate::core::stream::Side;
use std::ffi::OsString;

/// Notes for stderr before the first attempt: the settings and the meaning of `auto` (`-v`), and curl without `-f`. That
/// one is shown on a terminal, and everywhere with the preset curl, which looks for HTTP errors.
pub fn notes(plan: &Plan, stderr_is_terminal: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.verbosity == Verbosity::Verbose {
        notes.extend(plan.settings.iter().cloned());
        notes.extend(plan.auto.iter().cloned());
    }
    let is_shown = plan.verbosity >= Verbosity::Normal;
    if is_shown {
        notes.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    }
    // The caller expects the identifier in the logs.
    if is_shown && environment::run_id() == RunId::Unusable {
        notes.push(
            "note: ignoring RETRY_RUN_ID, using a random one: it may have at most 128 letters, digits and -_.:/+=@"
                .to_owned(),
        );
    }
    let is_watched =
        plan.verbosity == Verbosity::Verbose || (plan.verbosity == Verbosity::Normal && stderr_is_terminal);
    let is_expected = is_shown && has_preset(plan, "curl");
    if (is_watched || is_expected) && is_curl_without_fail(&plan.command) {
        notes.push(format!("note: {CURL}"));
    }
    if is_shown {
        notes.extend(headers_are_missing(plan).map(|note| format!("note: {note}")));
    }
    notes
}

fn has_preset(plan: &Plan, name: &str) -> bool {
    let mut conditions = plan.rules.conditions(Then::Retry);
    conditions.any(|condition| matches!(condition, Condition::Preset(preset) if preset.name() == name))
}

/// Warnings for a dry run.
pub fn warnings(plan: &Plan) -> Vec<String> {
    let command = tool(&plan.command).words;
    let name = name(&command);
    let mut warnings = plan.warnings.clone();
    if let Some(Location::Rejected(why)) = plan.shared.as_ref().map(|shared| &shared.location) {
        warnings.push(why.clone());
    }
    if is_curl_without_fail(&plan.command) {
        warnings.push(CURL.to_owned());
    }
    warnings.extend(headers_are_missing(plan).map(str::to_owned));
    if plan.rules.conditions(Then::Retry).next().is_none()
        && let (Some(preset), tool) = Catalog::default().for_command(&plan.command)
        && !TELLING_CODES.contains(&preset.as_str())
    {
        warnings.push(format!(
            "{tool} exits with the same status for transient and permanent failures, so every failure is retried. Add --retry-on {preset}"
        ));
    }
    let has = |wanted: &str| command.iter().any(|word| word == wanted);
    let starts =
        |start: &str| command.iter().any(|word| word.as_encoded_bytes().starts_with(start.as_bytes()));
    if matches!(name, "apt" | "apt-get") && has("update") && !starts("--error-on") && !starts("-eany") {
        warnings.push(format!(
            "{name} update exits 0 when downloads fail, so nothing would be retried. Add --error-on=any"
        ));
    }
    match name {
        "curl" if has("--retry") || starts("--retry=") => {
            warnings.push(multiply("curl --retry also retries"));
        }
        "wget" if !starts("-t") && !starts("--tries") => {
            warnings.push(format!("{}. Add --tries=1", multiply("wget itself makes up to 20 tries")));
        }
        "aws" => warnings.push(format!("{}. Set AWS_MAX_ATTEMPTS=1", multiply("aws also retries"))),
        _ => {}
    }
    if name == "retry" || plan.depth > 1 {
        warnings.push("retry inside another retry: attempts multiply".to_owned());
    }
    warnings
}

const CURL: &str =
    "curl without -f exits 0 on an HTTP error such as 503, so nothing would be retried. Add -f";

fn multiply(who: &str) -> String {
    format!("{who}, so attempts multiply")
}

/// The presets of tools whose exit status tells a transient failure from a permanent one, at least in part.
const TELLING_CODES: [&str; 5] = ["curl", "wget", "ssh", "rsync", "tempfail"];

/// The short options of curl with a value (curl 8.x, `curl --help all`): in `-oframe`, `f` is part of a file name.
const CURL_TAKES_VALUE: &str = "AbcCdDeEFHKmoPQrtTuUwxXyYz";

fn is_curl_without_fail(command: &[OsString]) -> bool {
    // A file of options may contain --fail.
    const FAIL: [&str; 11] = [
        "-f",
        "--fail",
        "--fail-with-body",
        "-K",
        "--config",
        "-V",
        "--version",
        "-h",
        "--help",
        "-M",
        "--manual",
    ];
    curl_options(command).is_some_and(|options| !options.iter().any(|option| FAIL.contains(&option.as_str())))
}

/// What to add to the command so that it prints on stderr what `--retry-after` looks for, if the command is known to
/// print no headers there.
fn headers_are_missing(plan: &Plan) -> Option<&'static str> {
    const CURL_PRINTS: [&str; 9] =
        ["-v", "--verbose", "-D", "--dump-header", "-w", "--write-out", "-K", "--config", "--stderr"];
    if plan.streams.hint_streams != Some(Side::Stderr) {
        return None;
    }
    let command = tool(&plan.command).words;
    let words = || command.iter().skip(1).map(|word| word.to_string_lossy());
    match name(&command) {
        "curl" => {
            let prints =
                |option: &String| CURL_PRINTS.contains(&option.as_str()) || option.starts_with("--trace");
            (!curl_options(&plan.command)?.iter().any(prints)).then_some(
                "--retry-after finds no headers, because curl does not print them. Add -v or -D /dev/stderr to curl",
            )
        }
        "wget" => {
            let prints = |word: &str| {
                matches!(word, "--server-response" | "--debug")
                    || (word.starts_with('-') && !word.starts_with("--") && word.contains(['S', 'd']))
            };
            (!words().any(|word| prints(&word)))
                .then_some("--retry-after finds no headers, because wget does not print them. Add -S to wget")
        }
        _ => None,
    }
}

/// The options of a curl command without their values, short ones one by one; `None` if it is another command.
fn curl_options(command: &[OsString]) -> Option<Vec<String>> {
    let command = tool(command).words;
    if name(&command) != "curl" {
        return None;
    }
    let mut options = Vec::new();
    let mut words = command.iter().skip(1);
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        if word.starts_with("--") {
            options.push(word.into_owned());
            continue;
        }
        let Some(cluster) = word.strip_prefix('-') else { continue };
        for (index, letter) in cluster.char_indices() {
            options.push(format!("-{letter}"));
            if CURL_TAKES_VALUE.contains(letter) {
                if index + letter.len_utf8() == cluster.len() {
                    words.next();
                }
                break;
            }
        }
    }
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse::{Invocation, parse};

    #[test]
    fn curl_without_fail_is_seen() {
        for (line, without) in [
            ("curl http://x", true),
            ("/usr/bin/curl -sS http://x", true),
            ("curl -oframe http://x", true),
            ("curl -o -f http://x", true),
            ("curl -sSo f http://x", true),
            ("curl -f http://x", false),
            ("curl -fsSL http://x", false),
            ("curl -sSf -o x http://x", false),
            ("curl --fail-with-body http://x", false),
            ("curl http://x --fail", false),
            ("curl -K settings http://x", false),
            ("curl -V", false),
            ("curl -h all", false),
            ("curl --fail-early http://x", true),
            ("sudo env A=1 curl http://x", true),
            ("sudo -u me curl http://x", true),
            ("wget http://x", false),
        ] {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_curl_without_fail(&command), without, "{line}");
        }
    }

    fn warnings_for(line: &str) -> String {
        let words = ["retry"].into_iter().chain(line.split(' ')).map(OsString::from);
        match parse(words) {
            Ok(Invocation::Run(plan)) => warnings(&Plan { depth: 1, ..*plan }).join("\n"),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn each_trap_is_named_and_nothing_else() {
        for (line, named) in [
            ("git fetch", "git exits with the same status"),
            ("/usr/bin/git fetch", "git exits with the same status"),
            ("npm ci", "npm exits with the same status"),
            ("pip3 install x", "pip exits with the same status"),
            ("python3 -m pip install x", "pip exits with the same status"),
            ("env -i git fetch", "git exits with the same status"),
            ("docker pull x", "Add --retry-on docker"),
            ("apt-get install x", "apt-get exits with the same status"),
            ("sudo apt-get -q update", "Add --error-on=any"),
            ("sudo A=1 apt-get update", "Add --error-on=any"),
            ("curl http://x", "Add -f"),
            ("curl -f --retry 3 http://x", "multiply"),
            ("wget http://x", "--tries=1"),
            ("aws s3 ls", "AWS_MAX_ATTEMPTS"),
            ("retry true", "retry inside another retry"),
            ("env retry true", "retry inside another retry"),
        ] {
            let warnings = warnings_for(line);
            assert!(warnings.contains(named), "{line}: {warnings:?}");
        }
        for line in [
            "curl -f http://x",
            "wget -t1 http://x",
            "wget --tries=2 http://x",
            "ssh host",
            "python3 -m http.server",
            "python3",
            "sudo",
            "./git-deploy",
        ] {
            assert_eq!(warnings_for(line), "", "{line}");
        }
    }

    #[test]
    fn curl_without_fail_is_noted_where_its_preset_is_asked_for() {
        let notes_for = |line: &str| {
            let words = ["retry"].into_iter().chain(line.split(' ')).map(OsString::from);
            match parse(words) {
                Ok(Invocation::Run(plan)) => notes(&plan, false).join("\n"),
                other => panic!("{line}: {other:?}"),
            }
        };
        assert!(notes_for("--retry-on curl curl http://x").contains("Add -f"));
        assert!(notes_for("--retry-on auto curl http://x").contains("Add -f"));
        assert_eq!(notes_for("--retry-on curl curl -f http://x"), "");
        assert_eq!(notes_for("-q --retry-on curl curl http://x"), "");
        assert_eq!(notes_for("--retry-on 7 curl http://x"), "");
        let headers = "note: --retry-after finds no headers, because curl does not print them. Add -v or -D /dev/stderr to curl";
        assert_eq!(notes_for("--retry-after curl -fsSLo app http://x"), headers);
        assert_eq!(notes_for("--retry-after curl -f http://x --max-time 5"), headers);
        assert!(notes_for("--retry-after wget http://x").ends_with("Add -S to wget"));
        for prints in [
            "--retry-after curl -fsSvo app http://x",
            "--retry-after curl -f --verbose http://x",
            "--retry-after curl -f -D /dev/stderr http://x",
            "--retry-after curl -fD/dev/stderr http://x",
            "--retry-after curl -f --trace-ascii - http://x",
            "--retry-after curl -K settings http://x",
            "--retry-after=both curl --fail-with-body http://x",
            "--retry-after wget -qS http://x",
            "--retry-after wget --server-response http://x",
            "--retry-after ./client http://x",
            "-q --retry-after curl -f http://x",
        ] {
            assert_eq!(notes_for(prints), "", "{prints}");
        }
        assert_eq!(
            notes_for("--retry-on auto make"),
            "warning: auto has no preset for make: every failure is retried (--list-presets shows those that can be named)"
        );
    }

    #[test]
    fn a_retry_rule_helps_against_a_vague_exit_status_but_not_a_false_success() {
        assert_eq!(warnings_for("--retry-on 100 git fetch"), "");
        assert_eq!(warnings_for("--retry-on 100 apt-get update --error-on=any"), "");
        let hidden = warnings_for("--retry-on 100 apt-get update");
        assert!(hidden.starts_with("apt-get update exits 0"), "{hidden}");
    }
}
