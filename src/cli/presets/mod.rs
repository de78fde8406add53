//! The presets: which there are, where they come from, and which one a set or a command means. Nothing is parsed
//! before somebody asks.
//!
//! | file | owns |
//! |---|---|
//! | [`file`](mod@file) | the format: a file of a preset, read and checked |
//! | [`command`] | the tool that a command line runs, seen through its wrappers |
//! | [`list`] | what `--list-presets` prints |

pub mod command;
pub mod file;
pub mod list;

use super::usage_error;
use crate::core::preset::Preset;
use file::{Definition, Patterns, Words};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files that are built in, by name.
const BUILT_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/presets.rs"));
/// What their patterns have in common.
const WORDS: &str = include_str!("../../../presets/words.toml");

/// The names of the presets that are built in, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// All presets of an invocation: those of `--preset-file`, and behind them those that are built in.
#[derive(Debug, Default)]
pub struct Shelf {
    own: Vec<Own>,
}

/// A preset of the user's, and its file.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    definition: Definition,
}

/// One preset on the shelf.
#[derive(Debug)]
pub struct Found {
    /// Its file, as it was read.
    pub definition: Definition,
    /// Where the file is, unless it is built in.
    pub path: Option<PathBuf>,
}

impl Shelf {
    /// Reads the user's files. A later file wins over an earlier one, and over what is built in. `given` writes a
    /// file as it was given: `--preset-file tools.toml` or `RETRY_PRESET_FILE=tools.toml`.
    ///
    /// # Errors
    /// The line for a usage error: the file, the place in it, what is wrong.
    pub fn read(paths: &[PathBuf], given: impl Fn(&str) -> String) -> Result<Self, String> {
        if paths.is_empty() {
            return Ok(Self::default());
        }
        let words = words();
        let own = paths.iter().map(|path| {
            let shown = given(&usage_error::escaped(&path.to_string_lossy()));
            read(path, &words).map_err(|why| format!("retry: {shown}{why}. Good: {}", given("tools.toml")))
        });
        let mut own: Vec<Own> = own.collect::<Result<_, _>>()?;
        own.reverse();
        Ok(Self { own })
    }

    /// The preset of this name.
    pub fn find(&self, name: &str) -> Option<Found> {
        if let Some(own) = self.own.iter().find(|own| own.definition.name == name) {
            return Some(Found { definition: own.definition.clone(), path: Some(own.path.clone()) });
        }
        let (_, text) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Found { definition: built_in(text, &words()), path: None })
    }

    /// Every name, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let own = self.own.iter().map(|own| own.definition.name.clone());
        let mut names: Vec<String> = own.chain(names().map(str::to_owned)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The name of the preset for what the command runs, if there is one, and what it runs in any case.
    pub fn for_command(&self, command: &[OsString]) -> (Option<String>, String) {
        let tool = command::tool(command).name;
        let knows = |commands: &[String]| commands.contains(&tool);
        let own = self.own.iter().find(|own| knows(&own.definition.commands));
        let name = own.map(|own| own.definition.name.clone()).or_else(|| {
            let heads = BUILT_IN.iter().map(|(name, text)| (name, file::head(text)));
            let mut heads =
                heads.filter(|(name, _)| !self.own.iter().any(|own| own.definition.name == **name));
            heads
                .find(|(_, head)| head.as_ref().is_some_and(|head| knows(&head.commands)))
                .map(|(name, _)| (*name).to_owned())
        });
        (name, tool)
    }

    /// The preset of this name for this command, ready to be used.
    pub fn preset(&self, name: &str, command: &[OsString]) -> Option<Arc<Preset>> {
        self.find(name).map(|found| Arc::new(found.definition.preset(command)))
    }
}

fn words() -> Words {
    Words::parse(WORDS).expect("a test reads words.toml")
}

fn built_in(text: &str, words: &Words) -> Definition {
    Definition::parse(text, words, Patterns::Known).expect("a test reads every file that is built in")
}

/// More than this is no file of presets: /dev/zero has no end.
const LARGEST: u64 = 4 << 20;

fn read(path: &Path, words: &Words) -> Result<Own, String> {
    let unreadable = |error| format!(": it cannot be read: {}", crate::core::os_error::describe(&error));
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(format!(": it is larger than {} MiB", LARGEST >> 20));
    }
    let definition = Definition::parse(&text, words, Patterns::Tried).map_err(|mistake| {
        let place = mistake
            .place(&text)
            .map_or_else(String::new, |(line, column)| format!(", line {line}, column {column}"));
        format!("{place}: {}", usage_error::escaped(&mistake.why))
    })?;
    Ok(Own { path: path.to_owned(), definition })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outcome::Outcome;
    use crate::core::output::{Seen, Side, Stream, Watcher, Watchlist};
    use file::Verdict;

    /// The verdict of a preset on an exit with such output.
    fn passes(preset: &Arc<Preset>, exit: u8, side: Side, output: &str) -> bool {
        let list = Watchlist::new(Vec::new(), [Arc::clone(preset)]);
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
        let shelf = Shelf::default();
        for name in names() {
            let Found { definition, .. } = shelf.find(name).unwrap();
            assert_eq!(definition.name, name);
            assert!(!definition.about.is_empty() && !definition.sources.is_empty(), "{name}");
            let preset = Arc::new(definition.preset(&[]));
            for example in &definition.examples {
                let expected = example.verdict == Verdict::Retry;
                let found = passes(&preset, example.exit, example.side(), &example.output);
                assert_eq!(found, expected, "{name}: {}", example.output);
                assert!(!example.source.is_empty(), "{name}");
            }
            for verdict in [Verdict::Retry, Verdict::Stop] {
                let has = definition.examples.iter().any(|example| example.verdict == verdict);
                assert!(has, "{name} has no example of {verdict:?}");
            }
        }
    }

    #[test]
    fn no_pattern_matches_an_empty_line_and_each_preset_is_for_some_command() {
        let shelf = Shelf::default();
        let mut commands = Vec::new();
        for name in names() {
            let Found { definition, .. } = shelf.find(name).unwrap();
            let preset = Arc::new(definition.preset(&[]));
            let list = Watchlist::new(Vec::new(), [Arc::clone(&preset)]);
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
        let shelf = Shelf::default();
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
            assert_eq!(shelf.for_command(&command).0.as_deref(), name, "{line}");
        }
    }
}
