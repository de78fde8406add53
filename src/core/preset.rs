//! What well-known tools exit with and print when the trouble will pass, as rules. Owns the rules and how they
//! decide; where they are from is `cli::presets`'s, the streams are watched by [`super::output`].

use super::outcome::Outcome;
use super::output::{Seen, Side};
use super::pattern::{Alphabet, Pattern};
use std::sync::OnceLock;

/// What a tool does when the trouble will pass, and when it will not. Time limits are passing trouble in each.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    name: String,
    groups: Vec<Group>,
    hint: Option<Hint>,
}

/// One rule: what an exit with one of these codes and such a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it means.
    pub then: Then,
    /// The exit codes with which the rule applies.
    pub codes: Codes,
    /// Where the line is printed.
    pub side: Side,
    /// An ASCII pattern of [`super::pattern`]; without one the code alone decides.
    pub pattern: Option<String>,
}

/// What a rule says about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The trouble will pass.
    Retry,
    /// It will not, whatever else was printed.
    Stop,
}

/// Exit codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Codes {
    /// Those in these ranges, ends included.
    Of(Vec<(u8, u8)>),
    /// Every code but 0.
    Nonzero,
}

impl Codes {
    fn contain(&self, code: u8) -> bool {
        match self {
            Self::Of(ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&code)),
            Self::Nonzero => code != 0,
        }
    }
}

/// Why a preset may know nothing, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// When it is worth saying.
    pub when: When,
    /// One line, for the message about a failure.
    pub say: String,
}

/// When a [`Hint`] is worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The tool printed nothing where the preset looks.
    Silent,
    /// Whatever it printed: it was told to leave the reason out.
    Always,
}

/// Rules that differ in their pattern only, so that they are looked for as one.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    then: Then,
    codes: Codes,
    /// Where the lines are printed.
    side: Side,
    /// `None` where the code alone decides.
    sought: Option<Sought>,
}

/// Patterns that are compiled when the first attempt has failed: most runs end well, and have no use for them.
#[derive(Debug, Default)]
struct Sought {
    texts: Vec<String>,
    compiled: OnceLock<Vec<Pattern>>,
}

impl PartialEq for Sought {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for Sought {}

impl Sought {
    /// All as one, or one by one if that is too big.
    fn patterns(&self) -> &[Pattern] {
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
    fn applies(&self, code: u8, seen: &Seen) -> bool {
        let printed = |sought: &Sought| seen.ends_with_a_line(self.side, sought.patterns());
        self.codes.contain(code) && self.sought.as_ref().is_none_or(printed)
    }
}

impl Preset {
    /// A preset with these rules, whose order does not matter. Their patterns are good: whoever read them has
    /// tried them.
    pub fn new(name: String, rules: Vec<Rule>, hint: Option<Hint>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for Rule { then, codes, side, pattern } in rules {
            let same = |group: &&mut Group| {
                (group.then, &group.codes, group.side) == (then, &codes, side)
                    && group.sought.is_some() == pattern.is_some()
            };
            match (groups.iter_mut().find(same), pattern) {
                (Some(Group { sought: Some(sought), .. }), Some(pattern)) => sought.texts.push(pattern),
                (_, pattern) => {
                    let sought = pattern.map(|pattern| Sought { texts: vec![pattern], ..Sought::default() });
                    groups.push(Group { then, codes, side, sought });
                }
            }
        }
        Self { name, groups, hint }
    }

    /// What is written in a set: `--retry-on curl`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it looks for lines.
    pub fn sides(&self) -> impl Iterator<Item = Side> {
        self.groups.iter().filter(|group| group.sought.is_some()).map(|group| group.side)
    }

    /// Whether any of its patterns matches, whatever it means.
    #[cfg(test)]
    pub fn matches_a_line(&self, seen: &Seen) -> bool {
        let sought = self.groups.iter().filter_map(|group| Some((group.side, group.sought.as_ref()?)));
        sought.into_iter().any(|(side, sought)| seen.ends_with_a_line(side, sought.patterns()))
    }

    /// Whether the outcome is passing trouble, given what the command printed.
    pub fn matches(&self, outcome: &Outcome, seen: &Seen) -> bool {
        match outcome {
            Outcome::TimedOut(_) => true,
            Outcome::Exited(code) => {
                let any =
                    |then| self.groups.iter().any(|group| group.then == then && group.applies(*code, seen));
                any(Then::Retry) && !any(Then::Stop)
            }
            Outcome::Killed(_) | Outcome::NotStarted(_) => false,
        }
    }

