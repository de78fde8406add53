//! The loop of a command. [`retry_loop::run::Run`] makes the decisions; this carries them out through a `Driver`, and
//! tells the observer. It starts, waits for and prints nothing itself.
//!
//! | file | owns |
//! |---|---|
//! | [`driver`] | the trait through which the loop runs a command, or the script of a test |
//! | [`event`] | the events of a run, and the trait `Observer` |

pub mod driver;
pub mod event;

use crate::core::outcome::{Ending, RunEnd};
use crate::core::signal::Signal;
use crate::core::verdict::{Verdict, Why};
use driver::{Abort, BeforeRetry, Driver, RetryIf, Waited};
use event::{Event, Moment, Observer};
use retry_loop::policy::Policy;
use retry_loop::run::{Attempted, Next, Run};
use retry_loop::server_hint::ServerHint;

/// Makes attempts until one succeeds, one fails for good, or `policy` or the guard allow no more. The observer gets
/// each event as it happens.
pub fn run<D: Driver>(
    policy: &Policy,
    driver: &mut D,
    observer: &mut dyn Observer<D::Outcome>,
) -> RunEnd<D::Outcome> {
    let mut run = Run::new(policy.clone());
    let mut last = None;
    let mut delay = match run.start(driver.elapsed()) {
        Ok(delay) => delay,
        Err(reason) => {
            observer.event(&Event::Refused { number: run.number(), reason, elapsed: driver.elapsed() });
            return RunEnd { ending: Ending::Stopped(reason), last, fallback: None };
        }
    };
    loop {
        let number = run.number();
        let mut waited = driver.wait(delay, observer);
        if waited == Waited::Elapsed && number > 1 && run.successes_in_a_row() == 0 {
            waited = before_retry(driver, number, observer);
        }
        if let Waited::Interrupted(signal) = waited {
            let elapsed = driver.elapsed();
            observer.event(&Event::Interrupted { signal, number, moment: Moment::Before, elapsed });
            return RunEnd { ending: Ending::Interrupted(signal), last: None, fallback: None };
        }
        let admitted = run.admit(driver.elapsed(), &mut driver.guard(observer));
        if let Err(reason) = admitted {
            observer.event(&Event::Refused { number, reason, elapsed: driver.elapsed() });
            return RunEnd { ending: Ending::Stopped(reason), last, fallback: None };
        }

        if let Some(change) = driver.circuit_change() {
            observer.event(&Event::Circuit { number, change });
        }
        // A signal may have come while the shared state was asked.
        if let Some(signal) = driver.interrupted(observer) {
            run.abandon(&mut driver.guard(observer));
            let elapsed = driver.elapsed();
            observer.event(&Event::Interrupted { signal, number, moment: Moment::Before, elapsed });
            return RunEnd { ending: Ending::Interrupted(signal), last: None, fallback: None };
        }
        observer.event(&Event::Starting { number });
        let finished = driver.attempt(number, observer);
        let (outcome, took, elapsed) = (finished.outcome, finished.took, driver.elapsed());
        if let Some(abort) = finished.abort {
            run.abandon(&mut driver.guard(observer));
            return match abort {
                Abort::Interrupted(signal) => {
                    let moment = Moment::During { outcome: &outcome, took };
                    observer.event(&Event::Interrupted { signal, number, moment, elapsed });
                    RunEnd { ending: Ending::Interrupted(signal), last: Some(outcome), fallback: None }
                }
                Abort::Broken(what) => RunEnd { ending: Ending::Broken(what), last: None, fallback: None },
            };
        }

        let verdict = match judge(driver, &outcome, observer) {
            Ok(verdict) => verdict,
            Err(signal) => {
                run.abandon(&mut driver.guard(observer));
                let (moment, elapsed) = (Moment::After { outcome: &outcome, took }, driver.elapsed());
                observer.event(&Event::Interrupted { signal, number, moment, elapsed });
                return RunEnd { ending: Ending::Interrupted(signal), last: None, fallback: None };
            }
        };
        let (hint, elapsed) = (driver.server_hint(), driver.elapsed());
        let observation = driver.observation(&outcome, &verdict);
        let attempted = Attempted { verdict: (&verdict).into(), observation, hint, took, elapsed };
        let next = run.judged(attempted, &mut driver.guard(observer));
        // First, because it is the reason where the run gives up.
        if let Some(change) = driver.circuit_change() {
            observer.event(&Event::Circuit { number, change });
        }
        observer.event(&match &verdict {
            Verdict::Good if next == Next::Succeeded => {
                Event::Succeeded { number, outcome: &outcome, took, failures: run.failures(), elapsed }
            }
            Verdict::Good => {
                let in_a_row = run.successes_in_a_row();
                Event::Good { number, in_a_row, outcome: &outcome, took, elapsed, next }
            }
            Verdict::Retry(why) | Verdict::Stop(why) => {
                let server_delay = if let ServerHint::Wait(delay) = hint { Some(delay) } else { None };
                let details = &finished.details;
                Event::Failed { number, outcome: &outcome, took, elapsed, server_delay, details, why, next }
            }
        });
        let ending = match next {
            Next::Retry(next_delay) | Next::Again(next_delay) => {
                (delay, last) = (next_delay, Some(outcome));
                continue;
            }
            Next::Succeeded => Ending::Succeeded { failures: run.failures() },
            Next::Stop(reason) => Ending::Stopped(reason),
        };
        return RunEnd { ending, last: Some(outcome), fallback: None };
    }
}

/// Runs `--before-retry` for the attempt `number`, which follows a failure.
fn before_retry<D: Driver>(driver: &mut D, number: u64, observer: &mut dyn Observer<D::Outcome>) -> Waited {
    match driver.before_retry(number, observer) {
        BeforeRetry::Succeeded => Waited::Elapsed,
        BeforeRetry::Failed(outcome) => {
            observer.event(&Event::HookFailed { outcome: &outcome });
            Waited::Elapsed
        }
        BeforeRetry::Interrupted(signal) => Waited::Interrupted(signal),
    }
}

/// The verdict of the rules and, if that is to retry, of `--retry-if`; or the signal that came meanwhile.
fn judge<D: Driver>(
    driver: &mut D,
    outcome: &D::Outcome,
    observer: &mut dyn Observer<D::Outcome>,
) -> Result<Verdict, Signal> {
    let verdict = driver.judge(outcome);
    if !matches!(verdict, Verdict::Retry(_)) {
        return Ok(verdict);
    }
    Ok(match driver.retry_if(outcome, observer) {
        RetryIf::NoAnswer => verdict,
        RetryIf::Retry => Verdict::Retry(Why::Condition),
        RetryIf::Stop => Verdict::Stop(Why::Condition),
        RetryIf::Failed(outcome) => {
            observer.event(&Event::ConditionFailed { outcome: &outcome });
            verdict
        }
        RetryIf::Interrupted(signal) => return Err(signal),
    })
}
