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

async fn http_get(_: &str) -> Result<String, Error> {
    tokio::task::yield_now().await;
    Ok("{}".to_owned())
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

    // A future, with all that can be said about its errors.
    let body = (|| client.get("x"))
        .retry(&policy)
        .when(|e: &Error| e.is_transient())
        .delay_from(|e| e.retry_after())
        .notify(|failure| eprintln!("{failure}"))
        .await?;

    // Code that blocks, without a runtime.
    let text = (|| std::fs::read_to_string("Cargo.toml")).retry(&policy).call()?;

    // A closure that wants the attempt's number, or whose future borrows from it.
    let body = retry_loop::retry(&policy, async |attempt| fetch(attempt).await).await?;
    // End of the README's program.
    assert_eq!((body.as_str(), text.contains("retry-loop")), ("the body", true));
    assert_eq!(call_api().await?, "{}");
    Ok(())
}

/// Compares with the blanks at the beginning of lines taken away.
#[test]
fn the_readme_has_these_programs() {
    let unindented = |text: &str| text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
    let this = unindented(include_str!("readme.rs"));
    let readme = include_str!("../../retry-loop/README.md");
    let blocks: Vec<&str> =
        readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let block = unindented(&block.replace("use std::time::Duration;\n", ""));
        assert!(this.contains(block.trim_end()), "{block}");
    }
}
