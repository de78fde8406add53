//! What is typed: the words of the command, usage errors, help, and settings in the environment.

mod common;

use common::bad_values::BAD;
use common::command::{Scratch, announced, not_utf8, said, text};
use predicates::prelude::*;
use retry::core::suggestions::{OPTIONS, VALUES};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

const FAST: &str = "--base 0.01 --jitter 0";

/// `retry` with these words and settings refuses to run anything, and says so in one line.
#[track_caller]
fn refused_line(settings: &[(&str, &OsStr)], words: &[&OsStr]) -> String {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("");
    let output = retry.envs(settings.iter().copied()).args(words).args(scratch.ends("0")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(125), "{words:?} {settings:?}: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(scratch.runs(), 0, "{words:?} {settings:?}: the command must not run");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("retry: ") && stderr.ends_with('\n'), "{stderr}");
    stderr.trim_end().to_owned()
}

#[track_caller]
fn refused(words: &[&str]) -> String {
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    refused_line(&[], &words)
}

/// `retry` with these variables runs its command, and says these lines before.
#[track_caller]
fn warned(settings: &[(&str, &OsStr)], options: &str) -> Vec<String> {
    let scratch = Scratch::new();
    let mut retry = scratch.retry(options);
    let output = retry.envs(settings.iter().copied()).args(scratch.ends("0")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{settings:?}: {}", text(&output.stderr));
    assert_eq!(scratch.runs(), 1, "{settings:?}");
    said(&output)
}

#[track_caller]
fn refused_setting(settings: &[(&str, &str)], words: &[&str]) -> String {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    refused_line(&settings, &words)
}

#[test]
fn typed_text_reaches_a_message_without_control_characters() {
    for words in [["--delays", "\u{1b}[31m\n"], ["--retry-on", "7,\u{1b}[31m\nx"], ["--base", "\u{1b}\n"]] {
        let line = refused(&words);
        assert!(!line.contains(char::is_control), "{words:?}: {line:?}");
    }
    let scratch = Scratch::new();
    let mut retry = scratch.retry("-v");
    retry.args(["--stop-on", "5\u{85}-\u{b}7"]).env("RETRY_RETRIES", "2\n").args(scratch.ends("6"));
    let output = retry.output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        assert!(line.starts_with("retry: ") && !line.contains(char::is_control), "{line:?}");
    }
}

/// Wherever it is typed: a URL may be meant for --state, or for the command.
#[test]
fn no_message_shows_a_password() {
    let scratch = Scratch::new();
    let run = |settings: &[(&str, &str)], words: &[&str]| {
        let mut retry = scratch.retry("-v --base 0 --jitter 0");
        let output = retry.envs(settings.iter().copied()).args(words).output().unwrap();
        let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!all.contains("hunter2"), "{settings:?} {words:?}: {all}");
    };
    let urls = [
        "redis://u:hunter2@h",
        "redis://u:a,hunter2@h",
        "1,redis://u:hunter2@h",
        "/x,redis://:hunter2@h",
        "redis://u:hunter2 b@h",
        "http://u:hunter2'@h",
        "http://h/?password=hunter2",
        "redis://u:hunter2",
        "rediss:/u:hunter2@h",
    ];
    for url in urls {
        // A command, names and patterns are what the user says they are.
        let any = ["--retry-if", "--before-retry", "--fallback", "--breaker", "--budget", "--label"];
        for (flag, _) in BAD.iter().filter(|(flag, _)| !any.contains(flag) && !flag.ends_with("-output")) {
            // This is a directory.
            if *flag == "--state" && url.starts_with('/') {
                continue;
            }
            let option = format!("{flag}={url}");
            run(&[], &[&option, "--base=x", "true"]);
            run(&[], &[flag, url, "true"]);
            run(&[], &[flag, &format!("-{url}"), "true"]);
            let variable = format!("RETRY_{}", flag[2..].to_ascii_uppercase().replace('-', "_"));
            run(&[(&variable, url)], &["true"]);
        }
        run(&[], &[&format!("--{url}"), "true"]);
        run(&[], &["--stats", url]);
        run(&[], &["--stats", "-", "--html", url]);
    }
    // Without -v, which prints command lines.
    for url in
        ["redis://:hunter2@h", "http://u:hunter2@h/x", "http://u:x/hunter2@h", "redis://u:x hunter2@h -v"]
    {
        let output = scratch.retry("--retry-on auto").args([url, "true"]).output().unwrap();
        let stderr = text(&output.stderr);
        assert!(stderr.contains(": command not found (") && !stderr.contains("hunter2"), "{stderr}");
    }
    assert_eq!(
        refused(&["--stop-on", "redis://u:hunter2@h"]),
        "retry: invalid value 'redis://***@h' for --stop-on: '...' is not an exit status, the name of a signal, \
         nonzero, signal, timeout, spawn, auto or a preset (--list-presets shows them). Example: --stop-on 2,64-78"
    );
}

/// A bad value as it is shown: a URL may hold a password.
fn shown(flag: &str, value: &str) -> String {
    if flag != "--state" {
        return value.to_owned();
    }
    format!("{}:...", value.split(':').next().unwrap())
}

#[test]
fn a_bad_value_names_the_flag_shows_the_value_and_a_good_one() {
    for (flag, values) in BAD {
        for value in *values {
            let apart = refused(&[flag, value]);
            let together = refused(&[&format!("{flag}={value}")]);
            assert_eq!(apart, together);
            let start = format!("retry: invalid value '{}' for {flag}: ", shown(flag, value));
            assert!(apart.starts_with(&start), "{apart}");
            is_good(&apart, &format!("{flag} "));
        }
        let empty = refused(&[&format!("{flag}=")]);
        assert!(empty.starts_with(&format!("retry: {flag} needs a value")), "{empty}");
        let binary = OsString::from_vec([flag.as_bytes(), b"=", not_utf8().as_bytes()].concat());
        let binary = refused_line(&[], &[&binary]);
        assert!(
            binary.starts_with(&format!("retry: invalid value 'a\u{fffd}\u{fffd}b' for {flag}: ")),
            "{binary}"
        );
        is_good(&binary, &format!("{flag} "));
    }
}

