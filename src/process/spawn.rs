//! The start of a command: the variables that `retry` adds to its environment, and why a start failed.

use super::interpreter;
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

/// What the environment of a command says about the attempt.
#[derive(Debug, Clone, Copy)]
pub struct AttemptEnv<'a> {
    /// `RETRY_ATTEMPT`, from 1.
    pub number: u64,
    /// `RETRY_MAX_ATTEMPTS`, `inf` without a limit.
    pub attempts: Attempts,
    /// `RETRY_PREVIOUS_STATUS`, as in `$?`; empty in the first attempt.
    pub previous: Option<u8>,
    /// `RETRY_ELAPSED`: seconds since the start of the run.
    pub elapsed: Duration,
    /// `RETRY_DEPTH`: 1 if this is the outermost `retry`.
    pub depth: u32,
    /// `RETRY_RUN_ID`, the same in all attempts.
    pub run_id: &'a str,
}

/// Starts a command. If `retry` dies before it, the kernel sends it `death_signal`.
///
/// # Errors
/// It was not found, cannot be run, or the system is short of memory, processes or descriptors.
pub fn spawn(
    argv: &[OsString],
    env: &AttemptEnv<'_>,
    stdio: &ChildStdio,
    death_signal: Signal,
) -> Result<Pid, NotStarted> {
    let launch = Launch {
        argv,
        variables: &variables(env),
        streams: [stdio.stdin.as_ref(), stdio.stdout.as_ref(), stdio.stderr.as_ref()],
        death_signal,
        group: ProcessGroup::for_commands(),
    };
    crate::platform::spawn::start(&launch).map_err(|error| not_started(argv, &error))
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

/// The kinds follow the statuses of env(1) and timeout(1): 127 for ENOENT (also for a missing interpreter), 126 for any
/// other error that is permanent.
fn not_started(argv: &[OsString], error: &io::Error) -> NotStarted {
    let kind = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => match argv.first().and_then(|program| interpreter::missing(program)) {
            Some(why) => return NotStarted { kind: SpawnFailure::NoInterpreter, why },
            None => SpawnFailure::NotFound,
        },
        Some(Errno::AGAIN | Errno::NOMEM | Errno::TXTBSY | Errno::MFILE | Errno::NFILE) => {
            SpawnFailure::Transient
        }
        _ => SpawnFailure::NotExecutable,
    };
    NotStarted { kind, why: describe(error) }
}
