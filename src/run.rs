//! The loop. It decides whether and when there is another attempt; it runs, waits for and prints
//! nothing itself.

use crate::core::attempt::{Abort, Admitted, Attempt, Opinion, Problem, Ready, Waited};
use crate::core::backoff::Delays;
use crate::core::breaker;
use crate::core::budget::Payment;
use crate::core::outcome::Ending;
use crate::core::policy::{Policy, Verdict, Why};
use crate::core::random::Random;
use crate::core::retry_after::{Decision, ServerHint};
use crate::core::signal::Signal;
use crate::report::event::{Event, GaveUp, Next};
use std::time::Duration;

/// Attempts until an attempt is good, is not worth another one, or nothing allows another one.
///
/// Attempts, waits and the clock are `attempt`'s; what happens is told to `tell` as it happens.
pub async fn run<A: Attempt>(
    policy: &Policy,
    attempt: &mut A,
    random: &mut Random,
    tell: &mut impl FnMut(Event<'_, A::Outcome>),
) -> Ending<A::Outcome> {
    let mut delays = Delays::new(&policy.backoff);
    let mut failures = 0_u64;
    let mut good_in_a_row = 0_u64;
    let mut last = None;
    let mut delay = policy.first_delay(random);

    for number in 1_u64.. {
        // After a failure this was asked before the delay was announced; here it is the first delay.
        if number == 1 && passes_deadline(policy, attempt.elapsed(), delay) {
            tell(Event::NoTime { number, elapsed: attempt.elapsed() });
            return Ending::OutOfTime { last };
        }
        let mut waited = attempt.wait(delay).await;
        if waited == Waited::Elapsed && number > 1 && good_in_a_row == 0 {
            waited = make_ready(attempt, number, tell).await;
        }
        if let Waited::Interrupted(signal) = waited {
            tell(Event::Interrupted { signal, number, running: None, elapsed: attempt.elapsed() });
            return Ending::Interrupted { signal, running: None };
        }
        // A hook takes time, and a machine that slept wakes up late.
        if passes_deadline(policy, attempt.elapsed(), Duration::ZERO) {
            tell(Event::NoTime { number, elapsed: attempt.elapsed() });
            return Ending::OutOfTime { last };
        }

        if let Admitted::No { wait } = attempt.admit() {
            warn(attempt, tell);
            tell(Event::CircuitOpen { number, wait, elapsed: attempt.elapsed() });
            return Ending::CircuitOpen { last };
        }
        warn(attempt, tell);
        tell(Event::Starting { number });
        let done = attempt.attempt(number).await;
        let (outcome, took, remarks, elapsed) = (done.outcome, done.took, done.remarks, attempt.elapsed());
        if let Some(abort) = done.abort {
            attempt.record(breaker::Result::Nothing, random);
            warn(attempt, tell);
            return match abort {
                Abort::Interrupted(signal) => {
                    tell(Event::Interrupted { signal, number, running: Some((&outcome, took)), elapsed });
                    Ending::Interrupted { signal, running: Some(outcome) }
                }
                Abort::Broken(what) => Ending::Broken(what),
            };
        }

        // Good or not: with several good attempts wanted in a row, a good one may be the long one.
        if policy.reset_after.is_some_and(|enough| took >= enough) {
            delays.reset();
        }
        let verdict = match verdict(attempt, &outcome, tell).await {
            Ok(verdict) => verdict,
            Err(signal) => {
                attempt.record(breaker::Result::Nothing, random);
                let (running, elapsed) = (Some((&outcome, took)), attempt.elapsed());
                tell(Event::Interrupted { signal, number, running, elapsed });
                return Ending::Interrupted { signal, running: None };
            }
        };
        let elapsed = attempt.elapsed();
        attempt.record(attempt.says_of_the_service(&outcome, &verdict), random);
        let word = attempt.asked();
        let next = match verdict {
            Verdict::Good => {
                good_in_a_row += 1;
                if good_in_a_row >= policy.consecutive.0.get() {
                    attempt.deposit();
                    warn(attempt, tell);
                    tell(Event::Succeeded { number, outcome: &outcome, took, failures, elapsed });
                    return Ending::Succeeded { last: outcome, failures };
                }
                Next::Retry { delay: policy.backoff.base, why: None }
            }
            Verdict::Stop(why) => {
                good_in_a_row = 0;
                Next::Stop { why }
            }
            Verdict::Retry(why) => {
                good_in_a_row = 0;
                failures += 1;
                after_failure(policy, word, delays.next(random), why, random)
            }
        };
        let next = if_allowed(policy, attempt, next, number, elapsed);
        warn(attempt, tell);
        tell(if good_in_a_row > 0 {
            Event::Good { number, good_in_a_row, outcome: &outcome, took, next: &next }
        } else {
            let asked = if let ServerHint::Wait(asked) = word { Some(asked) } else { None };
            Event::Failed { number, outcome: &outcome, took, asked, remarks: &remarks, next: &next }
        });
        match next {
            Next::Retry { delay: announced, .. } => (delay, last) = (announced, Some(outcome)),
            Next::Stop { .. } => return Ending::Stopped { last: outcome },
            Next::GiveUp { cause, .. } => return gave_up(&cause, outcome),
        }
    }
    unreachable!("attempts are counted with 64 bits")
}

/// Makes ready for the attempt `number`, which follows a failure.
async fn make_ready<A: Attempt>(
    attempt: &mut A,
    number: u64,
    tell: &mut impl FnMut(Event<'_, A::Outcome>),
) -> Waited {
    match attempt.before_retry(number).await {
        Ready::Yes => Waited::Elapsed,
        Ready::Warned(outcome) => {
            tell(Event::HookFailed { outcome: &outcome });
            Waited::Elapsed
        }
        Ready::Interrupted(signal) => Waited::Interrupted(signal),
    }
}

/// What the rules say about an outcome, and about a failure that they did not stop whoever else is asked; or
/// the signal that came meanwhile.
async fn verdict<A: Attempt>(
    attempt: &mut A,
    outcome: &A::Outcome,
    tell: &mut impl FnMut(Event<'_, A::Outcome>),
) -> Result<Verdict, Signal> {
    let verdict = attempt.judge(outcome);
    if !matches!(verdict, Verdict::Retry(_)) {
        return Ok(verdict);
    }
    Ok(match attempt.second_opinion(outcome).await {
        Opinion::None => verdict,
        Opinion::Retry => Verdict::Retry(Why::Condition),
        Opinion::Stop => Verdict::Stop(Why::Condition),
        Opinion::Unusable(outcome) => {
            tell(Event::ConditionFailed { outcome: &outcome });
            verdict
        }
        Opinion::Interrupted(signal) => return Err(signal),
    })
}

/// The retry that a verdict leads to, if nothing is in its way: attempts left, deadline, breaker, budget.
/// The last two are asked for a retry only; a good attempt that wants another one beside it is none.
fn if_allowed<A: Attempt>(
    policy: &Policy,
    attempt: &mut A,
    next: Next,
    number: u64,
    elapsed: Duration,
) -> Next {
    let Next::Retry { delay, why } = next else { return next };
    let cause = if !policy.attempts.allow(number + 1) {
        GaveUp::Exhausted
    } else if passes_deadline(policy, elapsed, delay) {
        GaveUp::OutOfTime { delay }
    } else if why.is_none() {
        return Next::Retry { delay, why };
    } else if let Some(wait) = attempt.refusal() {
        GaveUp::CircuitOpen { wait }
    } else if attempt.pay() == Payment::Paid {
        return Next::Retry { delay, why };
    } else {
        GaveUp::BudgetEmpty
    };
    Next::GiveUp { why, elapsed, cause }
}

fn gave_up<O>(cause: &GaveUp, last: O) -> Ending<O> {
    match cause {
        GaveUp::Exhausted => Ending::Exhausted { last },
        GaveUp::OutOfTime { .. } => Ending::OutOfTime { last: Some(last) },
        GaveUp::CircuitOpen { .. } => Ending::CircuitOpen { last: Some(last) },
        GaveUp::BudgetEmpty => Ending::BudgetEmpty { last },
    }
}

/// Passes on what went wrong without ending anything.
fn warn<A: Attempt>(attempt: &mut A, tell: &mut impl FnMut(Event<'_, A::Outcome>)) {
    while let Some(problem) = attempt.warning() {
        tell(match problem {
            Problem::Store(what) => Event::Warning { what },
            Problem::OutputLost(what) => Event::OutputLost { what },
        });
    }
}

/// What a failure that is worth another attempt leads to, when the server has had its say.
fn after_failure(policy: &Policy, word: ServerHint, own: Duration, why: Why, random: &mut Random) -> Next {
    match word.decide(own, policy.max_retry_after.0, random) {
        Decision::Wait(delay) => Next::Retry { delay, why: Some(why) },
        Decision::TooLong(asked) => Next::Stop { why: Why::AskedTooLong(asked) },
        Decision::Exhausted(words) => Next::Stop { why: Why::QuotaExhausted(words) },
    }
}

/// A delay that ends at the deadline or after it leaves no time for the attempt behind it.
fn passes_deadline(policy: &Policy, elapsed: Duration, delay: Duration) -> bool {
    policy.deadline.is_some_and(|deadline| elapsed.saturating_add(delay) >= deadline)
}
