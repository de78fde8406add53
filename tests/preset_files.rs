//! Which preset is taken: by name, from a file of the user's, for the command; and what is said about it.

#![expect(clippy::disallowed_methods, reason = "the wrappers are found through PATH")]

mod common;

use common::command::{Scratch, said};
use std::process::Output;

/// A script of this name, in the scratch directory.
fn tool(scratch: &Scratch, name: &str, script: &str) {
    scratch.executable(name, &format!("#!/bin/sh\necho run >> \"$RUNS\"\n{script}\n"));
}

/// Two attempts at most, with the scratch directory first in PATH.
fn run(scratch: &Scratch, options: &str, command: &[&str]) -> Output {
    let _none_yet = std::fs::remove_file(scratch.path("runs"));
    let mut path = scratch.path("").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut retry = scratch.retry(&format!("--base 0 --jitter 0 --retries 2 {options}"));
    retry.env("PATH", path).env("RUNS", scratch.path("runs")).arg("--").args(command);
    retry.output().unwrap()
}

fn stderr(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

const OWN: &str = r#"
name = "deploy"
about = "our own"
commands = ["deploy", "ship"]

[[rule]]
then = "retry"
codes = "3-5"
pattern = "upstream returned {status}\\b"
why = "the server is in trouble"

[[rule]]
then = "stop"
pattern = "denied"
why = "no access"
"#;

#[test]
fn auto_takes_the_preset_of_the_command_behind_wrappers() {
    let scratch = Scratch::new();
    let passing = "echo \"fatal: unable to access 'https://x/': Could not resolve host: x\" >&2; exit 128";
    tool(&scratch, "git", passing);
    for command in [
        &["git", "fetch"][..],
        &["env", "A=1", "git", "fetch"],
        &["timeout", "60", "git", "fetch"],
        &["nice", "-n", "1", "git", "fetch"],
        &["bash", "-c", "git fetch"],
        &["env", "-u", "B", "timeout", "-k", "1", "60", "sh", "-c", "git fetch 'x y'"],
    ] {
        run(&scratch, "--retry-on auto", command);
        assert_eq!(scratch.runs(), 2, "{command:?}");
    }
    tool(&scratch, "git", "echo 'fatal: repository not found' >&2; exit 128");
    let done = run(&scratch, "--retry-on auto", &["env", "A=1", "git", "fetch"]);
    assert_eq!(scratch.runs(), 1);
    assert!(stderr(&done).contains("Not retrying: not covered by --retry-on auto"), "{}", stderr(&done));
    // With more in the set.
    run(&scratch, "--retry-on auto,128", &["git", "fetch"]);
    assert_eq!(scratch.runs(), 2);
}

#[test]
fn auto_leaves_an_unknown_command_to_the_default_rule() {
    let scratch = Scratch::new();
    tool(&scratch, "frobnicate", "exit 9");
    for set in ["auto", "auto,75"] {
        let done = run(&scratch, &format!("--retry-on {set}"), &["frobnicate"]);
        assert_eq!(scratch.runs(), 2, "{set}: {}", stderr(&done));
    }
    let done = run(&scratch, "--retry-on auto", &["no-such-command-here"]);
    assert_eq!(done.status.code(), Some(127));
    let said = stderr(&done);
    let [no_preset, not_found] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    assert!(no_preset.contains("auto has no preset") && not_found.contains("not found"), "{said}");
}

#[test]
fn what_auto_is_is_said() {
    let scratch = Scratch::new();
    tool(&scratch, "git", "exit 0");
    let done = run(&scratch, "-v --retry-on auto", &["env", "git", "fetch"]);
    assert!(stderr(&done).contains("retry: auto selects the preset git for git\n"), "{}", stderr(&done));
    let done = run(&scratch, "--retry-on auto", &["true"]);
    let unknown = "auto has no preset for true: every failure is retried";
    assert_eq!(
        stderr(&done),
        format!("retry: warning: {unknown} (--list-presets shows those that can be named)\n")
    );
    // A setting is meant for many commands.
    for (options, noted) in [("", false), ("-v", true)] {
        let done = scratch.retry(&format!("{options} true")).env("RETRY_RETRY_ON", "auto").output().unwrap();
        assert_eq!(stderr(&done).contains(unknown), noted, "{}", stderr(&done));
    }
    let done = run(&scratch, "--dry-run --retry-on auto", &["sudo", "-u", "me", "git", "fetch"]);
    let plan = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(plan.contains("Preset: auto selects the preset git for git."), "{plan}");
}

#[test]
fn a_preset_of_a_file_is_like_any_other() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("own.toml"), OWN).unwrap();
    tool(&scratch, "ship", "echo \"$SAY\"; exit 4");
    for (set, say, runs) in [
        ("deploy", "upstream returned 503", 2),
        ("auto", "upstream returned 503", 2),
        ("auto", "\u{1b}[31mupstream\u{1b}[0m returned \u{1b}]8;;http://x\u{7}503\u{1b}]8;;\u{7}", 2),
        ("deploy", "upstream returned 5031", 1),
        ("deploy", "access denied: upstream returned 503", 1),
    ] {
        let options = format!("--preset-file own.toml --retry-on {set}");
        let done = run(&scratch, &options, &["env", &format!("SAY={say}"), "ship"]);
        assert_eq!(scratch.runs(), runs, "{set} {say}: {}", stderr(&done));
    }
    // From the environment; and a later file wins.
    std::fs::write(scratch.path("later.toml"), OWN.replace("3-5", "77")).unwrap();
    let listed = |options: &str, variable: &str| {
        let done = scratch
            .retry(&format!("{options} --list-presets deploy"))
            .env("RETRY_PRESET_FILE", variable)
            .output();
        String::from_utf8_lossy(&done.unwrap().stdout).into_owned()
    };
    assert!(listed("", "own.toml").contains("exit 3-5, on stdout or stderr\n  upstream returned (?:408|"));
    assert!(listed("--preset-file own.toml --preset-file later.toml", "").contains("exit 77"));
}

