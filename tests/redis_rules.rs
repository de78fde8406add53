//! The rules exist twice, in Rust and in the Lua scripts of a server: the same random operations lead to the same
//! replies and records.

#![cfg(feature = "redis")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and waits of its own"
)]

mod common;
mod shared_state;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::{Client, Commands};
use retry::core::shared::{Location, Name};
use retry::state::operation::{
    Admit, Condition, Deposit, Operation, Pay, QueryRefusal, RecordAndQuery, RecordResult, Renew,
};
use retry::state::record::RecordFormat;
use retry::state::record_key::{RecordKey, RecordKind};
use retry::state::redis::RedisStore;
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{Admission, BreakerSettings, Circuit, Observation, Phase, Recorded, Renewal, Trip};
use retry_loop::random::Random;
use retry_loop::recent::Recent;
use retry_loop::timestamp::Timestamp;
use shared_state::server::Server;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

/// One step of a process or of the clock.
#[derive(Debug, Clone)]
enum Step {
    Admit(u64),
    Refusal,
    Finish(prop::sample::Index, Observation),
    /// A result, and then a payment or a deposit.
    Pair(prop::sample::Index, Observation, Condition),
    Renew(prop::sample::Index),
    Pay,
    Deposit,
    Pass(u64),
    SetBack(u64),
    Settings(BreakerSettings, BudgetSettings),
}

