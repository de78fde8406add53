//! The processes that an attempt made, and how they end. It finds and signals them; it waits only
//! through [`Wait`].
//!
//! On Linux `retry` is a child subreaper (prctl(2)), so whatever an attempt leaves behind becomes a
//! child of ours when its parent ends: a process that called setsid or forked twice is still a
//! descendant. Elsewhere the tree is the command's own process group, where it has one
//! ([`super::group`]), else the command alone.

use super::group::Group;
use super::sys;
use super::wait::{Wait, Woken};
use crate::core::outcome::{Escalation, Left};
use crate::core::signal::Signal;
use rustix::process::Pid;
use std::time::Duration;

/// Which processes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every process that the attempt made, the ones that left for another session included.
    Everything,
    /// Those in our session: what a cancelled command leaves behind without having meant to.
    OurSession,
}

/// How a tree ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What it took.
    pub escalation: Escalation,
    /// What is still there, because the system does not let us end it.
    pub left: Left,
}

/// The processes of one attempt: our descendants, without those that were there before.
#[derive(Debug, Default)]
pub struct Tree {
    before: Vec<platform::Process>,
    /// The command, once it was started.
    command: Option<Pid>,
}

/// How long the tree is watched without news: a process whose parent is not ours to wait for ends
/// without a SIGCHLD for us.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a process may take to vanish after SIGKILL before it counts as stuck in the kernel.
const STUCK: Duration = Duration::from_secs(10);

impl Tree {
    /// The tree of an attempt that begins now.
    pub fn begin() -> Self {
        // One call that says "no children" saves the look into /proc in nearly every run.
        let before = if sys::has_children() { platform::descendants() } else { Vec::new() };
        Self { before, command: None }
    }

    /// The command was started: the root of the tree.
    pub fn grows_from(&mut self, command: Pid) {
        self.command = Some(command);
    }

    /// Ends the processes in `scope`: first `signal`, after `grace` SIGKILL, at once if whoever asked
    /// has no patience. Comes back when they are gone, or when nothing more can be done about them.
    pub fn end(&self, wait: &mut Wait, scope: Scope, signal: Signal, grace: Duration) -> Ended {
        // Whatever the command does to stop itself now, its time runs.
        wait.count_lone_stops();
        let group = Group::of_the_command();
        for pid in self.members(wait, scope) {
            // Errors: it is gone, or is not ours to end, which shows below.
            let _gone = group.send(pid, signal);
            // A stopped process would not see it before it goes on.
            let _gone = group.send(pid, Signal::SIGCONT);
        }
        let patience = wait.now().saturating_add(grace);
        while !wait.is_impatient() && wait.now() < patience {
            if self.is_gone(wait, scope) {
                return Ended { escalation: Escalation::FirstSignal, left: Left::Nothing };
            }
            wait.next(Some(patience.min(wait.now() + LOOK_AGAIN)));
        }
        self.kill(wait, scope)
    }

    /// SIGKILL, until nothing is left. Each process is killed as soon as it is found, and the search
    /// starts again at once while it finds new ones: a tree that forks cannot outrun it, because what
    /// its dead parents leave becomes our own child, which is found first.
    fn kill(&self, wait: &mut Wait, scope: Scope) -> Ended {
        let escalation = Escalation::Killed;
        let group = Group::of_the_command();
        let stuck = wait.now() + STUCK;
        let mut seen: Vec<Pid> = Vec::new();
        let mut refused_before = false;
        loop {
            let mut refused = Vec::new();
            let mut news = false;
            let members = self.members_with(wait, scope, |pid| match group.send(pid, Signal::SIGKILL) {
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => refused.push(pid),
                _ => {}
            });
            for &pid in &members {
                if !seen.contains(&pid) {
                    seen.push(pid);
                    news = true;
                }
            }
            while wait.next(Some(wait.now())) != Woken::Due {}
            if self.is_gone(wait, scope) {
                return Ended { escalation, left: Left::Nothing };
            }
            if members.is_empty() && !platform::is_usable() {
                return Ended { escalation, left: Left::Unknown };
            }
            let all_refused = !refused.is_empty() && refused.len() == members.len();
            if (all_refused && refused_before) || wait.now() >= stuck {
                let left = members.iter().map(|pid| pid.as_raw_nonzero().get()).collect();
                return Ended { escalation, left: Left::Processes(left) };
            }
            refused_before = all_refused;
            if !news {
                wait.next(Some(wait.now() + LOOK_AGAIN));
            }
        }
    }

    fn members(&self, wait: &Wait, scope: Scope) -> Vec<Pid> {
        self.members_with(wait, scope, |_| {})
    }

    fn members_with(&self, wait: &Wait, scope: Scope, mut found: impl FnMut(Pid)) -> Vec<Pid> {
        let mut members = Vec::new();
        let mut add = |pid| {
            if scope.includes(pid) {
                found(pid);
                members.push(pid);
            }
        };
        let mut command = wait.command();
        platform::walk(self.command, &mut |process: &platform::Process| {
            // What was there before goes on, and so does what it starts meanwhile.
            if self.before.contains(process) {
                return false;
            }
            if command == Some(process.pid) {
                command = None;
            }
            add(process.pid);
            true
        });
        // Without a /proc of ours (a chroot, a pid namespace, no descriptor left to open it) the walk finds
        // nothing. The command is known all the same: we have not reaped it, so its pid is its own.
        if let Some(pid) = command {
            add(pid);
        }
        members
    }

