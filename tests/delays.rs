//! Each flag about delays, end to end: what is announced, and that it is waited.

mod common;

use common::command::{Scratch, announced};
use retry_loop::random::Random;

/// The delays that a run of failures announces.
fn delays(options: &str) -> Vec<f64> {
    let scratch = Scratch::new();
    announced(&scratch.retry(options).arg("false").output().unwrap())
}

/// Whether all are in a range, give or take the rounding to two decimals, and not all the same.
#[track_caller]
fn vary_within(delays: &[f64], low: f64, high: f64) {
    assert_eq!(delays.len(), 12);
    assert!(delays.iter().all(|delay| (low - 0.0051..=high + 0.0051).contains(delay)), "{delays:?}");
    let middle = f64::midpoint(low, high);
    assert!(delays.iter().any(|&delay| delay < middle), "{delays:?}");
    assert!(delays.iter().any(|&delay| delay > middle), "{delays:?}");
}

#[test]
fn the_four_shapes() {
    for (options, wanted) in [
        ("--base 0.01 --factor 2 --retries 5", vec![0.01, 0.02, 0.04, 0.08]),
        ("-b 10ms -f 3 --backoff exponential --retries 4", vec![0.01, 0.03, 0.09]),
        ("--base 0.01 --retries 4", vec![0.01, 0.04, 0.16]),
        ("--base 0.02 --backoff linear --retries 5", vec![0.02, 0.04, 0.06, 0.08]),
        ("--base 0.02 --backoff fibonacci --retries 6", vec![0.02, 0.02, 0.04, 0.06, 0.10]),
        ("--base 0.03 --backoff constant --retries 4", vec![0.03, 0.03, 0.03]),
        ("--base 0.08 --factor 0.5 --retries 4", vec![0.08, 0.04, 0.02]),
        ("--base 0 --retries 3", vec![0.0, 0.0]),
    ] {
        assert_eq!(delays(&format!("--jitter 0 {options}")), wanted, "{options}");
    }
}

#[test]
fn a_list_whose_last_delay_repeats() {
    assert_eq!(delays("--jitter 0 --retries 5 --delays 0.05,20ms,0.1"), [0.05, 0.02, 0.1, 0.1]);
}

#[test]
fn the_longest_delay() {
    assert_eq!(delays("--jitter 0 --base 0.01 --factor 10 -m 0.05 --retries 4"), [0.01, 0.05, 0.05]);
    assert_eq!(delays("--jitter 0 --base 0.2 --max-delay 50ms --retries 3"), [0.05, 0.05]);
    assert_eq!(delays("--jitter 0 --delays 0.01,0.2 --max-delay 0.05 --retries 3"), [0.01, 0.05]);
    // The cap is before jitter, so that clients at the cap do not meet.
    let jittered = delays("--base 0.2 --max-delay 0.02 --jitter 0.08 --retries 13 --seed 1");
    vary_within(&jittered, 0.02, 0.10);
}

/// A dry look at long delays: the deadline refuses each of them before it is slept.
#[test]
fn a_long_base_raises_the_default_cap() {
    let refused = |options: &str| {
        let scratch = Scratch::new();
        let retry =
            scratch.retry(&format!("--jitter 0 --deadline 1 {options}")).arg("false").output().unwrap();
        String::from_utf8(retry.stderr).unwrap()
    };
    assert!(refused("--base 300").contains("a delay of 5m would pass"));
    assert!(refused("--delays 300").contains("a delay of 5m would pass"));
    assert!(refused("--base 300 --max-delay 200").contains("a delay of 3m20s would exceed"));
}

#[test]
fn the_default_waits_half_a_second_and_up_to_three_tenths_more() {
    let delays = delays("--retries 2");
    assert_eq!(delays.len(), 1);
    assert!((0.5..=0.8).contains(&delays[0]), "{delays:?}");
}

