//! What `retry` costs, in numbers that do not depend on what else the machine does: instructions, system calls,
//! memory. Times are in benches/. The limits leave room for another compiler and another C library; what
//! goes over them has put something on the way of every run (a runtime, a parser, a reader of files).

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program};
use std::process::{Command, Stdio};

/// A limit with optimisation, and one without.
const fn limit(release: u64, debug: u64) -> u64 {
    if cfg!(debug_assertions) { debug } else { release }
}

/// A tool to run `retry` under.
fn measuring(scratch: &Scratch, tool: &str) -> Command {
    let mut command = program(tool);
    scratch.settle(&mut command);

    command
}

/// Instructions of `retry` itself, from the dynamic linker's first one on.
fn instructions(options: &str) -> u64 {
    let scratch = Scratch::new();
    let mut valgrind = measuring(&scratch, "valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", RETRY]);
    valgrind.args(options.split_whitespace()).arg("true");
    let done = valgrind.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    collected.expect(&said).1.trim().parse().unwrap()
}

/// System calls of `retry` itself, by name.
fn system_calls(options: &str, command: &str) -> Vec<String> {
    let scratch = Scratch::new();
    let trace = scratch.path("trace");
    let mut strace = measuring(&scratch, "strace");
    strace
        .arg("-o")
        .arg(&trace)
        .arg(RETRY)
        .args(options.split_whitespace())
        .arg(command)
        .stdin(Stdio::null());
    scratch.settle(&mut strace);
    let done = strace.output().unwrap();
    assert!(done.status.code().is_some(), "{}", String::from_utf8_lossy(&done.stderr));
    let lines = scratch.read("trace");
    let names = lines.lines().filter_map(|line| Some(line.split_once('(')?.0.to_owned()));
    names.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).collect()
}

#[test]
fn a_start_takes_few_instructions() {
    if !needs("valgrind", "the instructions of a start") {
        return;
    }
    // 290 000 and 430 000, of which the dynamic linker takes 220 000. Static: 80 000, and 860 000 where a
    // position-independent test build relocates itself.
    let alone = instructions("");
    assert!(alone < limit(400_000, 1_200_000), "{alone}");
    // 490 000 and 4 100 000 (static: 280 000 and 5 100 000): the model of the command line is built.
    let with_options = instructions("-r 4 --timeout 3");
    assert!(with_options < limit(650_000, 7_000_000), "{with_options}");
}

#[test]
fn a_start_takes_few_system_calls() {
    if !needs("strace", "the system calls of a start") {
        return;
    }
    // 127 and 133, of which 55 catch signals, each in a tenth of a microsecond; `true` alone has 31 to be loaded.
    let calls = system_calls("", "true");
    assert!(calls.len() < 160, "{calls:?}");
    for call in ["getrandom", "socket", "timer_create", "epoll_create1", "readlink"] {
        let count = calls.iter().filter(|name| *name == call).count();
        // RETRY_RUN_ID needs one, and the C library's allocator may ask for one.
        assert!(count <= if call == "getrandom" { 2 } else { 0 }, "{call}: {calls:?}");
    }
}

#[test]
fn a_further_attempt_takes_few_system_calls() {
    if !needs("strace", "the system calls of an attempt") {
        return;
    }
    let count = |attempts| system_calls(&format!("-q --base 0 --jitter none -r {attempts}"), "false").len();
    let each = (count(12) - count(2)).div_ceil(10);
    assert!(each < 30, "{each}");
}

#[test]
fn attempts_leave_no_memory_behind() {
    let scratch = Scratch::new();
    let script = "grep VmData /proc/$PPID/status; false";
    let mut retry = scratch.retry("-q -r 1500 --base 0 --jitter none");
    let done = retry.args(["--", "sh", "-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    let size =
        |line: &str| line.strip_prefix("VmData:").unwrap().trim_end_matches("kB").trim().parse().unwrap();
    let sizes: Vec<u64> = text.lines().map(size).collect();
    assert_eq!(sizes.len(), 1500);
    // The C library takes the stack for a start back a moment later, so some see it.
    let least = |sizes: &[u64]| sizes.iter().min().copied();
    assert_eq!(least(&sizes[100..300]), least(&sizes[1300..]), "{sizes:?}");
}
