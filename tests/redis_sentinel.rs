//! A Redis primary that Sentinels know: a run finds it, also after a failover, and trouble with a Sentinel stops nothing.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use common::command::{Scratch, assert_is, said, text, wait_until};
use redis::{Client, FromRedisValue};
use shared_state::server::Server;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn ask<T: FromRedisValue>(server: &Server, words: &[&str]) -> T {
    let mut direct = Client::open(server.url()).unwrap().get_connection().unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query(&mut direct).unwrap()
}

/// A free port, which refuses connections.
fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Listens and never says anything.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// A Sentinel that names the server at this port, and counts who asks.
struct FakeSentinel {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl FakeSentinel {
    fn start(primary: u16) -> Self {
        let (listener, asked) = (silent(), Arc::new(AtomicUsize::new(0)));
        let (port, counter) = (port(&listener), Arc::clone(&asked));
        let answer = move |mut stream: TcpStream| {
            let mut question = [0; 1024];
            let length = stream.read(&mut question).unwrap_or(0);
            let question = String::from_utf8_lossy(&question[..length]).into_owned();
            assert!(question.contains("GET-MASTER-ADDR-BY-NAME") && question.contains("fleet"), "{question}");
            counter.fetch_add(1, Ordering::SeqCst);
            let port = primary.to_string();
            let reply = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
            let _client_may_be_gone = stream.write_all(reply.as_bytes());
        };
        std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
        Self { port, asked }
    }
}

/// The jobs of one machine, with the state that these Sentinels know.
struct Machine {
    scratch: Scratch,
    state: String,
}

impl Machine {
    fn new(state: impl Into<String>) -> Self {
        Self { scratch: Scratch::new(), state: state.into() }
    }

    /// Sentinels at these ports of this machine.
    fn with_sentinels(ports: &[u16]) -> Self {
        let hosts: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        Self::new(format!("redis+sentinel://{}/fleet", hosts.join(",")))
    }

    fn retry(&self, options: &str, command: &[&str]) -> Output {
        let options = format!("--base 0.001 --state {} {options}", self.state);
        let mut retry = self.scratch.retry_to_spawn(&options);
        retry.env("XDG_STATE_HOME", self.scratch.path("state")).args(command).output().unwrap()
    }

    /// A job whose only attempt fails. Returns what it says about the state; nothing if all is well.
    fn warning(&self, name: &str) -> String {
        let options = format!("--retries 1 --breaker {name} --breaker-failures 1 --breaker-open 600");
        let output = self.retry(&options, &["--", "sh", "-c", "exit 7"]);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let lines = said(&output);
        let warnings: Vec<_> = lines.iter().filter(|line| line.contains("shared state")).collect();
        assert!(warnings.len() <= 1, "{lines:?}");
        warnings.first().map(|warning| warning.as_str()).unwrap_or_default().to_owned()
    }

