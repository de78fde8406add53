//! What the command sees with `retry` before it and without: the same, except `RETRY_*` and what the
//! manual names.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program};
use std::process::Stdio;

/// Everything that the kernel tells a process of itself and that a parent can set. `cat` and `ls` show
/// their own, so nothing of a shell's stands between.
const VIEWS: [&str; 8] = [
    "cat /proc/self/status",
    "cat /proc/self/limits",
    "cat /proc/self/environ",
    "cat /proc/self/cmdline",
    "cat /proc/self/oom_score_adj",
    "readlink /proc/self/cwd",
    "ls -l /proc/self/fd",
    "ps -o pgid=,sid=,tty=,ni= --pid SELF",
];

/// How a parent may have set things up.
const SETUPS: [&str; 10] = [
    ":",
    "umask 027",
    "exec 3< /etc/passwd 7> /dev/null",
    "ulimit -n 100; ulimit -c 0; ulimit -S -s 4096",
    "trap '' HUP USR1 TERM QUIT INT PIPE",
    "mkdir -p a/b; cd a/b",
    "export B=1 A=2 RETR=3 RETRYX=4",
    "exec <&-",
    "exec 2>&-",
    "exec <&- 2>&-",
];

/// The lines of /proc/self/status that a parent decides about.
const DECIDED: [&str; 12] = [
    "Umask:",
    "Uid:",
    "Gid:",
    "Groups:",
    "SigPnd:",
    "ShdPnd:",
    "SigBlk:",
    "SigIgn:",
    "CapInh:",
    "CapEff:",
    "NoNewPrivs:",
    "Cpus_allowed:",
];

fn view(setup: &str, prefix: &str, view: &str) -> Vec<String> {
    let scratch = Scratch::new();
    // `sh -c 'exec ps ... $$'` is ps by the time that ps looks.
    let view = if view.contains("SELF") {
        format!("{prefix} sh -c 'exec {}'", view.replace("SELF", "$$"))
    } else {
        format!("{prefix} {view}")
    };
    let mut command = program("bash");
    command.args(["-c", &format!("{setup}\n{view}")]).stdin(Stdio::null());
    scratch.settle(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{setup}; {view}: {}", String::from_utf8_lossy(&output.stderr));
    let home = scratch.path("").canonicalize().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace(home.to_str().unwrap(), "HOME/");
    text.split(['\n', '\0']).filter_map(comparable).collect()
}

/// A line without what differs from run to run; `None` for a line that nobody decides about.
fn comparable(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = line.split(':').next().unwrap_or_default();
    if let Some(mask) = line.strip_prefix("SigIgn:") {
        // 32 and 33 are glibc's own: its posix_spawn leaves them ignored, and its start-up takes them back
        // where it needs them.
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap() & !(0b11 << 31);
        return Some(format!("SigIgn: {mask:x}"));
    }
    // bash says in `_` which program it starts.
    if line.starts_with("RETRY_") || line.starts_with("_=") || name.is_empty() {
        return None;
    }
    // The links of `ls -l /proc/self/fd`: only which is open, and on what kind of thing.
    if let Some(arrow) = words.iter().position(|word| *word == "->") {
        let target: String = words[arrow + 1].chars().filter(|c| !c.is_ascii_digit()).collect();
        return Some(format!("{} {} -> {target}", words[0], words[arrow - 1]));
    }
    // The rest of /proc/self/status is the process's own.
    let of_status = line.contains(":\t");
    (!of_status || DECIDED.iter().any(|decided| line.starts_with(decided))).then(|| line.to_owned())
}

#[test]
fn the_command_sees_what_it_would_see_alone() {
    if !needs("bash", "the command's view") || !needs("ps", "the command's view") {
        return;
    }
    for setup in SETUPS {
        for what in VIEWS {
            let alone = view(setup, "", what);
            let with = view(setup, &format!("{RETRY} --"), what);
            assert!(!alone.is_empty());
            assert_eq!(alone, with, "{what} after `{setup}`");
        }
    }
}

#[test]
fn its_own_variables_are_all_that_is_added_and_the_order_stays() {
    let scratch = Scratch::new();
    let run = |words: &[&str]| {
        let mut command = program(words[0]);
        command.args(&words[1..]).env_clear().env("Z", "1").env("A", "2").env("M", "3");
        command.current_dir(scratch.path("")).output().unwrap().stdout
    };
    let alone = String::from_utf8(run(&["/usr/bin/env"])).unwrap();
    let with = String::from_utf8(run(&[RETRY, "/usr/bin/env"])).unwrap();
    let (ours, rest): (Vec<&str>, Vec<&str>) = with.lines().partition(|line| line.starts_with("RETRY_"));
    assert_eq!(rest, alone.lines().collect::<Vec<_>>());
    let names: Vec<&str> = ours.iter().filter_map(|line| line.split('=').next()).collect();
    let all = [
        "RETRY_ATTEMPT",
        "RETRY_MAX_ATTEMPTS",
        "RETRY_PREVIOUS_STATUS",
        "RETRY_ELAPSED",
        "RETRY_DEPTH",
        "RETRY_RUN_ID",
    ];
    assert_eq!(names, all);
}

#[test]
fn nohup_works() {
    if !needs("nohup", "nohup") {
        return;
    }
    let scratch = Scratch::new();
    let mut command = program("nohup");
    command.args([RETRY, "--", "grep", "SigIgn:", "/proc/self/status"]);
    assert_eq!(scratch.launch(command).end().code(), Some(0));
    let mask = scratch.read("stdout");
    assert!(mask.trim().ends_with('1'), "HUP is ignored: {mask}");
}
