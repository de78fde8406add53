//! Where messages go (`--log`), in which form (`--log-format`), and for which run (`--label`).

mod common;

use common::command::{PATIENCE, Scratch, said};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

const FAST: &str = "--base 0.01 --factor 1 --jitter 0";

/// A log daemon of the test.
struct Daemon(UnixDatagram);

impl Daemon {
    fn new(scratch: &Scratch) -> Self {
        let socket = UnixDatagram::bind(scratch.path("socket")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn next(&self) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 20];
        let length = self.0.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    /// Everything that the sender, which has ended, has sent.
    fn all(&self) -> Vec<Vec<u8>> {
        self.0.set_nonblocking(true).unwrap();
        let mut bytes = vec![0; 1 << 20];
        std::iter::from_fn(|| self.0.recv(&mut bytes).ok().map(|n| bytes[..n].to_vec())).collect()
    }
}

/// The fields of an entry, parsed like the journal does.
fn fields(mut entry: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|byte| *byte == b'\n').unwrap();
        let (line, rest) = (std::str::from_utf8(&entry[..end]).unwrap(), &entry[end + 1..]);
        let (name, value) = if let Some((name, value)) = line.split_once('=') {
            entry = rest;
            (name, value.to_owned())
        } else {
            let (length, rest) = rest.split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            assert_eq!(rest[length], b'\n');
            entry = &rest[length + 1..];
            (line, String::from_utf8(rest[..length].to_vec()).unwrap())
        };
        assert_eq!(fields.insert(name.to_owned(), value), None, "{name} is there once");
    }
    fields
}

#[test]
fn the_journal_gets_fields() {
    let scratch = Scratch::new();
    let daemon = Daemon::new(&scratch);
    let mut retry = scratch.retry(FAST);
    retry.args(["--log", "journald:socket", "--retry-on", "7,KILL,9", "--label", "nightly copy"]);
    let output = retry.args(scratch.ends("7 KILL 0")).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    let entries: Vec<_> = daemon.all().iter().map(|entry| fields(entry)).collect();
    assert_eq!(entries.len(), 3, "{entries:#?}");

    let fixed = |entry: &BTreeMap<String, String>| {
        let mut entry = entry.clone();
        let message = entry.remove("MESSAGE").unwrap();
        entry.remove("SYSLOG_PID").unwrap().parse::<u32>().unwrap();
        entry.remove("RETRY_ELAPSED_S").unwrap().parse::<f64>().unwrap();
        assert_eq!(entry.remove("RETRY_RUN_ID").unwrap().len(), 36);
        (message, entry)
    };
    let expect = |pairs: &[(&str, &str)]| {
        let common = [
            ("SYSLOG_IDENTIFIER", "retry"),
            ("RETRY_COMMAND", "sh"),
            ("RETRY_LABEL", "nightly copy"),
            ("RETRY_MAX_ATTEMPTS", "3"),
        ];
        let all = common.iter().chain(pairs);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let (message, rest) = fixed(&entries[0]);
    assert!(message.starts_with("nightly copy: attempt 1/3 failed: exit status 7 after "), "{message}");
    let failed = [
        ("PRIORITY", "4"),
        ("RETRY_EVENT", "failed"),
        ("RETRY_ATTEMPT", "1"),
        ("RETRY_ENDED", "exit 7"),
        ("RETRY_STATUS", "7"),
        ("RETRY_VERDICT", "transient"),
        ("RETRY_RULE", "--retry-on 7"),
        ("RETRY_DELAY_S", "0.01"),
    ];
    assert_eq!(rest, expect(&failed));
    let (message, rest) = fixed(&entries[1]);
    assert!(message.starts_with("nightly copy: attempt 2/3 failed: killed by SIGKILL after "), "{message}");
    assert_eq!((rest["RETRY_ENDED"].as_str(), rest["RETRY_STATUS"].as_str()), ("signal SIGKILL", "137"));
    let (message, rest) = fixed(&entries[2]);
    assert!(message.starts_with("nightly copy: succeeded on attempt 3/3 after "), "{message}");
    let succeeded = [
        ("PRIORITY", "5"),
        ("RETRY_EVENT", "succeeded"),
        ("RETRY_ATTEMPT", "3"),
        ("RETRY_ENDED", "exit 0"),
        ("RETRY_STATUS", "0"),
        ("RETRY_VERDICT", "success"),
    ];
    assert_eq!(rest, expect(&succeeded));
}

#[test]
fn a_field_with_a_newline_has_its_length() {
    let scratch = Scratch::new();
    let daemon = Daemon::new(&scratch);
    let mut retry = scratch.retry("--log journald:socket --retries 1");
    retry.args(["--stop-on-output", "(?x)\n bad\n thing"]);
    retry.args(["sh", "-c", "echo badthing; exit 4"]).assert().code(4);
    let entry = fields(&daemon.next());
    assert_eq!(entry["RETRY_RULE"], "--stop-on-output (?x)\n bad\n thing");
    assert_eq!((entry["PRIORITY"].as_str(), entry["RETRY_VERDICT"].as_str()), ("3", "permanent"));
    assert!(!entry["MESSAGE"].contains('\n'));
}

#[test]
fn syslog_gets_packets_of_rfc_3164() {
    let scratch = Scratch::new();
    let daemon = Daemon::new(&scratch);
    let mut retry = scratch.retry(FAST);
    retry.args(["--log", "syslog:socket", "--retries", "2"]).env("TZ", "UTC");
    let output = retry.args(scratch.ends("1 KILL")).output().unwrap();
    assert_eq!(output.stderr, b"");
    let packets: Vec<String> =
        daemon.all().into_iter().map(|packet| String::from_utf8(packet).unwrap()).collect();
    // user.warning, user.err
    for (packet, start) in packets.iter().zip(["<12>", "<11>"]) {
        let time = r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d";
        let pattern = format!(r"^{start}{time} retry\[\d+\]: attempt [12]/2 failed: [^\n]*$");
        assert!(regex::Regex::new(&pattern).unwrap().is_match(packet), "{packet}");
    }
    assert_eq!(packets.len(), 2);
}

#[test]
fn syslog_has_the_local_time() {
    let scratch = Scratch::new();
    let daemon = Daemon::new(&scratch);
    let hour = |zone: &str| {
        let mut retry = scratch.retry("--log syslog:socket --retries 1");
        retry.env("TZ", zone).args(["false"]).assert().code(1);
        let packet = String::from_utf8(daemon.next()).unwrap();
        let time = packet.split_whitespace().nth(2).unwrap().to_owned();
        let (hours, minutes) = (time[..2].parse::<i32>().unwrap(), time[3..5].parse::<i32>().unwrap());
        60 * hours + minutes
    };
    let apart = (hour("EAST-5:30") - hour("UTC")).rem_euclid(24 * 60);
    assert!((325..=330).contains(&apart), "{apart} minutes");
}

#[test]
fn a_file_gets_lines_with_the_time() {
    let scratch = Scratch::new();
    let log = scratch.path("log");
    std::fs::write(&log, "before\n").unwrap();
    for _ in 0..2 {
        let mut retry = scratch.retry(FAST);
        retry.args(["--retries=2", "--log", log.to_str().unwrap(), "false"]).assert().code(1).stderr("");
    }
    let text = scratch.read("log");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, "before"));
    for line in &lines[1..] {
        let pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z retry: attempt [12]/2 failed: exit status 1 ";
        assert!(regex::Regex::new(pattern).unwrap().is_match(line), "{line}");
    }
}

