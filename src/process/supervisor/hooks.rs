//! The commands that run around the attempts: `--retry-if`, `--before-retry` and `--fallback`. Each is a line for the
//! shell. Signals end all of them, the deadline ends the first two.

use super::command::{TimeLimits, cannot_start};
use super::{Notice, Supervisor};
use crate::core::outcome::{Ending, Outcome, RunEnd};
use crate::core::stream::Cursor;
use crate::platform::launch::Program;
use crate::platform::pipe;
use crate::platform::stdio::{self, OwnedStream};
use crate::process::spawn::AttemptEnv;
use crate::run::driver::{BeforeRetry, RetryIf};
use crate::run::event::{Event, Observer};
use crate::streams::stdio::ChildStdio;
use std::ffi::OsStr;
use std::io;

impl Supervisor<'_> {
    /// Runs the command of `--retry-if`, with the end of the attempt's output as its stdin.
    pub(super) fn run_retry_if(
        &mut self,
        outcome: &Outcome,
        observer: &mut dyn Observer<Outcome>,
    ) -> RetryIf<Outcome> {
        let Some(retry_if) = &self.plan.hooks.retry_if else { return RetryIf::NoAnswer };
        let output = self.event_loop.streams().end().to_vec();
        let env = AttemptEnv { failed_with: Some(outcome.status()), ..self.attempt_env() };
        let answer = self.run_hook(retry_if, &env, || pipe::filled(&output), observer);
        match (self.event_loop.interrupted(), answer) {
            (Some(signal), _) => RetryIf::Interrupted(signal),
            (None, Outcome::Exited(0)) => RetryIf::Retry,
            (None, Outcome::Exited(1)) => RetryIf::Stop,
            (None, failure) => match self.totals.unusable_retry_if.give() {
                Notice::Due => RetryIf::Failed(failure),
                Notice::Given => RetryIf::NoAnswer,
            },
        }
    }

    /// Runs the command of `--before-retry` for the attempt `number`.
    pub(super) fn run_before_retry(
        &mut self,
        number: u64,
        observer: &mut dyn Observer<Outcome>,
    ) -> BeforeRetry<Outcome> {
        let Some(before_retry) = &self.plan.hooks.before_retry else { return BeforeRetry::Succeeded };
        self.number = number;
        let outcome = self.run_hook(before_retry, &self.attempt_env(), stdio::null, observer);
        match (self.event_loop.interrupted(), outcome) {
            (Some(signal), _) => BeforeRetry::Interrupted(signal),
            (None, Outcome::Exited(0)) => BeforeRetry::Succeeded,
            (None, outcome) => BeforeRetry::Failed(outcome),
        }
    }

    /// Runs a hook between two attempts. It writes to our stderr only: stdout belongs to the command.
    fn run_hook(
        &mut self,
        hook: &OsStr,
        env: &AttemptEnv<'_>,
        stdin: impl FnOnce() -> io::Result<OwnedStream>,
        observer: &mut dyn Observer<Outcome>,
    ) -> Outcome {
        let streams = stdin().and_then(|stdin| {
            Ok(ChildStdio { stdin: Some(stdin), stdout: Some(stdio::stderr_as_stdout()?), stderr: None })
        });
        let limits = TimeLimits { deadline: self.plan.policy.deadline, ..TimeLimits::default() };
        let outcome = match streams {
            Ok(streams) => self.run_command(Program::ShellLine(hook), env, streams, limits, observer).0,
            Err(error) => cannot_start(&error),
        };
        self.progress.cursor_moved(Cursor::Unknown, observer);
        outcome
    }

    /// Runs the command of `--fallback`, with the stdin of an attempt and our stdout. Returns how the run ends.
    pub(super) fn run_fallback(
        &mut self,
        fallback: &OsStr,
        end: RunEnd<Outcome>,
        observer: &mut dyn Observer<Outcome>,
    ) -> RunEnd<Outcome> {
        let outcome = match self.event_loop.streams().stdin_again() {
            Ok(stdin) => {
                let streams = ChildStdio { stdin, ..ChildStdio::default() };
                let program = Program::ShellLine(fallback);
                self.run_command(program, &self.attempt_env(), streams, TimeLimits::default(), observer).0
            }
            Err(error) => cannot_start(&error),
        };
        if matches!(outcome, Outcome::NotStarted(_)) {
            observer.event(&Event::FallbackNotStarted { outcome: &outcome });
        }
        match (self.event_loop.interrupted(), outcome) {
            // As for an attempt: the exit status is that of the fallback if it exited, else the signal we received.
            (Some(signal), outcome @ Outcome::Killed(_)) => {
                RunEnd { ending: Ending::Interrupted(signal), last: Some(outcome), fallback: None }
            }
            (_, outcome) => RunEnd { fallback: Some(outcome), ..end },
        }
    }
}
