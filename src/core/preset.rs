//! The exit codes and the output by which a well-known tool shows that its failure is transient, as rules. Owns the
//! rules and how they decide. They are read in `cli::presets`; the streams are watched in [`super::output`].

use super::exit_code::ExitCode;
use super::outcome::Outcome;
use super::output::Seen;
use super::pattern::{Alphabet, Pattern};
use super::stream::Side;
use serde::Deserialize;
use std::sync::OnceLock;

/// Which failures of a tool are transient. A time limit is one in every preset.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    name: String,
    groups: Vec<Group>,
    advice: Option<Advice>,
}

/// One rule: what an exit with one of these codes means, together with a line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetRule {
    /// The meaning of the failure.
    pub then: PresetThen,
    /// The exit codes with which the rule applies.
    pub codes: Codes,
    /// The streams on which the line is printed.
    pub side: Side,
    /// An ASCII pattern of [`super::pattern`]; without one the code alone decides.
    pub pattern: Option<String>,
}

/// What a preset says about a failure, in the words of a preset file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresetThen {
    /// It is transient.
    Retry,
    /// It is permanent, whatever else was printed.
    Stop,
}

/// Exit codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// The codes in these ranges, ends included.
    Of(Vec<(ExitCode, ExitCode)>),
    /// Every code but 0.
    Nonzero,
}

impl Codes {
    fn contain(&self, code: ExitCode) -> bool {
        match self {
            Self::Of(ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&code)),
            Self::Nonzero => code != 0,
        }
    }
}

/// Advice for a failure that the preset could not decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// When the advice applies.
    pub when: AdviceWhen,
    /// One line, for the message about a failure.
    pub text: String,
}

/// When an [`Advice`] applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdviceWhen {
    /// The tool printed nothing where the preset looks.
    Silent,
    /// Always: the command line makes the tool leave the reason out.
    Always,
}

/// Rules that differ in their pattern only, so that their patterns are searched for as one.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    then: PresetThen,
    codes: Codes,
    side: Side,
    /// `None` where the code alone decides.
    patterns: Option<LazyPatterns>,
}

/// Patterns that are compiled when the first attempt has failed, because most runs succeed and never need them.
#[derive(Debug, Default)]
struct LazyPatterns {
    texts: Vec<String>,
    compiled: OnceLock<Vec<Pattern>>,
}

impl PartialEq for LazyPatterns {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for LazyPatterns {}

impl LazyPatterns {
    /// All patterns as one, or one by one if that is too big.
    fn compiled(&self) -> &[Pattern] {
        self.compiled.get_or_init(|| {
            let compile = |text: &str| Pattern::new(text, Alphabet::Ascii);
            let all: Vec<String> = self.texts.iter().map(|text| format!("(?:{text})")).collect();
            match compile(&all.join("|")) {
                Ok(pattern) => vec![pattern],
                Err(_) => self.texts.iter().filter_map(|text| compile(text).ok()).collect(),
            }
        })
    }
}

impl Group {
    fn applies(&self, code: ExitCode, seen: &Seen) -> bool {
        let is_printed = |patterns: &LazyPatterns| seen.ends_with_a_line(self.side, patterns.compiled());
        self.codes.contain(code) && self.patterns.as_ref().is_none_or(is_printed)
    }
}

impl Preset {
    /// A preset with these rules, whose order does not matter. Their patterns must be valid: an invalid one is left
    /// out.
    pub fn new(name: String, rules: Vec<PresetRule>, advice: Option<Advice>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for PresetRule { then, codes, side, pattern } in rules {
            let is_same = |group: &&mut Group| {
                (group.then, &group.codes, group.side) == (then, &codes, side)
                    && group.patterns.is_some() == pattern.is_some()
            };
            match (groups.iter_mut().find(is_same), pattern) {
                (Some(Group { patterns: Some(patterns), .. }), Some(pattern)) => patterns.texts.push(pattern),
                (_, pattern) => {
                    let patterns =
                        pattern.map(|text| LazyPatterns { texts: vec![text], ..LazyPatterns::default() });
                    groups.push(Group { then, codes, side, patterns });
                }
            }
        }
        Self { name, groups, advice }
    }

    /// The name, as in `--retry-on curl`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The streams in which it looks for lines.
    pub fn sides(&self) -> impl Iterator<Item = Side> {
        self.groups.iter().filter(|group| group.patterns.is_some()).map(|group| group.side)
    }

    /// Whether any of its patterns matches, whatever the rule says.
    #[cfg(test)]
    pub fn matches_a_line(&self, seen: &Seen) -> bool {
        let groups = self.groups.iter().filter_map(|group| Some((group.side, group.patterns.as_ref()?)));
        groups.into_iter().any(|(side, patterns)| seen.ends_with_a_line(side, patterns.compiled()))
    }

    /// Whether the outcome is a transient failure, given what the command printed.
    pub fn matches(&self, outcome: &Outcome, seen: &Seen) -> bool {
        match outcome {
            Outcome::TimedOut(_) => true,
            Outcome::Exited(code) => {
                let any =
                    |then| self.groups.iter().any(|group| group.then == then && group.applies(*code, seen));
                any(PresetThen::Retry) && !any(PresetThen::Stop)
            }
            Outcome::Killed(_) | Outcome::NotStarted(_) => false,
        }
    }