#[test]
fn a_log_that_cannot_be_reached_is_said_once_and_stderr_takes_its_place() {
    for (target, warning) in [
        (
            "journald:nowhere",
            "retry: cannot log to the journal: no such file or directory. Logging to stderr instead",
        ),
        (
            "syslog:nowhere",
            "retry: cannot log to syslog: no such file or directory. Logging to stderr instead",
        ),
        (
            "no/such/log",
            "retry: cannot log to no/such/log: no such file or directory. Logging to stderr instead",
        ),
    ] {
        for format in ["text", "json"] {
            let scratch = Scratch::new();
            let mut retry = scratch.retry(FAST);
            retry.args(["--log", target, "--log-format", format]);
            let output = retry.args(scratch.ends("1 1 7")).output().unwrap();
            assert_eq!(output.status.code(), Some(7));
            let stderr = String::from_utf8(output.stderr).unwrap();
            let lines: Vec<&str> = stderr.lines().collect();
            assert_eq!(lines[0], warning);
            let more = if format == "json" { 4 } else { 3 };
            assert_eq!(lines.len(), 1 + more, "{lines:#?}");
            assert!(lines[1].contains("attempt 1/3 failed: exit status 1"), "{lines:#?}");
        }
    }
    // `retry` does not wait for a pipe without a reader.
    let scratch = Scratch::new();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        scratch.path("pipe"),
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
    )
    .unwrap();
    let output = scratch.retry("--retries 1 --log pipe false").output().unwrap();
    assert_eq!((output.status.code(), said(&output).len()), (Some(1), 2));
}

