//! Without tokio: any future that ends after a time will do. Here it is futures-timer's, whose timer has a thread of
//! its own: `cargo run -p retry-loop --no-default-features --example any_runtime`.
#![expect(clippy::disallowed_macros, reason = "what the library must not print, an example may")]

use futures_timer::Delay;
use retry_loop::{Policy, Retry as _};
use std::time::Duration;

fn main() {
    let policy = Policy::default().base(Duration::from_millis(50));
    let mut calls = 0;
    let answer = pollster::block_on(async {
        (|| {
            calls += 1;
            let answer = if calls < 3 { Err("not yet") } else { Ok(calls) };
            async move { answer }
        })
        .retry(&policy)
        .notify(|failure| println!("{failure}"))
        .sleep_with(Delay::new)
        .await
    });
    println!("{answer:?}");
}
