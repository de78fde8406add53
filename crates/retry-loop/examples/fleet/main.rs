//! What a shared circuit breaker and retry budget do at a million clients, in virtual time.
//!
//! `cargo run --release -p retry-loop --example fleet [CLIENTS [SEEDS [DIRECTORY]]]` prints the tables of
//! `docs/fleet.md`, for a million clients and one seed where nothing is said. With a directory it writes them into the
//! file `fleet.md` there, between its marks, and the charts beside it. `tests/fleet.rs` asserts what is shown here.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "an example prints")]

mod chart;
mod model;
mod table;

use model::measure::Outcome;
use model::{Clients, Experiment, Fault, Reports, Sharing, StateServer, WithoutState, run};
use retry_loop::bucket::BudgetSettings;
use retry_loop::circuit::{BreakerSettings, DEFAULT_MINIMUM, Trip};
use std::time::Duration;

/// The load before the fault, as a part of the capacity.
const UTILIZATION: f64 = 0.7;

/// Clients that come to one machine in an experiment of 380 s: one in 0.4 s.
const CLIENTS_PER_MACHINE: u32 = 1000;

const FAULTS: [(Fault, &str); 3] = [
    (Fault::Crash, "A crash, and cold caches after it"),
    (Fault::BrownOut, "A brown-out: half of the capacity"),
    (Fault::Flaky, "A fifth of the requests fails"),
];

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (size, seeds) = (number(1_000_000), number(1));
    let text = results(size, seeds);
    println!("{text}");
    let Some(directory) = arguments.next() else { return Ok(()) };
    table::insert(&format!("{directory}/fleet.md"), &text)?;
    for (fault, title) in FAULTS {
        let outcomes =
            chart_groups().map(|(name, clients)| (name, run(&experiment(size, fault, clients, 0))));
        std::fs::write(
            format!("{directory}/img/fleet-{}.svg", file_name(fault)),
            chart::svg(title, &outcomes),
        )?;
    }
    Ok(())
}

fn file_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Crash => "crash",
        Fault::BrownOut => "brown-out",
        Fault::Flaky => "flaky",
    }
}

fn experiment(size: u32, fault: Fault, clients: Clients, seed: u64) -> Experiment {
    Experiment {
        size,
        clients_per_machine: CLIENTS_PER_MACHINE,
        utilization: UTILIZATION,
        fault,
        clients,
        seed,
    }
}

