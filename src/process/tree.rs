//! The processes that an attempt made, and how they end. It finds and signals them; it waits only
//! through [`EventLoop`].
//!
//! On Linux `retry` is a child subreaper (prctl(2)), so whatever an attempt leaves behind becomes a
//! child of ours when its parent ends: a process that called setsid or forked twice is still a
//! descendant. Elsewhere the tree is the command's own process group, where it has one
//! ([`crate::platform::group`]), else the command alone.
//!
//! What cannot be read is not gone: a tree has ended when the kernel knows no child of ours any more, or when all
//! that is below us could be seen and nothing of the tree is among it.

use super::event_loop::EventLoop;
use crate::core::outcome::{Escalation, Left};
use crate::core::signal::Signal;
use crate::platform::descendants::{self, Process};
use crate::platform::group::ProcessGroup;
use crate::platform::{Descendants, View};
use rustix::process::Pid;
use std::io;
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

/// What is left of a tree when its command has ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// So many processes.
    Seen(usize),
    /// Some, which /proc does not show.
    Unseen,
}

/// The processes of one attempt, or of all: our descendants, without those that were there before.
#[derive(Debug, Default)]
pub struct Tree {
    before: Vec<Process>,
    /// The command, once it was started.
    command: Option<Pid>,
}

/// What is there of a tree.
struct Members {
    processes: Vec<Process>,
    view: View,
}

/// How long the tree is watched without news: a process whose parent is not ours to wait for ends
/// without a SIGCHLD for us.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long a process may take to vanish after SIGKILL before it counts as stuck in the kernel.
const STUCK: Duration = Duration::from_secs(10);

/// More children than this, ended or not, are too many to look at each of them.
const STORM: usize = 100;

/// How long what ends just behind the command may take to do so before it counts as left running.
const SETTLE: Duration = Duration::from_millis(50);

impl Tree {
    /// The tree of what begins now.
    pub fn begin() -> Self {
        let mut before = Vec::new();
        // One call that says "no children" saves the look into /proc in nearly every run.
        if descendants::any() != Descendants::None {
            descendants::walk(None, &mut |process| {
                before.push(process.clone());
                true
            });
        }
        Self { before, command: None }
    }

    /// The command was started: the root of the tree.
    pub fn grows_from(&mut self, command: Pid) {
        self.command = Some(command);
    }

    /// The processes that are there although the command has ended.
    pub fn left_running(&self, event_loop: &mut EventLoop) -> Remaining {
        if descendants::any() == Descendants::None {
            return Remaining::Seen(0);
        }
        // A pipeline's members and a shell's helpers end a moment after the command, and nobody left them behind.
        let settled = event_loop.now().saturating_add(SETTLE);
        loop {
            let members = self.members(event_loop, Scope::Everything);
            // What cannot be read is not gone.
            let remaining = match (members.processes.len(), members.view, descendants::any()) {
                (0, View::Partial, Descendants::Some) => Remaining::Unseen,
                (count, ..) => Remaining::Seen(count),
            };
            if remaining == Remaining::Seen(0)
                || event_loop.now() >= settled
                || event_loop.interrupted().is_some()
            {
                return remaining;
            }
            event_loop.next(Some(settled.min(event_loop.now() + SETTLE / 10)));
        }
    }

    /// Ends the processes in `scope`: first `signal`, after `grace` SIGKILL, at once if whoever asked
    /// has no patience. Comes back when they are gone, or when nothing more can be done about them.
    pub fn end(&self, event_loop: &mut EventLoop, scope: Scope, signal: Signal, grace: Duration) -> Ended {
        // Whatever the command does to stop itself now, its time runs.
        event_loop.ignore_lone_stops();
        for process in self.members(event_loop, scope).processes {
            // Errors: it is gone, or is not ours to end, which shows below.
            let _gone = send(event_loop, &process, signal);
            // A stopped process would not see it before it goes on.
            let _gone = send(event_loop, &process, Signal::SIGCONT);
        }
        let patience = event_loop.now().saturating_add(grace);
        while !event_loop.is_kill_requested() && event_loop.now() < patience {
            if self.is_gone(event_loop, scope) {
                return Ended { escalation: Escalation::FirstSignal, left: Left::Nothing };
            }
            event_loop.next(Some(patience.min(event_loop.now() + LOOK_AGAIN)));
        }
        self.kill(event_loop, scope)
    }

