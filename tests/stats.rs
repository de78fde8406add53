//! `--stats`: many runs added up, from the files that `--report` wrote.

mod common;

use common::command::{RETRY, Running, Scratch, program, said, text, wait_until};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;

/// A line of a report with these failed attempts (and a good one, if it succeeded).
fn line(name: &str, day: &str, outcome: &str, failures: &[Value], waited: f64) -> String {
    let mut attempts: Vec<Value> = (1..)
        .zip(failures)
        .map(|(n, outcome)| json!({"attempt": n, "ended": outcome, "verdict": "transient"}))
        .collect();
    if outcome == "success" {
        attempts.push(json!({"attempt": attempts.len() + 1, "ended": {"exit": 0}, "verdict": "success"}));
    }
    json!({
        "version": 1, "label": name, "command": "sh", "run_id": "x", "started": format!("{day}T12:00:00.000Z"),
        "outcome": outcome, "exit_status": 0, "elapsed_s": 9.0, "waited_s": waited, "attempts": attempts,
    })
    .to_string()
}

fn stats(scratch: &Scratch, options: &str) -> (Value, Vec<String>) {
    let output = scratch.retry(&format!("--log-format json {options}")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), said(&output))
}

#[test]
fn what_runs_have_reported_is_added_up() {
    let scratch = Scratch::new();
    for (label, ends) in [("deploy", "1 0"), ("deploy", "0"), ("deploy", "7"), ("", "KILL 0")] {
        let _none_before = fs::remove_file(scratch.path("runs"));
        let mut retry = scratch.retry("--delays 0.05 --jitter 0");
        if !label.is_empty() {
            retry.args(["--label", label]);
        }
        retry.env("RETRY_REPORT", "retries.jsonl").args(scratch.ends(ends)).output().unwrap();
    }
    let (mut all, said) = stats(&scratch, "--stats retries.jsonl");
    assert_eq!(said, Vec::<String>::new());
    // Two delays of 0.05 s for the failed run, one for each of the rescued ones.
    let waited = all.as_object_mut().unwrap().remove("waited_s").unwrap().as_f64().unwrap();
    assert!((0.2..10.0).contains(&waited), "{waited}");
    let mut of_names = 0.0;
    for name in all["names"].as_array_mut().unwrap() {
        of_names += name.as_object_mut().unwrap().remove("waited_s").unwrap().as_f64().unwrap();
        assert!(!name.as_object_mut().unwrap().remove("days").unwrap().as_array().unwrap().is_empty());
    }
    assert!((of_names - waited).abs() < 1e-5);
    // All of today, unless the day ended meanwhile.
    let days = all.as_object_mut().unwrap().remove("days").unwrap();
    let runs =
        |days: &Value| days.as_array().unwrap().iter().map(|day| day["runs"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(runs(&days), 4);
    assert_eq!(
        all,
        json!({
            "version": 1, "runs": 4, "rescued": 2, "failed": 1, "attempts": 8,
            "reasons": [{"reason": "exit 7", "count": 3}, {"reason": "SIGKILL", "count": 1},
                {"reason": "exit 1", "count": 1}],
            "names": [
                {"name": "deploy", "runs": 3, "rescued": 1, "failed": 1, "attempts": 6,
                    "reasons": [{"reason": "exit 7", "count": 3}, {"reason": "exit 1", "count": 1}]},
                {"name": "sh", "runs": 1, "rescued": 1, "failed": 0, "attempts": 2,
                    "reasons": [{"reason": "SIGKILL", "count": 1}]},
            ],
        })
    );
}

#[test]
fn people_get_a_table_by_name_and_one_by_day() {
    let scratch = Scratch::new();
    let late = json!({"timed_out": "timeout"});
    let lines = [
        line("deploy", "2026-11-23", "success", &[], 0.0),
        line("deploy", "2026-11-24", "exhausted", &[late.clone(), late.clone(), json!({"exit": 7})], 65.5),
        line("copy", "2026-11-24", "success", std::slice::from_ref(&late), 0.5),
        line("copy", "2026-10-01", "circuit-open", &[], 0.0),
    ];
    fs::write(scratch.path("r.jsonl"), lines.join("\n")).unwrap();
    let expected = "\
name    runs  rescued   failed  attempts  waited  trend           reasons
copy       2  1 (50%)  1 (50%)         2    0.5s  .............█  circuit-open (1), timeout (1)
deploy     2        0  1 (50%)         4    1m6s  ............▁█  timeout (2), exit 7 (1)
all        4  1 (25%)  2 (50%)         6    1m6s  ............▁█  timeout (3), circuit-open (1), exit 7 (1)

trend: share of runs with a failed attempt, per day, until 2026-11-24

day         runs  rescued   failed  attempts  waited
2026-11-23     1        0        0         1      0s
2026-11-24     2  1 (50%)  1 (50%)         5    1m6s
1 earlier day since 2026-10-01: see --log-format json
";
    scratch.retry("--stats r.jsonl").assert().code(0).stdout(expected).stderr("");
}

#[test]
fn files_are_added_up_and_stdin_is_one_of_them() {
    let scratch = Scratch::new();
    let run = line("a", "2026-11-24", "success", &[], 0.0);
    fs::write(scratch.path("one.jsonl"), format!("{run}\r\n\n  \n{run}\n")).unwrap();
    fs::write(scratch.path("two words"), &run).unwrap();
    std::os::unix::fs::symlink("one.jsonl", scratch.path("again")).unwrap();
    let mut retry = scratch.retry_to_spawn("--log-format json --stats one.jsonl - again");
    let output =
        retry.arg("two words").stdin(File::open(scratch.path("two words")).unwrap()).output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["runs"], 3);
    assert_eq!(
        said(&output),
        [
            "retry: again was given twice; reading it once",
            "retry: 'two words' was given twice; reading it once"
        ]
    );
    let (all, _) = stats(&scratch, "--stats one.jsonl --stats one.jsonl -q");
    assert_eq!(all["runs"], 2, "options after a file are options");
    // A report that is a file by itself.
    fs::write(scratch.path("r.json"), &run).unwrap();
    assert_eq!(stats(&scratch, "--stats r.json").0["runs"], 1);
}

#[test]
fn one_line_says_what_was_left_out() {
    let scratch = Scratch::new();
    let run = line("a", "2026-11-24", "success", &[], 0.0);
    let later = run.replace("\"version\":1", "\"version\":2");
    let half = &run[..run.len() / 2];
    for (contents, runs, words) in [
        (format!("{run}\nnoise\n\n{half}\n{run}\n"), 2, "2 of 4 lines: 2 are not reports (first at line 2)"),
        (format!("{later}\n{run}\n"), 1, "1 of 2 lines: 1 has a report version other than 1 (line 1)"),
        (format!("{run}\n{half}"), 1, "1 of 2 lines: the last line is incomplete"),
        (format!("{run}\n\u{0}\u{fffd}[[[["), 1, "1 of 2 lines: the last line is incomplete"),
    ] {
        fs::write(scratch.path("r"), &contents).unwrap();
        let (all, said) = stats(&scratch, "--stats r");
        assert_eq!((all["runs"].as_u64(), said), (Some(runs), vec![format!("retry: r: skipped {words}")]));
        assert_eq!(stats(&scratch, "-q --stats r").1, Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let scratch = Scratch::new();
    fs::write(scratch.path("log"), "{\"version\":1,\"event\":\"end\",\"attempts\":2}\n").unwrap();
    for (options, words) in [
        ("--stats no.jsonl", "retry: cannot read no.jsonl: no such file or directory"),
        ("--stats .", "retry: cannot read .: is a directory"),
        ("-q --stats log", "retry: no reports found in these files. Example: --stats retries.jsonl"),
        ("--html x true", "retry: --html needs --stats. Example: --stats retries.jsonl --html retries.html"),
        ("--stats", "retry: --stats needs a value. Example: --stats retries.jsonl"),
        ("--stats log --dry-run", "retry: --stats cannot be used with --dry-run: give one of them"),
    ] {
        let output = scratch.retry(options).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(125), String::new()));
        assert_eq!(said(&output), [words]);
    }
    let all = scratch.retry("--stats log").output().unwrap();
    assert_eq!(said(&all).len(), 2);
    assert_eq!(said(&all)[0], "retry: log: its one line is not a report");
    fs::write(scratch.path("r"), line("a", "2026-11-24", "success", &[], 0.0)).unwrap();
    let output = scratch.retry("--stats r --html no/such/page.html").output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert_eq!(said(&output), ["retry: cannot write --html no/such/page.html: no such file or directory"]);
}

#[test]
fn no_runs_are_no_error() {
    let scratch = Scratch::new();
    fs::write(scratch.path("empty"), "").unwrap();
    scratch.retry("--stats empty --html page.html").assert().code(0).stdout("no runs found\n").stderr("");
    assert!(scratch.read("page.html").contains("<p>No runs found.</p>"));
    let (all, _) = stats(&scratch, "--stats empty");
    let nothing = json!({"version": 1, "runs": 0, "rescued": 0, "failed": 0, "attempts": 0, "waited_s": 0.0,
        "reasons": [], "days": [], "names": []});
    assert_eq!(all, nothing);
}

/// A line that is longer than any report, and more runs than fit into the memory that there is.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded() {
    let scratch = Scratch::new();
    let mut file = File::create(scratch.path("huge")).unwrap();
    let run = line("a", "2026-11-24", "exhausted", &[json!({"exit": 1})], 0.5) + "\n";
    let many = run.repeat(1000);
    for _ in 0..200 {
        file.write_all(many.as_bytes()).unwrap();
    }
    for _ in 0..100 {
        file.write_all(&vec![b'['; 1 << 20]).unwrap();
    }
    write!(file, "\n{run}").unwrap();
    let mut shell = program("sh");
    scratch.settle(&mut shell);
    shell.args(["-c", r#"ulimit -v 131072 && exec "$0" --log-format json --stats huge"#, RETRY]);
    let output = shell.output().unwrap();
    assert_eq!(said(&output), ["retry: huge: skipped 1 of 200002 lines: 1 is not a report (line 200001)"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&all["runs"], &all["waited_s"]), (&json!(200_001), &json!(100_000.5)));
}

#[test]
fn a_file_that_grows_has_an_end() {
    let scratch = Scratch::new();
    let run = line("a", "2026-11-24", "success", &[], 0.0);
    fs::write(scratch.path("one"), run.clone() + "\n").unwrap();
    let mut shell = program("sh");
    scratch.settle(&mut shell);
    shell.args(["-c", "while :; do cat one one one one one one one one >> grows; done"]);
    let mut writer = Running::start(&mut shell);
    wait_until("the first runs", || scratch.path("grows").metadata().is_ok_and(|file| file.len() > 1 << 16));
    for _ in 0..5 {
        let (all, _) = stats(&scratch, "--stats grows");
        assert!(all["runs"].as_u64().unwrap() > 1);
    }
    assert!(writer.is_running());
}

/// The name of an element, and its attributes.
type Element = (String, BTreeMap<String, String>);

/// The elements of a page, and its text.
fn elements(page: &str) -> (Vec<Element>, String) {
    let (mut reader, mut elements, mut words) = (Reader::from_str(page), Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {page}")) {
            Event::Start(start) | Event::Empty(start) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    (text(attribute.key.as_ref()), text(&attribute.value))
                });
                elements.push((text(start.name().as_ref()), attributes.collect()));
            }
            Event::Text(text) => words.push_str(&text.decode().unwrap()),
            Event::GeneralRef(entity) => write!(words, "&{};", entity.decode().unwrap()).unwrap(),
            Event::End(_) | Event::DocType(_) => {}
            Event::Eof => return (elements, words),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_page_stands_alone() {
    let scratch = Scratch::new();
    let name = "<script>alert('x')</script> & \"y\"\u{202e}";
    let lines = [
        line(name, "2026-11-20", "success", &[json!({"exit": 7})], 1.0),
        line(name, "2026-11-24", "exhausted", &[json!({"not_started": "<img src=x>"})], 1.0),
        line("calm", "2026-11-24", "success", &[], 0.0),
    ];
    fs::write(scratch.path("r.jsonl"), lines.join("\n")).unwrap();
    scratch.retry("--stats r.jsonl --html page.html").assert().code(0);
    let page = scratch.read("page.html");
    let (elements, words) = elements(&page);
    let names: BTreeSet<&str> = elements.iter().map(|(name, _)| name.as_str()).collect();
    for forbidden in ["script", "link", "img", "iframe", "object", "a", "form"] {
        assert!(!names.contains(forbidden), "{forbidden}");
    }
    for (name, attributes) in &elements {
        let loads = |attribute: &str| {
            ["src", "href", "xlink:href", "style"].contains(&attribute) || attribute.starts_with("on")
        };
        assert!(!attributes.keys().any(|attribute| loads(attribute)), "{name}: {attributes:?}");
    }
    assert!(!page.contains("://") && !page.contains("url(") && !page.contains("@import"), "{page}");
    assert!(!page.contains('\u{202e}'));
    assert!(words.contains("&lt;script&gt;alert(&#39;x&#39;)"), "{words}");

    // Thirty days of all runs and of each name; each name's parts; one bar per reason.
    let of = |name: &str, class: &str| {
        elements
            .iter()
            .filter(|(element, all)| element == name && all.get("class").is_some_and(|is| is == class))
            .count()
    };
    assert_eq!((of("svg", "days"), of("svg", "parts"), of("svg", "bar")), (3, 2, 2));
    // A bar's part for the day, for the day of the name, and for the name.
    assert_eq!(
        (of("rect", "failed"), of("rect", "rescued"), of("rect", "clean"), of("rect", "count")),
        (3, 3, 3, 2)
    );
    for (_, rectangle) in elements.iter().filter(|(name, _)| name == "rect") {
        for side in ["x", "y", "width", "height"] {
            let value: f64 = rectangle[side].parse().unwrap();
            assert!((0.0..=300.0).contains(&value), "{rectangle:?}");
        }
    }
    for words_of in
        ["3 runs from 2026-11-20 to 2026-11-24", "2026-11-24: 2 runs, 0 rescued, 1 failed", "exit 7"]
    {
        assert!(words.contains(words_of), "{words_of}: {words}");
    }
}

#[test]
fn the_documentation_names_every_field() {
    let scratch = Scratch::new();
    fs::write(scratch.path("r"), line("a", "2026-11-24", "exhausted", &[json!({"exit": 1})], 0.5)).unwrap();
    let (all, _) = stats(&scratch, "--stats r");
    let section =
        include_str!("../docs/json.md").split("\n## ").find(|section| section.starts_with("What many"));
    let rows = section.unwrap().lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = rows.flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    for (object, prefix) in [
        (&all, ""),
        (&all["reasons"][0], "reasons[]."),
        (&all["days"][0], "days[]."),
        (&all["names"][0], "names[]."),
    ] {
        for field in object.as_object().unwrap().keys() {
            assert!(named.contains(format!("{prefix}{field}").as_str()), "{prefix}{field}");
        }
    }
}

/// What a line may be: a run in a form that a later version could have written too, or not a run.
#[derive(Debug, Clone)]
enum Kind {
    Run { name: usize, day: i8, outcome: &'static str, failures: Vec<Value>, waited: u32 },
    NoRun(&'static str),
}

fn kind() -> impl Strategy<Value = Kind> {
    let failure = prop_oneof![
        (0..4_u8).prop_map(|code| json!({ "exit": code })),
        Just(json!({"signal": "SIGTERM"})),
        Just(json!({"timed_out": "idle-timeout"})),
        Just(json!({"not_started": "permission denied"})),
        Just(json!({"eaten": "by a bear"})),
    ];
    let outcome =
        prop::sample::select(&["success", "exhausted", "stopped", "interrupted", "circuit-open"][..]);
    let run = (0..4_usize, 0..20_i8, outcome, prop::collection::vec(failure, 0..4), 0..100_000_u32).prop_map(
        |(name, day, outcome, failures, waited)| Kind::Run { name, day, outcome, failures, waited },
    );
    let no_run = prop::sample::select(
        &["", "  ", "[]", "{}", "null", "{\"version\":2}", "\u{e9}", "{\"version\":1"][..],
    );
    prop_oneof![5 => run, 1 => no_run.prop_map(Kind::NoRun)]
}

const NAMES: [&str; 4] = ["deploy", "a b", "\u{1f600}", ""];

/// The same sums, made the long way: every number by going through all runs.
fn oracle(kinds: &[Kind], name: Option<&str>) -> Value {
    let runs: Vec<(String, &str, &Vec<Value>, f64)> = kinds
        .iter()
        .filter_map(|kind| match kind {
            Kind::Run { name: at, day, outcome, failures, waited }
                if name.is_none_or(|name| name == NAMES[*at]) =>
            {
                Some((format!("2026-11-{:02}", day + 1), *outcome, failures, f64::from(*waited) / 1000.0))
            }
            _ => None,
        })
        .collect();
    let numbers = |day: Option<&str>| {
        let runs: Vec<_> = runs.iter().filter(|run| day.is_none_or(|day| run.0 == day)).collect();
        let count =
            |test: &dyn Fn(&str, usize) -> bool| runs.iter().filter(|run| test(run.1, run.2.len())).count();
        json!({
            "runs": runs.len(),
            "rescued": count(&|outcome, failures| outcome == "success" && failures > 0),
            "failed": count(&|outcome, _| outcome != "success"),
            "attempts": runs.iter().map(|run| run.2.len() + usize::from(run.1 == "success")).sum::<usize>(),
            "waited_ms": (runs.iter().map(|run| run.3).sum::<f64>() * 1000.0).round(),
        })
    };
    let mut all = numbers(None);
    let days: BTreeSet<&str> = runs.iter().map(|run| run.0.as_str()).collect();
    all["days"] = days.into_iter().map(|day| json!([day, numbers(Some(day))])).collect();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for (_, outcome, failures, _) in &runs {
        for failure in *failures {
            let (kind, what) = failure.as_object().unwrap().iter().next().unwrap();
            let reason = match kind.as_str() {
                "exit" => format!("exit {what}"),
                "not_started" => format!("not started: {}", what.as_str().unwrap()),
                "eaten" => "other".to_owned(),
                _ => what.as_str().unwrap().to_owned(),
            };
            *reasons.entry(reason).or_default() += 1;
        }
        if failures.is_empty() && *outcome != "success" {
            *reasons.entry((*outcome).to_owned()).or_default() += 1;
        }
    }
    all["reasons"] = json!(reasons);
    all
}

/// An answer in the form of the oracle's.
fn outline(group: &Value) -> Value {
    let numbers = |from: &Value| {
        let mut numbers = json!({"waited_ms": (from["waited_s"].as_f64().unwrap() * 1000.0).round()});
        for name in ["runs", "rescued", "failed", "attempts"] {
            numbers[name] = from[name].clone();
        }
        numbers
    };
    let mut all = numbers(group);
    all["days"] =
        group["days"].as_array().unwrap().iter().map(|day| json!([day["day"], numbers(day)])).collect();
    let reasons = group["reasons"].as_array().unwrap();
    let counts: Vec<u64> = reasons.iter().map(|reason| reason["count"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b), "{reasons:?}");
    let pairs = reasons.iter().map(|one| (one["reason"].as_str().unwrap().to_owned(), one["count"].clone()));
    all["reasons"] = Value::Object(pairs.collect());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn sums_are_those_of_a_simple_count(kinds in prop::collection::vec(kind(), 0..60)) {
        let scratch = Scratch::new();
        let lines = kinds.iter().map(|kind| match kind {
            Kind::Run { name, day, outcome, failures, waited } => {
                let day = format!("2026-11-{:02}", day + 1);
                line(NAMES[*name], &day, outcome, failures, f64::from(*waited) / 1000.0)
            }
            Kind::NoRun(line) => (*line).to_owned(),
        });
        fs::write(scratch.path("r"), lines.map(|line| line + "\n").collect::<String>()).unwrap();
        let (found, remarks) = retry::stats::read(&[scratch.path("r")]).unwrap();
        let all: Value = serde_json::from_str(&retry::report::stats::json(&found)).unwrap();
        prop_assert_eq!(outline(&all), oracle(&kinds, None));
        let mut names = 0;
        for group in all["names"].as_array().unwrap() {
            let name = group["name"].as_str().unwrap();
            prop_assert_eq!(outline(group), oracle(&kinds, Some(name)), "{}", name);
            names += group["runs"].as_u64().unwrap();
        }
        prop_assert_eq!(names, all["runs"].as_u64().unwrap());
        let noise = kinds.iter().any(|kind| matches!(kind, Kind::NoRun(line) if !line.trim().is_empty()));
        prop_assert_eq!(remarks.len(), usize::from(noise));
    }
}
