//! What `.ci/generate` makes: the committed files are what the program makes and prints, the man page is complete and
//! sound, and the completions work in the shells that they are for.

mod common;

use assert_cmd::Command;
use clap::CommandFactory;
use common::command::{needs, program, works};
use predicates::str::{contains, is_empty};
use retry::cli::args::Args;
use retry::cli::texts;
use retry::core::retry_after::forms::FORMS;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const FILES: [(&str, &str); 6] = [
    ("man", "man/retry.1"),
    ("bash", "completions/retry.bash"),
    ("zsh", "completions/_retry"),
    ("fish", "completions/retry.fish"),
    ("powershell", "completions/_retry.ps1"),
    ("elvish", "completions/retry.elv"),
];

/// No shell takes this long for a completion; it only keeps a broken one from hanging.
const LIMIT: Duration = Duration::from_secs(120);

fn committed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn retry() -> Command {
    Command::from_std(common::command::retry())
}

fn variable(arg: &clap::Arg) -> String {
    format!("RETRY_{}", arg.get_id().as_str().to_ascii_uppercase())
}

/// The man page with each paragraph on one line.
fn man_page() -> String {
    let mut page = String::new();
    let (mut is_tag, mut continues) = (false, false);
    for line in generate("man").lines() {
        let is_text = !line.starts_with('.');
        let between = if is_text && continues { " " } else { "\n" };
        page.extend([between, line]);
        continues = is_text && !is_tag;
        is_tag = line.starts_with(".TP");
    }
    page + "\n"
}

