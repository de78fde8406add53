//! A time limit ends the whole tree: what ignores TERM, what left for another session, what forked
//! twice, what forks all the time. What was there before the attempt lives on.

#![cfg(target_os = "linux")]

// The limits are longer than a script needs to get ready on a machine that is busy with other things.

mod common;

use common::command::{RETRY, Scratch, needs, program, wait_until, works};
use common::live::{is_alive, send};
use rustix::process::Signal;

/// Three stubborn descendants, each of which leaves its pid: one in our session, one in a session of
/// its own, one whose parents are gone.
const STUBBORN: &str = r#"
    loop='trap "" TERM HUP INT; echo $$ >> pids; while :; do sleep 0.05; done'
    sh -c "$loop" &
    setsid sh -c "$loop" &
    (setsid sh -c "($loop) & exit" &)
    echo $RETRY_ATTEMPT >> attempts
    while [ $(wc -l < pids) -lt $((3 * RETRY_ATTEMPT)) ]; do sleep 0.01; done
    "#;

fn pids(scratch: &Scratch) -> Vec<i32> {
    scratch.read("pids").lines().map(|line| line.trim().parse().unwrap()).collect()
}

#[test]
fn a_time_limit_ends_every_descendant_before_the_next_attempt() {
    let scratch = Scratch::new();
    // The next attempt notes whoever of the earlier ones is still alive.
    let overlap = "for p in $(cat pids 2>/dev/null); do [ -d /proc/$p ] && ! grep -q 'State:.*Z' /proc/$p/status && echo $p >> overlap; done\n";
    let script = format!("{overlap}{STUBBORN} exec sleep 1000");
    let retry = scratch.session("--timeout 2 --kill-after 0.2 --retries 3 --base 0", &script);
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert_eq!(scratch.lines("attempts"), 3);
    assert_eq!(scratch.read("overlap"), "");
    assert_eq!(pids(&scratch).len(), 9);
    for pid in pids(&scratch) {
        assert!(!is_alive(pid), "{pid} is left");
    }
    assert!(ended.stderr.contains("(sent SIGTERM, then SIGKILL). Retrying in"), "{}", ended.stderr);
}

#[test]
fn the_deadline_ends_the_tree_too() {
    let scratch = Scratch::new();
    let retry = scratch.session(
        "--deadline 2 --kill-after 0.2 --retries 3 --base 0",
        &format!("{STUBBORN} exec sleep 1000"),
    );
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert_eq!(scratch.lines("attempts"), 1);
    assert!(pids(&scratch).iter().all(|&pid| !is_alive(pid)));
}

#[test]
fn a_tree_that_heeds_the_signal_is_not_killed() {
    let scratch = Scratch::new();
    let script = "trap 'echo INT > got; exit 0' INT; echo $$ > ready; while :; do sleep 0.01; done";
    let retry = scratch.session("--timeout 2 --timeout-signal INT --kill-after 1000 --retries 1", script);
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124), "a status of its own does not hide the time limit: {}", ended.stderr);
    assert_eq!(scratch.read("got"), "INT\n");
    assert!(
        ended.stderr.contains("timed out after 2") && ended.stderr.contains("(sent SIGINT)"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_stopped_process_ends_too() {
    let scratch = Scratch::new();
    let script = "sh -c 'echo $$ > stopped; kill -STOP $$' & exec sleep 1000";
    let retry = scratch.session("--timeout 2 --kill-after 1000 --retries 1", script);
    let stopped = scratch.pid("stopped");
    assert_eq!(retry.end().code(), Some(124));
    assert!(!is_alive(stopped));
}

#[test]
fn a_command_that_stops_itself_when_it_is_to_end_has_no_longer_for_that() {
    let scratch = Scratch::new();
    // The trap runs after the CONT that follows the TERM.
    let script = "trap 'echo $$ > stopped; kill -STOP $$' TERM; while :; do sleep 0.05; done";
    let retry = scratch.session("--timeout 1 --kill-after 0.5 --retries 1", script);
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert!(ended.stderr.contains("(sent SIGTERM, then SIGKILL)"), "{}", ended.stderr);
    assert!(!is_alive(scratch.pid("stopped")));
}

#[test]
fn what_was_there_before_the_attempt_lives_on() {
    let scratch = Scratch::new();
    // A child that `retry` inherited by exec, and a background process that attempt 1 left behind when
    // it ended by itself.
    let command = "case $RETRY_ATTEMPT in
          1) setsid sh -c 'echo $$ > left; exec sleep 1000' & while [ ! -s left ]; do sleep 0.01; done; exit 1;;
          2) sh -c 'echo $$ > own; exec sleep 1000' & exec sleep 1000;;
        esac";
    let script = format!(
        "sleep 1000 & echo $! > inherited; exec {RETRY} --retries 2 --timeout 2 --base 0 -- sh -c \"$1\""
    );
    let mut shell = program("setsid");
    shell.args(["sh", "-c", &script, "sh", command]);
    let ended = scratch.launch(shell).end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    let (inherited, left, own) = (scratch.pid("inherited"), scratch.pid("left"), scratch.pid("own"));
    assert!(is_alive(inherited), "inherited");
    assert!(is_alive(left), "left by an attempt that ended by itself");
    assert!(!is_alive(own), "the timed-out attempt's own");
    send(inherited, Signal::KILL);
    send(left, Signal::KILL);
}

