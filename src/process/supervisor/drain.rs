//! The rest of the output of a command that has ended, and the release of held output.

use super::Supervisor;
use crate::core::outcome::{Ending, Outcome};
use crate::core::stream::Stream;
use crate::process::event_loop::Wakeup;
use crate::streams::error::StreamError;
use std::time::Duration;

/// How long a pipe is read that a descendant still holds when the command has ended.
const PIPE_GRACE: Duration = Duration::from_millis(200);

/// The time limits of a drain, in the order in which they are reached.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// A descendant may hold a pipe until then.
    PipeGrace,
    /// Rules may search the output until then.
    Search,
    /// Our own reader may take the rest until then.
    Reader,
}

impl Supervisor<'_> {
    /// Reads, searches and passes on what the command has left in its pipes.
    ///
    /// A descendant that still holds a pipe gets [`PIPE_GRACE`]. Our own reader gets as long as it needs, up to the
    /// deadline or an interruption, and then the grace period of `--kill-after`. A slow pattern is searched for until
    /// the deadline, if the outcome depends on the output.
    pub(super) fn drain(&mut self, outcome: &Outcome) {
        self.event_loop.streams().command_ended();
        let was_interrupted = self.event_loop.interrupted().is_some();
        let output_counts = !was_interrupted && !matches!(outcome, Outcome::TimedOut(_));
        if was_interrupted {
            self.event_loop.streams().stop_looking();
        }
        let (deadline, kill_after) = (self.plan.policy.deadline, self.plan.limits.kill_after);
        let grace = self.event_loop.now() + PIPE_GRACE;
        let end = if was_interrupted { grace } else { deadline.unwrap_or(Duration::MAX).max(grace) };
        let mut stages = [
            (Stage::PipeGrace, grace),
            (Stage::Search, end),
            (Stage::Reader, end.saturating_add(kill_after)),
        ]
        .into_iter();
        let mut current = stages.next();
        while let Some((stage, due)) = current
            && self.event_loop.streams().is_busy()
        {
            match self.event_loop.next(Some(due)) {
                Wakeup::TimerExpired => {
                    let streams = self.event_loop.streams();
                    match stage {
                        Stage::PipeGrace => streams.grace_ended(),
                        Stage::Search if output_counts => streams.looked_too_late(),
                        // Output of a command that was not ended is not dropped silently.
                        Stage::Reader if output_counts => streams.abandon(),
                        Stage::Search | Stage::Reader => {}
                    }
                    if !output_counts {
                        streams.stop_looking();
                    }
                    current = stages.next();
                }
                // The sender of another signal does not want to wait for our reader.
                Wakeup::Interrupted => {
                    self.event_loop.streams().stop_looking();
                    break;
                }
                Wakeup::CommandEnded(_)
                | Wakeup::OrphansReaped
                | Wakeup::StreamsChanged
                | Wakeup::Writable => {}
            }
        }
    }

    /// Writes held output of the streams that `is_released` selects. Returns how the run ends, if that failed.
    ///
    /// A signal ends the wait for our reader. After an earlier signal or the deadline, the reader has the grace period
    /// of `--kill-after`.
    pub(super) fn release_output(&mut self, is_released: impl Fn(Stream) -> bool) -> Option<Ending> {
        self.event_loop.streams().release(is_released);
        let (deadline, kill_after) = (self.plan.policy.deadline, self.plan.limits.kill_after);
        let now = self.event_loop.now();
        let end = self.event_loop.interrupted().map(|_| now).or(deadline.map(|deadline| deadline.max(now)));
        let due = end.map(|end| end.saturating_add(kill_after));
        while self.event_loop.streams().has_pending() {
            match (self.event_loop.next(due), self.event_loop.interrupted()) {
                (Wakeup::Interrupted, Some(signal)) => return Some(Ending::Interrupted(signal)),
                (Wakeup::TimerExpired, Some(_)) => return None,
                (Wakeup::TimerExpired, None) => self.event_loop.streams().abandon(),
                _ => {}
            }
        }
        match self.event_loop.streams().failure() {
            Some(StreamError::NoReader) => Some(Ending::NoReader),
            Some(StreamError::Lost(what)) => Some(Ending::Broken(what.clone())),
            None => None,
        }
    }
}
