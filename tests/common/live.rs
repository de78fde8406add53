//! Commands that run while the test looks at them, sends signals and waits for readiness. Nothing
//! here sleeps and hopes: each wait polls a condition and fails loudly after a time that no working
//! program needs.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// No working program needs this long for a single step, however loaded the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test, without settings from the environment of whoever runs the tests.
pub const RETRY: &str = env!("CARGO_BIN_EXE_retry");

/// Polls until `condition` gives a value.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Polls until `condition` holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

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

/// Sends a signal to one process.
pub fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap_or_else(|error| panic!("kill {pid}: {error}"));
}

/// A scratch directory in which scripts leave what the test looks at.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

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

    /// `retry OPTIONS -- sh -c SCRIPT`, in this directory, in a session of its own without a terminal.
    pub fn start(&self, options: &str, script: &str) -> Running {
        let mut command = Command::new("setsid");
        command.arg(RETRY).args(options.split_whitespace()).args(["--", "sh", "-c", script]);
        self.start_command(command)
    }

    /// Any command in this directory.
    pub fn start_command(&self, mut command: Command) -> Running {
        without_settings(&mut command);
        command.current_dir(self.0.path()).stdin(Stdio::null());
        command.stdout(fs::File::create(self.path("stdout")).unwrap());
        command.stderr(fs::File::create(self.path("stderr")).unwrap());
        Running { child: command.spawn().unwrap(), stderr: self.path("stderr") }
    }
}

/// Removes whatever could change how the binary behaves.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RETRY_") {
            command.env_remove(name);
        }
    }
}

/// A `retry` that runs.
pub struct Running {
    child: Child,
    stderr: PathBuf,
}

impl Running {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn send(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = wait_for("the end of retry", || self.child.try_wait().unwrap());
        Ended { status, stderr: fs::read_to_string(&self.stderr).unwrap_or_default() }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failed test leaves nothing behind: SIGTERM twice ends `retry` and what it runs.
        if self.is_running() {
            for _ in 0..2 {
                let _ended = kill_process(Pid::from_raw(self.pid()).unwrap(), Signal::TERM);
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ended = self.child.kill();
            let _reaped = self.child.wait();
        }
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

/// Whether the tool that a test needs is here. If not, says what is not tested; in CI that is a failure.
pub fn have(tool: &str, what: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {tool} >/dev/null")]).status().unwrap().success();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing, which CI must have to test {what}");
        eprintln!("not tested: {what} needs {tool}");
    }
    found
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