/// The words of a line as a shell reads them, with single quotes.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// What a message shows as good is good, as it stands.
#[track_caller]
fn is_good(message: &str, start: &str) {
    let (_, good) = message.rsplit_once(". Example: ").unwrap_or_else(|| panic!("{message}"));
    assert!(good.starts_with(start), "{message}");
    let scratch = Scratch::new();
    let retry = |line: &str| scratch.retry("").args(shell_words(line)).output().unwrap().status.success();
    // A dry run, so that nothing is waited for.
    // Some flags do nothing without another one.
    let others = "--retry-after --breaker b --budget b";
    let rate = "--breaker b --breaker-rate 50%";
    assert!(
        retry(good)
            || retry(&format!("--dry-run {good} -- true"))
            || retry(&format!("--dry-run {others} {good} -- true"))
            || retry(&format!("--dry-run {rate} {good} -- true")),
        "{message}"
    );
}

const ANYTHING: [&str; 11] = [
    "--retry-if",
    "--before-retry",
    "--fallback",
    "--breaker",
    "--budget",
    "--reset-state",
    "--report",
    "--junit",
    "--preset-file",
    "--stats",
    "--html",
];

#[test]
fn every_flag_with_a_value_is_among_the_bad_ones() {
    let scratch = Scratch::new();
    let help = scratch.retry("--help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let options = help.lines().filter_map(|line| line.split_once("--").filter(|_| line.contains(" <")));
    let flags: Vec<_> = options
        .filter(|(before, _)| before.trim().is_empty() || before.trim().starts_with('-'))
        .map(|(_, name)| format!("--{}", name.split(' ').next().unwrap()))
        // Any words are a shell command; anything is a name, or the name of a file.
        .filter(|flag| !ANYTHING.contains(&flag.as_str()))
        .collect();
    let bad: Vec<_> = BAD.iter().map(|(flag, _)| (*flag).to_owned()).collect();
    assert_eq!(flags, bad);
}

#[test]
fn a_compound_duration_is_the_sum_of_its_parts_wherever_one_is_read() {
    let scratch = Scratch::new();
    let delays = |settings: &[(&str, &str)], words: &str| {
        let mut retry = scratch.retry(&format!("--dry-run --retries 3 {words} -- true"));
        text(&retry.envs(settings.iter().copied()).output().unwrap().stdout)
    };
    for (settings, words, wanted) in [
        (&[][..], "--base 2m30s --jitter 0 --backoff constant", "2m30s"),
        (&[("RETRY_BASE", "2m 30s")], "--jitter 0 --backoff constant", "2m30s"),
        (&[], "--delays 2m30s,1.5h30m --jitter 0", "2h"),
        (&[], "--base 5 --jitter 2m30s --backoff constant", "5s-2m35s"),
        (&[("RETRY_JITTER", "+-1m30s")], "--base 2m30s --backoff constant", "1m-4m"),
    ] {
        let shown = delays(settings, words);
        assert!(shown.contains(wanted), "{settings:?} {words}: {shown}");
    }
    let line = refused(&["--timeout", "5M"]);
    assert_eq!(line, "retry: invalid value '5M' for --timeout: use m for minutes. Example: --timeout 5m");
    let line = &warned(&[("RETRY_TIMEOUT", OsStr::new("5 10m"))], "")[0];
    assert!(
        line.starts_with("retry: warning: invalid value '5 10m' in RETRY_TIMEOUT: no unit after 5; use "),
        "{line}"
    );
}

#[test]
fn short_flags() {
    for (short, long) in [
        ("-r", "--retries"),
        ("-t", "--timeout"),
        ("-b", "--base"),
        ("-f", "--factor"),
        ("-m", "--max-delay"),
        ("-j", "--jitter"),
    ] {
        let line = refused(&[short, "x"]);
        assert!(line.starts_with(&format!("retry: invalid value 'x' for {long}: ")), "{line}");
        assert!(refused(&[&format!("{short}x")]).starts_with("retry: invalid value 'x'"));
        let binary = OsString::from_vec([short.as_bytes(), not_utf8().as_bytes()].concat());
        let binary = refused_line(&[], &[&binary]);
        assert!(binary.contains(&format!("for {long}: not valid UTF-8")), "{binary}");
        let binary = refused_line(&[], &[OsStr::new(short), not_utf8()]);
        assert!(binary.contains(&format!("for {long}: not valid UTF-8")), "{binary}");
    }
}

#[test]
fn a_flag_at_the_end_has_no_value() {
    let scratch = Scratch::new();
    for flag in ["--retries", "-b", "--retry-on"] {
        let start = format!("retry: {}", if flag == "-b" { "--base" } else { flag });
        let retry = scratch.retry(flag).assert().code(125).stdout("");
        retry.stderr(predicate::str::starts_with(format!("{start} needs a value. Example: ")));
    }
}

#[test]
fn a_name_of_what_is_shared_is_not_empty() {
    for flag in ["--breaker", "--budget", "--reset-state"] {
        for words in [&[&format!("{flag}=")[..], "true"][..], &[flag, "", "true"]] {
            assert_eq!(refused(words), format!("retry: {flag} needs a value. Example: {flag} registry"));
        }
    }
}

/// An empty line of a shell succeeds. It would turn each failure into a success.
#[test]
fn a_hook_is_not_empty() {
    for flag in ["--retry-if", "--before-retry", "--fallback"] {
        for words in [[&format!("{flag}="), "true"], [flag, ""]] {
            let line = refused(&words);
            assert!(line.starts_with(&format!("retry: {flag} needs a value. Example: {flag} ")), "{line}");
        }
        for blank in [" ", "\t\n"] {
            let line = refused(&[flag, blank]);
            assert!(line.contains(&format!(" for {flag}: must be a command. Example: {flag} ")), "{line}");
        }
    }
}

#[test]
fn a_misspelt_flag_gets_a_suggestion() {
    for (typed, meant) in [
        ("--retires", "--retries"),
        ("--bse", "--base"),
        ("--retry_on", "--retry-on"),
        ("--TIMEOUT", "--timeout"),
        ("--stop-onn", "--stop-on"),
        ("--max-dely", "--max-delay"),
    ] {
        for word in [typed.to_owned(), format!("{typed}=1")] {
            assert_eq!(
                refused(&[&word, "true"]),
                format!("retry: unknown option {typed}; did you mean {meant}?")
            );
        }
    }
    // Nothing is better than the opposite, or something else.
    for unknown in [
        "--unquiet",
        "--no-verbose",
        "--no-report",
        "--no-breaker",
        "--no-log",
        "--un-silent",
        "--xyzzy",
        "-X",
        "-Z",
        "--retry-off",
        "--std",
        "--restes",
        "--slow",
        "--tail",
    ] {
        let line = refused(&[unknown]);
        assert_eq!(line, format!("retry: unknown option {unknown}; see retry --help"));
    }
}

/// Every row of the table, under each of its names.
#[test]
fn an_option_of_another_tool_is_named_here() {
    let scratch = Scratch::new();
    let help = text(&scratch.retry("--help").output().unwrap().stdout);
    let exists = |flag: &str| {
        let name = flag.trim_end_matches([',', ';', ':', ')', '.']);
        help.contains(&format!("{name} "))
            || help.contains(&format!("{name}\n"))
            || help.contains(&format!("{name}["))
    };
    for row in OPTIONS {
        let example =
            if row.example.is_empty() { String::new() } else { format!(". Example: {}", row.example) };
        for name in row.names {
            let wanted = format!("retry: unknown option {name}: {}{example}", row.said);
            assert_eq!(refused(&[name, "5", "true"]), wanted);
            if let Some(long) = name.strip_prefix("--") {
                let typed = format!("--{}", long.replace('-', "_"));
                assert_eq!(refused(&[&typed, "true"]), wanted.replacen(name, &typed, 1));
                // With one dash, as in Go programs. `-h` is the help, whatever follows.
                if long.starts_with('h') {
                    continue;
                }
                let wanted = wanted.replacen(name, &name[1..], 1);
                assert_eq!(refused(&[&name[1..], "5", "true"]), wanted, "{name}");
            }
        }
        for flag in row.said.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
            assert!(exists(flag), "{flag} in {:?}", row.said);
        }
        if row.said.contains("--retries") {
            assert!(row.said.contains("first included"), "{}", row.said);
        }
        scratch.retry(&format!("--dry-run {} -- true", row.example)).assert().code(0);
    }
}

