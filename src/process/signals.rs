//! Which signals are caught, what each one means, and the one rule by which they are passed on.

use super::sys::{self, Interruption, Origin};
use crate::core::signal::Signal;
use std::os::fd::OwnedFd;

/// What a signal that we received asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// HUP, INT, QUIT, TERM: let the command finish, then end; no further attempt.
    End,
    /// USR1, USR2: the command's own business.
    Message,
    /// TSTP, TTIN: stop.
    Stop,
    /// CONT: go on.
    Continue,
}

/// A signal that came, once or more often, from one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Which one.
    pub signal: Signal,
    /// From where.
    pub origin: Origin,
    /// How often since the last look.
    pub times: u32,
}

/// In the order in which they are looked at: a stop must not hide an end that came with it.
const CAUGHT: [(Signal, Meaning); 9] = [
    (Signal::SIGHUP, Meaning::End),
    (Signal::SIGINT, Meaning::End),
    (Signal::SIGQUIT, Meaning::End),
    (Signal::SIGTERM, Meaning::End),
    (Signal::SIGUSR1, Meaning::Message),
    (Signal::SIGUSR2, Meaning::Message),
    (Signal::SIGCONT, Meaning::Continue),
    (Signal::SIGTSTP, Meaning::Stop),
    // SIGTTOU is not caught: a write of ours to the terminal would be restarted and signalled for ever.
    (Signal::SIGTTIN, Meaning::Stop),
];

/// Catches all of them, and SIGCHLD. Each one writes a byte to `wake`.
pub fn catch_all(wake: &OwnedFd) {
    sys::catch(Signal::SIGCHLD, Interruption::Restart, wake);
    sys::unblock_child_signal();
    for (signal, meaning) in CAUGHT {
        let interruption = if meaning == Meaning::Stop { Interruption::Eintr } else { Interruption::Restart };
        sys::catch(signal, interruption, wake);
    }
}

/// The next signal that came since the last look.
pub fn take_next() -> Option<(Received, Meaning)> {
    for (signal, meaning) in CAUGHT {
        for origin in [Origin::Process, Origin::Kernel] {
            let times = sys::take(signal, origin);
            if times > 0 {
                return Some((Received { signal, origin, times }, meaning));
            }
        }
    }
    None
}

impl Received {
    /// The rule by which a signal is passed on: what a process sent to us was meant for the command.
    /// What the kernel sent for a key has reached the whole foreground group, the command included.
    /// Only the hang-up of the terminal goes to the session leader alone (tty_ioctl(4), `TIOCSCTTY`).
    pub fn is_for_the_command(&self) -> bool {
        match self.origin {
            Origin::Process => true,
            Origin::Kernel => self.signal == Signal::SIGHUP && is_session_leader(),
        }
    }
}

fn is_session_leader() -> bool {
    sys::session(0) == rustix::process::getpid().as_raw_nonzero().get()
}
