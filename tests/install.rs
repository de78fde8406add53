//! `install.sh`, from a release on a file server of this machine.

#![cfg(target_os = "linux")]

mod common;

use common::command::{Scratch, needs, program, text, works};
use common::release::{FileServer, Release, VERSION, target};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/install.sh");

/// All that is installed below a prefix.
const LAYOUT: [&str; 5] = [
    "bin/retry",
    "share/bash-completion/completions/retry",
    "share/fish/vendor_completions.d/retry.fish",
    "share/man/man1/retry.1",
    "share/zsh/site-functions/_retry",
];

fn install(scratch: &Scratch, arguments: &[&str]) -> Command {
    let mut install = program("sh");
    install.arg(INSTALL).args(["--version", VERSION]).args(arguments);
    scratch.settle(&mut install);
    install
}

fn files(folder: &Path) -> Vec<String> {
    let mut find = program("find");
    find.arg(folder).args(["-type", "f", "-printf", "%P\n"]);
    let mut files: Vec<String> = text(&find.output().unwrap().stdout).lines().map(str::to_owned).collect();
    files.sort();
    files
}

/// It ended with one line that says this, and installed nothing.
#[track_caller]
fn refused(scratch: &Scratch, output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(last.starts_with("install.sh: ") && words.iter().all(|word| last.contains(word)), "{said}");
    assert!(files(&scratch.path("out")).is_empty());
    // Nothing is left where temporary files go.
    assert!(files(&scratch.path("tmp")).is_empty());
}

/// A scratch directory with places for what is installed and for temporary files.
fn ready() -> Scratch {
    let scratch = Scratch::new();
    for folder in ["out", "tmp"] {
        std::fs::create_dir(scratch.path(folder)).unwrap();
    }
    scratch
}

fn out(scratch: &Scratch) -> String {
    scratch.path("out").to_str().unwrap().to_owned()
}

#[test]
fn it_installs_runs_and_goes_again() {
    if !needs("python3", "install.sh over HTTP") || !needs("curl", "install.sh with curl") {
        return;
    }
    let scratch = ready();
    let release = Release::make(&scratch, &target());
    let server = FileServer::start(&scratch);
    let done = install(&scratch, &["--from", &server.url, "--prefix", &out(&scratch)]).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(files(&scratch.path("out")), LAYOUT);
    assert_eq!(text(&done.stdout).lines().count(), LAYOUT.len());
    // The PATH of this shell does not have it, or has another one.
    assert!(text(&done.stderr).contains("put "), "{}", text(&done.stderr));
    let installed = scratch.path("out/bin/retry");
    let mut retry = program(&installed);
    let said = retry.arg("--version").output().unwrap();
    assert_eq!(text(&said.stdout), format!("retry {VERSION}\n"));
    assert_eq!(std::fs::metadata(&installed).unwrap().permissions().mode() & 0o777, 0o755);

    // Again over itself, with the checksum given; that in the release is not even looked for.
    std::fs::remove_file(scratch.path("release/SHA256SUMS")).unwrap();
    let sum = release.sha256().to_uppercase();
    let again =
        install(&scratch, &["--from", &server.url, "--prefix", &out(&scratch), "--sha256", &sum]).output();
    assert!(again.unwrap().status.success());
    assert_eq!(files(&scratch.path("out")), LAYOUT);

    let gone = install(&scratch, &["--prefix", &out(&scratch), "--uninstall"]).output().unwrap();
    assert_eq!(text(&gone.stdout).lines().filter(|line| line.starts_with("removed ")).count(), LAYOUT.len());
    assert!(files(&scratch.path("out")).is_empty());
}

/// As docs/install.md says: `man` looks beside the directories of the PATH, in their order. Debian's `retry` has a page
/// of the same name in /usr/share/man.
#[test]
fn man_finds_our_page_first_where_our_program_is_first() {
    let mut trial = program("man");
    if !works(trial.arg("--version"), "man-db", "that man finds the page") {
        return;
    }
    let scratch = Scratch::new();
    // The places of install.sh, and that of `cargo install` with the commands of docs/install.md.
    for prefix in ["usr/local", "home/.local", "home/.cargo"] {
        let [bin, pages] = ["bin", "share/man/man1"].map(|folder| scratch.path(prefix).join(folder));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&pages).unwrap();
        let page = pages.join("retry.1");
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/man/retry.1"), &page).unwrap();
        let mut man = program("man");
        man.args(["--where", "retry"]).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let done = man.output().unwrap();
        assert_eq!(text(&done.stdout).trim(), page.to_str().unwrap(), "{}", text(&done.stderr));
    }
}

