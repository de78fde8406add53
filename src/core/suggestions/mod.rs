//! What people type out of habit, from other tools and from shells, and what is said about it. One table for options,
//! one for values, one for commands. Each row says what the other tool means, because no suggestion is better than a wrong one.
//!
//! Sources: the manuals of minfrin/retry (Debian), kadwanev/retry, joshdk/retry, recur 3, attempt 1.1, the action
//! nick-fields/retry, `curl --retry` and timeout(1) of coreutils; docs/migrating.md compares them with `retry`.

use super::spelling::plain;
use super::system::System;
use std::ffi::OsString;

mod commands;
mod windows;

pub use commands::{CommandElsewhere, command_elsewhere, commands, is_line, quoted, variable};
pub use windows::{OPTIONS as WINDOWS_OPTIONS, with_interpreter};

/// Options of other tools that have another name here.
#[derive(Debug)]
pub struct OptionElsewhere {
    /// Their names, with `-` for `_` and in lower case.
    pub names: &'static [&'static str],
    /// What is here in its place. Follows "unknown option --x: ".
    pub said: &'static str,
    /// Words that can be typed instead; empty where there is a choice.
    pub example: &'static str,
}

const fn row(names: &'static [&'static str], said: &'static str, example: &'static str) -> OptionElsewhere {
    OptionElsewhere { names, said, example }
}