#[test]
fn what_a_process_from_before_the_attempt_starts_meanwhile_lives_on() {
    let scratch = Scratch::new();
    let worker = "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 || echo killed >> killed; done; echo done > done";
    let script = format!(
        "sh -c '{worker}' & exec {RETRY} --retries 2 --timeout 0.5 --kill-after 0.1 --base 0 -- sleep 1000"
    );
    let mut shell = program("setsid");
    shell.args(["sh", "-c", &script]);
    let ended = scratch.launch(shell).end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert!(!ended.stderr.contains("SIGKILL"), "{}", ended.stderr);
    scratch.line("done");
    assert_eq!(scratch.read("killed"), "");
}

#[test]
fn a_process_whose_main_thread_has_ended_ends_too() {
    if !needs("python3", "a main thread that ends before the others") {
        return;
    }
    let scratch = Scratch::new();
    // It shows as a zombie all the time.
    let python = "
import ctypes, os, signal, threading, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
threading.Thread(target=time.sleep, args=(1000,)).start()
open('pid.new', 'w').write(str(os.getpid()) + '\\n')
os.rename('pid.new', 'pid')
ctypes.CDLL(None).pthread_exit(None)";
    let script = format!("python3 -c \"{python}\" & wait");
    let retry = scratch.session("--timeout 2 --kill-after 0.2 --retries 1", &script);
    let pid = scratch.pid("pid");
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert!(ended.stderr.contains("(sent SIGTERM, then SIGKILL)"), "{}", ended.stderr);
    wait_until("the process to be gone", || common::live::state(pid).is_none());
}

#[test]
fn without_a_proc_of_ours_the_command_itself_ends_and_nothing_is_claimed_of_the_rest() {
    let command = "trap '' TERM; while :; do sleep 0.05; done";
    let retry = format!("{RETRY} --timeout 0.3 --kill-after 0.1 --retries 2 --base 0");
    for (unshare, script) in [
        (&["--mount"][..], format!("umount -l /proc && exec {retry} -- sh -c \"$1\"")),
        (&["--pid", "--fork"][..], format!("{retry} -- sh -c \"$1\"; exit $?")),
        // One descriptor is left to look into /proc with.
        (&["--mount"][..], format!("ulimit -n 5; exec {retry} -- sh -c \"$1\"")),
    ] {
        let mut trial = program("unshare");
        trial.args(unshare).arg("true");
        if !works(&mut trial, "unshare and the right to use it", "a foreign /proc") {
            return;
        }
        let scratch = Scratch::new();
        let mark = format!("NOPROC_{}", std::process::id());
        let mut outer = program("setsid");
        outer.arg("unshare").args(unshare).args(["sh", "-c", &script, "sh", command]).env(&mark, "1");
        let ended = scratch.launch(outer).end();
        assert_eq!(ended.code(), Some(124), "{script}: {}", ended.stderr);
        assert!(ended.stderr.contains("(sent SIGTERM, then SIGKILL)"), "{script}: {}", ended.stderr);
        // The `sleep` of the loop is an orphan that nothing here can find, so no attempt follows while it is there. (It may
        // have ended in time.)
        let unseen = ended.stderr.lines().position(|line| line.contains("/proc does not show"));
        assert!(unseen.is_none_or(|at| at + 1 == ended.stderr.lines().count()), "{script}: {}", ended.stderr);
        // What the last `sleep` of the loop still has to sleep.
        wait_until("the commands' end", || common::live::marked(&mark).is_empty());
    }
}

