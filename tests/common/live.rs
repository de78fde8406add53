//! Commands that run while the test looks at them, sends signals and waits for readiness.

use super::command::{RETRY, Running, Scratch, program, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

/// Whether a process is there and no zombie.
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// The state letter of a process: `T` when it is stopped.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A signal mask of a process, such as `SigCgt` (caught) or `SigIgn` (ignored).
pub fn mask(pid: i32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// A signal's place in a mask.
pub fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// Waits until a process has taken a signal that was sent to it: a second one before that would be one with it.
pub fn wait_until_taken(pid: i32, signal: Signal) {
    let pending = || (mask(pid, "SigPnd") | mask(pid, "ShdPnd")) & bit(signal) != 0;
    wait_for("a signal to be taken", || (!pending()).then_some(()));
}

/// The parent of a process.
pub fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    parent.unwrap()
}

/// Waits until a shell has become the `sleep` that it ends with. dash catches INT, and forgets one that
/// comes just before it executes another program.
pub fn wait_until_asleep(pid: i32) {
    let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    wait_for("sleep", || (name() == "sleep\n").then_some(()));
}

/// Sends a signal to one process.
pub fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap_or_else(|error| panic!("kill {pid}: {error}"));
}

/// What the tests of running commands ask of a scratch directory.
impl Scratch {
    /// The lines in a file; none if there is no file yet.
    pub fn lines(&self, name: &str) -> usize {
        self.read(name).lines().count()
    }

    /// Waits until a script has written a line to `name`, and returns the first one.
    pub fn line(&self, name: &str) -> String {
        wait_for(&format!("a line in {name}"), || {
            let text = self.read(name);
            text.split_once('\n').map(|(line, _)| line.to_owned())
        })
    }

    /// Waits until a script has written a pid to `name`.
    pub fn pid(&self, name: &str) -> i32 {
        self.line(name).trim().parse().unwrap()
    }

    /// `retry OPTIONS -- sh -c SCRIPT` in a session of its own without a terminal.
    pub fn session(&self, options: &str, script: &str) -> Live {
        let mut command = program("setsid");
        command.arg(RETRY).args(options.split_whitespace()).args(["--", "sh", "-c", script]);
        self.launch(command)
    }

    /// Any command that is or becomes `retry`, with stdout and stderr in files of these names.
    pub fn launch(&self, mut command: Command) -> Live {
        self.settle(&mut command);
        command.stdout(fs::File::create(self.path("stdout")).unwrap());
        Live { retry: self.start_command(command), stderr: self.path("stderr") }
    }
}

/// A `retry` that runs, and what it says.
pub struct Live {
    retry: Running,
    stderr: PathBuf,
}

impl Live {
    pub fn pid(&self) -> i32 {
        self.retry.pid()
    }

    pub fn send(&self, signal: Signal) {
        self.retry.send(signal);
    }

    pub fn is_running(&mut self) -> bool {
        self.retry.is_running()
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let status = self.retry.end();
        Ended { status, stderr: fs::read_to_string(&self.stderr).unwrap_or_default() }
    }
}

/// A `retry` that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// Every process whose environment holds `mark`.
pub fn marked(mark: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if is_alive(pid) && contains(&environment, mark.as_bytes()) {
            found.push(pid);
        }
    }
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
