//! What is shown for a terminal: the countdown of a delay (`--progress`) and colours (`--color`).

mod common;

use common::command::{RETRY, Scratch, needs, program};
use common::terminal::Terminal;

const ERASE: &str = "\r\u{1b}[K";

fn stderr(retry: &mut assert_cmd::Command) -> String {
    String::from_utf8(retry.output().unwrap().stderr).unwrap()
}

/// A shell on a terminal that is not dumb.
fn terminal(scratch: &Scratch) -> Terminal {
    let mut terminal = Terminal::bash(scratch);
    terminal.line("unset NO_COLOR CLICOLOR_FORCE; export TERM=xterm; stty -echo; echo rea''dy");
    terminal.shows("ready");
    terminal
}

#[test]
fn a_delay_is_counted_down_in_one_line_that_leaves_no_trace() {
    let scratch = Scratch::new();
    let mut terminal = terminal(&scratch);
    terminal.line("$RETRY --color never --label x --delays 2 --jitter 0 --deadline 99 -- sh -c 'echo run >&2; [ $RETRY_ATTEMPT = 2 ]'; echo en''d");
    let all = terminal.shows("end");
    let lines: Vec<&str> = all.split(ERASE).collect();
    assert_eq!(lines.len(), 4, "{all:?}");
    assert!(lines[0].ends_with("Retrying in 2s\r\n"), "{all:?}");
    let line = |left: &str| format!("retry: x: attempt 2/3 in {left} after exit status 1, deadline in 1m");
    assert!(lines[1].starts_with(&line("2s")) && lines[2].starts_with(&line("1s")), "{all:?}");
    // Erased before the command writes.
    assert!(lines[3].starts_with("run\r\nretry: x: succeeded on attempt 2/3"), "{all:?}");
}

#[test]
fn the_line_is_gone_after_a_signal_and_never_wraps() {
    let scratch = Scratch::new();
    let mut terminal = terminal(&scratch);
    terminal.line("stty columns 30; $RETRY --color never --base 1000 -- false");
    terminal.shows("Retrying in");
    terminal.shows(ERASE);
    terminal.control('c');
    let shown = terminal.shows(ERASE);
    // With the key, and without the last column, after which some terminals wrap at once.
    assert!(shown.chars().count() <= 29, "{shown:?}");
    assert!(shown.starts_with("retry: attempt 2/3 in 16m"), "{shown:?}");
    terminal.shows("retry: interrupted by SIGINT before attempt 2/3.");
}

