//! A server that is malicious or speaks another protocol costs no more than 200 ms, little memory, and one short
//! warning.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use common::command::{RETRY, Scratch, program, text};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use retry::core::shared::{Location, Name};
use retry::state::inspect;
use retry::state::shared::{Gate, Permit};
use retry_loop::bucket::Payment;
use retry_loop::circuit::Observation;
use retry_loop::random::Random;
use shared_state::{LEASE, LONG, counting, sure};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn location(url: &str) -> Location {
    Location::parse(OsStr::new(url)).unwrap()
}

/// Starts a server that runs `talk` for each connection. Returns its port.
fn impostor(talk: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let talk = Arc::new(talk);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = Arc::clone(&talk);
            std::thread::spawn(move || talk(stream));
        }
    });
    port
}

/// Reads one command and sends the pieces of an answer, with pauses, until the client closes the connection.
fn answers(stream: &mut TcpStream, pieces: impl IntoIterator<Item = Vec<u8>>, pause: Duration) {
    let _ = stream.read(&mut [0; 16 * 1024]);
    for piece in pieces {
        if stream.write_all(&piece).is_err() {
            return;
        }
        std::thread::sleep(pause);
    }
}

/// Malicious servers: a name, the port, and a part of the warning.
fn evil_servers() -> Vec<(&'static str, u16, &'static str)> {
    fn repeats(start: &str, again: &[u8]) -> impl Fn(TcpStream) + Send + Sync + use<> {
        let (start, again) = (start.as_bytes().to_vec(), again.repeat(64 * 1024 / again.len()));
        move |mut stream| {
            let endless = std::iter::once(start.clone()).chain(std::iter::repeat(again.clone()));
            answers(&mut stream, endless, Duration::ZERO);
        }
    }
    fn says(answer: &'static str) -> impl Fn(TcpStream) + Send + Sync {
        move |mut stream| {
            answers(&mut stream, [answer.as_bytes().to_vec()], Duration::ZERO);
            // Keeps the connection open.
            let _ = stream.read(&mut [0; 1]);
        }
    }
    let drip = |mut stream: TcpStream| {
        // Each byte is in time for a limit on one read, but there is no end.
        answers(&mut stream, std::iter::repeat(b"+".to_vec()), Duration::from_millis(20));
    };
    let reset = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 1]);
        // The kernel resets a connection that is closed with unread data.
        drop(stream);
    };
    let nested = Box::leak("*2147483647\r\n".repeat(4000).into_boxed_str());
    let wordy: &'static str = Box::leak(format!("-ERR {}\r\n", "x".repeat(60_000)).into_boxed_str());
    let (late, long) = ("no reply within 200ms", "longer than 64 KiB");
    let garbage = "the server does not speak the Redis protocol";
    vec![
        ("a drip", impostor(drip), late),
        ("silence", impostor(|mut stream| drop(stream.read_to_end(&mut Vec::new()))), late),
        ("a reset", impostor(reset), "the connection failed"),
        ("an endless string", impostor(repeats("$4294967296\r\n", b"x")), long),
        ("an endless line", impostor(repeats("+", b"x")), long),
        ("an endless error", impostor(repeats("-ERR ", b"x")), long),
        ("an endless list", impostor(repeats("*2147483647\r\n", b":1\r\n")), long),
        ("endless lists in lists", impostor(repeats("", b"*1\r\n")), garbage),
        ("endless replies", impostor(repeats("", b"-ERR no\r\n")), ""),
        ("endless messages", impostor(repeats("", b">2\r\n+x\r\n+y\r\n")), long),
        ("wide lists in wide lists", impostor(says(nested)), garbage),
        ("a string of 2^63 bytes", impostor(says("$9223372036854775807\r\n")), late),
        ("a list of 2^63", impostor(says("*9223372036854775807\r\n")), late),
        ("a map of 2^63", impostor(says("%9223372036854775807\r\n")), late),
        ("attributes of 2^63", impostor(says("|9223372036854775807\r\n")), late),
        ("a map of -1", impostor(says("%-1\r\n")), ""),
        ("a length of -2", impostor(says("$-2\r\n")), "invalid reply"),
        ("a length that is none", impostor(says("$x\r\n")), garbage),
        ("a long error", impostor(says(wordy)), "xxx..."),
        ("nothing", impostor(says("$-1\r\n")), "invalid reply"),
        (
            "a span of 2^63",
            impostor(says("*5\r\n$4\r\nopen\r\n:9223372036854775807\r\n:1\r\n:0\r\n:0\r\n")),
            "invalid reply",
        ),
        ("HTTP", impostor(says("HTTP/1.1 400 Bad Request\r\n\r\n")), garbage),
        ("SSH", impostor(says("SSH-2.0-OpenSSH_9.9\r\n")), garbage),
        ("an escape sequence", impostor(says("-ERR \x1b[31m\u{202e}red\r\n")), "\\u{1b}[31m\\u{202e}red"),
    ]
}

