//! Signal numbers and siginfo_t of Linux.

use crate::core::signal::Signal;
use crate::platform::received::Origin;
use std::ops::RangeInclusive;

/// Signals that end a process by default on Linux, and elsewhere are ignored by default or do not exist.
pub const TERMINATING: &[Signal] = &[Signal::SIGIO, Signal::SIGPWR, Signal::SIGSTKFLT];

/// The si_code of a signal that was sent by kill(2): SI_USER.
pub const SENT_BY_KILL: libc::c_int = 0;

/// The numbers of the real-time signals. The C library uses the first ones itself.
pub fn real_time() -> RangeInclusive<i32> {
    libc::SIGRTMIN()..=libc::SIGRTMAX()
}

/// The sender of a signal. si_code is SI_USER, SI_QUEUE or SI_TKILL (all at most 0) for a process, and SI_KERNEL for a
/// key: sigaction(2).
pub fn origin(code: libc::c_int, _sender: libc::pid_t) -> Origin {
    if code <= 0 { Origin::Process } else { Origin::Kernel }
}

/// The address of errno.
///
/// # Safety
/// It is valid in the calling thread only.
pub unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}
