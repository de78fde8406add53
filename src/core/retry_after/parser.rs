//! Reads the output of one attempt as it comes. Owns what belongs to which answer of a server: a new answer
//! ends what the one before it asked for.

use super::amount::RequestedDelay;
use super::answer::{Answer, Rank};
use super::field::{self, Exact};
use super::forms::IfTimed;
use super::line::{is_blank, last_status, plain};
use super::phrase::{self, Around};
use crate::core::lines::{self, Lines, Part};
use crate::core::pattern::{Alphabet, Pattern, PatternError};
use memchr::{memchr, memmem, memrchr};
use retry_loop::server_hint::ServerHint;
use std::time::SystemTime;

/// A line without any of these asks for nothing. Searched for over whole blocks, at the speed of a few literals:
/// more of them, or both cases of each letter, would make it a hundred times slower. So each word lacks the
/// letter that may be a capital.
const DEMANDS: &str = "etr[yi]|ETRY|gain|GAIN|imit|IMIT|uota|UOTA|ait |WAIT_|eset|ESET|redit |reak for|back in|\
    back af|vailable in|vailable a[tf]|ed until|est this";
/// A line without any of these begins no answer.
const ANSWERS: &str = "ttp/|TTP/|:status|nse [sS]tatus|status=\"";

/// So much is kept of the line before, for phrases that a terminal has wrapped.
const TAIL: usize = 240;
/// A line that was wrapped is at least so long; below, the next line is another one.
const WRAPPED: usize = 50;
/// A value in braces may be so many lines below its name.
const OPEN_LINES: u8 = 4;
/// Reads the output of one attempt, both streams or one of them. It holds at most one line.
#[derive(Debug, Clone)]
pub struct HintParser {
    signs: Signs,
    lines: Lines,
    answers: Answers,
}

impl HintParser {
    /// A hint_parser for one attempt.
    ///
    /// # Errors
    /// Never in practice: its own fixed pattern compiles.
    pub fn new() -> Result<Self, PatternError> {
        let pattern = |text: &str| Pattern::new(text, Alphabet::Ascii);
        let signs = Signs {
            all: pattern(&format!("{DEMANDS}|{ANSWERS}"))?,
            demands: pattern(DEMANDS)?,
            answers: pattern(ANSWERS)?,
        };
        Ok(Self { signs, lines: Lines::default(), answers: Answers::default() })
    }

    /// Reads the next bytes, with any borders.
    pub fn feed(&mut self, chunk: &[u8]) {
        let Self { signs, lines, answers } = self;
        lines.feed(chunk, |part| answers.part(part, signs));
    }

    /// Reads the last line, if it had no end, and says what the server wants: the most exact demand of the
    /// last answer, measured from `now`. Words of exhaustion win over any demand.
    pub fn finish(mut self, now: SystemTime) -> ServerHint {
        let Self { signs, lines, answers } = &mut self;
        lines.finish(|part| answers.part(part, signs));
        answers.answer.hint(now)
    }
}

/// What makes a line worth reading.
#[derive(Debug, Clone)]
struct Signs {
    all: Pattern,
    /// Only those of demands.
    demands: Pattern,
    /// Only those of answers.
    answers: Pattern,
}

/// What the lines said so far.
#[derive(Debug, Default, Clone)]
struct Answers {
    answer: Answer,
    tail: Tail,
}

/// The line before, or the end of it.
#[derive(Debug, Default, Clone)]
struct Tail {
    text: Vec<u8>,
    goes_on: GoesOn,
}

/// Whether a line goes on in the next one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum GoesOn {
    /// It is too short to have been wrapped.
    #[default]
    No,
    /// It may have been wrapped, and says nothing.
    Perhaps,
    /// It may have been wrapped, and the end of what it says is in the next one.
    Listen,
    /// A value in it is open, for so many more lines.
    Open(u8),
}

