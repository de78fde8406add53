//! The loop with scripted outcomes, in virtual time: the clock is a number that a wait adds to, so every instant below
//! is exact and no test takes real time.

use retry::core::condition::Condition;
use retry::core::outcome::{
    Ending, Escalation, Exit, Limit, NotStarted, Outcome, Outcome::Exited, RunEnd, SpawnFailure, Survivors,
    TimedOut,
};
use retry::core::output::Seen;
use retry::core::rules::{Evidence, Rule, Rules, Then};
use retry::core::signal::Signal;
use retry::core::verdict::Verdict;
use retry::run::driver::{Abort, AttemptDetails, Driver, FinishedAttempt, RetryIf, Waited};
use retry::run::event::{Event, Moment, Observer};
use retry_loop::backoff::{Growth, Jitter};
use retry_loop::bucket::Payment;
use retry_loop::circuit::{Observation, Refusal, RefusalCause};
use retry_loop::policy::{Attempts, Policy};
use retry_loop::random::Random;
use retry_loop::run::{Admission, Guard, Next, StopReason};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

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

fn exits(codes: &[u32], millis: u64) -> Vec<Step> {
    codes.iter().map(|&code| step(Exited(code), millis)).collect()
}

/// Attempts that follow a script. It writes down what it was asked for, and when.
struct Script<'a> {
    steps: VecDeque<Step>,
    rules: &'a Rules,
    now: &'a Cell<Duration>,
    /// A signal that comes during a wait.
    signal: Option<(Duration, Signal)>,
    /// Every wait takes this much longer than it should, as on a machine that was asleep.
    oversleeps: Duration,
    log: &'a RefCell<Vec<String>>,
    waits: Vec<Duration>,
    /// What is said about failures; nothing where there is nothing left.
    answers: VecDeque<RetryIf<Outcome>>,
}

impl Driver for Script<'_> {
    type Outcome = Outcome;

    fn attempt(&mut self, number: u64, _: &mut dyn Observer<Outcome>) -> FinishedAttempt<Outcome> {
        self.note(&format!("runs {number}"));
        let step = self.steps.pop_front().expect("an attempt that is not in the script");
        let took = ms(step.millis);
        self.pass(took);
        FinishedAttempt {
            outcome: step.outcome,
            took,
            abort: step.interrupted.map(Abort::Interrupted),
            details: AttemptDetails::default(),
        }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        judge(self.rules, outcome)
    }

    fn retry_if(&mut self, outcome: &Outcome, _: &mut dyn Observer<Outcome>) -> RetryIf<Outcome> {
        let Some(answer) = self.answers.pop_front() else { return RetryIf::NoAnswer };
        self.note(&format!("asks about {}", outcome.status()));
        self.pass(ms(5));
        answer
    }

    fn wait(&mut self, delay: Duration, _: &mut dyn Observer<Outcome>) -> Waited {
        self.waits.push(delay);
        let due = self.now.get() + delay + self.oversleeps;
        if let Some((at, signal)) = self.signal
            && at < due
        {
            self.now.set(at);
            return Waited::Interrupted(signal);
        }
        self.now.set(due);
        Waited::Elapsed
    }

    fn elapsed(&self) -> Duration {
        self.now.get()
    }
}

/// The verdict on an attempt that printed nothing.
fn judge(rules: &Rules, outcome: &Outcome) -> Verdict {
    rules.judge(&Evidence { outcome, seen: &Seen::default(), survivors: &Survivors::None })
}

impl Script<'_> {
    fn note(&self, what: &str) {
        self.log.borrow_mut().push(format!("{} {what}", self.now.get().as_millis()));
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }
}

/// One run: what happened (each line begins with the millisecond), what was waited, how it ended.
#[derive(Debug)]
struct Run {
    log: Vec<String>,
    waits: Vec<u128>,
    end: RunEnd<Outcome>,
    took: u128,
}

impl Run {
    fn exit(&self) -> Exit {
        self.end.exit(None)
    }

    fn attempts(&self) -> usize {
        self.log.iter().filter(|line| line.contains(" runs ")).count()
    }
}

fn run(policy: &Policy, steps: Vec<Step>) -> Run {
    Case::new(policy, steps).run()
}

