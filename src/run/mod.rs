//! The loop of a command. What decides is [`retry_loop::run::Run`]; this does what it says and tells the
//! observer. It runs, waits for and prints nothing itself.
//!
//! | file | owns |
//! |---|---|
//! | [`attempt`] | the trait through which the loop runs a command, or the script of a test |
//! | [`event`] | everything that can happen, and the trait of whoever is told |

pub mod attempt;
pub mod event;

use crate::core::outcome::{Ending, RunEnd};
use crate::core::signal::Signal;
use crate::core::verdict::{Verdict, Why};
use attempt::{Abort, Attempt, Opinion, Ready, Waited};
use event::{Event, Observer};
use retry_loop::policy::Policy;
use retry_loop::run::{Attempted, Next, Run};
use retry_loop::server_hint::ServerHint;

/// Attempts until one succeeds, is not worth another one, or nothing allows another one.
///
/// Attempts, waits and the clock are `attempt`'s; `observer` is told what happens as it happens.
pub fn run<A: Attempt>(
    policy: &Policy,
    attempt: &mut A,
    observer: &mut dyn Observer<A::Outcome>,
) -> RunEnd<A::Outcome> {
    let mut run = Run::new(policy.clone());
    let mut last = None;
    let mut delay = match run.start(attempt.elapsed()) {
        Ok(delay) => delay,
        Err(reason) => {
            observer.event(&Event::Refused { number: run.number(), reason, elapsed: attempt.elapsed() });
            return RunEnd { ending: Ending::Stopped(reason), last, fallback: None };
        }
    };
    loop {
        let number = run.number();
        let mut waited = attempt.wait(delay, observer);
        if waited == Waited::Elapsed && number > 1 && run.successes_in_a_row() == 0 {
            waited = prepare(attempt, number, observer);
        }
        if let Waited::Interrupted(signal) = waited {
            let elapsed = attempt.elapsed();
            observer.event(&Event::Interrupted { signal, number, running: None, elapsed });
            return RunEnd { ending: Ending::Interrupted(signal), last: None, fallback: None };
        }
        let admitted = run.admit(attempt.elapsed(), &mut attempt.guard(observer));
        if let Err(reason) = admitted {
            observer.event(&Event::Refused { number, reason, elapsed: attempt.elapsed() });
            return RunEnd { ending: Ending::Stopped(reason), last, fallback: None };
        }

        observer.event(&Event::Starting { number });
        let done = attempt.attempt(number, observer);
        let (outcome, took, elapsed) = (done.outcome, done.took, attempt.elapsed());
        if let Some(abort) = done.abort {
            run.abandon(&mut attempt.guard(observer));
            return match abort {
                Abort::Interrupted(signal) => {
                    let running = Some((&outcome, took));
                    observer.event(&Event::Interrupted { signal, number, running, elapsed });
                    RunEnd { ending: Ending::Interrupted(signal), last: Some(outcome), fallback: None }
                }
                Abort::Broken(what) => RunEnd { ending: Ending::Broken(what), last: None, fallback: None },
            };
        }

        let verdict = match judge(attempt, &outcome, observer) {
            Ok(verdict) => verdict,
            Err(signal) => {
                run.abandon(&mut attempt.guard(observer));
                let (running, elapsed) = (Some((&outcome, took)), attempt.elapsed());
                observer.event(&Event::Interrupted { signal, number, running, elapsed });
                return RunEnd { ending: Ending::Interrupted(signal), last: None, fallback: None };
            }
        };
        let (hint, elapsed) = (attempt.server_hint(), attempt.elapsed());
        let observation = attempt.observation(&outcome, &verdict);
        let attempted = Attempted { verdict: (&verdict).into(), observation, hint, took, elapsed };
        let next = run.judged(attempted, &mut attempt.guard(observer));
        observer.event(&match &verdict {
            Verdict::Good if next == Next::Succeeded => {
                Event::Succeeded { number, outcome: &outcome, took, failures: run.failures(), elapsed }
            }
            Verdict::Good => {
                let in_a_row = run.successes_in_a_row();
                Event::Good { number, in_a_row, outcome: &outcome, took, elapsed, next }
            }
            Verdict::Retry(why) | Verdict::Stop(why) => {
                let asked = if let ServerHint::Wait(asked) = hint { Some(asked) } else { None };
                let remarks = &done.remarks;
                Event::Failed { number, outcome: &outcome, took, elapsed, asked, remarks, why, next }
            }
        });
        let ending = match next {
            Next::Retry(announced) | Next::Again(announced) => {
                (delay, last) = (announced, Some(outcome));
                continue;
            }
            Next::Succeeded => Ending::Succeeded { failures: run.failures() },
            Next::Stop(reason) => Ending::Stopped(reason),
        };
        return RunEnd { ending, last: Some(outcome), fallback: None };
    }
}

/// Runs what has to run before the attempt `number`, which follows a failure.
fn prepare<A: Attempt>(attempt: &mut A, number: u64, observer: &mut dyn Observer<A::Outcome>) -> Waited {
    match attempt.before_retry(number, observer) {
        Ready::Yes => Waited::Elapsed,
        Ready::Warned(outcome) => {
            observer.event(&Event::HookFailed { outcome: &outcome });
            Waited::Elapsed
        }
        Ready::Interrupted(signal) => Waited::Interrupted(signal),
    }
}

/// What the rules say about an outcome, and `--retry-if` about a failure that they did not stop; or the signal
/// that came meanwhile.
fn judge<A: Attempt>(
    attempt: &mut A,
    outcome: &A::Outcome,
    observer: &mut dyn Observer<A::Outcome>,
) -> Result<Verdict, Signal> {
    let verdict = attempt.judge(outcome);
    if !matches!(verdict, Verdict::Retry(_)) {
        return Ok(verdict);
    }
    Ok(match attempt.second_opinion(outcome, observer) {
        Opinion::None => verdict,
        Opinion::Retry => Verdict::Retry(Why::Condition),
        Opinion::Stop => Verdict::Stop(Why::Condition),
        Opinion::Unusable(outcome) => {
            observer.event(&Event::ConditionFailed { outcome: &outcome });
            verdict
        }
        Opinion::Interrupted(signal) => return Err(signal),
    })
}
