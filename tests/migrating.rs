//! docs/migrating.md: each line of its tables is tried, with the other tool beside it where that is here.

#![cfg(target_os = "linux")]

mod common;

use common::command::{RETRY, Scratch, needs, program, text};
use common::http::Server;
use std::collections::HashMap;
use std::process::Command;

const DOCUMENT: &str = include_str!("../docs/migrating.md");

/// The first two cells of each row of the tables below a heading, without the heads.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let cells = |line: &'static str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?))
    };
    let mut rows: Vec<_> =
        section.lines().filter_map(cells).filter(|(old, _)| old.starts_with('`')).collect();
    rows.sort_unstable();
    assert!(rows.len() > 2, "{heading}");
    rows
}

/// What stands between backquotes.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The words of a command line as a shell has them, with `retry` as the one under test.
fn shell(scratch: &Scratch, line: &str, retry: &str) -> Command {
    let mut shell = program("sh");
    shell.args(["-c", line]);
    scratch.settle(&mut shell);
    std::fs::create_dir_all(scratch.path("path")).unwrap();
    for name in ["retry", "recur", "attempt"] {
        let name = scratch.path("path").join(name);
        let _none_yet = std::fs::remove_file(&name);
        std::os::unix::fs::symlink(retry, name).unwrap();
    }
    // What a line does not say about delays.
    shell.env("RETRY_MAX_DELAY", "0.1").env("RETRY_JITTER", "none");
    shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", scratch.path("path").display()));
    shell
}

/// The status of a line, and how often its `./job` ran.
fn tried(line: &str, retry: &str, job: &str) -> (Option<i32>, usize, String) {
    let scratch = Scratch::new();
    scratch.executable("job", &format!("#!/bin/sh\necho run >> runs\nrun=$(grep -c run runs)\n{job}\n"));
    scratch.executable("failed", "#!/bin/sh\necho failed >> failures\nexit 9\n");
    let done = shell(&scratch, line, retry).output().unwrap();
    (done.status.code(), scratch.runs(), text(&done.stderr) + &scratch.read("failures"))
}

/// Delays and limits that a test can wait for.
fn short(line: &str) -> String {
    let times = regex::Regex::new(
        r"(--base|--delays|--timeout|--kill-after|--max-delay|--deadline|--initial-delay|--stagger|--wait|--wait-max|--starting-wait|--multiplier|--jitter|-d|-s|-m|-x|sleep|timeout|INT|--foreground) ([\d.,]+)\b",
    );
    let shorter = |found: &regex::Captures| {
        let time = match &found[1] {
            "--timeout" | "timeout" | "INT" | "--foreground" => "0.4",
            "--deadline" => "3",
            // Debian's retry has whole seconds.
            "-d" => "0",
            _ => "0.1",
        };
        format!("{} {time}", &found[1])
    };
    let line = line.replace("-k 5 60", "-k 0.1 0.4").replace("in 1 2 4", "in 0 0 0");
    times.unwrap().replace_all(&line, shorter).into_owned()
}