/// With delays that come out of this seed.
fn run_seeded(policy: &Policy, steps: Vec<Step>, seed: u64) -> Run {
    Case::new(&policy.clone().seed(seed), steps).run()
}

/// A script and what else there is to say about it.
#[derive(Default)]
struct Case {
    policy: Policy,
    rules: Rules,
    steps: Vec<Step>,
    signal: Option<(Duration, Signal)>,
    oversleeps: Duration,
    answers: Vec<RetryIf<Outcome>>,
}

impl Case {
    fn new(policy: &Policy, steps: Vec<Step>) -> Self {
        Self { policy: policy.clone(), steps, ..Self::default() }
    }

    fn run(self) -> Run {
        let (log, now) = (RefCell::new(Vec::new()), Cell::new(Duration::ZERO));
        let mut script = Script {
            steps: self.steps.into(),
            rules: &self.rules,
            now: &now,
            signal: self.signal,
            oversleeps: self.oversleeps,
            log: &log,
            waits: Vec::new(),
            answers: self.answers.into(),
        };
        let mut observer = Listening(|event: &Event<'_, Outcome>| {
            log.borrow_mut().push(format!("{} {}", now.get().as_millis(), told(event)));
        });
        let end = retry::run::run(&self.policy, &mut script, &mut observer);
        let waits = script.waits.iter().map(Duration::as_millis).collect();
        drop(script);
        Run { log: log.into_inner(), waits, end, took: now.get().as_millis() }
    }
}

/// An observer of events.
struct Listening<F>(F);

impl<F: FnMut(&Event<'_, Outcome>)> Observer<Outcome> for Listening<F> {
    fn event(&mut self, event: &Event<'_, Outcome>) {
        (self.0)(event);
    }
}

