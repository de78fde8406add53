//! A Redis server that is gone, or goes in the middle of a storm of failures: the runs end as they should, and a fleet
//! without its budget does not retry as if it had none.

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
use redis::{Client, Connection};
use shared_state::LONG;
use shared_state::server::Server;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// The jobs of one machine, which is a scratch directory.
struct Machine {
    scratch: Scratch,
    state: String,
}

impl Machine {
    fn new(state: &str) -> Self {
        Self { scratch: Scratch::new(), state: state.to_owned() }
    }

    fn job(&self, options: &str, script: &str) -> Command {
        let options = format!("--state {} --base 0.02 --jitter none --retries 4 {options}", self.state);
        let mut command = self.scratch.retry_to_spawn(&options);
        command.env("XDG_STATE_HOME", self.scratch.path("state")).args(["--", "sh", "-c", script]);
        command
    }

    /// How many attempts a job of failures makes, and what it says.
    fn fails(&self, options: &str) -> (usize, Vec<String>) {
        let _first = fs::remove_file(self.scratch.path("attempts"));
        let output = self.job(options, "echo >> attempts; exit 7").output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        (self.scratch.read("attempts").len(), said(&output))
    }
}

/// The URL of a server that refuses connections.
fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("redis://127.0.0.1:{port}")
}

#[test]
fn without_the_server_the_jobs_of_a_machine_share_one_retry() {
    let machine = Machine::new(&nobody());
    let warning = r"retry: cannot use shared state in redis://127\.0\.0\.1:[0-9]+: the connection failed: connection refused\. Continuing with the state of this machine";
    let (attempts, first) = machine.fails("--budget b");
    assert_eq!(attempts, 2, "{first:?}");
    assert_is(&first[0], &format!("{warning}, whose budget is one retry"));
    assert!(first[2].contains("retry budget \"b\""), "{first:?}");
    assert_eq!(first.len(), 3, "{first:?}");
    // The first attempt is always made, and another machine has a retry of its own.
    assert_eq!(machine.fails("--budget b").0, 1);
    assert_eq!(machine.fails("--budget other").0, 2);
    assert_eq!(Machine::new(&nobody()).fails("--budget b").0, 2);
    // The budget that jobs without a server share is another one.
    let jobs_of_this_machine = Machine { state: "state/retry".to_owned(), ..machine };
    assert_eq!(jobs_of_this_machine.fails("--budget b").0, 4);

    // Where the machine can keep nothing, each job has one retry, and says so once.
    let nowhere = Machine::new(&nobody());
    let unwritable = |name: &str| {
        let mut job = nowhere.job(&format!("--breaker {name} --budget {name}"), "exit 7");
        let output = job.env("XDG_STATE_HOME", "/proc/nowhere").output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        said(&output)
    };
    for said in [unwritable("b"), unwritable("b")] {
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(said[2].contains("attempt 2/4") && said[2].contains("retry budget"), "{said:?}");
    }

    // With a breaker alone no retry is lost.
    let machine = Machine::new(&nobody());
    let (attempts, said) = machine.fails("--breaker b --breaker-failures 100");
    assert_eq!(attempts, 4, "{said:?}");
    assert_is(&said[0], warning);
}

#[test]
fn without_the_server_the_jobs_of_a_machine_share_a_circuit() {
    let machine = Machine::new(&nobody());
    let options = "--breaker b --breaker-failures 2 --breaker-open 600";
    assert_eq!(machine.fails(options).0, 2);
    let refused = machine.job(options, "exit 0").output().unwrap();
    assert_eq!(refused.status.code(), Some(75), "{refused:?}");
    assert_eq!(said(&refused).len(), 2, "{refused:?}");
}

/// A person who looks at the server is told of what the machine keeps without it.
#[test]
fn the_state_of_the_machine_is_found_from_that_of_the_server() {
    let Some(mut server) = Server::start("the state of a machine", &[]) else { return };
    let machine = Machine::new(&server.url());
    let look = |state: &str, options: &str| {
        let mut retry = machine.scratch.retry_to_spawn(&format!("--state {state} {options}"));
        retry.env("XDG_STATE_HOME", machine.scratch.path("state")).output().unwrap()
    };
    let own = machine.scratch.path("state/retry/without-server").display().to_string();
    assert_eq!(text(&look(&machine.state, "--show-state").stderr), "");
    server.kill();
    machine.fails("--breaker b --breaker-failures 2 --breaker-open 600");
    let gone = look(&machine.state, "--show-state");
    assert_eq!(gone.status.code(), Some(125), "{gone:?}");
    let told = format!(
        r"retry: cannot use shared state in .*: the connection failed: connection refused\. Meanwhile this machine has state of its own: retry --state {own} --show-state"
    );
    assert_is(text(&gone.stderr).trim_end(), &told);
    let shown = look(&own, "--show-state");
    assert!(text(&shown.stdout).starts_with("b  breaker  open for another"), "{shown:?}");

    server.restart();
    let back = look(&machine.state, "--show-state");
    assert_eq!((back.status.code(), text(&back.stdout).contains("no shared state")), (Some(0), true));
    let told = format!(
        "retry: note: without the server, this machine has a circuit of its own: retry --state {own} --show-state\n"
    );
    assert_eq!(text(&back.stderr), told);
    let json = look(&machine.state, "--show-state --log-format json");
    assert_eq!((text(&json.stdout).as_str(), text(&json.stderr).as_str()), ("[]\n", ""));
    // A budget alone fills up by itself.
    assert_eq!(look(&own, "--reset-state b").status.code(), Some(0));
    machine.fails("--budget b");
    assert_eq!(text(&look(&machine.state, "--show-state").stderr), "");
}

