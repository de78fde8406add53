//! The reports of a run: `--report`, `--junit`, and what docs/json.md says of them.

mod common;

use common::command::{RETRY, Scratch, can, needs, program, said, wait_until};
use common::junit::Element;
use rustix::process::Signal;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

const FAST: &str = "--base 0.01 --factor 1 --jitter 0";
const SCHEMA: &str = include_str!("../docs/json.md");

fn report(scratch: &Scratch, name: &str) -> Value {
    let text = scratch.read(name);
    assert!(text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Removes a number of seconds.
fn seconds(object: &mut Value, name: &str) -> f64 {
    object.as_object_mut().unwrap().remove(name).unwrap().as_f64().unwrap()
}

/// Removes a time.
fn time(object: &mut Value) -> std::time::SystemTime {
    let time = object.as_object_mut().unwrap().remove("started").unwrap();
    humantime::parse_rfc3339(time.as_str().unwrap()).unwrap()
}

#[test]
fn a_report_has_the_run_and_each_attempt() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry(FAST);
    retry.args(["--report", "r.json", "--retry-on", "7,signal", "--label", "deploy"]);
    retry.args(scratch.ends("7 KILL 0")).assert().code(0);
    let mut report = report(&scratch, "r.json");

    let started = time(&mut report);
    let (elapsed, waited) = (seconds(&mut report, "elapsed_s"), seconds(&mut report, "waited_s"));
    assert!(waited >= 0.02 && elapsed >= waited, "{waited} {elapsed}");
    let mut last = started;
    let mut worked = 0.0;
    for attempt in report["attempts"].as_array_mut().unwrap() {
        worked += seconds(attempt, "elapsed_s");
        let started = time(attempt);
        assert!(started >= last);
        last = started;
    }
    assert!(worked + waited <= elapsed + 0.001, "{worked} + {waited} <= {elapsed}");
    assert_eq!(report.as_object_mut().unwrap().remove("run_id").unwrap().as_str().unwrap().len(), 36);
    assert_eq!(
        report,
        json!({
            "version": 1, "label": "deploy", "command": "sh", "outcome": "success", "exit_status": 0,
            "attempts": [
                {"attempt": 1, "ended": {"exit": 7}, "verdict": "transient", "rule": "--retry-on 7", "delay_s": 0.01},
                {"attempt": 2, "ended": {"signal": "SIGKILL"}, "verdict": "transient", "rule": "--retry-on signal",
                    "delay_s": 0.01},
                {"attempt": 3, "ended": {"exit": 0}, "verdict": "success", "rule": null, "delay_s": null},
            ],
        })
    );
    let mode = scratch.path("r.json").metadata().unwrap().permissions().mode();
    assert_ne!(mode & 0o044, 0, "others may read it, as far as the umask allows");
    assert_eq!(scratch.files().iter().filter(|name| name.starts_with(".retry")).count(), 0);
}

#[test]
fn junit_names_the_fallback() {
    let scratch = Scratch::new();
    for (hook, words) in [
        ("true", "exhausted; retry exited with 0 (the fallback ran and exited with 0)"),
        ("exit 5", "exhausted; retry exited with 5 (the fallback ran and exited with 5)"),
        ("kill -9 $$", "exhausted; retry exited with 137 (the fallback was killed by SIGKILL)"),
    ] {
        let mut retry = scratch.retry("-r1 --junit r.xml --fallback");
        retry.args([hook, "--", "sh", "-c", "exit 3"]).output().unwrap();
        let failure = format!(">{words}</failure>");
        assert!(scratch.read("r.xml").contains(&failure), "{}", scratch.read("r.xml"));
    }
    let mut retry = scratch.retry("-r1 --junit r.xml --fallback true");
    retry.args(["sh", "-c", "exit 0"]).output().unwrap();
    assert!(!scratch.read("r.xml").contains("fallback"), "it did not run");
}

/// The outcome, the exit status, and the outcome, verdict and rule of each attempt.
fn outline(options: &str, command: &[&str]) -> Value {
    let scratch = Scratch::new();
    let fast = if options.contains("--base") { "" } else { FAST };
    scratch.retry(&format!("{fast} --report r.json {options}")).args(command).output().unwrap();
    let report = report(&scratch, "r.json");
    let attempts: Vec<Value> = report["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| json!([attempt["ended"], attempt["verdict"], attempt["rule"]]))
        .collect();
    json!([report["outcome"], report["exit_status"], attempts])
}

#[test]
fn every_way_to_end_has_its_word() {
    let failed = json!([{"exit": 3}, "transient", null]);
    let exit = ["sh", "-c", "exit 3"];
    assert_eq!(outline("", &["true"]), json!(["success", 0, [[{"exit": 0}, "success", null]]]));
    assert_eq!(outline("-r2", &exit), json!(["exhausted", 3, [failed, failed]]));
    let stopped = json!([{"exit": 3}, "permanent", "--stop-on 3"]);
    assert_eq!(outline("--stop-on 3", &exit), json!(["stopped", 3, [stopped]]));
    let left_out = json!([{"exit": 3}, "permanent", "--retry-on 4"]);
    assert_eq!(outline("--retry-on 4", &exit), json!(["stopped", 3, [left_out]]));
    assert_eq!(outline("--deadline 50 --base 60", &exit), json!(["deadline", 3, [failed]]));
    assert_eq!(outline("--deadline 5 --initial-delay 6", &exit), json!(["deadline", 124, []]));
    assert_eq!(outline("-r1 --fallback true", &exit), json!(["exhausted", 0, [failed]]));
    let missing = json!([{"not_started": "no such file or directory"}, "permanent", null]);
    assert_eq!(outline("", &["no-such-command"]), json!(["stopped", 127, [missing]]));
    let late = json!([{"timed_out": "timeout"}, "transient", null]);
    assert_eq!(outline("-r1 --timeout 0.5", &["sleep", "1000"]), json!(["exhausted", 124, [late]]));
    let idle = json!([{"timed_out": "idle-timeout"}, "transient", null]);
    assert_eq!(outline("-r1 --idle-timeout 0.5", &["sleep", "1000"]), json!(["exhausted", 124, [idle]]));
    let killed = json!([{"signal": "SIGKILL"}, "transient", null]);
    assert_eq!(outline("-r1", &["sh", "-c", "kill -9 $$"]), json!(["exhausted", 137, [killed]]));
    let circuit = "--state s --breaker b --breaker-failures 1";
    assert_eq!(outline(circuit, &exit), json!(["circuit-open", 3, [failed]]));
    let budget = "--state s --budget b --budget-burst 1 -r9";
    assert_eq!(outline(budget, &exit), json!(["budget-empty", 3, [failed, failed]]));
    let good = json!([{"exit": 3}, "success", null]);
    assert_eq!(outline("--success-on 3 --consecutive 2", &exit), json!(["success", 0, [good, good]]));
}

#[test]
fn a_report_is_written_after_a_signal() {
    for during in ["attempt", "delay"] {
        let scratch = Scratch::new();
        let script =
            if during == "attempt" { "echo > ready; exec sleep 1000" } else { "echo > ready; exit 1" };
        let retry = scratch.start("--report r.json --junit r.xml --base 1000", script);
        wait_until("the attempt", || !scratch.read("ready").is_empty());
        if during == "delay" {
            wait_until("the delay", || scratch.read("stderr").contains("Retrying in"));
        }
        retry.send(Signal::TERM);
        retry.end();
        let report = report(&scratch, "r.json");
        assert_eq!((&report["outcome"], &report["exit_status"]), (&json!("interrupted"), &json!(143)));
        let attempt = &report["attempts"][0];
        if during == "attempt" {
            assert_eq!(
                (&attempt["ended"], &attempt["verdict"]),
                (&json!({"signal": "SIGTERM"}), &Value::Null)
            );
        } else {
            assert_eq!((&attempt["ended"], &attempt["verdict"]), (&json!({"exit": 1}), &json!("transient")));
            assert!(report["waited_s"].as_f64().unwrap() < 900.0, "only what was really waited");
        }
        assert!(scratch.read("r.xml").contains("<failure"));
    }
}

#[test]
fn a_jsonl_file_gets_one_more_line() {
    let scratch = Scratch::new();
    for (label, ends) in [("a", "1 0"), ("b", "3"), ("c", "0")] {
        let _none_before = std::fs::remove_file(scratch.path("runs"));
        let mut retry = scratch.retry(FAST);
        retry.args(["--report", "all.jsonl", "--label", label]).args(scratch.ends(ends)).output().unwrap();
    }
    let text = scratch.read("all.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let labels: Vec<&str> = lines.iter().map(|line| line["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["a", "b", "c"]);
}

#[test]
fn a_line_that_a_full_disk_has_torn_costs_no_other_report() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("all.jsonl"), r#"{"version":1,"label""#).unwrap();
    for label in ["a", "b"] {
        scratch.retry("--report all.jsonl --label").args([label, "true"]).assert().code(0).stderr("");
    }
    let text = scratch.read("all.jsonl");
    let labels: Vec<String> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|report| report["label"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((labels, text.lines().count()), (vec!["a".to_owned(), "b".to_owned()], 3), "{text}");
    let stats = scratch.retry("--stats all.jsonl").output().unwrap();
    let remark = String::from_utf8(stats.stderr).unwrap();
    assert!(remark.contains("all.jsonl") && remark.contains('1'), "{remark}");
}

#[test]
fn runs_at_the_same_time_do_not_mix_their_lines() {
    let scratch = Scratch::new();
    let children: Vec<_> = (0..20)
        .map(|_| {
            scratch.retry_to_spawn("--report all.jsonl -q -r30 --base 0 --jitter 0 false").spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
    let text = scratch.read("all.jsonl");
    assert_eq!(text.lines().count(), 20);
    for line in text.lines() {
        let report: Value = serde_json::from_str(line).unwrap();
        assert_eq!(report["attempts"].as_array().unwrap().len(), 30);
    }
}

#[test]
fn a_report_that_cannot_be_written_is_said_and_changes_nothing() {
    for (flag, path, what) in [
        ("--report", "no/such/r.json", "report no/such/r.json"),
        ("--report", "no/such/r.jsonl", "report no/such/r.jsonl"),
        ("--junit", "no/such/r.xml", "JUnit file no/such/r.xml"),
    ] {
        let scratch = Scratch::new();
        let output =
            scratch.retry("--quiet").args([flag, path, "--", "sh", "-c", "exit 0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(said(&output), [format!("retry: cannot write the {what}: no such file or directory")]);
    }
    // The old file stays if the new one cannot be created.
    if !rustix::process::geteuid().is_root() {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path("d")).unwrap();
        std::fs::write(scratch.path("d/r.json"), "old").unwrap();
        std::fs::set_permissions(scratch.path("d"), std::fs::Permissions::from_mode(0o500)).unwrap();
        let output = scratch.retry("--report d/r.json true").output().unwrap();
        assert_eq!((output.status.code(), said(&output).len()), (Some(0), 1));
        assert_eq!(scratch.read("d/r.json"), "old");
        std::fs::set_permissions(scratch.path("d"), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_report_can_go_to_a_stream() {
    let scratch = Scratch::new();
    let output = scratch.retry("--report /dev/stderr true").output().unwrap();
    let report: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(report["outcome"], "success");
    // Also to a file that the command writes to: its output stays.
    let mut retry = scratch.retry_to_spawn("--report /dev/stdout -- sh -c");
    retry
        .arg("echo mine")
        .stdout(std::fs::File::options().append(true).create(true).open(scratch.path("out")).unwrap());
    assert!(retry.status().unwrap().success());
    assert!(scratch.read("out").starts_with("mine\n{\"version\":1,"), "{}", scratch.read("out"));
}

#[test]
fn what_goes_to_a_stream_keeps_its_place_among_the_output_of_others() {
    let scratch = Scratch::new();
    let script = r#"
        { echo before; "$RETRY" --report /dev/stdout -- echo mine; echo after; } > report
        { echo before; "$RETRY" --junit /dev/fd/3 -- true 3>&1; echo after; } > junit
        { echo before; "$RETRY" -r 2 --base 0 -j 0 --log /dev/stdout -- false; echo after; } > log
        { echo before; "$RETRY" --report /dev/stdin -- true <&1; echo after; } > stdin"#;
    let mut sh = program("sh");
    sh.args(["-c", script]).env("RETRY", RETRY).current_dir(scratch.path(""));
    assert!(sh.status().unwrap().success());
    for (file, start, end) in [
        ("report", "before\nmine\n{\"version\":1,", "}\nafter\n"),
        ("junit", "before\n<?xml ", "</testsuites>\nafter\n"),
        ("log", "before\n20", "s\nafter\n"),
        ("stdin", "before\n{\"version\":1,", "}\nafter\n"),
    ] {
        let text = scratch.read(file);
        assert!(text.starts_with(start) && text.ends_with(end), "{file}: {text}");
    }
}

#[test]
fn arguments_are_in_no_file_unless_asked_for() {
    let scratch = Scratch::new();
    let run = |options: &str| {
        let mut retry = scratch.retry(options);
        retry.args(["--report", "r.json", "--junit", "r.xml", "-r1"]).args(["sh", "-c", "exit 1", "hunter2"]);
        retry.assert().code(1);
        (scratch.read("r.json"), scratch.read("r.xml"))
    };
    let (report, junit) = run("");
    assert!(!report.contains("hunter2") && !junit.contains("hunter2"));
    let (report, junit) = run("-v");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["arguments"], json!(["-c", "exit 1", "hunter2"]));
    assert!(junit.contains("hunter2"));
}

/// The test case of a JUnit file, after a look at the whole file.
fn junit(scratch: &Scratch) -> Element {
    let text = scratch.read("r.xml");
    if needs("python3", "that another reader of XML takes the JUnit file") {
        let script = "import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])";
        let status = program("python3").args(["-c", script]).arg(scratch.path("r.xml")).status().unwrap();
        assert!(status.success(), "{text}");
    }
    let suites = Element::read(&text);
    suites.is_junit();
    suites.children[0].children[1].clone()
}

#[test]
fn junit_has_a_flaky_failure_for_each_attempt_before_a_late_success() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry(FAST);
    retry
        .args(["--junit", "r.xml", "--label", "a < \u{3b1} & b"])
        .args(scratch.ends("7 KILL 0"))
        .assert()
        .code(0);
    let text = scratch.read("r.xml");
    assert_eq!(text.matches("<flakyFailure").count(), 2, "{text}");
    assert!(!text.contains("<failure") && !text.contains("<rerunFailure"), "{text}");
    let case = junit(&scratch);
    assert_eq!(case.get("name"), "a < \u{3b1} & b");
    let messages = case.of_each("flakyFailure", "message");
    assert!(messages[0].starts_with("attempt 1/3: exit status 7 after "), "{messages:?}");
    assert!(messages[1].starts_with("attempt 2/3: killed by SIGKILL after "), "{messages:?}");
    assert_eq!(case.of_each("flakyFailure", "type"), ["exit", "signal"]);
}

#[test]
fn junit_has_a_failure_and_the_reruns_when_it_kept_failing() {
    let scratch = Scratch::new();
    scratch.retry(FAST).args(["--junit", "r.xml"]).args(scratch.ends("7 8 9")).assert().code(9);
    let text = scratch.read("r.xml");
    assert_eq!(text.matches("<failure").count(), 1, "{text}");
    assert_eq!(text.matches("<rerunFailure").count(), 2, "{text}");
    assert!(text.contains(r#"tests="1""#) && text.contains(r#"failures="1""#), "{text}");
    let case = junit(&scratch);
    assert_eq!((case.get("name"), case.get("classname")), ("sh", "sh"));
    let failure = &case.children[0];
    assert!(failure.get("message").starts_with("attempt 1/3: exit status 7 after "), "{text}");
    assert_eq!(failure.text, "exhausted; retry exited with 9");
    assert_eq!(case.of_each("rerunFailure", "type"), ["exit", "exit"]);
}

#[test]
fn junit_and_the_summary_say_which_limit_ended_an_attempt() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("-r1 --idle-timeout 0.2 --junit r.xml --ci github sleep 60");
    retry.env("GITHUB_STEP_SUMMARY", scratch.path("summary.md")).assert().code(124);
    let message = junit(&scratch).children[0].get("message").to_owned();
    assert!(message.starts_with("attempt 1/1: timed out after 0.2"), "{message}");
    assert!(message.ends_with("s: no output for 0.2s (sent SIGTERM)"), "{message}");
    assert!(scratch.read("summary.md").contains("| timed out: no output for 0.2s | 124 |"));
}

#[test]
fn junit_has_a_plain_test_case_for_a_clean_success() {
    let scratch = Scratch::new();
    scratch.retry("--junit r.xml true").assert().code(0).stderr("");
    let text = scratch.read("r.xml");
    assert!(!text.contains("Failure") && !text.contains("<failure"), "{text}");
    let case = junit(&scratch);
    assert!(case.children.is_empty() && case.text.is_empty());
}

#[test]
fn nothing_is_written_that_nobody_asked_for() {
    let scratch = Scratch::new();
    scratch.retry("").arg("true").assert().code(0);
    assert_eq!(scratch.files(), Vec::<String>::new());
}

/// The objects that docs/json.md shows.
fn examples() -> Vec<Value> {
    let blocks = SCHEMA.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The shape of a value: the names and types of its fields.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        other => other.clone(),
    }
}

#[test]
fn the_schema_shows_what_is_written() {
    let scratch = Scratch::new();
    scratch.executable("rsync", "#!/bin/sh\n[ $RETRY_ATTEMPT = 2 ] || exec sleep 1000\n");
    let options = "--timeout 2 --base 0.01 --retry-on rsync --report r.json --log log --log-format json";
    let mut retry = scratch.retry(options);
    retry.args(["--label", "nightly copy", "./rsync"]).assert().code(0);
    let mut written = vec![report(&scratch, "r.json")];
    written.extend(scratch.read("log").lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    let shown = examples();
    assert_eq!(written.iter().map(shape).collect::<Vec<_>>(), shown.iter().map(shape).collect::<Vec<_>>());
    for (written, shown) in written.iter().zip(&shown) {
        for name in [
            "version",
            "event",
            "severity",
            "label",
            "command",
            "outcome",
            "exit_status",
            "status",
            "verdict",
            "rule",
        ] {
            assert_eq!(written.get(name), shown.get(name), "{name}");
        }
    }
}

/// Checks that docs/json.md names all fields of the object `prefix`.
fn are_named(object: &Value, prefix: &str) {
    let rows = SCHEMA.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = rows.flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    for name in object.as_object().unwrap().keys() {
        let full = format!("{prefix}{name}");
        assert!(named.contains(full.as_str()), "{full}");
    }
}

#[test]
fn the_schema_names_every_field() {
    for example in examples() {
        are_named(&example, "");
        for attempt in example.get("attempts").and_then(Value::as_array).into_iter().flatten() {
            are_named(attempt, "attempts[].");
        }
    }
}

#[test]
fn the_schema_names_every_field_of_a_plan_and_of_what_is_shared() {
    let scratch = Scratch::new();
    let json = |options: &str, words: &[&str]| -> Value {
        let output = scratch.retry(&format!("--log-format json --state . {options}")).args(words).output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    };
    let plan = json("--dry-run", &["true"]);
    are_named(&plan, "");
    are_named(&plan["rows"][0], "rows[].");
    scratch.retry("--state . --breaker b --budget b --base 0").arg("false").assert().code(1);
    std::fs::write(scratch.path("damaged.budget"), "no record").unwrap();
    std::fs::create_dir(scratch.path("directory.budget")).unwrap();
    let shared = json("--show-state", &[]);
    assert_eq!(shared.as_array().unwrap().len(), 4);
    shared.as_array().unwrap().iter().for_each(|one| are_named(one, ""));
}

#[test]
fn a_link_that_someone_else_put_into_a_directory_of_everybody_is_not_followed() {
    if !can("a link of someone else", "root", rustix::process::geteuid().is_root()) {
        return;
    }
    let scratch = Scratch::new();
    let shared = scratch.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    for (option, name) in
        [("--report", "a.json"), ("--report", "a.jsonl"), ("--junit", "a.xml"), ("--log", "a.log")]
    {
        let (link, target) = (shared.join(name), scratch.path(name));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(2), None).unwrap();
        let run = || {
            let mut retry = scratch.retry("-r1");
            said(&retry.arg(option).arg(&link).arg("false").output().unwrap())
        };
        std::fs::write(&target, "theirs").unwrap();
        let lines = run();
        let why = "refusing to follow another user's symbolic link in a world-writable directory";
        assert!(lines.iter().any(|line| line.contains(why)), "{name}: {lines:?}");
        assert_eq!(scratch.read(name), "theirs");
        std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
        assert!(!run().iter().any(|line| line.contains(why)));
        assert_ne!(scratch.read(name), "theirs", "{name}: a link of our own is");
    }
}

#[test]
fn a_report_keeps_the_mode_of_the_file_that_it_replaces() {
    for option in ["--report", "--junit"] {
        let scratch = Scratch::new();
        std::fs::write(scratch.path("r"), "before").unwrap();
        std::fs::set_permissions(scratch.path("r"), std::fs::Permissions::from_mode(0o640)).unwrap();
        scratch.retry("-q -r1").args([option, "r", "false"]).assert().code(1);
        let mode = scratch.path("r").metadata().unwrap().permissions().mode();
        assert_eq!((mode & 0o7777, scratch.read("r").contains("false")), (0o640, true));
        assert_eq!(scratch.files(), ["r"]);
    }
}
