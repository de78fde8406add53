//! How many decisions per second a state directory gives, and how long one takes, with one name and with many.
//!
//! ```sh
//! cargo run --release --example state_load -- [DIRECTORY]
//! ```
//!
//! Each thread is a process as far as the locks are concerned: it opens the record for each decision, as a run does.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a measurement has a clock and prints"
)]

use retry::core::shared::Name;
use retry::state::file::FileStore;
use retry::state::operation::{Admit, RecordResult};
use retry::state::record_key::{RecordKey, RecordKind};
use retry::state::timeout::{StoreTimeout, TIMEOUT_PER_ATTEMPT};
use retry_loop::circuit::{BreakerSettings, Observation, Ticket, Trip};
use retry_loop::random::Random;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

const SPAN: Duration = Duration::from_secs(1);
const DEFAULT_LEASE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
enum Decision {
    Admit,
    /// Counted, and so written, but it never opens the circuit.
    Failure,
}

/// The time of each decision, and how many could not be made within 200 ms.
fn decide(
    directory: &Path,
    name: &str,
    decision: Decision,
    start: &Barrier,
    stop: &AtomicBool,
) -> (Vec<Duration>, usize) {
    let mut store = FileStore::shared(directory.to_owned());
    let key = RecordKey::new(&Name::new(name), RecordKind::Breaker);
    let settings = BreakerSettings { trip: Trip::in_a_row(NonZeroU32::MAX), ..BreakerSettings::default() };
    let mut random = Random::seeded(1);
    let (mut times, mut failed) = (Vec::new(), 0);
    start.wait();
    while !stop.load(Ordering::Relaxed) {
        let (begun, timeout) = (Instant::now(), StoreTimeout::start(TIMEOUT_PER_ATTEMPT));
        let made = match decision {
            Decision::Admit => store.execute(&key, &mut Admit { lease: DEFAULT_LEASE }, timeout).is_ok(),
            Decision::Failure => {
                let (ticket, result) = (Ticket::of(0), Observation::Failure);
                let mut record = RecordResult { ticket, result, settings: &settings, random: &mut random };
                store.execute(&key, &mut record, timeout).is_ok()
            }
        };
        if made {
            times.push(begun.elapsed());
        } else {
            failed += 1;
        }
    }
    (times, failed)
}

fn give_up(error: &std::io::Error) -> ! {
    eprintln!("state_load: cannot start a thread: {error}");
    std::process::exit(1)
}

fn main() -> std::io::Result<()> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("| | threads | decisions/s | median us | 99 % | 99.9 % | not within 200 ms |");
    println!("|---|---|---|---|---|---|---|");
    for (what, decision, is_shared) in [
        ("admit, a name each", Decision::Admit, false),
        ("admit, one name", Decision::Admit, true),
        ("failure, a name each", Decision::Failure, false),
        ("failure, one name", Decision::Failure, true),
    ] {
        for threads in [1, 16, 256, 4000] {
            let directory = parent.join(format!("retry-state-load-{}", std::process::id()));
            std::fs::create_dir(&directory)?;
            // The threads and this one.
            let (start, stop, mut wall) = (Barrier::new(threads + 1), AtomicBool::new(false), Duration::ZERO);
            let results: Vec<_> = std::thread::scope(|scope| {
                let run = |index: usize| {
                    let name = if is_shared { "one".to_owned() } else { index.to_string() };
                    let (directory, start, stop) = (&directory, &start, &stop);
                    let thread = std::thread::Builder::new().stack_size(256 * 1024);
                    thread
                        .spawn_scoped(scope, move || decide(directory, &name, decision, start, stop))
                        // The others would wait for it at the barrier.
                        .unwrap_or_else(|error| give_up(&error))
                };
                let running: Vec<_> = (0..threads).map(run).collect();
                // Before the barrier: this thread may be the last one that the system wakes.
                let begun = Instant::now();
                start.wait();
                std::thread::sleep(SPAN);
                stop.store(true, Ordering::Relaxed);
                let results = running.into_iter().map(ScopedJoinHandle::join).collect();
                // More than the span where the system has no time for some threads.
                wall = begun.elapsed();
                results
            });
            let (mut times, mut failed) = (Vec::new(), 0);
            for result in results {
                let (some, not) = result.map_err(|_| std::io::Error::other("a thread panicked"))?;
                times.extend(some);
                failed += not;
            }
            times.sort_unstable();
            let at =
                |part: f64| times.get((times.len() as f64 * part) as usize).map_or(0, Duration::as_micros);
            let rate = times.len() as f64 / wall.as_secs_f64();
            println!(
                "| {what} | {threads} | {rate:.0} | {} | {} | {} | {failed} |",
                at(0.5),
                at(0.99),
                at(0.999)
            );
            std::fs::remove_dir_all(&directory)?;
        }
    }
    Ok(())
}
