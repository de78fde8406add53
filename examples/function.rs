//! Retries a Rust function with the policy of the command line: `cargo run --example function`.

#![expect(clippy::disallowed_macros, reason = "what the library must not print, an example may")]

use retry::{Attempts, Backoff, Growth, Policy};
use std::{num::NonZeroU64, time::Duration};

/// Stands for a call to a server that is still starting.
async fn fetch(attempt: u64) -> Result<String, String> {
    println!("attempt {attempt}");
    if attempt < 3 { Err("connection refused".to_owned()) } else { Ok("hello".to_owned()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let policy = Policy {
        attempts: Attempts::AtMost(const { NonZeroU64::new(5).unwrap() }),
        backoff: Backoff {
            base: Duration::from_millis(100),
            growth: Growth::Exponential { factor: 2.0 },
            ..Backoff::default()
        },
        deadline: Some(Duration::from_secs(30)),
        ..Policy::default()
    };
    let answer = retry::retry(&policy, fetch).await?;
    println!("{answer}");
    Ok(())
}