#[test]
fn a_background_process_of_a_good_attempt_lives_on_and_is_not_waited_for() {
    let scratch = Scratch::new();
    let retry = scratch.session("--timeout 1000", "sleep 1000 & echo $! > left");
    assert_eq!(retry.end().code(), Some(0));
    let left = scratch.pid("left");
    assert!(is_alive(left));
    send(left, Signal::KILL);
}

#[test]
fn a_fork_storm_cannot_outrun_the_kill() {
    let scratch = Scratch::new();
    // Each process starts the next one and goes away: there is never one that stays to be killed. And
    // one that starts others all the time.
    let script = "
        cat > chain <<'EOF'
[ -e stop ] && exit
trap '' TERM
sh ./chain &
EOF
        trap '' TERM
        sh ./chain &
        setsid sh ./chain &
        sh -c 'trap \"\" TERM; while [ ! -e stop ]; do (sleep 0.05 &) ; done' &
        echo $$ > ready
        while :; do sleep 0.05; done";
    let mut command = program("setsid");
    let mark = format!("STORM_{}", std::process::id());
    command.env(&mark, "1").args([
        RETRY,
        "--timeout",
        "0.5",
        "--kill-after",
        "0.1",
        "--retries",
        "2",
        "--base",
        "0",
    ]);
    command.args(["--", "sh", "-c", script]);
    let ended = scratch.launch(command).end();
    let left = common::live::marked(&mark);
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert!(left.is_empty(), "left: {left:?}");
}

#[test]
fn a_tree_that_is_not_ours_to_end_is_named_and_not_retried() {
    a_tree_that_is_not_ours_to_end(&[]);
}

#[test]
fn a_tree_that_proc_hides_is_not_gone() {
    // Every process of another user is invisible, as on hardened hosts.
    let mount = "mount -t proc -o hidepid=2 proc /proc && exec \"$@\"";
    a_tree_that_is_not_ours_to_end(&["unshare", "--mount", "sh", "-c", mount, "sh"]);
}

/// As below sudo: a set-uid program that makes itself root for good, below a `retry` that is nobody, in an environment
/// that these words make.
fn a_tree_that_is_not_ours_to_end(environment: &[&str]) {
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let words: Vec<&str> = environment.iter().chain(&nobody).copied().collect();
    let mut trial = program(words[0]);
    trial.args(&words[1..]).arg("true");
    if !works(&mut trial, "setpriv, unshare and root", "a set-uid child") {
        return;
    }
    let scratch = Scratch::new();
    let become_root = scratch.path("become-root");
    std::fs::copy(tool("setpriv"), &become_root).unwrap();
    let open = |path: &std::path::Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&become_root, 0o4755);
    open(become_root.parent().unwrap(), 0o777);
    let binary = scratch.path("retry");
    std::fs::copy(RETRY, &binary).unwrap();
    let mut command = program("setsid");
    command.args(words);
    command.arg(&binary).args(["--timeout", "2", "--kill-after", "0.1", "--base", "0", "--", "sh", "-c"]);
    command.arg("./become-root --reuid=0 sleep 1000 & echo $! > pid; echo x >> runs; wait");
    let ended = scratch.launch(command).end();
    let pid = scratch.pid("pid");
    let alive = is_alive(pid);
    send(pid, Signal::KILL);
    assert!(alive, "the test's sleep did not become root: {}", ended.stderr);
    assert_eq!(ended.code(), Some(124), "{}", ended.stderr);
    assert_eq!(scratch.lines("runs"), 1, "no further attempt");
    assert!(ended.stderr.contains(&format!("could not end process {pid}")), "{}", ended.stderr);
}

