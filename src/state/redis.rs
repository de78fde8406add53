//! The store of a fleet: a Redis or Valkey server. Owns the connection, the script and the time limit;
//! knows no rules.
//!
//! A decision is made on the bytes of the record and the server's clock, by the one implementation of
//! the rules (`crate::core`), and takes effect through [`SCRIPT`], which is atomic: it replaces the
//! record only if that still holds the very bytes which the decision was made on. If someone else was
//! faster, it answers with the new bytes, and the decision is made anew, for 200 ms at most. The rules
//! are not written a second time in Lua: an older and a newer `retry` in one fleet would otherwise run
//! each other's rules, and two implementations would have to be kept alike for ever.
//!
//! What is asked most often changes nothing and needs no write at all: a closed circuit that stays
//! closed, an open one that refuses, a full bucket, an empty one. In an outage a fleet fights for the
//! few writes that open the circuit, and then it only reads.
//!
//! Each call runs on a thread of its own, because no socket option bounds the lookup of a name. If
//! there is no answer in time, the thread is left alone; until it has given up, too, the store fails at
//! once. The thread reads no setting; only the resolver of the C library looks at the environment.

use super::clock::{PATIENCE, Patience};
use super::slot::Slot;
use super::store::{Change, Found, Removal, Rule, Trouble};
use crate::core::shared::RedisUrl;
use crate::core::wall::{Wall, millis};
use redis::{Client, Cmd, Connection, ConnectionLike, FromRedisValue, RedisError, Value, from_redis_value};
use std::fmt;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// KEYS[1]: the record. ARGV: nothing to read it; else the bytes that were seen (empty for none), the
/// new ones, and after how many milliseconds the server may forget them. Answers with the server's time
/// and the bytes, or with 1 when the new ones are in place. SET comes before TIME, so that servers
/// before Redis 5 take it, too.
const SCRIPT: &str = "\
local seen = redis.call('GET', KEYS[1])
if #ARGV == 3 and (seen or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
local time = redis.call('TIME')
return {time[1], time[2], seen}";

/// `--show-state` is asked by a person, and the records of a large server have to be searched for.
const PATIENCE_FOR_A_LIST: Duration = Duration::from_secs(10);

/// Records on a server.
pub struct RedisStore {
    url: RedisUrl,
    connection: Option<Connection>,
    /// A call that was given up and has not ended yet.
    unanswered: Option<JoinHandle<()>>,
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("url", &self.url).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// On this server. Connects at the first use.
    pub fn new(url: RedisUrl) -> Self {
        Self { url, connection: None, unanswered: None }
    }

    /// Applies `rule` to the record in `slot`.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in 200 ms in all.
    pub fn update(&mut self, slot: &Slot, rule: &mut Rule<'_>) -> Result<(), Trouble> {
        let patience = Patience::begin(PATIENCE);
        let mut step = script(slot);
        loop {
            let answer = match self.call(step, patience)? {
                Value::Int(1) => return Ok(()),
                answer => answer,
            };
            let (seconds, micros, seen): (u64, u64, Option<Vec<u8>>) = understand(answer)?;
            let now = Wall::from_millis(seconds.saturating_mul(1000).saturating_add(micros / 1000));
            let seen = seen.unwrap_or_default();
            match rule(Some(seen.as_slice()).filter(|bytes| !bytes.is_empty()), now) {
                Change::Keep => return Ok(()),
                Change::Write { bytes, keep } => {
                    step = script(slot);
                    step.arg(seen).arg(bytes.as_slice()).arg(expiry(keep));
                }
            }
        }
    }

    /// All records and the server's time.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in time.
    pub fn list(&mut self) -> Result<(Vec<Found>, Wall), Trouble> {
        let patience = Patience::begin(PATIENCE_FOR_A_LIST);
        let (seconds, micros): (u64, u64) = understand(self.call(redis::cmd("TIME"), patience)?)?;
        let now = Wall::from_millis(seconds.saturating_mul(1000).saturating_add(micros / 1000));
        let mut keys = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("retry:{*}:*").arg("COUNT").arg(1000);
            let (next, some): (u64, Vec<Vec<u8>>) = understand(self.call(scan, patience)?)?;
            keys.extend(some);
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        // SCAN may give a key twice.
        keys.sort();
        keys.dedup();
        let mut all = Vec::new();
        for key in keys {
            let Some(slot) = str::from_utf8(&key).ok().and_then(Slot::from_key) else { continue };
            let mut get = redis::cmd("GET");
            get.arg(key);
            // A value of another type is shown as a record without bytes: it is there, and it is not good.
            let found = match self.exchange(get, patience)? {
                Ok(value) => understand(value)?,
                Err(_) => Some(Vec::new()),
            };
            all.extend(found.map(|bytes| Found { slot, bytes }));
        }
        Ok((all, now))
    }

