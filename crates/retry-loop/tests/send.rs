//! Programs that have to compile: futures are `Send` where what they hold is, so that they can be spawned; and what is
//! not `Send` can be awaited.
#![expect(clippy::disallowed_methods, reason = "a test waits for what must not happen")]

use retry_loop::{Breaker, Budget, Error, Policy, Retry as _};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, PartialEq)]
struct Failed;

#[derive(Debug)]
struct Client {
    name: String,
}

type BoxedFuture<'a> = Pin<Box<dyn Future<Output = Result<usize, Error<Failed>>> + Send + 'a>>;

async fn free() -> Result<usize, Failed> {
    Ok(1)
}

impl Client {
    async fn get(&self, path: &str) -> Result<usize, Failed> {
        tokio::task::yield_now().await;
        Ok(self.name.len() + path.len())
    }

    /// A method with `&self`, whose future borrows it.
    async fn get_patiently(&self, path: &str) -> Result<usize, Error<Failed>> {
        (|| self.get(path)).retry(&Policy::default()).await
    }

    /// The same in a box, as a trait object returns it.
    fn get_boxed<'a>(&'a self, path: &'a str) -> BoxedFuture<'a> {
        Box::pin((|| self.get(path)).retry(&Policy::default()).into_future())
    }

    /// Lends `&mut self` to each attempt.
    async fn get_mut(&mut self) -> Result<usize, Failed> {
        self.name.push('x');
        tokio::task::yield_now().await;
        if self.name.len() < 3 { Err(Failed) } else { Ok(self.name.len()) }
    }
}

/// A trait of the program, with a future that is `Send`.
trait Service {
    fn fetch(&self, path: &str) -> impl Future<Output = Result<usize, Error<Failed>>> + Send;
}

impl Service for Client {
    async fn fetch(&self, path: &str) -> Result<usize, Error<Failed>> {
        (|| self.get(path)).retry(&Policy::default()).await
    }
}

/// The same as a trait object, as the crate async-trait writes it.
trait DynService: Send + Sync {
    fn fetch<'a>(&'a self, path: &'a str) -> BoxedFuture<'a>;
}

impl DynService for Client {
    fn fetch<'a>(&'a self, path: &'a str) -> BoxedFuture<'a> {
        Box::pin(async move { (async || self.get(path).await).retry(&Policy::default()).await })
    }
}

