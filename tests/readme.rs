//! What a stranger reads first is true: the README's sessions run, its recipes parse, its example is
//! the one in `examples/`.

mod common;

use common::command::{RETRY, needs, retry, works};
use std::io::Write;
use std::process::{Command, Stdio};

const README: &str = include_str!("../README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");

/// The text of each block of these languages.
fn blocks(document: &str, languages: &[&str]) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut current: Option<(bool, String)> = None;
    for line in document.lines() {
        match (line.trim_start().strip_prefix("```"), current.as_mut()) {
            (Some(language), None) => current = Some((languages.contains(&language), String::new())),
            (Some(_), Some(_)) => blocks.extend(current.take().filter(|(wanted, _)| *wanted).map(|c| c.1)),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    blocks
}

/// The README shows real times, which differ from run to run: in the lines of `retry` itself, each
/// becomes a wildcard. Lines stay where they are, so that a failure names the right one.
fn with_wildcards(document: &str) -> String {
    let is_time = |word: &str| word.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    let wildcard = |word: &str| {
        let bare = word.trim_end_matches(['.', ':', ',']);
        if is_time(bare) { format!("[..]s{}", &word[bare.len()..]) } else { word.to_owned() }
    };
    let line = |line: &str| {
        // Its messages, and the table of --show-state.
        let ours = line.starts_with("retry: ") || line.contains("  breaker  ");
        line.split(' ')
            .map(|word| if ours { wildcard(word) } else { word.to_owned() })
            .collect::<Vec<_>>()
            .join(" ")
    };
    document.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_sessions_run_as_shown() {
    let directory = tempfile::tempdir().unwrap();
    let readme = directory.path().join("README.md");
    std::fs::write(&readme, with_wildcards(README)).unwrap();
    assert!(blocks(README, &["console"]).len() >= 4, "the sessions are there");
    let cases = trycmd::TestCases::new();
    cases.register_bin("retry", std::path::Path::new(RETRY));
    // The tests may themselves run under `retry`, or with settings of its user.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RETRY_")) {
        // An empty variable is an unset one.
        cases.env(name.to_string_lossy(), "");
    }
    // trycmd gives each one a pipe that it closes a moment later, which may or may not look used up.
    cases.env("RETRY_STDIN", "null");
    // The sessions are those of a person.
    cases.env("GITHUB_ACTIONS", "");
    cases.case(&readme);
    cases.run();
}

#[test]
fn every_retry_of_a_recipe_is_called_rightly() {
    let mut checked = 0;
    for block in blocks(README, &["sh", "yaml", "dockerfile", "crontab"]) {
        let block = block.replace("\\\n", " ");
        for line in block.lines().filter(|line| !line.trim_start().starts_with('#')) {
            // `["retry", "--quiet", "--", ...]` reads like `retry --quiet -- ...` then.
            let line = line.replace("\", \"", " ").replace(['"', '[', ']'], " ").replace(r"\%", "%");
            let words = words(&line);
            let called = |word: &&str| *word == "retry" || word.ends_with("/retry") || *word == "--release";
            let is_end = |word: &&str| *word == "--";
            // One in another one is a command line of its own.
            let outer = words.windows(2).position(|pair| pair == ["--", "retry"]);
            let parts = outer.map_or(vec![&words[..]], |at| vec![&words[..=at], &words[at + 1..]]);
            for words in parts {
                let (Some(start), Some(end)) =
                    (words.iter().position(called), words.iter().rposition(is_end))
                else {
                    continue;
                };
                // `cargo run --release -- [OPTIONS] -- COMMAND`
                let start = if words[start] == "--release" { start + 1 } else { start };
                let options = &words[start + 1..end];
                let done = retry().args(options).args(["--dry-run", "--", "true"]).output().unwrap();
                assert!(done.status.success(), "{options:?}: {}", String::from_utf8_lossy(&done.stderr));
                checked += 1;
            }
        }
    }
    assert!(checked >= 10, "only {checked} of them found");
}

/// The words of a line, with those in single quotes as one.
fn words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let ends = move |letter: char| {
        quoted ^= letter == '\'';
        letter.is_whitespace() && !quoted
    };
    line.split(ends).filter(|word| !word.is_empty()).map(|word| word.trim_matches('\'')).collect()
}

#[test]
fn everything_that_is_generated_can_be_generated() {
    for what in ["man", "bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(README.contains(what), "{what}");
        let done = retry().args(["--generate", what]).output().unwrap();
        assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn shell_blocks_are_shell() {
    if !needs("bash", "the syntax of the shell recipes") {
        return;
    }
    let ours = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/run")).unwrap();
    let scripts = [blocks(README, &["sh"]), blocks(CONTRIBUTING, &["sh"]), vec![ours]].concat();
    for script in scripts {
        let done = feed(Command::new("bash").arg("-n"), &script);
        assert!(done.status.success(), "{}\n{script}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn a_shell_function_is_retried_as_the_recipe_says() {
    if !needs("bash", "the recipe for a shell function") {
        return;
    }
    let script = r#"deploy() { echo "deploy $RETRY_ATTEMPT"; [ "$RETRY_ATTEMPT" = 2 ]; }
        export -f deploy
        "$RETRY" --quiet --base 0 -- bash -c deploy"#;
    let mut bash = Command::new("bash");
    let done = feed(bash.arg("-s").env("RETRY", RETRY), script);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "deploy 1\ndeploy 2\n");
    assert!(done.status.success());
}

#[test]
fn yaml_blocks_are_yaml() {
    // The first Python of the PATH may be one without the system's packages.
    let pythons = ["python3", "/usr/bin/python3"];
    let yaml = |python: &str| {
        let mut trial = Command::new(python);
        trial.args(["-c", "import yaml"]).stderr(Stdio::null());
        trial
    };
    let found = pythons.iter().find(|python| yaml(python).status().is_ok_and(|status| status.success()));
    let python = found.copied().unwrap_or(pythons[1]);
    if !works(&mut yaml(python), "python3 with PyYAML", "the syntax of the YAML recipes") {
        return;
    }
    let workflow = concat!(env!("CARGO_MANIFEST_DIR"), "/.github/workflows/ci.yml");
    let mut documents = blocks(README, &["yaml"]);
    documents.push(std::fs::read_to_string(workflow).unwrap());
    assert!(documents.len() >= 3);
    for document in documents {
        let check = "import sys, yaml; assert isinstance(yaml.safe_load(sys.stdin), dict)";
        let done = feed(Command::new(python).args(["-c", check]), &document);
        assert!(done.status.success(), "{}\n{document}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn cron_lines_have_five_fields_and_no_bare_percent() {
    let tables = blocks(README, &["crontab"]);
    assert!(!tables.is_empty());
    for line in tables.iter().flat_map(|table| table.lines()) {
        let fields = line.split_whitespace().take(5);
        assert!(
            fields.clone().count() == 5 && fields.flat_map(str::chars).all(|c| "0123456789*/,-".contains(c))
        );
        assert!(!line.replace(r"\%", "").contains('%'), "{line}");
    }
}

#[test]
fn the_library_example_is_the_one_in_examples_and_runs() {
    let example = include_str!("../examples/function.rs");
    let shown = blocks(README, &["rust"]);
    assert!(shown.len() == 1 && example.ends_with(&shown[0]), "README and examples/function.rs differ");

    // `cargo test` has built it.
    let mut cargo = Command::new(env!("CARGO"));
    let arguments = ["run", "--quiet", "--offline", "--example", "function"];
    let done = cargo.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "attempt 1\nattempt 2\nattempt 3\nhello\n");
}

fn feed(command: &mut Command, input: &str) -> std::process::Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
