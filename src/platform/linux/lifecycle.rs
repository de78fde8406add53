//! What Linux has to say about the end of this process.

use crate::core::signal::Signal;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// The signal that the kernel sends us when our parent dies, if we were started with one: PR_SET_PDEATHSIG(2const).
pub fn death_signal() -> Option<Signal> {
    let mut signal: libc::c_int = 0;
    // SAFETY: PR_GET_PDEATHSIG writes an int to where its argument points.
    let asked = unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) };
    (asked == 0 && signal > 0).then_some(Signal(signal))
}

/// Keeps a core_pattern that is a pipe from being fed, which the limit of a core's size does not (core(5)).
pub fn forbid_dumps() {
    let _best_effort = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
