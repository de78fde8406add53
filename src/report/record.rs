//! The account of a run, kept while it happens: how many attempts, how it ended, and, where a report
//! wants it, each attempt. It formats nothing.

use super::{clock, text};
use crate::core::account::{Account, RunResult};
use crate::core::outcome::{Ending, Exit, Outcome, RunEnd};
use crate::core::plan::Plan;
use crate::core::rules::Why;
use crate::run::event::{Event, Times};
use retry_loop::run::{Next, StopReason};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

/// A run without a limit can go on for years: of the attempts so many first ones and so many last ones
/// are kept.
const KEPT: usize = 5000;

/// What happened so far.
#[derive(Debug, Default)]
pub struct Record {
    /// Attempts that were started.
    pub attempts: u64,
    /// How the last failed attempt ended.
    pub last_failure: Option<Outcome>,
    /// How the last attempt ended, if it failed.
    pub cause: Option<Outcome>,
    /// Where a report wants it.
    pub detail: Option<Detail>,
}

/// Each attempt with its time of day.
#[derive(Debug)]
pub struct Detail {
    /// The start of the run.
    pub started: SystemTime,
    first: Vec<AttemptRecord>,
    last: VecDeque<AttemptRecord>,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// From 1.
    pub number: u64,
    /// Its start.
    pub started: SystemTime,
    /// How long it ran and how it ended, when it has.
    pub ended: Option<(Duration, Outcome)>,
    /// What that means; none when it was interrupted.
    pub verdict: Option<Judged>,
    /// The rule that said so.
    pub why: Option<Why>,
    /// What was to follow it.
    pub next: Option<Next>,
}

/// What an attempt's outcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It was good.
    Good,
    /// It is worth another one, whether or not one was allowed.
    Retry,
    /// It is not worth another one.
    Stop,
}

/// The totals of a run that is over.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How it ended. A fallback does not change that.
    pub ending: Ending,
    /// What `retry` ends with, as a shell shows it in `$?`.
    pub exit_status: u8,
    /// Attempts that were started.
    pub attempts: u64,
    /// Where the time went.
    pub times: Times,
}

impl Summary {
    /// The run as `--stats` would read it from a report.
    pub fn account(&self, plan: &Plan) -> Account {
        Account {
            name: plan.messages.label.clone().unwrap_or_else(|| text::command_name(&plan.command)),
            outcome: self.ending.word().into(),
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

impl Record {
    /// A record with or without each attempt.
    pub fn new(detail: Option<SystemTime>) -> Self {
        let detail = detail.map(|started| Detail { started, first: Vec::new(), last: VecDeque::new() });
        Self { detail, ..Self::default() }
    }

    /// Takes note of an event.
    pub fn note(&mut self, event: &Event<'_, Outcome>) {
        match event {
            Event::Starting { number } => {
                self.attempts = *number;
                if let Some(detail) = &mut self.detail {
                    detail.begin(*number, clock::now());
                }
            }
            Event::Good { outcome, took, next, .. } => {
                self.cause = None;
                self.ended(*took, outcome, Judged::Good, None, Some(*next));
            }
            Event::Failed { outcome, took, why, next, .. } => {
                self.last_failure = Some((*outcome).clone());
                self.cause.clone_from(&self.last_failure);
                self.ended(*took, outcome, Judged::failure(*next), Some(why), Some(*next));
            }
            Event::Succeeded { outcome, took, .. } => self.ended(*took, outcome, Judged::Good, None, None),
            Event::Interrupted { running: Some((outcome, took)), .. } => {
                if let Some(attempt) = self.current() {
                    attempt.ended = Some((*took, (*outcome).clone()));
                }
            }
            Event::Refused { .. }
            | Event::Interrupted { running: None, .. }
            | Event::HookFailed { .. }
            | Event::ConditionFailed { .. }
            | Event::FallingBack
            | Event::Broken { .. }
            | Event::Warning { .. }
            | Event::OutputLost { .. } => {}
        }
    }

    fn ended(
        &mut self,
        took: Duration,
        outcome: &Outcome,
        judged: Judged,
        why: Option<&Why>,
        next: Option<Next>,
    ) {
        if let Some(attempt) = self.current() {
            attempt.ended = Some((took, outcome.clone()));
            (attempt.verdict, attempt.why, attempt.next) = (Some(judged), why.cloned(), next);
        }
    }

    fn current(&mut self) -> Option<&mut AttemptRecord> {
        let detail = self.detail.as_mut()?;
        detail.last.back_mut().or(detail.first.last_mut())
    }

    /// The totals.
    pub fn summary(&self, end: &RunEnd<Outcome>, exit: Exit, times: Times) -> Summary {
        Summary { ending: end.ending.clone(), exit_status: exit.status(), attempts: self.attempts, times }
    }
}

impl Judged {
    /// What a failure means after which this comes.
    pub fn failure(next: Next) -> Self {
        match next {
            Next::Stop(
                StopReason::Permanent | StopReason::RetryAfterTooLong(_) | StopReason::QuotaExhausted(_),
            ) => Self::Stop,
            _ => Self::Retry,
        }
    }
}

impl Detail {
    fn begin(&mut self, number: u64, started: SystemTime) {
        let attempt = AttemptRecord { number, started, ended: None, verdict: None, why: None, next: None };
        if self.first.len() < KEPT {
            self.first.push(attempt);
            return;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(attempt);
    }

    /// The attempts that were kept, in order.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.first.iter().chain(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_attempts_are_kept() {
        let mut record = Record::new(Some(SystemTime::UNIX_EPOCH));
        let kept = KEPT as u64;
        for number in 1..=3 * kept {
            record.note(&Event::Starting { number });
        }
        let numbers: Vec<u64> = record.detail.unwrap().attempts().map(|attempt| attempt.number).collect();
        assert_eq!(numbers.len(), 2 * KEPT);
        assert_eq!((numbers[0], numbers[KEPT - 1], numbers[KEPT]), (1, kept, 2 * kept + 1));
        assert_eq!((numbers.last(), record.attempts), (Some(&(3 * kept)), 3 * kept));
    }
}