/// Every row of the table of values, under each of its names.
#[test]
fn a_value_of_another_tool_is_named_here() {
    for row in VALUES {
        for typed in row.typed {
            let line = refused(&[row.flag, typed, "true"]);
            assert!(
                line.starts_with(&format!("retry: invalid value '{typed}' for {}: ", row.flag)),
                "{line}"
            );
            let end = format!("{}. Example: {} {}", row.said, row.flag, row.meant);
            assert!(line.ends_with(&end), "{line}");
            is_good(&line, &format!("{} ", row.flag));
        }
    }
}

#[test]
fn what_other_tools_take_is_there_under_some_name() {
    // What people have typed.
    for typed in [
        "--abort-on",
        "--max-attempts",
        "--delay",
        "--retry-delay",
        "--retry-max-time",
        "--overall-timeout",
        "--total-timeout",
        "--until-fail",
        "--fixed",
        "--linear",
        "--multiplier",
        "--no-jitter",
        "--hold-stdout",
        "--shell",
        "-n",
        "-a",
        "-s",
        "-w",
    ] {
        assert!(OPTIONS.iter().any(|row| row.names.contains(&typed)), "{typed}");
    }
}

#[test]
fn a_value_that_begins_with_a_dash_is_not_taken_for_a_name_or_a_file() {
    for flag in ["--retry-if", "--before-retry", "--fallback", "--retry-on-output"] {
        for value in ["-x", "-Z=1", "--xyzzy"] {
            let line = refused(&[flag, value, "true"]);
            let start =
                format!("retry: {flag} needs a value; if the value begins with a dash, use {flag}={value}. ");
            assert!(line.starts_with(&start), "{line}");
            is_good(&line, &format!("{flag} "));
        }
    }
    // Where such a value would be refused as well, it is not advised.
    for flag in [
        "--label",
        "--breaker",
        "--budget",
        "--reset-state",
        "--report",
        "--junit",
        "--log",
        "--preset-file",
        "--html",
        "--ci",
        "--backoff",
    ] {
        let line = refused(&[flag, "-x", "true"]);
        assert!(line.starts_with(&format!("retry: {flag} needs a value. Example: {flag} ")), "{line}");
    }
    for flag in ["--label", "--breaker", "--retry-if", "--fallback", "--retry-on-output"] {
        let line = refused(&[flag, "--base", "1", "true"]);
        assert!(line.starts_with(&format!("retry: {flag} needs a value. Example: {flag} ")), "{line}");
    }
    for flag in
        ["--report", "--junit", "--html", "--preset-file", "--log", "--label", "--breaker", "--budget"]
    {
        let line = refused(&[&format!("{flag}=-x"), "true"]);
        assert!(line.starts_with(&format!("retry: invalid value '-x' for {flag}: ")), "{line}");
    }
    for flag in ["--report", "--junit", "--log"] {
        let line = refused(&[flag, "-", "true"]);
        assert!(
            line.starts_with(&format!("retry: invalid value '-' for {flag}: must be a file; ")),
            "{line}"
        );
    }
    // Commands and patterns may begin with one.
    let scratch = Scratch::new();
    scratch.retry("--dry-run --retry-on-output=-x --retry-if=-x true").assert().code(0);
}

