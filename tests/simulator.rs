//! The delays of `Backoff` in the contention experiment of Marc Brooker's "Exponential Backoff And
//! Jitter" (AWS Architecture Blog, 2015), whose simulator is aws-samples/aws-arch-backoff-simulator.
//!
//! The model: a server holds one row with a version. Each client reads the version over the network
//! and then writes with the version it read; the write wins only if the version is still current, else
//! the client backs off and starts again with the read. All clients start at time 0 and stop when they
//! have won once. Each hop takes |N(10, 2)| ms. Counted are the writes until all have won, and the time
//! when the last answer arrives.
//!
//! The reference numbers are what that simulator itself gives: means of 300 simulations, cut to whole
//! numbers. Here each mean is of 100, and may differ from the reference by four standard errors (of a
//! difference of two such means) and by the 1 that cutting takes away. The standard deviations at 20 and
//! 100 clients come from 200 simulations of the original; at the other points the one seen here stands
//! in. Its backoff is min(2000, 5 * 2^n) for the nth failure, which is 10 * 2^(n-1): base 10 and factor
//! 2 here. Its decorrelated jitter starts at 5.
#![expect(clippy::disallowed_macros, reason = "the table is for whoever runs this with --nocapture")]

use retry_loop::backoff::BackoffState;
use retry_loop::backoff::{Backoff, Growth, Jitter};
use retry_loop::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

/// Simulations for each point.
const RUNS: u64 = 100;

/// A reference point: clients, the mean time in ms, and the mean number of writes.
type Point = (usize, f64, f64);

/// A strategy with its reference points. `spread` is the standard deviation of one simulation (time,
/// writes) at the point with this many clients.
struct Strategy {
    name: &'static str,
    backoff: Backoff,
    points: [Point; 4],
    spread: [(usize, f64, f64); 2],
}

fn backoff(base: u64, growth: Growth, jitter: Jitter) -> Backoff {
    let max_delay = Some(Duration::from_secs(2));
    Backoff { base: Duration::from_millis(base), growth, max_delay, jitter }
}

fn exponential(jitter: Jitter) -> Backoff {
    backoff(10, Growth::Exponential { factor: 2.0 }, jitter)
}

fn without_jitter() -> Strategy {
    Strategy {
        name: "exponential",
        backoff: exponential(Jitter::None),
        points: [(10, 3436., 50.), (20, 14687., 151.), (50, 36176., 623.), (100, 63086., 1855.)],
        spread: [(20, 3070., 14.9), (100, 3922., 60.8)],
    }
}

fn decorrelated() -> Strategy {
    Strategy {
        name: "decorrelated",
        backoff: backoff(5, Growth::Exponential { factor: 2.0 }, Jitter::Decorrelated),
        points: [(10, 432., 37.), (20, 824., 101.), (50, 2198., 374.), (100, 4540., 1001.)],
        spread: [(20, 188., 5.2), (100, 631., 26.9)],
    }
}

fn equal() -> Strategy {
    Strategy {
        name: "equal",
        backoff: exponential(Jitter::Equal),
        points: [(10, 728., 42.), (20, 1668., 108.), (50, 4263., 347.), (100, 6624., 812.)],
        spread: [(20, 445., 3.9), (100, 656., 7.6)],
    }
}

fn full() -> Strategy {
    Strategy {
        name: "full",
        backoff: exponential(Jitter::Full),
        points: [(10, 463., 38.), (20, 993., 99.), (50, 2927., 332.), (100, 4891., 796.)],
        spread: [(20, 244., 3.5), (100, 621., 7.5)],
    }
}

fn no_delay() -> Strategy {
    Strategy {
        name: "none",
        backoff: backoff(0, Growth::Constant, Jitter::None),
        points: [(10, 382., 50.), (20, 598., 151.), (50, 1135., 689.), (100, 2029., 2421.)],
        spread: [(20, 56., 12.8), (100, 46., 32.8)],
    }
}

/// One way over the network, in ms.
fn hop(random: &mut Random) -> f64 {
    // Box-Muller; 1 - u is in (0, 1], so its logarithm is finite.
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * random.unit()).cos();
    (10.0 + 2.0 * normal).abs()
}

/// What arrives at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Read,
    Write { version: u64 },
}

/// The requests under way, the earliest first. Times are in ms; all are positive and finite, and the
/// bits of such floats sort as the floats do.
#[derive(Default)]
struct Network(BinaryHeap<Reverse<(u64, usize, Request)>>);

