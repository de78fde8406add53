//! The server's word: how long a failed command was told to wait, read from what it printed. Owns the
//! grammar and the arithmetic of `--retry-after`. The clock and randomness are passed in, and nothing
//! here makes a failure worth another attempt: it only says when, or that waiting will not help.
//!
//! | form | unit | known from |
//! |---|---|---|
//! | `Retry-After: 2`, `: 1.5`, `X-Retry-After:` | seconds, or an HTTP date | HTTP; Docker Hub |
//! | `retry-after-ms:`, `x-ms-retry-after-ms:`, `x-amz-retry-after:` | milliseconds | OpenAI, Azure, AWS |
//! | `x-ratelimit-reset:` with `x-ratelimit-remaining: 0` | seconds or epoch | GitHub |
//! | `try again in 1m30s`, `retry again in`, `please retry in`, or `after` | as written | OpenAI, Gemini |
//! | `"retryDelay": "39s"` | as written | Google APIs |
//!
//! Headers may stand behind the marks of `curl -v` (`< `, `* `) and the spaces of `wget -S`. From 10^9
//! seconds on, a number is a point in time. What is negative, above 10^11 s, or no number is ignored.

use super::duration::Unit;
use super::lines::{Lines, Part, Place};
use super::pattern::{Alphabet, Pattern, PatternError};
use super::random::Random;
use memchr::memmem;
use std::time::{Duration, SystemTime};

/// From here on a number of seconds is an epoch: it would be a wait of 31 years.
const EPOCH: f64 = 1e9;
/// Above this, a number is rubbish: a wait of 3000 years, a date after the year 5000.
const ABSURD: f64 = 1e11;
/// The random part is at most this share of what was asked for, so that clients part...
const SHARE: f64 = 0.1;
/// ...and never longer than this.
const SHARE_LIMIT: Duration = Duration::from_secs(5);

/// A line without any of these asks for nothing. Searched for over whole blocks.
const SIGNS: &str = "(?i)retry|try again|x-ratelimit-re|insufficient_quota|perday|pull rate limit";

/// What the server said, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing that is understood, or a time that has passed.
    Nothing,
    /// To wait so long from now.
    Wait(Duration),
    /// That another attempt soon is pointless, in these words: a quota of the day or a limit of money.
    Exhausted(&'static str),
}

/// What to do before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait so long.
    Wait(Duration),
    /// Stop: so long a wait was asked for, and that is above `--max-retry-after`. A shorter one would be a
    /// failure for certain.
    TooLong(Duration),
    /// Stop: these words say that waiting will not help.
    Exhausted(&'static str),
}

impl Word {
    /// The decision, where the delay would have been `own`.
    pub fn decide(self, own: Duration, limit: Duration, random: &mut Random) -> Decision {
        match self {
            Self::Nothing => Decision::Wait(own),
            Self::Wait(asked) if asked > limit => Decision::TooLong(asked),
            Self::Wait(asked) => Decision::Wait(delay(own, asked, random)),
            Self::Exhausted(words) => Decision::Exhausted(words),
        }
    }
}

/// `max(own, asked) + U(0, min(10 %, 5 s))`: never shorter than what was asked for.
pub fn delay(own: Duration, asked: Duration, random: &mut Random) -> Duration {
    let least = own.max(asked);
    let share = super::random::scale(least, SHARE).min(SHARE_LIMIT);
    least.saturating_add(random.between(Duration::ZERO, share))
}

/// A demand, before the clock is known.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    In(Duration),
    At(SystemTime),
}

impl Asked {
    /// A number of seconds: an epoch if it is too big for a wait, nothing if it is absurd.
    fn seconds(value: f64) -> Option<Self> {
        if !(0.0..=ABSURD).contains(&value) {
            return None;
        }
        let duration = Duration::try_from_secs_f64(value).ok()?;
        if value < EPOCH {
            return Some(Self::In(duration));
        }
        SystemTime::UNIX_EPOCH.checked_add(duration).map(Self::At)
    }

