//! The end of an attempt's output, for the command of `--retry-if`.

/// How many bytes are kept. They fit in a pipe.
pub const LIMIT: usize = 64 * 1024;

/// The last [`LIMIT`] bytes of both streams, in the order in which they came.
#[derive(Debug, Default)]
pub struct RecentOutput(Vec<u8>);

impl RecentOutput {
    /// Removes everything, for another attempt.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds output.
    pub fn add(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(LIMIT)..];
        // Only after LIMIT more bytes, so that each byte is moved about once.
        if self.0.len() + bytes.len() > 2 * LIMIT {
            self.0.drain(..self.0.len().saturating_sub(LIMIT));
        }
        self.0.extend_from_slice(bytes);
    }

    /// The bytes that are kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(LIMIT)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_the_end_in_bounded_memory(sizes in proptest::collection::vec(0..3 * LIMIT, 0..12)) {
            let mut recent = RecentOutput::default();
            let mut all = Vec::new();
            for (index, size) in sizes.into_iter().enumerate() {
                let chunk: Vec<u8> = (0..size).map(|at| (at * 7 + index) as u8).collect();
                recent.add(&chunk);
                all.extend_from_slice(&chunk);
                prop_assert!(recent.0.len() <= 3 * LIMIT);
            }
            prop_assert!(recent.bytes() == &all[all.len().saturating_sub(LIMIT)..]);
            recent.clear();
            prop_assert!(recent.bytes().is_empty());
        }
    }
}
