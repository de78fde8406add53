//! The Redis store, with a real server that each test starts on a free port: what holds for every store, and servers
//! that die, stop, refuse or hold other data.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use redis::{Client, Commands, Connection};
use retry::core::shared::{Location, Name};
use retry::state::inspect::{self, RecordStatus};
use retry::state::record_key::RecordKind;
use retry::state::shared::{Gate, Permit};
use retry_loop::bucket::Payment;
use retry_loop::circuit::{BreakerSettings, Observation, Recorded};
use retry_loop::random::Random;
use rustix::process::Signal;
use shared_state::server::Server;
use shared_state::{
    LEASE, LONG, attempt, counting, fails_open, failures, never_opens, opens_at_once, sure, user, user_with,
};
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn run_as_child() {
    shared_state::run_task();
}

/// A connection that does not go through the store.
fn direct(server: &Server) -> Connection {
    Client::open(server.url()).unwrap().get_connection().unwrap()
}

fn location(url: &str) -> Location {
    Location::parse(OsStr::new(url)).unwrap()
}

#[test]
fn the_promises_of_every_store() {
    let Some(server) = Server::start("the Redis store", &[]) else { return };
    shared_state::all_promises_hold(&server.location());
}

#[test]
fn a_unix_socket_and_a_database_number_work_too() {
    let Some(server) = Server::start("a Unix socket", &[]) else { return };
    let socket = server.directory.path().join("socket");
    let addresses = [
        format!("redis+unix://{}", socket.display()),
        format!("unix://{}?db=1", socket.display()),
        format!("{}/2", server.url()),
    ];
    for address in &addresses {
        attempt(&mut counting(&location(address)), Observation::Failure);
        // Each of them is another database.
        assert_eq!(failures(&location(address), &Name::new("x")), 1, "{address}");
    }
    assert_eq!(failures(&server.location(), &Name::new("x")), 1, "redis+unix is database 0");
}

#[test]
fn keys_are_in_one_namespace_and_expire() {
    let Some(server) = Server::start("the keys", &[]) else { return };
    let mut direct = direct(&server);
    let mut one = user_with(&server.location(), &Name::new("Registry"), never_opens());
    attempt(&mut one, Observation::Failure);
    assert_eq!(sure(one.pay()), Payment::Paid);
    let mut keys: Vec<String> = direct.keys("*").unwrap();
    keys.sort();
    assert_eq!(keys, ["retry:{%52egistry}:breaker", "retry:{%52egistry}:budget"]);
    let day = 24 * 3600 * 1000;
    let left: i64 = direct.pttl(&keys[0]).unwrap();
    assert!(left > day - 60_000 && left <= day, "{left}");
    // One token of ten is missing: it is back in a minute, and a full bucket needs no record.
    let left: i64 = direct.pttl(&keys[1]).unwrap();
    assert!(left > 60_000 && left <= 120_000, "{left}");

    // The record of an open circuit stays longer than the circuit is open.
    let open = BreakerSettings { open: Duration::from_secs(7 * 24 * 3600), ..opens_at_once() };
    attempt(&mut user_with(&server.location(), &Name::new("open"), open), Observation::Failure);
    let left: i64 = direct.pttl("retry:{open}:breaker").unwrap();
    assert!(left > 8 * day - 60_000 && left <= 8 * day, "{left}");

    // After a record has expired, the state is fresh.
    let _: bool = direct.pexpire(&keys[0], 1).unwrap();
    let started = Instant::now();
    while direct.exists::<_, bool>(&keys[0]).unwrap() {
        assert!(started.elapsed() < LONG);
    }
    attempt(&mut one, Observation::Failure);
    assert_eq!(failures(&server.location(), &Name::new("Registry")), 1);
}

#[test]
fn a_server_that_dies_in_mid_run_is_left_alone_for_the_rest_of_it() {
    let Some(mut server) = Server::start("a server that dies", &[]) else { return };
    let mut user = counting(&server.location());
    attempt(&mut user, Observation::Failure);
    // A connection that the server has closed is replaced without a warning.
    server.kill();
    server.restart();
    assert_eq!(attempt(&mut user, Observation::Failure), Some(Recorded::Counted));
    let Gate::Pass(permit) = sure(user.admit(LEASE)) else { panic!("refused") };

    server.kill();
    let answer = user.record(permit, Observation::Failure, &mut Random::seeded(1));
    assert_eq!(answer.decision, None);
    let warning = answer.warning.expect("a warning");
    assert_eq!(
        warning,
        format!(
            "cannot use shared state in {}: the connection failed: connection refused. Continuing \
             without shared state, with at most one retry",
            server.url()
        )
    );
    // One warning, and the rest of the run does not use the server.
    assert!(inspect::show(&server.location()).is_err());
    server.restart();
    assert_eq!(sure(user.admit(LEASE)), Gate::Pass(Permit::Unguarded));
    assert_eq!(sure(user.pay()), Payment::Paid);
    assert_eq!(inspect::show(&server.location()), Ok(vec![]));
    // The next run uses it again.
    assert_eq!(attempt(&mut counting(&server.location()), Observation::Failure), Some(Recorded::Counted));
    assert_eq!(failures(&server.location(), &Name::new("x")), 1);
}

