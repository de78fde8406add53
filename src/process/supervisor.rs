//! Runs the command of a plan, attempt by attempt. It connects the event loop, the process tree, the streams and the
//! rules; it decides nothing itself.
//!
//! | file | owns |
//! |---|---|
//! | `attempt` | one attempt, from its start to the end of what it left behind |
//! | `command` | a command, of an attempt or a hook: start, time limits, end |
//! | `drain` | the rest of the output of a command that has ended, and held output |
//! | `hooks` | the commands of `--retry-if`, `--before-retry` and `--fallback` |
//! | `delay` | the delay between two attempts |
//! | `conclusion` | what follows the last attempt |

mod attempt;
mod command;
mod conclusion;
mod delay;
mod drain;
mod hooks;

use super::event_loop::EventLoop;
use super::guard::{GuardNow, SharedGuard};
use super::progress_timer::ProgressTimer;
use super::tree::Tree;
use super::wait_policy::RunWaitPolicy;
use crate::core::exit_code::ExitCode;
use crate::core::outcome::{Outcome, Survivors};
use crate::core::output::Seen;
use crate::core::plan::Plan;
use crate::core::rules::Evidence;
use crate::core::signal::Signal;
use crate::core::stream::Stream;
use crate::core::verdict::Verdict;
use crate::platform::terminal::Terminal;
use crate::platform::{descendants, this_process};
use crate::run::driver::{BeforeRetry, Driver, FinishedAttempt, LeftRunning, RetryIf, Waited};
use crate::run::event::{CircuitChange, Observer, Times};
use crate::streams::stdio::Streams;
use retry_loop::circuit::Observation;
use retry_loop::run::Guard;
use retry_loop::server_hint::ServerHint;
use std::io;
use std::time::Duration;

/// Runs the command of a plan, attempt by attempt.
#[derive(Debug)]
pub struct Supervisor<'a> {
    plan: &'a Plan,
    event_loop: EventLoop,
    /// The descendants of the whole run; those of one attempt are a part of them.
    run_tree: Tree,
    inherited: Inherited,
    progress: ProgressTimer,
    guard: Option<SharedGuard>,
    /// The number of the attempt that runs, or of the last one. `--before-retry` gets the number of the next attempt.
    number: u64,
    last: LastAttempt,
    totals: Totals,
}

/// Things that we inherited from the process that started us, and share with the command.
#[derive(Debug)]
struct Inherited {
    terminal: Option<Terminal>,
    /// The signal that the command gets when we die.
    death_signal: Signal,
}

/// The last attempt that has ended. Each attempt replaces all of it.
#[derive(Debug, Default)]
struct LastAttempt {
    /// Its status, as in `$?`; `None` before the first attempt has ended.
    status: Option<ExitCode>,
    seen: Seen,
    hint: ServerHint,
    left_running: LeftRunning,
}

/// What a run counts and remembers over all attempts.
#[derive(Debug, Default)]
struct Totals {
    /// The sum of all delays.
    waited: Duration,
    /// The sum of the times for which attempts ran.
    worked: Duration,
    used_up_stdin: Notice,
    unusable_retry_if: Notice,
    kill: Notice,
    reminder: Notice,
    /// The end of the run's processes after an interruption.
    tree_end: Notice,
}

/// Something that the user is told once in a run.
#[derive(Debug, Default, PartialEq, Eq)]
enum Notice {
    #[default]
    Due,
    Given,
}

impl Notice {
    /// Returns `Due` the first time, then `Given`.
    fn give(&mut self) -> Self {
        std::mem::replace(self, Self::Given)
    }
}

impl<'a> Supervisor<'a> {
    /// Starts the clock, catches signals, opens the streams and adopts orphans.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn new(plan: &'a Plan) -> io::Result<Self> {
        let event_loop = EventLoop::new(Streams::new(plan)?)?;
        descendants::adopt_orphans();
        Ok(Self {
            plan,
            event_loop,
            run_tree: Tree::new(),
            inherited: Inherited {
                terminal: Terminal::find(),
                death_signal: this_process::death_signal().unwrap_or(plan.limits.timeout_signal),
            },
            progress: ProgressTimer::default(),
            guard: plan.shared.as_ref().map(|config| SharedGuard::new(config, plan.limits.longest_attempt())),
            number: 0,
            last: LastAttempt::default(),
            totals: Totals::default(),
        })
    }

    /// How the time of the run was spent so far.
    pub fn times(&self) -> Times {
        let Totals { waited, worked, .. } = self.totals;
        Times { elapsed: self.event_loop.now(), waited, worked }
    }

    /// The output streams for which the command gets a pipe instead of our own descriptor.
    pub fn piped(&mut self) -> Vec<Stream> {
        self.event_loop.streams().piped().collect()
    }

    /// How long messages and reports at the end of the run may wait for their readers.
    pub fn final_wait_policy(&mut self) -> RunWaitPolicy<'_> {
        RunWaitPolicy::at_the_end(&mut self.event_loop, self.plan.policy.deadline)
    }

    fn guard_now<'g>(&'g mut self, observer: &'g mut dyn Observer<Outcome>) -> GuardNow<'g, Outcome> {
        GuardNow { now: self.event_loop.now(), guard: self.guard.as_mut(), observer }
    }
}

impl Drop for Supervisor<'_> {
    /// What a command has left running on purpose lives on after the run. Not reached when we are killed.
    fn drop(&mut self) {
        descendants::release();
    }
}

impl Driver for Supervisor<'_> {
    type Outcome = Outcome;

    fn attempt(&mut self, number: u64, observer: &mut dyn Observer<Outcome>) -> FinishedAttempt<Outcome> {
        self.make_attempt(number, observer)
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        let LastAttempt { seen, left_running, .. } = &self.last;
        let survivors =
            if let LeftRunning::Stuck(survivors) = left_running { survivors } else { &Survivors::None };
        self.plan.rules.judge(&Evidence { outcome, seen, survivors })
    }

    fn observation(&self, outcome: &Outcome, verdict: &Verdict) -> Observation {
        outcome.observation(verdict)
    }

    fn server_hint(&self) -> ServerHint {
        self.last.hint
    }

    fn retry_if(&mut self, outcome: &Outcome, observer: &mut dyn Observer<Outcome>) -> RetryIf<Outcome> {
        self.run_retry_if(outcome, observer)
    }

    fn before_retry(&mut self, number: u64, observer: &mut dyn Observer<Outcome>) -> BeforeRetry<Outcome> {
        self.run_before_retry(number, observer)
    }

    fn guard<'g>(&'g mut self, observer: &'g mut dyn Observer<Outcome>) -> impl Guard + 'g {
        self.guard_now(observer)
    }

    fn circuit_change(&mut self) -> Option<CircuitChange> {
        self.guard.as_mut()?.change.take()
    }

    fn wait(&mut self, delay: Duration, observer: &mut dyn Observer<Outcome>) -> Waited {
        self.wait_between_attempts(delay, observer)
    }

    fn interrupted(&mut self, observer: &mut dyn Observer<Outcome>) -> Option<Signal> {
        self.event_loop.handle_signals();
        self.end_tree_if_interrupted(observer);
        self.event_loop.interrupted()
    }

    fn elapsed(&self) -> Duration {
        self.event_loop.now()
    }
}
