//! The search for patterns in what a command prints: those of `--retry-on-output` and its kin as it comes, those of
//! presets at the end. Owns the search and its result. The verdict is made in [`super::rules`], and the bytes are
//! moved in `streams`.
//!
//! Each pattern is searched for on its own, over whole blocks, until it is found. In benches/scan.rs four
//! literals as one pattern are faster than one by one (about 5 against 3 GB/s), but one by one is fast
//! enough, tells which rule matched, lets each pattern keep its own fastest search (8 GB/s and more for a
//! single literal), and a pattern that was found costs nothing more. The hundreds of patterns of a preset would
//! pass at 0.2 GB/s and take milliseconds to compile. So only the end of a stream is kept for a preset (25 GB/s),
//! and the preset looks at it when the command has failed. Colours are taken out first: [`super::clean`].

use super::clean::Cleaner;
use super::lines::{Lines, Part};
use super::pattern::{Alphabet, Pattern, PatternError};
use super::stream::{Side, Stream};
use super::tail::Tail;
use super::verdict::RuleId;

/// A pattern that is looked for in the output: a value of `--retry-on-output` and its kin.
#[derive(Debug, Clone)]
pub struct OutputPattern {
    side: Side,
    pattern: Pattern,
}

impl OutputPattern {
    /// Parses `RE`, `stdout:RE` or `stderr:RE`. To search for such a prefix itself, write `[s]tdout:`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (side, pattern) = match text.split_once(':') {
            Some(("stdout", pattern)) => (Side::Stdout, pattern),
            Some(("stderr", pattern)) => (Side::Stderr, pattern),
            _ => (Side::Both, text),
        };
        Ok(Self { side, pattern: Pattern::new(pattern, Alphabet::Unicode)? })
    }
}

/// What is looked for in the streams of one command.
#[derive(Debug, Clone, Default)]
pub struct Watchlist {
    patterns: Vec<(RuleId, OutputPattern)>,
    /// The streams whose end is kept, because a preset looks at it.
    ends: Vec<Side>,
}

impl Watchlist {
    /// The patterns with their rules, and the streams whose end is kept for presets.
    pub fn new(
        patterns: impl IntoIterator<Item = (RuleId, OutputPattern)>,
        ends: impl IntoIterator<Item = Side>,
    ) -> Self {
        Self { patterns: patterns.into_iter().collect(), ends: ends.into_iter().collect() }
    }

    /// Whether `stream` has to be watched. If not, the command can inherit it.
    pub fn watches(&self, stream: Stream) -> bool {
        self.sides().any(|side| side.includes(stream))
    }

    /// Whether something looks at only one of the two streams.
    pub fn tells_streams_apart(&self) -> bool {
        self.sides().any(|side| side != Side::Both)
    }

    fn sides(&self) -> impl Iterator<Item = Side> {
        self.patterns.iter().map(|(_, output)| output.side).chain(self.ends.iter().copied())
    }
}

/// What was found in the streams of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The rules whose patterns matched.
    matched: Vec<RuleId>,
    /// The streams that had any output.
    active: Vec<Stream>,
    /// The ends of the streams, for presets only.
    ends: Vec<(Stream, Tail)>,
}

impl Seen {
    /// Whether the pattern of this rule matched.
    pub fn contains(&self, rule: RuleId) -> bool {
        self.matched.contains(&rule)
    }

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

    /// Whether anything was printed on these streams, as far as they were watched.
    pub fn has_anything_on(&self, side: Side) -> bool {
        self.active.iter().any(|stream| side.includes(*stream))
    }

    /// Adds what was found in another stream of the same attempt.
    pub fn add(&mut self, other: Self) {
        for rule in other.matched {
            if !self.matched.contains(&rule) {
                self.matched.push(rule);
            }
        }
        for stream in other.active {
            if !self.active.contains(&stream) {
                self.active.push(stream);
            }
        }
        self.ends.extend(other.ends);
    }
}

/// Watches one stream of one attempt: it searches all of it for the patterns of rules as it comes, and keeps the end
/// for presets. It holds at most one line of [`super::lines::MAX_LINE`] bytes and the end of
/// [`super::tail::LIMIT`].
#[derive(Debug)]
pub struct Watcher {
    stream: Stream,
    cleaner: Cleaner,
    lines: Lines,
    /// The patterns that have not been found yet.
    pending: Vec<(RuleId, Pattern)>,
    end: Option<Tail>,
    seen: Seen,
}

impl Watcher {
    /// A watcher for what the list looks for in `stream`.
    pub fn new(list: &Watchlist, stream: Stream) -> Self {
        let patterns = list.patterns.iter().filter(|(_, output)| output.side.includes(stream));
        let pending = patterns.map(|(rule, output)| (*rule, output.pattern.clone())).collect();
        let end = list.ends.iter().any(|side| side.includes(stream)).then(Tail::default);
        let (cleaner, lines) = (Cleaner::default(), Lines::default());
        Self { stream, cleaner, lines, pending, end, seen: Seen::default() }
    }

    /// The total size of the patterns that have not been found yet, as [`Pattern::size`].
    pub fn size(&self) -> usize {
        self.pending.iter().map(|(_, pattern)| pattern.size()).sum()
    }

    /// Searches the next bytes of the stream. They may end anywhere.
    pub fn feed(&mut self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let Self { stream, cleaner, lines, pending, end, seen } = self;
        if seen.active.is_empty() {
            seen.active.push(*stream);
        }
        if let Some(end) = end {
            end.push(chunk);
        }
        // Once every pattern is found, nothing is searched any more.
        if !pending.is_empty() {
            lines.feed(cleaner.text(chunk), |part| search(pending, part, seen));
        }
    }

