//! What is understood and what is left alone, by kind; the examples of the table have to be understood as well.

use super::amount::ABSURD;
use super::forms::{FORMS, Gives};
use super::*;
use proptest::prelude::*;
use std::time::SystemTime;

/// Tue, 24 Nov 2026 08:00:00 GMT.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_507_200)
}

fn listen(output: impl AsRef<[u8]>) -> Word {
    let mut listener = Listener::new().unwrap();
    listener.feed(output.as_ref());
    listener.finish(now())
}

fn wait(seconds: f64) -> Word {
    Word::Wait(Duration::from_secs_f64(seconds))
}

#[test]
fn the_example_of_each_form_is_understood() {
    for form in FORMS {
        match form.gives {
            Gives::Seconds(seconds) => assert_eq!(listen(form.example), wait(seconds), "{form:?}"),
            Gives::Exhausted => {
                assert!(matches!(listen(form.example), Word::Exhausted(_)), "{form:?}");
            }
        }
    }
}

#[test]
fn every_form_is_understood() {
    for (output, seconds) in [
        ("Retry-After: 2", 2.0),
        ("< Retry-After: 2\r\n", 2.0),
        ("  Retry-After: 120\n", 120.0),
        ("* < retry-after:7", 7.0),
        ("RETRY-AFTER : 1.5 \r\n", 1.5),
        ("X-Retry-After: 3\n", 3.0),
        ("Retry-After: Tue, 24 Nov 2026 08:00:30 GMT\r\n", 30.0),
        ("Retry-After: Tuesday, 24-Nov-26 08:00:30 GMT\n", 30.0),
        ("Retry-After: Tue Nov 24 08:00:30 2026\n", 30.0),
        ("X-Retry-After: 1795507210\n", 10.0),
        ("retry-after-ms: 1500\n", 1.5),
        ("x-ms-retry-after-ms: 250\n", 0.25),
        ("x-amz-retry-after: 4000\n", 4.0),
        ("retry-after-ms: 1795507210000\n", 10.0),
        ("x-ratelimit-remaining: 0\nx-ratelimit-reset: 1795507260\n", 60.0),
        ("< X-RateLimit-Reset: 1795507260\r\n< X-RateLimit-Remaining: 0\r\n", 60.0),
        ("x-ratelimit-remaining: 0\nx-ratelimit-reset: 20\n", 20.0),
        ("Rate limit reached. Please try again in 1.3s. Visit", 1.3),
        ("please Try Again In 20 seconds", 20.0),
        ("try again in 900ms", 0.9),
        ("try again in 2m", 120.0),
        ("try again in 6m0s.", 360.0),
        ("try again in 1h 2m 3.5s", 3723.5),
        ("Please retry after 26 seconds.", 26.0),
        ("retry again in 5 minutes", 300.0),
        ("Please retry in 34.074824224s.", 34.074_824_224),
        ("      \"retryDelay\": \"39s\"", 39.0),
        ("{\\\"retryDelay\\\":\\\"34.5s\\\"}", 34.5),
        ("'retryDelay': '900ms'", 0.9),
    ] {
        assert_eq!(listen(output), wait(seconds), "{output:?}");
    }
}

#[test]
fn rubbish_and_the_past_are_ignored() {
    for output in [
        "",
        "Retry-After:",
        "Retry-After: 0",
        "Retry-After: -1",
        "Retry-After: +1",
        "Retry-After: NaN",
        "Retry-After: inf",
        "Retry-After: 1e308",
        "Retry-After: 1e3",
        "Retry-After: 1.2.3",
        "Retry-After: .5",
        "Retry-After: .",
        "Retry-After: 0x10",
        "Retry-After: soon",
        "Retry-After: 5 apples",
        "Retry-After: 100000000001",
        "Retry-After: 99999999999999999999999999999999999999999",
        "Retry-After: Tue, 24 Nov 2026 07:59:59 GMT",
        "Retry-After: Tue, 99 Foo 2026 07:59:59 GMT",
        "Retry-After: Fri, 31 Dec 99999 23:59:59 GMT",
        "Retry-After: 1000000000",
        "Retry-After: \u{663}",
        "> Retry-After: 5",
        "see Retry-After: 5",
        "Retry-After-: 5",
        "x-amz-retry-after: -5",
        "x-ratelimit-reset: 1795507260",
        "x-ratelimit-remaining: 5\nx-ratelimit-reset: 1795507260",
        "x-ratelimit-remaining: 0\n\nx-ratelimit-reset: 1795507260",
        "x-ratelimit-remaining: 0\nHTTP/1.1 403\nx-ratelimit-reset: 1795507260",
        "x-ratelimit-remaining: 0\n< \r\nother\n< x-ratelimit-reset: 1795507260",
        "x-ratelimit-remaining: 0\nx-ratelimit-reset: 0",
        "try again in 20",
        "try again in 20 apples",
        "try again in -3s",
        "try again in a while",
        "please try again, or log in",
        "try again in 1e9s",
        "try again in s",
        "Retrying in 5s",
        "retryDelay",
        "retryDelay: later",
    ] {
        assert_eq!(listen(output), Word::Nothing, "{output:?}");
    }
    let digits = format!("Retry-After: {}", "9".repeat(400));
    assert_eq!(listen(digits), Word::Nothing);
}

