//! A closure that is called again when it fails: `cargo run -p retry-loop --example function`.
#![expect(clippy::disallowed_macros, reason = "what the library must not print, an example may")]

use retry_loop::{Policy, Retry as _};
use std::time::Duration;

/// Stands in for a client of a server that is still starting.
struct Client {
    started: tokio::time::Instant,
}

impl Client {
    async fn get(&self, path: &str) -> Result<String, std::io::Error> {
        tokio::task::yield_now().await;
        match self.started.elapsed() {
            early if early < Duration::from_millis(250) => Err(std::io::ErrorKind::ConnectionRefused.into()),
            _ => Ok(format!("the body of {path}")),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client { started: tokio::time::Instant::now() };
    let policy =
        Policy::default().attempts(5).base(Duration::from_millis(100)).deadline(Duration::from_secs(30));
    let body = (|| client.get("/status"))
        .retry(&policy)
        .when(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
        .notify(|failure| println!("{failure}"))
        .await?;
    println!("{body}");
    Ok(())
}
