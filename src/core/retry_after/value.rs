//! The values of fields in each notation, and where they end.

use super::amount::{self, RequestedDelay};
use super::date;
use super::forms::Number;

/// Where a field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The headers of a response.
    Header,
    /// A body or a message.
    Body,
}

/// Whether the byte can be part of the name of a field.
pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The value of a field, and its length. Nothing else may follow in the value.
pub fn value(text: &[u8], lower: &[u8], number: Number, place: Place) -> Option<(RequestedDelay, usize)> {
    if let Some((delay, length)) = seconds_and_nanos(lower) {
        return Some((delay, length));
    }
    let date = date::parse(text).or_else(|| date::asctime(text));
    if let Some((time, length)) = date {
        return Some((RequestedDelay::At(time), length));
    }
    if let Some((delay, length)) = amount::parse(text, lower) {
        return ends(&lower[length..]).then_some((delay, length));
    }
    let read = amount::digits(lower).filter(|read| ends(&lower[read.end..]))?;
    let seconds = match number {
        Number::Seconds => read.seconds,
        Number::Milliseconds => read.seconds / 1000.0,
        Number::Minutes => read.seconds * 60.0,
        Number::Unknown => return None,
    };
    // Whole thousands in a body may be milliseconds, in which JavaScript counts.
    let thousands = read.seconds > 0.0 && read.seconds < 1e9 && read.seconds % 1000.0 == 0.0;
    if place == Place::Body && number == Number::Seconds && thousands {
        return None;
    }
    Some((RequestedDelay::seconds(seconds)?, read.end))
}

/// Whether the text behind a value ends it.
fn ends(rest: &[u8]) -> bool {
    match rest {
        [b'.', next, ..] => next.is_ascii_whitespace(),
        [] | [b'.' | b',' | b';' | b'}' | b']' | b')' | b'"' | b'\'' | b'\\' | b'\t' | b'\r' | b'>', ..] => {
            true
        }
        [b' ', rest @ ..] => {
            let rest = rest.trim_ascii_start();
            // The next item of a list, a closing brace, or the border of a box.
            rest.is_empty()
                || rest.starts_with("│".as_bytes())
                || matches!(rest[0], b',' | b'}' | b']' | b')' | b'|' | b'(' | b';')
                || next_is_a_field(rest)
        }
        _ => false,
    }
}

/// `nanos:5`, `level=error`: the next pair of a list without commas.
fn next_is_a_field(rest: &[u8]) -> bool {
    let name = rest.iter().take_while(|byte| is_name(**byte) || **byte == b'"').count();
    name > 0 && rest.get(name).is_some_and(|byte| matches!(byte, b'=' | b':'))
}

/// `{ seconds: 43 nanos: 500000000 }`, the text form of google.protobuf.Duration.
fn seconds_and_nanos(lower: &[u8]) -> Option<(RequestedDelay, usize)> {
    let open = lower.strip_prefix(b"{")?;
    let close = memchr::memchr(b'}', open)?;
    let inside = &open[..close];
    let part = |name: &[u8]| -> Option<f64> {
        let at = memchr::memmem::find(inside, name)? + name.len();
        let rest = inside[at..].strip_prefix(b"\"").unwrap_or(&inside[at..]).trim_ascii_start();
        let rest = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"="))?.trim_ascii_start();
        Some(amount::digits(rest.strip_prefix(b"\"").unwrap_or(rest))?.seconds)
    };
    let (seconds, nanos) = (part(b"seconds"), part(b"nanos"));
    if seconds.is_none() && nanos.is_none() {
        return None;
    }
    let delay = RequestedDelay::seconds(seconds.unwrap_or(0.0) + nanos.unwrap_or(0.0).min(1e9) / 1e9)?;
    Some((delay, close + 2))
}

/// `limit=100, remaining=0, reset=50`, or the longest of `"burst";r=5;t=60, "api";r=0;t=55` with nothing left.
pub fn all_limits(lower: &[u8]) -> Option<(RequestedDelay, usize)> {
    let parameter = |item: &[u8], names: [&[u8]; 2]| -> Option<f64> {
        item.split(|byte| matches!(byte, b';' | b',')).find_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            let name = pair[..equals].trim_ascii();
            names
                .contains(&name)
                .then(|| amount::digits(pair[equals + 1..].trim_ascii()))?
                .map(|read| read.seconds)
        })
    };
    let exhausted = |item: &[u8]| -> Option<f64> {
        let left = parameter(item, [b"r", b"remaining"])?;
        parameter(item, [b"t", b"reset"]).filter(|_| left == 0.0)
    };
    let whole = memchr::memmem::find(lower, b"remaining").is_some();
    let longest = if whole {
        exhausted(lower)
    } else {
        lower.split(|byte| *byte == b',').filter_map(exhausted).reduce(f64::max)
    };
    Some((RequestedDelay::seconds(longest?)?, lower.len()))
}
