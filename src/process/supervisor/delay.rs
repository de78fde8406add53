//! The delay between two attempts.

use super::Supervisor;
use crate::core::outcome::Outcome;
use crate::core::stream::Cursor;
use crate::process::event_loop::Wakeup;
use crate::process::wait_policy::RunWaitPolicy;
use crate::report::output;
use crate::run::driver::Waited;
use crate::run::event::{Activity, Observer};
use std::time::Duration;

impl Supervisor<'_> {
    /// Waits for `delay`, then for the readers of messages that are not written yet.
    pub(super) fn wait_between_attempts(
        &mut self,
        delay: Duration,
        observer: &mut dyn Observer<Outcome>,
    ) -> Waited {
        let begun = self.event_loop.now();
        let due = begun.saturating_add(delay);
        if !delay.is_zero() {
            self.progress.tick(begun, Activity::Waiting { left: delay, elapsed: begun }, observer);
        }
        let waited = self.wait_until(due, observer);
        self.progress.finish(observer);
        if waited == Waited::Elapsed {
            let deadline = self.plan.policy.deadline;
            output::catch_up(&mut RunWaitPolicy::between_attempts(&mut self.event_loop, deadline));
        }
        let waited = self.event_loop.interrupted().map_or(waited, Waited::Interrupted);
        if matches!(waited, Waited::Interrupted(_)) {
            // The terminal echoes Ctrl-C as `^C`.
            self.progress.cursor_moved(Cursor::Unknown, observer);
        }
        if !delay.is_zero() {
            let took = self.event_loop.now().saturating_sub(begun);
            self.totals.waited = self.totals.waited.saturating_add(took);
        }
        waited
    }

    fn wait_until(&mut self, due: Duration, observer: &mut dyn Observer<Outcome>) -> Waited {
        loop {
            let next_check = self.progress.due().map_or(due, |tick| tick.min(due));
            let wakeup = self.event_loop.next(Some(next_check));
            if let Some(signal) = self.event_loop.interrupted() {
                self.end_tree_if_interrupted(observer);
                return Waited::Interrupted(signal);
            }
            let now = self.event_loop.now();
            if now >= due {
                return Waited::Elapsed;
            }
            if wakeup == Wakeup::TimerExpired {
                let activity = Activity::Waiting { left: due.saturating_sub(now), elapsed: now };
                self.progress.tick(now, activity, observer);
            }
        }
    }
}
