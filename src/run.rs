//! The loop. It decides whether and when there is another attempt; it runs, waits for and prints
//! nothing itself.

use crate::core::attempt::{Attempt, Waited};
use crate::core::backoff::Delays;
use crate::core::outcome::Ending;
use crate::core::policy::{Policy, Verdict};
use crate::core::random::Random;
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
        if last.is_none() && passes_deadline(policy, attempt.elapsed(), delay) {
            tell(Event::NoTime { number, elapsed: attempt.elapsed() });
            return Ending::OutOfTime { last };
        }
        if let Waited::Interrupted(signal) = attempt.wait(delay).await {
            tell(Event::Interrupted { signal, number, running: None, elapsed: attempt.elapsed() });
            return Ending::Interrupted { signal, running: None };
        }
        // A machine that slept wakes up late.
        if passes_deadline(policy, attempt.elapsed(), Duration::ZERO) {
            tell(Event::NoTime { number, elapsed: attempt.elapsed() });
            return Ending::OutOfTime { last };
        }

        tell(Event::Starting { number });
        let done = attempt.attempt(number).await;
        let (outcome, took, elapsed) = (done.outcome, done.took, attempt.elapsed());
        if let Some(signal) = done.interrupted {
            tell(Event::Interrupted { signal, number, running: Some(&outcome), elapsed });
            return Ending::Interrupted { signal, running: Some(outcome) };
        }

        // Good or not: with several good attempts wanted in a row, a good one may be the long one.
        if policy.reset_after.is_some_and(|enough| took >= enough) {
            delays.reset();
        }
        let why = match attempt.judge(&outcome) {
            Verdict::Good => {
                good_in_a_row += 1;
                if good_in_a_row >= policy.consecutive.0.get() {
                    tell(Event::Succeeded { number, failures, elapsed });
                    return Ending::Succeeded { last: outcome, failures };
                }
                delay = policy.backoff.base;
                None
            }
            Verdict::Stop(why) => {
                tell(Event::Failed { number, outcome: &outcome, took, next: &Next::Stop { why } });
                return Ending::Stopped { last: outcome };
            }
            Verdict::Retry(why) => {
                good_in_a_row = 0;
                failures += 1;
                delay = delays.next(random);
                Some(why)
            }
        };

        let failed = why.is_some();
        let next = if !policy.attempts.allow(number + 1) {
            Next::GiveUp { elapsed, cause: GaveUp::Exhausted }
        } else if passes_deadline(policy, elapsed, delay) {
            Next::GiveUp { elapsed, cause: GaveUp::OutOfTime { delay } }
        } else {
            Next::Retry { delay, why }
        };
        tell(if failed {
            Event::Failed { number, outcome: &outcome, took, next: &next }
        } else {
            Event::Good { number, good_in_a_row, took, next: &next }
        });
        match next {
            Next::GiveUp { cause: GaveUp::OutOfTime { .. }, .. } => {
                return Ending::OutOfTime { last: Some(outcome) };
            }
            Next::GiveUp { .. } | Next::Stop { .. } => return Ending::Exhausted { last: outcome },
            Next::Retry { .. } => last = Some(outcome),
        }
    }
    unreachable!("attempts are counted with 64 bits")
}

/// A delay that ends at the deadline or after it leaves no time for the attempt behind it.
fn passes_deadline(policy: &Policy, elapsed: Duration, delay: Duration) -> bool {
    policy.deadline.is_some_and(|deadline| elapsed.saturating_add(delay) >= deadline)
}