fn generate(what: &str) -> String {
    let output =
        retry().args(["--generate", what]).assert().success().stderr(is_empty()).get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_committed_files_are_what_generate_makes() {
    for (what, file) in FILES {
        let made = generate(what);
        let committed = fs::read_to_string(committed(file)).unwrap_or_default();
        assert!(made == committed, "{file} is not what `retry --generate {what}` makes: run .ci/generate");
    }
}

#[test]
fn the_picture_in_the_readme_is_a_session_as_it_is_now() {
    if !needs("python3", "the picture of a terminal") || !needs("curl", "the picture of a terminal") {
        return;
    }
    let done = program(committed(".ci/picture")).args(["--check", common::command::RETRY]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_man_page_has_every_flag_and_every_example() {
    let page = man_page().replace("\\-", "-").replace("\\*(Aq", "'");
    let plain = page.replace("\\fB", "").replace("\\fR", "");
    for arg in Args::command().get_arguments().filter(|arg| !arg.is_positional()) {
        // -O alone has no long form; its help is enough.
        let long = arg.get_long().unwrap_or("stdout");
        assert!(page.contains(&format!("\\fB--{long}\\fR")), "--{long}");
        let help = arg.get_help().unwrap().to_string();
        assert!(plain.contains(&help.replace('`', "")), "--{long}: {help}");
    }
    for example in texts::EXAMPLES {
        assert!(page.contains(&format!("\n{}\n", example.command)), "{}", example.command);
    }
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    assert_eq!(
        sections,
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "\"EXIT STATUS\"",
            "SIGNALS",
            "STREAMS",
            "\"RETRY-AFTER FORMS\"",
            "\"SHARED STATE\"",
            "ENVIRONMENT",
            "\"PLATFORM DIFFERENCES\"",
            "EXAMPLES",
            "\"SEE ALSO\""
        ]
    );
}

#[test]
fn the_forms_of_demands_are_explained_in_the_man_page() {
    let page = man_page().replace("\\-", "-").replace("\\*(Aq", "'");
    for form in FORMS {
        assert!(page.contains(&format!("\n\\fB{}\\fR\n", form.shown)), "{}", form.shown);
        let source = form.source.split(['(', '`', '-']).next().unwrap();
        assert!(page.contains(source), "{source}");
    }
}

#[test]
fn the_man_page_lists_the_settings_that_are_read_and_no_others() {
    let page = man_page();
    let scratch = TempDir::new().unwrap();
    for arg in Args::command().get_arguments().filter(|arg| arg.get_long().is_some()) {
        let variable = variable(arg);
        // A setting is named, either by a warning or by -v, and other flags get a warning that they are none.
        let is_verbosity = ["quiet", "silent", "verbose"].contains(&arg.get_id().as_str());
        let words = if is_verbosity { &["true"][..] } else { &["-v", "true"] };
        let run = retry().current_dir(&scratch).env(&variable, "?!").args(words).output().unwrap();
        // RETRY_LOG sends what is said to a file of that name.
        let log = fs::read_to_string(scratch.path().join("?!")).unwrap_or_default();
        let said = [String::from_utf8_lossy(&run.stderr).into_owned(), log].concat();
        let is_read = said.contains(&variable) && !said.contains("on the command line only");
        assert_eq!(page.contains(&format!("\\fB{variable}\\fR")), is_read, "{variable}");
    }
}

#[test]
fn the_man_page_lists_what_the_command_sees() {
    let page = man_page();
    let scratch = TempDir::new().unwrap();
    let mut command = retry();
    command.arg("--state").arg(scratch.path()).args(["--breaker", "b", "env"]);
    let seen = command.assert().success().get_output().stdout.clone();
    let seen = String::from_utf8_lossy(&seen);
    let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for row in texts::SEEN_BY_THE_COMMAND {
        assert!(names.contains(&row.term), "{}", row.term);
    }
    for name in names.iter().filter(|name| name.starts_with("RETRY_")) {
        assert!(page.contains(&format!("\\fB{name}\\fR")), "{name}");
    }
}

#[test]
fn the_man_page_pleases_mandoc() {
    if !works(program("mandoc").arg("/dev/null"), "mandoc", "the man page") {
        return;
    }
    Command::from_std(program("mandoc"))
        .args(["-Tlint", "-Wall"])
        .arg(committed("man/retry.1"))
        .timeout(LIMIT)
        .assert()
        .success()
        .stdout(is_empty())
        .stderr(is_empty());
    Command::from_std(program("mandoc"))
        .args(["-Tascii", "-Owidth=80"])
        .arg(committed("man/retry.1"))
        .timeout(LIMIT)
        .assert()
        .success()
        .stdout(contains("retry --retries 4 --delays 0.5,2,5 --jitter +-0.3 -- ./deploy"));
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    for flag in ["-h", "--help"] {
        let help = retry().env("COLUMNS", "80").arg(flag).assert().success().get_output().stdout.clone();
        let help = String::from_utf8(help).unwrap();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{flag}: {line}");
        }
        let (longest, group) = if flag == "-h" { (30, "Options") } else { (200, "Attempts") };
        assert!(help.lines().count() <= longest, "{flag} is a page, not a book:\n{help}");
        assert!(help.contains(&format!("\n\n{group}:\n")), "{flag}:\n{help}");
    }
}

/// What each shell is asked, and a word that must be among those that it offers. `wrapped`
/// is a command with a completion of its own, which offers `checkout` and `clone`.
const LINES: [(&str, &str); 18] = [
    ("retry --bac", "--backoff"),
    ("retry --backoff lin", "linear"),
    ("retry --backoff=lin", "linear"),
    ("retry --generate el", "elvish"),
    ("retry --log-format js", "json"),
    ("retry --jitter decor", "decorrelated"),
    ("retry --timeout-signal QU", "QUIT"),
    ("retry --retry-on tempf", "tempfail"),
    ("retry --retry-on curl,tempf", "curl,tempfail"),
    ("retry --stop-on=curl,tempf", "curl,tempfail"),
    ("retry wrap", "wrapped"),
    ("retry --retries 3 wrap", "wrapped"),
    ("retry --retries 3 wrapped chec", "checkout"),
    ("retry --retries=3 wrapped chec", "checkout"),
    ("retry -r3 -b 1 wrapped chec", "checkout"),
    ("retry -qr 3 -- wrapped chec", "checkout"),
    ("retry --base 1 cat REA", "README.md"),
    ("retry --dry-run retry --base 1 wrapped chec", "checkout"),
];

/// What must not be offered: retry's options behind the command, files where a number belongs.
const NOT_OFFERED: [(&str, &str); 3] = [
    ("retry wrapped --bac", "--backoff"),
    ("retry -- --bac", "--backoff"),
    ("retry --retries REA", "README.md"),
];

/// A directory with a file README.md, and a directory with a command `wrapped`.
fn scratch() -> (TempDir, String) {
    let scratch = TempDir::new().unwrap();
    fs::write(scratch.path().join("README.md"), "").unwrap();
    let commands = scratch.path().join("commands");
    fs::create_dir(&commands).unwrap();
    fs::write(commands.join("wrapped"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(commands.join("wrapped"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", commands.display());
    (scratch, path)
}

fn shell(name: &str, scratch: &TempDir, path: &str) -> Command {
    let mut shell = Command::from_std(program(name));
    shell.current_dir(scratch).timeout(LIMIT).env("PATH", path).env("TERM", "dumb");
    shell.env("HOME", scratch.path()).env("ZDOTDIR", scratch.path());
    shell.env("XDG_CONFIG_HOME", scratch.path()).env("XDG_DATA_HOME", scratch.path());
    shell
}

/// The output of a script that answers each line in a row of its own: `LINE -> WORDS`.
fn answers(mut shell: Command, script: &str) -> String {
    let output = shell.arg("-c").arg(script).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

fn check(shell: &str, answers: &str) {
    let offers = |line: &str, word: &str| {
        let start = format!("{line} ->");
        let answer = answers.lines().find_map(|answer| answer.strip_prefix(&start));
        let answer = answer.unwrap_or_else(|| panic!("{shell} has no answer for '{line}':\n{answers}"));
        answer.split(' ').any(|offered| offered == word)
    };
    for (line, word) in LINES {
        assert!(offers(line, word), "{shell} does not complete '{line}' to '{word}':\n{answers}");
    }
    for (line, word) in NOT_OFFERED {
        assert!(!offers(line, word), "{shell} completes '{line}' to '{word}':\n{answers}");
    }
}

/// What `ask` says in the shell's language, for each line.
fn ask_all(ask: impl Fn(&str) -> String) -> String {
    let asked: Vec<String> = LINES.into_iter().chain(NOT_OFFERED).map(|(line, _)| ask(line)).collect();
    asked.join("\n")
}

/// Bash splits words at `=` too; `COMP_WORDS` is what it would be on the command line.
fn bash_script(setup: &str) -> String {
    let mut script = format!(
        "{setup}
        source '{}'
        _wrapped() {{ COMPREPLY=($(compgen -W 'checkout clone' -- \"$2\")); }}
        complete -F _wrapped wrapped
        ask() {{
            COMP_LINE=$1 COMP_POINT=${{#1}} COMP_TYPE=9 COMP_KEY=9 COMPREPLY=()
            read -ra COMP_WORDS <<< \"${{1//=/ = }}\"
            COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
            _retry retry \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"
            # Where there is no completion, bash falls back to files: complete -o default.
            if [[ ${{#COMPREPLY[@]}} == 0 && $2 == files ]]; then
                COMPREPLY=($(compgen -f -- \"${{COMP_WORDS[-1]}}\"))
            fi
            echo \"$1 -> ${{COMPREPLY[*]}}\"
        }}
        ",
        committed("completions/retry.bash").display()
    );
    script += &ask_all(|line| {
        let fallback = if line.contains(" cat ") { "files" } else { "none" };
        format!("ask '{line}' {fallback}")
    });
    script
}

#[test]
fn bash_completes() {
    if !needs("bash", "the completion for bash") {
        return;
    }
    let (scratch, path) = scratch();
    let mut bash = shell("bash", &scratch, &path);
    bash.args(["--norc", "--noprofile"]);
    check("bash", &answers(bash, &bash_script("")));
}

#[test]
fn bash_completes_with_bash_completion() {
    let library = "/usr/share/bash-completion/bash_completion";
    let trial = format!("source {library}");
    let mut trial_run = program("bash");
    if !works(trial_run.args(["-c", &trial]), "bash-completion", "the completion for bash") {
        return;
    }
    let (scratch, path) = scratch();
    let mut bash = shell("bash", &scratch, &path);
    bash.args(["--norc", "--noprofile"]);
    check("bash with bash-completion", &answers(bash, &bash_script(&trial)));
}

#[test]
fn fish_completes() {
    if !needs("fish", "the completion for fish") {
        return;
    }
    let (scratch, path) = scratch();
    let mut script = format!(
        "source '{}'; complete -c wrapped -f -a 'checkout clone'\n",
        committed("completions/retry.fish").display()
    );
    script += &ask_all(|line| {
        let words = "string replace -r '\\t.*' '' | string replace -r '^--[a-z-]+=' ''";
        format!("echo '{line} ->' (complete -C '{line}' | {words})")
    });
    check("fish", &answers(shell("fish", &scratch, &path), &script));
}

/// Zsh completes only in its line editor: one shell drives another on a pseudo-terminal, and a key
/// there prints the line that the completion has made.
#[test]
fn zsh_completes() {
    if !needs("zsh", "the completion for zsh") {
        return;
    }
    let (scratch, path) = scratch();
    let functions = scratch.path().join("functions");
    fs::create_dir(&functions).unwrap();
    fs::copy(committed("completions/_retry"), functions.join("_retry")).unwrap();
    let settings = format!(
        "fpath=('{}' $fpath)
        autoload -U compinit && compinit -u -D
        _wrapped() {{ compadd -- checkout clone }}
        compdef _wrapped wrapped
        unsetopt beep always_last_prompt
        PS1= PS2= LISTMAX=9999
        answer() {{ print -r -- $'\\n'\"ANSWER<$BUFFER>\"; BUFFER= }}
        zle -N answer
        bindkey '^X' answer
        ",
        functions.display()
    );
    fs::write(scratch.path().join("settings"), settings).unwrap();
    let mut script = String::from(
        "zmodload zsh/zpty || exit 1
        zpty shell 'zsh -f -i'
        zpty -w shell 'source ./settings; print READY-$((1 + 1))'
        zpty -r -m shell seen '*READY-2*' || exit 1
        ask() {
            zpty -w -n shell \"$1\"$'\\t\\x18'
            zpty -r -m shell seen '*ANSWER<*>*' || exit 1
            seen=${seen##*ANSWER<}
            print -r -- \"$1 -> ${seen%%>*}\"
        }
        ",
    );
    script += &ask_all(|line| format!("ask '{line}'"));
    script += "\nzpty -d shell";
    let mut zsh = shell("zsh", &scratch, &path);
    zsh.arg("-f");
    // The line is complete at its last word, behind which zsh puts what may follow.
    let last_word = |answer: &str| {
        let (line, answer) = answer.split_once(" -> ").unwrap_or_default();
        let word = answer.trim_end_matches([' ', '=', ',']).rsplit([' ', '=']).next().unwrap_or_default();
        format!("{line} -> {word}\n")
    };
    check("zsh", &answers(zsh, &script).lines().map(last_word).collect::<String>());
}
