//! Why the kernel says that a file does not exist (ENOENT) which does: it names an interpreter, or a loader, that does not.
//! execve(2) has one errno for both.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What a file that cannot be executed lacks, for a message, which has to make it safe; `None` if there is no such file.
pub fn missing(program: &OsStr) -> Option<String> {
    let file = find(program)?;
    // The kernel reads as much of the line (BINPRM_BUF_SIZE of Linux).
    let mut start = Vec::new();
    File::open(file).ok()?.take(256).read_to_end(&mut start).ok()?;
    Some(lacking(&start))
}

/// The file that would be executed.
#[expect(clippy::disallowed_methods, reason = "the kernel has looked for the command in PATH as well")]
fn find(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 || path.has_root() || program.as_encoded_bytes().contains(&b'/') {
        return path.is_file().then(|| path.to_owned());
    }
    let directories = std::env::var_os("PATH")?;
    std::env::split_paths(&directories).map(|directory| directory.join(path)).find(|file| file.is_file())
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
            "its first line ends in CRLF, so its interpreter would be {shown}\\r: convert it to LF"
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
                "its first line ends in CRLF, so its interpreter would be /bin/sh\\r: convert it to LF",
            ),
            (b"\x7fELF\x02\x01", "its loader does not exist: it was built for another system"),
            (b"", "its loader does not exist: it was built for another system"),
        ] {
            assert_eq!(lacking(start), said);
        }
    }

    #[test]
    fn a_file_that_is_not_there_lacks_nothing() {
        assert_eq!(missing(OsStr::new("/no/such/file")), None);
        assert_eq!(missing(OsStr::new("no-such-command-anywhere")), None);
    }
}
