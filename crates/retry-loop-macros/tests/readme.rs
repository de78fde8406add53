//! The README's code, as it stands there.
#![allow(
    unused_variables,
    clippy::allow_attributes,
    clippy::disallowed_macros,
    clippy::items_after_statements,
    clippy::redundant_closure_for_method_calls,
    reason = "the README is written for its reader"
)]

use std::io::Error;
use std::time::Duration;

async fn http_get(url: &str) -> Result<String, Error> {
    tokio::task::yield_now().await;
    if url == "missing" { Err(std::io::ErrorKind::NotFound.into()) } else { Ok("{}".to_owned()) }
}

#[retry_loop::retry(attempts = 3, base = "500ms", factor = 4, jitter = "300ms")]
async fn call_api() -> Result<String, Error> {
    let response = http_get("https://api.example.com/status").await?;
    Ok(response)
}

mod busy {
    use std::time::Duration;

    #[derive(Debug)]
    pub struct Error;

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("busy")
        }
    }

    impl std::error::Error for Error {}

    impl Error {
        pub fn is_transient(&self) -> bool {
            matches!(self, Self)
        }

        pub fn retry_after(&self) -> Option<Duration> {
            (!self.is_transient()).then_some(Duration::ZERO)
        }
    }
}

struct Client;

impl Client {
    async fn get(&self, path: &str) -> Result<String, busy::Error> {
        fetch(2).await.map(|body| format!("{body} of {path}"))
    }
}

async fn fetch(attempt: u64) -> Result<String, busy::Error> {
    tokio::task::yield_now().await;
    if attempt < 2 { Err(busy::Error) } else { Ok("the body".to_owned()) }
}

#[rustfmt::skip]
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_programs_run() -> Result<(), Box<dyn std::error::Error>> {
    use busy::Error;
    let client = Client;
    // Beginning of the README's program.
    use retry_loop::{Policy, Retry as _};

    let policy = Policy::default().attempts(5).base(Duration::from_millis(200)).deadline(Duration::from_secs(30));

    // A future, with every option for errors.
    let body = (|| client.get("x"))
        .retry(&policy)
        .when(|e: &Error| e.is_transient())
        .delay_from(|e| e.retry_after())
        .notify(|failure| eprintln!("{failure}"))
        .await?;

    // Code that blocks, without a runtime.
    let text = (|| std::fs::read_to_string("Cargo.toml")).retry(&policy).call()?;

    // A closure that takes the attempt number (a `u64`), or whose future borrows from the closure.
    let body = retry_loop::retry(&policy, async |attempt| fetch(attempt).await).await?;
    // End of the README's program.
    assert_eq!((body.as_str(), text.contains("retry-loop")), ("the body", true));
    assert_eq!(call_api().await?, "{}");
    Ok(())
}

#[rustfmt::skip]
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_call_with_both_limits_ends() -> Result<(), Box<dyn std::error::Error>> {
    use retry_loop::{Policy, Retry as _};
    let client = Client;
    // Beginning of the README's program.
    // An attempt takes 2 s at most and none starts after 10 s, so the call ends within 12 s.
    let policy = Policy::default().attempts(8).deadline(Duration::from_secs(10));
    let body = (|| client.get("x")).retry(&policy).timeout(Duration::from_secs(2)).await?;
    // End of the README's program.
    assert_eq!(body, "the body of x");

    // The limit that the comment states.
    let started = tokio::time::Instant::now();
    let stuck = || std::future::pending::<Result<(), busy::Error>>();
    assert!(stuck.retry(&policy).timeout(Duration::from_secs(2)).await.is_err());
    assert!(started.elapsed() <= Duration::from_secs(12), "{:?}", started.elapsed());
    Ok(())
}

