//! Why a command cannot be run, where the error of the system does not say it: ENOENT for a file that exists, but names an
//! interpreter or a loader that does not; EACCES for a directory and for a file without execute permission; on Windows,
//! ERROR_BAD_EXE_FORMAT for a script.

use crate::core::suggestions::{quoted, with_interpreter};
use crate::core::system::System;
use crate::platform::files::may_execute;
use crate::platform::program::{EXTENSIONS, SYSTEM, comparable, quoted as quoted_word};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

/// What a file that cannot be executed lacks, for a message, which has to make it safe; `None` if there is no such file.
pub fn missing(program: &OsStr) -> Option<String> {
    let file = find(program)?;
    // The kernel reads as much of the line (BINPRM_BUF_SIZE of Linux).
    let mut start = Vec::new();
    File::open(file).ok()?.take(256).read_to_end(&mut start).ok()?;
    Some(lacking(&start))
}

/// Why a command that does exist was refused, for a message; `None` if the system's reason is the best one.
pub fn refused(program: &OsStr) -> Option<String> {
    if is_path(program) && Path::new(program).is_dir() {
        return Some("it is a directory".to_owned());
    }
    let file = find(program)?;
    if !may_execute(&file.metadata().ok()?) {
        return Some("it is not executable; chmod +x makes it so".to_owned());
    }
    script(SYSTEM, program.to_str()?)
}

/// What is said about a script where the system does not run scripts by themselves.
fn script(system: System, program: &str) -> Option<String> {
    let line = with_interpreter(program).filter(|_| system == System::Windows)?;
    Some(format!("it is a script; use retry -- {line}"))
}

/// What is said about the name of a program that is in the current directory. cmd finds it there, so people expect it.
pub fn in_this_directory(program: &OsStr) -> Option<String> {
    let name = program.to_str().filter(|name| !name.is_empty() && !is_path(program) && *name != "..")?;
    let here = |ending: &str| format!(".{MAIN_SEPARATOR}{name}{ending}");
    let can_run = |file: &String| {
        let file = Path::new(file).metadata();
        file.is_ok_and(|file| file.is_file() && may_execute(&file))
    };
    let has_ending = EXTENSIONS.iter().any(|ending| comparable(name).ends_with(ending));
    let is_there = match EXTENSIONS {
        [] => can_run(&here("")),
        _ if has_ending => can_run(&here("")),
        endings => endings.iter().any(|ending| can_run(&here(ending))),
    };
    is_there.then(|| format!("not in PATH, but in this directory: retry -- {}", quoted_word(&here(""))))
}

/// What is said about a path that does not exist because arguments follow it, as in `retry './deploy now'`.
pub fn with_arguments(program: &OsStr) -> Option<String> {
    let (path, _) = program.to_str()?.split_once(' ')?;
    (is_path(path.as_ref()) && Path::new(path).is_file()).then(|| quoted(SYSTEM).to_owned())
}

/// The file that would be executed.
#[expect(clippy::disallowed_methods, reason = "the kernel has looked for the command in PATH as well")]
fn find(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if is_path(program) {
        return path.is_file().then(|| path.to_owned());
    }
    let directories = std::env::var_os("PATH")?;
    std::env::split_paths(&directories).map(|directory| directory.join(path)).find(|file| file.is_file())
}

/// Whether a command is not looked for in PATH.
fn is_path(program: &OsStr) -> bool {
    let path = Path::new(program);
    path.components().count() > 1 || path.has_root() || program.as_encoded_bytes().contains(&b'/')
}

/// What the file that begins like this lacks.
fn lacking(start: &[u8]) -> String {
    let Some(line) = start.strip_prefix(b"#!") else {
        return "its loader does not exist: it was built for another system".to_owned();
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line.trim_ascii_start().split(|byte| b" \t".contains(byte)).next().unwrap_or_default();
    let shown = String::from_utf8_lossy(name.trim_ascii_end()).into_owned();
    if name.ends_with(b"\r") {
        return format!(
            "its first line ends in CRLF, so its interpreter would be {shown}\\r: convert the script to LF line \
             endings, for example with dos2unix"
        );
    }
    format!("its interpreter {shown} does not exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_is_named() {
        for (start, said) in [
            (&b"#!/bin/nope\n"[..], "its interpreter /bin/nope does not exist"),
            (b"#! /bin/nope -e\nx", "its interpreter /bin/nope does not exist"),
            (
                b"#!/bin/sh\r\necho\r\n",
                "its first line ends in CRLF, so its interpreter would be /bin/sh\\r: convert the script to LF line \
                 endings, for example with dos2unix",
            ),
            (b"\x7fELF\x02\x01", "its loader does not exist: it was built for another system"),
            (b"", "its loader does not exist: it was built for another system"),
        ] {
            assert_eq!(lacking(start), said);
        }
    }

    #[test]
    fn a_script_of_windows_gets_its_interpreter() {
        let said = script(System::Windows, r".\deploy.ps1");
        assert_eq!(said.as_deref(), Some(r"it is a script; use retry -- powershell -File .\deploy.ps1"));
        assert_eq!(script(System::Windows, "deploy.exe"), None);
        assert_eq!(script(System::Unix, "./deploy.py"), None);
    }

    #[test]
    fn a_file_that_is_not_there_lacks_nothing() {
        assert_eq!(missing(OsStr::new("/no/such/file")), None);
        assert_eq!(missing(OsStr::new("no-such-command-anywhere")), None);
    }
}
