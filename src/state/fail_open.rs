//! A store that stops no run. When a server cannot be used, the run goes on with state of its machine; when that cannot
//! be used either, with none.

use super::error::StoreError;
use super::operation::{Condition, Operation, PairReply, RecordAndQuery, RecordedRefusal};
use super::record::Damage;
use super::record_key::RecordKey;
use super::store::Store;
use super::timeout::{StoreTimeout, TIMEOUT_PER_ATTEMPT};
use crate::core::shared::{Location, SharedConfig};
use std::time::Duration;

/// A store that is used until its first error.
///
/// That error goes to `warn`, as the text of a message, and the store is not used again in this run: waiting for a dead
/// server before and after each attempt would be worse than to share less. One warning is enough: an error of the
/// machine's own state, which nobody has asked for, changes nothing that the user was told.
#[derive(Debug)]
pub struct FailOpenStore {
    current: Current,
    /// The time limit for all operations of one attempt.
    limit: Duration,
    /// How much of `limit` the operations of the current attempt have used.
    used: Duration,
    damage: DamageWarning,
    retries: Retries,
}

/// The store in use.
#[derive(Debug)]
enum Current {
    /// The one that the plan names.
    Planned { store: Store, location: Location, machine: Option<Location> },
    /// That of the machine, because the server cannot be used.
    Machine { store: Store, location: Location },
    /// None can be used.
    None,
}

/// Whether the warning of a damaged record has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DamageWarning {
    Due,
    Given,
}

/// What limits the retries, so that a warning can say what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retries {
    /// No retry budget.
    Unlimited,
    /// A retry budget.
    Budget,
}

impl FailOpenStore {
    /// Opens nothing yet.
    pub fn new(config: &SharedConfig) -> Self {
        let SharedConfig { location, machine, budget, .. } = config;
        let store = Store::at(location);
        Self {
            current: Current::Planned { store, location: location.clone(), machine: machine.clone() },
            limit: TIMEOUT_PER_ATTEMPT,
            used: Duration::ZERO,
            damage: DamageWarning::Due,
            retries: if budget.is_some() { Retries::Budget } else { Retries::Unlimited },
        }
    }

    /// Sets the limit for each attempt.
    pub fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Gives the operations that follow the whole limit again, because another attempt begins.
    pub fn begin_attempt(&mut self) {
        self.used = Duration::ZERO;
    }

    /// Takes the time of `work` from a limit of its own.
    pub fn with_own_limit<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let used = std::mem::take(&mut self.used);
        let result = work(self);
        self.used = used;
        result
    }

    /// `None` when no store can be used. Warns of the error that ends the use of the planned store, and of the first
    /// damaged record.
    pub fn execute<Q: Operation>(
        &mut self,
        key: &RecordKey,
        mut operation: Q,
        warn: impl FnOnce(String),
    ) -> Option<Q::Reply> {
        let work = |store: &mut Store, scope, timeout| {
            if scope == Scope::Machine {
                operation.cut_to_machine();
            }
            store.execute(key, &mut operation, timeout)
        };
        self.use_store(work, |reply| reply.damage.map(|damage| (key, damage)), warn).map(|reply| reply.reply)
    }

    /// The same for a pair of operations.
    pub fn execute_pair<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        mut record: RecordAndQuery<'_>,
        (mut then, condition): (Q, Condition),
        warn: impl FnOnce(String),
    ) -> Option<(RecordedRefusal, Option<Q::Reply>)> {
        let work = |store: &mut Store, scope, timeout| {
            if scope == Scope::Machine {
                record.cut_to_machine();
                then.cut_to_machine();
            }
            store.execute_pair(keys, &mut record, (&mut then, condition), timeout)
        };
        let damage = |reply: &PairReply<Q::Reply>| {
            let second = reply.second.as_ref().and_then(|second| second.damage);
            let first = reply.first.damage.map(|damage| (keys[0], damage));
            first.or(second.map(|damage| (keys[1], damage)))
        };
        let PairReply { first, second } = self.use_store(work, damage, warn)?;
        Some((first.reply, second.map(|second| second.reply)))
    }

    /// Does `work` with the current store or, after its error, with the next one. Warns once at most.
    fn use_store<'k, T>(
        &mut self,
        mut work: impl FnMut(&mut Store, Scope, StoreTimeout) -> Result<T, StoreError>,
        damage: impl FnOnce(&T) -> Option<(&'k RecordKey, Damage)>,
        warn: impl FnOnce(String),
    ) -> Option<T> {
        let mut failure = None;
        let reply = loop {
            let timeout = StoreTimeout::resume(self.limit, self.used);
            let (store, scope) = match &mut self.current {
                Current::Planned { store, .. } => (store, Scope::Planned),
                Current::Machine { store, .. } => (store, Scope::Machine),
                Current::None => break None,
            };
            let result = work(store, scope, timeout);
            self.used = timeout.used();
            match result {
                Ok(reply) => break Some(reply),
                Err(error) => {
                    if let Some(location) = self.leave_store() {
                        failure = Some((location, error));
                    }
                }
            }
        };
        if let Some((location, error)) = failure {
            let next = self.next_step();
            let why = match location {
                Location::Rejected(why) => why,
                _ => format!("cannot use shared state in {location}: {error}"),
            };
            warn(format!("{why}. Continuing {next}"));
        } else if let Some((key, damage)) = reply.as_ref().and_then(damage)
            && self.damage == DamageWarning::Due
            && let Some(location) = self.location()
        {
            let kind = key.kind().as_str();
            warn(format!("the {kind} record in {location} is damaged ({damage}). Resetting it"));
            self.damage = DamageWarning::Given;
        }
        reply
    }

    /// Turns to the next store. Returns the location of the one that has failed if it is the planned one.
    fn leave_store(&mut self) -> Option<Location> {
        let Current::Planned { location, machine, .. } = std::mem::replace(&mut self.current, Current::None)
        else {
            return None;
        };
        if let Some(machine) = machine {
            // A server may have used up the time of this attempt.
            self.used = Duration::ZERO;
            self.current = Current::Machine { store: Store::at(&machine), location: machine };
        }
        Some(location)
    }

    fn location(&self) -> Option<&Location> {
        match &self.current {
            Current::Planned { location, .. } | Current::Machine { location, .. } => Some(location),
            Current::None => None,
        }
    }

    /// How the run goes on after an error, for a message.
    fn next_step(&self) -> &'static str {
        match (&self.current, self.retries) {
            (Current::None, Retries::Unlimited) => "without shared state",
            (Current::None, Retries::Budget) => "without shared state, with at most one retry",
            (_, Retries::Unlimited) => "with the state of this machine",
            (_, Retries::Budget) => "with the state of this machine, whose budget is one retry",
        }
    }
}

/// Who shares the store in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Those that the plan says.
    Planned,
    /// The runs of one user on this machine.
    Machine,
}
