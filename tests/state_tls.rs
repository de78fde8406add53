//! `--state rediss://` as the program does it, with a real server: what travels, and what the certificate decides.

#![cfg(feature = "redis-tls")]
#![allow(
    clippy::disallowed_methods,
    clippy::allow_attributes,
    reason = "shared_state has a clock of its own"
)]

mod common;
mod shared_state;

use common::command::{Scratch, can, program, said, text, wait_until};
use shared_state::server::Server;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

/// What went through a [`relay`], both ways.
type Seen = Arc<Mutex<Vec<u8>>>;

/// Passes connections on to a port of this machine, and keeps what they carry. Ends with the test's process.
fn relay(port: u16) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (own, seen) = (listener.local_addr().unwrap().port(), Seen::default());
    let kept = Arc::clone(&seen);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
            for (mut from, mut to) in
                [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
            {
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut bytes) {
                        kept.lock().unwrap().extend_from_slice(&bytes[..count]);
                        if to.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _closed_already = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (own, seen)
}

fn contains(seen: &Seen, word: &str) -> bool {
    seen.lock().unwrap().windows(word.len()).any(|window| window == word.as_bytes())
}

/// A server with a certificate of its own, `certificate.pem` in the directory, and its port for TLS.
fn server(scratch: &Scratch) -> Option<(Server, u16)> {
    let mut openssl = program("openssl");
    scratch.settle(&mut openssl);
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=retry", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args([
            "-addext",
            "basicConstraints=critical,CA:false",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ]);
    let made = openssl.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !can("TLS as the program does it", "openssl", made) {
        return None;
    }
    let (port, options) = tls_options(scratch);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let options = [&["--requirepass", "hunter2"][..], &options].concat();
    Server::start("TLS as the program does it", &options).map(|server| (server, port))
}

/// A port for TLS, and the options of a server that has it, with the certificate of [`server`].
fn tls_options(scratch: &Scratch) -> (u16, Vec<String>) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = |name: &str| scratch.path(name).display().to_string();
    let (certificate, key, port_text) = (file("certificate.pem"), file("key.pem"), port.to_string());
    let options = ["--tls-port", &port_text, "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    (port, [&options[..], &files].concat().into_iter().map(str::to_owned).collect())
}

#[test]
fn neither_the_password_nor_a_name_travels_in_clear() {
    let scratch = Scratch::new();
    let Some((server, tls)) = server(&scratch) else { return };
    for (scheme, port) in [("redis", server.port), ("rediss", tls)] {
        let (port, seen) = relay(port);
        let name = format!("registry-{scheme}");
        let retry = |options: &str| {
            let mut retry =
                scratch.retry(&format!("--state {scheme}://:hunter2@127.0.0.1:{port}/0 {options}"));
            retry.env("SSL_CERT_FILE", scratch.path("certificate.pem"));
            retry.output().unwrap()
        };
        // A handshake without optimisation on a machine that does much else may take more than 200 ms.
        wait_until("a failure that is shared", || {
            let failed = retry(&format!("--breaker {name} --breaker-failures 1 -r1 false"));
            let lines = said(&failed);
            assert!(
                !lines.iter().any(|line| line.contains("hunter2") || line.contains("certificate")),
                "{lines:?}"
            );
            text(&retry("--show-state").stdout).contains(&format!("{name}  breaker  open for another"))
        });
        wait_until("an attempt that is refused", || {
            retry(&format!("--breaker {name} --breaker-failures 1 -r1 true")).status.code() == Some(75)
        });
        let in_clear = scheme == "redis";
        assert!(!seen.lock().unwrap().is_empty());
        assert_eq!((contains(&seen, "hunter2"), contains(&seen, &name)), (in_clear, in_clear), "{scheme}");
    }
}

#[test]
fn a_server_that_is_not_trusted_gets_no_password_and_the_command_runs() {
    let scratch = Scratch::new();
    let Some((_server, tls)) = server(&scratch) else { return };
    let (port, seen) = relay(tls);
    let mut retry =
        scratch.retry(&format!("--state rediss://:hunter2@127.0.0.1:{port}/0 --breaker x echo ran"));
    let done = retry.env("SSL_CERT_FILE", "/dev/null").output().unwrap();
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(0), "ran\n"));
    let lines = said(&done);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains("hunter2") && !contains(&seen, "hunter2"), "{lines:?}");
}

#[test]
fn sentinels_are_asked_over_tls_too() {
    let scratch = Scratch::new();
    let Some((_server, tls)) = server(&scratch) else { return };
    let (primary, seen_of_primary) = relay(tls);
    let (port_of_sentinel, options) = tls_options(&scratch);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let _sentinel = Server::start_sentinel("fleet", primary, &options).unwrap();
    let (port, seen) = relay(port_of_sentinel);
    let url = format!("rediss+sentinel://:hunter2@127.0.0.1:{port}/fleet");
    let retry = |options: &str| {
        let mut retry = scratch.retry(&format!("--state {url} {options}"));
        retry.env("SSL_CERT_FILE", scratch.path("certificate.pem")).output().unwrap()
    };
    wait_until("a failure that is shared", || {
        let failed = retry("--breaker a --breaker-failures 1 -r1 false");
        assert!(!text(&failed.stderr).contains("certificate"), "{failed:?}");
        text(&retry("--show-state").stdout).contains("a  breaker  open for another")
    });
    assert!(!seen.lock().unwrap().is_empty() && !seen_of_primary.lock().unwrap().is_empty());
    assert!(!contains(&seen, "fleet") && !contains(&seen_of_primary, "hunter2"));
}
