//! Cuts a stream of bytes into lines, in bounded memory. What a line means is decided in [`super::pattern`] and
//! [`super::retry_after`].
//!
//! Chunks may end anywhere. Whole lines inside one chunk are handed over uncopied, many at a time; only a line that
//! crosses the end of a chunk is copied.

use memchr::{memchr, memrchr};

/// The longest line that is handed over whole, in bytes, its end included.
pub const MAX_LINE: usize = 64 * 1024;

/// The bytes that two neighbouring windows of a longer line share. The windows of a line do not depend on the
/// chunks.
pub const OVERLAP: usize = 4 * 1024;

/// A piece of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// One or more whole lines with their ends. Only the last line of a stream may lack its `\n`.
    Lines(&'a [u8]),
    /// A window of a line that is longer than [`MAX_LINE`].
    Window {
        /// At most [`MAX_LINE`] bytes.
        bytes: &'a [u8],
        place: Place,
    },
}

/// The place of a window in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    First,
    Middle,
    /// With the end of the line, if it has one.
    Last,
}

impl<'a> Part<'a> {
    /// Each line without its `\n` or `\r\n`. A window counts as one line.
    pub fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let (mut rest, window) = match self {
            Self::Lines(block) => (block, None),
            Self::Window { bytes, .. } => (&[][..], Some(without_end(bytes))),
        };
        let lines = std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (line, later) = rest.split_at(memchr(b'\n', rest).map_or(rest.len(), |at| at + 1));
            rest = later;
            Some(without_end(line))
        });
        lines.chain(window)
    }
}

/// Without a final `\n` or `\r\n`. A `\r` alone stays: a progress bar redraws its line.
fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Splits one stream. It holds at most [`MAX_LINE`] bytes.
#[derive(Debug, Default, Clone)]
pub struct Lines {
    /// The start of a line whose end has not come; in a long line, the start of the next window.
    held: Vec<u8>,
    long: Long,
}

/// Whether windows of the held line have been handed over.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
enum Long {
    #[default]
    No,
    Yes,
}

