//! An attempt of the command from start to end. It connects spawn, wait and tree; it judges nothing
//! but by asking the rules.

use super::group::Group;
use super::spawn::{self, Told};
use super::sys;
use super::tree::{self, Scope, Tree};
use super::wait::{Wait, Woken};
use crate::core::attempt::{Attempt, Done, Waited};
use crate::core::outcome::{Limit, Outcome, TimedOut};
use crate::core::plan::Plan;
use crate::core::policy::Verdict;
use crate::core::signal::Signal;
use std::io;
use std::time::Duration;

/// Runs the command of a plan, attempt by attempt.
#[derive(Debug)]
pub struct Supervisor<'a> {
    plan: &'a Plan,
    wait: Wait,
    previous: Option<u8>,
}

impl<'a> Supervisor<'a> {
    /// Starts the clock and takes charge of signals and orphans.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new(plan: &'a Plan) -> io::Result<Self> {
        let wait = Wait::new()?;
        sys::keep_closed_streams_closed();
        tree::adopt_orphans();
        Ok(Self { plan, wait, previous: None })
    }

    fn run(&mut self, tree: &Tree, started: Duration) -> (Outcome, Duration) {
        let (limit, due) = self.limit(started);
        loop {
            match self.wait.next(due) {
                Woken::Ended(outcome) => return (outcome, self.wait.now().saturating_sub(started)),
                Woken::Due => break,
                Woken::Interrupted => self.kill_if_impatient(),
                Woken::OrphanEnded => {}
            }
        }
        let took = self.wait.now().saturating_sub(started);
        let signal = self.plan.limits.signal;
        let ended = tree.end(&mut self.wait, Scope::Everything, signal, self.plan.limits.kill_after);
        let tree::Ended { escalation, survivors } = ended;
        (Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors }), took)
    }

    /// The smaller of what is left for the attempt and for everything.
    fn limit(&self, started: Duration) -> (Limit, Option<Duration>) {
        let limits = &self.plan.limits;
        let timeout = limits.timeout.map(|timeout| started.saturating_add(timeout));
        match (timeout, limits.deadline) {
            (Some(timeout), Some(deadline)) if deadline < timeout => (Limit::Deadline, Some(deadline)),
            (None, Some(deadline)) => (Limit::Deadline, Some(deadline)),
            (timeout, _) => (Limit::Timeout, timeout),
        }
    }

    fn kill_if_impatient(&self) {
        if self.wait.is_impatient()
            && let Some(pid) = self.wait.command()
        {
            let _gone_meanwhile = Group::of_the_command().send(pid, Signal::SIGKILL);
        }
    }

    /// After an interruption, what the command left behind in our session gets the signal too.
    fn sweep(&mut self, tree: &Tree) {
        if let Some(signal) = self.wait.interrupted() {
            let grace = self.plan.limits.kill_after;
            tree.end(&mut self.wait, Scope::OurSession, signal, grace);
        }
    }
}

impl Attempt for Supervisor<'_> {
    type Outcome = Outcome;

    async fn attempt(&mut self, number: u64) -> Done<Outcome> {
        let mut tree = Tree::begin();
        let started = self.wait.now();
        let told = Told {
            number,
            attempts: self.plan.policy.attempts,
            previous: self.previous,
            elapsed: started,
            depth: self.plan.depth,
        };
        let (outcome, took) = match spawn::spawn(&self.plan.command, &told) {
            Ok(pid) => {
                tree.grows_from(pid);
                self.wait.watch(pid);
                self.kill_if_impatient();
                self.run(&tree, started)
            }
            Err(not_started) => (Outcome::NotStarted(not_started), self.wait.now().saturating_sub(started)),
        };
        // A signal that came while the attempt ended decides before the outcome does.
        self.wait.look_at_signals();
        self.sweep(&tree);
        self.previous = Some(outcome.status());
        Done { outcome, took, interrupted: self.wait.interrupted() }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        self.plan.policy.rules.judge(outcome)
    }

    async fn wait(&mut self, delay: Duration) -> Waited {
        let due = self.wait.now().saturating_add(delay);
        loop {
            let woken = self.wait.next(Some(due));
            if let Some(signal) = self.wait.interrupted() {
                return Waited::Interrupted(signal);
            }
            if woken == Woken::Due {
                return Waited::Elapsed;
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.wait.now()
    }
}
