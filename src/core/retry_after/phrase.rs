//! Phrases: what a server tells people to do, and when. Owns the difference between that and what a tool says
//! about itself, such as "will try again in 5 seconds".

use super::amount::{self, RequestedDelay};
use super::date;
use super::forms::{FORMS, IfTimed, Lead, Reading, When};
use memchr::memmem;

/// What a sentence tells to do is found so far in front of it.
const REACH: usize = 80;

/// A time that somebody is told to wait for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phrase {
    /// How long, or until when.
    pub asked: RequestedDelay,
    /// Where it ends in the line.
    pub end: usize,
}

/// What a phrase stands in.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The text in lower case.
    pub lower: &'a [u8],
    /// Where the line begins in it; in front is the end of the one that may go on in it.
    pub line: usize,
    /// The line before, in lower case.
    pub before: &'a [u8],
}

impl Around<'_> {
    /// Whether there is talk of a limit on requests.
    fn is_limited(self) -> bool {
        speaks_of_a_limit(self.lower) || speaks_of_a_limit(self.before)
    }

    /// Whether one was passed.
    fn is_passed(self) -> bool {
        says_it_was_passed(self.lower) || says_it_was_passed(self.before) && !something_remains(self.lower)
    }
}

/// The last demand of a line: of `text`, as it was before it was put in lower case.
pub fn last(text: &[u8], around: Around<'_>) -> Option<Phrase> {
    let lower = around.lower;
    let mut phrase: Option<Phrase> = None;
    for lead in leads() {
        for at in memmem::find_iter(lower, lead.words) {
            if let Some(found) = demand(text, around, lead, at)
                && phrase.is_none_or(|phrase| phrase.end <= found.end)
            {
                phrase = Some(found);
            }
        }
    }
    phrase
}

fn leads() -> impl Iterator<Item = &'static Lead> {
    FORMS.iter().flat_map(|form| match form.reading {
        Reading::Phrase { leads } => leads,
        _ => &[],
    })
}

/// The words of exhaustion of a line, and what they mean beside a time. One of them has to be behind `from`:
/// what is in front of it was read before.
pub fn exhausted(lower: &[u8], from: usize) -> Option<(&'static str, IfTimed)> {
    words_of_exhaustion(lower).filter(|_| words_of_exhaustion(&lower[..from]).is_none())
}

fn words_of_exhaustion(lower: &[u8]) -> Option<(&'static str, IfTimed)> {
    FORMS.iter().find_map(|form| {
        let Reading::Words { groups, says, if_timed } = form.reading else { return None };
        let has = |words: &&[&str]| words.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some());
        groups.iter().all(has).then_some((says, if_timed))
    })
}

/// Whether a line speaks of a limit on requests.
pub fn speaks_of_a_limit(lower: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "rate limit",
        "rate-limit",
        "ratelimit",
        "rate_limit",
        "too many",
        "toomany",
        "throttl",
        "quota",
        "exceed",
        "429",
        "limit reached",
        "limited",
        "flood",
        "slow down",
        "usage limit",
        "blocked",
        "overload",
    ];
    WORDS.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some())
}

/// Whether a line says that a limit was passed, and not just where it is.
fn says_it_was_passed(lower: &[u8]) -> bool {
    const PASSED: &[&str] = &[
        "exceed", "reached", "exhaust", "hit your", "hit the", "hit a", "too many", "throttl", "limited",
        "429", "403", "blocked", "banned",
    ];
    const LIMIT: &[&str] = &["limit", "quota", "requests", "capacity", "blocked", "banned", "throttl"];
    let has = |words: &[&str]| words.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some());
    has(PASSED) && has(LIMIT) && !something_remains(lower)
}

