//! Texts from elsewhere in the messages of the command line.

use crate::core::shared::{may_hold_secret, without_secret};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;

/// The value of a flag in a message: one line, no escape sequence, no password.
pub fn visible(flag: &str, value: &str) -> String {
    if !is_hidden(flag, value) {
        return escaped(value);
    }
    let shown = without_secret(OsStr::new(value));
    // `/x,redis://:PASSWORD@HOST` begins like a path. Only --state takes it for one.
    if flag != "--state" && shown == value { "...".to_owned() } else { escaped(&shown) }
}

/// Whether [visible] hides a part of the value. Only --state takes a URL, but one may be typed anywhere.
pub fn is_hidden(flag: &str, value: &str) -> bool {
    flag == "--state" || may_hold_secret(value)
}

/// Why a value is wrong, for a message. Parsers repeat the item that is wrong, such as `'redis://:PASSWORD@HOST'` or a part
/// of it. If the value may hold a password, the message repeats no word of it.
pub fn reason<'a>(flag: &str, value: &str, why: &'a str) -> Cow<'a, str> {
    // The parser of --state never repeats its value.
    if flag == "--state" || !may_hold_secret(value) || !share_a_word(value, why) {
        return why.into();
    }
    let without_item = why.find('\'').zip(why.rfind('\'')).filter(|(start, end)| start < end);
    match without_item.map(|(start, end)| format!("{}'...'{}", &why[..start], &why[end + 1..])) {
        Some(why) if !share_a_word(value, &why) => why.into(),
        _ => "not valid".into(),
    }
}

fn share_a_word(one: &str, other: &str) -> bool {
    let words = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    !words(one).is_disjoint(&words(other))
}

/// A text from elsewhere in a usage error: one line, no escape sequence.
pub fn escaped(text: &str) -> String {
    text.escape_debug().to_string().replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_repeats_no_password() {
        for (value, why, shown) in [
            ("redis://u:pw@h", "'redis://u:pw@h' is not an exit status", "'...' is not an exit status"),
            ("1,redis://u:p,w@h", "'redis://u:p': not a duration", "'...': not a duration"),
            ("redis://u:p'w@h", "'redis://u:p'w@h' is not one", "'...' is not one"),
            ("9-5,redis://u:5@h", "the range '9-5' is reversed; use 5-9", "not valid"),
            ("redis://u:pw@h", "pw is not a unit", "not valid"),
            ("redis://u:pw@h", "must be more than 0", "must be more than 0"),
            ("https?://(", "unclosed group", "unclosed group"),
            ("7,x", "'x' is not an exit status", "'x' is not an exit status"),
        ] {
            assert_eq!(reason("--delays", value, why), shown, "{value}");
        }
        assert_eq!(visible("--stop-on", "/x,redis://u:pw@h"), "...");
    }
}
