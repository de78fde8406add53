//! The end of a stream, in bounded memory. A tool prints the reason of its failure last. The search in it is in
//! [`super::output`].

use memchr::memchr2;

/// The most that is kept, in bytes. The reason of a failure is a few lines, but a long trace or summary may follow.
pub const LIMIT: usize = 1 << 20;

/// The last [`LIMIT`] bytes of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    bytes: Vec<u8>,
    /// The index of the oldest byte, once the buffer is full.
    oldest: usize,
    truncated: Truncated,
}

/// Whether the start of the stream was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Truncated {
    #[default]
    No,
    Yes,
}

impl Tail {
    /// Adds the next bytes of the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        let room = LIMIT - self.bytes.len();
        let (fits, rest) = chunk.split_at(chunk.len().min(room));
        self.bytes.extend_from_slice(fits);
        if rest.is_empty() {
            return;
        }
        self.truncated = Truncated::Yes;
        // A chunk longer than the buffer overwrites itself: only its end stays.
        let skipped = rest.len().saturating_sub(LIMIT);
        self.oldest = (self.oldest + skipped) % LIMIT;
        let rest = &rest[skipped..];
        let (first, second) = rest.split_at(rest.len().min(LIMIT - self.oldest));
        self.bytes[self.oldest..self.oldest + first.len()].copy_from_slice(first);
        self.bytes[..second.len()].copy_from_slice(second);
        self.oldest = (self.oldest + rest.len()) % LIMIT;
    }

    /// What is kept, in two pieces, from the first whole line on.
    pub fn pieces(&self) -> [&[u8]; 2] {
        let (newer, older) = self.bytes.split_at(self.oldest);
        if self.truncated == Truncated::No {
            return [older, newer];
        }
        let after = |piece: &[u8]| memchr2(b'\n', b'\r', piece).map(|end| end + 1);
        match (after(older), after(newer)) {
            (Some(start), _) => [&older[start..], newer],
            (None, Some(start)) => [&[], &newer[start..]],
            // One line is longer than the buffer.
            (None, None) => [older, newer],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut tail = Tail::default();
        for chunk in chunks {
            tail.push(chunk);
        }
        tail.pieces().concat()
    }

    #[test]
    fn what_fits_is_kept_whole() {
        assert_eq!(kept(&[]), b"");
        assert_eq!(kept(&[b"a\nb".to_vec(), b"c\n".to_vec()]), b"a\nbc\n");
        assert_eq!(kept(&[vec![b'x'; LIMIT]]).len(), LIMIT);
    }

    #[test]
    fn of_more_the_last_whole_lines_are_kept() {
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let long = line.repeat(3 * LIMIT / line.len());
        for size in [1000, 65_536, LIMIT - 1, LIMIT, 2 * LIMIT + 3, long.len()] {
            let chunks: Vec<Vec<u8>> = long.chunks(size).map(<[u8]>::to_vec).collect();
            let kept = kept(&chunks);
            assert!(kept.len() > LIMIT - line.len() && kept.len() <= LIMIT, "{size}");
            assert!(kept.starts_with(&line) && long.ends_with(&kept), "{size}");
        }
        assert_eq!(kept(&[vec![b'x'; LIMIT], b"y".to_vec()]).len(), LIMIT, "one long line");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn it_is_the_end_of_the_stream(sizes in prop::collection::vec(0..2 * LIMIT, 0..6)) {
            let mut next = 0_u8;
            let chunk = |size: &usize| {
                let byte = || { next = next.wrapping_add(1); next };
                std::iter::repeat_with(byte).take(*size).collect::<Vec<u8>>()
            };
            let chunks: Vec<Vec<u8>> = sizes.iter().map({ let mut chunk = chunk; move |size| chunk(size) }).collect();
            let all = chunks.concat();
            let kept = kept(&chunks);
            prop_assert!(all.ends_with(&kept));
            prop_assert!(all.len() <= LIMIT && kept.len() == all.len() || kept.len() > LIMIT - 512);
        }
    }
}