#[test]
fn what_is_not_the_released_file_is_not_installed() {
    if !needs("python3", "install.sh and wrong checksums") || !needs("curl", "install.sh with curl") {
        return;
    }
    let scratch = ready();
    let release = Release::make(&scratch, &target());
    let server = FileServer::start(&scratch);
    let out = out(&scratch);
    let run = |more: &[&str]| {
        let mut install = install(&scratch, &["--from", &server.url, "--bin", &out]);
        install.args(more).env("TMPDIR", scratch.path("tmp")).output().unwrap()
    };
    let good = release.sha256();
    release.tamper();
    refused(&scratch, &run(&[]), &[&release.archive, "checksum mismatch for", &good]);
    let zeros = "0".repeat(64);
    refused(&scratch, &run(&["--sha256", &zeros]), &["checksum mismatch for", &zeros]);
    // A line for a longer name, or in another directory, is not the line.
    release.sums(&format!("{good}  x{0}\n{good}  {0}.sig\n{good}  a/{0}\n", release.archive));
    refused(&scratch, &run(&[]), &["SHA256SUMS", "has no line for", &release.archive]);
    std::fs::remove_file(scratch.path("release/SHA256SUMS")).unwrap();
    refused(&scratch, &run(&[]), &["cannot download", "/SHA256SUMS (curl exit status 22)"]);
    refused(&scratch, &run(&["--target", "m68k-unknown-linux"]), &["m68k", "Does", VERSION]);
    // The right sum of what is no archive.
    std::fs::write(scratch.path(&format!("release/{}", release.archive)), "no archive").unwrap();
    refused(&scratch, &run(&["--sha256", &release.sha256()]), &["cannot unpack", &release.archive]);
}

#[test]
fn the_program_that_was_unpacked_has_to_run_and_to_be_this_version() {
    let scratch = ready();
    let release = Release::make(&scratch, &target());
    let folder = release.archive.trim_end_matches(".tar.gz");
    for (program_text, words) in [
        ("#!/bin/sh\necho retry 9.9.9\n", ["`retry 9.9.9`", "Nothing was installed"]),
        ("#!/bin/sh\necho cannot load >&2\nexit 1\n", ["cannot run on this system", "cannot load"]),
    ] {
        scratch.executable(&format!("stage/{folder}/retry"), program_text);
        let mut tar = program("tar");
        let archive = format!("release/{}", release.archive);
        scratch.settle(tar.args(["-C", "stage", "-czf", &archive, folder]));
        assert!(tar.status().unwrap().success());
        let mut install = install(&scratch, &["--from", "release", "--bin", &out(&scratch)]);
        install.args(["--sha256", &release.sha256()]).env("TMPDIR", scratch.path("tmp"));
        refused(&scratch, &install.output().unwrap(), &words);
    }
}