    /// What was found up to now, without the unfinished last line.
    pub fn seen_so_far(self) -> Seen {
        self.seen
    }

    /// What was found in the whole stream, including an unfinished last line.
    pub fn finish(self) -> Seen {
        let Self { stream, mut lines, mut pending, end, mut seen, .. } = self;
        lines.finish(|part| search(&mut pending, part, &mut seen));
        seen.ends.extend(end.map(|end| (stream, end)));
        seen
    }
}

/// Moves the patterns that match the part from `pending` to `seen`.
fn search(pending: &mut Vec<(RuleId, Pattern)>, part: Part<'_>, seen: &mut Seen) {
    pending.retain(|(rule, pattern)| {
        let is_match = pattern.is_match(part);
        if is_match {
            seen.matched.push(*rule);
        }
        !is_match
    });
}

#[cfg(test)]
mod tests {
    use super::super::lines::MAX_LINE;
    use super::super::pattern::Alphabet;
    use super::*;
    use proptest::prelude::*;

    /// A list of these patterns, whose rules are numbered from 0.
    fn list(texts: &[&str]) -> Watchlist {
        let patterns = texts.iter().map(|text| OutputPattern::parse(text).unwrap());
        Watchlist::new(patterns.enumerate().map(|(index, pattern)| (RuleId(index), pattern)), [])
    }

    fn watch(list: &Watchlist, stream: Stream, chunks: &[&[u8]]) -> Seen {
        let mut watcher = Watcher::new(list, stream);
        for chunk in chunks {
            watcher.feed(chunk);
        }
        watcher.finish()
    }

    /// The numbers of the rules that matched.
    fn matched(seen: &Seen) -> Vec<usize> {
        let mut matched: Vec<usize> = seen.matched.iter().map(|rule| rule.0).collect();
        matched.sort_unstable();
        matched
    }

    #[test]
    fn a_pattern_is_searched_for_on_its_stream() {
        let list = list(&["stderr:denied", "no such", "stdout:busy: .*"]);
        let stdout = watch(&list, Stream::Stdout, &[b"denied\nbus", b"y: now\n"]);
        assert_eq!(matched(&stdout), [2]);
        let stderr = watch(&list, Stream::Stderr, &[b"no such file\ndenied\nbusy: now"]);
        assert_eq!(matched(&stderr), [0, 1]);
        let mut both = stdout;
        both.add(stderr.clone());
        both.add(stderr);
        assert_eq!(matched(&both), [0, 1, 2]);
    }

    #[test]
    fn a_colon_is_only_a_prefix_after_the_name_of_a_stream() {
        for (text, side) in [
            ("stdout:x", Side::Stdout),
            ("stderr:stdout:x", Side::Stderr),
            ("error: x", Side::Both),
            ("(?i)stdout:x", Side::Both),
            ("[s]tdout:x", Side::Both),
        ] {
            assert_eq!(OutputPattern::parse(text).unwrap().side, side, "{text}");
        }
        assert!(OutputPattern::parse("stderr:(").is_err());
    }

    #[test]
    fn a_stream_is_watched_only_where_a_pattern_or_a_preset_looks() {
        let nothing = Watchlist::default();
        assert!(!nothing.watches(Stream::Stdout) && !nothing.watches(Stream::Stderr));
        let pattern = list(&["stdout:x"]);
        assert!(pattern.watches(Stream::Stdout) && !pattern.watches(Stream::Stderr));
        assert!(pattern.tells_streams_apart() && !list(&["x"]).tells_streams_apart());
        let preset = Watchlist::new([], [Side::Stderr]);
        assert!(!preset.watches(Stream::Stdout) && preset.watches(Stream::Stderr));
    }

    #[test]
    fn patterns_see_text_without_colours_and_lines_of_a_progress_bar() {
        let list = list(&["^ERROR: busy$", "^10%$"]);
        let seen =
            watch(&list, Stream::Stderr, &[b"\x1b[1m\x1b[31mERR", b"OR\x1b[0m: busy\x1b[", b"0m\n5%\r10%\r"]);
        assert_eq!(matched(&seen), [0, 1]);
    }

    #[test]
    fn after_the_last_match_nothing_is_held() {
        let list = list(&["x"]);
        let mut watcher = Watcher::new(&list, Stream::Stdout);
        watcher.feed(b"x\n");
        watcher.feed(&vec![b'y'; 2 * MAX_LINE]);
        assert!(watcher.pending.is_empty());
        let seen = Seen { matched: vec![RuleId(0)], active: vec![Stream::Stdout], ends: Vec::new() };
        assert_eq!(watcher.finish(), seen);
    }

    #[test]
    fn presets_look_at_the_end_of_a_stream_and_rules_at_all_of_it() {
        let pattern = OutputPattern::parse("^busy").unwrap();
        let list = Watchlist::new([(RuleId(0), pattern)], [Side::Both]);
        let words = [Pattern::new("^busy\\b", Alphabet::Ascii).unwrap()];
        let padding = b"some line or other\n".repeat(2 * super::super::tail::LIMIT / 19);
        let early = watch(&list, Stream::Stdout, &[b"busy 1\n", &padding, b"x busy"]);
        assert_eq!(matched(&early), [0]);
        assert!(!early.ends_with_a_line(Side::Both, &words));
        let late = watch(&list, Stream::Stdout, &[&padding, b"\x1b[31mbu", b"sy\x1b[0m 1"]);
        assert_eq!(matched(&late), [0]);
        assert!(late.ends_with_a_line(Side::Both, &words));
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
            let list = list(&rules);
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
            prop_assert_eq!(matched(&whole), matched(&pieces));
        }
    }
}