#[test]
fn the_example_is_what_was_meant() {
    for (words, end) in [
        (&["--backoff", "2s"][..], "constant; for a delay, use --base. Example: --base 2s"),
        (&["--backoff", "Linear"], "Example: --backoff linear"),
        (&["--backoff", "exponentail"], "Example: --backoff exponential"),
        (&["--timeout", "1H30M"], "use h for hours. Example: --timeout 1h30m"),
        (&["--timeout", "500MS"], "use ms for milliseconds. Example: --timeout 500ms"),
        (&["--base", "1,5"], "use a point, not a comma, for decimals. Example: --base 1.5"),
        (&["--delays", "1;2"], "Example: --delays 1,2"),
        (&["--retries", "INF"], "must be a whole number, 1 or more, or inf. Example: --retries inf"),
        (&["--retries", "0"], "must be a whole number, 1 or more, or inf. Example: --retries 5"),
        (&["--retries", "2.5"], "must be a whole number, 1 or more, or inf. Example: --retries 5"),
        (&["--delays", "1 2 3"], "separate delays with commas. Example: --delays 1,2,3"),
        (&["--retry-on", "1 2"], "; separate items with commas. Example: --retry-on 1,2"),
        (&["-5"], "unknown option -5: --retries counts attempts, the first included. Example: --retries 5"),
        (
            &["-50"],
            "unknown option -50: --retries counts attempts, the first included. Example: --retries 50",
        ),
        (&["-0"], "unknown option -0; see retry --help"),
        (&["--retries", "30s"], "or inf; for a time limit, use --deadline. Example: --deadline 30s"),
        (
            &["--retry-on", "503"],
            "'503' is an HTTP status, not an exit status; the presets curl and wget retry it. Example: --retry-on curl",
        ),
        (
            &["--retry-on", "5xx"],
            "'5xx' is an HTTP status, not an exit status; the presets curl and wget retry it. Example: --retry-on curl",
        ),
        // The preset stops on a 404 and retries a 503.
        (
            &["--stop-on", "404"],
            "not an exit status; the presets curl and wget already stop on it. Example: --retry-on curl",
        ),
        (
            &["--retry-on", "404"],
            "not an exit status; to match the output, use --retry-on-output. Example: --retry-on-output 'error: 404'",
        ),
        (
            &["--stop-on", "503"],
            "not an exit status; to match the output, use --stop-on-output. Example: --stop-on-output 'error: 503'",
        ),
        (
            &["--success-on", "404"],
            "to match the output, use --success-on-output. Example: --success-on-output 'error: 404'",
        ),
        (&["--retry-on", "curll"], "Example: --retry-on curl"),
        (
            &["--stop-on", "access denied"],
            "to match the output, use --stop-on-output. Example: --stop-on-output 'access denied'",
        ),
        (&["--retry-after=x"], "must be one of stderr, stdout, both. Example: --retry-after=stderr"),
        (&["--retry-after=5"], "for a limit, use --max-retry-after. Example: --max-retry-after 5"),
        (
            &["--retry-after", "both"],
            "retry: --retry-after takes its value after a =. Example: --retry-after=both",
        ),
        (
            &["-timeout", "30"],
            "retry: unknown option -timeout: long options have two dashes. Example: --timeout 30",
        ),
        (
            &["-attempts=3"],
            "retry: unknown option -attempts: long options have two dashes. Example: --attempts 5",
        ),
        (&["--quiet=yes"], "retry: --quiet takes no value"),
        (&["-O=final"], "retry: -O takes no value"),
        (&["-r=3", "-q=1"], "retry: -q takes no value"),
    ] {
        let line = refused(&[words, &["true"]].concat());
        assert!(line.ends_with(end), "{line}");
    }
    // After `--` and behind a value it is a command.
    let scratch = Scratch::new();
    scratch.executable("both", "#!/bin/sh\n");
    let path = format!("{}:/usr/bin:/bin", scratch.path("").display());
    for words in ["--retry-after -- both", "--retry-after=both both", "--label both both"] {
        scratch.retry(words).env("PATH", &path).assert().code(0);
    }
}

#[test]
fn without_words_the_usage_is_shown() {
    let scratch = Scratch::new();
    let usage = "Usage: retry [OPTIONS] [--] COMMAND [ARG]...\nTry 'retry -h'.\n";
    scratch.retry("").assert().code(125).stdout("").stderr(usage);
}

#[test]
fn options_without_a_command() {
    let scratch = Scratch::new();
    for options in ["--retries 2", "--", "-v", "--retries 2 --"] {
        let retry = scratch.retry(options).assert().code(125).stdout("");
        retry.stderr("retry: no command given. Example: retry -- curl -fsS https://example.com\n");
    }
}

#[test]
fn flags_that_exclude_each_other() {
    for (first, second) in [
        (["--delays", "1"], ["--base", "2"]),
        (["--delays", "1"], ["--factor", "2"]),
        (["--delays", "1"], ["--backoff", "linear"]),
    ] {
        for words in [[first, second].concat(), [second, first].concat()] {
            let line = refused(&words);
            assert!(line.contains(first[0]) && line.contains(second[0]), "{line}");
            assert!(line.contains("cannot be used with"), "{line}");
        }
    }
    for flag in ["--factor=2", "--backoff=linear"] {
        let line = refused(&["--jitter", "decorrelated", flag]);
        let name = flag.split('=').next().unwrap();
        assert!(
            line.starts_with(&format!("retry: {name} has no effect with --jitter decorrelated")),
            "{line}"
        );
    }
    assert!(refused(&["--jitter", "decorrelated", "--delays", "1"]).contains("--delays has no effect"));
    for shape in ["linear", "fibonacci", "constant"] {
        let wanted =
            format!("retry: --factor has no effect with --backoff {shape}. Example: --backoff exponential");
        assert_eq!(refused(&["--backoff", shape, "--factor", "3"]), wanted);
    }
    let line = refused(&["--generate", "man", "--retries", "2"]);
    assert!(
        line.starts_with(
            "retry: --generate takes no other option and no command. Example: retry --generate man"
        ),
        "{line}"
    );
}

#[test]
fn the_last_one_wins_but_lists_add_up() {
    let scratch = Scratch::new();
    let runs = |options: &str| {
        let _none_before = std::fs::remove_file(scratch.path("runs"));
        scratch.retry(&format!("--base 0 --jitter 0 {options}")).args(scratch.ends("2")).output().unwrap();
        scratch.runs()
    };
    assert_eq!(runs("-r 5 -r 2"), 2);
    assert_eq!(runs("--retries 5 --attempts=1"), 1);
    assert_eq!(runs("--stop-on 1 --stop-on 2"), 1);
    // Each flag with one value, twice: none is refused.
    for (flag, _) in BAD.iter().filter(|(flag, _)| *flag != "--generate") {
        let line = refused(&[flag, "\u{1}", "--base", "x"]);
        let (_, example) = line.rsplit_once(". Example: ").unwrap();
        if example.starts_with(flag) {
            let rate = if *flag == "--breaker-min-attempts" { "--breaker-rate 50%" } else { "" };
            let others = format!("--retry-after --breaker b --budget b {rate}");
            let words = format!("--dry-run {others} {example} {example} true");
            scratch.retry(&words).assert().code(0);
        }
    }
    for flags in ["-vv", "-v -v", "-qv", "--quiet -v", "--silent -v"] {
        let lines = said(&scratch.retry(flags).arg("true").output().unwrap());
        assert_eq!(lines, ["retry: starting attempt 1/3: true"], "{flags}");
    }
    for flags in ["-qq", "-vq", "-v --silent --quiet", "-OO", "-O --stdout live", "--stdout live -O"] {
        scratch.retry(flags).arg("true").assert().code(0).stderr("");
    }
}

#[test]
fn more_successes_than_attempts() {
    let line = refused(&["--consecutive", "4"]);
    assert_eq!(
        line,
        "retry: --consecutive 4 needs at least 4 attempts, but --retries 3 allows 3. Example: --retries 4"
    );
    refused(&["--consecutive", "3", "--retries", "2"]);
    let scratch = Scratch::new();
    scratch.retry("--consecutive 4 --retries inf --base 0 --jitter 0").arg("true").assert().code(0);
}

