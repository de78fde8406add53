//! Outputs with a demand, by kind, and outputs without one. The examples of the table are tests as well.

use super::amount::MAX_SECONDS;
use super::forms::{Expected, FORMS};
use super::test_outputs::{DEMANDS_OF_TOOLS, NO_DEMANDS};
use super::*;
use proptest::prelude::*;
use retry_loop::server_hint::ServerHint;
use std::time::{Duration, SystemTime};

/// Tue, 24 Nov 2026 08:00:00 GMT.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_507_200)
}

fn hint_of(output: impl AsRef<[u8]>) -> ServerHint {
    let mut hint_parser = HintParser::new().unwrap();
    hint_parser.feed(output.as_ref());
    hint_parser.finish(now())
}

fn wait(seconds: f64) -> ServerHint {
    ServerHint::Wait(Duration::from_secs_f64(seconds))
}

#[test]
fn the_example_of_each_form_is_understood() {
    for form in FORMS {
        match form.expected {
            Expected::Seconds(seconds) => assert_eq!(hint_of(form.example), wait(seconds), "{form:?}"),
            Expected::Exhausted => {
                assert!(matches!(hint_of(form.example), ServerHint::QuotaExhausted(_)), "{form:?}");
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
        assert_eq!(hint_of(output), wait(seconds), "{output:?}");
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
        assert_eq!(hint_of(output), ServerHint::None, "{output:?}");
    }
    let digits = format!("Retry-After: {}", "9".repeat(400));
    assert_eq!(hint_of(digits), ServerHint::None);
}

#[test]
fn the_last_demand_counts_and_rubbish_does_not_replace_it() {
    assert_eq!(hint_of("Retry-After: 9\nRetry-After: 3\n"), wait(3.0));
    assert_eq!(hint_of("Retry-After: 9\ntry again in 1s\n"), wait(1.0));
    assert_eq!(hint_of("try again in 1s, no: try again in 2s"), wait(2.0));
    assert_eq!(hint_of("try again in 1s, or please retry in a while"), wait(1.0));
    assert_eq!(hint_of("Retry-After: 9\nRetry-After: soon\n"), wait(9.0));
    // Of one response the Retry-After counts; of two responses the later one.
    let limit = "x-ratelimit-remaining: 0\nx-ratelimit-reset: 60\n";
    assert_eq!(hint_of(format!("Retry-After: 9\n{limit}")), wait(9.0));
    assert_eq!(hint_of(format!("{limit}Retry-After: 9\n")), wait(9.0));
    assert_eq!(hint_of(format!("Retry-After: 9\nHTTP/2 429\n{limit}")), wait(60.0));
}

#[test]
fn an_exhausted_quota_beats_a_demand() {
    for (output, words) in [
        ("{\"code\": \"insufficient_quota\"}\ntry again in 1s", "insufficient_quota"),
        ("\"quotaId\": \"RequestsPerDayPerProject-FreeTier\"\n\"retryDelay\": \"9s\"", "daily quota"),
        ("toomanyrequests: You have reached your pull rate limit.", "pull rate limit"),
    ] {
        assert_eq!(hint_of(output), ServerHint::QuotaExhausted(words), "{output}");
    }
    assert_eq!(hint_of("maxRequestsPerDay = 5\nRetry-After: 1"), wait(1.0));
    assert_eq!(hint_of("\"quotaId\": \"RequestsPerMinute\"\n\"retryDelay\": \"9s\""), wait(9.0));
}

#[test]
fn demands_of_all_kinds_are_parsed() {
    for (output, seconds) in DEMANDS_OF_TOOLS {
        let ServerHint::Wait(wait) = hint_of(output) else { panic!("{output}") };
        assert!((wait.as_secs_f64() - seconds).abs() < 1e-6, "{wait:?} {output}");
    }
}

#[test]
fn outputs_without_a_demand_give_no_hint() {
    for output in NO_DEMANDS {
        assert_eq!(hint_of(output), ServerHint::None, "{output}");
    }
}

#[test]
fn lines_without_a_marker_do_not_hide_later_ones() {
    let noise = "compiling module number seventeen of the big project that nobody knows\n".repeat(40);
    for (output, seconds) in DEMANDS_OF_TOOLS.iter().filter(|(output, _)| !output.ends_with("x\n")) {
        let ServerHint::Wait(wait) = hint_of(format!("{noise}{output}\n{noise}")) else { panic!("{output}") };
        assert!((wait.as_secs_f64() - seconds).abs() < 1e-6, "{wait:?} {output}");
    }
}

/// Any of the outputs, of the examples, and of what comes between.
fn outputs() -> impl Strategy<Value = Vec<u8>> {
    let responses = DEMANDS_OF_TOOLS.iter().map(|(output, _)| *output);
    let examples = FORMS.iter().map(|form| form.example);
    let all: Vec<&str> = responses.chain(NO_DEMANDS.iter().copied()).chain(examples).collect();
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
    fn chunks_do_not_change_the_hint(output in outputs(), sizes in proptest::collection::vec(1..90_usize, 1..9)) {
        let whole = hint_of(&output);
        let mut hint_parser = HintParser::new().unwrap();
        let mut rest = &output[..];
        for size in sizes.iter().cycle() {
            let (chunk, later) = rest.split_at((*size).min(rest.len()));
            hint_parser.feed(chunk);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(hint_parser.finish(now()), whole);
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
        let whole = hint_of(&output);
        let mut hint_parser = HintParser::new().unwrap();
        output.chunks(977).for_each(|chunk| hint_parser.feed(chunk));
        prop_assert_eq!(hint_parser.finish(now()), whole);
    }
}

#[test]
fn headers_of_long_lines_are_found_only_at_their_start() {
    let start = format!("Retry-After: 5\n{}", "x".repeat(300_000));
    assert_eq!(hint_of(start), wait(5.0));
    let middle = format!("{} Retry-After: 5 ", "x".repeat(61_439)).repeat(5);
    assert_eq!(hint_of(middle), ServerHint::None);
    let text = format!("{} please try again in 1.5s {}", "x".repeat(65_520), "x".repeat(300_000));
    assert_eq!(hint_of(text), wait(1.5));
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
        let whole = hint_of(&output);
        let mut hint_parser = HintParser::new().unwrap();
        output.chunks(size).for_each(|chunk| hint_parser.feed(chunk));
        prop_assert_eq!(hint_parser.finish(now()), whole);
        if let ServerHint::Wait(wait) = whole {
            prop_assert!(!wait.is_zero() && wait.as_secs_f64() <= MAX_SECONDS, "{:?}", wait);
        }
    }
}
