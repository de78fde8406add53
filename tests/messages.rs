//! The lines on stderr, to the letter, and what must never be in them.

mod common;

use common::command::{Scratch, assert_is, program, said, wait_until};
use predicates::prelude::*;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// Options for a run that waits next to nothing between attempts.
const FAST: &str = "--base 0.01 --factor 1 --jitter 0";

/// Whether `lines` are these, one regular expression for each; `T` stands for an elapsed time.
#[track_caller]
fn are(lines: &[String], wanted: &[&str]) {
    assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert_is(line, wanted);
    }
}

/// The lines of a run.
fn lines(scratch: &Scratch, options: &str, command: &[String]) -> Vec<String> {
    let output = scratch.retry(options).args(command).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing of ours goes to stdout");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<String> = stderr.lines().map(str::to_owned).collect();
    assert!(lines.iter().all(|line| line.starts_with("retry: ")), "{lines:?}");
    lines
}

fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

#[test]
fn failures_and_giving_up() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--base 0.01 --factor 4 --jitter 0", &scratch.ends("22 KILL 7")),
        &[
            r"retry: attempt 1/3 failed: exit status 22 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2/3 failed: killed by SIGKILL after <T>\. Retrying in 0\.04s",
            r"retry: attempt 3/3 failed: exit status 7 after <T>\. Giving up after <T>",
        ],
    );
}

#[test]
fn a_condition_that_gives_no_answer_and_one_that_says_no() {
    let scratch = Scratch::new();
    let run = |condition: &str| {
        let mut retry = scratch.retry(&format!("{FAST} -r 2"));
        let done = retry.args(["--retry-if", condition]).args(shell("exit 22")).output().unwrap();
        said(&done)
    };
    are(
        &run("exit 9"),
        &[
            r"retry: ignoring the --retry-if command: exit status 9 \(0 means retry, 1 means stop\)",
            r"retry: attempt 1/2 failed: exit status 22 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2/2 failed: exit status 22 after <T>\. Giving up after <T>",
        ],
    );
    are(
        &run("exit 1"),
        &[r"retry: attempt 1/2 failed: exit status 22 after <T>\. Not retrying: stopped by --retry-if"],
    );
}

#[test]
fn a_late_success() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, FAST, &scratch.ends("1 0")),
        &[
            r"retry: attempt 1/3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: succeeded on attempt 2/3 after <T>",
        ],
    );
}

#[test]
fn a_success_at_once_is_silent() {
    let scratch = Scratch::new();
    scratch.retry("").args(["echo", "x"]).assert().code(0).stdout("x\n").stderr("");
    are(&lines(&scratch, "--success-on 3", &shell("exit 3")), &[]);
}

#[test]
fn a_time_limit() {
    let scratch = Scratch::new();
    let dies = r"timed out after <T> \(sent SIGTERM\)";
    let script = "[ $RETRY_ATTEMPT = 2 ] && exit; exec sleep 1000";
    are(
        &lines(&scratch, &format!("{FAST} --timeout 2"), &shell(script)),
        &[
            &format!(r"retry: attempt 1/3 failed: {dies}\. Retrying in 0\.01s"),
            r"retry: succeeded on attempt 2/3 after <T>",
        ],
    );
}

#[test]
fn a_time_limit_that_takes_sigkill() {
    let scratch = Scratch::new();
    let deaf = shell("trap '' TERM; exec sleep 1000");
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --kill-after 0.1", &deaf),
        &[
            r"retry: attempt 1/1 failed: timed out after <T> \(sent SIGTERM, then SIGKILL\)\. Giving up after <T>",
        ],
    );
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --timeout-signal INT", &shell("exec sleep 1000")),
        &[r"retry: attempt 1/1 failed: timed out after <T> \(sent SIGINT\)\. Giving up after <T>"],
    );
    // No grace at all.
    are(
        &lines(&scratch, "--retries 1 --timeout 2 --kill-after 0", &deaf),
        &[
            r"retry: attempt 1/1 failed: timed out after <T> \(sent SIGTERM, then SIGKILL\)\. Giving up after <T>",
        ],
    );
}

