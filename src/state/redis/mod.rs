//! The store of a fleet: a Redis or Valkey server. Owns the format of a record on a server.
//!
//! | file | owns |
//! |---|---|
//! | `list` | all records on a server or in a cluster |
//! | `refusal` | what a person is told when the server answers with an error |
//! | `scripts` | the scripts and their digests |
//! | `sentinel` | which server is the primary, as Sentinels say |
//!
//! One script call is one operation, atomic and on the server's clock: there is no lock and no second try, however
//! many processes there are. So the rules exist a second time, in Lua (`breaker.lua`, `budget.lua`), and a test
//! applies the same random operations to both. The end of an attempt concerns the breaker and the budget: one script
//! that has both does all of it in one round trip. Compare-and-set would need no second implementation (the client
//! decides, and writes if no other client has), but it was measured and is not good enough: with 32 processes on one
//! record some had no success within 200 ms.
//!
//! A record is a short text that starts with the version of its format. It expires when it means the same as a fresh
//! one (a budget), or a day after the last change (a breaker). The scripts need Redis 5 or any Valkey.

mod list;
mod refusal;
mod scripts;
mod sentinel;

use super::connection::{Connection, Node, RequestError};
use super::error::{Removal, StoreError, StoreReply};
use super::operation::{Condition, Operation, PairReply, RecordAndQuery, ScriptReply};
use super::record::{Damage, RecordState, bucket_of, circuit_of, recent_of};
use super::record_key::{RecordKey, RecordKind};
use super::timeout::{StoreTimeout, TIMEOUT_PER_ATTEMPT};
use crate::core::redis_url::RedisUrl;
use redis::{Cmd, FromRedisValue, RedisError, Value, from_redis_value};
use refusal::refused;
use retry_loop::recent::Recent;
use retry_loop::timestamp::Timestamp;
use scripts::Script;
use std::fmt;

/// No record is longer, in bytes. Of a longer value only the beginning is fetched, and it is listed as damaged.
const MAX_RECORD: usize = 320;

/// How often one command is sent to another node of a cluster. More than once only while a slot moves.
const MAX_REDIRECTIONS: usize = 4;

/// Records on a server.
pub struct RedisStore {
    url: RedisUrl,
    /// Open after the first use.
    connection: Option<Connection>,
    /// Which server the Sentinels have named last, if they did.
    primary: Option<Node>,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("url", &self.url).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects at the first use.
    pub fn new(url: RedisUrl) -> Self {
        Self { url, connection: None, primary: None }
    }

