//! One line of output without colours and borders, and the status of a response that begins in it.

use crate::core::clean::Cleaner;
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// Whether the line is empty, apart from the marks that tools put before headers.
pub fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b'<' | b'*') || byte.is_ascii_whitespace())
}

/// A line without colours, links, and the borders of a box.
pub fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    if memchr(0x1b, line).is_none() {
        return Cow::Borrowed(without_borders(line));
    }
    Cow::Owned(without_borders(Cleaner::default().text(line)).to_vec())
}

fn without_borders(line: &[u8]) -> &[u8] {
    let mut line = line.trim_ascii_end();
    while let Some(inner) = line.strip_suffix("│".as_bytes()) {
        line = inner.trim_ascii_end();
    }
    let mut inner = line.trim_ascii_start();
    while let Some(inside) = inner.strip_prefix("│".as_bytes()) {
        inner = inside.trim_ascii_start();
        line = inner;
    }
    line
}

/// The last status of a response in a line, and its offset.
pub fn last_status(lower: &[u8]) -> Option<(u16, usize)> {
    let code = |at: usize, marks: &[u8]| -> Option<u16> {
        let rest = &lower[at..];
        let skipped = rest.iter().take_while(|byte| marks.contains(byte)).count();
        let digits = rest.get(skipped..skipped + 3)?;
        let next = rest.get(skipped + 3);
        let whole = skipped > 0 && skipped <= 4 && !next.is_some_and(u8::is_ascii_alphanumeric);
        let number: u16 =
            digits.iter().all(u8::is_ascii_digit).then(|| str::from_utf8(digits).ok())??.parse().ok()?;
        (whole && (100..600).contains(&number)).then_some(number)
    };
    let http = memmem::rfind_iter(lower, b"http/").find_map(|at| {
        let version =
            lower[at + 5..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let status = if version == 0 { None } else { code(at + 5 + version, b" '\",") };
        status.map(|status| (status, at))
    });
    let named = [&b":status"[..], b"response status"].into_iter().filter_map(|name| {
        let at = memmem::rfind(lower, name)?;
        Some((code(at + name.len(), b": ='\"")?, at))
    });
    // kubectl: `"Response" verb="GET" url="..." status="429 Too Many Requests"`.
    let of_kubectl = memmem::find(lower, b"\"response\" ").and_then(|response| {
        let at = response + memmem::find(&lower[response..], b" status=")?;
        Some((code(at + 8, b"\"")?, at))
    });
    http.into_iter().chain(named).chain(of_kubectl).max_by_key(|(_, at)| *at)
}