#[test]
fn the_deadline() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--deadline 2 --retries inf", &shell("exec sleep 1000")),
        &[
            r"retry: attempt 1 failed: timed out after <T> \(sent SIGTERM\)\. Giving up after <T>: the deadline of 2s has passed",
        ],
    );
    are(
        &lines(&scratch, "--deadline 90 --base 100 --jitter 0", &scratch.ends("7")),
        &[
            r"retry: attempt 1/3 failed: exit status 7 after <T>\. Giving up after <T>: a delay of 1m40s would exceed the deadline of 1m30s",
        ],
    );
    are(
        &lines(&scratch, "--deadline 1 --initial-delay 2", &shell("true")),
        &[r"retry: no time left for attempt 1/3 before the deadline of 1s\. Giving up after <T>"],
    );
}

#[test]
fn what_is_not_retryable() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, "--stop-on 2", &scratch.ends("2")),
        &[
            r"retry: attempt 1/3 failed: exit status 2 after <T>\. Not retrying: permanent failure \(--stop-on 2\)",
        ],
    );
    are(
        &lines(&scratch, "--stop-on 1,64-78", &shell("exit 70")),
        &[
            r"retry: attempt 1/3 failed: exit status 70 after <T>\. Not retrying: permanent failure \(--stop-on 64-78\)",
        ],
    );
    are(
        &lines(&scratch, "--retry-on 7,28 --retry-on timeout", &shell("exit 1")),
        &[
            r"retry: attempt 1/3 failed: exit status 1 after <T>\. Not retrying: not covered by --retry-on 7,28,timeout",
        ],
    );
    are(
        &lines(&scratch, "", &shell("kill -s INT $$")),
        &[r"retry: attempt 1/3 failed: killed by SIGINT after <T>\. Not retrying: permanent failure"],
    );
}

