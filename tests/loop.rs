//! The loop with scripted outcomes, in virtual time: tokio's paused clock jumps from timer to timer,
//! so every instant below is exact and no test takes real time.
#![expect(clippy::disallowed_methods, reason = "a scripted attempt sleeps on tokio's paused clock")]

use retry::core::attempt::{Abort, Admitted, Attempt, Done, Opinion, Problem, Remarks, Waited};
use retry::core::budget::Payment;
use retry::core::outcome::{
    Ending, Escalation, Exit, Left, Limit, NotStarted, Outcome, Outcome::Exited, SpawnFailure, TimedOut,
};
use retry::core::policy::{Condition, Consecutive, Item, Rules, Set, Verdict};
use retry::core::random::Random;
use retry::core::signal::Signal;
use retry::report::event::{Event, GaveUp, Next};
use retry::{Attempts, Backoff, Growth, Jitter, Policy};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What one attempt does: how it ends, after how many milliseconds, and the signal that comes with it.
#[derive(Debug, Clone)]
struct Step {
    outcome: Outcome,
    millis: u64,
    interrupted: Option<Signal>,
}

fn step(outcome: Outcome, millis: u64) -> Step {
    Step { outcome, millis, interrupted: None }
}

fn exits(codes: &[u8], millis: u64) -> Vec<Step> {
    codes.iter().map(|&code| step(Exited(code), millis)).collect()
}

/// Attempts that follow a script. It writes down what it was asked for, and when.
struct Script<'a> {
    steps: VecDeque<Step>,
    rules: &'a Rules,
    started: Instant,
    /// A signal that comes during a wait.
    signal: Option<(Duration, Signal)>,
    /// Every wait takes so much longer than it should, as on a machine that was asleep.
    oversleeps: Duration,
    log: &'a RefCell<Vec<String>>,
    waits: Vec<Duration>,
    /// What is said about failures; nothing where there is nothing left.
    opinions: VecDeque<Opinion<Outcome>>,
}

impl Attempt for Script<'_> {
    type Outcome = Outcome;

    async fn attempt(&mut self, number: u64) -> Done<Outcome> {
        self.note(&format!("runs {number}"));
        let step = self.steps.pop_front().expect("an attempt that is not in the script");
        let took = ms(step.millis);
        sleep(took).await;
        Done {
            outcome: step.outcome,
            took,
            abort: step.interrupted.map(Abort::Interrupted),
            remarks: Remarks::default(),
        }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        self.rules.judge(outcome)
    }

    async fn second_opinion(&mut self, outcome: &Outcome) -> Opinion<Outcome> {
        let Some(opinion) = self.opinions.pop_front() else { return Opinion::None };
        self.note(&format!("asks about {}", outcome.status()));
        sleep(ms(5)).await;
        opinion
    }

    async fn wait(&mut self, delay: Duration) -> Waited {
        self.waits.push(delay);
        let due = Instant::now() + delay + self.oversleeps;
        if let Some((at, signal)) = self.signal
            && self.started + at < due
        {
            sleep_until(self.started + at).await;
            return Waited::Interrupted(signal);
        }
        sleep_until(due).await;
        Waited::Elapsed
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

impl Script<'_> {
    fn note(&self, what: &str) {
        self.log.borrow_mut().push(format!("{} {what}", self.started.elapsed().as_millis()));
    }
}

/// One run: what happened (each line begins with the millisecond), what was waited, how it ended.
#[derive(Debug)]
struct Run {
    log: Vec<String>,
    waits: Vec<u128>,
    ending: Ending<Outcome>,
    took: u128,
}

impl Run {
    fn exit(&self) -> Exit {
        self.ending.exit(None)
    }

    fn attempts(&self) -> usize {
        self.log.iter().filter(|line| line.contains(" runs ")).count()
    }
}

async fn run(policy: &Policy, steps: Vec<Step>) -> Run {
    run_with(policy, steps, None, Duration::ZERO, 1).await
}

async fn run_with(
    policy: &Policy,
    steps: Vec<Step>,
    signal: Option<(Duration, Signal)>,
    oversleeps: Duration,
    seed: u64,
) -> Run {
    run_script(policy, steps, signal, oversleeps, seed, Vec::new()).await
}