    fn is_refused(&self, name: &str) -> bool {
        let output = self.retry(&format!("--breaker {name}"), &["--", "true"]);
        let warned = text(&output.stderr).contains("shared state");
        match output.status.code() {
            Some(75) => !warned,
            Some(0) => false,
            _ => panic!("{output:?}"),
        }
    }
}

#[test]
fn a_run_finds_the_primary_and_after_a_failover_the_new_one() {
    let Some(mut primary) = Server::start("Sentinel", &["--repl-diskless-sync-delay", "0"]) else { return };
    let port_of_primary = primary.port.to_string();
    let replica = Server::start("Sentinel", &["--replicaof", "127.0.0.1", &port_of_primary]).unwrap();
    let is_synced = || ask::<String>(&replica, &["INFO", "replication"]).contains("master_link_status:up");
    wait_until("the replica", is_synced);
    let sentinel = Server::start_sentinel("fleet", primary.port, &[]).unwrap();
    wait_until("the Sentinel", || {
        let info: String = ask(&sentinel, &["INFO", "sentinel"]);
        info.contains("name=fleet,status=ok") && info.contains("slaves=1")
    });

    let machine = Machine::with_sentinels(&[nobody(), sentinel.port]);
    assert_eq!(machine.warning("known"), "");
    assert_eq!(ask::<u64>(&primary, &["EXISTS", "retry:{known}:breaker"]), 1);
    assert!(machine.is_refused("known"));
    wait_until("the replica", || ask::<u64>(&replica, &["EXISTS", "retry:{known}:breaker"]) == 1);

    // It starts with this primary and ends with the next one.
    let script = "touch started; while [ ! -e go ]; do sleep 0.01; done; exit 7";
    let options = format!("--retries 1 --breaker long --state {}", machine.state);
    let mut long = machine.scratch.retry_to_spawn(&options);
    let long = long.args(["--", "sh", "-c", script]).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the attempt", || machine.scratch.path("started").exists());

    // Until the replica has taken over, the runs go on with their machine.
    primary.kill();
    let gone = machine.warning("gone");
    assert_is(
        &gone,
        &format!(
            r"retry: cannot use shared state in redis\+sentinel://127\.0\.0\.1:\d+,127\.0\.0\.1:{}/fleet: primary 127\.0\.0\.1:{port_of_primary}: the connection failed: connection refused\. Continuing with the state of this machine",
            sentinel.port
        ),
    );
    wait_until("the failover", || {
        let address: Vec<String> = ask(&sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "fleet"]);
        address[1] == replica.port.to_string()
            && ask::<String>(&replica, &["INFO", "replication"]).contains("role:master")
    });
    // It knows what the primary knew, and learns more.
    assert!(machine.is_refused("known"));
    assert_eq!(machine.warning("new"), "");
    assert_eq!(ask::<u64>(&replica, &["EXISTS", "retry:{new}:breaker"]), 1);
    std::fs::write(machine.scratch.path("go"), "").unwrap();
    let long = long.wait_with_output().unwrap();
    assert!(long.status.code() == Some(7) && !text(&long.stderr).contains("shared state"), "{long:?}");
    assert_eq!(ask::<u64>(&replica, &["DEL", "retry:{long}:breaker"]), 1);

    let shown = machine.retry("--show-state", &[]);
    let names: Vec<_> =
        text(&shown.stdout).lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["known", "new"], "{shown:?}");
    let reset = machine.retry("--reset-state known", &[]);
    assert_eq!(text(&reset.stdout), "known was reset\n", "{reset:?}");
    assert_eq!(ask::<u64>(&replica, &["EXISTS", "retry:{known}:breaker"]), 0);
}

#[test]
fn a_run_asks_one_sentinel_once_and_others_only_if_it_cannot_tell() {
    let Some(server) = Server::start("Sentinel", &[]) else { return };
    let asked = |sentinel: &FakeSentinel| sentinel.asked.swap(0, Ordering::SeqCst);
    let (one, two) = (FakeSentinel::start(server.port), FakeSentinel::start(server.port));
    let machine = Machine::with_sentinels(&[one.port, two.port]);
    let options = "--retries 3 --breaker a --budget a";
    let output = machine.retry(options, &["--", "false"]);
    assert!(!text(&output.stderr).contains("shared state"), "{output:?}");
    // The second one only if the first one took more than its head start.
    assert_eq!(asked(&one), 1);
    assert!(asked(&two) <= 1);
    // Neither one that is gone nor one that is silent is in the way.
    let mute = silent();
    let machine = Machine::with_sentinels(&[nobody(), port(&mute), nobody(), one.port]);
    assert_eq!(machine.warning("b"), "");
    assert_eq!(asked(&one), 1);
}

