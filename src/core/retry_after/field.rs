//! Fields: a name, a mark and a value, in a header line, a member of an object or a pair in a log. Decides which of the
//! many ways to print one are a demand.

use super::amount::{self, RequestedDelay};
use super::forms::{FORMS, FormKind, Number};
use super::value::{Place, all_limits, is_name, value};

/// The longest name of a known field, in bytes.
const MAX_NAME: usize = 64;

/// A field with a known name.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub value: FieldValue,
    /// The offset of the end of the value.
    pub end: usize,
    pub place: Place,
}

/// The meaning of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    RetryAfter {
        delay: RequestedDelay,
        precision: Precision,
    },
    /// The rest of the limit `of`, whose name lacks what all names have in common.
    Remaining {
        of: String,
        nothing: bool,
    },
    /// The time at which the limit `of` starts anew.
    Reset {
        of: String,
        delay: RequestedDelay,
        precision: Precision,
    },
}

/// The precision of a demand. Of one response, the more precise demand counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    Seconds,
    Milliseconds,
}

/// What is known about the lines around a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// They belong to a response that is an error.
    FailedResponse,
    Unknown,
}

/// The fields of a line. `lower` is `text` in lower case; the line begins at `start`.
pub fn fields(text: &[u8], lower: &[u8], start: usize, context: Context) -> Vec<Field> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = next_anchor(&lower[from..]).map(|at| from + at) {
        let (begin, end) = name_around(lower, at);
        from = end.max(at + 1);
        if end - begin <= MAX_NAME
            && let Some(name) = Name::at(lower, begin, end, start, context)
        {
            found.extend(name.read(text, lower));
        }
    }
    found
}

/// The offset of a word that the name of a known field contains.
fn next_anchor(lower: &[u8]) -> Option<usize> {
    ["retry", "limit", "quota", "resetsin", "resetin", "resets_in", "reset_in"]
        .iter()
        .filter_map(|word| memchr::memmem::find(lower, word.as_bytes()))
        .min()
}

/// The range of the whole name around `at`.
fn name_around(lower: &[u8], at: usize) -> (usize, usize) {
    let before = lower[..at].iter().rev().take_while(|byte| is_name(**byte)).count();
    let after = lower[at..].iter().take_while(|byte| is_name(**byte)).count();
    let mut begin = at - before;
    // In an escaped string, a line ends with `\n`, whose `n` is not part of the name.
    if begin > 0 && lower[begin - 1] == b'\\' && matches!(lower[begin], b'n' | b'r' | b't') {
        begin += 1;
    }
    (begin.min(at), at + after)
}

/// A name and its place in the line.
struct Name {
    /// Without dashes and underscores.
    plain: String,
    /// The offset of the value.
    value: usize,
    place: Place,
}

impl Name {
    /// The name at `begin..end`, if a mark and a value follow and it stands where a field would.
    fn at(lower: &[u8], begin: usize, end: usize, line: usize, context: Context) -> Option<Self> {
        let written = str::from_utf8(&lower[begin..end]).ok()?;
        if written.starts_with(['-', '_']) || written.ends_with(['-', '_']) {
            return None;
        }
        let dashes = written.contains('-');
        let before = &lower[if begin < line { 0 } else { line }..begin];
        let quoted_before = before.last().is_some_and(|byte| matches!(byte, b'"' | b'\''));
        let after_quotes = quotes(&lower[end..]);
        let quoted = quoted_before && after_quotes > 0;
        let mut at = end + after_quotes;
        let gap = spaces(&lower[at..]);
        at += gap;
        // A map of Clojure has no mark.
        let pair = quoted && gap > 0 && lower.get(at) == Some(&b'"');
        let mark = if pair { 0 } else { mark(&lower[at..])? };
        let tuple = quoted && lower[at] == b',';
        if lower[at] == b',' && !tuple {
            return None;
        }
        at += mark;
        let plain: String = written.chars().filter(|c| !matches!(c, '-' | '_')).collect();
        let is_header = dashes || plain == "ratelimit";
        let value = at + opening(&lower[at..]);
        let stands = if lower.get(value) == Some(&b'{') {
            !is_header
        } else if quoted {
            // Headers in Ruby have `=>`. A name with an underscore and `=>` is a setting of PHP.
            is_header || mark == 1 && lower[at - 1] != b'='
        } else if after_quotes > 0 {
            false
        } else if is_header {
            stands_as_header(before, lower[at - 1])
        } else {
            stands_as_member(lower, before, value, context)
        };
        let place = if is_header { Place::Header } else { Place::Body };
        stands.then_some(Self { plain, value, place })
    }