#[test]
fn no_server_costs_more_than_200_ms_some_memory_and_one_short_warning() {
    let this = |field: &str| -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
    };
    for (name, port, why) in evil_servers() {
        let location = location(&format!("redis://127.0.0.1:{port}"));
        let before = this("VmHWM");
        let mut user = counting(&location);
        let started = Instant::now();
        let answer = user.admit(LEASE);
        let took = started.elapsed();
        assert_eq!(answer.decision, Gate::Pass(Permit::Unguarded), "{name}");
        let warning = answer.warning.expect(name);
        assert!(warning.contains(why), "{name}: {warning}");
        assert!(warning.len() < 600 && !warning.contains(['\x1b', '\u{202e}']), "{name}: {warning}");
        assert!(took < Duration::from_secs(2), "{name}: {took:?}");
        assert_eq!(sure(user.admit(LEASE)), Gate::Pass(Permit::Unguarded));
        // Other tests run in this process, too.
        assert!(
            this("VmHWM").saturating_sub(before) < 200_000,
            "{name}: {before} kB before, {} kB now",
            this("VmHWM")
        );
    }
}

#[test]
fn a_person_who_looks_waits_for_no_server_either() {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (name, port, _) in evil_servers() {
            scope.spawn(move || {
                let location = location(&format!("redis://127.0.0.1:{port}"));
                let trouble = inspect::show(&location).expect_err(name).to_string();
                assert!(trouble.len() < 600 && !trouble.contains(['\x1b', '\u{202e}']), "{name}: {trouble}");
                assert!(inspect::reset(&location, &Name::new("x")).is_err(), "{name}");
            });
        }
    });
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
}

/// The C library's resolver cannot be interrupted. Only its thread stays behind.
#[test]
fn a_name_server_that_never_answers_costs_200_ms() {
    let there = UdpSocket::bind("127.0.0.99:53");
    let scratch = Scratch::new();
    std::fs::write(scratch.path("resolv.conf"), "nameserver 127.0.0.99\noptions timeout:30 attempts:1\n")
        .unwrap();
    let unshared = |script: &str| {
        let mut command = program("unshare");
        let mount = "mount --bind resolv.conf /etc/resolv.conf && ";
        scratch.settle(&mut command);
        command.args(["-m", "sh", "-c"]).arg(format!("{mount}{script}")).arg(RETRY);
        command
    };
    if there.is_err() || !unshared("true").output().is_ok_and(|done| done.status.success()) {
        // Containers forbid it, so `needs` does not apply.
        eprintln!("not tested: a silent name server needs root and a mount namespace");
        return;
    }
    let script =
        r#""$0" --state redis://name.example --breaker b --budget b sh -c 'grep Threads /proc/$PPID/status'"#;
    let started = Instant::now();
    let output = unshared(script).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains("no reply within 200ms"), "{output:?}");
    assert_eq!(text(&output.stdout), "Threads:\t2\n");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// Something similar to a reply: headers with wrong lengths, parts of lines, noise.
fn any_reply() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        (-3..20_i64).prop_map(|length| length.to_string()),
        any::<i64>().prop_map(|length| length.to_string()),
        Just("18446744073709551615".to_owned()),
        "[0-9+-]{0,3}",
    ];
    let header = (prop::sample::select(&b"$*%~>|!=(,#_:+-"[..]), length)
        .prop_map(|(kind, length)| [&[kind], length.as_bytes(), b"\r\n"].concat());
    let word =
        prop::sample::select(&["closed", "probe", "open", "probing", "OK", "ERR", "t", "1.5", "inf"][..])
            .prop_map(|word| format!("{word}\r\n").into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..8);
    let piece = prop_oneof![6 => header, 2 => word, 1 => noise];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The release build aborts on a panic, which would leave the command without its `retry`.