/// A way that a job goes, and what becomes of it: status and runs with the other tool, and here.
type Trial = (&'static str, (i32, usize), (i32, usize));

/// Tries all rows below a heading. The other tool is the `retry` or whatever else the line calls, if it is here.
fn compare(heading: &str, other: Option<&str>, trials: &HashMap<&str, Vec<Trial>>) {
    let rows = rows(heading);
    for (old, new) in &rows {
        let [old, new] = [old, new].map(|cell| code(cell)[0]);
        let trials = trials.get(old).unwrap_or_else(|| panic!("{old} is not tried"));
        for (job, before, after) in trials {
            if let Some(other) = other {
                let (status, runs, said) = tried(&short(old), other, job);
                assert_eq!((status.unwrap_or(-1), runs), *before, "{old}: {job}: {said}");
            }
            let (status, runs, said) = tried(&short(new), RETRY, job);
            assert_eq!((status.unwrap_or(-1), runs), *after, "{new}: {job}: {said}");
        }
    }
    assert_eq!(rows.len(), trials.len(), "{heading}");
}

#[test]
fn debians_retry() {
    let there = std::path::Path::new("/usr/bin/retry");
    let version = program(there).arg("--version").output();
    let is_debians = version.is_ok_and(|output| !text(&output.stdout).starts_with("retry 0."));
    let here = common::command::can("the lines for Debian's retry", "Debian's package retry", is_debians);
    let trials = HashMap::from([
        // It would wait ten seconds, so it has no failure here.
        ("retry -- ./job", vec![("exit 0", (0, 1), (0, 1))]),
        ("retry -t 4 -d 5 -- ./job", vec![("exit 3", (3, 4), (3, 4)), ("test $run = 2", (0, 2), (0, 2))]),
        ("retry -t 4 -d 1,2,4 -- ./job", vec![("exit 3", (3, 4), (3, 4))]),
        (
            "retry -t 4 -d 5 -u 3 -- ./job",
            vec![("exit 3", (3, 1), (0, 1)), ("exit 0", (0, 4), (1, 4)), ("exit 4", (4, 4), (4, 4))],
        ),
        (
            "retry -t 4 -d 5 -w 3-5 -- ./job",
            vec![("exit 3", (3, 4), (3, 4)), ("exit 6", (6, 1), (6, 1)), ("exit 0", (0, 1), (0, 1))],
        ),
        (
            "retry -t 4 -d 5 -u fail -- ./job",
            vec![("exit $((run - 1))", (1, 2), (0, 2)), ("exit 0", (0, 4), (1, 4))],
        ),
        ("retry -t 4 -d 5 -m upload -- ./job", vec![("test $run = 2", (0, 2), (0, 2))]),
    ]);
    compare("Debian's retry", here.then_some("/usr/bin/retry"), &trials);
    // For ever by default: more often than ours.
    let (new, job) = (code(rows("Debian's retry")[0].1)[0], "test $run = 5");
    assert_eq!(tried(&short(new), RETRY, job).1, 5);
    let absent = "retry -t 2 -d 1 -- ./no-such";
    if here {
        assert_eq!(tried(&short(absent), "/usr/bin/retry", "").0, Some(1));
    }
    assert_eq!(tried("retry -- ./no-such", RETRY, "").0, Some(127));
    // Its streams.
    let scratch = Scratch::new();
    let job = "read line; echo $line >> lines; echo out; test $(grep -c . lines) = 2";
    scratch.executable("job", &format!("#!/bin/sh\n{job}\n"));
    let line = "echo in | retry --stdin replay -O --base 0.1 -- ./job";
    let done = shell(&scratch, line, RETRY).output().unwrap();
    assert_eq!((text(&done.stdout).as_str(), scratch.read("lines").as_str()), ("out\n", "in\nin\n"));
}

#[test]
fn kadwanevs_retry() {
    let trials = HashMap::from([
        ("retry -- ./job", vec![("test $run = 2", (0, 2), (0, 2)), ("exit 3", (3, 11), (3, 11))]),
        ("retry -t 3 -s 5 -- ./job", vec![("exit 3", (3, 4), (3, 4))]),
        ("retry -t 3 -m 1 -x 30 -- ./job", vec![("exit 3", (3, 4), (3, 4))]),
        ("retry -t 3 -f ./failed -- ./job", vec![("exit 3", (3, 4), (9, 4)), ("exit 0", (0, 1), (0, 1))]),
        ("retry -v -t 3 -- ./job", vec![("exit 3", (3, 4), (3, 4))]),
    ]);
    // Its own delays are a second.
    compare("kadwanev/retry", tool("KADWANEV_RETRY").as_deref(), &trials);
}

/// The path of a tool that is in no package, if somebody has it here.
#[expect(clippy::disallowed_methods, reason = "what a test is told by who runs it")]
fn tool(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

#[test]
fn loops_of_a_shell() {
    let trials = HashMap::from([
        (
            "for i in 1 2 3; do ./job && break; sleep 5; done",
            vec![("exit 3", (0, 3), (3, 3)), ("test $run = 2", (0, 2), (0, 2))],
        ),
        (
            "for delay in 1 2 4; do ./job && exit; sleep $delay; done; ./job",
            vec![("exit 3", (3, 4), (3, 4)), ("test $run = 2", (0, 2), (0, 2))],
        ),
        ("until ./job; do sleep 5; done", vec![("test $run = 5", (0, 5), (0, 5))]),
        (
            "timeout 60 sh -c 'until ./job; do sleep 5; done'",
            vec![("test $run = 2", (0, 2), (0, 2)), ("exec sleep 60", (124, 1), (124, 1))],
        ),
    ]);
    compare("A loop in a shell script", Some(RETRY), &trials);
}

/// A line is tried with recur where `RECUR` says where that is: it is in no package.
#[test]
fn recur() {
    let (fails, second) = (("exit 3", (3, 4), (3, 4)), ("test $run = 2", (0, 2), (0, 2)));
    let usual = vec![fails, second];
    let trials = HashMap::from([
        ("recur ./job", vec![("exit 3", (3, 10), (3, 10)), second]),
        ("recur -a 4 -d 5s ./job", usual.clone()),
        ("recur -a 4 -b 2s -m 30s ./job", usual.clone()),
        ("recur -a 4 -d 5s -j 1s,3s ./job", usual.clone()),
        ("recur -a 4 -d 5s -t 60s ./job", vec![fails, ("exec sleep 60", (255, 4), (124, 4))]),
        ("recur -f -b 2s -r 5m ./job", vec![("test $run = 5", (0, 5), (0, 5))]),
        ("recur -a 4 -d 5s -c 'code in (0, 3)' ./job", vec![("exit 3", (3, 1), (0, 1)), second]),
        (
            "recur -a 4 -d 5s -c 'code == 0 or (code in (2, 3) and exit(code))' ./job",
            vec![("exit 3", (3, 1), (3, 1)), ("exit 4", (4, 4), (4, 4))],
        ),
        ("recur -a 4 -d 5s -I ./job", usual.clone()),
        ("recur -a 4 -d 5s -O ./job", usual.clone()),
        ("recur -a 4 -d 5s -v ./job", usual),
    ]);
    compare("recur", tool("RECUR").as_deref(), &trials);
}

/// A line is tried with attempt where `ATTEMPT` says where that is: `cargo install attempt-cli`.
#[test]
fn attempt() {
    let usual = vec![("exit 7", (3, 4), (7, 4)), ("test $run = 2", (0, 2), (0, 2))];
    let trials = HashMap::from([
        ("attempt ./job", vec![("test $run = 2", (0, 2), (0, 2))]),
        ("attempt -a 4 --wait 5 -- ./job", usual.clone()),
        ("attempt exponential -a 4 --multiplier 1 -b 2 --wait-max 30 -- ./job", usual.clone()),
        ("attempt linear -a 4 --starting-wait 5 --multiplier 5 -- ./job", usual.clone()),
        ("attempt -a 4 --wait 5 --jitter 2 --stagger 3 -- ./job", usual.clone()),
        (
            "attempt -a 4 --wait 5 --timeout 60 -- ./job",
            vec![("exit 7", (3, 4), (7, 4)), ("exec sleep 60", (3, 4), (124, 4))],
        ),
        (
            "attempt -a 4 --wait 5 -S 3..5 -- ./job",
            vec![("exit 4", (3, 4), (4, 4)), ("exit 6", (4, 1), (6, 1))],
        ),
        (
            "attempt -a 4 --wait 5 -F --stop-if-status 9 -- ./job",
            vec![("exit 9", (4, 1), (9, 1)), ("exit 7", (3, 4), (7, 4))],
        ),
        ("attempt -U --wait 5 -- ./job", vec![("test $run = 5", (0, 5), (0, 5))]),
    ]);
    compare("attempt", tool("ATTEMPT").as_deref(), &trials);
}

/// A line is tried with the other tool where `JOSHDK_RETRY` says where that is: it is in no package.
#[test]
fn joshdks_retry() {
    let usual = vec![("exit 7", (1, 4), (7, 4)), ("test $run = 2", (0, 2), (0, 2))];
    let trials = HashMap::from([
        ("retry ./job", vec![("test $run = 2", (0, 2), (0, 2)), ("exit 7", (1, 3), (7, 3))]),
        ("retry -attempts=4 -max-time=0 ./job", usual.clone()),
        ("retry -attempts=4 -sleep=2s -backoff ./job", usual.clone()),
        ("retry -attempts=4 -sleep=2s -jitter=1s ./job", usual.clone()),
        (
            "retry -attempts=4 -task-time=15s -max-time=2m ./job",
            vec![("exit 7", (1, 4), (7, 4)), ("exec sleep 60", (1, 4), (124, 4))],
        ),
        ("retry -delay=15s -attempts=4 ./job", usual),
        (
            "retry -attempts=10 -consecutive=3 ./job",
            vec![("test $run != 2", (0, 5), (0, 5)), ("exit 7", (1, 10), (7, 10))],
        ),
        (
            "retry -attempts=20 -invert ./job",
            vec![("test $run != 3", (0, 3), (0, 3)), ("exit 0", (1, 20), (1, 20))],
        ),
        ("retry -quiet ./job", vec![("test $run = 2", (0, 2), (0, 2)), ("exit 7", (1, 3), (7, 3))]),
    ]);
    compare("joshdk/retry", tool("JOSHDK_RETRY").as_deref(), &trials);
}

/// The delays before the second, third and fourth attempt, and the limits, by the plan. tenacity 9.2.1 has the same
/// by its source (`wait.py`).
#[test]
fn tenacity() {
    let plan = |flags: &str| {
        let line = format!("retry {flags} --dry-run --log-format json -- true");
        let scratch = Scratch::new();
        let mut shell = shell(&scratch, &line, RETRY);
        shell.env("RETRY_RETRIES", "4").env_remove("RETRY_MAX_DELAY").env_remove("RETRY_JITTER");
        let done = shell.output().unwrap();
        assert!(done.status.success(), "{flags}: {}", text(&done.stderr));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    let delays = |flags: &str| {
        let plan = plan(flags);
        let rows = plan["rows"].as_array().unwrap().iter().skip(1);
        let range =
            |row: &serde_json::Value| ["delay_low_s", "delay_high_s"].map(|at| row[at].as_f64().unwrap());
        rows.map(|row| range(row).map(|seconds| (seconds * 1000.0).round() / 1000.0)).collect::<Vec<_>>()
    };
    let mut tried = 0;
    for (old, new) in rows("tenacity") {
        let new = code(new)[0];
        let expected = match code(old)[0] {
            "wait_fixed(2)" => [[2.0, 2.0]; 3],
            "wait_exponential(multiplier=1, max=10)" => [[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]],
            "wait_exponential_jitter(max=60)" => [[1.0, 2.0], [2.0, 3.0], [4.0, 5.0]],
            "wait_random_exponential(multiplier=1, max=60)" => [[0.0, 1.0], [0.0, 2.0], [0.0, 4.0]],
            "wait_incrementing(start=2, increment=2)" => [[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]],
            "wait_fixed(3) + wait_random(0, 2)" => [[3.0, 5.0]; 3],
            "wait_chain(wait_fixed(1), wait_fixed(5), wait_fixed(9))" => [[1.0, 1.0], [5.0, 5.0], [9.0, 9.0]],
            "stop_after_attempt(5)" => {
                assert_eq!(plan(new)["attempts"], 5);
                continue;
            }
            "stop_never" => {
                assert!(plan(new)["attempts"].is_null());
                continue;
            }
            "stop_before_delay(10)" => {
                assert_eq!(plan(new)["deadline_s"], 10.0);
                continue;
            }
            "retry_if_exception_type(OSError)" => {
                assert_eq!(plan(new)["retry_on"], "7,52-56");
                continue;
            }
            "retry_error_callback=use_cache" => {
                assert_eq!(plan(new)["not_counted"][0], "--fallback");
                continue;
            }
            other => panic!("{other} is not tried"),
        };
        assert_eq!(delays(new), expected, "{new}");
        tried += 1;
    }
    assert_eq!(tried, 7);
}

#[test]
fn timeout() {
    let (fails, hangs) = ("exit 7", "exec sleep 60");
    let stubborn = "trap '' TERM; while :; do sleep 0.05; done";
    let polite = "trap 'exit 9' INT; while :; do sleep 0.05; done";
    let usual = vec![(fails, (7, 1), (7, 1)), (hangs, (124, 1), (124, 1))];
    let trials = HashMap::from([
        ("timeout 60 ./job", usual.clone()),
        ("timeout -s INT 60 ./job", vec![(fails, (7, 1), (7, 1)), (polite, (124, 1), (124, 1))]),
        ("timeout -k 5 60 ./job", vec![(fails, (7, 1), (7, 1)), (stubborn, (137, 1), (124, 1))]),
        ("timeout --foreground 60 ./job", usual),
    ]);
    compare("timeout", Some(RETRY), &trials);
}

#[test]
fn curl() {
    if !needs("curl", "the lines for curl --retry") {
        return;
    }
    let busy = || ("503 Service Unavailable\r\n".to_owned(), b"busy".to_vec());
    let gone = || ("404 Not Found\r\n".to_owned(), b"gone".to_vec());
    let fine = || ("200 OK\r\n".to_owned(), b"fine".to_vec());
    // The status of a line and how many requests came.
    let tried = |line: &str, server: &Server| {
        let scratch = Scratch::new();
        let mut shell = shell(&scratch, &line.replace("URL", &server.url), RETRY);
        let done = shell.env("NO_PROXY", "*").env("CURL_HOME", scratch.path("")).output().unwrap();
        (done.status.code(), server.requests(), text(&done.stdout))
    };
    let rows = rows("curl");
    for (old, new) in &rows {
        let new = short(code(new)[0]).replace("--max-delay 10m", "--max-delay 0.1");
        let patient = new.replace("--timeout 0.4", "--timeout 30").replace("--deadline 3", "--deadline 60");
        let late = Server::start(vec![busy(), busy(), busy(), fine()]);
        assert_eq!(tried(&patient, &late), (Some(0), 4, "fine".to_owned()), "{new}");
        let down = Server::start(vec![busy()]);
        assert_eq!(tried(&patient, &down), (Some(22), 4, String::new()), "{new}");
        let wrong = Server::start(vec![gone()]);
        let all = code(old)[0].contains("--retry-all-errors");
        assert_eq!(tried(&patient, &wrong).1, if all { 4 } else { 1 }, "{new}");
        let (status, ..) = tried(&patient, &Server::absent());
        assert_eq!(status, Some(7), "{new}");
    }
    // curl itself: one request more than it says, and a 404 is final.
    let late = Server::start(vec![busy(), fine()]);
    assert_eq!(tried("curl -fsS --retry 1 --retry-delay 1 URL", &late), (Some(0), 2, "fine".to_owned()));
    let wrong = Server::start(vec![gone()]);
    assert_eq!(tried("curl -fsS --retry 3 URL", &wrong).1, 1);
    assert_eq!(rows.len(), 6);
}

/// The inputs of nick-fields/retry, as its action.yml has them in version 4.
const NICK_FIELDS: [&str; 13] = [
    "command",
    "continue_on_error",
    "max_attempts",
    "new_command_on_retry",
    "on_retry_command",
    "polling_interval_seconds",
    "retry_on",
    "retry_on_exit_code",
    "retry_wait_seconds",
    "shell",
    "timeout_minutes",
    "timeout_seconds",
    "warning_on_retry",
];

/// A step with these inputs (`name: value`) around a `./job`: its status, the runs, and what it said.
fn step(inputs: &[&str], job: &str) -> (Option<i32>, usize, String) {
    let scratch = Scratch::new();
    scratch.executable("job", &format!("#!/bin/sh\necho run $1 >> runs\nrun=$(grep -c run runs)\n{job}\n"));
    scratch.executable("clean", "#!/bin/sh\necho cleaned >&2\n");
    let mut bash = program("bash");
    bash.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/action/run")).env("INPUT_program", RETRY);
    scratch.settle(&mut bash);
    bash.env("RUNNER_TEMP", scratch.path("")).env("GITHUB_OUTPUT", scratch.path("output"));
    bash.env("INPUT_run", "./job").env("INPUT_base", "0.01");
    for input in inputs {
        let (name, value) = input.split_once(": ").unwrap();
        bash.env(format!("INPUT_{}", name.replace('-', "_")), value);
    }
    let done = bash.output().unwrap();
    let said = format!("{}{}{}", text(&done.stdout), text(&done.stderr), scratch.read("output"));
    (done.status.code(), scratch.runs(), said + &scratch.read("runs"))
}

#[test]
fn the_action_of_nick_fields() {
    let rows = rows("The action nick-fields");
    let mut inputs: Vec<&str> =
        rows.iter().filter_map(|(old, _)| code(old)[0].split_once(": ").map(|(name, _)| name)).collect();
    inputs.dedup();
    assert_eq!(inputs, NICK_FIELDS);
    let ours = include_str!("../action.yml");
    for (old, new) in rows {
        let (old, new) = (code(old)[0], code(new));
        for input in &new {
            let name = input.split(": ").next().unwrap();
            let known = ours.contains(&format!("\n  {name}:\n")) || name == "continue-on-error";
            assert!(known, "{input} is neither an input nor an output");
        }
        let end = |inputs: &[&str], job: &str| {
            let (status, runs, _) = step(inputs, job);
            (status.unwrap(), runs)
        };
        match old {
            "command: ./job" => assert_eq!(end(&new, "exit 7"), (7, 3)),
            "max_attempts: 4" => assert_eq!(end(&new, "exit 7"), (7, 4)),
            "timeout_minutes: 10" | "timeout_seconds: 30" => {
                assert_eq!(end(&new, "exit 7"), (7, 3));
                assert_eq!(end(&["timeout: 0.2", "retries: 2"], "exec sleep 60"), (124, 2));
            }
            "retry_wait_seconds: 15" => {
                assert_eq!(
                    end(&[&new[..], &["deadline: 10"]].concat(), "exit 7"),
                    (7, 1),
                    "15 s would be too long"
                );
                let short = ["base: 0.1", new[1]];
                let (.., said) = step(&[&short[..], &["jitter: none", "retries: 4"]].concat(), "exit 7");
                assert_eq!(said.matches("Retrying in 0.1s").count(), 3, "{said}");
            }
            "shell: sh" => assert_eq!(end(&[new[0], "run: false | true"], ""), (0, 0)),
            "polling_interval_seconds: 1" | "retry_on: any" => {
                assert!(new.is_empty());
                assert_eq!(end(&["timeout: 0.2", "retries: 2"], "exec sleep 60"), (124, 2));
            }
            "retry_on: timeout" => {
                assert_eq!(end(&new, "exit 7"), (7, 1));
                assert_eq!(end(&[new[0], "timeout: 0.2", "retries: 2"], "exec sleep 60"), (124, 2));
            }
            "retry_on: error" => {
                assert_eq!(end(&new, "exit 7"), (7, 3));
                assert_eq!(end(&[new[0], "timeout: 0.2"], "exec sleep 60"), (124, 1));
            }
            "retry_on_exit_code: 7" => {
                assert_eq!((end(&new, "exit 7"), end(&new, "exit 8")), ((7, 3), (8, 1)));
                assert_eq!(end(&[new[0], "timeout: 0.2"], "exec sleep 60"), (124, 1));
                assert_eq!(end(&["retry-on: 7,52-56"], "exit 53"), (53, 3));
                assert_eq!(end(&["retry-on: 7,timeout", "timeout: 0.2"], "exec sleep 60"), (124, 3));
            }
            "warning_on_retry: false" => {
                let (.., said) = step(&new, "test $run = 2");
                assert!(!said.contains("::") && said.contains("attempts=2\n"), "{said}");
                let (.., said) = step(&[], "test $run = 3");
                assert_eq!(said.matches("::warning").count(), 1, "{said}");
            }
            "on_retry_command: ./clean" => {
                let (.., said) = step(&new, "exit 7");
                assert_eq!(said.matches("cleaned").count(), 2, "{said}");
            }
            "new_command_on_retry: ./job --again" => {
                let (.., said) = step(&new, "exit 7");
                assert!(said.ends_with("run\nrun --again\nrun --again\n"), "{said}");
            }
            "continue_on_error: true" => assert!(step(&[], "exit 7").2.contains("exit-status=7\n")),
            "total_attempts" | "exit_code" | "exit_error" => {
                let (.., said) = step(&[], "exit 7");
                assert!(said.contains(&format!("{}=", new[0])), "{said}");
            }
            _ => panic!("{old} is not tried"),
        }
    }
}
