//! The end of what an attempt wrote, for whoever decides about it afterwards. It owns the bytes and forgets
//! all that came before them.

/// So much is kept, in bytes. It fits into a pipe.
pub const KEPT: usize = 64 * 1024;

/// The last [`KEPT`] bytes, of both streams in the order in which they came.
#[derive(Debug, Default)]
pub struct End(Vec<u8>);

impl End {
    /// Forgets everything, for another attempt.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds what came.
    pub fn add(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        // Moving what is kept once per so many bytes costs each byte one move.
        if self.0.len() + bytes.len() > 2 * KEPT {
            self.0.drain(..self.0.len().saturating_sub(KEPT));
        }
        self.0.extend_from_slice(bytes);
    }

    /// What is kept.
    pub fn bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(KEPT)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_the_end_in_bounded_memory(sizes in proptest::collection::vec(0..3 * KEPT, 0..12)) {
            let mut end = End::default();
            let mut all = Vec::new();
            for (index, size) in sizes.into_iter().enumerate() {
                let chunk: Vec<u8> = (0..size).map(|at| (at * 7 + index) as u8).collect();
                end.add(&chunk);
                all.extend_from_slice(&chunk);
                prop_assert!(end.0.len() <= 3 * KEPT);
            }
            prop_assert!(end.bytes() == &all[all.len().saturating_sub(KEPT)..]);
            end.clear();
            prop_assert!(end.bytes().is_empty());
        }
    }
}
