//! The four ways to make a call agree: on the attempts, the delays, what is told about failures, and the end.

use proptest::prelude::*;
use retry_loop::{BlockingSleeper, Error, Failure, Growth, Jitter, Policy, Retry as _, Sleeper, StopReason};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How an attempt ends, and the time that it takes.
#[derive(Debug, Clone)]
struct Scripted {
    result: Result<u32, Failed>,
    took: Duration,
}

#[derive(Debug, Clone, PartialEq)]
struct Failed {
    permanent: bool,
    retry_after: Option<Duration>,
}

/// What a failure's notification says: the number, the time taken, the time since the start, and what follows.
type Told = (u64, Duration, Duration, Result<Duration, StopReason>);

/// The start of each call on the clock.
const START: Duration = Duration::from_secs(1000);

/// What can be seen of a call from outside.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The start of each attempt.
    attempts: Vec<Duration>,
    slept: Vec<Duration>,
    told: Vec<Told>,
    result: Result<u32, Error<Failed>>,
}

/// A clock that only the script and the sleeper move, with what happens during a call.
struct World {
    script: Vec<Scripted>,
    now: Cell<Duration>,
    attempts: RefCell<Vec<Duration>>,
    slept: RefCell<Vec<Duration>>,
    told: RefCell<Vec<Told>>,
}

impl World {
    /// Makes the next attempt; after the end of the script it fails.
    fn attempt(&self) -> Result<u32, Failed> {
        let number = self.attempts.borrow().len();
        self.attempts.borrow_mut().push(self.now.get());
        let failed = Err(Failed { permanent: false, retry_after: None });
        let end = Scripted { result: failed, took: Duration::ZERO };
        let Scripted { result, took } = self.script.get(number).cloned().unwrap_or(end);
        self.now.set(self.now.get() + took);
        result
    }

    fn pass(&self, duration: Duration) {
        self.slept.borrow_mut().push(duration);
        self.now.set(self.now.get() + duration);
    }

    fn tell(&self, failure: &Failure<'_, Failed>) {
        self.told.borrow_mut().push((failure.attempt, failure.took, failure.elapsed, failure.next));
    }
}

impl Sleeper for &World {
    type Sleep = std::future::Ready<()>;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.pass(duration);
        std::future::ready(())
    }

    fn now(&self) -> Duration {
        self.now.get()
    }
}

impl BlockingSleeper for &World {
    fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }

    fn now(&self) -> Duration {
        self.now.get()
    }
}

fn see(script: &[Scripted], call: impl FnOnce(&World) -> Result<u32, Error<Failed>>) -> Seen {
    let world = World {
        script: script.to_vec(),
        now: Cell::new(START),
        attempts: RefCell::default(),
        slept: RefCell::default(),
        told: RefCell::default(),
    };
    let result = call(&world);
    let World { attempts, slept, told, .. } = world;
    Seen { attempts: attempts.into_inner(), slept: slept.into_inner(), told: told.into_inner(), result }
}

fn worth_another(failed: &Failed) -> bool {
    !failed.permanent
}

fn retry_after(failed: &Failed) -> Option<Duration> {
    failed.retry_after
}

fn all_forms(script: &[Scripted], policy: &Policy) -> [Seen; 4] {
    let blocking = see(script, |world| {
        (|| world.attempt())
            .retry(policy)
            .when(worth_another)
            .delay_from(retry_after)
            .notify(|failure| world.tell(failure))
            .sleep_with(world)
            .call()
    });
    let future = see(script, |world| {
        let call = (|| async { world.attempt() })
            .retry(policy)
            .when(worth_another)
            .delay_from(retry_after)
            .notify(|failure| world.tell(failure))
            .sleep_with(world);
        pollster::block_on(call.into_future())
    });
    let lending = see(script, |world| {
        let mut number = 0;
        let call = (async |attempt| {
            number += 1;
            assert_eq!(attempt, number);
            world.attempt()
        })
        .retry(policy)
        .when(worth_another)
        .delay_from(retry_after)
        .notify(|failure| world.tell(failure))
        .sleep_with(world);
        pollster::block_on(call.call())
    });
    let stateful = see(script, |world| {
        let call = retry_loop::retry_with_state(policy, 0, async |calls: u64, attempt| {
            assert_eq!(attempt, calls + 1);
            (attempt, world.attempt())
        });
        let call = call
            .when(worth_another)
            .delay_from(retry_after)
            .notify(|failure| world.tell(failure))
            .sleep_with(world);
        let (calls, result) = pollster::block_on(call.call());
        assert_eq!(calls as usize, world.attempts.borrow().len());
        result
    });
    [blocking, future, lending, stateful]
}

fn duration(longest: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), 0..=longest].prop_map(Duration::from_millis)
}