/// What is said about a group of clients, and who they are.
type Group = (&'static str, Clients);

const NO_RETRIES: Clients = Clients {
    attempts: 1,
    budget: None,
    breaker: None,
    sharing: Sharing::Fleet,
    state_server: StateServer::Well,
    without_state: WithoutState::SharesByMachine,
    reports: Reports::EverySuccess,
    outsiders: 0.0,
};

const THREE: Clients = Clients { attempts: 3, ..NO_RETRIES };

fn budget() -> Clients {
    Clients { budget: Some(BudgetSettings::default()), ..THREE }
}

fn breaker() -> Clients {
    Clients { breaker: Some(BreakerSettings::default()), ..THREE }
}

fn both() -> Clients {
    Clients { breaker: Some(BreakerSettings::default()), ..budget() }
}

/// Opens when half of the attempts in ten seconds have failed.
fn both_by_rate() -> Clients {
    let trip = Trip::rate(0.5, DEFAULT_MINIMUM).within(Duration::from_secs(10));
    Clients { breaker: Some(BreakerSettings { trip, ..BreakerSettings::default() }), ..budget() }
}

const fn by_machine(clients: Clients) -> Clients {
    Clients { sharing: Sharing::Machine, ..clients }
}

const fn with(clients: Clients, state_server: StateServer, outsiders: f64) -> Clients {
    Clients { state_server, outsiders, ..clients }
}

fn chart_groups() -> [Group; 5] {
    [
        ("no retries", NO_RETRIES),
        ("3 attempts", THREE),
        ("budget of the fleet", budget()),
        ("budgets of machines", by_machine(budget())),
        ("breaker of the fleet", breaker()),
    ]
}

fn sharing_groups() -> Vec<Group> {
    vec![
        ("no retries", NO_RETRIES),
        ("3 attempts", THREE),
        ("budget, by machine", by_machine(budget())),
        ("budget, by fleet", budget()),
        ("breaker, by machine", by_machine(breaker())),
        ("breaker, by fleet", breaker()),
        ("both, by machine", by_machine(both())),
        ("both, by fleet", both()),
        ("both, by fleet, breaker by rate", both_by_rate()),
        (
            "breaker, by fleet, a success is reported after failures only",
            Clients { reports: Reports::AfterFailures, ..breaker() },
        ),
    ]
}

fn disturbed_groups() -> Vec<Group> {
    let (well, slow, gone) = (StateServer::Well, StateServer::Slow, StateServer::Gone);
    vec![
        ("no retries", NO_RETRIES),
        ("no retries, a tenth outside", with(NO_RETRIES, well, 0.1)),
        ("budget, state server slow", with(budget(), slow, 0.0)),
        ("budget, state server gone", with(budget(), gone, 0.0)),
        ("budget, a tenth outside", with(budget(), well, 0.1)),
        ("budget, a tenth outside, gone", with(budget(), gone, 0.1)),
        ("both, state server slow", with(both(), slow, 0.0)),
        ("both, state server gone", with(both(), gone, 0.0)),
        ("both, a tenth outside", with(both(), well, 0.1)),
        ("both, a tenth outside, gone", with(both(), gone, 0.1)),
        ("both, breaker by rate, gone", with(both_by_rate(), gone, 0.0)),
        ("both, breaker by rate, a tenth outside", with(both_by_rate(), well, 0.1)),
        ("both, breaker by rate, a tenth outside, gone", with(both_by_rate(), gone, 0.1)),
    ]
}

/// What a client may do when the state server is gone.
fn without_state_groups() -> Vec<Group> {
    let gone = |clients, without_state| Clients { without_state, ..with(clients, StateServer::Gone, 0.0) };
    vec![
        ("no retries", NO_RETRIES),
        ("budget, and the client retries", gone(budget(), WithoutState::Retries)),
        ("budget, and it retries once", gone(budget(), WithoutState::RetriesOnce)),
        ("budget, and its machine retries once in a minute", gone(budget(), WithoutState::SharesByMachine)),
        ("budget, and it does not retry", gone(budget(), WithoutState::GivesUp)),
        ("both, and the client retries", gone(both(), WithoutState::Retries)),
        ("both, and it retries once", gone(both(), WithoutState::RetriesOnce)),
        (
            "both, and its machine has a circuit and one retry in a minute",
            gone(both(), WithoutState::SharesByMachine),
        ),
        ("both, and it does not retry", gone(both(), WithoutState::GivesUp)),
    ]
}

fn few_groups() -> Vec<Group> {
    vec![
        ("no retries", NO_RETRIES),
        ("budget, by machine", by_machine(budget())),
        ("budget, by fleet", budget()),
        ("breaker, by machine", by_machine(breaker())),
        ("breaker, by fleet", breaker()),
        ("both, by machine", by_machine(both())),
    ]
}

/// Other settings than the defaults.
fn settings_groups() -> Vec<Group> {
    let open = |seconds| {
        let open = Duration::from_secs(seconds);
        Clients { breaker: Some(BreakerSettings { open, ..BreakerSettings::default() }), ..THREE }
    };
    let bucket = |burst, ratio| Clients { budget: Some(BudgetSettings::new(burst, ratio)), ..THREE };
    vec![
        ("no retries", NO_RETRIES),
        ("breaker, by fleet, open for 2 s", open(2)),
        ("breaker, by fleet, open for 5 s", open(5)),
        ("breaker, by fleet, open for 10 s", open(10)),
        ("breaker, by fleet, open for 30 s", open(30)),
        ("breaker, by machine, open for 2 s", by_machine(open(2))),
        ("breaker, by machine, open for 5 s", by_machine(open(5))),
        ("breaker, by machine, open for 30 s", by_machine(open(30))),
        ("budget, by fleet, burst 10, ratio 0.1", bucket(10, 0.1)),
        ("budget, by fleet, burst 10, ratio 0.2", bucket(10, 0.2)),
        ("budget, by machine, burst 5, ratio 0.1", by_machine(bucket(5, 0.1))),
        ("budget, by machine, burst 5, ratio 0.2", by_machine(bucket(5, 0.2))),
        ("budget, by machine, burst 10, ratio 0.1", by_machine(bucket(10, 0.1))),
        ("budget, by machine, burst 10, ratio 0.2", by_machine(bucket(10, 0.2))),
    ]
}

/// All tables.
fn results(size: u32, seeds: u32) -> String {
    let mut text = if seeds == 1 {
        format!("Each line stands for one run with about {size} clients.\n")
    } else {
        format!(
            "Each line stands for {seeds} runs with different seeds and about {size} clients each: the mean, and half of \
             its 95 % interval.\n"
        )
    };
    let mut section = |title: &str, groups: &[Group], change: fn(Experiment) -> Experiment, fault| {
        let rows: Vec<(&str, Vec<Outcome>)> = groups
            .iter()
            .map(|(name, clients)| {
                (
                    *name,
                    (0..u64::from(seeds))
                        .map(|seed| run(&change(experiment(size, fault, *clients, seed))))
                        .collect(),
                )
            })
            .collect();
        text.push_str(&table::markdown(title, &rows));
    };
    for (fault, title) in FAULTS {
        section(title, &sharing_groups(), |one| one, fault);
    }
    for (fault, title) in &FAULTS[..2] {
        let title = format!("{title}; trouble with sharing");
        section(&title, &disturbed_groups(), |one| one, *fault);
    }
    for (fault, title) in &FAULTS[..2] {
        let title = format!("{title}; without the state server");
        section(&title, &without_state_groups(), |one| one, *fault);
        let title = format!("{title}, a tenth of the clients for each machine");
        section(
            &title,
            &without_state_groups(),
            |one| Experiment { clients_per_machine: 100, ..one },
            *fault,
        );
    }
    for (fault, title) in FAULTS {
        section(&format!("{title}; other settings"), &settings_groups(), |one| one, fault);
    }
    for (fault, title) in &FAULTS[..2] {
        let title = format!("{title}; a tenth of the clients for each machine");
        section(&title, &few_groups(), |one| Experiment { clients_per_machine: 100, ..one }, *fault);
    }
    for (fault, title) in &FAULTS[..2] {
        let title = format!("{title}; the service is loaded to 90 %");
        section(&title, &few_groups(), |one| Experiment { utilization: 0.9, ..one }, *fault);
    }
    text
}