/// An event in few words; times in milliseconds.
fn told(event: &Event<'_, Outcome>) -> String {
    let then = |next: Next, elapsed: Duration| match next {
        Next::Succeeded => "succeeded".to_owned(),
        Next::Again(delay) | Next::Retry(delay) => format!("retry in {}", delay.as_millis()),
        Next::Stop(StopReason::Permanent) => "stop".to_owned(),
        Next::Stop(StopReason::AttemptsExhausted) => format!("exhausted after {}", elapsed.as_millis()),
        Next::Stop(StopReason::Deadline { delay }) => {
            format!("no time for {} after {}", delay.as_millis(), elapsed.as_millis())
        }
        Next::Stop(reason) => format!("{reason:?}"),
    };
    match event {
        Event::Starting { number } => format!("starting {number}"),
        Event::Good { number, in_a_row, took, elapsed, next, .. } => {
            format!("good {number}, row {in_a_row}, took {}, {}", took.as_millis(), then(*next, *elapsed))
        }
        Event::Failed { number, outcome, took, elapsed, next, .. } => {
            format!(
                "failed {number}, {}, took {}, {}",
                outcome.status(),
                took.as_millis(),
                then(*next, *elapsed)
            )
        }
        Event::Succeeded { number, failures, elapsed, .. } => {
            format!("succeeded {number}, failures {failures}, after {}", elapsed.as_millis())
        }
        Event::Refused { number, elapsed, .. } => format!("no time {number} after {}", elapsed.as_millis()),
        Event::Interrupted { signal, number, moment, elapsed } => {
            let when = match moment {
                Moment::Before => "before",
                Moment::During { .. } => "during",
                Moment::After { .. } => "after",
            };
            format!("{signal} {when} {number} after {}", elapsed.as_millis())
        }
        other => format!("{other:?}"),
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn end(ending: Ending, last: Option<Outcome>) -> RunEnd<Outcome> {
    RunEnd { ending, last, fallback: None }
}

fn succeeded(failures: u64) -> RunEnd<Outcome> {
    end(Ending::Succeeded { failures }, Some(Exited(0)))
}

fn exhausted(last: Outcome) -> RunEnd<Outcome> {
    end(Ending::Stopped(StopReason::AttemptsExhausted), Some(last))
}

/// A delay of this length, or none, would have passed the deadline.
fn out_of_time(delay: u64, last: Option<Outcome>) -> RunEnd<Outcome> {
    end(Ending::Stopped(StopReason::Deadline { delay: ms(delay) }), last)
}

/// The default policy without jitter: 500, 2000, 8000, ...
fn exact() -> Policy {
    Policy::default().jitter(Jitter::None)
}

fn rule(then: Then, code: u32) -> Rules {
    Rules::new([Rule::on_outcome(then, code.to_string(), Condition::Code(code))])
}

fn timed_out(limit: Limit) -> Outcome {
    let (signal, escalation) = (Signal::SIGTERM, Escalation::FirstSignal);
    Outcome::TimedOut(TimedOut { limit, signal, escalation, survivors: Survivors::None })
}

fn not_started(kind: SpawnFailure) -> Outcome {
    Outcome::NotStarted(NotStarted { kind, why: String::new() })
}

#[test]
fn retry_if_is_asked_about_failures_that_no_rule_stopped() {
    let ask = |policy: &Policy, codes: &[u32], answers: Vec<RetryIf<Outcome>>| {
        Case { answers, ..Case::new(policy, exits(codes, 10)) }.run()
    };
    // Yes and no; the time that it takes is no delay.
    let run = ask(&exact(), &[7, 8], vec![RetryIf::Retry, RetryIf::Stop]);
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
    assert_eq!(run.end, end(Ending::Stopped(StopReason::Permanent), Some(Exited(8))));
    // No answer is told, and counts for nothing.
    let run = ask(&exact(), &[7, 0], vec![RetryIf::Failed(Exited(2)), RetryIf::Stop]);
    assert!(run.log[3].starts_with("15 ConditionFailed"), "{:?}", run.log);
    assert_eq!(run.end, succeeded(1));
    // Its time counts: there is none left for the delay.
    let hurried = exact().deadline(ms(512));
    let run = ask(&hurried, &[7], vec![RetryIf::Retry]);
    assert_eq!(run.end, out_of_time(500, Some(Exited(7))));
    // A signal that comes meanwhile ends the run, although the attempt is over.
    let run = ask(&exact(), &[7], vec![RetryIf::Interrupted(Signal::SIGTERM)]);
    assert_eq!(run.log.last().unwrap(), "15 SIGTERM after 1 after 15");
    assert_eq!(run.exit(), Exit::Signal(Signal::SIGTERM));
    // A rule that stops is not asked about, and neither is a success.
    for codes in [[7_u32], [0]] {
        let rules = rule(Then::Stop, 7);
        let case = Case::new(&exact(), exits(&codes, 10));
        let run = Case { rules, answers: vec![RetryIf::Stop], ..case }.run();
        assert!(!run.log.iter().any(|line| line.contains("asks")), "{:?}", run.log);
    }
}

#[test]
fn events_come_in_order_and_the_delays_are_between_the_attempts() {
    let steps = vec![step(Exited(22), 1000), step(Exited(7), 100), step(Exited(0), 10)];
    let run = run(&exact(), steps);
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
    assert_eq!(run.end, succeeded(2));
}

#[test]
fn nothing_is_waited_after_the_last_attempt() {
    let run = run(&exact(), exits(&[1, 2, 3], 0));
    assert_eq!(run.log.last().unwrap(), "2500 failed 3, 3, took 0, exhausted after 2500");
    assert_eq!(run.waits, [0, 500, 2000]);
    assert_eq!(run.took, 2500);
    assert_eq!(run.end, exhausted(Exited(3)));
}

#[test]
fn one_attempt_waits_for_nothing() {
    let once = exact().attempts(1);
    let failed = run(&once, exits(&[9], 5));
    assert_eq!((failed.waits, failed.took, failed.end), (vec![0], 5, exhausted(Exited(9))));
    let good = run(&exact(), exits(&[0], 5));
    assert_eq!((good.waits, good.took), (vec![0], 5));
    assert_eq!(good.end, succeeded(0));
}

#[test]
fn what_is_announced_is_waited_and_stays_in_its_range() {
    let policy = Policy::default();
    let mut seen = Vec::new();
    for seed in 0..50 {
        let run = run_seeded(&policy, exits(&[1, 1, 1], 0), seed);
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
    let again = run_seeded(&policy, exits(&[1, 1, 1], 0), 7);
    assert_eq!(again.waits, seen[7], "the same seed gives the same delays");
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 40, "different seeds part");
}

#[test]
fn the_first_delay_is_the_initial_one_and_a_random_part_of_the_stagger() {
    let policy = exact().initial_delay(ms(3000));
    let initial = run(&policy, exits(&[1, 0], 0));
    assert_eq!(initial.waits, [3000, 500]);
    assert_eq!(initial.log[0], "3000 starting 1");

    let policy = exact().initial_delay(ms(3000)).stagger(ms(1000));
    let mut firsts = Vec::new();
    for seed in 0..100 {
        let staggered = run_seeded(&policy, exits(&[1, 0], 0), seed);
        assert_eq!(staggered.waits[1], 500, "a stagger is no part of later delays");
        firsts.push(staggered.waits[0]);
    }
    assert!(firsts.iter().all(|first| (3000..=4000).contains(first)), "{firsts:?}");
    let (least, most) = (firsts.iter().min().unwrap(), firsts.iter().max().unwrap());
    assert!(*least < 3100 && *most > 3900, "{least} to {most}");
}

#[test]
fn a_delay_that_would_pass_the_deadline_is_not_slept() {
    // The second delay would end at 2500. At the deadline there is no time left, so 2500 is too early
    // a deadline and 2501 is not.
    for (deadline, attempts, took) in [(2500, 2, 500), (2501, 3, 2500), (500, 1, 0), (501, 2, 500)] {
        let policy = exact().deadline(ms(deadline));
        let run = run(&policy, exits(&[4, 4, 4], 0));
        assert_eq!((run.attempts(), run.took), (attempts, took), "deadline {deadline}: {:?}", run.log);
        assert_eq!(run.exit(), Exit::Code(4));
        if attempts < 3 {
            assert_eq!(run.end, out_of_time(if attempts == 1 { 500 } else { 2000 }, Some(Exited(4))));
            assert!(run.log.last().unwrap().contains("no time for"), "{:?}", run.log);
        } else {
            assert_eq!(run.end, exhausted(Exited(4)));
        }
    }
}

#[test]
fn no_attempt_comes_after_the_deadline() {
    // A good attempt counts, however late. A failed one that ran past the deadline is the last.
    let policy = exact().deadline(ms(1000)).attempts(Attempts::Unlimited);
    let failed = run(&policy, vec![step(timed_out(Limit::Deadline), 1000)]);
    assert_eq!(failed.log[2], "1000 failed 1, 124, took 1000, no time for 500 after 1000");
    assert_eq!(failed.exit(), Exit::Code(124));
    let good = run(&policy, exits(&[0], 5000));
    assert_eq!(good.end, succeeded(0));

    // No delay at all between attempts is no way around it.
    let policy = policy.base(Duration::ZERO);
    let busy = run(&policy, exits(&[1; 10], 300));
    assert_eq!((busy.attempts(), busy.took), (4, 1200));
    assert_eq!(busy.end, out_of_time(0, Some(Exited(1))));
}

#[test]
fn a_deadline_before_any_attempt_runs_nothing() {
    for initial in [1000, 5000] {
        let policy = exact().deadline(ms(1000)).initial_delay(ms(initial));
        let run = run(&policy, Vec::new());
        assert_eq!(run.log, ["0 no time 1 after 0"]);
        assert_eq!((run.waits.len(), run.took), (0, 0));
        assert_eq!(run.end, out_of_time(initial, None));
        assert_eq!(run.exit(), Exit::Code(124));
    }
    let policy = exact().deadline(ms(1000)).initial_delay(ms(999));
    assert_eq!(run(&policy, exits(&[0], 0)).exit(), Exit::Code(0));
}

#[test]
fn a_wait_that_ended_too_late_is_followed_by_no_attempt() {
    let policy = exact().deadline(ms(2000));
    let late = Case { oversleeps: ms(800), ..Case::new(&policy, exits(&[6, 0], 0)) }.run();
    assert_eq!(late.log.last().unwrap(), "2100 no time 2 after 2100");
    assert_eq!(late.end, out_of_time(0, Some(Exited(6))));
    let very_late = Case { oversleeps: ms(9000), ..Case::new(&policy, Vec::new()) }.run();
    assert_eq!(very_late.log, ["9000 no time 1 after 9000"]);
    assert_eq!(very_late.end, out_of_time(0, None));
}

#[test]
fn an_attempt_that_ran_long_enough_starts_the_backoff_anew() {
    let policy = exact().attempts(6).reset_after(ms(60_000));
    let steps: Vec<Step> =
        [0, 0, 59_999, 60_000, 0, 0].into_iter().map(|millis| step(Exited(1), millis)).collect();
    assert_eq!(run(&policy, steps).waits, [0, 500, 2000, 8000, 500, 2000]);
}

#[test]
fn a_good_attempt_that_ran_long_enough_starts_the_backoff_anew() {
    let consecutive = 2;
    let policy = exact().attempts(6).consecutive(consecutive).reset_after(ms(60_000));
    let steps = vec![
        step(Exited(1), 0),
        step(Exited(1), 0),
        step(Exited(0), 60_000),
        step(Exited(1), 0),
        step(Exited(0), 0),
        step(Exited(0), 0),
    ];
    assert_eq!(run(&policy, steps).waits, [0, 500, 2000, 500, 500, 500]);
}

#[test]
fn good_attempts_in_a_row_are_counted_from_anew_after_a_failure() {
    let consecutive = 2;
    let policy = exact().attempts(6).consecutive(consecutive);
    let run = run(&policy, exits(&[0, 5, 5, 0, 0], 0));
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
    assert_eq!(run.end, succeeded(2));
}

#[test]
fn good_attempts_count_as_attempts_and_keep_the_deadline() {
    let consecutive = 3;
    let policy = exact().attempts(3).consecutive(consecutive);
    let weary = run(&policy, exits(&[0, 7, 0], 0));
    assert_eq!(weary.log.last().unwrap(), "1000 good 3, row 1, took 0, exhausted after 1000");
    assert_eq!(weary.end, exhausted(Exited(0)));
    assert_eq!(weary.exit(), Exit::Code(1), "giving up is never a success");

    let policy = policy.deadline(ms(600));
    let late = run(&policy, exits(&[0, 0], 0));
    assert_eq!(late.log.last().unwrap(), "500 good 2, row 2, took 0, no time for 500 after 500");
    assert_eq!(late.exit(), Exit::Code(1));

    let policy = exact().attempts(3).consecutive(3);
    let good = run(&policy, exits(&[0, 0, 0], 0));
    assert_eq!((good.exit(), good.waits), (Exit::Code(0), vec![0, 500, 500]));
}

#[test]
fn a_final_failure_stops_at_once() {
    let stop_on_2 = rule(Then::Stop, 2);
    let retry_on_7 = rule(Then::Retry, 7);
    let by_nature = Rules::default();
    for (rules, last) in [
        (&stop_on_2, Exited(2)),
        (&retry_on_7, Exited(1)),
        (&by_nature, Outcome::Killed(Signal::SIGINT)),
        (&by_nature, not_started(SpawnFailure::NotFound)),
    ] {
        let case = Case::new(&exact(), vec![step(Exited(7), 0), step(last.clone(), 0)]);
        let run = Case { rules: rules.clone(), ..case }.run();
        let wanted = format!("500 failed 2, {}, took 0, stop", last.status());
        assert_eq!(*run.log.last().unwrap(), wanted);
        assert_eq!((run.took, run.waits), (500, vec![0, 500]));
        assert_eq!(run.end, end(Ending::Stopped(StopReason::Permanent), Some(last)));
    }
}

#[test]
fn a_success_that_a_rule_retries_is_no_success() {
    let rules = rule(Then::Retry, 0);
    let run = Case { rules, ..Case::new(&exact(), exits(&[0, 0, 0], 0)) }.run();
    assert_eq!((run.attempts(), run.exit()), (3, Exit::Code(1)));
}

#[test]
fn a_signal_during_a_wait_ends_the_wait_and_the_run() {
    let signal = Some((ms(1200), Signal::SIGTERM));
    let between = Case { signal, ..Case::new(&exact(), exits(&[1, 1, 0], 0)) }.run();
    assert_eq!(between.log.last().unwrap(), "1200 SIGTERM before 3 after 1200");
    assert_eq!((between.attempts(), between.took), (2, 1200));
    assert_eq!(between.end, end(Ending::Interrupted(Signal::SIGTERM), None));
    assert_eq!(between.exit(), Exit::Signal(Signal::SIGTERM));

    let policy = exact().initial_delay(ms(5000));
    let signal = Some((ms(100), Signal::SIGINT));
    let before_any = Case { signal, ..Case::new(&policy, Vec::new()) }.run();
    assert_eq!(before_any.log, ["100 SIGINT before 1 after 100"]);
    assert_eq!(before_any.exit(), Exit::Signal(Signal::SIGINT));
}

#[test]
fn a_signal_during_an_attempt_is_followed_by_no_other_one() {
    for (outcome, exit) in [
        (Exited(0), Exit::Code(0)),
        (Exited(3), Exit::Code(3)),
        (Outcome::Killed(Signal::SIGTERM), Exit::Signal(Signal::SIGHUP)),
        (timed_out(Limit::Timeout), Exit::Signal(Signal::SIGHUP)),
    ] {
        let last = Step { outcome: outcome.clone(), millis: 250, interrupted: Some(Signal::SIGHUP) };
        let run = run(&exact(), vec![step(Exited(1), 0), last]);
        assert_eq!(run.log.last().unwrap(), "750 SIGHUP during 2 after 750");
        assert_eq!(run.waits, [0, 500]);
        assert_eq!(run.end, end(Ending::Interrupted(Signal::SIGHUP), Some(outcome)));
        assert_eq!(run.exit(), exit);
    }
}

#[test]
fn without_a_limit_it_goes_on_and_the_delay_stays_at_the_cap() {
    let policy = exact().attempts(Attempts::Unlimited);
    let mut steps = exits(&[1].repeat(5000), 0);
    steps.extend(exits(&[0], 0));
    let run = run(&policy, steps);
    assert_eq!(run.end, succeeded(5000));
    assert_eq!(run.waits[1..6], [500, 2000, 8000, 32_000, 60_000]);
    assert!(run.waits[5..].iter().all(|&wait| wait == 60_000));
    assert_eq!(run.took, 42_500 + 4996 * 60_000);
}

#[test]
fn the_other_shapes_wait_what_they_say() {
    let list = vec![ms(500), ms(2000), ms(5000)];
    for (growth, waits) in [
        (Growth::Linear, [0, 500, 1000, 1500, 2000]),
        (Growth::Fibonacci, [0, 500, 500, 1000, 1500]),
        (Growth::Constant, [0, 500, 500, 500, 500]),
        (Growth::List(list), [0, 500, 2000, 5000, 5000]),
    ] {
        let policy = exact().attempts(5).growth(growth);
        assert_eq!(run(&policy, exits(&[1; 5], 0)).waits, waits, "{policy:?}");
    }
}

#[test]
fn the_exit_table_is_reached_through_the_loop() {
    let killed = Outcome::Killed;
    let deadline = exact().deadline(ms(1));
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
        let run = run(&policy, steps);
        assert_eq!(run.attempts(), outcomes.len(), "{outcomes:?}");
        assert_eq!(run.exit(), exit, "{outcomes:?}");
    }
    let flaky = run(&exact(), exits(&[1, 0], 0)).end.exit(Some(99));
    assert_eq!(flaky, Exit::Code(99));
}

/// A driver whose state is shared with others and cannot be used: each operation gives a warning.
struct Failing {
    outcomes: VecDeque<Outcome>,
    admission: Admission,
    refusal: Option<Refusal>,
    payment: Payment,
    /// A signal that comes while the shared state is asked.
    signal: Option<Signal>,
}

/// Its guard at work.
struct FailingGuard<'a> {
    driver: &'a Failing,
    observer: &'a mut dyn Observer<Outcome>,
}

