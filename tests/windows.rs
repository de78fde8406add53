//! What is different on Windows. .ci/test-windows runs it under wine, and CI on a real one.
#![cfg(windows)]

mod helper;

use helper::{Ran, Scratch, finish, helper, is_gone, wait_until};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn exit_codes_have_32_bits() {
    let scratch = Scratch::new();
    for code in [256, 0x1234, 0x7fff_ffff, 0xC000_0005, 0xC000_0409, u32::MAX] {
        assert_eq!(scratch.run("--retries 1", &format!("exit {code}")).code, code, "{code:#x}");
    }
    let ran = scratch.run("--retries 1 --report report.jsonl --junit junit.xml", "exit 0xC0000005");
    assert!(ran.said()[0].contains("failed: exit status 0xC0000005 after"), "{ran:?}");
    let report: Value = serde_json::from_str(&scratch.read("report.jsonl")).unwrap();
    assert_eq!(report["exit_status"], 0xC000_0005_u32);
    assert_eq!(report["attempts"][0]["ended"]["exit"], 0xC000_0005_u32);
    assert!(scratch.read("junit.xml").contains("3221225477"), "{}", scratch.read("junit.xml"));
    let stats = finish(&mut scratch.retry("--stats report.jsonl"), b"");
    assert!(stats.stdout.contains("exit 3221225477") || stats.stdout.contains("0xC0000005"), "{stats:?}");
}

#[test]
fn sets_take_codes_in_both_forms() {
    let scratch = Scratch::new();
    for (options, codes, code, runs) in [
        ("--retry-on 0xC0000005", "0xC0000005,3221225477,1,0", 1, 3),
        ("--retry-on 3221225477", "0xC0000005,0", 0, 2),
        ("--stop-on 0xC0000000-0xFFFFFFFF", "1,0xC0000409,0", 0xC000_0409, 2),
        ("--success-on 0,0x100", "1,256,3", 0, 2),
        // As cmd and PowerShell show them.
        ("--retry-on -1073741819", "0xC0000005,3221225477,1,0", 1, 3),
        ("--stop-on -1073741824--1", "1,0xC0000409,0", 0xC000_0409, 2),
    ] {
        fs::remove_file(scratch.path("runs")).unwrap_or_default();
        let ran = scratch.run(&format!("--retries 5 --base 0.01 {options}"), &format!("exits runs {codes}"));
        assert_eq!((ran.code, scratch.read("runs").lines().count()), (code, runs), "{options}: {ran:?}");
    }
    let flaky = scratch.run("--retries 2 --base 0.01 --flaky-exit 0x100", "exits other 1,0");
    assert_eq!(flaky.code, 256, "{flaky:?}");
    let flaky = scratch.run("--retries 2 --base 0.01 --flaky-exit -1073741819", "exits signed 1,0");
    assert_eq!(flaky.code, 0xC000_0005, "{flaky:?}");
}

/// npm, yarn, gradle and others are batch files there, and shells find them without their ending.
#[test]
fn batch_files_are_found_without_their_ending() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("tools")).unwrap();
    fs::write(scratch.path("tools/deploy.cmd"), "@exit /b %1\r\n").unwrap();
    let path = std::env::join_paths([scratch.path("tools")]).unwrap();
    for (program, code) in [("deploy", 4), (r"tools\deploy", 5), ("DEPLOY.CMD", 6)] {
        let mut command = scratch.retry("--retries 1 --");
        command.args([program, &code.to_string()]).env("PATH", &path);
        assert_eq!(finish(&mut command, b"").code, code, "{program}");
    }
}

/// The end by Ctrl-C that a user wants is no failure to retry.
#[test]
fn a_command_that_ctrl_c_has_ended_is_not_retried() {
    let ran = Scratch::new().run("--retries 3 --base 0.01", "exit 0xC000013A");
    assert_eq!((ran.code, ran.said().len()), (0xC000_013A, 1), "{ran:?}");
}

