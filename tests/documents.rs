//! What the documents say is true: their sessions run, their recipes parse, their links lead somewhere.

mod common;

use common::command::{RETRY, Scratch, needs, program, retry, text, works};
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Document {
    /// From the root of the repository: `docs/guide.md`.
    name: String,
    text: String,
}

/// A block of code, and the line before it.
struct Block {
    language: String,
    text: String,
    /// The reason of `<!-- not run: REASON -->`.
    not_run: Option<String>,
}

/// Every Markdown file of the repository.
fn documents() -> Vec<Document> {
    let mut documents = Vec::new();
    let mut folders = vec![PathBuf::from(ROOT)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned();
            // What is not ours: .git, and what is built.
            if path.is_dir() && !path.is_symlink() && ![".git", "target", "fuzz/target"].contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(Document { name, text: std::fs::read_to_string(path).unwrap() });
            }
        }
    }
    documents.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(documents.len() > 12, "only {} documents found", documents.len());
    documents
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

/// The blocks of a document. What a list indents stays indented.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut current: Option<Block> = None;
    let mut before = "";
    for line in document.lines() {
        match (line.trim_start().strip_prefix("```"), current.as_mut()) {
            (Some(language), None) => {
                let reason = before.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let not_run = reason.map(str::to_owned);
                current = Some(Block { language: language.to_owned(), text: String::new(), not_run });
            }
            (Some(_), Some(_)) => blocks.extend(current.take()),
            (None, Some(block)) => block.text.extend([line, "\n"]),
            (None, None) => {}
        }
        before = line;
    }
    assert!(current.is_none(), "a block has no end");
    blocks
}

/// The blocks of all documents that are in this language.
fn all_blocks(language: &str) -> Vec<(String, Block)> {
    let mut found = Vec::new();
    for document in documents() {
        let named = blocks(&document.text).into_iter().filter(|block| block.language == language);
        found.extend(named.map(|block| (document.name.clone(), block)));
    }
    found
}

/// A line as the sessions are compared: times differ from run to run, so in the lines of `retry` itself each becomes
/// a wildcard.
fn with_wildcards(line: &str) -> String {
    let time = regex::Regex::new(r"\b(\d+[dhm])*\d+(\.\d+)?s\b").unwrap();
    // Its messages, and the table of --show-state.
    let ours = line.starts_with("retry: ") || line.contains("  breaker  ");
    if ours { time.replace_all(line, "[..]s").into_owned() } else { line.to_owned() }
}

/// What trycmd gets, without the sessions that cannot be run.
fn for_trycmd(document: &str) -> String {
    let mut lines = Vec::new();
    let (mut before, mut left_out) = ("", false);
    for line in document.lines() {
        if line.starts_with("```console") && before.starts_with("<!-- not run: ") {
            left_out = true;
        }
        lines.push(if left_out { String::new() } else { with_wildcards(line) });
        left_out &= line != "```";
        before = line;
    }
    in_sessions(&lines.join("\n"), as_trycmd)
}

/// A document with the sessions as they are now. `run` is what trycmd has made of [`for_trycmd`]; lines that are the
/// same but for their times stay as they were.
fn with_new_sessions(document: &str, run: &str) -> String {
    let mut known: HashMap<String, VecDeque<&str>> = HashMap::new();
    for line in document.lines() {
        known.entry(with_wildcards(line)).or_default().push_back(line);
    }
    let run = in_sessions(run, as_shown);
    let line = |line: &str| {
        let old = known.get_mut(&with_wildcards(line)).and_then(VecDeque::pop_front);
        old.unwrap_or(line).to_owned() + "\n"
    };
    run.lines().map(line).collect()
}

/// One command of a session.
struct Step<'a> {
    command: &'a str,
    output: Vec<&'a str>,
}

