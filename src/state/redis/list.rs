//! All records on a server, or on all nodes of a cluster, for `--show-state`.

use super::{MAX_RECORD, RedisStore, convert, parse, refused};
use crate::core::redis_url::RedisUrl;
use crate::state::connection::{Connection, Node, RequestError};
use crate::state::error::{LockState, MAX_RECORDS, RecordContents, StoreError, StoredRecord};
use crate::state::record_key::RecordKey;
use crate::state::timeout::{INTERACTIVE_LIMIT, StoreTimeout};
use redis::{Cmd, RedisError, Value};
use retry_loop::timestamp::Timestamp;
use std::collections::BTreeSet;

/// How many keys one SCAN looks at. If all of them are ours and have the longest names, the reply is still shorter than
/// [`MAX_REPLY`](crate::state::connection::MAX_REPLY).
const KEYS_PER_SCAN: usize = 250;

impl RedisStore {
    /// All records, and the server's time. Of a cluster, those of all primaries.
    ///
    /// # Errors
    /// When a server cannot be reached, refuses, does not reply in time, or when there are too many records.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        self.list_all(StoreTimeout::start(INTERACTIVE_LIMIT)).map_err(|error| self.of_primary(error))
    }

    fn list_all(&mut self, timeout: StoreTimeout) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        let mut first = Source { connection: self.open(timeout)?, timeout };
        let (seconds, micros): (u64, u64) = convert(first.ask(&redis::cmd("TIME"))?)?;
        let now = Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(micros / 1000));
        let mut records = Vec::new();
        for mut node in first.with_others(&self.url)? {
            node.list(&mut records)?;
        }
        Ok((records, now))
    }
}

/// A server, or a node of a cluster, that is asked for its records. Its connection is not replaced when it is lost: a new one would be to the server of
/// the URL.
struct Source {
    connection: Connection,
    timeout: StoreTimeout,
}

impl Source {
    /// This node, or if it is one of a cluster, all that have slots.
    fn with_others(mut self, url: &RedisUrl) -> Result<Vec<Self>, StoreError> {
        // A server that is no cluster answers with an error. So does one whose user has not the right to ask.
        let Ok(slots) = self.try_ask(redis::cmd("CLUSTER").arg("SLOTS"))? else { return Ok(vec![self]) };
        let nodes = primaries(slots)?;
        if nodes.is_empty() {
            return Ok(vec![self]);
        }
        nodes
            .iter()
            .map(|node| {
                let connection = Connection::open_node(url, node, self.timeout)
                    .map_err(|error| StoreError::new(format!("node {node}: {error}")))?;
                Ok(Self { connection, timeout: self.timeout })
            })
            .collect()
    }

    /// Adds the records of this node.
    fn list(&mut self, records: &mut Vec<StoredRecord>) -> Result<(), StoreError> {
        for key in self.keys(MAX_RECORDS.saturating_sub(records.len()))? {
            let mut get = redis::cmd("GETRANGE");
            get.arg(key.redis_key()).arg(0).arg(MAX_RECORD);
            let mut reply = self.try_ask(&get)?;
            if matches!(&reply, Err(error) if error.code() == Some("MOVED")) {
                // The key has moved to this node, the rest of its slot has not. Elsewhere ASKING changes nothing.
                self.ask(&redis::cmd("ASKING"))?;
                reply = self.try_ask(&get)?;
            }
            let contents = match reply {
                Ok(value) => match convert::<Vec<u8>>(value)? {
                    // It has been removed since its key was found.
                    text if text.is_empty() => continue,
                    text => parse(key.kind(), &text).into(),
                },
                Err(error) if error.code() == Some("WRONGTYPE") => RecordContents::Unusable(refused(&error)),
                // The key has moved to another node, which lists it.
                Err(error) if matches!(error.code(), Some("MOVED" | "ASK")) => continue,
                Err(error) => return Err(refused(&error)),
            };
            records.push(StoredRecord { key, contents, lock: LockState::Unlocked });
        }
        Ok(())
    }

    /// The keys of all records, at most `most`. A set, because SCAN may return a key twice.
    fn keys(&mut self, most: usize) -> Result<BTreeSet<RecordKey>, StoreError> {
        let mut keys = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("retry:{*}:*").arg("COUNT").arg(KEYS_PER_SCAN);
            let (next_cursor, found): (u64, Vec<Vec<u8>>) = convert(self.ask(&scan)?)?;
            keys.extend(found.iter().filter_map(|key| RecordKey::from_redis_key(str::from_utf8(key).ok()?)));
            if keys.len() > most {
                return Err(StoreError::too_many_records());
            }
            cursor = next_cursor;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    fn ask(&mut self, command: &Cmd) -> Result<Value, StoreError> {
        self.try_ask(command)?.map_err(|error| refused(&error))
    }

    /// Sends one command and waits for its reply. The inner error is the server's own.
    fn try_ask(&mut self, command: &Cmd) -> Result<Result<Value, RedisError>, StoreError> {
        match self.connection.request(command, self.timeout) {
            Ok(value) => Ok(Ok(value)),
            Err(RequestError::Refused(error)) => Ok(Err(error)),
            Err(RequestError::Lost(error) | RequestError::Final(error)) => Err(error),
        }
    }
}

/// The primaries in a reply to CLUSTER SLOTS. The host is empty where a node does not
/// know its own; it is the URL's then.
fn primaries(slots: Value) -> Result<BTreeSet<Node>, StoreError> {
    let ranges: Vec<Vec<Value>> = convert(slots)?;
    let mut nodes = BTreeSet::new();
    for range in ranges {
        // First slot, last slot, the primary, its replicas.
        let primary = range.into_iter().nth(2).ok_or_else(StoreError::malformed_reply)?;
        let mut fields = convert::<Vec<Value>>(primary)?.into_iter();
        let (Some(host), Some(port)) = (fields.next(), fields.next()) else {
            return Err(StoreError::malformed_reply());
        };
        let host = convert::<Option<String>>(host)?.filter(|host| host != "?").unwrap_or_default();
        // Not `convert::<u16>`, which takes the lower bits of a larger number.
        let port = u16::try_from(convert::<u64>(port)?).map_err(|_| StoreError::malformed_reply())?;
        nodes.insert(Node { host, port });
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(host: Value, port: i64) -> Value {
        let primary = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(0), Value::Int(5460), primary])
    }

    #[test]
    fn each_primary_is_named_once() {
        let host = |name: &str| Value::BulkString(name.as_bytes().to_vec());
        let reply = Value::Array(vec![
            range(host("10.0.0.1"), 6379),
            range(host("::1"), 7000),
            range(host("10.0.0.1"), 6379),
            range(Value::Nil, 7001),
            range(host("?"), 7002),
        ]);
        let expected = ["10.0.0.1:6379", "::1:7000", ":7001", ":7002"].map(|node| Node::parse(node).unwrap());
        assert_eq!(primaries(reply), Ok(BTreeSet::from(expected)));
        assert_eq!(primaries(Value::Array(vec![])), Ok(BTreeSet::new()));
        for wrong in
            [Value::Okay, Value::Array(vec![Value::Int(1)]), Value::Array(vec![range(Value::Nil, 65_536)])]
        {
            assert!(primaries(wrong.clone()).is_err(), "{wrong:?}");
        }
    }
}
