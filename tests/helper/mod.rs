//! `retry` as a child of a test on any system: in a directory of its own, with the program of examples/test-helper for a
//! command.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own part")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No working program needs this long for one step, however loaded the machine is.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Settings of whoever runs the tests.
const FOREIGN: [&str; 6] =
    ["RETRY_", "GITHUB_", "NO_COLOR", "CLICOLOR_FORCE", "XDG_STATE_HOME", "JOURNAL_STREAM"];

/// A directory for one test.
pub struct Scratch(TempDir);

/// What came of a run.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, with all its 32 bits on Windows.
    pub code: u32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ran {
    /// What `retry` said, without what the command said.
    pub fn said(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("retry: ")).collect()
    }

    /// The lines of stdout.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What is in a file; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `retry OPTIONS` in this directory; the options are split at blanks. Its own settings and state are here too.
    pub fn retry(&self, options: &str) -> Command {
        let mut command = Command::new(program(env!("CARGO_BIN_EXE_retry")));
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign {
            if FOREIGN.iter().any(|start| name.as_encoded_bytes().starts_with(start.as_bytes())) {
                command.env_remove(name);
            }
        }
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env("LOCALAPPDATA", self.0.path());
        command.args(options.split_whitespace());
        command
    }

    /// Runs `retry OPTIONS -- test-helper ACTIONS` to its end, with nothing on stdin. Both are split at blanks.
    pub fn run(&self, options: &str, actions: &str) -> Ran {
        self.run_with_input(options, actions, b"")
    }

    /// The same with these bytes on stdin, through a pipe.
    pub fn run_with_input(&self, options: &str, actions: &str, input: &[u8]) -> Ran {
        let mut command = self.retry(options);
        command.arg("--").arg(helper()).args(actions.split_whitespace());
        finish(&mut command, input)
    }
}

/// Runs a command to its end. One that hangs is ended, and fails its test.
#[expect(clippy::disallowed_methods, reason = "a test that measures needs a clock")]
pub fn finish(command: &mut Command, input: &[u8]) -> Ran {
    let begun = Instant::now();
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child =
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("retry starts");
    let input_left = child.stdin.take().map(|mut pipe| {
        let input = input.to_vec();
        std::thread::spawn(move || {
            let _the_command_may_not_read_it = pipe.write_all(&input);
        })
    });
    let [stdout, stderr] = [reading(child.stdout.take()), reading(child.stderr.take())];
    let code = end_of(&mut child);
    let took = begun.elapsed();
    let text = |thread: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&thread.join().unwrap()).replace("\r\n", "\n")
    };
    let ran = Ran { code, stdout: text(stdout), stderr: text(stderr), took };
    input_left.map_or(Ok(()), std::thread::JoinHandle::join).unwrap();
    ran
}

fn reading(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _as_much_as_there_is = pipe.unwrap().read_to_end(&mut bytes);
        bytes
    })
}

#[expect(clippy::disallowed_methods, reason = "a poll that fails loudly needs a clock and a pause")]
fn end_of(child: &mut Child) -> u32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or_else(|| panic!("{status}")).cast_unsigned();
        }
        if begun.elapsed() > PATIENCE {
            let _ended_meanwhile = child.kill();
            panic!("retry did not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether this is wine, which cannot show everything: a line says what is not tested there.
#[expect(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a test says what it leaves out")]
pub fn is_wine(what: &str) -> bool {
    let is_wine = cfg!(windows) && std::env::var_os("WINEPREFIX").is_some();
    if is_wine {
        eprintln!("not tested: {what} needs a real Windows");
    }
    is_wine
}

/// Polls until `condition` holds.
#[expect(clippy::disallowed_methods, reason = "a poll that fails loudly needs a clock and a pause")]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether the process that holds the lock of this file (`tree`) has ended.
pub fn is_gone(locked: &Path) -> bool {
    File::open(locked).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// The path of a program that cargo names. Under wine that is one of Linux, without a drive.
fn program(path: &str) -> PathBuf {
    absolute(path).unwrap()
}

/// The program of examples/test-helper, next to the binary under test. cargo builds it for all tests together; for some
/// of them, it is built here.
pub fn helper() -> &'static Path {
    static HELPER: OnceLock<PathBuf> = OnceLock::new();
    HELPER.get_or_init(|| {
        let name = format!("test-helper{}", std::env::consts::EXE_SUFFIX);
        let retry = program(env!("CARGO_BIN_EXE_retry"));
        let path = retry.with_file_name("examples").join(name);
        let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/test-helper/main.rs");
        if changed(&path).is_none_or(|built| changed(&source).is_some_and(|source| source > built)) {
            build_helper(&retry);
        }
        path
    })
}

/// With the profile and for the target of the binary under test: `target/[TARGET/]PROFILE/retry`.
fn build_helper(retry: &Path) {
    let directories: Vec<&str> = retry.iter().rev().skip(1).filter_map(OsStr::to_str).take(2).collect();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--example", "test-helper"]);
    if directories[0] == "release" {
        cargo.arg("--release");
    }
    if directories[1].matches('-').count() >= 2 {
        cargo.args(["--target", directories[1]]);
    }
    assert!(cargo.status().is_ok_and(|status| status.success()), "cargo build --example test-helper");
}