#[test]
fn what_cannot_be_is_a_usage_error() {
    let scratch = Scratch::new();
    for (options, said) in [
        ("--timeout 1 --timeout-signal TERM", "Windows has no signals"),
        ("--retry-on SIGKILL", "Windows has no signals"),
        ("--stop-on signal", "Windows has no signals"),
        ("--log journald", "Windows has no journald. Example: --log retry.log"),
        ("--report -", "must be a file. Example: --report retry.jsonl"),
        ("--retry-if", r#"Example: --retry-if "findstr timeout""#),
        ("--on-failure x", "--fallback is a line for cmd"),
        ("--generate x", "Example: --generate text"),
        ("--log syslog:/dev/log", "Windows has no syslog"),
        ("--breaker b --state redis+unix:///x", "Windows has no Unix sockets; use redis://HOST"),
        ("--breaker b --state unix:///x", "Windows has no Unix sockets; use redis://HOST"),
    ] {
        let ran = scratch.run(options, "append ran x");
        assert_eq!((ran.code, ran.stderr.lines().count()), (125, 1), "{options}: {ran:?}");
        assert!(ran.stderr.contains(said), "{options}: {ran:?}");
    }
    assert_eq!(scratch.read("ran"), "", "nothing ran");
    // A variable may be meant for another program.
    let mut command = scratch.retry("--");
    command.arg(helper()).args(["append", "ran", "x"]).env("RETRY_TIMEOUT_SIGNAL", "TERM");
    let ran = finish(&mut command, b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in ["ignor", "RETRY_TIMEOUT_SIGNAL", "Windows has no signals"] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
}

#[test]
fn state_is_in_the_local_application_data() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 1 --breaker Registry --breaker-failures 1", "exit 1");
    assert_eq!(ran.code, 1, "{ran:?}");
    // LOCALAPPDATA is the directory of the test.
    assert!(scratch.path(r"retry\%52egistry.breaker").is_file());
    let mut command = scratch.retry("--retries 1 --breaker b --");
    command.arg(helper()).args(["exit", "0"]).env_remove("LOCALAPPDATA");
    let nowhere = finish(&mut command, b"");
    assert_eq!(nowhere.code, 0, "{nowhere:?}");
}

#[test]
fn directories_of_state_have_drives() {
    let scratch = Scratch::new();
    let directory = scratch.path("shared state").display().to_string();
    assert_eq!(&directory[1..2], ":", "{directory}");
    for directory in [directory.replace('\\', "/"), directory] {
        let mut command = scratch.retry("--retries 1 --breaker b --breaker-failures 9 --state");
        command.arg(&directory).arg("--").arg(helper()).args(["exit", "1"]);
        assert_eq!(finish(&mut command, b"").code, 1);
    }
    assert!(scratch.path(r"shared state\b.breaker").is_file());
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let scratch = Scratch::new();
    let ran = scratch.run("--retries 2 --base 0.01 --log NUL --report NUL --junit nul", "exit 3");
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""), "{ran:?}");
    assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 0);
}

#[test]
fn a_batch_file_is_a_command() {
    let scratch = Scratch::new();
    fs::write(scratch.path("greet.cmd"), "@echo hello %1\r\n@exit /b 7\r\n").unwrap();
    let mut command = scratch.retry("--retries 1 --");
    command.arg(scratch.path("greet.cmd")).arg("you");
    let ran = finish(&mut command, b"");
    assert_eq!((ran.code, ran.stdout.trim()), (7, "hello you"), "{ran:?}");
}

#[test]
fn a_preset_knows_a_program_with_its_ending() {
    let scratch = Scratch::new();
    for program in ["git.exe", r"C:\Program Files\Git\cmd\GIT.EXE", "npm.cmd"] {
        let mut command = scratch.retry("--dry-run --retry-on auto --");
        command.arg(program).arg("fetch");
        let ran = finish(&mut command, b"");
        assert!(ran.code == 0 && !ran.stdout.contains("has no preset"), "{program}: {ran:?}");
    }
    for words in [&["cmd", "/c", "git fetch"][..], &["CMD.EXE", "/d", "/C", "git.exe", "fetch"]] {
        let ran = run(&scratch, "--dry-run --retry-on auto", words);
        assert!(ran.stdout.contains("the preset git for git"), "{words:?}: {ran:?}");
    }
}

/// Runs `retry OPTIONS -- WORDS` to its end.
fn run(scratch: &Scratch, options: &str, words: &[&str]) -> Ran {
    let mut command = scratch.retry(options);
    command.arg("--").args(words).env("helper", helper());
    finish(&mut command, b"")
}

