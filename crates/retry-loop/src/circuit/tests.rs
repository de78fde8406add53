use super::*;
use proptest::prelude::*;

const START: u64 = 1_800_000_000_000;
const LEASE: Duration = Duration::from_secs(10);

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(START + (seconds * 1000.0) as u64)
}

fn settings() -> BreakerSettings {
    BreakerSettings { open: Duration::from_secs(30), ..BreakerSettings::default() }
}

fn admitted(breaker: &mut Circuit, now: Timestamp) -> Ticket {
    match breaker.admit(now, LEASE) {
        Admission::Closed(ticket) | Admission::Probe(ticket) => ticket,
        Admission::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn open(wait: Duration) -> Refusal {
    Refusal { wait, cause: RefusalCause::Open }
}

fn done(breaker: &mut Circuit, ticket: Ticket, result: Observation, now: Timestamp) -> Recorded {
    breaker.record(ticket, result, now, &settings(), &mut Random::seeded(1))
}

/// Opened by five failures at 0 s, for 30 s.
fn opened() -> Circuit {
    let mut breaker = Circuit::fresh();
    for n in 1..=5 {
        let ticket = admitted(&mut breaker, at(0.0));
        let recorded = done(&mut breaker, ticket, Observation::Failure, at(0.0));
        let wait = Duration::from_secs(30);
        assert_eq!(recorded, if n < 5 { Recorded::Counted } else { Recorded::Opened { wait } });
    }
    breaker
}

#[test]
fn failures_in_a_row_open_it_and_a_success_in_between_starts_the_count_anew() {
    let mut breaker = Circuit::fresh();
    for result in
        [Observation::Failure; 4].into_iter().chain([Observation::Success]).chain([Observation::Failure; 4])
    {
        let ticket = admitted(&mut breaker, at(0.0));
        assert_eq!(done(&mut breaker, ticket, result, at(0.0)), Recorded::Counted);
    }
    let ticket = admitted(&mut breaker, at(0.0));
    assert_eq!(done(&mut breaker, ticket, Observation::Neutral, at(0.0)), Recorded::Counted);
    assert!(matches!(breaker.phase, Phase::Closed { failures: 4, .. }));
    assert!(matches!(done(&mut breaker, ticket, Observation::Failure, at(0.0)), Recorded::Opened { .. }));
}

#[test]
fn an_open_one_refuses_until_its_time_is_up_and_then_lets_one_probe_through() {
    let mut breaker = opened();
    let wait = Duration::from_millis(9900);
    assert_eq!(breaker.admit(at(20.1), LEASE), Admission::Refused(open(wait)));
    assert_eq!(breaker.refusal(at(20.1)), Some(open(wait)));
    assert_eq!(breaker.refusal(at(30.0)), None);
    assert!(matches!(breaker.admit(at(30.0), LEASE), Admission::Probe(_)));
    let probed = Refusal { wait: Duration::from_secs(9), cause: RefusalCause::ProbeRunning };
    assert_eq!(breaker.admit(at(31.0), LEASE), Admission::Refused(probed));
    assert_eq!(breaker.refusal(at(31.0)), Some(probed));
}

#[test]
fn the_probe_closes_it_or_doubles_the_time_up_to_half_a_minute() {
    let settings = BreakerSettings { trip: Trip::in_a_row(NonZeroU32::MIN), ..BreakerSettings::default() };
    let (mut breaker, mut random) = (Circuit::fresh(), Random::seeded(1));
    let ticket = admitted(&mut breaker, at(0.0));
    breaker.record(ticket, Observation::Failure, at(0.0), &settings, &mut random);
    let (mut now, mut nominal) = (5.0, 5.0);
    for _ in 0..8 {
        let ticket = admitted(&mut breaker, at(now));
        let recorded = breaker.record(ticket, Observation::Failure, at(now), &settings, &mut random);
        let Recorded::Opened { wait } = recorded else {
            panic!("a failed probe opens the circuit again");
        };
        nominal = f64::min(nominal * 2.0, 30.0);
        let wait = wait.as_secs_f64();
        assert!(wait <= nominal && wait >= nominal * 0.8 - 0.001, "{wait} of {nominal}");
        now += wait + 0.001;
    }
    let ticket = admitted(&mut breaker, at(now));
    assert_eq!(done(&mut breaker, ticket, Observation::Success, at(now)), Recorded::Closed);
    assert_eq!(breaker.phase, Phase::CLOSED);
}

#[test]
fn a_probe_that_says_nothing_gives_its_slot_back_at_once() {
    let mut breaker = opened();
    let ticket = admitted(&mut breaker, at(30.0));
    assert_eq!(done(&mut breaker, ticket, Observation::Neutral, at(31.0)), Recorded::GivenBack);
    let next = admitted(&mut breaker, at(31.0));
    let Recorded::Opened { wait } = done(&mut breaker, next, Observation::Failure, at(31.0)) else {
        panic!("it still is a probe");
    };
    assert!(wait <= settings().open, "the time is at its longest: {wait:?}");
}

#[test]
fn a_lost_probe_is_replaced_when_its_lease_is_over_and_its_late_result_is_dropped() {
    let mut breaker = opened();
    let lost = admitted(&mut breaker, at(30.0));
    let next = admitted(&mut breaker, at(40.0));
    assert_eq!(breaker.renew(lost, at(41.0)), Renewal::Lost);
    assert_eq!(done(&mut breaker, lost, Observation::Failure, at(41.0)), Recorded::Late);
    assert_eq!(breaker.renew(next, at(49.0)), Renewal::Kept);
    assert!(matches!(breaker.admit(at(58.9), LEASE), Admission::Refused(_)));
    assert_eq!(done(&mut breaker, next, Observation::Success, at(59.0)), Recorded::Closed);
}

#[test]
fn a_result_from_before_it_opened_is_dropped() {
    let mut breaker = Circuit::fresh();
    let early = admitted(&mut breaker, at(0.0));
    let mut breaker = opened();
    assert_eq!(done(&mut breaker, early, Observation::Success, at(1.0)), Recorded::Late);
    let probe = admitted(&mut breaker, at(30.0));
    assert_eq!(done(&mut breaker, probe, Observation::Success, at(31.0)), Recorded::Closed);
    assert_eq!(done(&mut breaker, early, Observation::Failure, at(32.0)), Recorded::Late);
}

#[test]
fn a_probe_from_before_a_reset_changes_nothing_after_it() {
    let mut before = opened();
    let old = admitted(&mut before, at(30.0));
    let mut after = Circuit::fresh();
    assert_eq!(done(&mut after, old, Observation::Failure, at(31.0)), Recorded::Late);
    for _ in 0..5 {
        let ticket = admitted(&mut after, at(31.0));
        done(&mut after, ticket, Observation::Failure, at(31.0));
    }
    admitted(&mut after, at(61.0));
    assert_eq!(done(&mut after, old, Observation::Success, at(62.0)), Recorded::Late);
}

#[test]
fn a_beginning_in_the_future_costs_one_open_time_and_no_more() {
    for ahead in [1, 1000 * 365 * 86_400_000, u64::MAX - START] {
        let span = Span { from: Timestamp::from_millis(START + ahead), length: 30_000 };
        for phase in [Phase::Open { span, period: 30_000 }, Phase::HalfOpen { lease: span, period: 30_000 }] {
            let mut breaker = Circuit { generation: 7, phase };
            assert_eq!(breaker.refusal(at(0.0)).map(|refusal| refusal.wait), Some(Duration::from_secs(30)));
            assert!(matches!(breaker.admit(at(0.0), LEASE), Admission::Refused(_)));
            assert!(matches!(breaker.admit(at(30.0), LEASE), Admission::Probe(_)), "{ahead}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_costs_one_open_time_and_no_more() {
    let mut breaker = opened();
    let year = 365 * 86400 * 1000;
    let back = Timestamp::from_millis(START - year);
    assert_eq!(breaker.admit(back, LEASE), Admission::Refused(open(Duration::from_secs(30))));
    let later = Timestamp::from_millis(START - year + 30_000);
    assert!(matches!(breaker.admit(later, LEASE), Admission::Probe(_)));
}

#[test]
fn changed_settings_count_from_the_next_transition_on() {
    let mut breaker = Circuit::fresh();
    let few = BreakerSettings { trip: Trip::in_a_row(NonZeroU32::MIN), open: Duration::from_secs(3600) };
    let ticket = admitted(&mut breaker, at(0.0));
    let wait = Duration::from_secs(3600);
    let mut random = Random::seeded(1);
    assert_eq!(
        breaker.record(ticket, Observation::Failure, at(0.0), &few, &mut random),
        Recorded::Opened { wait }
    );
    // An hour was asked for, so the cap is an hour; for the others it is half a minute again.
    let probe = admitted(&mut breaker, at(3600.0));
    let mut other = breaker;
    let Recorded::Opened { wait } =
        breaker.record(probe, Observation::Failure, at(3600.0), &few, &mut random)
    else {
        panic!("a failed probe opens the circuit again");
    };
    assert!(wait > Duration::from_secs(2800) && wait <= Duration::from_secs(3600), "{wait:?}");
    let Recorded::Opened { wait } = done(&mut other, probe, Observation::Failure, at(3600.0)) else {
        panic!("a failed probe opens the circuit again");
    };
    assert!(wait <= LONGEST_OPEN, "{wait:?}");
}

/// What may happen to a breaker that many processes share.
#[derive(Debug, Clone)]
enum Step {
    Admit,
    Finish(prop::sample::Index, Observation),
    Crash(prop::sample::Index),
    Renew(prop::sample::Index),
    Pass(u64),
    SetBack(u64),
    Forget,
}

fn any_step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let result = prop_oneof![3 => Just(Observation::Failure), 1 => Just(Observation::Success), 1 => Just(Observation::Neutral)];
    prop_oneof![
        6 => Just(Step::Admit),
        6 => (index(), result).prop_map(|(who, result)| Step::Finish(who, result)),
        1 => index().prop_map(Step::Crash),
        2 => index().prop_map(Step::Renew),
        4 => prop_oneof![0..2_000_u64, 0..50_000_u64, 0..1_000_000_000_u64].prop_map(Step::Pass),
        1 => prop_oneof![0..50_u64, 0..1_000_000_000_u64].prop_map(Step::SetBack),
        1 => Just(Step::Forget),
    ]
}

fn any_settings() -> impl Strategy<Value = BreakerSettings> {
    let trip = (1..6_u32, prop::option::of(0..100_000_u64), prop::option::of(1..1000_u32)).prop_map(
        |(least, window, thousandths)| {
            let least = NonZeroU32::new(least).unwrap();
            let trip =
                thousandths.map_or(Trip::in_a_row(least), |part| Trip::rate(f64::from(part) / 1000.0, least));
            window.map_or(trip, |window| trip.within(Duration::from_millis(window)))
        },
    );
    let open = prop_oneof![Just(0), 1..60_000_u64, 600_000..5_000_000_u64];
    (trip, open).prop_map(|(trip, open)| BreakerSettings { trip, open: Duration::from_millis(open) })
}

/// A process between its admission and its result.
#[derive(Debug, Clone, Copy)]
struct Running {
    ticket: Ticket,
    /// When its lease began, by a clock that nobody sets; none without a lease.
    lease_began: Option<u64>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Random interleavings of processes that ask, end, die and renew, under a clock that is set
    /// back now and then and a store that forgets.
    #[test]
    fn it_keeps_its_promises(
        steps in prop::collection::vec(any_step(), 1..120),
        settings in any_settings(),
        lease in 1_000..90_000_u64,
        seed: u64,
    ) {
        let mut random = Random::seeded(seed);
        let mut breaker = Circuit::fresh();
        let mut running: Vec<Running> = Vec::new();
        // `elapsed` is the time that really passed; `clock` is what the wall shows.
        let (mut elapsed, mut clock) = (0_u64, 4_000_000_000_000_u64);
        let (mut in_a_row, mut attempts) = (0, 0);
        let cap = LONGEST_OPEN.max(settings.open);
        for step in steps {
            let now = Timestamp::from_millis(clock);
            let before = breaker;
            match step {
                Step::Admit => match breaker.admit(now, Duration::from_millis(lease)) {
                    Admission::Closed(ticket) => running.push(Running { ticket, lease_began: None }),
                    Admission::Probe(ticket) => {
                        // Whoever had the slot has lost it to time, not to this one.
                        for other in &running {
                            prop_assert_ne!(other.ticket, ticket);
                            if other.ticket == before.ticket()
                                && let Some(began) = other.lease_began
                            {
                                prop_assert!(elapsed - began >= lease, "two live probes");
                            }
                        }
                        running.push(Running { ticket, lease_began: Some(elapsed) });
                    }
                    Admission::Refused(refusal @ Refusal { wait, cause }) => {
                        prop_assert!(!wait.is_zero());
                        prop_assert!(wait <= cap.max(Duration::from_millis(lease)), "{:?}", wait);
                        prop_assert_eq!(breaker.refusal(now), Some(refusal));
                        let is_probed = matches!(breaker.phase, Phase::HalfOpen { .. });
                        prop_assert_eq!(cause == RefusalCause::ProbeRunning, is_probed);
                    }
                },
                Step::Finish(who, result) if !running.is_empty() => {
                    let gone = running.swap_remove(who.index(running.len()));
                    let recorded = breaker.record(gone.ticket, result, now, &settings, &mut random);
                    match recorded {
                        Recorded::Late => {
                            prop_assert_ne!(gone.ticket, before.ticket());
                            prop_assert_eq!(breaker, before);
                        }
                        Recorded::Opened { wait } => {
                            prop_assert_eq!(result, Observation::Failure);
                            prop_assert!(wait <= cap, "{:?}", wait);
                            if let Phase::HalfOpen { period, .. } = before.phase {
                                let doubled = (2 * period).min(millis(cap)).max(millis(settings.open));
                                prop_assert!(millis(wait) <= doubled, "more than doubled");
                                prop_assert!(millis(wait) + 1 >= doubled / 5 * 4, "less than 80 %");
                            }
                        }
                        Recorded::Closed => prop_assert_eq!(result, Observation::Success),
                        Recorded::GivenBack => {
                            prop_assert_eq!(result, Observation::Neutral);
                            prop_assert_eq!(breaker.refusal(now), None);
                        }
                        Recorded::Counted => {
                            let closed = matches!(breaker.phase, Phase::Closed { .. });
                            prop_assert!(closed);
                        }
                    }
                    // The model of a closed circuit: plain counts.
                    if recorded != Recorded::Late && matches!(before.phase, Phase::Closed { .. }) {
                        match result {
                            Observation::Success => (in_a_row, attempts) = (0, attempts + 1),
                            Observation::Failure => (in_a_row, attempts) = (in_a_row + 1, attempts + 1),
                            Observation::Neutral => {}
                        }
                        let opened = matches!(recorded, Recorded::Opened { .. });
                        match settings.trip {
                            Trip::InARow { failures, window: None } => {
                                prop_assert_eq!(opened, in_a_row >= failures.get());
                            }
                            Trip::InARow { failures, .. } => prop_assert!(!opened || in_a_row >= failures.get()),
                            Trip::Rate { minimum, .. } => prop_assert!(!opened || attempts >= minimum.get()),
                        }
                    }
                    if recorded == Recorded::Closed {
                        (in_a_row, attempts) = (0, 0);
                    }
                }
                Step::Crash(who) if !running.is_empty() => {
                    running.swap_remove(who.index(running.len()));
                }
                Step::Renew(who) if !running.is_empty() => {
                    let at = who.index(running.len());
                    let kept = breaker.renew(running[at].ticket, now);
                    let current = running[at].ticket == before.ticket();
                    prop_assert_eq!(kept, if current { Renewal::Kept } else { Renewal::Lost });
                    if kept == Renewal::Kept && running[at].lease_began.is_some() {
                        running[at].lease_began = Some(elapsed);
                    }
                }
                Step::Pass(passed) => {
                    elapsed += passed;
                    clock += passed;
                }
                Step::SetBack(by) => clock -= by,
                Step::Forget => {
                    breaker = Circuit::fresh();
                    (in_a_row, attempts) = (0, 0);
                    // That other tickets stay stale needs a clock that is not set back meanwhile: see
                    // `a_probe_from_before_a_reset_changes_nothing_after_it`.
                    running.retain(|one| one.ticket.generation == 0);
                }
                Step::Finish(..) | Step::Crash(_) | Step::Renew(_) => {}
            }
            let probes = running.iter().filter(|one| {
                one.lease_began.is_some() && one.ticket == breaker.ticket()
            });
            prop_assert!(probes.count() <= 1);
            prop_assert!(matches!(step_out(breaker, Timestamp::from_millis(clock)), WayOut::Found));
        }
    }

    /// A clock that jumps forward may end a lease early, but never makes two results count.
    #[test]
    fn a_jump_forward_leaves_one_probe_that_counts(jump in 0..10_000_000_u64) {
        let mut breaker = opened();
        let first = admitted(&mut breaker, at(30.0));
        let later = Timestamp::from_millis(at(30.0).millis() + jump);
        if let Admission::Probe(second) = breaker.admit(later, LEASE) {
            prop_assert!(jump >= 10_000);
            prop_assert_eq!(done(&mut breaker, first, Observation::Success, later), Recorded::Late);
            prop_assert_eq!(done(&mut breaker, second, Observation::Success, later), Recorded::Closed);
        } else {
            prop_assert!(jump < 10_000);
            prop_assert_eq!(done(&mut breaker, first, Observation::Success, later), Recorded::Closed);
        }
    }
}

enum WayOut {
    Found,
    Wedged,
}

/// From every state, waiting as long as one is told to leads to an attempt, and a success of that
/// attempt to a closed circuit.
fn step_out(mut breaker: Circuit, mut now: Timestamp) -> WayOut {
    if let Admission::Refused(Refusal { wait, .. }) = breaker.admit(now, LEASE) {
        now = Timestamp::from_millis(now.millis() + millis(wait));
    }
    match breaker.admit(now, LEASE) {
        Admission::Refused(_) => match breaker.phase {
            // It was admitted by the first call, as a probe.
            Phase::HalfOpen { lease, .. } if lease.from == now => WayOut::Found,
            _ => WayOut::Wedged,
        },
        Admission::Closed(ticket) | Admission::Probe(ticket) => {
            done(&mut breaker, ticket, Observation::Success, now);
            let closed = matches!(breaker.phase, Phase::Closed { failures: 0, .. });
            if closed { WayOut::Found } else { WayOut::Wedged }
        }
    }
}
