//! Conditions on an outcome: the items of `--retry-on`, `--stop-on` and `--success-on`.

use super::exit_code::ExitCode;
use super::outcome::Outcome;
use super::output::Seen;
use super::preset::Preset;
use super::signal::Signal;
use std::sync::Arc;

/// A condition on an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One status as `$?` shows it: also death by a signal above 128, a command that could not be run for 126 and 127,
    /// and a time limit for 124. It names what it means, so it covers permanent outcomes too.
    Code(ExitCode),
    /// A range of statuses. Nobody means SIGINT by `1-255`, so a range leaves permanent outcomes out.
    Codes(ExitCode, ExitCode),
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
    /// The transient failures of a well-known tool, by its exit codes and output.
    Preset(Arc<Preset>),
    /// `auto` where no preset is known for the command. It matches nothing, and an outcome that no other rule
    /// matches is decided as if there were no retry rules.
    Auto,
}

impl Condition {
    /// Whether the outcome, together with what the command printed, meets the condition.
    pub fn matches(&self, outcome: &Outcome, seen: &Seen) -> bool {
        match (self, outcome) {
            (Self::Code(code), outcome) => outcome.status() == *code,
            (Self::Codes(low, high), Outcome::Exited(_) | Outcome::Killed(_)) => {
                (*low..=*high).contains(&outcome.status()) && !outcome.is_permanent()
            }
            (Self::Signal(signal), Outcome::Killed(by)) => signal == by,
            (Self::Nonzero, Outcome::Exited(code)) => *code != 0,
            (Self::AnySignal, Outcome::Killed(by)) => !by.needs_explicit_rule(),
            (Self::Timeout, Outcome::TimedOut(_)) | (Self::Spawn, Outcome::NotStarted(_)) => true,
            (Self::Preset(preset), outcome) => preset.matches(outcome, seen),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Escalation, Limit, Survivors, TimedOut};
    use super::super::preset::{Codes, PresetRule, PresetThen};
    use super::super::signal::HAS_SIGNALS;
    use super::super::stream::Side;
    use super::*;
    use crate::core::outcome::{NotStarted, SpawnFailure};

    #[test]
    fn each_condition_matches_what_it_names() {
        let rule = PresetRule {
            then: PresetThen::Retry,
            codes: Codes::Of(vec![(28, 28)]),
            side: Side::Both,
            pattern: None,
        };
        let tool = Condition::Preset(Arc::new(Preset::new("tool".to_owned(), vec![rule], None)));
        let killed = |signal| Outcome::Killed(signal);
        let not_started = |kind| Outcome::NotStarted(NotStarted { kind, why: String::new() });
        let timed_out = || {
            let (signal, escalation) = (Signal::SIGTERM, Escalation::Killed);
            Outcome::TimedOut(TimedOut {
                limit: Limit::Timeout,
                signal,
                escalation,
                survivors: Survivors::None,
            })
        };
        for (condition, outcome, matches) in [
            (Condition::Code(7), Outcome::Exited(7), true),
            (Condition::Code(137), killed(Signal::SIGKILL), true),
            (Condition::Code(137), Outcome::Exited(137), true),
            (Condition::Code(130), killed(Signal::SIGINT), true),
            (Condition::Code(124), timed_out(), true),
            (Condition::Codes(1, 255), timed_out(), false),
            (Condition::Codes(124, 124), timed_out(), false),
            (Condition::Code(126), not_started(SpawnFailure::NotExecutable), true),
            (Condition::Code(126), not_started(SpawnFailure::NotFound), false),
            (Condition::Code(127), not_started(SpawnFailure::NotFound), true),
            (Condition::Code(127), not_started(SpawnFailure::NoInterpreter), true),
            (Condition::Code(126), not_started(SpawnFailure::NoInterpreter), false),
            (Condition::Codes(1, ExitCode::MAX), killed(Signal::SIGKILL), true),
            (Condition::Codes(1, 255), killed(Signal::SIGINT), false),
            (Condition::Codes(1, 255), not_started(SpawnFailure::NotFound), false),
            (Condition::Codes(5, 7), Outcome::Exited(8), false),
            (Condition::Signal(Signal::SIGINT), killed(Signal::SIGINT), true),
            (Condition::Signal(Signal::SIGINT), Outcome::Exited(130), false),
            (Condition::AnySignal, killed(Signal::SIGKILL), true),
            (Condition::AnySignal, killed(Signal::SIGPIPE), false),
            (Condition::Nonzero, Outcome::Exited(1), true),
            (Condition::Nonzero, Outcome::Exited(0), false),
            (Condition::Nonzero, killed(Signal::SIGKILL), false),
            (Condition::Timeout, timed_out(), true),
            (Condition::Spawn, not_started(SpawnFailure::NotFound), true),
            (tool.clone(), Outcome::Exited(28), true),
            (tool.clone(), Outcome::Exited(22), false),
            (tool, timed_out(), true),
            (Condition::Auto, Outcome::Exited(1), false),
        ] {
            // Without signals, a death by one has no status of its own.
            if HAS_SIGNALS || !matches!((&condition, &outcome), (Condition::Code(_), Outcome::Killed(_))) {
                assert_eq!(
                    condition.matches(&outcome, &Seen::default()),
                    matches,
                    "{condition:?} {outcome:?}"
                );
            }
        }
    }
}
