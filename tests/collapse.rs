//! The promise "never an amplifier", in virtual time: after a spike of ten seconds a service comes back
//! if its clients share a budget or a breaker, and does not come back if each retries for itself.

#[path = "../examples/collapse/model.rs"]
mod model;

use model::{Outcome, Sharing, Strategy, run};

fn ten_runs(attempts: u32, budget: Sharing, breaker: Sharing) -> Vec<Outcome> {
    (0..10).map(|seed| run(Strategy { attempts, budget, breaker }, 1.0, seed)).collect()
}

fn all_come_back(runs: &[Outcome]) {
    assert!(runs.iter().all(|run| run.goodput >= 0.95), "{runs:?}");
}

fn none_comes_back(runs: &[Outcome]) {
    assert!(runs.iter().all(|run| run.goodput < 0.05), "{runs:?}");
}

#[test]
fn without_retries_it_comes_back() {
    let runs = ten_runs(1, Sharing::Absent, Sharing::Absent);
    all_come_back(&runs);
    assert!(runs.iter().all(|run| run.amplification <= 1.0 && run.clients > 8000), "{runs:?}");
}

#[test]
fn retries_keep_it_down_however_they_are_jittered() {
    let runs = ten_runs(3, Sharing::Absent, Sharing::Absent);
    none_comes_back(&runs);
    assert!(runs.iter().all(|run| run.amplification > 2.5), "{runs:?}");
}

/// Why there is a store at all.
#[test]
fn a_budget_or_a_breaker_for_each_process_is_none() {
    none_comes_back(&ten_runs(3, Sharing::Alone, Sharing::Absent));
    none_comes_back(&ten_runs(3, Sharing::Absent, Sharing::Alone));
}

#[test]
fn with_a_shared_budget_it_comes_back() {
    let runs = ten_runs(3, Sharing::Shared, Sharing::Absent);
    all_come_back(&runs);
    assert!(runs.iter().all(|run| run.amplification < 1.1), "{runs:?}");
}

#[test]
fn with_a_shared_breaker_it_comes_back() {
    let runs = ten_runs(3, Sharing::Absent, Sharing::Shared);
    all_come_back(&runs);
    assert!(runs.iter().all(|run| run.amplification < 1.1), "{runs:?}");
}

#[test]
fn with_both_it_comes_back() {
    all_come_back(&ten_runs(3, Sharing::Shared, Sharing::Shared));
}
