//! An attempt of the command from start to end, and the hooks around it. It connects spawn, wait, tree
//! and streams; it judges nothing but by asking the rules.

use super::event_loop::{EventLoop, Wakeup};
use super::guard::{GuardNow, SharedGuard};
use super::patience::RunPatience;
use super::progress_timer::ProgressTimer;
use super::spawn::{self, AttemptEnv};
use super::terminal::Terminal;
use super::tree::{Ended, Remaining, Scope, Tree};
use crate::core::os_error::describe;
use crate::core::outcome::{Ending, Left, Limit, NotStarted, Outcome, RunEnd, SpawnFailure, TimedOut};
use crate::core::output::Seen;
use crate::core::plan::{End, Leftovers, Plan};
use crate::core::rules::Evidence;
use crate::core::signal::Signal;
use crate::core::stream::{Cursor, Stream};
use crate::core::verdict::Verdict;
use crate::platform::group::ProcessGroup;
use crate::platform::{descendants, this_process};
use crate::report::output;
use crate::run::attempt::{Abort, Attempt, Done, LeftRunning, Opinion, Ready, Remarks, StdinState, Waited};
use crate::run::event::{Activity, Event, Observer, Times};
use crate::streams::error::StreamError;
use crate::streams::pipe;
use crate::streams::stdio::{ChildStdio, Streams};
use retry_loop::circuit::Observation;
use retry_loop::run::Guard;
use retry_loop::server_hint::ServerHint;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

/// A grandchild that still holds a pipe of a command that has ended is waited for so long, once.
const PIPE_GRACE: Duration = Duration::from_millis(200);

/// Runs the command of a plan, attempt by attempt.
#[derive(Debug)]
pub struct Supervisor<'a> {
    plan: &'a Plan,
    wait: EventLoop,
    /// What is below us of all attempts so far.
    everything: Tree,
    terminal: Option<Terminal>,
    /// What the command gets when we are killed.
    death_signal: Signal,
    progress: ProgressTimer,
    number: u64,
    waited: Duration,
    worked: Duration,
    previous: Option<u8>,
    /// What the last attempt left running.
    leftovers: LeftRunning,
    told_used_up: bool,
    condition: Condition,
    /// What the last attempt said.
    seen: Seen,
    hint: ServerHint,
    guard: Option<SharedGuard>,
}