    /// Removes a record.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in time.
    pub fn remove(&mut self, slot: &Slot) -> Result<Removal, Trouble> {
        let mut delete = redis::cmd("DEL");
        delete.arg(slot.key());
        let removed: u64 = understand(self.call(delete, Patience::begin(PATIENCE))?)?;
        Ok(if removed == 0 { Removal::Absent } else { Removal::Removed })
    }

    fn call(&mut self, command: Cmd, patience: Patience) -> Result<Value, Trouble> {
        self.exchange(command, patience)?.map_err(|refusal| refusal.trouble())
    }

    /// Sends one command and waits for its answer. The inner error is the server's own.
    fn exchange(&mut self, command: Cmd, patience: Patience) -> Result<Result<Value, Refusal>, Trouble> {
        let no_answer = || Trouble::new(format!("no answer within {} ms", PATIENCE.as_millis()));
        if self.unanswered.take_if(|thread| thread.is_finished()).is_none() && self.unanswered.is_some() {
            return Err(no_answer());
        }
        let left = patience.left().ok_or_else(no_answer)?;
        let (tell, answer) = mpsc::channel();
        let (connection, url) = (self.connection.take(), self.url.clone());
        let thread = std::thread::Builder::new()
            .name("retry-redis".to_owned())
            .spawn(move || {
                let _nobody_may_wait = tell.send(talk(connection, &url, &command, left));
            })
            .map_err(|error| Trouble::io("cannot start a thread", &error))?;
        let Ok(talked) = answer.recv_timeout(left) else {
            self.unanswered = Some(thread);
            return Err(no_answer());
        };
        let (connection, value) = talked?;
        self.connection = Some(connection);
        Ok(value)
    }
}

fn script(slot: &Slot) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(SCRIPT).arg(1).arg(slot.key());
    command
}

/// PX takes a positive number that, added to the time of day, fits in 63 bits.
fn expiry(keep: Duration) -> u64 {
    millis(keep).clamp(1, u64::from(u32::MAX) * 1000)
}

fn understand<T: FromRedisValue>(value: Value) -> Result<T, Trouble> {
    from_redis_value(value).map_err(|_| Trouble::new("the server gave an answer that makes no sense"))
}

/// What the server has against a command.
struct Refusal(RedisError);

impl Refusal {
    fn trouble(&self) -> Trouble {
        let code = self.0.code().unwrap_or("ERR");
        match (code, self.0.detail()) {
            ("WRONGTYPE", _) => Trouble::new("the key holds a value of another kind (WRONGTYPE)"),
            (_, Some(detail)) => Trouble::new(format!("the server refused: {code} {detail}")),
            (_, None) => Trouble::new(format!("the server refused: {code}")),
        }
    }
}

/// On the thread: connects where there is no connection, and asks. The sockets have the time limit,
/// too, so that a thread that is left alone ends.
fn talk(
    connection: Option<Connection>,
    url: &RedisUrl,
    command: &Cmd,
    limit: Duration,
) -> Result<(Connection, Result<Value, Refusal>), Trouble> {
    if let Some(connection) = connection {
        match ask(connection, command, limit) {
            // The server was restarted, or has closed an idle connection, since the last time.
            Err(error) if error.is_io_error() && !error.is_timeout() => {}
            other => return other.map_err(|error| broken(&error)),
        }
    }
    let client = Client::open(url.with_password())
        .map_err(|_| Trouble::new("the URL is not one of a Redis server"))?;
    let connection = client.get_connection_with_timeout(limit).map_err(|error| not_connected(&error))?;
    ask(connection, command, limit).map_err(|error| broken(&error))
}

fn ask(
    mut connection: Connection,
    command: &Cmd,
    limit: Duration,
) -> Result<(Connection, Result<Value, Refusal>), RedisError> {
    connection.set_read_timeout(Some(limit))?;
    connection.set_write_timeout(Some(limit))?;
    match connection.req_command(command).and_then(Value::extract_error) {
        Ok(value) => Ok((connection, Ok(value))),
        Err(error) if error.is_io_error() || error.is_unrecoverable_error() => Err(error),
        Err(error) => Ok((connection, Err(Refusal(error)))),
    }
}

/// The server's words are left out here: a server that does not know AUTH repeats its arguments, which
/// are the user and the password.
fn not_connected(error: &RedisError) -> Trouble {
    match error.code() {
        Some(code @ ("WRONGPASS" | "NOAUTH" | "NOPERM")) => {
            Trouble::new(format!("the server refused the user or the password ({code})"))
        }
        Some(code) => Trouble::new(format!("the server refused the connection ({code})")),
        None => broken(error),
    }
}

fn broken(error: &RedisError) -> Trouble {
    if error.is_timeout() {
        return Trouble::new(format!("no answer within {} ms", PATIENCE.as_millis()));
    }
    // What the operating system says; nothing of it came from us or from the server.
    if error.is_io_error() {
        return Trouble::io("the connection failed", &std::io::Error::other(error.to_string()));
    }
    Trouble::new(format!("the connection failed ({:?})", error.kind()))
}
