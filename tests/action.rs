//! The GitHub Action: its entries, with a runner's environment that the test makes up, and what action.yml hands to
//! them.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program, text, wait_until};
use common::release::{FileServer, Release, VERSION, target};
use rustix::process::Signal;
use std::process::{Command, Output};

const ACTION: &str = include_str!("../action.yml");
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// A step's entry in the directory `action`, with what the runner sets. Its temporary directory, which is not the
/// one that it works in, has a space in its name.
fn entry(scratch: &Scratch, name: &str, inputs: &[(&str, &str)]) -> Command {
    let mut bash = program("bash");
    bash.arg(format!("{FOLDER}/action/{name}"));
    scratch.settle(&mut bash);
    std::fs::create_dir_all(scratch.path("runner temp")).unwrap();
    bash.env("RUNNER_TEMP", scratch.path("runner temp"));
    bash.envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", arch()), ("GITHUB_ACTIONS", "true")]);
    bash.envs([("GITHUB_REPOSITORY", "caller/own"), ("GITHUB_SERVER_URL", "https://github.invalid")]);
    bash.env("GITHUB_OUTPUT", scratch.path("output")).env("GITHUB_PATH", scratch.path("path"));
    bash.env("GITHUB_STEP_SUMMARY", scratch.path("summary"));
    // The runner sets all that action.yml names, most of it empty.
    for (variable, _) in variables(name) {
        bash.env(variable, "");
    }
    bash.env("INPUT_program", RETRY);
    for (name, value) in inputs {
        bash.env(format!("INPUT_{}", name.replace('-', "_")), value);
    }
    bash
}

/// As a runner of GitHub calls this machine.
fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" }
}

/// The variables that action.yml sets for a step, each with its expression.
fn variables(step: &str) -> Vec<(&'static str, &'static str)> {
    let steps = ACTION.split_once("\nruns:\n").unwrap().1;
    let step = steps.split("- id: ").find(|text| text.starts_with(step)).unwrap();
    let pairs = step.lines().filter_map(|line| line.trim().split_once(": ${{ "));
    pairs.map(|(variable, value)| (variable, value.trim_end_matches(" }}"))).collect()
}

/// The inputs that action.yml declares.
fn inputs() -> Vec<&'static str> {
    let inputs = ACTION.split_once("\ninputs:\n").unwrap().1.split_once("\noutputs:\n").unwrap().0;
    let names = inputs.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.trim().strip_suffix(':')).collect()
}

fn run(scratch: &Scratch, inputs: &[(&str, &str)]) -> Output {
    let fast = [("base", "0.01"), ("jitter", "none")];
    entry(scratch, "run", &[&fast, inputs].concat()).output().unwrap()
}

/// What a workflow sees: of several lines for an output, the last one counts.
fn outputs(scratch: &Scratch) -> [String; 3] {
    let output = scratch.read("output");
    ["attempts=", "outcome=", "exit-status="].map(|name| {
        output.lines().rev().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    })
}

#[test]
fn every_input_reaches_its_entry_and_none_is_text_of_a_script() {
    let variables = [variables("install"), variables("run")].concat();
    for input in inputs() {
        let variable = format!("INPUT_{}", input.replace('-', "_"));
        let expression = format!("inputs.{input}");
        assert!(variables.contains(&(&variable, &expression)), "{input}");
    }
    // An expression in the text of a script would let an input become code.
    let scripts: Vec<&str> =
        ACTION.lines().filter(|line| line.trim_start().starts_with("run: exec")).collect();
    assert_eq!(scripts.len(), 2);
    assert!(scripts.iter().all(|line| !line.contains("${{")), "{scripts:?}");
    assert_eq!(ACTION.matches(" run:").count(), 3, "an input of this name and the two scripts");
    // Each option that exists is spelt as its flag.
    let help = program(RETRY).arg("--help").output().unwrap();
    let help = text(&help.stdout);
    let ours = ["run", "shell", "working-directory", "options", "version", "sha256", "from"];
    for input in inputs().into_iter().filter(|input| !ours.contains(input)) {
        assert!(help.contains(&format!("--{input}")), "{input}");
    }
}