fn tool(name: &str) -> String {
    let output = program("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn adopted_orphans_are_reaped() {
    let scratch = Scratch::new();
    let script = "for i in 1 2 3 4 5; do (sh -c 'echo $$ >> orphans; exit' &); done
                  while [ ! -e stop ]; do sleep 0.01; done";
    let retry = scratch.session("", script);
    wait_until("five orphans", || scratch.lines("orphans") == 5);
    for line in scratch.read("orphans").lines() {
        let pid: i32 = line.parse().unwrap();
        wait_until("an orphan to be reaped", || common::live::state(pid).is_none());
    }
    std::fs::write(scratch.path("stop"), "").unwrap();
    assert_eq!(retry.end().code(), Some(0));
}

#[test]
fn as_pid_1_it_reaps_and_ends_with_the_right_status() {
    let mut trial = program("unshare");
    trial.args(["--pid", "--fork", "--mount-proc", "true"]);
    if !works(&mut trial, "unshare and the right to use it", "pid 1") {
        return;
    }
    let scratch = Scratch::new();
    let start = |arguments: &[&str]| {
        let mut command = program("unshare");
        command.args(["--pid", "--fork", "--mount-proc", RETRY]).args(arguments);
        scratch.launch(command)
    };
    // Zombies would show as defunct children of pid 1.
    let orphans =
        "for i in 1 2 3; do (true &); done; sleep 0.3; grep -l 'State:.Z' /proc/[0-9]*/status | wc -l";
    assert_eq!(start(&["--", "sh", "-c", orphans]).end().code(), Some(0));
    assert_eq!(scratch.read("stdout").trim(), "0");
    // A signal cannot kill pid 1 by default, so the status says it.
    assert_eq!(start(&["--retries", "1", "--", "sh", "-c", "kill -SEGV $$"]).end().code(), Some(139));
}

#[test]
fn as_pid_1_it_passes_on_what_containers_are_stopped_with() {
    let mut trial = program("unshare");
    trial.args(["--pid", "--fork", "--mount-proc", "true"]);
    if !works(&mut trial, "unshare and the right to use it", "pid 1") || !needs("bash", "real-time signals") {
        return;
    }
    // WINCH is httpd's STOPSIGNAL, RTMIN+3 systemd's, PWR is what LXC sends.
    for signal in ["WINCH", "PWR", "RTMIN+3"] {
        let scratch = Scratch::new();
        let script = format!(
            "trap 'echo {signal} > got; exit 7' {signal}; kill -{signal} 1; while :; do sleep 0.01; done"
        );
        let mut command = program("unshare");
        command.args(["--pid", "--fork", "--mount-proc", RETRY, "-r1", "bash", "-c", &script]);
        assert_eq!(scratch.launch(command).end().code(), Some(7), "{signal}");
        assert_eq!(scratch.read("got"), format!("{signal}\n"));
    }
}

#[test]
fn a_limit_that_is_shorter_than_the_other_one_wins() {
    let scratch = Scratch::new();
    let retry = scratch.session("--timeout 1000 --deadline 0.3", "exec sleep 1000");
    let ended = retry.end();
    assert_eq!(ended.code(), Some(124));
    assert!(ended.stderr.contains("attempt 1/3 failed: timed out"), "{}", ended.stderr);
    let retry = scratch.session("--timeout 0.3 --deadline 1000 --retries 1", "exec sleep 1000");
    assert_eq!(retry.end().code(), Some(124));
}

#[test]
fn a_signal_after_the_command_reaches_what_holds_its_pipes() {
    // The pipes are waited for for 200 ms; on a busy machine the signal may come later.
    for _ in 0..50 {
        let scratch = Scratch::new();
        let retry = scratch.session("--idle-timeout 1000 --base 1000", "sleep 1000 & echo $! > left; exit 1");
        let left = scratch.pid("left");
        wait_until("the orphan", || common::live::parent(left) == retry.pid());
        retry.send(Signal::TERM);
        let ended = retry.end();
        if ended.stderr.contains("during attempt 1/3") {
            wait_until("what held the pipes to be gone", || common::live::state(left).is_none());
            return;
        }
        send(left, Signal::KILL);
    }
    panic!("the signal never came in time");
}
