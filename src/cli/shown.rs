//! Texts from elsewhere in the messages of the command line.

use crate::core::shared::without_secret;
use std::ffi::OsStr;

/// The value of a flag in a message: one line, no escape sequence, no password.
pub fn visible(flag: &str, value: &str) -> String {
    if may_hold_secret(flag, value) { escaped(&without_secret(OsStr::new(value))) } else { escaped(value) }
}

/// Whether a value may hold a password. Only --state takes a URL, but one may be typed anywhere.
pub fn may_hold_secret(flag: &str, value: &str) -> bool {
    flag == "--state" || value.contains("://") && value.contains(['@', '?'])
}

/// A text from elsewhere in a usage error: one line, no escape sequence.
pub fn escaped(text: &str) -> String {
    text.escape_debug().to_string().replace("\\'", "'")
}