impl Lines {
    /// Calls `take` with the parts that `chunk` completes.
    pub fn feed(&mut self, chunk: &[u8], mut take: impl FnMut(Part<'_>)) {
        // No line inside a piece of this size is too long.
        for mut piece in chunk.chunks(MAX_LINE) {
            if !self.held.is_empty() {
                let Some(end) = memchr(b'\n', piece) else {
                    self.hold(piece, &mut take);
                    continue;
                };
                self.hold(&piece[..=end], &mut take);
                self.release(&mut take);
                piece = &piece[end + 1..];
            }
            let whole = memrchr(b'\n', piece).map_or(0, |end| end + 1);
            if whole > 0 {
                take(Part::Lines(&piece[..whole]));
            }
            self.hold(&piece[whole..], &mut take);
        }
    }

    /// Calls `take` with an unfinished last line. Afterwards another stream can begin.
    pub fn finish(&mut self, mut take: impl FnMut(Part<'_>)) {
        self.release(&mut take);
    }

    fn hold(&mut self, mut bytes: &[u8], take: &mut impl FnMut(Part<'_>)) {
        while self.held.len() + bytes.len() > MAX_LINE {
            let (now, later) = bytes.split_at(MAX_LINE - self.held.len());
            self.held.extend_from_slice(now);
            bytes = later;
            let place = if self.long == Long::No { Place::First } else { Place::Middle };
            take(Part::Window { bytes: &self.held, place });
            self.held.drain(..MAX_LINE - OVERLAP);
            self.long = Long::Yes;
        }
        self.held.extend_from_slice(bytes);
    }

    fn release(&mut self, take: &mut impl FnMut(Part<'_>)) {
        match std::mem::take(&mut self.long) {
            Long::Yes => take(Part::Window { bytes: &self.held, place: Place::Last }),
            Long::No if self.held.is_empty() => {}
            Long::No => take(Part::Lines(&self.held)),
        }
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every line or window that comes out, with its place.
    fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Option<Place>, Vec<u8>)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut take = |part: Part<'_>| {
            let place = match part {
                Part::Lines(_) => None,
                Part::Window { place, bytes } => {
                    assert!(bytes.len() <= MAX_LINE);
                    Some(place)
                }
            };
            found.extend(part.lines().map(|line| (place, line.to_vec())));
        };
        for chunk in chunks {
            lines.feed(chunk, &mut take);
            assert!(lines.held.len() <= MAX_LINE);
        }
        lines.finish(&mut take);
        assert!(lines.held.is_empty());
        found
    }

    fn texts(input: &[u8]) -> Vec<Vec<u8>> {
        scan([input]).into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let none: [&[u8]; 0] = [];
        assert_eq!(texts(b""), none);
        assert_eq!(texts(b"\n"), [b""]);
        assert_eq!(texts(b"a\nb"), [b"a", b"b"]);
        assert_eq!(texts(b"a\r\n\r\n\nb\r"), [&b"a"[..], b"", b"", b"b\r"]);
        assert_eq!(texts(b"10%\r20%\r\n\0\xff\n"), [&b"10%\r20%"[..], b"\0\xff"]);
    }

    #[test]
    fn whole_lines_of_a_chunk_are_not_copied() {
        let chunk = b"one\ntwo\nthr";
        let mut lines = Lines::default();
        let mut parts = 0;
        lines.feed(chunk, |part| {
            let Part::Lines(block) = part else { panic!("{part:?}") };
            assert_eq!((block.as_ptr(), block.len()), (chunk.as_ptr(), 8));
            parts += 1;
        });
        assert_eq!((parts, lines.held.as_slice()), (1, &b"thr"[..]));
    }

    #[test]
    fn a_line_at_the_limit_is_whole_and_one_above_it_comes_in_windows() {
        let mut line = vec![b'x'; MAX_LINE - 1];
        line.push(b'\n');
        assert_eq!(scan([&line[..]]), [(None, line[..MAX_LINE - 1].to_vec())]);
        line.insert(0, b'y');
        let found = scan([&line[..]]);
        assert_eq!(found[0], (Some(Place::First), line[..MAX_LINE].to_vec()));
        let last = line[MAX_LINE - OVERLAP..MAX_LINE].to_vec();
        assert_eq!(found[1..], [(Some(Place::Last), last)]);
    }

    #[test]
    fn windows_cover_a_long_line_and_share_the_overlap() {
        let line: Vec<u8> = (0..5 * MAX_LINE).map(|i| b'a' + (i % 23) as u8).collect();
        let found = scan(line.chunks(1000));
        let step = MAX_LINE - OVERLAP;
        for (i, (place, window)) in found.iter().enumerate() {
            let end = line.len().min(i * step + MAX_LINE);
            assert_eq!(window, &line[i * step..end]);
            let expected = match i {
                0 => Place::First,
                _ if i + 1 == found.len() => Place::Last,
                _ => Place::Middle,
            };
            assert_eq!(*place, Some(expected));
        }
        assert_eq!(found.len(), 6);
    }

    /// Lines of any length, the long ones around the limit, with every kind of end.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![8 => 0..40_usize, 1 => MAX_LINE - 3..MAX_LINE + 3, 1 => 0..3 * MAX_LINE];
        let end = prop::sample::select(vec![&b"\n"[..], b"\r\n", b"\r", b""]);
        proptest::collection::vec((length, any::<u8>(), end), 0..12).prop_map(|lines| {
            let line = |(length, byte, end): (usize, u8, &[u8])| [&vec![byte; length][..], end].concat();
            lines.into_iter().flat_map(line).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn borders_of_chunks_change_nothing(input in stream(), size in 1..200_000_usize) {
            let expected = scan([&input[..]]);
            prop_assert_eq!(&scan(input.chunks(size)), &expected);
            let size = size % 97 + 1;
            prop_assert_eq!(&scan(input.chunks(size)), &expected);
        }

        #[test]
        fn short_lines_are_those_of_split(input in proptest::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200)) {
            let mut expected: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
            let last = expected.pop().unwrap_or_default();
            let mut expected: Vec<&[u8]> =
                expected.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
            if !last.is_empty() {
                expected.push(last);
            }
            prop_assert_eq!(texts(&input), expected);
        }
    }
}
