//! A command, of an attempt or a hook: its start, its time limits and its end.

use super::{Notice, Supervisor};
use crate::core::exit_code::CONTROL_C_EXIT;
use crate::core::os_error::describe;
use crate::core::outcome::{Limit, NotStarted, Outcome, SpawnFailure, TimedOut};
use crate::core::shared::SharedConfig;
use crate::core::signal::Signal;
use crate::platform::group::ProcessGroup;
use crate::platform::launch::Program;
use crate::process::event_loop::Wakeup;
use crate::process::guard::SharedGuard;
use crate::process::spawn::{self, AttemptEnv};
use crate::process::tree::{Scope, Termination, Tree};
use crate::run::event::{Activity, Event, Observer, SlowCause};
use crate::streams::stdio::ChildStdio;
use std::io;
use std::time::Duration;

/// When a command is ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TimeLimits {
    /// A time since the start of the run.
    pub timeout: Option<Duration>,
    /// A time since the start of the run.
    pub deadline: Option<Duration>,
    /// How long the command may write nothing.
    pub idle: Option<Duration>,
}

/// If a command still runs so long after Ctrl-C, the user is told how to kill it.
const REMINDER_AFTER: Duration = Duration::from_secs(1);

/// A limit, and when it is reached as time since the start of the run.
type Due = (Limit, Duration);

