//! A Redis cluster of three nodes: every name works through any node, and a dead node stops nothing.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use common::command::{Scratch, can, program, text, wait_until};
use redis::Client;
use shared_state::server::Server;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Output, Stdio};

fn ask(server: &Server, words: &[&str]) -> redis::Value {
    let mut direct = Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).query(&mut direct).unwrap()
}

fn number(value: redis::Value) -> u64 {
    redis::from_redis_value(value).unwrap()
}

/// Three primaries, which have all slots, each with so many replicas.
fn cluster(replicas: usize) -> Option<Vec<Server>> {
    let mut nodes = Vec::new();
    let all = 3 * (1 + replicas);
    for _ in 0..all {
        // By default the port plus 10000, which may be above 65535.
        let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        // As soon as a node is silent for that long, its replica takes over.
        let failover = ["--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"];
        let options = [&["--cluster-enabled", "yes", "--cluster-port", &bus][..], &failover].concat();
        nodes.push(Server::start("a cluster", &options)?);
    }
    let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
    let made = program("redis-cli")
        .args(["--cluster", "create"])
        .args(addresses)
        .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"])
        .output()
        .unwrap();
    if !can("a cluster", "redis-cli --cluster create", made.status.success()) {
        return None;
    }
    wait_until("the cluster", || {
        nodes.iter().all(|node| {
            let info: String = redis::from_redis_value(ask(node, &["CLUSTER", "INFO"])).unwrap();
            // A replica that has no data yet does not take over.
            let replication: String = redis::from_redis_value(ask(node, &["INFO", "replication"])).unwrap();
            let is_synced = replicas == 0
                || replication.contains("master_link_status:up")
                || replication.contains("connected_slaves:1");
            is_synced
                && info.contains("cluster_state:ok")
                && info.contains(&format!("cluster_known_nodes:{all}\r"))
        })
    });
    Some(nodes)
}

fn retry(node: &Server, options: &str, script: &str) -> Output {
    let scratch = Scratch::new();
    let options = format!("--base 0.001 --state {} {options}", node.url());
    scratch.retry_to_spawn(&options).args(["--", "sh", "-c", script]).output().unwrap()
}

#[test]
fn every_name_works_through_every_node_and_a_dead_node_stops_nothing() {
    let Some(mut nodes) = cluster(0) else { return };
    let names: Vec<String> = (0..12).map(|number| format!("name{number}")).collect();
    for (index, name) in names.iter().enumerate() {
        let options =
            format!("--breaker {name} --breaker-failures 2 --breaker-open 600 --budget {name} --retries 2");
        let opened = retry(&nodes[index % 3], &options, "exit 7");
        assert_eq!(opened.status.code(), Some(7), "{opened:?}");
        assert!(!text(&opened.stderr).contains("shared state"), "{opened:?}");
        for node in &nodes {
            let refused = retry(node, &options, "exit 0");
            assert_eq!(refused.status.code(), Some(75), "{name}: {refused:?}");
        }
    }
    // Two names are in two slots, perhaps on two nodes, and never in one step.
    for other in &names {
        let both = retry(&nodes[0], &format!("--breaker free --budget {other} --retries 2"), "exit 1");
        assert!(!text(&both.stderr).contains("shared state"), "{both:?}");
    }
    // The names are spread, and both records of a name are on one node.
    let keys: Vec<u64> = nodes.iter().map(|node| number(ask(node, &["DBSIZE"]))).collect();
    assert_eq!(keys.iter().sum::<u64>(), 2 * 12 + 1, "{keys:?}");
    assert!(keys.iter().all(|&count| count > 0), "{keys:?}");
    // A list through any node has all of them.
    let all = |node: &Server| {
        Scratch::new().retry_to_spawn(&format!("--state {} --show-state", node.url())).output().unwrap()
    };
    for node in &nodes {
        let shown = all(node);
        let shown: BTreeSet<_> =
            text(&shown.stdout).lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(
            shown,
            names.iter().map(String::as_str).chain(["free"]).map(str::to_owned).collect(),
            "{shown:?}"
        );
    }
    // A reset reaches a record through any node.
    let state = format!("--state {} --reset-state name0", nodes[1].url());
    let reset = Scratch::new().retry_to_spawn(&state).output().unwrap();
    assert_eq!(text(&reset.stdout), "name0 was reset\n", "{reset:?}");

    // What was on a node that is gone cannot be used; the command runs.
    nodes[2].kill();
    let cut = all(&nodes[0]);
    assert_eq!(cut.status.code(), Some(125), "{cut:?}");
    let node = format!("node 127.0.0.1:{}: the connection failed: connection refused", nodes[2].port);
    assert!(text(&cut.stderr).contains(&node), "{cut:?}");
    let (mut lost, mut kept) = (0, 0);
    for name in &names {
        let output = retry(&nodes[0], &format!("--breaker {name} --budget {name}"), "echo done");
        match output.status.code() {
            Some(0) => {
                let said = text(&output.stderr);
                let is_open = said.contains("Continuing with the state of this machine");
                assert!(is_open || name == "name0", "{output:?}");
                assert_eq!(text(&output.stdout), "done\n");
                lost += 1;
            }
            Some(75) => kept += 1,
            _ => panic!("{output:?}"),
        }
    }
    assert!(lost > 0 && lost + kept == 12, "{lost} {kept}");
}

