//! The text of errors from elsewhere, as part of a sentence of ours: the system's, and a server's.

use std::io;

/// `permission denied` for an error that prints as `Permission denied (os error 13)`, `access is denied` for one that
/// prints as `Access is denied. (os error 5)`. Windows leaves `%1` for the name of a file, which our sentence has.
pub fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let words = match text.split_once(" (os error") {
        Some((words, _)) => words.strip_suffix('.').unwrap_or(words),
        None => &text,
    };
    let mut words = words.replace("%1", "it");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    words
}

/// The longest text of others that is repeated, in characters.
const MAX_LENGTH: usize = 200;

/// A text from elsewhere on one line: shortened, and without characters that act on a terminal or change the direction
/// of its text.
pub fn brief(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let show = |c: char| if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(MAX_LENGTH).map(show).collect();
    if text.chars().nth(MAX_LENGTH).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_removed_and_names_stay() {
        let errors = if cfg!(windows) {
            [(5, "access denied"), (2, "file not found")]
        } else {
            [(13, "permission denied"), (5, "input/output error")]
        };
        for (number, text) in errors {
            assert_eq!(describe(&io::Error::from_raw_os_error(number)), text);
        }
        assert_eq!(describe(&io::Error::other("Name of X is unknown")), "name of X is unknown");
        assert_eq!(describe(&io::Error::other("")), "");
        let windows = io::Error::other("%1 is not a valid Win32 application. (os error 193)");
        assert_eq!(describe(&windows), "it is not a valid Win32 application");
    }

    #[test]
    fn text_from_elsewhere_is_shortened_and_harmless() {
        assert_eq!(brief("ERR what, \"ü\" again?"), "ERR what, \"ü\" again?");
        assert_eq!(brief("a\x1b[31m\nb\u{202e}c\u{9b}"), "a\\u{1b}[31m\\nb\\u{202e}c\\u{9b}");
        assert_eq!(brief(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(brief(&"ü".repeat(10_000_000)), format!("{}...", "ü".repeat(200)));
    }
}