#[test]
fn the_last_demand_counts_and_rubbish_takes_nothing_back() {
    assert_eq!(listen("Retry-After: 9\nRetry-After: 3\n"), wait(3.0));
    assert_eq!(listen("Retry-After: 9\ntry again in 1s\n"), wait(1.0));
    assert_eq!(listen("try again in 1s, no: try again in 2s"), wait(2.0));
    assert_eq!(listen("try again in 1s, or please retry in a while"), wait(1.0));
    assert_eq!(listen("Retry-After: 9\nRetry-After: soon\n"), wait(9.0));
    // Of one response, its Retry-After; of two, the later one's word.
    let limit = "x-ratelimit-remaining: 0\nx-ratelimit-reset: 60\n";
    assert_eq!(listen(format!("Retry-After: 9\n{limit}")), wait(9.0));
    assert_eq!(listen(format!("{limit}Retry-After: 9\n")), wait(9.0));
    assert_eq!(listen(format!("Retry-After: 9\nHTTP/2 429\n{limit}")), wait(60.0));
}

#[test]
fn words_of_exhaustion_win() {
    for (output, words) in [
        ("{\"code\": \"insufficient_quota\"}\ntry again in 1s", "insufficient_quota"),
        ("\"quotaId\": \"RequestsPerDayPerProject-FreeTier\"\n\"retryDelay\": \"9s\"", "a quota of the day"),
        ("toomanyrequests: You have reached your pull rate limit.", "pull rate limit"),
    ] {
        assert_eq!(listen(output), Word::Exhausted(words), "{output}");
    }
    assert_eq!(listen("maxRequestsPerDay = 5\nRetry-After: 1"), wait(1.0));
    assert_eq!(listen("\"quotaId\": \"RequestsPerMinute\"\n\"retryDelay\": \"9s\""), wait(9.0));
}