#[test]
fn a_server_that_stops_answering_costs_200_ms_and_then_nothing() {
    let Some(server) = Server::start("a stopped server", &[]) else { return };
    let mut known = counting(&server.location());
    attempt(&mut known, Observation::Failure);
    server.signal(Signal::STOP);
    // With an open connection, and without one.
    for user in [&mut known, &mut counting(&server.location())] {
        let started = Instant::now();
        let answer = user.admit(LEASE);
        let took = started.elapsed();
        assert_eq!(answer.decision, Gate::Pass(Permit::Unguarded));
        let warning = answer.warning.expect("a warning");
        assert!(warning.contains("no reply within 200ms"), "{warning}");
        assert!(took > Duration::from_millis(150) && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(sure(user.admit(LEASE)), Gate::Pass(Permit::Unguarded));
    }
    server.signal(Signal::CONT);
    attempt(&mut counting(&server.location()), Observation::Failure);
    assert_eq!(failures(&server.location(), &Name::new("x")), 2);
}

#[test]
fn a_server_that_is_not_there_or_is_none_stops_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fails_open(&location(&format!("redis://127.0.0.1:{nobody}")), "x", "connection refused");
    fails_open(&location("redis+unix:///nonexistent/socket"), "x", "no such file or directory");
    // RFC 2606 reserves this name. The resolver may be slow, or there may be none.
    let started = Instant::now();
    fails_open(&location("redis://retry.invalid"), "x", "cannot use shared state in redis://retry.invalid: ");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// A web server, or a port of something else.
#[test]
fn a_server_of_another_protocol_is_said_to_be_one() {
    for reply in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _request = stream.read(&mut [0; 4096]);
                let _client_may_be_gone = stream.write_all(reply.as_bytes());
            }
        });
        let why =
            format!("cannot use shared state in {url}: the server does not speak the Redis protocol. C");
        fails_open(&location(&url), "x", &why);
    }
}

#[test]
fn a_password_is_used_and_never_shown() {
    let Some(server) = Server::start("passwords", &["--requirepass", "right s3cret"]) else { return };
    let with = |password: &str| location(&format!("redis://:{password}@127.0.0.1:{}", server.port));
    attempt(&mut counting(&with("right%20s3cret")), Observation::Failure);
    assert_eq!(failures(&with("right%20s3cret"), &Name::new("x")), 1);

    let hidden = format!("redis://***@127.0.0.1:{}", server.port);
    for (location, why) in
        [(with("wr0ng"), "the server rejected the user or the password"), (server.location(), "NOAUTH")]
    {
        fails_open(&location, "x", why);
        let warning = counting(&location).admit(LEASE).warning.unwrap();
        assert!(!warning.contains("wr0ng"), "{warning}");
        assert!(location == server.location() || warning.contains(&hidden), "{warning}");
        let trouble = inspect::show(&location).unwrap_err().to_string();
        assert!(!trouble.contains("wr0ng"), "{trouble}");
        let debug = format!("{:?}", counting(&location));
        assert!(!debug.contains("wr0ng"), "{debug}");
    }
}

/// Such a server quotes the arguments: `unknown command 'AUTH', with args beginning with: ...`.
#[test]
fn a_server_that_quotes_the_password_is_not_quoted() {
    let Some(server) = Server::start("a server without AUTH", &["--rename-command", "AUTH", ""]) else {
        return;
    };
    let quoting = location(&format!("redis://:s3cret@127.0.0.1:{}", server.port));
    let warning = counting(&quoting).admit(LEASE).warning.expect("a warning");
    assert!(warning.contains("rejected") && !warning.contains("s3cret"), "{warning}");
}

