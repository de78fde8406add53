//! A function that is called again when it fails: `cargo run -p retry-loop --features macros --example decorator`.
#![expect(clippy::disallowed_macros, reason = "what the library must not print, an example may")]

use std::sync::atomic::{AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);

/// Three attempts in all, 0.1 s and 0.4 s apart, each delay with up to 0.3 s more.
#[retry_loop::retry(attempts = 3, base = "100ms", factor = 4, notify = |failure| println!("{failure}"))]
async fn call_api(path: &str) -> Result<String, String> {
    match CALLS.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => Err("connection refused".to_owned()),
        _ => Ok(format!("the body of {path}")),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    println!("{}", call_api("/status").await?);
    Ok(())
}
