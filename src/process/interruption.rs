//! Interprets termination signals: which one came first, and whether they ask for SIGKILL.

use crate::core::signal::Signal;
use crate::platform::received::{Origin, Received};
use crate::run::event::KillRequest;
use std::time::{Duration, Instant};

/// A parent in our process group (make, npm) may send a signal to its child and to its group, as timeout of coreutils
/// does. Two of them within this time count as one.
const DUPLICATE_WITHIN: Duration = Duration::from_millis(100);

/// This many keys within [`REPEATED_KEYS_WITHIN`] ask for SIGKILL. Fewer may be for the command, which has received
/// each of them: a REPL or a pager handles Ctrl-C again and again.
const REPEATED_KEYS: usize = 3;
const REPEATED_KEYS_WITHIN: Duration = Duration::from_secs(2);

/// The signals that asked for the end of the run so far.
#[derive(Debug, Default)]
pub struct Interruption {
    /// The first one.
    first: Option<Signal>,
    /// How many came.
    count: u64,
    /// When a process first sent INT, and when one first sent TERM (on Windows Ctrl-Break, as a time limit does).
    sent: [Option<Instant>; 2],
    /// When the last keys were pressed, the newest last.
    keys: [Option<Instant>; REPEATED_KEYS],
    /// The signal that asked for SIGKILL last, and how.
    kill: Option<(Signal, KillRequest)>,
}

/// How the command is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It may clean up for as long as it needs.
    Graceful,
    /// It gets SIGKILL.
    Immediate,
}

impl Interruption {
    /// The first signal, if one came.
    pub fn signal(&self) -> Option<Signal> {
        self.first
    }

    /// How many signals came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How the command is to be ended.
    pub fn urgency(&self) -> Urgency {
        if self.kill.is_some() { Urgency::Immediate } else { Urgency::Graceful }
    }

    /// The signal that asked for SIGKILL, and how; `None` if none did.
    pub fn kill_request(&self) -> Option<(Signal, KillRequest)> {
        self.kill
    }

    /// Notes that `signal` ends the run, without a change of the urgency.
    pub fn end_with(&mut self, signal: Signal) {
        self.first.get_or_insert(signal);
        self.count += 1;
    }

    /// Notes a signal that came at `now`. The urgency is immediate if a process has sent INT or TERM twice, or if a
    /// person presses the key again and again.
    pub fn receive(&mut self, received: Received, now: Instant) -> Urgency {
        self.first.get_or_insert(received.signal);
        self.count += u64::from(received.times);
        if !matches!(received.signal, Signal::SIGINT | Signal::FIRST_OF_LIMIT) {
            return Urgency::Graceful;
        }
        let (is_repeated, request) = match received.origin {
            Origin::Process => {
                let first =
                    self.sent[usize::from(received.signal == Signal::FIRST_OF_LIMIT)].get_or_insert(now);
                (now.duration_since(*first) >= DUPLICATE_WITHIN, KillRequest::SentAgain)
            }
            Origin::Kernel => {
                for _ in 0..received.times.min(REPEATED_KEYS as u32) {
                    self.keys.rotate_left(1);
                    self.keys[REPEATED_KEYS - 1] = Some(now);
                }
                let is_hasty = |earliest| now.duration_since(earliest) <= REPEATED_KEYS_WITHIN;
                (self.keys[0].is_some_and(is_hasty), KillRequest::Keys)
            }
        };
        if !is_repeated {
            return Urgency::Graceful;
        }
        self.kill = Some((received.signal, request));
        Urgency::Immediate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::clock::Clock;
    use Urgency::{Graceful, Immediate};

    /// Checks the urgency after each signal. The times are in milliseconds.
    #[track_caller]
    fn check(origin: Origin, signals: &[(u64, Signal, Urgency)]) {
        let start = Clock::instant();
        let mut interruption = Interruption::default();
        for &(at, signal, urgency) in signals {
            let now = start + Duration::from_millis(at);
            let received = Received { signal, origin, times: 1 };
            assert_eq!(interruption.receive(received, now), urgency, "{signal} at {at} ms");
        }
        assert_eq!(interruption.signal(), Some(signals[0].1));
        assert_eq!(interruption.count(), signals.len() as u64);
        let request = match origin {
            Origin::Process => KillRequest::SentAgain,
            Origin::Kernel => KillRequest::Keys,
        };
        let killed_by = signals.iter().rev().find(|(.., urgency)| *urgency == Immediate);
        assert_eq!(interruption.kill_request(), killed_by.map(|(_, signal, _)| (*signal, request)));
        let worst =
            if signals.iter().any(|(.., urgency)| *urgency == Immediate) { Immediate } else { Graceful };
        assert_eq!(interruption.urgency(), worst);
    }

    #[test]
    fn the_same_signal_twice_from_a_process_asks_for_a_kill_unless_it_is_a_duplicate() {
        use Signal as S;
        check(
            Origin::Process,
            &[
                (0, S::FIRST_OF_LIMIT, Graceful),
                (99, S::FIRST_OF_LIMIT, Graceful),
                (100, S::FIRST_OF_LIMIT, Immediate),
            ],
        );
        check(Origin::Process, &[(0, S::SIGINT, Graceful), (5000, S::SIGINT, Immediate)]);
        // Each of the two has its own first time.
        check(
            Origin::Process,
            &[(0, S::SIGINT, Graceful), (5000, S::FIRST_OF_LIMIT, Graceful), (9000, S::SIGINT, Immediate)],
        );
        check(
            Origin::Process,
            &[(0, S::SIGHUP, Graceful), (5000, S::SIGHUP, Graceful), (9000, S::SIGQUIT, Graceful)],
        );
    }

    #[test]
    fn three_keys_within_two_seconds_ask_for_a_kill() {
        let key = Signal::SIGINT;
        check(Origin::Kernel, &[(0, key, Graceful), (1000, key, Graceful), (2000, key, Immediate)]);
        check(
            Origin::Kernel,
            &[(0, key, Graceful), (1000, key, Graceful), (2001, key, Graceful), (2500, key, Immediate)],
        );
        // Keys that were pressed between two checks count too.
        let mut interruption = Interruption::default();
        let received = Received { signal: key, origin: Origin::Kernel, times: 900 };
        assert_eq!(interruption.receive(received, Clock::instant()), Immediate);
        assert_eq!(interruption.count(), 900);
    }

    #[test]
    fn a_fatal_signal_ends_the_run_without_urgency_and_the_first_one_stays() {
        let mut interruption = Interruption::default();
        interruption.end_with(Signal::SIGHUP);
        interruption.end_with(Signal::SIGQUIT);
        assert_eq!((interruption.signal(), interruption.count()), (Some(Signal::SIGHUP), 2));
        assert_eq!(interruption.urgency(), Graceful);
    }
}
