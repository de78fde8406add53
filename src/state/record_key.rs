//! The name of a record: the name of the breaker or budget, and which of the two it is. Owns the encoding of a name
//! as text that is safe in a file name and in a Redis key, whatever bytes the name has.

use crate::core::shared::Name;
use std::fmt;

/// What a record holds. A breaker and a budget may have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordKind {
    /// A circuit breaker.
    Breaker,
    /// A retry budget.
    Budget,
}

impl RecordKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Breaker, Self::Budget];

    /// `breaker` or `budget`: the end of file names and of Redis keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Budget => "budget",
        }
    }
}

/// The name and the kind of one record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    encoded: String,
    kind: RecordKind,
}

/// The longest encoded name, in bytes. Almost everywhere a file name may have 255.
const MAX_ENCODED: usize = 160;

/// How many bytes of a longer encoded name are kept, for people to read; a hash follows them.
const KEPT_PREFIX: usize = 96;

/// The hexadecimal digits of a hash of 128 bits.
const HASH_DIGITS: usize = 32;

impl RecordKey {
    /// The key of the record of this kind for `name`.
    pub fn new(name: &Name, kind: RecordKind) -> Self {
        Self { encoded: encode(name.bytes()), kind }
    }

    /// The kind of the record.
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// The name as text of ASCII letters and digits, which are safe everywhere.
    pub fn encoded_name(&self) -> &str {
        &self.encoded
    }

    /// The inverse of [`Self::encoded_name`]; `None` for a text that encodes no name.
    pub fn from_encoded_name(text: &str, kind: RecordKind) -> Option<Self> {
        let key = Self { encoded: text.to_owned(), kind };
        let is_encoded = key.decoded().is_some_and(|name| encode(&name) == key.encoded);
        (is_encoded || is_hashed(text)).then_some(key)
    }

    /// Whether both have the same name, which is also the same hash tag.
    #[cfg(feature = "redis")]
    pub fn has_name_of(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }

    /// `NAME.breaker`: one component of a path, at most 168 bytes; never `.`, `..` or hidden.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.encoded, self.kind.as_str())
    }

    /// `retry:{NAME}:breaker`. The braces are a hash tag: a Redis cluster keeps both records of a name on one node.
    pub fn redis_key(&self) -> String {
        format!("retry:{{{}}}:{}", self.encoded, self.kind.as_str())
    }

    /// The inverse of [`Self::file_name`]; `None` for files of others.
    pub fn from_file_name(file: &str) -> Option<Self> {
        let (encoded, kind) = file.rsplit_once('.')?;
        Self::from_parts(encoded, kind)
    }

    /// The inverse of [`Self::redis_key`]; `None` for keys of others.
    pub fn from_redis_key(key: &str) -> Option<Self> {
        let (encoded, kind) = key.strip_prefix("retry:{")?.split_once("}:")?;
        Self::from_parts(encoded, kind)
    }

    fn from_parts(encoded: &str, kind: &str) -> Option<Self> {
        let kind = RecordKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        Self::from_encoded_name(encoded, kind)
    }

    /// The name; `None` of a very long one, which cannot be had back.
    fn decoded(&self) -> Option<Vec<u8>> {
        if is_hashed(&self.encoded) {
            return None;
        }
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

/// Whether this is a long name that was shortened. Its name cannot be decoded.
fn is_hashed(encoded: &str) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.%".contains(byte);
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    encoded.as_bytes().split_at_checked(KEPT_PREFIX).is_some_and(|(prefix, hash)| {
        let [b'~', digits @ ..] = hash else { return false };
        prefix.iter().all(is_allowed) && digits.len() == HASH_DIGITS && digits.iter().all(is_digit)
    })
}

/// The name as text; the encoded name if it is not UTF-8 or very long.
impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decoded().map(String::from_utf8) {
            Some(Ok(name)) => name.fmt(f),
            Some(Err(_)) | None => self.encoded.fmt(f),
        }
    }
}

