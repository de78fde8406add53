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
use std::process::Output;

fn ask(server: &Server, words: &[&str]) -> redis::Value {
    let mut direct = Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).query(&mut direct).unwrap()
}

fn number(value: redis::Value) -> u64 {
    redis::from_redis_value(value).unwrap()
}

/// Three primaries without replicas, which have all slots.
fn cluster() -> Option<Vec<Server>> {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        // By default the port plus 10000, which may be above 65535.
        let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        nodes.push(Server::start("a cluster", &["--cluster-enabled", "yes", "--cluster-port", &bus])?);
    }
    let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
    let made = program("redis-cli")
        .args(["--cluster", "create"])
        .args(addresses)
        .arg("--cluster-yes")
        .output()
        .unwrap();
    if !can("a cluster", "redis-cli --cluster create", made.status.success()) {
        return None;
    }
    wait_until("the cluster", || {
        nodes.iter().all(|node| {
            let info: String = redis::from_redis_value(ask(node, &["CLUSTER", "INFO"])).unwrap();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
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
    let Some(mut nodes) = cluster() else { return };
    let names: Vec<String> = (0..12).map(|number| format!("name{number}")).collect();
    for (index, name) in names.iter().enumerate() {
        let options = format!("--breaker {name} --breaker-failures 2 --budget {name} --retries 2");
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
    assert_eq!(text(&reset.stdout), "name0 is forgotten\n", "{reset:?}");

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
                let is_open = said.contains("Going on with the state of this machine");
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
