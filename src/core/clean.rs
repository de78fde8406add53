//! The text of a stream without colours, links, titles and cursor movements, so that patterns match the text.
//!
//! The sequences are those of ECMA-48: `ESC [ ... m` (CSI), `ESC ] ... BEL` (OSC, ended also by `ESC \`), and two or
//! three bytes otherwise. A sequence that is cut off by the end of a line ends there, so that a broken one cannot
//! swallow a message.

use memchr::memchr;

const ESC: u8 = 0x1b;

/// Removes the sequences from a stream that comes in chunks, which may end anywhere. It holds no bytes back.
#[derive(Debug, Default)]
pub struct Cleaner {
    state: State,
    clean: Vec<u8>,
}

/// The sequence that the last bytes have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    /// An escape sequence: ESC, and perhaps bytes from space to `/`.
    Escape,
    /// A control sequence: ESC `[`.
    Control,
    /// A string for the terminal: ESC and one of `]PX^_`.
    String,
    /// ESC within such a string.
    StringEscape,
}

impl Cleaner {
    /// The text of the next bytes. Without a sequence, they are returned uncopied.
    pub fn text<'a>(&'a mut self, chunk: &'a [u8]) -> &'a [u8] {
        if self.state == State::Text && memchr(ESC, chunk).is_none() {
            return chunk;
        }
        self.clean.clear();
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            if self.state == State::Text {
                let (text, later) = rest.split_at(memchr(ESC, rest).unwrap_or(rest.len()));
                self.clean.extend_from_slice(text);
                rest = later;
                if !rest.is_empty() {
                    self.state = State::Escape;
                    rest = &rest[1..];
                }
                continue;
            }
            rest = &rest[1..];
            self.state = match (self.state, byte) {
                (_, b'\n' | b'\r') => {
                    self.clean.push(byte);
                    State::Text
                }
                (State::String, ESC) => State::StringEscape,
                (State::String, byte) if byte != 0x07 => State::String,
                (_, ESC) | (State::Escape, b' '..=b'/') => State::Escape,
                (State::StringEscape | State::Escape, b'[') | (State::Control, b' '..=b'?') => State::Control,
                (State::StringEscape | State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::String,
                // BEL and ESC `\` end a string; any other byte ends the other sequences.
                _ => State::Text,
            };
        }
        &self.clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(input: &[u8], size: usize) -> Vec<u8> {
        let mut cleaner = Cleaner::default();
        input.chunks(size).flat_map(|chunk| cleaner.text(chunk).to_vec()).collect()
    }

    #[test]
    fn sequences_are_left_out_and_text_stays() {
        for (input, text) in [
            ("plain\n", "plain\n"),
            ("\x1b[31mERROR:\x1b[0m no\n", "ERROR: no\n"),
            ("\x1b[1;38;5;196mred\x1b[m", "red"),
            ("\x1b[2K\r 10%\x1b[1A", "\r 10%"),
            ("\x1b]8;;https://x.example/\x1b\\link\x1b]8;;\x07!", "link!"),
            ("\x1b]0;title\x07text", "text"),
            ("\x1b(Btext\x1b=\x1bM", "text"),
            ("a\x1b[31\nb", "a\nb"),
            ("a\x1b]8;;http://broken\nb", "a\nb"),
            ("a\x1b\x1b[1mb", "ab"),
            ("a\x1b]0;t\x1b[1mb", "ab"),
            ("a\x1bPq#0\x1b\\b", "ab"),
            ("tail\x1b[3", "tail"),
            ("a\x1b", "a"),
        ] {
            for size in [1, 2, 3, 100] {
                assert_eq!(
                    String::from_utf8(clean(input.as_bytes(), size)).unwrap(),
                    text,
                    "{input:?} {size}"
                );
            }
        }
    }

    #[test]
    fn text_without_sequences_is_not_copied() {
        let chunk = b"10%\r20%\nERROR \xff\0\n";
        let mut cleaner = Cleaner::default();
        assert_eq!(cleaner.text(chunk).as_ptr(), chunk.as_ptr());
    }

    proptest! {
        #[test]
        fn borders_of_chunks_change_nothing_and_line_ends_stay(
            input in prop::collection::vec(prop_oneof![
                Just(ESC), Just(b'['), Just(b']'), Just(0x07), Just(b'\\'), Just(b'm'), Just(b'\n'),
                Just(b'1'), Just(b'('), any::<u8>()], 0..80),
            size in 1..20_usize,
        ) {
            let whole = clean(&input, 1000);
            prop_assert_eq!(&clean(&input, size), &whole);
            let ends = |bytes: &[u8]| bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
            prop_assert_eq!(ends(&whole), ends(&input));
        }
    }
}
