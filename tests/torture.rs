//! Hundreds of short attempts with trees of stubborn descendants, under random signals and limits: no
//! survivor, no zombie, no overlap, no wrong status.

#![cfg(target_os = "linux")]

mod common;

use common::command::{Scratch, program, wait_until};
use common::live::{is_alive, marked};
use rustix::process::Signal;
use std::time::Duration;

/// Each attempt checks that nothing of the one before is alive, makes a few descendants of several
/// kinds, and then ends in its own way or waits to be ended.
const SCRIPT: &str = r#"
    n=$RETRY_ATTEMPT
    for p in $(cat pids.* 2>/dev/null); do
        if [ -d /proc/$p ] && ! grep -q '^State:.[ZX]' /proc/$p/status 2>/dev/null; then echo $p >> overlap; fi
    done
    stubborn='trap "" TERM INT HUP QUIT; echo $$ >> $0; while :; do sleep 0.02; done'
    meek='echo $$ >> $0; exec sleep 1000'
    case $(( ($SEED + n) % 6 )) in
        0) sh -c "$stubborn" pids.$n & sh -c "$meek" pids.$n & wait=2; end=wait;;
        1) setsid sh -c "$stubborn" pids.$n & wait=1; end=wait;;
        2) (setsid sh -c "(exec sh -c '$meek' pids.$n) & exit" &); wait=1; end=wait;;
        3) wait=0; end='exit 3';;
        4) wait=0; end='kill -KILL $$';;
        5) trap 'exit 9' TERM; sh -c "$meek" pids.$n & wait=1; end=wait;;
    esac
    touch pids.$n
    while [ $(wc -l < pids.$n) -lt $wait ]; do sleep 0.01; done
    echo $n >> started
    eval $end
    exec sleep 1000"#;

/// A small generator, so that a failure can be run again: xorshift64* (Marsaglia, Vigna).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
    }
}

fn run(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let scratch = Scratch::new();
    let mark = format!("TORTURE_{}_{seed}", std::process::id());
    let limit = ["--timeout 0.3", "--deadline 0.6", "--timeout 0.2 --deadline 0.7", "--timeout 1000"]
        [dice.below(4) as usize];
    let options = format!("--retries 4 --base 0.01 --jitter 0.02 --kill-after 0.1 {limit}");
    let mut command = program("setsid");
    command.arg(common::command::RETRY).args(options.split(' ')).args(["--", "sh", "-c", SCRIPT]);
    command.env(&mark, "1").env("SEED", seed.to_string());
    let mut retry = scratch.launch(command);
    // setsid(1) made it the leader of a session of its own.
    let ours = retry.pid();
    let unlimited = limit.ends_with("1000");
    // A signal at a random moment, or none; without a limit only a signal ends it.
    let signal = match dice.below(if unlimited { 3 } else { 5 }) {
        0 => Some(Signal::TERM),
        1 => Some(Signal::INT),
        2 => Some(Signal::HUP),
        _ => None,
    };
    if let Some(signal) = signal {
        wait_until("the first attempt", || scratch.lines("started") > 0 || !retry.is_running());
        pause(Duration::from_millis(dice.below(400)));
        if retry.is_running() {
            retry.send(signal);
        }
        if dice.below(3) == 0 && retry.is_running() {
            retry.send(signal);
        }
    }
    let ended = retry.end();
    let context = format!("seed {seed}, {limit}, {signal:?}, {:?}\n{}", ended.status, ended.stderr);

    assert_eq!(scratch.read("overlap"), "", "overlap: {context}");
    // What called setsid and was cancelled, not timed out, may live on; everything else is gone.
    let interrupted = ended.stderr.contains("interrupted by");
    let left = marked(&mark);
    assert!(interrupted || left.is_empty(), "survivors {left:?}: {context}");
    for pid in left {
        assert_ne!(session(pid), Some(ours), "{pid}: {context}");
        kill(pid);
    }
    // With the whole of `retry` reaped by us, a zombie of its own would have gone to init; what matters
    // is that every pid that was noted is gone for good.
    for attempt in 1..=4 {
        for pid in scratch.read(&format!("pids.{attempt}")).lines() {
            let pid = pid.trim().parse().unwrap();
            wait_until("a killed process to go", || !is_alive(pid));
        }
    }
    let allowed = match (signal, ended.code(), ended.signal()) {
        (_, Some(124 | 3), None) | (_, None, Some(9)) | (Some(_), Some(9), None) => true,
        (Some(signal), None, Some(died)) => died == signal.as_raw(),
        _ => false,
    };
    assert!(allowed, "status: {context}");
}

fn session(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(3)?.parse().ok()
}

fn kill(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _gone = rustix::process::kill_process(pid, Signal::KILL);
    }
}

#[expect(clippy::disallowed_methods, reason = "the signal comes at a random moment")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// More rounds with `TORTURE_ROUNDS=1000`, other ones with `TORTURE_SEED=7`.
#[expect(clippy::disallowed_methods, reason = "a test's own settings")]
#[test]
fn no_survivor_no_overlap_no_wrong_status() {
    let number =
        |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (rounds, first) = (number("TORTURE_ROUNDS", 80), number("TORTURE_SEED", 1));
    let next = std::sync::atomic::AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= first + rounds {
                        break;
                    }
                    run(seed);
                }
            });
        }
    });
}
