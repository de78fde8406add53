//! The state of one call. A future, a blocking loop or the code of the attribute macro drives it.

use super::circuit::Observation;
use super::error::{AttemptError, Error, Failure};
use super::policy::{Policy, PolicyError};
use super::run::{Attempted, Next, Run, StopReason, Verdict};
use super::server_hint::ServerHint;
use super::shared::LocalGuard;
use super::timestamp::Timestamp;
use std::time::Duration;

/// What the driver of a [`Call`] has to do next.
#[derive(Debug)]
pub enum Step<T, E> {
    /// Sleep for this time, then call [`Call::waited`].
    Wait(Duration),
    /// Make the attempt with this number (from 1), then call [`Call::ended`].
    Attempt(u64),
    /// The call has ended with this result.
    Finished(Result<T, Error<E>>),
}

/// A call between its attempts. All times come from one [`Sleeper::now`](crate::Sleeper::now).
#[derive(Debug)]
pub struct Call<E, W, D, N> {
    run: Run,
    policy_error: Option<PolicyError>,
    pub(crate) guard: LocalGuard,
    pub(crate) when: W,
    pub(crate) delay_from: D,
    pub(crate) notify: N,
    started: Duration,
    attempt_started: Duration,
    attempts: u64,
    last: Option<AttemptError<E>>,
}

/// The default of [`Retrying::when`](crate::Retrying::when).
pub fn always<E>(_: &E) -> bool {
    true
}

/// The default of [`Retrying::delay_from`](crate::Retrying::delay_from).
pub fn no_delay<E>(_: &E) -> Option<Duration> {
    None
}

/// The default of [`Retrying::notify`](crate::Retrying::notify).
pub fn silent<E>(_: &Failure<'_, E>) {}

/// A call with a policy and no options.
pub type PlainCall<E> = Call<E, fn(&E) -> bool, fn(&E) -> Option<Duration>, fn(&Failure<'_, E>)>;

impl<E> PlainCall<E> {
    /// A call that has not started.
    pub fn new(policy: &Policy) -> Self {
        Self {
            run: Run::new(policy.clone()),
            policy_error: policy.check().err(),
            guard: LocalGuard::default(),
            when: always,
            delay_from: no_delay,
            notify: silent,
            started: Duration::ZERO,
            attempt_started: Duration::ZERO,
            attempts: 0,
            last: None,
        }
    }
}

impl<E, W, D, N> Call<E, W, D, N> {
    /// Replaces the function that decides which errors are retried.
    pub fn when<W2: FnMut(&E) -> bool>(self, when: W2) -> Call<E, W2, D, N> {
        let Self {
            run,
            policy_error,
            guard,
            delay_from,
            notify,
            started,
            attempt_started,
            attempts,
            last,
            ..
        } = self;
        Call { run, policy_error, guard, when, delay_from, notify, started, attempt_started, attempts, last }
    }

    /// Replaces the function that takes a delay from an error.
    pub fn delay_from<D2: FnMut(&E) -> Option<Duration>>(self, delay_from: D2) -> Call<E, W, D2, N> {
        let Self { run, policy_error, guard, when, notify, started, attempt_started, attempts, last, .. } =
            self;
        Call { run, policy_error, guard, when, delay_from, notify, started, attempt_started, attempts, last }
    }

    /// Replaces the function that is told about failures.
    pub fn notify<N2: FnMut(&Failure<'_, E>)>(self, notify: N2) -> Call<E, W, D, N2> {
        let Self {
            run, policy_error, guard, when, delay_from, started, attempt_started, attempts, last, ..
        } = self;
        Call { run, policy_error, guard, when, delay_from, notify, started, attempt_started, attempts, last }
    }
}

impl<E, W, D, N> Call<E, W, D, N>
where
    W: FnMut(&E) -> bool,
    D: FnMut(&E) -> Option<Duration>,
    N: FnMut(&Failure<'_, E>),
{
    /// Starts the call at `now`.
    pub fn start<T>(&mut self, now: Duration) -> Step<T, E> {
        self.started = now;
        if self.guard.timeout == Some(Duration::ZERO) {
            self.policy_error = self.policy_error.or(Some(PolicyError::Timeout));
        }
        if let Some(error) = self.policy_error {
            return Step::Finished(Err(Error::InvalidPolicy(error)));
        }
        match self.run.start(Duration::ZERO) {
            // Without a wait no time has passed, so a first attempt is always made, however short the deadline.
            Ok(Duration::ZERO) => self.waited(now),
            Ok(delay) => Step::Wait(delay),
            Err(reason) => self.give_up(reason, now),
        }
    }

    /// Goes on after [`Step::Wait`].
    pub fn waited<T>(&mut self, now: Duration) -> Step<T, E> {
        self.guard.now = timestamp(now);
        match self.run.admit(self.since_start(now), &mut self.guard) {
            Ok(()) => {
                self.attempt_started = now;
                self.attempts = self.run.number();
                Step::Attempt(self.attempts)
            }
            Err(reason) => self.give_up(reason, now),
        }
    }

    /// Goes on after [`Step::Attempt`], with the result of that attempt.
    pub fn ended<T>(&mut self, result: Result<T, AttemptError<E>>, now: Duration) -> Step<T, E> {
        let (verdict, hint) = match &result {
            Ok(_) => (Verdict::Success, ServerHint::None),
            Err(AttemptError::TimedOut(_)) => (Verdict::Transient, ServerHint::None),
            Err(AttemptError::Failed(error)) if (self.when)(error) => {
                let delay = (self.delay_from)(error);
                (Verdict::Transient, delay.map_or(ServerHint::None, ServerHint::Wait))
            }
            Err(AttemptError::Failed(_)) => (Verdict::Permanent, ServerHint::None),
        };
        let observation = match verdict {
            Verdict::Success => Observation::Success,
            Verdict::Transient => Observation::Failure,
            Verdict::Permanent => Observation::Neutral,
        };
        self.guard.now = timestamp(now);
        let (took, elapsed) = (now.saturating_sub(self.attempt_started), self.since_start(now));
        let attempted = Attempted { verdict, observation, hint, took, elapsed };
        let next = self.run.judged(attempted, &mut self.guard);
        match result {
            Ok(value) if next == Next::Succeeded => return Step::Finished(Ok(value)),
            Ok(_) => self.last = None,
            Err(error) => {
                let next = match next {
                    Next::Retry(delay) | Next::Again(delay) => Ok(delay),
                    Next::Stop(reason) => Err(reason),
                    Next::Succeeded => Ok(Duration::ZERO),
                };
                (self.notify)(&Failure { attempt: self.attempts, error: &error, took, elapsed, next });
                self.last = Some(error);
            }
        }
        match next {
            Next::Retry(delay) | Next::Again(delay) => Step::Wait(delay),
            Next::Stop(reason) => self.give_up(reason, now),
            Next::Succeeded => unreachable!("only a success is followed by the end of a run that succeeded"),
        }
    }

    fn give_up<T>(&mut self, reason: StopReason, now: Duration) -> Step<T, E> {
        Step::Finished(Err(Error::GaveUp {
            reason,
            attempts: self.attempts,
            elapsed: self.since_start(now),
            last: self.last.take(),
        }))
    }

    fn since_start(&self, now: Duration) -> Duration {
        now.saturating_sub(self.started)
    }
}

fn timestamp(now: Duration) -> Timestamp {
    Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}