#[test]
fn a_command_that_is_not_found_gets_the_shells_of_windows() {
    let scratch = Scratch::new();
    for name in ["deploy.ps1", "deploy.py"] {
        fs::write(scratch.path(name), "x").unwrap();
    }
    fs::create_dir(scratch.path("folder")).unwrap();
    fs::write(scratch.path("clean-up.cmd"), "@exit /b 0\r\n").unwrap();
    for (word, code, said) in [
        ("copy", 127, "copy: command not found (a builtin of cmd: retry -- cmd /c"),
        ("Get-Item", 127, "(a cmdlet of PowerShell: retry -- powershell -Command"),
        ("dir && echo x", 127, "need a shell: retry -- cmd /c"),
        ("deploy.ps1", 127, "(a script needs its interpreter: retry -- powershell -File deploy.ps1)"),
        (r".\deploy.ps1", 126, r"it is a script; use retry -- powershell -File .\deploy.ps1"),
        ("./deploy.py", 126, "it is a script; use retry -- python ./deploy.py"),
        (r".\deploy.ps1 now", 127, "quoted as one word: remove the quotes, or use cmd /c"),
        (r".\folder", 126, "it is a directory"),
        (r"C:\Program Files\no such\tool.exe", 127, r"C:\Program Files\no such\tool.exe: command not found"),
        ("clean-up", 127, r"not in PATH, but in this directory: retry -- .\clean-up)"),
        ("CLEAN-UP.CMD", 127, r"not in PATH, but in this directory: retry -- .\CLEAN-UP.CMD)"),
        ("no-such-tool", 127, "a function or alias of PowerShell needs its shell"),
    ] {
        let ran = run(&scratch, "--retries 2", &[word]);
        assert_eq!((ran.code, ran.said().len()), (code, 1), "{word}: {ran:?}");
        assert!(ran.said()[0].contains(said), "{word}: {ran:?}");
        for unix in ["sh -c", "bash", "env ", "%1"] {
            assert!(!ran.stderr.contains(unix), "{word}: {ran:?}");
        }
    }
}

#[test]
fn the_help_offers_what_works_here() {
    let scratch = Scratch::new();
    let print = |options: &str| finish(&mut scratch.retry(options), b"").stdout;
    for help in ["-h", "--help"].map(print) {
        assert!(help.contains("0xC0000005"), "{help}");
        for word in ["timeout-signal", "SIGKILL", "journald", "man retry", "sh -c", " ./"] {
            assert!(!help.contains(word), "{word}: {help}");
        }
    }
    let manual = print("--generate text");
    assert!(
        manual.contains("PLATFORM DIFFERENCES\n") && manual.contains(r"%LOCALAPPDATA%\retry"),
        "{manual}"
    );
    let completions = print("--generate powershell");
    assert!(
        completions.contains("'--kill-after'") && !completions.contains("timeout-signal"),
        "{completions}"
    );
}

