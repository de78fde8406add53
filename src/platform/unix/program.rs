//! What is usual in command lines.

use crate::core::system::System;
use crate::platform::launch::Program;
use std::borrow::Cow;
use std::ffi::OsString;

/// The arguments that start `program`, the program first. The shell of POSIX runs a line.
pub fn argv(program: Program<'_>) -> Cow<'_, [OsString]> {
    match program {
        Program::Argv(argv) => argv.into(),
        Program::ShellLine(line) => vec![HOOK_SHELL.into(), "-c".into(), line.to_owned()].into(),
    }
}

/// The shell that runs the hooks, found in PATH.
pub const HOOK_SHELL: &str = "sh";

/// The family of this system.
pub const SYSTEM: System = System::Unix;

/// The endings of the names of programs, which may be left out.
pub const EXTENSIONS: &[&str] = &[];

/// The name of a program as it is compared with others.
pub fn comparable(name: &str) -> String {
    name.to_owned()
}

/// A word of a command line as a shell reads it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_a_shell_reads_them_back() {
        let words = ["curl", "-d", "it's", "a b", "", "http://x:1/y?z"].map(quoted);
        assert_eq!(words.join(" "), r"curl -d 'it'\''s' 'a b' '' 'http://x:1/y?z'");
    }
}
