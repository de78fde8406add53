//! How long a write of ours waits for another process: for a reader, or for the holder of a lock. Here are the policies
//! for messages outside of a run and in the middle of one; [`crate::process::wait_policy`] has those of a run, which
//! know its signals and limits.

use crate::platform;
use crate::platform::readiness::wait_writable;
use crate::platform::stdio::BorrowedStream;
use std::time::Duration;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The descriptor can be written to, or it is time for another try.
    Ready,
    /// The policy waits no longer.
    GaveUp,
}

/// How long to wait.
pub trait WaitPolicy {
    /// Waits until `fd` can be written to.
    fn writable(&mut self, fd: BorrowedStream<'_>) -> Readiness;

    /// Waits before the next try to get a lock.
    fn pause(&mut self) -> Readiness;
}

/// Waits until a signal ends the process. Never waits for a lock. For messages before and after a run, when signals have their
/// default actions.
#[derive(Debug)]
pub struct UntilSignal;

impl WaitPolicy for UntilSignal {
    fn writable(&mut self, fd: BorrowedStream<'_>) -> Readiness {
        wait(fd, None)
    }

    fn pause(&mut self) -> Readiness {
        Readiness::GaveUp
    }
}

/// Waits for 200 ms, never for a lock. For messages in the middle of a run: short enough to delay signals and limits,
/// and long enough for a reader that is only busy.
#[derive(Debug)]
pub struct Brief;

const BRIEF: Duration = Duration::from_millis(200);

impl WaitPolicy for Brief {
    fn writable(&mut self, fd: BorrowedStream<'_>) -> Readiness {
        wait(fd, Some(BRIEF))
    }

    fn pause(&mut self) -> Readiness {
        Readiness::GaveUp
    }
}

fn wait(fd: BorrowedStream<'_>, timeout: Option<Duration>) -> Readiness {
    match wait_writable(fd, timeout) {
        platform::Readiness::Ready => Readiness::Ready,
        platform::Readiness::NotReady => Readiness::GaveUp,
    }
}