    /// What is left of it, if anything.
    fn left(self, now: SystemTime) -> Option<Duration> {
        let left = match self {
            Self::In(duration) => duration,
            Self::At(time) => time.duration_since(now).ok()?,
        };
        (!left.is_zero()).then_some(left)
    }
}

/// Reads the output of one attempt, both streams or one of them. It holds at most one line.
#[derive(Debug, Clone)]
pub struct Listener {
    signs: Pattern,
    lines: Lines,
    heard: Heard,
}

/// What the lines said so far.
#[derive(Debug, Default, Clone)]
struct Heard {
    /// The last demand.
    asked: Option<Asked>,
    exhausted: Option<&'static str>,
    response: Response,
}

/// What matters of the headers of the response that is being read.
#[derive(Debug, Default, Clone, PartialEq)]
struct Response {
    remaining: Remaining,
    reset: Option<Asked>,
    /// Its own `Retry-After`, which says more than the reset.
    after: Option<Asked>,
}

/// Requests that the server still allows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Remaining {
    #[default]
    Unknown,
    None,
}

impl Listener {
    /// A listener for one attempt.
    ///
    /// # Errors
    /// Never in practice: its own fixed pattern compiles.
    pub fn new() -> Result<Self, PatternError> {
        let signs = Pattern::new(SIGNS, Alphabet::Ascii)?;
        Ok(Self { signs, lines: Lines::default(), heard: Heard::default() })
    }

    /// Reads the next bytes, with any borders.
    pub fn feed(&mut self, chunk: &[u8]) {
        let Self { signs, lines, heard } = self;
        lines.feed(chunk, |part| heard.part(part, signs));
    }

    /// Reads the last line, if it had no end, and says what the server wants: the last demand that was
    /// understood, measured from `now`. Words of exhaustion win over any demand.
    pub fn finish(mut self, now: SystemTime) -> Word {
        let Self { signs, lines, heard } = &mut self;
        lines.finish(|part| heard.part(part, signs));
        match (heard.exhausted, heard.asked.and_then(|asked| asked.left(now))) {
            (Some(words), _) => Word::Exhausted(words),
            (None, Some(wait)) => Word::Wait(wait),
            (None, None) => Word::Nothing,
        }
    }
}

impl Heard {
    fn part(&mut self, part: Part<'_>, signs: &Pattern) {
        // Inside a response every line counts: it may be where the response ends.
        if self.response == Response::default() && !signs.is_match(part) {
            return;
        }
        for line in part.lines() {
            // The middle of a long line is no header.
            if matches!(part, Part::Lines(_) | Part::Window { place: Place::First, .. }) {
                self.header(line);
            }
            self.text(line);
        }
    }

    fn header(&mut self, line: &[u8]) {
        let line = line.trim_ascii_start();
        let marks = line.iter().take_while(|byte| matches!(byte, b'<' | b'*') || byte.is_ascii_whitespace());
        let line = line[marks.count()..].trim_ascii_end();
        // A status line begins a response, an empty line ends its headers.
        if line.is_empty() || line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"http/")) {
            self.response = Response::default();
            return;
        }
        let Some(colon) = memchr::memchr(b':', line) else { return };
        let (name, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii());
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
        if is(&["retry-after", "x-retry-after"]) {
            self.after(number(value).and_then(Asked::seconds).or_else(|| date(value)));
        } else if is(&["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"]) {
            self.after(number(value).and_then(|ms| Asked::seconds(ms / 1000.0)));
        } else if is(&["x-ratelimit-remaining"]) {
            let none = number(value) == Some(0.0);
            self.response.remaining = if none { Remaining::None } else { Remaining::Unknown };
            self.reset();
        } else if is(&["x-ratelimit-reset"]) {
            self.response.reset = number(value).and_then(Asked::seconds);
            self.reset();
        }
    }

    fn after(&mut self, asked: Option<Asked>) {
        if asked.is_some() {
            self.response.after = asked;
            self.asked = asked;
        }
    }

    /// The time of the reset is a demand only when nothing is left until then.
    fn reset(&mut self) {
        let Response { remaining, reset, after } = &self.response;
        if *remaining == Remaining::None && after.is_none() && reset.is_some() {
            self.asked = *reset;
        }
    }

    fn text(&mut self, line: &[u8]) {
        let line = line.to_ascii_lowercase();
        let has = |needle: &str| memmem::find(&line, needle.as_bytes()).is_some();
        if has("insufficient_quota") {
            self.exhausted = Some("insufficient_quota");
        } else if has("quotaid") && has("perday") {
            self.exhausted = Some("a quota of the day");
        } else if has("pull rate limit") {
            self.exhausted = Some("pull rate limit");
        }
        let phrases = ["try again ", "retry again ", "please retry ", "retrydelay"];
        let ends = phrases.iter().flat_map(|phrase| {
            memmem::find_iter(&line, phrase.as_bytes()).map(move |start| (start + phrase.len(), *phrase))
        });
        let demands = ends.filter_map(|(end, phrase)| Some((end, written(phrase, &line[end..])?)));
        if let Some((_, asked)) = demands.max_by_key(|(end, _)| *end) {
            self.asked = Some(asked);
        }
    }
}

