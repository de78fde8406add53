//! The end of this process: the parent-death signal, and core files.

use crate::core::signal::Signal;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// The signal that the kernel sends us when our parent dies, if one is set: PR_SET_PDEATHSIG(2const).
pub fn death_signal() -> Option<Signal> {
    let mut signal: libc::c_int = 0;
    // SAFETY: PR_GET_PDEATHSIG writes an int to the address in its argument.
    let result = unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) };
    (result == 0 && signal > 0).then_some(Signal(signal))
}

/// Forbids core files also where core_pattern is a pipe, for which the limit of their size does not count (core(5)).
pub fn forbid_dumps() {
    let _best_effort = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
