//! The bytes of a record in a file. Owns the layout, its version and its checksum.
//!
//! ```text
//! offset  0  magic "rtry"          16  breaker: failures      budget: at (ms)
//!         4  version 2             24  breaker: from (ms)
//!         5  kind 1, 2             32  breaker: length (ms)
//!         6  phase 0, 1, 2         40  breaker: period (ms)
//!         7  zero                  48  breaker: width of the buckets (ms)
//!         8  generation / tokens   56  breaker: number of the newest bucket
//!                                  64  breaker: 10 buckets, newest first: successes, failures (4 bytes each)
//!                                 144  FNV-1a of bytes 0-143
//! ```
//!
//! A record of version 1 has 64 bytes, no buckets, zero at 48 and the checksum at 56. It is read, and the next change
//! writes version 2.
//!
//! Numbers are little-endian, so that different machines can share a directory. A record fits in a page and a sector
//! and is written with one call, but never synced: after a power failure the checksum may be wrong, and then the
//! state starts afresh. It is worth a few failures, not a sync on every attempt.

use super::{Damage, bucket_of, circuit_of, recent_of};
use crate::state::record_key::RecordKind;
use retry_loop::bucket::Bucket;
use retry_loop::circuit::{Circuit, Phase};
use retry_loop::recent::{BUCKETS, Recent};

/// The size of every record, in bytes.
pub const RECORD_SIZE: usize = CHECKSUM_OFFSET + 8;

/// The bytes of one record.
pub type RecordBytes = [u8; RECORD_SIZE];

const MAGIC: [u8; 4] = *b"rtry";
const VERSION: u8 = 2;

/// The numbers of 8 bytes in a record: seven, and the buckets.
const FIELDS: usize = 7 + BUCKETS;
type Fields = [u64; FIELDS];
const CHECKSUM_OFFSET: usize = 8 + 8 * FIELDS;

/// A record of version 1 has five numbers and 8 bytes of zero.
const OLD_VERSION: u8 = 1;
const OLD_CHECKSUM_OFFSET: usize = 56;
const OLD_SIZE: usize = OLD_CHECKSUM_OFFSET + 8;

/// A state that has a record format.
pub trait RecordFormat: Copy + PartialEq {
    /// The kind of its records.
    const KIND: RecordKind;

    /// The record of this state.
    fn to_bytes(&self) -> RecordBytes;

    /// The state in a record.
    ///
    /// # Errors
    /// When the bytes are not a valid record.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Damage>;
}

impl RecordFormat for Circuit {
    const KIND: RecordKind = RecordKind::Breaker;

    fn to_bytes(&self) -> RecordBytes {
        let (phase, failures, recent, span, period) = match self.phase {
            Phase::Closed { failures, recent } => (0, failures, recent, None, 0),
            Phase::Open { span, period } => (1, 0, Recent::EMPTY, Some(span), period),
            Phase::HalfOpen { lease, period } => (2, 0, Recent::EMPTY, Some(lease), period),
        };
        let (from, length) = span.map_or((0, 0), |span| (span.from.millis(), span.length));
        let first = [self.generation, u64::from(failures), from, length, period, recent.width, recent.newest];
        let buckets = recent.buckets.map(|one| u64::from(one.successes) | u64::from(one.failures) << 32);
        let mut fields = [0; FIELDS];
        for (field, value) in fields.iter_mut().zip(first.into_iter().chain(buckets)) {
            *field = value;
        }
        pack(Self::KIND, phase, fields)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        let (phase, [generation, failures, from, length, period, width, newest, buckets @ ..]) =
            unpack(Self::KIND, bytes)?;
        let buckets = buckets.map(|both| [both & u64::from(u32::MAX), both >> 32]);
        let recent = recent_of(width, newest, buckets)?;
        circuit_of(phase.into(), [generation, failures, from, length, period], recent)
    }
}

impl RecordFormat for Bucket {
    const KIND: RecordKind = RecordKind::Budget;

    fn to_bytes(&self) -> RecordBytes {
        let mut fields = [0; FIELDS];
        [fields[0], fields[1]] = [self.thousandths, self.at.millis()];
        pack(Self::KIND, 0, fields)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        match unpack(Self::KIND, bytes)? {
            (0, [thousandths, at, rest @ ..]) if rest == [0; FIELDS - 2] => bucket_of([thousandths, at]),
            _ => Err(Damage::Contents),
        }
    }
}

