//! The shared state of one run. It fails open: when the store cannot be used, the run gets one warning and goes on
//! as if nothing were shared. The rules are the library's, the bytes are the store's.

use super::error::{LockState, Removal, StoreError, StoredRecord};
use super::operation::{
    Admit, Deposit, Operation, Pay, QueryRefusal, RecordAndQuery, RecordResult, RecordedRefusal, Renew,
};
use super::record::{Damage, RecordState};
use super::record_key::{RecordKey, RecordKind};
use super::store::{Condition, PairReply, Store};
use super::timeout::{INTERACTIVE_LIMIT, StoreTimeout, TIMEOUT_PER_ATTEMPT};
use crate::core::shared::{Location, Name, SharedConfig};
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{
    self, Admission, BreakerSettings, Circuit, Observation, Phase, Recorded, Renewal, Ticket,
};
use retry_loop::random::Random;
use retry_loop::run::Permission;
use std::time::Duration;

/// The shared state of one run: at most one breaker and one budget.
///
/// No operation returns an error. The first error goes to `warn`, as the text of a message, and the store is not
/// used again in this run: waiting for a dead server before and after each attempt would be worse than sharing
/// nothing.
#[derive(Debug)]
pub struct SharedState {
    store: FailOpenStore,
    breaker: Option<(RecordKey, BreakerSettings)>,
    budget: Option<(RecordKey, BudgetSettings)>,
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may. The permit goes to [`SharedState::record`] with the attempt's result.
    Pass(Permit),
    /// It may not: the circuit is open, or another process probes it.
    Refused {
        /// The time until the circuit may be probed.
        wait: Duration,
    },
}

/// Permission for one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// There is no breaker, or it could not be asked. The result is not recorded.
    Unguarded,
    /// The circuit is closed.
    Closed(Ticket),
    /// The attempt probes an open circuit.
    Probe {
        /// The probe's ticket.
        ticket: Ticket,
        /// How often to [renew](SharedState::renew) the permit while the attempt runs: a third of the lease, so
        /// that one lost renewal does no harm.
        every: Duration,
    },
}

/// One record, for `--show-state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSummary {
    /// The record's name as text.
    pub name: String,
    /// The state in it.
    pub status: RecordStatus,
    /// Whether another process had locked it.
    pub lock: LockState,
}

/// The state in a record, for `--show-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    /// A circuit breaker as it is now, and for how long it refuses attempts, if it does.
    Breaker(Circuit, Option<Duration>),
    /// A retry budget as it was last written. Time has added tokens since.
    Budget(Bucket),
    /// The record is damaged.
    Damaged(RecordKind, Damage),
}

impl SharedState {
    /// Opens nothing yet.
    pub fn new(config: &SharedConfig) -> Self {
        let SharedConfig { location, breaker, budget } = config;
        let breaker = breaker.as_ref();
        let budget = budget.as_ref();
        Self {
            store: FailOpenStore::new(location),
            breaker: breaker.map(|(name, settings)| (RecordKey::new(name, RecordKind::Breaker), *settings)),
            budget: budget.map(|(name, settings)| (RecordKey::new(name, RecordKind::Budget), *settings)),
        }
    }

