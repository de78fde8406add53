//! How many columns of a terminal a text takes at most. A bound is enough to keep a line in its row: a line that is cut a
//! little early is still one line, and one that wraps leaves a stale row each second.

/// The start of `text` that fits in this many columns on any terminal.
pub fn fitting(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let end = text.char_indices().find_map(|(index, letter)| match left.checked_sub(most_columns(letter)) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(index),
    });
    &text[..end.unwrap_or(text.len())]
}

/// The most columns that a character takes, alone or as a part of a longer one. Terminals disagree about emoji: a flag of
/// two letters takes two or four, a family that is joined from four people two or eight. So none counts as part of
/// another, and the variation selector that makes a symbol two columns wide counts as one. The blocks are those with
/// characters that are wide in EastAsianWidth.txt (UAX 11), or shown as emoji.
fn most_columns(letter: char) -> usize {
    match letter {
        // Hangul
        '\u{1100}'..='\u{115f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        // Symbols
        | '\u{231a}'..='\u{23ff}' | '\u{25aa}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        // CJK: radicals, kana, ideographs, Yi, compatibility, full width
        | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{fe10}'..='\u{fe1f}' | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
        // Tangut, Khitan, kana, Tai Xuan Jing
        | '\u{16fe0}'..='\u{191ff}' | '\u{1aff0}'..='\u{1b2ff}' | '\u{1d300}'..='\u{1d37f}'
        // Emoji, and the planes of ideographs
        | '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3ffff}' => 2,
        // Khmer that is decomposed
        '\u{17a4}' | '\u{17d8}' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

    #[test]
    fn no_character_is_wider_than_its_bound() {
        let is_wider = |letter: &char| letter.width().unwrap_or(0) > most_columns(*letter);
        let wider: Vec<_> =
            ('\0'..=char::MAX).filter(is_wider).map(char::escape_unicode).map(|c| c.to_string()).collect();
        assert_eq!(wider, Vec::<String>::new());
    }

    #[test]
    fn a_text_is_cut_where_its_columns_end() {
        for (text, columns, start) in [
            ("retry", 5, "retry"),
            ("retry", 3, "ret"),
            ("r\u{e9}", 2, "r\u{e9}"),
            ("\u{65e5}\u{672c}", 4, "\u{65e5}\u{672c}"),
            ("\u{65e5}\u{672c}", 3, "\u{65e5}"),
            ("\u{1f600}", 1, ""),
            ("x", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(fitting(text, columns), start);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_wider_than_its_room(
            text in "[a-z\u{e9}\u{301}\u{65e5}\u{ff21}\u{200d}\u{fe0f}\u{20e3}\u{2764}\u{1f1e6}\u{1f468}\u{1f3fd}0-9]{0,30}|\\PC{0,30}",
            columns in 0..40_usize,
        ) {
            let start = fitting(&text, columns);
            prop_assert!(start.width() <= columns, "{start:?} {}", start.width());
            prop_assert!(text.starts_with(start));
        }
    }
}
