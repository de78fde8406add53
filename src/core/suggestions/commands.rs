//! Words that are no command, typed as one.

use super::windows;
use crate::core::duration;
use crate::core::system::System;
use std::ffi::OsString;

/// A command that is not found because it is a part of something else.
#[derive(Debug)]
pub struct CommandElsewhere {
    /// Whether the command is of this kind.
    pub is: fn(&str) -> bool,
    /// What is said behind "command not found", with `{}` for what [`CommandElsewhere::is`] looks at: the word, the name
    /// of the variable, or the script with its interpreter.
    pub said: &'static str,
    /// One for the tests.
    pub example: &'static str,
}

/// The commands that are not found, from special to general; the last row is for all others.
pub fn commands(system: System) -> impl Iterator<Item = &'static CommandElsewhere> + Clone {
    let own = match system {
        System::Unix => UNIX,
        System::Windows => windows::COMMANDS,
    };
    COMMON.iter().chain(own)
}

/// Those that mean the same on every system.
const COMMON: &[CommandElsewhere] = &[
    CommandElsewhere {
        is: |word| word.ends_with('\r'),
        said: "the script that calls retry has CRLF line endings: convert it to LF, for example with dos2unix",
        example: "make\r",
    },
    CommandElsewhere {
        is: |word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()),
        said: "for {} attempts, the first included: retry --retries {} -- COMMAND",
        example: "5",
    },
    CommandElsewhere {
        is: |word| duration::parse(word).is_ok(),
        said: "for a time limit, use --timeout {}; for a delay, --base {}",
        example: "10s",
    },
    CommandElsewhere {
        is: |word| matches!(word, "help" | "version"),
        said: "did you mean retry --{}?",
        example: "help",
    },
];

const UNIX: &[CommandElsewhere] = &[
    CommandElsewhere {
        is: |word| variable(word).is_some(),
        said: "to set a variable: retry -- env {}=... COMMAND",
        example: "FOO=bar",
    },
    CommandElsewhere {
        is: |word| ["|", "&&", "||", ";", ">", "<", "$(", "`"].iter().any(|sign| word.contains(sign)),
        said: "pipes, && and redirections need a shell: retry -- sh -c '...'",
        example: "a | b",
    },
    CommandElsewhere { is: is_line, said: QUOTED, example: "curl -f http://x" },
    CommandElsewhere {
        is: |word| CHANGE_THE_SHELL.contains(&word),
        said: "a shell builtin: running it in a child process would not change your shell",
        example: "cd",
    },
    CommandElsewhere {
        is: |word| BUILTINS.contains(&word),
        said: "a shell builtin: retry -- sh -c '...'",
        example: "eval",
    },
    CommandElsewhere {
        is: |word| KEYWORDS.contains(&word),
        said: "a shell keyword: retry -- sh -c '...'",
        example: "if",
    },
    CommandElsewhere {
        is: |word| BASH_KEYWORDS.contains(&word),
        said: "a keyword of bash: retry -- bash -c '...'",
        example: "[[",
    },
    CommandElsewhere {
        is: |word| !word.contains('/') && !word.is_empty(),
        said: "not in PATH; for a function of a bash script: export -f NAME; retry -- bash -c NAME",
        example: "deploy",
    },
];

const QUOTED: &str = "quoted as one word: remove the quotes, or use sh -c '...'";

/// What is said about a command with arguments in quotes.
pub const fn quoted(system: System) -> &'static str {
    match system {
        System::Unix => QUOTED,
        System::Windows => windows::QUOTED,
    }
}

/// The builtins of POSIX shells and of bash that change the shell or wait for its jobs.
const CHANGE_THE_SHELL: &[&str] = &[
    ".", "alias", "cd", "declare", "exec", "exit", "export", "let", "local", "popd", "pushd", "read",
    "readonly", "return", "set", "shift", "shopt", "source", "trap", "typeset", "ulimit", "umask", "unalias",
    "unset", "wait",
];

/// Their other builtins that are not programs as well.
const BUILTINS: &[&str] = &[":", "builtin", "command", "eval", "hash", "type"];

/// The reserved words of POSIX shells.
const KEYWORDS: &[&str] = &["!", "(", "case", "do", "for", "if", "until", "while", "{"];

/// The further ones of bash.
const BASH_KEYWORDS: &[&str] = &["((", "[[", "function", "select", "time"];

/// What is said about a command that is not found; `None` for a path, which says itself where there is nothing.
pub fn command_elsewhere(system: System, command: &[OsString]) -> Option<String> {
    let word = command.first()?.to_string_lossy();
    let row = commands(system).find(|row| (row.is)(&word))?;
    let part = variable(&word).map(str::to_owned).or_else(|| windows::with_interpreter(&word));
    Some(row.said.replace("{}", part.as_deref().unwrap_or(&word)))
}

/// `FOO` for `FOO=bar`.
pub fn variable(word: &str) -> Option<&str> {
    let (name, _) = word.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}

/// Whether a word is a command with arguments, as in `retry 'curl -f URL'`.
pub fn is_line(word: &str) -> bool {
    let Some((name, arguments)) = word.split_once(' ') else { return false };
    // A directory may have a space in its name.
    let is_path = name.contains(['/', '\\']) && !arguments.contains(" -") && !arguments.starts_with('-');
    !is_path && !name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_example_of_a_command_has_its_row() {
        for system in System::ALL {
            for row in commands(system) {
                let first = commands(system).find(|other| (other.is)(row.example)).unwrap();
                assert_eq!(first.said, row.said, "{system:?}: {}", row.example);
            }
        }
        for (words, start) in [
            (CHANGE_THE_SHELL, "a shell builtin: running it in a child process"),
            (BUILTINS, "a shell builtin: retry"),
            (KEYWORDS, "a shell keyword"),
            (BASH_KEYWORDS, "a keyword of bash"),
        ] {
            for word in words {
                let said = command_elsewhere(System::Unix, &[word.into()]).unwrap();
                assert!(said.starts_with(start), "{word}: {said}");
            }
        }
        for (word, said) in [
            ("1.5h", "for a time limit, use --timeout 1.5h; for a delay, --base 1.5h"),
            ("version", "did you mean retry --version?"),
        ] {
            assert_eq!(command_elsewhere(System::Unix, &[word.into()]).as_deref(), Some(said));
        }
        for path in ["./deploy", "/no such/tool", ""] {
            assert_eq!(command_elsewhere(System::Unix, &[path.into()]), None, "{path}");
        }
    }
}
