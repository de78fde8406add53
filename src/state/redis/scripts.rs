//! The scripts that run on the server: their texts, and the digests by which a server knows them.

/// A script, and its digest.
pub struct Script {
    pub text: &'static str,
    digest: [u8; 40],
}

/// KEYS: the breaker. ARGV: the operation, and the time, for tests.
pub static BREAKER: Script = Script::new(include_str!("../breaker.lua"));

/// KEYS: the budget. ARGV: as for [`BREAKER`].
pub static BUDGET: Script = Script::new(include_str!("../budget.lua"));

/// Both scripts as functions, and what connects them. KEYS: breaker, budget. ARGV: their operations, the condition
/// for the second one, and the time, for tests.
pub static PAIR: Script = Script::new(concat!(
    "local function breaker(KEYS, ARGV)\n",
    include_str!("../breaker.lua"),
    "end\nlocal function budget(KEYS, ARGV)\n",
    include_str!("../budget.lua"),
    "end\n",
    "local first = breaker({KEYS[1]}, {ARGV[1], ARGV[4]})\n",
    "if ARGV[3] ~= 'always' and first[5] ~= 0 then return {first} end\n",
    "return {first, budget({KEYS[2]}, {ARGV[2], ARGV[4]})}\n",
));

impl Script {
    /// The digest is calculated by the compiler: one that was written down would be wrong after the next change of a
    /// script, and every run would send the whole script.
    const fn new(text: &'static str) -> Self {
        Self { text, digest: sha1_hex(text.as_bytes()) }
    }

    /// The digest as EVALSHA takes it.
    pub fn digest(&self) -> &str {
        str::from_utf8(&self.digest).unwrap_or_default()
    }
}

/// SHA-1 (FIPS 180-4, 6.1) in hexadecimal digits. A name, not a protection: the server calculates it as well.
#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
const fn sha1_hex(text: &[u8]) -> [u8; 40] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    // A byte 0x80, zeros, and the length in bits, 8 bytes, end the last block.
    let blocks = (text.len() + 9).div_ceil(64);
    let mut block = 0;
    while block < blocks {
        let mut w = [0_u32; 80];
        let mut t = 0;
        while t < 80 {
            w[t] = if t < 16 {
                padded_word(text, block * 64 + t * 4, blocks * 64)
            } else {
                (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1)
            };
            t += 1;
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        t = 0;
        while t < 80 {
            let (f, k) = match t / 20 {
                0 => ((b & c) ^ (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(w[t]);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
            t += 1;
        }
        state = [
            state[0].wrapping_add(a),
            state[1].wrapping_add(b),
            state[2].wrapping_add(c),
            state[3].wrapping_add(d),
            state[4].wrapping_add(e),
        ];
        block += 1;
    }
    let mut hex = [0; 40];
    let mut digit = 0;
    while digit < 40 {
        let value = (state[digit / 8] >> (28 - digit % 8 * 4)) as usize & 15;
        hex[digit] = b"0123456789abcdef"[value];
        digit += 1;
    }
    hex
}

/// The four bytes at `at` of the padded text, which has `length` bytes.
const fn padded_word(text: &[u8], at: usize, length: usize) -> u32 {
    let mut word = 0;
    let mut index = at;
    while index < at + 4 {
        let byte = if index < text.len() {
            text[index]
        } else if index == text.len() {
            0x80
        } else if index >= length - 8 {
            (text.len() as u64 * 8).to_be_bytes()[index - (length - 8)]
        } else {
            0
        };
        word = word << 8 | byte as u32;
        index += 1;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three are examples of FIPS 180. The lengths are those at which another block begins.
    #[test]
    fn digests_are_those_of_the_standard() {
        for (text, digest) in [
            (String::new(), "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc".to_owned(), "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_owned(),
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            ),
            ("a".repeat(55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            ("a".repeat(63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            ("a".repeat(64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        ] {
            assert_eq!(str::from_utf8(&sha1_hex(text.as_bytes())), Ok(digest), "{text}");
        }
    }
}
