//! The store of a fleet: a Redis or Valkey server. Owns the connection, the scripts and the
//! time limit.
//!
//! An operation is answered by one script, which is atomic, on the server's clock: no lock, no second
//! try, however many ask. So the rules are there a second time, in Lua (`breaker.lua`, `budget.lua`),
//! and a test puts the same random operations to both. The way with one implementation, to decide here
//! and to write if nobody else has (compare and set), was measured and is not good enough: with 32
//! processes on one record some got no turn within 200 ms.
//!
//! A record is a short text that starts with the version of the format. It expires when it means no
//! more than a fresh one (a budget), or a day after the last change (a breaker). The scripts need Redis 5
//! or any Valkey.

use super::clock::{PATIENCE, PATIENCE_OF_A_PERSON, Patience};
use super::connection::{Connection, Failure, no_answer};
use super::operation::{Operation, ScriptReply};
use super::record::{Damage, State, breaker, budget};
use super::record_key::{Kind, RecordKey};
use super::store::{Lock, MOST_RECORDS, Removal, StoreError, StoreReply, StoredRecord, too_many};
use crate::core::shared::RedisUrl;
use redis::{Cmd, FromRedisValue, RedisError, Value, from_redis_value};
use retry_loop::timestamp::Timestamp;
use std::collections::BTreeSet;
use std::fmt;

const BREAKER: &str = include_str!("breaker.lua");
const BUDGET: &str = include_str!("budget.lua");

/// A record is shorter; what is longer is shown as damaged, without all of it being sent.
const LONGEST_RECORD: usize = 256;

/// So many keys are looked at in one step: if all of them are ours, with the longest names, the answer stays
/// below what an answer may have.
const KEYS_IN_A_STEP: usize = 250;

/// Records on a server.
pub struct RedisStore {
    url: RedisUrl,
    connection: Option<Connection>,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("url", &self.url).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// On this server. Connects at the first use.
    pub fn new(url: RedisUrl) -> Self {
        Self { url, connection: None }
    }