/// The document with its sessions rewritten.
fn in_sessions(document: &str, rewrite: fn(&[Step<'_>]) -> Vec<String>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut session: Option<Vec<Step<'_>>> = None;
    for line in document.lines() {
        match session.as_mut() {
            Some(steps) if line == "```" => {
                lines.extend(rewrite(steps));
                session = None;
            }
            Some(steps) => {
                match (line.strip_prefix("$ "), steps.last_mut()) {
                    (Some(_), _) => steps.push(Step { command: line, output: Vec::new() }),
                    (None, Some(step)) => step.output.push(line),
                    (None, None) => panic!("a session begins with a command: {line}"),
                }
                continue;
            }
            None if line == "```console" => session = Some(Vec::new()),
            None => {}
        }
        lines.push(line.to_owned());
    }
    lines.join("\n") + "\n"
}

const ASK_STATUS: &str = "$ echo $?";

/// As trycmd writes a session: `? 22` below the command, and an empty line below the output.
fn as_trycmd(steps: &[Step<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, Step { command, output }) in steps.iter().enumerate() {
        if *command == ASK_STATUS {
            continue;
        }
        lines.push((*command).to_owned());
        if let Some(asked) = steps.get(number + 1).filter(|next| next.command == ASK_STATUS) {
            lines.push(format!("? {}", asked.output[0]));
        }
        lines.extend(shown(output));
        if !shown(output).is_empty() {
            lines.push(String::new());
        }
    }
    lines
}

/// As a reader would have typed it: `$ echo $?` below the output.
fn as_shown(steps: &[Step<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for Step { command, output } in steps {
        let (status, output) = match output.split_first() {
            Some((first, rest)) if first.starts_with("? ") => (first.strip_prefix("? "), rest),
            _ => (None, &output[..]),
        };
        // Commands that print something stand apart.
        if lines.last().is_some_and(|last: &String| !last.starts_with("$ ")) {
            lines.push(String::new());
        }
        lines.push((*command).to_owned());
        lines.extend(shown(output));
        lines.extend(status.into_iter().flat_map(|status| [ASK_STATUS.to_owned(), status.to_owned()]));
    }
    lines
}

/// Lines of output without empty ones at the end.
fn shown(output: &[&str]) -> Vec<String> {
    let end = output.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    output[..end].iter().map(|&line| line.to_owned()).collect()
}

#[test]
fn what_is_rewritten_for_trycmd_is_restored() {
    for Document { name, text } in documents() {
        assert_eq!(with_new_sessions(&text, &for_trycmd(&text)), text, "{name}");
    }
    let session = "```console\n$ a\n$ b\nx\n\ny\n\n$ c\n$ echo $?\n7\n```\n";
    let written = "```console\n$ a\n$ b\nx\n\ny\n\n$ c\n? 7\n```\n";
    assert_eq!((for_trycmd(session).as_str(), in_sessions(written, as_shown).as_str()), (written, session));
}

/// The directory with the sessions, for [`the_sessions`].
const SESSIONS: &str = "SESSIONS";

/// `DOCUMENTS=write cargo test --test documents sessions` writes what differs into the documents.
#[test]
#[expect(clippy::disallowed_methods, reason = "what a test is told by who runs it")]
fn the_sessions_run_as_shown() {
    let scratch = Scratch::new();
    let folder = scratch.path("sessions");
    std::fs::create_dir(&folder).unwrap();
    // trycmd gives each one a pipe that it closes a moment later, which may or may not look used up.
    scratch.executable("sessions/retry", &format!("#!/bin/sh\nexec '{RETRY}' \"$@\" </dev/null\n"));
    let documents: Vec<Document> =
        documents().into_iter().filter(|document| document.text.contains("```console\n")).collect();
    let copy = |document: &Document| folder.join(document.name.replace('/', "-"));
    for document in &documents {
        std::fs::write(copy(document), for_trycmd(&document.text)).unwrap();
    }
    assert!(documents.len() >= 3, "the sessions are there");
    // trycmd starts what is in them itself, from wherever it is: a process of its own is a clean one.
    let mut again = program(std::env::current_exe().unwrap());
    scratch.settle(again.args(["--exact", "the_sessions", "--nocapture"]).env(SESSIONS, &folder));
    let write = std::env::var("DOCUMENTS").is_ok_and(|what| what == "write");
    if write {
        again.env("TRYCMD", "overwrite");
    }
    let done = again.output().unwrap();
    if write {
        for document in &documents {
            let new = with_new_sessions(&document.text, &std::fs::read_to_string(copy(document)).unwrap());
            std::fs::write(Path::new(ROOT).join(&document.name), new).unwrap();
        }
    }
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    assert!(text(&done.stdout).contains("1 passed"), "{}", text(&done.stdout));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a test is told by its parent")]
fn the_sessions() {
    let Some(folder) = std::env::var_os(SESSIONS) else { return };
    let cases = trycmd::TestCases::new();
    cases.register_bin("retry", Path::new(&folder).join("retry"));
    cases.case(Path::new(&folder).join("*.md"));
    cases.run();
}

#[test]
fn what_is_not_run_says_why() {
    for document in documents() {
        for Block { language, text, not_run } in blocks(&document.text) {
            let name = &document.name;
            let is_session = text.lines().any(|line| line.starts_with("$ "));
            assert!(!is_session || language == "console", "{name}: a session is `console`:\n{text}");
            assert!(language != "text" || not_run.is_some(), "{name}: say why this is not run:\n{text}");
            assert!(!language.is_empty(), "{name}: a block without a language:\n{text}");
        }
    }
}

#[test]
fn the_readme_has_at_most_200_lines() {
    let lines = document("README.md").lines().count();
    assert!(lines <= 200, "{lines} lines: what most readers can do without belongs in docs/");
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// The anchors of a document's headings.
fn anchors(document: &str) -> HashSet<String> {
    let mut is_text = true;
    let outside_of_blocks = document.lines().filter(|line| {
        is_text ^= line.trim_start().starts_with("```");
        is_text
    });
    let headings = outside_of_blocks.filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

#[test]
fn links_lead_somewhere() {
    let links = regex::Regex::new(r#"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)|src(?:set)?="([^"]+)""#).unwrap();
    let code = regex::Regex::new("`[^`]*`").unwrap();
    let mut checked = 0;
    for document in documents() {
        let mut is_text = true;
        for line in document.text.lines() {
            is_text ^= line.trim_start().starts_with("```");
            let line = if is_text { code.replace_all(line, "") } else { continue };
            for found in links.captures_iter(&line) {
                let target = found.iter().skip(1).flatten().next().unwrap().as_str();
                let name = &document.name;
                checked += 1;
                if target.contains("://") {
                    assert!(target.starts_with("https://"), "{name}: {target}");
                    continue;
                }
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let path = match file {
                    "" => Path::new(ROOT).join(name),
                    file => Path::new(ROOT).join(name).parent().unwrap().join(file),
                };
                assert!(path.exists(), "{name}: {target} leads nowhere");
                if !heading.is_empty() {
                    let anchors = anchors(&std::fs::read_to_string(&path).unwrap());
                    assert!(anchors.contains(heading), "{name}: {target} is none of {anchors:?}");
                }
            }
        }
    }
    assert!(checked > 60, "only {checked} of them found");
}

#[test]
fn every_document_of_ours_is_linked_from_the_readme() {
    let readme = document("README.md");
    for Document { name, .. } in documents().iter().filter(|document| document.name.starts_with("docs/")) {
        assert!(readme.contains(&format!("]({name}")), "{name}");
    }
}

#[test]
fn every_retry_of_a_recipe_is_called_rightly() {
    let mut checked = HashMap::new();
    for language in ["sh", "yaml", "dockerfile", "crontab", "groovy", "bat", "powershell"] {
        for (document, block) in all_blocks(language) {
            let block = block.text.replace("\\\n", " ");
            for line in block.lines().filter(|line| !line.trim_start().starts_with('#')) {
                // `["retry", "--quiet", "--", ...]` reads like `retry --quiet -- ...` then.
                let line = line.replace("\", \"", " ").replace(['"', '[', ']'], " ").replace(r"\%", "%");
                // There the quotes are around the whole command line.
                let line = if language == "groovy" { line.replace('\'', " ") } else { line };
                for options in options_of_retry(&words(&line)) {
                    let done = retry().args(&options).args(["--dry-run", "--", "true"]).output().unwrap();
                    let said = String::from_utf8_lossy(&done.stderr);
                    assert!(done.status.success(), "{document}: {options:?}: {said}");
                    *checked.entry(document.clone()).or_insert(0) += 1;
                }
            }
        }
    }
    for (document, least) in [("README.md", 3), ("docs/recipes.md", 15), ("docs/ci.md", 9)] {
        assert!(checked[document] >= least, "{document}: only {} of them found", checked[document]);
    }
}

/// The options of each `retry` in a command line.
fn options_of_retry<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    let called = |word: &&str| *word == "retry" || word.ends_with("/retry") || *word == "--release";
    let is_end = |word: &&str| *word == "--";
    // One in another one is a command line of its own.
    let outer = words.windows(2).position(|pair| pair == ["--", "retry"]);
    let parts = outer.map_or(vec![words], |at| vec![&words[..=at], &words[at + 1..]]);
    let options = |words: &[&'a str]| {
        let (start, end) = (words.iter().position(called)?, words.iter().rposition(is_end)?);
        // `cargo run --release -- [OPTIONS] -- COMMAND`
        let start = if words[start] == "--release" { start + 1 } else { start };
        Some(words[start + 1..end].to_vec())
    };
    parts.into_iter().filter_map(options).collect()
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
    let install = document("docs/install.md");
    for what in ["man", "text", "bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(install.contains(what), "{what}");
        let done = retry().args(["--generate", what]).output().unwrap();
        assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn shell_blocks_are_shell() {
    if !needs("bash", "the syntax of the shell recipes") {
        return;
    }
    let mut scripts: Vec<String> = all_blocks("sh").into_iter().map(|(_, block)| block.text).collect();
    scripts.push(document(".ci/run"));
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
    let mut yaml: Vec<String> = all_blocks("yaml").into_iter().map(|(_, block)| block.text).collect();
    yaml.push(document(".github/workflows/ci.yml"));
    assert!(yaml.len() >= 8);
    for document in yaml {
        let check = "import sys, yaml; assert isinstance(yaml.safe_load(sys.stdin), dict)";
        let done = feed(program(python).args(["-c", check]), &document);
        assert!(done.status.success(), "{}\n{document}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn cron_lines_have_five_fields_and_no_bare_percent() {
    let tables = all_blocks("crontab");
    assert!(!tables.is_empty());
    for line in tables.iter().flat_map(|(_, table)| table.text.lines()) {
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
    let readme = document("crates/retry-loop/README.md");
    let is_shown = blocks(&readme).into_iter().any(|block| example.ends_with(&block.text));
    assert!(is_shown, "README and the example differ");

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
    let failed =
        regex::Regex::new(r"attempt 1 failed after \d+ms: connection refused\. Retrying in ").unwrap();
    assert!(failed.is_match(&shown), "{shown}");
    assert!(shown.ends_with("\nthe body of /status\n"), "{shown}");
}

fn feed(command: &mut Command, input: &str) -> std::process::Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
