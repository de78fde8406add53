//! The rules of an invocation as one ordered list, and the verdict on an outcome. Pure: the rules come from
//! `cli`, the outcome from `process`.

use super::condition::Condition;
use super::outcome::{Outcome, Survivors};
use super::output::{OutputPattern, Seen, Watchlist};
use super::pattern::PatternError;
use super::verdict::{RuleId, Verdict, Why};
use std::fmt;
use std::ops::Index;

#[cfg(test)]
mod tests;

/// One rule: an attempt that is like `when` is treated as `then` says.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The attempts that it is about.
    pub when: When,
    /// The verdict on them.
    pub then: Then,
    /// The value as typed behind the flag; `None` for a rule that holds by default.
    text: Option<String>,
}

/// What a rule looks at.
#[derive(Debug, Clone)]
pub enum When {
    /// How the attempt ended.
    Outcome(Condition),
    /// What the command printed.
    Output(OutputPattern),
}

/// What a rule says about an attempt. The order is the precedence: of the rules that match, the first one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Then {
    /// The attempt is good only if the rule matches. It decides nothing else.
    Require,
    /// The attempt is good, unless a retry rule matches.
    Success,
    /// The failure is final.
    Stop,
    /// Another attempt is worth it.
    Retry,
}

impl Rule {
    /// An item of `--retry-on`, `--stop-on` or `--success-on`.
    pub fn on_outcome(then: Then, text: impl Into<String>, condition: Condition) -> Self {
        Self { when: When::Outcome(condition), then, text: Some(text.into()) }
    }

    /// A value of `--retry-on-output` and its kin: `RE`, `stdout:RE` or `stderr:RE`.
    pub fn on_output(then: Then, text: &str) -> Result<Self, PatternError> {
        Ok(Self { when: When::Output(OutputPattern::parse(text)?), then, text: Some(text.to_owned()) })
    }

    /// `--success-on 0`, which holds where no other success is named.
    fn default_success() -> Self {
        Self { when: When::Outcome(Condition::Code(0)), then: Then::Success, text: None }
    }

    /// Whether the rule looks at the output. Else it looks at the outcome.
    pub fn is_about_output(&self) -> bool {
        matches!(self.when, When::Output(_))
    }

    fn flag(&self) -> &'static str {
        match (self.then, &self.when) {
            (Then::Require, _) => "--require-output",
            (Then::Success, When::Outcome(_)) => "--success-on",
            (Then::Success, When::Output(_)) => "--success-on-output",
            (Then::Stop, When::Outcome(_)) => "--stop-on",
            (Then::Stop, When::Output(_)) => "--stop-on-output",
            (Then::Retry, When::Outcome(_)) => "--retry-on",
            (Then::Retry, When::Output(_)) => "--retry-on-output",
        }
    }
}

/// As typed, for messages: `--stop-on-output stderr:denied`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flag(), self.text.as_deref().unwrap_or_default())
    }
}

/// All rules of an invocation, in the order of precedence: by [`Then`], and of the same kind those about the outcome
/// before those about the output, each as typed.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

/// Exit status 0 is a success, and every other failure that is not permanent is retried.
impl Default for Rules {
    fn default() -> Self {
        Self::new([])
    }
}

impl Index<RuleId> for Rules {
    type Output = Rule;

    fn index(&self, id: RuleId) -> &Rule {
        &self.0[id.0]
    }
}

/// What a verdict is based on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// How the attempt ended.
    pub outcome: &'a Outcome,
    /// What it printed, as far as the rules look at it.
    pub seen: &'a Seen,
    /// The processes of the attempt that could not be ended.
    pub survivors: &'a Survivors,
}

impl Evidence<'_> {
    /// Whether processes of this attempt would overlap with the next one.
    fn would_overlap(&self) -> bool {
        let after_limit = match self.outcome {
            Outcome::TimedOut(timed_out) => &timed_out.survivors,
            Outcome::Exited(_) | Outcome::Killed(_) | Outcome::NotStarted(_) => &Survivors::None,
        };
        [self.survivors, after_limit].into_iter().any(|survivors| *survivors != Survivors::None)
    }
}

