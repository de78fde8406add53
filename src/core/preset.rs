//! What well-known tools exit with and print when the trouble will pass, as rules. Owns the rules and how they
//! decide; where they are from is `cli::presets`'s, the streams are watched by [`super::output`].

use super::outcome::Outcome;
use super::output::{Seen, Side};
use std::sync::Arc;

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
pub struct Group {
    then: Then,
    codes: Codes,
    /// Where the lines are printed.
    pub side: Side,
    /// All patterns as one; `None` where the code alone decides.
    pub pattern: Option<String>,
}

impl Preset {
    /// A preset with these rules, whose order does not matter.
    pub fn new(name: String, rules: Vec<Rule>, hint: Option<Hint>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for Rule { then, codes, side, pattern } in rules {
            let same = |group: &&mut Group| {
                (group.then, &group.codes, group.side) == (then, &codes, side)
                    && group.pattern.is_some() == pattern.is_some()
            };
            match (groups.iter_mut().find(same), pattern) {
                (Some(Group { pattern: Some(all), .. }), Some(pattern)) => {
                    *all = format!("{all}|(?:{pattern})");
                }
                (_, pattern) => {
                    let pattern = pattern.map(|pattern| format!("(?:{pattern})"));
                    groups.push(Group { then, codes, side, pattern });
                }
            }
        }
        Self { name, groups, hint }
    }

    /// What is written in a set: `--retry-on curl`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is looked for, each with its number.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether the outcome is passing trouble, given what the command printed.
    pub fn matches(self: &Arc<Self>, outcome: &Outcome, seen: &Seen) -> bool {
        match outcome {
            Outcome::TimedOut(_) => true,
            Outcome::Exited(code) => {
                let any = |then| {
                    self.groups.iter().enumerate().any(|(index, group)| {
                        group.then == then
                            && group.codes.contain(*code)
                            && (group.pattern.is_none() || seen.has_group(self, index))
                    })
                };
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
            group.then == Then::Retry && group.pattern.is_some() && group.codes.contain(*code)
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
        let list = Watchlist::new(Vec::new(), [Arc::clone(preset)]).unwrap();
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
        let patterns: Vec<_> = tool.groups().iter().map(|group| group.pattern.as_deref()).collect();
        assert_eq!(patterns, [None, Some("(?:reset)|(?:a|b$)"), Some("(?:denied)"), Some("(?:final)")]);
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