/// Lowercase letters, digits, `-`, `_` and dots that are not first stay; every other byte becomes `%xx`. Uppercase
/// letters too: some file systems do not distinguish `A` from `a`. So does the first byte of `con` and `nul.x`, which are
/// devices on Windows in every directory. Two names never get the same text, except that
/// very long ones are distinguished only by a hash of 128 bits.
fn encode(name: &[u8]) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut text = String::new();
    let is_device = is_device(name);
    for (index, &byte) in name.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' if index > 0 || !is_device => text.push(char::from(byte)),
            b'.' if index > 0 => text.push('.'),
            _ => {
                use fmt::Write;
                let _never_fails = write!(text, "%{byte:02x}");
            }
        }
        if text.len() > MAX_ENCODED {
            text.truncate(KEPT_PREFIX);
            return format!("{text}~{:0HASH_DIGITS$x}", fnv128(name));
        }
    }
    text
}

/// Whether a file of this name would be a device on Windows, whatever comes behind a dot ("Naming Files, Paths, and
/// Namespaces").
fn is_device(name: &[u8]) -> bool {
    let name = name.split(|byte| *byte == b'.').next().unwrap_or_default();
    match name {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [kind @ .., b'0'..=b'9'] => matches!(kind, b"com" | b"lpt"),
        _ => false,
    }
}

/// FNV-1a with 128 bits (draft-eastlake-fnv), against accidental collisions. Someone who makes two names collide on
/// purpose harms only a state that he may write to anyway.
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
        RecordKey::new(&Name::new(name), RecordKind::Breaker).file_name()
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
            ("con", "%63on.breaker"),
            ("nul.x", "%6eul.x.breaker"),
            ("com1", "%63om1.breaker"),
            ("console", "console.breaker"),
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
        assert_eq!(file(&long).len(), KEPT_PREFIX + 1 + HASH_DIGITS + ".breaker".len());
        assert_ne!(file(&long), file(&other));
        // Its text is the one in the store, which leads back to the record.
        for long in [long, "Ä b".repeat(99).into_bytes()] {
            let key = RecordKey::new(&Name::new(long), RecordKind::Budget);
            assert_eq!(key.to_string(), key.encoded_name());
            assert_eq!(RecordKey::from_encoded_name(&key.to_string(), RecordKind::Budget), Some(key));
        }
        let with_another_hash = format!("{}~{}", "x".repeat(KEPT_PREFIX), "g".repeat(HASH_DIGITS));
        assert_eq!(RecordKey::from_encoded_name(&with_another_hash, RecordKind::Budget), None);
    }

    #[test]
    fn other_peoples_files_and_keys_are_not_ours() {
        for file in [
            "registry",
            ".breaker",
            "a.txt",
            "A.breaker",
            "a b.budget",
            "%2.breaker",
            "%61.breaker",
            "con.breaker",
        ] {
            assert_eq!(RecordKey::from_file_name(file), None, "{file}");
        }
        let like_a_long_one = format!("{}~{}.breaker", "\x1b".repeat(KEPT_PREFIX), "0".repeat(32));
        assert_eq!(RecordKey::from_file_name(&like_a_long_one), None);
        for key in ["retry:{a}:other", "retry:a:breaker", "x:{a}:breaker", "retry:{a}b}:breaker"] {
            assert_eq!(RecordKey::from_redis_key(key), None, "{key}");
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
        fn no_name_escapes_and_every_short_name_comes_back(name: Vec<u8>, kind in prop::sample::select(&RecordKind::ALL[..])) {
            let key = RecordKey::new(&Name::new(name.clone()), kind);
            let file = key.file_name();
            prop_assert!(file.len() <= MAX_ENCODED + 8 && !file.starts_with('.'));
            let harmless = |byte: u8| byte.is_ascii_graphic() && !b"/{}:".contains(&byte);
            prop_assert!(file.bytes().all(harmless));
            prop_assert_eq!(RecordKey::from_file_name(&file), Some(key.clone()));
            prop_assert_eq!(RecordKey::from_redis_key(&key.redis_key()), Some(key.clone()));
            if !file.contains('~') {
                prop_assert_eq!(key.decoded(), Some(name));
            }
        }
    }
}
