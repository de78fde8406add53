//! What `docs/fleet.md` says, at a fiftieth of its size: 20 000 clients, and a few seeds.

#[path = "../examples/fleet/model/mod.rs"]
#[allow(dead_code, clippy::allow_attributes, reason = "the tables and charts show more than is asserted")]
mod model;

use model::measure::{MOST, Outcome};
use model::{Clients, Experiment, Fault, Reports, Sharing, StateServer, WithoutState, run};
use retry_loop::bucket::BudgetSettings;
use retry_loop::circuit::{BreakerSettings, DEFAULT_MINIMUM, Trip};
use std::time::Duration;

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

fn both() -> Clients {
    Clients { breaker: Some(BreakerSettings::default()), ..budget() }
}

fn runs(fault: Fault, clients: Clients) -> Vec<Outcome> {
    (0..5).map(|seed| run(&experiment(fault, clients, seed))).collect()
}

fn experiment(fault: Fault, clients: Clients, seed: u64) -> Experiment {
    Experiment { size: 20_000, clients_per_machine: 1000, utilization: 0.7, fault, clients, seed }
}

fn all_come_back(runs: &[Outcome]) {
    assert!(runs.iter().all(|run| run.goodput >= MOST), "{runs:?}");
}

fn mean(runs: &[Outcome], value: impl Fn(&Outcome) -> f64) -> f64 {
    runs.iter().map(value).sum::<f64>() / runs.len() as f64
}

fn recovery(runs: &[Outcome]) -> f64 {
    mean(runs, |run| run.recovery.expect("the service comes back"))
}

#[test]
fn without_retries_the_service_comes_back_and_with_three_attempts_it_does_not() {
    for fault in [Fault::Crash, Fault::BrownOut] {
        let plain = runs(fault, NO_RETRIES);
        all_come_back(&plain);
        assert!(plain.iter().all(|run| run.load_in_fault <= 1.0), "{plain:?}");
        let three = runs(fault, THREE);
        assert!(three.iter().all(|run| run.goodput < 0.5 && run.recovery.is_none()), "{three:?}");
        assert!(mean(&three, |run| run.load_in_fault) > 2.0, "{three:?}");
    }
}

#[test]
fn a_budget_of_the_fleet_costs_no_load_and_no_time() {
    for fault in [Fault::Crash, Fault::BrownOut] {
        let (plain, shared) = (runs(fault, NO_RETRIES), runs(fault, budget()));
        all_come_back(&shared);
        assert!(shared.iter().all(|run| run.load_in_fault <= 1.1), "{shared:?}");
        assert!(recovery(&shared) <= 1.2 * recovery(&plain), "{shared:?}");
    }
    // It lets through what helps: a fifth of the requests fails, and far fewer clients do.
    let flaky = runs(Fault::Flaky, budget());
    assert!(mean(&flaky, |run| run.done_in_fault) > 0.9, "{flaky:?}");
}

/// What the default refill of the budget is made for: at 10 s for a token it does not come back.
#[test]
fn budgets_of_machines_with_few_clients_let_the_service_come_back() {
    let clients = Clients { sharing: Sharing::Machine, ..budget() };
    for seed in 0..5 {
        let few = Experiment { clients_per_machine: 100, ..experiment(Fault::Crash, clients, seed) };
        let outcome = run(&few);
        assert!(outcome.goodput >= MOST && outcome.recovery.is_some(), "{outcome:?}");
    }
}

/// What the default open time is made for: an open circuit does not outlast the outage by long.
#[test]
fn a_breaker_makes_recovery_no_longer() {
    for sharing in [Sharing::Machine, Sharing::Fleet] {
        let (plain, shared) =
            (runs(Fault::Crash, NO_RETRIES), runs(Fault::Crash, Clients { sharing, ..both() }));
        all_come_back(&shared);
        assert!(shared.iter().all(|run| run.load_in_fault <= 0.5), "{shared:?}");
        assert!(recovery(&shared) <= 1.2 * recovery(&plain), "{shared:?}");
    }
}

#[test]
fn a_rate_does_not_open_where_a_count_does() {
    let trip = Trip::rate(0.5, DEFAULT_MINIMUM).within(Duration::from_secs(10));
    let done = |breaker| {
        let clients = Clients { breaker: Some(breaker), ..THREE };
        // Five failures in a row of one in five come by chance, and the more clients there are the sooner.
        run(&Experiment { size: 200_000, ..experiment(Fault::Flaky, clients, 1) }).done_in_fault
    };
    let (count, rate) = (BreakerSettings::default(), BreakerSettings { trip, ..BreakerSettings::default() });
    assert!(done(count) < 0.9, "{}", done(count));
    assert!(done(rate) > 0.98, "{}", done(rate));
}

#[test]
fn it_comes_back_without_a_state_server_and_with_a_tenth_outside() {
    for fault in [Fault::Crash, Fault::BrownOut] {
        for state_server in [StateServer::Slow, StateServer::Gone] {
            for outsiders in [0.0, 0.1] {
                for clients in [budget(), both()] {
                    all_come_back(&runs(fault, Clients { state_server, outsiders, ..clients }));
                }
            }
        }
    }
}

/// What the circuit and the one retry of a machine are made for while the state server is gone.
#[test]
fn a_state_server_that_is_gone_costs_little_load_and_no_time() {
    for fault in [Fault::Crash, Fault::BrownOut] {
        let plain = runs(fault, NO_RETRIES);
        for clients in [budget(), both()] {
            let clients = Clients { state_server: StateServer::Gone, ..clients };
            let shared = runs(fault, clients);
            assert!(mean(&shared, |run| run.load_in_fault) <= 1.1, "{shared:?}");
            assert!(recovery(&shared) <= 1.2 * recovery(&plain), "{shared:?}");
            // As if nothing were shared: that is what it would be without.
            let alone = runs(fault, Clients { without_state: WithoutState::Retries, ..clients });
            assert!(recovery(&alone) > 1.2 * recovery(&plain), "{alone:?}");
        }
    }
}

/// Why a success costs a question of its own: a fleet whose successes are not counted has failures in a row that were
/// none, and its circuit opens again and again.
#[test]
fn a_success_that_is_not_reported_opens_the_circuit() {
    let clients = Clients { breaker: Some(BreakerSettings::default()), ..THREE };
    let done = |reports| {
        run(&Experiment { size: 1_000_000, ..experiment(Fault::Crash, Clients { reports, ..clients }, 1) })
            .goodput
    };
    assert!(done(Reports::EverySuccess) >= MOST);
    assert!(done(Reports::AfterFailures) < 0.5);
}