const fn kind_byte(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Breaker => 1,
        RecordKind::Budget => 2,
    }
}

fn pack(kind: RecordKind, phase: u8, fields: Fields) -> RecordBytes {
    let mut bytes = [0; RECORD_SIZE];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..7].copy_from_slice(&[VERSION, kind_byte(kind), phase]);
    for (target, field) in bytes[8..].chunks_exact_mut(8).zip(fields) {
        target.copy_from_slice(&field.to_le_bytes());
    }
    let sum = checksum(&bytes[..CHECKSUM_OFFSET]);
    bytes[CHECKSUM_OFFSET..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The phase and the fields of a valid record.
fn unpack(kind: RecordKind, bytes: &[u8]) -> Result<(u8, Fields), Damage> {
    // Before the size and the checksum: a later version may have others.
    if bytes.starts_with(&MAGIC)
        && let Some(&version) = bytes.get(4)
        && version > VERSION
    {
        return Err(Damage::Version(version.into()));
    }
    let (version, checksum_offset) = match bytes.len() {
        RECORD_SIZE => (VERSION, CHECKSUM_OFFSET),
        OLD_SIZE => (OLD_VERSION, OLD_CHECKSUM_OFFSET),
        length => return Err(Damage::Length(length)),
    };
    let (content, sum) = bytes.split_at(checksum_offset);
    if content[..4] != MAGIC || sum != checksum(content).to_le_bytes() {
        return Err(Damage::Checksum);
    }
    let (head, numbers) = content.split_at(8);
    if head[4..6] != [version, kind_byte(kind)] || head[7] != 0 {
        return Err(Damage::Contents);
    }
    // Version 1 has zero where version 2 has the width of the buckets.
    let mut fields = [0; FIELDS];
    for (field, bytes) in fields.iter_mut().zip(numbers.as_chunks().0) {
        *field = u64::from_le_bytes(*bytes);
    }
    Ok((head[6], fields))
}

/// FNV-1a with 64 bits: detects torn and foreign bytes, not forged ones.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::MAX_NUMBER;
    use super::*;
    use proptest::prelude::*;
    use retry_loop::bucket::{BudgetSettings, Payment};
    use retry_loop::circuit::{Admission, BreakerSettings, Observation, Ticket};
    use retry_loop::random::Random;
    use retry_loop::recent::Counts;
    use retry_loop::timestamp::{LONGEST, Span, Timestamp};
    use std::time::Duration;

    /// Any number, and often one at which a calculation may overflow.
    fn number() -> impl Strategy<Value = u64> {
        const EDGES: [u64; 8] = [0, 1, 999, MAX_NUMBER, MAX_NUMBER + 1, 1 << 63, u64::MAX - 1, u64::MAX];
        prop_oneof![any::<u64>(), prop::sample::select(&EDGES[..]), 0..2_000_000_000_000_u64]
    }

    fn any_recent() -> impl Strategy<Value = Recent> {
        let count = || prop_oneof![Just(0), 0..9_u32, any::<u32>()];
        let counts = (count(), count()).prop_map(|(successes, failures)| Counts { successes, failures });
        let longest = LONGEST.as_millis() as u64 / 10;
        let some = (1..=longest, 0..=MAX_NUMBER, prop::array::uniform10(counts))
            .prop_map(|(width, newest, buckets)| Recent { width, newest, buckets });
        prop_oneof![1 => Just(Recent::EMPTY), 3 => some]
    }

    /// A record that begins with these fields; the others are zero.
    fn packed<const N: usize>(kind: RecordKind, phase: u8, first: [u64; N]) -> RecordBytes {
        let mut fields = [0; FIELDS];
        fields[..N].copy_from_slice(&first);
        pack(kind, phase, fields)
    }

    /// The record of version 1 with these fields.
    fn old(kind: RecordKind, phase: u8, fields: [u64; 5]) -> Vec<u8> {
        let mut bytes = packed(kind, phase, fields)[..OLD_CHECKSUM_OFFSET].to_vec();
        bytes[4] = 1;
        bytes.extend(checksum(&bytes).to_le_bytes());
        bytes
    }

    fn any_breaker() -> impl Strategy<Value = Circuit> {
        let longest = LONGEST.as_millis() as u64;
        let span = move || {
            let times = (0..=MAX_NUMBER, 0..=longest);
            times.prop_map(|(from, length)| Span { from: Timestamp::from_millis(from), length })
        };
        let phase = prop_oneof![
            (any::<u32>(), any_recent()).prop_map(|(failures, recent)| Phase::Closed { failures, recent }),
            (span(), 0..=longest).prop_map(|(span, period)| Phase::Open { span, period }),
            (span(), 0..=longest).prop_map(|(lease, period)| Phase::HalfOpen { lease, period }),
        ];
        (0..=MAX_NUMBER, phase).prop_map(|(generation, phase)| Circuit { generation, phase })
    }

    fn record(thousandths: u64, at: u64) -> RecordBytes {
        Bucket { thousandths, at: Timestamp::from_millis(at) }.to_bytes()
    }

    #[test]
    fn the_layout_does_not_change_by_accident() {
        let bytes = record(9200, 1_800_000_000_123);
        assert_eq!(bytes[..8], [b'r', b't', b'r', b'y', 2, 2, 0, 0]);
        assert_eq!(bytes[8..16], 9200_u64.to_le_bytes());
        assert_eq!(bytes[16..24], 1_800_000_000_123_u64.to_le_bytes());
        assert_eq!(bytes[24..144], [0; 120]);
        assert_eq!(u64::from_le_bytes(bytes[144..].try_into().unwrap()), 0x5dbd_5abe_3777_16c0);
        let mut recent = Recent { width: 6000, newest: 300_000_001, ..Recent::EMPTY };
        recent.buckets[0] = Counts { successes: 1, failures: 2 };
        recent.buckets[9] = Counts { successes: 3, failures: 4 };
        let closed = Circuit { generation: 7, phase: Phase::Closed { failures: 2, recent } }.to_bytes();
        assert_eq!(closed[..8], [b'r', b't', b'r', b'y', 2, 1, 0, 0]);
        assert_eq!(closed[48..56], 6000_u64.to_le_bytes());
        assert_eq!(closed[56..64], 300_000_001_u64.to_le_bytes());
        assert_eq!(closed[64..72], [1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(closed[136..144], [3, 0, 0, 0, 4, 0, 0, 0]);
    }

    /// Bytes of version 1 as they were written then.
    #[test]
    fn records_of_version_1_are_read() {
        let bytes = old(RecordKind::Budget, 0, [9200, 1_800_000_000_123, 0, 0, 0]);
        assert_eq!(u64::from_le_bytes(bytes[56..].try_into().unwrap()), 0x3559_1d59_f7b7_3863);
        let at = Timestamp::from_millis(1_800_000_000_123);
        assert_eq!(Bucket::from_bytes(&bytes), Ok(Bucket { thousandths: 9200, at }));
        let closed = Phase::Closed { failures: 3, recent: Recent::EMPTY };
        let bytes = old(RecordKind::Breaker, 0, [7, 3, 0, 0, 0]);
        assert_eq!(Circuit::from_bytes(&bytes), Ok(Circuit { generation: 7, phase: closed }));
        let span = Span { from: at, length: 30_000 };
        let open = Phase::Open { span, period: 20_000 };
        let bytes = old(RecordKind::Breaker, 1, [7, 0, 1_800_000_000_123, 30_000, 20_000]);
        assert_eq!(Circuit::from_bytes(&bytes), Ok(Circuit { generation: 7, phase: open }));
        // A version belongs to a size.
        let mut mixed = bytes;
        mixed[4] = 2;
        let sum = checksum(&mixed[..OLD_CHECKSUM_OFFSET]).to_le_bytes();
        mixed[OLD_CHECKSUM_OFFSET..].copy_from_slice(&sum);
        assert_eq!(Circuit::from_bytes(&mixed), Err(Damage::Contents));
    }

    #[test]
    fn what_is_no_record_says_why() {
        let good = record(1, 2);
        assert_eq!(Bucket::from_bytes(&[]), Err(Damage::Length(0)));
        assert_eq!(Bucket::from_bytes(&good[..151]), Err(Damage::Length(151)));
        assert_eq!(Bucket::from_bytes(&good[..64]), Err(Damage::Checksum));
        assert_eq!(Bucket::from_bytes(&[good.as_slice(), b"x"].concat()), Err(Damage::Length(153)));
        assert_eq!(Bucket::from_bytes(&[0; RECORD_SIZE]), Err(Damage::Checksum));
        assert_eq!(Circuit::from_bytes(&good), Err(Damage::Contents));
        let mut future = good;
        future[4] = 3;
        for length in [5, 64, RECORD_SIZE] {
            assert_eq!(Bucket::from_bytes(&future[..length]), Err(Damage::Version(3)));
        }
        assert_eq!(Circuit::from_bytes(&packed(RecordKind::Breaker, 3, [0; 5])), Err(Damage::Contents));
        let longest = LONGEST.as_millis() as u64 / 10;
        for [width, newest, bucket, good] in
            [[longest, 5, 1, 1], [longest + 1, 5, 1, 0], [0, 0, 1, 0], [0, 5, 0, 0], [1, u64::MAX, 1, 0]]
        {
            let bytes = packed(RecordKind::Breaker, 0, [0, 0, 0, 0, 0, width, newest, bucket]);
            assert_eq!(Circuit::from_bytes(&bytes).is_ok(), good == 1);
            // Only a closed circuit counts.
            let bytes = packed(RecordKind::Breaker, 1, [0, 0, 0, 0, 0, width, newest, bucket]);
            assert_eq!(Circuit::from_bytes(&bytes), Err(Damage::Contents));
        }
        for fields in [[0, 0, 0, u64::MAX, 0], [0, 0, 0, 0, u64::MAX], [0, 0, u64::MAX, 1, 1], [u64::MAX; 5]]
        {
            assert_eq!(Circuit::from_bytes(&packed(RecordKind::Breaker, 1, fields)), Err(Damage::Contents));
        }
        assert_eq!(Bucket::from_bytes(&record(u64::MAX, 0)), Err(Damage::Contents));
        assert_eq!(Bucket::from_bytes(&record(0, u64::MAX)), Err(Damage::Contents));
        let many = u64::from(u32::MAX) + 1;
        assert_eq!(
            Circuit::from_bytes(&packed(RecordKind::Breaker, 0, [0, many, 0, 0, 0])),
            Err(Damage::Contents)
        );
    }

    proptest! {
        #[test]
        fn a_breaker_comes_back_as_it_was(breaker in any_breaker()) {
            prop_assert_eq!(Circuit::from_bytes(&breaker.to_bytes()), Ok(breaker));
        }

        #[test]
        fn a_budget_comes_back_as_it_was(thousandths in 0..=u64::from(u32::MAX) * 1000, at in 0..=MAX_NUMBER) {
            let budget = Bucket { thousandths, at: Timestamp::from_millis(at) };
            prop_assert_eq!(Bucket::from_bytes(&budget.to_bytes()), Ok(budget));
        }

        /// A forged record with a good checksum is either damaged, or over in a week whatever the clock shows, and
        /// nothing panics.
        #[test]
        fn no_crafted_record_opens_a_circuit_for_ever(
            phase in 0..4_u8, fields in prop::array::uniform8(number()), now in number(), result in 0..3_usize,
        ) {
            let now = Timestamp::from_millis(now);
            if let Ok(mut breaker) = Circuit::from_bytes(&packed(RecordKind::Breaker, phase, fields)) {
                let first = breaker.admit(now, Duration::ZERO);
                prop_assert!(breaker.refusal(now).is_none_or(|refusal| refusal.wait <= LONGEST));
                let later = Timestamp::from_millis(now.millis().saturating_add(LONGEST.as_millis() as u64));
                let second = breaker.admit(later, Duration::ZERO);
                if later > now {
                    let refused = [first, second].map(|one| matches!(one, Admission::Refused(_)));
                    prop_assert!(refused != [true, true]);
                }
                let result = [Observation::Success, Observation::Failure, Observation::Neutral][result];
                let ticket = Ticket::of(breaker.generation);
                breaker.record(ticket, result, later, &BreakerSettings::default(), &mut Random::seeded(1));
            }
            if let Ok(mut budget) = Bucket::from_bytes(&packed(RecordKind::Budget, phase, [fields[0], fields[1]])) {
                let settings = BudgetSettings::default();
                budget.deposit(now, &settings);
                if let Payment::Empty { wait } = budget.pay(now, &settings) {
                    prop_assert!(wait <= Duration::from_secs(60));
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_every_changed_byte_is_seen(
            breaker in any_breaker(), at in 0..RECORD_SIZE, change in 1..=255_u8, noise: Vec<u8>,
        ) {
            let mut bytes = breaker.to_bytes();
            bytes[at] ^= change;
            prop_assert!(Circuit::from_bytes(&bytes).is_err());
            prop_assert!(Bucket::from_bytes(&noise).is_err());
        }
    }
}
