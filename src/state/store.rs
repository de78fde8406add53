//! One operation on one record, in whichever store the record is kept. Owns what all stores have in common;
//! knows no transitions of breakers and budgets.

use super::error::{Removal, StoreError, StoreReply, StoredRecord};
use super::file::FileStore;
use super::operation::{Condition, Operation, PairReply, RecordAndQuery};
use super::record_key::RecordKey;
#[cfg(feature = "redis")]
use super::redis::RedisStore;
use super::timeout::StoreTimeout;
use crate::core::shared::Location;
use crate::platform::user;
use retry_loop::timestamp::Timestamp;
use std::borrow::Cow;

/// Where records are kept.
#[derive(Debug)]
pub enum Store {
    /// In a directory of this machine.
    File(FileStore),
    /// On a server.
    #[cfg(feature = "redis")]
    Redis(Box<RedisStore>),
    /// Nowhere: every use fails with this text.
    Unavailable(Cow<'static, str>),
}

impl Store {
    /// The store at this location. Opens nothing yet.
    pub fn at(location: &Location) -> Self {
        match location {
            Location::Default(path) => Self::File(FileStore::private(path.clone())),
            Location::Directory(path) => Self::File(FileStore::shared(path.clone())),
            #[cfg(feature = "redis")]
            Location::Redis(url) => Self::Redis(Box::new(RedisStore::new(url.clone()))),
            #[cfg(not(feature = "redis"))]
            Location::Redis(_) => Self::Unavailable("this build of retry has no Redis support".into()),
            Location::Unavailable => Self::Unavailable(user::NO_STATE_DIRECTORY.into()),
            Location::Rejected(why) => Self::Unavailable(why.clone().into()),
        }
    }

    /// Applies an operation to the record of `key`, or to a fresh state if there is none, as one atomic step.
    /// Writes only if the state changes.
    ///
    /// # Errors
    /// When the store cannot be used. Then the record is unchanged, unless a server's reply was lost.
    pub fn execute<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        timeout: StoreTimeout,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        match self {
            Self::File(store) => store.execute(key, operation, timeout),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.execute(key, operation, timeout),
            Self::Unavailable(why) => Err(StoreError::new(why)),
        }
    }

    /// Records the result of an attempt, and then applies an operation to a budget. On a server, this is one atomic step
    /// and one round trip if both records have the same name and their node of a cluster does not change.
    ///
    /// # Errors
    /// When the store cannot be used. Then the records are unchanged, or only the breaker is changed, or a server's
    /// reply was lost.
    pub fn execute_pair<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        record: &mut RecordAndQuery<'_>,
        (then, condition): (&mut Q, Condition),
        timeout: StoreTimeout,
    ) -> Result<PairReply<Q::Reply>, StoreError> {
        #[cfg(feature = "redis")]
        if let Self::Redis(store) = self
            && keys[0].has_name_of(keys[1])
            && let Some(reply) = store.execute_pair(keys, record, (&mut *then, condition), timeout)?
        {
            return Ok(reply);
        }
        let first = self.execute(keys[0], record, timeout)?;
        let second = match (first.reply.refusal, condition) {
            (Some(_), Condition::UnlessRefused) => None,
            _ => Some(self.execute(keys[1], then, timeout)?),
        };
        Ok(PairReply { first, second })
    }

    /// All records, in the order of their names, and the time on the store's clock.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        let (mut records, now) = match self {
            Self::File(store) => store.list(),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.list(),
            Self::Unavailable(why) => Err(StoreError::new(why)),
        }?;
        records.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((records, now))
    }

    /// Removes a record.
    ///
    /// # Errors
    /// When the store cannot be used.
    #[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "a file is removed at once"))]
    pub fn remove(&mut self, key: &RecordKey, timeout: StoreTimeout) -> Result<Removal, StoreError> {
        match self {
            Self::File(store) => store.remove(key),
            #[cfg(feature = "redis")]
            Self::Redis(store) => store.remove(key, timeout),
            Self::Unavailable(why) => Err(StoreError::new(why)),
        }
    }
}