/// A log that is stderr under another name repeats nothing, and hides what `--quiet` and `--silent` hide.
#[test]
fn a_path_of_stderr_is_stderr() {
    let scratch = Scratch::new();
    for verbosity in ["", "--quiet", "--silent", "--verbose"] {
        let run = |target: &str, redirect: &str| {
            let script = r#""$RETRY" $OPTIONS -r2 --delays 0 --log "$TARGET" sh -c 'exit 7' "#;
            let mut shell = common::command::program("sh");
            scratch.settle(&mut shell);
            shell.env("RETRY", common::command::RETRY).env("OPTIONS", verbosity).env("TARGET", target);
            let output = shell.args(["-c", &format!("{script} {redirect}")]).output().unwrap();
            let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), scratch.read("file"));
            let _for_the_next_run = std::fs::remove_file(scratch.path("file"));
            regex::Regex::new(r"[0-9.]+s\b|pid \d+").unwrap().replace_all(&text, "_").into_owned()
        };
        for redirect in ["", "2> file", "2>> file"] {
            let expected = run("stderr", redirect);
            let mut targets = vec!["/dev/stderr", "/dev/fd/2"];
            targets.extend(cfg!(target_os = "linux").then_some("/proc/self/fd/2"));
            for target in targets {
                assert_eq!(run(target, redirect), expected, "{verbosity} {target} {redirect}");
            }
        }
        // The file by its own name is a log: all messages with the time.
        let log = run("file", "2>> file");
        assert!(log.matches("Z retry: attempt ").count() >= 2, "{log}");
    }
}

#[test]
fn a_log_that_nobody_needs_is_not_opened() {
    let scratch = Scratch::new();
    scratch.retry("--log log").arg("true").assert().code(0).stderr("");
    scratch.retry("--log no/such/log").arg("true").assert().code(0).stderr("");
    assert_eq!(scratch.files(), Vec::<String>::new());
}

#[test]
fn errors_of_our_own_are_on_stderr_too() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("--quiet --log log --stdout final");
    // The output does not fit in memory, and there is no directory for it.
    retry.env("TMPDIR", "/no/such/directory");
    let script = "exec head -c 3000000 /dev/zero";
    let output = retry.args(["sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let lines = said(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(scratch.read("log").ends_with(&format!(" {}\n", lines[0])));
}

/// So that cron mails it.
#[test]
fn a_quiet_run_that_fails_says_so_on_stderr_too() {
    let scratch = Scratch::new();
    for format in ["text", "json"] {
        let run = |verbosity: &str| {
            let options = format!("{verbosity} --log log --log-format {format} --retries 2 --delays 0");
            let output = scratch.retry(&options).args(scratch.ends("7")).output().unwrap();
            assert_eq!(output.status.code(), Some(7));
            let _as_often_as_it_runs = std::fs::remove_file(scratch.path("runs"));
            said(&output)
        };
        let lines = run("--quiet");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("retry: attempt 2/2 failed: exit status 7"), "{lines:?}");
        for verbosity in ["", "--verbose", "--silent"] {
            assert_eq!(run(verbosity), Vec::<String>::new());
        }
    }
    // A log that cannot be written: stderr takes its place, with one line.
    let output = scratch.retry("--quiet --log no/such/log --retries 1 false").output().unwrap();
    let lines = said(&output);
    assert_eq!(lines.iter().filter(|line| line.contains("attempt 1/1 failed")).count(), 1, "{lines:?}");
}

#[test]
fn lines_have_a_priority_where_stderr_is_the_journal() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new();
    let run = |stream: &str| {
        let file = std::fs::File::create(scratch.path("stderr")).unwrap();
        let data = file.metadata().unwrap();
        let stream =
            if stream.is_empty() { format!("{}:{}", data.dev(), data.ino()) } else { stream.to_owned() };
        let mut retry = scratch.retry_to_spawn(FAST);
        retry.args(["--retries=2", "false"]).env("JOURNAL_STREAM", stream).stderr(file).stdin(Stdio::null());
        assert_eq!(retry.status().unwrap().code(), Some(1));
        scratch
            .read("stderr")
            .lines()
            .map(|line| line[..line.find("attempt").unwrap()].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(""), ["<4>retry: ", "<3>retry: "]);
    assert_eq!(run("1:1"), ["retry: ", "retry: "]);
    assert_eq!(run("x"), ["retry: ", "retry: "]);
}

#[test]
fn a_label_names_the_run() {
    let scratch = Scratch::new();
    let output = scratch.retry(FAST).args(["--label", "deploy", "-r2", "false"]).output().unwrap();
    let lines = said(&output);
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("retry: deploy: attempt 1/2 failed: exit status 1 after "), "{lines:?}");
    assert!(lines[1].starts_with("retry: deploy: attempt 2/2 failed: "), "{lines:?}");
}

/// The objects of a log. Checks and removes what differs from run to run.
fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| {
            let mut object: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let fields = object.as_object_mut().unwrap();
            let time = fields.remove("time").unwrap();
            humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
            assert_eq!(fields.remove("run_id").unwrap().as_str().unwrap().len(), 36);
            for name in ["elapsed_s", "waited_s", "worked_s"] {
                if let Some(seconds) = fields.remove(name) {
                    assert!(seconds.as_f64().unwrap() >= 0.0, "{line}");
                }
            }
            object
        })
        .collect()
}