impl Answers {
    fn part(&mut self, part: Part<'_>, signs: &Signs) {
        let block = match part {
            Part::Lines(block) => block,
            // A window begins and ends anywhere, so it neither goes on with a line nor begins one.
            Part::Window { bytes, place } => {
                self.tail = Tail::default();
                if signs.all.is_match(part) {
                    let begins = place == lines::Place::First;
                    self.line(bytes, begins, signs);
                    self.tail = Tail::default();
                }
                return;
            }
        };
        let mut at = 0;
        while at < block.len() {
            if !self.is_attentive() {
                // Where nothing was asked for, a new answer ends nothing: of many, only the last one matters.
                let mut sign = signs.all.find(&block[at..]);
                let only_the_last = sign.is_some() && self.answer.asks_for_nothing();
                if only_the_last {
                    sign = signs.demands.find(&block[at..]);
                }
                let start = sign.map_or(block.len(), |sign| {
                    memrchr(b'\n', &block[at..at + sign]).map_or(at, |end| at + end + 1)
                });
                if only_the_last {
                    self.begin_last_answer(&block[at..start], signs);
                }
                self.keep_line_before(block, at, start);
                at = start;
                if sign.is_none() {
                    break;
                }
            }
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |end| at + end);
            let line = &block[at..end];
            let has_sign = signs.all.find(line).is_some();
            if has_sign || self.tail.is_awaited() {
                self.line(line, true, signs);
            } else {
                if is_blank(line) {
                    self.answer.end_headers();
                }
                self.tail = Tail::of(line);
            }
            at = end + 1;
        }
    }

    /// Whether a line may matter that has no sign.
    fn is_attentive(&self) -> bool {
        self.tail.is_awaited() || self.answer.is_in_headers()
    }

    /// Begins the last answer that begins in these lines.
    fn begin_last_answer(&mut self, lines: &[u8], signs: &Signs) {
        if signs.answers.find(lines).is_none() {
            return;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let whole = rest.strip_suffix(b"\n").unwrap_or(rest);
            let start = memrchr(b'\n', whole).map_or(0, |end| end + 1);
            let line = &whole[start..];
            if signs.answers.find(line).is_some()
                && let Some((status, _)) = last_status(&plain(line).to_ascii_lowercase())
            {
                self.answer = Answer::new(status);
                return;
            }
            rest = &rest[..start];
        }
    }

    /// Keeps the end of the last line of `from..to`, where `to` is behind its end.
    fn keep_line_before(&mut self, block: &[u8], from: usize, to: usize) {
        if to <= from {
            return;
        }
        let until = (to - 1).min(block.len());
        let start = memrchr(b'\n', &block[from..until]).map_or(from, |end| from + end + 1);
        self.tail = Tail::of(&block[start..until]);
    }

    /// Reads a line. A progress bar redraws its own with `\r`, so what is behind one is a line as well.
    fn line(&mut self, line: &[u8], begins: bool, signs: &Signs) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for piece in line.split(|byte| *byte == b'\r') {
            self.piece(piece, begins, signs);
        }
    }

    fn piece(&mut self, line: &[u8], begins: bool, signs: &Signs) {
        let plain = plain(line);
        if is_blank(&plain) {
            self.answer.end_headers();
            self.tail = Tail::default();
            return;
        }
        let mut from = 0;
        let lower = plain.to_ascii_lowercase();
        if let Some((status, at)) = last_status(&lower) {
            self.answer = Answer::new(status);
            self.tail = Tail::default();
            // What is in front of it belongs to it, unless that is another answer.
            from = last_status(&lower[..at]).map_or(0, |(_, other)| other);
        }
        // In the log of a server, every line has a status and no more.
        if !self.tail.is_awaited() && signs.demands.find(line).is_none() {
            self.tail = Tail::of(line);
            return;
        }
        let before = std::mem::take(&mut self.tail);
        let mut text = Vec::new();
        if before.goes_on != GoesOn::No {
            text.extend_from_slice(&before.text);
            text.push(b' ');
        } else if !begins {
            // Something is in front, and nobody knows what.
            text.push(b'_');
        }
        let joined = text.len();
        text.extend_from_slice(plain[from..].trim_ascii_start());
        let lower = text.to_ascii_lowercase();
        let start = if begins { joined } else { 0 };
        for field in field::fields(&text, &lower, start, self.answer.context()) {
            if field.end > joined {
                self.answer.field(field.says, field.place);
            }
        }
        let told = told(&text, &lower, joined, start, &before);
        if let Some(asked) = told {
            self.answer.ask(asked, Rank::Exact(Exact::Seconds));
        }
        match phrase::exhausted(&lower, joined) {
            Some((_, IfTimed::Wait)) if told.is_some() => {}
            Some((words, _)) => self.answer.exhaust(words),
            None => {}
        }
        self.tail = Tail::of(line);
        let left = if let GoesOn::Open(left) = before.goes_on { left } else { OPEN_LINES };
        if left > 0 && is_open(&lower) {
            self.tail = Tail { text: last_bytes(&text).to_vec(), goes_on: GoesOn::Open(left - 1) };
        } else if self.tail.goes_on == GoesOn::Perhaps {
            self.tail.goes_on = GoesOn::Listen;
        }
    }
}