#[test]
fn a_bad_file_is_a_usage_error_with_its_place() {
    let scratch = Scratch::new();
    for (text, said) in [
        (
            OWN.replace("then = \"stop\"", "then = \"halt\""),
            "own.toml, line 13, column 8: unknown variant `halt`",
        ),
        (OWN.replace("{status}", "{states}"), "own.toml, line 9, column 11: unknown placeholder {states}"),
        (OWN.replace("\"denied\"", "\"(\""), "own.toml, line 14, column 11: invalid pattern: unclosed group"),
        (OWN.replace("about", "abuot"), "own.toml, line 3, column 1: unknown field `abuot`"),
        (
            OWN.replace("\"deploy\"\nabout", "\"auto\"\nabout"),
            "own.toml, line 2, column 8: 'auto' is not a valid preset name",
        ),
        ("name = \"x".to_owned(), "own.toml, line 1, column "),
    ] {
        std::fs::write(scratch.path("own.toml"), text).unwrap();
        let done = scratch.retry("--preset-file own.toml").arg("true").output().unwrap();
        assert_eq!(done.status.code(), Some(125));
        assert!(stderr(&done).starts_with(&format!("retry: --preset-file {said}")), "{}", stderr(&done));
        assert_eq!(stderr(&done).lines().count(), 1, "{}", stderr(&done));
    }
    std::fs::write(scratch.path("own.toml"), "").unwrap();
    let done = scratch.retry("").env("RETRY_PRESET_FILE", "own.toml").arg("true").output().unwrap();
    assert!(stderr(&done).starts_with("retry: warning: RETRY_PRESET_FILE=own.toml"), "{}", stderr(&done));
    assert_eq!(done.status.code(), Some(0));
    let done = scratch.retry("--preset-file none.toml").arg("true").output().unwrap();
    let said = "retry: cannot read --preset-file none.toml: no such file or directory\n";
    assert_eq!(stderr(&done), said);
    assert_eq!(done.status.code(), Some(125));
}

