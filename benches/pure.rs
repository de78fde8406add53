//! The pure parts, which run between attempts: the next delay and the verdict. `cargo bench`

use divan::{Bencher, black_box};
use retry::core::condition::Condition;
use retry::core::outcome::{Outcome, Survivors};
use retry::core::output::Seen;
use retry::core::rules::{Evidence, Rule, Rules, Then};
use retry::core::signal::Signal;
use retry_loop::backoff::{Backoff, BackoffState, Growth, Jitter};
use retry_loop::random::Random;
use std::time::Duration;

fn main() {
    divan::main();
}

const JITTERS: [(&str, Jitter); 7] = [
    ("none", Jitter::None),
    ("additive", Jitter::Additive(Duration::from_millis(300))),
    ("symmetric", Jitter::Symmetric(Duration::from_millis(300))),
    ("ratio", Jitter::Ratio(0.2)),
    ("full", Jitter::Full),
    ("equal", Jitter::Equal),
    ("decorrelated", Jitter::Decorrelated),
];

/// The tenth delay: by then every shape that grows has met its cap.
fn tenth_delay(bencher: Bencher, backoff: &Backoff) {
    let mut random = Random::seeded(1);
    bencher
        .with_inputs(|| {
            let mut delays = BackoffState::default();
            for _ in 1..10 {
                delays.next(backoff, &mut random);
            }
            (delays, Random::seeded(2))
        })
        .bench_local_values(|(mut delays, mut random)| delays.next(backoff, black_box(&mut random)));
}

#[divan::bench(args = JITTERS.map(|(name, _)| name))]
fn delay_by_jitter(bencher: Bencher, name: &str) {
    let jitter = JITTERS.iter().find(|(other, _)| *other == name).map(|&(_, jitter)| jitter);
    tenth_delay(bencher, &Backoff { jitter: jitter.expect("a name of the table"), ..Backoff::default() });
}

#[divan::bench(args = ["exponential", "linear", "fibonacci", "constant", "list"])]
fn delay_by_growth(bencher: Bencher, name: &str) {
    let growth = match name {
        "linear" => Growth::Linear,
        "fibonacci" => Growth::Fibonacci,
        "constant" => Growth::Constant,
        "list" => Growth::List(vec![Duration::from_secs(1); 3]),
        _ => Growth::Exponential { factor: 4.0 },
    };
    tenth_delay(bencher, &Backoff { growth, ..Backoff::default() });
}

/// Fibonacci is the only shape whose cost grows with the number of failures; it stops at 1500.
#[divan::bench(args = [10, 1_500, u64::MAX])]
fn fibonacci_after(bencher: Bencher, failures: u64) {
    let backoff = Backoff { growth: Growth::Fibonacci, ..Backoff::default() };
    bencher.bench(|| backoff.backoff(black_box(failures)));
}

fn rules(then: Then, conditions: impl IntoIterator<Item = Condition>) -> impl Iterator<Item = Rule> {
    conditions.into_iter().map(move |condition| Rule::on_outcome(then, "rule", condition))
}

fn judge(bencher: Bencher, rules: &Rules, code: u32) {
    let (outcome, seen) = (Outcome::Exited(code), Seen::default());
    let evidence = Evidence { outcome: &outcome, seen: &seen, survivors: &Survivors::None };
    bencher.bench(|| rules.judge(black_box(&evidence)));
}

#[divan::bench]
fn verdict_without_rules(bencher: Bencher) {
    judge(bencher, &Rules::default(), 1);
}

#[divan::bench(args = [0, 1, 139])]
fn verdict_with_rules(bencher: Bencher, code: u32) {
    let retry = rules(Then::Retry, [Condition::Code(7), Condition::Codes(100, 200), Condition::Timeout]);
    let segfault = Condition::Signal(Signal::SIGSEGV);
    let stop = rules(Then::Stop, [Condition::Code(2), Condition::Codes(64, 78), segfault]);
    judge(bencher, &Rules::new(retry.chain(stop)), code);
}

/// The worst case: a hundred conditions, and none that matches.
#[divan::bench]
fn verdict_with_a_hundred_conditions(bencher: Bencher) {
    judge(bencher, &Rules::new(rules(Then::Retry, (100..200).map(Condition::Code))), 1);
}