#[test]
fn a_value_of_another_type_stops_nothing_and_is_left_alone() {
    let Some(server) = Server::start("a value of another type", &[]) else { return };
    let mut direct = direct(&server);
    let _: i64 = direct.lpush("retry:{x}:breaker", "precious").unwrap();
    let mut user = counting(&server.location());
    let answer = user.admit(LEASE);
    assert_eq!(answer.decision, Gate::Pass(Permit::Unguarded));
    let warning = answer.warning.expect("a warning");
    assert!(warning.contains("WRONGTYPE"), "{warning}");
    assert_eq!(sure(user.pay()), Payment::Paid);
    let shown = inspect::show(&server.location()).unwrap();
    assert_eq!(shown.len(), 1, "a store that made trouble is left alone");
    let RecordStatus::Unusable(RecordKind::Breaker, why) = &shown[0].status else { panic!("{shown:?}") };
    assert_eq!(why.to_string(), "the key has the wrong type (WRONGTYPE)");
    let value: Vec<String> = direct.lrange("retry:{x}:breaker", 0, -1).unwrap();
    assert_eq!(value, ["precious"]);
    // A reset removes it.
    inspect::reset(&server.location(), &Name::new("x")).unwrap();
    assert_eq!(attempt(&mut counting(&server.location()), Observation::Failure), Some(Recorded::Counted));
}

/// A closed circuit that counts in a window, as the script writes it, with the same count in all buckets.
fn window(start: &str, count: &str) -> String {
    format!("2 0 {start}{}", format!(" {count}").repeat(20))
}

/// The list and the warning of a run give the same reason.
fn says_the_same(status: &RecordStatus, warning: Option<&str>, good: bool, value: &str) {
    let RecordStatus::Damaged(_, damage) = status else {
        assert!(good && warning.is_none(), "{value}: {warning:?}");
        return;
    };
    let version = value.split_once(' ').and_then(|(start, _)| start.parse::<u16>().ok());
    let latest = if warning.is_some_and(|warning| warning.contains("budget record")) { 1 } else { 2 };
    let expected = match version {
        Some(later) if later > latest && later < 1000 => format!("unknown version {later}"),
        _ => "invalid contents".to_owned(),
    };
    assert_eq!(damage.to_string(), expected, "{value}");
    let is_told = warning.is_some_and(|warning| warning.contains(&format!("is damaged ({expected}).")));
    assert!(is_told && !good, "{value}: {warning:?}");
}

/// The script and the list judge each value in the same way, and none keeps a circuit open.
#[test]
fn crafted_values_are_damage_for_all() {
    let Some(server) = Server::start("crafted values", &[]) else { return };
    let mut direct = direct(&server);
    let digits = "9".repeat(400);
    for (value, good) in [
        ("1 1 7 0 4000000000000 604800000 1", true),
        ("1 0 7 4294967295 0 0 0", true),
        ("1 1 7 0 0 18446744073709551615 0", false),
        ("1 1 7 0 0 604800001 0", false),
        ("1 1 7 0 0 0 604800001", false),
        ("1 2 7 0 18446744073709551615 1 1", false),
        ("1 0 9007199254740992 0 0 0 0", false),
        ("1 0 7 4294967296 0 0 0", false),
        ("1 3 7 0 0 0 0", false),
        ("1 1 7 0 0 0", false),
        ("1 1 7 0 0 -1 0", false),
        (&format!("1 1 {digits} {digits} {digits} {digits} {digits}"), false),
        (&"x".repeat(1_000_000), false),
        ("2 x", false),
        ("0 x", false),
        ("3 x", false),
        ("999 x", false),
        ("1000 x", false),
        ("3", false),
        (&window("7 4294967295 60480000 9007199254740991", "4294967295"), true),
        (&window("7 0 1 0", "0"), true),
        (&window("7 1 60480001 0", "1"), false),
        (&window("7 1 0 0", "1"), false),
        (&window("7 1 6000 9007199254740992", "1"), false),
        (&window("7 1 6000 1", "4294967296"), false),
        (&window("7 4294967296 6000 1", "1"), false),
        (&window("7 1 6000 1", "1 1"), false),
        (&window("7 1 6000 1", "-1"), false),
        (&window("7 1 6000 1", &digits), false),
        (&window("7 1 6000 1", "1").replacen("2 0", "2 1", 1), false),
        (&format!("{} 1", window("7 1 6000 1", "1")), false),
        (&window("7 1 6000", "1"), false),
    ] {
        let start = &value[..value.len().min(40)];
        let _: () = direct.set("retry:{x}:breaker", value).unwrap();
        let shown = inspect::show(&server.location()).unwrap();
        let answer = counting(&server.location()).admit(LEASE);
        says_the_same(&shown[0].status, answer.warning.as_deref(), good, start);
        if !good {
            assert!(matches!(answer.decision, Gate::Pass(_)), "{start}: {answer:?}");
        }
    }
    for (value, good) in [
        ("1 4294967295000 4000000000000", true),
        ("1 4294967295001 0", false),
        ("1 18446744073709551615 0", false),
        ("1 0 9007199254740992", false),
        ("2 0 0", false),
        (&format!("1 {digits} {digits}"), false),
    ] {
        inspect::reset(&server.location(), &Name::new("x")).unwrap();
        let _: () = direct.set("retry:{x}:budget", value).unwrap();
        let shown = inspect::show(&server.location()).unwrap();
        let answer = counting(&server.location()).pay();
        assert_eq!(answer.decision, Payment::Paid, "{value}");
        says_the_same(&shown[0].status, answer.warning.as_deref(), good, value);
    }
}

