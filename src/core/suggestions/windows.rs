//! What is said on Windows, where the shells are cmd and PowerShell, and where nothing is sent a signal.
//!
//! Sources: `help` of cmd, `Get-Alias` and `Get-Verb` of Windows PowerShell 5.1. `powershell` is on every Windows; `pwsh`
//! is not.

use super::{CommandElsewhere, OptionElsewhere, is_line, row, variable};

/// The commands that are not found, from special to general; the last row is for all others.
pub const COMMANDS: &[CommandElsewhere] = &[
    CommandElsewhere {
        is: |word| variable(word).is_some(),
        said: "to set a variable, do so before retry: set {}=... in cmd, $env:{} = '...' in PowerShell",
        example: "FOO=bar",
    },
    CommandElsewhere {
        is: |word| word.starts_with('\''),
        said: "cmd does not know single quotes: use double quotes",
        example: "'curl",
    },
    CommandElsewhere { is: |word| is_cmdlet(first(word)), said: CMDLET, example: "Get-Item" },
    CommandElsewhere {
        is: |word| ["|", "&", ">", "<"].iter().any(|sign| word.contains(sign)),
        said: "pipes, && and redirections need a shell: retry -- cmd /c \"...\"",
        example: "a | b",
    },
    CommandElsewhere { is: is_line, said: QUOTED, example: "curl -f http://x" },
    CommandElsewhere {
        is: |word| with_interpreter(word).is_some() && !is_path(word),
        said: "a script needs its interpreter: retry -- {}",
        example: "deploy.ps1",
    },
    CommandElsewhere {
        is: |word| is_any(&["start"], word),
        said: "a builtin of cmd that does not wait for its program: retry -- PROGRAM",
        example: "start",
    },
    CommandElsewhere {
        is: |word| is_any(CHANGE_THE_SHELL, word),
        said: "a builtin of cmd: running it in a child process would not change your shell",
        example: "cd",
    },
    CommandElsewhere {
        is: |word| is_any(BUILTINS, word),
        said: "a builtin of cmd: retry -- cmd /c \"...\"",
        example: "copy",
    },
    CommandElsewhere {
        is: |word| is_any(KEYWORDS, word),
        said: "a keyword of cmd: retry -- cmd /c \"...\"",
        example: "if",
    },
    CommandElsewhere {
        is: |word| is_any(ALIASES, word),
        said: "not in PATH, but an alias of PowerShell: retry -- powershell -Command \"...\"",
        example: "ls",
    },
    CommandElsewhere {
        is: |word| is_any(UNIX_SHELLS, word),
        said: "not in PATH; the shells of Windows are cmd /c \"...\" and powershell -Command \"...\"",
        example: "bash",
    },
    CommandElsewhere {
        is: |word| !is_path(word) && !word.is_empty(),
        said: "not in PATH; a function or alias of PowerShell needs its shell: retry -- powershell -Command \"...\"",
        example: "deploy",
    },
];

/// What is said about a command with arguments in quotes.
pub const QUOTED: &str = "quoted as one word: remove the quotes, or use cmd /c \"...\"";

const CMDLET: &str = "a cmdlet of PowerShell: retry -- powershell -Command \"...\"";

/// The builtins of cmd that change the shell.
const CHANGE_THE_SHELL: &[&str] = &[
    "cd", "chdir", "color", "endlocal", "exit", "path", "popd", "prompt", "pushd", "set", "setlocal",
    "shift", "title",
];

/// Its other builtins.
const BUILTINS: &[&str] = &[
    "assoc", "call", "cls", "copy", "date", "del", "dir", "echo", "erase", "ftype", "md", "mkdir", "mklink",
    "move", "pause", "rd", "rem", "ren", "rename", "rmdir", "time", "type", "ver", "verify", "vol",
];

const KEYWORDS: &[&str] = &["(", "for", "goto", "if"];

