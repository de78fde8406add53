//! Rules about what a command prints: `--retry-on-output`, `--stop-on-output`, `--success-on-output`,
//! `--require-output`, and the words of presets. Owns the rules and what was seen of them; the verdict is
//! [`super::rules`]'s, and moving bytes is not its business: it only looks at them.
//!
//! Each pattern is searched for on its own, over whole blocks, until it is found. In benches/scan.rs four
//! literals as one pattern are faster than one by one (about 5 against 3 GB/s), but one by one is fast
//! enough, tells which rule it was, lets each pattern keep its own fastest search (8 GB/s and more for a
//! single literal), and what was found costs nothing more. The hundreds of words of a preset would pass at
//! 0.2 GB/s and take milliseconds to compile. So of a stream with a preset only the end is kept (25 GB/s), and the
//! preset looks at it when the command has failed. Colours are taken out first: [`super::clean`].

use super::clean::Cleaner;
use super::lines::{Lines, Part};
use super::pattern::{Alphabet, Pattern, PatternError};
use super::preset::Preset;
use super::tail::Tail;
use std::sync::Arc;

/// One of the two streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where the cursor of our terminal is after an attempt, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// At the start of a line, or there is no terminal.
    AtStart,
    /// Behind the last byte of a line that has not ended.
    InLine,
    /// Wherever the command has left it, which has the terminal itself.
    Unknown,
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// On standard output.
    Stdout,
    /// On standard error.
    Stderr,
    /// On both.
    Either,
}

impl Side {
    /// Whether a rule of this side looks at `stream`.
    pub fn includes(self, stream: Stream) -> bool {
        match self {
            Self::Stdout => stream == Stream::Stdout,
            Self::Stderr => stream == Stream::Stderr,
            Self::Either => true,
        }
    }
}

/// What a match of a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The failure is worth another attempt.
    Retry,
    /// The failure is final.
    Stop,
    /// The attempt is good.
    Success,
    /// The attempt can only be good with it.
    Require,
}

impl Meaning {
    /// The flag that gives a rule this meaning.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Retry => "--retry-on-output",
            Self::Stop => "--stop-on-output",
            Self::Success => "--success-on-output",
            Self::Require => "--require-output",
        }
    }
}

/// One rule of the command line.
#[derive(Debug, Clone)]
pub struct Rule {
    text: String,
    meaning: Meaning,
    side: Side,
    pattern: Pattern,
}

impl Rule {
    /// Reads `RE`, `stdout:RE` or `stderr:RE`. To look for such a word itself, write `[s]tdout:`.
    ///
    /// # Errors
    /// The pattern cannot be used.
    pub fn parse(meaning: Meaning, text: &str) -> Result<Self, PatternError> {
        let (side, pattern) = match text.split_once(':') {
            Some(("stdout", pattern)) => (Side::Stdout, pattern),
            Some(("stderr", pattern)) => (Side::Stderr, pattern),
            _ => (Side::Either, text),
        };
        let pattern = Pattern::new(pattern, Alphabet::Unicode)?;
        Ok(Self { text: text.to_owned(), meaning, side, pattern })
    }

    /// What a match means.
    pub fn meaning(&self) -> Meaning {
        self.meaning
    }
}

/// As typed, for messages: `--stop-on-output stderr:denied`.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.meaning.flag(), self.text)
    }
}

/// Everything that is looked for in the streams of one command.
#[derive(Debug, Clone, Default)]
pub struct Watchlist {
    rules: Vec<Rule>,
    presets: Vec<Arc<Preset>>,
}

impl Watchlist {
    /// The rules, and what the presets that the sets name look for.
    pub fn new(rules: Vec<Rule>, presets: impl IntoIterator<Item = Arc<Preset>>) -> Self {
        Self { rules, presets: presets.into_iter().collect() }
    }

    /// The rules, in the order of the command line.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether `stream` has to be watched at all. If not, it can be inherited.
    pub fn watches(&self, stream: Stream) -> bool {
        self.sides().any(|side| side.includes(stream))
    }

    /// Whether something looks at only one of the two streams.
    pub fn tells_streams_apart(&self) -> bool {
        self.sides().any(|side| side != Side::Either)
    }