/// What is written behind a phrase: `in 20s`, `after 1m30s`, and for the JSON of Google `": "39s"`, also
/// with its quotes escaped.
fn written(phrase: &str, rest: &[u8]) -> Option<Asked> {
    let rest = if phrase == "retrydelay" {
        let marks = rest.iter().take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b':' | b' '));
        &rest[marks.count()..]
    } else {
        rest.strip_prefix(b"in ").or_else(|| rest.strip_prefix(b"after "))?.trim_ascii_start()
    };
    Asked::seconds(amounts(rest)?)
}

/// One or more numbers with units, `1m30.5s` or `2 minutes`, in seconds. The text behind them is free.
fn amounts(mut text: &[u8]) -> Option<f64> {
    let mut sum = None;
    loop {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let Some(value) = number(&text[..digits]) else { return sum };
        let behind = text[digits..].trim_ascii_start();
        let letters = behind.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let Some(unit) = str::from_utf8(&behind[..letters]).ok().and_then(Unit::named) else { return sum };
        sum = Some(sum.unwrap_or(0.0) + value * unit.nanos() as f64 / 1e9);
        text = behind[letters..].trim_ascii_start();
    }
}

/// Digits with at most one point: no sign, no exponent, no `inf`.
fn number(text: &[u8]) -> Option<f64> {
    let plain = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let begins = text.first().is_some_and(u8::is_ascii_digit);
    if plain && begins { str::from_utf8(text).ok()?.parse().ok() } else { None }
}

fn date(text: &[u8]) -> Option<Asked> {
    httpdate::parse_http_date(str::from_utf8(text).ok()?).ok().map(Asked::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
            ("Try again in 1 day 2h.", 93_600.0),
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
            "x-ratelimit-remaining: 0\nHTTP/1.1 429\nx-ratelimit-reset: 1795507260",
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
            (
                "\"quotaId\": \"RequestsPerDayPerProject-FreeTier\"\n\"retryDelay\": \"9s\"",
                "a quota of the day",
            ),
            ("toomanyrequests: You have reached your pull rate limit.", "pull rate limit"),
        ] {
            assert_eq!(listen(output), Word::Exhausted(words), "{output}");
        }
        assert_eq!(listen("maxRequestsPerDay = 5\nRetry-After: 1"), wait(1.0));
        assert_eq!(listen("\"quotaId\": \"RequestsPerMinute\"\n\"retryDelay\": \"9s\""), wait(9.0));
    }

    #[test]
    fn headers_of_long_lines_are_found_only_at_their_start() {
        let start = format!("Retry-After: 5\n{}", "x".repeat(300_000));
        assert_eq!(listen(start), wait(5.0));
        let middle = format!("{} Retry-After: 5 ", "x".repeat(61_439)).repeat(5);
        assert_eq!(listen(middle), Word::Nothing);
        let text = format!("{} try again in 1.5s {}", "x".repeat(65_520), "x".repeat(300_000));
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
}
