//! What a store returns: a reply, or why there is none. Owns the wording of its errors.

use super::record::{Damage, RecordState};
use super::record_key::RecordKey;
use crate::core::os_error::{brief, describe};
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a store could not be used: a sentence without the store's location, and without any password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    /// An error with this text. A server may have sent a part of it, so it is shortened and made safe for a terminal. The
    /// messages that contain it end the sentence, so a full stop of the server's is left out.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(brief(text.as_ref().trim_end().trim_end_matches('.')))
    }

    /// A system call failed. `action` is what it was to do: `cannot open the record`.
    pub fn io(action: &str, error: &io::Error) -> Self {
        Self::new(format!("{action}: {}", describe(error)))
    }

    /// A server did not answer within `limit`.
    pub fn no_answer(limit: Duration) -> Self {
        Self::new(format!("no reply within {}ms", limit.as_millis()))
    }

    /// A server's reply is not one that its script gives.
    pub fn malformed_reply() -> Self {
        Self::new("the server sent an invalid reply")
    }

    /// A store has more than [`MAX_RECORDS`] records.
    pub fn too_many_records() -> Self {
        Self::new(format!("there are more than {MAX_RECORDS} records"))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// More records than this are not listed. No user has that many, but anyone who can write to the store could
/// make us read names until memory runs out.
pub const MAX_RECORDS: usize = 10_000;

/// The result of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreReply<T> {
    /// The reply of the rules.
    pub reply: T,
    /// Why the record was replaced by a fresh one before the operation, if it was.
    pub damage: Option<Damage>,
}

/// A record as [`list`](super::store::Store::list) finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The record's name and kind.
    pub key: RecordKey,
    /// What is in it.
    pub contents: RecordContents,
    /// Whether another process had locked it.
    pub lock: LockState,
}

/// What is in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordContents {
    /// A state.
    State(RecordState),
    /// No state. The next operation starts afresh.
    Damaged(Damage),
    /// It is not a record: a directory or a link in its place, or a key of another type. Each operation fails.
    Unusable(StoreError),
}

impl From<Result<RecordState, Damage>> for RecordContents {
    fn from(read: Result<RecordState, Damage>) -> Self {
        read.map_or_else(Self::Damaged, Self::State)
    }
}

/// Whether a record was locked when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// No process had locked it, or its store has no locks.
    Unlocked,
    /// Another process kept it locked for longer than we wait. Its state may change at any time.
    Locked,
}

/// Whether there was a record to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The record is removed.
    Removed,
    /// There was no record.
    Absent,
}
