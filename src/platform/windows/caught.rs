//! Which events of the console are caught, and which reach the command as well.
//!
//! | event | name | reaches a command, which leads a group of its own |
//! |---|---|---|
//! | Ctrl-C | SIGINT | no: a new group ignores it |
//! | Ctrl-Break | SIGBREAK | the key: yes; an event for our group, which a parent sends: no |
//! | the console is closed | SIGHUP | yes |
//! | the user logs off, the system shuts down | SIGTERM | yes |

use super::event::Event;
use super::wakeup::WakeupSource;
use crate::core::signal::Signal;
use crate::platform::received::{Meaning, Origin, Received};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT,
    SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::Threading::{INFINITE, Sleep};

/// The events, in the order of [`PENDING`]. A person presses Ctrl-C again and again; a parent sends Ctrl-Break twice
/// when it is in a hurry.
const CAUGHT: [(Signal, Origin); 4] = [
    (Signal::SIGHUP, Origin::Kernel),
    (Signal::SIGINT, Origin::Kernel),
    (Signal::SIGTERM, Origin::Kernel),
    (Signal::SIGBREAK, Origin::Process),
];

/// How many events came and were not taken yet.
static PENDING: [AtomicU32; CAUGHT.len()] = [const { AtomicU32::new(0) }; CAUGHT.len()];
/// Whether [`PENDING`] has an event. It is set after the counter.
static ANY_PENDING: AtomicBool = AtomicBool::new(false);
/// Wakes the event loop.
static WAKE: OnceLock<&'static Event> = OnceLock::new();

/// Runs in a thread that the system starts for each event.
unsafe extern "system" fn on_event(event: u32) -> i32 {
    let signal = match event {
        CTRL_C_EVENT => Signal::SIGINT,
        CTRL_BREAK_EVENT => Signal::SIGBREAK,
        CTRL_CLOSE_EVENT => Signal::SIGHUP,
        CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => Signal::SIGTERM,
        _ => return 0,
    };
    if let Some(index) = CAUGHT.iter().position(|(caught, _)| *caught == signal) {
        PENDING[index].fetch_add(1, Ordering::Release);
        ANY_PENDING.store(true, Ordering::Release);
    }
    if let Some(wake) = WAKE.get() {
        wake.set();
    }
    if matches!(signal, Signal::SIGHUP | Signal::SIGTERM) {
        // The system ends the process when this returns, or after five seconds (HandlerRoutine). The run ends before.
        // SAFETY: no memory is involved.
        unsafe { Sleep(INFINITE) };
    }
    1
}

/// Catches the events above. Each one sets the event of `wakeup`. If we were started with Ctrl-C ignored, as the leader
/// of a group, it stays ignored.
pub fn catch_all(wakeup: &WakeupSource) {
    let _same_one = WAKE.set(wakeup.event());
    // SAFETY: the handler only uses what lives as long as the process.
    unsafe { SetConsoleCtrlHandler(Some(on_event), 1) };
}

/// Takes the events that came since the last call.
pub fn take_all() -> impl Iterator<Item = (Received, Meaning)> {
    let any = ANY_PENDING.load(Ordering::Relaxed) && ANY_PENDING.swap(false, Ordering::Acquire);
    let counted = any.then(|| CAUGHT.into_iter().zip(&PENDING)).into_iter().flatten();
    counted.filter_map(|((signal, origin), count)| {
        let times = count.swap(0, Ordering::Acquire);
        (times > 0).then_some((Received { signal, origin, times }, Meaning::End))
    })
}

/// Whether the event came to us alone, and not to the command as well. Of a Ctrl-Break nobody knows: twice is better
/// than never.
pub fn came_to_us_alone(received: &Received) -> bool {
    matches!(received.signal, Signal::SIGINT | Signal::SIGBREAK)
}

/// Whether each one counts that came: several are one.
pub fn is_queued(_signal: Signal) -> bool {
    false
}
