//! The store of a fleet: a Redis or Valkey server. Owns the connection, the scripts and the
//! time limit.
//!
//! A question is answered by one script, which is atomic, on the server's clock: no lock, no second
//! try, however many ask. So the rules are there a second time, in Lua (`breaker.lua`, `budget.lua`),
//! and a test puts the same random questions to both. The way with one implementation, to decide here
//! and to write if nobody else has (compare and set), was measured and is not good enough: with 32
//! processes on one record some got no turn within 200 ms.
//!
//! A record is a short text that starts with the version of the format. It expires when it means no
//! more than a fresh one (a budget), or a day after the last change (a breaker). The scripts need Redis 5
//! or any Valkey.
//!
//! Each call runs on a thread of its own, because no socket option bounds the lookup of a name. If
//! there is no answer in time, the thread is left alone; until it has given up, too, the store fails at
//! once. The thread reads no setting; only the resolver of the C library looks at the environment.

use super::clock::{PATIENCE, Patience};
use super::question::{Question, Said};
use super::record::{Damage, State, breaker, budget};
use super::slot::{Kind, Slot};
use super::store::{Answered, Found, Removal, Trouble};
use crate::core::shared::RedisUrl;
use crate::core::wall::Wall;
use redis::{
    Client, Cmd, Connection, ConnectionLike, ErrorKind, FromRedisValue, RedisError, Value, from_redis_value,
};
use std::fmt;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

const BREAKER: &str = include_str!("breaker.lua");
const BUDGET: &str = include_str!("budget.lua");

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

    /// Puts a question to the record in `slot`, on the server's clock.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in 200 ms in all.
    pub fn ask<Q: Question>(&mut self, slot: &Slot, question: &mut Q) -> Result<Answered<Q::Reply>, Trouble> {
        self.ask_at(slot, question, None)
    }

    /// The same at a given time; the server's without one. For tests.
    ///
    /// # Errors
    /// As for [`Self::ask`].
    #[doc(hidden)]
    pub fn ask_at<Q: Question>(
        &mut self,
        slot: &Slot,
        question: &mut Q,
        now: Option<Wall>,
    ) -> Result<Answered<Q::Reply>, Trouble> {
        let script = match slot.kind() {
            Kind::Breaker => BREAKER,
            Kind::Budget => BUDGET,
        };
        let mut command = redis::cmd("EVAL");
        // Few and short arguments: a server that wants a password takes no more than ten before, and would
        // call the eleventh a protocol error instead of asking for the password.
        command.arg(script).arg(1).arg(slot.key()).arg(question.words());
        command.arg(now.map(|now| now.millis().to_string()).unwrap_or_default());
        let answer = self.call(command, Patience::begin(PATIENCE))?;
        let (word, wait, generation, damage): (String, i64, u64, u64) = understand(answer)?;
        let reply = question.read(&Said { word, wait, generation }).ok_or_else(no_sense)?;
        let damage = match damage {
            0 => None,
            1 => Some(Damage::Contents),
            version => Some(Damage::Version(u8::try_from(version).unwrap_or(u8::MAX))),
        };
        Ok(Answered { reply, damage })
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
            // A value of another type is shown as a record without text: it is there, and it is not good.
            let found = match self.exchange(get, patience)? {
                Ok(value) => understand(value)?,
                Err(_) => Some(Vec::new()),
            };
            all.extend(found.map(|text: Vec<u8>| {
                let state = parse(slot.kind(), &text);
                Found { slot, state }
            }));
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
        if self.unanswered.take_if(|thread| thread.is_finished()).is_none() && self.unanswered.is_some() {
            return Err(no_answer(patience));
        }
        let left = patience.left().ok_or_else(|| no_answer(patience))?;
        let (tell, answer) = mpsc::channel();
        let (connection, url) = (self.connection.take(), self.url.clone());
        let thread = std::thread::Builder::new()
            .name("retry-redis".to_owned())
            .spawn(move || {
                let _nobody_may_wait = tell.send(talk(connection, &url, &command, patience));
            })
            .map_err(|error| Trouble::io("cannot start a thread", &error))?;
        let Ok(talked) = answer.recv_timeout(left) else {
            self.unanswered = Some(thread);
            return Err(no_answer(patience));
        };
        let (connection, value) = talked?;
        self.connection = Some(connection);
        Ok(value)
    }
}

fn understand<T: FromRedisValue>(value: Value) -> Result<T, Trouble> {
    from_redis_value(value).map_err(|_| no_sense())
}

fn no_answer(patience: Patience) -> Trouble {
    Trouble::new(format!("no answer within {} ms", patience.limit().as_millis()))
}

fn no_sense() -> Trouble {
    Trouble::new("the server gave an answer that makes no sense")
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
    patience: Patience,
) -> Result<(Connection, Result<Value, Refusal>), Trouble> {
    let limit = patience.left().ok_or_else(|| no_answer(patience))?;
    if let Some(connection) = connection {
        match ask(connection, command, limit) {
            // The server was restarted, or has closed an idle connection, since the last time.
            Err(error) if error.is_io_error() && !error.is_timeout() => {}
            other => return other.map_err(|error| broken(&error, patience)),
        }
    }
    let client = Client::open(url.with_password())
        .map_err(|_| Trouble::new("the URL is not one of a Redis server"))?;
    let connection =
        client.get_connection_with_timeout(limit).map_err(|error| not_connected(&error, patience))?;
    ask(connection, command, limit).map_err(|error| broken(&error, patience))
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
fn not_connected(error: &RedisError, patience: Patience) -> Trouble {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Trouble::new("the server refused the user or the password");
    }
    match error.code() {
        Some(code @ ("WRONGPASS" | "NOAUTH" | "NOPERM")) => {
            Trouble::new(format!("the server refused the user or the password ({code})"))
        }
        Some(code) => Trouble::new(format!("the server refused the connection ({code})")),
        None => broken(error, patience),
    }
}

fn broken(error: &RedisError, patience: Patience) -> Trouble {
    if error.is_timeout() {
        return no_answer(patience);
    }
    // What the operating system says; nothing of it came from us or from the server.
    if error.is_io_error() {
        return Trouble::io("the connection failed", &std::io::Error::other(error.to_string()));
    }
    Trouble::new(format!("the connection failed ({:?})", error.kind()))
}