/// The options of other tools. [`WINDOWS_OPTIONS`] comes first on Windows.
pub const OPTIONS: &[OptionElsewhere] = &[
    row(
        &["--max-attempts", "--times", "--count", "--max-tries", "--num-attempts", "--attempt", "-n", "-a"],
        "--retries counts attempts, the first included (--attempts is the same)",
        "--retries 5",
    ),
    row(
        &["--retry", "--max-retries", "--tries", "--retry-count", "--retry-times", "--num-retries"],
        "--retries counts attempts, the first included (--attempts is the same), so 3 retries are --retries 4",
        "--retries 4",
    ),
    row(
        &["--no-retry", "--no-retries"],
        "--retries 1 makes one attempt; --retries counts attempts, the first included",
        "--retries 1",
    ),
    row(
        &["--forever", "--infinite", "--unlimited", "--unlimited-attempts", "--no-limit", "--always", "-u"],
        "--retries counts attempts, the first included, or is inf; to run until some exit status, use --success-on",
        "--retries inf",
    ),
    row(
        &[
            "--delay",
            "--interval",
            "--sleep",
            "--wait",
            "--pause",
            "--retry-delay",
            "--retry-wait",
            "--retry-wait-seconds",
            "--retry-interval",
            "--wait-time",
            "--period",
            "--cooldown",
            "--fixed",
            "--constant",
            "--fixed-delay",
            "--wait-fixed",
            "-d",
        ],
        "for a delay before the first attempt, use --initial-delay; for a fixed delay, --base with --backoff constant",
        "--base 5 --backoff constant",
    ),
    row(&["--linear"], "--backoff sets how the delay grows", "--backoff linear"),
    row(&["--fibonacci", "--fib"], "--backoff sets how the delay grows", "--backoff fibonacci"),
    row(
        &["--exponential", "--exponential-backoff", "--exp"],
        "the delay grows exponentially by default; --base is the first delay, --factor the growth",
        "--base 1 --factor 2",
    ),
    row(
        &["--multiplier", "--backoff-factor", "--backoff-multiplier", "--growth"],
        "--factor is the growth of the delay, --base the first delay",
        "--factor 2 --base 1",
    ),
    row(
        &["--min", "--min-delay", "--wait-min", "--backoff-base", "--initial-interval", "--initial-wait"],
        "--base is the delay after the first failure",
        "--base 2",
    ),
    row(
        &["--wait-max", "--max-wait", "--backoff-max", "--max-backoff", "--max-interval", "--max-sleep"],
        "--max-delay is the maximum delay",
        "--max-delay 30",
    ),
    row(
        &["--max", "-x"],
        "--max-delay is the maximum delay, --retries the number of attempts, the first included",
        "",
    ),
    row(&["--no-jitter"], "--jitter none turns jitter off", "--jitter none"),
    row(
        &[
            "--retry-max-time",
            "--max-retry-time",
            "--overall-timeout",
            "--total-timeout",
            "--global-timeout",
            "--max-total-time",
            "--total-time",
            "--run-timeout",
        ],
        "--deadline limits the whole run, delays included",
        "--deadline 5m",
    ),
    row(
        &["--max-time", "--max-duration", "--time-limit", "--timelimit"],
        "--timeout limits one attempt, --deadline the whole run",
        "--timeout 30 --deadline 5m",
    ),
    row(
        &[
            "--attempt-timeout",
            "--per-attempt-timeout",
            "--try-timeout",
            "--task-time",
            "--command-timeout",
            "--timeout-seconds",
            "--timeout-minutes",
        ],
        "--timeout limits one attempt",
        "--timeout 30",
    ),
    row(&["--signal"], "--timeout-signal is the signal that a time limit sends", "--timeout-signal INT"),
    row(&["--preserve-status"], "retry exits with the command's status, and with 124 after a time limit", ""),
    row(
        &["--foreground"],
        "the command always keeps the terminal, and a time limit ends its child processes too",
        "",
    ),
    row(&["-k"], "--kill-after is the time between --timeout-signal and SIGKILL", "--kill-after 5"),
    row(
        &["--abort-on", "--stop-if-status", "--fail-on", "--no-retry-on", "--dont-retry-on", "--give-up-on"],
        "--stop-on names the exit statuses that are not retried",
        "--stop-on 2,64-78",
    ),
    row(
        &[
            "--retry-on-exit-code",
            "--retry-exit-codes",
            "--exit-codes",
            "--retry-codes",
            "--retry-if-status",
            "--while",
            "--on-exit-codes",
        ],
        "--retry-on names the exit statuses that are retried",
        "--retry-on 7,28",
    ),
    row(
        &["--retry-all-errors", "--retry-failing-status", "--retry-on-error", "--retry-on-any"],
        "retry retries every failure unless --retry-on or --stop-on is given",
        "",
    ),
    row(
        &["--preset", "--presets", "--profile"],
        "--retry-on and --stop-on take presets; auto is the preset of the command",
        "--retry-on auto",
    ),
    row(&["--retry-connrefused"], "the preset curl includes it", "--retry-on curl"),
    row(
        &["--until-fail", "--until-failure", "--invert", "--not"],
        "to run until the command fails, count a nonzero status as success",
        "--success-on nonzero --retries inf",
    ),
    row(&["--until"], "--success-on names the exit statuses that end the run", "--success-on 0,3"),
    row(
        &["--until-success"],
        "retry runs until an attempt succeeds; --retries limits the attempts, the first included",
        "--retries inf",
    ),
    row(
        &[
            "--retry-if-contains",
            "--retry-if-matches",
            "--retry-pattern",
            "--retry-on-match",
            "--retry-on-stdout",
            "--retry-on-stderr",
            "--retry-on-text",
        ],
        "--retry-on-output retries failures whose output matches",
        "--retry-on-output stderr:timeout",
    ),
    row(
        &["--retry-if-stdout-contains", "--retry-if-stdout-matches"],
        "--retry-on-output retries failures whose output matches",
        "--retry-on-output stdout:timeout",
    ),
    row(
        &["--retry-if-stderr-contains", "--retry-if-stderr-matches"],
        "--retry-on-output retries failures whose output matches",
        "--retry-on-output stderr:timeout",
    ),
    row(
        &["--stop-if-contains", "--stop-if-matches", "--stop-on-match"],
        "--stop-on-output does not retry failures whose output matches",
        "--stop-on-output denied",
    ),
    row(
        &["--condition", "-c"],
        "--retry-if is a shell command that decides whether to retry; to retry a script, use -- sh -c '...'",
        "",
    ),
    row(
        &["--on-retry", "--on-retry-command", "--between", "--exec", "--before"],
        "--before-retry is a shell command that runs before each retry",
        "--before-retry ./clean-up",
    ),
    row(
        &["--fail", "--on-fail", "--on-failure", "--on-error"],
        "--fallback is a shell command that runs when retry gives up, and its exit status counts",
        "--fallback ./cached",
    ),
    row(
        &["--hold-stdout"],
        "--stdout success writes stdout only if the run succeeds; -O writes that of the last attempt in any case",
        "--stdout success",
    ),
    row(&["--replay-stdin", "-i"], "--stdin replay gives each attempt the same input", "--stdin replay"),
    row(
        &["--shell", "--command", "--cmd", "--run"],
        "the command follows the options; for a script, use -- sh -c '...'",
        "",
    ),
    row(
        &["-s"],
        "to print nothing, use --silent; for a delay, --base; for the signal of a time limit, --timeout-signal",
        "",
    ),
    row(&["-w"], "for a delay, use --base; for the exit statuses that are retried, --retry-on", ""),
    row(&["--debug", "--trace"], "--verbose prints more messages", "--verbose"),
    row(&["--no-progress"], "--progress never turns the countdown off", "--progress never"),
    row(&["--no-color", "--no-colour"], "--color never turns colours off", "--color never"),
    row(
        &["--json"],
        "--log-format json prints messages as JSON; --report writes a report of the run",
        "--log-format json",
    ),
    row(&["--log-file"], "--log writes messages to a file", "--log ./retry.log"),
    row(&["--junit-xml", "--junit-file"], "--junit writes a JUnit report", "--junit retry.xml"),
    row(
        &["--state-dir", "--state-directory", "--state-file"],
        "--state is the place of circuit breakers and retry budgets",
        "--state /var/lib/retry",
    ),
    row(
        &["--reset", "--reset-breaker", "--reset-circuit", "--reset-budget"],
        "--reset-state NAME forgets a circuit breaker and a retry budget",
        "",
    ),
    row(&["--show"], "--show-state lists circuit breakers and retry budgets, --list-presets the presets", ""),
    row(
        &["--budget-size", "--budget-tokens", "--budget-max"],
        "--budget-burst is the size of a retry budget",
        "--budget registry --budget-burst 20",
    ),
    row(&["--name", "--message"], "--label names the run in messages", "--label deploy"),
];

