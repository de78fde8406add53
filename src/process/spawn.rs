//! The start of a command: the variables that `retry` adds to its environment, and why a start failed.

use super::interpreter;
use crate::core::exit_code::ExitCode;
use crate::core::os_error::describe;
use crate::core::outcome::{NotStarted, SpawnFailure};
use crate::core::signal::Signal;
use crate::platform::children::Pid;
use crate::platform::group::ProcessGroup;
use crate::platform::launch::{Launch, Program};
use crate::platform::spawn as platform;
use crate::streams::stdio::ChildStdio;
use retry_loop::policy::Attempts;
use std::io;
use std::time::Duration;

/// What the environment of a command says about the attempt.
#[derive(Debug, Clone)]
pub struct AttemptEnv<'a> {
    /// `RETRY_ATTEMPT`, from 1.
    pub number: u64,
    /// `RETRY_MAX_ATTEMPTS`, `inf` without a limit.
    pub attempts: Attempts,
    /// `RETRY_PREVIOUS_STATUS`, as in `$?`; empty in the first attempt.
    pub previous: Option<ExitCode>,
    /// `RETRY_ELAPSED`: seconds since the start of the run.
    pub elapsed: Duration,
    /// `RETRY_DEPTH`: 1 if this is the outermost `retry`.
    pub depth: u32,
    /// `RETRY_RUN_ID`, the same in all attempts.
    pub run_id: &'a str,
    /// `RETRY_OUTER_BREAKER`; `None` without a circuit breaker.
    pub breaker: Option<String>,
    /// `RETRY_STATUS`, for `--retry-if` only: the status of the attempt that it is asked about.
    pub failed_with: Option<ExitCode>,
}

/// Starts a command. If `retry` dies before it, the kernel sends it `death_signal`.
///
/// # Errors
/// It was not found, cannot be run, or the system is short of memory, processes or descriptors.
pub fn spawn(
    program: Program<'_>,
    env: &AttemptEnv<'_>,
    stdio: &ChildStdio,
    death_signal: Signal,
) -> Result<Pid, NotStarted> {
    let launch = Launch {
        program,
        variables: &variables(env),
        streams: [stdio.stdin.as_ref(), stdio.stdout.as_ref(), stdio.stderr.as_ref()],
        death_signal,
        group: ProcessGroup::for_commands(),
    };
    platform::start(&launch).map_err(|error| not_started(program, &error))
}

fn variables(env: &AttemptEnv<'_>) -> Vec<(&'static str, String)> {
    let max = match env.attempts {
        Attempts::AtMost(limit) => limit.to_string(),
        Attempts::Unlimited => "inf".to_owned(),
    };
    let mut variables = vec![
        ("RETRY_ATTEMPT", env.number.to_string()),
        ("RETRY_MAX_ATTEMPTS", max),
        ("RETRY_PREVIOUS_STATUS", env.previous.map(|status| status.to_string()).unwrap_or_default()),
        ("RETRY_ELAPSED", format!("{:.3}", env.elapsed.as_secs_f64())),
        ("RETRY_DEPTH", env.depth.to_string()),
        ("RETRY_RUN_ID", env.run_id.to_owned()),
    ];
    variables.extend(env.breaker.clone().map(|breaker| ("RETRY_OUTER_BREAKER", breaker)));
    variables.extend(env.failed_with.map(|status| ("RETRY_STATUS", status.to_string())));
    variables
}

/// The kinds follow the statuses of env(1) and timeout(1): 127 for ENOENT (also for a missing interpreter), 126 for any
/// other error that is permanent.
fn not_started(program: Program<'_>, error: &io::Error) -> NotStarted {
    let first = match program {
        Program::Argv([first, ..]) => Some(first.as_os_str()),
        _ => None,
    };
    let (kind, why) = match error.kind() {
        io::ErrorKind::NotFound => {
            if let Some(why) = first.and_then(interpreter::missing) {
                return NotStarted { kind: SpawnFailure::NoInterpreter, why };
            }
            if let Some(why) = first.and_then(interpreter::in_this_directory) {
                return NotStarted { kind: SpawnFailure::NotInPath, why };
            }
            (SpawnFailure::NotFound, first.and_then(interpreter::with_arguments))
        }
        _ if platform::is_transient(error) => (SpawnFailure::Transient, None),
        _ => (SpawnFailure::NotExecutable, first.and_then(interpreter::refused)),
    };
    NotStarted { kind, why: why.unwrap_or_else(|| describe(error)) }
}