#[rustfmt::skip]
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_breaker_outside_the_call_is_shared() {
    use busy::Error;
    let client = Client;
    // Beginning of the README's program.
    use retry_loop::{Breaker, Policy, Retry as _, StopReason};
    use std::sync::LazyLock;

    /// Opens for 30 s after 5 failures in a row.
    static BREAKER: LazyLock<Breaker> = LazyLock::new(|| Breaker::new(5, Duration::from_secs(30)));

    async fn status(client: &Client) -> Result<String, retry_loop::Error<Error>> {
        (|| client.get("status")).retry(&Policy::default()).breaker(&BREAKER).await
    }

    match status(&client).await {
        Ok(body) => println!("{body}"),
        // `attempts` is 0 if the circuit was open from the start, and then `last` is `None`.
        Err(retry_loop::Error::GaveUp { reason: StopReason::CircuitOpen { wait, .. }, attempts, last, .. }) => {
            println!("refused for {wait:?} or less; {attempts} attempts made, the last one: {last:?}");
        }
        Err(error) => println!("{error}"),
    }
    // End of the README's program.
    let down = || std::future::ready(Err::<(), _>("down"));
    assert!(down.retry(&Policy::default().attempts(9)).breaker(&BREAKER).await.is_err());
    let refused = status(&client).await;
    assert!(
        matches!(
            refused,
            Err(retry_loop::Error::GaveUp {
                reason: StopReason::CircuitOpen { .. },
                attempts: 0,
                last: None,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[rustfmt::skip]
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_budget_is_shared_and_a_fallback_has_the_result() -> Result<(), Box<dyn std::error::Error>> {
    use retry_loop::StopReason;
    let client = Client;
    // Beginning of the README's program.
    use retry_loop::{Budget, Policy, Retry as _};
    use std::sync::LazyLock;

    /// At most 20 retries at once. Each success pays for a tenth of a retry, and one more is added every minute.
    static BUDGET: LazyLock<Budget> = LazyLock::new(|| Budget::new(20, 0.1));

    let policy = Policy::default();
    let body = (|| client.get("x"))
        .retry(&policy)
        .budget(&BUDGET)
        .fallback(async |error| {
            eprintln!("{error}");
            Ok("from the cache".to_owned())
        })
        .await?;

    let text = (|| std::fs::read_to_string("settings.toml"))
        .retry(&policy)
        .fallback(|_| Ok("color = true".to_owned()))
        .call()?;
    // End of the README's program.
    assert_eq!((body.as_str(), text.as_str()), ("the body of x", "color = true"));
    let down = || std::future::ready(Err::<(), _>("down"));
    let refused = down.retry(&Policy::default().attempts(99).base(Duration::ZERO)).budget(&BUDGET).await;
    let Err(retry_loop::Error::GaveUp { reason: StopReason::BudgetEmpty, attempts: 21, .. }) = refused else {
        panic!("{refused:?}")
    };
    Ok(())
}

#[rustfmt::skip]
mod own_error {
    use super::http_get;

    // Beginning of the README's program.
    use retry_loop::{NoLastError, Policy, Retry as _};

    #[derive(Debug)]
    enum FetchError {
        Io(std::io::Error),
        GaveUp(NoLastError),
    }

    impl From<NoLastError> for FetchError {
        fn from(error: NoLastError) -> Self {
            Self::GaveUp(error)
        }
    }

    async fn fetch_patiently(path: &str) -> Result<String, FetchError> {
        let fetch = || async { http_get(path).await.map_err(FetchError::Io) };
        fetch.retry(&Policy::default()).await.map_err(retry_loop::Error::into_cause)
    }
    // End of the README's program.

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_function_returns_its_own_error() {
        assert!(matches!(fetch_patiently("x").await.as_deref(), Ok("{}")));
        let missing = fetch_patiently("missing").await;
        assert!(matches!(&missing, Err(FetchError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound), "{missing:?}");
        let call = (|| std::future::pending::<Result<(), FetchError>>()).retry(&Policy::default().attempts(1));
        let error = call.timeout(std::time::Duration::from_secs(1)).await.map_err(retry_loop::Error::into_cause);
        assert!(matches!(&error, Err(FetchError::GaveUp(e)) if e.to_string() == "timed out after 1s"), "{error:?}");
    }
}

/// The other errors that the README names: each is made from an error of the operation and from `NoLastError`.
#[test]
fn common_errors_are_returned_as_they_are() {
    use retry_loop::{Error, NoLastError, Policy, Retry as _};
    fn causes<E: From<NoLastError> + std::fmt::Display>(make: impl Fn() -> E) -> [String; 2] {
        [Policy::default().attempts(1), Policy::default().attempts(0)].map(|policy| {
            match (|| Err::<(), _>(make())).retry(&policy).call().map_err(Error::into_cause) {
                Ok(()) => unreachable!("the operation fails"),
                Err(error) => error.to_string(),
            }
        })
    }
    let expected =
        ["down".to_owned(), "invalid retry policy: the number of attempts must be 1 or more".to_owned()];
    assert_eq!(causes(|| "down".to_owned()), expected);
    assert_eq!(causes(|| std::io::Error::other("down")), expected);
    assert_eq!(causes(|| Box::<dyn std::error::Error + Send + Sync>::from("down")), expected);
}

#[rustfmt::skip]
mod virtual_time {
    use std::time::Duration;

    // Beginning of the README's program.
    use retry_loop::{Jitter, Policy, Retry as _, VirtualSleeper};

    #[test]
    fn the_third_attempt_is_made_after_two_and_a_half_seconds() {
        let clock = VirtualSleeper::new();
        let mut attempts = 0;
        let operation = || {
            attempts += 1;
            if attempts < 3 { Err("down") } else { Ok("up") }
        };
        let policy = Policy::default().jitter(Jitter::None).deadline(Duration::from_secs(30));
        assert_eq!(operation.retry(&policy).sleep_with(clock.clone()).call(), Ok("up"));
        assert_eq!(clock.elapsed(), Duration::from_millis(2500));
    }
    // End of the README's program.
}

/// Compares with the blanks at the beginning of lines taken away.
#[test]
fn the_readme_has_these_programs() {
    let unindented = |text: &str| text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
    let this = unindented(include_str!("readme.rs"));
    let readme = include_str!("../../retry-loop/README.md");
    let blocks: Vec<&str> =
        readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 8);
    let examples = [
        include_str!("../../retry-loop/examples/decorator.rs"),
        include_str!("../../retry-loop/examples/function.rs"),
    ];
    for block in blocks {
        if block.contains("fn main()") {
            assert!(examples.iter().any(|example| example.ends_with(block)), "{block}");
            continue;
        }
        let block = unindented(&block.replace("use std::time::Duration;\n", ""));
        assert!(this.contains(block.trim_end()), "{block}");
    }
}