#[test]
fn it_installs_the_release_of_its_own_version() {
    if !needs("python3", "the action's installation") || !needs("curl", "the action's installation") {
        return;
    }
    let scratch = Scratch::new();
    let release = Release::make(&scratch, &target());
    let server = FileServer::start(&scratch);
    let install = |inputs: &[(&str, &str)]| {
        let all = [&[("from", server.url.as_str())], inputs].concat();
        entry(&scratch, "install", &all).output().unwrap()
    };
    // Refused: another file than the one that was released, no sum at all, none at the place that was named.
    let sums = scratch.read("release/SHA256SUMS");
    release.sums(&format!("{}  {}\n", "0".repeat(64), release.archive));
    let wrong = install(&[]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = text(&wrong.stdout);
    assert!(said.starts_with("::error title=retry::install.sh: ") && said.lines().count() == 1, "{said}");
    assert!(said.contains("is not the file that was released") && said.contains(&release.sha256()), "{said}");
    release.sums("");
    assert!(text(&install(&[]).stdout).contains("SHA256SUMS at"));
    let mine = "a".repeat(64);
    assert!(text(&install(&[("sha256", &mine)]).stdout).contains(&format!("not {mine}")));
    assert!(text(&install(&[("version", "9.9.9")]).stdout).contains("retry-9.9.9-"));
    assert_eq!(scratch.read("path") + &scratch.read("output"), "");

    release.sums(&sums);
    let done = install(&[]);
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let path = scratch.read("path");
    let mut retry = program(format!("{}/retry", path.trim_end()));
    assert_eq!(text(&retry.arg("--version").output().unwrap().stdout), format!("retry {VERSION}\n"));
    let path = path.trim_end();
    assert_eq!(scratch.read("output"), format!("version={VERSION}\npath={path}\nprogram={path}/retry\n"));

    // The second use in a job needs no server; one with a checksum of its own is checked all the same.
    std::fs::remove_file(scratch.path("release/SHA256SUMS")).unwrap();
    assert!(install(&[("version", &format!("v{VERSION}"))]).status.success());
    assert!(!install(&[("sha256", &mine)]).status.success());
    assert!(install(&[("sha256", &release.sha256())]).status.success());
}

#[test]
fn it_takes_the_release_from_the_repository_that_it_was_called_by() {
    let scratch = Scratch::new();
    // A curl that says what it was asked for.
    scratch.executable("curl", "#!/bin/sh\nfor last; do :; done\necho \"$last\" >> asked\nexit 22\n");
    let path = format!("{}:/usr/bin:/bin", scratch.path("").display());
    let asked = |change: &dyn Fn(&mut Command)| {
        let mut install = entry(&scratch, "install", &[]);
        install.env("PATH", &path);
        change(&mut install);
        assert_eq!(install.output().unwrap().status.code(), Some(1));
        scratch.read("asked").lines().last().unwrap().to_owned()
    };
    let file = format!("v{VERSION}/retry-{VERSION}-{}.tar.gz", target());
    let called = asked(&|install| {
        install.env("ACTION_REPOSITORY", "someone/retry");
    });
    assert_eq!(called, format!("https://github.invalid/someone/retry/releases/download/{file}"));
    // `uses: ./`
    let own = asked(&|_| ());
    assert_eq!(own, format!("https://github.invalid/caller/own/releases/download/{file}"));
    // Where the runner has not set it: the folder that it has unpacked the action in.
    let unpacked = scratch.path("_actions/other/retry/v0");
    std::fs::create_dir_all(unpacked.join("action")).unwrap();
    for name in ["action/install", "install.sh", "Cargo.toml"] {
        std::fs::copy(format!("{FOLDER}/{name}"), unpacked.join(name)).unwrap();
    }
    let mut bash = program("bash");
    bash.arg(unpacked.join("action/install"))
        .env("PATH", &path)
        .envs([("RUNNER_OS", "macOS"), ("RUNNER_ARCH", "ARM64")]);
    scratch.settle(bash.env("RUNNER_TEMP", scratch.path("runner temp")));
    assert_eq!(bash.output().unwrap().status.code(), Some(1));
    let asked = scratch.read("asked");
    let last = asked.lines().last().unwrap();
    let file = format!("v{VERSION}/retry-{VERSION}-aarch64-apple-darwin.tar.gz");
    assert_eq!(last, format!("https://github.com/other/retry/releases/download/{file}"));
}

#[test]
fn each_runner_has_its_build() {
    for (os, arch, build) in [
        ("Linux", "X64", Some("x86_64-unknown-linux-musl.tar.gz")),
        ("Linux", "ARM64", Some("aarch64-unknown-linux-musl.tar.gz")),
        ("Linux", "ARM", Some("armv7-unknown-linux-musleabihf.tar.gz")),
        ("Linux", "X86", None),
        ("macOS", "X64", Some("x86_64-apple-darwin.tar.gz")),
        ("macOS", "ARM64", Some("aarch64-apple-darwin.tar.gz")),
        ("Windows", "X64", Some("x86_64-pc-windows-msvc.zip")),
        ("Windows", "ARM64", Some("x86_64-pc-windows-msvc.zip")),
        ("Windows", "X86", None),
    ] {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path("empty")).unwrap();
        // Git Bash has a cygpath.
        scratch.executable("cygpath", "#!/bin/sh\nprintf '%s\\n' \"$2\"\n");
        let mut install = entry(&scratch, "install", &[("from", "empty")]);
        install.env("PATH", format!("{}:/usr/bin:/bin", scratch.path("").display()));
        let done = install.env("RUNNER_OS", os).env("RUNNER_ARCH", arch).output().unwrap();
        let said = text(&done.stdout);
        assert_eq!(done.status.code(), Some(1), "{os} {arch}: {said}");
        let expected =
            build.map_or("there is no build for".to_owned(), |build| format!("retry-{VERSION}-{build}"));
        assert!(said.contains(&expected), "{os} {arch}: {said}");
    }
}