impl FailingGuard<'_> {
    fn warn(&mut self, what: &str) {
        self.observer.event(&Event::Warning { what: what.to_owned() });
    }
}

impl Guard for FailingGuard<'_> {
    fn admit(&mut self) -> Admission {
        self.warn("admit");
        self.driver.admission
    }

    fn refusal(&mut self) -> Option<Refusal> {
        self.warn("refusal");
        self.driver.refusal
    }

    fn record(&mut self, _observation: Observation, _random: &mut Random) {
        self.warn("record");
    }

    fn pay(&mut self) -> Payment {
        self.warn("pay");
        self.driver.payment
    }

    fn deposit(&mut self) {
        self.warn("deposit");
    }
}

impl Driver for Failing {
    type Outcome = Outcome;

    fn attempt(&mut self, _number: u64, _: &mut dyn Observer<Outcome>) -> FinishedAttempt<Outcome> {
        let outcome = self.outcomes.pop_front().unwrap();
        FinishedAttempt { outcome, took: ms(0), abort: None, details: AttemptDetails::default() }
    }

    fn judge(&self, outcome: &Outcome) -> Verdict {
        judge(&Rules::default(), outcome)
    }

    fn guard<'a>(&'a mut self, observer: &'a mut dyn Observer<Outcome>) -> impl Guard + 'a {
        FailingGuard { driver: self, observer }
    }

