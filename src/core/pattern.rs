//! A regular expression that is matched line by line, at the speed of a search in whole blocks.
//!
//! The syntax is the `regex` crate's. A line ends at `\n`, at `\r\n` and, because progress bars redraw their line so, at
//! `\r`. To search many lines at once without a match across the end of a line, both bytes are removed from every
//! class of the pattern, and every anchor becomes an anchor of lines.

use super::lines::{Part, Place};
use regex_automata::Input;
use regex_automata::meta::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
use regex_syntax::hir::{Hir, HirKind, Look};
use std::fmt;

/// The bytes at the edge of a window that only anchors and word boundaries look at: the longest character of UTF-8.
/// The neighbouring window searches them.
const CONTEXT: usize = 4;

/// A compiled pattern. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    between_cr_lf: BetweenCrLf,
}

/// Whether the pattern can match the empty text between `\r` and `\n`, which is no line: `\B` can, because there is
/// no word on either side. Whether a part contains both bytes depends on the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BetweenCrLf {
    Never,
    Possible,
}

/// The characters of `\w`, `\d`, `\s`, `\b` and `(?i)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// Unicode. Bytes that are not UTF-8 match only `(?-u)` parts.
    Unicode,
    /// ASCII, as with `(?-u)`: faster.
    Ascii,
}

/// Why a pattern cannot be used.
#[derive(Debug)]
pub enum PatternError {
    /// It is no regular expression.
    Syntax(Box<regex_syntax::Error>),
    /// It can only match the end of a line, which no pattern sees.
    LineEnd,
    TooBig,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::LineEnd => f.write_str(
                r"it can only match the end of a line (\n or \r), but lines are matched one by one; use $",
            ),
            Self::TooBig => f.write_str("it is too big when compiled"),
        }
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(text: &str, alphabet: Alphabet) -> Result<Self, PatternError> {
        let hir = ParserBuilder::new()
            .utf8(false)
            .unicode(alphabet == Alphabet::Unicode)
            .multi_line(true)
            .crlf(true)
            .build()
            .parse(text)
            .map_err(|error| PatternError::Syntax(Box::new(error)))?;
        let hir = inside_a_line(hir)?;
        let properties = hir.properties();
        let looks = !properties.look_set().is_empty() && properties.minimum_len() == Some(0);
        let between_cr_lf = if looks { BetweenCrLf::Possible } else { BetweenCrLf::Never };
        let config = Regex::config().utf8_empty(false);
        let regex = Regex::builder().configure(config).build_from_hir(&hir);
        regex.map(|regex| Self { regex, between_cr_lf }).map_err(|_| PatternError::TooBig)
    }

    /// The size of the compiled pattern in bytes: a measure of what one byte of input can cost in the worst case.
    pub fn size(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Whether any line of the part matches. In a line longer than [`super::lines::MAX_LINE`] every match of up to
    /// 4000 bytes is found, a longer one only if it lies inside one window.
    pub fn is_match(&self, part: Part<'_>) -> bool {
        let (bytes, start, end) = match part {
            Part::Lines(bytes) | Part::Window { bytes, place: Place::First } if bytes.is_empty() => {
                return false;
            }
            Part::Lines(bytes) => (bytes, 0, before_end(bytes)),
            Part::Window { bytes, place: Place::First } => (bytes, 0, bytes.len() - CONTEXT),
            Part::Window { bytes, place: Place::Middle } => (bytes, CONTEXT, bytes.len() - CONTEXT),
            Part::Window { bytes, place: Place::Last } => (bytes, CONTEXT, before_end(bytes)),
        };
        // The end of the last line is context only: a search behind it would find an empty line.
        start <= end
            && match self.between_cr_lf {
                BetweenCrLf::Never => self.regex.is_match(Input::new(bytes).range(start..end)),
                BetweenCrLf::Possible => self.is_match_of_a_line(bytes, start, end),
            }
    }

    /// Whether there is a match elsewhere than between `\r` and `\n`. A match that begins there is empty, because no
    /// match contains a byte of a line end.
    fn is_match_of_a_line(&self, bytes: &[u8], mut start: usize, end: usize) -> bool {
        while start <= end {
            let Some(found) = self.regex.find(Input::new(bytes).range(start..end)) else { return false };
            let at = found.start();
            if !(at > 0 && bytes[at - 1] == b'\r' && bytes.get(at) == Some(&b'\n')) {
                return true;
            }
            start = at + 1;
        }
        false
    }

    /// The end of the first match in these lines.
    pub fn find(&self, lines: &[u8]) -> Option<usize> {
        self.regex.search_half(&Input::new(lines).earliest(true)).map(|found| found.offset())
    }
}

