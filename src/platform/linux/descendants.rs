//! Our descendants on Linux: child subreaper, /proc and pidfds.

use crate::core::signal::Signal;
use crate::platform::children::{self, WaitId};
use crate::platform::{Coverage, Descendants};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io;

/// A process. With a start time it cannot be mistaken for a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: Pid,
    /// When it was started, in clock ticks since boot; `None` if /proc hides it (`hidepid=2`, another user).
    started: Option<u64>,
}

impl Process {
    /// A process with this pid, of which nothing else is known.
    pub fn with_pid(pid: Pid) -> Self {
        Self { pid, started: None }
    }

    /// Whether the two may be the same process.
    pub fn may_be(&self, other: &Self) -> bool {
        self.pid == other.pid
            && (self.started == other.started || self.started.is_none() || other.started.is_none())
    }
}

/// The state of a process.
enum State {
    Gone,
    /// It has ended, and its parent has not reaped it.
    Zombie,
    Alive(Process),
}

/// Makes orphans among our descendants our children.
pub fn adopt_orphans() {
    // Kernels before 3.4 and some sandboxes refuse. Then only processes whose parents live are found.
    let _best_effort = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Does nothing: what still runs lives on when we end.
pub fn release() {}

/// Whether we have descendants. A child subreaper without children has none.
pub fn any() -> Descendants {
    if children::exists(WaitId::All) { Descendants::Some } else { Descendants::None }
}

/// Whether a process is in our session.
pub fn is_in_our_session(pid: Pid) -> bool {
    children::session(pid.as_raw_nonzero().get()) == children::session(0)
}

/// Sends a signal to a descendant.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(process: &Process, signal: Signal) -> io::Result<()> {
    // The pid of a child of ours is not reused before we reap it. The pid of another descendant may belong to a new
    // process since /proc was read. A pidfd stands for the process that has the pid now; if its start time is that of
    // our descendant, it is the same process.
    if children::exists(WaitId::Pid(process.pid)) {
        return children::send(process.pid, signal);
    }
    match (pidfd_open(process.pid, PidfdFlags::empty()), rustix::process::Signal::from_named_raw(signal.0)) {
        (Ok(fd), Some(named)) => match state_of(process.pid) {
            State::Alive(now) if now.may_be(process) => Ok(pidfd_send_signal(fd, named)?),
            State::Zombie => Ok(()),
            State::Alive(_) | State::Gone => Err(Errno::SRCH.into()),
        },
        (Err(Errno::SRCH), _) => Err(Errno::SRCH.into()),
        // No descriptor left, a kernel before 5.3, or a real-time signal.
        _ => children::send(process.pid, signal),
    }
}

/// Continues a descendant if it is stopped.
///
/// # Errors
/// As for [`send`].
pub fn resume(process: &Process) -> io::Result<()> {
    send(process, Signal::SIGCONT)
}

/// Sends SIGKILL to the children that `is_selected` selects, and returns the number of all children, ended or not. The
/// youngest, at the end of the list, come first: of processes that fork and end they are the ones that still run.
pub fn kill_children(is_selected: impl Fn(Pid) -> bool) -> usize {
    let Ok(all) = children_of("self") else { return 0 };
    for pid in all.iter().rev().filter(|pid| is_selected(**pid)) {
        let _gone = children::send(*pid, Signal::SIGKILL);
    }
    all.len()
}

/// Calls `found` for every descendant that has not ended, parents first. It returns whether to search the children of
/// that process.
pub fn walk(_command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) -> Coverage {
    if !is_proc_of_our_namespace() {
        return Coverage::Partial;
    }
    let Ok(mut queue) = children_of("self") else { return Coverage::Partial };
    let mut coverage = Coverage::Complete;
    // The first `children_left` entries of the queue are our children. Deeper descendants are put behind them.
    let mut children_left = queue.len();
    while let Some(pid) = queue.pop() {
        let is_child = queue.len() < children_left;
        children_left = children_left.min(queue.len());
        // Its children are read first: when it has ended, they have another parent. Those of another user's process
        // cannot be read; they become our children when it ends.
        let children = children_of(&pid.as_raw_nonzero().to_string()).unwrap_or_default();
        let search_children = match state_of(pid) {
            State::Gone => false,
            State::Zombie => {
                if is_child {
                    coverage = Coverage::Changing;
                }
                true
            }
            State::Alive(process) => found(&process),
        };
        if search_children {
            queue.extend(children);
        }
    }
    coverage
}

/// Whether /proc has the pids of our namespace. After `unshare --pid` or `bwrap --unshare-pid` without a new /proc, it
/// has those of another one.
fn is_proc_of_our_namespace() -> bool {
    let us = rustix::process::getpid().as_raw_nonzero().to_string();
    fs::read_link("/proc/self").is_ok_and(|target| target.as_os_str() == us.as_str())
}

/// The children of a process, from each of its threads. That needs `CONFIG_PROC_CHILDREN`, which every distribution
/// sets; without it, or in a sandbox that hides it, all of /proc is searched. Only one descriptor is open at a time:
/// there may be no second one.
fn children_of(parent: &str) -> io::Result<Vec<Pid>> {
    let threads: Vec<_> =
        fs::read_dir(format!("/proc/{parent}/task"))?.flatten().map(|entry| entry.path()).collect();
    let mut all = Vec::new();
    for thread in threads {
        match fs::read_to_string(thread.join("children")) {
            Ok(list) => all.extend(list.split_ascii_whitespace().filter_map(parse)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if thread.exists() {
                    return children_by_search(parent);
                }
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn children_by_search(parent: &str) -> io::Result<Vec<Pid>> {
    let parent = match parent {
        "self" => Some(rustix::process::getpid()),
        pid => parse(pid),
    };
    let all: Vec<_> = fs::read_dir("/proc")?.flatten().map(|entry| entry.file_name()).collect();
    let pids = all.iter().filter_map(|name| parse(name.to_str()?));
    Ok(pids.filter(|&pid| stat(pid).is_some_and(|fields| parse(&fields[1]) == parent)).collect())
}

fn parse(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

fn state_of(pid: Pid) -> State {
    let Some(fields) = stat(pid) else {
        // A process that we cannot read may still exist: it is another user's, or no descriptor is left. The kernel
        // knows.
        return if children::is_there(pid) { State::Alive(Process::with_pid(pid)) } else { State::Gone };
    };
    // proc_pid_stat(5): state is field 3, num_threads field 20, starttime field 22. A process whose
    // main thread has ended shows as a zombie while its other threads run.
    let ended = fields[0] == "Z" || fields[0] == "X";
    let threads: u32 = fields[17].parse().unwrap_or(1);
    if ended && threads <= 1 {
        State::Zombie
    } else {
        State::Alive(Process { pid, started: fields[19].parse().ok() })
    }
}

/// The fields of /proc/PID/stat from the third on, at least twenty of them. The second, the name, may contain spaces
/// and parentheses.
fn stat(pid: Pid) -> Option<Vec<String>> {
    let text = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let after_name = text.iter().rposition(|&byte| byte == b')')?;
    let fields = str::from_utf8(text.get(after_name + 2..)?).ok()?;
    let fields: Vec<String> = fields.split_ascii_whitespace().map(str::to_owned).collect();
    (fields.len() >= 20).then_some(fields)
}
