//! A Redis server that a test starts on a free port.

use super::LONG;
use crate::common::command::{needs, program};
use retry::core::shared::Location;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that is stopped at the end of the test.
pub struct Server {
    process: Child,
    pub port: u16,
    pub directory: TempDir,
    options: Vec<String>,
}

impl Server {
    /// `None`, with a line on stderr, if redis-server is not installed.
    pub fn start(what: &str, options: &[&str]) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), what, options)
    }

    fn start_in(directory: TempDir, what: &str, options: &[&str]) -> Option<Self> {
        if !needs("redis-server", what) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let process = Self::run(port, &directory, &options);
        Some(Self { process, port, directory, options })
    }

    /// A Sentinel that watches the primary at this port under this name, and takes it for dead after 500 ms.
    pub fn start_sentinel(name: &str, primary: u16, options: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let lines = [
            format!("sentinel monitor {name} 127.0.0.1 {primary} 1"),
            format!("sentinel down-after-milliseconds {name} 500"),
            format!("sentinel failover-timeout {name} 5000"),
        ];
        // A Sentinel wants a file that it can rewrite.
        std::fs::write(directory.path().join("sentinel.conf"), lines.join("\n")).unwrap();
        Self::start_in(directory, "Sentinel", &[&["sentinel.conf", "--sentinel"][..], options].concat())
    }

    fn run(port: u16, directory: &TempDir, options: &[String]) -> Child {
        let socket = directory.path().join("socket");
        // The options first: the configuration file of a Sentinel is the first argument.
        let mut process = program("redis-server")
            .args(options)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() || UnixStream::connect(&socket).is_err() {
            assert!(process.try_wait().unwrap().is_none(), "redis-server ended");
            assert!(started.elapsed() < LONG, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.process = Self::run(self.port, &self.directory, &self.options);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn location(&self) -> Location {
        Location::parse(OsStr::new(&self.url())).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
