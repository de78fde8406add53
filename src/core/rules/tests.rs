use super::super::outcome::{Escalation, Limit, NotStarted, SpawnFailure, TimedOut};
use super::super::output::Watcher;
use super::super::preset::{Advice, AdviceWhen, Codes, Preset, PresetRule, PresetThen};
use super::super::signal::Signal;
use super::super::stream::{Side, Stream};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

/// 28 is transient, 22 only with a line.
fn tool() -> Arc<Preset> {
    let rule = |codes, side, pattern: Option<&str>| PresetRule {
        then: PresetThen::Retry,
        codes,
        side,
        pattern: pattern.map(str::to_owned),
    };
    let rules = vec![
        rule(Codes::Of(vec![(28, 28)]), Side::Both, None),
        rule(Codes::Of(vec![(22, 22)]), Side::Stderr, Some("error: 503")),
    ];
    let advice = Advice { when: AdviceWhen::Silent, text: "add -S".to_owned() };
    Arc::new(Preset::new("tool".to_owned(), rules, Some(advice)))
}

fn on(then: Then, conditions: &[Condition]) -> Vec<Rule> {
    conditions.iter().map(|condition| Rule::on_outcome(then, text(condition), condition.clone())).collect()
}

/// The text of a condition. The `Debug` text of a preset changes when its patterns are compiled.
fn text(condition: &Condition) -> String {
    match condition {
        Condition::Preset(preset) => preset.name().to_owned(),
        condition => format!("{condition:?}"),
    }
}

fn output(rules: &[(Then, &str)]) -> Vec<Rule> {
    rules.iter().map(|(then, text)| Rule::on_output(*then, text).unwrap()).collect()
}

fn timed_out(survivors: Survivors) -> Outcome {
    let escalation = Escalation::Killed;
    Outcome::TimedOut(TimedOut { limit: Limit::Timeout, signal: Signal::SIGTERM, escalation, survivors })
}

fn not_started(kind: SpawnFailure) -> Outcome {
    Outcome::NotStarted(NotStarted { kind, why: String::new() })
}

/// What is seen of these lines on stderr.
fn seen(rules: &Rules, stderr: &str) -> Seen {
    let mut watcher = Watcher::new(&rules.watchlist(), Stream::Stderr);
    watcher.feed(stderr.as_bytes());
    watcher.finish()
}

fn judge(rules: &Rules, outcome: &Outcome, stderr: &str) -> Verdict {
    rules.judge(&Evidence { outcome, seen: &seen(rules, stderr), survivors: &Survivors::None })
}

/// The verdict in the words of a message: the rule behind it, and the advice.
fn description(rules: &Rules, outcome: &Outcome, stderr: &str) -> String {
    let why = |why| match why {
        Why::Rule(id) => rules[id].to_string(),
        Why::Missing(id) => format!("missing {}", rules[id]),
        Why::LeftOut { advice } => match advice.and_then(|id| rules.advice(id)) {
            Some(advice) => format!("left out by {}; {advice}", rules.retry_text()),
            None => format!("left out by {}", rules.retry_text()),
        },
        Why::Permanent => "permanent".to_owned(),
        Why::NoRule => "no rule".to_owned(),
        Why::Condition => unreachable!("the rules do not know --retry-if"),
    };
    match judge(rules, outcome, stderr) {
        Verdict::Good => "good".to_owned(),
        Verdict::Retry(reason) => format!("retry: {}", why(reason)),
        Verdict::Stop(reason) => format!("stop: {}", why(reason)),
    }
}

#[test]
fn without_rules_failures_are_retried_unless_permanent() {
    let rules = Rules::default();
    assert_eq!(judge(&rules, &Outcome::Exited(0), ""), Verdict::Good);
    let transient = [
        Outcome::Exited(1),
        Outcome::Killed(Signal::SIGKILL),
        timed_out(Survivors::None),
        not_started(SpawnFailure::Transient),
    ];
    for outcome in transient {
        assert_eq!(judge(&rules, &outcome, ""), Verdict::Retry(Why::NoRule), "{outcome:?}");
    }
    let permanent = [
        Outcome::Killed(Signal::SIGINT),
        Outcome::Killed(Signal::SIGQUIT),
        Outcome::Killed(Signal::SIGPIPE),
        not_started(SpawnFailure::NotFound),
        not_started(SpawnFailure::NotExecutable),
        timed_out(Survivors::Processes(vec![42])),
    ];
    for outcome in permanent {
        assert_eq!(judge(&rules, &outcome, ""), Verdict::Stop(Why::Permanent), "{outcome:?}");
    }
}

#[test]
fn no_rule_lets_an_attempt_follow_processes_that_could_not_be_ended() {
    let everything = [Condition::Codes(0, 255), Condition::Timeout];
    for then in [Then::Retry, Then::Success] {
        let rules = Rules::new(on(then, &everything));
        for (outcome, survivors) in [
            (Outcome::Exited(1), Survivors::Unknown),
            (timed_out(Survivors::Processes(vec![1])), Survivors::None),
        ] {
            let evidence = Evidence { outcome: &outcome, seen: &Seen::default(), survivors: &survivors };
            assert_eq!(rules.judge(&evidence), Verdict::Stop(Why::Permanent), "{then:?} {outcome:?}");
        }
    }
}

