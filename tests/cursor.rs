//! What a person sees on a terminal when a command does not end its last line. tmux is the terminal: it wraps and
//! erases as all of them do.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, assert_is, needs, program, text, wait_until};

const WIDTH: usize = 80;

struct Tmux<'a> {
    scratch: &'a Scratch,
    socket: String,
}

impl<'a> Tmux<'a> {
    /// A terminal that runs a script, in which `$RETRY` is the binary under test.
    fn run(scratch: &'a Scratch, script: &str) -> Self {
        Self::run_in(scratch, WIDTH, script)
    }

    /// The same in a terminal with this many columns.
    fn run_in(scratch: &'a Scratch, columns: usize, script: &str) -> Self {
        let tmux = Self { scratch, socket: scratch.path("tmux").to_str().unwrap().to_owned() };
        let width = columns.to_string();
        // The file comes when everything is shown: `tmux` reads what was written before it looks.
        let script = format!("{script}\ntouch done; exec sleep 1000");
        let done = tmux.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &width,
            "-y",
            "20",
            "sh",
            "-c",
            &script,
        ]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        tmux
    }

    fn tmux(&self, words: &[&str]) -> std::process::Output {
        let mut tmux = program("tmux");
        tmux.arg("-u").arg("-S").arg(&self.socket).args(words).env("RETRY", RETRY).env("LC_ALL", "C.UTF-8");
        tmux.current_dir(self.scratch.path("."));
        tmux.output().unwrap()
    }

    /// The lines on the screen, without the empty ones at its end.
    fn screen(&self) -> Vec<String> {
        let screen = text(&self.tmux(&["capture-pane", "-p"]).stdout);
        screen.trim_end().lines().map(str::to_owned).collect()
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// What is on the screen after a script.
fn shown(script: &str) -> Vec<String> {
    let scratch = Scratch::new();
    let tmux = Tmux::run(&scratch, &format!("{script}; echo end"));
    wait_until("the end of the script", || tmux.screen().last().is_some_and(|line| line == "end"));
    let mut screen = tmux.screen();
    screen.pop();
    screen
}

const FAILED: &str = r"retry: attempt 1/2 failed: exit status 1 after <T>\. Retrying in <T>";
const GAVE_UP: &str = r"retry: attempt 2/2 failed: exit status 1 after <T>\. Giving up after <T>";

#[track_caller]
fn assert_shown(script: &str, expected: &[&str]) {
    let screen = shown(script);
    assert_eq!(screen.len(), expected.len(), "{screen:#?}");
    for (line, expected) in screen.iter().zip(expected) {
        assert_is(line, expected);
    }
}

#[test]
fn a_message_begins_a_line_whatever_the_command_has_printed() {
    if !needs("tmux", "what a person sees on a terminal") {
        return;
    }
    let full = "x".repeat(WIDTH);
    for (options, printed, shown) in [
        ("", "printf foo", Some("foo")),
        ("", "echo foo", Some("foo")),
        ("", ":", None),
        // The cursor waits behind the last column.
        ("", &format!("printf {full}"), Some(full.as_str())),
        ("--log-format text --color always", "printf foo", Some("foo")),
        // Passed on by us, so that we know.
        ("--idle-timeout 60", "printf foo", Some("foo")),
        ("--idle-timeout 60", "echo foo", Some("foo")),
        ("--idle-timeout 60", "echo foo; printf bar >&2", Some("foo\nbar")),
        ("-O --stderr final", ":", None),
        // It can only print, so where we do not know nothing is done.
        ("--idle-timeout 60 --label dumb", "printf foo", Some("foo")),
        ("--idle-timeout 60 --label dumb", "echo foo", Some("foo")),
    ] {
        let term = if options.ends_with("dumb") { "TERM=dumb" } else { "" };
        let options = options.trim_end_matches("--label dumb");
        let script = format!("{term} $RETRY -r 2 --base 0 -j 0 {options} -- sh -c '{printed}; exit 1'");
        let attempt: Vec<&str> = shown.into_iter().flat_map(str::lines).collect();
        let expected = [attempt.clone(), vec![FAILED], attempt, vec![GAVE_UP]].concat();
        assert_shown(&script, &expected);
    }
}

#[test]
fn the_countdown_erases_nothing_of_the_command() {
    if !needs("tmux", "what a person sees on a terminal") {
        return;
    }
    let scratch = Scratch::new();
    let script = "$RETRY -r 2 --delays 60 -j 0 --log log -- sh -c 'printf foo; exit 1'";
    let tmux = Tmux::run(&scratch, script);
    let line =
        |screen: &[String]| screen.get(1).is_some_and(|line| line.starts_with("retry: attempt 2/2 in "));
    wait_until("the countdown", || line(&tmux.screen()));
    assert_eq!(tmux.screen()[0], "foo");
    assert_eq!(tmux.screen().len(), 2);

    let left = "$RETRY -r 2 --delays 1 -j 0 --log log -- sh -c 'printf foo$RETRY_ATTEMPT; exit 1'; echo";
    assert_shown(left, &["foo1", "foo2"]);
}

/// A line that wraps cannot be erased: it would leave a stale row each second.
#[test]
fn a_countdown_of_wide_characters_stays_in_one_row() {
    if !needs("tmux", "what a person sees on a terminal") {
        return;
    }
    for (label, columns) in [
        ("\u{65e5}\u{672c}".repeat(10), 60),
        ("\u{1f600}".repeat(19), 60),
        ("\u{65e5}\u{672c}\u{8a9e}".repeat(10), 24),
        ("\u{2764}\u{fe0f}".repeat(20), 41),
        ("e\u{301}".repeat(30), 50),
    ] {
        let scratch = Scratch::new();
        let script = format!("$RETRY -r 2 --delays 2.2 -j 0 --log log --label '{label}' -- false; echo end");
        let tmux = Tmux::run_in(&scratch, columns, &script);
        let (mut rows, mut shown) = (0, String::new());
        wait_until("the end of the script", || {
            let screen = tmux.screen();
            rows = rows.max(screen.len());
            if let Some(line) = screen.first().filter(|line| line.starts_with("retry")) {
                shown.clone_from(line);
            }
            screen.last().is_some_and(|line| line == "end")
        });
        assert_eq!((rows, tmux.screen()), (1, vec!["end".to_owned()]), "{label} {columns} {shown}");
        // The label is cut, not left out.
        assert!(shown.chars().count() > columns / 4, "{label} {columns} {shown}");
    }
}

/// The terminal shows `^C` where the cursor is.
#[test]
fn an_interruption_is_said_in_a_line_of_its_own() {
    if !needs("tmux", "what a person sees on a terminal") {
        return;
    }
    for options in ["--progress never", ""] {
        let scratch = Scratch::new();
        let script = format!("trap : INT; $RETRY -r 2 --delays 60 {options} -- sh -c 'exit 1'");
        let tmux = Tmux::run(&scratch, &script);
        let lines = if options.is_empty() { 2 } else { 1 };
        wait_until("the delay", || tmux.screen().len() == lines);
        tmux.tmux(&["send-keys", "C-c"]);
        wait_until("the end", || scratch.path("done").exists());
        let last = || tmux.screen().pop().unwrap_or_default();
        wait_until("the message", || last().starts_with("retry: interrupted by SIGINT before attempt 2/2."));
        let screen = tmux.screen();
        let expected = if options.is_empty() { 2 } else { 3 };
        assert_eq!(screen.len(), expected, "{screen:#?}");
    }
}
