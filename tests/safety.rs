//! What comes from others (labels, names, patterns, paths) reaches no terminal, log or file as anything but text.

mod common;

use common::command::{Scratch, needs, program, text};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

/// An escape sequence, a newline, commands of GitHub and Azure, writing that is turned around, a separator
/// of lines, a character that no XML may have.
const NASTY: &str = "::error::a\x1b[2J\u{9b}31m\r\n::error::b ##[error]c ##vso[task]d \u{202e}e\u{2066}\u{200f}\u{61c}\u{2028}\u{fffe}\u{ffff}\x7f";

/// As much of it as a label may have.
fn label() -> String {
    NASTY.replace(char::is_control, "")
}

#[track_caller]
fn is_safe(what: &str, text: &str) {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    assert!(!text.is_empty(), "{what}");
    assert!(!text.contains(hidden), "{what}: {text:?}");
    assert!(!text.contains("##[") && !text.contains("##vso["), "{what}: {text}");
    for line in text.lines().filter(|line| line.trim_start().starts_with("::")) {
        assert!(line.starts_with("::error title=retry::"), "{what}: {line}");
    }
}

/// A command of that name that fails.
fn command(scratch: &Scratch) -> std::path::PathBuf {
    scratch.executable(&NASTY.replace('/', ""), "#!/bin/sh\nexit 3\n")
}

#[test]
fn messages_and_files_are_safe() {
    let scratch = Scratch::new();
    let command = command(&scratch);
    for (name, options) in [("text", "-v"), ("json", "--log-format=json -v"), ("log", "--log log -v")] {
        let mut retry =
            scratch.retry_to_spawn(&format!("-r 2 --base 0 --report r.json --junit r.xml {options}"));
        retry.args([
            "--label",
            &label(),
            "--stop-on-output",
            &format!("x{}", NASTY.replace(['[', '\r', '\n'], "")),
        ]);
        retry
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", "summary")
            .env("GITHUB_OUTPUT", "output");
        let output = retry.arg(&command).arg(NASTY).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        is_safe(name, &text(&output.stderr));
    }
    for file in ["log", "r.json", "r.xml", "summary", "output"] {
        is_safe(file, &scratch.read(file));
    }
    let report: serde_json::Value = serde_json::from_str(&scratch.read("r.json")).unwrap();
    assert_eq!(report["label"], label(), "JSON reads back");
    if needs("python3", "a parser of XML") {
        let parse = "import sys, xml.etree.ElementTree as t; t.parse(sys.argv[1])";
        let python = program("python3").args(["-c", parse]).arg(scratch.path("r.xml")).output().unwrap();
        assert!(python.status.success(), "{}", text(&python.stderr));
    }
}

#[test]
fn what_is_added_up_is_safe() {
    let scratch = Scratch::new();
    for label in [label(), command(&scratch).file_name().unwrap().to_string_lossy().into_owned()] {
        // Not by way of --report, which would have made it safe.
        let report = serde_json::json!({
            "version": 1, "label": label, "command": NASTY, "started": "2026-11-24T12:00:00Z", "outcome": NASTY,
            "exit_status": 1, "elapsed_s": 1, "waited_s": 1,
            "attempts": [{"attempt": 1, "ended": {"signal": NASTY}, "verdict": "permanent"}],
        });
        std::fs::write(scratch.path(&NASTY.replace('/', "")), format!("{report}\nnoise\n")).unwrap();
        for format in ["text", "json"] {
            let mut retry = scratch.retry(&format!("--log-format {format} --html page --stats"));
            let output = retry.arg(NASTY.replace('/', "")).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            is_safe(format, &text(&output.stdout));
            is_safe("stderr", &text(&output.stderr));
            is_safe("page", &scratch.read("page"));
        }
    }
}

#[test]
fn daemons_get_safe_text() {
    for log in ["journald", "syslog"] {
        let scratch = Scratch::new();
        let daemon = UnixDatagram::bind(scratch.path("socket")).unwrap();
        let mut retry = scratch.retry("-r 1 --label");
        retry.args([&label(), "--log", &format!("{log}:socket")]).arg(command(&scratch)).assert().code(3);
        let mut bytes = vec![0; 65_536];
        let length = daemon.recv(&mut bytes).unwrap();
        is_safe(log, &text(&bytes[..length]));
    }
}

#[test]
fn what_is_printed_without_a_run_is_safe() {
    let scratch = Scratch::new();
    let command = command(&scratch);
    let output = |retry: &mut Command| {
        let output = retry.stdin(Stdio::null()).output().unwrap();
        text(&output.stdout) + &text(&output.stderr)
    };
    let mut usage = scratch.retry_to_spawn("--base");
    is_safe("usage", &output(usage.arg(NASTY).arg("true")));
    let mut usage = scratch.retry_to_spawn("--retry-on-output");
    is_safe("pattern", &output(usage.arg(format!("{NASTY}(")).arg("true")));
    is_safe("option", &output(scratch.retry_to_spawn("").arg(format!("--{}", NASTY.replace(':', "")))));
    is_safe("variable", &output(scratch.retry_to_spawn("true").env("RETRY_BASE", NASTY)));
    for format in ["", "--log-format json"] {
        let mut plan = scratch.retry_to_spawn(&format!("--dry-run {format} -v --state"));
        plan.arg(scratch.path(NASTY.trim_start_matches(':'))).args(["--breaker", "b", "--label", &label()]);
        plan.args(["--retry-on-output", &NASTY[..8], "--fallback", NASTY]).arg(&command);
        let plan = plan.stdin(Stdio::null()).output().unwrap();
        assert!(plan.status.success(), "{}", text(&plan.stderr));
        is_safe("plan", &text(&plan.stdout));
    }
}

#[test]
fn a_directory_for_temporary_files_is_named_safely() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry_to_spawn("--stdout final");
    retry.env("TMPDIR", format!("/no/{NASTY}")).args(["head", "-c", "3000000", "/dev/zero"]);
    let output = retry.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let stderr = text(&output.stderr);
    is_safe("stderr", &stderr);
    assert!(stderr.lines().all(|line| line.starts_with("retry: ")), "{stderr}");
}