#[test]
fn presets_are_listed() {
    let scratch = Scratch::new();
    let listed = |options: &str| {
        let done = scratch.retry(options).output().unwrap();
        assert!(done.status.success(), "{}", stderr(&done));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    let all = listed("--list-presets");
    let names: Vec<&str> = all.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.len() >= 32, "{all}");
    assert!(all.lines().any(|line| line.starts_with("docker ") && line.contains("podman")), "{all}");
    let git = listed("--list-presets git");
    for part in
        ["git: ", "commands: git, git-lfs\n", "source: https://", "\nstop: ", "\nretry: ", "  exit nonzero"]
    {
        assert!(git.contains(part), "{part}: {git}");
    }
    let done = scratch.retry("--list-presets nope").output().unwrap();
    assert_eq!(done.status.code(), Some(125));
    let said = stderr(&done);
    assert!(
        said.starts_with("retry: invalid value 'nope' for --list-presets: must be one of ansible, "),
        "{said}"
    );
}

#[test]
fn an_unknown_name_in_a_set_is_named_where_it_came_from() {
    let scratch = Scratch::new();
    let typed = scratch.retry("--retry-on 7,gti").arg("true").output().unwrap();
    assert!(
        stderr(&typed)
            .starts_with("retry: invalid value '7,gti' for --retry-on: 'gti' is not an exit status")
    );
    let set = scratch.retry("").env("RETRY_STOP_ON", "gti").arg("true").output().unwrap();
    assert!(
        stderr(&set).starts_with("retry: warning: invalid value 'gti' in RETRY_STOP_ON: 'gti' is not "),
        "{}",
        stderr(&set)
    );
    assert!(
        stderr(&set).ends_with(". Example: RETRY_STOP_ON=git. The variable is ignored\n"),
        "{}",
        stderr(&set)
    );
    assert_eq!((typed.status.code(), set.status.code()), (Some(125), Some(0)));
    assert!(stderr(&typed).ends_with(". Example: --retry-on 7,git\n"), "{}", stderr(&typed));
}

#[test]
fn a_tool_that_says_nothing_is_answered_with_what_to_add() {
    let scratch = Scratch::new();
    tool(&scratch, "curl", "exit 22");
    let said = stderr(&run(&scratch, "--retry-on curl", &["curl", "-fs", "http://x"]));
    assert!(
        said.contains(
            "Not retrying: not covered by --retry-on curl (curl printed no reason on stderr: use -sS instead of -s)"
        ),
        "{said}"
    );
    tool(&scratch, "curl", "echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22");
    let said = stderr(&run(&scratch, "--retry-on curl", &["curl", "-fsS", "http://x"]));
    assert!(said.contains("Not retrying: not covered by --retry-on curl\n"), "{said}");
    let said = stderr(&run(&scratch, "--retry-on curl", &["curl", "-sS", "http://x"]));
    assert!(said.contains("curl without -f exits 0"), "{said}");
    tool(&scratch, "pip", "echo 'ERROR: No matching distribution found for x' >&2; exit 1");
    let said = stderr(&run(&scratch, "--retry-on auto", &["pip", "install", "--retries", "0", "x"]));
    assert!(said.contains("with --retries 0, pip does not say why"), "{said}");
}

#[test]
fn a_time_limit_of_timeout_around_the_tool_is_one() {
    let scratch = Scratch::new();
    let tool = scratch.executable("git", "#!/bin/sh\nexec sleep 1000\n");
    let mut retry = scratch.retry("-r 2 --base 0 --jitter 0 --retry-on auto -- timeout 0.2");
    let done = retry.arg(&tool).output().unwrap();
    assert_eq!(done.status.code(), Some(124));
    assert!(
        said(&done)[0].contains("exit status 124") && said(&done)[0].contains("Retrying in"),
        "{:?}",
        said(&done)
    );
}

#[test]
fn a_file_without_end_is_refused_and_what_is_listed_is_safe_for_a_terminal() {
    let scratch = Scratch::new();
    let done = scratch.retry("--preset-file /dev/zero true").output().unwrap();
    assert_eq!(done.status.code(), Some(125));
    assert!(said(&done)[0].contains("--preset-file /dev/zero: larger than 4 MiB"), "{:?}", said(&done));
    let file =
        "name = 'x'\nabout = \"a\\u001b[31mb\"\n[[rule]]\nthen = 'retry'\nwhy = \"c\\u0007d\"\ncodes = '1'\n";
    std::fs::write(scratch.path("x.toml"), file).unwrap();
    for name in ["--list-presets", "--list-presets=x"] {
        let done = scratch.retry("--preset-file x.toml").arg(name).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{:?}", said(&done));
        assert!(done.stdout.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()), "{name}");
    }
}