    /// Applies an operation to the record of `key`, on the server's clock.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not reply in time.
    pub fn execute<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        timeout: StoreTimeout,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        self.run_script(key, operation, timeout, None)
    }

    /// The same at the time `now`, for tests.
    ///
    /// # Errors
    /// As for [`Self::execute`].
    #[doc(hidden)]
    pub fn execute_at<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        now: Timestamp,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        self.run_script(key, operation, StoreTimeout::start(TIMEOUT_PER_ATTEMPT), Some(now))
    }

    fn run_script<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        timeout: StoreTimeout,
        now: Option<Timestamp>,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        let script = match key.kind() {
            RecordKind::Breaker => &scripts::BREAKER,
            RecordKind::Budget => &scripts::BUDGET,
        };
        let arguments = [operation.encode(), script_time(now)];
        let reply = self.call(script, &[key], &arguments, timeout);
        decode(operation, convert(self.accept(reply)?)?)
    }

    /// Applies an operation to a breaker, and then one to the budget with the same name, in one step. `None`, and neither
    /// is applied, while a cluster moves the records from one node to another.
    ///
    /// # Errors
    /// As for [`Self::execute`].
    pub fn execute_pair<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        record: &mut RecordAndQuery<'_>,
        then: (&mut Q, Condition),
        timeout: StoreTimeout,
    ) -> Result<Option<PairReply<Q::Reply>>, StoreError> {
        self.run_pair(keys, record, then, timeout, None)
    }

    /// The same at the time `now`, for tests.
    ///
    /// # Errors
    /// As for [`Self::execute`].
    #[doc(hidden)]
    pub fn execute_pair_at<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        record: &mut RecordAndQuery<'_>,
        then: (&mut Q, Condition),
        now: Timestamp,
    ) -> Result<Option<PairReply<Q::Reply>>, StoreError> {
        self.run_pair(keys, record, then, StoreTimeout::start(TIMEOUT_PER_ATTEMPT), Some(now))
    }

    fn run_pair<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        record: &mut RecordAndQuery<'_>,
        (then, condition): (&mut Q, Condition),
        timeout: StoreTimeout,
        now: Option<Timestamp>,
    ) -> Result<Option<PairReply<Q::Reply>>, StoreError> {
        let condition_word = match condition {
            Condition::Always => "always",
            Condition::UnlessRefused => "unless refused",
        };
        let arguments = [record.encode(), then.encode(), condition_word.to_owned(), script_time(now)];
        let reply = self.call(&scripts::PAIR, &keys, &arguments, timeout);
        if matches!(&reply, Ok(Err(error)) if error.code() == Some("TRYAGAIN")) {
            return Ok(None);
        }
        let value = self.accept(reply)?;
        let mut replies: Vec<RawReply> = convert(value)?;
        let second = if replies.len() == 2 { replies.pop() } else { None };
        let [first] = <[RawReply; 1]>::try_from(replies).map_err(|_| StoreError::malformed_reply())?;
        let first = decode(record, first)?;
        // A reply that is missing although the condition is met makes no sense.
        if second.is_none() && (condition == Condition::Always || first.reply.refusal.is_none()) {
            return Err(StoreError::malformed_reply());
        }
        let second = second.map(|reply| decode(then, reply)).transpose()?;
        Ok(Some(PairReply { first, second }))
    }

    /// Calls a script by its digest, and with its text if the server does not know it yet: once after each start of
    /// the server.
    fn call(
        &mut self,
        script: &Script,
        keys: &[&RecordKey],
        arguments: &[String],
        timeout: StoreTimeout,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        // Few and short arguments: before it has the password, a server accepts no more than ten, and answers an
        // eleventh with a protocol error instead of asking for the password.
        let command = |verb: &str, script: &str| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(keys.len());
            for key in keys {
                command.arg(key.redis_key());
            }
            command.arg(arguments);
            command
        };
        match self.try_request(&command("EVALSHA", script.digest()), timeout) {
            Ok(Err(error)) if error.code() == Some("NOSCRIPT") => {
                self.try_request(&command("EVAL", script.text), timeout)
            }
            reply => reply,
        }
    }

    /// Removes a record.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not reply in time.
    pub fn remove(&mut self, key: &RecordKey, timeout: StoreTimeout) -> Result<Removal, StoreError> {
        let mut delete = redis::cmd("DEL");
        delete.arg(key.redis_key());
        let reply = self.try_request(&delete, timeout);
        let removed: u64 = convert(self.accept(reply)?)?;
        Ok(if removed == 0 { Removal::Absent } else { Removal::Removed })
    }

    /// The reply to a command. If Sentinels have named the server, an error says which one it is of.
    fn accept(&self, reply: Result<Result<Value, RedisError>, StoreError>) -> Result<Value, StoreError> {
        reply.and_then(|reply| reply.map_err(|error| refused(&error))).map_err(|error| self.of_primary(error))
    }

    fn of_primary(&self, error: StoreError) -> StoreError {
        match &self.primary {
            Some(primary) => StoreError::new(format!("primary {primary}: {error}")),
            None => error,
        }
    }

    /// Connects to the server of the URL: if Sentinels know it, to the one that they name.
    fn open(&mut self, timeout: StoreTimeout) -> Result<Connection, StoreError> {
        self.primary = None;
        let Some(sentinels) = self.url.sentinels() else { return Connection::open(&self.url, timeout) };
        let primary = self.primary.insert(sentinel::find_primary(sentinels, timeout)?);
        Connection::open_node(&self.url, primary, timeout)
    }

    /// Sends one command and waits for its reply. The inner error is the server's own. Where a cluster keeps the key on
    /// another node, that node is asked, and the run goes on with it: a second name may be on a third node.
    fn try_request(
        &mut self,
        command: &Cmd,
        timeout: StoreTimeout,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        for _ in 0..MAX_REDIRECTIONS {
            match self.try_node(command, timeout)? {
                Err(error) if error.code() == Some("MOVED") => {
                    self.connection = Some(Connection::open_node(&self.url, &named(&error)?, timeout)?);
                }
                Err(error) if error.code() == Some("ASK") => {
                    return self.ask_importing(&named(&error)?, command, timeout);
                }
                reply => return Ok(reply),
            }
        }
        Err(StoreError::new("the nodes of the cluster redirect to one another"))
    }

    /// Sends one command to the node that a slot moves to. The run goes on with the node that it moves from: that one
    /// has the slot until all of its keys have moved.
    fn ask_importing(
        &self,
        node: &Node,
        command: &Cmd,
        timeout: StoreTimeout,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        let mut connection = Connection::open_node(&self.url, node, timeout)?;
        // Without ASKING it would redirect back. It holds for the next command alone.
        connection.request(&redis::cmd("ASKING"), timeout).map_err(RequestError::into_store_error)?;
        match connection.request(command, timeout) {
            Err(RequestError::Refused(error)) => Ok(Err(error)),
            reply => reply.map(Ok).map_err(RequestError::into_store_error),
        }
    }

    fn try_node(
        &mut self,
        command: &Cmd,
        timeout: StoreTimeout,
    ) -> Result<Result<Value, RedisError>, StoreError> {
        if timeout.left().is_none() {
            return Err(StoreError::no_answer(timeout.limit()));
        }
        if let Some(connection) = self.connection.take() {
            match self.request_over(connection, command, timeout) {
                // The server was restarted, or has closed an idle connection.
                Err(RequestError::Lost(_)) => {}
                other => return other.map_err(RequestError::into_store_error),
            }
        }
        let connection = self.open(timeout)?;
        self.request_over(connection, command, timeout).map_err(RequestError::into_store_error)
    }

    /// Keeps the connection for the next command if it can still be used.
    fn request_over(
        &mut self,
        mut connection: Connection,
        command: &Cmd,
        timeout: StoreTimeout,
    ) -> Result<Result<Value, RedisError>, RequestError> {
        let reply = match connection.request(command, timeout) {
            Ok(value) => Ok(value),
            Err(RequestError::Refused(error)) => Err(error),
            Err(other) => return Err(other),
        };
        self.connection = Some(connection);
        Ok(reply)
    }
}

