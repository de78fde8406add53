//! Our descendants: each command has a job object, which has all that the command has started.

use super::children::{self, Pid};
use super::group;
use super::job::{AtOurEnd, Job, is_console_host};
use crate::core::exit_code::CONTROL_C_EXIT;
use crate::core::signal::Signal;
use crate::platform::{Coverage, Descendants};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its pid.
    pub pid: Pid,
    /// The number of its job; `None` if it is not known.
    job: Option<u64>,
    role: Role,
}

/// Whether a console event for the process group of a command goes by way of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It does: this is the first process of a job whose command has ended.
    SpeaksForGroup,
    Member,
}

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        (self.pid, self.job) == (other.pid, other.job)
    }
}

impl Eq for Process {}

impl Process {
    /// A process with this pid, of which nothing else is known.
    pub fn with_pid(pid: Pid) -> Self {
        Self { pid, job: None, role: Role::Member }
    }

    /// Whether the two may be the same process. In a later job, the pid is that of another process.
    pub fn may_be(&self, other: &Self) -> bool {
        self.pid == other.pid && (self.job == other.job || self.job.is_none() || other.job.is_none())
    }
}

/// The job of a command.
#[derive(Debug)]
struct CommandJob {
    number: u64,
    /// The command, which leads a process group of the console.
    command: Pid,
    job: Job,
}

/// The jobs in which processes may be left.
#[derive(Debug)]
struct Jobs {
    started: u64,
    all: Vec<CommandJob>,
}

static JOBS: Mutex<Jobs> = Mutex::new(Jobs { started: 0, all: Vec::new() });

/// The jobs, without those that are empty.
fn jobs() -> MutexGuard<'static, Jobs> {
    let mut jobs = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    jobs.all.retain(|job| job.job.active().map_or(true, |active| active > 0));
    jobs
}

/// Notes the job of a command that was just started.
pub fn add(command: Pid, job: Job) {
    let mut jobs = jobs();
    jobs.started += 1;
    let number = jobs.started;
    jobs.all.push(CommandJob { number, command, job });
}

/// Ends all processes of the job of this command.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when none is left; any error of TerminateJobObject.
pub fn terminate(command: Pid) -> io::Result<()> {
    // A pid may be reused by a later command.
    match jobs().all.iter().rev().find(|job| job.command == command) {
        Some(job) => job.job.terminate(CONTROL_C_EXIT),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Does nothing: a process stays in its job when its parent ends.
pub fn adopt_orphans() {}

/// What still runs now lives on when we end. Until then, it would end with us.
pub fn release() {
    for job in &jobs().all {
        let _best_effort = job.job.at_our_end(AtOurEnd::LiveOn);
    }
}

/// Whether we have descendants.
pub fn any() -> Descendants {
    if children::exists() || !jobs().all.is_empty() { Descendants::Some } else { Descendants::None }
}

/// Always: there are no sessions that a process enters on its own.
pub fn is_in_our_session(_pid: Pid) -> bool {
    true
}

/// Ends the whole job of a process with SIGKILL: no process can start another one meanwhile. Any other signal is a
/// Ctrl-Break for the process group of the command. The command gets it by [`group::ProcessGroup::send`]; if it has
/// ended, the group gets it once, however many processes are in it.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when the job is empty; any error of the system.
pub fn send(process: &Process, signal: Signal) -> io::Result<()> {
    if signal != Signal::SIGKILL && process.role == Role::Member {
        return Ok(());
    }
    let jobs = jobs();
    let Some(job) = jobs.all.iter().find(|job| Some(job.number) == process.job) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    if signal == Signal::SIGKILL { job.job.terminate(CONTROL_C_EXIT) } else { group::send_break(job.command) }
}

/// Does nothing: no process was stopped.
///
/// # Errors
/// None.
pub fn resume(_process: &Process) -> io::Result<()> {
    Ok(())
}

/// Ends nothing: [`send`] ends all processes of a job at once.
pub fn kill_children(_is_selected: impl Fn(Pid) -> bool) -> usize {
    0
}

/// Calls `found` for every descendant that has not ended.
pub fn walk(_command: Option<Pid>, found: &mut impl FnMut(&Process) -> bool) -> Coverage {
    let mut coverage = Coverage::Complete;
    let mut all = Vec::new();
    for job in &jobs().all {
        let Ok(pids) = job.job.processes() else {
            coverage = Coverage::Partial;
            continue;
        };
        let has_command = pids.contains(&job.command);
        let pids = pids.into_iter().filter(|pid| !is_console_host(*pid));
        all.extend(pids.enumerate().map(|(index, pid)| {
            let role = if index == 0 && !has_command { Role::SpeaksForGroup } else { Role::Member };
            Process { pid, job: Some(job.number), role }
        }));
    }
    for process in &all {
        found(process);
    }
    coverage
}
