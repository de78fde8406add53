//! What an outcome means, and which rule decided it. The decision is made in [`super::rules`]; the text of a
//! rule is made where a message is made.

use super::outcome::Outcome;
use retry_loop::circuit::Observation;
use retry_loop::run;

/// What an outcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A good attempt.
    Good,
    /// A failure worth another attempt.
    Retry(Why),
    /// A failure that is final.
    Stop(Why),
}

/// What decided a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// This rule matched.
    Rule(RuleId),
    /// The attempt would be a success, but the output that this rule requires is missing.
    Missing(RuleId),
    /// There are retry rules, and none of them matched.
    LeftOut {
        /// The rule whose preset found nothing to decide by, and has advice about that.
        advice: Option<RuleId>,
    },
    /// Another attempt is pointless by nature, or would overlap with this one.
    Permanent,
    /// No rule matched.
    NoRule,
    /// The command of `--retry-if` decided.
    Condition,
}

/// The place of a rule in the list of its [`super::rules::Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleId(pub(super) usize);

impl Verdict {
    /// The verdict as an observation of the service that the command called. A failure counts against the service
    /// only if it is worth another attempt: a failure that a rule stops or leaves out, or that is permanent, is
    /// about this call.
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
    /// The outcome as an observation of the service, under this verdict. A command that could not be started has
    /// not called the service: this machine had no descriptor or no process left.
    pub fn observation(&self, verdict: &Verdict) -> Observation {
        match self {
            Self::NotStarted(_) => Observation::Neutral,
            Self::Exited(_) | Self::Killed(_) | Self::TimedOut(_) => verdict.observation(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{NotStarted, SpawnFailure};
    use super::*;

    #[test]
    fn a_command_that_did_not_start_says_nothing_about_the_service() {
        let retry = Verdict::Retry(Why::NoRule);
        for kind in [SpawnFailure::Transient, SpawnFailure::NotFound, SpawnFailure::NotExecutable] {
            let outcome = Outcome::NotStarted(NotStarted { kind, why: String::new() });
            assert_eq!(outcome.observation(&retry), Observation::Neutral);
        }
        assert_eq!(Outcome::Exited(1).observation(&retry), Observation::Failure);
        assert_eq!(Outcome::Exited(1).observation(&Verdict::Stop(Why::NoRule)), Observation::Neutral);
        assert_eq!(Outcome::Exited(0).observation(&Verdict::Good), Observation::Success);
    }
}
