//! A Redis user with the least rights that retry needs, and with each of them taken away.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use common::command::{Scratch, text};
use redis::{Client, Commands as _, Connection};
use shared_state::server::Server;
use std::process::Output;

/// What a run needs, as the README says.
const RUN: [&str; 5] = ["+eval", "+evalsha", "+get", "+set", "+time"];
/// `--show-state` and `--reset-state` as well.
const LOOK: [&str; 4] = ["+scan", "+getrange", "+time", "+del"];

/// A user `fleet` with no rights but these, on a server that knows no script.
fn grant<'a>(direct: &mut Connection, rights: impl IntoIterator<Item = &'a &'static str>) {
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("fleet").arg(&["reset", "on", ">s3cret", "~retry:*"]);
    for right in rights {
        command.arg(*right);
    }
    let _: () = command.query(direct).unwrap();
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(direct).unwrap();
}

fn retry(server: &Server, options: &str, command: &[&str]) -> Output {
    let state = format!("redis://fleet:s3cret@127.0.0.1:{}", server.port);
    let scratch = Scratch::new();
    scratch.retry_to_spawn(&format!("--state {state} --base 0.001 {options}")).args(command).output().unwrap()
}

#[test]
fn five_commands_on_our_own_keys_are_enough_and_none_is_too_many() {
    let Some(server) = Server::start("a user with few rights", &[]) else { return };
    let mut direct = Client::open(server.url()).unwrap().get_connection().unwrap();
    let fails = |name: &str| {
        let options = format!("--breaker {name} --budget {name} --retries 2");
        let output = retry(&server, &options, &["--", "false"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        text(&output.stderr)
    };
    grant(&mut direct, &RUN);
    let said = fails("all");
    assert!(!said.contains("shared state"), "{said}");
    // A user who may not look is told so.
    let denied = retry(&server, "--show-state", &[]);
    assert_eq!(denied.status.code(), Some(125));
    assert!(text(&denied.stderr).contains("NOPERM"), "{denied:?}");

    for missing in RUN {
        grant(&mut direct, RUN.iter().filter(|right| **right != missing));
        let said = fails(&missing[1..]);
        assert!(
            said.contains("shared state") && said.contains("Continuing with the state of this machine"),
            "{missing}: {said}"
        );
    }

    grant(&mut direct, &LOOK);
    let shown = retry(&server, "--show-state", &[]);
    assert!(text(&shown.stdout).contains("all  "), "{shown:?}");
    let forgotten = retry(&server, "--reset-state all", &[]);
    assert_eq!(text(&forgotten.stdout), "all was reset\n", "{forgotten:?}");
    let _: () = direct.set("retry:{there}:budget", "1 9000 0").unwrap();
    for missing in LOOK {
        grant(&mut direct, LOOK.iter().filter(|right| **right != missing));
        let all = [retry(&server, "--show-state", &[]), retry(&server, "--reset-state evalsha", &[])];
        assert!(all.iter().any(|output| output.status.code() == Some(125)), "{missing}: {all:?}");
    }
}
