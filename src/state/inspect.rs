//! What `--show-state` and `--reset-state` do. Unlike a run they fail where the store cannot be used: a person wants to
//! know.

use super::error::{LockState, Removal, StoreError, StoredRecord};
use super::record::{Damage, RecordState};
use super::record_key::{RecordKey, RecordKind};
use super::store::Store;
use super::timeout::{INTERACTIVE_LIMIT, StoreTimeout};
use crate::core::shared::{Location, Name};
use retry_loop::bucket::Bucket;
use retry_loop::circuit::{Circuit, Phase};
use std::time::Duration;

/// One record, for `--show-state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSummary {
    /// The record's name as text.
    pub name: String,
    /// The state in it.
    pub status: RecordStatus,
    /// Whether another process had locked it.
    pub lock: LockState,
}

/// The state in a record, for `--show-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    /// A circuit breaker as it is now, and for how long it refuses attempts, if it does.
    Breaker(Circuit, Option<Duration>),
    /// A retry budget as it was last written. Time has added tokens since.
    Budget(Bucket),
    /// The record is damaged.
    Damaged(RecordKind, Damage),
}

/// All records at a location, in the order of their names.
///
/// # Errors
/// When the store cannot be used: a person who asks for the state wants to know.
pub fn show(location: &Location) -> Result<Vec<RecordSummary>, StoreError> {
    let (records, now) = Store::at(location).list()?;
    let summary = |record: StoredRecord| {
        let status = match record.state {
            Ok(RecordState::Breaker(mut circuit)) => {
                if let Phase::Closed { recent, .. } = &mut circuit.phase {
                    *recent = recent.aged(now);
                }
                RecordStatus::Breaker(circuit, circuit.refusal(now))
            }
            Ok(RecordState::Budget(bucket)) => RecordStatus::Budget(bucket),
            Err(damage) => RecordStatus::Damaged(record.key.kind(), damage),
        };
        RecordSummary { name: record.key.to_string(), status, lock: record.lock }
    };
    Ok(records.into_iter().map(summary).collect())
}

/// Removes the breaker and the budget with this name. [`Removal::Absent`] if there was neither.
///
/// # Errors
/// When the store cannot be used.
pub fn reset(location: &Location, name: &Name) -> Result<Removal, StoreError> {
    let mut store = Store::at(location);
    let timeout = StoreTimeout::start(INTERACTIVE_LIMIT);
    let mut removal = Removal::Absent;
    for kind in RecordKind::ALL {
        if store.remove(&RecordKey::new(name, kind), timeout)? == Removal::Removed {
            removal = Removal::Removed;
        }
    }
    Ok(removal)
}