impl<'a> Supervisor<'a> {
    pub(super) fn attempt_env(&self) -> AttemptEnv<'a> {
        AttemptEnv {
            number: self.number,
            attempts: self.plan.policy.attempts,
            previous: self.last.status,
            elapsed: self.event_loop.now(),
            depth: self.plan.depth,
            run_id: &self.plan.run_id,
            breaker: self.plan.shared.as_ref().and_then(SharedConfig::outer_breaker),
            failed_with: None,
        }
    }

    /// Runs a command until it has ended, or ends its tree at one of `limits`. Returns how it ended, how long it ran,
    /// and the tree of its processes.
    pub(super) fn run_command(
        &mut self,
        program: Program<'_>,
        env: &AttemptEnv<'_>,
        stdio: ChildStdio,
        limits: TimeLimits,
        observer: &mut dyn Observer<Outcome>,
    ) -> (Outcome, Duration, Tree) {
        let mut tree = Tree::new();
        let started = self.event_loop.now();
        if let Some(terminal) = &mut self.inherited.terminal {
            terminal.save();
        }
        let spawned = spawn::spawn(program, env, &stdio, self.inherited.death_signal);
        // The command has its copies. A pipe reaches its end only when no process holds it, so ours are closed.
        drop(stdio);
        let (outcome, took) = match spawned {
            Ok(pid) => {
                tree.set_command(pid);
                self.run_tree.set_command(pid);
                self.event_loop.watch(pid);
                self.kill_if_requested(observer);
                self.wait_for_command(&tree, started, limits, observer)
            }
            Err(error) => (Outcome::NotStarted(error), self.event_loop.now().saturating_sub(started)),
        };
        // A signal that came while the command ended decides before the outcome does.
        self.event_loop.handle_signals();
        self.end_tree_if_interrupted(observer);
        self.restore_terminal(&outcome);
        (outcome, took, tree)
    }

    /// Waits until the command has ended, or ends its tree at one of `limits`.
    fn wait_for_command(
        &mut self,
        tree: &Tree,
        started: Duration,
        limits: TimeLimits,
        observer: &mut dyn Observer<Outcome>,
    ) -> (Outcome, Duration) {
        let mut reminder = None;
        let limit = loop {
            let due = self.first_due(limits);
            self.renew_permit_if_due(observer);
            let renewal = self.guard.as_ref().and_then(SharedGuard::renewal);
            let next_check =
                [due.map(|(_, at)| at), renewal, self.progress.due(), reminder].into_iter().flatten().min();
            match self.event_loop.next(next_check) {
                Wakeup::CommandEnded(outcome) => {
                    return (outcome, self.event_loop.now().saturating_sub(started));
                }
                Wakeup::Interrupted => {
                    self.kill_if_requested(observer);
                    if self.event_loop.interrupted() == Some(Signal::SIGINT) {
                        let after_a_second = self.event_loop.now().saturating_add(REMINDER_AFTER);
                        reminder.get_or_insert(after_a_second);
                    }
                }
                Wakeup::OrphansReaped | Wakeup::StreamsChanged | Wakeup::Writable | Wakeup::TimerExpired => {}
            }
            // Input or output of the command is lost, so its outcome no longer matters.
            if self.event_loop.streams().failure().is_some() {
                break Limit::Timeout;
            }
            // Checked after every wakeup, not only when the timer expires: the other wakeups may never cease.
            let now = self.event_loop.now();
            if self.progress.due().is_some_and(|due| now >= due) {
                self.progress.tick(now, Activity::Running { took: now.saturating_sub(started) }, observer);
            }
            if reminder.is_some_and(|at| now >= at) {
                reminder = None;
                if !self.event_loop.is_kill_requested() && self.totals.reminder.give() == Notice::Due {
                    observer.activity(Activity::AfterCtrlC);
                }
            }
            if let Some((limit, at)) = due
                && now >= at
                && !self.was_written_meanwhile(limit, limits)
            {
                break limit;
            }
        };
        let took = self.event_loop.now().saturating_sub(started);
        // The permit of a probe has to last until the tree has ended.
        self.guard_now(observer).renew();
        let (signal, kill_after) = (self.plan.limits.timeout_signal, self.plan.limits.kill_after);
        let Termination { escalation, survivors } =
            tree.end(&mut self.event_loop, Scope::AllSessions, signal, kill_after, &mut |left| {
                observer.event(&Event::Slow { signal, left, cause: SlowCause::TimeLimit });
            });
        (Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors }), took)
    }

    /// The limit that is reached first, as far as is known now: output moves the idle limit.
    fn first_due(&mut self, limits: TimeLimits) -> Option<Due> {
        let idle = limits.idle.map(|idle| self.event_loop.streams().active().saturating_add(idle));
        [(Limit::Timeout, limits.timeout), (Limit::Deadline, limits.deadline), (Limit::Idle, idle)]
            .into_iter()
            .filter_map(|(limit, at)| Some((limit, at?)))
            .min_by_key(|(_, at)| *at)
    }

    /// Whether output has moved the idle limit since it was computed.
    fn was_written_meanwhile(&mut self, limit: Limit, limits: TimeLimits) -> bool {
        let active = self.event_loop.streams().active();
        let idle_since = |idle| self.event_loop.now() >= active.saturating_add(idle);
        limit == Limit::Idle && !limits.idle.is_some_and(idle_since)
    }

    fn renew_permit_if_due(&mut self, observer: &mut dyn Observer<Outcome>) {
        let renewal = self.guard.as_ref().and_then(SharedGuard::renewal);
        if renewal.is_some_and(|due| self.event_loop.now() >= due) {
            self.guard_now(observer).renew();
        }
    }

    /// Sends SIGKILL to the command, if repeated signals asked for it.
    fn kill_if_requested(&mut self, observer: &mut dyn Observer<Outcome>) {
        if self.event_loop.is_kill_requested()
            && let Some(pid) = self.event_loop.command()
        {
            if let Some((signal, request)) = self.event_loop.kill_request()
                && self.totals.kill.give() == Notice::Due
            {
                observer.event(&Event::Killing { signal, request });
            }
            let _already_gone = ProcessGroup::for_commands().send(pid, Signal::SIGKILL);
        }
    }

    /// After an interruption, ends the processes of all attempts so far that are still in our session, once. Called
    /// after each wait in which a signal may have come.
    pub(super) fn end_tree_if_interrupted(&mut self, observer: &mut dyn Observer<Outcome>) {
        if let Some(signal) = self.event_loop.interrupted()
            && self.totals.tree_end.give() == Notice::Due
        {
            let kill_after = self.plan.limits.kill_after;
            self.run_tree.end(&mut self.event_loop, Scope::OurSession, signal, kill_after, &mut |left| {
                observer.event(&Event::Slow { signal, left, cause: SlowCause::Interruption });
            });
        }
    }

    /// Restores the terminal after a command that was killed. One that exits may change it on purpose (`stty`).
    fn restore_terminal(&self, outcome: &Outcome) {
        let Some(terminal) = &self.inherited.terminal else { return };
        terminal.take_foreground();
        // On Windows, the exit code says that Ctrl-C has ended it.
        if matches!(outcome, Outcome::Killed(_) | Outcome::TimedOut(_) | Outcome::Exited(CONTROL_C_EXIT)) {
            terminal.restore();
        }
    }
}

/// The outcome when descriptors or memory are short. That may pass, so it is worth another attempt.
pub(super) fn cannot_start(error: &io::Error) -> Outcome {
    not_started(describe(error))
}

pub(super) fn not_started(why: String) -> Outcome {
    Outcome::NotStarted(NotStarted { kind: SpawnFailure::Transient, why })
}