impl Network {
    fn send(&mut self, arrives: f64, client: usize, request: Request) {
        self.0.push(Reverse((arrives.to_bits(), client, request)));
    }

    fn receive(&mut self) -> Option<(f64, usize, Request)> {
        self.0.pop().map(|Reverse((time, client, request))| (f64::from_bits(time), client, request))
    }
}

/// The time in ms until the last client has its answer, and the number of writes.
fn simulate(backoff: &Backoff, clients: usize, random: &mut Random) -> (f64, u64) {
    let mut network = Network::default();
    let mut delays = vec![BackoffState::default(); clients];
    let (mut current, mut writes, mut end) = (0, 0, 0.0_f64);
    for client in 0..clients {
        network.send(hop(random), client, Request::Read);
    }
    while let Some((now, client, request)) = network.receive() {
        // The client reacts at once, so its answer and its next request are two hops.
        let answered = now + hop(random);
        match request {
            Request::Read => {
                network.send(answered + hop(random), client, Request::Write { version: current });
            }
            Request::Write { version } => {
                writes += 1;
                if version == current {
                    current += 1;
                    end = end.max(answered);
                } else {
                    let delay = delays[client].next(backoff, random).as_secs_f64() * 1000.0;
                    network.send(answered + delay + hop(random), client, Request::Read);
                }
            }
        }
    }
    assert_eq!(current, clients as u64, "every client wins exactly once");
    (end, writes)
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// Compares the means at every point with the reference.
fn check(strategy: &Strategy) {
    let mut table = format!("{:14}{:>8}{:>18}{:>18}\n", strategy.name, "clients", "time, ms", "writes");
    let mut wrong = Vec::new();
    let standard_error = (1.0 / RUNS as f64 + 1.0 / 300.0).sqrt();
    for (clients, time, writes) in strategy.points {
        let mut random = Random::seeded(clients as u64);
        let runs: Vec<(f64, u64)> =
            (0..RUNS).map(|_| simulate(&strategy.backoff, clients, &mut random)).collect();
        let times: Vec<f64> = runs.iter().map(|run| run.0).collect();
        let counts: Vec<f64> = runs.iter().map(|run| run.1 as f64).collect();
        let known = strategy.spread.iter().find(|spread| spread.0 == clients);
        let pairs = [(&times, time, known.map(|k| k.1)), (&counts, writes, known.map(|k| k.2))];
        let _infallible = write!(table, "{:22}", format!("{:14}{clients:>8}", ""));
        for (seen, wanted, known) in pairs {
            let (mean, spread) = moments(seen);
            let tolerance = 4.0 * known.unwrap_or(spread) * standard_error + 1.0;
            let _infallible = write!(table, "{mean:>10.0} ({wanted:>5})");
            if (mean - wanted).abs() > tolerance {
                wrong.push(format!("{clients} clients: {mean:.1} is not {wanted} +- {tolerance:.1}"));
            }
        }
        table.push('\n');
    }
    println!("{table}(in parentheses: the reference)");
    assert!(wrong.is_empty(), "{}: {wrong:?}\n{table}", strategy.name);
}

#[test]
fn exponential_without_jitter() {
    check(&without_jitter());
}

#[test]
fn decorrelated_jitter() {
    check(&decorrelated());
}

#[test]
fn equal_jitter() {
    check(&equal());
}

#[test]
fn full_jitter() {
    check(&full());
}

#[test]
fn no_delay_at_all() {
    check(&no_delay());
}

/// What the article concludes, and what the help says of the jitters.
#[test]
fn full_jitter_makes_the_fewest_calls_and_decorrelated_is_the_fastest_with_a_delay() {
    let means = |strategy: &Strategy| {
        let mut random = Random::seeded(3);
        let runs: Vec<(f64, u64)> = (0..30).map(|_| simulate(&strategy.backoff, 100, &mut random)).collect();
        let (times, writes): (Vec<f64>, Vec<f64>) = runs.iter().map(|run| (run.0, run.1 as f64)).unzip();
        (moments(&times).0, moments(&writes).0)
    };
    let [exponential, decorrelated, equal, full, none] =
        [without_jitter(), decorrelated(), equal(), full(), no_delay()].map(|strategy| means(&strategy));
    let writes = [full.1, equal.1, decorrelated.1, exponential.1, none.1];
    assert!(writes.is_sorted(), "{writes:?}");
    let times = [none.0, decorrelated.0, full.0, equal.0, exponential.0];
    assert!(times.is_sorted(), "{times:?}");
}
