//! Commands that tests run.

use std::process::{Command, Stdio};

/// Whether the tool that a test needs is here, which a trial run tells. If not, says what is not tested;
/// with CI set that is a failure.
#[expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test says what it leaves out")]
pub fn works(trial: &mut Command, tool: &str, what: &str) -> bool {
    let trial = trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = trial.status().is_ok_and(|status| status.success());
    if !works {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what} needs {tool}");
        eprintln!("not tested: {what} needs {tool}");
    }
    works
}
