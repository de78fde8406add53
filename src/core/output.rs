//! Rules about what a command prints: `--retry-on-output`, `--stop-on-output`, `--success-on-output`,
//! `--require-output`, and the words of presets. Owns the rules and what was seen of them; the verdict is
//! [`super::policy`]'s, and moving bytes is not its business: it only looks at them.
//!
//! Each pattern is searched for on its own, over whole blocks, until it is found. In benches/scan.rs four
//! literals as one pattern are faster than one by one (about 5 against 3 GB/s), but one by one is fast
//! enough, tells which rule it was, lets each pattern keep its own fastest search (8 GB/s and more for a
//! single literal), and what was found costs nothing more. The hundreds of words of a preset, which would pass at
//! 0.2 GB/s, are looked for at the end of the stream only: it costs what keeping the end costs (12 to 30 GB/s,
//! the last look included), however many there are. Colours are taken out first: [`super::clean`].

use super::clean::Cleaner;
use super::lines::Lines;
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
    groups: Vec<(Group, Side, Pattern)>,
}

/// Rules of a preset that are looked for as one: the preset, and the number of the group in it.
type Group = (Arc<Preset>, usize);

impl Watchlist {
    /// The rules, and what the presets that the sets name look for.
    ///
    /// # Errors
    /// A preset's pattern cannot be used.
    pub fn new(
        rules: Vec<Rule>,
        presets: impl IntoIterator<Item = Arc<Preset>>,
    ) -> Result<Self, PatternError> {
        let mut list = Self { rules, groups: Vec::new() };
        for preset in presets {
            if list.groups.iter().any(|((known, _), ..)| *known == preset) {
                continue;
            }
            for (index, group) in preset.groups().iter().enumerate() {
                if let Some(pattern) = &group.pattern {
                    let pattern = Pattern::new(pattern, Alphabet::Ascii)?;
                    list.groups.push(((Arc::clone(&preset), index), group.side, pattern));
                }
            }
        }
        Ok(list)
    }

    /// The rules, in the order of the command line.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether `stream` has to be watched at all. If not, it can be inherited.
    pub fn watches(&self, stream: Stream) -> bool {
        self.targets(stream).next().is_some()
    }

    /// Whether something looks at only one of the two streams.
    pub fn tells_streams_apart(&self) -> bool {
        let sides = self.rules.iter().map(|rule| rule.side);
        sides.chain(self.groups.iter().map(|(_, side, _)| *side)).any(|side| side != Side::Either)
    }

    /// The first rule of this meaning that matched.
    pub fn matched(&self, meaning: Meaning, seen: &Seen) -> Option<&Rule> {
        self.of(meaning).find(|(index, _)| seen.has(&Target::Rule(*index))).map(|(_, rule)| rule)
    }

    /// The first `--require-output` that did not match.
    pub fn missing(&self, seen: &Seen) -> Option<&Rule> {
        self.of(Meaning::Require).find(|(index, _)| !seen.has(&Target::Rule(*index))).map(|(_, rule)| rule)
    }

    fn of(&self, meaning: Meaning) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(move |(_, rule)| rule.meaning == meaning)
    }

    fn targets(&self, stream: Stream) -> impl Iterator<Item = (Target, &Pattern)> {
        let rules = self.rules.iter().enumerate();
        let rules = rules.map(|(index, rule)| (rule.side, Target::Rule(index), &rule.pattern));
        let groups = self.groups.iter();
        let groups = groups.map(|(group, side, pattern)| (*side, Target::Group(group.clone()), pattern));
        let all = rules.chain(groups).filter(move |(side, ..)| side.includes(stream));
        all.map(|(_, target, pattern)| (target, pattern))
    }
}

/// What a pattern belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// The rule at this place of the [`Watchlist`].
    Rule(usize),
    /// A preset's.
    Group(Group),
}

/// What the streams of one attempt have matched so far, and which of them had any text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    found: Vec<Target>,
    spoke: Vec<Stream>,
}

impl Seen {
    /// Whether a line of this group of the preset was printed.
    pub fn has_group(&self, preset: &Arc<Preset>, index: usize) -> bool {
        self.found
            .iter()
            .any(|target| matches!(target, Target::Group((found, at)) if found == preset && *at == index))
    }

    /// Whether anything was printed there, as far as it was watched.
    pub fn has_anything_on(&self, side: Side) -> bool {
        self.spoke.iter().any(|stream| side.includes(*stream))
    }

    /// Adds what another stream of the same attempt has matched.
    pub fn add(&mut self, other: Self) {
        for target in other.found {
            if !self.has(&target) {
                self.found.push(target);
            }
        }
        for stream in other.spoke {
            if !self.spoke.contains(&stream) {
                self.spoke.push(stream);
            }
        }
    }