/// What is said about an option of another tool. `option` is as typed: `--Max_Attempts`, `-n`.
pub fn option_elsewhere(system: System, option: &str) -> Option<&'static OptionElsewhere> {
    let plain = plain(option);
    let own = match system {
        System::Unix => &[],
        System::Windows => WINDOWS_OPTIONS,
    };
    own.iter().chain(OPTIONS).find(|row| row.names.contains(&plain.as_str()))
}

impl OptionElsewhere {
    /// The option that is meant, the first one of the example: `--factor`. With its value if no other one would mean the
    /// same: `--jitter none` for `--no-jitter`.
    pub fn meant(&self) -> Option<(&'static str, Option<&'static str>)> {
        let mut words = self.example.split(' ');
        let option = words.next().filter(|option| !option.is_empty())?;
        let is_whole = self.said.starts_with(self.example);
        Some((option, words.next().filter(|_| is_whole)))
    }
}

/// A value of another tool, or from another language, that has another word here.
#[derive(Debug)]
pub struct ValueElsewhere {
    pub flag: &'static str,
    /// What is typed, in lower case.
    pub typed: &'static [&'static str],
    /// The end of the sentence that says what is wrong, with its semicolon; may be empty.
    pub said: &'static str,
    /// What can be typed instead.
    pub meant: &'static str,
}

