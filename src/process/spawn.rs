//! Starting a command: its argument vector as it is, its environment with what `retry` adds, and the
//! difference between "not found", "cannot be run" and "not now".

use super::group::Group;
use super::sys;
use crate::core::outcome::{NotStarted, SpawnFailure};
use crate::core::policy::Attempts;
use crate::core::reason::reason;
use crate::streams::connected::Ends;
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the command is told about the attempt, in its environment.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
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

/// Starts the command with these ends of its streams.
///
/// # Errors
/// When it is not found, cannot be run, or the system is short of something.
pub fn spawn(command: &[OsString], told: &Told<'_>, ends: &Ends) -> Result<Pid, NotStarted> {
    set_environment(told);
    let (program, arguments) = command.split_first().ok_or_else(|| not_started(&Errno::NOENT.into()))?;
    let spawned = match start(program, arguments, ends) {
        // A script without `#!`. execvp(3) runs it with /bin/sh, and so do env(1) and timeout(1);
        // posix_spawn(3) does not since glibc 2.15.
        Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => match find(program) {
            Some(file) => {
                let mut words = vec![file.into_os_string()];
                words.extend_from_slice(arguments);
                start(OsStr::new("/bin/sh"), &words, ends)
            }
            None => Err(error),
        },
        other => other,
    };
    spawned.map_err(|error| not_started(&error))
}

fn start(program: &OsStr, arguments: &[OsString], ends: &Ends) -> io::Result<Pid> {
    // No environment, directory or group, and no pre_exec but for an ignored SIGPIPE: each would cost
    // posix_spawn's fast path or change something that the command sees. Dropping `Child` neither waits
    // nor kills; `wait` reaps.
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(end) = &ends.stdin {
        command.stdin(end.try_clone()?);
    }
    if let Some(end) = &ends.stdout {
        command.stdout(end.try_clone()?);
    }
    if let Some(end) = &ends.stderr {
        command.stderr(end.try_clone()?);
    }
    sys::keep_pipe_signal_ignored(&mut command);
    Group::of_the_command().put(&mut command);
    let child = sys::with_original_mask(|| command.spawn())?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Errno::SRCH.into())
}

fn set_environment(told: &Told<'_>) {
    let max = match told.attempts {
        Attempts::AtMost(limit) => limit.to_string(),
        Attempts::Unlimited => "inf".to_owned(),
    };
    sys::set_variables(&[
        ("RETRY_ATTEMPT", told.number.to_string()),
        ("RETRY_MAX_ATTEMPTS", max),
        ("RETRY_PREVIOUS_STATUS", told.previous.map(|status| status.to_string()).unwrap_or_default()),
        ("RETRY_ELAPSED", format!("{:.3}", told.elapsed.as_secs_f64())),
        ("RETRY_DEPTH", told.depth.to_string()),
        ("RETRY_RUN_ID", told.run_id.to_owned()),
    ]);
}

/// The statuses of env(1) and timeout(1): 127 for ENOENT (which a missing interpreter gives too), 126
/// for whatever else cannot be run.
fn not_started(error: &io::Error) -> NotStarted {
    let kind = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => SpawnFailure::NotFound,
        Some(Errno::AGAIN | Errno::NOMEM | Errno::TXTBSY | Errno::MFILE | Errno::NFILE) => {
            SpawnFailure::Passing
        }
        _ => SpawnFailure::NotExecutable,
    };
    NotStarted { kind, why: reason(error) }
}

/// The file that execvp would have run.
#[expect(clippy::disallowed_methods, reason = "PATH belongs to starting a command, not to settings")]
fn find(program: &OsStr) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let executable = |file: &Path| {
        file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| executable(file))
}
