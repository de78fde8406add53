//! Phrases: what a server asks people to do, and when. Decides what is a demand and what a tool says about itself, such
//! as "will try again in 5 seconds".

use super::amount::{self, RequestedDelay};
use super::date;
use super::forms::{DemandIf, FORMS, FormKind, IfTimed, Lead};
use memchr::memmem;

/// The bytes before a verb in which its subject is looked for.
const SUBJECT_REACH: usize = 80;

/// A phrase that asks to wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phrase {
    pub delay: RequestedDelay,
    /// The offset of its end.
    pub end: usize,
}

/// The text around a phrase.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The text in lower case.
    pub lower: &'a [u8],
    /// The offset of the line; the end of a previous line that may continue in it comes first.
    pub line: usize,
    /// The previous line in lower case.
    pub before: &'a [u8],
}

impl Surroundings<'_> {
    /// Whether a limit on requests is mentioned.
    fn is_limited(self) -> bool {
        mentions_a_limit(self.lower) || mentions_a_limit(self.before)
    }

    /// Whether a limit was exceeded.
    fn is_exceeded(self) -> bool {
        says_exceeded(self.lower) || says_exceeded(self.before) && !something_remains(self.lower)
    }
}

/// The last demand of a line. `text` has the case of the output.
pub fn last(text: &[u8], surroundings: Surroundings<'_>) -> Option<Phrase> {
    let lower = surroundings.lower;
    let mut phrase: Option<Phrase> = None;
    for lead in leads() {
        for at in memmem::find_iter(lower, lead.words) {
            if let Some(found) = demand(text, surroundings, lead, at)
                && phrase.is_none_or(|phrase| phrase.end <= found.end)
            {
                phrase = Some(found);
            }
        }
    }
    phrase
}

fn leads() -> impl Iterator<Item = &'static Lead> {
    FORMS.iter().flat_map(|form| match form.kind {
        FormKind::Phrase { leads } => leads,
        _ => &[],
    })
}

/// The exhausted quota that a line names, and what counts if it also has a time. A word of it has to stand behind
/// `from`: what comes before was parsed with the previous line.
pub fn exhausted(lower: &[u8], from: usize) -> Option<(&'static str, IfTimed)> {
    exhausted_quota(lower).filter(|_| exhausted_quota(&lower[..from]).is_none())
}

fn exhausted_quota(lower: &[u8]) -> Option<(&'static str, IfTimed)> {
    FORMS.iter().find_map(|form| {
        let FormKind::Words { groups, name, if_timed } = form.kind else { return None };
        let has = |words: &&[&str]| words.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some());
        groups.iter().all(has).then_some((name, if_timed))
    })
}

/// Whether a line mentions a limit on requests.
pub fn mentions_a_limit(lower: &[u8]) -> bool {
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

/// Whether a line says that a limit was exceeded, and not only what it is.
fn says_exceeded(lower: &[u8]) -> bool {
    const EXCEEDED: &[&str] = &[
        "exceed", "reached", "exhaust", "hit your", "hit the", "hit a", "too many", "throttl", "limited",
        "429", "403", "blocked", "banned",
    ];
    const LIMIT: &[&str] = &["limit", "quota", "requests", "capacity", "blocked", "banned", "throttl"];
    let has = |words: &[&str]| words.iter().any(|word| memmem::find(lower, word.as_bytes()).is_some());
    has(EXCEEDED) && has(LIMIT) && !something_remains(lower)
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

fn demand(text: &[u8], surroundings: Surroundings<'_>, lead: &Lead, at: usize) -> Option<Phrase> {
    let Surroundings { lower, line, .. } = surroundings;
    let end = at + lead.words.len();
    let continuation = !lead.words.ends_with('_') && lower.get(end).copied().is_some_and(is_word);
    if continuation || at > 0 && is_word(lower[at - 1]) {
        return None;
    }
    let verb = verb(lower, lead, at)?;
    let (time, delay) = after(text, lower, lead, end)?;
    let phrase = Phrase { delay, end: time };
    let before = &lower[verb.saturating_sub(SUBJECT_REACH)..verb];
    let capital = text[verb].is_ascii_uppercase();
    // A line that begins with a capital continues no sentence.
    let before = if verb <= line && capital { &[] } else { before };
    let subject = match subject(before, verb <= line) {
        Subject::Nobody if counts_attempts(lower) => Subject::Tool,
        subject => subject,
    };
    let limited = surroundings.is_limited();
    let is_demand = match lead.when {
        DemandIf::Always | DemandIf::InSeconds => true,
        DemandIf::Exceeded => surroundings.is_exceeded(),
        _ if subject == Subject::Tool => false,
        // "connect: retry after 3s" is said by a tool.
        DemandIf::Requested if lead.words == "retry" && subject == Subject::Nobody => {
            capital || verb == line || limited
        }
        DemandIf::Requested => subject != Subject::Unclear || limited,
        DemandIf::RequestedAndLimited => {
            subject == Subject::Reader || subject == Subject::Must || subject == Subject::Nobody && limited
        }
        DemandIf::Before => match following(&lower[time..]) {
            Following::Retry => subject != Subject::Unclear || limited,
            Following::Else => limited || subject == Subject::Must || lead.words != "wait",
            Following::While => false,
        },
    };
    is_demand.then_some(phrase)
}

/// The offset of the verb: in `try this request again` it stands some words before `again`.
fn verb(lower: &[u8], lead: &Lead, at: usize) -> Option<usize> {
    if lead.words != "again" {
        return Some(at);
    }
    let start = at.saturating_sub(48);
    // "trying again in" is said by a tool.
    let verbs: [&[u8]; 7] = [b"try", b"retry", b"request", b"attempt", b"tried", b"trying", b"retrying"];
    let (verb, word) = words(&lower[start..at]).rev().take(5).find(|(_, word)| verbs.contains(word))?;
    (!word.ends_with(b"ing")).then_some(start + verb)
}

/// The words with their offsets.
fn words(text: &[u8]) -> impl DoubleEndedIterator<Item = (usize, &[u8])> {
    let base = text.as_ptr().addr();
    text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'\'' || *byte == b'_'))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - base, word))
}

