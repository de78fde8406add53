//! Children that ask to be traced by us (PTRACE_TRACEME).

use crate::core::signal::Signal;
use rustix::process::Pid;

/// Stops tracing a child that has stopped with `signal`, and continues it as if it had no tracer.
pub fn stop_tracing(pid: Pid, signal: Signal) {
    // The stop after an exec of a traced process has SIGTRAP (ptrace(2)), which no process sent.
    let delivered = if signal == Signal::SIGTRAP { 0 } else { signal.0 };
    // SAFETY: with PTRACE_DETACH the address is ignored and the data is a signal number.
    unsafe {
        libc::ptrace(
            libc::PTRACE_DETACH,
            pid.as_raw_nonzero().get(),
            std::ptr::null_mut::<libc::c_void>(),
            delivered as usize as *mut libc::c_void,
        );
    }
}
