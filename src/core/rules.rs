//! Sets, rules, and the verdict on an outcome. Pure: what was typed comes from `cli`, what happened
//! from `process`.

use super::outcome::{Left, NotStarted, Outcome, SpawnFailure};
use super::output::{Meaning, Seen, Watchlist};
use super::preset::Preset;
use super::signal::Signal;
use retry_loop::circuit::Observation;
use retry_loop::run;
use std::sync::Arc;

/// Which outcomes are good, worth another attempt, or final.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    /// `--retry-on`
    pub retry_on: Set,
    /// `--stop-on`
    pub stop_on: Set,
    /// `--success-on`; exit status 0 where it is empty.
    pub success_on: Set,
}

/// A list of conditions on an outcome, each with the words that the user typed for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Set(pub Vec<Item>);

/// One condition of a [`Set`].
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// As typed.
    pub text: String,
    /// What it means.
    pub condition: Condition,
}

/// A condition on an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One status as people see it in `$?`: also death by a signal above 128, and a command that could
    /// not be run for 126 and 127. It names what it means, so it covers hopeless outcomes too.
    Code(u8),
    /// A range of statuses; nobody names SIGINT by writing `1-255`, so it leaves hopeless outcomes out.
    Codes(u8, u8),
    /// Death by this signal.
    Signal(Signal),
    /// `nonzero`: any exit code but 0.
    Nonzero,
    /// `signal`: death by any signal but PIPE, INT and QUIT.
    AnySignal,
    /// `timeout`: ended by a time limit.
    Timeout,
    /// `spawn`: could not be started.
    Spawn,
    /// What a well-known tool exits with and prints, and time limits.
    Preset(Arc<Preset>),
    /// `auto` where no preset is known for the command: nothing by itself, and what no other item matches is
    /// decided as if there were no set.
    Auto,
}

impl Condition {
    fn matches(&self, outcome: &Outcome, seen: &Seen) -> bool {
        match (self, outcome) {
            (Self::Code(code), Outcome::Exited(_) | Outcome::Killed(_)) => outcome.status() == *code,
            (Self::Code(126), Outcome::NotStarted(NotStarted { kind, .. })) => {
                *kind != SpawnFailure::NotFound
            }
            (Self::Code(127), Outcome::NotStarted(NotStarted { kind, .. })) => {
                *kind == SpawnFailure::NotFound
            }
            (Self::Codes(low, high), Outcome::Exited(_) | Outcome::Killed(_)) => {
                (*low..=*high).contains(&outcome.status()) && !outcome.is_permanent()
            }
            (Self::Signal(signal), Outcome::Killed(by)) => signal == by,
            (Self::Nonzero, Outcome::Exited(code)) => *code != 0,
            (Self::AnySignal, Outcome::Killed(by)) => !by.must_be_named(),
            (Self::Timeout, Outcome::TimedOut(_)) | (Self::Spawn, Outcome::NotStarted(_)) => true,
            (Self::Preset(preset), outcome) => preset.matches(outcome, seen),
            _ => false,
        }
    }
}

impl Set {
    /// The first condition that the outcome meets.
    fn find(&self, outcome: &Outcome, seen: &Seen) -> Option<&Item> {
        self.0.iter().find(|item| item.condition.matches(outcome, seen))
    }

    /// Why a preset of the set could not tell what the outcome is.
    fn hint(&self, outcome: &Outcome, seen: &Seen) -> Option<String> {
        self.0.iter().find_map(|item| match &item.condition {
            Condition::Preset(preset) => preset.hint(outcome, seen).map(str::to_owned),
            _ => None,
        })
    }

    /// As typed: `7,28,SIGKILL`.
    pub fn text(&self) -> String {
        self.0.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(",")
    }
}

/// What an outcome means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A good attempt.
    Good,
    /// A failure worth another attempt.
    Retry(Why),
    /// A failure that is final.
    Stop(Why),
}

