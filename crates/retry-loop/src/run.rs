//! The decisions of the loop: whether and when another attempt is made.
//!
//! A [`Run`] makes no attempt, does not sleep and reads no clock. A driver does, and reports what happened:
//!
//! ```text
//! start -> wait -> admit -> attempt -> judged -> Retry or Again -> wait -> admit -> ...
//!   |               |                     |
//!   '---------------+---------------------'--> Succeeded or Stop
//! ```
//!
//! This crate has the drivers for functions; the package `retry-command` has the one for commands.

use super::backoff::BackoffState;
use super::bucket::Payment;
use super::circuit::{Observation, Refusal, RefusalCause};
use super::policy::Policy;
use super::random::Random;
use super::server_hint::{self, ServerHint};
use std::time::Duration;

/// A circuit breaker and a retry budget, which protect a service that several runs share.
///
/// The default methods are those of a run that has neither.
pub trait Guard {
    /// Asks the circuit breaker whether an attempt may start.
    fn admit(&mut self) -> Admission {
        Admission::Admitted
    }

    /// Why the circuit breaker would refuse an attempt now; none if it would admit one.
    fn refusal(&mut self) -> Option<Refusal> {
        None
    }

    /// Tells the circuit breaker how the attempt that it admitted ended.
    fn record(&mut self, _observation: Observation, _random: &mut Random) {}

    /// Takes the token for a retry from the retry budget.
    fn pay(&mut self) -> Payment {
        Payment::Paid
    }

    /// Puts the deposit of a success into the retry budget.
    fn deposit(&mut self) {}

    /// Records the attempt with which the run succeeds, and puts in its deposit. A guard on a server does both in one
    /// step.
    fn record_and_deposit(&mut self, observation: Observation, random: &mut Random) {
        self.record(observation, random);
        self.deposit();
    }

    /// Records a failed attempt, and asks for a retry: the circuit breaker first, then the retry budget. A guard on a
    /// server does all of it in one step.
    fn record_and_pay(&mut self, observation: Observation, random: &mut Random) -> Permission {
        self.record(observation, random);
        match self.refusal() {
            Some(refusal) => Permission::CircuitOpen(refusal),
            None => self.pay().into(),
        }
    }
}

/// The answer of [`Guard::record_and_pay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// A retry may follow; its token is paid.
    Granted,
    /// The circuit is open. No token was taken.
    CircuitOpen(Refusal),
    /// There is no token.
    BudgetEmpty,
}

impl From<Payment> for Permission {
    fn from(payment: Payment) -> Self {
        match payment {
            Payment::Paid => Self::Granted,
            Payment::Empty { .. } => Self::BudgetEmpty,
        }
    }
}

/// No circuit breaker and no retry budget.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unguarded;

impl Guard for Unguarded {}

/// The answer of [`Guard::admit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The attempt may start.
    Admitted,
    /// The circuit is open.
    Refused(Refusal),
}

/// What the end of an attempt means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A success.
    Success,
    /// A failure that a retry may cure.
    Transient,
    /// A failure that no retry cures.
    Permanent,
}

/// An attempt that has ended, with its verdict.
#[derive(Debug, Clone, Copy)]
pub struct Attempted {
    pub verdict: Verdict,
    /// What the circuit breaker learns from it.
    pub observation: Observation,
    /// What the server asked for. It counts after a transient failure only.
    pub hint: ServerHint,
    /// The time that it took.
    pub took: Duration,
    /// Time since the start of the run.
    pub elapsed: Duration,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The run has succeeded.
    Succeeded,
    /// Another attempt after this delay, because more successes in a row are wanted.
    Again(Duration),
    /// Another attempt after this delay, because the last one failed.
    Retry(Duration),
    /// The run has failed for this reason.
    Stop(StopReason),
}

/// Why no further attempt follows.
///
/// Its text is a clause for the end of a message: `no attempts left`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// [`Retrying::when`](crate::Retrying::when) said that no further attempt can succeed.
    Permanent,
    /// The policy allows no more attempts.
    AttemptsExhausted,
    /// The deadline has passed, or would pass during the next delay.
    Deadline {
        /// The delay that would pass the deadline; zero if the deadline has passed already.
        delay: Duration,
    },
    /// The circuit breaker admits no attempt.
    CircuitOpen {
        /// The time until it may admit one; while a probe is running, perhaps less.
        wait: Duration,
        /// Whether the circuit is open for that time, or a probe is running.
        cause: RefusalCause,
    },
    /// The retry budget has no token for another retry.
    BudgetEmpty,
    /// The server asks for this delay, which is longer than [`Policy::max_retry_after`].
    RetryAfterTooLong(Duration),
    /// The server says in these words that its quota is exhausted. Only commands hear it.
    #[doc(hidden)]
    QuotaExhausted(&'static str),
}

impl From<Refusal> for StopReason {
    fn from(Refusal { wait, cause }: Refusal) -> Self {
        Self::CircuitOpen { wait, cause }
    }
}

