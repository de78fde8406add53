//! The presets against the real tools: each tool is run against a server with a fault, and what it exits
//! with and prints is given to the preset, which has to tell passing trouble from trouble that stays.
//! Nothing leaves the machine but the question for the address of `nosuch.invalid`.

#![expect(clippy::disallowed_methods, reason = "the tools are found through PATH")]

mod common;

use common::command::{program, works};
use retry::cli::presets::Catalog;
use retry::core::outcome::Outcome;
use retry::core::output::{Seen, Watcher, Watchlist};
use retry::core::preset::Preset;
use retry::core::stream::Stream;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It answers with this HTTP status.
    Status(u16),
    /// It resets the connection when a request comes.
    Reset,
    /// It closes the connection without an answer.
    Empty,
    /// Its answer breaks off.
    Cut,
    /// It never answers.
    Silent,
    /// It is not there.
    Refused,
    /// Its name has no address.
    NoName,
}

use Fault::{Cut, Empty, NoName, Refused, Reset, Silent, Status};

/// The statuses that mean passing trouble.
const PASSING: [Fault; 8] =
    [Status(408), Status(429), Status(500), Status(502), Status(503), Status(504), Status(522), Status(524)];
/// Troubles of the network.
const NETWORK: [Fault; 6] = [Reset, Empty, Cut, Silent, Refused, NoName];
/// Statuses that another attempt does not change.
const STAYING: [Fault; 6] = [Status(400), Status(401), Status(403), Status(404), Status(410), Status(501)];

impl Fault {
    /// Starts the server, which lives as long as the test process; `127.0.0.1:PORT`.
    fn host(self) -> String {
        if self == NoName {
            return "nosuch.invalid".to_owned();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        if self != Refused {
            std::thread::spawn(move || {
                let mut silent = Vec::new();
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    // No tool may hang a test by waiting for the server to speak first.
                    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                    // A tool that has gone away is its own business.
                    let _ = self.answer(&mut stream);
                    if self == Silent {
                        silent.push(stream);
                    }
                }
            });
        }
        host
    }

    fn answer(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Silent | Refused | NoName => Ok(()),
            // A socket that is closed with bytes unread is reset by the kernel.
            Reset => stream.read_exact(&mut [0]),
            Empty => read_request(stream),
            Cut => {
                read_request(stream)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            }
            Status(status) => {
                read_request(stream)?;
                let challenge = if status == 401 { "WWW-Authenticate: Basic realm=\"test\"\r\n" } else { "" };
                let head = format!("HTTP/1.1 {status} Because\r\n{challenge}Connection: close\r\n");
                write!(stream, "{head}Content-Length: 3\r\n\r\nno\n")
            }
        }
    }
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(())
}

fn has_tool(tool: &str, option: &str, what: &str) -> bool {
    works(program(tool).arg(option), tool, what)
}

/// What a tool did.
struct Ran {
    outcome: Outcome,
    /// In the eyes of its preset.
    seen: Seen,
    /// For the message of a test that fails.
    printed: String,
}

/// A tool with its preset, and a scratch directory as its whole world.
struct Tool {
    preset: Arc<Preset>,
    list: Watchlist,
    home: TempDir,
}

