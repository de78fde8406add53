//! What Linux knows of the processes below us: a child subreaper, /proc, and pidfds.

use crate::core::signal::Signal;
use crate::platform::children::{self, Whose};
use crate::platform::{Descendants, View};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io;

/// A process. With a start time it cannot be mistaken for a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: Pid,
    /// When it was started, in clock ticks since boot; unknown where /proc hides it (`hidepid=2`, another user).
    started: Option<u64>,
}

impl Process {
    /// A process of which no more is known than its pid.
    pub fn known(pid: Pid) -> Self {
        Self { pid, started: None }
    }

    /// Whether this is the same process, as far as can be told.
    pub fn may_be(&self, other: &Self) -> bool {
        self.pid == other.pid
            && (self.started == other.started || self.started.is_none() || other.started.is_none())
    }
}

/// What a look at one process found.
enum Sight {
    Gone,
    /// It has ended, and waits for its parent to notice.
    Zombie,
    There(Process),
}

/// What becomes an orphan below us becomes our child.
pub fn adopt_orphans() {
    // Kernels before 3.4 and some sandboxes refuse; then only processes whose parents live are found.
    let _best_effort = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// What the kernel says about everything below us: without a child a subreaper has no descendant.
pub fn any() -> Descendants {
    if children::exists(Whose::Any) { Descendants::Some } else { Descendants::None }
}

/// Whether a process is in our session.
pub fn is_in_our_session(pid: Pid) -> bool {
    children::session(pid.as_raw_nonzero().get()) == children::session(0)
}

/// Sends a signal to a process below us.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(process: &Process, signal: Signal) -> io::Result<()> {
    // We have not reaped our own child, so its pid is its own. Another's child may be gone since /proc was
    // read, and its pid someone else's: a pidfd stands for the process that has the pid now, and if that was
    // started when ours was, it is the same.
    if children::exists(Whose::Only(process.pid)) {
        return children::send(process.pid, signal);
    }
    match (pidfd_open(process.pid, PidfdFlags::empty()), rustix::process::Signal::from_named_raw(signal.0)) {
        (Ok(fd), Some(named)) => match look(process.pid) {
            Sight::There(now) if now.may_be(process) => Ok(pidfd_send_signal(fd, named)?),
            Sight::Zombie => Ok(()),
            Sight::There(_) | Sight::Gone => Err(Errno::SRCH.into()),
        },
        (Err(Errno::SRCH), _) => Err(Errno::SRCH.into()),
        // No descriptor left, a kernel before 5.3, a real-time signal.
        _ => children::send(process.pid, signal),
    }
}

/// Sends SIGKILL to those children that `is_meant`, and says how many children there are, ended or not. The youngest
/// first, which are at the end of the list: of processes that fork and end they are the ones that live.
pub fn kill_children(is_meant: impl Fn(Pid) -> bool) -> usize {
    let Ok(all) = children_of("self") else { return 0 };
    for pid in all.iter().rev().filter(|pid| is_meant(**pid)) {
        let _gone = children::send(*pid, Signal::SIGKILL);
    }
    all.len()
}

/// Calls `found` for every descendant that has not ended, parents first. It says whether to go on below that one.
pub fn walk(_command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) -> View {
    if !is_ours() {
        return View::Partial;
    }
    let Ok(mut queue) = children_of("self") else { return View::Partial };
    let mut view = View::Complete;
    // What is below a child is put on top of it and of its siblings, so as many as this are children.
    let mut direct = queue.len();
    while let Some(pid) = queue.pop() {
        let is_child = queue.len() < direct;
        direct = direct.min(queue.len());
        // Its children first: once it is dead, they are no longer its own. Those of another user's process cannot be
        // read; they become ours when it has ended.
        let below = children_of(&pid.as_raw_nonzero().to_string()).unwrap_or_default();
        let goes_on = match look(pid) {
            Sight::Gone => false,
            Sight::Zombie => {
                if is_child {
                    view = View::Moving;
                }
                true
            }
            Sight::There(process) => found(&process),
        };
        if goes_on {
            queue.extend(below);
        }
    }
    view
}

/// A /proc of another pid namespace (`unshare --pid`, `bwrap --unshare-pid`, without a new /proc) names
/// processes by numbers that mean others here.
fn is_ours() -> bool {
    let us = rustix::process::getpid().as_raw_nonzero().to_string();
    fs::read_link("/proc/self").is_ok_and(|target| target.as_os_str() == us.as_str())
}

/// The direct children of a process, from each of its threads. Needs `CONFIG_PROC_CHILDREN`, which
/// every distribution sets; without it, or where a sandbox hides it, all of /proc is searched. One descriptor is
/// open at a time: there may be no second one.
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

fn look(pid: Pid) -> Sight {
    let Some(fields) = stat(pid) else {
        // What cannot be read is not gone: it is another user's, or no descriptor is left. The kernel knows.
        return if children::is_there(pid) { Sight::There(Process::known(pid)) } else { Sight::Gone };
    };
    // proc_pid_stat(5): state is field 3, num_threads field 20, starttime field 22. A process whose
    // main thread has ended shows as a zombie while its other threads go on.
    let ended = fields[0] == "Z" || fields[0] == "X";
    let threads: u32 = fields[17].parse().unwrap_or(1);
    if ended && threads <= 1 {
        Sight::Zombie
    } else {
        Sight::There(Process { pid, started: fields[19].parse().ok() })
    }
}

/// The fields of /proc/PID/stat from the third on, at least twenty of them: the second, the name, may hold spaces
/// and parentheses.
fn stat(pid: Pid) -> Option<Vec<String>> {
    let text = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let after_name = text.iter().rposition(|&byte| byte == b')')?;
    let fields = str::from_utf8(text.get(after_name + 2..)?).ok()?;
    let fields: Vec<String> = fields.split_ascii_whitespace().map(str::to_owned).collect();
    (fields.len() >= 20).then_some(fields)
}