    fn has(&self, target: &Target) -> bool {
        self.found.contains(target)
    }
}

/// Looks at one stream of one attempt: for the rules of the command line at all of it, as it comes, for those of
/// presets at its end, when it is over. It holds at most one line of [`super::lines::MAX_LINE`] bytes and the end
/// of [`super::tail::LIMIT`].
#[derive(Debug)]
pub struct Watcher {
    stream: Stream,
    cleaner: Cleaner,
    lines: Lines,
    /// What has not been found yet of the rules.
    sought: Vec<(Target, Pattern)>,
    /// What the presets look for.
    at_the_end: Vec<(Target, Pattern)>,
    tail: Tail,
    seen: Seen,
}

impl Watcher {
    /// A watcher for what the list looks for in `stream`.
    pub fn new(list: &Watchlist, stream: Stream) -> Self {
        let all = list.targets(stream).map(|(target, pattern)| (target, pattern.clone()));
        let (sought, at_the_end) = all.partition(|(target, _)| matches!(target, Target::Rule(_)));
        let (cleaner, lines) = (Cleaner::default(), Lines::default());
        Self { stream, cleaner, lines, sought, at_the_end, tail: Tail::default(), seen: Seen::default() }
    }

    /// Looks at the next bytes of the stream, with any borders.
    pub fn feed(&mut self, chunk: &[u8]) {
        if chunk.is_empty() {
            return;
        }
        let Self { stream, cleaner, lines, sought, at_the_end, tail, seen } = self;
        if seen.spoke.is_empty() {
            seen.spoke.push(*stream);
        }
        if !at_the_end.is_empty() {
            tail.push(chunk);
        }
        // Once everything is found, nothing is looked at any more.
        if !sought.is_empty() {
            lines.feed(cleaner.text(chunk), |part| look(sought, part, seen));
        }
    }

    /// Looks at the last line, if it had no end, and at the end of the stream, and says what was found.
    pub fn finish(self) -> Seen {
        let Self { mut lines, mut sought, mut at_the_end, tail, mut seen, .. } = self;
        lines.finish(|part| look(&mut sought, part, &mut seen));
        let (mut cleaner, mut lines) = (Cleaner::default(), Lines::default());
        for piece in tail.pieces() {
            lines.feed(cleaner.text(piece), |part| look(&mut at_the_end, part, &mut seen));
        }
        lines.finish(|part| look(&mut at_the_end, part, &mut seen));
        seen
    }
}

/// Takes what the part matches out of what is sought.
fn look(sought: &mut Vec<(Target, Pattern)>, part: super::lines::Part<'_>, seen: &mut Seen) {
    sought.retain(|(target, pattern)| {
        let found = pattern.is_match(part);
        if found {
            seen.found.push(target.clone());
        }
        !found
    });
}

#[cfg(test)]
mod tests {
    use super::super::lines::MAX_LINE;
    use super::super::preset::{self, Codes, Then};
    use super::*;
    use proptest::prelude::*;

    fn list(rules: &[(Meaning, &str)]) -> Watchlist {
        let rules = rules.iter().map(|(meaning, text)| Rule::parse(*meaning, text).unwrap()).collect();
        Watchlist::new(rules, []).unwrap()
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
        let curl = Watchlist::new(Vec::new(), [preset(Some("x")), preset(Some("x"))]).unwrap();
        assert!(!curl.watches(Stream::Stdout) && curl.watches(Stream::Stderr));
        assert_eq!(curl.groups.len(), 1);
        assert!(!Watchlist::new(Vec::new(), [preset(None)]).unwrap().watches(Stream::Stderr));
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
        let seen = Seen { found: vec![Target::Rule(0)], spoke: vec![Stream::Stdout] };
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
        let list = Watchlist::new(rules, [Arc::clone(&preset)]).unwrap();
        let padding = b"some line or other\n".repeat(2 * super::super::tail::LIMIT / 19);
        let early = watch(&list, Stream::Stdout, &[b"busy 1\n", &padding, b"x busy"]);
        assert!(list.matched(Meaning::Retry, &early).is_some() && !early.has_group(&preset, 0));
        let late = watch(&list, Stream::Stdout, &[&padding, b"\x1b[31mbu", b"sy\x1b[0m 1"]);
        assert!(list.matched(Meaning::Retry, &late).is_some() && late.has_group(&preset, 0));
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
                let target = Target::Rule(index);
                prop_assert_eq!(whole.has(&target), pieces.has(&target), "{}", rule);
            }
        }
    }
}