impl Tool {
    fn new(preset: &str) -> Self {
        let preset = Catalog::default().preset(preset, &[]).unwrap();
        let list = Watchlist::new([], preset.sides());
        Self { preset, list, home: TempDir::new().unwrap() }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// Settings of the user and of the machine (proxies, mirrors, credentials) stay outside.
    fn command(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let mut command = program(words.next().unwrap());
        command.args(words).current_dir(self.home()).stdin(Stdio::null()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.home()).env("LC_ALL", "C");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_SSH_COMMAND", "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no");
        command.env("PIP_CONFIG_FILE", "/dev/null").env("APT_CONFIG", self.home().join("apt.conf"));
        command
    }

    fn run(&self, line: &str) -> Ran {
        let output = self.command(line).output().unwrap();
        let mut watchers = [Stream::Stdout, Stream::Stderr].map(|stream| Watcher::new(&self.list, stream));
        watchers[0].feed(&output.stdout);
        watchers[1].feed(&output.stderr);
        let mut seen = Seen::default();
        for watcher in watchers {
            seen.add(watcher.finish());
        }
        let outcome = Outcome::Exited(u32::try_from(output.status.code().unwrap()).unwrap());
        let printed = [output.stdout, output.stderr].concat();
        Ran { outcome, seen, printed: String::from_utf8_lossy(&printed).into_owned() }
    }

    fn passes(&self, line: &str) {
        let Ran { outcome, seen, printed } = self.run(line);
        assert!(self.preset.matches(&outcome, &seen), "passing trouble: {line}\n{outcome:?}\n{printed}");
    }

    fn stays(&self, line: &str) {
        let Ran { outcome, seen, printed } = self.run(line);
        assert!(!self.preset.matches(&outcome, &seen), "no passing trouble: {line}\n{outcome:?}\n{printed}");
    }
}

fn passing_faults() -> impl Iterator<Item = Fault> {
    PASSING.into_iter().chain(NETWORK)
}

#[test]
fn curl() {
    if !has_tool("curl", "--version", "preset curl") {
        return;
    }
    let tool = Tool::new("curl");
    let line = |options: &str, host: &str| format!("curl -q {options} --max-time 2 -o out http://{host}/x");
    for fault in passing_faults() {
        let host = fault.host();
        tool.passes(&line("-fsS", &host));
        // With the progress meter, whose line the message continues, and with the headers.
        tool.passes(&line("-f", &host));
        tool.passes(&line("-fsv", &host));
    }
    for fault in STAYING {
        let host = fault.host();
        tool.stays(&line("-fsS", &host));
        tool.stays(&line("-fsv", &host));
    }
    // Nothing is printed, so nothing can be known.
    tool.stays(&line("-fs", &Status(503).host()));
    tool.stays("curl -q --no-such-option");
}

#[test]
fn wget() {
    if !has_tool("wget", "--version", "preset wget") {
        return;
    }
    let tool = Tool::new("wget");
    let line = |options: &str, host: &str| {
        format!("wget --no-config {options} --tries 1 --timeout 2 -O out http://{host}/x")
    };
    for fault in passing_faults() {
        let host = fault.host();
        tool.passes(&line("", &host));
        tool.passes(&line("-nv", &host));
        tool.passes(&line("-S", &host));
    }
    for fault in STAYING {
        let host = fault.host();
        tool.stays(&line("", &host));
        tool.stays(&line("-nv -S", &host));
    }
    tool.stays(&line("-q", &Status(503).host()));
    tool.stays("wget --no-such-option");
}

#[test]
fn git() {
    if !has_tool("git", "--version", "preset git") {
        return;
    }
    let tool = Tool::new("git");
    let slow = "-c http.lowSpeedLimit=1000 -c http.lowSpeedTime=1";
    for fault in passing_faults() {
        tool.passes(&format!("git {slow} clone http://{}/x.git", fault.host()));
    }
    for fault in STAYING {
        tool.stays(&format!("git clone http://{}/x.git", fault.host()));
    }
    for fault in [Refused, Reset, NoName] {
        tool.passes(&format!("git clone git://{}/x.git", fault.host()));
    }
    tool.stays("git clone ./nothing-here x");
    tool.stays("git status");
    // A fetch from several places exits with 1 instead of 128.
    let host = Status(503).host();
    assert!(tool.command("git init -q repo").status().unwrap().success());
    tool.command(&format!("git -C repo remote add one http://{host}/one.git")).status().unwrap();
    tool.command(&format!("git -C repo remote add two http://{host}/two.git")).status().unwrap();
    assert_eq!(tool.run("git -C repo fetch --all").outcome, Outcome::Exited(1));
    tool.passes("git -C repo fetch --all");
}

#[test]
fn git_over_ssh() {
    if !has_tool("git", "--version", "preset git over ssh") || !has_tool("ssh", "-V", "preset git over ssh") {
        return;
    }
    let tool = Tool::new("git");
    for fault in [Refused, Reset, NoName] {
        tool.passes(&format!("git clone ssh://{}/x.git", fault.host()));
    }
}

#[test]
fn pip() {
    if !has_tool("pip", "--version", "preset pip") {
        return;
    }
    let tool = Tool::new("pip");
    let common = "--no-input --disable-pip-version-check --no-cache-dir --timeout 1 --dest out --no-deps";
    let file = |retries: u8, host: &str| {
        format!("pip download {common} --retries {retries} http://{host}/x-1.0-py3-none-any.whl")
    };
    let index = |retries: u8, host: &str| {
        format!("pip download {common} --retries {retries} --index-url http://{host}/simple nosuchpackage")
    };
    // The first two it reports at once, for the others it gives up after retries of its own.
    let statuses = [Status(408), Status(429), Status(500), Status(502), Status(503)];
    for fault in statuses.into_iter().chain([Reset, Silent, Refused, NoName]) {
        tool.passes(&file(0, &fault.host()));
    }
    for fault in [Reset, Silent, Refused] {
        tool.passes(&index(1, &fault.host()));
    }
    // Without a retry of its own pip does not say why it found nothing.
    tool.stays(&index(0, &Refused.host()));
    for fault in [Status(401), Status(403), Status(404)] {
        tool.stays(&file(0, &fault.host()));
    }
    tool.stays(&index(1, &Status(404).host()));
    // Nor does it ever say so of an index that answers 503: it looks like a package that is not there.
    tool.stays(&index(1, &Status(503).host()));
    tool.stays("pip --no-such-option");
}

#[test]
fn npm() {
    if !has_tool("npm", "--version", "preset npm") {
        return;
    }
    let tool = Tool::new("npm");
    let options = "--fetch-retries 0 --fetch-timeout 1500 --no-update-notifier --no-audit --no-fund";
    let line =
        |what: &str, host: &str| format!("npm {what} nosuchpackage --registry http://{host} {options}");
    for fault in passing_faults() {
        tool.passes(&line("view", &fault.host()));
    }
    for fault in STAYING {
        tool.stays(&line("view", &fault.host()));
    }
    for fault in [Status(503), Reset, Refused] {
        tool.passes(&line("install", &fault.host()));
    }
    tool.stays(&line("install", &Status(404).host()));
    tool.stays("npm no-such-command");
}

/// Makes apt's whole world under `home`. The settings come by `APT_CONFIG`, which is read before the
/// machine's own `/etc/apt`, so that no hook of the machine runs.
fn apt_world(home: &Path, locking: &str) {
    for dir in ["etc", "state/lists/partial", "cache/archives/partial", "log"] {
        std::fs::create_dir_all(home.join(dir)).unwrap();
    }
    std::fs::write(home.join("state/status"), "").unwrap();
    let root = home.display();
    let settings = format!(
        r#"Dir "{root}";
        Dir::Etc "{root}/etc"; Dir::Etc::parts "{root}/etc/none"; Dir::Etc::main "none";
        Dir::Etc::sourcelist "sources.list"; Dir::Etc::sourceparts "none";
        Dir::State "{root}/state"; Dir::State::status "{root}/state/status";
        Dir::Cache "{root}/cache"; Dir::Log "{root}/log"; Dir::Bin::methods "/usr/lib/apt/methods";
        APT::Sandbox::User ""; Acquire::Retries "0"; Acquire::http::Timeout "1";
        Acquire::http::Proxy "DIRECT"; Acquire::Languages "none"; {locking}"#
    );
    std::fs::write(home.join("apt.conf"), settings).unwrap();
}

#[test]
fn apt() {
    if !has_tool("apt-get", "--version", "preset apt") {
        return;
    }
    let tool = Tool::new("apt");
    apt_world(tool.home(), r#"Debug::NoLocking "1";"#);
    let source = |fault: Fault| {
        let line = format!("deb [trusted=yes] http://{}/debian stable main\n", fault.host());
        std::fs::write(tool.home().join("etc/sources.list"), line).unwrap();
    };
    for fault in passing_faults() {
        source(fault);
        tool.passes("apt-get update --error-on=any");
        tool.passes("apt-get update");
    }
    // Without the option, what apt itself takes for passing is a warning, and the status is 0.
    for fault in [Status(503), Reset, Refused, NoName] {
        source(fault);
        assert_eq!(tool.run("apt-get update").outcome, Outcome::Exited(0), "{fault:?}");
    }
    for fault in STAYING {
        source(fault);
        tool.stays("apt-get update --error-on=any");
        tool.stays("apt-get update");
    }
    tool.stays("apt-get install no-such-package");
    tool.stays("apt-get no-such-command");
}

#[test]
fn apt_waits_for_no_lock() {
    if !has_tool("apt-get", "--version", "a lock of preset apt") {
        return;
    }
    let tool = Tool::new("apt");
    apt_world(tool.home(), "");
    std::fs::write(tool.home().join("etc/sources.list"), "").unwrap();
    assert_eq!(tool.run("apt-get update").outcome, Outcome::Exited(0));
    let lock = std::fs::File::create(tool.home().join("state/lists/lock")).unwrap();
    rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    let ran = tool.run("apt-get update");
    assert_eq!(ran.outcome, Outcome::Exited(100));
    tool.passes("apt-get update");
}