/// The offset of the end of the last line.
fn before_end(bytes: &[u8]) -> usize {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// The same expression, but without matches of a byte of a line end.
fn inside_a_line(hir: Hir) -> Result<Hir, PatternError> {
    Ok(match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.iter().any(|byte| matches!(byte, b'\n' | b'\r')) => {
            return Err(PatternError::LineEnd);
        }
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class_inside_a_line(class)?),
        HirKind::Look(Look::Start | Look::StartLF) => Hir::look(Look::StartCRLF),
        HirKind::Look(Look::End | Look::EndLF) => Hir::look(Look::EndCRLF),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(inside_a_line(*repetition.sub)?);
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(inside_a_line(*capture.sub)?);
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(all_inside_a_line(parts)?),
        HirKind::Alternation(parts) => Hir::alternation(all_inside_a_line(parts)?),
    })
}

fn all_inside_a_line(parts: Vec<Hir>) -> Result<Vec<Hir>, PatternError> {
    parts.into_iter().map(inside_a_line).collect()
}

fn class_inside_a_line(mut class: Class) -> Result<Class, PatternError> {
    let (was_empty, is_empty) = match &mut class {
        Class::Unicode(class) => {
            let was_empty = class.ranges().is_empty();
            let ends = ['\n', '\r'].map(|end| ClassUnicodeRange::new(end, end));
            class.difference(&ClassUnicode::new(ends));
            (was_empty, class.ranges().is_empty())
        }
        Class::Bytes(class) => {
            let was_empty = class.ranges().is_empty();
            class.difference(&ClassBytes::new([b'\n', b'\r'].map(|end| ClassBytesRange::new(end, end))));
            (was_empty, class.ranges().is_empty())
        }
    };
    // A class that was written empty, such as `[a&&b]`, is allowed.
    if is_empty && !was_empty { Err(PatternError::LineEnd) } else { Ok(class) }
}