#[test]
fn wget_and_a_directory_do_as_well_as_curl_and_nothing_is_said_plainly() {
    if !needs("python3", "install.sh with wget") || !needs("wget", "install.sh with wget") {
        return;
    }
    let scratch = ready();
    let release = Release::make(&scratch, &target());
    let server = FileServer::start(&scratch);
    // A PATH with what a small system has, and nothing else.
    let bare = |tools: &str| {
        let script = r#"for tool in awk cat chmod cp cut gzip id mkdir mktemp mv rm sh tail tar tr uname "$@"; do
            ln -sf "$(command -v "$tool")" "$0/$tool"; done"#;
        let path = scratch.path(&format!("path-{}", tools.replace(' ', "-")));
        std::fs::create_dir(&path).unwrap();
        let mut link = program("sh");
        link.args(["-c", script]).arg(&path).args(tools.split(' '));
        assert!(link.status().unwrap().success());
        path
    };
    let run = |path: &Path, from: &str| {
        let mut install = install(&scratch, &["--from", from, "--bin", &out(&scratch)]);
        install.env("PATH", path).env("TMPDIR", scratch.path("tmp")).output().unwrap()
    };
    let nothing = bare("sha256sum");
    refused(&scratch, &run(&nothing, &server.url), &["curl or wget is required", "--from DIR"]);
    let no_sums = bare("wget");
    refused(&scratch, &run(&no_sums, &server.url), &["cannot check SHA-256", "openssl"]);
    let wget = bare("wget sha256sum");
    std::fs::rename(scratch.path("release/SHA256SUMS"), scratch.path("sums")).unwrap();
    refused(&scratch, &run(&wget, &server.url), &["cannot download", "/SHA256SUMS (wget exit status 8)"]);
    refused(&scratch, &run(&nothing, "release"), &["SHA256SUMS not found in release"]);
    std::fs::rename(scratch.path("sums"), scratch.path("release/SHA256SUMS")).unwrap();
    for (path, from) in [(&wget, server.url.as_str()), (&nothing, "release")] {
        let done = run(path, from);
        assert!(done.status.success(), "{}", text(&done.stderr));
        assert_eq!(files(&scratch.path("out")), ["retry"]);
        std::fs::remove_file(scratch.path("out/retry")).unwrap();
    }
    for sums in ["shasum", "openssl"] {
        if needs(sums, "the checksum by way of it") {
            // perl, for shasum, is found by its path.
            let done = run(&bare(&format!("{sums} env perl")), "release");
            assert!(done.status.success(), "{sums}: {}", text(&done.stderr));
            release.sums(&format!("{}  {}\n", "0".repeat(64), release.archive));
            let wrong = run(&scratch.path(&format!("path-{sums}-env-perl")), "release");
            assert!(text(&wrong.stderr).contains(&release.sha256()), "{sums}: {}", text(&wrong.stderr));
            release.sums(&format!("{} *{}\n", release.sha256(), release.archive));
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let scratch = ready();
    Release::make(&scratch, &target());
    // Root may write everywhere, but not below a file.
    std::fs::write(scratch.path("file"), "").unwrap();
    let file = scratch.path("file").to_str().unwrap().to_owned();
    let mut below = install(&scratch, &["--from", "release", "--prefix", &format!("{file}/prefix")]);
    below.env("TMPDIR", scratch.path("tmp"));
    refused(&scratch, &below.output().unwrap(), &["cannot create", &file, "--prefix"]);
    // A directory in the place of the program.
    std::fs::create_dir_all(scratch.path("bin/retry/retry")).unwrap();
    let bin = scratch.path("bin").to_str().unwrap().to_owned();
    let mut over = install(&scratch, &["--from", "release", "--bin", &bin]);
    over.env("TMPDIR", scratch.path("tmp"));
    refused(&scratch, &over.output().unwrap(), &["cannot write", "bin/retry"]);
    assert_eq!(files(&scratch.path("bin")), Vec::<String>::new());
}

#[test]
fn each_system_has_its_build() {
    let scratch = ready();
    let planned = |arguments: &[&str]| {
        let repository = ["--repository", "https://example.com/o/r", "--dry-run", "--prefix", "/p"];
        install(&scratch, &[&repository, arguments].concat()).output().unwrap()
    };
    for (os, arch, name) in [
        ("Linux", "x86_64", "x86_64-unknown-linux-musl.tar.gz"),
        ("Linux", "aarch64", "aarch64-unknown-linux-musl.tar.gz"),
        ("Linux", "armv7l", "armv7-unknown-linux-musleabihf.tar.gz"),
        ("Linux", "armv8l", "armv7-unknown-linux-musleabihf.tar.gz"),
        ("Linux", "riscv64", "riscv64gc-unknown-linux-musl.tar.gz"),
        ("Darwin", "arm64", "aarch64-apple-darwin.tar.gz"),
        ("Darwin", "x86_64", "x86_64-apple-darwin.tar.gz"),
        ("MINGW64_NT-10.0-26100", "x86_64", "x86_64-pc-windows-msvc.zip"),
    ] {
        let done = planned(&["--os", os, "--arch", arch]);
        let program = if name.ends_with("zip") { "retry.exe" } else { "retry" };
        let expected = format!(
            "from: https://example.com/o/r/releases/download/v{VERSION}/retry-{VERSION}-{name}\nto: /p/bin/{program}\n"
        );
        assert_eq!(text(&done.stdout), expected, "{os} {arch}: {}", text(&done.stderr));
    }
    for (os, arch) in [("FreeBSD", "amd64"), ("Linux", "mips"), ("Linux", "i686"), ("Darwin", "riscv64")] {
        refused(&scratch, &planned(&["--os", os, "--arch", arch]), &["no build for", os, "cargo install"]);
    }
}

#[test]
fn what_is_missing_or_odd_is_said_with_a_good_value() {
    let scratch = ready();
    let run = |arguments: &[&str]| {
        let mut install = program("sh");
        install.arg(INSTALL).args(arguments);
        scratch.settle(&mut install);
        install.output().unwrap()
    };
    refused(&scratch, &run(&["--from", "release"]), &["no release given", "--version 0.1.0"]);
    refused(&scratch, &run(&["--version", "0.1.0"]), &["no source given", "--repository https://"]);
    refused(&scratch, &run(&["--version", "../../x", "--from", "release"]), &["invalid version ../../x"]);
    refused(&scratch, &run(&["--version"]), &["--version needs a value"]);
    refused(&scratch, &run(&["--bin", "a", "--prefix", "b"]), &["--prefix cannot be used with --bin"]);
    refused(&scratch, &run(&["--frm", "x"]), &["unknown option --frm", "--help"]);
    let help = run(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("--uninstall"));
}

#[test]
fn half_of_it_does_nothing() {
    let scratch = ready();
    let whole = std::fs::read_to_string(INSTALL).unwrap();
    // As `curl | sh` gets it when the connection breaks: at any line.
    let lines: Vec<&str> = whole.lines().collect();
    for end in (0..lines.len()).step_by(7) {
        let mut sh = program("sh");
        sh.args(["-c", &lines[..end].join("\n"), "sh", "--version", VERSION, "--from", "release"]);
        scratch.settle(sh.args(["--prefix", &out(&scratch)]));
        let done = sh.output().unwrap();
        assert_eq!(text(&done.stdout), "", "{end}");
        assert!(files(&scratch.path("out")).is_empty(), "{end}");
    }
}