    /// SIGKILL, until nothing is left. Each process is killed as soon as it is found, and the search
    /// starts again at once while it finds new ones: a tree that forks cannot outrun it, because what
    /// its dead parents leave becomes our own child, which is found first.
    fn kill(&self, event_loop: &mut EventLoop, scope: Scope) -> Ended {
        let escalation = Escalation::Killed;
        let stuck = event_loop.now().saturating_add(STUCK);
        let mut seen: Vec<Process> = Vec::new();
        let mut helpless_before = false;
        loop {
            // The fastest way first: processes that fork and end at once are gone before a closer look at each of
            // them is over.
            let is_meant = |pid| scope.includes(pid) && !self.before.iter().any(|process| process.pid == pid);
            while descendants::kill_children(is_meant) > STORM && event_loop.now() < stuck {
                event_loop.next(Some(event_loop.now()));
            }
            let members = self.members(event_loop, scope);
            let mut news = false;
            let mut refused = 0;
            for process in &members.processes {
                if let Err(error) = send(event_loop, process, Signal::SIGKILL)
                    && error.kind() == io::ErrorKind::PermissionDenied
                {
                    refused += 1;
                }
                if !seen.contains(process) {
                    news = true;
                }
            }
            // Reaps what has ended, without waiting for a lull that a storm of children may never have.
            event_loop.next(Some(event_loop.now()));
            if self.is_gone(event_loop, scope) {
                return Ended { escalation, left: Left::Nothing };
            }
            // All that is left is not ours to end, or is not to be seen.
            let helpless =
                refused == members.processes.len() && (refused > 0 || members.view == View::Partial);
            if (helpless && helpless_before) || event_loop.now() >= stuck {
                return Ended { escalation, left: left(&members) };
            }
            helpless_before = helpless;
            seen = members.processes;
            if !news {
                event_loop.next(Some(event_loop.now() + LOOK_AGAIN));
            }
        }
    }

    fn members(&self, event_loop: &EventLoop, scope: Scope) -> Members {
        let mut processes = Vec::new();
        // Without a /proc of ours (a chroot, a pid namespace, no descriptor left to open it) the walk finds
        // nothing. The command is known all the same: we have not reaped it, so its pid is its own.
        let mut command = event_loop.command();
        let view = descendants::walk(self.command, &mut |process: &Process| {
            // What was there before goes on, and so does what it starts meanwhile.
            if self.before.iter().any(|before| before.may_be(process)) {
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
            processes.push(Process::known(pid));
        }
        Members { processes, view }
    }

    fn is_gone(&self, event_loop: &EventLoop, scope: Scope) -> bool {
        match descendants::any() {
            Descendants::None => return true,
            // All that is below us is meant, so no look at it can say more.
            Descendants::Some if scope == Scope::Everything && self.before.is_empty() => return false,
            Descendants::Some | Descendants::Unknown => {}
        }
        // The list of children in /proc may miss one that moves while it is read (proc(5)), so an empty
        // one is believed only when it is empty twice.
        let none = || {
            let members = self.members(event_loop, scope);
            let seen = match members.view {
                View::Complete => true,
                View::Moving => false,
                // What /proc does not show has to be gone where nothing may be left; elsewhere it is not looked for.
                View::Partial => scope == Scope::OurSession,
            };
            seen && members.processes.is_empty()
        };
        none() && none()
    }
}

fn send(event_loop: &EventLoop, process: &Process, signal: Signal) -> io::Result<()> {
    // The command's group, where it has one of its own.
    if event_loop.command() == Some(process.pid) {
        return ProcessGroup::of_the_command().send(process.pid, signal);
    }
    descendants::send(process, signal)
}

fn left(members: &Members) -> Left {
    if members.processes.is_empty() {
        return Left::Unknown;
    }
    Left::Processes(members.processes.iter().map(|process| process.pid.as_raw_nonzero().get()).collect())
}

impl Scope {
    fn includes(self, pid: Pid) -> bool {
        match self {
            Self::Everything => true,
            Self::OurSession => descendants::is_in_our_session(pid),
        }
    }
}