    /// Whether the advice applies to an outcome that the preset did not match: a line of output could have decided,
    /// but there was none, or none that could.
    pub fn advice_applies(&self, outcome: &Outcome, seen: &Seen) -> bool {
        let (Outcome::Exited(code), Some(advice)) = (outcome, &self.advice) else { return false };
        let mut groups = self.groups.iter().filter(|group| {
            group.then == PresetThen::Retry && group.patterns.is_some() && group.codes.contain(*code)
        });
        let is_silent = |group: &Group| !seen.has_anything_on(group.side);
        match advice.when {
            AdviceWhen::Silent => groups.next().is_some_and(is_silent) && groups.all(is_silent),
            AdviceWhen::Always => groups.next().is_some(),
        }
    }

    /// The text of the advice, if there is one.
    pub fn advice_text(&self) -> Option<&str> {
        self.advice.as_ref().map(|advice| advice.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outcome::{Escalation, Limit, Survivors, TimedOut};
    use crate::core::output::{Watcher, Watchlist};
    use crate::core::signal::Signal;
    use crate::core::stream::Stream;
    use std::sync::Arc;

    fn rule(then: PresetThen, codes: Codes, side: Side, pattern: Option<&str>) -> PresetRule {
        PresetRule { then, codes, side, pattern: pattern.map(str::to_owned) }
    }

    fn tool(advice: Option<Advice>) -> Arc<Preset> {
        let rules = vec![
            rule(PresetThen::Retry, Codes::Of(vec![(5, 7), (28, 28)]), Side::Both, None),
            rule(PresetThen::Retry, Codes::Nonzero, Side::Stderr, Some("reset")),
            rule(PresetThen::Retry, Codes::Nonzero, Side::Stderr, Some("a|b$")),
            rule(PresetThen::Stop, Codes::Of(vec![(0, 255)]), Side::Stdout, Some("denied")),
            rule(PresetThen::Stop, Codes::Of(vec![(6, 6)]), Side::Stderr, Some("final")),
        ];
        Arc::new(Preset::new("tool".to_owned(), rules, advice))
    }

    fn seen(preset: &Arc<Preset>, stdout: &str, stderr: &str) -> Seen {
        let list = Watchlist::new([], preset.sides());
        let mut seen = Seen::default();
        for (stream, text) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let mut watcher = Watcher::new(&list, stream);
            watcher.feed(text.as_bytes());
            seen.add(watcher.finish());
        }
        seen
    }

    fn passes(code: ExitCode, stdout: &str, stderr: &str) -> bool {
        let tool = tool(None);
        tool.matches(&Outcome::Exited(code), &seen(&tool, stdout, stderr))
    }

    #[test]
    fn a_code_or_a_line_is_enough_and_a_stop_rule_beats_both() {
        assert!(passes(6, "", ""));
        assert!(!passes(8, "", ""));
        assert!(passes(8, "", "connection reset\n"));
        assert!(passes(8, "", "xb"));
        assert!(!passes(8, "connection reset\n", ""), "it is looked for on stderr");
        assert!(!passes(0, "", "connection reset\n"));
        assert!(!passes(8, "denied\n", "connection reset\n"));
        assert!(!passes(6, "", "final\n"));
        assert!(passes(7, "", "final\n"), "that rule is about 6");
    }

    #[test]
    fn rules_that_differ_in_their_pattern_only_are_searched_for_as_one() {
        let tool = tool(None);
        let texts = |group: &Group| group.patterns.as_ref().map_or(0, |patterns| patterns.texts.len());
        assert_eq!(tool.groups.iter().map(texts).collect::<Vec<_>>(), [0, 2, 1, 1]);
        assert_eq!(tool.groups[1].patterns.as_ref().unwrap().compiled().len(), 1);
        // Too big for one pattern.
        let texts = vec![r"(?u)\pL{200}".to_owned(); 9];
        assert_eq!(LazyPatterns { texts, ..LazyPatterns::default() }.compiled().len(), 9);
    }

    #[test]
    fn only_an_exit_or_a_time_limit_is_transient() {
        let tool = tool(None);
        let timed_out = TimedOut {
            limit: Limit::Timeout,
            signal: Signal::SIGTERM,
            escalation: Escalation::FirstSignal,
            survivors: Survivors::None,
        };
        assert!(tool.matches(&Outcome::TimedOut(timed_out), &Seen::default()));
        assert!(!tool.matches(&Outcome::Killed(Signal::SIGKILL), &Seen::default()));
    }

    #[test]
    fn advice_is_given_where_lines_could_have_told() {
        let advised = |when| tool(Some(Advice { when, text: "add -S".to_owned() }));
        let advice = |when, code, stdout, stderr| {
            let tool = advised(when);
            let seen = seen(&tool, stdout, stderr);
            let applies = tool.advice_applies(&Outcome::Exited(code), &seen);
            tool.advice_text().filter(|_| applies).map(str::to_owned)
        };
        assert_eq!(advice(AdviceWhen::Silent, 22, "page", "").as_deref(), Some("add -S"));
        assert_eq!(advice(AdviceWhen::Silent, 22, "", "curl: (22) 404\n"), None);
        assert_eq!(advice(AdviceWhen::Always, 22, "", "curl: (22) 404\n").as_deref(), Some("add -S"));
        assert_eq!(
            advice(AdviceWhen::Always, 0, "", ""),
            None,
            "no line would make a success of 0 a failure"
        );
        let codes_alone = vec![rule(PresetThen::Retry, Codes::Of(vec![(7, 7)]), Side::Both, None)];
        let advice = Some(Advice { when: AdviceWhen::Silent, text: String::new() });
        let tool = Preset::new("tool".to_owned(), codes_alone, advice);
        assert!(!tool.advice_applies(&Outcome::Exited(22), &Seen::default()));
    }
}