/// The state of a run between its attempts.
#[derive(Debug, Clone)]
pub struct Run {
    policy: Policy,
    backoff: BackoffState,
    random: Random,
    number: u64,
    failures: u64,
    successes_in_a_row: u64,
}

impl Run {
    /// A run that has not started. The seed of its jitter is the policy's or else the system's.
    pub fn new(policy: Policy) -> Self {
        let random = policy.random();
        Self {
            policy,
            backoff: BackoffState::default(),
            random,
            number: 1,
            failures: 0,
            successes_in_a_row: 0,
        }
    }

    /// The number of the attempt that runs or comes next, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Attempts that have failed so far.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// Successful attempts since the last failure.
    pub fn successes_in_a_row(&self) -> u64 {
        self.successes_in_a_row
    }

    /// Starts the run, and returns the wait before the first attempt.
    ///
    /// # Errors
    /// [`StopReason::Deadline`] if that wait would pass the deadline.
    pub fn start(&mut self, elapsed: Duration) -> Result<Duration, StopReason> {
        let delay = self.policy.first_delay(&mut self.random);
        self.check_deadline(elapsed, delay)?;
        Ok(delay)
    }

    /// Says after a wait whether attempt [`Self::number`] may start. The deadline is checked again: a machine that
    /// was suspended wakes up late, and the command's hooks take time.
    ///
    /// # Errors
    /// [`StopReason::Deadline`] and [`StopReason::CircuitOpen`].
    pub fn admit(&mut self, elapsed: Duration, guard: &mut impl Guard) -> Result<(), StopReason> {
        self.check_deadline(elapsed, Duration::ZERO)?;
        match guard.admit() {
            Admission::Admitted => Ok(()),
            Admission::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Reports that the attempt was aborted: the circuit breaker learns nothing from it.
    pub fn abandon(&mut self, guard: &mut impl Guard) {
        guard.record(Observation::Neutral, &mut self.random);
    }

    /// Reports that the attempt has ended, and returns what follows.
    pub fn judged(&mut self, attempted: Attempted, guard: &mut impl Guard) -> Next {
        let Attempted { verdict, observation, hint, took, elapsed } = attempted;
        // Also after a success: if several are wanted in a row, it may be the attempt that ran long.
        if self.policy.reset_after.is_some_and(|enough| took >= enough) {
            self.backoff.reset();
        }
        let wanted = self.wanted(verdict, hint);
        let next = match self.if_allowed(wanted, elapsed) {
            Next::Succeeded => {
                guard.record_and_deposit(observation, &mut self.random);
                Next::Succeeded
            }
            // Only a retry is asked for, not an attempt that follows a success.
            Next::Retry(delay) => match guard.record_and_pay(observation, &mut self.random) {
                Permission::Granted => Next::Retry(delay),
                Permission::CircuitOpen(refusal) => Next::Stop(refusal.into()),
                Permission::BudgetEmpty => Next::Stop(StopReason::BudgetEmpty),
            },
            next @ (Next::Again(_) | Next::Stop(_)) => {
                guard.record(observation, &mut self.random);
                next
            }
        };
        if let Next::Retry(_) | Next::Again(_) = next {
            self.number += 1;
        }
        next
    }

    /// What follows an attempt with this verdict if nothing is against it.
    fn wanted(&mut self, verdict: Verdict, hint: ServerHint) -> Next {
        match verdict {
            Verdict::Success => {
                self.successes_in_a_row += 1;
                if self.successes_in_a_row >= self.policy.consecutive {
                    return Next::Succeeded;
                }
                Next::Again(self.policy.backoff.base)
            }
            Verdict::Transient => {
                self.successes_in_a_row = 0;
                self.failures += 1;
                let own = self.backoff.next(&self.policy.backoff, &mut self.random);
                match hint {
                    ServerHint::None => Next::Retry(own),
                    ServerHint::Wait(requested) if requested > self.policy.max_retry_after => {
                        Next::Stop(StopReason::RetryAfterTooLong(requested))
                    }
                    ServerHint::Wait(requested) => {
                        Next::Retry(server_hint::delay(own, requested, &mut self.random))
                    }
                    ServerHint::QuotaExhausted(words) => Next::Stop(StopReason::QuotaExhausted(words)),
                }
            }
            Verdict::Permanent => {
                self.successes_in_a_row = 0;
                Next::Stop(StopReason::Permanent)
            }
        }
    }

    /// Returns `next`, or the policy's reason against it: attempts, then the deadline.
    fn if_allowed(&self, next: Next, elapsed: Duration) -> Next {
        let (Next::Retry(delay) | Next::Again(delay)) = next else { return next };
        if !self.policy.attempts.allow(self.number + 1) {
            return Next::Stop(StopReason::AttemptsExhausted);
        }
        if let Err(reason) = self.check_deadline(elapsed, delay) {
            return Next::Stop(reason);
        }
        next
    }

    /// A delay that ends at the deadline or later leaves no time for the next attempt.
    fn check_deadline(&self, elapsed: Duration, delay: Duration) -> Result<(), StopReason> {
        match self.policy.deadline {
            Some(deadline) if elapsed.saturating_add(delay) >= deadline => {
                Err(StopReason::Deadline { delay })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Jitter;

    fn ended(verdict: Verdict, elapsed: Duration) -> Attempted {
        let observation = Observation::Neutral;
        Attempted { verdict, observation, hint: ServerHint::None, took: Duration::ZERO, elapsed }
    }

    #[test]
    fn without_a_guard_nothing_is_refused_and_retries_are_free() {
        let second = Duration::from_secs(1);
        let policy = Policy::default().attempts(200).consecutive(2).jitter(Jitter::None).base(second);
        let mut run = Run::new(policy.factor(1.0).deadline(300 * second));
        assert_eq!(run.start(Duration::ZERO), Ok(Duration::ZERO));
        for number in 1..=100 {
            assert_eq!(run.admit(Duration::ZERO, &mut Unguarded), Ok(()));
            assert_eq!((run.number(), run.failures()), (number, number - 1));
            let next = run.judged(ended(Verdict::Transient, Duration::ZERO), &mut Unguarded);
            assert_eq!((next, run.successes_in_a_row()), (Next::Retry(second), 0));
        }
        let next = run.judged(ended(Verdict::Success, Duration::ZERO), &mut Unguarded);
        assert_eq!((next, run.successes_in_a_row()), (Next::Again(second), 1));
        assert_eq!(run.number(), 102);
        // The deadline counts at the end of a delay, and at the start of an attempt.
        let mut late = run.clone();
        let next = late.judged(ended(Verdict::Transient, 299 * second), &mut Unguarded);
        assert_eq!(next, Next::Stop(StopReason::Deadline { delay: second }));
        let passed = StopReason::Deadline { delay: Duration::ZERO };
        assert_eq!(late.admit(300 * second, &mut Unguarded), Err(passed));
        assert_eq!(late.admit(299 * second, &mut Unguarded), Ok(()));
        let next = run.judged(ended(Verdict::Success, Duration::ZERO), &mut Unguarded);
        assert_eq!((next, run.failures()), (Next::Succeeded, 100));
    }

    #[test]
    fn an_attempt_that_ran_long_enough_starts_the_backoff_anew() {
        let second = Duration::from_secs(1);
        let policy =
            Policy::default().attempts(99).consecutive(9).jitter(Jitter::None).reset_after(10 * second);
        let mut run = Run::new(policy);
        let mut delay = |took, verdict| match run
            .judged(Attempted { took, ..ended(verdict, Duration::ZERO) }, &mut Unguarded)
        {
            Next::Retry(delay) | Next::Again(delay) => delay.as_millis(),
            next => panic!("{next:?}"),
        };
        assert_eq!([(); 3].map(|()| delay(9 * second, Verdict::Transient)), [500, 2000, 8000]);
        assert_eq!(delay(10 * second, Verdict::Transient), 500);
        assert_eq!(delay(9 * second, Verdict::Transient), 2000);
        assert_eq!(delay(11 * second, Verdict::Success), 500);
        assert_eq!(delay(9 * second, Verdict::Transient), 500);
    }

    /// A guard that counts what it is told.
    #[derive(Default)]
    struct Recorder {
        recorded: Vec<Observation>,
        deposits: u32,
    }

    impl Guard for Recorder {
        fn record(&mut self, observation: Observation, _random: &mut Random) {
            self.recorded.push(observation);
        }

        fn deposit(&mut self) {
            self.deposits += 1;
        }
    }

    #[test]
    fn an_aborted_attempt_tells_the_breaker_nothing_and_gives_its_permission_back() {
        let mut recorder = Recorder::default();
        let mut run = Run::new(Policy::default());
        assert_eq!(run.admit(Duration::ZERO, &mut recorder), Ok(()));
        run.abandon(&mut recorder);
        assert_eq!((recorder.recorded, recorder.deposits, run.number()), (vec![Observation::Neutral], 0, 1));
    }

    #[test]
    fn the_longest_delay_of_a_server_is_just_allowed() {
        let second = Duration::from_secs(1);
        let mut run = Run::new(Policy::default().max_retry_after(9 * second));
        let mut hear = |requested| {
            let hint = ServerHint::Wait(requested);
            run.judged(Attempted { hint, ..ended(Verdict::Transient, Duration::ZERO) }, &mut Unguarded)
        };
        let next = hear(9 * second);
        assert!(matches!(next, Next::Retry(delay) if (9 * second..10 * second).contains(&delay)), "{next:?}");
        let longer = Duration::from_millis(9001);
        assert_eq!(hear(longer), Next::Stop(StopReason::RetryAfterTooLong(longer)));
    }

    #[test]
    fn a_server_that_says_its_quota_is_exhausted_is_not_asked_again() {
        let mut run = Run::new(Policy::default());
        let hint = ServerHint::QuotaExhausted("the daily limit is reached");
        let next =
            run.judged(Attempted { hint, ..ended(Verdict::Transient, Duration::ZERO) }, &mut Unguarded);
        assert_eq!(next, Next::Stop(StopReason::QuotaExhausted("the daily limit is reached")));
    }
}
