//! What the tests of the binary share.

use std::process::{Command, Stdio};

/// Whether `tool` is here. Where it is missing, says what is not tested; under `CI` that is a failure,
/// so that nothing goes untested unnoticed.
pub fn has(tool: &str, what: &str) -> bool {
    works(Command::new(tool).arg("--version"), tool, what)
}

/// As [`has`], for something that only a trial run can tell.
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads CI and talks to people"
)]
pub fn works(trial: &mut Command, tool: &str, what: &str) -> bool {
    let trial = trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if trial.status().is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{what} needs {tool}");
    eprintln!("not tested: {what} needs {tool}");
    false
}
