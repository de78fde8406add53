//! The wait policies of a run: a write of ours waits for its reader, or for a lock, until a signal comes or its time is
//! over. It waits in the event loop, which handles stops and orphans meanwhile, and writes pending messages to stderr.

use super::event_loop::{EventLoop, Wakeup};
use crate::platform::stdio::BorrowedStream;
use crate::report::wait_policy::{Readiness, WaitPolicy};
use std::time::Duration;

/// How long all that is still to be written may take after a signal or the deadline.
const GRACE: Duration = Duration::from_millis(100);

/// A lock that another process holds is tried this often, at this interval: for 200 ms.
const LOCK_TRIES: u32 = 20;
const LOCK_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until a signal comes or a time is reached.
#[derive(Debug)]
pub struct RunWaitPolicy<'a> {
    event_loop: &'a mut EventLoop,
    /// Time since the start of the run.
    due: Option<Duration>,
    lock_tries_left: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    GaveUp,
}

impl<'a> RunWaitPolicy<'a> {
    /// Between attempts: waits until a signal comes or the deadline is reached. Never waits for a lock.
    pub fn between_attempts(event_loop: &'a mut EventLoop, deadline: Option<Duration>) -> Self {
        Self { event_loop, due: deadline, lock_tries_left: 0, state: State::Waiting }
    }

    /// At the end of a run: waits until a signal comes, or 100 ms after the deadline. After an earlier signal, or when
    /// the deadline is past, it waits for 100 ms.
    pub fn at_the_end(event_loop: &'a mut EventLoop, deadline: Option<Duration>) -> Self {
        let now = event_loop.now();
        let end = if event_loop.interrupted().is_some() { Some(now) } else { deadline };
        let due = end.map(|end| end.max(now).saturating_add(GRACE));
        Self { event_loop, due, lock_tries_left: LOCK_TRIES, state: State::Waiting }
    }

    fn wait_for(&mut self, wanted: &Wakeup, due: Option<Duration>) -> Readiness {
        while self.state == State::Waiting {
            match self.event_loop.next(due) {
                wakeup if wakeup == *wanted => return Readiness::Ready,
                Wakeup::Interrupted | Wakeup::TimerExpired => self.state = State::GaveUp,
                _ => {}
            }
        }
        Readiness::GaveUp
    }
}

impl WaitPolicy for RunWaitPolicy<'_> {
    fn writable(&mut self, fd: BorrowedStream<'_>) -> Readiness {
        if self.state == State::GaveUp || self.event_loop.watch_writable(fd).is_err() {
            return Readiness::GaveUp;
        }
        let readiness = self.wait_for(&Wakeup::Writable, self.due);
        self.event_loop.unwatch_writable();
        readiness
    }

    fn pause(&mut self) -> Readiness {
        let next_try = self.event_loop.now().saturating_add(LOCK_INTERVAL);
        if self.lock_tries_left == 0 || self.due.is_some_and(|due| next_try > due) {
            return Readiness::GaveUp;
        }
        self.lock_tries_left -= 1;
        self.wait_for(&Wakeup::TimerExpired, Some(next_try))
    }
}
