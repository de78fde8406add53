//! `retry` at the prompt of a real interactive bash on a pseudo-terminal: one Ctrl-C, two, Ctrl-Z, fg,
//! bg, the background, a pager.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program, wait_until};
use common::live::{bit, is_alive, mask, parent, send, state, wait_until_asleep, wait_until_taken};
use common::terminal::Terminal;
use rustix::process::Signal;
use std::time::Duration;

fn bash() -> Option<(Scratch, Terminal)> {
    if !needs("bash", "an interactive terminal") {
        return None;
    }
    let scratch = Scratch::new();
    let terminal = Terminal::bash(&scratch);
    assert!(program("mkfifo").arg(scratch.path("go")).status().unwrap().success());
    Some((scratch, terminal))
}

/// Lets time pass that must not count.
#[expect(clippy::disallowed_methods, reason = "the time itself is what is tested")]
fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until the test writes to the fifo `go`. A loop around sleep(1) would not do where Ctrl-Z is
/// pressed: a child that is stopped between vfork and exec leaves dash in the kernel, with `retry` or
/// without.
const WAIT: &str = "read line < go";

fn go(scratch: &Scratch) {
    std::fs::write(scratch.path("go"), "\n").unwrap();
}

/// Counts its INTs and goes on.
const COUNTS_INT: &str =
    "trap 'echo INT >> got' INT; echo $$ > ready; while [ ! -e stop ]; do sleep 0.01; done; exit 5";

#[test]
fn one_ctrl_c_stops_the_script_that_runs_retry() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("bash -c '$RETRY -- sh -c \"echo \\$\\$ >> ready; exec sleep 1000\"; echo next >> after'");
    let command = scratch.pid("ready");
    wait_until_asleep(command);
    terminal.control('c');
    assert_eq!(terminal.status(), "130");
    assert!(!is_alive(command));
    assert_eq!(scratch.lines("ready"), 1, "no further attempt");
    assert!(!scratch.path("after").exists(), "bash went on with its script");
}

#[test]
fn one_ctrl_c_reaches_the_command_once_and_its_status_counts() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line(&format!("$RETRY -- sh -c \"{}\"", COUNTS_INT.replace('$', "\\$")));
    scratch.pid("ready");
    terminal.control('c');
    scratch.line("got");
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(terminal.status(), "5");
    assert_eq!(scratch.read("got"), "INT\n");
}

/// Presses Ctrl-C, and waits until the command and `retry` have had it.
fn interrupt(scratch: &Scratch, terminal: &mut Terminal, command: i32) {
    let before = scratch.lines("got");
    terminal.control('c');
    wait_until("the command to have the key", || scratch.lines("got") > before);
    wait_until_taken(parent(command), Signal::INT);
}

#[test]
fn a_third_ctrl_c_in_haste_kills_a_command_that_will_not_end() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line(&format!("$RETRY -- sh -c \"{}\"", COUNTS_INT.replace('$', "\\$")));
    let command = scratch.pid("ready");
    interrupt(&scratch, &mut terminal, command);
    interrupt(&scratch, &mut terminal, command);
    assert!(is_alive(command), "the second key is the command's own");
    terminal.control('c');
    terminal.shows("retry: received SIGINT three times within 2s: sending SIGKILL to the command");
    assert_eq!(terminal.status(), "130");
    assert!(!is_alive(command));
}

#[test]
fn keys_at_leisure_are_the_commands_own() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line(&format!("$RETRY -- sh -c \"{}\"", COUNTS_INT.replace('$', "\\$")));
    let command = scratch.pid("ready");
    // As a person presses Ctrl-C in a REPL: now and then.
    interrupt(&scratch, &mut terminal, command);
    terminal.shows("retry: waiting for the command to exit; press Ctrl-C three times within 2s to kill it");
    for _ in 0..2 {
        interrupt(&scratch, &mut terminal, command);
        pass(Duration::from_millis(1100));
    }
    assert!(is_alive(command));
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(terminal.status(), "5");
}

#[test]
fn ctrl_c_during_a_delay_ends_it_at_once() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("$RETRY --base 1000 -- sh -c 'echo x >> runs; exit 1'");
    terminal.shows("Retrying in");
    terminal.control('c');
    assert_eq!(terminal.status(), "130");
    assert_eq!(scratch.lines("runs"), 1);
}

#[test]
fn ctrl_z_stops_both_and_fg_resumes_both_and_stopped_time_is_no_time() {
    let Some((scratch, mut terminal)) = bash() else { return };
    // The limit is far longer than the command needs and shorter than the stop.
    terminal.line(&format!("$RETRY --timeout 3 --retries 1 -- sh -c 'echo $$ > ready; {WAIT}; exit 6'"));
    let command = scratch.pid("ready");
    terminal.control('z');
    terminal.shows("Stopped");
    terminal.line("echo \"[retry\":$(ps -o stat= -p $(jobs -p))]");
    terminal.shows("[retry:");
    assert!(terminal.shows("]").starts_with('T'), "retry is stopped");
    wait_until("the command to be stopped", || state(command) == Some('T'));
    // The time that must not count has to pass.
    pass(Duration::from_secs(4));
    terminal.line("fg");
    go(&scratch);
    assert_eq!(terminal.status(), "6");
}

