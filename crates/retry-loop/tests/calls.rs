//! Calls of functions, in the virtual time of tokio's paused clock.
#![expect(clippy::disallowed_methods, reason = "a test sleeps on a paused clock, and times a thread")]

use retry_loop::{
    AttemptError, Attempts, Breaker, BreakerState, Budget, Error, Jitter, Policy, PolicyError, RefusalCause,
    Retry as _, StopReason, VirtualSleeper,
};
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The default policy without jitter: 500, 2000, 8000, ...
fn exact() -> Policy {
    Policy::default().jitter(Jitter::None)
}

fn last<T, E>(result: Result<T, Error<E>>) -> Option<E> {
    result.err().and_then(Error::into_last)
}

/// Three attempts, half a second and two seconds apart, each delay with up to 0.3 s more: what the
/// default policy promises.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn three_attempts_take_two_and_a_half_seconds_and_a_random_part() {
    let mut totals = Vec::new();
    for _ in 0..300 {
        let (started, mut starts) = (Instant::now(), Vec::new());
        let failed = retry_loop::retry(&Policy::default(), async |attempt| {
            starts.push(started.elapsed().as_secs_f64());
            Err::<(), _>(format!("error {attempt}"))
        })
        .await;
        let total = started.elapsed().as_secs_f64();
        assert_eq!(last(failed), Some("error 3".to_owned()), "the error of the last attempt");
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
    let answer = retry_loop::retry(&Policy::default(), async |attempt| {
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
    let answer = retry_loop::retry(&Policy::default(), async |attempt| Ok::<_, ()>(attempt)).await;
    assert_eq!((answer, started.elapsed()), (Ok(1), Duration::ZERO));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_attempt_is_enough_where_no_more_are_allowed() {
    let started = Instant::now();
    let policy = exact().attempts(1);
    let failed = retry_loop::retry(&policy, async |attempt| Err::<(), _>(attempt)).await;
    assert_eq!((last(failed), started.elapsed()), (Some(1), Duration::ZERO));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_deadline_and_the_time_of_the_calls_count() {
    let started = Instant::now();
    let policy = exact().attempts(Attempts::Unlimited).deadline(ms(4000));
    let failed = retry_loop::retry(&policy, async |attempt| {
        sleep(ms(700)).await;
        Err::<(), _>(attempt)
    })
    .await;
    // 0.7 s, 0.5 s, 0.7 s, 2 s, 0.7 s: past the deadline, and not cut short by it.
    assert_eq!((last(failed), started.elapsed()), (Some(3), ms(4600)));
}

/// For a task of its own, on a runtime of any flavour.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn it_can_be_spawned() {
    let task = tokio::spawn(async {
        let policy = exact();
        retry_loop::retry(&policy, async |attempt| {
            sleep(ms(1)).await;
            if attempt == 2 { Ok(attempt) } else { Err(()) }
        })
        .await
    });
    assert_eq!(task.await.unwrap(), Ok(2));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn too_few_successes_in_a_row_are_an_error_without_a_cause() {
    let policy = exact().consecutive(2);
    let answer = retry_loop::retry(&policy, async |n| if n < 3 { Err(n) } else { Ok(n) }).await;
    let Err(Error::GaveUp { reason, attempts, last, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((reason, attempts, last), (StopReason::AttemptsExhausted, 3, None));
    let answer = retry_loop::retry(&policy.attempts(4), async |n| if n < 3 { Err(n) } else { Ok(n) }).await;
    assert_eq!(answer, Ok(4));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_policy_that_makes_no_sense_is_an_error_and_nothing_is_called() {
    for (policy, error) in [
        (exact().attempts(0), PolicyError::NoAttempts),
        (exact().consecutive(0), PolicyError::NoConsecutive),
        (exact().factor(f64::NAN), PolicyError::Factor),
        (exact().factor(0.0), PolicyError::Factor),
        (exact().factor(f64::INFINITY), PolicyError::Factor),
        (exact().jitter(Jitter::Ratio(1.5)), PolicyError::Ratio),
        (exact().jitter(Jitter::Ratio(f64::NAN)), PolicyError::Ratio),
        (exact().deadline(Duration::ZERO), PolicyError::Deadline),
    ] {
        assert_eq!(policy.check(), Err(error));
        let never = || -> Result<(), std::io::Error> { panic!("it is called") };
        let failed = never.retry(&policy).call().unwrap_err();
        assert!(matches!(failed, Error::InvalidPolicy(found) if found == error), "{failed:?}");
        let failed = (|| async { never() }).retry(&policy).await.unwrap_err();
        assert_eq!(failed.to_string(), format!("invalid retry policy: {error}"));
        assert_eq!(failed.into_cause().kind(), std::io::ErrorKind::InvalidInput);
    }
    let hurried = (|| async { Ok::<_, ()>(()) }).retry(&exact()).timeout(Duration::ZERO).await;
    assert_eq!(hurried, Err(Error::InvalidPolicy(PolicyError::Timeout)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn only_what_may_be_cured_is_tried_again() {
    let calls = Cell::new(0);
    let answer = (|| async { Err::<(), _>(calls.replace(calls.get() + 1)) })
        .retry(&exact().attempts(9))
        .when(|error| *error < 2)
        .await;
    let Err(Error::GaveUp { reason, attempts, last, elapsed, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((reason, attempts, elapsed), (StopReason::Permanent, 3, ms(2500)));
    assert_eq!(last, Some(AttemptError::Failed(2)));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn each_failure_is_told_with_what_follows_it() {
    let told = RefCell::new(Vec::new());
    let started = Instant::now();
    let answer = (async || {
        sleep(ms(10)).await;
        Err::<(), _>("connection refused")
    })
    .retry(&exact().deadline(ms(2000)))
    .notify(|failure| {
        assert_eq!(failure.elapsed, started.elapsed());
        told.borrow_mut().push((failure.attempt, failure.took, failure.next, failure.to_string()));
    })
    .await;
    let told = told.into_inner();
    let late = StopReason::Deadline { delay: ms(2000) };
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].0, told[0].1, told[0].2), (1, ms(10), Ok(ms(500))));
    assert_eq!(told[0].3, "attempt 1 failed after 10ms: connection refused. Retrying in 500ms");
    assert_eq!(told[1].2, Err(late));
    let text = "attempt 2 failed after 10ms: connection refused. Giving up after 520ms: the delay of 2s would exceed the deadline";
    assert_eq!(told[1].3, text);
    assert_eq!(
        answer.unwrap_err().to_string(),
        "connection refused (gave up after 2 attempts: the delay of 2s would exceed the deadline)"
    );
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_server_is_waited_for_as_long_as_it_asks_and_no_longer_than_allowed() {
    let started = Instant::now();
    let calls = Cell::new(0);
    let answer = (|| async { if calls.replace(1) == 0 { Err(20) } else { Ok(()) } })
        .retry(&exact())
        .delay_from(|seconds| Some(Duration::from_secs(*seconds)))
        .await;
    assert_eq!(answer, Ok(()));
    assert!((20.0..22.1).contains(&started.elapsed().as_secs_f64()), "{:?}", started.elapsed());
    let started = Instant::now();
    let answer = (|| async { Err::<(), _>(121) })
        .retry(&exact())
        .delay_from(|seconds| Some(Duration::from_secs(*seconds)))
        .await;
    let Err(Error::GaveUp { reason, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(reason, StopReason::RetryAfterTooLong(Duration::from_secs(121)));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_made_again() {
    struct Dropped<'a>(&'a Cell<u32>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let (calls, dropped, started) = (Cell::new(0), Cell::new(0), Instant::now());
    let answer = (|| {
        calls.set(calls.get() + 1);
        // The last attempt is gone before the next one begins.
        assert_eq!(dropped.get() + 1, calls.get());
        let (guard, slow) = (Dropped(&dropped), calls.get() < 3);
        async move {
            let _guard = guard;
            sleep(if slow { ms(60_000) } else { ms(999) }).await;
            Ok::<_, std::io::Error>(7)
        }
    })
    .retry(&exact())
    .timeout(ms(1000))
    .await;
    assert_eq!(answer.unwrap(), 7);
    assert_eq!(started.elapsed(), ms(1000 + 500 + 1000 + 2000 + 999));
    let late = (|| async {
        sleep(ms(60_000)).await;
        Ok::<(), std::io::Error>(())
    })
    .retry(&exact())
    .timeout(ms(1500))
    .await
    .unwrap_err();
    assert!(late.last().is_none());
    assert_eq!(late.to_string(), "timed out after 1.5s (gave up after 3 attempts)");
    assert_eq!(late.into_cause().kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_fallback_has_the_last_word() {
    let failing = || async { Err::<u32, _>("down") };
    let cached = failing.retry(&exact()).fallback(async |error| {
        assert_eq!(error.last(), Some(&"down"));
        sleep(ms(5)).await;
        Ok(42)
    });
    assert_eq!(cached.await, Ok(42));
    let nothing = failing.retry(&exact()).fallback(async |error| Err(error)).await;
    assert_eq!(last(nothing), Some("down"));
    let unused = (|| async { Ok::<_, ()>(1) }).retry(&exact()).fallback(async |_| panic!("it is run"));
    assert_eq!(unused.await, Ok(1));
    let once = exact().attempts(1);
    assert_eq!((|| Err::<u32, _>("down")).retry(&once).fallback(|_| Ok(42)).call(), Ok(42));
    assert_eq!(last((|| Err::<u32, _>("down")).retry(&once).fallback(Err).call()), Some("down"));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_breaker_is_shared_by_its_clones() {
    let breaker = Breaker::new(4, Duration::from_secs(30));
    let calls = Cell::new(0);
    let down = || async { Err::<(), _>(calls.replace(calls.get() + 1)) };
    // Three attempts, and one more: the circuit opens, and the second call gives up at once.
    assert!(down.retry(&exact()).breaker(&breaker).await.is_err());
    let answer = down.retry(&exact()).breaker(&breaker.clone()).await;
    let Err(Error::GaveUp { reason, attempts, elapsed, .. }) = answer else { panic!("{answer:?}") };
    assert!(matches!(reason, StopReason::CircuitOpen { .. }), "{reason:?}");
    assert_eq!((attempts, calls.get()), (1, 4));
    assert_eq!(elapsed, Duration::ZERO, "nothing is waited for a circuit that will refuse");
    assert_eq!(breaker.state(), BreakerState::Open);
    // Nobody calls now: not even a first attempt.
    let refused = down.retry(&exact()).breaker(&breaker).await.unwrap_err();
    assert!(refused.to_string().starts_with("the circuit is open for another "), "{refused}");
    assert_eq!((refused.last(), calls.get()), (None, 4));
    // A probe that is dropped in the middle is given back at once, and the next one may probe.
    sleep(ms(30_001)).await;
    let hanging = || std::future::pending::<Result<(), u32>>();
    let probe = hanging.retry(&exact()).breaker(&breaker).into_future();
    assert!(tokio::time::timeout(ms(1), probe).await.is_err());
    assert_eq!((|| async { Ok::<_, ()>(1) }).retry(&exact()).breaker(&breaker).await, Ok(1));
    assert_eq!(breaker.state(), BreakerState::Closed { failures: 0 });
    // What no other attempt cures says nothing about the service.
    for _ in 0..9 {
        let permanent = down.retry(&exact()).when(|_| false).breaker(&breaker).await;
        assert!(permanent.is_err());
    }
    assert_eq!(breaker.state(), BreakerState::Closed { failures: 0 });
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_breaker_may_look_at_a_rate_and_forget() {
    let once = exact().attempts(1);
    let end = |breaker: &Breaker, good| {
        let (once, breaker) = (once.clone(), breaker.clone());
        async move {
            // A slow success is a success.
            let call = || async {
                sleep(ms(900)).await;
                if good { Ok(()) } else { Err("down") }
            };
            let _ = call.retry(&once).breaker(&breaker).await;
            breaker.state() == BreakerState::Open
        }
    };
    // Two failures of three: never three in a row, but more than half.
    let (by_count, by_rate) = (Breaker::new(3, ms(30_000)), Breaker::default().rate(0.5, 10));
    for n in 1..=10 {
        assert!(!end(&by_count, n % 3 == 0).await);
        assert_eq!(end(&by_rate, n % 3 == 0).await, n == 10);
    }
    let forgetful = Breaker::new(3, ms(30_000)).window(ms(10_000));
    for _ in 0..9 {
        assert!(!end(&forgetful, false).await);
        sleep(ms(5000)).await;
    }
    assert!(!end(&forgetful, false).await);
    assert!(end(&forgetful, false).await);
    let slow = Breaker::default().rate(0.001, 1).window(ms(1000));
    for _ in 0..20 {
        assert!(!end(&slow, true).await);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_budget_pays_for_retries_and_never_for_first_attempts() {
    let budget = Budget::new(3, 0.5);
    let calls = Cell::new(0);
    let down = || async { Err::<(), _>(calls.replace(calls.get() + 1)) };
    let at_once = exact().base(Duration::ZERO);
    for (made, reason) in [
        (3, StopReason::AttemptsExhausted),
        (2, StopReason::BudgetEmpty),
        (1, StopReason::BudgetEmpty),
        (1, StopReason::BudgetEmpty),
    ] {
        let before = calls.get();
        let answer = down.retry(&at_once).budget(&budget.clone()).await;
        let Err(Error::GaveUp { reason: found, attempts, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!((attempts, found, calls.get() - before), (made, reason, made));
    }
    for _ in 0..2 {
        assert_eq!((|| Ok::<_, ()>(1)).retry(&at_once).budget(&budget).call(), Ok(1));
    }
    let answer = down.retry(&at_once).budget(&budget).await;
    assert!(matches!(answer, Err(Error::GaveUp { attempts: 2, .. })), "two successes pay for one retry");
}

/// They stand in the types that a program prints with `{:?}`.
#[test]
fn calls_and_their_futures_can_be_printed() {
    let call = (|| std::future::ready(Ok::<_, ()>(1))).retry(&exact());
    assert_eq!(format!("{call:?}"), "Retrying { .. }");
    assert_eq!(format!("{:?}", call.into_future()), "RetryFuture { .. }");
}

#[test]
fn a_thread_sleeps_in_between() {
    let (started, calls) = (std::time::Instant::now(), Cell::new(0));
    let policy = exact().base(ms(20)).factor(2.0);
    let answer = (|| if calls.replace(calls.get() + 1) < 2 { Err("no") } else { Ok(calls.get()) })
        .retry(&policy)
        .call();
    assert_eq!(answer, Ok(3));
    assert!(started.elapsed() >= ms(60), "{:?}", started.elapsed());
}

/// Any future that ends after a time will do; and a clock of one's own.
#[test]
fn a_sleeper_of_ones_own_with_its_own_clock() {
    struct Virtual(Cell<Duration>);
    impl retry_loop::Sleeper for &Virtual {
        type Sleep = std::future::Ready<()>;
        fn sleep(&self, duration: Duration) -> Self::Sleep {
            self.0.set(self.0.get() + duration);
            std::future::ready(())
        }
        fn now(&self) -> Duration {
            self.0.get()
        }
    }
    let time = Virtual(Cell::new(ms(77)));
    let answer = pollster::block_on(
        (|| async { Err::<(), _>(()) }).retry(&exact().attempts(4)).sleep_with(&time).into_future(),
    );
    let Err(Error::GaveUp { elapsed, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((elapsed, time.0.get()), (ms(10_500), ms(10_577)));
    let slept = Cell::new(0);
    let count = |_| {
        slept.set(slept.get() + 1);
        std::future::ready(())
    };
    let answer = pollster::block_on((async |n| Err::<(), _>(n)).retry(&exact()).sleep_with(count).call());
    assert_eq!((last(answer), slept.get()), (Some(3), 2));
}

/// Deadline, breaker and timeout count on the virtual clock, for blocking and async calls alike.
#[test]
fn a_virtual_clock_shows_what_was_slept() {
    let clock = VirtualSleeper::new();
    let policy = exact().attempts(9).deadline(ms(5000));
    let result = (|| Err::<(), _>("down")).retry(&policy).sleep_with(clock.clone()).call();
    let too_late = StopReason::Deadline { delay: ms(8000) };
    assert!(
        matches!(result, Err(Error::GaveUp { reason, attempts: 3, elapsed, .. }) if reason == too_late && elapsed == ms(2500)),
        "{result:?}"
    );
    assert_eq!(clock.elapsed(), ms(2500));

    // One breaker for a blocking call and an async one.
    let breaker = Breaker::new(1, ms(60_000));
    let down = || Err::<(), _>("down");
    assert!(down.retry(&policy).breaker(&breaker).sleep_with(clock.clone()).call().is_err());
    let up = || async { Ok::<_, &str>("up") };
    let call =
        || pollster::block_on(up.retry(&policy).breaker(&breaker).sleep_with(clock.clone()).into_future());
    clock.advance(ms(59_999));
    let refused = StopReason::CircuitOpen { wait: ms(1), cause: RefusalCause::Open };
    assert!(matches!(call(), Err(Error::GaveUp { reason, .. }) if reason == refused));
    clock.advance(ms(1));
    assert_eq!(call(), Ok("up"));
    assert_eq!(clock.elapsed(), ms(62_500));

    // The limit of an attempt that ends in time takes no time; that of one which does not end takes all of it.
    let limited = up.retry(&policy).timeout(ms(700)).sleep_with(clock.clone());
    assert_eq!(pollster::block_on(limited.into_future()), Ok("up"));
    assert_eq!(clock.elapsed(), ms(62_500));
    let stuck = || std::future::pending::<Result<(), &str>>();
    let limited = stuck.retry(&exact().attempts(1)).timeout(ms(700)).sleep_with(clock.clone());
    let result = pollster::block_on(limited.into_future());
    assert!(matches!(result, Err(Error::GaveUp { last: Some(AttemptError::TimedOut(_)), .. })), "{result:?}");
    assert_eq!(clock.elapsed(), ms(63_200));
}
