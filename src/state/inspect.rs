//! What `--show-state` and `--reset-state` do. Unlike a run they fail where the store cannot be used: a person wants to
//! know.

use super::error::{LockState, RecordContents, Removal, StoreError, StoredRecord};
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
    /// The name as the store has it: ASCII letters and digits only. [`reset`] takes it as well.
    pub encoded_name: String,
    /// The state in it.
    pub status: RecordStatus,
    /// Whether another process had locked it.
    pub lock: LockState,
}

/// The state in a record, for `--show-state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordStatus {
    /// A circuit breaker as it is now, and for how long it refuses attempts, if it does.
    Breaker(Circuit, Option<Duration>),
    /// A retry budget as it was last written. Time has added tokens since.
    Budget(Bucket),
    /// The record is damaged. The next use resets it.
    Damaged(RecordKind, Damage),
    /// The record cannot be used.
    Unusable(RecordKind, StoreError),
}

/// All records at a location, in the order of their names.
///
/// # Errors
/// When the store cannot be used: a person who asks for the state wants to know.
pub fn show(location: &Location) -> Result<Vec<RecordSummary>, StoreError> {
    let (records, now) = Store::at(location).list()?;
    let summary = |record: StoredRecord| {
        let kind = record.key.kind();
        let status = match record.contents {
            RecordContents::State(RecordState::Breaker(mut circuit)) => {
                if let Phase::Closed { recent, .. } = &mut circuit.phase {
                    *recent = recent.aged(now);
                }
                RecordStatus::Breaker(circuit, circuit.refusal(now).map(|refusal| refusal.wait))
            }
            RecordContents::State(RecordState::Budget(bucket)) => RecordStatus::Budget(bucket),
            RecordContents::Damaged(damage) => RecordStatus::Damaged(kind, damage),
            RecordContents::Unusable(error) => RecordStatus::Unusable(kind, error),
        };
        let (name, encoded_name) = (record.key.to_string(), record.key.encoded_name().to_owned());
        RecordSummary { name, encoded_name, status, lock: record.lock }
    };
    Ok(records.into_iter().map(summary).collect())
}

/// Whether there is a circuit that is not closed, or has counted failures. `false` if the store cannot be used.
pub fn has_circuit(location: &Location) -> bool {
    let is_fresh = |circuit: &Circuit| circuit.phase == Phase::CLOSED;
    show(location).is_ok_and(|records| {
        records
            .iter()
            .any(|record| matches!(&record.status, RecordStatus::Breaker(circuit, _) if !is_fresh(circuit)))
    })
}

/// Removes the breaker and the budget with this name. If there is neither, removes those whose encoded name this is: that
/// is how [`show`] can name them all. [`Removal::Absent`] if there was none.
///
/// # Errors
/// When the store cannot be used.
pub fn reset(location: &Location, name: &Name) -> Result<Removal, StoreError> {
    let mut store = Store::at(location);
    let timeout = StoreTimeout::start(INTERACTIVE_LIMIT);
    let mut remove = |keys: [Option<RecordKey>; 2]| {
        let mut removal = Removal::Absent;
        for key in keys.into_iter().flatten() {
            if store.remove(&key, timeout)? == Removal::Removed {
                removal = Removal::Removed;
            }
        }
        Ok(removal)
    };
    let removal = remove(RecordKind::ALL.map(|kind| Some(RecordKey::new(name, kind))))?;
    if removal == Removal::Removed {
        return Ok(removal);
    }
    remove(RecordKind::ALL.map(|kind| RecordKey::from_encoded_name(str::from_utf8(name.bytes()).ok()?, kind)))
}