/// What follows `cmd /c` is a line for cmd, which does not read words as other programs do.
#[test]
fn cmd_as_a_command_gets_its_line_as_it_was_typed() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("a b")).unwrap();
    fs::copy(helper(), scratch.path(r"a b\tool x.exe")).unwrap();
    fs::write(scratch.path(r"a b\greet.cmd"), "@echo hello %1 %2\r\n").unwrap();
    for (words, lines) in [
        (&["cmd", "/c", r#""a b\tool x.exe" args "c d" e"#][..], &["c d", "e"][..]),
        (&["cmd", "/d", "/C", r#""%helper%" args "c d" && "%helper%" args "f g""#], &["c d", "f g"]),
        (
            &["cmd.exe", "/c", r"a b\tool x.exe", "args", "c d", "e", r#"say "x y""#],
            &["c d", "e", r#"say "x y""#],
        ),
        (&["cmd", "/c", r"a b\greet.cmd"], &["hello  "]),
        (&["cmd", "/c", r"a b\greet.cmd", "you", "c d"], &[r#"hello you "c d""#]),
        (&["cmd", "/c", "echo one&& echo two"], &["one", "two"]),
        (&["cmd", "/c", "echo", "one&&", "echo", "two"], &["one", "two"]),
        (&["cmd", "/c", r#"echo "a b""#], &[r#""a b""#]),
    ] {
        let ran = run(&scratch, "--retries 1", words);
        let trimmed: Vec<&str> = ran.lines().into_iter().map(str::trim_end).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        assert_eq!((ran.code, trimmed), (0, lines), "{words:?}: {ran:?}");
    }
}

#[test]
fn hooks_are_lines_for_cmd() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("a b")).unwrap();
    fs::copy(helper(), scratch.path(r"a b\tool x.exe")).unwrap();
    fs::write(scratch.path(r"a b\greet.cmd"), "@echo hello %1 %2\r\n@exit /b 4\r\n").unwrap();
    for (line, code, lines) in [
        (r#""%helper%" args "c d" e"#, 0, &["c d", "e"][..]),
        (r#""a b\tool x.exe" args "c d" "e""#, 0, &["c d", "e"]),
        (r#""a b\greet.cmd" you "c d""#, 4, &[r#"hello you "c d""#]),
        (r#""%helper%" args a^&b "c&d" ^"e f^""#, 0, &["a&b", "c&d", "e f"]),
        (r#""%helper%" args "say ""hi""" 100% 5%%"#, 0, &["say \"hi\"", "100%", "5%%"]),
        ("echo one&& echo two", 0, &["one", "two"]),
        ("echo %RETRY_ATTEMPT% %RETRY_MAX_ATTEMPTS% %RETRY_PREVIOUS_STATUS%", 0, &["1 1 3221225477"]),
        (r#"if "%RETRY_ATTEMPT%"=="1" (exit 7) else (exit 8)"#, 7, &[]),
        ("echo !RETRY_ATTEMPT! %no_such_variable%", 0, &["!RETRY_ATTEMPT! %no_such_variable%"]),
        (r#"echo x> "out put.txt"& type "out put.txt""#, 0, &["x"]),
    ] {
        let mut command = scratch.retry("--retries 1 --fallback");
        command.arg(line).arg("--").arg(helper()).args(["exit", "0xC0000005"]).env("helper", helper());
        let ran = finish(&mut command, b"");
        let trimmed: Vec<&str> = ran.lines().into_iter().map(str::trim_end).collect();
        assert_eq!((ran.code, trimmed.as_slice()), (code, lines), "{line}: {ran:?}");
    }
}

#[test]
fn messages_quote_words_as_programs_read_them() {
    let scratch = Scratch::new();
    let mut command = scratch.retry("-v --retries 1 --");
    command.arg(helper()).args(["args", "a b", r"C:\x"]);
    let ran = finish(&mut command, b"");
    let starts = ran.said().into_iter().find(|line| line.contains("starting attempt ")).unwrap();
    assert!(starts.ends_with(r#" args "a b" C:\x"#), "{starts}");
}

/// Their job is closed with it.
#[test]
fn what_a_command_has_started_ends_with_retry_that_is_killed() {
    let scratch = Scratch::new();
    let mut command = scratch.retry("--retries 1 --");
    let mut retry = command.arg(helper()).args(["tree", "3", "tree"]).spawn().unwrap();
    let all = [1, 2, 3].map(|generation| scratch.path(&format!("tree.{generation}")));
    wait_until("a tree that stands", || all.iter().all(|locked| locked.exists() && !is_gone(locked)));
    retry.kill().unwrap();
    retry.wait().unwrap();
    for locked in &all {
        wait_until("the lock of a process that has ended", || is_gone(locked));
    }
}

/// `> log 2>&1`: one pipe serves both.
#[test]
fn streams_that_are_one_keep_their_order() {
    let scratch = Scratch::new();
    for mode in ["--stdout final --stderr final", "--retry-on-output never"] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = scratch.retry(&format!("--retries 1 {mode}"));
        command.arg("--").arg(helper()).args(["out", "1", "err", "2", "out", "3", "err", "4"]);
        let mut retry = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
        // The command has the writers as well, until it is dropped.
        drop(command);
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert!(retry.wait().unwrap().success());
        assert_eq!(all.replace("\r\n", "\n"), "1\n2\n3\n4\n", "{mode}");
    }
}

/// The reader of our stdout has gone: that is no failure to write, and the command is told.
#[test]
fn a_reader_that_has_gone_ends_the_run_quietly() {
    let scratch = Scratch::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = scratch.retry("--retries 1 --retry-on-output never --");
    command.arg(helper()).args(["fill", "stdout", "9000000"]).stdout(writer).stderr(Stdio::piped());
    let done = command.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!said.contains("cannot write"), "{said}");
}