/// The primary that has the name of a storm of failures is killed in the middle of it. The jobs end as they should, and
/// when its replica has taken over, the count of failures goes on.
#[test]
fn a_primary_that_is_killed_in_a_storm_is_replaced() {
    let Some(mut nodes) = cluster(1) else { return };
    // Any node says which one has a key, by redirecting to it or by having it.
    let place = |node: &Server| -> Option<u16> {
        let mut direct = Client::open(node.url()).unwrap().get_connection().unwrap();
        match redis::cmd("GET").arg("retry:{storm}:breaker").query::<redis::Value>(&mut direct) {
            Ok(_) => Some(node.port),
            Err(error) => error.redirect_node().and_then(|(node, _)| node.rsplit_once(':')?.1.parse().ok()),
        }
    };
    let owner = place(&nodes[0]).expect("a primary");
    let asked = nodes.iter().position(|node| node.port != owner).unwrap();
    let (url, doomed) = (nodes[asked].url(), nodes.iter().position(|node| node.port == owner).unwrap());
    let machine = Scratch::new();
    let job = |name: &str, script: &str| {
        let options =
            format!("--base 0.02 --jitter none --state {url} --breaker {name} --breaker-failures 100000");
        let mut job = machine.retry_to_spawn(&options);
        job.env("XDG_STATE_HOME", machine.path("state")).args(["--", "sh", "-c", script]);
        job
    };
    let mut jobs: Vec<_> = (0..60)
        .map(|_| {
            job("storm", "echo >> attempts; exit 7")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    wait_until("the storm", || machine.path("attempts").exists() && machine.read("attempts").len() >= 50);
    nodes[doomed].kill();
    for job in jobs.drain(..) {
        let output = job.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        // Without a budget no retry is lost.
        assert!(said.contains("attempt 3/3 failed"), "{said}");
        assert!(said.matches("cannot use shared state").count() <= 1 && !said.contains("panicked"), "{said}");
    }
    wait_until("the replica", || place(&nodes[asked]).is_some_and(|port| port != owner));
    wait_until("the cluster", || {
        let said = text(&job("storm", "exit 0").output().unwrap().stderr);
        let is_ready = said.is_empty();
        assert!(is_ready || said.contains("Continuing with the state of this machine"), "{said}");
        is_ready
    });
    let failed = job("storm", "exit 7").output().unwrap();
    assert!(!text(&failed.stderr).contains("cannot use shared state"), "{failed:?}");
}

/// A slot moves from one node to another, with keys on both of them for as long as it takes.
#[test]
fn records_are_found_while_their_slot_moves() {
    let Some(nodes) = cluster(0) else { return };
    let string =
        |node: &Server, words: &[&str]| -> String { redis::from_redis_value(ask(node, words)).unwrap() };
    let slot = number(ask(&nodes[0], &["CLUSTER", "KEYSLOT", "retry:{m}:breaker"])).to_string();
    let at = |node: &Server| number(ask(node, &["CLUSTER", "COUNTKEYSINSLOT", &slot]));
    let both = "--breaker m --budget m --breaker-failures 4 --breaker-open 600";
    let fails = |node: &Server, options: &str| {
        let output = retry(node, options, "exit 7");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert!(!text(&output.stderr).contains("shared state"), "{output:?}");
        text(&output.stderr)
    };
    // One failure is recorded; the budget has no record yet.
    fails(&nodes[0], "--breaker m --breaker-failures 4 --retries 1");
    let (from, to, other) = match nodes.iter().position(|node| at(node) == 1) {
        Some(0) => (&nodes[0], &nodes[1], &nodes[2]),
        Some(1) => (&nodes[1], &nodes[2], &nodes[0]),
        _ => (&nodes[2], &nodes[0], &nodes[1]),
    };
    let (id_of_from, id_of_to) = (string(from, &["CLUSTER", "MYID"]), string(to, &["CLUSTER", "MYID"]));
    ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id_of_from]);
    ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id_of_to]);

    // New records are made where the slot moves to: the budget is there, the breaker is not.
    fails(other, &format!("{both} --retries 2"));
    assert_eq!((at(from), at(to)), (1, 1));
    let port = to.port.to_string();
    ask(from, &["MIGRATE", "127.0.0.1", &port, "retry:{m}:breaker", "0", "5000"]);
    assert_eq!((at(from), at(to)), (0, 2));
    // Three failures are recorded. The fourth opens the circuit, whichever node the run asks.
    assert!(fails(from, &format!("{both} --retries 2")).contains("opened circuit"));
    for node in &nodes {
        let refused = retry(node, both, "exit 0");
        assert_eq!(refused.status.code(), Some(75), "{refused:?}");
    }
    let shown =
        Scratch::new().retry_to_spawn(&format!("--state {} --show-state", other.url())).output().unwrap();
    assert_eq!(text(&shown.stdout).lines().count(), 2, "{shown:?}");

    let reset = format!("--state {} --reset-state m", from.url());
    let reset = Scratch::new().retry_to_spawn(&reset).output().unwrap();
    assert_eq!(text(&reset.stdout), "m was reset\n", "{reset:?}");
    assert_eq!((at(from), at(to)), (0, 0));
    for node in [to, from, other] {
        ask(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &id_of_to]);
    }
    fails(from, &format!("{both} --retries 2"));
    assert_eq!((at(from), at(to)), (0, 2));
}
