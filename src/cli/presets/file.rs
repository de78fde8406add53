//! A file of a preset: its format (docs/presets.md), what may be wrong with it, and where.

use crate::core::output::Side;
use crate::core::pattern::{Alphabet, Pattern};
use crate::core::preset::{Codes, Hint, Preset, Rule, Then, When};
use serde::Deserialize;
use std::borrow::Cow;
use std::ffi::OsString;
use std::ops::Range;
use toml::Spanned;

/// A preset as it is written.
#[derive(Debug, Clone)]
pub struct Definition {
    /// What is written in a set.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// The names that the tool goes by.
    pub commands: Vec<String>,
    /// Where the rules are from.
    pub sources: Vec<String>,
    /// Said when the tool printed nothing.
    silent: Option<String>,
    /// Said when the tool was told to leave the reason out.
    hidden: Option<Hidden>,
    /// The rules, and why each one is there.
    pub rules: Vec<(Rule, String)>,
    /// Outputs, with what they mean.
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

/// Words of a command line that make the tool leave the reason out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hidden {
    by: Vec<String>,
    say: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    then: Verdict,
    codes: Option<Spanned<String>>,
    stream: Option<At>,
    pattern: Option<Spanned<String>>,
    why: String,
}

/// What a tool printed once, and what it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it means.
    pub verdict: Verdict,
    /// The exit code.
    pub exit: u8,
    stream: Option<At>,
    /// The lines.
    pub output: String,
    /// Where it is from: an address, or what it was tried with.
    pub source: String,
}

impl Example {
    /// Where it was printed.
    pub fn side(&self) -> Side {
        self.stream.unwrap_or_default().side()
    }
}

/// What a rule or an example says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is worth another attempt.
    Retry,
    /// It is final.
    Stop,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum At {
    Stdout,
    Stderr,
    #[default]
    Both,
}

impl At {
    fn side(self) -> Side {
        match self {
            Self::Stdout => Side::Stdout,
            Self::Stderr => Side::Stderr,
            Self::Both => Side::Either,
        }
    }
}

/// What is wrong with a file.
#[derive(Debug)]
pub struct Mistake {
    at: Option<usize>,
    /// In one line.
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

/// Whether the patterns of a file are known to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patterns {
    /// They are built in, and a test has compiled them; to do so again would cost every run milliseconds.
    Known,
    /// Each is compiled, so that a mistake is known by its place.
    Tried,
}

impl Definition {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, and where.
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

    /// What the loop needs of it, for this command.
    pub fn preset(&self, command: &[OsString]) -> Preset {
        let words: Vec<Cow<'_, str>> = command.iter().map(|word| word.to_string_lossy()).collect();
        let line = format!(" {} ", words.join(" "));
        let hidden = self
            .hidden
            .iter()
            .filter(|hidden| hidden.by.iter().any(|words| line.contains(&format!(" {words} "))));
        let hidden = hidden.map(|hidden| Hint { when: When::Always, say: hidden.say.clone() });
        let silent = self.silent.iter().map(|say| Hint { when: When::Silent, say: say.clone() });
        let rules = self.rules.iter().map(|(rule, _)| rule.clone()).collect();
        Preset::new(self.name.clone(), rules, hidden.chain(silent).next())
    }
}

/// What a set calls by other names.
const TAKEN: [&str; 5] = ["auto", "nonzero", "signal", "timeout", "spawn"];

/// Whether a word can be the name of a preset.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
        && !TAKEN.contains(&text)
}

fn check_name(name: &Spanned<String>) -> Result<String, Mistake> {
    let text = name.get_ref();
    let is_signal = crate::core::signal::Signal::parse(text).is_some();
    if is_name(text) && !is_signal {
        return Ok(text.clone());
    }
    let why = format!(
        "'{text}' cannot be a name: small letters, digits, -, _ and dots, and no other word of a set"
    );
    Err(Mistake::new(name.span(), why))
}

fn rule(raw: RawRule, words: &Words, patterns: Patterns) -> Result<(Rule, String), Mistake> {
    let codes = match &raw.codes {
        None => Codes::Nonzero,
        Some(text) => codes(text.get_ref()).map_err(|why| Mistake::new(text.span(), why))?,
    };
    let pattern = match &raw.pattern {
        None => None,
        Some(text) => {
            let expanded = words.expand(text.get_ref()).map_err(|why| Mistake::new(text.span(), why))?;
            if patterns == Patterns::Tried {
                Pattern::new(&expanded, Alphabet::Ascii).map_err(|error| {
                    let why = first_words(&error.to_string());
                    Mistake::new(text.span(), format!("the pattern is no good: {why}"))
                })?;
            }
            Some(expanded)
        }
    };
    if pattern.is_none() && raw.codes.is_none() {
        return Err(Mistake { at: None, why: "a rule has neither codes nor a pattern".to_owned() });
    }
    let then = match raw.then {
        Verdict::Retry => Then::Retry,
        Verdict::Stop => Then::Stop,
    };
    Ok((Rule { then, codes, side: raw.stream.unwrap_or_default().side(), pattern }, raw.why))
}