impl Verdict {
    /// What it says of the service that was called. A failure speaks against the service only if it is worth
    /// another attempt: what a rule stopped or left out, or what is permanent, is about this call.
    pub fn observation(&self) -> Observation {
        match self {
            Self::Good => Observation::Success,
            Self::Retry(_) => Observation::Failure,
            Self::Stop(_) => Observation::Neutral,
        }
    }
}

impl From<&Verdict> for run::Verdict {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Success,
            Verdict::Retry(_) => Self::Transient,
            Verdict::Stop(_) => Self::Permanent,
        }
    }
}

impl Outcome {
    /// What it says of the service under this verdict. A command that could not be started has asked the
    /// service nothing, however often it is tried again: this machine had no descriptor or no process left.
    pub fn observation(&self, verdict: &Verdict) -> Observation {
        match self {
            Self::NotStarted(_) => Observation::Neutral,
            Self::Exited(_) | Self::Killed(_) | Self::TimedOut(_) => verdict.observation(),
        }
    }
}

/// What decided a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// This rule matched, in the words of the command line: `--stop-on 2`.
    Rule(String),
    /// This rule matched the command's output: `--retry-on-output timeout`.
    Output(String),
    /// The output has nothing for this rule: `--require-output ready`.
    Missing(String),
    /// There are retry rules, and none of them matched.
    LeftOut {
        /// These: `--retry-on 7,28`.
        rules: String,
        /// Why a preset among them could not tell, and what to do about it.
        hint: Option<String>,
    },
    /// Another attempt is pointless by nature.
    Permanent,
    /// No rule says anything about it.
    NoRule,
    /// The command of `--retry-if` said so.
    Condition,
}

impl Rules {
    /// The verdict on an outcome of which no output is known.
    pub fn judge(&self, outcome: &Outcome) -> Verdict {
        self.judge_with(outcome, &AttemptOutput { list: &Watchlist::default(), seen: &Seen::default() })
    }

    /// The verdict on an outcome: the first of five lines that applies.
    pub fn judge_with(&self, outcome: &Outcome, output: &AttemptOutput<'_>) -> Verdict {
        // A tree that could not be ended would overlap with the next attempt. No rule allows that.
        if matches!(outcome, Outcome::TimedOut(t) if t.left != Left::Nothing) {
            return Verdict::Stop(Why::Permanent);
        }
        let retry = match self.retry_on.find(outcome, output.seen) {
            Some(item) => Some(Why::Rule(format!("--retry-on {}", item.text))),
            None => output.matched(Meaning::Retry).map(Why::Output),
        };
        // 1. Good, and no retry rule matches.
        if self.is_good(outcome, output) && retry.is_none() {
            return Verdict::Good;
        }
        // 2. A stop rule matches. (Stop beats retry; it never turns a success into a failure.)
        if let Some(item) = self.stop_on.find(outcome, output.seen) {
            return Verdict::Stop(Why::Rule(format!("--stop-on {}", item.text)));
        }
        if let Some(rule) = output.matched(Meaning::Stop) {
            return Verdict::Stop(Why::Output(rule));
        }
        // 3. A retry rule matches.
        if let Some(why) = retry {
            return Verdict::Retry(why);
        }
        // 4. Permanent by nature.
        if outcome.is_permanent() {
            return Verdict::Stop(Why::Permanent);
        }
        // 5. Whatever is left.
        let mut given: Vec<String> = Vec::new();
        if !self.retry_on.0.is_empty() {
            given.push(format!("--retry-on {}", self.retry_on.text()));
        }
        let retry_rules = output.list.rules().iter().filter(|rule| rule.meaning() == Meaning::Retry);
        given.extend(retry_rules.map(ToString::to_string));
        let missing = output.list.missing(output.seen).filter(|_| self.is_in_success_set(outcome, output));
        let missing = missing.map(ToString::to_string);
        if given.is_empty() || self.retry_on.0.iter().any(|item| item.condition == Condition::Auto) {
            Verdict::Retry(missing.map_or(Why::NoRule, Why::Missing))
        } else {
            let hint = self.retry_on.hint(outcome, output.seen);
            Verdict::Stop(Why::LeftOut { rules: given.join(" "), hint })
        }
    }

