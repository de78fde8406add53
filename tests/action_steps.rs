//! The GitHub Action as a whole: action.yml, by a stand-in for the runner.

#![cfg(target_os = "linux")]

mod common;

use common::command::{Scratch, can, needs, program, text};
use common::release::{FileServer, Release, VERSION, target};
use std::process::Stdio;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// A Python with PyYAML. The first one of the PATH may be one without the system's packages.
fn python() -> Option<&'static str> {
    let has_yaml = |python: &&str| {
        let mut trial = program(python);
        trial.args(["-c", "import yaml"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(has_yaml);
    can("the action as a whole", "python3 with PyYAML", found.is_some()).then_some(found).flatten()
}

/// The status of the action with these inputs, its outputs, and what its steps said.
fn act(
    scratch: &Scratch,
    python: &str,
    server: &[(&str, &str)],
    inputs: &[&str],
) -> (Option<i32>, serde_json::Value, String) {
    std::fs::create_dir_all(scratch.path("temp")).unwrap();
    let mut runner = program(python);
    runner.arg(format!("{FOLDER}/tests/common/runner.py")).arg(FOLDER).args(inputs);
    let arch = if cfg!(target_arch = "aarch64") { "ARM64" } else { "X64" };
    runner.envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", arch), ("GITHUB_ACTIONS", "true")]);
    scratch.settle(runner.env("RUNNER_TEMP", scratch.path("temp")).envs(server.iter().copied()));
    let done = runner.output().unwrap();
    let said = text(&done.stdout);
    let (steps, outputs) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    let outputs = serde_json::from_str(outputs).unwrap_or_else(|_| panic!("{said}{}", text(&done.stderr)));
    (done.status.code(), outputs, format!("{steps}{}", text(&done.stderr)))
}

#[test]
fn without_a_script_it_puts_retry_on_the_path() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    Release::make(&scratch, &target());
    let (status, outputs, said) = act(&scratch, python, &[], &["from=release"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!((&outputs["version"], &outputs["attempts"]), (&VERSION.into(), &"".into()));
    assert_eq!(outputs["PATH"][0], outputs["path"]);
    let mut retry = program(format!("{}/retry", outputs["path"].as_str().unwrap()));
    assert!(retry.arg("--version").status().unwrap().success());
}

#[test]
fn with_a_script_its_outputs_are_those_of_the_run_also_when_it_failed() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    Release::make(&scratch, &target());
    let script = "run=command -v retry; exit $((9 - RETRY_ATTEMPT * 3))";
    let (status, outputs, said) =
        act(&scratch, python, &[], &["from=release", script, "base=0.01", "retries=5"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!([&outputs["attempts"], &outputs["outcome"], &outputs["exit-status"]], ["3", "success", "0"]);
    // The script finds the retry that runs it.
    assert!(said.contains(&format!("{}/retry", outputs["path"].as_str().unwrap())), "{said}");
    let (status, outputs, said) = act(&scratch, python, &[], &["from=release", script, "stop-on=6"]);
    assert_eq!(status, Some(6), "{said}");
    assert_eq!([&outputs["attempts"], &outputs["outcome"], &outputs["exit-status"]], ["1", "stopped", "6"]);
    let (status, outputs, said) = act(&scratch, python, &[], &["from=release", "run=true", "timeout=no"]);
    assert_eq!((status, &outputs["outcome"]), (Some(125), &"".into()), "{said}");
}

#[test]
fn a_release_that_cannot_be_had_ends_it_before_the_script() {
    let Some(python) = python() else { return };
    let scratch = Scratch::new();
    let release = Release::make(&scratch, &target());
    release.tamper();
    let (status, outputs, said) = act(&scratch, python, &[], &["from=release", "run=touch ran"]);
    assert_eq!((status, &outputs["version"]), (Some(1), &"".into()), "{said}");
    assert!(said.contains("::error title=retry::") && !scratch.path("ran").exists(), "{said}");
}

#[test]
fn by_default_the_release_is_that_of_the_repository_that_it_was_called_by() {
    let Some(python) = python() else { return };
    if !needs("curl", "the action's download") {
        return;
    }
    let scratch = Scratch::new();
    Release::make(&scratch, &target());
    // As a server of GitHub has it.
    let mut lay = program("sh");
    let script = r#"mkdir -p "$0" && mv release/*.tar.gz release/SHA256SUMS "$0""#;
    let place = format!("release/someone/retry/releases/download/v{VERSION}");
    scratch.settle(lay.args(["-c", script, &place]));
    assert!(lay.status().unwrap().success());
    let server = FileServer::start(&scratch);
    let server = [("GITHUB_SERVER_URL", server.url.as_str()), ("CALLED_BY", "someone/retry")];
    let (status, outputs, said) = act(&scratch, python, &server, &["run=true"]);
    assert_eq!((status, &outputs["attempts"]), (Some(0), &"1".into()), "{said}");
}