#[test]
fn no_reply_makes_anything_panic() {
    let reply = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&reply);
    let port = impostor(move |mut stream| {
        let answer: Vec<u8> = said.lock().unwrap().clone();
        answers(&mut stream, [answer], Duration::ZERO);
    });
    let location = location(&format!("redis://127.0.0.1:{port}"));
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&any_reply(), |bytes| {
        *reply.lock().unwrap() = bytes;
        let mut user = counting(&location);
        let Gate::Pass(permit) = user.admit(LEASE).decision else { return Ok(()) };
        user.record(permit, Observation::Failure, &mut Random::seeded(1));
        user.pay();
        Ok(())
    });
    outcome.unwrap();
}

/// An endless list is not collected.
#[test]
fn a_list_without_end_is_given_up() {
    let port = impostor(|mut stream| {
        let mut key = 0_u64;
        let mut command = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut command) {
            let asks = |word: &[u8]| command[..length].windows(word.len()).any(|part| part == word);
            let mut answer = b"*2\r\n:1\r\n:1\r\n".to_vec();
            if asks(b"CLUSTER") {
                answer = b"-ERR This instance has cluster support disabled\r\n".to_vec();
            }
            if asks(b"SCAN") {
                answer = b"*2\r\n$1\r\n1\r\n*100\r\n".to_vec();
                for _ in 0..100 {
                    let name = format!("retry:{{{key}}}:breaker");
                    answer.extend(format!("${}\r\n{name}\r\n", name.len()).bytes());
                    key += 1;
                }
            }
            let _gone = stream.write_all(&answer);
        }
    });
    let trouble = inspect::show(&location(&format!("redis://127.0.0.1:{port}"))).unwrap_err().to_string();
    let expected = ["there are more than 10000 records", "no reply within 3000ms"];
    assert!(expected.contains(&trouble.as_str()), "{trouble}");
}

/// No thread, no descriptor and no memory is left while the command runs.
#[test]
fn a_server_leaves_nothing_behind_in_the_run() {
    let script = "cat /proc/$PPID/status; ls -l /proc/$PPID/fd";
    for (name, port, _) in evil_servers() {
        let scratch = Scratch::new();
        let mut command = scratch.retry("--breaker b --budget b");
        let output = command
            .arg(format!("--state=redis://127.0.0.1:{port}"))
            .args(["sh", "-c", script])
            .output()
            .unwrap();
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        assert!(said.contains("Threads:\t1\n"), "{name}: {said}");
        assert!(!said.contains("socket:") && !said.contains("eventpoll"), "{name}: {said}");
        let peak = said.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 80_000, "{name}: {peak} kB");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{name}: {output:?}");
    }
}

/// 60 ms for each answer are in time for one operation, but not for all operations of an attempt.
#[test]
fn the_200_ms_are_for_all_that_an_attempt_asks() {
    let slow = impostor(|mut stream| {
        while let Ok(1..) = stream.read(&mut [0; 16 * 1024]) {
            std::thread::sleep(Duration::from_millis(60));
            let _gone = stream.write_all(b"*5\r\n$4\r\npaid\r\n:0\r\n:1\r\n:0\r\n:0\r\n");
        }
    });
    let mut user = counting(&location(&format!("redis://127.0.0.1:{slow}")));
    let started = Instant::now();
    let mut answers = 0;
    let warning = loop {
        let answer = user.pay();
        assert_eq!(answer.decision, Payment::Paid);
        match answer.warning {
            Some(warning) => break warning,
            None => answers += 1,
        }
        assert!(answers < 10);
    };
    assert!(warning.contains("no reply within 200ms"), "{warning}");
    assert!(answers <= 3 && started.elapsed() < Duration::from_secs(2), "{answers}, {:?}", started.elapsed());
    assert!(matches!(sure(user.pay()), Payment::Empty { .. }));
}