/// Outputs of failed attempts, by kind, and the seconds that their server asked for.
const HEARD: &[(&str, f64)] = &[
    // Headers, with the marks of tools.
    ("< HTTP/2 429 \r\n< retry-after: 30\r\n< \r\n", 30.0),
    ("08:00:00.123 http.c:872              <= Recv header: Retry-After: 7\n", 7.0),
    ("== Info: x\n<= Recv header, 16 bytes (0x10)\n0000: Retry-After: 8\n", 8.0),
    (
        "I1124 08:00:00.9     625 round_trippers.go:577] Response Headers:\nI1124 08:00:00.9     625 \
      round_trippers.go:580]     Retry-After: 9\n",
        9.0,
    ),
    ("[ 0.012] recv (stream_id=13) :status: 429\n[ 0.012] recv (stream_id=13) retry-after: 30\n", 30.0),
    ("reply: 'HTTP/1.1 429 Too Many Requests\\r\\n'\nheader: Retry-After: 13\n", 13.0),
    (
        "2016/11/04 17:13:09 [DEBUG] plugin: terraform: HTTP/1.1 429\n2016/11/04 17:13:09 [DEBUG] plugin: \
      terraform: Retry-After: 17\n",
        17.0,
    ),
    ("2026-11-24T08:00:00.1234567Z Retry-After: 12\n", 12.0),
    ("api_1  | < retry-after: 12\n", 12.0),
    (
        "  0     0    0     0    0     0 --:--:-- --:--:--     0< HTTP/1.1 429 x\r\n< Retry-After: 21\r\n",
        21.0,
    ),
    ("10%\r20%\rRetry-After: 5\n", 5.0),
    ("\u{1b}[36mRetry-After\u{1b}[0m: \u{1b}[33m7\u{1b}[0m\n", 7.0),
    // Headers, as languages print them.
    ("{'Date': 'x', 'Retry-After': '17'}", 17.0),
    ("[(b'Date', b'x'), (b'retry-after', b'17')]", 17.0),
    ("b'HTTP/1.1 429 Too Many Requests\\r\\nRetry-After: 17\\r\\n'", 17.0),
    ("429 map[Content-Type:[text/plain] Retry-After:[30] X-Id:[a]]", 30.0),
    ("{retry-after=[17], server=[x]}", 17.0),
    ("{\"date\"=>[\"x\"], \"retry-after\"=>[\"30\"]}", 30.0),
    ("{:headers {\"Server\" \"x\", \"Retry-After\" \"17\"}}", 17.0),
    ("headers: {\"retry-after\": \"17\", \"server\": \"x\"}", 17.0),
    ("\"Retry-After\": [\n    \"17\"\n  ],\n", 17.0),
    // Limits.
    ("HTTP/1.1 429 x\nRateLimit-Limit: 100\nRateLimit-Remaining: 0\nRateLimit-Reset: 50\n", 50.0),
    ("ratelimit: \"api\";r=0;t=55\nratelimit-policy: \"fixed window\";\"api\";q=500;w=300\n", 55.0),
    ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1795507264.123\nX-RateLimit-Reset-After: 64.57\n", 64.57),
    (
        "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s\n\
      x-ratelimit-remaining-tokens: 149984\n",
        1.0,
    ),
    (
        "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s\n\
      x-ratelimit-remaining-tokens: 0\n",
        360.0,
    ),
    (
        "anthropic-ratelimit-requests-remaining: 0\nanthropic-ratelimit-requests-reset: 2026-11-24T08:00:45Z\n\
      anthropic-ratelimit-tokens-remaining: 16000\nanthropic-ratelimit-tokens-reset: 2026-11-24T08:09:00Z\n",
        45.0,
    ),
    ("\"X-RateLimit-Remaining\":\"0\",\"X-RateLimit-Reset\":\"1795507290000\"", 90.0),
    ("x-ratelimit-remaining: 0.0\nx-ratelimit-reset: 252\n", 252.0),
    ("x-rate-limit-remaining: -1\nx-rate-limit-reset: 20\n", 20.0),
    ("x-ratelimit-remaining: 0\nx-ratelimit-reset: 2026-11-24T08:01Z\n", 60.0),
    ("RateLimit-Remaining: 0;w=60\nRateLimit-ResetTime: Tue, 24 Nov 2026 08:00:40 GMT\n", 40.0),
    ("fastly-ratelimit-remaining: 0\nfastly-ratelimit-reset: 1795507250\n", 50.0),
    ("x-ms-user-quota-remaining: 0\nx-ms-user-quota-resets-after: 00:00:05\n", 5.0),
    // Where a 429 names one limit and not what is left of it, it is that one.
    ("HTTP/1.1 429 x\nx-rate-limit-reset: 1795507241\n", 41.0),
    // Bodies and logs.
    ("{\"retry-after\":\"53\"}", 53.0),
    ("{\"message\": \"You are being rate limited.\", \"retry_after\": 64.57, \"global\": false}", 64.57),
    ("Body {\n  message: 'You are being rate limited.',\n  retry_after: 0.3,\n  global: false\n}\n", 0.3),
    ("{\"details\":{\"retryAfterSeconds\":1},\"code\":429}", 1.0),
    ("{\"retry_after_ms\":2500}", 2.5),
    ("level=error msg=\"rate limited\" status=429 retry_after=30s", 30.0),
    ("{\"retryAfter\": \"PT1M30S\"}", 90.0),
    ("{\"retryAfter\": \"2026-11-24T08:00:20Z\"}", 20.0),
    ("[violations {\n}\n, retry_delay {\n  seconds: 43\n}\n]\n", 43.0),
    ("[retry_delay {\n  seconds: 58\n  nanos: 900000000\n}\n]\n", 58.9),
    ("RetryInfo: retry_delay:{seconds:43 nanos:500000000}", 43.5),
    ("toomanyrequests: retry-after: 985.86\u{b5}s, allowed: 44000/minute", 0.000_985_86),
    (
        "response status code 429: toomanyrequests: retry-after: 1.16676ms, allowed: 44000/minute",
        0.001_166_76,
    ),
    // Phrases.
    ("Please try again after '372' seconds.", 372.0),
    ("Too many requests from this IP, please try again after 15 minutes", 900.0),
    ("GitHub API rate limit exceeded.\nTry again in 49 minutes 18 seconds, or:\n", 2958.0),
    ("too many crates. Please try again after Tue, 24 Nov 2026 08:01:10 GMT or email", 70.0),
    ("too many certificates. Retry after 2026-11-24T08:01:30Z: see", 90.0),
    ("too many failed authorizations (5), retry after 2026-11-24 08:02:00 UTC: see", 120.0),
    ("The call can be retried in 76 seconds. It exceeds the throttling limit.", 76.0),
    ("or please retry after 25s, resets at Wed Oct 23 2024 23:13:13 GMT+0000", 25.0),
    ("Flood control exceeded. Retry in 35 seconds", 35.0),
    ("[Error : 420 : FLOOD_WAIT_291] from Session", 291.0),
    ("Error: 429 Too Many Requests: retry after 1", 1.0),
    ("A wait of 738 seconds is required", 738.0),
    ("Request was throttled. Expected available in 831.0 seconds.", 831.0),
    ("Take a break for 3 minutes before trying again.", 180.0),
    ("You need to wait **3** minutes before you can work again.", 180.0),
    ("Please wait 42 seconds and try again.", 42.0),
    ("Rate limit exceeded, please wait 1 minute, 15 seconds.", 75.0),
    ("You will be able to try again in 30 seconds", 30.0),
    ("Monthly usage limit reached. Resets in 5 days.", 432_000.0),
    ("request weight used; IP banned until 1795507260000. Please", 60.0),
    ("for security, you can only request this after 54 seconds.", 54.0),
    ("Limit 100000 tokens per day reached. Please try again in 9m38.016s.", 578.016),
    // Lines that were wrapped.
    ("You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 hours 11\nminutes.\n", 511_860.0),
    (
        "tokens per minute (TPM): Limit 12000, Used 4437, Requested 9854. Please try\nagain in 11.455s. Need\n",
        11.455,
    ),
    (
        "too many new crates in a short period of time. Please try again after Tue, 24\nNov 2026 08:10:00 GMT\n",
        600.0,
    ),
    (
        "\u{2502} Number of requests exceeded the limit of '120'. Please try again after '5' \u{2502}\n\u{2502} \
      seconds. \u{2502}\n",
        5.0,
    ),
    (
        "You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 ho\nurs 11 minutes.\n",
        511_860.0,
    ),
    (
        "tokens per minute (TPM): Limit 12000, Used 4437. Please try again in 1\n1.455s. Need more tokens?\n",
        11.455,
    ),
    // Several answers: the last one's.
    ("HTTP/1.1 301 x\nRetry-After: 7\n\nHTTP/1.1 429 x\nRetry-After: 40\n\n", 40.0),
    ("HTTP/1.1 429 x\nRetry-After: 40\n\nHTTP/1.1 429 x\nRetry-After: 5\n\n", 5.0),
    ("HTTP/1.1 202 Accepted\nRetry-After: 10\n\n", 10.0),
    ("HTTP/2 200\n\n{\"ok\":false,\"error\":\"ratelimited\",\"retry_after\":30}\n", 30.0),
];

