//! `--retry-after` with the tools that people use it with: real curl and wget, and a server that says when
//! to come back.

mod common;

use common::command::{Scratch, announced, needs, said, timed};
use common::http::{Server, retry};
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One refusal with these headers, then the answer.
fn refuses_once(status: &str, headers: &str) -> Server {
    let body = b"body\n".to_vec();
    let refusal = (format!("{status}\r\n{headers}"), body.clone());
    Server::start(vec![refusal, ("200 OK\r\n".to_owned(), body)])
}

fn run(scratch: &Scratch, options: &str, command: &str, server: &Server) -> Output {
    let options = format!("-j 0 --delays 0.01 --seed 1 {options}");
    retry(scratch, &options, command, server).output().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a server tells the time of the wall clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The tool was told to wait a second, and waited it.
fn waits_a_second(options: &str, command: &str, status: &str) {
    let tool = command.split(' ').next().unwrap();
    if !needs(tool, "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    let server = refuses_once(status, "Retry-After: 1\r\n");
    let (done, elapsed) = timed(|| run(&scratch, options, command, &server));
    let lines = said(&done);
    assert_eq!(done.status.code(), Some(0), "{command}: {lines:?}");
    assert!(lines[0].contains("s (the server asked for 1s)"), "{command}: {lines:?}");
    let delay = announced(&done)[0];
    assert!((1.0..=1.1).contains(&delay), "{command}: {lines:?}");
    assert!(elapsed >= Duration::from_secs(1), "{command}: {elapsed:?}");
}

#[test]
fn curl_shows_headers_on_stderr_or_on_stdout() {
    waits_a_second("--retry-after", "curl -fsv", "429 Too Many Requests");
    waits_a_second("--retry-after=stdout", "curl -fsSi", "503 Service Unavailable");
    waits_a_second("--retry-after=stdout", "curl -fsS -o body -D -", "503 Service Unavailable");
    waits_a_second("--retry-after=stderr", "curl -fsS -o body -D /dev/stderr", "429 Too Many Requests");
    waits_a_second("--retry-after=both", "curl -fsSi", "429 Too Many Requests");
    waits_a_second("-O --retry-after=both", "curl -fsSi", "429 Too Many Requests");
}

#[test]
fn wget_shows_headers_on_stderr() {
    // wget has a retry of its own for 429 and 503 only if it is asked to.
    waits_a_second("--retry-after", "wget -S -O body -t 1", "503 Service Unavailable");
    waits_a_second("--retry-after --retry-on wget", "wget -S -O body -t 1", "429 Too Many Requests");
}

#[test]
fn the_preset_decides_whether_and_the_server_when() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    let server = refuses_once("429 Too Many Requests", "Retry-After: 1\r\n");
    let done = run(&scratch, "--retry-on curl --retry-after", "curl -fsSv", &server);
    assert_eq!((done.status.code(), announced(&done)[0] >= 1.0), (Some(0), true), "{:?}", said(&done));
    // It makes nothing retryable by itself.
    let server = refuses_once("404 Not Found", "Retry-After: 1\r\n");
    let done = run(&scratch, "--retry-on curl --retry-after", "curl -fsSv", &server);
    assert_eq!(done.status.code(), Some(22));
    assert!(said(&done)[0].ends_with("Not retrying: not covered by --retry-on curl"), "{:?}", said(&done));
    // Where nobody listens, nobody hears.
    for (options, command) in
        [("", "curl -fsv"), ("--retry-after=stdout", "curl -fsv"), ("--retry-after", "curl -fsSi")]
    {
        let server = refuses_once("503 Service Unavailable", "Retry-After: 1\r\n");
        let done = run(&scratch, options, command, &server);
        assert!(announced(&done)[0] < 0.5, "{options} {command}: {:?}", said(&done));
    }
}

#[test]
fn every_form_of_a_demand_is_understood() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    // The header, and the range of the delay that follows. A date has whole seconds, and time passes.
    for (headers, least, most) in [
        ("Retry-After: 0.7\r\n", 0.7, 0.8),
        ("retry-after:1\r\n", 1.0, 1.1),
        ("Retry-After: DATE\r\n", 0.3, 3.3),
        ("retry-after-ms: 600\r\n", 0.6, 0.7),
        ("Retry-After: 9\r\nretry-after-ms: 600\r\n", 0.6, 0.7),
        ("x-ratelimit-remaining: 0\r\nx-ratelimit-reset: EPOCH\r\n", 0.3, 3.3),
        // Requests are left, so the reset is no demand.
        ("x-ratelimit-remaining: 3\r\nx-ratelimit-reset: EPOCH\r\n", 0.0, 0.1),
    ] {
        let soon = now() + 3;
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(soon));
        let headers = headers.replace("DATE", &date).replace("EPOCH", &soon.to_string());
        let server = refuses_once("429 Too Many Requests", &headers);
        let done = run(&scratch, "--retry-after", "curl -fsSv", &server);
        assert_eq!(done.status.code(), Some(0), "{headers}: {:?}", said(&done));
        let delay = announced(&done)[0];
        assert!((least..=most).contains(&delay), "{headers}: {:?}", said(&done));
    }
}

