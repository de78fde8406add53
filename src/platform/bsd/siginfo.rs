//! Signal numbers and siginfo_t of macOS and FreeBSD.

use crate::core::signal::Signal;
use crate::platform::received::Origin;
use std::ops::RangeInclusive;

/// Signals that end a process by default on these systems only.
pub const TERMINATING: &[Signal] = &[];

/// The si_code of a signal that was sent with kill(2): SI_USER, which libc defines for Linux only.
pub const SENT_BY_KILL: libc::c_int = 0x10001;

/// The numbers of the real-time signals: none.
#[expect(clippy::reversed_empty_ranges, reason = "there are none")]
pub fn real_time() -> RangeInclusive<i32> {
    1..=0
}

/// The sender of a signal. si_code is positive for a process too, but only a process has a pid.
pub fn origin(_code: libc::c_int, sender: libc::pid_t) -> Origin {
    if sender == 0 { Origin::Kernel } else { Origin::Process }
}

/// The address of errno.
///
/// # Safety
/// It is valid in the calling thread only.
pub unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__error() }
}