/// A job finds out at its second question that the server is gone.
#[test]
fn a_server_that_goes_in_mid_run_leaves_one_retry() {
    let Some(mut server) = Server::start("a server that goes in mid run", &[]) else { return };
    let machine = Machine::new(&server.url());
    let script = "echo >> attempts; while [ ! -e go ]; do sleep 0.01; done; exit 7";
    let job = machine.job("--breaker b --budget b", script).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the attempt", || machine.scratch.path("attempts").exists());
    server.kill();
    fs::write(machine.scratch.path("go"), "").unwrap();
    let output = job.wait_with_output().unwrap();
    assert_eq!((output.status.code(), machine.scratch.read("attempts").len()), (Some(7), 2), "{output:?}");
    assert!(said(&output)[0].contains("Continuing with the state of this machine"), "{output:?}");
    assert_eq!(said(&output).len(), 3, "{output:?}");

    // The next job of the machine asks the server again, and uses it when it is back.
    server.restart();
    let (attempts, said) = machine.fails("--budget b");
    assert_eq!((attempts, said.len()), (4, 4), "{said:?}");
}

fn direct(server: &Server) -> Connection {
    Client::open(server.url()).unwrap().get_connection().unwrap()
}

fn info(connection: &mut Connection, label: &str) -> String {
    let info: String = redis::cmd("INFO").query(connection).unwrap();
    let lines = info.lines().filter_map(|line| line.strip_prefix(label));
    lines.map(|rest| rest.trim().to_owned()).next().unwrap_or_else(|| panic!("{label} in {info}"))
}

/// The end of a run, whatever has happened to the server: its command's status, in time, with one warning at most.
fn ended_well(output: &Output, expected: &[i32]) {
    let status = output.status.code().unwrap_or_else(|| panic!("{output:?}"));
    assert!(expected.contains(&status), "{output:?}");
    let said = text(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.matches("cannot use shared state").count() <= 1, "{said}");
    // The other lines say how an attempt ended, or that the circuit refuses it.
    for line in said.lines() {
        assert!(line.starts_with("retry: "), "{said}");
    }
}

/// Eighty jobs, most of which fail, while the primary is killed. Then the replica is promoted, as Sentinel or a person
/// does it, and knows what the primary knew.
#[test]
fn a_primary_that_is_killed_in_a_storm_stops_no_job() {
    let Some(mut primary) = Server::start("a failover", &[]) else { return };
    let port = primary.port.to_string();
    let Some(replica) = Server::start("a failover", &["--replicaof", "127.0.0.1", &port]) else { return };
    let mut standby = direct(&replica);
    wait_until("the replica", || info(&mut standby, "master_link_status:") == "up");

    let before = Machine::new(&primary.url());
    let opens = "--breaker known --breaker-failures 1 --breaker-open 600";
    assert_eq!(before.fails(opens).0, 1);

    let storm = Machine::new(&primary.url());
    let options = "--breaker storm --breaker-failures 100000 --budget storm --budget-burst 1000";
    let started = Instant::now();
    let mut jobs: Vec<_> = (0..80)
        .map(|number| {
            let expected = if number % 4 == 0 { 0 } else { 7 };
            let mut job = storm.job(options, &format!("echo >> attempts; exit {expected}"));
            (job.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap(), expected)
        })
        .collect();
    // In the middle of it: as many attempts were made as there are jobs, and not all that there will be.
    wait_until("the storm", || {
        storm.scratch.path("attempts").exists() && storm.scratch.read("attempts").len() >= 60
    });
    primary.kill();
    let mut met = 0;
    for (job, expected) in jobs.drain(..) {
        let output = job.wait_with_output().unwrap();
        ended_well(&output, &[expected]);
        met += usize::from(text(&output.stderr).contains("cannot use shared state"));
    }
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
    assert!(met > 0, "the primary was killed too late");

    // A replica may be read only: a failure cannot be recorded there, and the job goes on with its machine.
    let reader = Machine::new(&replica.url());
    let (attempts, said) = reader.fails("--breaker new --budget new");
    assert_eq!(attempts, 2, "{said:?}");
    assert!(
        said[0].contains("READONLY") && said[0].contains("Continuing with the state of this machine"),
        "{said:?}"
    );
    let _: () = redis::cmd("REPLICAOF").arg("NO").arg("ONE").query(&mut standby).unwrap();
    let after = Machine::new(&replica.url());
    let refused = after.job(opens, "exit 0").output().unwrap();
    assert_eq!(refused.status.code(), Some(75), "{refused:?}");
    assert_eq!(after.fails("--budget new").0, 4);
}
