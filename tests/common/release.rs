//! A release as `.ci/release` makes one, and a server that has its files.

use super::command::{RETRY, Running, Scratch, program, text, wait_for};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// The version under test.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The build that `install.sh` takes on this machine.
pub fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// A release in the directory `release` of a scratch directory.
pub struct Release<'a> {
    scratch: &'a Scratch,
    /// The name of its one archive.
    pub archive: String,
}

impl<'a> Release<'a> {
    /// An archive for `target` and its SHA256SUMS. The program in it starts the one under test.
    pub fn make(scratch: &'a Scratch, target: &str) -> Self {
        let folder = format!("retry-{VERSION}-{target}");
        let windows = target.contains("windows");
        fs::create_dir_all(scratch.path(&format!("stage/{folder}/completions"))).unwrap();
        fs::create_dir_all(scratch.path("release")).unwrap();
        let program_name = if windows { "retry.exe" } else { "retry" };
        let script = format!("#!/bin/sh\nexec '{RETRY}' \"$@\"\n");
        scratch.executable(&format!("stage/{folder}/{program_name}"), &script);
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (from, to) in [
            ("man/retry.1", "retry.1"),
            ("completions/retry.bash", "completions/retry.bash"),
            ("completions/_retry", "completions/_retry"),
            ("completions/retry.fish", "completions/retry.fish"),
        ] {
            fs::copy(repository.join(from), scratch.path(&format!("stage/{folder}/{to}"))).unwrap();
        }
        let archive = format!("{folder}.{}", if windows { "zip" } else { "tar.gz" });
        let pack = if windows { r#"zip -qr "$0" "$1""# } else { r#"tar -czf "$0" "$1""# };
        let mut shell = program("sh");
        shell.args(["-c", &format!("cd stage && {pack}")]).arg(format!("../release/{archive}")).arg(folder);
        scratch.settle(&mut shell);
        assert!(shell.status().unwrap().success(), "{archive}");
        let release = Self { scratch, archive };
        release.sums(&format!("{}  {}\n", release.sha256(), release.archive));
        release
    }

    pub fn sha256(&self) -> String {
        let mut sum = program("sha256sum");
        self.scratch.settle(sum.arg(format!("release/{}", self.archive)));
        text(&sum.output().unwrap().stdout).split(' ').next().unwrap().to_owned()
    }

    /// Writes SHA256SUMS.
    pub fn sums(&self, text: &str) {
        fs::write(self.scratch.path("release/SHA256SUMS"), text).unwrap();
    }

    /// The archive is another file than the one that the sums are of.
    pub fn tamper(&self) {
        let path = self.scratch.path(&format!("release/{}", self.archive));
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"more");
        fs::write(path, bytes).unwrap();
    }
}

/// Python's file server, over the directory `release`. It ends with the test.
pub struct FileServer {
    pub url: String,
    _server: Running,
}

impl FileServer {
    /// Needs python3.
    pub fn start(scratch: &Scratch) -> Self {
        let mut python = program("python3");
        scratch.settle(python.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]));
        python.args(["--directory", "release"]).stderr(Stdio::null());
        python.stdout(fs::File::create(scratch.path("server")).unwrap());
        let server = Running::start(&mut python);
        // "Serving HTTP on 127.0.0.1 port 40001 (http://127.0.0.1:40001/) ..."
        let url = wait_for("the file server", || {
            let said = scratch.read("server");
            Some(said.split_once('(')?.1.split_once("/)")?.0.to_owned())
        });
        Self { url, _server: server }
    }
}