#[test]
fn no_line_where_nobody_could_read_or_erase_it() {
    let scratch = Scratch::new();
    let mut terminal = terminal(&scratch);
    let failing = "--color never --delays 0.1 --jitter 0 -r2 -- false";
    for (before, options, behind) in [
        ("", "--progress never", ""),
        ("TERM=dumb", "", ""),
        ("TERM=", "", ""),
        ("", "-q", ""),
        ("", "--silent", ""),
        ("", "", "& wait"),
        ("", "--progress always", "& wait"),
    ] {
        terminal.line(&format!("{before} $RETRY {options} {failing} {behind}; echo en''d"));
        let shown = terminal.shows("end");
        assert!(!shown.contains("\u{1b}[K"), "{before} {options} {behind}: {shown:?}");
        assert_eq!(shown.contains("Giving up"), options != "--silent", "{shown:?}");
        assert_eq!(shown.contains("Retrying"), !["-q", "--silent"].contains(&options), "{shown:?}");
    }
    let shown = stderr(scratch.retry("--delays 0.1 -r2 false").env("TERM", "xterm"));
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn always_is_also_without_a_terminal() {
    let scratch = Scratch::new();
    let shown =
        stderr(scratch.retry("--progress always --delays 0.5 --jitter 0 -r2 false").env("TERM", "dumb"));
    let line = format!("{ERASE}retry: attempt 2/2 in 1s after exit status 1{ERASE}retry: attempt 2/2 failed");
    assert!(shown.contains(&line), "{shown:?}");
    let first = stderr(scratch.retry("--progress always --initial-delay 0.5 true").env("TERM", "dumb"));
    assert_eq!(first, format!("{ERASE}retry: attempt 1/3 in 1s{ERASE}"));
    assert_eq!(stderr(&mut scratch.retry("--progress always --silent --delays 0.1 -r2 false")), "");
    let quiet = stderr(&mut scratch.retry("--progress always -q --delays 0.1 -r2 false"));
    assert!(quiet.starts_with("retry: attempt 2/2 failed") && !quiet.contains('\u{1b}'), "{quiet:?}");
}

#[test]
fn a_delay_wakes_up_for_a_view_only() {
    if !needs("strace", "that a delay without a view does not wake up") {
        return;
    }
    let waits = |options: &str| {
        let scratch = Scratch::new();
        let mut strace = program("strace");
        strace.args(["-e", "trace=ppoll", "-e", "signal=none", "-o", "calls", RETRY]);
        strace.args(options.split(' ')).args(["--initial-delay", "2.5", "-r1", "true"]);
        scratch.settle(&mut strace);
        assert!(strace.status().unwrap().success());
        scratch.read("calls").lines().filter(|line| line.contains("Timeout")).count()
    };
    assert_eq!(waits("--progress auto"), 1);
    assert_eq!(waits("--progress never"), 1);
    // 2.5, 2, 1, 0
    assert_eq!(waits("--progress always"), 3);
}

/// The lines of a run that fails, succeeds late, and of one that gives up.
fn colored(scratch: &Scratch, options: &str, settings: &[(&str, &str)]) -> Vec<String> {
    let mut lines = Vec::new();
    for ends in ["1 0", "1 1"] {
        let _none_before = std::fs::remove_file(scratch.path("runs"));
        let mut retry = scratch.retry(&format!("--delays 0.01 -r2 {options}"));
        retry.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").envs(settings.iter().copied());
        lines.extend(stderr(retry.args(scratch.ends(ends))).lines().map(str::to_owned));
    }
    lines
}

#[test]
fn colours_say_what_the_words_say() {
    let scratch = Scratch::new();
    let lines = colored(&scratch, "--color always", &[("NO_COLOR", "1")]);
    let colors: Vec<&str> = lines.iter().map(|line| &line[..12]).collect();
    let (yellow, green, red) = ("\u{1b}[33mretry: ", "\u{1b}[32mretry: ", "\u{1b}[31mretry: ");
    assert_eq!(colors, [yellow, green, yellow, red]);
    assert!(lines.iter().all(|line| line.ends_with("\u{1b}[0m")), "{lines:?}");
    let bare: Vec<String> = lines
        .iter()
        .map(|line| regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap().replace_all(line, "").into())
        .collect();
    assert!(bare[1].starts_with("retry: succeeded on") && bare[3].contains("Giving up"), "{bare:?}");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let scratch = Scratch::new();
    let has =
        |options: &str, settings: &[(&str, &str)]| colored(&scratch, options, settings)[0].contains('\u{1b}');
    assert!(!has("", &[("TERM", "xterm")]));
    assert!(has("", &[("CLICOLOR_FORCE", "1")]));
    assert!(has("", &[("RETRY_COLOR", "always")]));
    assert!(!has("", &[("CLICOLOR_FORCE", "0")]));
    assert!(!has("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!has("--color never", &[("CLICOLOR_FORCE", "1")]));
    assert!(!has("--color always --log-format json", &[]), "an object is an object");

    let mut terminal = terminal(&scratch);
    for (before, options, wanted) in [
        ("", "", true),
        ("", "--color never", false),
        ("NO_COLOR=1", "", false),
        ("NO_COLOR=", "", true),
        ("TERM=dumb", "", false),
        ("TERM=dumb", "--color always", true),
    ] {
        terminal.line(&format!("{before} $RETRY --progress never {options} -r1 -- false; echo en''d"));
        assert_eq!(terminal.shows("end").contains("\u{1b}[31m"), wanted, "{before} {options}");
    }
}
