//! Starting a command: its argument vector as it is, its environment with what `retry` adds, and the
//! difference between "not found", "cannot be run" and "not now".

use crate::core::os_error::describe;
use crate::core::outcome::{NotStarted, SpawnFailure};
use crate::core::signal::Signal;
use crate::platform::group::ProcessGroup;
use crate::platform::launch::Launch;
use crate::streams::stdio::ChildStdio;
use retry_loop::policy::Attempts;
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

/// What the command is told about the attempt, in its environment.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEnv<'a> {
    /// `RETRY_ATTEMPT`, from 1.
    pub number: u64,
    /// `RETRY_MAX_ATTEMPTS`, `inf` without a limit.
    pub attempts: Attempts,
    /// `RETRY_PREVIOUS_STATUS`, as in `$?`; empty at first.
    pub previous: Option<u8>,
    /// `RETRY_ELAPSED`, seconds since the start.
    pub elapsed: Duration,
    /// `RETRY_DEPTH`: 1 below the outermost `retry`.
    pub depth: u32,
    /// `RETRY_RUN_ID`, the same in all attempts.
    pub run_id: &'a str,
}

/// Starts the command with these ends of its streams. When `retry` dies before it, the kernel sends it
/// `death_signal`.
///
/// # Errors
/// When it is not found, cannot be run, or the system is short of something.
pub fn spawn(
    command: &[OsString],
    env: &AttemptEnv<'_>,
    stdio: &ChildStdio,
    death_signal: Signal,
) -> Result<Pid, NotStarted> {
    let launch = Launch {
        words: command,
        variables: &variables(env),
        streams: [stdio.stdin.as_ref(), stdio.stdout.as_ref(), stdio.stderr.as_ref()],
        death_signal,
        group: ProcessGroup::of_the_command(),
    };
    crate::platform::spawn::start(&launch).map_err(|error| not_started(&error))
}

fn variables(env: &AttemptEnv<'_>) -> [(&'static str, String); 6] {
    let max = match env.attempts {
        Attempts::AtMost(limit) => limit.to_string(),
        Attempts::Unlimited => "inf".to_owned(),
    };
    [
        ("RETRY_ATTEMPT", env.number.to_string()),
        ("RETRY_MAX_ATTEMPTS", max),
        ("RETRY_PREVIOUS_STATUS", env.previous.map(|status| status.to_string()).unwrap_or_default()),
        ("RETRY_ELAPSED", format!("{:.3}", env.elapsed.as_secs_f64())),
        ("RETRY_DEPTH", env.depth.to_string()),
        ("RETRY_RUN_ID", env.run_id.to_owned()),
    ]
}

/// The statuses of env(1) and timeout(1): 127 for ENOENT (which a missing interpreter gives too), 126
/// for whatever else cannot be run.
fn not_started(error: &io::Error) -> NotStarted {
    let kind = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => SpawnFailure::NotFound,
        Some(Errno::AGAIN | Errno::NOMEM | Errno::TXTBSY | Errno::MFILE | Errno::NFILE) => {
            SpawnFailure::Transient
        }
        _ => SpawnFailure::NotExecutable,
    };
    NotStarted { kind, why: describe(error) }
}
