//! Known traps: commands whose exit status does not say what people think. Looks at the words of the
//! command only.

use crate::core::plan::{Plan, Verbosity};
use std::ffi::OsString;
use std::path::Path;

/// Notes for stderr before the first attempt: what came from the environment (`-v`), and curl without
/// `-f`, which is worth a line wherever a person looks.
pub fn notes(plan: &Plan, stderr_is_terminal: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if plan.verbosity == Verbosity::Verbose {
        notes.extend(plan.settings.iter().cloned());
    }
    let watched =
        plan.verbosity == Verbosity::Verbose || (plan.verbosity == Verbosity::Normal && stderr_is_terminal);
    if watched && is_curl_without_fail(&plan.command) {
        notes.push(format!("note: {CURL}"));
    }
    notes
}

/// Warnings for a dry run.
pub fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    if is_curl_without_fail(&plan.command) {
        warnings.push(CURL.to_owned());
    }
    match name(&plan.command) {
        name @ ("git" | "npm" | "pip" | "pip3" | "apt" | "apt-get") => warnings.push(format!(
            "{name} exits with the same status for a passing network problem and for a final error, so every \
             failure is retried"
        )),
        "retry" => warnings.push(NESTED.to_owned()),
        _ => {}
    }
    if matches!(name(&plan.command), "apt" | "apt-get") && plan.command.iter().any(|word| word == "update") {
        warnings.push(
            "apt-get update exits 0 when downloads fail, so nothing would be retried. Add --error-on=any"
                .to_owned(),
        );
    }
    if plan.depth > 1 {
        warnings.push(NESTED.to_owned());
    }
    warnings
}

const CURL: &str =
    "curl without -f exits 0 on an HTTP error such as 503, so nothing would be retried. Add -f";
const NESTED: &str = "a retry inside a retry: their attempts multiply";

fn name(command: &[OsString]) -> &str {
    let program = command.first().map(Path::new);
    program.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default()
}

/// curl's short options that take a value (curl 8.x, `curl --help all`): in `-oframe`, `f` is part of
/// a file name.
const CURL_TAKES_VALUE: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";

fn is_curl_without_fail(command: &[OsString]) -> bool {
    if name(command) != "curl" {
        return false;
    }
    let mut words = command.iter().skip(1);
    while let Some(word) = words.next() {
        let word = word.to_string_lossy();
        match word.strip_prefix("--") {
            // A file of options may hold --fail, and nobody needs the note who wrote one.
            Some("fail" | "fail-with-body" | "config" | "version" | "help" | "manual") => return false,
            Some(_) => continue,
            None => {}
        }
        let Some(cluster) = word.strip_prefix('-') else { continue };
        for (index, letter) in cluster.char_indices() {
            match letter {
                'f' | 'K' | 'V' | 'M' => return false,
                letter if CURL_TAKES_VALUE.contains(letter) => {
                    if index + letter.len_utf8() == cluster.len() {
                        words.next();
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("wget http://x", false),
        ] {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_curl_without_fail(&command), without, "{line}");
        }
    }
}