/// The aliases of PowerShell that are neither builtins of cmd nor programs of Windows.
const ALIASES: &[&str] = &[
    "cat", "clear", "compare", "cp", "curl", "diff", "foreach", "gc", "gci", "gcm", "gi", "gp", "gps", "gsv",
    "iex", "ii", "ipmo", "irm", "iwr", "kill", "ls", "measure", "mi", "mount", "mv", "ni", "ps", "pwd", "ri",
    "rm", "saps", "sasv", "select", "sl", "sleep", "spps", "spsv", "tee", "wget", "write",
];

const UNIX_SHELLS: &[&str] = &["bash", "dash", "env", "sh", "zsh"];

/// The verbs with which the names of cmdlets begin.
const VERBS: &[&str] = &[
    "add",
    "clear",
    "compare",
    "compress",
    "connect",
    "convert",
    "convertfrom",
    "convertto",
    "copy",
    "debug",
    "disable",
    "disconnect",
    "enable",
    "enter",
    "exit",
    "expand",
    "export",
    "find",
    "foreach",
    "format",
    "get",
    "import",
    "install",
    "invoke",
    "join",
    "measure",
    "mount",
    "move",
    "new",
    "out",
    "pop",
    "publish",
    "push",
    "read",
    "receive",
    "register",
    "remove",
    "rename",
    "resolve",
    "restart",
    "restore",
    "resume",
    "save",
    "select",
    "send",
    "set",
    "show",
    "sort",
    "split",
    "start",
    "stop",
    "suspend",
    "tee",
    "test",
    "uninstall",
    "unregister",
    "update",
    "wait",
    "where",
    "write",
];

/// Files that Windows does not run by themselves, and what runs them.
const INTERPRETERS: &[(&str, &str)] = &[
    (".jar", "java -jar"),
    (".js", "node"),
    (".mjs", "node"),
    (".php", "php"),
    (".pl", "perl"),
    (".ps1", "powershell -File"),
    (".py", "python"),
    (".rb", "ruby"),
    (".sh", "bash"),
    (".vbs", "cscript"),
];

/// `powershell -File deploy.ps1` for a script, by the ending of its name.
pub fn with_interpreter(script: &str) -> Option<String> {
    let lower = script.to_ascii_lowercase();
    let (_, interpreter) = INTERPRETERS.iter().find(|(ending, _)| lower.ends_with(ending))?;
    let quote = if script.contains(' ') { "\"" } else { "" };
    Some(format!("{interpreter} {quote}{script}{quote}"))
}

/// Options of other tools whose answer is another one here.
pub const OPTIONS: &[OptionElsewhere] = &[
    row(
        &["--signal"],
        "Windows has no signals: a time limit sends Ctrl-Break, and ends the process tree after --kill-after",
        "--kill-after 5",
    ),
    row(
        &["-k"],
        "--kill-after is the time between Ctrl-Break and the end of the process tree",
        "--kill-after 5",
    ),
    row(
        &["--condition", "-c"],
        "--retry-if is a line for cmd that decides whether to retry; to retry such a line, use -- cmd /c \"...\"",
        "",
    ),
    row(
        &["--on-retry", "--on-retry-command", "--between", "--exec", "--before"],
        "--before-retry is a line for cmd that runs before each retry",
        "--before-retry clean-up.cmd",
    ),
    row(
        &["--fail", "--on-fail", "--on-failure", "--on-error"],
        "--fallback is a line for cmd that runs when retry gives up, and its exit status counts",
        "--fallback cached.cmd",
    ),
    row(
        &["--shell", "--command", "--cmd", "--run"],
        "the command follows the options; for a line of cmd, use -- cmd /c \"...\"; for PowerShell, \
            -- powershell -Command \"...\"",
        "",
    ),
    row(&["-s"], "to print nothing, use --silent; for a delay, --base", ""),
    row(
        &["--state-dir", "--state-directory", "--state-file"],
        "--state is the place of circuit breakers and retry budgets",
        r"--state C:\ProgramData\retry",
    ),
];

