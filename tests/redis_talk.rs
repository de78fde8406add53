//! How much a run talks with a Redis server: connections, round trips and writes, as the server counts them.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use common::command::Scratch;
use redis::{Client, Connection};
use shared_state::server::Server;

/// What the server did for one run.
#[derive(Debug, PartialEq, Eq)]
struct Talk {
    connections: u64,
    /// Commands from outside; retry sends the next one when it has the reply to the last.
    round_trips: u64,
    writes: u64,
}

struct Counted {
    server: Server,
    direct: Connection,
}

impl Counted {
    fn start(what: &str) -> Option<Self> {
        let server = Server::start(what, &[])?;
        let direct = Client::open(server.url()).unwrap().get_connection().unwrap();
        Some(Self { server, direct })
    }

    fn info(&mut self, section: &str) -> String {
        redis::cmd("INFO").arg(section).query(&mut self.direct).unwrap()
    }

    /// Runs `retry OPTIONS` with a command whose attempts end with these statuses.
    fn talk(&mut self, options: &str, statuses: &str, expected: i32) -> Talk {
        let scratch = Scratch::new();
        let command = scratch.ends(statuses);
        let options = format!("--base 0.001 --retries 3 --state {} {options}", self.server.url());
        let _: () = redis::cmd("CONFIG").arg("RESETSTAT").query(&mut self.direct).unwrap();
        let output = scratch.retry_to_spawn(&options).arg("--").args(command).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        let warned = String::from_utf8_lossy(&output.stderr).contains("shared state");
        assert!(!warned, "{output:?}");
        let stats = self.info("stats");
        let connections = number_after(&stats, "total_connections_received:");
        let (mut round_trips, mut writes) = (0, 0);
        for line in self.info("commandstats").lines() {
            let Some((name, rest)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(':'))
            else {
                continue;
            };
            let calls = number_after(rest, "calls=");
            match name {
                // The scripts' own, and ours.
                "get" | "time" | "info" | "config" | "config|resetstat" => {}
                "set" => writes += calls,
                _ => round_trips += calls,
            }
        }
        Talk { connections, round_trips, writes }
    }
}

fn number_after(text: &str, label: &str) -> u64 {
    let (_, rest) = text.split_once(label).unwrap_or_else(|| panic!("{label} in {text}"));
    rest.split(|byte: char| !byte.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn a_run_asks_once_before_and_once_after_each_attempt() {
    let Some(mut counted) = Counted::start("round trips") else { return };
    let both = "--breaker a --budget a";
    // A server that was just started learns the scripts, each once: it would be once in each run if a digest were
    // wrong.
    assert_eq!(counted.talk("--breaker l --budget m", "1 0", 0).round_trips, 6 + 2);
    assert_eq!(counted.talk("--breaker l --budget l", "1 0", 0).round_trips, 4 + 1);
    // A success at once, with the circuit closed and the bucket full: nothing is written.
    assert_eq!(counted.talk(both, "0", 0), Talk { connections: 1, round_trips: 2, writes: 0 });
    // A failure is recorded and its retry paid in one. The success ends the failures in a row, and gives back.
    assert_eq!(counted.talk(both, "1 1 0", 0), Talk { connections: 1, round_trips: 6, writes: 6 });
    assert_eq!(counted.talk("--breaker b --budget b", "1", 1).round_trips, 6);
    // The fifth failure in a row opens the circuit: no token is taken for a retry that will not be.
    let opened = counted.talk("--breaker b --budget b --breaker-failures 5", "1", 1);
    assert_eq!(opened, Talk { connections: 1, round_trips: 4, writes: 3 });
    assert_eq!(counted.talk("--breaker b --budget b", "0", 75).round_trips, 1);

    let success = |round_trips| Talk { connections: 1, round_trips, writes: 0 };
    assert_eq!(counted.talk("--breaker c", "0", 0), success(2));
    assert_eq!(counted.talk("--budget c", "0", 0), success(1));
    assert_eq!(counted.talk("--breaker d", "1 1 0", 0).round_trips, 6);
    assert_eq!(counted.talk("--budget d", "1 1 0", 0).round_trips, 3);
    // In a cluster, records with different names may be on different nodes.
    assert_eq!(counted.talk("--breaker e --budget f", "0", 0), success(3));
    assert_eq!(counted.talk("--breaker e --budget f", "1 1 0", 0).round_trips, 9);
    // Nor is anything written where there are records: of a circuit that has closed again, and of a full bucket.
    let filled = "--breaker h --budget h --budget-ratio 1 --breaker-failures 1 --breaker-open 0.001";
    assert_eq!(counted.talk(filled, "1", 1).writes, 1);
    assert_eq!(counted.talk(filled, "0", 0).writes, 2);
    assert_eq!(counted.talk("--budget h --budget-ratio 1", "1 0", 0).writes, 2);
    assert_eq!(counted.talk(filled, "0", 0), success(2));
    // For a rate, each success is counted.
    let rate = counted.talk("--breaker g --budget g --breaker-rate 50%", "0", 0);
    assert_eq!(rate, Talk { connections: 1, round_trips: 2, writes: 1 });
}