/// `59 remaining`, `remaining: 59`.
fn something_remains(lower: &[u8]) -> bool {
    memmem::find_iter(lower, b"remaining").any(|at| {
        let before = lower[..at].trim_ascii_end().last().is_some_and(|byte| matches!(byte, b'1'..=b'9'));
        let rest = lower[at + 9..].iter().skip_while(|byte| matches!(byte, b':' | b'=' | b' ' | b'"'));
        before || rest.copied().next().is_some_and(|byte| matches!(byte, b'1'..=b'9'))
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn demand(text: &[u8], around: Around<'_>, lead: &Lead, at: usize) -> Option<Phrase> {
    let Around { lower, line, .. } = around;
    let end = at + lead.words.len();
    let goes_on = !lead.words.ends_with('_') && lower.get(end).copied().is_some_and(is_word);
    if goes_on || at > 0 && is_word(lower[at - 1]) {
        return None;
    }
    let verb = verb(lower, lead, at)?;
    let (time, asked) = after(text, lower, lead, end)?;
    let phrase = Phrase { asked, end: time };
    let before = &lower[verb.saturating_sub(REACH)..verb];
    let capital = text[verb].is_ascii_uppercase();
    // A line that begins with a capital goes on with no sentence.
    let before = if verb <= line && capital { &[] } else { before };
    let who = match who(before, verb <= line) {
        Who::Nobody if counts_attempts(lower) => Who::Tool,
        who => who,
    };
    let limited = around.is_limited();
    let is_demand = match lead.when {
        When::Always | When::InSeconds => true,
        When::Exceeded => around.is_passed(),
        _ if who == Who::Tool => false,
        // "connect: retry after 3s" is a tool's.
        When::Requested if lead.words == "retry" && who == Who::Nobody => capital || verb == line || limited,
        When::Requested => who != Who::Unclear || limited,
        When::AskedAndLimited => who == Who::Reader || who == Who::Must || who == Who::Nobody && limited,
        When::Before => match behind(&lower[time..]) {
            Behind::Retry => who != Who::Unclear || limited,
            Behind::Else => limited || who == Who::Must || lead.words != "wait",
            Behind::While => false,
        },
    };
    is_demand.then_some(phrase)
}

/// Where the verb begins: for `try this request again`, some words before `again`.
fn verb(lower: &[u8], lead: &Lead, at: usize) -> Option<usize> {
    if lead.words != "again" {
        return Some(at);
    }
    let start = at.saturating_sub(48);
    // What tries again in a moment is the tool.
    let verbs: [&[u8]; 7] = [b"try", b"retry", b"request", b"attempt", b"tried", b"trying", b"retrying"];
    let (verb, word) = words(&lower[start..at]).rev().take(5).find(|(_, word)| verbs.contains(word))?;
    (!word.ends_with(b"ing")).then_some(start + verb)
}

/// Words with where they begin.
fn words(text: &[u8]) -> impl DoubleEndedIterator<Item = (usize, &[u8])> {
    let base = text.as_ptr().addr();
    text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'\'' || *byte == b'_'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - base, word))
}

/// The time behind a lead: where it ends, and what it says.
fn after(text: &[u8], lower: &[u8], lead: &Lead, end: usize) -> Option<(usize, RequestedDelay)> {
    let mut at = end;
    // `retry your request after`, `try again later in`.
    let fillers: [&[u8]; 12] = [
        b"your",
        b"the",
        b"this",
        b"that",
        b"request",
        b"requests",
        b"operation",
        b"call",
        b"later",
        b"connection",
        b"again",
        b"action",
    ];
    let mut joined = None;
    for _ in 0..4 {
        at += lower[at..].iter().take_while(|byte| matches!(byte, b' ' | b',' | b'(' | b':' | b'\t')).count();
        let length = lower[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = &lower[at..at + length];
        if let Some(join) = lead.joins.iter().find(|join| !join.is_empty() && join.as_bytes() == word) {
            joined = Some(*join);
            at += length;
            break;
        }
        if length == 0 || !fillers.contains(&word) {
            break;
        }
        at += length;
    }
    let join = joined.or_else(|| lead.joins.contains(&"").then_some(""))?;
    at += lower[at..].iter().take_while(|byte| matches!(byte, b' ' | b':' | b'=' | b'\t')).count();
    for word in ["about ", "approximately ", "around ", "at least ", "another ", "~", "a minimum of "] {
        if lower[at..].starts_with(word.as_bytes()) {
            at += word.len();
        }
    }
    // What is behind `at` and `until` is a time of the day, unless it is a whole date or an epoch.
    if matches!(join, "at" | "on" | "until") {
        if let Some((time, length)) = date::written(&text[at..]) {
            return Some((at + length, RequestedDelay::At(time)));
        }
        let epoch = amount::digits(&lower[at..]).filter(|read| read.seconds >= 1e9)?;
        return Some((at + epoch.end, RequestedDelay::seconds(epoch.seconds)?));
    }
    if let Some((asked, length)) = amount::written(&text[at..], &lower[at..]) {
        return Some((at + length, asked));
    }
    let read = amount::digits(&lower[at..]).filter(|_| lead.when == When::InSeconds)?;
    let rest = &lower[at + read.end..];
    let open = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
    RequestedDelay::seconds(read.seconds).filter(|_| !open).map(|asked| (at + read.end, asked))
}

/// Whether a line counts attempts, as a tool does: `(attempt 2/5)`.
fn counts_attempts(lower: &[u8]) -> bool {
    memmem::find_iter(lower, b"attempt").any(|at| {
        let rest = lower[at + 7..].iter().find(|byte| !matches!(byte, b' ' | b'#' | b'=' | b':'));
        rest.is_some_and(u8::is_ascii_digit)
    })
}

/// Who is phrase, as far as the words in front say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The reader: `please`, `you can`.
    Reader,
    /// The reader, who has to.
    Must,
    /// It is the beginning of a sentence, so most likely the reader.
    Nobody,
    /// The tool speaks of itself.
    Tool,
    /// It stands behind something else.
    Unclear,
}

/// Looks at the words in front of a verb, the last one first, up to the beginning of the sentence.
fn who(before: &[u8], begins_line: bool) -> Who {
    let start = before.iter().rposition(|byte| {
        matches!(
            byte,
            b'.' | b'!' | b'?' | b';' | b':' | b',' | b'(' | b'[' | b'{' | b'"' | b'|' | b'>' | b'\n'
        )
    });
    let sentence = start.map_or(before, |at| &before[at + 1..]);
    // A point inside a number or a name begins nothing.
    let mut near = words(sentence).rev().map(|(_, word)| word).take(6).peekable();
    if near.peek().is_none() {
        let begins = start.map_or(begins_line || before.is_empty(), |at| before[at] != b',');
        return if begins { Who::Nobody } else { Who::Unclear };
    }
    let mut first = true;
    let mut to = false;
    for word in near {
        match word {
            b"please" | b"can" | b"may" | b"could" | b"able" | b"allowed" | b"kindly" | b"you"
            | b"should" => {
                return Who::Reader;
            }
            b"must" => return Who::Must,
            b"have" | b"need" | b"needs" | b"has" if to => return Who::Must,
            b"will" | b"shall" | b"would" | b"going" | b"gonna" | b"sleeping" | b"waiting" | b"pausing"
            | b"retrying" | b"automatically" | b"scheduled" | b"about" | b"sleep" | b"i" | b"we" | b"let"
            | b"lets" | b"let's" | b"auto" | b"not" | b"don't" | b"never" | b"no" => return Who::Tool,
            _ if word.ends_with(b"'ll") || word.ends_with(b"'re") || word.ends_with(b"'m") => {
                return Who::Tool;
            }
            b"and" | b"or" | b"then" | b"just" | b"so" | b"a" | b"be" => {}
            b"to" => to |= first,
            _ if first => {
                return if begins_line { Who::Nobody } else { Who::Unclear };
            }
            _ => {}
        }
        first = false;
    }
    if to { Who::Tool } else { Who::Nobody }
}

/// What stands behind a time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// `before retrying`, `and try again`.
    Retry,
    /// `while the server starts`.
    While,
    /// Something else, or nothing.
    Else,
}

fn behind(rest: &[u8]) -> Behind {
    let sentence = rest.split(|byte| matches!(byte, b'.' | b'!' | b';' | b'\n')).next().unwrap_or_default();
    let mut near = words(sentence).map(|(_, word)| word).take(7).skip_while(|word| *word == b"more");
    match near.next() {
        Some(b"while" | b"for" | b"as" | b"when") => Behind::While,
        Some(b"before" | b"until" | b"then" | b"and" | b"between" | b"to") => {
            const AGAIN: &[&str] = &[
                "retry", "try", "request", "send", "sen", "mak", "attempt", "next", "another", "again",
                "submit", "post", "call", "continu", "us", "do", "log", "upload", "creat",
            ];
            let again = near.any(|word| AGAIN.iter().any(|again| word.starts_with(again.as_bytes())));
            if again { Behind::Retry } else { Behind::Else }
        }
        _ => Behind::Else,
    }
}
