//! The descendants of an attempt, and how they are ended. This finds and signals them; it waits only through
//! [`EventLoop`].
//!
//! On Linux `retry` is a child subreaper (prctl(2)): a process becomes our child when its parent ends, so one that
//! called setsid or forked twice is still our descendant. On Windows each command has a job object, whose processes are
//! ended at once. Elsewhere the tree is the command's process group if it has one of its own
//! ([`crate::platform::group`]), else the command alone.
//!
//! A process that we cannot read may still exist. So a tree has ended when the kernel says that we have no children, or
//! when the search saw all our descendants and none of them belongs to the tree.

use super::event_loop::EventLoop;
use crate::core::outcome::{Escalation, Survivors};
use crate::core::signal::Signal;
use crate::platform::children::Pid;
use crate::platform::descendants::{self, Process};
use crate::platform::group::ProcessGroup;
use crate::platform::{Coverage, Descendants};
use std::io;
use std::time::Duration;

/// Which processes of a tree are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of them, in whatever session.
    AllSessions,
    /// Those in our session. After an interruption, a process that has called setsid lives on: it was detached on
    /// purpose.
    OurSession,
}

/// How a tree was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// Whether SIGKILL was needed.
    pub escalation: Escalation,
    /// The processes that could not be ended.
    pub survivors: Survivors,
}

/// The processes of a tree that still run when its command has ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remaining {
    None,
    /// These.
    Visible(Vec<i32>),
    /// Some, which /proc does not show.
    Hidden,
}

/// The descendants of one attempt, or of the whole run: ours, without those that are older than the tree.
#[derive(Debug, Default)]
pub struct Tree {
    /// Our descendants when the tree began.
    older: Vec<Process>,
    /// The command, once it is started.
    command: Option<Pid>,
}

/// The processes of a tree that a search found.
struct Members {
    processes: Vec<Process>,
    coverage: Coverage,
}

/// How often the tree is searched without a wakeup: we get no SIGCHLD when a process ends that is another's child.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A command that cleans up for longer than this after the signal of a time limit looks as if nothing happened.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// How long a process may take to end after SIGKILL before it counts as stuck in the kernel.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// With more children than this, ended or not, looking at each of them takes too long.
const MANY_CHILDREN: usize = 100;

/// How long a process may outlive the command before it counts as left running.
const SETTLE_TIME: Duration = Duration::from_millis(50);

impl Tree {
    /// A tree to which no process belongs yet.
    pub fn new() -> Self {
        let mut older = Vec::new();
        // In nearly every run one system call finds that there are no children, and /proc need not be read.
        if descendants::any() != Descendants::None {
            descendants::walk(None, &mut |process| {
                older.push(process.clone());
                true
            });
        }
        Self { older, command: None }
    }

    /// Sets the root of the tree, when the command is started.
    pub fn set_command(&mut self, command: Pid) {
        self.command = Some(command);
    }

    /// The processes that still run although the command has ended.
    pub fn left_running(&self, event_loop: &mut EventLoop) -> Remaining {
        if descendants::any() == Descendants::None {
            return Remaining::None;
        }
        // The members of a pipeline and the helpers of a shell end shortly after the command.
        let settled = event_loop.now().saturating_add(SETTLE_TIME);
        loop {
            let members = self.members(event_loop, Scope::AllSessions);
            let remaining = match (members.processes.len(), members.coverage, descendants::any()) {
                (0, Coverage::Partial, Descendants::Some) => Remaining::Hidden,
                (0, ..) => Remaining::None,
                _ => Remaining::Visible(members.pids()),
            };
            if remaining == Remaining::None
                || event_loop.now() >= settled
                || event_loop.interrupted().is_some()
            {
                return remaining;
            }
            event_loop.next(Some(settled.min(event_loop.now() + SETTLE_TIME / 10)));
        }
    }

    /// Ends the processes in `scope`: sends `signal`, and SIGKILL after `grace` or as soon as repeated signals ask for
    /// it. Returns when they are gone, or cannot be ended. `slow` gets the rest of the grace period, at most once, when
    /// they are not gone after [`SLOW_AFTER`].
    pub fn end(
        &self,
        event_loop: &mut EventLoop,
        scope: Scope,
        signal: Signal,
        grace: Duration,
        slow: &mut dyn FnMut(Duration),
    ) -> Termination {
        // The grace period goes on even if the command stops itself now.
        event_loop.ignore_lone_stops();
        for process in self.members(event_loop, scope).processes {
            // If it may not be signalled, `kill` finds that out.
            let _gone = send(event_loop, &process, signal);
            // A stopped process handles the signal only when it is continued.
            let _gone = resume(event_loop, &process);
        }
        let kill_at = event_loop.now().saturating_add(grace);
        let mut slow_at = Some(event_loop.now().saturating_add(SLOW_AFTER));
        while !event_loop.is_kill_requested() && event_loop.now() < kill_at {
            if self.is_gone(event_loop, scope) {
                return Termination { escalation: Escalation::FirstSignal, survivors: Survivors::None };
            }
            if slow_at.is_some_and(|at| event_loop.now() >= at) {
                slow_at = None;
                slow(kill_at.saturating_sub(event_loop.now()));
            }
            event_loop.next(Some(kill_at.min(event_loop.now() + POLL_INTERVAL)));
        }
        self.kill(event_loop, scope)
    }

