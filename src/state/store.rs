//! One operation to one record, in whichever store it is kept. Owns what all stores have in common; knows
//! no rules.

use super::clock::Patience;
use super::file::FileStore;
use super::operation::Operation;
use super::record::{Damage, State};
use super::record_key::RecordKey;
#[cfg(feature = "redis")]
use super::redis::RedisStore;
use crate::core::os_error::{brief, describe};
use crate::core::shared::Location;
use retry_loop::timestamp::Timestamp;
use std::fmt;
use std::io;

/// Where records are kept.
#[derive(Debug)]
pub enum Store {
    /// In a directory of this machine.
    File(FileStore),
    /// On a server.
    #[cfg(feature = "redis")]
    Redis(RedisStore),
    /// Nowhere: every use fails and says why.
    Missing(&'static str),
}

/// Why a store could not be used: a sentence without its place, and without any password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(String);

impl StoreError {
    /// For this reason. A part of it may be a server's words, so it is cut and made safe for a terminal.
    pub fn new(why: impl AsRef<str>) -> Self {
        Self(brief(why.as_ref()))
    }

    /// Doing this (`cannot open it`) failed with this error.
    pub fn io(doing: &str, error: &io::Error) -> Self {
        Self::new(format!("{doing}: {}", describe(error)))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What came of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreReply<T> {
    /// The answer of the rules.
    pub reply: T,
    /// The record was none, and a fresh state took its place.
    pub damage: Option<Damage>,
}

/// A record as it is found, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Of what.
    pub key: RecordKey,
    /// Its state, if it is good.
    pub state: Result<State, Damage>,
    /// Whether somebody changes it, or keeps others from doing so.
    pub lock: Lock,
}

/// Whether a record was locked when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It was not, or its store knows no locks.
    Free,
    /// For longer than we waited. What it says may change.
    Held,
}

/// More records than this are not listed. Nobody has so many; whoever can write to a store could let us read
/// names until no memory is left.
pub const MOST_RECORDS: usize = 10_000;

/// That there are more of them.
pub fn too_many() -> StoreError {
    StoreError::new(format!("there are more than {MOST_RECORDS} records"))
}

/// Whether there was something to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// There was nothing.
    Absent,
}

impl Store {
    /// The store at this place. Opens nothing yet.
    pub fn at(location: &Location) -> Self {
        match location {
            Location::Own(path) => Self::File(FileStore::own(path.clone())),
            Location::Given(path) => Self::File(FileStore::given(path.clone())),
            #[cfg(feature = "redis")]
            Location::Redis(url) => Self::Redis(RedisStore::new(url.clone())),
            #[cfg(not(feature = "redis"))]
            Location::Redis(_) => Self::Missing("this retry was built without Redis"),
            Location::Nowhere => {
                Self::Missing("neither XDG_STATE_HOME nor HOME is a home of this user; use --state DIR")
            }
        }
    }

    /// Puts an operation to the state in `record_key`, or to a fresh one if there is none, as one atomic step.
    /// Nothing is written unless the state changed.
    ///
    /// # Errors
    /// When the store could not be used. Then the record is unchanged, or, if an answer of a server got
    /// lost, changed.
    pub fn ask<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        patience: Patience,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        match self {
            Self::File(store) => store.ask(key, operation, patience),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.ask(key, operation, patience),
            Self::Missing(why) => Err(StoreError::new(*why)),
        }
    }

    /// All records, in the order of their names, and the time on the store's clock.
    ///
    /// # Errors
    /// When the store could not be used.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        let (mut found, now) = match self {
            Self::File(store) => store.list(),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.list(),
            Self::Missing(why) => Err(StoreError::new(*why)),
        }?;
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok((found, now))
    }

    /// Forgets a record.
    ///
    /// # Errors
    /// When the store could not be used.
    #[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "a file is removed at once"))]
    pub fn remove(&mut self, key: &RecordKey, patience: Patience) -> Result<Removal, StoreError> {
        match self {
            Self::File(store) => store.remove(key),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.remove(key, patience),
            Self::Missing(why) => Err(StoreError::new(*why)),
        }
    }
}