#[test]
fn on_windows_paths_go_through_cygpath_and_the_archive_is_a_zip() {
    if !needs("zip", "the archive for Windows") || !needs("unzip", "the archive for Windows") {
        return;
    }
    let scratch = Scratch::new();
    Release::make(&scratch, "x86_64-pc-windows-msvc");
    scratch.executable("bin-cygpath", "#!/bin/sh\ncase $1 in -w) echo \"W:$2\" ;; -u) echo \"$2\" ;; esac\n");
    std::fs::create_dir(scratch.path("bin")).unwrap();
    std::fs::rename(scratch.path("bin-cygpath"), scratch.path("bin/cygpath")).unwrap();
    let mut install = entry(&scratch, "install", &[("from", "release")]);
    install.env("PATH", format!("{}:/usr/bin:/bin", scratch.path("bin").display()));
    let done = install.env("RUNNER_OS", "Windows").output().unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let folder = format!("{}/retry-{VERSION}-Windows-{}", scratch.path("runner temp").display(), arch());
    assert_eq!(scratch.read("path"), format!("W:{folder}\n"));
    assert!(scratch.read("output").ends_with(&format!("program=W:{folder}/retry.exe\n")));
    let mut retry = program(format!("{folder}/retry.exe"));
    assert!(retry.arg("--version").status().unwrap().success());
}