impl Rules {
    /// Puts the rules in their order. Where no rule names a good outcome, exit status 0 is one.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut list: Vec<Rule> = rules.into_iter().collect();
        if !list.iter().any(|rule| rule.then == Then::Success && !rule.is_about_output()) {
            list.push(Rule::default_success());
        }
        list.sort_by_key(|rule| (rule.then, rule.is_about_output()));
        Self(list)
    }

    /// The verdict: the first rule that matches decides. Three laws stand beside the rules.
    ///
    /// - No attempt follows one whose processes could not be ended: the two would overlap. No rule can allow it.
    /// - A failure that is permanent by nature is retried only if a rule matches it.
    /// - Any other failure that no rule matches is retried, unless there are retry rules, which leave it out.
    pub fn judge(&self, evidence: &Evidence<'_>) -> Verdict {
        if evidence.would_overlap() {
            return Verdict::Stop(Why::Permanent);
        }
        let retry = self.find(|id| self[id].then == Then::Retry && self.matches(id, evidence));
        let missing = self.find(|id| self[id].then == Then::Require && !self.matches(id, evidence));
        let decides = |id: RuleId| match self[id].then {
            Then::Require => false,
            // A retry rule overrules a success. Required output is asked of successes by their outcome.
            Then::Success => {
                retry.is_none()
                    && (missing.is_none() || self[id].is_about_output())
                    && self.matches(id, evidence)
            }
            Then::Stop => self.matches(id, evidence),
            Then::Retry => Some(id) == retry,
        };
        match self.find(decides).map(|id| (self[id].then, id)) {
            Some((Then::Require | Then::Success, _)) => return Verdict::Good,
            Some((Then::Stop, id)) => return Verdict::Stop(Why::Rule(id)),
            Some((Then::Retry, id)) => return Verdict::Retry(Why::Rule(id)),
            None => {}
        }
        if evidence.outcome.is_permanent() {
            return Verdict::Stop(Why::Permanent);
        }
        if self.leaves_out() {
            return Verdict::Stop(Why::LeftOut { advice: self.find(|id| self.has_advice(id, evidence)) });
        }
        match missing.filter(|_| self.is_success_by_outcome(evidence)) {
            Some(id) => Verdict::Retry(Why::Missing(id)),
            None => Verdict::Retry(Why::NoRule),
        }
    }

    /// What has to be looked for in the output of the command.
    pub fn watchlist(&self) -> Watchlist {
        let patterns = self.ids().filter_map(|id| match &self[id].when {
            When::Output(pattern) => Some((id, pattern.clone())),
            When::Outcome(_) => None,
        });
        let presets = self.0.iter().filter_map(|rule| match &rule.when {
            When::Outcome(Condition::Preset(preset)) => Some(preset),
            When::Outcome(_) | When::Output(_) => None,
        });
        Watchlist::new(patterns, presets.flat_map(|preset| preset.sides()))
    }

    /// The conditions on the outcome that were given for this verdict.
    pub fn conditions(&self, then: Then) -> impl Iterator<Item = &Condition> {
        self.given(then).filter_map(|rule| match &rule.when {
            When::Outcome(condition) => Some(condition),
            When::Output(_) => None,
        })
    }

    /// The value of `--retry-on`, `--stop-on` or `--success-on` as typed, if it was given: `7,28,SIGKILL`.
    pub fn set_text(&self, then: Then) -> Option<String> {
        let items = self.given(then).filter(|rule| !rule.is_about_output());
        let items: Vec<&str> = items.filter_map(|rule| rule.text.as_deref()).collect();
        (!items.is_empty()).then(|| items.join(","))
    }

    /// All retry rules as typed: `--retry-on 7,28 --retry-on-output busy`.
    pub fn retry_text(&self) -> String {
        let set = self.set_text(Then::Retry).map(|set| format!("--retry-on {set}"));
        let output = self.given(Then::Retry).filter(|rule| rule.is_about_output()).map(Rule::to_string);
        set.into_iter().chain(output).collect::<Vec<_>>().join(" ")
    }

    /// The rules about the output, in their order.
    pub fn output_rules(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(|rule| rule.is_about_output())
    }

    /// The advice of the preset in this rule, if it has any.
    pub fn advice(&self, id: RuleId) -> Option<&str> {
        match &self[id].when {
            When::Outcome(Condition::Preset(preset)) => preset.advice_text(),
            When::Outcome(_) | When::Output(_) => None,
        }
    }

    /// Whether a failure that no retry rule matches is left out.
    fn leaves_out(&self) -> bool {
        self.given(Then::Retry).next().is_some()
            && !self.conditions(Then::Retry).any(|condition| *condition == Condition::Auto)
    }

    fn is_success_by_outcome(&self, evidence: &Evidence<'_>) -> bool {
        self.ids().any(|id| {
            self[id].then == Then::Success && !self[id].is_about_output() && self.matches(id, evidence)
        })
    }

    fn has_advice(&self, id: RuleId, evidence: &Evidence<'_>) -> bool {
        match &self[id] {
            Rule { then: Then::Retry, when: When::Outcome(Condition::Preset(preset)), .. } => {
                preset.advice_applies(evidence.outcome, evidence.seen)
            }
            _ => false,
        }
    }

    fn matches(&self, id: RuleId, evidence: &Evidence<'_>) -> bool {
        match &self[id].when {
            When::Outcome(condition) => condition.matches(evidence.outcome, evidence.seen),
            When::Output(_) => evidence.seen.contains(id),
        }
    }

    fn given(&self, then: Then) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(move |rule| rule.then == then && rule.text.is_some())
    }

    fn ids(&self) -> impl Iterator<Item = RuleId> {
        (0..self.0.len()).map(RuleId)
    }

    fn find(&self, is_wanted: impl Fn(RuleId) -> bool) -> Option<RuleId> {
        self.ids().find(|id| is_wanted(*id))
    }
}