    fn wait(&mut self, _delay: Duration, _: &mut dyn Observer<Outcome>) -> Waited {
        Waited::Elapsed
    }

    fn interrupted(&mut self, _: &mut dyn Observer<Outcome>) -> Option<Signal> {
        self.signal
    }

    fn elapsed(&self) -> Duration {
        ms(0)
    }
}

#[test]
fn a_signal_while_the_shared_state_is_asked_comes_before_the_attempt() {
    let signal = Some(Signal::SIGTERM);
    let mut driver = Failing {
        outcomes: VecDeque::new(),
        admission: Admission::Admitted,
        refusal: None,
        payment: Payment::Paid,
        signal,
    };
    let mut log = Vec::new();
    let ended = retry::run::run(
        &exact(),
        &mut driver,
        &mut Listening(|event: &Event<'_, Outcome>| log.push(told(event))),
    );
    assert_eq!(ended, end(Ending::Interrupted(Signal::SIGTERM), None));
    assert_eq!(log.last().unwrap(), "SIGTERM before 1 after 0");
}

#[test]
fn what_goes_wrong_with_what_is_shared_is_told_before_what_was_decided() {
    let open = |wait| Refusal { wait, cause: RefusalCause::Open };
    let (admitted, refused) = (Admission::Admitted, Admission::Refused(open(ms(1))));
    let empty = Payment::Empty { wait: ms(0) };
    for (codes, admission, refusal, payment, wanted) in [
        (&[][..], refused, None, Payment::Paid, &["admit", "refused"][..]),
        (&[0], admitted, None, Payment::Paid, &["admit", "starting", "record", "deposit", "succeeded"]),
        (
            &[1],
            admitted,
            Some(open(ms(1000))),
            Payment::Paid,
            &["admit", "starting", "record", "refusal", "failed"],
        ),
        (&[1], admitted, None, empty, &["admit", "starting", "record", "refusal", "pay", "failed"]),
        (
            &[1, 0],
            admitted,
            None,
            Payment::Paid,
            &[
                "admit",
                "starting",
                "record",
                "refusal",
                "pay",
                "failed",
                "admit",
                "starting",
                "record",
                "deposit",
                "succeeded",
            ],
        ),
    ] {
        let outcomes = codes.iter().map(|code| Exited(*code)).collect();
        let mut driver = Failing { outcomes, admission, refusal, payment, signal: None };
        let mut log = Vec::new();
        let mut observer = Listening(|event: &Event<'_, Outcome>| {
            log.push(match event {
                Event::Warning { what } => what.clone(),
                Event::Refused { .. } => "refused".to_owned(),
                Event::Starting { .. } => "starting".to_owned(),
                Event::Failed { .. } => "failed".to_owned(),
                Event::Succeeded { .. } => "succeeded".to_owned(),
                other => format!("{other:?}"),
            });
        });
        retry::run::run(&exact(), &mut driver, &mut observer);
        assert_eq!(log, wanted);
    }
}