impl<'a> Supervisor<'a> {
    /// Starts the clock and takes charge of signals, streams and orphans.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new(plan: &'a Plan) -> io::Result<Self> {
        let wait = EventLoop::new(Streams::new(plan)?)?;
        descendants::adopt_orphans();
        Ok(Self {
            plan,
            wait,
            everything: Tree::begin(),
            terminal: Terminal::find(),
            death_signal: this_process::death_signal().unwrap_or(plan.limits.signal),
            progress: ProgressTimer::default(),
            number: 0,
            waited: Duration::ZERO,
            worked: Duration::ZERO,
            previous: None,
            leftovers: LeftRunning::Nothing,
            told_used_up: false,
            condition: Condition::Usable,
            seen: Seen::default(),
            hint: ServerHint::None,
            guard: plan.shared.as_ref().map(|config| SharedGuard::new(config, plan.limits.longest_attempt())),
        })
    }

    /// Where the time went so far.
    pub fn times(&self) -> Times {
        Times { elapsed: self.wait.now(), waited: self.waited, worked: self.worked }
    }

    /// The streams of the command that are pipes instead of what we have ourselves.
    pub fn piped(&mut self) -> Vec<Stream> {
        self.wait.streams().piped().collect()
    }

    /// For what is written when the run is over.
    pub fn patience(&mut self) -> RunPatience<'_> {
        RunPatience::at_the_end(&mut self.wait, self.plan.policy.deadline)
    }

    /// What is left to do when the loop has ended: the fallback, or the release of held output.
    pub fn conclude(
        &mut self,
        mut end: RunEnd<Outcome>,
        observer: &mut dyn Observer<Outcome>,
    ) -> RunEnd<Outcome> {
        match &self.plan.hooks.fallback {
            Some(fallback) if matches!(end.ending, Ending::Stopped(_)) => {
                observer.event(&Event::FallingBack);
                let stderr = self.plan.streams.stderr;
                match self.release(|stream| stream == Stream::Stderr && stderr.is_released(End::Bad)) {
                    Some(lost) => end = RunEnd { ending: lost, last: None, fallback: None },
                    None => self.fall_back(fallback, &mut end, observer),
                }
            }
            _ => {
                let streams = self.plan.streams;
                let succeeded = matches!(end.ending, Ending::Succeeded { .. });
                let which = if succeeded { End::Good } else { End::Bad };
                if let Some(lost) = self.release(|stream| streams.output(stream).is_released(which)) {
                    end = RunEnd { ending: lost, last: None, fallback: None };
                }
            }
        }
        if let Ending::Broken(what) = &end.ending {
            observer.event(&Event::Broken { what: what.clone() });
        }
        end
    }

    fn attempt_env(&self) -> AttemptEnv<'a> {
        AttemptEnv {
            number: self.number,
            attempts: self.plan.policy.attempts,
            previous: self.previous,
            elapsed: self.wait.now(),
            depth: self.plan.depth,
            run_id: &self.plan.run_id,
        }
    }

    /// Starts a command and stays with it to its end, or to `limit`.
    fn run(
        &mut self,
        words: &[OsString],
        stdio: ChildStdio,
        limit: Until,
        observer: &mut dyn Observer<Outcome>,
    ) -> (Outcome, Duration, Tree) {
        let mut tree = Tree::begin();
        let started = self.wait.now();
        if let Some(terminal) = &mut self.terminal {
            terminal.save();
        }
        let spawned = spawn::spawn(words, &self.attempt_env(), &stdio, self.death_signal);
        // The command has them now, and we must not: a pipe ends only when nobody holds it.
        drop(stdio);
        let (outcome, took) = match spawned {
            Ok(pid) => {
                tree.grows_from(pid);
                self.everything.grows_from(pid);
                self.wait.watch(pid);
                self.kill_if_impatient();
                self.stay(&tree, started, limit, observer)
            }
            Err(not_started) => (Outcome::NotStarted(not_started), self.wait.now().saturating_sub(started)),
        };
        // A signal that came while the command ended decides before the outcome does.
        self.wait.handle_signals();
        self.sweep();
        self.put_terminal_back(&outcome);
        (outcome, took, tree)
    }

    /// A command that exits by itself leaves the terminal as it wants it (`stty`); one that was killed had no choice.
    fn put_terminal_back(&self, outcome: &Outcome) {
        let Some(terminal) = &self.terminal else { return };
        terminal.take_foreground();
        if matches!(outcome, Outcome::Killed(_) | Outcome::TimedOut(_)) {
            terminal.restore();
        }
    }

    fn stay(
        &mut self,
        tree: &Tree,
        started: Duration,
        until: Until,
        observer: &mut dyn Observer<Outcome>,
    ) -> (Outcome, Duration) {
        let limit = loop {
            let idle = until.idle.map(|idle| self.wait.streams().active().saturating_add(idle));
            let (limit, due) =
                [(Limit::Timeout, until.timeout), (Limit::Deadline, until.deadline), (Limit::Idle, idle)]
                    .into_iter()
                    .filter_map(|(limit, due)| Some((limit, due?)))
                    .min_by_key(|(_, due)| *due)
                    .unzip();
            let renewal = self.guard.as_ref().and_then(SharedGuard::renewal);
            if renewal.is_some_and(|due| self.wait.now() >= due) {
                self.guard_now(observer).renew();
            }
            let renewal = self.guard.as_ref().and_then(SharedGuard::renewal);
            let next_look = [due, renewal, self.progress.due()].into_iter().flatten().min();
            match self.wait.next(next_look) {
                Wakeup::CommandEnded(outcome) => return (outcome, self.wait.now().saturating_sub(started)),
                Wakeup::Interrupted => self.kill_if_impatient(),
                Wakeup::OrphansReaped | Wakeup::StreamsChanged | Wakeup::Writable | Wakeup::TimerExpired => {}
            }
            // Something is lost already, so whatever the command does now is in vain.
            if self.wait.streams().failure().is_some() {
                break Limit::Timeout;
            }
            // Whatever woke us: something may do so without end.
            let now = self.wait.now();
            if self.progress.due().is_some_and(|due| now >= due) {
                let activity = Activity::Running { took: now.saturating_sub(started) };
                self.progress.tick(now, activity, observer);
            }
            match limit {
                _ if due.is_none_or(|due| now < due) => {}
                // What was written since may have moved the idle limit.
                Some(Limit::Idle) if until.idle.is_some_and(|idle| !self.is_idle_for(idle)) => {}
                Some(limit) => break limit,
                None => {}
            }
        };
        let took = self.wait.now().saturating_sub(started);
        // The slot of a probe has to last until its tree is gone.
        self.guard_now(observer).renew();
        let signal = self.plan.limits.signal;
        let ended = tree.end(&mut self.wait, Scope::Everything, signal, self.plan.limits.kill_after);
        let Ended { escalation, left } = ended;
        (Outcome::TimedOut(TimedOut { limit, signal, escalation, left }), took)
    }

    fn is_idle_for(&mut self, idle: Duration) -> bool {
        let active = self.wait.streams().active();
        self.wait.now() >= active.saturating_add(idle)
    }

    fn guard_now<'g>(&'g mut self, observer: &'g mut dyn Observer<Outcome>) -> GuardNow<'g, Outcome> {
        GuardNow { now: self.wait.now(), guard: self.guard.as_mut(), observer }
    }

    fn kill_if_impatient(&self) {
        if self.wait.is_kill_requested()
            && let Some(pid) = self.wait.command()
        {
            let _gone_meanwhile = ProcessGroup::of_the_command().send(pid, Signal::SIGKILL);
        }
    }

    /// After an interruption, what the attempts left behind in our session gets the signal too.
    fn sweep(&mut self) {
        if let Some(signal) = self.wait.interrupted() {
            self.everything.end(&mut self.wait, Scope::OurSession, signal, self.plan.limits.kill_after);
        }
    }

    /// What a failed attempt that ended by itself has left running. A time limit and a signal have ended theirs.
    fn leftovers_of(&mut self, tree: &Tree, outcome: &Outcome) -> LeftRunning {
        let has_ended_by_itself = matches!(outcome, Outcome::Exited(_) | Outcome::Killed(_));
        if !has_ended_by_itself || self.wait.interrupted().is_some() || self.judge(outcome) == Verdict::Good {
            return LeftRunning::Nothing;
        }
        let limits = &self.plan.limits;
        let count = match (tree.left_running(&mut self.wait), limits.leftovers) {
            (Remaining::Seen(0), _) => return LeftRunning::Nothing,
            (Remaining::Seen(count), Leftovers::Keep) => return LeftRunning::Kept(count),
            (Remaining::Unseen, Leftovers::Keep) => return LeftRunning::KeptUnseen,
            (Remaining::Unseen, Leftovers::End) => return LeftRunning::Stuck(Left::Unknown),
            (Remaining::Seen(count), Leftovers::End) => count,
        };
        match tree.end(&mut self.wait, Scope::Everything, limits.signal, limits.kill_after).left {
            Left::Nothing => LeftRunning::Ended(count),
            left => LeftRunning::Stuck(left),
        }
    }

    /// Takes, looks at and passes on what the command has left in its pipes. The time that our own reader takes
    /// is its own, up to the deadline or an interruption; the time that a grandchild takes which still holds
    /// a pipe is a grace, made once. A slow pattern has the time up to the deadline where its word counts.
    fn drain(&mut self, outcome: &Outcome) {
        self.wait.streams().command_ended();
        let interrupted = self.wait.interrupted().is_some();
        let counts = !interrupted && !matches!(outcome, Outcome::TimedOut(_));
        if interrupted {
            self.wait.streams().stop_looking();
        }
        let (deadline, kill_after) = (self.plan.policy.deadline, self.plan.limits.kill_after);
        let grace = self.wait.now() + PIPE_GRACE;
        let end = if interrupted { grace } else { deadline.unwrap_or(Duration::MAX).max(grace) };
        let mut stages = [grace, end, end.saturating_add(kill_after)].into_iter();
        let mut due = stages.next();
        while self.wait.streams().is_busy() {
            match (self.wait.next(due), stages.len()) {
                (Wakeup::TimerExpired, left) => {
                    let streams = self.wait.streams();
                    match left {
                        2 => streams.grace_ended(),
                        1 if counts => streams.looked_too_late(),
                        // What a command wrote that was not ended may not be lost without a word.
                        0 if counts => streams.abandon(),
                        _ => {}
                    }
                    if !counts {
                        streams.stop_looking();
                    }
                    due = stages.next();
                    if due.is_none() {
                        break;
                    }
                }
                // Whoever sends one more signal does not wait for our reader either.
                (Wakeup::Interrupted, _) => {
                    self.wait.streams().stop_looking();
                    break;
                }
                (
                    Wakeup::CommandEnded(_)
                    | Wakeup::OrphansReaped
                    | Wakeup::StreamsChanged
                    | Wakeup::Writable,
                    _,
                ) => {}
            }
        }
    }

    /// Writes what is held of these streams to our own. A signal ends it; after one that came before, and
    /// after the deadline, our reader has as long as everything else that is left behind.
    fn release(&mut self, which: impl Fn(Stream) -> bool) -> Option<Ending> {
        self.wait.streams().release(which);
        let (deadline, kill_after) = (self.plan.policy.deadline, self.plan.limits.kill_after);
        let now = self.wait.now();
        let end = self.wait.interrupted().map(|_| now).or(deadline.map(|deadline| deadline.max(now)));
        let due = end.map(|end| end.saturating_add(kill_after));
        while self.wait.streams().has_pending() {
            match (self.wait.next(due), self.wait.interrupted()) {
                (Wakeup::Interrupted, Some(signal)) => {
                    return Some(Ending::Interrupted(signal));
                }
                (Wakeup::TimerExpired, Some(_)) => return None,
                (Wakeup::TimerExpired, None) => self.wait.streams().abandon(),
                _ => {}
            }
        }
        match self.wait.streams().failure() {
            Some(StreamError::NoReader) => Some(Ending::NoReader),
            Some(StreamError::Lost(what)) => Some(Ending::Broken(what.clone())),
            None => None,
        }
    }

    /// Runs a command between two attempts, with this stdin, and stderr as stdout. Signals and the deadline end
    /// it.
    fn run_hook(
        &mut self,
        command: &OsStr,
        stdin: impl FnOnce() -> io::Result<OwnedFd>,
        observer: &mut dyn Observer<Outcome>,
    ) -> Outcome {
        let child = stdin().and_then(|stdin| {
            let stdout = Some(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)?);
            Ok(ChildStdio { stdin: Some(stdin), stdout, stderr: None })
        });
        let until = Until { deadline: self.plan.policy.deadline, ..Until::default() };
        let outcome = match child {
            Ok(child) => self.run(&shell(command), child, until, observer).0,
            Err(error) => cannot_start(&error),
        };
        self.progress.wrote(Cursor::Unknown, observer);
        outcome
    }

    fn fall_back(
        &mut self,
        fallback: &OsStr,
        end: &mut RunEnd<Outcome>,
        observer: &mut dyn Observer<Outcome>,
    ) {
        let stdio =
            self.wait.streams().stdin_again().map(|stdin| ChildStdio { stdin, ..ChildStdio::default() });
        let outcome = match stdio {
            Ok(stdio) => self.run(&shell(fallback), stdio, Until::default(), observer).0,
            Err(error) => cannot_start(&error),
        };
        match (self.wait.interrupted(), outcome) {
            // As with an attempt: its own code if it exited, else the signal that we received.
            (Some(signal), outcome @ Outcome::Killed(_)) => {
                *end = RunEnd { ending: Ending::Interrupted(signal), last: Some(outcome), fallback: None };
            }
            (_, outcome) => end.fallback = Some(outcome),
        }
    }
}

