//! `retry` as a child of a test: in a scratch directory where the commands that it runs leave what the test looks
//! at, and without anything of whoever runs the tests: [`program`]. Nothing outlives its scratch directory.

use super::clean;
use rustix::process::{Pid, Signal, getpgrp, kill_process, kill_process_group};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No working program needs this long for one step, however loaded the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub const RETRY: &str = env!("CARGO_BIN_EXE_retry");

/// A program as a child of a test. It gets nothing from whoever runs the tests (a terminal, `nohup`, a CI job)
/// unless the test hands it on: its signals have their default actions and none is blocked, a stream that
/// would be inherited is /dev/null, and of the environment only [`KEPT`] is there.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == kept)));
    clean::start(&mut command);
    command
}

/// Where programs and temporary files are, and where a build that measures coverage writes.
const KEPT: [&str; 3] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// Where the commands of a test run. Whatever of them is left when it goes, also because the test failed, is
/// killed.
pub struct Scratch(TempDir);

/// The variable by which processes are known that were started in a scratch directory.
const SCRATCH: &str = "SCRATCH";

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What is in a file; nothing if there is none yet.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The names of all files.
    pub fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().flatten();
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// `retry` with these options (split at spaces), in this directory. A run that hangs is killed, and
    /// fails its test.
    pub fn retry(&self, options: &str) -> assert_cmd::Command {
        // assert_cmd gives each command a pipe for stdin and closes it a moment later, which may or may not
        // look used up; the shell puts /dev/null in its place before it becomes `retry`.
        let mut command = program("/bin/sh");
        command.args(["-c", r#"exec "$0" "$@" < /dev/null"#, RETRY]).args(options.split_whitespace());
        self.settle(&mut command);
        let mut command = assert_cmd::Command::from_std(command);
        command.timeout(PATIENCE);
        command
    }

    /// The same for `std`, for tests that look while it runs.
    pub fn retry_to_spawn(&self, options: &str) -> Command {
        let mut command = program(RETRY);
        command.args(options.split_whitespace());
        self.settle(&mut command);
        command
    }

    /// Any [`program`], in this directory.
    pub fn settle(&self, command: &mut Command) {
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env(SCRATCH, self.0.path());
    }

    /// What of this directory still runs, each process with its group: what has its mark in the environment or
    /// works in it. A process that has neither was made by a test that has to end it by itself.
    fn left(&self) -> Vec<(Pid, Option<Pid>)> {
        let mark = [SCRATCH.as_bytes(), b"=", self.0.path().as_os_str().as_bytes()].concat();
        let belongs = |process: &Path| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark)
                || fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.0.path()))
        };
        // Elsewhere than on Linux there is none.
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pid = |process: &fs::DirEntry| process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw);
        // proc_pid_stat(5). A `Pid` cannot hold the 0 of a kernel thread or the -1 of a process that just ends.
        let group = |process: &Path| {
            let stat = fs::read(process.join("stat")).ok()?;
            let stat = String::from_utf8_lossy(&stat).into_owned();
            let group: i32 = stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()?;
            Pid::from_raw(group.max(0))
        };
        processes
            .filter_map(|process| Some((pid(&process)?, group(&process.path()), process.path())))
            .filter(|(.., path)| belongs(path))
            .map(|(pid, group, _)| (pid, group))
            .collect()
    }

    /// The words of a command whose nth run ends as the nth of these says, and each later run as the
    /// last one: an exit code or the name of a signal. Its runs are counted, see [`Self::runs`].
    pub fn ends(&self, ends: &str) -> Vec<String> {
        const SCRIPT: &str = r#"
            echo run >> "$0"
            run=$(grep -c run "$0")
            [ "$run" -le "$#" ] || run=$#
            shift $((run - 1))
            case $1 in
                [0-9]*) exit "$1" ;;
                *) kill -s "$1" $$ ;;
            esac"#;
        let runs = self.path("runs");
        ["sh", "-c", SCRIPT, runs.to_str().unwrap()]
            .into_iter()
            .chain(ends.split_whitespace())
            .map(str::to_owned)
            .collect()
    }

    /// How often the command of [`Self::ends`] has run.
    pub fn runs(&self) -> usize {
        self.read("runs").lines().count()
    }

    /// An executable file. A process of its own writes it: if this one did, a child that another test
    /// starts meanwhile could hold it open for writing, and it could not be run (ETXTBSY).
    pub fn executable(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let mut writer = program("sh")
            .args(["-c", r#"cat > "$0" && chmod 755 "$0""#])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        path
    }

    /// Starts `retry OPTIONS -- sh -c SCRIPT` with stderr in the file `stderr`.
    pub fn start(&self, options: &str, script: &str) -> Running {
        let mut command = self.retry_to_spawn(options);
        command.args(["--", "sh", "-c", script]);
        self.start_command(command)
    }

    /// Starts a command with stderr in the file `stderr`.
    pub fn start_command(&self, mut command: Command) -> Running {
        command.stderr(fs::File::create(self.path("stderr")).unwrap());
        Running::start(&mut command)
    }
}

impl Drop for Scratch {
    #[expect(clippy::disallowed_methods, reason = "a poll needs a clock and a pause")]
    fn drop(&mut self) {
        let begun = Instant::now();
        let (ours, mut quiet) = (getpgrp(), 0);
        // Nothing a few times: processes that fork and end all the time are missed now and then.
        while quiet < 4 && begun.elapsed() < PATIENCE {
            let mut killed = 0;
            for (pid, group) in self.left() {
                // A whole group dies at once, so that no fork outruns it. Ours has the tests in it.
                let group = group.filter(|group| *group != ours);
                let all = group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok());
                // What is not ours to kill stays: root's, where the tests are someone else's.
                killed += u32::from(kill_process(pid, Signal::KILL).is_ok() || all);
            }
            quiet = if killed == 0 { quiet + 1 } else { 0 };
            if killed > 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// `retry` where the test runs, for what leaves nothing behind: help, a generated file, a dry run.
pub fn retry() -> Command {
    program(RETRY)
}

/// A `retry` that runs. It does not outlive its test; what it has started does not outlive its [`Scratch`].
pub struct Running(Option<Child>);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    fn child(&self) -> &Child {
        self.0.as_ref().unwrap()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child().id()).unwrap()
    }

    pub fn is_running(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).unwrap();
    }

    /// Waits for its end. What it has left behind is the test's.
    pub fn end(mut self) -> ExitStatus {
        let status = wait_for("the end of retry", || self.0.as_mut().unwrap().try_wait().unwrap());
        self.0 = None;
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // If it began a session or a group, that has its pid for a name. A group dies at once, so that a storm
            // of forks in it does not outrun this.
            let _none = kill_process_group(Pid::from_child(&child), Signal::KILL);
            let _ended_before = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// Polls until `condition` gives a value.
#[expect(clippy::disallowed_methods, reason = "a poll that fails loudly needs a clock and a pause")]
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

/// That a line is this regular expression, in which `<T>` is a time under a minute as messages show it:
/// without zeros at the end, so `0.6s` and never `0.60s`.
#[track_caller]
pub fn assert_is(line: &str, expected: &str) {
    let expected = format!("^{}$", expected.replace("<T>", r"(0|[1-9]\d*)(\.\d?[1-9])?s"));
    assert!(regex::Regex::new(&expected).unwrap().is_match(line), "{line}\nis not\n{expected}");
}

/// Runs something, and says how long that took.
#[expect(clippy::disallowed_methods, reason = "a test that measures needs a clock")]
pub fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = run();
    (done, begun.elapsed())
}

/// What was written, for a message or a comparison.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `retry` said on stderr, without what the command said.
pub fn said(output: &Output) -> Vec<String> {
    text(&output.stderr).lines().filter(|line| line.starts_with("retry: ")).map(str::to_owned).collect()
}

/// The delays that were announced, in seconds.
pub fn announced(output: &Output) -> Vec<f64> {
    let delay = |line: String| {
        let (_, rest) = line.split_once("Retrying in ").or(line.split_once("Next attempt in "))?;
        let text = rest.split([',', '(']).next().unwrap();
        Some(retry::core::duration::parse(text).unwrap().as_secs_f64())
    };
    said(output).into_iter().filter_map(delay).collect()
}

/// Whether the tool that a test needs is here, as [`can`] has it.
#[expect(clippy::disallowed_methods, reason = "tools are found through PATH")]
pub fn needs(tool: &str, what: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    can(what, tool, std::env::split_paths(&path).any(|directory| is_executable(&directory.join(tool))))
}

/// As [`needs`], for something that only a trial run can tell.
pub fn works(trial: &mut Command, tool: &str, what: &str) -> bool {
    can(what, tool, trial.status().is_ok_and(|status| status.success()))
}

/// Whether a test can be made here. If not, a line says what is not tested; with CI set that is a failure.
#[expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test says what it leaves out")]
pub fn can(what: &str, tool: &str, there: bool) -> bool {
    if !there {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{what} needs {tool}");
        eprintln!("not tested: {what} needs {tool}");
    }
    there
}

fn is_executable(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Bytes that are no UTF-8, as an argument.
pub fn not_utf8() -> &'static OsStr {
    OsStr::from_bytes(b"a\xff\xfeb")
}
