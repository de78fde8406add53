//! The format of preset files (docs/presets.md), and their mistakes with their places.

use crate::core::exit_code::{self, ExitCode};
use crate::core::pattern::{Alphabet, Pattern};
use crate::core::preset::{Advice, AdviceWhen, Codes, Preset, PresetRule, PresetThen};
use crate::core::stream::Side;
use serde::Deserialize;
use std::borrow::Cow;
use std::ffi::OsString;
use std::ops::Range;
use toml::Spanned;

/// The content of a preset file.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The name, as in `--retry-on NAME`.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// The names of the tool.
    pub commands: Vec<String>,
    /// The sources of the rules.
    pub sources: Vec<String>,
    /// The advice for a tool that printed nothing.
    silent: Option<String>,
    /// The advice for a tool that was told to leave the reason out.
    hidden: Option<Hidden>,
    /// The rules, each with its reason.
    pub rules: Vec<(PresetRule, String)>,
    /// Outputs with their meaning.
    pub examples: Vec<Example>,
}

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    about: String,
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    silent: Option<String>,
    hidden: Option<Hidden>,
    rule: Vec<RawRule>,
    #[serde(default)]
    example: Vec<Example>,
}

/// Words of a command line that make the tool leave the reason out, and the advice about them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hidden {
    by: Vec<String>,
    say: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    then: PresetThen,
    codes: Option<Spanned<String>>,
    #[serde(default)]
    stream: Side,
    pattern: Option<Spanned<String>>,
    why: String,
}

/// An output of the tool, and what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the preset must say about it.
    pub verdict: PresetThen,
    /// The exit code.
    pub exit: ExitCode,
    /// The streams with the output.
    #[serde(default)]
    pub stream: Side,
    /// The lines.
    pub output: String,
    /// An address, or the version of the tool that printed it.
    pub source: String,
}

/// A mistake in a file.
#[derive(Debug)]
pub struct Mistake {
    /// The byte in the text.
    at: Option<usize>,
    /// What is wrong, in one line.
    pub why: String,
}

impl Mistake {
    fn new(at: Range<usize>, why: impl Into<String>) -> Self {
        Self { at: Some(at.start), why: why.into() }
    }

    /// Line and column in the text, from 1.
    pub fn place(&self, text: &str) -> Option<(usize, usize)> {
        let before = text.get(..self.at?)?;
        let line = before.matches('\n').count() + 1;
        Some((line, before.chars().rev().take_while(|c| *c != '\n').count() + 1))
    }
}

impl From<toml::de::Error> for Mistake {
    fn from(error: toml::de::Error) -> Self {
        let why = error.message().trim().replace('\n', ", ");
        Self { at: error.span().map(|span| span.start), why }
    }
}

/// Whether the patterns of a file are known to be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patterns {
    /// They are built in, and a test compiles them. To compile them in every run would cost milliseconds.
    Trusted,
    /// Each is compiled, so that a mistake is reported with its place.
    Checked,
}

impl Definition {
    /// Parses the text of a preset file.
    pub fn parse(text: &str, words: &Words, patterns: Patterns) -> Result<Self, Mistake> {
        let file: File = toml::from_str(text)?;
        let name = check_name(&file.name)?;
        let rules = file.rule.into_iter().map(|raw| rule(raw, words, patterns)).collect::<Result<_, _>>()?;
        Ok(Self {
            name,
            about: file.about,
            commands: file.commands,
            sources: file.sources,
            silent: file.silent,
            hidden: file.hidden,
            rules,
            examples: file.example,
        })
    }

    /// The rules, with the advice for this command.
    pub fn preset(&self, command: &[OsString]) -> Preset {
        let words: Vec<Cow<'_, str>> = command.iter().map(|word| word.to_string_lossy()).collect();
        let line = format!(" {} ", words.join(" "));
        let hidden = self
            .hidden
            .iter()
            .filter(|hidden| hidden.by.iter().any(|words| line.contains(&format!(" {words} "))));
        let hidden = hidden.map(|hidden| Advice { when: AdviceWhen::Always, text: hidden.say.clone() });
        let silent = self.silent.iter().map(|say| Advice { when: AdviceWhen::Silent, text: say.clone() });
        let rules = self.rules.iter().map(|(rule, _)| rule.clone()).collect();
        Preset::new(self.name.clone(), rules, hidden.chain(silent).next())
    }
}