    fn is_gone(&self, wait: &Wait, scope: Scope) -> bool {
        // The list of children in /proc may miss one that moves while it is read (proc(5)), so an empty
        // one is believed only when it is empty twice, or when the kernel knows of no child at all.
        let none = || self.members(wait, scope).is_empty();
        // What /proc does not show has to be gone where nothing may be left; elsewhere it is not looked for.
        let shown = platform::is_usable() || scope == Scope::OurSession;
        platform::is_childless() || (shown && none() && none())
    }
}

impl Scope {
    fn includes(self, pid: Pid) -> bool {
        match self {
            Self::Everything => true,
            Self::OurSession => platform::is_in_our_session(pid),
        }
    }
}

/// What becomes an orphan below us becomes our child.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Kernels before 3.4 and some sandboxes refuse; then only processes whose parents live are found.
    let _best_effort = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(target_os = "linux")]
mod platform {
    use super::sys;
    use rustix::process::Pid;
    use std::fs;

    /// A process that cannot be mistaken for a later one with the same pid.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Process {
        pub pid: Pid,
        /// In clock ticks since boot.
        started: u64,
    }

    pub fn descendants() -> Vec<Process> {
        let mut all = Vec::new();
        walk(None, &mut |process| {
            all.push(process.clone());
            true
        });
        all
    }

    /// No child is left, and so, as a subreaper, no descendant.
    pub fn is_childless() -> bool {
        !sys::has_children()
    }

    pub fn is_in_our_session(pid: Pid) -> bool {
        sys::session(pid.as_raw_nonzero().get()) == sys::session(0)
    }

    /// Calls `found` for every descendant that is not a zombie, parents first. It says whether to go
    /// on below that one.
    pub fn walk(_command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) {
        if !is_usable() {
            return;
        }
        let mut queue = children("self");
        while let Some(pid) = queue.pop() {
            // Its children first: once it is dead, they are no longer its own.
            let below = children(&pid.as_raw_nonzero().to_string());
            if look(pid).is_none_or(|process| found(&process)) {
                queue.extend(below);
            }
        }
    }

    /// A /proc of another pid namespace (`unshare --pid`, `bwrap --unshare-pid`, without a new /proc) names
    /// processes by numbers that mean others here.
    pub fn is_usable() -> bool {
        let us = rustix::process::getpid().as_raw_nonzero().to_string();
        fs::read_link("/proc/self").is_ok_and(|target| target.as_os_str() == us.as_str())
    }

    /// The direct children of a process, from each of its threads. Needs `CONFIG_PROC_CHILDREN`, which
    /// every distribution sets; without it, or where a sandbox hides it, all of /proc is searched.
    fn children(parent: &str) -> Vec<Pid> {
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
        let mut children = Vec::new();
        for thread in threads.flatten() {
            match fs::read_to_string(thread.path().join("children")) {
                Ok(list) => children.extend(list.split_ascii_whitespace().filter_map(parse)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && thread.path().exists() => {
                    return children_by_search(parent);
                }
                Err(_) => {}
            }
        }
        children
    }

    fn children_by_search(parent: &str) -> Vec<Pid> {
        let parent = match parent {
            "self" => Some(rustix::process::getpid()),
            pid => parse(pid),
        };
        let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
        all.flatten()
            .filter_map(|entry| parse(entry.file_name().to_str()?))
            .filter(|&pid| stat(pid).is_some_and(|fields| parse(&fields[1]) == parent))
            .collect()
    }

    fn parse(text: &str) -> Option<Pid> {
        Pid::from_raw(text.parse().ok()?)
    }

    fn look(pid: Pid) -> Option<Process> {
        let fields = stat(pid)?;
        // proc_pid_stat(5): state is field 3, num_threads field 20, starttime field 22. A process whose
        // main thread has ended shows as a zombie while its other threads go on.
        let ended = fields[0] == "Z" || fields[0] == "X";
        let threads: u32 = fields.get(17)?.parse().ok()?;
        let zombie = ended && threads <= 1;
        (!zombie).then_some(Process { pid, started: fields.get(19)?.parse().ok()? })
    }

    /// The fields of /proc/PID/stat from the third on: the second, the name, may hold spaces and
    /// parentheses.
    fn stat(pid: Pid) -> Option<Vec<String>> {
        let text = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let after_name = text.iter().rposition(|&byte| byte == b')')?;
        let fields = str::from_utf8(text.get(after_name + 2..)?).ok()?;
        let fields: Vec<String> = fields.split_ascii_whitespace().map(str::to_owned).collect();
        (fields.len() >= 20).then_some(fields)
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::Group;
    use rustix::process::Pid;

    /// The command, which stands for its whole group where that is its own.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Process {
        pub pid: Pid,
    }

    /// What was there before an attempt is in no group that a later command begins.
    pub fn descendants() -> Vec<Process> {
        Vec::new()
    }

    /// There is nothing more to know than the command itself.
    pub fn is_usable() -> bool {
        true
    }

    /// What an ended command leaves behind goes to init, so our children say nothing about it.
    pub fn is_childless() -> bool {
        false
    }

    /// A group is in one session, and the command cannot have left ours: setsid(2) refuses the leader of
    /// a group. (Without a group of its own, nothing is left of a command that has ended.)
    pub fn is_in_our_session(_pid: Pid) -> bool {
        true
    }

    /// Calls `found` for the command, if something of it is left.
    pub fn walk(command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) {
        if let Some(pid) = command
            && Group::of_the_command().holds(pid)
        {
            found(&Process { pid });
        }
    }
}