#[test]
fn bg_resumes_both_too() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line(&format!("$RETRY --retries 1 -- sh -c 'echo $$ > ready; {WAIT}; exit 6'"));
    let command = scratch.pid("ready");
    terminal.control('z');
    terminal.shows("Stopped");
    terminal.line("bg");
    wait_until("the command to run", || state(command).is_some_and(|state| state != 'T'));
    go(&scratch);
    terminal.line("wait %1");
    assert_eq!(terminal.status(), "6");
}

#[test]
fn ctrl_z_during_a_delay_stops_it_and_stopped_time_is_no_time() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("$RETRY --base 2 --jitter 0 --deadline 4 --retries 2 -- sh -c 'echo x >> runs; exit 7'");
    terminal.shows("Retrying in 2s");
    terminal.control('z');
    terminal.shows("Stopped");
    pass(Duration::from_secs(5));
    assert_eq!(scratch.lines("runs"), 1);
    terminal.line("fg");
    // With the stop counted, the deadline would have passed.
    terminal.shows("attempt 2/2 failed");
    assert_eq!(terminal.status(), "7");
    assert_eq!(scratch.lines("runs"), 2);
}

#[test]
fn ctrl_z_during_the_grace_period_loses_no_kill() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("$RETRY --timeout 2 --kill-after 2 --retries 1 -- sh -c 'trap \"echo TERM >> got\" TERM; echo $$ > ready; while :; do read line < go; done 2> /dev/null'");
    let command = scratch.pid("ready");
    scratch.line("got");
    terminal.control('z');
    terminal.shows("Stopped");
    pass(Duration::from_secs(3));
    assert_eq!(state(command), Some('T'), "the grace period is stopped as well");
    terminal.line("fg");
    assert_eq!(terminal.status(), "124");
    assert!(!is_alive(command));
}

#[test]
fn a_command_that_handles_ctrl_z_itself_keeps_the_terminal_until_it_has_stopped() {
    let Some((scratch, mut terminal)) = bash() else { return };
    let script =
        "trap 'echo begun >> got; while [ ! -e tidy ]; do :; done; echo tidied >> got; kill -STOP $$' TSTP
                  trap 'echo CONT >> got' CONT
                  echo $$ > ready; while [ ! -e stop ]; do read line < go; done 2> /dev/null";
    std::fs::write(scratch.path("script"), script).unwrap();
    terminal.line("$RETRY -- sh script & echo $! > retry; fg");
    let (retry, command) = (scratch.pid("retry"), scratch.pid("ready"));
    terminal.control('z');
    scratch.line("got");
    assert_ne!(state(retry), Some('T'), "retry must not leave the terminal to the shell yet");
    std::fs::write(scratch.path("tidy"), "").unwrap();
    terminal.shows("Stopped");
    assert_eq!(state(command), Some('T'));
    terminal.line("fg");
    wait_until("CONT", || scratch.read("got").contains("CONT"));
    std::fs::write(scratch.path("stop"), "").unwrap();
    go(&scratch);
    assert_eq!(terminal.status(), "0");
    assert_eq!(scratch.read("got"), "begun\ntidied\nCONT\n");
}

#[test]
fn a_stop_sent_to_the_command_alone_stops_only_the_clock() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line(&format!(
        "$RETRY --timeout 3 --retries 1 -- sh -c 'echo $$ > ready; {WAIT}; exit 6' & echo $! > retry"
    ));
    let (retry, command) = (scratch.pid("retry"), scratch.pid("ready"));
    send(command, Signal::STOP);
    wait_until("the stop", || state(command) == Some('T'));
    pass(Duration::from_secs(4));
    assert_ne!(state(retry), Some('T'));
    send(command, Signal::CONT);
    go(&scratch);
    terminal.line("wait %1");
    assert_eq!(terminal.status(), "6");
}

#[test]
fn stop_and_continue_sent_to_retry_reach_the_command() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal
        .line(&format!("$RETRY --retries 1 -- sh -c 'echo $$ > ready; {WAIT}; exit 6' & echo $! > retry"));
    let (retry, command) = (scratch.pid("retry"), scratch.pid("ready"));
    send(retry, Signal::TSTP);
    wait_until("the command to stop", || state(command) == Some('T'));
    wait_until("retry to stop", || state(retry) == Some('T'));
    send(retry, Signal::CONT);
    wait_until("the command to go on", || state(command).is_some_and(|state| state != 'T'));
    go(&scratch);
    terminal.line("wait %1");
    assert_eq!(terminal.status(), "6");
}

