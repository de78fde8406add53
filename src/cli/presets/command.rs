//! The tool that a command line runs: `git` in `sudo -u me env A=1 nice -n 5 timeout 60 git fetch`. It looks only at the
//! words, and knows the options of common wrappers (their manual pages: sudo(8), env(1), nice(1), timeout(1), stdbuf(1),
//! ionice(1), setsid(1), xvfb-run(1), bash(1); `cmd /?`). An unknown command is the tool itself.

use crate::core::shared::{may_hold_secret, without_secret};
use crate::platform::program::{EXTENSIONS, comparable};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The command behind the wrappers.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    /// The name without directory and version: `pip` also for `python3 -m pip` and `/usr/bin/pip3.11`.
    pub name: String,
    /// The words from the name on.
    pub words: Vec<OsString>,
}

/// A command that runs another one.
struct Wrapper {
    names: &'static [&'static str],
    /// The short options with a value, in the same word or the next one.
    short: &'static str,
    /// The long options whose value is the next word.
    long: &'static [&'static str],
    /// Whether variables `A=b` may come before the command.
    variables: Variables,
    /// The number of other words before the command, such as the duration of timeout.
    words: usize,
}

#[derive(PartialEq, Eq)]
enum Variables {
    Yes,
    No,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["sudo", "doas"],
        short: "aCcDghpRrTtUu",
        long: &[
            "--auth-type",
            "--chdir",
            "--chroot",
            "--close-from",
            "--command-timeout",
            "--group",
            "--host",
            "--login-class",
            "--other-user",
            "--prompt",
            "--role",
            "--type",
            "--user",
        ],
        variables: Variables::Yes,
        words: 0,
    },
    Wrapper {
        names: &["env"],
        short: "uC",
        long: &["--unset", "--chdir"],
        variables: Variables::Yes,
        words: 0,
    },
    Wrapper { names: &["nice"], short: "n", long: &["--adjustment"], variables: Variables::No, words: 0 },
    Wrapper {
        names: &["ionice"],
        short: "cn",
        long: &["--class", "--classdata"],
        variables: Variables::No,
        words: 0,
    },
    Wrapper {
        names: &["timeout", "gtimeout"],
        short: "ks",
        long: &["--kill-after", "--signal"],
        variables: Variables::No,
        words: 1,
    },
    Wrapper {
        names: &["stdbuf"],
        short: "ioe",
        long: &["--input", "--output", "--error"],
        variables: Variables::No,
        words: 0,
    },
    Wrapper {
        names: &["xvfb-run"],
        short: "efnpsw",
        long: &["--error-file", "--auth-file", "--server-num", "--xauth-protocol", "--server-args", "--wait"],
        variables: Variables::No,
        words: 0,
    },
    Wrapper {
        names: &["time"],
        short: "fo",
        long: &["--format", "--output"],
        variables: Variables::No,
        words: 0,
    },
    Wrapper {
        names: &[
            "setsid",
            "nohup",
            "chronic",
            "unbuffer",
            "exec",
            "command",
            "caffeinate",
            "tini",
            "dumb-init",
            "corepack",
        ],
        short: "",
        long: &[],
        variables: Variables::No,
        words: 0,
    },
];

/// The tool that the command runs.
pub fn tool(command: &[OsString]) -> Tool {
    let mut words = command.to_vec();
    // Each step removes at least one word.
    while let Some(inner) = inside_wrapper(&words).or_else(|| inside_shell(&words)) {
        words = inner;
    }
    if let Some(module) = python_module(&words) {
        words = module;
    }
    let name = match words.first() {
        // Its last part may be one of a password.
        Some(url) if may_hold_secret(&url.to_string_lossy()) => without_secret(url).into_owned(),
        _ => comparable(without_version(name(&words))),
    };
    Tool { name, words }
}

/// Whether one of the wrappers is timeout(1), which exits with 124 after its time limit.
pub fn has_time_limit(command: &[OsString]) -> bool {
    let mut words = command.to_vec();
    while let Some(inner) = inside_wrapper(&words).or_else(|| inside_shell(&words)) {
        if matches!(name(&words), "timeout" | "gtimeout") {
            return true;
        }
        words = inner;
    }
    false
}

/// The file name of the command, without an ending that may be left out.
pub fn name(words: &[OsString]) -> &str {
    let program = words.first().map(Path::new);
    let name = program.and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    let short = |extension: &&str| {
        let (short, end) = name.split_at_checked(name.len().checked_sub(extension.len())?)?;
        end.eq_ignore_ascii_case(extension).then_some(short)
    };
    EXTENSIONS.iter().find_map(short).unwrap_or(name)
}

/// `pip` from `pip3.11`.
fn without_version(name: &str) -> &str {
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        // dnf5 and wget2 are tools of their own.
        short @ ("pip" | "python") => short,
        _ => name,
    }
}

