//! Signals as Linux numbers and explains them.

use crate::core::signal::Signal;
use crate::platform::signals::Origin;
use std::ops::RangeInclusive;

/// Signals that end a process by default here, and are ignored by default or do not exist elsewhere.
pub const TERMINATING: &[Signal] = &[Signal::SIGIO, Signal::SIGPWR, Signal::SIGSTKFLT];

/// The si_code of a signal that was sent with kill(2): SI_USER.
pub const SENT_BY_KILL: libc::c_int = 0;

/// The numbers of the real-time signals. The C library keeps the first ones of the kernel for itself.
pub fn real_time() -> RangeInclusive<i32> {
    libc::SIGRTMIN()..=libc::SIGRTMAX()
}

/// Who has sent a signal. si_code is SI_USER, SI_QUEUE or SI_TKILL (all at most 0) for a process, and SI_KERNEL for a
/// key: sigaction(2).
pub fn origin(code: libc::c_int, _sender: libc::pid_t) -> Origin {
    if code <= 0 { Origin::Process } else { Origin::Kernel }
}

/// Where errno is.
///
/// # Safety
/// The place is the calling thread's.
pub unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}