fn first(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// `Get-Item`, but not `docker-compose`.
fn is_cmdlet(word: &str) -> bool {
    word.split_once('-').is_some_and(|(verb, noun)| {
        is_any(VERBS, verb) && !noun.is_empty() && noun.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Capitals make no difference to cmd and PowerShell.
fn is_any(words: &[&str], word: &str) -> bool {
    words.iter().any(|other| other.eq_ignore_ascii_case(word))
}

fn is_path(word: &str) -> bool {
    word.contains(['/', '\\', ':'])
}

#[cfg(test)]
mod tests {
    use super::super::{command_elsewhere, option_elsewhere};
    use super::*;
    use crate::core::system::System;

    #[test]
    fn no_word_of_unix_is_offered() {
        let said = COMMANDS.iter().map(|row| row.said);
        let options = OPTIONS.iter().flat_map(|row| [row.said, row.example]);
        for text in said.chain(options) {
            for word in ["sh -c", "bash -c", "env ", "SIGKILL", "./", "/var", "--timeout-signal"] {
                assert!(!text.contains(word), "{word}: {text}");
            }
        }
    }

    /// An option of the general table that speaks of Unix has a row of its own here.
    #[test]
    fn no_option_of_another_tool_is_answered_with_words_of_unix() {
        for name in super::super::OPTIONS.iter().flat_map(|row| row.names) {
            let row = option_elsewhere(System::Windows, name).unwrap();
            for word in ["sh -c", "shell command", "signal ", "SIGKILL", "/var", "./clean-up", "./cached"] {
                assert!(!row.said.contains(word) && !row.example.contains(word), "{name}: {}", row.said);
            }
        }
    }

    #[test]
    fn words_of_cmd_and_powershell_get_their_shell() {
        for (word, part) in [
            ("DIR", "retry -- cmd /c"),
            ("copy", "retry -- cmd /c"),
            ("IF", "a keyword of cmd"),
            ("cd", "would not change"),
            ("Start", "that does not wait"),
            ("dir && echo x", "pipes, && and redirections need a shell: retry -- cmd /c"),
            ("type a.txt > b.txt", "cmd /c"),
            ("get-childitem", "a cmdlet of PowerShell: retry -- powershell -Command"),
            ("Get-Content x | Select-String y", "a cmdlet of PowerShell"),
            ("ConvertTo-Json", "a cmdlet of PowerShell"),
            ("iwr", "an alias of PowerShell: retry -- powershell -Command"),
            ("deploy.ps1", "a script needs its interpreter: retry -- powershell -File deploy.ps1"),
            ("Deploy.PY", "retry -- python Deploy.PY"),
            ("FOO=bar", "set FOO=... in cmd, $env:FOO = '...' in PowerShell"),
            ("'curl", "use double quotes"),
            ("sh", "the shells of Windows are cmd"),
            ("docker-compose", "not in PATH; a function or alias of PowerShell"),
            ("wait-for-it", "not in PATH; a function or alias of PowerShell"),
            ("curl -f http://x", QUOTED),
            (r"C:\tools\deploy.exe -f x", QUOTED),
            ("5", "retry --retries 5"),
        ] {
            let said = command_elsewhere(System::Windows, &[word.into()]).unwrap();
            assert!(said.contains(part), "{word}: {said}");
        }
        for path in [r".\deploy", "./deploy.ps1", r"C:\Program Files\tool.exe", "C:tool", ""] {
            assert_eq!(command_elsewhere(System::Windows, &[path.into()]), None, "{path}");
        }
    }

    #[test]
    fn a_script_with_blanks_in_its_name_is_quoted() {
        let line = with_interpreter(r".\my scripts\deploy.PS1");
        assert_eq!(line.as_deref(), Some(r#"powershell -File ".\my scripts\deploy.PS1""#));
        assert_eq!(with_interpreter("deploy.exe"), None);
    }
}
