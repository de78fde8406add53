//! The history of a run: how many attempts were made, how the last ones ended and, where a report needs them, all
//! attempts. Formats nothing.

use super::{clock, format};
use crate::core::account::{Account, RunResult};
use crate::core::exit_code::ExitCode;
use crate::core::outcome::{Ending, Exit, Outcome, RunEnd};
use crate::core::plan::Plan;
use crate::core::verdict::Why;
use crate::run::event::{Event, Moment, Times};
use retry_loop::run::{Next, StopReason, Verdict};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// A run without a limit can go on for years, so only the first and the last attempts are kept; of each, this many.
const MAX_KEPT: usize = 5000;

/// The run so far.
#[derive(Debug, Default)]
pub struct History {
    /// The number of attempts that were started.
    pub attempts: u64,
    /// How the last failed attempt ended.
    pub last_failure: Option<Outcome>,
    /// How the last attempt ended, if it failed.
    pub cause: Option<Outcome>,
    /// The attempts, if a report needs them.
    pub detail: Option<Detail>,
}

/// The attempts with their times of day.
#[derive(Debug)]
pub struct Detail {
    /// When the run started.
    pub started: SystemTime,
    first: Vec<PastAttempt>,
    last: VecDeque<PastAttempt>,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct PastAttempt {
    /// The number of the attempt, from 1.
    pub number: u64,
    /// When it started.
    pub started: SystemTime,
    /// How long it ran and how it ended; `None` while it runs.
    pub ended: Option<(Duration, Outcome)>,
    /// `None` if a signal interrupted the attempt.
    pub verdict: Option<Verdict>,
    /// The rule behind the verdict.
    pub why: Option<Why>,
    /// What was to follow the attempt.
    pub next: Option<Next>,
}

/// The totals of a run that is over.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How the run ended, without the fallback.
    pub ending: Ending,
    /// The exit status of `retry`, as a shell shows it in `$?`.
    pub exit_status: ExitCode,
    /// The number of attempts that were started.
    pub attempts: u64,
    /// How the fallback ended, if it ran.
    pub fallback: Option<Outcome>,
    /// How much time was spent on what.
    pub times: Times,
}

impl Summary {
    /// The run as `--stats` would read it from a report.
    pub fn account(&self, plan: &Plan) -> Account {
        Account {
            name: plan.messages.label.clone().unwrap_or_else(|| format::command_name(&plan.command)),
            outcome: self.ending.name().into(),
            result: match self.ending {
                Ending::Succeeded { failures: 0 } => RunResult::Clean,
                Ending::Succeeded { .. } => RunResult::Rescued,
                _ => RunResult::Lost,
            },
            attempts: self.attempts,
            elapsed: self.times.elapsed,
            waited: self.times.waited,
            exit_status: self.exit_status,
        }
    }
}

impl History {
    /// Keeps the attempts if the time at which the run started is given.
    pub fn new(started: Option<SystemTime>) -> Self {
        let detail = started.map(|started| Detail { started, first: Vec::new(), last: VecDeque::new() });
        Self { detail, ..Self::default() }
    }

    /// Adds an event.
    pub fn add(&mut self, event: &Event<'_, Outcome>) {
        match event {
            Event::Starting { number } => {
                self.attempts = *number;
                if let Some(detail) = &mut self.detail {
                    detail.begin(*number, clock::now());
                }
            }
            Event::Good { outcome, took, next, .. } => {
                self.cause = None;
                self.ended(*took, outcome, Verdict::Success, None, Some(*next));
            }
            Event::Failed { outcome, took, why, next, .. } => {
                self.last_failure = Some((*outcome).clone());
                self.cause.clone_from(&self.last_failure);
                self.ended(*took, outcome, failure_verdict(*next), Some(why), Some(*next));
            }
            Event::Succeeded { outcome, took, .. } => {
                self.ended(*took, outcome, Verdict::Success, None, None);
            }
            Event::Interrupted {
                moment: Moment::During { outcome, took } | Moment::After { outcome, took },
                ..
            } => {
                if let Some(attempt) = self.current() {
                    attempt.ended = Some((*took, (*outcome).clone()));
                }
            }
            Event::Refused { .. }
            | Event::Interrupted { moment: Moment::Before, .. }
            | Event::HookFailed { .. }
            | Event::ConditionFailed { .. }
            | Event::FallingBack
            | Event::FallbackNotStarted { .. }
            | Event::Circuit { .. }
            | Event::Slow { .. }
            | Event::Killing { .. }
            | Event::Broken { .. }
            | Event::Warning { .. }
            | Event::OutputLost { .. } => {}
        }
    }

    fn ended(
        &mut self,
        took: Duration,
        outcome: &Outcome,
        verdict: Verdict,
        why: Option<&Why>,
        next: Option<Next>,
    ) {
        if let Some(attempt) = self.current() {
            attempt.ended = Some((took, outcome.clone()));
            (attempt.verdict, attempt.why, attempt.next) = (Some(verdict), why.copied(), next);
        }
    }

    fn current(&mut self) -> Option<&mut PastAttempt> {
        let detail = self.detail.as_mut()?;
        detail.last.back_mut().or(detail.first.last_mut())
    }

    /// The totals of the run, which has ended.
    pub fn summary(&self, end: &RunEnd<Outcome>, exit: Exit, times: Times) -> Summary {
        Summary {
            ending: end.ending.clone(),
            exit_status: exit.status(),
            attempts: self.attempts,
            fallback: end.fallback.clone(),
            times,
        }
    }
}

/// The verdict on a failure, whether or not another attempt followed it.
pub fn failure_verdict(next: Next) -> Verdict {
    match next {
        Next::Stop(
            StopReason::Permanent | StopReason::RetryAfterTooLong(_) | StopReason::QuotaExhausted(_),
        ) => Verdict::Permanent,
        _ => Verdict::Transient,
    }
}

impl Detail {
    fn begin(&mut self, number: u64, started: SystemTime) {
        let attempt = PastAttempt { number, started, ended: None, verdict: None, why: None, next: None };
        if self.first.len() < MAX_KEPT {
            self.first.push(attempt);
            return;
        }
        if self.last.len() == MAX_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(attempt);
    }

    /// The attempts that are kept, in order.
    pub fn attempts(&self) -> impl Iterator<Item = &PastAttempt> {
        self.first.iter().chain(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_attempts_are_kept() {
        let mut history = History::new(Some(SystemTime::UNIX_EPOCH));
        let kept = MAX_KEPT as u64;
        for number in 1..=3 * kept {
            history.add(&Event::Starting { number });
        }
        let numbers: Vec<u64> = history.detail.unwrap().attempts().map(|attempt| attempt.number).collect();
        assert_eq!(numbers.len(), 2 * MAX_KEPT);
        assert_eq!((numbers[0], numbers[MAX_KEPT - 1], numbers[MAX_KEPT]), (1, kept, 2 * kept + 1));
        assert_eq!((numbers.last(), history.attempts), (Some(&(3 * kept)), 3 * kept));
    }
}