/// The node that a redirection names.
fn named(error: &RedisError) -> Result<Node, StoreError> {
    let (node, _slot) = error.redirect_node().ok_or_else(StoreError::malformed_reply)?;
    Node::parse(node)
}

impl RequestError {
    fn into_store_error(self) -> StoreError {
        match self {
            Self::Refused(error) => refused(&error),
            Self::Lost(error) | Self::Final(error) => error,
        }
    }
}

/// The time as a script takes it: empty for the server's.
fn script_time(now: Option<Timestamp>) -> String {
    now.map(|now| now.millis().to_string()).unwrap_or_default()
}

/// Result, wait, generation, damage, refusal.
type RawReply = (String, i64, u64, u64, i64);

fn decode<Q: Operation>(
    operation: &Q,
    (result, wait, generation, damage, refusal): RawReply,
) -> Result<StoreReply<Q::Reply>, StoreError> {
    let reply = operation
        .decode(&ScriptReply { result, wait, generation, refusal })
        .ok_or_else(StoreError::malformed_reply)?;
    let damage = match damage {
        0 => None,
        1 => Some(Damage::Contents),
        version => Some(Damage::Version(version)),
    };
    Ok(StoreReply { reply, damage })
}

fn convert<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    from_redis_value(value).map_err(|_| StoreError::malformed_reply())
}

/// Reads a record as the scripts write it.
fn parse(kind: RecordKind, text: &[u8]) -> Result<RecordState, Damage> {
    let latest = match kind {
        RecordKind::Breaker => 2,
        RecordKind::Budget => 1,
    };
    match version(text) {
        Some(later) if later > latest => return Err(Damage::Version(later)),
        _ if text.len() > MAX_RECORD => return Err(Damage::Contents),
        _ => {}
    }
    let text = str::from_utf8(text).map_err(|_| Damage::Contents)?;
    let fields: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
    match (kind, fields.as_deref()) {
        (RecordKind::Breaker, Ok(&[1, phase, generation, failures, from, length, period])) => {
            circuit_of(phase, [generation, failures, from, length, period], Recent::EMPTY)
                .map(RecordState::Breaker)
        }
        (RecordKind::Breaker, Ok(&[2, 0, generation, failures, width, newest, ref counts @ ..])) => {
            let (buckets, []) = counts.as_chunks() else { return Err(Damage::Contents) };
            let buckets = buckets.try_into().map_err(|_| Damage::Contents)?;
            if width == 0 {
                return Err(Damage::Contents);
            }
            let recent = recent_of(width, newest, buckets)?;
            circuit_of(0, [generation, failures, 0, 0, 0], recent).map(RecordState::Breaker)
        }
        (RecordKind::Budget, Ok(&[1, thousandths, at])) => {
            bucket_of([thousandths, at]).map(RecordState::Budget)
        }
        _ => Err(Damage::Contents),
    }
}

/// The number of at most three digits that a record begins with, as the scripts read it.
fn version(text: &[u8]) -> Option<u64> {
    let end = text.iter().take(4).position(|&byte| byte == b' ')?;
    str::from_utf8(&text[..end])
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}
