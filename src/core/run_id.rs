//! The identifier of a run: the same for all its attempts and for a `retry` inside it.

use std::hash::{BuildHasher as _, RandomState};

/// A random identifier in the form of a UUID (version 4).
///
/// Every run needs one, so it has to be cheap: std seeds its hash maps with one system call.
pub fn random() -> String {
    let state = RandomState::new();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&state.hash_one(0).to_ne_bytes());
    bytes[8..].copy_from_slice(&state.hash_one(1).to_ne_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            id.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    id
}
