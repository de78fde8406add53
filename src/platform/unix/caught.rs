//! Which signals are caught, what each one means, and which reach the command as well.
//!
//! Every signal that ends a process by default is caught: otherwise it would end `retry` and leave the command behind.

use super::children;
use super::signals::{self, InterruptedCall, Mask};
use super::wakeup::WakeupSource;
use crate::core::signal::Signal;
use crate::platform::received::{Meaning, Origin, Received};

/// The caught signals, in the order in which they are handled: a stop must not delay an end that came with it. The
/// real-time signals follow, as [`Meaning::MessageOrEnd`].
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
    // SIGTTOU is not caught: a write of ours to the terminal would be restarted, and cause it again, for ever.
    (Signal::SIGTTIN, Meaning::Stop),
];

/// The signals that this process catches on this system.
fn caught() -> impl Iterator<Item = (Signal, Meaning)> {
    let is_process_1 = rustix::process::getpid().is_init();
    CAUGHT
        .into_iter()
        .chain(signals::TERMINATING.iter().map(|signal| (*signal, Meaning::MessageOrEnd)))
        // WINCH is for the command only if we are process 1 of a container: elsewhere a terminal sends it to the whole
        // foreground group.
        .filter(move |(signal, _)| *signal != Signal::SIGWINCH || is_process_1)
        .chain(signals::real_time().map(|number| (Signal(number), Meaning::MessageOrEnd)))
}

/// Catches the signals above and SIGCHLD. Each one writes to `wake`.
pub fn catch_all(wakeup: &WakeupSource) {
    let wake = wakeup.writer();
    signals::unblock_child_signal();
    // `catch` catches a signal that is ignored for a moment. Blocked signals are dropped when they are ignored again.
    let mask = Mask::block_all();
    signals::catch(Signal::SIGCHLD, InterruptedCall::Restart, wake);
    for (signal, meaning) in caught() {
        let call = if meaning == Meaning::Stop { InterruptedCall::Fail } else { InterruptedCall::Restart };
        signals::catch(signal, call, wake);
    }
    mask.set();
}

/// Takes the signals that came since the last call. Each signal is looked at once, so that a sender that never stops
/// does not keep us here.
pub fn take_all() -> impl Iterator<Item = (Received, Meaning)> {
    signals::take_any().then(caught).into_iter().flatten().flat_map(|(signal, meaning)| {
        [Origin::Process, Origin::Kernel].into_iter().filter_map(move |origin| {
            let times = signals::take(signal, origin);
            (times > 0).then_some((Received { signal, origin, times }, meaning))
        })
    })
}

/// Whether the signal came to us alone, and not to the command as well. That is a signal of a process, or one of the
/// kernel for a timer or a descriptor that is older than our execve. The kernel sends a key's signal to the whole
/// foreground group, which includes the command, but a hang-up only to the session leader (tty_ioctl(4), `TIOCSCTTY`).
pub fn came_to_us_alone(received: &Received) -> bool {
    match (received.origin, received.signal) {
        (Origin::Kernel, Signal::SIGHUP) => is_session_leader(),
        (
            Origin::Kernel,
            Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP | Signal::SIGTTIN | Signal::SIGWINCH,
        ) => false,
        (Origin::Process | Origin::Kernel, _) => true,
    }
}

fn is_session_leader() -> bool {
    children::session(0) == rustix::process::getpid().as_raw_nonzero().get()
}

/// Whether each one counts that came: real-time signals are queued. Of the others several are one (signal(7)).
pub fn is_queued(signal: Signal) -> bool {
    signals::real_time().contains(&signal.0)
}