#[test]
fn a_script_is_retried_and_the_outputs_tell() {
    let scratch = Scratch::new();
    let script = "echo run >> runs\ntest $RETRY_ATTEMPT = 3";
    let done = run(&scratch, &[("run", script), ("retries", "5"), ("label", "the build")]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!((outputs(&scratch), scratch.runs()), (["3", "success", "0"].map(str::to_owned), 3));
    assert!(text(&done.stderr).contains("::warning title=retry::the build: succeeded on attempt 3/5"));
    assert!(scratch.read("summary").contains("| the build | late success | 3/5 |"));

    let scratch = Scratch::new();
    assert!(run(&scratch, &[("run", "true")]).status.success());
    assert_eq!(outputs(&scratch), ["1", "success", "0"].map(str::to_owned));

    let scratch = Scratch::new();
    let done = run(&scratch, &[("run", "exit 9"), ("retries", "2")]);
    assert_eq!(done.status.code(), Some(9));
    assert_eq!(outputs(&scratch), ["2", "exhausted", "9"].map(str::to_owned));

    // Whatever the workflow's variables say: the outputs are the action's.
    let scratch = Scratch::new();
    let mut quiet = entry(&scratch, "run", &[("run", "exit 9"), ("retries", "1")]);
    assert_eq!(quiet.env("RETRY_CI", "none").output().unwrap().status.code(), Some(9));
    assert_eq!(outputs(&scratch), ["1", "exhausted", "9"].map(str::to_owned));
}

#[test]
fn the_inputs_are_the_options_of_their_names() {
    let scratch = Scratch::new();
    let ends = |inputs: &[(&str, &str)]| {
        let status = run(&scratch, inputs).status.code();
        let [attempts, outcome, _] = outputs(&scratch);
        (status, attempts.parse::<u32>().unwrap(), outcome)
    };
    let end = |status: i32, attempts: u32, outcome: &str| (Some(status), attempts, outcome.to_owned());
    assert_eq!(ends(&[("run", "exit 3"), ("stop-on", "3")]), end(3, 1, "stopped"));
    assert_eq!(ends(&[("run", "exit 3"), ("retry-on", "4,timeout")]), end(3, 1, "stopped"));
    assert_eq!(ends(&[("run", "exit 3"), ("success-on", "0,3")]), end(0, 1, "success"));
    assert_eq!(ends(&[("run", "exit 3"), ("retries", "2"), ("fallback", "exit 5")]), end(5, 2, "exhausted"));
    assert_eq!(ends(&[("run", "test $RETRY_ATTEMPT = 2"), ("flaky-exit", "99")]), end(99, 2, "success"));
    assert_eq!(ends(&[("run", "sleep 60"), ("timeout", "0.2"), ("retries", "1")]), end(124, 1, "exhausted"));
    assert_eq!(
        ends(&[("run", "sleep 60"), ("idle-timeout", "0.2"), ("retries", "1")]),
        end(124, 1, "exhausted")
    );
    assert_eq!(ends(&[("run", "exit 3"), ("deadline", "1"), ("base", "5")]), end(3, 1, "deadline"));
    let delays = [("run", "exit 3"), ("base", ""), ("delays", "0.01,0.02"), ("retries", "4")];
    assert_eq!(ends(&delays), end(3, 4, "exhausted"));
    // Several patterns, one per line, with the trailing end of line of a YAML block, and of one from Windows.
    let say = |word: &str| format!("echo 'it says {word}'; exit 3");
    let patterns = ("stop-on-output", "no such\r\nsays denied$\n");
    for (word, attempts) in [("denied", 1), ("no such", 1), ("busy", 3)] {
        assert_eq!(ends(&[("run", &say(word)), patterns]).1, attempts, "{word}");
    }
    assert_eq!(ends(&[("run", &say("busy")), ("retry-on-output", "bus[y]")]).1, 3);
    assert_eq!(ends(&[("run", &say("busy")), ("success-on-output", "busy")]), end(0, 1, "success"));
    assert_eq!(ends(&[("run", "true"), ("require-output", "ok"), ("retries", "2")]), end(1, 2, "exhausted"));
    assert_eq!(ends(&[("run", "test -e file"), ("before-retry", "touch file")]), end(0, 2, "success"));
    let options = ("options", "--report=a report.json\n\n-r2\n");
    assert_eq!(ends(&[("run", "exit 3"), options]), end(3, 2, "exhausted"));
    assert!(scratch.read("a report.json").contains("\"exhausted\""));
    assert_eq!(ends(&[("run", "exit 3"), ("report", "another.json")]).1, 3);
    assert!(scratch.read("another.json").contains("\"exhausted\""));
    std::fs::create_dir(scratch.path("a folder")).unwrap();
    assert_eq!(ends(&[("run", "echo > here"), ("working-directory", "a folder")]).1, 1);
    assert!(scratch.path("a folder/here").exists());
}

#[test]
fn shells_are_those_of_a_step() {
    let scratch = Scratch::new();
    let said = |inputs: &[(&str, &str)]| {
        let done = run(&scratch, &[&[("retries", "1")], inputs].concat());
        (done.status.code(), text(&done.stdout))
    };
    // bash as the runner calls it: an error ends the script, also one in a pipeline.
    assert_eq!(said(&[("run", "false | true\necho on")]), (Some(1), String::new()));
    assert_eq!(said(&[("run", "false\necho on")]).0, Some(1));
    assert_eq!(said(&[("run", "false | true\necho on"), ("shell", "sh")]), (Some(0), "on\n".to_owned()));
    assert_eq!(said(&[("run", "false\necho on"), ("shell", "sh")]).0, Some(1));
    assert_eq!(said(&[("run", "echo \"$0\""), ("shell", "sh -eu {0}")]).0, Some(0));
    if needs("python3", "a script in Python") {
        // There may be no `python`.
        scratch.executable("python", "#!/bin/sh\nexec python3 \"$@\"\n");
        let mut python = entry(&scratch, "run", &[("shell", "python"), ("run", "print(6 * 7)")]);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", scratch.path("").display());
        assert_eq!(text(&python.env("PATH", path).output().unwrap().stdout), "42\n");
    }
    let (status, words) = said(&[("run", "true"), ("shell", "fish")]);
    assert_eq!(status, Some(125));
    assert_eq!(
        words,
        "::error title=retry::the shell \"fish\" is not known. Example: bash, sh, python, pwsh, powershell, cmd, or \
         \"perl {0}\"\n"
    );
}

#[test]
fn powershell_and_cmd_get_what_the_runner_gives_them() {
    // Neither is here: these show how they are called, and the script that they get.
    let scratch = Scratch::new();
    let show = "#!/bin/sh\nprintf '[%s]' \"$@\"; echo\nfor last; do :; done\n\
        file=$(printf %s \"$last\" | sed \"s/^[^\\\"']*[\\\"']//; s/[\\\"']$//\")\ncat \"${file#W:}\"\n";
    for shell in ["pwsh", "powershell", "cmd"] {
        scratch.executable(shell, show);
    }
    scratch.executable("cygpath", "#!/bin/sh\necho \"W:$2\"\n");
    let shown = |shell: &str, script: &str| {
        let mut windows = entry(&scratch, "run", &[("run", script), ("shell", shell)]);
        windows
            .env("RUNNER_OS", "Windows")
            .env("PATH", format!("{}:/usr/bin:/bin", scratch.path("").display()));
        let done = windows.output().unwrap();
        assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
        let all = text(&done.stdout);
        let (call, file) = all.split_once('\n').unwrap();
        let name = regex::Regex::new(r"W:.*/retry-\w{8}").unwrap();
        (name.replace(call, "FILE").into_owned(), file.to_owned())
    };
    let framed = "$ErrorActionPreference = \"stop\"\nGet-Date\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) \
        { exit $LASTEXITCODE }\n";
    // By default, as a step on Windows.
    for (shell, name) in [("", "pwsh"), ("pwsh", "pwsh"), ("powershell", "powershell")] {
        let (call, file) = shown(shell, "Get-Date");
        assert_eq!((call.as_str(), file.as_str()), ("[-command][. 'FILE.ps1']", framed), "{name}");
    }
    let (call, file) = shown("cmd", "dir\nver");
    assert_eq!(call, "[//D][//E:ON][//V:OFF][//S][//C][CALL \"FILE.cmd\"]");
    assert_eq!(file, "@echo off\r\ndir\r\nver\n");
}

#[test]
fn what_is_in_an_input_stays_text() {
    let scratch = Scratch::new();
    let evil = "$(touch hacked) `touch hacked` \"; touch hacked; ' & %CD% {0} \\";
    let done = run(&scratch, &[("run", "exit 3"), ("retries", "1"), ("label", evil), ("breaker", evil)]);
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    let done = run(&scratch, &[("run", "true"), ("options", evil)]);
    assert_eq!(done.status.code(), Some(125));
    assert!(text(&done.stdout).contains("begins with no dash"), "{}", text(&done.stdout));
    let lines = format!("x\n::set-output name=a::b\n{evil}");
    for name in ["working-directory", "shell", "retries", "options"] {
        let done = run(&scratch, &[("run", "true"), (name, &lines)]);
        assert_ne!(done.status.code(), Some(0), "{name}");
        let said = text(&done.stdout) + &text(&done.stderr);
        let commands: Vec<&str> = said.lines().filter(|line| line.starts_with("::")).collect();
        assert!(commands.len() == 1 && commands[0].starts_with("::error "), "{name}: {commands:?}");
    }
    for name in ["version", "sha256", "from"] {
        let done = entry(&scratch, "install", &[(name, &lines)]).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{name}");
        let said = text(&done.stdout);
        assert!(said.starts_with("::error") && said.lines().count() == 1, "{name}: {said}");
    }
    assert!(!scratch.path("hacked").exists());
    assert!(!scratch.path("runner temp/hacked").exists());
}

#[test]
fn the_script_gets_no_variable_of_the_action() {
    let scratch = Scratch::new();
    let mut env = entry(&scratch, "run", &[("run", "env"), ("timeout", "60")]);
    let done = env.env("INPUT_of_the_workflow", "stays").output().unwrap();
    let shown = text(&done.stdout);
    let ours: Vec<&str> = shown.lines().filter(|line| line.starts_with("INPUT_")).collect();
    assert_eq!(ours, ["INPUT_of_the_workflow=stays"]);
}

#[test]
fn a_mistake_in_an_input_is_an_error_of_the_step_and_sets_no_output() {
    let scratch = Scratch::new();
    let done = run(&scratch, &[("run", "echo ran"), ("timeout", "5x")]);
    assert_eq!(done.status.code(), Some(125));
    let said = text(&done.stdout);
    assert!(said.starts_with("::error title=retry::invalid value '5x' for --timeout: "), "{said}");
    assert_eq!((said.lines().count(), scratch.read("output")), (1, String::new()));
}

#[test]
fn a_cancelled_job_reaches_the_script() {
    // The runner sends INT to the process that it started, and to no other.
    let scratch = Scratch::new();
    let script = "trap 'echo cleaned > cleaned; exit 7' INT\necho > ready\nwhile :; do sleep 0.01; done";
    let step = scratch.start_command(entry(&scratch, "run", &[("run", script)]));
    wait_until("the script", || scratch.path("ready").exists());
    step.send(Signal::INT);
    assert_eq!(step.end().code(), Some(7));
    assert_eq!(scratch.read("cleaned"), "cleaned\n");
    assert_eq!(outputs(&scratch), ["1", "interrupted", "7"].map(str::to_owned));
}