fn inside_wrapper(words: &[OsString]) -> Option<Vec<OsString>> {
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name(words)))?;
    let mut at = 1;
    while let Some(word) = words.get(at) {
        let bytes = word.as_encoded_bytes();
        match bytes {
            b"--" => {
                at += 1;
                break;
            }
            // `env -` is `env -i`.
            b"-" => at += 1,
            [b'-', b'-', ..] => {
                let long = word.to_str().unwrap_or_default();
                at += 1 + usize::from(wrapper.long.contains(&long));
            }
            [b'-', cluster @ ..] => {
                // The first letter with a value takes the rest of the word, or the next one.
                let valued = cluster.iter().position(|letter| wrapper.short.as_bytes().contains(letter));
                at += 1 + usize::from(valued == Some(cluster.len() - 1));
            }
            _ => break,
        }
    }
    if wrapper.variables == Variables::Yes {
        at += words.get(at..)?.iter().take_while(|word| is_variable(word.as_encoded_bytes())).count();
    }
    let inner = words.get(at + wrapper.words..)?;
    (!inner.is_empty()).then(|| inner.to_vec())
}

fn is_variable(word: &[u8]) -> bool {
    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.len() < word.len()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !name.first().is_none_or(u8::is_ascii_digit)
}

/// `python -m pip`: the words of pip.
fn python_module(words: &[OsString]) -> Option<Vec<OsString>> {
    if without_version(name(words)) != "python" {
        return None;
    }
    let mut at = 1;
    // -W and -X have a value; other options before -m have none.
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        match word {
            _ if word.starts_with('-') && !word.starts_with("--") && word.contains('m') => {
                // -m pip, -um pip, -mpip
                let (letters, module) = word.split_once('m')?;
                if letters.contains('c') {
                    return None;
                }
                let behind = words.get(at + 1..)?;
                if module.is_empty() {
                    return (!behind.is_empty()).then(|| behind.to_vec());
                }
                return Some(std::iter::once(OsString::from(module)).chain(behind.iter().cloned()).collect());
            }
            "-W" | "-X" => at += 2,
            _ if word.starts_with('-') && !word.contains(['c', 'm']) => at += 1,
            _ => return None,
        }
    }
    None
}

/// The words of `bash -c 'git fetch origin'`, if it is a simple command: no operator, no substitution, no
/// keyword. (`sh -c 'exec git fetch'` is one.)
fn inside_shell(words: &[OsString]) -> Option<Vec<OsString>> {
    if comparable(name(words)) == "cmd" {
        return inside_cmd(words);
    }
    if !matches!(name(words), "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash") {
        return None;
    }
    let mut at = 1;
    loop {
        let word = words.get(at)?.to_str()?;
        let cluster = word.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))?;
        at += 1;
        // `-o pipefail` and `-O extglob` have a value.
        at += usize::from(cluster.ends_with(['o', 'O']));
        if cluster.contains('c') {
            break;
        }
    }
    let inner = split(words.get(at)?.to_str()?)?;
    let variables = inner.iter().take_while(|word| is_variable(word.as_encoded_bytes())).count();
    let keyword = ["if", "for", "while", "until", "case", "function", "{", "!", "time", "[[", "cd"];
    let inner = inner.get(variables..).filter(|inner| !inner.is_empty())?;
    (!keyword.contains(&inner[0].to_str()?)).then(|| inner.to_vec())
}

/// The words of `cmd /d /c git fetch` and `cmd /c "git fetch"`, if it is one command.
fn inside_cmd(words: &[OsString]) -> Option<Vec<OsString>> {
    let options = words.iter().skip(1).take_while(|word| word.as_encoded_bytes().starts_with(b"/"));
    let switch = options.take_while(|word| !word.eq_ignore_ascii_case("/c")).count() + 1;
    words.get(switch).filter(|word| word.eq_ignore_ascii_case("/c"))?;
    let rest: Vec<&str> = words.get(switch + 1..)?.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    if rest.iter().any(|word| word.contains(['&', '|', '<', '>', '(', ')', '^', '%', '\n'])) {
        return None;
    }
    let inner: Vec<OsString> = match rest[..] {
        [line] => {
            let mut is_quoted = false;
            let is_end = |c: char| {
                is_quoted ^= c == '"';
                c == ' ' && !is_quoted
            };
            let words = line.split(is_end).filter(|word| !word.is_empty());
            words.map(|word| word.replace('"', "").into()).collect()
        }
        _ => rest.iter().map(OsString::from).collect(),
    };
    (!inner.is_empty()).then_some(inner)
}

