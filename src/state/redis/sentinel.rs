//! Which server is the primary, as Redis Sentinels say. Owns whom to ask, and whom to believe.
//!
//! They are asked before each connection, as Redis's "Guidelines for Redis clients with support for Redis Sentinel" say.
//! So a run that begins after a failover finds the new primary. Nothing checks the role of the server that was named: a
//! replica refuses to write (READONLY), and the run goes on without it.

use super::convert;
use crate::core::redis_url::{RedisUrl, Sentinels};
use crate::state::connection::{self, Node};
use crate::state::error::StoreError;
use crate::state::timeout::StoreTimeout;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a Sentinel may be silent before the next one is asked as well. One whose machine is down refuses nothing, and
/// two of those must leave time for a third one and for the primary.
const HEAD_START: Duration = Duration::from_millis(30);

/// Why a Sentinel did not name the primary. A name that it does not know comes first: that is what to tell a person, even
/// if another Sentinel is down.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    UnknownName,
    Unusable,
}

/// Asks the Sentinels for the primary.
///
/// # Errors
/// When none of them names it within the time.
pub fn find_primary(sentinels: &Sentinels, timeout: StoreTimeout) -> Result<Node, StoreError> {
    let mut failures = Vec::new();
    let runtime = connection::runtime()?;
    if let Some(Some(primary)) = connection::block_on(&runtime, timeout, ask_all(sentinels, &mut failures)) {
        return Ok(primary);
    }
    let told = failures.into_iter().min_by(|(a, _), (b, _)| a.cmp(b));
    let no_answer = || StoreError::new(format!("Sentinel: {}", StoreError::no_answer(timeout.limit())));
    Err(told.map_or_else(no_answer, |(_, error)| error))
}

/// The answer of the first Sentinel that has one; `None` when all have failed.
async fn ask_all(sentinels: &Sentinels, failures: &mut Vec<(Failure, StoreError)>) -> Option<Node> {
    let mut waiting = sentinels.members.iter();
    let mut asked = JoinSet::new();
    loop {
        if let Some(member) = waiting.next() {
            let (member, name) = (member.clone(), sentinels.primary_name.clone());
            asked.spawn(async move { ask(&member, &name).await });
        }
        // One that fails makes room for the next at once.
        match tokio::time::timeout(HEAD_START, asked.join_next()).await {
            Ok(Some(Ok(Ok(primary)))) => return Some(primary),
            Ok(Some(Ok(Err(failure)))) => failures.push(failure),
            Ok(Some(Err(_)) | None) => return None,
            Err(_) => {}
        }
    }
}

async fn ask(member: &RedisUrl, name: &str) -> Result<Node, (Failure, StoreError)> {
    let unusable =
        |why: StoreError| (Failure::Unusable, StoreError::new(format!("Sentinel {member}: {why}")));
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let reply =
        connection::ask_once(member, &command).await.map_err(|error| unusable(error.into_store_error()))?;
    match convert::<Option<Vec<String>>>(reply).map_err(unusable)?.as_deref() {
        None => {
            let text = format!("Sentinel {member} does not know a primary named {name}");
            Err((Failure::UnknownName, StoreError::new(text)))
        }
        Some([host, port]) if !host.is_empty() => {
            let port = port.parse().map_err(|_| unusable(StoreError::malformed_reply()))?;
            Ok(Node { host: host.clone(), port })
        }
        Some(_) => Err(unusable(StoreError::malformed_reply())),
    }
}