    /// Puts an operation to the record in `record_key`, on the server's clock.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer before the patience is used up.
    pub fn ask<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        patience: Patience,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        self.put(key, operation, patience, None)
    }

    /// The same at a given time, within 200 ms. For tests.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    #[doc(hidden)]
    pub fn ask_at<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        now: Timestamp,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        self.put(key, operation, Patience::begin(PATIENCE), Some(now))
    }

    fn put<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        patience: Patience,
        now: Option<Timestamp>,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        let script = match key.kind() {
            Kind::Breaker => BREAKER,
            Kind::Budget => BUDGET,
        };
        let mut command = redis::cmd("EVAL");
        // Few and short arguments: a server that wants a password takes no more than ten before, and would
        // call the eleventh a protocol error instead of asking for the password.
        command.arg(script).arg(1).arg(key.key()).arg(operation.encode());
        command.arg(now.map(|now| now.millis().to_string()).unwrap_or_default());
        let answer = self.call(&command, patience)?;
        let (word, wait, generation, damage): (String, i64, u64, u64) = understand(answer)?;
        let reply = operation.decode(&ScriptReply { word, wait, generation }).ok_or_else(no_sense)?;
        let damage = match damage {
            0 => None,
            1 => Some(Damage::Contents),
            version => Some(Damage::Version(u8::try_from(version).unwrap_or(u8::MAX))),
        };
        Ok(StoreReply { reply, damage })
    }

    /// All records and the server's time.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, does not answer in time, or has too many.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        let patience = Patience::begin(PATIENCE_OF_A_PERSON);
        let (seconds, micros): (u64, u64) = understand(self.call(&redis::cmd("TIME"), patience)?)?;
        let now = Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(micros / 1000));
        // SCAN may give a key twice.
        let mut keys = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("retry:{*}:*").arg("COUNT").arg(KEYS_IN_A_STEP);
            let (next, some): (u64, Vec<Vec<u8>>) = understand(self.call(&scan, patience)?)?;
            keys.extend(some.iter().filter_map(|key| RecordKey::from_key(str::from_utf8(key).ok()?)));
            if keys.len() > MOST_RECORDS {
                return Err(too_many());
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let mut all = Vec::new();
        for key in keys {
            let mut get = redis::cmd("GETRANGE");
            get.arg(key.key()).arg(0).arg(LONGEST_RECORD);
            // A value of another type is shown as a record without text: it is there, and it is not good.
            let text: Option<Vec<u8>> = match self.exchange(&get, patience)? {
                Ok(value) => Some(understand(value)?).filter(|text: &Vec<u8>| !text.is_empty()),
                Err(_) => Some(Vec::new()),
            };
            all.extend(text.map(|text| {
                let state = parse(key.kind(), &text);
                StoredRecord { key, state, lock: Lock::Free }
            }));
        }
        Ok((all, now))
    }

    /// Removes a record.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer before the patience is used up.
    pub fn remove(&mut self, key: &RecordKey, patience: Patience) -> Result<Removal, StoreError> {
        let mut delete = redis::cmd("DEL");
        delete.arg(key.key());
        let removed: u64 = understand(self.call(&delete, patience)?)?;
        Ok(if removed == 0 { Removal::Absent } else { Removal::Removed })
    }

    fn call(&mut self, command: &Cmd, patience: Patience) -> Result<Value, StoreError> {
        self.exchange(command, patience)?.map_err(|refusal| refusal.error())
    }

    /// Sends one command and waits for its answer. The inner error is the server's own.
    fn exchange(&mut self, command: &Cmd, patience: Patience) -> Result<Result<Value, Refusal>, StoreError> {
        if patience.left().is_none() {
            return Err(no_answer(patience));
        }
        if let Some(known) = self.connection.take() {
            match self.ask_over(known, command, patience) {
                // The server was restarted, or has closed an idle connection, since the last time.
                Err(Failure::Lost(_)) => {}
                other => return other.map_err(Failure::error),
            }
        }
        let new = Connection::open(&self.url, patience)?;
        self.ask_over(new, command, patience).map_err(Failure::error)
    }

    /// Keeps the connection for the next operation if it is still good.
    fn ask_over(
        &mut self,
        mut connection: Connection,
        command: &Cmd,
        patience: Patience,
    ) -> Result<Result<Value, Refusal>, Failure> {
        let answer = match connection.ask(command, patience) {
            Ok(value) => Ok(value),
            Err(Failure::Refused(error)) => Err(Refusal(error)),
            Err(other) => return Err(other),
        };
        self.connection = Some(connection);
        Ok(answer)
    }
}

impl Failure {
    fn error(self) -> StoreError {
        match self {
            Self::Refused(error) => Refusal(error).error(),
            Self::Lost(error) | Self::Final(error) => error,
        }
    }
}

fn understand<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| no_sense())
}

fn no_sense() -> StoreError {
    StoreError::new("the server gave an answer that makes no sense")
}

/// The state of a record as the scripts write it.
fn parse(kind: Kind, text: &[u8]) -> Result<State, Damage> {
    let text = str::from_utf8(text).map_err(|_| Damage::Contents)?;
    let numbers: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
    match (kind, numbers.as_deref()) {
        (Kind::Breaker, Ok(&[1, phase, generation, failures, from, length, period])) => {
            breaker(phase, [generation, failures, from, length, period]).map(State::Breaker)
        }
        (Kind::Budget, Ok(&[1, thousandths, at])) => budget([thousandths, at]).map(State::Budget),
        _ => Err(Damage::Contents),
    }
}

/// What the server has against a command.
struct Refusal(RedisError);

impl Refusal {
    fn error(&self) -> StoreError {
        let code = self.0.code().unwrap_or("ERR");
        match (code, self.0.detail()) {
            ("WRONGTYPE", _) => StoreError::new("the key holds a value of another kind (WRONGTYPE)"),
            (_, Some(detail)) => StoreError::new(format!("the server refused: {code} {detail}")),
            (_, None) => StoreError::new(format!("the server refused: {code}")),
        }
    }
}
