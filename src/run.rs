//! The loop. It decides whether and when there is another attempt; it runs, waits for and prints
//! nothing itself.

use crate::core::attempt::{Attempt, Cut, Ready, Waited};
use crate::core::backoff::Delays;
use crate::core::outcome::Ending;
use crate::core::policy::{Policy, Verdict, Why};
use crate::core::random::Random;
use crate::core::retry_after::{Decision, Word};
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
            waited = match attempt.before_retry(number).await {
                Ready::Yes => Waited::Elapsed,
                Ready::Warned(outcome) => {
                    tell(Event::HookFailed { outcome: &outcome });
                    Waited::Elapsed
                }
                Ready::Interrupted(signal) => Waited::Interrupted(signal),
            };
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

        tell(Event::Starting { number });
        let done = attempt.attempt(number).await;
        let (outcome, took, remarks, elapsed) = (done.outcome, done.took, done.remarks, attempt.elapsed());
        match done.cut {
            Some(Cut::Interrupted(signal)) => {
                tell(Event::Interrupted { signal, number, running: Some((&outcome, took)), elapsed });
                return Ending::Interrupted { signal, running: Some(outcome) };
            }
            Some(Cut::Broken(what)) => return Ending::Broken(what),
            None => {}
        }

        // Good or not: with several good attempts wanted in a row, a good one may be the long one.
        if policy.reset_after.is_some_and(|enough| took >= enough) {
            delays.reset();
        }
        let next = match attempt.judge(&outcome) {
            Verdict::Good => {
                good_in_a_row += 1;
                if good_in_a_row >= policy.consecutive.0.get() {
                    tell(Event::Succeeded { number, outcome: &outcome, took, failures, elapsed });
                    return Ending::Succeeded { last: outcome, failures };
                }
                Next::Retry { delay: policy.backoff.base, why: None, asked: None }
            }
            Verdict::Stop(why) => {
                good_in_a_row = 0;
                Next::Stop { why }
            }
            Verdict::Retry(why) => {
                good_in_a_row = 0;
                failures += 1;
                after_failure(policy, attempt.asked(), delays.next(random), why, random)
            }
        };
        let next = match next {
            Next::Retry { why, .. } if !policy.attempts.allow(number + 1) => {
                Next::GiveUp { why, elapsed, cause: GaveUp::Exhausted }
            }
            Next::Retry { why, delay, .. } if passes_deadline(policy, elapsed, delay) => {
                Next::GiveUp { why, elapsed, cause: GaveUp::OutOfTime { delay } }
            }
            next => next,
        };
        tell(if good_in_a_row > 0 {
            Event::Good { number, good_in_a_row, outcome: &outcome, took, next: &next }
        } else {
            Event::Failed { number, outcome: &outcome, took, remarks, next: &next }
        });
        match next {
            Next::Retry { delay: announced, .. } => (delay, last) = (announced, Some(outcome)),
            Next::Stop { .. } => return Ending::Stopped { last: outcome },
            Next::GiveUp { cause: GaveUp::Exhausted, .. } => return Ending::Exhausted { last: outcome },
            Next::GiveUp { .. } => return Ending::OutOfTime { last: Some(outcome) },
        }
    }
    unreachable!("attempts are counted with 64 bits")
}

/// What a failure that is worth another attempt leads to, when the server has had its say.
fn after_failure(policy: &Policy, word: Word, own: Duration, why: Why, random: &mut Random) -> Next {
    let asked = if let Word::Wait(asked) = word { Some(asked) } else { None };
    match word.decide(own, policy.max_retry_after.0, random) {
        Decision::Wait(delay) => Next::Retry { delay, why: Some(why), asked },
        Decision::TooLong(asked) => Next::Stop { why: Why::AskedTooLong(asked) },
        Decision::Exhausted(words) => Next::Stop { why: Why::QuotaExhausted(words) },
    }
}

/// A delay that ends at the deadline or after it leaves no time for the attempt behind it.
fn passes_deadline(policy: &Policy, elapsed: Duration, delay: Duration) -> bool {
    policy.deadline.is_some_and(|deadline| elapsed.saturating_add(delay) >= deadline)
}