/// The parser draws the place over several lines; what is wrong is in the last one.
fn first_words(error: &str) -> String {
    let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// `128`, `5-7,28`, `nonzero`.
fn codes(text: &str) -> Result<Codes, String> {
    if text.trim() == "nonzero" {
        return Ok(Codes::Nonzero);
    }
    let code = |part: &str| part.trim().parse::<u8>().map_err(|_| format!("'{text}' are no exit codes"));
    let range = |part: &str| match part.split_once('-') {
        None => code(part).map(|code| (code, code)),
        Some((low, high)) => Ok((code(low)?, code(high)?)),
    };
    text.split(',').map(range).collect::<Result<_, _>>().map(Codes::Of)
}

/// Words that several tools share: `{status}` in a pattern stands for one group of alternatives.
#[derive(Debug, Default)]
pub struct Words(Vec<(String, String)>);

/// One word of presets/words.toml. Why it is there, and its sources, are for the reader of the file.
#[derive(Debug, Deserialize)]
struct RawWord {
    pattern: Spanned<String>,
}

impl Words {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let raw: std::collections::BTreeMap<String, RawWord> = toml::from_str(text)?;
        let word = |(name, raw): (String, RawWord)| (name, raw.pattern.into_inner());
        Ok(Self(raw.into_iter().map(word).collect()))
    }

    /// The pattern with every word in braces replaced. `{2,3}` is a repetition, and stays.
    ///
    /// # Errors
    /// A word that is not known.
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
                        format!("{{{name}}} is no word that patterns share: {}", self.names())
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

/// What the start of a file says.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// The names that the tool goes by.
    pub commands: Vec<String>,
}

/// The start of a file, which whoever looks for a command need not read further; none where it has a mistake.
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
        Definition::parse(&text, &words, Patterns::Tried).map_err(|mistake| match mistake.place(&text) {
            Some((line, column)) => format!("{line}:{column}: {}", mistake.why),
            None => mistake.why,
        })
    }

    #[test]
    fn a_rule_has_defaults_and_words_in_braces() {
        let rule = |text: &str| parse(text).unwrap().rules.remove(0).0;
        let short = rule("[[rule]]\nthen = 'retry'\npattern = 'error {status}$'\nwhy = 'y'");
        assert_eq!(short.codes, Codes::Nonzero);
        assert_eq!((short.then, short.side), (Then::Retry, Side::Either));
        assert_eq!(short.pattern.as_deref(), Some("error (?:503|504)$"));
        let long = rule("[[rule]]\nthen='stop'\ncodes='5-7, 28'\nstream='stderr'\npattern='x{2}'\nwhy='y'");
        assert_eq!(long.codes, Codes::Of(vec![(5, 7), (28, 28)]));
        assert_eq!((long.then, long.side, long.pattern.as_deref()), (Then::Stop, Side::Stderr, Some("x{2}")));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (rules, expected) in [
            ("", "missing field `rule`"),
            ("[[rule]]\nthen = 'retry'\ncodes = '1'", "missing field `why`"),
            ("[[rule]]\nthen = 'perhaps'\ncodes = '1'\nwhy = 'y'", "5:8: unknown variant `perhaps`"),
            ("[[rule]]\nthen = 'stop'\npatern = 'x'\nwhy = 'y'", "6:1: unknown field `patern`"),
            (
                "[[rule]]\nthen = 'stop'\npattern = '('\nwhy = 'y'",
                "6:11: the pattern is no good: unclosed group",
            ),
            ("[[rule]]\nthen = 'stop'\npattern = '{nope}'\nwhy = 'y'", "6:11: {nope} is no word"),
            ("[[rule]]\nthen = 'stop'\ncodes = '256'\nwhy = 'y'", "6:9: '256' are no exit codes"),
            ("[[rule]]\nthen = 'stop'\nwhy = 'y'", "neither codes nor a pattern"),
            ("[[rule", "4:"),
        ] {
            let mistake = parse(rules).unwrap_err();
            assert!(mistake.contains(expected), "{rules}: {mistake}");
        }
        for name in ["auto", "KILL", "a b", "", "7"] {
            let text = HEAD.replace("tool'\nabout", &format!("{name}'\nabout"));
            let mistake = Definition::parse(&text, &Words::default(), Patterns::Tried);
            assert!(mistake.is_err(), "{name}");
        }
    }

    #[test]
    fn a_hint_is_for_the_command_that_hides_the_reason() {
        let text = "silent = 'nothing'\nhidden = { by = ['--retries 0'], say = 'hidden' }\n\
            [[rule]]\nthen = 'retry'\npattern = 'x'\nwhy = 'y'";
        let hint = |line: &str| {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            format!("{:?}", parse(text).unwrap().preset(&command))
        };
        assert!(hint("pip install --retries 0 x").contains("\"hidden\""));
        assert!(hint("pip install --retries 01 x").contains("\"nothing\""));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]{}='"a-z0-9\n#., \\-]{0,200}"#) {
            if let Err(mistake) = Definition::parse(&text, &Words::default(), Patterns::Tried) {
                let _place = mistake.place(&text);
                prop_assert!(!mistake.why.contains('\n'));
            }
        }
    }
}
