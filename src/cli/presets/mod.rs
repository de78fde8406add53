//! The presets: those that are built in and those of `--preset-file`, found by name or by command. A built-in file is
//! parsed only when its preset is needed.
//!
//! | file | owns |
//! |---|---|
//! | [`file`](mod@file) | the format: a file of a preset, read and checked |
//! | [`command`] | the tool that a command line runs, seen through its wrappers |
//! | [`list`] | what `--list-presets` prints |

pub mod command;
pub mod file;
pub mod list;

use super::shown;
use crate::core::preset::Preset;
use file::{Definition, Patterns, Words};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The built-in files by name.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/presets.rs"));
/// The words that the patterns of the built-in presets share.
const WORDS: &str = include_str!("../../../presets/words.toml");

/// The names of the presets that are built in, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// All presets of an invocation: those of `--preset-file`, then those that are built in.
#[derive(Debug, Default)]
pub struct Catalog {
    from_files: Vec<FilePreset>,
}

/// A preset of `--preset-file`.
#[derive(Debug)]
struct FilePreset {
    path: PathBuf,
    definition: Definition,
}

/// One preset of the catalog.
#[derive(Debug)]
pub struct Entry {
    /// The content of its file.
    pub definition: Definition,
    /// The path of its file; `None` if it is built in.
    pub path: Option<PathBuf>,
}

impl Catalog {
    /// Reads the files of `--preset-file`. A later file replaces a preset of an earlier one or a built-in one. `given`
    /// writes a path as it was given: `--preset-file tools.toml` or `RETRY_PRESET_FILE=tools.toml`.
    ///
    /// # Errors
    /// The file, the place in it, and what is wrong, as a fragment of a message.
    pub fn read(paths: &[PathBuf], given: impl Fn(&str) -> String) -> Result<Self, String> {
        if paths.is_empty() {
            return Ok(Self::default());
        }
        let words = words();
        let read = paths.iter().map(|path| {
            let shown = given(&shown::visible("--preset-file", &path.to_string_lossy()));
            self::read(path, &words, &shown)
        });
        let mut from_files = read.collect::<Result<Vec<_>, _>>()?;
        from_files.reverse();
        Ok(Self { from_files })
    }

    /// The preset of this name.
    pub fn find(&self, name: &str) -> Option<Entry> {
        if let Some(FilePreset { path, definition }) =
            self.from_files.iter().find(|preset| preset.definition.name == name)
        {
            return Some(Entry { definition: definition.clone(), path: Some(path.clone()) });
        }
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Entry { definition: built_in(text, &words()), path: None })
    }

    /// Every name, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let from_files = self.from_files.iter().map(|preset| preset.definition.name.clone());
        let mut names: Vec<String> = from_files.chain(names().map(str::to_owned)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The name of the preset for the tool that the command runs, if there is one, and the name of the tool.
    pub fn for_command(&self, command: &[OsString]) -> (Option<String>, String) {
        let tool = command::tool(command).name;
        let is_for_tool = |commands: &[String]| commands.contains(&tool);
        let from_file = self.from_files.iter().find(|preset| is_for_tool(&preset.definition.commands));
        let name = from_file.map(|preset| preset.definition.name.clone()).or_else(|| {
            let is_replaced = |name| self.from_files.iter().any(|preset| preset.definition.name == name);
            let mut built_in = BUILT_IN.iter().filter(|(name, _)| !is_replaced(*name));
            let found =
                built_in.find(|(_, text)| file::head(text).is_some_and(|head| is_for_tool(&head.commands)));
            found.map(|(name, _)| (*name).to_owned())
        });
        (name, tool)
    }

    /// The rules of the preset of this name, with the advice for this command.
    pub fn preset(&self, name: &str, command: &[OsString]) -> Option<Arc<Preset>> {
        self.find(name).map(|entry| Arc::new(entry.definition.preset(command)))
    }
}

fn words() -> Words {
    Words::parse(WORDS).expect("a test reads words.toml")
}

fn built_in(text: &str, words: &Words) -> Definition {
    Definition::parse(text, words, Patterns::Trusted).expect("a test reads every file that is built in")
}