/// Prints its arguments, each in angle brackets.
const SHOW: [&str; 4] = ["sh", "-c", r#"printf '<%s>' "$@""#, "show"];

#[test]
fn arguments_of_the_command_are_its_own() {
    for (options, arguments, shown) in [
        ("", &["checkout", "--", "f"][..], "<checkout><--><f>"),
        ("--", &["checkout", "--", "f"], "<checkout><--><f>"),
        ("--", &["--", "--"], "<--><-->"),
        ("", &["-f", "http://localhost", "-o", "x"], "<-f><http://localhost><-o><x>"),
        ("-r 2 -q", &["--retries", "0", "-v", "--bogus"], "<--retries><0><-v><--bogus>"),
        ("", &["--help", "-h", "--version", "-V"], "<--help><-h><--version><-V>"),
        ("", &["", "a b", "*", "$HOME", "~", "'", "\\"], "<><a b><*><$HOME><~><'><\\>"),
        ("", &["", "", ""], "<><><>"),
        ("", &["a\nb", "\t", "ü"], "<a\nb><\t><ü>"),
    ] {
        let scratch = Scratch::new();
        let retry = scratch.retry(options).args(SHOW).args(arguments).assert();
        retry.code(0).stdout(shown.to_owned()).stderr("");
    }
}

#[test]
fn arguments_that_are_no_utf8() {
    let scratch = Scratch::new();
    let shown = [b"<", not_utf8().as_bytes(), b"><x>"].concat();
    for options in ["", "--", "-v --retries 2 --"] {
        scratch.retry(options).args(SHOW).arg(not_utf8()).arg("x").assert().code(0).stdout(shown.clone());
    }
    // The name of the command too.
    let link = scratch.path("").join(not_utf8());
    std::os::unix::fs::symlink("/bin/echo", link).unwrap();
    let name = OsString::from_vec([b"./", not_utf8().as_bytes()].concat());
    scratch.retry("").arg(name).arg("here").assert().code(0).stdout("here\n");
}

#[test]
fn after_two_dashes_anything_is_a_command() {
    let scratch = Scratch::new();
    let retry = scratch.retry("--").arg("-x").assert().code(127);
    retry.stderr(predicate::str::starts_with("retry: attempt 1/3 failed: -x: command not found"));
    scratch.executable("--retries", "#!/bin/sh\necho \"ran $1\"\n");
    let path = format!("{}:/usr/bin:/bin", scratch.path("").display());
    scratch.retry("--").args(["--retries", "0"]).env("PATH", path).assert().code(0).stdout("ran 0\n");
}

#[test]
fn the_short_help_fits_a_screen() {
    let scratch = Scratch::new();
    let output = scratch.retry("-h").env("COLUMNS", "80").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    assert!(help.lines().count() <= 30, "{} lines:\n{help}", help.lines().count());
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    assert!(help.contains("\nUsage: retry [OPTIONS] [--] COMMAND [ARG]...\n\n"), "{help}");
    for part in ["--retries", "--timeout", "--base", "--jitter", "--retry-on", "Exit status", "retry --help"]
    {
        assert!(help.contains(part), "{part}");
    }
    assert!(!help.contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn the_long_help_has_everything() {
    let scratch = Scratch::new();
    let output = scratch.retry("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
    for part in ["\nEXAMPLES\n", "\nEXIT STATUS\n", "RETRY_RETRIES=5", "--dry-run", "--version"] {
        assert!(help.contains(part), "{part}");
    }
    for code in ["0", "124", "125", "126", "127"] {
        assert!(help.contains(&format!("\n  {code} ")), "{code}");
    }
    for (flag, _) in BAD {
        assert!(help.contains(&format!("{flag} <")), "{flag}");
    }
}

#[test]
fn the_version() {
    let scratch = Scratch::new();
    for flag in ["--version", "-V"] {
        let version = concat!("retry ", env!("CARGO_PKG_VERSION"), "\n");
        scratch.retry(flag).assert().code(0).stdout(version).stderr("");
    }
}

#[test]
fn help_for_a_reader_that_has_gone() {
    let scratch = Scratch::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let enough = scratch.retry_to_spawn("--help").stdout(writer).output().unwrap();
    assert_eq!((enough.status.code(), enough.stderr), (Some(0), vec![]));
}

#[cfg(target_os = "linux")]
#[test]
fn help_for_a_disk_that_is_full() {
    let scratch = Scratch::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let full = scratch.retry_to_spawn("--help").stdout(full).output().unwrap();
    assert_eq!(full.status.code(), Some(125));
    assert_eq!(said(&full), ["retry: cannot write to stdout: no space left on device"]);
}

#[test]
fn a_setting_is_a_flag() {
    for (variable, value, ends, runs) in [
        ("RETRY_RETRIES", "2", "1", 2),
        ("RETRY_RETRIES", "", "1", 3),
        ("RETRY_CONSECUTIVE", "2", "0", 2),
        ("RETRY_STOP_ON", "1", "1", 1),
        ("RETRY_RETRY_ON", "2,3", "1", 1),
        ("RETRY_SUCCESS_ON", "1", "1", 1),
    ] {
        let scratch = Scratch::new();
        scratch.retry(FAST).env(variable, value).args(scratch.ends(ends)).output().unwrap();
        assert_eq!(scratch.runs(), runs, "{variable}={value}");
    }
    let scratch = Scratch::new();
    let delays = |variable: &str, value: &str| {
        let settings = [("RETRY_BASE", "0.01"), ("RETRY_JITTER", "0"), (variable, value)];
        announced(&scratch.retry("").envs(settings).arg("false").output().unwrap())
    };
    assert_eq!(delays("RETRY_FACTOR", "2"), [0.01, 0.02]);
    assert_eq!(delays("RETRY_BACKOFF", "constant"), [0.01, 0.01]);
    assert_eq!(delays("RETRY_MAX_DELAY", "0.02"), [0.01, 0.02]);
    scratch.retry(FAST).env("RETRY_FLAKY_EXIT", "9").args(scratch.ends("1 0")).assert().code(9);
    let late = [("RETRY_INITIAL_DELAY", "2"), ("RETRY_DEADLINE", "1")];
    scratch.retry("").envs(late).arg("true").assert().code(124);
    let killed = [("RETRY_TIMEOUT", "1"), ("RETRY_TIMEOUT_SIGNAL", "KILL"), ("RETRY_KILL_AFTER", "0")];
    let retry = scratch.retry("-r1").envs(killed).args(["sleep", "1000"]).assert();
    retry.code(124).stderr(predicate::str::contains("(sent SIGKILL)"));
}

/// It may belong to another program, so it stops nothing.
#[test]
fn a_bad_setting_is_a_warning_that_names_the_variable() {
    for (flag, values) in BAD.iter().filter(|(flag, _)| *flag != "--generate") {
        let variable = format!("RETRY_{}", flag[2..].to_ascii_uppercase().replace('-', "_"));
        for value in *values {
            let lines = warned(&[(&variable, OsStr::new(value))], "");
            let (1, Some(line)) = (lines.len(), lines.first()) else {
                panic!("{variable}={value}: {lines:?}")
            };
            let start = format!("retry: warning: invalid value '{}' in {variable}: ", shown(flag, value));
            assert!(line.starts_with(&start), "{line}");
            let (_, good) = line.rsplit_once(". Example: ").unwrap();
            let good = good.strip_suffix(". The variable is ignored").unwrap_or_else(|| panic!("{line}"));
            let (name, good) = good.split_once('=').unwrap();
            assert!(name == variable || !value.starts_with(char::is_alphabetic), "{line}");
            let scratch = Scratch::new();
            scratch.retry("--dry-run").env(name, good).arg("true").assert().code(0).stderr("");
        }
        let lines = warned(&[(&variable, not_utf8())], "");
        let start = format!("retry: warning: invalid value 'a\u{fffd}\u{fffd}b' in {variable}: ");
        assert!(lines[0].starts_with(&start), "{lines:?}");
        assert!(
            !lines[0].ends_with('=') && lines[0].contains(&format!(". Example: {variable}=")),
            "{lines:?}"
        );
    }
    // Nothing is said where nobody listens, and a dry run says it as well.
    for quiet in ["-q", "--silent"] {
        assert_eq!(warned(&[("RETRY_BACKOFF", OsStr::new("true"))], quiet), Vec::<String>::new());
    }
    let scratch = Scratch::new();
    let plan = scratch.retry("--dry-run true").env("RETRY_BACKOFF", "true").output().unwrap();
    let plan = text(&plan.stdout).replace("\n  ", " ");
    assert!(plan.contains("Warning: invalid value 'true' in RETRY_BACKOFF: "), "{plan}");
    // What is shown or forgotten is at the place that was meant, or nowhere.
    for words in ["--show-state", "--reset-state x"] {
        let retry = scratch.retry(words).env("RETRY_STATE", "http://example.com").assert().code(125);
        retry.stderr(predicate::str::contains("in RETRY_STATE: "));
    }
}

#[test]
fn variables_that_are_misspelt_get_a_warning() {
    for (name, end) in [
        ("RETRY_RETRIE", ", which is not a setting; did you mean RETRY_RETRIES?"),
        ("RETRY_TIMEOUTS", ", which is not a setting; did you mean RETRY_TIMEOUT?"),
        ("RETRY_COUNT", ", which is not a setting; did you mean RETRY_RETRIES?"),
        ("RETRY_BACKOFF_FACTOR", ", which is not a setting; did you mean RETRY_FACTOR?"),
        ("RETRY_NO_JITTER", ", which is not a setting; did you mean RETRY_JITTER=none?"),
        ("RETRY_NO_PROGRESS", ", which is not a setting; did you mean RETRY_PROGRESS=never?"),
        ("RETRY_NO_RETRIES", ", which is not a setting; did you mean RETRY_RETRIES=1?"),
        ("RETRY_NO_REPORT", ", which is not a setting"),
        ("RETRY_UNQUIET", ", which is not a setting"),
        ("RETRY_DELAY", ", which is not a setting; did you mean RETRY_BASE?"),
        ("RETRY_O", ", which is not a setting; did you mean RETRY_STDOUT?"),
        ("RETRY_STATE_DIR", ", which is not a setting; did you mean RETRY_STATE?"),
        ("RETRY_MAX_ATTEMPTS", ", which retry sets for its command; did you mean RETRY_RETRIES?"),
        ("RETRY_RESET", ", which is not a setting"),
        ("RETRY_SHELL", ", which is not a setting"),
        ("RETRY_NOPE", ", which is not a setting"),
        ("RETRY_FALLBACK", ": --fallback works on the command line only"),
        ("RETRY_GENERATE", ": --generate works on the command line only"),
    ] {
        assert_eq!(warned(&[(name, OsStr::new("5"))], ""), [format!("retry: warning: ignoring {name}{end}")]);
        assert_eq!(warned(&[(name, OsStr::new(""))], ""), Vec::<String>::new());
    }
    // What retry tells its command is no setting, and a retry inside it says nothing of what the outer one has said.
    for name in ["RETRY_ATTEMPT", "RETRY_ELAPSED", "RETRY_PREVIOUS_STATUS", "RETRY_STATUS"] {
        assert_eq!(warned(&[(name, OsStr::new("x"))], ""), Vec::<String>::new());
    }
    let inside = [("RETRY_MAX_ATTEMPTS", OsStr::new("3")), ("RETRY_DEPTH", OsStr::new("1"))];
    assert_eq!(warned(&inside, ""), Vec::<String>::new());
    let scratch = Scratch::new();
    let nested =
        scratch.retry("").args([common::command::RETRY, "true"]).env("RETRY_NOPE", "x").output().unwrap();
    assert_eq!(said(&nested), ["retry: warning: ignoring RETRY_NOPE, which is not a setting"]);
}

#[test]
fn other_names_of_settings() {
    let scratch = Scratch::new();
    let lines = |settings: &[(&str, &str)], options: &str| {
        let mut retry = scratch.retry(&format!("--base 0 --jitter 0 --stop-on 2 {options}"));
        said(
            &retry.envs(settings.iter().copied()).args(["sh", "-c", "exit $RETRY_ATTEMPT"]).output().unwrap(),
        )
        .len()
    };
    assert_eq!(lines(&[], ""), 2);
    assert_eq!(lines(&[("RETRY_ATTEMPTS", "1")], ""), 1);
    assert_eq!(lines(&[("RETRY_ATTEMPTS", "1"), ("RETRY_RETRIES", "3")], ""), 2);
    for on in ["1", "true", "yes"] {
        assert_eq!(lines(&[("RETRY_QUIET", on)], ""), 1);
        assert_eq!(lines(&[("RETRY_SILENT", on)], ""), 0);
        assert_eq!(lines(&[("RETRY_VERBOSE", on)], ""), 5);
        assert_eq!(lines(&[("RETRY_QUIET", on)], "-v"), 4);
    }
    for off in ["0", "false", ""] {
        assert_eq!(lines(&[("RETRY_QUIET", off), ("RETRY_VERBOSE", off)], ""), 2);
    }
    assert_eq!(
        warned(&[("RETRY_VERBOSE", OsStr::new("maybe"))], ""),
        [
            "retry: warning: invalid value 'maybe' in RETRY_VERBOSE: must be 1 or 0. Example: RETRY_VERBOSE=1. The variable is ignored"
        ]
    );
}

#[test]
fn settings_that_are_empty_are_unset() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("");
    for (flag, _) in BAD {
        retry.env(format!("RETRY_{}", flag[2..].to_ascii_uppercase().replace('-', "_")), "");
    }
    retry.arg("true").assert().code(0).stderr("");
}

#[test]
fn the_command_line_wins() {
    let scratch = Scratch::new();
    let retry = scratch
        .retry("-v -r 2 --base 0 --jitter 0")
        .env("RETRY_RETRIES", "9")
        .args(scratch.ends("1"))
        .assert();
    retry.code(1).stderr(predicate::str::contains("RETRY_RETRIES").not());
    assert_eq!(scratch.runs(), 2);
    // Even a bad setting is not looked at then.
    scratch.retry("--retries 2").env("RETRY_RETRIES", "x").arg("true").assert().code(0);
}

#[test]
fn a_setting_that_conflicts_with_the_command_line_is_dropped() {
    let scratch = Scratch::new();
    let delays = |settings: &[(&str, &str)], options: &str| {
        let output = scratch.retry(options).envs(settings.iter().copied()).arg("false").output().unwrap();
        (announced(&output), said(&output).iter().filter(|line| line.ends_with("is used")).count())
    };
    let listed = "-v --delays 0.01,0.03 --jitter 0";
    assert_eq!(delays(&[("RETRY_BASE", "1000"), ("RETRY_FACTOR", "9")], listed), (vec![0.01, 0.03], 0));
    assert_eq!(delays(&[("RETRY_BACKOFF", "linear")], listed), (vec![0.01, 0.03], 0));
    assert_eq!(delays(&[("RETRY_DELAYS", "1000")], "-v --base 0.02 -f 1 --jitter 0"), (vec![0.02, 0.02], 0));
    // Decorrelated jitter is a growth too.
    let (announced, used) = delays(&[("RETRY_JITTER", "decorrelated")], "-v --factor 1 --base 0.5");
    assert!(announced.iter().all(|delay| (0.5..=0.8).contains(delay)), "{announced:?}");
    assert_eq!(used, 0);
    // What stands alone stands alone whatever the environment says.
    for setting in [("RETRY_RETRIES", "5"), ("RETRY_RETRIES", "x"), ("RETRY_DELAYS", "1")] {
        let retry = scratch.retry("--generate bash").env(setting.0, setting.1).assert();
        retry.code(0).stdout(predicate::str::contains("retry")).stderr("");
    }
}

#[test]
fn a_list_on_the_command_line_replaces_the_variables() {
    for (variable, flag) in [("RETRY_STOP_ON", "--stop-on"), ("RETRY_SUCCESS_ON", "--success-on")] {
        let runs = |options: &str| {
            let scratch = Scratch::new();
            let retry = format!("{FAST} --retries 2 {options}");
            scratch.retry(&retry).env(variable, "2").args(scratch.ends("2")).output().unwrap();
            scratch.runs()
        };
        assert_eq!(runs(""), 1, "{variable}");
        assert_eq!(runs(&format!("{flag} 3")), 2, "{flag}");
    }
}

#[test]
fn verbose_says_what_came_from_the_environment() {
    let scratch = Scratch::new();
    let settings = [("RETRY_RETRIES", "5"), ("RETRY_STOP_ON", "2,SIGKILL"), ("RETRY_BASE", "")];
    let output = scratch.retry("-v").envs(settings).arg("true").output().unwrap();
    assert_eq!(
        said(&output),
        [
            "retry: RETRY_RETRIES=5 is used",
            "retry: RETRY_STOP_ON=2,SIGKILL is used",
            "retry: starting attempt 1/5: true"
        ]
    );
    scratch.retry("").envs(settings).arg("true").assert().code(0).stderr("");
}

#[test]
fn two_settings_that_conflict() {
    for other in [("RETRY_BASE", "1"), ("RETRY_FACTOR", "2"), ("RETRY_BACKOFF", "linear")] {
        let settings = [(other.0, OsStr::new(other.1)), ("RETRY_DELAYS", OsStr::new("1"))];
        let name = other.0;
        assert_eq!(
            warned(&settings, ""),
            [format!("retry: warning: RETRY_DELAYS cannot be used with {name}; RETRY_DELAYS is ignored")]
        );
    }
}

/// Growth by itself leaves the other one of the two idle.
#[test]
fn settings_about_growth_that_conflict() {
    let scratch = Scratch::new();
    let lines = |settings: &[(&str, &str)], options: &str| {
        let output =
            scratch.retry(&format!("-v {options}")).envs(settings.iter().copied()).arg("true").output();
        let mut lines = said(&output.unwrap());
        assert_eq!(lines.pop().as_deref(), Some("retry: starting attempt 1/3: true"));
        lines
    };
    for (idle, value) in [("RETRY_BACKOFF", "linear"), ("RETRY_FACTOR", "2"), ("RETRY_DELAYS", "1")] {
        assert_eq!(
            lines(&[("RETRY_JITTER", "decorrelated"), (idle, value)], ""),
            [
                "retry: RETRY_JITTER=decorrelated is used".to_owned(),
                format!("retry: warning: {idle} cannot be used with RETRY_JITTER; {idle} is ignored")
            ]
        );
    }
    assert_eq!(
        lines(&[("RETRY_FACTOR", "2"), ("RETRY_BACKOFF", "linear")], ""),
        [
            "retry: RETRY_BACKOFF=linear is used",
            "retry: warning: RETRY_FACTOR cannot be used with RETRY_BACKOFF; RETRY_FACTOR is ignored"
        ]
    );
    // The command line wins without a word.
    for (setting, options) in [
        (("RETRY_FACTOR", "2"), "--backoff linear"),
        (("RETRY_BACKOFF", "linear"), "--factor 2"),
        (("RETRY_BACKOFF", "linear"), "--jitter decorrelated"),
        (("RETRY_DELAYS", "1"), "--jitter decorrelated"),
        (("RETRY_JITTER", "decorrelated"), "--delays 1"),
    ] {
        assert_eq!(lines(&[setting], options), Vec::<String>::new(), "{setting:?} {options}");
    }
    assert_eq!(lines(&[("RETRY_BACKOFF", "exponential")], "--factor 2").len(), 1);
}

/// A variable makes no usage error of a command line that is valid without it.
#[test]
fn more_successes_than_attempts_is_no_error_of_a_setting() {
    let warning = |settings: &[(&str, &str)], options: &str| {
        let scratch = Scratch::new();
        let mut retry = scratch.retry(&format!("{FAST} {options}"));
        let output = retry.envs(settings.iter().copied()).args(scratch.ends("0")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        (said(&output)[0].clone(), scratch.runs())
    };
    let consecutive = "retry: warning: RETRY_CONSECUTIVE=9 needs at least 9 attempts, but ";
    for (settings, options, limit) in [
        (&[("RETRY_CONSECUTIVE", "9")][..], "", "--retries 3 allows 3"),
        (&[("RETRY_CONSECUTIVE", "9")], "--retries 2", "--retries 2 allows 2"),
        (&[("RETRY_CONSECUTIVE", "9"), ("RETRY_RETRIES", "8")], "", "RETRY_RETRIES=8 allows 8"),
    ] {
        let wanted = format!("{consecutive}{limit}; RETRY_CONSECUTIVE is ignored");
        assert_eq!(warning(settings, options), (wanted, 1));
    }
    let (line, runs) = warning(&[("RETRY_RETRIES", "2")], "--consecutive 3");
    let wanted = "retry: warning: --consecutive 3 needs at least 3 attempts, but RETRY_RETRIES=2 allows 2; \
                  RETRY_RETRIES is ignored";
    assert_eq!((line.as_str(), runs), (wanted, 3));
    // This one is not valid without it.
    assert_eq!(
        refused_setting(&[("RETRY_RETRIES", "2")], &["--consecutive", "5"]),
        "retry: --consecutive 5 needs at least 5 attempts, but --retries 3 allows 3. Example: --retries 5"
    );
}

#[test]
fn a_preset_file_of_a_setting_that_cannot_be_read_is_a_warning() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("bad.toml"), "x\n").unwrap();
    let bad = scratch.path("bad.toml");
    for (path, start) in [
        (OsStr::new("/nonexistent"), "cannot read RETRY_PRESET_FILE=/nonexistent: no such file or directory"),
        (bad.as_os_str(), "RETRY_PRESET_FILE="),
    ] {
        let lines = warned(&[("RETRY_PRESET_FILE", path)], "--retry-on curl");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("retry: warning: {start}")), "{lines:?}");
        assert!(lines[0].ends_with("; RETRY_PRESET_FILE is ignored"), "{lines:?}");
        // It may have the preset that is named, and it would be in the list.
        for words in [&["--retry-on", "mine"][..], &["--list-presets", "mine"]] {
            let mut retry = scratch.retry("");
            let retry = retry.env("RETRY_PRESET_FILE", path).args(words);
            let retry = if words[0] == "--retry-on" { retry.arg("true") } else { retry };
            let retry = retry.assert().code(125);
            retry.stderr(predicate::str::starts_with(format!("retry: {start}")));
        }
    }
    scratch.retry("--preset-file /nonexistent true").assert().code(125);
}