/// The same, with what is said about failures.
async fn run_script(
    policy: &Policy,
    steps: Vec<Step>,
    signal: Option<(Duration, Signal)>,
    oversleeps: Duration,
    seed: u64,
    opinions: Vec<Opinion<Outcome>>,
) -> Run {
    let (log, started) = (RefCell::new(Vec::new()), Instant::now());
    let rules = &policy.rules;
    let mut script = Script {
        steps: steps.into(),
        rules,
        started,
        signal,
        oversleeps,
        log: &log,
        waits: Vec::new(),
        opinions: opinions.into(),
    };
    let mut tell = |event: Event<'_, Outcome>| {
        let line = format!("{} {}", started.elapsed().as_millis(), told(&event));
        log.borrow_mut().push(line);
    };
    let ending = retry::run::run(policy, &mut script, &mut Random::seeded(seed), &mut tell).await;
    let waits = script.waits.iter().map(Duration::as_millis).collect();
    Run { log: log.into_inner(), waits, ending, took: started.elapsed().as_millis() }
}

/// An event in few words; times in milliseconds.
fn told(event: &Event<'_, Outcome>) -> String {
    let then = |next: &Next| match next {
        Next::Retry { delay, .. } => format!("retry in {}", delay.as_millis()),
        Next::Stop { .. } => "stop".to_owned(),
        Next::GiveUp { elapsed, cause: GaveUp::Exhausted, .. } => {
            format!("exhausted after {}", elapsed.as_millis())
        }
        Next::GiveUp { elapsed, cause: GaveUp::OutOfTime { delay }, .. } => {
            format!("no time for {} after {}", delay.as_millis(), elapsed.as_millis())
        }
        Next::GiveUp { cause, .. } => format!("{cause:?}"),
    };
    match event {
        Event::Starting { number } => format!("starting {number}"),
        Event::Good { number, good_in_a_row, took, next, .. } => {
            format!("good {number}, row {good_in_a_row}, took {}, {}", took.as_millis(), then(next))
        }
        Event::Failed { number, outcome, took, next, .. } => {
            format!("failed {number}, {}, took {}, {}", outcome.status(), took.as_millis(), then(next))
        }
        Event::Succeeded { number, failures, elapsed, .. } => {
            format!("succeeded {number}, failures {failures}, after {}", elapsed.as_millis())
        }
        Event::NoTime { number, elapsed } => format!("no time {number} after {}", elapsed.as_millis()),
        Event::Interrupted { signal, number, running, elapsed } => {
            let when = if running.is_some() { "during" } else { "before" };
            format!("{signal} {when} {number} after {}", elapsed.as_millis())
        }
        other => format!("{other:?}"),
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at_most(attempts: u64) -> Attempts {
    Attempts::AtMost(NonZeroU64::new(attempts).unwrap())
}

/// The default policy without jitter: 500, 2000, 8000, ...
fn exact() -> Policy {
    Policy { backoff: Backoff { jitter: Jitter::None, ..Backoff::default() }, ..Policy::default() }
}

fn set(conditions: &[Condition]) -> Set {
    Set(conditions.iter().map(|c| Item { text: format!("{c:?}"), condition: c.clone() }).collect())
}

fn timed_out(limit: Limit) -> Outcome {
    let (signal, escalation) = (Signal::SIGTERM, Escalation::FirstSignal);
    Outcome::TimedOut(TimedOut { limit, signal, escalation, left: Left::Nothing })
}

fn not_started(kind: SpawnFailure) -> Outcome {
    Outcome::NotStarted(NotStarted { kind, why: String::new() })
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_second_opinion_is_asked_about_failures_that_no_rule_stopped() {
    let ask = async |policy: &Policy, codes: &[u8], opinions: Vec<Opinion<Outcome>>| {
        run_script(policy, exits(codes, 10), None, Duration::ZERO, 1, opinions).await
    };
    // Yes and no; the time that it takes is no delay.
    let run = ask(&exact(), &[7, 8], vec![Opinion::Retry, Opinion::Stop]).await;
    assert_eq!(
        run.log,
        [
            "0 starting 1",
            "0 runs 1",
            "10 asks about 7",
            "15 failed 1, 7, took 10, retry in 500",
            "515 starting 2",
            "515 runs 2",
            "525 asks about 8",
            "530 failed 2, 8, took 10, stop"
        ]
    );
    assert_eq!(run.ending, Ending::Stopped { last: Exited(8) });
    // No answer is told, and counts for nothing.
    let run = ask(&exact(), &[7, 0], vec![Opinion::Unusable(Exited(2)), Opinion::Stop]).await;
    assert!(run.log[3].starts_with("15 ConditionFailed"), "{:?}", run.log);
    assert_eq!(run.ending, Ending::Succeeded { last: Exited(0), failures: 1 });
    // Its time counts: there is none left for the delay.
    let hurried = Policy { deadline: Some(ms(512)), ..exact() };
    let run = ask(&hurried, &[7], vec![Opinion::Retry]).await;
    assert_eq!(run.ending, Ending::OutOfTime { last: Some(Exited(7)) });
    // A signal that comes meanwhile ends the run, although the attempt is over.
    let run = ask(&exact(), &[7], vec![Opinion::Interrupted(Signal::SIGTERM)]).await;
    assert_eq!(run.log.last().unwrap(), "15 SIGTERM during 1 after 15");
    assert_eq!(run.exit(), Exit::Signal(Signal::SIGTERM));
    // A rule that stops is not asked about, and neither is a success.
    let stopping =
        Policy { rules: Rules { stop_on: set(&[Condition::Code(7)]), ..Rules::default() }, ..exact() };
    for codes in [[7_u8], [0]] {
        let run = ask(&stopping, &codes, vec![Opinion::Stop]).await;
        assert!(!run.log.iter().any(|line| line.contains("asks")), "{:?}", run.log);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn events_come_in_order_and_the_delays_are_between_the_attempts() {
    let steps = vec![step(Exited(22), 1000), step(Exited(7), 100), step(Exited(0), 10)];
    let run = run(&exact(), steps).await;
    assert_eq!(
        run.log,
        [
            "0 starting 1",
            "0 runs 1",
            "1000 failed 1, 22, took 1000, retry in 500",
            "1500 starting 2",
            "1500 runs 2",
            "1600 failed 2, 7, took 100, retry in 2000",
            "3600 starting 3",
            "3600 runs 3",
            "3610 succeeded 3, failures 2, after 3610",
        ]
    );
    assert_eq!(run.waits, [0, 500, 2000]);
    assert_eq!(run.ending, Ending::Succeeded { last: Exited(0), failures: 2 });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn nothing_is_waited_after_the_last_attempt() {
    let run = run(&exact(), exits(&[1, 2, 3], 0)).await;
    assert_eq!(run.log.last().unwrap(), "2500 failed 3, 3, took 0, exhausted after 2500");
    assert_eq!(run.waits, [0, 500, 2000]);
    assert_eq!(run.took, 2500);
    assert_eq!(run.ending, Ending::Exhausted { last: Exited(3) });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_attempt_waits_for_nothing() {
    let once = Policy { attempts: at_most(1), ..exact() };
    let failed = run(&once, exits(&[9], 5)).await;
    assert_eq!(
        (failed.waits, failed.took, failed.ending),
        (vec![0], 5, Ending::Exhausted { last: Exited(9) })
    );
    let good = run(&exact(), exits(&[0], 5)).await;
    assert_eq!((good.waits, good.took), (vec![0], 5));
    assert_eq!(good.ending, Ending::Succeeded { last: Exited(0), failures: 0 });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_announced_is_waited_and_stays_in_its_range() {
    let policy = Policy::default();
    let mut seen = Vec::new();
    for seed in 0..50 {
        let run = run_with(&policy, exits(&[1, 1, 1], 0), None, Duration::ZERO, seed).await;
        let announced = |line: &str| line.split("retry in ").nth(1).map(|delay| delay.parse().unwrap());
        let announced: Vec<u128> = run.log.iter().filter_map(|line| announced(line)).collect();
        assert_eq!(run.waits[1..], announced);
        assert!((500..=800).contains(&run.waits[1]), "{:?}", run.waits);
        assert!((2000..=2300).contains(&run.waits[2]), "{:?}", run.waits);
        // A timer of tokio's is late by up to a millisecond.
        let waited: u128 = run.waits.iter().sum();
        assert!((waited..=waited + 4).contains(&run.took), "waited {waited} of {}", run.took);
        seen.push(run.waits);
    }
    let again = run_with(&policy, exits(&[1, 1, 1], 0), None, Duration::ZERO, 7).await;
    assert_eq!(again.waits, seen[7], "the same seed gives the same delays");
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 40, "different seeds part");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_first_delay_is_the_initial_one_and_a_random_part_of_the_stagger() {
    let policy = Policy { initial_delay: ms(3000), ..exact() };
    let initial = run(&policy, exits(&[1, 0], 0)).await;
    assert_eq!(initial.waits, [3000, 500]);
    assert_eq!(initial.log[0], "3000 starting 1");

    let policy = Policy { initial_delay: ms(3000), stagger: ms(1000), ..exact() };
    let mut firsts = Vec::new();
    for seed in 0..100 {
        let staggered = run_with(&policy, exits(&[1, 0], 0), None, Duration::ZERO, seed).await;
        assert_eq!(staggered.waits[1], 500, "a stagger is no part of later delays");
        firsts.push(staggered.waits[0]);
    }
    assert!(firsts.iter().all(|first| (3000..=4000).contains(first)), "{firsts:?}");
    let (least, most) = (firsts.iter().min().unwrap(), firsts.iter().max().unwrap());
    assert!(*least < 3100 && *most > 3900, "{least} to {most}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_delay_that_would_pass_the_deadline_is_not_slept() {
    // The second delay would end at 2500. At the deadline there is no time left, so 2500 is too early
    // a deadline and 2501 is not.
    for (deadline, attempts, took) in [(2500, 2, 500), (2501, 3, 2500), (500, 1, 0), (501, 2, 500)] {
        let policy = Policy { deadline: Some(ms(deadline)), ..exact() };
        let run = run(&policy, exits(&[4, 4, 4], 0)).await;
        assert_eq!((run.attempts(), run.took), (attempts, took), "deadline {deadline}: {:?}", run.log);
        assert_eq!(run.exit(), Exit::Code(4));
        if attempts < 3 {
            assert_eq!(run.ending, Ending::OutOfTime { last: Some(Exited(4)) });
            assert!(run.log.last().unwrap().contains("no time for"), "{:?}", run.log);
        } else {
            assert_eq!(run.ending, Ending::Exhausted { last: Exited(4) });
        }
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn no_attempt_comes_after_the_deadline() {
    // A good attempt counts, however late. A failed one that ran past the deadline is the last.
    let policy = Policy { deadline: Some(ms(1000)), attempts: Attempts::Unlimited, ..exact() };
    let failed = run(&policy, vec![step(timed_out(Limit::Deadline), 1000)]).await;
    assert_eq!(failed.log[2], "1000 failed 1, 124, took 1000, no time for 500 after 1000");
    assert_eq!(failed.exit(), Exit::Code(124));
    let good = run(&policy, exits(&[0], 5000)).await;
    assert_eq!(good.ending, Ending::Succeeded { last: Exited(0), failures: 0 });

    // No delay at all between attempts is no way around it.
    let at_once = Backoff { base: Duration::ZERO, ..exact().backoff };
    let policy = Policy { backoff: at_once, ..policy };
    let busy = run(&policy, exits(&[1; 10], 300)).await;
    assert_eq!((busy.attempts(), busy.took), (4, 1200));
    assert_eq!(busy.ending, Ending::OutOfTime { last: Some(Exited(1)) });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_deadline_before_any_attempt_runs_nothing() {
    for initial in [1000, 5000] {
        let policy = Policy { deadline: Some(ms(1000)), initial_delay: ms(initial), ..exact() };
        let run = run(&policy, Vec::new()).await;
        assert_eq!(run.log, ["0 no time 1 after 0"]);
        assert_eq!((run.waits.len(), run.took), (0, 0));
        assert_eq!(run.ending, Ending::OutOfTime { last: None });
        assert_eq!(run.exit(), Exit::Code(124));
    }
    let policy = Policy { deadline: Some(ms(1000)), initial_delay: ms(999), ..exact() };
    assert_eq!(run(&policy, exits(&[0], 0)).await.exit(), Exit::Code(0));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wait_that_ended_too_late_is_followed_by_no_attempt() {
    let policy = Policy { deadline: Some(ms(2000)), ..exact() };
    let late = run_with(&policy, exits(&[6, 0], 0), None, ms(800), 1).await;
    assert_eq!(late.log.last().unwrap(), "2100 no time 2 after 2100");
    assert_eq!(late.ending, Ending::OutOfTime { last: Some(Exited(6)) });
    let very_late = run_with(&policy, Vec::new(), None, ms(9000), 1).await;
    assert_eq!(very_late.log, ["9000 no time 1 after 9000"]);
    assert_eq!(very_late.ending, Ending::OutOfTime { last: None });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_attempt_that_ran_long_enough_starts_the_backoff_anew() {
    let policy = Policy { attempts: at_most(6), reset_after: Some(ms(60_000)), ..exact() };
    let steps: Vec<Step> =
        [0, 0, 59_999, 60_000, 0, 0].into_iter().map(|millis| step(Exited(1), millis)).collect();
    assert_eq!(run(&policy, steps).await.waits, [0, 500, 2000, 8000, 500, 2000]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_good_attempt_that_ran_long_enough_starts_the_backoff_anew() {
    let consecutive = Consecutive(NonZeroU64::new(2).unwrap());
    let policy = Policy { attempts: at_most(6), consecutive, reset_after: Some(ms(60_000)), ..exact() };
    let steps = vec![
        step(Exited(1), 0),
        step(Exited(1), 0),
        step(Exited(0), 60_000),
        step(Exited(1), 0),
        step(Exited(0), 0),
        step(Exited(0), 0),
    ];
    assert_eq!(run(&policy, steps).await.waits, [0, 500, 2000, 500, 500, 500]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn good_attempts_in_a_row_are_counted_from_anew_after_a_failure() {
    let consecutive = Consecutive(NonZeroU64::new(2).unwrap());
    let policy = Policy { attempts: at_most(6), consecutive, ..exact() };
    let run = run(&policy, exits(&[0, 5, 5, 0, 0], 0)).await;
    let told: Vec<&str> =
        run.log.iter().map(String::as_str).filter(|line| !line.contains(" runs ")).collect();
    assert_eq!(
        told,
        [
            "0 starting 1",
            "0 good 1, row 1, took 0, retry in 500",
            "500 starting 2",
            "500 failed 2, 5, took 0, retry in 500",
            "1000 starting 3",
            "1000 failed 3, 5, took 0, retry in 2000",
            "3000 starting 4",
            "3000 good 4, row 1, took 0, retry in 500",
            "3500 starting 5",
            "3500 succeeded 5, failures 2, after 3500",
        ]
    );
    assert_eq!(run.ending, Ending::Succeeded { last: Exited(0), failures: 2 });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn good_attempts_count_as_attempts_and_keep_the_deadline() {
    let consecutive = Consecutive(NonZeroU64::new(3).unwrap());
    let policy = Policy { attempts: at_most(3), consecutive, ..exact() };
    let exhausted = run(&policy, exits(&[0, 7, 0], 0)).await;
    assert_eq!(exhausted.log.last().unwrap(), "1000 good 3, row 1, took 0, exhausted after 1000");
    assert_eq!(exhausted.ending, Ending::Exhausted { last: Exited(0) });
    assert_eq!(exhausted.exit(), Exit::Code(1), "giving up is never a success");

    let policy = Policy { deadline: Some(ms(600)), ..policy };
    let late = run(&policy, exits(&[0, 0], 0)).await;
    assert_eq!(late.log.last().unwrap(), "500 good 2, row 2, took 0, no time for 500 after 500");
    assert_eq!(late.exit(), Exit::Code(1));

    let policy = Policy { deadline: None, ..policy };
    let good = run(&policy, exits(&[0, 0, 0], 0)).await;
    assert_eq!((good.exit(), good.waits), (Exit::Code(0), vec![0, 500, 500]));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_final_failure_stops_at_once() {
    let stop_on_2 = Rules { stop_on: set(&[Condition::Code(2)]), ..Rules::default() };
    let retry_on_7 = Rules { retry_on: set(&[Condition::Code(7)]), ..Rules::default() };
    let by_nature = Rules::default();
    for (rules, last) in [
        (&stop_on_2, Exited(2)),
        (&retry_on_7, Exited(1)),
        (&by_nature, Outcome::Killed(Signal::SIGINT)),
        (&by_nature, not_started(SpawnFailure::NotFound)),
    ] {
        let policy = Policy { rules: rules.clone(), ..exact() };
        let run = run(&policy, vec![step(Exited(7), 0), step(last.clone(), 0)]).await;
        let wanted = format!("500 failed 2, {}, took 0, stop", last.status());
        assert_eq!(*run.log.last().unwrap(), wanted);
        assert_eq!((run.took, run.waits), (500, vec![0, 500]));
        assert_eq!(run.ending, Ending::Stopped { last });
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_success_that_a_rule_retries_is_no_success() {
    let rules = Rules { retry_on: set(&[Condition::Code(0)]), ..Rules::default() };
    let policy = Policy { rules, ..exact() };
    let run = run(&policy, exits(&[0, 0, 0], 0)).await;
    assert_eq!((run.attempts(), run.exit()), (3, Exit::Code(1)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_signal_during_a_wait_ends_the_wait_and_the_run() {
    let signal = Some((ms(1200), Signal::SIGTERM));
    let between = run_with(&exact(), exits(&[1, 1, 0], 0), signal, Duration::ZERO, 1).await;
    assert_eq!(between.log.last().unwrap(), "1200 SIGTERM before 3 after 1200");
    assert_eq!((between.attempts(), between.took), (2, 1200));
    assert_eq!(between.ending, Ending::Interrupted { signal: Signal::SIGTERM, running: None });
    assert_eq!(between.exit(), Exit::Signal(Signal::SIGTERM));

    let policy = Policy { initial_delay: ms(5000), ..exact() };
    let signal = Some((ms(100), Signal::SIGINT));
    let before_any = run_with(&policy, Vec::new(), signal, Duration::ZERO, 1).await;
    assert_eq!(before_any.log, ["100 SIGINT before 1 after 100"]);
    assert_eq!(before_any.exit(), Exit::Signal(Signal::SIGINT));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_signal_during_an_attempt_is_followed_by_no_other_one() {
    for (outcome, exit) in [
        (Exited(0), Exit::Code(0)),
        (Exited(3), Exit::Code(3)),
        (Outcome::Killed(Signal::SIGTERM), Exit::Signal(Signal::SIGHUP)),
        (timed_out(Limit::Timeout), Exit::Signal(Signal::SIGHUP)),
    ] {
        let last = Step { outcome: outcome.clone(), millis: 250, interrupted: Some(Signal::SIGHUP) };
        let run = run(&exact(), vec![step(Exited(1), 0), last]).await;
        assert_eq!(run.log.last().unwrap(), "750 SIGHUP during 2 after 750");
        assert_eq!(run.waits, [0, 500]);
        assert_eq!(run.ending, Ending::Interrupted { signal: Signal::SIGHUP, running: Some(outcome) });
        assert_eq!(run.exit(), exit);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_a_limit_it_goes_on_and_the_delay_stays_at_the_cap() {
    let policy = Policy { attempts: Attempts::Unlimited, ..exact() };
    let mut steps = exits(&[1; 5000], 0);
    steps.extend(exits(&[0], 0));
    let run = run(&policy, steps).await;
    assert_eq!(run.ending, Ending::Succeeded { last: Exited(0), failures: 5000 });
    assert_eq!(run.waits[1..6], [500, 2000, 8000, 32_000, 60_000]);
    assert!(run.waits[5..].iter().all(|&wait| wait == 60_000));
    assert_eq!(run.took, 42_500 + 4996 * 60_000);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_other_shapes_wait_what_they_say() {
    let list = vec![ms(500), ms(2000), ms(5000)];
    for (growth, waits) in [
        (Growth::Linear, [0, 500, 1000, 1500, 2000]),
        (Growth::Fibonacci, [0, 500, 500, 1000, 1500]),
        (Growth::Constant, [0, 500, 500, 500, 500]),
        (Growth::List(list), [0, 500, 2000, 5000, 5000]),
    ] {
        let backoff = Backoff { growth, ..exact().backoff };
        let policy = Policy { attempts: at_most(5), backoff, ..exact() };
        assert_eq!(run(&policy, exits(&[1; 5], 0)).await.waits, waits, "{policy:?}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_exit_table_is_reached_through_the_loop() {
    let killed = Outcome::Killed;
    let deadline = Policy { deadline: Some(ms(1)), ..exact() };
    for (policy, outcomes, exit) in [
        (exact(), vec![Exited(0)], Exit::Code(0)),
        (exact(), vec![Exited(1), Exited(0)], Exit::Code(0)),
        (exact(), vec![Exited(1), Exited(2), Exited(3)], Exit::Code(3)),
        (exact(), vec![killed(Signal::SIGKILL); 3], Exit::Signal(Signal::SIGKILL)),
        (exact(), vec![timed_out(Limit::Timeout); 3], Exit::Code(124)),
        (exact(), vec![not_started(SpawnFailure::NotFound)], Exit::Code(127)),
        (exact(), vec![not_started(SpawnFailure::NotExecutable)], Exit::Code(126)),
        (exact(), vec![not_started(SpawnFailure::Transient); 3], Exit::Code(126)),
        (exact(), vec![killed(Signal::SIGPIPE)], Exit::Signal(Signal::SIGPIPE)),
        (deadline.clone(), vec![Exited(5)], Exit::Code(5)),
        (deadline, vec![timed_out(Limit::Deadline)], Exit::Code(124)),
    ] {
        let steps = outcomes.iter().map(|outcome| step(outcome.clone(), 0)).collect();
        let run = run(&policy, steps).await;
        assert_eq!(run.attempts(), outcomes.len(), "{outcomes:?}");
        assert_eq!(run.exit(), exit, "{outcomes:?}");
    }
    let flaky = run(&exact(), exits(&[1, 0], 0)).await.ending.exit(Some(99));
    assert_eq!(flaky, Exit::Code(99));
}

/// Attempts with a state that is shared with others and in trouble: each question has a warning, which the
/// next one replaces.
struct Troubled {
    ends: VecDeque<Outcome>,
    refused: bool,
    open: bool,
    payment: Payment,
    warning: Option<String>,
}

impl Attempt for Troubled {
    type Outcome = Outcome;

    async fn attempt(&mut self, _number: u64) -> Done<Outcome> {
        let outcome = self.ends.pop_front().unwrap();
        Done { outcome, took: ms(0), abort: None, remarks: Remarks::default() }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        Rules::default().judge(outcome)
    }

    fn admit(&mut self) -> Admitted {
        self.warning = Some("admit".to_owned());
        if self.refused { Admitted::No { wait: ms(0) } } else { Admitted::Yes }
    }

    fn record(&mut self, _result: retry::core::breaker::Result, _random: &mut Random) {
        self.warning = Some("record".to_owned());
    }

    fn refusal(&mut self) -> Option<Duration> {
        self.warning = Some("refusal".to_owned());
        self.open.then_some(ms(1000))
    }

    fn pay(&mut self) -> Payment {
        self.warning = Some("pay".to_owned());
        self.payment
    }

    fn deposit(&mut self) {
        self.warning = Some("deposit".to_owned());
    }

    fn warning(&mut self) -> Option<Problem> {
        self.warning.take().map(Problem::Store)
    }

    async fn wait(&mut self, _delay: Duration) -> Waited {
        Waited::Elapsed
    }

    fn elapsed(&self) -> Duration {
        ms(0)
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_goes_wrong_with_what_is_shared_is_told_before_what_was_decided() {
    for (ends, refused, open, payment, wanted) in [
        (&[][..], true, false, Payment::Paid, &["admit", "open"][..]),
        (&[0], false, false, Payment::Paid, &["admit", "starting", "deposit", "succeeded"]),
        (&[1], false, true, Payment::Paid, &["admit", "starting", "refusal", "failed"]),
        (&[1], false, false, Payment::Empty { wait: ms(0) }, &["admit", "starting", "pay", "failed"]),
        (
            &[1, 0],
            false,
            false,
            Payment::Paid,
            &["admit", "starting", "pay", "failed", "admit", "starting", "deposit", "succeeded"],
        ),
    ] {
        let ends: VecDeque<Outcome> = ends.iter().map(|code| Exited(*code)).collect();
        let mut attempt = Troubled { ends, refused, open, payment, warning: None };
        let mut log = Vec::new();
        let mut tell = |event: Event<'_, Outcome>| {
            log.push(match event {
                Event::Warning { what } => what,
                Event::CircuitOpen { .. } => "open".to_owned(),
                Event::Starting { .. } => "starting".to_owned(),
                Event::Failed { .. } => "failed".to_owned(),
                Event::Succeeded { .. } => "succeeded".to_owned(),
                other => format!("{other:?}"),
            });
        };
        retry::run::run(&exact(), &mut attempt, &mut Random::seeded(1), &mut tell).await;
        assert_eq!(log, wanted);
    }
    // What the last attempt of all leaves behind has been asked as well.
    let ends = VecDeque::from([Exited(1)]);
    let mut attempt = Troubled { ends, refused: false, open: false, payment: Payment::Paid, warning: None };
    let mut warnings = Vec::new();
    let mut tell = |event: Event<'_, Outcome>| {
        if let Event::Warning { what } = event {
            warnings.push(what);
        }
    };
    let policy = Policy { attempts: at_most(1), ..exact() };
    retry::run::run(&policy, &mut attempt, &mut Random::seeded(1), &mut tell).await;
    assert_eq!(warnings, ["admit", "record"]);
}

mod function {
    use super::{
        Attempts, Cell, Consecutive, Duration, Instant, NonZeroU64, Policy, at_most, exact, ms, sleep,
    };

    /// Three attempts, half a second and two seconds apart, each delay with up to 0.3 s more: what the
    /// default policy promises.
    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn three_attempts_take_two_and_a_half_seconds_and_a_random_part() {
        let mut totals = Vec::new();
        for _ in 0..300 {
            let (started, mut starts) = (Instant::now(), Vec::new());
            let failed: Result<(), String> = retry::retry(&Policy::default(), async |attempt| {
                starts.push(started.elapsed().as_secs_f64());
                Err(format!("error {attempt}"))
            })
            .await;
            let total = started.elapsed().as_secs_f64();
            assert_eq!(failed, Err("error 3".to_owned()), "the error of the last attempt");
            let [first, second, third] = starts[..] else { panic!("{starts:?}") };
            // A timer of tokio's is late by up to a millisecond.
            assert!(first.abs() < 1e-9, "{first}");
            assert!((0.5..=0.801).contains(&second), "{second}");
            assert!((2.0..=2.301).contains(&(third - second)), "{third} - {second}");
            assert!((total - third).abs() < 1e-9, "nothing is waited after the last attempt");
            assert!((2.5..=3.102).contains(&total), "{total}");
            totals.push(total);
        }
        // The mean of 300 sums of two U(0, 0.3): 0.3, with a standard error of 0.007.
        let mean = totals.iter().sum::<f64>() / 300.0;
        assert!((mean - 2.8).abs() < 0.04, "{mean}");
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_success_on_the_second_attempt_ends_it() {
        let (started, calls) = (Instant::now(), Cell::new(0));
        let answer: Result<&str, u64> = retry::retry(&Policy::default(), async |attempt| {
            calls.set(calls.get() + 1);
            if attempt == 2 { Ok("fine") } else { Err(attempt) }
        })
        .await;
        assert_eq!((answer, calls.get()), (Ok("fine"), 2));
        assert!((0.5..=0.801).contains(&started.elapsed().as_secs_f64()));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_success_at_once_waits_for_nothing() {
        let started = Instant::now();
        let answer: Result<u64, ()> = retry::retry(&Policy::default(), async |attempt| Ok(attempt)).await;
        assert_eq!((answer, started.elapsed()), (Ok(1), Duration::ZERO));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn one_attempt_is_enough_where_no_more_are_allowed() {
        let started = Instant::now();
        let policy = Policy { attempts: at_most(1), ..exact() };
        let failed: Result<(), u64> = retry::retry(&policy, async |attempt| Err(attempt)).await;
        assert_eq!((failed, started.elapsed()), (Err(1), Duration::ZERO));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn the_deadline_and_the_time_of_the_calls_count() {
        let started = Instant::now();
        let policy = Policy { attempts: Attempts::Unlimited, deadline: Some(ms(4000)), ..exact() };
        let failed: Result<(), u64> = retry::retry(&policy, async |attempt| {
            sleep(ms(700)).await;
            Err(attempt)
        })
        .await;
        // 0.7 s, 0.5 s, 0.7 s, 2 s, 0.7 s: past the deadline, and not cut short by it.
        assert_eq!((failed, started.elapsed()), (Err(3), ms(4600)));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    #[should_panic(expected = "deadline allows no attempt")]
    async fn a_deadline_that_allows_no_attempt_is_a_mistake_in_the_policy() {
        let policy = Policy { initial_delay: ms(10), deadline: Some(ms(10)), ..exact() };
        let _never: Result<(), ()> = retry::retry(&policy, async |_| Ok(())).await;
    }

    /// For a task of its own, on a runtime of any flavour.
    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn it_can_be_spawned() {
        let task = tokio::spawn(async {
            let policy = exact();
            retry::retry(&policy, async |attempt| {
                sleep(ms(1)).await;
                if attempt == 2 { Ok(attempt) } else { Err(()) }
            })
            .await
        });
        assert_eq!(task.await.unwrap(), Ok(2));
    }

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_last_good_attempt_is_returned_although_more_were_wanted_in_a_row() {
        let policy = Policy { consecutive: Consecutive(NonZeroU64::new(2).unwrap()), ..exact() };
        let answer = retry::retry(&policy, async |n| if n < 3 { Err(n) } else { Ok(n) }).await;
        assert_eq!(answer, Ok(3));
    }
}
