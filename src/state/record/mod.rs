//! What a record may hold, whichever store it is in.
//!
//! | file | owns |
//! |---|---|
//! | `bytes` | the bytes of a record in a file: versioned, checksummed, of one size |

mod bytes;

pub use bytes::{RECORD_SIZE, RecordBytes, RecordFormat};

use super::record_key::RecordKind;
use retry_loop::bucket::Bucket;
use retry_loop::circuit::{Circuit, Phase};
use retry_loop::recent::{BUCKETS, Counts, Recent};
use retry_loop::timestamp::{LONGEST, Span, Timestamp};
use std::fmt;

/// No timestamp and no generation (which grows with the timestamp) is larger: Lua's numbers, which are floating-point,
/// are exact up to here, and a clock gets here in the year 287396.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Why bytes are not a valid record. The state then starts afresh, with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The record has this many bytes.
    Length(usize),
    /// Another program wrote it, or not all of it was written.
    Checksum,
    /// It has a later version of the format than this `retry` knows.
    Version(u64),
    /// It is a record of the other kind, or has values that no rule gives.
    Contents,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "{length} bytes instead of {RECORD_SIZE}"),
            Self::Checksum => f.write_str("wrong checksum"),
            Self::Version(version) => write!(f, "unknown version {version}"),
            Self::Contents => f.write_str("invalid contents"),
        }
    }
}

/// The state in a record of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    /// The state of a circuit breaker.
    Breaker(Circuit),
    /// The state of a retry budget.
    Budget(Bucket),
}

impl RecordState {
    /// Reads a record of this kind.
    ///
    /// # Errors
    /// When the bytes are not a valid record.
    pub fn from_bytes(kind: RecordKind, bytes: &[u8]) -> Result<Self, Damage> {
        match kind {
            RecordKind::Breaker => Circuit::from_bytes(bytes).map(Self::Breaker),
            RecordKind::Budget => Bucket::from_bytes(bytes).map(Self::Budget),
        }
    }
}

/// The circuit that has these fields in a record, whichever store the record is from. Times are in milliseconds.
///
/// # Errors
/// When no rule gives such a state: a span of 2^64 would keep a circuit open for ever.
pub(in crate::state) fn circuit_of(
    phase: u64,
    [generation, failures, from, length, period]: [u64; 5],
    recent: Recent,
) -> Result<Circuit, Damage> {
    let longest = LONGEST.as_millis() as u64;
    if generation > MAX_NUMBER || from > MAX_NUMBER || length > longest || period > longest {
        return Err(Damage::Contents);
    }
    let span = Span { from: Timestamp::from_millis(from), length };
    let phase = match phase {
        0 => Phase::Closed { failures: u32::try_from(failures).map_err(|_| Damage::Contents)?, recent },
        1 | 2 if recent != Recent::EMPTY => return Err(Damage::Contents),
        1 => Phase::Open { span, period },
        2 => Phase::HalfOpen { lease: span, period },
        _ => return Err(Damage::Contents),
    };
    Ok(Circuit { generation, phase })
}

/// The results in a window that have these fields in a record, whichever store the record is from: the width of the
/// buckets in milliseconds, the number of the newest one, and the successes and failures in each.
///
/// # Errors
/// When no rule gives such a state: counts without a width would never age.
pub(in crate::state) fn recent_of(
    width: u64,
    newest: u64,
    buckets: [[u64; 2]; BUCKETS],
) -> Result<Recent, Damage> {
    let mut recent = Recent { width, newest, ..Recent::EMPTY };
    for (bucket, [successes, failures]) in recent.buckets.iter_mut().zip(buckets) {
        let count = |number| u32::try_from(number).map_err(|_| Damage::Contents);
        *bucket = Counts { successes: count(successes)?, failures: count(failures)? };
    }
    let longest = LONGEST.as_millis() as u64 / BUCKETS as u64;
    if width > longest || newest > MAX_NUMBER || (width == 0 && recent != Recent::EMPTY) {
        return Err(Damage::Contents);
    }
    Ok(recent)
}

/// The bucket that has these fields in a record: thousandths of a token, and a time in milliseconds.
///
/// # Errors
/// When no rule gives such a state.
pub(in crate::state) fn bucket_of([thousandths, at]: [u64; 2]) -> Result<Bucket, Damage> {
    if thousandths > u64::from(u32::MAX) * 1000 || at > MAX_NUMBER {
        return Err(Damage::Contents);
    }
    Ok(Bucket { thousandths, at: Timestamp::from_millis(at) })
}