/// One of them would replace what the other one has written.
#[test]
fn two_outputs_do_not_share_a_file() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path(name).to_str().unwrap().to_owned();
    let (new, old) = (path("new"), path("old"));
    std::fs::write(&old, "history\n").unwrap();
    std::os::unix::fs::symlink(&old, path("symlink")).unwrap();
    std::fs::hard_link(&old, path("hardlink")).unwrap();
    std::os::unix::fs::symlink("new", path("dangling")).unwrap();
    let elsewhere =
        format!("{}/../{}/new", path("."), scratch.path("").file_name().unwrap().to_str().unwrap());
    let jsonl = path("new.jsonl");
    for (first, second) in [("--log", "--report"), ("--log", "--junit"), ("--report", "--junit")] {
        for (one, other) in [
            (&new, &new),
            (&new, &elsewhere),
            (&path("dangling"), &new),
            (&old, &old),
            (&old, &path("symlink")),
            (&path("hardlink"), &old),
        ] {
            let line = refused(&[first, one, second, other]);
            let wanted =
                format!("retry: {first} and {second} name the same file, '{other}'; give each its own");
            assert_eq!(line, wanted);
        }
        let words = ["--retries", "1", first, &new, second, &path("other"), "true"];
        scratch.retry("").args(words).assert().code(0).stderr("");
        // A device has room for both.
        scratch.retry("").args([first, "/dev/null", second, "/dev/null", "true"]).assert().code(0).stderr("");
        let both =
            scratch.retry("").args([first, "/dev/stderr", second, "/dev/stderr", "true"]).output().unwrap();
        assert_eq!(both.status.code(), Some(0));
        std::fs::remove_file(&new).unwrap_or_default();
    }
    // Both are appended.
    scratch.retry("").args(["--log", &jsonl, "--report", &jsonl, "true"]).assert().code(0).stderr("");
    refused(&["--report", &jsonl, "--junit", &jsonl]);
    // The page must not replace its own source.
    for page in [&old, &path("symlink"), &path("hardlink")] {
        let retry = scratch.retry("").args(["--stats", &path("other"), &old, "--html", page]).assert();
        let wanted = format!("retry: --stats and --html name the same file, '{page}'; give each its own\n");
        retry.code(125).stderr(wanted);
    }
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "history\n");
    // A variable gives way.
    let same = OsStr::new(&new);
    assert_eq!(
        warned(&[("RETRY_LOG", same)], &format!("--report {new}")),
        [format!("retry: warning: RETRY_LOG and --report name the same file, '{new}'; RETRY_LOG is ignored")]
    );
    assert_eq!(
        warned(&[("RETRY_REPORT", same), ("RETRY_JUNIT", same)], ""),
        [format!(
            "retry: warning: RETRY_REPORT and RETRY_JUNIT name the same file, '{new}'; RETRY_JUNIT is ignored"
        )]
    );
}