    fn sides(&self) -> impl Iterator<Item = Side> {
        self.rules.iter().map(|rule| rule.side).chain(self.presets.iter().flat_map(|preset| preset.sides()))
    }

    /// The first rule of this meaning that matched.
    pub fn matched(&self, meaning: Meaning, seen: &Seen) -> Option<&Rule> {
        self.of(meaning).find(|(index, _)| seen.found.contains(index)).map(|(_, rule)| rule)
    }

    /// The first `--require-output` that did not match.
    pub fn missing(&self, seen: &Seen) -> Option<&Rule> {
        self.of(Meaning::Require).find(|(index, _)| !seen.found.contains(index)).map(|(_, rule)| rule)
    }

    fn of(&self, meaning: Meaning) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(move |(_, rule)| rule.meaning == meaning)
    }
}

/// What the streams of one attempt have matched so far, which of them had any text, and how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The rules, by their places in the [`Watchlist`].
    found: Vec<usize>,
    spoke: Vec<Stream>,
    /// For presets only.
    ends: Vec<(Stream, Tail)>,
}

impl Seen {
    /// Whether a line at the end of these streams matches one of the patterns.
    pub fn ends_with_a_line(&self, side: Side, patterns: &[Pattern]) -> bool {
        let ends = self.ends.iter().filter(|(stream, _)| side.includes(*stream));
        ends.into_iter().any(|(_, tail)| {
            let (mut cleaner, mut lines, mut found) = (Cleaner::default(), Lines::default(), false);
            let mut look = |part: Part<'_>| found |= patterns.iter().any(|pattern| pattern.is_match(part));
            for piece in tail.pieces() {
                lines.feed(cleaner.text(piece), &mut look);
            }
            lines.finish(&mut look);
            found
        })
    }

    /// Whether anything was printed there, as far as it was watched.
    pub fn has_anything_on(&self, side: Side) -> bool {
        self.spoke.iter().any(|stream| side.includes(*stream))
    }

    /// Adds what another stream of the same attempt has matched.
    pub fn add(&mut self, other: Self) {
        for rule in other.found {
            if !self.found.contains(&rule) {
                self.found.push(rule);
            }
        }
        for stream in other.spoke {
            if !self.spoke.contains(&stream) {
                self.spoke.push(stream);
            }
        }
        self.ends.extend(other.ends);
    }
}

/// Looks at one stream of one attempt: for the rules of the command line at all of it, as it comes; for presets it
/// keeps the end. It holds at most one line of [`super::lines::MAX_LINE`] bytes and the end of
/// [`super::tail::LIMIT`].
#[derive(Debug)]
pub struct Watcher {
    stream: Stream,
    cleaner: Cleaner,
    lines: Lines,
    sought: Vec<(usize, Pattern)>,
    end: Option<Tail>,
    seen: Seen,
}

impl Watcher {
    /// A watcher for what the list looks for in `stream`.
    pub fn new(list: &Watchlist, stream: Stream) -> Self {
        let rules = list.rules.iter().enumerate().filter(|(_, rule)| rule.side.includes(stream));
        let sought = rules.map(|(index, rule)| (index, rule.pattern.clone())).collect();
        let mut sides = list.presets.iter().flat_map(|preset| preset.sides());
        let end = sides.any(|side| side.includes(stream)).then(Tail::default);
        let (cleaner, lines) = (Cleaner::default(), Lines::default());
        Self { stream, cleaner, lines, sought, end, seen: Seen::default() }
    }

    /// How large the patterns are in all that are still looked for, as [`Pattern::size`].
    pub fn size(&self) -> usize {
        self.sought.iter().map(|(_, pattern)| pattern.size()).sum()
    }

    /// Looks at the next bytes of the stream, with any borders.
    pub fn feed(&mut self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let Self { stream, cleaner, lines, sought, end, seen } = self;
        if seen.spoke.is_empty() {
            seen.spoke.push(*stream);
        }
        if let Some(end) = end {
            end.push(chunk);
        }
        // Once everything is found, nothing is looked at any more.
        if !sought.is_empty() {
            lines.feed(cleaner.text(chunk), |part| look(sought, part, seen));
        }
    }

    /// What was found up to now; a line that has not ended is not looked at.
    pub fn seen_so_far(self) -> Seen {
        self.seen
    }

