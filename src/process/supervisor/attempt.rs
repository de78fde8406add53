//! One attempt, from its start to the end of what it left behind.

use super::command::{TimeLimits, cannot_start, not_started};
use super::{LastAttempt, Notice, Supervisor};
use crate::core::outcome::{Outcome, Survivors};
use crate::core::output::Seen;
use crate::core::plan::Leftovers;
use crate::core::rules::Evidence;
use crate::core::stream::Cursor;
use crate::core::verdict::Verdict;
use crate::platform::launch::Program;
use crate::process::tree::{Remaining, Scope, Tree};
use crate::run::driver::{Abort, AttemptDetails, FinishedAttempt, LeftRunning, StdinState};
use crate::run::event::{Activity, Event, Observer};
use crate::streams::error::StreamError;
use std::time::{Duration, SystemTime};

impl Supervisor<'_> {
    pub(super) fn make_attempt(
        &mut self,
        number: u64,
        observer: &mut dyn Observer<Outcome>,
    ) -> FinishedAttempt<Outcome> {
        self.number = number;
        let (outcome, took, tree) = self.run_attempt(observer);
        self.totals.worked = self.totals.worked.saturating_add(took);

        self.drain(&outcome);
        // A signal that came during the drain is also for the processes that hold the pipes.
        self.end_tree_if_interrupted(observer);
        let (seen, hint) = self.event_loop.streams().finish(wall_clock);
        let left_running = match tree {
            Some(tree) => self.handle_leftovers(&tree, &outcome, &seen),
            None => LeftRunning::Nothing,
        };
        self.end_tree_if_interrupted(observer);
        self.last = LastAttempt { status: Some(outcome.status()), seen, hint, left_running };

        self.report_streams(observer);
        let abort = match self.event_loop.streams().failure() {
            Some(StreamError::Lost(what)) => Some(Abort::Broken(what.clone())),
            Some(StreamError::NoReader) | None => self.event_loop.interrupted().map(Abort::Interrupted),
        };
        FinishedAttempt { outcome, took, abort, details: self.details() }
    }

    /// Runs the command of the plan. The tree is `None` if the command could not be tried.
    fn run_attempt(&mut self, observer: &mut dyn Observer<Outcome>) -> (Outcome, Duration, Option<Tree>) {
        let now = self.event_loop.now();
        let limits = TimeLimits {
            timeout: self.plan.limits.timeout.map(|timeout| now.saturating_add(timeout)),
            deadline: self.plan.policy.deadline,
            idle: self.plan.limits.idle,
        };
        let stdio = self.event_loop.streams().begin(now);
        // The last check before the command is started: a key that was pressed before did not reach it, a key that is
        // pressed later does.
        self.event_loop.handle_signals();
        if self.event_loop.interrupted().is_some() {
            return (not_started("interrupted".to_owned()), Duration::ZERO, None);
        }
        let stdio = match stdio {
            Ok(stdio) => stdio,
            Err(error) => return (cannot_start(&error), Duration::ZERO, None),
        };
        self.progress.tick(now, Activity::Running { took: Duration::ZERO }, observer);
        let program = Program::Argv(&self.plan.command);
        let (outcome, took, tree) = self.run_command(program, &self.attempt_env(), stdio, limits, observer);
        self.progress.finish(observer);
        (outcome, took, Some(tree))
    }

    /// Handles what a failed attempt has left running, if its command ended by itself. After a time limit or a signal,
    /// its whole tree was ended.
    fn handle_leftovers(&mut self, tree: &Tree, outcome: &Outcome, seen: &Seen) -> LeftRunning {
        let ended_by_itself = matches!(outcome, Outcome::Exited(_) | Outcome::Killed(_));
        let has_failed = || {
            self.plan.rules.judge(&Evidence { outcome, seen, survivors: &Survivors::None }) != Verdict::Good
        };
        if !ended_by_itself || self.event_loop.interrupted().is_some() || !has_failed() {
            return LeftRunning::Nothing;
        }
        let limits = &self.plan.limits;
        let pids = match (tree.left_running(&mut self.event_loop), limits.leftovers) {
            (Remaining::None, _) => return LeftRunning::Nothing,
            (Remaining::Visible(pids), Leftovers::Keep) => return LeftRunning::Kept(pids),
            (Remaining::Hidden, Leftovers::Keep) => return LeftRunning::KeptHidden,
            (Remaining::Hidden, Leftovers::End) => return LeftRunning::Stuck(Survivors::Unknown),
            (Remaining::Visible(pids), Leftovers::End) => pids,
        };
        match tree
            .end(
                &mut self.event_loop,
                Scope::AllSessions,
                limits.timeout_signal,
                limits.kill_after,
                &mut |_| {},
            )
            .survivors
        {
            Survivors::None => LeftRunning::Ended(pids),
            survivors => LeftRunning::Stuck(survivors),
        }
    }

    /// Tells the observer where the command left the cursor, and whether its output is lost from now on.
    fn report_streams(&mut self, observer: &mut dyn Observer<Outcome>) {
        // The terminal echoes Ctrl-C as `^C`, wherever the cursor is.
        let was_interrupted = self.event_loop.interrupted().is_some();
        let streams = self.event_loop.streams();
        let cursor = if was_interrupted { Cursor::Unknown } else { streams.cursor() };
        self.progress.cursor_moved(cursor, observer);
        if let Some(what) = streams.warning() {
            observer.event(&Event::OutputLost { what });
        }
    }

    fn details(&mut self) -> AttemptDetails {
        let streams = self.event_loop.streams();
        let held = streams.held();
        let is_used_up = streams.input().is_used_up() && self.totals.used_up_stdin.give() == Notice::Due;
        AttemptDetails {
            held,
            stdin: if is_used_up { StdinState::UsedUp } else { StdinState::Available },
            left_running: self.last.left_running.clone(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date is a time of the wall clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