#[test]
fn rubbish_and_the_past_ask_for_nothing() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    for value in ["soon", "-5", "", "1e400", "99999999999999999999", "0", "Mon, 01 Jan 2001 00:00:00 GMT"] {
        let server = refuses_once("429 Too Many Requests", &format!("Retry-After: {value}\r\n"));
        let done = run(&scratch, "--retry-after", "curl -fsSv", &server);
        assert_eq!(done.status.code(), Some(0), "{value}: {:?}", said(&done));
        assert!(announced(&done)[0] < 0.5, "{value}: {:?}", said(&done));
        assert!(!said(&done)[0].contains("the server"), "{value}: {:?}", said(&done));
    }
}

#[test]
fn only_the_last_answer_counts() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    let body = b"body\n".to_vec();
    // A redirection that asks, and an answer that does or does not.
    for (headers, least, most) in [("", 0.0, 0.1), ("Retry-After: 1\r\n", 1.0, 1.1)] {
        let server = Server::start(vec![
            ("301 Moved Permanently\r\nLocation: /there\r\nRetry-After: 30\r\n".to_owned(), body.clone()),
            (format!("503 Service Unavailable\r\n{headers}"), body.clone()),
            ("200 OK\r\n".to_owned(), body.clone()),
        ]);
        let done = run(&scratch, "--retry-after", "curl -fsSvL", &server);
        assert_eq!(done.status.code(), Some(0), "{headers}: {:?}", said(&done));
        let delay = announced(&done)[0];
        assert!((least..=most).contains(&delay), "{headers}: {:?}", said(&done));
    }
}

#[test]
fn a_demand_never_shortens_the_delay() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    let server = refuses_once("429 Too Many Requests", "Retry-After: 0.1\r\n");
    let done = retry(&scratch, "--base 0.8 -j 0 --retry-after", "curl -fsv", &server).output().unwrap();
    let delay = announced(&done)[0];
    assert!((0.8..0.89).contains(&delay), "{:?}", said(&done));
}

