//! `--dry-run` end to end: it prints the plan on stdout and runs nothing.

mod common;

use common::command::{Scratch, text};
use serde_json::{Value, json};

/// A directory with a command that leaves a file behind when it runs.
struct Scene(Scratch);

impl Scene {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.executable("deploy", "#!/bin/sh\ntouch it-ran\n");
        Self(scratch)
    }

    fn has_run(&self) -> bool {
        self.0.path("it-ran").exists()
    }

    /// stdout of a dry run of that command, which succeeds, says nothing on stderr and runs nothing.
    fn dry_run(&self, flags: &str) -> String {
        let printed = printed(&mut self.0.retry(&format!("{flags} --dry-run ./deploy")));
        assert!(!self.has_run(), "{flags}: the command ran");
        printed
    }

    fn json(&self, flags: &str) -> Value {
        serde_json::from_str(&self.dry_run(&format!("{flags} --log-format json"))).unwrap()
    }
}

fn printed(retry: &mut assert_cmd::Command) -> String {
    text(&retry.assert().success().stderr("").get_output().stdout)
}

/// A row of the table: its words.
fn row(text: &str, attempt: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let row = text.lines().map(words).find(|words| words.first().is_some_and(|word| word == attempt));
    row.unwrap_or_else(|| panic!("no row {attempt} in\n{text}"))
}

#[test]
fn the_default_plan_to_the_letter() {
    let scene = Scene::new();
    let wanted = "\
retry would run deploy at most 3 times:

  attempt  earliest start  latest start  delay before  # minimum, + random
        1              0s            0s
        2            0.5s          0.8s     0.5s-0.8s  #####++++
        3            2.5s          3.1s       2s-2.3s  ######################+++

Latest start: does not include the run time of attempts, because no --timeout is
  set.
Worst case: 3.1s of delays plus the run time of 3 attempts.
";
    assert_eq!(scene.dry_run(""), wanted);
    // So that the check that nothing ran is worth something.
    scene.0.retry("./deploy").assert().success();
    assert!(scene.has_run());
}

#[test]
fn a_list_of_delays_with_jitter_both_ways() {
    let text = Scene::new().dry_run("--retries 4 --delays 0.5,2,5 --jitter +-0.3");
    assert_eq!(row(&text, "2")[..4], ["2", "0.2s", "0.8s", "0.2s-0.8s"]);
    assert_eq!(row(&text, "3")[..4], ["3", "1.9s", "3.1s", "1.7s-2.3s"]);
    assert_eq!(row(&text, "4")[..4], ["4", "6.6s", "8.4s", "4.7s-5.3s"]);
}

#[test]
fn limits_and_rules_are_told() {
    let flags =
        "--retries 10 --timeout 5 --kill-after 1 --deadline 1m --retry-on 7,28 --retry-on curl --stop-on 2";
    let text = Scene::new().dry_run(flags);
    assert_eq!(row(&text, "5")[..4], ["5", "42.5s", "1m", "32s-32.3s"]);
    assert_eq!(row(&text, "6-10")[1..], ["not", "run:", "after", "the", "deadline"]);
    // Long lines are wrapped.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "Latest start: if every attempt takes its full --timeout of 5s plus --kill-after of 1s. ",
        "Deadline: after 1m, a running attempt is ended (within 1s, --kill-after) and no new one starts. ",
        "Rules: --retry-on 7,28,curl; --stop-on 2. ",
        "Worst case: 1m1s in total.",
    ] {
        assert!(words.contains(line), "{line}\n{text}");
    }
    let output = "--stop-on-output stderr:denied --retry-on-output busy --require-output ready \
        --success-on-output exists --success-on 4";
    let text = Scene::new().dry_run(output);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rules = "Rules: --success-on 4; --require-output ready; --success-on-output exists; \
        --stop-on-output stderr:denied; --retry-on-output busy. ";
    assert!(words.contains(rules), "{text}");
    let text =
        Scene::new().dry_run("--retries 5 --consecutive 2 --reset-after 10m --fallback x --retry-if y");
    for line in [
        "Success: needs 2 consecutive successes, --base apart.",
        "Reset: after an attempt that ran for 10m or longer, the delays start again from the first.",
        "Not included: time taken by --retry-if and --fallback.",
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(line), "{line}\n{text}");
    }
    // A deadline ends all of them but the fallback.
    let options = "--deadline 10 --fallback x --retry-if y --before-retry z --retry-after";
    let text = Scene::new().dry_run(options);
    assert!(text.contains("Not included: time taken by --fallback."), "{text}");
}

#[test]
fn many_attempts_and_no_limit() {
    let scene = Scene::new();
    let many = scene.dry_run("--retries 1000");
    assert_eq!(row(&many, "12")[0], "12");
    assert_eq!(row(&many, "...").len(), 1);
    assert_eq!(row(&many, "1000")[1], "16h35m43s");
    assert_eq!(many.lines().filter(|line| line.contains("     1m  ##")).count(), 8);

    let most = scene.dry_run("--retries 18446744073709551615");
    assert_eq!(row(&most, "18446744073709551615")[1..5], ["over", "500", "billion", "years"]);

    let endless = scene.dry_run("--retries inf");
    assert_eq!(row(&endless, "...")[1..], ["and", "so", "on"]);
    assert!(endless.contains("Worst case: unlimited; retry goes on until it succeeds."), "{endless}");
    assert!(endless.starts_with("retry would run deploy until it succeeds:\n"), "{endless}");
}