#[test]
fn json_has_an_object_per_event_and_the_totals() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry(FAST);
    retry.args(["--log-format=json", "--label=copy", "--retry-on=1-9"]);
    let output = retry.args(scratch.ends("5 0")).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let mut objects = objects(&stderr);
    let message = |object: &mut Value| {
        let message = object.as_object_mut().unwrap().remove("message");
        message.and_then(|message| message.as_str().map(str::to_owned)).unwrap_or_default()
    };
    assert!(message(&mut objects[0]).starts_with("attempt 1/3 failed: exit status 5 after "));
    assert!(message(&mut objects[1]).starts_with("succeeded on attempt 2/3 after "));
    assert_eq!(
        objects,
        [
            json!({"version": 1, "event": "failed", "severity": "warning", "label": "copy", "command": "sh",
                "attempt": 1, "max_attempts": 3, "ended": {"exit": 5}, "status": 5, "verdict": "transient",
                "rule": "--retry-on 1-9", "delay_s": 0.01}),
            json!({"version": 1, "event": "succeeded", "severity": "notice", "label": "copy", "command": "sh",
                "attempt": 2, "max_attempts": 3, "ended": {"exit": 0}, "status": 0, "verdict": "success"}),
            json!({"version": 1, "event": "end", "severity": "info", "label": "copy", "command": "sh",
                "outcome": "success", "exit_status": 0, "attempts": 2, "rescued": true}),
        ]
    );
}

#[test]
fn json_has_the_totals_of_every_run() {
    let scratch = Scratch::new();
    let run = |options: &str, ends: &str| {
        let _none_before = std::fs::remove_file(scratch.path("runs"));
        let output = scratch.retry(options).args(scratch.ends(ends)).output().unwrap();
        objects(std::str::from_utf8(&output.stderr).unwrap())
    };
    let end = |objects: &[Value]| {
        let last = objects.last().unwrap();
        assert_eq!(last["event"], "end");
        json!([last["outcome"], last["exit_status"], last["attempts"], last["rescued"]])
    };
    let json = "--log-format json --delays 0 --jitter 0";
    assert_eq!(end(&run(json, "0")), json!(["success", 0, 1, false]));
    assert_eq!(end(&run(json, "7")), json!(["exhausted", 7, 3, false]));
    assert_eq!(end(&run(&format!("{json} --stop-on 7"), "7")), json!(["stopped", 7, 1, false]));
    assert_eq!(end(&run(&format!("{json} --fallback true"), "7")), json!(["exhausted", 0, 3, false]));
    assert_eq!(
        end(&run(&format!("{json} --deadline 5 --initial-delay 6"), "7")),
        json!(["deadline", 124, 0, false])
    );
    assert_eq!(end(&run(&format!("{json} --flaky-exit 9"), "7 0")), json!(["success", 9, 2, true]));
    // Of a quiet run stderr shows why it failed, and the log has everything.
    let events = |objects: &[Value]| objects.iter().map(|entry| entry["event"].clone()).collect::<Vec<_>>();
    assert_eq!(events(&run(&format!("{json} --quiet"), "7")), ["failed"]);
    assert_eq!(run(&format!("{json} --quiet"), "7 0"), Vec::<Value>::new());
    assert_eq!(run(&format!("{json} --silent"), "7"), Vec::<Value>::new());
    for hidden in ["--quiet", "--silent"] {
        assert_eq!(run(&format!("{json} {hidden} --log log"), "7 0"), Vec::<Value>::new());
        assert_eq!(events(&objects(&scratch.read("log"))), ["failed", "succeeded", "end"]);
        std::fs::remove_file(scratch.path("log")).unwrap();
    }
}

#[test]
fn json_keeps_the_arguments_to_itself_unless_asked() {
    let scratch = Scratch::new();
    let run = |options: &str| {
        let output = scratch.retry(options).args(["sh", "-c", "exit 1", "hunter2"]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!run("--log-format json -r1").contains("hunter2"));
    let verbose = objects(&run("--log-format json -r1 -v"));
    assert_eq!(verbose[0]["event"], "starting");
    assert_eq!(verbose[0]["arguments"], json!(["-c", "exit 1", "hunter2"]));
}

#[test]
fn the_environment_sets_the_log() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("--retries 1 false");
    retry.envs([("RETRY_LOG", "log"), ("RETRY_LOG_FORMAT", "json")]).assert().code(1).stderr("");
    let names: Vec<String> = objects(&scratch.read("log"))
        .iter()
        .map(|object| object["event"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["failed", "end"]);
}