/// The other words of a set.
const RESERVED: [&str; 5] = ["auto", "nonzero", "signal", "timeout", "spawn"];

/// Whether a word can be the name of a preset.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
        && !RESERVED.contains(&text)
}

fn check_name(name: &Spanned<String>) -> Result<String, Mistake> {
    let text = name.get_ref();
    let is_signal = crate::core::signal::Signal::parse(text).is_some();
    if is_name(text) && !is_signal {
        return Ok(text.clone());
    }
    let why = format!(
        "'{text}' is not a valid preset name: use lowercase letters, digits, -, _ and .; it starts with a letter, and \
         signal names and {} are reserved",
        RESERVED.join(", ")
    );
    Err(Mistake::new(name.span(), why))
}

fn rule(raw: RawRule, words: &Words, patterns: Patterns) -> Result<(PresetRule, String), Mistake> {
    let codes = match &raw.codes {
        None => Codes::Nonzero,
        Some(text) => codes(text.get_ref()).map_err(|why| Mistake::new(text.span(), why))?,
    };
    let pattern = match &raw.pattern {
        None => None,
        Some(text) => {
            let expanded = words.expand(text.get_ref()).map_err(|why| Mistake::new(text.span(), why))?;
            if patterns == Patterns::Checked {
                Pattern::new(&expanded, Alphabet::Ascii).map_err(|error| {
                    let why = last_line(&error.to_string());
                    Mistake::new(text.span(), format!("invalid pattern: {why}"))
                })?;
            }
            Some(expanded)
        }
    };
    if pattern.is_none() && raw.codes.is_none() {
        return Err(Mistake { at: None, why: "a rule needs codes, a pattern or both".to_owned() });
    }
    Ok((PresetRule { then: raw.then, codes, side: raw.stream, pattern }, raw.why))
}

/// The last line of an error of the pattern parser, which says what is wrong; the others draw the place.
fn last_line(error: &str) -> String {
    let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// `128`, `5-7,28`, `nonzero`.
fn codes(text: &str) -> Result<Codes, String> {
    if text.trim() == "nonzero" {
        return Ok(Codes::Nonzero);
    }
    let code = |part: &str| {
        exit_code::parse(part.trim())
            .ok_or_else(|| format!("'{text}' is not a list of exit codes, nor nonzero"))
    };
    let range = |part: &str| match exit_code::ends_of_range(part) {
        None => code(part).map(|code| (code, code)),
        Some((low, high)) => Ok((code(low)?, code(high)?)),
    };
    text.split(',').map(range).collect::<Result<_, _>>().map(Codes::Of)
}

/// Words that several tools share: `{status}` in a pattern stands for one group of alternatives.
#[derive(Debug, Default)]
pub struct Words(Vec<(String, String)>);

/// One word of presets/words.toml. Its reason and its sources are for readers of the file.
#[derive(Debug, Deserialize)]
struct RawWord {
    pattern: Spanned<String>,
}

impl Words {
    /// Parses the text of presets/words.toml.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let raw: std::collections::BTreeMap<String, RawWord> = toml::from_str(text)?;
        let word = |(name, raw): (String, RawWord)| (name, raw.pattern.into_inner());
        Ok(Self(raw.into_iter().map(word).collect()))
    }

    /// The pattern with every word in braces replaced. `{2,3}` is a repetition, and stays. An unknown word is an error.
    pub fn expand(&self, pattern: &str) -> Result<String, String> {
        let mut whole = String::new();
        let mut rest = pattern;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            whole.push_str(before);
            let is_word = after[1..].starts_with(|c: char| c.is_ascii_lowercase());
            // In `\x{41}` and `\p{greek}` the braces belong to the escape.
            let is_escape = before.ends_with("\\x")
                || before.ends_with("\\u")
                || before.ends_with("\\p")
                || before.ends_with("\\P");
            match after.find('}') {
                Some(close) if is_word && !is_escape => {
                    let name = &after[1..close];
                    let known = self.0.iter().find(|(known, _)| known == name);
                    let (_, words) = known.ok_or_else(|| {
                        format!("unknown placeholder {{{name}}}; known placeholders: {}", self.names())
                    })?;
                    whole.push_str(words);
                    rest = &after[close + 1..];
                }
                _ => {
                    whole.push('{');
                    rest = &after[1..];
                }
            }
        }
        Ok(whole + rest)
    }

    fn names(&self) -> String {
        self.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The keys before the first table of a file.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// The names of the tool.
    pub commands: Vec<String>,
}