#[test]
fn a_damaged_record_is_replaced_with_one_warning() {
    let Some(server) = Server::start("a damaged value", &[]) else { return };
    let mut direct = direct(&server);
    let _: () = direct.set("retry:{x}:breaker", "hello").unwrap();
    let mut user = counting(&server.location());
    let answer = user.admit(LEASE);
    assert!(matches!(answer.decision, Gate::Pass(Permit::Closed(_))));
    let warning = answer.warning.expect("a warning");
    assert!(warning.starts_with("the breaker record in "), "{warning}");
    assert_eq!(attempt(&mut user, Observation::Failure), Some(Recorded::Counted));
    assert_eq!(failures(&server.location(), &Name::new("x")), 1);
}

#[test]
fn a_server_that_refuses_to_write_says_so() {
    let Some(server) = Server::start("a read-only replica", &["--replicaof", "127.0.0.1", "1"]) else {
        return;
    };
    let mut user = counting(&server.location());
    let Gate::Pass(permit) = sure(user.admit(LEASE)) else { panic!("refused") };
    let answer = user.record(permit, Observation::Failure, &mut Random::seeded(1));
    let warning = answer.warning.expect("a warning");
    assert!(warning.contains("READONLY"), "{warning}");
}

/// Keys of other programs, some of them similar to ours.
#[test]
fn a_list_shows_ours_only() {
    let Some(server) = Server::start("the list", &[]) else { return };
    let mut direct = direct(&server);
    for n in 0..3000 {
        let _: () = direct.set(format!("other:{n}"), "x").unwrap();
    }
    for key in ["retry:{x}:lock", "retry:{a}b}:breaker", "retry:x:breaker"] {
        let _: () = direct.set(key, "x").unwrap();
    }
    let mut user = user(&server.location(), "x");
    attempt(&mut user, Observation::Failure);
    let shown = inspect::show(&server.location()).unwrap();
    assert_eq!(shown.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["x"]);
}

/// With a certificate that the system trusts, and with one that it does not.
#[cfg(feature = "redis-tls")]
#[test]
fn tls_is_spoken_with_servers_that_are_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = common::command::program("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:false"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(directory.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !common::command::can("TLS", "openssl", openssl.is_ok_and(|done| done.success())) {
        return;
    }
    let file = |name: &str| directory.path().join(name).display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let options = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ];
    let options = [options.as_slice(), &["--tls-ca-cert-file", &certificate]].concat();
    let Some(server) = Server::start("TLS", &options) else { return };

    let url = format!("rediss://127.0.0.1:{port}");
    let task = [OsStr::new("look"), OsStr::new(&url), OsStr::new("x")];
    // In a debug build on a busy machine, a handshake may take more than 200 ms.
    common::command::wait_until("a handshake", || {
        let (_, warnings) = shared_state::told(shared_state::child(&task).env("SSL_CERT_FILE", &certificate));
        assert!(warnings.iter().all(|warning| warning.contains("no reply within 200ms")), "{warnings:?}");
        warnings.is_empty()
    });
    let counted = failures(&server.location(), &Name::new("x"));
    let (answers, warnings) =
        shared_state::told(shared_state::child(&task).env("SSL_CERT_FILE", "/dev/null"));
    assert_eq!(answers, ["Unguarded", "None", "Paid"]);
    assert!(warnings.len() == 1 && warnings[0].contains("certificate"), "{warnings:?}");
    assert_eq!(failures(&server.location(), &Name::new("x")), counted);
}
