//! The first example of the manual against a server that is down for a moment.

mod common;

use common::command::{Scratch, announced, assert_is, needs, said};
use common::http::{Server, retry};
use predicates::prelude::*;

const DOWN: &str = "503 Service Unavailable\r\n";

/// A server that is down for ever.
fn down() -> Server {
    Server::start(vec![(DOWN.to_owned(), b"try later\n".to_vec())])
}

#[test]
fn two_failures_then_the_whole_answer() {
    if !needs("curl", "HTTP") {
        return;
    }
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let refusal = (DOWN.to_owned(), b"try later\n".to_vec());
    let server = Server::start(vec![refusal.clone(), refusal, ("200 OK\r\n".to_owned(), body.clone())]);
    let scratch = Scratch::new();
    let output = retry(&scratch, "--retries 3 --base 0.1", "curl -fsS", &server).output().unwrap();
    let lines = said(&output);
    assert_eq!(output.status.code(), Some(0), "{lines:?}");
    assert!(output.stdout == body, "the answer, once and whole; it has {} bytes", output.stdout.len());
    assert_eq!(server.requests(), 3);
    let wanted = [
        r"retry: attempt 1/3 failed: exit status 22 after <T>\. Retrying in <T>",
        r"retry: attempt 2/3 failed: exit status 22 after <T>\. Retrying in <T>",
        r"retry: succeeded on attempt 3/3 after <T>",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:?}");
    lines.iter().zip(wanted).for_each(|(line, wanted)| assert_is(line, wanted));
    // 0.1 s and 0.4 s, each with up to 0.3 s of jitter, as they are shown: to a hundredth.
    let delays = announced(&output);
    assert!((0.1..=0.4).contains(&delays[0]) && (0.4..=0.7).contains(&delays[1]), "{delays:?}");
}

#[test]
fn a_server_that_stays_down() {
    if !needs("curl", "HTTP") {
        return;
    }
    let server = down();
    let scratch = Scratch::new();
    let retry = retry(&scratch, "--retries 3 --base 0.05 --jitter 0", "curl -fsS", &server).assert();
    retry.code(22).stdout("").stderr(predicate::str::contains("Giving up after"));
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_refused_connection_is_what_the_preset_is_for() {
    if !needs("curl", "the curl preset") {
        return;
    }
    let gone = Server::absent();
    let scratch = Scratch::new();
    let output =
        retry(&scratch, "--retry-on curl --retries 2 --base 0.05", "curl -fsS", &gone).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(said(&output).len(), 2);
    // 22 can be a final answer (404), but what curl prints says that it is not: 503.
    let server = down();
    let output =
        retry(&scratch, "--retry-on curl --retries 2 --base 0.05", "curl -fsS", &server).output().unwrap();
    assert_eq!((output.status.code(), said(&output).len()), (Some(22), 2));
}
