//! What `retry` costs, in numbers that do not depend on what else the machine does: instructions, system calls,
//! memory; and that the hardening which is part of the price is there. Times are in benches/. The limits leave room for another compiler and another C library; what
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
    // 430 000 and 1 240 000. The dynamic linker takes 350 000 of the former: 220 000 for 120 symbols of the C library,
    // the rest for 9700 pointers that are adjusted to the place where the program lies (a debug build has more of
    // them). Static: 265 000 and 860 000.
    let alone = instructions("");
    assert!(alone < limit(560_000, 1_700_000), "{alone}");
    // 635 000 and 5 300 000 (static: 495 000 and 5 100 000): the model of the command line is built.
    let with_options = instructions("-r 4 --timeout 3");
    assert!(with_options < limit(800_000, 7_000_000), "{with_options}");
}

/// The loaded segments of a binary, as readelf(1) shows them.
struct Segment {
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    flags: String,
}

impl Segment {
    /// From the columns behind the type: offset, virtual and physical address, both sizes, flags, alignment.
    fn parse(columns: &str) -> Self {
        let fields: Vec<&str> = columns.split_whitespace().collect();
        let number = |index: usize| u64::from_str_radix(fields[index].trim_start_matches("0x"), 16).unwrap();
        Self {
            offset: number(0),
            address: number(1),
            file_size: number(3),
            memory_size: number(4),
            flags: fields[5..fields.len() - 1].concat(),
        }
    }

    /// The pages of the file that hold it.
    fn pages(&self) -> std::ops::RangeInclusive<u64> {
        self.offset / 4096..=(self.offset + self.file_size - 1) / 4096
    }
}

fn segments(headers: &str, kind: &str) -> Vec<Segment> {
    let rows = headers.lines().filter_map(|line| line.trim().strip_prefix(kind)?.strip_prefix(' '));
    rows.map(Segment::parse).collect()
}

#[test]
fn the_binary_is_hardened() {
    if !needs("readelf", "how the binary is hardened") {
        return;
    }
    let scratch = Scratch::new();
    let readelf = |what: &str| {
        let done = measuring(&scratch, "readelf").args([what, "--wide", RETRY]).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let (headers, dynamic) = (readelf("--headers"), readelf("--dynamic"));
    // Position-independent, so that the kernel can put it anywhere. Every symbol is bound at the start, so that all that
    // is relocated can become read-only (full RELRO).
    assert!(headers.contains("DYN (Position-Independent Executable file)"), "{headers}");
    assert!(dynamic.lines().any(|line| line.contains("FLAGS") && line.contains("NOW")), "{dynamic}");
    assert_eq!(segments(&headers, "GNU_RELRO").len(), 1, "{headers}");
    // Nothing can be written and executed.
    let stack = segments(&headers, "GNU_STACK");
    assert_eq!(stack.iter().map(|stack| stack.flags.as_str()).collect::<Vec<_>>(), ["RW"], "{headers}");
    let loaded = segments(&headers, "LOAD");
    assert!(loaded.iter().all(|segment| segment.flags != "RWE"), "{headers}");
    // No page of the file has code and something else.
    let (code, others): (Vec<_>, Vec<_>) = loaded.iter().partition(|segment| segment.flags.contains('E'));
    assert_eq!(code.len(), 1, "{headers}");
    let code = code[0].pages();
    for other in others.iter().map(|segment| segment.pages()) {
        assert!(other.end() < code.start() || code.end() < other.start(), "{headers}");
    }
}

#[test]
fn what_was_relocated_is_read_only() {
    if !needs("readelf", "the protection of what was relocated") {
        return;
    }
    let scratch = Scratch::new();
    let done = measuring(&scratch, "readelf").args(["--segments", "--wide", RETRY]).output().unwrap();
    let relro = segments(&String::from_utf8(done.stdout).unwrap(), "GNU_RELRO").remove(0);
    let done = scratch.retry("").args(["sh", "-c", "cat /proc/$PPID/maps"]).output().unwrap();
    let maps = String::from_utf8(done.stdout).unwrap();
    // `BEGIN-END PERMISSIONS OFFSET DEVICE INODE FILE`; the first mapping of the binary is where it begins.
    let mappings: Vec<(u64, u64, &str)> = maps
        .lines()
        .filter(|line| line.ends_with(RETRY))
        .map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (begin, end) = range.split_once('-').unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            (number(begin), number(end), &rest[..4])
        })
        .collect();
    let base = mappings.first().expect(&maps).0;
    // A last page that is not full holds variables as well.
    let (begin, end) = (base + relro.address, (base + relro.address + relro.memory_size) & !4095);
    let covering: Vec<_> = mappings.iter().filter(|(from, to, _)| *from < end && begin < *to).collect();
    assert!(!covering.is_empty(), "{maps}");
    assert!(covering.iter().all(|(.., permissions)| *permissions == "r--p"), "{begin:x}-{end:x}\n{maps}");
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
