//! A function that is called again when it fails: `cargo run -p retry-loop --features macros --example decorator`.
#![expect(
    clippy::disallowed_macros,
    clippy::unused_async,
    reason = "an example prints, and its request is none"
)]

use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering};

/// Stands in for a request that fails twice and then succeeds.
async fn http_get(url: &str) -> Result<String, Error> {
    static REQUESTS: AtomicU32 = AtomicU32::new(0);
    match REQUESTS.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Err(ErrorKind::ConnectionRefused.into()),
        _ => Ok(format!("the body of {url}")),
    }
}

#[retry_loop::retry(attempts = 3, base = "500ms", factor = 4, jitter = "300ms")]
async fn call_api() -> Result<String, Error> {
    let response = http_get("https://api.example.com/status").await?;
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("{}", call_api().await?);
    Ok(())
}