/// Parses the keys before the first table only, which is enough to find the preset of a command. `None` if they have
/// a mistake.
pub fn head(text: &str) -> Option<Head> {
    let head = text.split_once("\n[[").map_or(text, |(head, _)| head);
    toml::from_str(head).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "name = 'tool'\nabout = 'x'\ncommands = ['tool']\n";

    fn parse(rules: &str) -> Result<Definition, String> {
        let words = Words(vec![("status".to_owned(), "(?:503|504)".to_owned())]);
        let text = format!("{HEAD}{rules}");
        Definition::parse(&text, &words, Patterns::Checked).map_err(|mistake| match mistake.place(&text) {
            Some((line, column)) => format!("{line}:{column}: {}", mistake.why),
            None => mistake.why,
        })
    }

    #[test]
    fn a_rule_has_defaults_and_words_in_braces() {
        let rule = |text: &str| parse(text).unwrap().rules.remove(0).0;
        let short = rule("[[rule]]\nthen = 'retry'\npattern = 'error {status}$'\nwhy = 'y'");
        assert_eq!(short.codes, Codes::Nonzero);
        assert_eq!((short.then, short.side), (PresetThen::Retry, Side::Both));
        assert_eq!(short.pattern.as_deref(), Some("error (?:503|504)$"));
        let long = rule("[[rule]]\nthen='stop'\ncodes='5-7, 28'\nstream='stderr'\npattern='x{2}'\nwhy='y'");
        assert_eq!(long.codes, Codes::Of(vec![(5, 7), (28, 28)]));
        assert_eq!(
            (long.then, long.side, long.pattern.as_deref()),
            (PresetThen::Stop, Side::Stderr, Some("x{2}"))
        );
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (rules, expected) in [
            ("", "missing field `rule`"),
            ("[[rule]]\nthen = 'retry'\ncodes = '1'", "missing field `why`"),
            ("[[rule]]\nthen = 'perhaps'\ncodes = '1'\nwhy = 'y'", "5:8: unknown variant `perhaps`"),
            ("[[rule]]\nthen = 'stop'\npatern = 'x'\nwhy = 'y'", "6:1: unknown field `patern`"),
            ("[[rule]]\nthen = 'stop'\npattern = '('\nwhy = 'y'", "6:11: invalid pattern: unclosed group"),
            ("[[rule]]\nthen = 'stop'\npattern = '{nope}'\nwhy = 'y'", "6:11: unknown placeholder {nope}"),
            (
                "[[rule]]\nthen = 'stop'\ncodes = '4294967296'\nwhy = 'y'",
                "6:9: '4294967296' is not a list of exit codes",
            ),
            ("[[rule]]\nthen = 'stop'\nwhy = 'y'", "a rule needs codes, a pattern or both"),
            ("[[rule", "4:"),
        ] {
            let mistake = parse(rules).unwrap_err();
            assert!(mistake.contains(expected), "{rules}: {mistake}");
        }
        for name in ["auto", "KILL", "a b", "", "7"] {
            let text = HEAD.replace("tool'\nabout", &format!("{name}'\nabout"));
            let mistake = Definition::parse(&text, &Words::default(), Patterns::Checked);
            assert!(mistake.is_err(), "{name}");
        }
    }

    #[test]
    fn advice_is_for_the_command_that_hides_the_reason() {
        let text = "silent = 'nothing'\nhidden = { by = ['--retries 0'], say = 'hidden' }\n\
            [[rule]]\nthen = 'retry'\npattern = 'x'\nwhy = 'y'";
        let advice = |line: &str| {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            format!("{:?}", parse(text).unwrap().preset(&command))
        };
        assert!(advice("pip install --retries 0 x").contains("\"hidden\""));
        assert!(advice("pip install --retries 01 x").contains("\"nothing\""));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}='"a-z0-9\n#., \\-]{0,200}"#) {
            if let Err(mistake) = Definition::parse(&text, &Words::default(), Patterns::Checked) {
                let _place = mistake.place(&text);
                prop_assert!(!mistake.why.contains('\n'));
            }
        }
    }
}
