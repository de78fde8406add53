//! Children that want to be traced.

use crate::core::signal::Signal;
use crate::platform::children;
use rustix::process::Pid;

/// Lets a child go on that has stopped for its tracer.
pub fn stop_tracing(pid: Pid, _signal: Signal) {
    let _gone_meanwhile = children::send(pid, Signal::SIGCONT);
}