/// Whether `--retry-if` has given answers; that it did not is said once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Usable,
    SaidToBeUnusable,
}

/// The times at which a command is ended.
#[derive(Debug, Clone, Copy, Default)]
struct Until {
    timeout: Option<Duration>,
    deadline: Option<Duration>,
    /// Not a time, but how long the command may write nothing.
    idle: Option<Duration>,
}

fn shell(command: &OsStr) -> [OsString; 3] {
    ["sh".into(), "-c".into(), command.to_owned()]
}

/// Without descriptors or memory there is no attempt now, but there may be one later.
fn cannot_start(error: &io::Error) -> Outcome {
    not_started(describe(error))
}

fn not_started(why: String) -> Outcome {
    Outcome::NotStarted(NotStarted { kind: SpawnFailure::Transient, why })
}

impl Attempt for Supervisor<'_> {
    type Outcome = Outcome;

    fn attempt(&mut self, number: u64, observer: &mut dyn Observer<Outcome>) -> Done<Outcome> {
        self.number = number;
        let now = self.wait.now();
        let limits = &self.plan.limits;
        let until = Until {
            timeout: limits.timeout.map(|timeout| now.saturating_add(timeout)),
            deadline: self.plan.policy.deadline,
            idle: limits.idle,
        };
        self.leftovers = LeftRunning::Nothing;
        let begun = self.wait.streams().begin(now);
        // The last look before the command is there: a key that was pressed until now has missed it, one that
        // is pressed from now on reaches it too.
        self.wait.handle_signals();
        let (outcome, took, tree) = match begun {
            _ if self.wait.interrupted().is_some() => {
                (not_started("interrupted".to_owned()), Duration::ZERO, None)
            }
            Ok(stdio) => {
                self.progress.tick(now, Activity::Running { took: Duration::ZERO }, observer);
                let (outcome, took, tree) = self.run(&self.plan.command, stdio, until, observer);
                self.progress.end(observer);
                (outcome, took, Some(tree))
            }
            Err(error) => (cannot_start(&error), Duration::ZERO, None),
        };
        self.worked = self.worked.saturating_add(took);
        let interrupted = self.wait.interrupted();
        self.drain(&outcome);
        // A signal that came meanwhile is also for what holds the pipes.
        if interrupted.is_none() {
            self.sweep();
        }
        (self.seen, self.hint) = self.wait.streams().finish(wall_clock);
        self.leftovers = tree.map_or(LeftRunning::Nothing, |tree| self.leftovers_of(&tree, &outcome));
        // The terminal shows `^C` as well, wherever the cursor was.
        let interrupted = self.wait.interrupted().is_some();
        let streams = self.wait.streams();
        self.progress.wrote(if interrupted { Cursor::Unknown } else { streams.cursor() }, observer);
        if let Some(what) = streams.warning() {
            observer.event(&Event::OutputLost { what });
        }
        let used_up = streams.input().is_used_up() && !std::mem::replace(&mut self.told_used_up, true);
        let remarks = Remarks {
            held: streams.held(),
            stdin: if used_up { StdinState::UsedUp } else { StdinState::Fine },
            leftovers: self.leftovers.clone(),
        };
        let broken = match streams.failure() {
            Some(StreamError::Lost(what)) => Some(Abort::Broken(what.clone())),
            Some(StreamError::NoReader) | None => None,
        };
        self.previous = Some(outcome.status());
        Done { outcome, took, abort: broken.or(self.wait.interrupted().map(Abort::Interrupted)), remarks }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        let left = if let LeftRunning::Stuck(left) = &self.leftovers { left } else { &Left::Nothing };
        self.plan.rules.judge(&Evidence { outcome, seen: &self.seen, left })
    }

    fn observation(&self, outcome: &Outcome, verdict: &Verdict) -> Observation {
        outcome.observation(verdict)
    }

    fn guard<'g>(&'g mut self, observer: &'g mut dyn Observer<Outcome>) -> impl Guard + 'g {
        self.guard_now(observer)
    }

    fn server_hint(&self) -> ServerHint {
        self.hint
    }

    fn second_opinion(
        &mut self,
        outcome: &Outcome,
        observer: &mut dyn Observer<Outcome>,
    ) -> Opinion<Outcome> {
        let Some(condition) = &self.plan.hooks.retry_if else { return Opinion::None };
        // Not a variable of ours: attempts must not see it.
        let mut command = OsString::from(format!("export RETRY_STATUS={}; ", outcome.status()));
        command.push(condition);
        let end = self.wait.streams().end().to_vec();
        let answer = self.run_hook(&command, || pipe::filled(&end), observer);
        match (self.wait.interrupted(), answer) {
            (Some(signal), _) => Opinion::Interrupted(signal),
            (None, Outcome::Exited(0)) => Opinion::Retry,
            (None, Outcome::Exited(1)) => Opinion::Stop,
            (None, answer) => match std::mem::replace(&mut self.condition, Condition::SaidToBeUnusable) {
                Condition::Usable => Opinion::Unusable(answer),
                Condition::SaidToBeUnusable => Opinion::None,
            },
        }
    }

    fn before_retry(&mut self, number: u64, observer: &mut dyn Observer<Outcome>) -> Ready<Outcome> {
        let Some(hook) = &self.plan.hooks.before_retry else { return Ready::Yes };
        self.number = number;
        let outcome = self.run_hook(hook, || Ok(File::open("/dev/null")?.into()), observer);
        match (self.wait.interrupted(), outcome) {
            (Some(signal), _) => Ready::Interrupted(signal),
            (None, Outcome::Exited(0)) => Ready::Yes,
            (None, outcome) => Ready::Warned(outcome),
        }
    }

    fn wait(&mut self, delay: Duration, observer: &mut dyn Observer<Outcome>) -> Waited {
        let begun = self.wait.now();
        let due = begun.saturating_add(delay);
        if !delay.is_zero() {
            self.progress.tick(begun, Activity::Waiting { left: delay, elapsed: begun }, observer);
        }
        let waited = loop {
            let next_look = self.progress.due().map_or(due, |tick| tick.min(due));
            let woken = self.wait.next(Some(next_look));
            if let Some(signal) = self.wait.interrupted() {
                self.sweep();
                break Waited::Interrupted(signal);
            }
            let now = self.wait.now();
            if now >= due {
                break Waited::Elapsed;
            }
            if woken == Wakeup::TimerExpired {
                let activity = Activity::Waiting { left: due.saturating_sub(now), elapsed: now };
                self.progress.tick(now, activity, observer);
            }
        };
        self.progress.end(observer);
        if waited == Waited::Elapsed {
            output::catch_up(&mut RunPatience::between_attempts(&mut self.wait, self.plan.policy.deadline));
        }
        let waited = self.wait.interrupted().map_or(waited, Waited::Interrupted);
        if matches!(waited, Waited::Interrupted(_)) {
            self.progress.wrote(Cursor::Unknown, observer);
        }
        if !delay.is_zero() {
            self.waited = self.waited.saturating_add(self.wait.now().saturating_sub(begun));
        }
        waited
    }

    fn elapsed(&self) -> Duration {
        self.wait.now()
    }
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date is a time of the wall clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}
