//! Children that want to be traced.

use crate::core::signal::Signal;
use rustix::process::Pid;

/// Ends the tracing of a child that has stopped with `signal`, and lets it go on as it would without a tracer.
pub fn stop_tracing(pid: Pid, signal: Signal) {
    // The stop after an exec of a traced process has SIGTRAP (ptrace(2)), which nobody sent.
    let delivered = if signal == Signal::SIGTRAP { 0 } else { signal.0 };
    // SAFETY: with PTRACE_DETACH the address is ignored and the data is a signal's number.
    unsafe {
        libc::ptrace(
            libc::PTRACE_DETACH,
            pid.as_raw_nonzero().get(),
            std::ptr::null_mut::<libc::c_void>(),
            delivered as usize as *mut libc::c_void,
        );
    }
}