#[test]
fn a_retry_rule_leaves_everything_else_out_and_says_so() {
    let rules = Rules::new(on(Then::Retry, &[Condition::Code(7)]));
    assert_eq!(description(&rules, &Outcome::Exited(7), ""), "retry: --retry-on Code(7)");
    assert_eq!(description(&rules, &timed_out(Survivors::None), ""), "stop: left out by --retry-on Code(7)");
}

#[test]
fn stop_beats_retry_and_never_turns_a_success_into_a_failure() {
    let all = [Condition::Codes(0, 255)];
    let stop = Rules::new(on(Then::Stop, &all));
    assert_eq!(judge(&stop, &Outcome::Exited(0), ""), Verdict::Good);
    // The order in which they are given does not matter.
    let both = Rules::new([on(Then::Retry, &all), on(Then::Stop, &all)].concat());
    assert_eq!(description(&both, &Outcome::Exited(3), ""), "stop: --stop-on Codes(0, 255)");
    assert_eq!(description(&both, &Outcome::Exited(0), ""), "stop: --stop-on Codes(0, 255)");
}

#[test]
fn a_retry_rule_may_match_a_good_attempt() {
    let rules = Rules::new(on(Then::Retry, &[Condition::Code(0)]));
    assert!(matches!(judge(&rules, &Outcome::Exited(0), ""), Verdict::Retry(Why::Rule(_))));
}

#[test]
fn a_success_set_replaces_zero() {
    let rules = Rules::new(on(Then::Success, &[Condition::Code(3), Condition::Timeout]));
    assert_eq!(judge(&rules, &Outcome::Exited(3), ""), Verdict::Good);
    assert_eq!(judge(&rules, &timed_out(Survivors::None), ""), Verdict::Good);
    assert_eq!(judge(&rules, &Outcome::Exited(0), ""), Verdict::Retry(Why::NoRule));
}

#[test]
fn the_output_decides_together_with_the_status() {
    let code = Outcome::Exited;
    let required = Rules::new(output(&[(Then::Require, "ready"), (Then::Require, "stderr:set")]));
    assert_eq!(description(&required, &code(0), "ready, set"), "good");
    assert_eq!(description(&required, &code(0), ""), "retry: missing --require-output ready");
    assert_eq!(description(&required, &code(0), "ready"), "retry: missing --require-output stderr:set");
    assert_eq!(description(&required, &code(1), ""), "retry: no rule");
    assert_eq!(description(&required, &code(1), "ready, set"), "retry: no rule");

    let success = Rules::new(output(&[(Then::Success, "already"), (Then::Stop, "exists")]));
    assert_eq!(description(&success, &code(1), "already exists"), "good");
    assert_eq!(description(&success, &code(0), "exists"), "good");
    assert_eq!(description(&success, &code(1), "exists"), "stop: --stop-on-output exists");

    let retry = output(&[(Then::Retry, "busy"), (Then::Stop, "gone")]);
    let by_output = Rules::new(retry.clone());
    assert_eq!(description(&by_output, &code(0), "busy"), "retry: --retry-on-output busy");
    assert_eq!(description(&by_output, &code(1), "busy, gone"), "stop: --stop-on-output gone");
    assert_eq!(description(&by_output, &code(1), ""), "stop: left out by --retry-on-output busy");

    let preset = Rule::on_outcome(Then::Retry, "tool", Condition::Preset(tool()));
    let both = Rules::new(retry.into_iter().chain([preset]));
    let left_out = "stop: left out by --retry-on tool --retry-on-output busy";
    assert_eq!(description(&both, &code(22), ""), format!("{left_out}; add -S"));
    assert_eq!(description(&both, &code(22), "error: 404\n"), left_out);
    assert_eq!(description(&both, &code(22), "error: 503\n"), "retry: --retry-on tool");
    assert_eq!(description(&both, &code(22), "error: 503, busy\n"), "retry: --retry-on tool");
}

#[test]
fn auto_without_a_preset_leaves_the_default_rule() {
    let items = [Condition::Auto, Condition::Code(137), Condition::Signal(Signal::SIGINT)];
    let rules = Rules::new(on(Then::Retry, &items));
    assert_eq!(judge(&rules, &Outcome::Exited(0), ""), Verdict::Good);
    assert_eq!(judge(&rules, &Outcome::Exited(1), ""), Verdict::Retry(Why::NoRule));
    assert_eq!(judge(&rules, &Outcome::Killed(Signal::SIGPIPE), ""), Verdict::Stop(Why::Permanent));
    assert!(matches!(judge(&rules, &Outcome::Killed(Signal::SIGINT), ""), Verdict::Retry(Why::Rule(_))));
}

