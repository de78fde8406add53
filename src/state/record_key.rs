//! The name of a record: of which breaker or budget, and which of the two. Owns the encoding of a name
//! into a text that is a file name and a part of a key, whatever bytes the name is made of.

use crate::core::shared::Name;
use std::fmt;

/// Which rules a record belongs to. The two have their names apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A circuit breaker.
    Breaker,
    /// A retry budget.
    Budget,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Breaker, Self::Budget];

    /// `breaker` or `budget`: the end of a file's name and of a key.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Budget => "budget",
        }
    }
}

/// Where one record is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    encoded: String,
    kind: Kind,
}

/// An encoded name is not longer; a file name may have 255 bytes almost everywhere.
const LONGEST: usize = 160;

/// Of a longer one so much is kept for people to see.
const SEEN: usize = 96;

impl RecordKey {
    /// The place of `name`'s record.
    pub fn new(name: &Name, kind: Kind) -> Self {
        Self { encoded: encode(name.bytes()), kind }
    }

    /// Which rules it belongs to.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// `NAME.breaker`: one component of a path; never `.`, `..` or hidden, at most 168 bytes.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.encoded, self.kind.word())
    }

    /// `retry:{NAME}:breaker`. The braces are a hash tag, so that a cluster keeps both records of a
    /// name on one node.
    pub fn key(&self) -> String {
        format!("retry:{{{}}}:{}", self.encoded, self.kind.word())
    }

    /// The key of a file of ours; none for any other file.
    pub fn from_file_name(file: &str) -> Option<Self> {
        let (encoded, word) = file.rsplit_once('.')?;
        Self::from_parts(encoded, word)
    }

    /// The key of a key of ours; none for any other key.
    pub fn from_key(key: &str) -> Option<Self> {
        let (encoded, word) = key.strip_prefix("retry:{")?.split_once("}:")?;
        Self::from_parts(encoded, word)
    }

    fn from_parts(encoded: &str, word: &str) -> Option<Self> {
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
        let key = Self { encoded: encoded.to_owned(), kind };
        let shortened = key.encoded.len() == SEEN + 33
            && key.encoded.as_bytes()[SEEN] == b'~'
            && key
                .encoded
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.%~".contains(&byte));
        let ours = shortened || key.decoded().is_some_and(|name| encode(&name) == key.encoded);
        ours.then_some(key)
    }

    fn decoded(&self) -> Option<Vec<u8>> {
        if self.encoded == "%" {
            return Some(Vec::new());
        }
        let mut bytes = self.encoded.bytes();
        let mut name = Vec::new();
        while let Some(byte) = bytes.next() {
            let hex = |digit: u8| char::from(digit).to_digit(16);
            name.push(match byte {
                b'%' => (hex(bytes.next()?)? * 16 + hex(bytes.next()?)?) as u8,
                plain => plain,
            });
        }
        Some(name)
    }
}

/// The name, for people: a very long one is cut, and a hash stands for the rest.
impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decoded() {
            Some(name) => String::from_utf8_lossy(&name).fmt(f),
            None => self.encoded.fmt(f),
        }
    }
}

/// Small letters, digits, `-`, `_` and inner dots stay; every other byte becomes `%xx`. Capitals too:
/// some file systems take `A` and `a` for the same. Two names never get the same text, except that a
/// very long one is told from others by 128 bits of hash.
fn encode(name: &[u8]) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut text = String::new();
    for (index, &byte) in name.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
            b'.' if index > 0 => text.push('.'),
            _ => {
                use fmt::Write;
                let _never_fails = write!(text, "%{byte:02x}");
            }
        }
        if text.len() > LONGEST {
            text.truncate(SEEN);
            return format!("{text}~{:032x}", fnv128(name));
        }
    }
    text
}

/// FNV-1a with 128 bits (draft-eastlake-fnv). Against accidents; whoever picks names in order to make
/// them collide harms only the state that he may write anyway.
fn fnv128(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &[u8]) -> String {
        RecordKey::new(&Name::new(name), Kind::Breaker).file_name()
    }

    #[test]
    fn names_become_file_names_that_people_can_read() {
        for (name, expected) in [
            ("registry", "registry.breaker"),
            ("api.example.com", "api.example.com.breaker"),
            ("../../x", "%2e.%2f..%2fx.breaker"),
            ("..", "%2e..breaker"),
            ("", "%.breaker"),
            ("%", "%25.breaker"),
            ("A b", "%41%20b.breaker"),
            ("ü", "%c3%bc.breaker"),
            ("a\0\n", "a%00%0a.breaker"),
        ] {
            assert_eq!(file(name.as_bytes()), expected);
            assert_eq!(RecordKey::from_file_name(expected).unwrap().to_string(), name);
        }
    }

    #[test]
    fn a_long_name_is_cut_and_told_from_its_neighbours() {
        let long = vec![b'x'; 10 * 1024];
        let mut other = long.clone();
        *other.last_mut().unwrap() = b'y';
        assert_eq!(file(&long).len(), SEEN + 33 + ".breaker".len());
        assert_ne!(file(&long), file(&other));
        assert!(RecordKey::from_file_name(&file(&long)).is_some());
    }

    #[test]
    fn other_peoples_files_and_keys_are_not_ours() {
        for file in ["registry", ".breaker", "a.txt", "A.breaker", "a b.budget", "%2.breaker", "%61.breaker"]
        {
            assert_eq!(RecordKey::from_file_name(file), None, "{file}");
        }
        let like_a_long_one = format!("{}~{}.breaker", "\x1b".repeat(SEEN), "0".repeat(32));
        assert_eq!(RecordKey::from_file_name(&like_a_long_one), None);
        for key in ["retry:{a}:other", "retry:a:breaker", "x:{a}:breaker", "retry:{a}b}:breaker"] {
            assert_eq!(RecordKey::from_key(key), None, "{key}");
        }
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // The empty text gives the offset basis; "a" is a published test vector.
        assert_eq!(fnv128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    proptest! {
        #[test]
        fn no_name_escapes_and_every_short_name_comes_back(name: Vec<u8>, kind in prop::sample::select(&Kind::ALL[..])) {
            let key = RecordKey::new(&Name::new(name.clone()), kind);
            let file = key.file_name();
            prop_assert!(file.len() <= LONGEST + 8 && !file.starts_with('.'));
            let harmless = |byte: u8| byte.is_ascii_graphic() && !b"/{}:".contains(&byte);
            prop_assert!(file.bytes().all(harmless));
            prop_assert_eq!(RecordKey::from_file_name(&file), Some(key.clone()));
            prop_assert_eq!(RecordKey::from_key(&key.key()), Some(key.clone()));
            if !file.contains('~') {
                prop_assert_eq!(key.decoded(), Some(name));
            }
        }
    }
}