/// What a line tells to wait, which begins at `joined` of the text; in front of it is what may go on in it.
fn told(text: &[u8], lower: &[u8], joined: usize, start: usize, before: &Tail) -> Option<RequestedDelay> {
    let line_before = before.text.to_ascii_lowercase();
    let last = |text: &[u8], lower: &[u8], joined: usize, start: usize| {
        let around = Around { lower, line: start, before: &line_before };
        phrase::last(text, around).and_then(|told| Some((told.end.checked_sub(joined)?, told.asked)))
    };
    let between_words = last(text, lower, joined, start).filter(|(end, _)| *end > 0);
    if !matches!(before.goes_on, GoesOn::Perhaps | GoesOn::Listen) {
        return between_words.map(|(_, asked)| asked);
    }
    // A terminal may have broken the line inside a word or a number. Then more is understood without a space.
    let without_space = |text: &[u8]| [&text[..joined - 1], &text[joined..]].concat();
    let inside_a_word = last(&without_space(text), &without_space(lower), joined - 1, start.min(joined - 1));
    let inside_a_word = inside_a_word.filter(|(end, _)| *end > 0);
    let both = between_words.into_iter().chain(inside_a_word);
    both.reduce(|one, other| if other.0 > one.0 { other } else { one }).map(|(_, asked)| asked)
}

impl Tail {
    fn of(line: &[u8]) -> Self {
        let goes_on = if line.len() >= WRAPPED { GoesOn::Perhaps } else { GoesOn::No };
        // Escapes and borders make a line longer than its text.
        let line = &line[line.len().saturating_sub(4 * TAIL)..];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let plain = plain(line.rsplit(|byte| *byte == b'\r').next().unwrap_or_default());
        Self { text: last_bytes(&plain).to_vec(), goes_on }
    }

    /// Whether the next line matters, whatever is in it.
    fn is_awaited(&self) -> bool {
        matches!(self.goes_on, GoesOn::Listen | GoesOn::Open(_))
    }
}

/// Whether a line ends inside a value that is more than a line long.
fn is_open(lower: &[u8]) -> bool {
    let Some(at) = memmem::rfind(lower, b"retry") else { return false };
    let rest = &lower[at..];
    let opens = |open: u8, close: u8| memrchr(open, rest) > memrchr(close, rest);
    rest.len() < 120 && (opens(b'{', b'}') || opens(b'[', b']'))
}

fn last_bytes(text: &[u8]) -> &[u8] {
    &text[text.len().saturating_sub(TAIL)..]
}