const fn value(
    flag: &'static str,
    typed: &'static [&'static str],
    said: &'static str,
    meant: &'static str,
) -> ValueElsewhere {
    ValueElsewhere { flag, typed, said, meant }
}

const ON: &[&str] = &["on", "yes", "true", "1"];
const OFF: &[&str] = &["off", "no", "false", "0"];

/// The values of other tools.
pub const VALUES: &[ValueElsewhere] = &[
    value("--retries", &["infinite", "infinity", "unlimited", "forever", "always"], "", "inf"),
    value("--backoff", &["fixed", "none", "no", "off", "flat", "static"], "", "constant"),
    value("--backoff", &["exp", "expo"], "", "exponential"),
    value("--backoff", &["fib"], "", "fibonacci"),
    value("--backoff", &["lin"], "", "linear"),
    value("--jitter", &["off", "no", "false"], "", "none"),
    value("--progress", ON, "", "always"),
    value("--progress", OFF, "", "never"),
    value("--color", ON, "", "always"),
    value("--color", OFF, "", "never"),
    value("--ci", OFF, "", "none"),
    value("--log-format", &["plain", "human", "console"], "", "text"),
    value("--log-format", &["jsonl", "ndjson"], "", "json"),
    value("--leftovers", &["leave", "ignore", "none"], "", "keep"),
    value("--leftovers", &["kill", "stop", "terminate"], "", "end"),
    value(
        "--retry-on",
        &["network", "net", "transient", "temporary", "connection", "dns", "http"],
        "; auto is the preset of the command",
        "auto",
    ),
    value("--retry-on", &["all", "any", "error", "errors", "failure", "fail"], "", "nonzero"),
    value("--stop-on", &["all", "any", "error", "errors", "failure", "fail"], "", "nonzero"),
    value("--success-on", &["all", "any", "error", "errors", "failure", "fail"], "", "nonzero"),
];

/// What is said about a value of another tool.
pub fn value_elsewhere(flag: &str, value: &str) -> Option<&'static ValueElsewhere> {
    let value = value.trim().to_lowercase();
    VALUES.iter().find(|row| row.flag == flag && row.typed.contains(&value.as_str()))
}

/// Whether a word is an option with one dash and a long name, as in Go programs: `-max-time`. Returns it with two.
pub fn with_two_dashes(word: &OsString) -> Option<String> {
    let word = std::str::from_utf8(word.as_encoded_bytes()).ok()?;
    let name = word.strip_prefix('-')?.split('=').next()?;
    let is_long = name.len() > 2 && name.starts_with(|c: char| c.is_ascii_lowercase());
    is_long.then(|| format!("--{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_has_two_rows() {
        let mut names: Vec<&str> = OPTIONS.iter().flat_map(|row| row.names).copied().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in names {
            assert_eq!(
                option_elsewhere(System::Unix, name).map(|row| row.names.contains(&name)),
                Some(true),
                "{name}"
            );
        }
        assert!(option_elsewhere(System::Unix, "--Max_Attempts").is_some());
        assert!(option_elsewhere(System::Unix, "-N").is_none());
    }

    #[test]
    fn no_value_has_two_rows() {
        let mut values: Vec<_> =
            VALUES.iter().flat_map(|row| row.typed.iter().map(|typed| (row.flag, *typed))).collect();
        let all = values.len();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), all);
        assert_eq!(value_elsewhere("--backoff", "None").map(|row| row.meant), Some("constant"));
        assert!(value_elsewhere("--base", "none").is_none());
    }

    #[test]
    fn a_long_option_with_one_dash() {
        for (word, wanted) in [
            ("-max-time", Some("--max-time")),
            ("-attempts=3", Some("--attempts")),
            ("-r5", None),
            ("-b", None),
            ("--base", None),
            ("-1.5", None),
            ("x", None),
        ] {
            assert_eq!(with_two_dashes(&word.into()).as_deref(), wanted, "{word}");
        }
    }
}