/// The time behind a lead, and the offset of its end.
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
    // A time behind `at` and `until` is a time of day, unless it is a whole date or an epoch.
    if matches!(join, "at" | "on" | "until") {
        if let Some((time, length)) = date::parse(&text[at..]) {
            return Some((at + length, RequestedDelay::At(time)));
        }
        let epoch = amount::digits(&lower[at..]).filter(|read| read.seconds >= 1e9)?;
        return Some((at + epoch.end, RequestedDelay::seconds(epoch.seconds)?));
    }
    if let Some((delay, length)) = amount::parse(&text[at..], &lower[at..]) {
        return Some((at + length, delay));
    }
    let read = amount::digits(&lower[at..]).filter(|_| lead.when == DemandIf::InSeconds)?;
    let rest = &lower[at + read.end..];
    let open = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
    RequestedDelay::seconds(read.seconds).filter(|_| !open).map(|delay| (at + read.end, delay))
}

/// Whether a line counts attempts, as a tool does: `(attempt 2/5)`.
fn counts_attempts(lower: &[u8]) -> bool {
    memmem::find_iter(lower, b"attempt").any(|at| {
        let rest = lower[at + 7..].iter().find(|byte| !matches!(byte, b' ' | b'#' | b'=' | b':'));
        rest.is_some_and(u8::is_ascii_digit)
    })
}

/// The subject of a verb, by the words before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// The reader: `please`, `you can`.
    Reader,
    /// The reader, with `must` or `have to`.
    Must,
    /// None: the verb begins a sentence, so the reader is meant most likely.
    Nobody,
    /// The tool itself.
    Tool,
    Unclear,
}

/// Looks at the words before a verb, the last one first, up to the start of the sentence.
fn subject(before: &[u8], begins_line: bool) -> Subject {
    let start = before.iter().rposition(|byte| {
        matches!(
            byte,
            b'.' | b'!' | b'?' | b';' | b':' | b',' | b'(' | b'[' | b'{' | b'"' | b'|' | b'>' | b'\n'
        )
    });
    let sentence = start.map_or(before, |at| &before[at + 1..]);
    let mut near = words(sentence).rev().map(|(_, word)| word).take(6).peekable();
    if near.peek().is_none() {
        let begins = start.map_or(begins_line || before.is_empty(), |at| before[at] != b',');
        return if begins { Subject::Nobody } else { Subject::Unclear };
    }
    let mut first = true;
    let mut to = false;
    for word in near {
        match word {
            b"please" | b"can" | b"may" | b"could" | b"able" | b"allowed" | b"kindly" | b"you"
            | b"should" => {
                return Subject::Reader;
            }
            b"must" => return Subject::Must,
            b"have" | b"need" | b"needs" | b"has" if to => return Subject::Must,
            b"will" | b"shall" | b"would" | b"going" | b"gonna" | b"sleeping" | b"waiting" | b"pausing"
            | b"retrying" | b"automatically" | b"scheduled" | b"about" | b"sleep" | b"i" | b"we" | b"let"
            | b"lets" | b"let's" | b"auto" | b"not" | b"don't" | b"never" | b"no" => return Subject::Tool,
            _ if word.ends_with(b"'ll") || word.ends_with(b"'re") || word.ends_with(b"'m") => {
                return Subject::Tool;
            }
            b"and" | b"or" | b"then" | b"just" | b"so" | b"a" | b"be" => {}
            b"to" => to |= first,
            _ if first => {
                return if begins_line { Subject::Nobody } else { Subject::Unclear };
            }
            _ => {}
        }
        first = false;
    }
    if to { Subject::Tool } else { Subject::Nobody }
}

/// The words behind a time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Following {
    /// `before retrying`, `and try again`.
    Retry,
    /// `while the server starts`.
    While,
    Else,
}

fn following(rest: &[u8]) -> Following {
    let sentence = rest.split(|byte| matches!(byte, b'.' | b'!' | b';' | b'\n')).next().unwrap_or_default();
    let mut near = words(sentence).map(|(_, word)| word).take(7).skip_while(|word| *word == b"more");
    match near.next() {
        Some(b"while" | b"for" | b"as" | b"when") => Following::While,
        Some(b"before" | b"until" | b"then" | b"and" | b"between" | b"to") => {
            const AGAIN: &[&str] = &[
                "retry", "try", "request", "send", "sen", "mak", "attempt", "next", "another", "again",
                "submit", "post", "call", "continu", "us", "do", "log", "upload", "creat",
            ];
            let again = near.any(|word| AGAIN.iter().any(|again| word.starts_with(again.as_bytes())));
            if again { Following::Retry } else { Following::Else }
        }
        _ => Following::Else,
    }
}