    /// Why the preset knows nothing of an outcome that it did not match, where there is something to say: lines
    /// could have told, and there were none, or none that tell.
    pub fn hint(&self, outcome: &Outcome, seen: &Seen) -> Option<&str> {
        let Outcome::Exited(code) = outcome else { return None };
        let Hint { when, say } = self.hint.as_ref()?;
        let mut looked = self.groups.iter().filter(|group| {
            group.then == Then::Retry && group.sought.is_some() && group.codes.contain(*code)
        });
        let silent = |group: &Group| !seen.has_anything_on(group.side);
        let says = match when {
            When::Silent => looked.next().is_some_and(silent) && looked.all(silent),
            When::Always => looked.next().is_some(),
        };
        says.then_some(say.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outcome::{Escalation, Left, Limit, TimedOut};
    use crate::core::output::{Stream, Watcher, Watchlist};
    use crate::core::signal::Signal;
    use std::sync::Arc;

    fn rule(then: Then, codes: Codes, side: Side, pattern: Option<&str>) -> Rule {
        Rule { then, codes, side, pattern: pattern.map(str::to_owned) }
    }

    fn tool(hint: Option<Hint>) -> Arc<Preset> {
        let rules = vec![
            rule(Then::Retry, Codes::Of(vec![(5, 7), (28, 28)]), Side::Either, None),
            rule(Then::Retry, Codes::Nonzero, Side::Stderr, Some("reset")),
            rule(Then::Retry, Codes::Nonzero, Side::Stderr, Some("a|b$")),
            rule(Then::Stop, Codes::Of(vec![(0, 255)]), Side::Stdout, Some("denied")),
            rule(Then::Stop, Codes::Of(vec![(6, 6)]), Side::Stderr, Some("final")),
        ];
        Arc::new(Preset::new("tool".to_owned(), rules, hint))
    }

    fn seen(preset: &Arc<Preset>, stdout: &str, stderr: &str) -> Seen {
        let list = Watchlist::new(Vec::new(), [Arc::clone(preset)]);
        let mut seen = Seen::default();
        for (stream, text) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let mut watcher = Watcher::new(&list, stream);
            watcher.feed(text.as_bytes());
            seen.add(watcher.finish());
        }
        seen
    }

    fn passes(code: u8, stdout: &str, stderr: &str) -> bool {
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
    fn rules_that_differ_in_their_pattern_only_are_looked_for_as_one() {
        let tool = tool(None);
        let texts = |group: &Group| group.sought.as_ref().map_or(0, |sought| sought.texts.len());
        assert_eq!(tool.groups.iter().map(texts).collect::<Vec<_>>(), [0, 2, 1, 1]);
        assert_eq!(tool.groups[1].sought.as_ref().unwrap().patterns().len(), 1);
        // What is too big for one pattern.
        let texts = vec![r"(?u)\pL{200}".to_owned(); 9];
        assert_eq!(Sought { texts, ..Sought::default() }.patterns().len(), 9);
    }

    #[test]
    fn only_an_exit_or_a_time_limit_is_passing_trouble() {
        let tool = tool(None);
        let timed_out = TimedOut {
            limit: Limit::Timeout,
            signal: Signal::SIGTERM,
            escalation: Escalation::FirstSignal,
            left: Left::Nothing,
        };
        assert!(tool.matches(&Outcome::TimedOut(timed_out), &Seen::default()));
        assert!(!tool.matches(&Outcome::Killed(Signal::SIGKILL), &Seen::default()));
    }

    #[test]
    fn a_hint_is_given_where_lines_could_have_told() {
        let hinted = |when| tool(Some(Hint { when, say: "add -S".to_owned() }));
        let hint = |when, code, stdout, stderr| {
            let tool = hinted(when);
            let seen = seen(&tool, stdout, stderr);
            tool.hint(&Outcome::Exited(code), &seen).map(str::to_owned)
        };
        assert_eq!(hint(When::Silent, 22, "page", "").as_deref(), Some("add -S"));
        assert_eq!(hint(When::Silent, 22, "", "curl: (22) 404\n"), None);
        assert_eq!(hint(When::Always, 22, "", "curl: (22) 404\n").as_deref(), Some("add -S"));
        assert_eq!(hint(When::Always, 0, "", ""), None, "no line would make a success of 0 a failure");
        let codes_alone = vec![rule(Then::Retry, Codes::Of(vec![(7, 7)]), Side::Either, None)];
        let hint = Some(Hint { when: When::Silent, say: String::new() });
        let tool = Preset::new("tool".to_owned(), codes_alone, hint);
        assert_eq!(tool.hint(&Outcome::Exited(22), &Seen::default()), None);
    }
}