    fn read(&self, text: &[u8], lower: &[u8]) -> Option<Field> {
        let (text, lower) = (&text[self.value..], &lower[self.value..]);
        let field = |value, length| Field { value, end: self.value + length, place: self.place };
        for form in FORMS {
            match &form.kind {
                FormKind::Field { names, number } if names.contains(&self.plain.as_str()) => {
                    let (delay, length) = value(text, lower, *number, self.place)?;
                    let precision = if *number == Number::Milliseconds {
                        Precision::Milliseconds
                    } else {
                        Precision::Seconds
                    };
                    return Some(field(FieldValue::RetryAfter { delay, precision }, length));
                }
                FormKind::Limit if self.plain == "ratelimit" || self.plain == "xratelimit" => {
                    let (delay, length) = all_limits(lower)?;
                    return Some(field(
                        FieldValue::RetryAfter { delay, precision: Precision::Seconds },
                        length,
                    ));
                }
                FormKind::Limits => {
                    if let Some((what, of)) = limit(&self.plain) {
                        return self.limit(what, of, text, lower);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn limit(&self, what: Part, of: String, text: &[u8], lower: &[u8]) -> Option<Field> {
        let field = |value, length| Field { value, end: self.value + length, place: self.place };
        match what {
            Part::Remaining => {
                let negative = usize::from(lower.first() == Some(&b'-'));
                let read = amount::digits(&lower[negative..])?;
                let nothing = read.seconds == 0.0 || negative > 0;
                Some(field(FieldValue::Remaining { of, nothing }, negative + read.end))
            }
            Part::Reset => {
                let (delay, length) = value(text, lower, Number::Seconds, self.place)?;
                Some(field(FieldValue::Reset { of, delay, precision: Precision::Seconds }, length))
            }
            Part::ResetAfter => {
                let (delay, length) = value(text, lower, Number::Seconds, self.place)?;
                Some(field(FieldValue::Reset { of, delay, precision: Precision::Milliseconds }, length))
            }
        }
    }
}

/// What a field says about a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Remaining,
    Reset,
    ResetAfter,
}

/// Splits `xratelimitresetrequests` into the part and the name of the limit.
fn limit(plain: &str) -> Option<(Part, String)> {
    let (vendor, rest) = plain.split_once("ratelimit").or_else(|| plain.split_once("userquota"))?;
    let parts = [
        ("remaining", Part::Remaining),
        ("resetafter", Part::ResetAfter),
        ("resetsafter", Part::ResetAfter),
        ("resettime", Part::Reset),
        ("reset", Part::Reset),
    ];
    let (part, of) = parts.into_iter().find_map(|(word, part)| {
        let of = rest.strip_prefix(word).or_else(|| rest.strip_suffix(word))?;
        Some((part, of))
    })?;
    Some((part, format!("{}/{of}", vendor.strip_prefix('x').unwrap_or(vendor))))
}

/// The number of quotes at the start, escaped ones included.
fn quotes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\')).count()
}

fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b' ' || **byte == b'\t').count()
}

/// The length of `:`, `=`, `=>`, or the `,` of a pair.
fn mark(text: &[u8]) -> Option<usize> {
    match text {
        [b'=', b'>', ..] => Some(2),
        [b':' | b'=' | b',', ..] => Some(1),
        // The text format of Protocol Buffers needs none.
        [b'{', ..] => Some(0),
        _ => None,
    }
}

/// The length of what may stand between the mark and the value.
fn opening(text: &[u8]) -> usize {
    let mut at = spaces(text);
    for opening in [&b"some("[..], b"["] {
        if text[at..].starts_with(opening) {
            at += opening.len();
            at += spaces(&text[at..]);
        }
    }
    if text[at..].starts_with(b"b'") || text[at..].starts_with(b"b\"") {
        at += 1;
    }
    at + quotes(&text[at..])
}

/// A header stands alone in its line, behind the marks of a tool, or in a list. Behind a word it is only mentioned, and
/// behind `>` it was sent.
fn stands_as_header(before: &[u8], mark: u8) -> bool {
    if mark == b'=' && before.last().is_some_and(|byte| *byte == b' ') {
        return true;
    }
    let before = before.trim_ascii_end();
    let Some(&last) = before.last() else { return true };
    if before.ends_with(b"\\n") || before.ends_with(b"\\r") {
        return true;
    }
    if matches!(last, b'<' | b'*' | b'|' | b':' | b']' | b')' | b',' | b';' | b'{' | b'(' | b'[' | b'-') {
        let sent = [&b"send header:"[..], b"=> send"];
        return !sent.iter().any(|words| memchr::memmem::find(before, words).is_some());
    }
    // The border of a box.
    if before.ends_with("│".as_bytes()) {
        return true;
    }
    let word = before.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    // A time from a CI runner, or words about headers.
    let time = word.first().is_some_and(u8::is_ascii_digit) && memchr::memchr(b':', word).is_some();
    time || word == b"header" || word == b"headers"
}

/// A member without quotes counts in braces, as Node prints it, or in a line that mentions a limit: by itself it may be
/// a setting.
fn stands_as_member(lower: &[u8], before: &[u8], value: usize, context: Context) -> bool {
    if before.last().is_some_and(|byte| matches!(byte, b'.' | b'/' | b'$' | b'>')) {
        return false;
    }
    if memchr::memrchr(b'{', before).is_some() || super::phrase::mentions_a_limit(lower) {
        return true;
    }
    // Alone in its line, it counts in an error response, or in an object that Node has printed: with a comma behind it
    // or its value in quotes.
    let rest = &lower[value..];
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
    let in_object = rest.get(length) == Some(&b',') || lower[value - 1] == b'\'';
    before.trim_ascii().is_empty() && (in_object || context == Context::FailedResponse)
}
