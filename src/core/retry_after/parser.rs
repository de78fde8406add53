//! Parses the output of one attempt as it comes. A new response of a server replaces the demands of the one before.

use super::amount::RequestedDelay;
use super::field::{self, Precision};
use super::forms::IfTimed;
use super::line::{is_blank, last_status, plain};
use super::phrase::{self, Surroundings};
use super::response::{Rank, Response};
use crate::core::lines::{self, Lines, Part};
use crate::core::pattern::{Alphabet, Pattern, PatternError};
use memchr::{memchr, memmem, memrchr};
use retry_loop::server_hint::ServerHint;
use std::time::SystemTime;

/// A line without any of these has no demand. The search in whole blocks has the speed of a few literals: more of
/// them, or both cases of each letter, would make it a hundred times slower. So each word lacks the letter that may be
/// a capital.
const DEMANDS: &str = "etr[yi]|ETRY|gain|GAIN|imit|IMIT|uota|UOTA|ait |WAIT_|eset|ESET|redit |reak for|back in|\
    back af|vailable in|vailable a[tf]|ed until|est this";
/// A line without any of these begins no response.
const RESPONSES: &str = "ttp/|TTP/|:status|nse [sS]tatus|status=\"";

/// The bytes that are kept of the previous line, for phrases that a terminal has wrapped.
const MAX_PREVIOUS: usize = 240;
/// The shortest line, in bytes, that a terminal may have wrapped.
const MIN_WRAPPED: usize = 50;
/// The most lines between a name and a value in braces.
const OPEN_LINES: u8 = 4;

/// The parser for the output of one attempt, of one stream or both. It holds at most one line.
#[derive(Debug, Clone)]
pub struct HintParser {
    markers: Markers,
    lines: Lines,
    responses: LineParser,
}

impl HintParser {
    /// A parser for one attempt. Its own patterns compile, so there is no error in practice.
    pub fn new() -> Result<Self, PatternError> {
        let pattern = |text: &str| Pattern::new(text, Alphabet::Ascii);
        let markers = Markers {
            all: pattern(&format!("{DEMANDS}|{RESPONSES}"))?,
            demands: pattern(DEMANDS)?,
            responses: pattern(RESPONSES)?,
        };
        Ok(Self { markers, lines: Lines::default(), responses: LineParser::default() })
    }

    /// Parses the next bytes, which may end anywhere.
    pub fn feed(&mut self, chunk: &[u8]) {
        let Self { markers, lines, responses } = self;
        lines.feed(chunk, |part| responses.part(part, markers));
    }

    /// Parses an unfinished last line. The hint is the most precise demand of the last response, counted from `now`; an
    /// exhausted quota beats any demand.
    pub fn finish(mut self, now: SystemTime) -> ServerHint {
        let Self { markers, lines, responses } = &mut self;
        lines.finish(|part| responses.part(part, markers));
        responses.response.hint(now)
    }
}

/// The patterns of lines that have to be parsed.
#[derive(Debug, Clone)]
struct Markers {
    all: Pattern,
    demands: Pattern,
    responses: Pattern,
}

/// The last response, and the line before the next one.
#[derive(Debug, Default, Clone)]
struct LineParser {
    response: Response,
    previous: PreviousLine,
}

/// The previous line, or the end of it.
#[derive(Debug, Default, Clone)]
struct PreviousLine {
    text: Vec<u8>,
    continuation: Continuation,
}

/// Whether a line continues in the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Continuation {
    /// It is too short to have been wrapped.
    #[default]
    No,
    /// It may have been wrapped, and has no marker.
    Possible,
    /// It may have been wrapped inside a demand.
    Expected,
    /// A value in braces is open, for at most this many more lines.
    Open(u8),
}