#[test]
fn too_long_a_demand_stops_at_once_and_says_so() {
    if !needs("curl", "the server's word") {
        return;
    }
    let scratch = Scratch::new();
    for (options, value, words) in [
        (
            "",
            "3600",
            "the server asks for 1h, and --max-retry-after is 2m (--max-retry-after 61m would wait for it)",
        ),
        (
            "--max-retry-after 5",
            "6",
            "the server asks for 6s, and --max-retry-after is 5s (--max-retry-after 7s would wait for it)",
        ),
        (
            "--max-retry-after 0",
            "200000",
            "the server asked for 2d7h33m20s, more than --max-retry-after 0s (--max-retry-after 56h waits \
             for it)",
        ),
    ] {
        let server = refuses_once("503 Service Unavailable", &format!("Retry-After: {value}\r\n"));
        let done = run(&scratch, &format!("--retry-after {options}"), "curl -fsSv", &server);
        assert_eq!((done.status.code(), said(&done).len()), (Some(22), 1), "{:?}", said(&done));
        assert!(said(&done)[0].ends_with(&format!("Not retrying: {words}")), "{:?}", said(&done));
    }
    // The fallback is for that too, and a deadline is not slept past.
    let server = refuses_once("503 Service Unavailable", "Retry-After: 3600\r\n");
    let mut retry = scratch.retry("-q --retry-after --fallback");
    retry.args(["echo cached", "--", "curl", "-fsv", &server.url]).env("no_proxy", "*");
    retry.assert().success().stdout("cached\n");
    let server = refuses_once("503 Service Unavailable", "Retry-After: 30\r\n");
    let done = run(&scratch, "--retry-after --deadline 10", "curl -fsv", &server);
    assert_eq!(done.status.code(), Some(22));
    assert!(said(&done)[0].contains("would exceed the deadline"), "{:?}", said(&done));
}

#[test]
fn an_exhausted_quota_is_not_waited_for() {
    let scratch = Scratch::new();
    let mut retry = scratch.retry("--retry-after=stdout");
    let words = r#"echo '{"error": {"code": "insufficient_quota"}}'; exit 1"#;
    let done = retry.args(["--", "sh", "-c", words]).output().unwrap();
    let lines = said(&done);
    assert_eq!((done.status.code(), lines.len()), (Some(1), 1));
    assert!(lines[0].ends_with("Not retrying: quota exhausted (insufficient_quota)"), "{lines:?}");
}

#[test]
fn words_of_an_api_count_as_well() {
    let scratch = Scratch::new();
    for words in ["Please try again in 700ms.", r#""retryDelay": "0.7s""#] {
        let mut retry = scratch.retry("-r 2 --base 0.01 -j 0 --retry-after=both");
        let done = retry.args(["--", "sh", "-c", r#"echo "$0"; exit 1"#, words]).output().unwrap();
        let delay = announced(&done)[0];
        assert!((0.7..=0.8).contains(&delay), "{words}: {:?}", said(&done));
    }
}

/// `verdict` and `asked_s` of the last `failed`.
fn last_failed(done: &Output) -> (String, f64) {
    let text = String::from_utf8_lossy(&done.stderr);
    let objects = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let last = objects.rev().find(|object| object["event"] == "failed").unwrap();
    (last["verdict"].as_str().unwrap().to_owned(), last["asked_s"].as_f64().unwrap())
}

#[test]
fn the_log_has_what_was_asked_for_also_where_nothing_follows() {
    let word = "echo 'Retry-After: 30' >&2; exit 9";
    for (options, verdict) in [
        ("--max-retry-after 5", "permanent"),
        ("--stop-on 9", "permanent"),
        ("-r1", "transient"),
        ("--deadline 10", "transient"),
    ] {
        let scratch = Scratch::new();
        let mut retry = scratch.retry("--retry-after --log-format json");
        let done = retry.args(options.split(' ')).args(["sh", "-c", word]).output().unwrap();
        assert_eq!(last_failed(&done), (verdict.to_owned(), 30.0), "{options}");
    }
}

#[test]
fn of_two_streams_the_longer_wait_counts() {
    let scratch = Scratch::new();
    for (out, err) in [("0.1s", "0.7s"), ("0.7s", "0.1s")] {
        let mut retry = scratch.retry("-r 2 --base 0.01 -j 0 --retry-after=both");
        let script = format!("echo 'try again in {out}'; echo 'try again in {err}' >&2; exit 1");
        let done = retry.args(["--", "sh", "-c", &script]).output().unwrap();
        let delay = announced(&done)[0];
        assert!((0.7..=0.8).contains(&delay), "{out} and {err}: {:?}", said(&done));
    }
}
