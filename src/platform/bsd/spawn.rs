//! Starting a command with posix_spawn(3), by way of std. There is no parent-death signal.

use crate::platform::group::ProcessGroup;
use crate::platform::launch::Launch;
use crate::platform::unix::program::argv;
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// Always false: std does not run our code in the child.
pub fn is_child_before_exec() -> bool {
    false
}

pub use crate::platform::unix::start_error::is_transient;

/// Starts a command.
///
/// # Errors
/// What posix_spawn(3) answers.
pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
    let argv = argv(launch.program);
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::NotFound)?;
    match spawn(launch, program, arguments) {
        // A script without `#!`. execvp(3) runs it with /bin/sh; posix_spawn(3) may not.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOEXEC) => {
            let Some(file) = find(program) else { return Err(error) };
            let mut argv = vec![file.into_os_string()];
            argv.extend_from_slice(arguments);
            spawn(launch, &"/bin/sh".into(), &argv)
        }
        other => other,
    }
}

fn spawn(launch: &Launch<'_>, program: &OsString, arguments: &[OsString]) -> io::Result<Pid> {
    let mut command = Command::new(program);
    command.args(arguments);
    command.envs(launch.variables.iter().map(|(name, value)| (name, value)));
    let [stdin, stdout, stderr] = launch.streams;
    if let Some(fd) = stdin {
        command.stdin(fd.try_clone()?);
    }
    if let Some(fd) = stdout {
        command.stdout(fd.try_clone()?);
    }
    if let Some(fd) = stderr {
        command.stderr(fd.try_clone()?);
    }
    if launch.group == ProcessGroup::New {
        command.process_group(0);
    }
    let child = command.spawn()?;
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Errno::SRCH.into())
}

/// The file that execvp(3) would run.
#[expect(clippy::disallowed_methods, reason = "PATH belongs to starting a command, not to settings")]
fn find(program: &OsString) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}