/// Outputs of failed attempts that ask for nothing, or for nothing that can be understood for certain.
const IGNORED: &[&str] = &[
    // Several answers: the last one asks for nothing.
    "HTTP/1.1 301 x\nRetry-After: 7\n\nHTTP/1.1 503 x\nServer: x\n\n",
    "HTTP/1.1 429 x\nRetry-After: 40\n\nHTTP/1.1 404 x\nServer: x\n\n",
    "HTTP/2 200\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1795507260\n\nHTTP/2 502\n\n",
    "HTTP/2 429\nretry-after: 30\n\nHTTP/2 200\n\nerror: checksum mismatch\n",
    "HTTP/1.1 301 x\nRetry-After: 7\n\ncurl: (7) Failed to connect\n",
    "HTTP/1.1 304 x\nRetry-After: 7\n",
    "try again in 5s\n\"GET / HTTP/1.1\" 502 12\n",
    "insufficient_quota\nHTTP/2 503\n\n",
    // Something is left, or nobody says what is not.
    "HTTP/2 200\nx-ratelimit-remaining: 59\nx-ratelimit-reset: 1795507260\n",
    "HTTP/1.1 429 x\nx-ratelimit-remaining: 4865\nx-ratelimit-reset: 2106\n",
    "HTTP/1.1 429 x\nx-ratelimit-reset-requests: 2m59.56s\nx-ratelimit-reset-tokens: 7.66s\n",
    "RateLimit: limit=100, remaining=3, reset=50\n",
    "Rate limit: 59 remaining, resets in 42 minutes\n",
    "quota: 59 requests remaining, resets at 2026-11-24T08:30:00Z\n",
    // Not sent by a server, or only talked about.
    "> Retry-After: 5\n",
    "=> Send header: Retry-After: 5\n",
    "The Retry-After: 120 header means that",
    "Access-Control-Expose-Headers: Retry-After, X-RateLimit-Reset\n",
    "+ retry --retry-after=both --max-retry-after 5m\n",
    "+ tool --retry-after=5\n",
    "'retry_after' => 90,\n",
    "retry_after: 60\nretries: 3\n",
    "{'max_retries': 3, 'retry_delay': 5}",
    "{\"retryAfter\": 60000}",
    // The tool's own words.
    "[attempt 2] failed, will try again in 10 seconds\n",
    "Attempt 1 failed, try again in 8 seconds\n",
    "Attempting MQTT connection...failed, rc=-2 try again in 5 seconds\n",
    "Rate limit hit. We'll try again in 42 seconds.\n",
    "the request failed, trying again in 3 seconds\n",
    "Too many requests. Trying again in 300 seconds.\n",
    "Got a Retry-After 7s response for attempt 1 to http://127.0.0.1/api\n",
    "Rate limit exceeded. Setting next backoff to 1465.940607s\n",
    "Encountered 429, retrying after 2285000 ms\n",
    "connect: connection refused, retry after 3s\n",
    "Retry after 5s (attempt 2 of 3)\n",
    "Retry 2/5 after 10 seconds\n",
    "retry: Retry in 180s: ConnectionError()\n",
    "[retry] attempt 3/5: rate limited, retry in 8s\n",
    "Warning: Problem: HTTP error. Will retry in 5 seconds. 2 retries left.\n",
    "the job will be retried in 30 seconds\n",
    "Waiting 12 seconds before trying again\n",
    "Will wait 30 seconds before retry\n",
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again; sleeping for 3348s\n",
    "Please wait 5 seconds while the server starts\n",
    // No number, or none that can be right.
    "Please try again later (max 100 per 60 seconds)\n",
    "You've hit your usage limit. Upgrade to Pro, or try again at 2:51 PM.\n",
    "You've hit your limit \u{b7} resets 2am (Australia/Sydney)\n",
    "Please try again in 5-10 minutes\n",
    "Please try again within 5 minutes\n",
    "Please try again after 2026-11-24 09:00:00\n",
    "the request failed after 2 attempts, please try again later\n",
    "valid until 2026-12-24T08:00:00Z\n",
    "Disk quota exceeded\n",
    "pull rate limit: 98 of 100 remaining\n",
    "Your plan allows 1000 requests per day. Error: invalid token\n",
];

