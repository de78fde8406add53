//! What the signals say that ask for the end: which came first, and whether their sender has lost patience.

use super::clock::Clock;
use super::signals::Received;
use super::sys::signals::Origin;
use crate::core::signal::Signal;
use std::time::{Duration, Instant};

/// A parent in our process group (make, npm, timeout) may send a signal twice, to its child and to its group, as
/// coreutils' timeout does. Within this time they are one.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// So many keys within [`KEYS_IN_HASTE`] are no longer meant for the command, which has had each of them: a REPL or a
/// pager takes Ctrl-C again and again.
const KEYS: usize = 3;
const KEYS_IN_HASTE: Duration = Duration::from_secs(2);

/// The interruption of a run, once there is one.
#[derive(Debug, Default)]
pub struct Interruption {
    /// The first signal that asked for the end.
    first: Option<Signal>,
    /// How many of them came in all.
    count: u64,
    /// When a process sent the first INT, and the first TERM.
    sent: [Option<Instant>; 2],
    /// When the last keys came, the newest last.
    keys: [Option<Instant>; KEYS],
    patience: Patience,
}

/// Whether the sender of a signal waits for the command's clean-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patience {
    /// As long as it takes.
    #[default]
    Unlimited,
    /// No more: the command is to be killed.
    Lost,
}

impl Interruption {
    /// The first signal that asked for the end, if one came.
    pub fn signal(&self) -> Option<Signal> {
        self.first
    }

    /// How many such signals came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether it is time for SIGKILL.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// The run is over, because the command died of `signal` that was meant for it.
    pub fn set(&mut self, signal: Signal) {
        self.first.get_or_insert(signal);
        self.count += 1;
    }

    /// Takes a signal that asks for the end, and says whether there is patience left: the same INT or TERM that a
    /// process sends again, or keys in haste, mean SIGKILL.
    pub fn note(&mut self, received: Received) -> Patience {
        self.first.get_or_insert(received.signal);
        self.count += u64::from(received.times);
        if !matches!(received.signal, Signal::SIGINT | Signal::SIGTERM) {
            return Patience::Unlimited;
        }
        let now = Clock::instant();
        let lost = match received.origin {
            Origin::Process => {
                let first = self.sent[usize::from(received.signal == Signal::SIGTERM)].get_or_insert(now);
                now.duration_since(*first) >= ONE_SIGNAL
            }
            Origin::Kernel => {
                for _ in 0..received.times.min(KEYS as u32) {
                    self.keys.rotate_left(1);
                    self.keys[KEYS - 1] = Some(now);
                }
                self.keys[0].is_some_and(|earliest| now.duration_since(earliest) <= KEYS_IN_HASTE)
            }
        };
        if lost {
            self.patience = Patience::Lost;
            return Patience::Lost;
        }
        Patience::Unlimited
    }
}