    /// Sends SIGKILL until nothing is left. Each process is killed as soon as it is found, and the search starts again
    /// at once while it finds new ones. A tree cannot fork faster than that: the children of killed processes become
    /// our own, which are found first.
    fn kill(&self, event_loop: &mut EventLoop, scope: Scope) -> Termination {
        let escalation = Escalation::Killed;
        let give_up_at = event_loop.now().saturating_add(KILL_TIMEOUT);
        let mut killed: Vec<Process> = Vec::new();
        let mut could_kill_none_before = false;
        loop {
            // The fastest way first: processes that fork and end at once would be gone before each of them is looked
            // at.
            let belongs = |pid| scope.includes(pid) && !self.older.iter().any(|process| process.pid == pid);
            while descendants::kill_children(belongs) > MANY_CHILDREN && event_loop.now() < give_up_at {
                event_loop.next(Some(event_loop.now()));
            }
            let members = self.members(event_loop, scope);
            let mut found_new = false;
            let mut refused = 0;
            for process in &members.processes {
                if let Err(error) = send(event_loop, process, Signal::SIGKILL)
                    && error.kind() == io::ErrorKind::PermissionDenied
                {
                    refused += 1;
                }
                if !killed.contains(process) {
                    found_new = true;
                }
            }
            // Reaps what has ended, without waiting for more: children may end without pause.
            event_loop.next(Some(event_loop.now()));
            if self.is_gone(event_loop, scope) {
                return Termination { escalation, survivors: Survivors::None };
            }
            // The processes that are left may not be killed, or cannot be seen.
            let could_kill_none =
                refused == members.processes.len() && (refused > 0 || members.coverage == Coverage::Partial);
            if (could_kill_none && could_kill_none_before) || event_loop.now() >= give_up_at {
                return Termination { escalation, survivors: survivors(&members) };
            }
            could_kill_none_before = could_kill_none;
            killed = members.processes;
            if !found_new {
                event_loop.next(Some(event_loop.now() + POLL_INTERVAL));
            }
        }
    }

    fn members(&self, event_loop: &EventLoop, scope: Scope) -> Members {
        let mut processes = Vec::new();
        // Without a /proc of our namespace (a chroot, a pid namespace, no descriptor left to open it) the search finds
        // nothing. The pid of the command is still its own, because we have not reaped it.
        let mut command = event_loop.command();
        let coverage = descendants::walk(self.command, &mut |process: &Process| {
            // An older process is not ours to end, and neither are its children.
            if self.older.iter().any(|older| older.may_be(process)) {
                return false;
            }
            if command == Some(process.pid) {
                command = None;
            }
            if scope.includes(process.pid) {
                processes.push(process.clone());
            }
            true
        });
        if let Some(pid) = command.filter(|pid| scope.includes(*pid)) {
            processes.push(Process::with_pid(pid));
        }
        Members { processes, coverage }
    }

    fn is_gone(&self, event_loop: &EventLoop, scope: Scope) -> bool {
        match descendants::any() {
            Descendants::None => return true,
            // Every descendant belongs to the tree, so a search would say the same.
            Descendants::Some if scope == Scope::AllSessions && self.older.is_empty() => return false,
            Descendants::Some | Descendants::Unknown => {}
        }
        // The list of children in /proc may miss one that moves while it is read (proc(5)), so it has to be empty
        // twice.
        let is_empty = || {
            let members = self.members(event_loop, scope);
            let is_reliable = match members.coverage {
                Coverage::Complete => true,
                Coverage::Changing => false,
                // Processes that /proc does not show may not stay behind, except after an interruption.
                Coverage::Partial => scope == Scope::OurSession,
            };
            is_reliable && members.processes.is_empty()
        };
        is_empty() && is_empty()
    }
}

fn send(event_loop: &EventLoop, process: &Process, signal: Signal) -> io::Result<()> {
    // Reaches the whole group of the command, if it has one of its own.
    if event_loop.command() == Some(process.pid) {
        return ProcessGroup::for_commands().send(process.pid, signal);
    }
    descendants::send(process, signal)
}

fn resume(event_loop: &EventLoop, process: &Process) -> io::Result<()> {
    if event_loop.command() == Some(process.pid) {
        return ProcessGroup::for_commands().resume(process.pid);
    }
    descendants::resume(process)
}

fn survivors(members: &Members) -> Survivors {
    if members.processes.is_empty() {
        return Survivors::Unknown;
    }
    Survivors::Processes(members.pids())
}

impl Members {
    fn pids(&self) -> Vec<i32> {
        self.processes.iter().map(|process| process.pid.as_raw_nonzero().get()).collect()
    }
}

impl Scope {
    fn includes(self, pid: Pid) -> bool {
        match self {
            Self::AllSessions => true,
            Self::OurSession => descendants::is_in_our_session(pid),
        }
    }
}