fn client() -> Client {
    Client { name: String::new() }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_and_closures_are_spawned() {
    let spawned = [
        tokio::spawn(free.retry(&Policy::default()).into_future()),
        tokio::spawn((|| async { Ok::<usize, Failed>(1) }).retry(&Policy::default()).into_future()),
        tokio::spawn((async || Ok::<usize, Failed>(1)).retry(&Policy::default()).into_future()),
        tokio::spawn((|| std::future::ready(Ok::<usize, Failed>(1))).retry(&Policy::default()).into_future()),
    ];
    for task in spawned {
        assert_eq!(task.await.unwrap(), Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closures_that_borrow_are_spawned() {
    let client = Arc::new(client());
    let owned = Arc::clone(&client);
    // The policy, the client and the path live in the task, and the closures borrow them.
    let task = tokio::spawn(async move {
        let (policy, path) = (Policy::default(), "x".to_owned());
        (|| owned.get(&path)).retry(&policy).await
    });
    assert_eq!(task.await.unwrap(), Ok(1));
    let owned = Arc::clone(&client);
    let task = tokio::spawn(async move { owned.get_patiently("xy").await });
    assert_eq!(task.await.unwrap(), Ok(2));
    let owned = Arc::clone(&client);
    let task = tokio::spawn(async move { owned.get_boxed("xyz").await });
    assert_eq!(task.await.unwrap(), Ok(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_of_traits_are_spawned() {
    let task = tokio::spawn(async { Service::fetch(&client(), "x").await });
    assert_eq!(task.await.unwrap(), Ok(1));
    let service: Arc<dyn DynService> = Arc::new(client());
    let task = tokio::spawn(async move { (|| service.fetch("x")).retry(&Policy::default()).await.is_ok() });
    assert!(task.await.unwrap());
}

/// Nothing here keeps a call from moving between threads, or from being shared.
#[test]
fn values_are_send_and_sync() {
    fn both<T: Send + Sync + 'static>() {}
    fn unpin<T: Unpin>(_: T) {}
    let ready = |_| std::future::ready(());
    both::<Policy>();
    both::<retry_loop::Delays>();
    both::<Breaker>();
    both::<Budget>();
    both::<Error<Failed>>();
    both::<retry_loop::StopReason>();
    both::<retry_loop::NoLastError>();
    both::<retry_loop::TokioSleeper>();
    both::<retry_loop::VirtualSleeper>();
    let call = is_send(free.retry(&Policy::default()));
    drop(is_send(call.into_future()));
    // In a set of tasks, futures are moved before they are polled.
    unpin(
        (|| std::future::ready(Ok::<_, Failed>(1))).retry(&Policy::default()).sleep_with(ready).into_future(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_move_blocks_are_spawned() {
    let client = Arc::new(client());
    let call = move || {
        let client = Arc::clone(&client);
        async move { client.get("x").await }
    };
    assert_eq!(tokio::spawn(call.retry(&Policy::default()).into_future()).await.unwrap(), Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_can_be_said_about_a_call_is_sent_along() {
    let (breaker, budget) = (Breaker::default(), Budget::default());
    let (sender, receiver) = std::sync::mpsc::channel();
    let task = tokio::spawn(async move {
        let client = client();
        (|| client.get("x"))
            .retry(&Policy::default().base(Duration::ZERO))
            .when(|error: &Failed| *error == Failed)
            .delay_from(|_| None)
            .notify(|failure| sender.send(failure.attempt).unwrap())
            .timeout(Duration::from_secs(60))
            .breaker(&breaker)
            .budget(&budget)
            .fallback(|error| async { Err(error) })
            .await
    });
    assert_eq!(task.await.unwrap(), Ok(1));
    assert_eq!(receiver.iter().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_that_need_a_state_of_their_own_are_spawned() {
    let policy = Policy::default().base(Duration::ZERO).jitter(retry_loop::Jitter::None);
    let call = retry_loop::retry_with_state(&policy, client(), async |mut client, _| {
        let answer = client.get_mut().await;
        (client, answer)
    });
    let task = tokio::spawn(call.call());
    let (client, answer) = task.await.unwrap();
    assert_eq!((answer, client.name), (Ok(3), "xxx".to_owned()));
    // A mutable reference is a state as well, and the options are those of any call.
    let task = tokio::spawn(async move {
        let mut client = self::client();
        let call = retry_loop::retry_with_state(&policy, &mut client, async |client: &mut Client, _| {
            let answer = client.get_mut().await;
            (client, answer)
        });
        let call = call
            .when(|error| *error == Failed)
            .delay_from(|_| None)
            .notify(|failure| assert!(failure.attempt < 3))
            .breaker(&Breaker::default())
            .budget(&Budget::default())
            .fallback(|error| async { Err(error) });
        let (client, answer) = call.call().await;
        client.name.push('!');
        (answer, client.name.clone())
    });
    assert_eq!(task.await.unwrap(), (Ok(3), "xxx!".to_owned()));
}

#[tokio::test(flavor = "current_thread")]
async fn closures_that_lend_their_state_are_awaited() {
    let policy = Policy::default().base(Duration::ZERO).jitter(retry_loop::Jitter::None);
    let mut client = client();
    let answer = retry_loop::retry(&policy, async |_| client.get_mut().await).await;
    assert_eq!((answer, client.name.as_str()), (Ok(3), "xxx"));
    client.name.clear();
    let failures = Cell::new(0);
    let answer = (async |_| client.get_mut().await)
        .retry(&policy)
        .when(|error| *error == Failed)
        .delay_from(|_| None)
        .notify(|failure| failures.set(failure.attempt))
        .timeout(Duration::from_secs(60))
        .breaker(&Breaker::default())
        .budget(&Budget::default())
        .fallback(|error| async { Err(error) })
        .call()
        .await;
    assert_eq!((answer, client.name.as_str(), failures.get()), (Ok(3), "xxx", 2));
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_not_send_is_awaited_where_it_is() {
    let calls = Rc::new(Cell::new(0));
    let answer = (|| {
        let calls = Rc::clone(&calls);
        async move {
            calls.set(calls.get() + 1);
            Ok::<_, Failed>(calls.get())
        }
    })
    .retry(&Policy::default())
    .await;
    assert_eq!(answer, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_can_be_joined_and_selected() {
    let policy = Policy::default();
    let future = is_send(free.retry(&policy).into_future());
    tokio::pin!(future);
    let answer = tokio::select! {
        answer = &mut future => answer,
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("too late"),
    };
    assert_eq!(answer, Ok(1));
    let (one, other) = tokio::join!(free.retry(&policy).into_future(), free.retry(&policy).into_future());
    assert_eq!((one, other), (Ok(1), Ok(1)));
}

/// The compiler forgets the lifetime in such an error when it looks whether a task is `Send`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fallback_for_an_error_that_is_a_reference_is_spawned() {
    type Answer = Result<&'static str, &'static str>;
    let answer = || async { Answer::Err("down") };
    let task = tokio::spawn(async move {
        let policy = Policy::default().attempts(1);
        answer.retry(&policy).fallback(|_| async { Ok("cached") }).await
    });
    assert_eq!(task.await.unwrap(), Ok("cached"));
    let task = tokio::spawn(async move {
        let policy = Policy::default().attempts(1);
        answer.retry(&policy).fallback(async |error| Err(error)).await
    });
    assert_eq!(task.await.unwrap().unwrap_err().into_last(), Some("down"));
    let task = tokio::spawn(async move {
        let policy = Policy::default().attempts(1);
        let call = retry_loop::retry_with_state(&policy, 7, async |state, _| (state, Answer::Err("down")));
        call.fallback(|_| async { Ok("cached") }).call().await
    });
    assert_eq!(task.await.unwrap(), (7, Ok("cached")));
    // This closure captures nothing by mutable reference, so its call can be spawned.
    let task = tokio::spawn(async move {
        let call = (async |_| Answer::Err("down")).retry(&Policy::default().attempts(1));
        call.fallback(|_| async { Ok("cached") }).call().await
    });
    assert_eq!(task.await.unwrap(), Ok("cached"));
}