#[test]
fn rules_are_shown_as_they_were_typed() {
    let given = [
        output(&[(Then::Retry, "stdout:busy: .*")]),
        on(Then::Retry, &[Condition::Code(7), Condition::Nonzero]),
        output(&[(Then::Retry, "late")]),
    ];
    let rules = Rules::new(given.concat());
    assert_eq!(rules.set_text(Then::Retry).as_deref(), Some("Code(7),Nonzero"));
    assert_eq!((rules.set_text(Then::Success), rules.set_text(Then::Stop)), (None, None));
    let all = "--retry-on Code(7),Nonzero --retry-on-output stdout:busy: .* --retry-on-output late";
    assert_eq!(rules.retry_text(), all);
}

/// Up to two conditions, some of which overlap.
fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    let pool = prop::sample::select(vec![
        Condition::Code(0),
        Condition::Code(1),
        Condition::Code(130),
        Condition::Codes(0, 22),
        Condition::Nonzero,
        Condition::AnySignal,
        Condition::Signal(Signal::SIGINT),
        Condition::Timeout,
        Condition::Spawn,
        Condition::Auto,
        Condition::Preset(tool()),
    ]);
    prop::collection::vec(pool, 0..3)
}

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..3)
}

/// The rules as four sets and four lists of words, and the verdict as a table of five lines: the documentation of
/// the flags as a function.
#[derive(Debug, Clone)]
struct Flags {
    sets: [Vec<Condition>; 3],
    words: [Vec<&'static str>; 4],
}

const SETS: [Then; 3] = [Then::Retry, Then::Stop, Then::Success];
const WORDS: [Then; 4] = [Then::Retry, Then::Stop, Then::Success, Then::Require];

impl Flags {
    fn rules(&self) -> Rules {
        let sets = SETS.into_iter().zip(&self.sets).flat_map(|(then, set)| on(then, set));
        let words = WORDS
            .into_iter()
            .zip(&self.words)
            .flat_map(|(then, words)| output(&words.iter().map(|word| (then, *word)).collect::<Vec<_>>()));
        Rules::new(sets.chain(words))
    }

    fn verdict(&self, outcome: &Outcome, stderr: &str, seen: &Seen) -> String {
        let [retry_on, stop_on, success_on] = &self.sets;
        let [retry_words, stop_words, success_words, required] = &self.words;
        let item = |flag: &str, set: &[Condition]| {
            let found = set.iter().find(|condition| condition.matches(outcome, seen));
            found.map(|condition| format!("{flag} {}", text(condition)))
        };
        let word = |flag: &str, words: &[&str]| {
            words.iter().find(|word| stderr.contains(**word)).map(|word| format!("{flag} {word}"))
        };
        let retry = item("--retry-on", retry_on).or(word("--retry-on-output", retry_words));
        let in_set = if success_on.is_empty() {
            *outcome == Outcome::Exited(0)
        } else {
            item("", success_on).is_some()
        };
        let missing = required.iter().find(|word| !stderr.contains(**word));
        let is_good = in_set && missing.is_none() || word("", success_words).is_some();
        if matches!(outcome, Outcome::TimedOut(timed_out) if timed_out.survivors != Survivors::None) {
            return "stop: permanent".to_owned();
        }
        if is_good && retry.is_none() {
            return "good".to_owned();
        }
        if let Some(rule) = item("--stop-on", stop_on).or(word("--stop-on-output", stop_words)) {
            return format!("stop: {rule}");
        }
        if let Some(rule) = retry {
            return format!("retry: {rule}");
        }
        if outcome.is_permanent() {
            return "stop: permanent".to_owned();
        }
        let nothing_given = retry_on.is_empty() && retry_words.is_empty();
        if nothing_given || retry_on.contains(&Condition::Auto) {
            return match missing.filter(|_| in_set) {
                Some(word) => format!("retry: missing --require-output {word}"),
                None => "retry: no rule".to_owned(),
            };
        }
        let silent = *outcome == Outcome::Exited(22) && stderr.is_empty();
        let advice = if silent && retry_on.contains(&Condition::Preset(tool())) { "; add -S" } else { "" };
        let set: Vec<String> = retry_on.iter().map(text).collect();
        let set = (!set.is_empty()).then(|| format!("--retry-on {}", set.join(",")));
        let words = retry_words.iter().map(|word| format!("--retry-on-output {word}"));
        let all: Vec<String> = set.into_iter().chain(words).collect();
        format!("stop: left out by {}{advice}", all.join(" "))
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Exited(0),
        Outcome::Exited(1),
        Outcome::Exited(22),
        Outcome::Exited(28),
        Outcome::Exited(99),
        Outcome::Killed(Signal::SIGINT),
        Outcome::Killed(Signal::SIGKILL),
        timed_out(Survivors::None),
        timed_out(Survivors::Unknown),
        not_started(SpawnFailure::NotFound),
        not_started(SpawnFailure::Transient),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn the_list_decides_as_the_table_of_the_flags(
        sets in [conditions(), conditions(), conditions()],
        words in [words(), words(), words(), words()],
        outcome in outcomes(),
        stderr in "[a-d]{0,2}",
    ) {
        let flags = Flags { sets, words };
        let rules = flags.rules();
        let seen = seen(&rules, &stderr);
        prop_assert_eq!(description(&rules, &outcome, &stderr), flags.verdict(&outcome, &stderr, &seen));
    }
}
