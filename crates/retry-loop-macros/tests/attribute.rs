//! The attribute.
#![expect(clippy::disallowed_methods, reason = "a test sleeps on a paused clock")]

use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, PartialEq)]
enum Failure {
    Busy,
    Forbidden,
}

impl Failure {
    fn is_transient(&self) -> bool {
        *self == Self::Busy
    }

    fn retry_after(&self) -> Option<Duration> {
        self.is_transient().then_some(Duration::from_secs(20))
    }
}

#[retry_loop::retry(attempts = 4, base = "1s", factor = 2, max_delay = "3s", jitter = "none")]
async fn counted(calls: &Cell<u32>, good: u32) -> Result<u32, String> {
    calls.set(calls.get() + 1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    if calls.get() < good { Err(format!("error {}", calls.get())) } else { Ok(calls.get()) }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_async_function_is_called_again() {
    let (calls, begun) = (Cell::new(0), Instant::now());
    assert_eq!(counted(&calls, 3).await, Ok(3));
    assert_eq!(begun.elapsed(), Duration::from_millis(3030));
    let (calls, begun) = (Cell::new(0), Instant::now());
    assert_eq!(counted(&calls, 9).await, Err("error 4".to_owned()), "the error of the last attempt");
    assert_eq!(begun.elapsed(), Duration::from_millis(6040));
}

#[retry_loop::retry(attempts = 3, base = "1ms", jitter = "none")]
fn blocking(calls: &mut u32) -> std::io::Result<u32> {
    *calls += 1;
    if *calls < 3 {
        return Err(std::io::ErrorKind::TimedOut.into());
    }
    let parsed: u32 = "3".parse().map_err(std::io::Error::other)?;
    Ok(parsed)
}

#[test]
fn a_function_that_blocks_is_called_again() {
    let mut calls = 0;
    assert_eq!(blocking(&mut calls).unwrap(), 3);
    assert_eq!(calls, 3);
}

#[retry_loop::retry(when = Failure::is_transient, delay_from = Failure::retry_after, deadline = "1h", jitter = "full",
    notify = |failure| SEEN.with(|seen| seen.set(seen.get() + failure.attempt)))]
async fn judged(failures: &[fn() -> Failure], calls: &Cell<usize>) -> Result<(), Failure> {
    calls.set(calls.get() + 1);
    failures.get(calls.get() - 1).map_or(Ok(()), |failure| Err(failure()))
}

thread_local! {
    static SEEN: Cell<u64> = const { Cell::new(0) };
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn errors_are_judged_say_how_long_to_wait_and_are_told() {
    let begun = Instant::now();
    assert_eq!(judged(&[|| Failure::Busy], &Cell::new(0)).await, Ok(()));
    assert!((20.0..=22.1).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert_eq!(SEEN.get(), 1);
    let calls = Cell::new(0);
    assert_eq!(judged(&[|| Failure::Forbidden], &calls).await, Err(Failure::Forbidden));
    assert_eq!(calls.get(), 1);
}

#[retry_loop::retry]
async fn by_default(calls: &Cell<u32>) -> Result<(), u32> {
    Err(calls.replace(calls.get() + 1))
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_arguments_it_is_the_default_policy() {
    let (calls, begun) = (Cell::new(0), Instant::now());
    assert_eq!(by_default(&calls).await, Err(2));
    assert!((2.5..=3.102).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
}

struct Service {
    good: bool,
}

impl Service {
    /// A method, generic, with a lifetime and a `mut` argument.
    #[retry_loop::retry(attempts = 2, base = "1ms")]
    pub async fn echo<'a, T: Clone + Sync>(
        &self,
        values: &'a [T],
        mut times: usize,
    ) -> Result<Vec<&'a T>, Failure> {
        times += 1;
        if !self.good {
            return Err(Failure::Busy);
        }
        Ok(values.iter().take(times).collect())
    }

    /// Lends `&mut self` to each attempt.
    #[retry_loop::retry(base = "1ms", jitter = "none")]
    async fn repair(&mut self) -> Result<bool, Failure> {
        tokio::task::yield_now().await;
        if std::mem::replace(&mut self.good, true) { Ok(true) } else { Err(Failure::Busy) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_can_be_spawned() {
    let answer = tokio::spawn(async {
        let service = Service { good: true };
        service.echo(&[1, 2, 3], 1).await.map(|values| values.len())
    });
    assert_eq!(answer.await.unwrap(), Ok(2));
    let repaired = tokio::spawn(async { Service { good: false }.repair().await });
    assert_eq!(repaired.await.unwrap(), Ok(true));
    assert_eq!(Service { good: false }.echo(&[1], 1).await, Err(Failure::Busy));
}
