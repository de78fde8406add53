//! Children that ask to be traced by us (PTRACE_TRACEME).

use crate::core::signal::Signal;
use crate::platform::children;
use rustix::process::Pid;

/// Continues a child that has stopped for its tracer.
pub fn stop_tracing(pid: Pid, _signal: Signal) {
    let _gone_meanwhile = children::send(pid, Signal::SIGCONT);
}