#[test]
fn the_command_reads_and_writes_the_terminal() {
    let Some((_scratch, mut terminal)) = bash() else { return };
    terminal.line("$RETRY -- sh -c 'printf \"name? \" > /dev/tty; read name < /dev/tty; echo \"[hello\" \"$name]\"; test -t 0 && test -t 1 && test -t 2'");
    terminal.shows("name? ");
    terminal.line("you");
    terminal.shows("[hello you]");
    assert_eq!(terminal.status(), "0");
}

#[test]
fn in_the_background_a_reader_of_the_terminal_stops_as_it_would_alone() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("$RETRY --retries 1 -- sh -c 'echo $$ > ready; read line; echo \"[read\" \"$line]\"; exit 4' & echo $! > retry");
    let (retry, command) = (scratch.pid("retry"), scratch.pid("ready"));
    wait_until("the command to stop", || state(command) == Some('T'));
    wait_until("retry to stop", || state(retry) == Some('T'));
    terminal.line("fg");
    // The shell hands the terminal over before it continues the job.
    wait_until("the command to go on", || state(command).is_some_and(|state| state != 'T'));
    terminal.line("something");
    terminal.shows("[read something]");
    assert_eq!(terminal.status(), "4");
}

#[test]
fn a_pager_in_the_pipeline_works() {
    let Some((_scratch, mut terminal)) = bash() else { return };
    if !needs("less", "a pager in the pipeline") {
        return;
    }
    // less -E ends at the end; the key q ends it before. Both need the terminal.
    terminal.line("export TERM=vt100 LESS=; $RETRY -- seq 100000 | less; echo \"[pipe\":${PIPESTATUS[*]}]");
    terminal.shows("\r\n");
    terminal.key("q");
    terminal.shows("[pipe:");
    let status = terminal.shows("]");
    // 141: seq was told by SIGPIPE that its reader has gone, and that is never retried.
    assert!(status == "141 0" || status == "0 0", "{status}");
}

#[test]
fn a_hang_up_reaches_the_command_of_a_session_leader() {
    let scratch = Scratch::new();
    let mut words = vec![RETRY, "--", "sh", "-c"];
    words.push("trap 'echo HUP >> got; exit' HUP; echo $$ > ready; while :; do sleep 0.01; done");
    let mut terminal = Terminal::start(&scratch, &words);
    let (retry, command) = (terminal.leader(), scratch.pid("ready"));
    wait_until("the handler", || mask(retry, "SigCgt") & bit(Signal::HUP) != 0);
    terminal.close();
    assert_eq!(scratch.line("got"), "HUP");
    wait_until("its end", || !is_alive(command));
    assert_eq!(scratch.read("got"), "HUP\n", "once");
}

/// Waits until the terminal has these flags of stty(1).
fn has(scratch: &Scratch, terminal: &mut Terminal, flags: &[&str]) {
    terminal.line("stty -a > flags; echo do''ne");
    terminal.shows("done");
    let all = scratch.read("flags");
    for flag in flags {
        assert!(all.split([' ', ';', '\n']).any(|found| found == *flag), "{flag} is not in {all}");
    }
}

#[test]
fn a_terminal_that_a_killed_command_left_in_raw_mode_is_put_back() {
    let Some((scratch, mut terminal)) = bash() else { return };
    for (options, script) in [
        ("--timeout 0.5 --kill-after 0.1", "trap '' TERM; stty raw -echo; echo $? >> ready; sleep 1000"),
        ("", "stty raw -echo; echo $? >> ready; kill -KILL $$"),
    ] {
        // During the delay Ctrl-C has to be a key, and attempt 2 finds the terminal as attempt 1 did.
        terminal.line(&format!("$RETRY {options} --base 1000 -- sh -c \"{}\"", script.replace('$', "\\$")));
        terminal.shows("Retrying in");
        terminal.control('c');
        assert_eq!(terminal.status(), "130");
        has(&scratch, &mut terminal, &["icanon", "isig", "echo", "opost"]);
    }
    assert_eq!(scratch.read("ready"), "0\n0\n");
}

#[test]
fn a_terminal_that_a_command_has_set_and_left_stays_as_it_is() {
    let Some((scratch, mut terminal)) = bash() else { return };
    terminal.line("sh -c '$RETRY -- stty -echoctl; stty -a > inner'; echo do''ne");
    terminal.shows("done");
    assert!(scratch.read("inner").contains("-echoctl"), "{}", scratch.read("inner"));
}

#[test]
fn the_foreground_comes_back_from_a_shell_that_was_killed() {
    let Some((scratch, mut terminal)) = bash() else { return };
    // The inner shell takes the foreground for a group of its own, and dies in it.
    let inner = "bash --norc --noprofile --noediting -i";
    terminal.line(&format!("$RETRY --timeout 2 --kill-after 0.1 --base 1000 -- {inner}"));
    terminal.line("echo inner $$ > ready; kill -KILL $$");
    scratch.line("ready");
    terminal.shows("Retrying in");
    // Reaches retry only if its group is in the foreground.
    terminal.control('c');
    assert_eq!(terminal.status(), "130");
}
