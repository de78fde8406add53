//! Which signals are caught, what each one means, and the one rule by which they are passed on.
//!
//! Caught is every signal that ends a process by default: uncaught, it would end `retry` and leave the command
//! behind. Each one is passed on; what the command makes of it is its own affair.

use crate::core::signal::Signal;
use crate::platform::children;
use crate::platform::signals::{self, Interruption, Mask, Origin};
use std::os::fd::OwnedFd;

/// What a signal that we received asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// HUP, INT, QUIT, TERM: let the command finish, then end; no further attempt.
    End,
    /// The command's own business: USR1, USR2, and as process 1 WINCH, with which a container is told to shut down
    /// gracefully (httpd's STOPSIGNAL).
    Message,
    /// What ends whoever does not handle it, such as ALRM or a real-time signal: it is the command's business, but
    /// where the command dies of it, or none is running, it ends the run.
    MessageOrEnd,
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

/// In the order in which they are looked at: a stop must not hide an end that came with it. The real-time signals
/// come behind these, as [`Meaning::MessageOrEnd`].
const CAUGHT: [(Signal, Meaning); 23] = [
    (Signal::SIGHUP, Meaning::End),
    (Signal::SIGINT, Meaning::End),
    (Signal::SIGQUIT, Meaning::End),
    (Signal::SIGTERM, Meaning::End),
    (Signal::SIGUSR1, Meaning::Message),
    (Signal::SIGUSR2, Meaning::Message),
    (Signal::SIGWINCH, Meaning::Message),
    (Signal::SIGALRM, Meaning::MessageOrEnd),
    (Signal::SIGVTALRM, Meaning::MessageOrEnd),
    (Signal::SIGPROF, Meaning::MessageOrEnd),
    (Signal::SIGXCPU, Meaning::MessageOrEnd),
    (Signal::SIGXFSZ, Meaning::MessageOrEnd),
    (Signal::SIGPIPE, Meaning::MessageOrEnd),
    (Signal::SIGABRT, Meaning::MessageOrEnd),
    (Signal::SIGSEGV, Meaning::MessageOrEnd),
    (Signal::SIGBUS, Meaning::MessageOrEnd),
    (Signal::SIGFPE, Meaning::MessageOrEnd),
    (Signal::SIGILL, Meaning::MessageOrEnd),
    (Signal::SIGTRAP, Meaning::MessageOrEnd),
    (Signal::SIGSYS, Meaning::MessageOrEnd),
    (Signal::SIGCONT, Meaning::Continue),
    (Signal::SIGTSTP, Meaning::Stop),
    // SIGTTOU is not caught: a write of ours to the terminal would be restarted and signalled for ever.
    (Signal::SIGTTIN, Meaning::Stop),
];

/// All that are caught on this system, now.
fn caught() -> impl Iterator<Item = (Signal, Meaning)> {
    let is_process_1 = rustix::process::getpid().is_init();
    CAUGHT
        .into_iter()
        .chain(signals::TERMINATING.iter().map(|signal| (*signal, Meaning::MessageOrEnd)))
        // A window that changes its size is no wish to end. But process 1 of a container hears nothing else.
        .filter(move |(signal, _)| *signal != Signal::SIGWINCH || is_process_1)
        .chain(signals::real_time().map(|number| (Signal(number), Meaning::MessageOrEnd)))
}

/// Catches all of them, and SIGCHLD. Each one writes to `wake`.
pub fn catch_all(wake: &OwnedFd) {
    signals::unblock_child_signal();
    // What is ignored is caught for a moment and must not come in it: blocked, it is dropped when it is ignored again.
    let mask = Mask::block_everything();
    signals::catch(Signal::SIGCHLD, Interruption::Restart, wake);
    for (signal, meaning) in caught() {
        let interruption = if meaning == Meaning::Stop { Interruption::Eintr } else { Interruption::Restart };
        signals::catch(signal, interruption, wake);
    }
    mask.set();
}

/// The signals that came since the last look: each once, so that a sender without end is no reason to look without
/// end.
pub fn take_all() -> impl Iterator<Item = (Received, Meaning)> {
    signals::any_since().then(caught).into_iter().flatten().flat_map(|(signal, meaning)| {
        [Origin::Process, Origin::Kernel].into_iter().filter_map(move |origin| {
            let times = signals::take(signal, origin);
            (times > 0).then_some((Received { signal, origin, times }, meaning))
        })
    })
}

impl Received {
    /// The rule by which a signal is passed on: what came to us alone was meant for the command. That is what a
    /// process sent, and what the kernel sent for a timer or a descriptor that was made before we were executed.
    /// What the kernel sent for a key has reached the whole foreground group, the command included.
    /// Only the hang-up of the terminal goes to the session leader alone (tty_ioctl(4), `TIOCSCTTY`).
    pub fn is_for_the_command(&self) -> bool {
        match (self.origin, self.signal) {
            (Origin::Kernel, Signal::SIGHUP) => is_session_leader(),
            (
                Origin::Kernel,
                Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGWINCH,
            ) => false,
            (Origin::Process | Origin::Kernel, _) => true,
        }
    }
}

fn is_session_leader() -> bool {
    children::session(0) == rustix::process::getpid().as_raw_nonzero().get()
}
