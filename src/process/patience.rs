//! How long a run waits for those who read what it says: as long as they need, until a signal comes or its
//! time is over. It waits in the event loop, so that stops, orphans and what is left for stderr are seen to.

use super::event_loop::{EventLoop, Wakeup};
use crate::report::wait_policy::{Readiness, WaitPolicy};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// After a signal or the deadline, what is still to be written has so long in all.
const GRACE: Duration = Duration::from_millis(100);

/// Someone else's lock is looked at again after so long, and so often in all: 200 ms.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const LOOKS: u32 = 20;

/// The patience of a run with its readers.
#[derive(Debug)]
pub struct RunPatience<'a> {
    event_loop: &'a mut EventLoop,
    until: Option<Duration>,
    looks_left: u32,
    given_up: bool,
}

impl<'a> RunPatience<'a> {
    /// Between attempts: until a signal comes, or the deadline.
    pub fn between_attempts(event_loop: &'a mut EventLoop, deadline: Option<Duration>) -> Self {
        Self { event_loop, until: deadline, looks_left: 0, given_up: false }
    }

    /// At the end of a run: until a signal comes, or the deadline and a grace. If there was a signal before,
    /// or the deadline is past, only the grace is left.
    pub fn at_the_end(event_loop: &'a mut EventLoop, deadline: Option<Duration>) -> Self {
        let now = event_loop.now();
        let end = if event_loop.interrupted().is_some() { Some(now) } else { deadline };
        let until = end.map(|end| end.max(now).saturating_add(GRACE));
        Self { event_loop, until, looks_left: LOOKS, given_up: false }
    }

    /// Whether what was waited for came before a signal or the time.
    fn wait_until(&mut self, due: Option<Duration>, is_it: impl Fn(&Wakeup) -> bool) -> Readiness {
        while !self.given_up {
            match self.event_loop.next(due) {
                woken if is_it(&woken) => return Readiness::Ready,
                Wakeup::Interrupted | Wakeup::TimerExpired => self.given_up = true,
                _ => {}
            }
        }
        Readiness::GaveUp
    }
}

impl WaitPolicy for RunPatience<'_> {
    fn writable(&mut self, fd: BorrowedFd<'_>) -> Readiness {
        if self.given_up || self.event_loop.watch_writable(fd).is_err() {
            return Readiness::GaveUp;
        }
        let ready = self.wait_until(self.until, |woken| *woken == Wakeup::Writable);
        self.event_loop.unwatch_writable();
        ready
    }

    fn pause(&mut self) -> Readiness {
        let due = self.event_loop.now().saturating_add(LOOK_AGAIN);
        if self.looks_left == 0 || self.until.is_some_and(|until| due > until) {
            return Readiness::GaveUp;
        }
        self.looks_left -= 1;
        self.wait_until(Some(due), |woken| *woken == Wakeup::TimerExpired)
    }
}
