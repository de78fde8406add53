//! One read-modify-write of one record, in whichever store it is kept. Owns what all stores share: when
//! a record is written at all, and what becomes of a damaged one. It knows no rules.

use super::file::FileStore;
use super::record::{Bytes, Damage, Kept};
#[cfg(feature = "redis")]
use super::redis::RedisStore;
use super::slot::Slot;
use crate::core::shared::Location;
use crate::core::wall::Wall;
use std::fmt;
use std::io;
use std::time::Duration;

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
pub struct Trouble(String);

impl Trouble {
    /// For this reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Doing this (`cannot open it`) failed with this error.
    pub fn io(doing: &str, error: &io::Error) -> Self {
        let text = error.to_string();
        let why = text.split(" (os error").next().unwrap_or_default().to_lowercase();
        Self(format!("{doing}: {why}"))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    Keep,
    /// It becomes this. A server may forget it after `keep` without another change.
    Write {
        /// The whole record.
        bytes: Bytes,
        /// How long it means something.
        keep: Duration,
    },
}

/// A rule that is applied to a record: the bytes that are there (none without a record) and the time on
/// the store's clock make a change. A store calls it again when someone else was faster.
pub type Rule<'a> = dyn FnMut(Option<&[u8]>, Wall) -> Change + 'a;

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied<T> {
    /// The rule's answer.
    pub answer: T,
    /// The record was none, and a fresh state took its place.
    pub damage: Option<Damage>,
}

/// A record as it is found, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of what.
    pub slot: Slot,
    /// Its bytes, good or not.
    pub bytes: Vec<u8>,
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
            Location::Nowhere => Self::Missing("neither XDG_STATE_HOME nor HOME is set; use --state DIR"),
        }
    }

    /// Applies `rule` to the state in `slot`, or to a fresh one if there is none, as one atomic step.
    /// `keep` says how long the new state means something. Nothing is written unless it changed.
    ///
    /// # Errors
    /// When the store could not be used. Then the record is unchanged, or, if an answer of a server got
    /// lost, changed.
    pub fn apply<S: Kept, T>(
        &mut self,
        slot: &Slot,
        fresh: impl Fn(Wall) -> S,
        keep: impl Fn(&S) -> Duration,
        mut rule: impl FnMut(&mut S, Wall) -> T,
    ) -> Result<Applied<T>, Trouble> {
        let mut applied = None;
        self.update(slot, &mut |found, now| {
            let (before, damage) = match found.map(S::from_bytes) {
                None => (None, None),
                Some(Ok(state)) => (Some(state), None),
                Some(Err(damage)) => (None, Some(damage)),
            };
            let mut state = before.unwrap_or_else(|| fresh(now));
            let unchanged = state;
            let answer = rule(&mut state, now);
            applied = Some(Applied { answer, damage });
            if state == unchanged && damage.is_none() {
                return Change::Keep;
            }
            Change::Write { bytes: state.to_bytes(), keep: keep(&state) }
        })?;
        applied.ok_or_else(|| Trouble::new("the store did not look at the record"))
    }

    fn update(&mut self, slot: &Slot, rule: &mut Rule<'_>) -> Result<(), Trouble> {
        match self {
            Self::File(store) => store.update(slot, rule),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.update(slot, rule),
            Self::Missing(why) => Err(Trouble::new(*why)),
        }
    }

    /// All records, in the order of their names, and the time on the store's clock.
    ///
    /// # Errors
    /// When the store could not be used.
    pub fn list(&mut self) -> Result<(Vec<Found>, Wall), Trouble> {
        let (mut found, now) = match self {
            Self::File(store) => store.list(),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.list(),
            Self::Missing(why) => Err(Trouble::new(*why)),
        }?;
        found.sort_by(|one, other| one.slot.cmp(&other.slot));
        Ok((found, now))
    }

    /// Forgets a record.
    ///
    /// # Errors
    /// When the store could not be used.
    pub fn remove(&mut self, slot: &Slot) -> Result<Removal, Trouble> {
        match self {
            Self::File(store) => store.remove(slot),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.remove(slot),
            Self::Missing(why) => Err(Trouble::new(*why)),
        }
    }
}