#[test]
fn demands_of_all_kinds_are_heard() {
    for (output, seconds) in HEARD {
        let Word::Wait(wait) = listen(output) else { panic!("{output}") };
        assert!((wait.as_secs_f64() - seconds).abs() < 1e-6, "{wait:?} {output}");
    }
}

#[test]
fn what_is_no_demand_is_left_alone() {
    for output in IGNORED {
        assert_eq!(listen(output), Word::Nothing, "{output}");
    }
}

#[test]
fn lines_without_a_sign_do_not_hide_what_is_behind_them() {
    let noise = "compiling module number seventeen of the big project that nobody knows\n".repeat(40);
    for (output, seconds) in HEARD.iter().filter(|(output, _)| !output.ends_with("x\n")) {
        let Word::Wait(wait) = listen(format!("{noise}{output}\n{noise}")) else { panic!("{output}") };
        assert!((wait.as_secs_f64() - seconds).abs() < 1e-6, "{wait:?} {output}");
    }
}

/// Any of the outputs, of the examples, and of what comes between.
fn outputs() -> impl Strategy<Value = Vec<u8>> {
    let heard = HEARD.iter().map(|(output, _)| *output);
    let examples = FORMS.iter().map(|form| form.example);
    let all: Vec<&str> = heard.chain(IGNORED.iter().copied()).chain(examples).collect();
    let between = prop::sample::select(vec![
        "",
        "\n",
        "\r",
        "\n\n",
        " ",
        "\"",
        "{",
        "\u{1b}[31m",
        "will ",
        "\u{2502} ",
    ]);
    let part = (prop::sample::select(all), between, 0..200_usize);
    proptest::collection::vec(part, 1..6).prop_map(|parts| {
        let cut = |(text, between, skip): (&str, &str, usize)| {
            let text = text.as_bytes();
            [&text[(skip / 4).min(text.len()) * usize::from(skip % 3 == 0)..], between.as_bytes()].concat()
        };
        parts.into_iter().flat_map(cut).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_chunks_have_the_same_word(output in outputs(), sizes in proptest::collection::vec(1..90_usize, 1..9)) {
        let whole = listen(&output);
        let mut listener = Listener::new().unwrap();
        let mut rest = &output[..];
        for size in sizes.iter().cycle() {
            let (chunk, later) = rest.split_at((*size).min(rest.len()));
            listener.feed(chunk);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(listener.finish(now()), whole);
    }

    #[test]
    fn no_bytes_lead_to_a_panic(
        output in outputs(), places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        long in prop_oneof![3 => Just(0_usize), 1 => 60_000..140_000_usize],
    ) {
        let mut output = [vec![b'x'; long], output, vec![b'\n']].concat();
        for (at, byte) in places {
            let at = at.index(output.len());
            output[at] = byte;
        }
        let whole = listen(&output);
        let mut listener = Listener::new().unwrap();
        output.chunks(977).for_each(|chunk| listener.feed(chunk));
        prop_assert_eq!(listener.finish(now()), whole);
    }
}

#[test]
fn headers_of_long_lines_are_found_only_at_their_start() {
    let start = format!("Retry-After: 5\n{}", "x".repeat(300_000));
    assert_eq!(listen(start), wait(5.0));
    let middle = format!("{} Retry-After: 5 ", "x".repeat(61_439)).repeat(5);
    assert_eq!(listen(middle), Word::Nothing);
    let text = format!("{} please try again in 1.5s {}", "x".repeat(65_520), "x".repeat(300_000));
    assert_eq!(listen(text), wait(1.5));
}

#[test]
fn the_decision_never_shortens_a_demand() {
    let random = &mut Random::seeded(1);
    let second = Duration::from_secs(1);
    let limit = 120 * second;
    assert_eq!(Word::Nothing.decide(second, limit, random), Decision::Wait(second));
    assert_eq!(Word::Wait(121 * second).decide(second, limit, random), Decision::TooLong(121 * second));
    assert_eq!(Word::Exhausted("x").decide(second, limit, random), Decision::Exhausted("x"));
    for (own, asked, low, high) in [(1, 20, 20, 22), (60, 2, 60, 65), (1, 120, 120, 125), (0, 0, 0, 0)] {
        for _ in 0..100 {
            let decision = Word::Wait(asked * second).decide(own * second, limit, random);
            let Decision::Wait(delay) = decision else { panic!("{decision:?}") };
            assert!((low * second..=high * second).contains(&delay), "{own} {asked}: {delay:?}");
        }
    }
    assert_eq!(delay(Duration::MAX, second, random), Duration::MAX);
}

proptest! {
    #[test]
    fn no_output_leads_to_a_panic_or_an_absurd_wait(
        start in prop::sample::select(vec![
            "Retry-After: ", "retry-after-ms:", "x-ratelimit-remaining: 0\nx-ratelimit-reset: ",
            "try again in ", "\"retryDelay\": \"", "* < ", "",
        ]),
        value in prop_oneof![
            any::<f64>().prop_map(|value| format!("{value:?}")), any::<f64>().prop_map(|v| v.to_string()),
            any::<u64>().prop_map(|value| value.to_string()), "[0-9.]{0,40}", "\\PC{0,20}",
            (any::<u32>(), any::<u32>()).prop_map(|(a, b)| format!("{a}h{b}ms")),
        ],
        end in prop::sample::select(vec!["", "s", "ms", " hours", "\r\n", "m1s\n"]),
        junk in proptest::collection::vec(any::<u8>(), 0..40), size in 1..60_usize,
    ) {
        let output = [start.as_bytes(), value.as_bytes(), end.as_bytes(), &junk].concat();
        let whole = listen(&output);
        let mut listener = Listener::new().unwrap();
        output.chunks(size).for_each(|chunk| listener.feed(chunk));
        prop_assert_eq!(listener.finish(now()), whole);
        if let Word::Wait(wait) = whole {
            prop_assert!(!wait.is_zero() && wait.as_secs_f64() <= ABSURD, "{:?}", wait);
            let delay = delay(Duration::ZERO, wait, &mut Random::seeded(1));
            prop_assert!(delay >= wait && delay <= wait + SHARE_LIMIT);
        }
    }
}