fn policies() -> impl Strategy<Value = Policy> {
    let growth = prop_oneof![
        (0.5..4.0_f64).prop_map(|factor| Growth::Exponential { factor }),
        Just(Growth::Linear),
        Just(Growth::Fibonacci),
        Just(Growth::Constant),
        prop::collection::vec(duration(9000), 0..4).prop_map(Growth::List),
    ];
    let jitter = prop_oneof![
        Just(Jitter::None),
        duration(500).prop_map(Jitter::Additive),
        duration(500).prop_map(Jitter::Symmetric),
        (0.0..=1.0).prop_map(Jitter::Ratio),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
    ];
    let limits = (0..7_u64, 0..4_u64, prop::option::of(duration(60_000)), prop::option::of(duration(3000)));
    (growth, jitter, duration(4000), limits, duration(2000), duration(2000), any::<u64>()).prop_map(
        |(growth, jitter, base, (attempts, consecutive, deadline, reset_after), initial, stagger, seed)| {
            let mut policy = Policy::default()
                .attempts(attempts)
                .consecutive(consecutive)
                .growth(growth)
                .jitter(jitter)
                .base(base)
                .initial_delay(initial)
                .stagger(stagger)
                .max_retry_after(Duration::from_secs(5))
                .seed(seed);
            policy.deadline = deadline;
            policy.reset_after = reset_after;
            policy
        },
    )
}

fn scripts() -> impl Strategy<Value = Vec<Scripted>> {
    let failed = (prop::bool::weighted(0.1), prop::option::of(duration(6000)))
        .prop_map(|(permanent, retry_after)| Failed { permanent, retry_after });
    let result = prop_oneof![1 => any::<u32>().prop_map(Ok), 2 => failed.prop_map(Err)];
    let scripted = (result, duration(4000)).prop_map(|(result, took)| Scripted { result, took });
    prop::collection::vec(scripted, 0..8)
}

proptest! {
    #[test]
    fn the_four_forms_of_a_call_agree(script in scripts(), policy in policies()) {
        let [blocking, future, lending, stateful] = all_forms(&script, &policy);
        prop_assert_eq!(&blocking, &future);
        prop_assert_eq!(&blocking, &lending);
        prop_assert_eq!(&blocking, &stateful);

        // What holds for every call, whatever the script.
        let Seen { attempts, slept, told, result } = blocking;
        if let Err(Error::InvalidPolicy(error)) = &result {
            prop_assert_eq!(policy.check(), Err(*error));
            prop_assert!(attempts.is_empty() && slept.is_empty() && told.is_empty());
            return Ok(());
        }
        prop_assert_eq!(policy.check(), Ok(()));
        prop_assert!(policy.attempts.allow(attempts.len() as u64));
        let deadline = policy.deadline.unwrap_or(Duration::MAX);
        // Without a wait before it, the first attempt is made however short the deadline is.
        prop_assert!(attempts.iter().all(|&at| at == START || at.saturating_sub(START) < deadline));
        // Of the failures only the last one may be followed by nothing.
        let ends: Vec<_> = told.iter().filter_map(|&(number, .., next)| Some((number, next.err()?))).collect();
        match result {
            Ok(_) => prop_assert!(ends.is_empty()),
            Err(Error::GaveUp { reason, attempts: made, last, .. }) => {
                prop_assert_eq!(made, attempts.len() as u64);
                if !ends.is_empty() {
                    prop_assert_eq!(ends, vec![(made, reason)]);
                    prop_assert!(last.is_some());
                }
            }
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }

    #[test]
    fn delays_are_what_a_call_waits(mut policy in policies()) {
        policy.attempts = policy.attempts.limit().unwrap_or(0).max(1).into();
        policy.consecutive = 1;
        policy.deadline = None;
        policy.reset_after = None;
        let mut delays: Vec<_> = policy.delays().collect();
        prop_assert_eq!(policy.delays().size_hint(), (delays.len(), Some(delays.len())));
        let seen = see(&[], |world| (|| world.attempt()).retry(&policy).sleep_with(world).call());
        prop_assert_eq!(seen.attempts.len(), delays.len() + 1);
        // The wait before the first attempt is none between attempts.
        let first = seen.attempts[0].saturating_sub(START);
        if !first.is_zero() {
            delays.insert(0, first);
        }
        prop_assert_eq!(seen.slept, delays);
    }
}

#[test]
fn delays_without_a_limit_never_end() {
    let policy = Policy::default().attempts(retry_loop::Attempts::Unlimited).jitter(Jitter::None);
    let delays = policy.delays();
    assert_eq!(delays.size_hint(), (usize::MAX, None));
    assert_eq!(delays.clone().nth(1_000_000), Some(Duration::from_secs(60)));
    assert_eq!(Policy::default().attempts(1).delays().next(), None);
}
