//! One question to one record, in whichever store it is kept. Owns what all stores have in common; knows
//! no rules.

use super::file::FileStore;
use super::question::Question;
use super::record::{Damage, State};
#[cfg(feature = "redis")]
use super::redis::RedisStore;
use super::slot::Slot;
use crate::core::reason::reason;
use crate::core::shared::Location;
use crate::core::wall::Wall;
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
pub struct Trouble(String);

impl Trouble {
    /// For this reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Doing this (`cannot open it`) failed with this error.
    pub fn io(doing: &str, error: &io::Error) -> Self {
        Self(format!("{doing}: {}", reason(error)))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer of the rules.
    pub reply: T,
    /// The record was none, and a fresh state took its place.
    pub damage: Option<Damage>,
}

/// A record as it is found, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of what.
    pub slot: Slot,
    /// Its state, if it is good.
    pub state: Result<State, Damage>,
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

    /// Puts a question to the state in `slot`, or to a fresh one if there is none, as one atomic step.
    /// Nothing is written unless the state changed.
    ///
    /// # Errors
    /// When the store could not be used. Then the record is unchanged, or, if an answer of a server got
    /// lost, changed.
    pub fn ask<Q: Question>(&mut self, slot: &Slot, question: &mut Q) -> Result<Answered<Q::Reply>, Trouble> {
        match self {
            Self::File(store) => store.ask(slot, question),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.ask(slot, question),
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