fn any_settings() -> impl Strategy<Value = (BreakerSettings, BudgetSettings)> {
    let open = prop_oneof![Just(0), 1..60_000_u64, 600_000..5_000_000_u64, Just(u64::MAX / 1_000_000)];
    // All windows are short and of few lengths, so that settings with the same and with another window follow one
    // another, and buckets age.
    let window =
        prop_oneof![Just(0), Just(60_000), Just(120_000), 1..300_000_u64, Just(u64::MAX / 1_000_000)];
    let rate = prop_oneof![Just(0.001), Just(0.5), Just(1.0), 0.0..1.0_f64];
    let trip =
        (1..6_u32, prop::option::of(window), prop::option::of(rate)).prop_map(|(least, window, rate)| {
            let least = NonZeroU32::new(least).unwrap();
            let trip = rate.map_or(Trip::in_a_row(least), |rate| Trip::rate(rate, least));
            window.map_or(trip, |window| trip.within(Duration::from_millis(window)))
        });
    (trip, open, 0..20_u32, 0.0..1.5_f64).prop_map(|(trip, open, burst, ratio)| {
        let open = Duration::from_millis(open);
        (BreakerSettings { trip, open }, BudgetSettings::new(burst, ratio))
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let ended = prop_oneof![4 => Just(Observation::Failure), 1 => Just(Observation::Success), 1 => Just(Observation::Neutral)];
    let pair_ended = ended.clone();
    let condition = prop_oneof![Just(Condition::Always), Just(Condition::UnlessRefused)];
    prop_oneof![
        8 => prop_oneof![0..90_000_u64, Just(u64::MAX)].prop_map(Step::Admit),
        1 => Just(Step::Refusal),
        8 => (index(), ended).prop_map(|(who, ended)| Step::Finish(who, ended)),
        4 => (index(), pair_ended, condition).prop_map(|(who, ended, condition)| Step::Pair(who, ended, condition)),
        2 => index().prop_map(Step::Renew),
        6 => Just(Step::Pay),
        4 => Just(Step::Deposit),
        6 => prop_oneof![0..100_u64, 0..50_000_u64, 0..1_000_000_000_u64].prop_map(Step::Pass),
        1 => prop_oneof![0..50_u64, 0..1_000_000_000_u64].prop_map(Step::SetBack),
        1 => any_settings().prop_map(|(breaker, budget)| Step::Settings(breaker, budget)),
    ]
}

/// The rules in Rust, and the state; `None` until something is written.
struct Local<S>(Option<S>);

impl<S: RecordFormat> Local<S> {
    fn ask<Q: Operation<State = S>>(&mut self, operation: &mut Q, now: Timestamp) -> Q::Reply {
        let before = self.0.unwrap_or_else(|| operation.fresh(now));
        let mut state = before;
        let reply = operation.apply(&mut state, now);
        if state != before {
            self.0 = Some(state);
        }
        reply
    }
}

/// The text of a record as the scripts write it.
fn breaker_text(breaker: Circuit) -> String {
    let Circuit { generation, phase } = breaker;
    match phase {
        Phase::Closed { failures, recent: Recent::EMPTY } => format!("1 0 {generation} {failures} 0 0 0"),
        Phase::Closed { failures, recent } => {
            let Recent { width, newest, buckets } = recent;
            let counts = buckets.map(|one| format!(" {} {}", one.successes, one.failures)).concat();
            format!("2 0 {generation} {failures} {width} {newest}{counts}")
        }
        Phase::Open { span, period } => {
            format!("1 1 {generation} 0 {} {} {period}", span.from.millis(), span.length)
        }
        Phase::HalfOpen { lease, period } => {
            format!("1 2 {generation} 0 {} {} {period}", lease.from.millis(), lease.length)
        }
    }
}

/// Applies the same random operations to the rules in Rust and to those on the server: the replies and the states after
/// each step are equal.
#[test]
#[expect(clippy::too_many_lines, reason = "one arm for each step")]
fn the_scripts_are_the_rules() {
    let Some(server) = Server::start("the scripts", &[]) else { return };
    let direct = Client::open(server.url()).unwrap().get_connection().unwrap();
    let Location::Redis(url) = server.location() else { panic!("a server") };
    let store = RedisStore::new(url);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let seen = BTreeSet::new();
    // The runner takes only an `Fn`.
    let cell = RefCell::new((store, direct, 0..u32::MAX, seen));
    let cases = (any_settings(), prop::collection::vec(any_step(), 1..150), any::<u64>());
    let outcome = runner.run(&cases, |(start, steps, seed)| {
        let (store, direct, names, seen) = &mut *cell.borrow_mut();
        let name = Name::new(names.next().unwrap().to_string());
        let (one, other) =
            (RecordKey::new(&name, RecordKind::Breaker), RecordKey::new(&name, RecordKind::Budget));
        let (mut breaker, mut budget) = (Local(None), Local(None));
        let (mut breakers, mut budgets) = start;
        let mut running = Vec::new();
        let mut clock = 4_000_000_000_000_u64;
        for (step, seed) in steps.into_iter().zip(seed..=u64::MAX) {
            let now = Timestamp::from_millis(clock);
            macro_rules! compare {
                ($local:expr, $key:expr, $operation:expr) => {{
                    let here = $local.ask(&mut $operation, now);
                    let there = store.execute_at($key, &mut $operation, now).unwrap();
                    prop_assert_eq!(there.damage, None);
                    prop_assert_eq!(&there.reply, &here);
                    here
                }};
            }
            match step {
                Step::Admit(lease) => {
                    let lease = Duration::from_millis(lease);
                    match compare!(breaker, &one, Admit { lease }) {
                        Admission::Closed(ticket) => running.push(ticket),
                        Admission::Probe(ticket) => {
                            seen.insert("probe");
                            running.push(ticket);
                        }
                        Admission::Refused(_) => {}
                    }
                }
                Step::Refusal => {
                    compare!(breaker, &one, QueryRefusal);
                }
                // Tickets stay in the list, so some are stale.
                Step::Finish(who, result) if !running.is_empty() => {
                    let ticket = running[who.index(running.len())];
                    let settings = &breakers;
                    let mut random = Random::seeded(seed);
                    let here =
                        breaker.ask(&mut RecordResult { ticket, result, settings, random: &mut random }, now);
                    let mut random = Random::seeded(seed);
                    let mut operation = RecordResult { ticket, result, settings, random: &mut random };
                    let there = store.execute_at(&one, &mut operation, now).unwrap();
                    prop_assert_eq!(there.reply, here);
                    seen.insert(match here {
                        Recorded::Counted => match breakers.trip {
                            Trip::InARow { window: None, .. } => "counted",
                            Trip::InARow { .. } => "counted in a window",
                            Trip::Rate { .. } => "counted for a rate",
                        },
                        Recorded::Opened { .. } => "opened",
                        Recorded::Closed => "recovered",
                        Recorded::GivenBack => "given back",
                        Recorded::Late => "late",
                    });
                }
                Step::Pair(who, result, condition) if !running.is_empty() => {
                    let ticket = running[who.index(running.len())];
                    let settings = &breakers;
                    let mut random = Random::seeded(seed);
                    let mut record =
                        RecordAndQuery(RecordResult { ticket, result, settings, random: &mut random });
                    let first = breaker.ask(&mut record, now);
                    let mut random = Random::seeded(seed);
                    let mut record =
                        RecordAndQuery(RecordResult { ticket, result, settings, random: &mut random });
                    let mut pay = Pay { settings: budgets };
                    let there = store
                        .execute_pair_at([&one, &other], &mut record, (&mut pay, condition), now)
                        .unwrap()
                        .unwrap();
                    prop_assert_eq!(there.first.reply, first);
                    let is_due = condition == Condition::Always || first.refusal.is_none();
                    let second = is_due.then(|| budget.ask(&mut Pay { settings: budgets }, now));
                    prop_assert_eq!(there.second.map(|second| second.reply), second);
                    seen.insert(if is_due { "paid in a pair" } else { "refused in a pair" });
                }
                Step::Renew(who) if !running.is_empty() => {
                    let ticket = running[who.index(running.len())];
                    seen.insert(match compare!(breaker, &one, Renew { ticket }) {
                        Renewal::Kept => "kept",
                        Renewal::Lost => "lost",
                    });
                }
                Step::Pay => {
                    seen.insert(match compare!(budget, &other, Pay { settings: budgets }) {
                        Payment::Paid => "paid",
                        Payment::Empty { .. } => "empty",
                    });
                }
                Step::Deposit => compare!(budget, &other, Deposit { settings: budgets }),
                Step::Pass(passed) => clock += passed,
                Step::SetBack(by) => clock -= by,
                Step::Settings(one, other) => (breakers, budgets) = (one, other),
                Step::Finish(..) | Step::Pair(..) | Step::Renew(_) => {}
            }
            let text: Option<String> = direct.get(one.redis_key()).unwrap();
            prop_assert_eq!(text, breaker.0.map(breaker_text));
            let text: Option<String> = direct.get(other.redis_key()).unwrap();
            let expected =
                budget.0.map(|budget: Bucket| format!("1 {} {}", budget.thousandths, budget.at.millis()));
            prop_assert_eq!(text, expected);
        }
        Ok(())
    });
    outcome.unwrap();
    let all = [
        "counted",
        "counted for a rate",
        "counted in a window",
        "empty",
        "given back",
        "kept",
        "late",
        "lost",
        "opened",
        "paid",
        "paid in a pair",
        "probe",
        "recovered",
        "refused in a pair",
    ];
    assert_eq!(cell.into_inner().3.into_iter().collect::<Vec<_>>(), all, "the steps do not reach everything");
}
