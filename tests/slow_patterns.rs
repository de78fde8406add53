//! A pattern that is slow to search for delays no limit and no signal.

mod common;

use common::command::{RETRY, Running, Scratch, program, said, text, timed};
use rustix::process::Signal;
use std::fs::{self, File};
use std::process::{Output, Stdio};
use std::time::Duration;

/// No automaton is small enough for it: each byte costs as many steps as it repeats, without optimisation some
/// thirty times as much.
const SLOW: &str = if cfg!(debug_assertions) { "1[01]{60}x" } else { "1[01]{1000}x" };

/// What may be late on a busy machine. Whoever looks at all that was printed is later by far.
const LATE: Duration = Duration::from_secs(8);

/// `bits`: 4 MB in which nothing is found, and only at the end of a search.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    let mut state = 1_u32;
    let mut bit = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { b'0' } else { b'1' }
    };
    let lines = (0..40_000).flat_map(|_| (0..99).map(|_| bit()).chain([b'\n']).collect::<Vec<u8>>());
    fs::write(scratch.path("bits"), lines.collect::<Vec<u8>>()).unwrap();
    scratch
}

/// All that the script of a test prints takes minutes to look at.
const PRINTS: &str = "echo $$ > pid; while :; do cat bits; done";

fn run(scratch: &Scratch, options: &str, script: &str) -> (Output, Duration) {
    let mut retry = scratch.retry_to_spawn(options);
    retry.args(["--retry-on-output", SLOW, "--", "sh", "-c", script]).stdin(Stdio::null());
    timed(|| retry.stdout(Stdio::null()).output().unwrap())
}

#[test]
fn limits_come_in_time() {
    let scratch = scratch();
    for options in
        ["-r 1 --timeout 1", "--deadline 1", "-r 1 --timeout 1 -O", "-r 1 --timeout 1 --stdin replay"]
    {
        let (done, took) = run(&scratch, options, PRINTS);
        assert_eq!(done.status.code(), Some(124), "{options}: {}", text(&done.stderr));
        assert!(took < LATE, "{options}: {took:?}");
    }
}

fn start(scratch: &Scratch, script: &str) -> Running {
    let mut retry = program(RETRY);
    scratch.settle(&mut retry);
    retry.args(["--retry-on-output", SLOW, "--kill-after", "1", "--", "sh", "-c", script]);
    retry.stdout(File::create("/dev/null").unwrap());
    scratch.start_command(retry)
}

#[test]
fn a_signal_comes_in_time_and_after_the_end_of_the_command_too() {
    let scratch = scratch();
    // A pipe full of it is left when the second one ends.
    for (script, expected) in [(PRINTS, None), ("echo $$ > pid; head -c 300K bits; exit 7", Some(7))] {
        let retry = start(&scratch, script);
        let pid = scratch.pid("pid");
        if expected.is_some() {
            common::command::wait_until("the end of the command", || !common::live::is_alive(pid));
        }
        retry.send(Signal::TERM);
        let (status, took) = timed(|| retry.end());
        // A command that ended by itself has its own status.
        assert_eq!(status.code(), expected, "{script}: {}", scratch.read("stderr"));
        assert!(
            scratch.read("stderr").contains("interrupted by SIGTERM"),
            "{script}: {}",
            scratch.read("stderr")
        );
        assert!(took < LATE, "{script}: {took:?}");
        fs::remove_file(scratch.path("pid")).unwrap();
    }
}

/// What a rule would have said is not known, so it is no success.
#[test]
fn output_that_is_not_searched_before_the_deadline_is_no_success() {
    let scratch = scratch();
    // Enough for a debug build and for an optimised one.
    let (done, took) = run(&scratch, "--deadline 1", "head -c 2M bits");
    let words = "retry: searching the output was not finished before the deadline: a pattern is too slow";
    match done.status.code() {
        // The command could write the rest only when the rest before was searched.
        Some(124) => assert!(said(&done)[0].contains("timed out after"), "{}", text(&done.stderr)),
        code => assert_eq!((code, said(&done).as_slice()), (Some(125), &[words.to_owned()][..])),
    }
    assert!(took < LATE, "{took:?}");
}

/// The bytes are passed on before they are searched, and all of them are searched.
#[test]
fn what_is_found_at_the_end_of_much_is_found() {
    let scratch = scratch();
    let pattern = SLOW.replace("1[", "2[");
    let length: usize = pattern.split(['{', '}']).nth(1).unwrap().parse().unwrap();
    let script = format!("head -c 200K bits; echo; echo 2{}x; exit 1", "01".repeat(length / 2));
    let mut retry = scratch.retry("-r 1");
    let done = retry.args(["--stop-on-output", SLOW, "--stop-on-output", &pattern]);
    let done = done.args(["--", "sh", "-c", &script]).output().unwrap();
    assert!(done.stdout.ends_with(b"01x\n"));
    assert!(said(&done)[0].contains(&format!("--stop-on-output {pattern}")), "{:?}", said(&done));
}
