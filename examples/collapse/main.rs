//! Shows what a retry budget and a circuit breaker are for: a spike of ten seconds, and whether the
//! service comes back. `cargo run --release --example collapse`
//!
//! The first table is ten runs of 8 400 clients, the second one run of a million, with a server that is
//! as many times stronger. `tests/collapse.rs` asserts what is shown here.

#![expect(clippy::disallowed_macros, reason = "an example prints")]

mod model;

use model::{Outcome, Sharing, Strategy, run};

fn main() {
    println!("40 requests/s, 80 from 20 s to 30 s; goodput from 100 s to 200 s.\n");
    table(1.0, 10);
    println!();
    table(120.0, 1);
}

fn table(scale: f64, seeds: u64) {
    let strategies = [
        ("no retries", 1, Sharing::Absent, Sharing::Absent),
        ("3 attempts", 3, Sharing::Absent, Sharing::Absent),
        ("3 attempts, a budget for each process", 3, Sharing::Alone, Sharing::Absent),
        ("3 attempts, a breaker for each process", 3, Sharing::Absent, Sharing::Alone),
        ("3 attempts, a shared budget", 3, Sharing::Shared, Sharing::Absent),
        ("3 attempts, a shared breaker", 3, Sharing::Absent, Sharing::Shared),
        ("3 attempts, both shared", 3, Sharing::Shared, Sharing::Shared),
    ];
    println!("{:<40} {:>9} {:>8} {:>9} {:>14}", "", "clients", "goodput", "recovered", "requests each");
    for (name, attempts, budget, breaker) in strategies {
        let strategy = Strategy { attempts, budget, breaker };
        let runs: Vec<Outcome> = (0..seeds).map(|seed| run(strategy, scale, seed)).collect();
        let mean = |value: fn(&Outcome) -> f64| runs.iter().map(value).sum::<f64>() / runs.len() as f64;
        let recovered = runs.iter().filter(|run| run.goodput >= 0.95).count();
        println!(
            "{name:<40} {:>9} {:>7.1}% {:>6}/{:<2} {:>14.2}",
            runs[0].clients,
            mean(|run| run.goodput) * 100.0,
            recovered,
            runs.len(),
            mean(|run| run.amplification),
        );
    }
}