#[test]
fn each_form_of_jitter_stays_in_its_range_and_uses_it() {
    for (jitter, low, high) in [
        ("0.1", 0.05, 0.15),
        ("100ms", 0.05, 0.15),
        ("+-0.05", 0.0, 0.1),
        ("±40ms", 0.01, 0.09),
        ("80%", 0.01, 0.09),
        ("full", 0.0, 0.05),
        ("equal", 0.025, 0.05),
    ] {
        let options = "--base 0.05 --backoff constant --retries 13 --seed 3";
        vary_within(&delays(&format!("{options} --jitter {jitter}")), low, high);
    }
    for none in ["none", "0", "0s", "0%"] {
        assert_eq!(delays(&format!("--base 0.05 --backoff constant --retries 3 -j {none}")), [0.05, 0.05]);
    }
}

#[test]
fn decorrelated_jitter_grows_from_the_last_delay() {
    let delays = delays("--base 0.02 --max-delay 0.2 --jitter decorrelated --retries 13 --seed 5");
    assert_eq!(delays.len(), 12);
    let mut previous = 0.02;
    for &delay in &delays {
        let highest = f64::min(0.2, 3.0 * (previous + 0.005));
        assert!(delay >= 0.02 - 0.0051 && delay <= highest + 0.0051, "{delays:?}");
        previous = delay;
    }
    assert!(delays.iter().any(|&delay| delay > 0.06), "{delays:?}");
}

#[test]
fn a_seed_repeats_the_delays_and_no_seed_does_not() {
    let options = "--base 0.02 --backoff constant --jitter 0.1 --retries 7";
    let seeded = delays(&format!("{options} --seed 42"));
    assert_eq!(delays(&format!("{options} --seed 42")), seeded);
    assert_ne!(delays(&format!("{options} --seed 43")), seeded);
    assert_ne!(delays(options), delays(options));
}

/// What the command of the nth attempt saw as the time since the start, in seconds.
fn elapsed(options: &str) -> Vec<f64> {
    let scratch = Scratch::new();
    let script = "echo $RETRY_ELAPSED >> elapsed; exit 1";
    scratch.retry(options).args(["sh", "-c", script]).output().unwrap();
    scratch.read("elapsed").lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn announced_delays_are_waited_and_none_follows_the_last_attempt() {
    let elapsed = elapsed("--delays 0.3,0.5 --jitter 0");
    assert_eq!(elapsed.len(), 3);
    assert!(elapsed[1] >= elapsed[0] + 0.3 && elapsed[2] >= elapsed[1] + 0.5, "{elapsed:?}");
    // It would be an hour.
    assert_eq!(delays("--retries 1 --base 3600"), [0.0; 0]);
}

#[test]
fn the_initial_delay_is_waited_before_the_first_attempt() {
    assert!(elapsed("--retries 1 --initial-delay 0.4")[0] >= 0.4);
    assert!(elapsed("--retries 1 --initial-delay 200ms --stagger 0.2")[0] >= 0.2);
}

#[test]
fn the_stagger_is_a_random_part() {
    for seed in 1..=4 {
        let part = Random::seeded(seed).unit();
        assert!(elapsed(&format!("--retries 1 --stagger 0.5 --seed {seed}"))[0] >= 0.5 * part - 0.001);
    }
    // Nobody waits for a part that would pass the deadline, which shows how long it is.
    for seed in 1..=4 {
        let part = 1000.0 * Random::seeded(seed).unit();
        let scratch = Scratch::new();
        let options = format!("--stagger 1000 --seed {seed} --deadline {}", part - 0.01);
        scratch.retry(&options).args(scratch.ends("0")).assert().code(124);
        assert_eq!(scratch.runs(), 0);
    }
}

#[test]
fn a_long_run_starts_the_backoff_anew() {
    let scratch = Scratch::new();
    let script = "[ $RETRY_ATTEMPT = 3 ] && sleep 3.2; exit 1";
    let options = "--retries 5 --base 0.01 --factor 2 --jitter 0 --reset-after 3";
    let output = scratch.retry(options).args(["sh", "-c", script]).output().unwrap();
    assert_eq!(announced(&output), [0.01, 0.02, 0.01, 0.02]);
}

#[test]
fn between_good_attempts_the_base_is_waited() {
    let scratch = Scratch::new();
    let options = "--retries 9 --consecutive 3 --base 0.02 --factor 3 --jitter 0";
    let output = scratch.retry(options).args(scratch.ends("1 1 0 1 0 0 0")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(announced(&output), [0.02, 0.06, 0.02, 0.18, 0.02, 0.02]);
}