/// Each kind of trouble costs one warning that names the reason.
#[test]
fn trouble_with_sentinels_stops_nothing() {
    let Some(server) = Server::start("Sentinel", &[]) else { return };
    let Some(sentinel) = Server::start_sentinel("other", server.port, &[]) else { return };
    let (mute, gone) = (silent(), nobody());
    let lost = FakeSentinel::start(port(&mute));
    for (sentinels, why) in [
        (vec![gone], format!("Sentinel 127.0.0.1:{gone}: the connection failed: connection refused")),
        (vec![port(&mute)], "Sentinel: no reply within 200ms".to_owned()),
        (
            vec![sentinel.port],
            format!("Sentinel 127.0.0.1:{} does not know a primary named fleet", sentinel.port),
        ),
        // The wrong name is what a person can mend, whatever is wrong besides.
        (
            vec![gone, port(&mute), sentinel.port],
            format!("Sentinel 127.0.0.1:{} does not know a primary named fleet", sentinel.port),
        ),
        (
            vec![server.port],
            format!(
                "Sentinel 127.0.0.1:{}: the server returned an error: ERR unknown command 'SENTINEL' (it is not a \
                 Sentinel; for a server, use redis://HOST:PORT)",
                server.port
            ),
        ),
        (vec![lost.port], format!("primary 127.0.0.1:{}: no reply within 200ms", port(&mute))),
    ] {
        let machine = Machine::with_sentinels(&sentinels);
        let warning = machine.warning("x");
        assert!(warning.contains(&format!("/fleet: {why}")), "{warning}");
        assert!(warning.ends_with(". Continuing with the state of this machine"), "{warning}");
        let shown = machine.retry("--show-state", &[]);
        assert_eq!(shown.status.code(), Some(125), "{shown:?}");
        assert!(text(&shown.stderr).contains(&why.replace("200ms", "3000ms")), "{shown:?}");
    }
}

/// People copy `host:26379` to where a server's address belongs.
#[test]
fn a_sentinel_in_the_place_of_a_server_is_recognized() {
    let Some(sentinel) = Server::start_sentinel("fleet", 1, &[]) else { return };
    let machine = Machine::new(format!("redis://127.0.0.1:{}", sentinel.port));
    let end = "(if it is a Sentinel, use redis+sentinel://HOST:PORT/PRIMARY_NAME)";
    let warning = machine.warning("x");
    let why = "the server returned an error: ERR unknown command 'EVALSHA'";
    assert!(warning.contains(&format!("{why} {end}. Continuing")), "{warning}");
    let shown = text(&machine.retry("--show-state", &[]).stderr);
    assert!(shown.contains(end), "{shown}");
}

/// As it does for some seconds after a failover that it has not heard of.
#[test]
fn a_sentinel_that_names_a_replica_stops_nothing() {
    let Some(replica) = Server::start("Sentinel", &["--replicaof", "127.0.0.1", "1"]) else { return };
    let sentinel = FakeSentinel::start(replica.port);
    let warning = Machine::with_sentinels(&[sentinel.port]).warning("x");
    let why = format!("primary 127.0.0.1:{}: the server is a read-only replica (READONLY)", replica.port);
    assert!(warning.contains(&why), "{warning}");
}

#[test]
fn the_primary_and_the_sentinels_have_passwords_of_their_own() {
    let Some(server) = Server::start("Sentinel", &["--requirepass", "s3cret/1"]) else { return };
    let Some(sentinel) = Server::start_sentinel("fleet", server.port, &["--requirepass", "s3cret/2"]) else {
        return;
    };
    let host = format!("127.0.0.1:{}", sentinel.port);
    let good = format!("redis+sentinel://:s3cret%2F1@{host}/fleet/3?sentinel_password=s3cret%2F2");
    let machine = Machine::new(&good);
    assert_eq!(machine.warning("known"), "");
    assert!(machine.is_refused("known"));
    let shown = machine.retry("--show-state", &[]);
    assert!(text(&shown.stdout).starts_with("known  breaker  open"), "{shown:?}");
    let other = Machine::new(good.replace("/3?", "/4?")).retry("--show-state", &[]);
    assert_eq!(text(&other.stdout), format!("no shared state in redis+sentinel://***@{host}/fleet/4\n"));
    for (state, why) in [
        (good.replace("%2F1", "X"), format!("primary 127.0.0.1:{}: the server rejected", server.port)),
        (good.replace("%2F2", "X"), format!("Sentinel {host}: the server rejected")),
        (
            good.replace("?sentinel_password=s3cret%2F2", ""),
            format!("Sentinel {host}: the server returned an error: NOAUTH Authentication required"),
        ),
    ] {
        let machine = Machine::new(&state);
        let outputs = [machine.warning("known"), text(&machine.retry("--show-state", &[]).stderr)];
        for output in outputs {
            assert!(output.contains(&why) && !output.contains("s3cret"), "{output}");
            assert!(!output.contains(".."), "{output}");
        }
    }
}