    /// Looks at the last line, if it had no end, and says what was found.
    pub fn finish(self) -> Seen {
        let Self { stream, mut lines, mut sought, end, mut seen, .. } = self;
        lines.finish(|part| look(&mut sought, part, &mut seen));
        seen.ends.extend(end.map(|end| (stream, end)));
        seen
    }
}

/// Takes what the part matches out of what is sought.
fn look(sought: &mut Vec<(usize, Pattern)>, part: Part<'_>, seen: &mut Seen) {
    sought.retain(|(rule, pattern)| {
        let found = pattern.is_match(part);
        if found {
            seen.found.push(*rule);
        }
        !found
    });
}

#[cfg(test)]
mod tests {
    use super::super::lines::MAX_LINE;
    use super::super::outcome::Outcome;
    use super::super::preset::{self, Codes, Then};
    use super::*;
    use proptest::prelude::*;

    fn list(rules: &[(Meaning, &str)]) -> Watchlist {
        let rules = rules.iter().map(|(meaning, text)| Rule::parse(*meaning, text).unwrap()).collect();
        Watchlist::new(rules, [])
    }

    fn watch(list: &Watchlist, stream: Stream, chunks: &[&[u8]]) -> Seen {
        let mut watcher = Watcher::new(list, stream);
        for chunk in chunks {
            watcher.feed(chunk);
        }
        watcher.finish()
    }

    #[test]
    fn a_rule_looks_where_it_is_told_to_and_is_named_as_typed() {
        let list = list(&[
            (Meaning::Stop, "stderr:denied"),
            (Meaning::Stop, "no such"),
            (Meaning::Retry, "stdout:busy: .*"),
        ]);
        let text = |meaning, seen: &Seen| list.matched(meaning, seen).map(ToString::to_string);
        let stdout = watch(&list, Stream::Stdout, &[b"denied\nbus", b"y: now\n"]);
        assert_eq!(text(Meaning::Stop, &stdout), None);
        assert_eq!(text(Meaning::Retry, &stdout).as_deref(), Some("--retry-on-output stdout:busy: .*"));
        let stderr = watch(&list, Stream::Stderr, &[b"no such file\ndenied\nbusy: now"]);
        assert_eq!(text(Meaning::Stop, &stderr).as_deref(), Some("--stop-on-output stderr:denied"));
        assert_eq!(text(Meaning::Retry, &stderr), None);
        let mut both = stdout;
        both.add(stderr.clone());
        both.add(stderr);
        assert_eq!(both.found.len(), 3);
        assert!(text(Meaning::Stop, &both).is_some() && text(Meaning::Retry, &both).is_some());
    }

    #[test]
    fn every_required_output_must_come() {
        let list =
            list(&[(Meaning::Require, "one"), (Meaning::Require, "stdout:two"), (Meaning::Success, "x")]);
        let missing = |seen: &Seen| list.missing(seen).map(ToString::to_string);
        assert_eq!(missing(&Seen::default()).as_deref(), Some("--require-output one"));
        let mut seen = watch(&list, Stream::Stderr, &[b"one two"]);
        assert_eq!(missing(&seen).as_deref(), Some("--require-output stdout:two"));
        seen.add(watch(&list, Stream::Stdout, &[b"two"]));
        assert_eq!(missing(&seen), None);
    }

    #[test]
    fn a_colon_is_only_a_prefix_after_the_name_of_a_stream() {
        for (text, side) in [
            ("stdout:x", Side::Stdout),
            ("stderr:stdout:x", Side::Stderr),
            ("error: x", Side::Either),
            ("(?i)stdout:x", Side::Either),
            ("[s]tdout:x", Side::Either),
        ] {
            assert_eq!(Rule::parse(Meaning::Retry, text).unwrap().side, side, "{text}");
        }
        assert!(Rule::parse(Meaning::Retry, "stderr:(").is_err());
    }