/// The largest preset file, in bytes: /dev/zero has no end.
const MAX_SIZE: u64 = 4 << 20;

/// Reads one file. `shown` is the option with the path, as it was given.
fn read(path: &Path, words: &Words, shown: &str) -> Result<FilePreset, String> {
    let unreadable = |error| format!("cannot read {shown}: {}", crate::core::os_error::describe(&error));
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(format!("{shown}: larger than {} MiB", MAX_SIZE >> 20));
    }
    let definition = Definition::parse(&text, words, Patterns::Checked).map_err(|mistake| {
        let place = mistake
            .place(&text)
            .map_or_else(String::new, |(line, column)| format!(", line {line}, column {column}"));
        format!("{shown}{place}: {}", shown::escaped(&mistake.why))
    })?;
    Ok(FilePreset { path: path.to_owned(), definition })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::exit_code::ExitCode;
    use crate::core::outcome::Outcome;
    use crate::core::output::{Seen, Watcher, Watchlist};
    use crate::core::preset::PresetThen;
    use crate::core::stream::{Side, Stream};

    /// Whether the preset takes an exit with this code and output for transient.
    fn is_transient(preset: &Arc<Preset>, exit: ExitCode, side: Side, output: &str) -> bool {
        let list = Watchlist::new([], preset.sides());
        let mut seen = Seen::default();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut watcher = Watcher::new(&list, stream);
            if side.includes(stream) {
                watcher.feed(output.as_bytes());
            }
            seen.add(watcher.finish());
        }
        preset.matches(&Outcome::Exited(exit), &seen)
    }

    #[test]
    fn every_example_of_every_file_has_its_verdict() {
        let catalog = Catalog::default();
        for name in names() {
            let Entry { definition, .. } = catalog.find(name).unwrap();
            assert_eq!(definition.name, name);
            assert!(!definition.about.is_empty() && !definition.sources.is_empty(), "{name}");
            let preset = Arc::new(definition.preset(&[]));
            for example in &definition.examples {
                let expected = example.verdict == PresetThen::Retry;
                let found = is_transient(&preset, example.exit, example.stream, &example.output);
                assert_eq!(found, expected, "{name}: {}", example.output);
                assert!(!example.source.is_empty(), "{name}");
            }
            for verdict in [PresetThen::Retry, PresetThen::Stop] {
                let has = definition.examples.iter().any(|example| example.verdict == verdict);
                assert!(has, "{name} has no example of {verdict:?}");
            }
        }
    }

    #[test]
    fn no_pattern_matches_an_empty_line_and_each_preset_is_for_some_command() {
        let catalog = Catalog::default();
        let mut commands = Vec::new();
        for name in names() {
            let Entry { definition, .. } = catalog.find(name).unwrap();
            let preset = Arc::new(definition.preset(&[]));
            let list = Watchlist::new([], preset.sides());
            let mut seen = Seen::default();
            for stream in [Stream::Stdout, Stream::Stderr] {
                let mut watcher = Watcher::new(&list, stream);
                watcher.feed(b"\n");
                seen.add(watcher.finish());
            }
            assert!(!preset.matches_a_line(&seen), "{name}");
            assert!(!definition.commands.is_empty() || name == "tempfail", "{name}");
            commands.extend(definition.commands);
        }
        let all = commands.len();
        commands.sort();
        commands.dedup();
        assert_eq!(commands.len(), all, "a command belongs to one preset");
    }

    #[test]
    fn a_command_has_the_preset_of_its_tool() {
        let catalog = Catalog::default();
        for (line, name) in [
            ("git fetch", Some("git")),
            ("/usr/bin/apt-get update", Some("apt")),
            ("podman pull x", Some("docker")),
            ("./gradlew build", Some("gradle")),
            ("tofu init", Some("terraform")),
            ("sudo -E apt-get update", Some("apt")),
            ("python3 -m pip install x", Some("pip")),
            ("pip3.11 install x", Some("pip")),
            ("make", None),
        ] {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(catalog.for_command(&command).0.as_deref(), name, "{line}");
        }
    }
}