    /// With another limit than [`TIMEOUT_PER_ATTEMPT`], for tests that must pass on a busy machine.
    #[doc(hidden)]
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.store.limit = limit;
        self
    }

    /// Asks whether an attempt may start now. A probe gets a lease of `lease` (at least 1 s).
    pub fn admit(&mut self, lease: Duration, warn: impl FnOnce(String)) -> Gate {
        self.store.used = Duration::ZERO;
        let lease = lease.max(circuit::SHORTEST_LEASE);
        match self.ask_breaker(|_| Admit { lease }, warn) {
            None => Gate::Pass(Permit::Unguarded),
            Some(Admission::Closed(ticket)) => Gate::Pass(Permit::Closed(ticket)),
            Some(Admission::Probe(ticket)) => Gate::Pass(Permit::Probe { ticket, every: lease / 3 }),
            Some(Admission::Refused { wait }) => Gate::Refused { wait },
        }
    }

    /// How long an attempt would be refused if it were to start now. Starts no probe.
    pub fn refusal(&mut self, warn: impl FnOnce(String)) -> Option<Duration> {
        self.ask_breaker(|_| QueryRefusal, warn).flatten()
    }

    /// Records the result of the attempt that got `permit`. `None` when there was no breaker to record it.
    pub fn record(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
        warn: impl FnOnce(String),
    ) -> Option<Recorded> {
        let ticket = permit.ticket()?;
        self.ask_breaker(|settings| RecordResult { ticket, result, settings, random }, warn)
    }

    /// Renews the lease of a probe that still runs. Takes its time from a limit of its own: an attempt of hours renews
    /// many times, and the operations after it need theirs.
    pub fn renew(&mut self, permit: Permit, warn: impl FnOnce(String)) -> Renewal {
        let Permit::Probe { ticket, .. } = permit else { return Renewal::Kept };
        let used = std::mem::take(&mut self.store.used);
        let renewal = self.ask_breaker(|_| Renew { ticket }, warn);
        self.store.used = used;
        renewal.unwrap_or(Renewal::Kept)
    }

    /// Takes a token for a retry. First attempts need none.
    pub fn pay(&mut self, warn: impl FnOnce(String)) -> Payment {
        self.ask_budget(|settings| Pay { settings }, warn).unwrap_or(Payment::Paid)
    }

    /// Adds the fraction of a token that a successful run earns.
    pub fn deposit(&mut self, warn: impl FnOnce(String)) {
        self.ask_budget(|settings| Deposit { settings }, warn);
    }

    /// Records the result of the attempt with which the run succeeds, and adds what that earns to the budget.
    pub fn record_and_deposit(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
        warn: impl FnOnce(String),
    ) {
        match (permit.ticket(), &self.breaker, &self.budget) {
            (Some(ticket), Some((one, settings)), Some((other, budget))) => {
                let record = RecordAndQuery(RecordResult { ticket, result, settings, random });
                let then = (Deposit { settings: budget }, Condition::Always);
                self.store.execute_pair([one, other], record, then, warn);
            }
            (Some(_), Some(_), None) => {
                self.record(permit, result, random, warn);
            }
            _ => self.deposit(warn),
        }
    }

    /// Records a failed attempt, and asks whether a retry may follow; if it may, its token is paid.
    pub fn record_and_pay(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
        warn: impl FnOnce(String),
    ) -> Permission {
        let (Some(ticket), Some((one, settings))) = (permit.ticket(), &self.breaker) else {
            return self.pay(warn).into();
        };
        let record = RecordAndQuery(RecordResult { ticket, result, settings, random });
        let Some((other, budget)) = &self.budget else {
            let refusal = self.store.execute(one, record, warn).and_then(|reply| reply.refusal);
            return refusal.map_or(Permission::Granted, |wait| Permission::CircuitOpen { wait });
        };
        let then = (Pay { settings: budget }, Condition::UnlessRefused);
        match self.store.execute_pair([one, other], record, then, warn) {
            Some((_, Some(payment))) => payment.into(),
            Some((RecordedRefusal { refusal: Some(wait), .. }, None)) => Permission::CircuitOpen { wait },
            Some((_, None)) | None => Permission::Granted,
        }
    }

    fn ask_breaker<'a, Q: Operation + 'a>(
        &'a mut self,
        operation: impl FnOnce(&'a BreakerSettings) -> Q,
        warn: impl FnOnce(String),
    ) -> Option<Q::Reply> {
        let (key, settings) = self.breaker.as_ref()?;
        self.store.execute(key, operation(settings), warn)
    }

    fn ask_budget<'a, Q: Operation + 'a>(
        &'a mut self,
        operation: impl FnOnce(&'a BudgetSettings) -> Q,
        warn: impl FnOnce(String),
    ) -> Option<Q::Reply> {
        let (key, settings) = self.budget.as_ref()?;
        self.store.execute(key, operation(settings), warn)
    }
}

/// A store that is used until its first error.
#[derive(Debug)]
struct FailOpenStore {
    /// `None` after the first error.
    store: Option<Store>,
    location: Location,
    /// The time limit for all operations of one attempt.
    limit: Duration,
    /// How much of `limit` the operations of the current attempt have used.
    used: Duration,
    warned: bool,
}

impl FailOpenStore {
    fn new(location: &Location) -> Self {
        Self {
            store: Some(Store::at(location)),
            location: location.clone(),
            limit: TIMEOUT_PER_ATTEMPT,
            used: Duration::ZERO,
            warned: false,
        }
    }

    /// `None` when the store cannot be used. Warns of the error that ends its use, and of the first damaged record
    /// before that.
    fn execute<Q: Operation>(
        &mut self,
        key: &RecordKey,
        mut operation: Q,
        warn: impl FnOnce(String),
    ) -> Option<Q::Reply> {
        let work = |store: &mut Store, timeout| store.execute(key, &mut operation, timeout);
        self.use_store(work, |reply| reply.damage.map(|damage| (key, damage)), warn).map(|reply| reply.reply)
    }

    /// The same for a pair of operations.
    fn execute_pair<Q: Operation>(
        &mut self,
        keys: [&RecordKey; 2],
        mut record: RecordAndQuery<'_>,
        (mut then, condition): (Q, Condition),
        warn: impl FnOnce(String),
    ) -> Option<(RecordedRefusal, Option<Q::Reply>)> {
        let work = |store: &mut Store, timeout| {
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

    fn use_store<'k, T>(
        &mut self,
        work: impl FnOnce(&mut Store, StoreTimeout) -> Result<T, StoreError>,
        damage: impl FnOnce(&T) -> Option<(&'k RecordKey, Damage)>,
        warn: impl FnOnce(String),
    ) -> Option<T> {
        let store = self.store.as_mut()?;
        let timeout = StoreTimeout::resume(self.limit, self.used);
        let result = work(store, timeout);
        self.used = timeout.used();
        let location = &self.location;
        match result {
            Ok(reply) => {
                if let Some((key, damage)) = damage(&reply)
                    && !std::mem::replace(&mut self.warned, true)
                {
                    let kind = key.kind().as_str();
                    warn(format!("a {kind} record in {location} was damaged ({damage}). Starting it afresh"));
                }
                Some(reply)
            }
            Err(error) => {
                self.store = None;
                warn(format!("shared state in {location} cannot be used ({error}). Going on without it"));
                None
            }
        }
    }
}

impl Permit {
    /// How often to [renew](SharedState::renew) the permit while the attempt runs; `None` if it needs no renewal.
    pub fn renewal(self) -> Option<Duration> {
        match self {
            Self::Probe { every, .. } => Some(every),
            Self::Unguarded | Self::Closed(_) => None,
        }
    }

    fn ticket(self) -> Option<Ticket> {
        match self {
            Self::Unguarded => None,
            Self::Closed(ticket) | Self::Probe { ticket, .. } => Some(ticket),
        }
    }
}

/// All records at a location, in the order of their names.
///
/// # Errors
/// When the store cannot be used: a person who asks for the state wants to know.
pub fn show(location: &Location) -> Result<Vec<RecordSummary>, StoreError> {
    let (records, now) = Store::at(location).list()?;
    let summary = |record: StoredRecord| {
        let status = match record.state {
            Ok(RecordState::Breaker(mut circuit)) => {
                if let Phase::Closed { recent, .. } = &mut circuit.phase {
                    *recent = recent.aged(now);
                }
                RecordStatus::Breaker(circuit, circuit.refusal(now))
            }
            Ok(RecordState::Budget(bucket)) => RecordStatus::Budget(bucket),
            Err(damage) => RecordStatus::Damaged(record.key.kind(), damage),
        };
        RecordSummary { name: record.key.to_string(), status, lock: record.lock }
    };
    Ok(records.into_iter().map(summary).collect())
}

/// Removes the breaker and the budget with this name. [`Removal::Absent`] if there was neither.
///
/// # Errors
/// When the store cannot be used.
pub fn reset(location: &Location, name: &Name) -> Result<Removal, StoreError> {
    let mut store = Store::at(location);
    let timeout = StoreTimeout::start(INTERACTIVE_LIMIT);
    let mut removal = Removal::Absent;
    for kind in RecordKind::ALL {
        if store.remove(&RecordKey::new(name, kind), timeout)? == Removal::Removed {
            removal = Removal::Removed;
        }
    }
    Ok(removal)
}