#[test]
fn what_cannot_be_started() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    are(
        &lines(&scratch, "", &["no-such-command-anywhere".to_owned(), "argument".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: no-such-command-anywhere: command not found \(not in PATH; for a function of a bash script: export -f NAME; retry -- bash -c NAME\)\. Not retrying: permanent failure",
        ],
    );
    // A command line in quotes: its name and not its arguments.
    are(
        &lines(&scratch, "", &["no-such-command -f secret/path".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: no-such-command \.\.\.: command not found \(quoted as one word: remove the quotes, or use sh -c '\.\.\.'\)\. Not retrying: permanent failure",
        ],
    );
    are(
        &lines(&scratch, "", &["./no such/tool".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: \./no such/tool: command not found \(no such file or directory\)\. Not retrying: permanent failure",
        ],
    );
    are(
        &lines(&scratch, "", &["./directory".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: cannot run \./directory: it is a directory\. Not retrying: permanent failure",
        ],
    );
    std::fs::write(scratch.path("plain"), "#!/bin/sh\n").unwrap();
    are(
        &lines(&scratch, "", &["./plain".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: cannot run \./plain: it is not executable; chmod \+x makes it so\. Not retrying: permanent failure",
        ],
    );
    are(
        &lines(&scratch, "", &["./plain argument".to_owned()]),
        &[
            r"retry: attempt 1/3 failed: \./plain argument: command not found \(quoted as one word: remove the quotes, or use sh -c '\.\.\.'\)\. Not retrying: permanent failure",
        ],
    );
}

#[test]
fn without_a_limit_there_is_no_total() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, &format!("{FAST} --retries inf"), &scratch.ends("1 1 1 0")),
        &[
            r"retry: attempt 1 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: succeeded on attempt 4 after <T>",
        ],
    );
}

#[test]
fn good_attempts_that_are_counted() {
    let scratch = Scratch::new();
    are(
        &lines(&scratch, &format!("{FAST} --retries 9 --consecutive 2"), &scratch.ends("0 1 0 0")),
        &[
            r"retry: attempt 1/9 succeeded after <T> \(1 of 2 in a row\)\. Next attempt in 0\.01s",
            r"retry: attempt 2/9 failed: exit status 1 after <T>\. Retrying in 0\.01s",
            r"retry: attempt 3/9 succeeded after <T> \(1 of 2 in a row\)\. Next attempt in 0\.01s",
            r"retry: succeeded on attempt 4/9 after <T>",
        ],
    );
}

#[test]
fn quiet_says_only_why_it_failed_in_the_end() {
    for quiet in ["-q", "--quiet", "-v --quiet", "--silent -q"] {
        let scratch = Scratch::new();
        let run = |options: &str, command: &[String]| {
            lines(&scratch, &format!("{quiet} {FAST} {options}"), command)
        };
        are(&run("", &scratch.ends("1 1 0")), &[]);
        let given_up = r"retry: attempt 3/3 failed: exit status 1 after <T>\. Giving up after <T>";
        are(&run("", &shell("exit 1")), &[given_up]);
        are(&run("--before-retry false", &shell("exit 1")), &[given_up]);
        are(
            &run("--stop-on 1", &shell("exit 1")),
            &[
                r"retry: attempt 1/3 failed: exit status 1 after <T>\. Not retrying: permanent failure \(--stop-on 1\)",
            ],
        );
        are(
            &run("--timeout 2 -r 1", &shell("exec sleep 1000")),
            &[r"retry: attempt 1/1 failed: timed out after <T> \(sent SIGTERM\)\. Giving up after <T>"],
        );
        are(
            &run("--deadline 1 --initial-delay 2", &shell("exit 1")),
            &[r"retry: no time left for attempt 1/3 before the deadline of 1s\. Giving up after <T>"],
        );
        scratch.retry(quiet).args(["--base", "x", "true"]).assert().code(125).stderr(predicate::ne(""));
    }
}

#[test]
fn silent_says_nothing_at_all() {
    let scratch = Scratch::new();
    for silent in ["--silent", "-v --silent", "-q --silent"] {
        are(&lines(&scratch, &format!("{silent} {FAST}"), &shell("exit 1")), &[]);
        are(&lines(&scratch, silent, &["no-such-command-anywhere".to_owned()]), &[]);
        are(&lines(&scratch, &format!("{silent} -r 1 --report /no/such/r"), &shell("exit 1")), &[]);
        scratch.retry(silent).args(["--base", "x", "true"]).assert().code(125).stderr(predicate::ne(""));
    }
}

#[test]
fn death_by_a_closed_pipe_is_silent_as_in_a_shell() {
    let scratch = Scratch::new();
    let dies = shell("kill -s PIPE $$");
    are(&lines(&scratch, "", &dies), &[]);
    let told = r"retry: attempt 1/3 failed: killed by SIGPIPE after <T>\. Not retrying: permanent failure";
    let verbose = lines(&scratch, "-v", &dies);
    are(&verbose[1..], &[told]);
    // Where it is retried, that is a delay.
    are(
        &lines(&scratch, &format!("{FAST} -r 2 --retry-on PIPE"), &dies),
        &[
            r"retry: attempt 1/2 failed: killed by SIGPIPE after <T>\. Retrying in 0\.01s",
            r"retry: attempt 2/2 failed: killed by SIGPIPE after <T>\. Giving up after <T>",
        ],
    );
}

#[test]
fn what_is_no_command_gets_a_hint() {
    let scratch = Scratch::new();
    for (command, said) in [
        ("5", "5: command not found (for 5 attempts, the first included: retry --retries 5 -- COMMAND)"),
        ("TOKEN=hunter2", "TOKEN=...: command not found (to set a variable: retry -- env TOKEN=... COMMAND)"),
        (
            "no-such | cat",
            "no-such ...: command not found (pipes, && and redirections need a shell: retry -- sh -c '...')",
        ),
        (
            "source",
            "source: command not found (a shell builtin: running it in a child process would not change your shell)",
        ),
        ("[[", "[[: command not found (a keyword of bash: retry -- bash -c '...')"),
        ("10s", "10s: command not found (for a time limit, use --timeout 10s; for a delay, --base 10s)"),
        ("help", "help: command not found (did you mean retry --help?)"),
        (
            "true\r",
            "true\\r: command not found (the script that calls retry has CRLF line endings: convert it to LF, for example with dos2unix)",
        ),
        ("", "'': command not found (no such file or directory)"),
    ] {
        let line = format!("retry: attempt 1/3 failed: {said}. Not retrying: permanent failure\n");
        scratch.retry("").arg(command).arg("curl").assert().code(127).stderr(line);
    }
}

/// Shells do not look there either, except for cmd.
#[test]
fn a_program_in_the_current_directory_is_named_with_its_path() {
    let scratch = Scratch::new();
    for (name, mode, said) in [
        ("to-deploy", 0o755, "not in PATH, but in this directory: retry -- ./to-deploy"),
        ("to deploy", 0o755, "not in PATH, but in this directory: retry -- './to deploy'"),
        (
            "no-program",
            0o644,
            "not in PATH; for a function of a bash script: export -f NAME; retry -- bash -c NAME",
        ),
    ] {
        std::fs::write(scratch.path(name), "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(scratch.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        let done = scratch.retry("").arg(name).output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(127), "{stderr}");
        assert!(stderr.contains(&format!("command not found ({said}). Not retrying")), "{name}: {stderr}");
    }
}

#[test]
fn a_command_that_belongs_to_the_value_before_it_is_said_to() {
    let scratch = Scratch::new();
    let path = scratch.path("").display().to_string();
    for (words, said) in [
        (
            "--timeout 5 minutes true",
            "minutes: command not found (write the unit without a space: --timeout 5m)",
        ),
        ("-t 100 ms true", "ms: command not found (write the unit without a space: -t 100ms)"),
        ("--retry-on 1 2 -- false", "2: command not found (separate items with commas: --retry-on 1,2)"),
        ("--delays 1 2 3 true", "2: command not found (separate items with commas: --delays 1,2,3)"),
        (
            "--timeout 5 -- minutes",
            "minutes: command not found (not in PATH; for a function of a bash script: export -f NAME; retry -- bash -c NAME)",
        ),
    ] {
        let line = format!("retry: attempt 1/3 failed: {said}. Not retrying: permanent failure\n");
        scratch.retry(words).env("PATH", &path).assert().code(127).stderr(line);
    }
    // A command with such a name runs.
    scratch.executable("minutes", "#!/bin/sh\n");
    scratch.retry("--timeout 5 minutes").env("PATH", &path).assert().code(0).stderr("");
}

#[test]
fn a_missing_interpreter_is_named() {
    let scratch = Scratch::new();
    let path = format!("{}:/usr/bin:/bin", scratch.path("").display());
    for (script, said) in [
        ("#!/no/such/sh -e\n", "its interpreter /no/such/sh does not exist"),
        (
            "#!/bin/sh\r\nexit 0\r\n",
            "its first line ends in CRLF, so its interpreter would be /bin/sh\\r: convert the script to LF line endings, for example with dos2unix",
        ),
    ] {
        scratch.executable("job", script);
        for name in ["./job", "job"] {
            let line = format!(
                "retry: attempt 1/3 failed: cannot run {name}: {said}. Not retrying: permanent failure\n"
            );
            scratch.retry("").arg(name).env("PATH", &path).assert().code(127).stderr(line);
        }
    }
}

#[test]
fn a_process_that_is_left_is_named_with_the_flag_that_ends_it() {
    let scratch = Scratch::new();
    let script = shell("sleep 1000 > /dev/null 2>&1 & echo $! > pid; exit 1");
    let said = lines(&scratch, "-r 1", &script);
    let pid = scratch.read("pid").trim().to_owned();
    are(
        &said,
        &[&format!(
            r"retry: attempt 1/1 failed: exit status 1 after <T>, process {pid} still running \(--leftovers end ends it\)\. Giving up after <T>"
        )],
    );
}

#[test]
fn an_interrupted_command_that_handles_the_signal_is_said_to_have_ended_as_it_did() {
    for (script, said) in
        [("trap 'exit 0' TERM", "exit status 0 after <T>"), ("trap 'exit 7' TERM", "exit status 7 after <T>")]
    {
        let scratch = Scratch::new();
        let retry =
            scratch.start("--junit r.xml", &format!("{script}; : > ready; while :; do sleep 0.01; done"));
        wait_until("the trap", || scratch.path("ready").exists());
        retry.send(rustix::process::Signal::TERM);
        retry.end();
        let lines: Vec<String> = scratch.read("stderr").lines().map(str::to_owned).collect();
        are(&lines, &[&format!("retry: interrupted by SIGTERM during attempt 1/3: {said}")]);
        let failures = scratch.read("r.xml").matches("<failure").count();
        assert_eq!(failures, usize::from(said.contains('7')), "{said}");
    }
}

#[test]
fn a_command_that_does_not_end_at_its_limit_is_said_once() {
    let scratch = Scratch::new();
    let options = "--retries 1 --timeout 1 --kill-after 4";
    are(
        &lines(&scratch, options, &shell("trap '' TERM; while :; do sleep 0.01; done")),
        &[
            "retry: timed out, and still running after SIGTERM; SIGKILL in [12]s",
            r"retry: attempt 1/1 failed: timed out after <T> \(sent SIGTERM, then SIGKILL\)\. Giving up after <T>",
        ],
    );
    let quiet =
        lines(&scratch, &format!("-q {options}"), &shell("trap '' TERM; while :; do sleep 0.01; done"));
    assert_eq!(quiet.len(), 1, "{quiet:?}");
}

#[test]
fn what_an_interrupted_command_leaves_behind_is_waited_for_with_a_word() {
    let scratch = Scratch::new();
    let command = "(trap '' TERM; : > ready; while :; do sleep 0.01; done) & wait";
    let retry = scratch.start("--kill-after 4", command);
    wait_until("the trap", || scratch.path("ready").exists());
    retry.send(rustix::process::Signal::TERM);
    retry.end();
    let lines: Vec<String> = scratch.read("stderr").lines().map(str::to_owned).collect();
    are(
        &lines,
        &[
            "retry: the command's child processes are still running after SIGTERM; SIGKILL in [12]s",
            "retry: interrupted by SIGTERM during attempt 1/3\\. Giving up after <T>",
        ],
    );
}

#[test]
fn a_signal_that_comes_again_is_said_to_kill() {
    let scratch = Scratch::new();
    let retry = scratch.start("", "trap : TERM; : > ready; while :; do sleep 0.01; done");
    wait_until("the trap", || scratch.path("ready").exists());
    retry.send(rustix::process::Signal::TERM);
    // Two within a tenth of a second count as one, so it takes more until one counts.
    wait_until("the kill", || {
        retry.send(rustix::process::Signal::TERM);
        scratch.read("stderr").contains("SIGKILL")
    });
    retry.end();
    let lines: Vec<String> = scratch.read("stderr").lines().map(str::to_owned).collect();
    are(
        &lines,
        &[
            "retry: received SIGTERM again: sending SIGKILL to the command",
            "retry: interrupted by SIGTERM during attempt 1/3: killed by SIGKILL after <T>",
        ],
    );
}

#[test]
fn verbose_says_starts_arguments_and_rules() {
    for verbose in ["-v", "--verbose"] {
        let scratch = Scratch::new();
        let command = shell("# it's \"here\"\nexit 2");
        are(
            &lines(&scratch, &format!("{verbose} {FAST} --retries 2 --retry-on 1-3"), &command),
            &[
                r#"retry: starting attempt 1/2: sh -c '# it'\\''s "here"\\nexit 2'"#,
                r"retry: attempt 1/2 failed: exit status 2 after <T>\. Retrying in 0\.01s \(--retry-on 1-3\)",
                r#"retry: starting attempt 2/2: sh -c '# it'\\''s "here"\\nexit 2'"#,
                r"retry: attempt 2/2 failed: exit status 2 after <T>\. Giving up after <T> \(--retry-on 1-3\)",
            ],
        );
        are(&lines(&scratch, verbose, &["true".to_owned()]), &["retry: starting attempt 1/3: true"]);
    }
}

#[test]
fn arguments_and_variables_are_no_ones_business() {
    let scratch = Scratch::new();
    for (options, command) in [
        (FAST, vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--stop-on 1", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--retry-on 2", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("", vec!["no-such-command-anywhere", "hunter2"]),
        ("--deadline 1 --initial-delay 2", vec!["sh", "-c", "exit 1", "hunter2"]),
        ("--timeout 2 --retries 1", vec!["sh", "-c", "exec sleep 1000", "hunter2"]),
    ] {
        let output = scratch.retry(options).args(&command).env("TOKEN", "hunter2").output().unwrap();
        let lines = said(&output);
        assert!(!lines.is_empty());
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "{lines:?}");
    }
    let verbose = scratch.retry("-v").args(["true", "argument"]).env("TOKEN", "hunter2").output().unwrap();
    assert_eq!(said(&verbose), ["retry: starting attempt 1/3: true argument"]);
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let scratch = Scratch::new();
    scratch
        .retry("")
        .arg("./no\u{1b}[31m\nretry: such")
        .assert()
        .stderr(predicate::str::starts_with(
            r"retry: attempt 1/3 failed: ./no\u{1b}[31m\nretry: such: command",
        ))
        .stderr(predicate::function(|text: &str| text.lines().count() == 1));
}

type Spoil = fn(&mut Command);

#[test]
fn stderr_that_cannot_be_written_changes_nothing() {
    let ways: &[(&str, Spoil)] = &[
        #[cfg(target_os = "linux")]
        ("full", |retry| {
            let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
            retry.stderr(full);
        }),
        ("without a reader", |retry| {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            retry.stderr(writer);
        }),
        ("read only", |retry| {
            retry.stderr(std::fs::File::open("/dev/null").unwrap());
        }),
    ];
    for (what, spoil) in ways {
        for (ends, code, runs) in [("1 1 0", 0, 3), ("1 1 7", 7, 3)] {
            let scratch = Scratch::new();
            let mut retry = scratch.retry_to_spawn(FAST);
            retry.args(scratch.ends(ends)).stdin(Stdio::null()).stdout(Stdio::piped());
            spoil(&mut retry);
            let output = retry.spawn().unwrap().wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{what}");
            assert_eq!(output.stdout, b"", "{what}");
            assert_eq!(scratch.runs(), runs, "{what}");
        }
    }
}

#[test]
fn closed_streams_change_nothing() {
    for closed in ["2>&-", "2>&- 1>&-", "2>&- 1>&- 0<&-"] {
        for (ends, code) in [("1 1 0", 0), ("1 1 7", 7)] {
            let scratch = Scratch::new();
            let mut shell = program("sh");
            shell.args(["-c", &format!("exec \"$@\" {closed}"), "sh", env!("CARGO_BIN_EXE_retry")]);
            shell.args(FAST.split_whitespace()).args(scratch.ends(ends));
            scratch.settle(&mut shell);
            let output = shell.output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{closed}");
            assert_eq!((output.stdout, output.stderr), (vec![], vec![]), "{closed}");
            assert_eq!(scratch.runs(), 3, "{closed}");
        }
        let mut shell = program("sh");
        shell.args(["-c", &format!("exec \"$@\" {closed}"), "sh", env!("CARGO_BIN_EXE_retry"), "--nope"]);
        assert_eq!(shell.status().unwrap().code(), Some(125), "{closed}");
    }
}

#[test]
fn curl_without_f_is_noted_where_a_person_looks() {
    let scratch = Scratch::new();
    // A curl of our own, because only its name matters here.
    scratch.executable("curl", "#!/bin/sh\n");
    let note = "retry: note: curl without -f exits 0 on an HTTP error such as 503, so nothing would be retried. Add -f";
    let noted = |options: &str, arguments: &[&str]| {
        let output = scratch.retry(options).arg("./curl").args(arguments).output().unwrap();
        assert!(output.status.success());
        said(&output).iter().filter(|line| *line == note).count()
    };
    assert_eq!(noted("-v --base 0", &["-sS", "http://localhost"]), 1);
    assert_eq!(noted("-v", &["-fsS", "http://localhost"]), 0);
    assert_eq!(noted("-v", &["--fail-with-body", "http://localhost"]), 0);
    // Not in a log that nobody asked to be wordy.
    assert_eq!(noted("", &["-sS", "http://localhost"]), 0);
}

#[test]
fn a_retry_inside_a_retry_says_once_that_attempts_multiply() {
    let scratch = Scratch::new();
    let mut outer = scratch.retry(FAST);
    outer.args(["--retries", "2", env!("CARGO_BIN_EXE_retry")]).args(FAST.split_whitespace());
    let output = outer.args(["--", "sh", "-c", "exit 1"]).output().unwrap();
    let once = [
        r"retry: attempt 1/3 failed: exit status 1 after <T>\. Retrying in 0\.01s \(inside another retry: up to 2 x 3 = 6 attempts in total\)",
        r"retry: attempt 2/3 failed: exit status 1 after <T>\. Retrying in 0\.01s",
        r"retry: attempt 3/3 failed: exit status 1 after <T>\. Giving up after <T>",
    ];
    let mut wanted = once.to_vec();
    wanted.push(r"retry: attempt 1/2 failed: exit status 1 after <T>\. Retrying in 0\.01s");
    wanted.extend(once);
    wanted.push(r"retry: attempt 2/2 failed: exit status 1 after <T>\. Giving up after <T>");
    are(&said(&output), &wanted);
}

#[test]
fn what_attempts_multiply_to_is_said_only_where_it_is_known() {
    let scratch = Scratch::new();
    let said_inside = |outer: &str, inner: &str| {
        let mut retry = scratch.retry(&format!("--delays 0.01 --deadline 1 {outer}"));
        retry.args([env!("CARGO_BIN_EXE_retry"), "--delays=0.01", inner, "--stop-on=2", "--"]);
        let output = retry.args(["sh", "-c", "exit $RETRY_ATTEMPT"]).output().unwrap();
        let line = said(&output).remove(0);
        line.split_once(" (inside another retry: ").map(|(_, numbers)| numbers.to_owned()).unwrap()
    };
    assert_eq!(said_inside("-r4", "-r5"), "up to 4 x 5 = 20 attempts in total)");
    assert_eq!(said_inside("-rinf", "-r5"), "attempts multiply)");
    assert_eq!(said_inside("-r4", "-rinf"), "attempts multiply)");
    assert_eq!(
        said_inside("-r18446744073709551615", "-r2"),
        "up to 18446744073709551615 x 2 = 36893488147419103230 attempts in total)"
    );
}