    /// In the success set with all required output, or named good by its output.
    fn is_good(&self, outcome: &Outcome, output: &AttemptOutput<'_>) -> bool {
        (self.is_in_success_set(outcome, output) && output.list.missing(output.seen).is_none())
            || output.matched(Meaning::Success).is_some()
    }

    fn is_in_success_set(&self, outcome: &Outcome, output: &AttemptOutput<'_>) -> bool {
        if self.success_on.0.is_empty() {
            return *outcome == Outcome::Exited(0);
        }
        self.success_on.find(outcome, output.seen).is_some()
    }
}

/// What an attempt printed, as far as anybody asked.
#[derive(Debug, Clone, Copy)]
pub struct AttemptOutput<'a> {
    /// What was looked for.
    pub list: &'a Watchlist,
    /// What was found.
    pub seen: &'a Seen,
}

impl AttemptOutput<'_> {
    fn matched(&self, meaning: Meaning) -> Option<String> {
        self.list.matched(meaning, self.seen).map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Escalation, Limit, TimedOut};
    use super::super::output::{Rule, Side, Stream, Watcher};
    use super::super::preset::{self, Codes, Hint, Then, When};
    use super::*;

    /// 28 is passing trouble, 22 only with a line.
    fn tool() -> Arc<Preset> {
        let rule = |codes, side, pattern: Option<&str>| preset::Rule {
            then: Then::Retry,
            codes,
            side,
            pattern: pattern.map(str::to_owned),
        };
        let rules = vec![
            rule(Codes::Of(vec![(28, 28)]), Side::Either, None),
            rule(Codes::Of(vec![(22, 22)]), Side::Stderr, Some("error: 503")),
        ];
        let hint = Hint { when: When::Silent, say: "add -S".to_owned() };
        Arc::new(Preset::new("tool".to_owned(), rules, Some(hint)))
    }

    fn set(conditions: &[Condition]) -> Set {
        Set(conditions.iter().map(|c| Item { text: format!("{c:?}"), condition: c.clone() }).collect())
    }

    fn timed_out(left: Left) -> Outcome {
        let escalation = Escalation::Killed;
        Outcome::TimedOut(TimedOut { limit: Limit::Timeout, signal: Signal::SIGTERM, escalation, left })
    }

    fn not_started(kind: SpawnFailure) -> Outcome {
        Outcome::NotStarted(NotStarted { kind, why: String::new() })
    }

    #[test]
    fn without_rules_failures_are_retried_unless_hopeless() {
        let rules = Rules::default();
        assert_eq!(rules.judge(&Outcome::Exited(0)), Verdict::Good);
        let retried = [
            Outcome::Exited(1),
            Outcome::Killed(Signal::SIGKILL),
            timed_out(Left::Nothing),
            not_started(SpawnFailure::Transient),
        ];
        for outcome in retried {
            assert_eq!(rules.judge(&outcome), Verdict::Retry(Why::NoRule), "{outcome:?}");
        }
        let hopeless = [
            Outcome::Killed(Signal::SIGINT),
            Outcome::Killed(Signal::SIGQUIT),
            Outcome::Killed(Signal::SIGPIPE),
            not_started(SpawnFailure::NotFound),
            not_started(SpawnFailure::NotExecutable),
            timed_out(Left::Processes(vec![42])),
        ];
        for outcome in hopeless {
            assert_eq!(rules.judge(&outcome), Verdict::Stop(Why::Permanent), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_never_started_says_nothing_of_the_service() {
        let again = Verdict::Retry(Why::NoRule);
        for kind in [SpawnFailure::Transient, SpawnFailure::NotFound, SpawnFailure::NotExecutable] {
            assert_eq!(not_started(kind).observation(&again), Observation::Neutral);
        }
        assert_eq!(Outcome::Exited(1).observation(&again), Observation::Failure);
        assert_eq!(timed_out(Left::Nothing).observation(&again), Observation::Failure);
        assert_eq!(Outcome::Exited(0).observation(&Verdict::Good), Observation::Success);
    }

    #[test]
    fn a_retry_rule_leaves_everything_else_out_and_says_so() {
        let rules = Rules { retry_on: set(&[Condition::Code(7)]), ..Rules::default() };
        assert!(matches!(rules.judge(&Outcome::Exited(7)), Verdict::Retry(Why::Rule(_))));
        assert_eq!(
            rules.judge(&timed_out(Left::Nothing)),
            Verdict::Stop(Why::LeftOut { rules: "--retry-on Code(7)".to_owned(), hint: None })
        );
    }

    #[test]
    fn stop_beats_retry_and_never_turns_a_success_into_a_failure() {
        let all = set(&[Condition::Codes(0, 255)]);
        let rules = Rules { stop_on: all.clone(), ..Rules::default() };
        assert_eq!(rules.judge(&Outcome::Exited(0)), Verdict::Good);
        let rules = Rules { stop_on: all.clone(), retry_on: all, ..Rules::default() };
        assert!(matches!(rules.judge(&Outcome::Exited(3)), Verdict::Stop(Why::Rule(_))));
    }

    #[test]
    fn a_retry_rule_may_match_a_good_attempt() {
        let rules = Rules { retry_on: set(&[Condition::Code(0)]), ..Rules::default() };
        assert!(matches!(rules.judge(&Outcome::Exited(0)), Verdict::Retry(_)));
    }

    #[test]
    fn a_success_set_replaces_zero() {
        let rules = Rules { success_on: set(&[Condition::Code(3), Condition::Timeout]), ..Rules::default() };
        assert_eq!(rules.judge(&Outcome::Exited(3)), Verdict::Good);
        assert_eq!(rules.judge(&timed_out(Left::Nothing)), Verdict::Good);
        assert_eq!(rules.judge(&Outcome::Exited(0)), Verdict::Retry(Why::NoRule));
    }

    #[test]
    fn what_was_printed_decides_together_with_the_status() {
        let list = |rules: &[(Meaning, &str)]| {
            let rules = rules.iter().map(|(meaning, text)| Rule::parse(*meaning, text).unwrap()).collect();
            Watchlist::new(rules, [tool()])
        };
        let judge = |rules: &Rules, list: &Watchlist, code, printed: &str| {
            let mut watcher = Watcher::new(list, Stream::Stderr);
            watcher.feed(printed.as_bytes());
            rules.judge_with(&Outcome::Exited(code), &AttemptOutput { list, seen: &watcher.finish() })
        };
        let why = |text: &str| Why::Output(text.to_owned());

        let none = Rules::default();
        let required = list(&[(Meaning::Require, "ready")]);
        assert_eq!(judge(&none, &required, 0, "ready"), Verdict::Good);
        let missing = Why::Missing("--require-output ready".to_owned());
        assert_eq!(judge(&none, &required, 0, ""), Verdict::Retry(missing));
        assert_eq!(judge(&none, &required, 1, ""), Verdict::Retry(Why::NoRule));
        assert_eq!(judge(&none, &required, 1, "ready"), Verdict::Retry(Why::NoRule));

        let success = list(&[(Meaning::Success, "already"), (Meaning::Stop, "exists")]);
        assert_eq!(judge(&none, &success, 1, "already exists"), Verdict::Good);
        assert_eq!(judge(&none, &success, 0, "exists"), Verdict::Good);
        assert_eq!(judge(&none, &success, 1, "exists"), Verdict::Stop(why("--stop-on-output exists")));

        let retry = list(&[(Meaning::Retry, "busy"), (Meaning::Stop, "gone")]);
        assert_eq!(judge(&none, &retry, 0, "busy"), Verdict::Retry(why("--retry-on-output busy")));
        assert_eq!(judge(&none, &retry, 1, "busy, gone"), Verdict::Stop(why("--stop-on-output gone")));
        let left_out = |rules: &str, hint: Option<&str>| {
            Verdict::Stop(Why::LeftOut { rules: rules.to_owned(), hint: hint.map(str::to_owned) })
        };
        assert_eq!(judge(&none, &retry, 1, ""), left_out("--retry-on-output busy", None));
        let item = Item { text: "tool".to_owned(), condition: Condition::Preset(tool()) };
        let preset = Rules { retry_on: Set(vec![item]), ..Rules::default() };
        let both = "--retry-on tool --retry-on-output busy";
        assert_eq!(judge(&preset, &retry, 22, ""), left_out(both, Some("add -S")));
        assert_eq!(judge(&preset, &retry, 22, "error: 404\n"), left_out(both, None));
        let rule = Verdict::Retry(Why::Rule("--retry-on tool".to_owned()));
        assert_eq!(judge(&preset, &retry, 22, "error: 503\n"), rule);
    }

    #[test]
    fn auto_without_a_preset_leaves_the_default_rule() {
        let items = [Condition::Auto, Condition::Code(137), Condition::Signal(Signal::SIGINT)];
        let rules = Rules { retry_on: set(&items), ..Rules::default() };
        assert_eq!(rules.judge(&Outcome::Exited(0)), Verdict::Good);
        assert_eq!(rules.judge(&Outcome::Exited(1)), Verdict::Retry(Why::NoRule));
        assert_eq!(rules.judge(&Outcome::Killed(Signal::SIGPIPE)), Verdict::Stop(Why::Permanent));
        assert!(matches!(rules.judge(&Outcome::Killed(Signal::SIGINT)), Verdict::Retry(Why::Rule(_))));
    }

    #[test]
    fn each_condition_matches_what_it_names() {
        let killed = |signal| Outcome::Killed(signal);
        for (condition, outcome, matches) in [
            (Condition::Code(7), Outcome::Exited(7), true),
            (Condition::Code(137), killed(Signal::SIGKILL), true),
            (Condition::Code(137), Outcome::Exited(137), true),
            (Condition::Code(130), killed(Signal::SIGINT), true),
            (Condition::Code(124), timed_out(Left::Nothing), false),
            (Condition::Code(126), not_started(SpawnFailure::NotExecutable), true),
            (Condition::Code(126), not_started(SpawnFailure::NotFound), false),
            (Condition::Code(127), not_started(SpawnFailure::NotFound), true),
            (Condition::Codes(1, 255), killed(Signal::SIGKILL), true),
            (Condition::Codes(1, 255), killed(Signal::SIGINT), false),
            (Condition::Codes(1, 255), not_started(SpawnFailure::NotFound), false),
            (Condition::Codes(5, 7), Outcome::Exited(8), false),
            (Condition::Signal(Signal::SIGINT), killed(Signal::SIGINT), true),
            (Condition::Signal(Signal::SIGINT), Outcome::Exited(130), false),
            (Condition::AnySignal, killed(Signal::SIGSEGV), true),
            (Condition::AnySignal, killed(Signal::SIGPIPE), false),
            (Condition::Nonzero, Outcome::Exited(1), true),
            (Condition::Nonzero, Outcome::Exited(0), false),
            (Condition::Nonzero, killed(Signal::SIGSEGV), false),
            (Condition::Timeout, timed_out(Left::Nothing), true),
            (Condition::Spawn, not_started(SpawnFailure::NotFound), true),
            (Condition::Preset(tool()), Outcome::Exited(28), true),
            (Condition::Preset(tool()), Outcome::Exited(22), false),
            (Condition::Preset(tool()), timed_out(Left::Nothing), true),
        ] {
            assert_eq!(condition.matches(&outcome, &Seen::default()), matches, "{condition:?} {outcome:?}");
        }
    }
}