#[cfg(test)]
mod tests {
    use super::super::lines::{Lines, MAX_LINE, OVERLAP};
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, input: &[u8], size: usize) -> bool {
        matches_in(pattern, input, &[size])
    }

    /// The input in chunks of these sizes, over and over.
    fn matches_in(pattern: &str, mut input: &[u8], sizes: &[usize]) -> bool {
        let pattern = Pattern::new(pattern, Alphabet::Unicode).unwrap();
        let mut lines = Lines::default();
        let mut found = false;
        for size in sizes.iter().cycle() {
            if input.is_empty() {
                break;
            }
            let (chunk, rest) = input.split_at(input.len().min(*size));
            lines.feed(chunk, |part| found |= pattern.is_match(part));
            input = rest;
        }
        lines.finish(|part| found |= pattern.is_match(part));
        found
    }

    #[test]
    fn there_is_no_line_between_cr_and_lf() {
        for pattern in [r"\B", r"(?-u:\B)", r"\b{start-half}\b{end-half}"] {
            for (input, expected) in [
                (&b"a\r\nb\r\n"[..], false),
                (b"a\r\nb\r\n\r\nc", true),
                (b"a\r\n\nc", true),
                (b"a\r\n-", true),
                (b"a\rb\nc", false),
            ] {
                for size in 1..=input.len() {
                    assert_eq!(matches(pattern, input, size), expected, "{pattern} {input:?} {size}");
                }
            }
        }
    }

    #[test]
    fn lines_are_matched_one_by_one() {
        for (pattern, input, expected) in [
            ("^b", &b"a\nb\n"[..], true),
            ("a$", b"a\nb\n", true),
            ("a$", b"a\r\nb", true),
            ("^b$", b"a\rb\rc", true),
            (r"\Ab", b"a\nb", true),
            (r"a\z", b"a\nb", true),
            ("(?-m)^b$", b"a\nb\nc", true),
            ("(?-R)^b$", b"a\r\nb\r\nc", true),
            ("a.b", b"a\nb", false),
            ("(?s)a.b", b"a\nb", false),
            (r"a\s*b", b"a\nb", false),
            (r"a\s*b", b"a  b", true),
            ("a[^x]+b", b"a\r\nb", false),
            (r"a\W", b"a\r\n", false),
            ("^$", b"a\n", false),
            ("^$", b"a\n\nb", true),
            ("^$", b"a\r\n\r\n", true),
            ("^$", b"a\r\n", false),
            ("^$", b"", false),
            ("^$", b"\n", true),
            ("x*", b"a", true),
            ("", b"", false),
            (r"\bb\b", b"a\nb\nc", true),
            (r"(?-u)\xff\x00", b"\xfe\xff\x00", true),
            (r"(?-u)^\xff.\x80$", b"\x80\n\xff\x00\x80\n", true),
            ("caf\u{e9}", "caf\u{e9}\n".as_bytes(), true),
            ("(?i)CAF\u{c9}", "caf\u{e9}\n".as_bytes(), true),
            (r"caf\w", b"caf\xe9\n", false),
            (r"caf(?-u:.)", b"caf\xe9\n", true),
            (r"\x00b", b"a\0b", true),
        ] {
            for size in [1, 2, 3, 1000] {
                assert_eq!(matches(pattern, input, size), expected, "{pattern:?} {input:?} {size}");
            }
        }
    }

    #[test]
    fn a_pattern_that_needs_a_line_end_is_refused() {
        for text in [r"a\nb", r"ab|\n", r"[\n]", r"[\r\n]+", r"(?-u)[\n\r]", "\r$"] {
            let error = Pattern::new(text, Alphabet::Unicode).unwrap_err();
            assert!(matches!(error, PatternError::LineEnd), "{text:?}: {error}");
        }
        assert!(Pattern::new("[a&&b]", Alphabet::Unicode).is_ok());
        let error = Pattern::new("a(b", Alphabet::Unicode).unwrap_err();
        assert!(error.to_string().contains("unclosed group"), "{error}");
        let error = Pattern::new(r"(\pL{900}){900}", Alphabet::Unicode).unwrap_err();
        assert!(matches!(error, PatternError::TooBig), "{error}");
    }

    #[test]
    fn windows_have_no_anchors_of_their_own() {
        let step = MAX_LINE - OVERLAP;
        let mut line = vec![b'x'; 3 * MAX_LINE];
        // At the start of the second window, and before the end of the first.
        line[step..step + 4].copy_from_slice(b"head");
        line[MAX_LINE - 4..MAX_LINE].copy_from_slice(b"tail");
        for size in [1 << 20, 4096, 65_536, 1000] {
            for (pattern, expected) in [
                ("head", true),
                ("tail", true),
                ("xheadx", true),
                ("xtailx", true),
                ("^head", false),
                ("tail$", false),
                (r"\bhead", false),
                (r"tail\b", false),
                ("^x", true),
                ("x$", true),
                ("headx{3900}", true),
            ] {
                assert_eq!(matches(pattern, &line, size), expected, "{pattern} {size}");
            }
        }
    }

    /// Small alphabets make matches, line ends and near misses likely.
    fn noise(length: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            6 => prop::sample::select(&b"aab0 x"[..]), 3 => prop::sample::select(&b"\n\r"[..]),
            1 => prop::sample::select(&b"\0\xff\xc3\xa9"[..])
        ];
        proptest::collection::vec(byte, length)
    }

    /// The same in a plain way: split the lines off, and match each with the `regex` crate.
    fn oracle(pattern: &str, input: &[u8]) -> bool {
        let regex = regex::bytes::Regex::new(pattern).unwrap();
        let mut lines: Vec<&[u8]> = Vec::new();
        let mut start = 0;
        for at in 0..input.len() {
            let end = match input[at..] {
                [b'\r', b'\n', ..] => continue,
                [b'\n', ..] if at > start && input[at - 1] == b'\r' => at - 1,
                [b'\n' | b'\r', ..] => at,
                _ => continue,
            };
            lines.push(&input[start..end]);
            start = at + 1;
        }
        if start < input.len() {
            lines.push(&input[start..]);
        }
        lines.iter().any(|line| regex.is_match(line))
    }

    const PATTERNS: &[&str] = &[
        "a",
        "ab",
        "^a",
        "b$",
        "^ab$",
        "^$",
        r"^\s*$",
        r"a\s+b",
        "[^a]b",
        "a[^x]*b",
        "(?s)a.+b",
        "a|b0$",
        r"\ba\b",
        r"(?-u)\xff",
        r"(?-u)[^a]$",
        "\u{e9}",
        r"(?i)A{2,}B?$",
        r"x(?:a|\W)*0",
        "",
        "b*$",
        r"\x00",
        r"\B",
        r"(?-u:\B)",
        r"\B$",
        r"^\B",
        r"\Ba*",
        r"\b{start-half}\b{end-half}",
        r"(?-u)\b{start-half}\b{end-half}",
        r"\Bx|0a",
    ];

    /// Whether the `regex` crate itself is of two minds: whether Unicode's `\B` matches behind a stray continuation byte
    /// depends on the bytes before it, also on those of another line (regex-automata 0.4 looks for the start of a
    /// character among the last four bytes, and does not check that this character reaches the end).
    fn is_undecided(pattern: &str, input: &[u8]) -> bool {
        pattern.contains(r"\B") && !pattern.contains("(?-u") && std::str::from_utf8(input).is_err()
    }

    #[test]
    fn a_stray_continuation_byte_is_why_some_cases_are_left_out() {
        let (pattern, input) = (r"\B", b"a\n\xa9\n");
        assert!(is_undecided(pattern, input));
        assert!(
            !oracle(pattern, input) && matches(pattern, input, 1000),
            "regex has changed: compare all cases"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn blocks_match_as_single_lines_do(
            pattern in prop::sample::select(PATTERNS), input in noise(0..120),
            sizes in proptest::collection::vec(1..40_usize, 1..8),
        ) {
            prop_assume!(!is_undecided(pattern, &input));
            let expected = oracle(pattern, &input);
            prop_assert_eq!(matches_in(pattern, &input, &sizes), expected);
            prop_assert_eq!(matches(pattern, &input, 1000), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn long_lines_match_as_well(
            pattern in prop::sample::select(PATTERNS), filler in prop::sample::select(&b"xa\n"[..]),
            places in proptest::collection::vec((0..5 * MAX_LINE, noise(0..9)), 0..6),
            near in proptest::collection::vec((0..4_usize, 0..20_usize, noise(0..9)), 0..4),
            size in prop::sample::select(&[7_usize, 4096, 65_536, 1 << 20][..]),
        ) {
            let mut input = vec![filler; 5 * MAX_LINE];
            let step = MAX_LINE - OVERLAP;
            let near = near.into_iter().map(|(window, by, noise)| ((window + 1) * step + by, noise));
            for (at, noise) in places.into_iter().chain(near) {
                let end = input.len().min(at + noise.len());
                input[at..end].copy_from_slice(&noise[..end - at]);
            }
            prop_assume!(!is_undecided(pattern, &input));
            // Matches that are longer than the overlap are not promised.
            prop_assume!(!pattern.contains('*') && !pattern.contains('+'));
            prop_assert_eq!(matches(pattern, &input, size), oracle(pattern, &input));
        }
    }
}