impl LineParser {
    fn part(&mut self, part: Part<'_>, markers: &Markers) {
        let block = match part {
            Part::Lines(block) => block,
            // A window is no whole line, so it continues no line and no line continues it.
            Part::Window { bytes, place } => {
                self.previous = PreviousLine::default();
                if markers.all.is_match(part) {
                    let begins = place == lines::Place::First;
                    self.line(bytes, begins, markers);
                    self.previous = PreviousLine::default();
                }
                return;
            }
        };
        let mut at = 0;
        while at < block.len() {
            if !self.needs_every_line() {
                // A response without demands loses nothing to a new one, so only the last of many matters.
                let mut marker = markers.all.find(&block[at..]);
                let only_the_last = marker.is_some() && self.response.is_empty();
                if only_the_last {
                    marker = markers.demands.find(&block[at..]);
                }
                let start = marker.map_or(block.len(), |marker| {
                    memrchr(b'\n', &block[at..at + marker]).map_or(at, |end| at + end + 1)
                });
                if only_the_last {
                    self.begin_last_response(&block[at..start], markers);
                }
                self.keep_line_before(block, at, start);
                at = start;
                if marker.is_none() {
                    break;
                }
            }
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |end| at + end);
            let line = &block[at..end];
            let has_marker = markers.all.find(line).is_some();
            if has_marker || self.previous.needs_next_line() {
                self.line(line, true, markers);
            } else {
                if is_blank(line) {
                    self.response.end_headers();
                }
                self.previous = PreviousLine::of(line);
            }
            at = end + 1;
        }
    }

    /// Whether a line without a marker may matter.
    fn needs_every_line(&self) -> bool {
        self.previous.needs_next_line() || self.response.is_in_headers()
    }

    /// Starts with the last response that begins in these lines.
    fn begin_last_response(&mut self, lines: &[u8], markers: &Markers) {
        if markers.responses.find(lines).is_none() {
            return;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let whole = rest.strip_suffix(b"\n").unwrap_or(rest);
            let start = memrchr(b'\n', whole).map_or(0, |end| end + 1);
            let line = &whole[start..];
            if markers.responses.find(line).is_some()
                && let Some((status, _)) = last_status(&plain(line).to_ascii_lowercase())
            {
                self.response = Response::new(status);
                return;
            }
            rest = &rest[..start];
        }
    }

    /// Keeps the end of the last line of `from..to`; `to` is behind its end.
    fn keep_line_before(&mut self, block: &[u8], from: usize, to: usize) {
        if to <= from {
            return;
        }
        let until = (to - 1).min(block.len());
        let start = memrchr(b'\n', &block[from..until]).map_or(from, |end| from + end + 1);
        self.previous = PreviousLine::of(&block[start..until]);
    }

    /// Parses a line. A progress bar redraws its line after `\r`, so `\r` ends a line as well.
    fn line(&mut self, line: &[u8], begins: bool, markers: &Markers) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for piece in line.split(|byte| *byte == b'\r') {
            self.piece(piece, begins, markers);
        }
    }

    fn piece(&mut self, line: &[u8], begins: bool, markers: &Markers) {
        let plain = plain(line);
        if is_blank(&plain) {
            self.response.end_headers();
            self.previous = PreviousLine::default();
            return;
        }
        let mut from = 0;
        let lower = plain.to_ascii_lowercase();
        if let Some((status, at)) = last_status(&lower) {
            self.response = Response::new(status);
            self.previous = PreviousLine::default();
            // Text before the status belongs to this response, unless it is another status.
            from = last_status(&lower[..at]).map_or(0, |(_, other)| other);
        }
        // In the log of a server, every line has a status and nothing else.
        if !self.previous.needs_next_line() && markers.demands.find(line).is_none() {
            self.previous = PreviousLine::of(line);
            return;
        }
        let before = std::mem::take(&mut self.previous);
        let mut text = Vec::new();
        if before.continuation != Continuation::No {
            text.extend_from_slice(&before.text);
            text.push(b' ');
        } else if !begins {
            // The start of the line is unknown.
            text.push(b'_');
        }
        let joined = text.len();
        text.extend_from_slice(plain[from..].trim_ascii_start());
        let lower = text.to_ascii_lowercase();
        let start = if begins { joined } else { 0 };
        for field in field::fields(&text, &lower, start, self.response.context()) {
            if field.end > joined {
                self.response.field(field.value, field.place);
            }
        }
        let phrase = phrase_delay(&text, &lower, joined, start, &before);
        if let Some(delay) = phrase {
            self.response.demand(delay, Rank::Precision(Precision::Seconds));
        }
        match phrase::exhausted(&lower, joined) {
            Some((_, IfTimed::Wait)) if phrase.is_some() => {}
            Some((quota, _)) => self.response.exhaust(quota),
            None => {}
        }
        self.previous = PreviousLine::of(line);
        let left = if let Continuation::Open(left) = before.continuation { left } else { OPEN_LINES };
        if left > 0 && is_open(&lower) {
            self.previous =
                PreviousLine { text: last_bytes(&text).to_vec(), continuation: Continuation::Open(left - 1) };
        } else if self.previous.continuation == Continuation::Possible {
            self.previous.continuation = Continuation::Expected;
        }
    }
}

/// The delay in a phrase of the line, which begins at `joined` of the text, behind a previous line that may continue in
/// it.
fn phrase_delay(
    text: &[u8],
    lower: &[u8],
    joined: usize,
    start: usize,
    before: &PreviousLine,
) -> Option<RequestedDelay> {
    let line_before = before.text.to_ascii_lowercase();
    let last = |text: &[u8], lower: &[u8], joined: usize, start: usize| {
        let surroundings = Surroundings { lower, line: start, before: &line_before };
        phrase::last(text, surroundings)
            .and_then(|phrase| Some((phrase.end.checked_sub(joined)?, phrase.delay)))
    };
    let between_words = last(text, lower, joined, start).filter(|(end, _)| *end > 0);
    if !matches!(before.continuation, Continuation::Possible | Continuation::Expected) {
        return between_words.map(|(_, delay)| delay);
    }
    // A terminal may have wrapped the line inside a word or a number. The longer phrase counts.
    let without_space = |text: &[u8]| [&text[..joined - 1], &text[joined..]].concat();
    let inside_a_word = last(&without_space(text), &without_space(lower), joined - 1, start.min(joined - 1));
    let inside_a_word = inside_a_word.filter(|(end, _)| *end > 0);
    let both = between_words.into_iter().chain(inside_a_word);
    both.reduce(|one, other| if other.0 > one.0 { other } else { one }).map(|(_, delay)| delay)
}

impl PreviousLine {
    fn of(line: &[u8]) -> Self {
        let continuation = if line.len() >= MIN_WRAPPED { Continuation::Possible } else { Continuation::No };
        // Escape sequences and borders make a line longer than its text.
        let line = &line[line.len().saturating_sub(4 * MAX_PREVIOUS)..];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let plain = plain(line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default());
        Self { text: last_bytes(&plain).to_vec(), continuation }
    }

    /// Whether the next line has to be parsed even without a marker.
    fn needs_next_line(&self) -> bool {
        matches!(self.continuation, Continuation::Expected | Continuation::Open(_))
    }
}

/// Whether a line ends inside a value in braces.
fn is_open(lower: &[u8]) -> bool {
    let Some(at) = memmem::rfind(lower, b"retry") else { return false };
    let rest = &lower[at..];
    let opens = |open: u8, close: u8| memrchr(open, rest) > memrchr(close, rest);
    rest.len() < 120 && (opens(b'{', b'}') || opens(b'[', b']'))
}

fn last_bytes(text: &[u8]) -> &[u8] {
    &text[text.len().saturating_sub(MAX_PREVIOUS)..]
}
