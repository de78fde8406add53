//! What a stranger reads first is true: the README's sessions run, its recipes parse, its example is
//! the one in `examples/`.

mod common;

use common::command::{RETRY, Scratch, needs, program, retry, text, works};
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
    let time = regex::Regex::new(r"\b(\d+[dhm] )*\d+(\.\d+)?s\b").unwrap();
    let line = |line: &str| {
        // Its messages, and the table of --show-state.
        let ours = line.starts_with("retry: ") || line.contains("  breaker  ");
        if ours { time.replace_all(line, "[..]s").into_owned() } else { line.to_owned() }
    };
    document.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The file with the sessions, for [`the_sessions`].
const SESSIONS: &str = "SESSIONS";

#[test]
fn the_sessions_run_as_shown() {
    assert!(blocks(README, &["console"]).len() >= 4, "the sessions are there");
    let scratch = Scratch::new();
    let readme = scratch.path("README.md");
    std::fs::write(&readme, with_wildcards(README)).unwrap();
    // trycmd starts what is in them itself, from wherever it is: a process of its own is a clean one.
    let mut again = program(std::env::current_exe().unwrap());
    scratch.settle(again.args(["--exact", "the_sessions", "--nocapture"]).env(SESSIONS, &readme));
    let done = again.output().unwrap();
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    assert!(text(&done.stdout).contains("1 passed"), "{}", text(&done.stdout));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a test is told by its parent")]
fn the_sessions() {
    let Some(readme) = std::env::var_os(SESSIONS) else { return };
    let cases = trycmd::TestCases::new();
    cases.register_bin("retry", std::path::Path::new(RETRY));
    // trycmd gives each one a pipe that it closes a moment later, which may or may not look used up.
    cases.env("RETRY_STDIN", "null");
    cases.case(readme);
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
        let done = feed(program("bash").arg("-n"), &script);
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
    let mut bash = program("bash");
    let done = feed(bash.arg("-s").env("RETRY", RETRY), script);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "deploy 1\ndeploy 2\n");
    assert!(done.status.success());
}

#[test]
fn yaml_blocks_are_yaml() {
    // The first Python of the PATH may be one without the system's packages.
    let pythons = ["python3", "/usr/bin/python3"];
    let yaml = |python: &str| {
        let mut trial = program(python);
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
        let done = feed(program(python).args(["-c", check]), &document);
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
    let example = include_str!("../crates/retry-loop/examples/function.rs");
    let shown = blocks(README, &["rust"]);
    assert!(shown.len() == 1 && example.ends_with(&shown[0]), "README and the example differ");

    // Its settings, and those of the build, are the ones of whoever runs the tests.
    let cargo = || {
        let mut cargo = program(env!("CARGO"));
        cargo.envs(std::env::vars_os());
        cargo
    };
    if !works(cargo().arg("--version"), "the cargo that built the tests", "that the example runs") {
        return;
    }
    // `cargo test` has built it.
    let mut cargo = cargo();
    let arguments = ["run", "--quiet", "--offline", "-p", "retry-loop", "--example", "function"];
    let done = cargo.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let shown = String::from_utf8_lossy(&done.stdout);
    assert!(shown.contains("attempt 1 failed after 0ms: connection refused. Retrying in "), "{shown}");
    assert!(shown.ends_with("\nthe body of /status\n"), "{shown}");
}

fn feed(command: &mut Command, input: &str) -> std::process::Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