/// The words of a simple command line without their quotes; `None` if a shell would do more than split words.
fn split(line: &str) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take().map(OsString::from)),
            '\'' | '"' => {
                let text: String = chars.by_ref().take_while(|other| *other != c).collect();
                if c == '"' && text.contains(['$', '`', '\\']) {
                    return None;
                }
                word.get_or_insert_default().push_str(&text);
            }
            ';' | '|' | '&' | '<' | '>' | '(' | ')' | '$' | '`' | '\\' | '\n' | '#' => return None,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.map(OsString::from));
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_time_limit_around_the_tool_is_found() {
        let command = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in ["timeout 5 git fetch", "sudo timeout -k 1 5 git fetch", "env A=1 gtimeout 5 git fetch"] {
            assert!(has_time_limit(&command(line)), "{line}");
        }
        for line in ["git fetch", "sudo git timeout 5", "timeout"] {
            assert!(!has_time_limit(&command(line)), "{line}");
        }
    }

    #[test]
    fn the_tool_is_found_inside_cmd() {
        for (command, name, last) in [
            (&["cmd", "/c", "git fetch origin"][..], "git", "origin"),
            (&["cmd", "/d", "/C", "git", "fetch"], "git", "fetch"),
            (&["cmd", "/c", r#""C:/Program Files/Git/git" clone "a b""#], "git", "a b"),
            (&["cmd", "/c", "git fetch && git push"], "cmd", "git fetch && git push"),
            (&["cmd", "/c", "git", "fetch", "%origin%"], "cmd", "%origin%"),
            (&["cmd", "/c", ""], "cmd", ""),
            (&["cmd", "/c"], "cmd", "/c"),
            (&["cmd", "git"], "cmd", "git"),
            (&["cmd"], "cmd", "cmd"),
        ] {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            let found = tool(&command);
            assert_eq!((found.name.as_str(), found.words.last().unwrap().as_os_str()), (name, last.as_ref()));
        }
    }

    #[test]
    fn the_tool_is_found_inside_wrappers() {
        for (line, name) in [
            ("git fetch", "git"),
            ("/usr/bin/git fetch", "git"),
            ("sudo git fetch", "git"),
            ("sudo -E -u me -- git fetch", "git"),
            ("sudo -nu me git fetch", "git"),
            ("sudo --user me git fetch", "git"),
            ("sudo --user=me A=1 git fetch", "git"),
            ("env -i A=1 B= git fetch", "git"),
            ("env -u HOME git fetch", "git"),
            ("nice -n 5 git fetch", "git"),
            ("nice -5 git fetch", "git"),
            ("nice -n5 git fetch", "git"),
            ("timeout 5 git fetch", "git"),
            ("timeout -k 1 -s KILL 1m git fetch", "git"),
            ("timeout --foreground --signal=INT 5 git fetch", "git"),
            ("xvfb-run -a -s -screen git fetch", "git"),
            ("stdbuf -oL -eL git fetch", "git"),
            ("stdbuf -o L git fetch", "git"),
            ("ionice -c 3 git fetch", "git"),
            ("setsid -w git fetch", "git"),
            ("sudo env A=1 nice -n 5 timeout 5 stdbuf -oL git fetch", "git"),
            ("python -m pip install x", "pip"),
            ("python -mpip install x", "pip"),
            ("python3 -um pip install x", "pip"),
            ("env - git fetch", "git"),
            ("corepack pnpm install", "pnpm"),
            ("tini -- git fetch", "git"),
            ("python3.12 -I -m pip install x", "pip"),
            ("python3 -W ignore -m pip install x", "pip"),
            ("pip3.11 install x", "pip"),
            ("pip3 install x", "pip"),
            ("dnf5 install x", "dnf5"),
            ("python3 setup.py", "python"),
            ("python3", "python"),
            ("sudo", "sudo"),
            ("sudo -u", "sudo"),
            ("timeout 5", "timeout"),
            ("./git-deploy", "git-deploy"),
        ] {
            assert_eq!(tool(&words(line)).name, name, "{line}");
        }
        assert_eq!(tool(&[]).name, "");
    }

    #[test]
    fn the_tool_is_found_inside_a_shell_with_a_simple_command() {
        for (options, script, name) in [
            ("-c", "git fetch origin", "git"),
            ("-ec", "git fetch origin", "git"),
            ("-o pipefail -c", "git fetch origin", "git"),
            ("-lc", "exec /usr/bin/git fetch 'a b'", "git"),
            ("-c", "A=1 git fetch \"a b\"", "git"),
            ("-c", "sudo git fetch", "git"),
            ("-c", "git fetch; true", "sh"),
            ("-c", "git fetch && make", "sh"),
            ("-c", "git fetch | cat", "sh"),
            ("-c", "git fetch $(cat x)", "sh"),
            ("-c", "git fetch > log", "sh"),
            ("-c", "git fetch \"$x\"", "sh"),
            ("-c", "if true", "sh"),
            ("-c", "cd /x", "sh"),
            ("-c", "", "sh"),
            ("-x", "script", "sh"),
        ] {
            let command = [words(&format!("sh {options}")), vec![script.into()]].concat();
            assert_eq!(tool(&command).name, name, "{options} {script}");
        }
    }

    proptest! {
        #[test]
        fn no_words_make_it_hang_or_panic(
            words in prop::collection::vec("(sudo|env|sh|-c|-|--|A=1|timeout|nice|[ '\"a-]{0,6})", 0..8),
        ) {
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            let _tool = tool(&words);
        }
    }
}
