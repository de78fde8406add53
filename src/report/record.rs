//! The account of a run, kept while it happens: how many attempts, how it ended, and, where a report
//! wants it, each attempt. It formats nothing.

use super::clock;
use super::event::{Event, GaveUp, Next, Times};
use crate::core::outcome::{Ending, Exit, Outcome};
use crate::core::policy::Why;
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
    /// What the last event said about the end.
    result: Option<Result>,
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
    /// The delay that was announced after it.
    pub delay: Option<Duration>,
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

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Result {
    /// As many good attempts as were wanted.
    Success,
    /// A failure that was not worth another attempt.
    Stopped,
    /// No attempts were left.
    Exhausted,
    /// No time was left.
    Deadline,
    /// The circuit breaker refused an attempt.
    CircuitOpen,
    /// The retry budget had nothing left.
    BudgetEmpty,
    /// A signal ended it.
    Interrupted,
    /// A failure of `retry` itself, or nobody to write the output to.
    Error,
}

/// The totals of a run that is over.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// How it ended. A fallback does not change that.
    pub result: Result,
    /// What `retry` ends with, as a shell shows it in `$?`.
    pub exit_status: u8,
    /// Whether it succeeded only because there was more than one attempt.
    pub rescued: Rescued,
    /// Attempts that were started.
    pub attempts: u64,
    /// Where the time went.
    pub times: Times,
}

/// Whether a success needed more than one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescued {
    /// An earlier attempt had failed.
    Yes,
    /// Nothing failed, or nothing succeeded.
    No,
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
                self.ended(*took, outcome, Judged::Good, Some(next));
            }
            Event::Failed { outcome, took, next, .. } => {
                self.last_failure = Some((*outcome).clone());
                self.cause.clone_from(&self.last_failure);
                let judged = if let Next::Stop { .. } = next { Judged::Stop } else { Judged::Retry };
                self.ended(*took, outcome, judged, Some(next));
            }
            Event::Succeeded { outcome, took, .. } => {
                self.result = Some(Result::Success);
                self.ended(*took, outcome, Judged::Good, None);
            }
            Event::Interrupted { running, .. } => {
                self.result = Some(Result::Interrupted);
                if let (Some((outcome, took)), Some(attempt)) = (running, self.current()) {
                    attempt.ended = Some((*took, (*outcome).clone()));
                }
            }
            Event::NoTime { .. } => self.result = Some(Result::Deadline),
            Event::CircuitOpen { .. } => self.result = Some(Result::CircuitOpen),
            Event::HookFailed { .. }
            | Event::ConditionFailed { .. }
            | Event::FallingBack
            | Event::Broken { .. }
            | Event::Warning { .. }
            | Event::OutputLost { .. } => {}
        }
    }

    fn ended(&mut self, took: Duration, outcome: &Outcome, judged: Judged, next: Option<&Next>) {
        let (mut why, mut delay) = (None, None);
        match next {
            Some(Next::Retry { delay: announced, why: rule, .. }) => {
                (why, delay) = (rule.clone(), Some(*announced));
            }
            Some(Next::Stop { why: rule }) => {
                why = Some(rule.clone());
                self.result = Some(Result::Stopped);
            }
            Some(Next::GiveUp { why: rule, cause, .. }) => {
                why.clone_from(rule);
                self.result = Some(match cause {
                    GaveUp::Exhausted => Result::Exhausted,
                    GaveUp::OutOfTime { .. } => Result::Deadline,
                    GaveUp::CircuitOpen { .. } => Result::CircuitOpen,
                    GaveUp::BudgetEmpty => Result::BudgetEmpty,
                });
            }
            None => {}
        }
        if let Some(attempt) = self.current() {
            attempt.ended = Some((took, outcome.clone()));
            (attempt.verdict, attempt.why, attempt.delay) = (Some(judged), why, delay);
        }
    }

    fn current(&mut self) -> Option<&mut AttemptRecord> {
        let detail = self.detail.as_mut()?;
        detail.last.back_mut().or(detail.first.last_mut())
    }

    /// The totals.
    pub fn summary(&self, ending: &Ending<Outcome>, exit: Exit, times: Times) -> Summary {
        let result = match ending {
            Ending::Succeeded { .. } => Result::Success,
            Ending::Stopped { .. } => Result::Stopped,
            Ending::Exhausted { .. } => Result::Exhausted,
            Ending::OutOfTime { .. } => Result::Deadline,
            Ending::CircuitOpen { .. } => Result::CircuitOpen,
            Ending::BudgetEmpty { .. } => Result::BudgetEmpty,
            Ending::Interrupted { .. } => Result::Interrupted,
            // The last event before the fallback said why it ran.
            Ending::FellBack { .. } => self.result.unwrap_or(Result::Error),
            Ending::Broken(_) | Ending::NoReader => Result::Error,
        };
        let rescued = match ending {
            Ending::Succeeded { failures: 1.., .. } => Rescued::Yes,
            _ => Rescued::No,
        };
        Summary { result, exit_status: exit.status(), rescued, attempts: self.attempts, times }
    }
}

impl Detail {
    fn begin(&mut self, number: u64, started: SystemTime) {
        let attempt = AttemptRecord { number, started, ended: None, verdict: None, why: None, delay: None };
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

impl Result {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Stopped => "stopped",
            Self::Exhausted => "exhausted",
            Self::Deadline => "deadline",
            Self::CircuitOpen => "circuit-open",
            Self::BudgetEmpty => "budget-empty",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
        }
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
