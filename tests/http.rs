//! The first example of the manual against a server that is down for a moment.

mod common;

use common::command::{ELAPSED, Scratch, needs, said};
use predicates::prelude::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server on a free port of this machine: `failures` answers with status 503, then 200 with `body`.
/// It ends with the test's process.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(failures: usize, body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let before = counter.fetch_add(1, Ordering::SeqCst);
                let (status, body) = if before < failures {
                    ("503 Service Unavailable", b"try later\n".as_slice())
                } else {
                    ("200 OK", body.as_slice())
                };
                answer(stream.unwrap(), status, body).unwrap();
            }
        });
        Self { port, requests }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

fn answer(mut stream: TcpStream, status: &str, body: &[u8]) -> std::io::Result<()> {
    let request = BufReader::new(stream.try_clone()?);
    for line in request.lines() {
        if line?.is_empty() {
            break;
        }
    }
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

/// `retry OPTIONS -- curl FLAGS URL`, with a curl that reads no settings of whoever runs the tests.
fn curl(scratch: &Scratch, options: &str, flags: &str, server: &Server) -> assert_cmd::Command {
    let mut retry = scratch.retry(options);
    retry.args(["--", "curl", flags, &server.url()]);
    retry.env("HOME", scratch.path("")).env("CURL_HOME", scratch.path("")).env("NO_PROXY", "*");
    retry.env_remove("XDG_CONFIG_HOME").env("no_proxy", "*");
    retry
}

#[test]
fn two_failures_then_the_whole_answer() {
    if !needs("curl", "HTTP") {
        return;
    }
    let body: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let server = Server::start(2, body.clone());
    let scratch = Scratch::new();
    let output = curl(&scratch, "--retries 3 --base 0.1", "-fsS", &server).output().unwrap();
    let lines = said(&output);
    assert_eq!(output.status.code(), Some(0), "{lines:?}");
    assert!(output.stdout == body, "the answer, once and whole; it has {} bytes", output.stdout.len());
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
    let wanted = [
        format!(r"^retry: attempt 1/3 failed: exit status 22 after {ELAPSED}\. Retrying in 0\.[1-4]\ds$"),
        format!(r"^retry: attempt 2/3 failed: exit status 22 after {ELAPSED}\. Retrying in 0\.[4-7]\ds$"),
        format!(r"^retry: succeeded on attempt 3/3 after {ELAPSED}$"),
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:?}");
    for (line, wanted) in lines.iter().zip(&wanted) {
        assert!(predicate::str::is_match(wanted).unwrap().eval(line), "{line}\nis not\n{wanted}");
    }
}

#[test]
fn a_server_that_stays_down() {
    if !needs("curl", "HTTP") {
        return;
    }
    let server = Server::start(usize::MAX, Vec::new());
    let scratch = Scratch::new();
    let retry = curl(&scratch, "--retries 3 --base 0.05 --jitter 0", "-fsS", &server).assert();
    retry.code(22).stdout("").stderr(predicate::str::contains("Giving up after"));
    assert_eq!(server.requests.load(Ordering::SeqCst), 3);
}

#[test]
fn a_refused_connection_is_what_the_preset_is_for() {
    if !needs("curl", "the curl preset") {
        return;
    }
    // A port that was just free and has no server.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = Server { port, requests: Arc::default() };
    let scratch = Scratch::new();
    let output = curl(&scratch, "--retry-on curl --retries 2 --base 0.05", "-fsS", &gone).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(said(&output).len(), 2);
    // 22 can be a final answer (404), but what curl prints says that it is not: 503.
    let server = Server::start(usize::MAX, Vec::new());
    let output = curl(&scratch, "--retry-on curl --retries 2 --base 0.05", "-fsS", &server).output().unwrap();
    assert_eq!((output.status.code(), said(&output).len()), (Some(22), 2));
}