#[test]
fn json_says_the_same() {
    let scene = Scene::new();
    let flags = "--retries 2 --jitter 0.25 --timeout 5 --deadline 1m --stop-on 2,64-78 --initial-delay 1 \
        --retry-on-output busy";
    let wanted = json!({
        "command": "deploy",
        "arguments": null,
        "attempts": 2,
        "consecutive": 1,
        "timeout_s": 5.0,
        "deadline_s": 60.0,
        "kill_after_s": 10.0,
        "reset_after_s": null,
        "rows": [
            {
                "attempt": 1, "delay_low_s": 1.0, "delay_high_s": 1.0,
                "earliest_start_s": 1.0, "latest_start_s": 1.0,
            },
            {
                "attempt": 2, "delay_low_s": 0.5, "delay_high_s": 0.75,
                "earliest_start_s": 1.5, "latest_start_s": 16.75,
            },
        ],
        "last_possible": 2,
        "worst_case_s": 31.75,
        "worst_case_covers": "everything",
        "not_counted": [],
        "retry_on": null,
        "stop_on": "2,64-78",
        "success_on": null,
        "output_rules": ["--retry-on-output busy"],
        "breaker": null,
        "budget": null,
        "state": null,
        "settings": [],
        "warnings": [],
    });
    assert_eq!(scene.json(flags), wanted);
    let hooked = scene.json("--before-retry x --fallback y --retry-after --retry-if z");
    assert_eq!(hooked["not_counted"], json!(["--retry-if", "--before-retry", "--retry-after", "--fallback"]));
    let endless = scene.json("--retries inf -v");
    assert_eq!((&endless["attempts"], &endless["worst_case_s"]), (&Value::Null, &Value::Null));
    assert_eq!(endless["rows"].as_array().unwrap().len(), 12);
    assert_eq!(endless["arguments"], json!([]));
    let most = scene.json("--retries 18446744073709551615");
    assert_eq!(most["attempts"], json!(u64::MAX));
    assert!(most["worst_case_s"].as_f64().unwrap() >= 1.8e19, "{}", most["worst_case_s"]);
}

#[test]
fn what_is_shared_is_named() {
    let scene = Scene::new();
    let flags =
        "--breaker reg --breaker-failures 3 --budget pot --budget-burst 4 --state redis://me:secret@db";
    let text = scene.dry_run(flags);
    // Long lines are wrapped.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "Breaker: \"reg\" in redis://***@db opens for 5s after 3 consecutive failures; while it is open, retry runs nothing and exits with 75.",
        "Budget: \"pot\" in redis://***@db holds 4 tokens; a retry takes 1, a success returns 0.2.",
    ] {
        assert!(words.contains(line), "{text}");
    }
    for (more, words) in [
        ("--breaker-rate 12.5%", "after 12.5% failures among at least 10 attempts within 1m;"),
        (
            "--breaker-rate 50% --breaker-min-attempts 20 --breaker-window 2m",
            "after 50% failures among at least 20 attempts within 2m;",
        ),
        ("--breaker-window 30", "after 5 consecutive failures within 30s;"),
    ] {
        let text = scene.dry_run(&format!("--breaker reg {more}"));
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{text}");
    }
    let json = scene.json(flags);
    assert_eq!([&json["breaker"], &json["budget"], &json["state"]], ["reg", "pot", "redis://***@db"]);
    assert!(!scene.dry_run("").contains("Breaker") && !scene.dry_run("").contains("Budget"));
}

#[test]
fn known_traps_are_warned_of() {
    let scratch = Scratch::new();
    let warnings = |words: &str| {
        let text = printed(&mut scratch.retry(&format!("--dry-run {words}")));
        text.lines().filter(|line| line.starts_with("Warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    for (words, named) in [
        ("curl https://example.com", "Warning: curl without -f"),
        ("git fetch", "Warning: git exits with the same status"),
        ("apt-get update --error-on=any", "Warning: apt-get exits with the same status"),
        ("retry ./deploy", "Warning: retry inside another retry"),
        ("--initial-delay 9 --deadline 5 ./deploy", "Warning: the initial delay reaches the deadline"),
    ] {
        let found = warnings(words);
        assert!(found.len() == 1 && found[0].starts_with(named), "{words}: {found:?}");
    }
    for words in ["curl -fsS https://example.com", "--retry-on 128 git fetch", "./deploy"] {
        assert_eq!(warnings(words), Vec::<String>::new(), "{words}");
    }
}

#[test]
fn the_environment_counts_and_is_named() {
    let scratch = Scratch::new();
    let run = |name: &str, value: &str| printed(scratch.retry("--dry-run true").env(name, value));
    let text = run("RETRY_RETRIES", "2");
    assert!(
        text.contains("at most 2 times") && text.contains("Environment: RETRY_RETRIES=2 is used."),
        "{text}"
    );
    assert!(run("RETRY_DEPTH", "1").contains("Warning: retry inside another retry"));
}