    #[test]
    fn a_stream_is_watched_only_where_a_rule_or_a_preset_looks() {
        let nothing = Watchlist::default();
        assert!(!nothing.watches(Stream::Stdout) && !nothing.watches(Stream::Stderr));
        let rule = list(&[(Meaning::Retry, "stdout:x")]);
        assert!(rule.watches(Stream::Stdout) && !rule.watches(Stream::Stderr));
        let preset = |pattern: Option<&str>| {
            let pattern = pattern.map(str::to_owned);
            let rule = preset::Rule { then: Then::Retry, codes: Codes::Nonzero, side: Side::Stderr, pattern };
            Arc::new(Preset::new("tool".to_owned(), vec![rule], None))
        };
        let curl = Watchlist::new(Vec::new(), [preset(Some("x"))]);
        assert!(!curl.watches(Stream::Stdout) && curl.watches(Stream::Stderr));
        assert!(!Watchlist::new(Vec::new(), [preset(None)]).watches(Stream::Stderr));
    }

    #[test]
    fn patterns_see_text_without_colours_and_lines_of_a_progress_bar() {
        let list = list(&[(Meaning::Retry, "^ERROR: busy$"), (Meaning::Stop, "^10%$")]);
        let seen =
            watch(&list, Stream::Stderr, &[b"\x1b[1m\x1b[31mERR", b"OR\x1b[0m: busy\x1b[", b"0m\n5%\r10%\r"]);
        assert!(
            list.matched(Meaning::Retry, &seen).is_some() && list.matched(Meaning::Stop, &seen).is_some()
        );
    }

    #[test]
    fn after_the_last_match_nothing_is_held() {
        let list = list(&[(Meaning::Retry, "x")]);
        let mut watcher = Watcher::new(&list, Stream::Stdout);
        watcher.feed(b"x\n");
        watcher.feed(&vec![b'y'; 2 * MAX_LINE]);
        assert!(watcher.sought.is_empty());
        let seen = Seen { found: vec![0], spoke: vec![Stream::Stdout], ends: Vec::new() };
        assert_eq!(watcher.finish(), seen);
    }

    #[test]
    fn presets_look_at_the_end_of_a_stream_and_rules_at_all_of_it() {
        let rule = preset::Rule {
            then: Then::Retry,
            codes: Codes::Nonzero,
            side: Side::Either,
            pattern: Some("^busy\\b".to_owned()),
        };
        let preset = Arc::new(Preset::new("tool".to_owned(), vec![rule], None));
        let rules = vec![Rule::parse(Meaning::Retry, "^busy").unwrap()];
        let list = Watchlist::new(rules, [Arc::clone(&preset)]);
        let padding = b"some line or other\n".repeat(2 * super::super::tail::LIMIT / 19);
        let early = watch(&list, Stream::Stdout, &[b"busy 1\n", &padding, b"x busy"]);
        assert!(
            list.matched(Meaning::Retry, &early).is_some() && !preset.matches(&Outcome::Exited(1), &early)
        );
        let late = watch(&list, Stream::Stdout, &[&padding, b"\x1b[31mbu", b"sy\x1b[0m 1"]);
        assert!(list.matched(Meaning::Retry, &late).is_some() && preset.matches(&Outcome::Exited(1), &late));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn borders_of_chunks_change_nothing(
            junk in proptest::collection::vec(any::<u8>(), 0..600),
            lines in proptest::collection::vec("[ab\u{e9}\r\0 ]{0,12}", 0..40),
            long in prop_oneof![4 => Just(0), 1 => MAX_LINE..3 * MAX_LINE],
            cuts in proptest::collection::vec(1..50_usize, 1..20),
        ) {
            let rules = ["^ab", "b$", r"a\s*b$", r"(?-u)\x00.", "\u{e9}{2}", r"(?-u)[\x80-\xff]{3}", "^.{20,}$"];
            let list = list(&rules.map(|rule| (Meaning::Retry, rule)));
            let input = [&junk[..], lines.join("\n").as_bytes(), &vec![b'a'; long], &junk[..]].concat();
            let whole = watch(&list, Stream::Stdout, &[&input]);
            let mut watcher = Watcher::new(&list, Stream::Stdout);
            let mut rest = &input[..];
            for cut in cuts.iter().cycle() {
                let (chunk, later) = rest.split_at(rest.len().min(*cut * if long > 0 { 997 } else { 1 }));
                watcher.feed(chunk);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let pieces = watcher.finish();
            // The order is that of finding, which depends on the chunks; what was found does not.
            for (index, rule) in rules.iter().enumerate() {
                prop_assert_eq!(whole.found.contains(&index), pieces.found.contains(&index), "{}", rule);
            }
        }
    }
}
