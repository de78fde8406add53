//! What the loop asks of the shared state, and the promise that a state which cannot be used never
//! stands in the way: every operation has an answer, and the first error comes with a warning.
//!
//! It owns no rule and no byte: the rules are core's, the bytes the store's.

use super::clock::{PATIENCE, PATIENCE_OF_A_PERSON, Patience};
use super::operation::{Admit, Deposit, Operation, Pay, Record, Refusal, Renew};
use super::record::{Damage, State};
use super::record_key::{Kind, RecordKey};
use super::store::{Lock, Removal, Store, StoreError, StoreReply, StoredRecord};
use crate::core::shared::{Location, Name, SharedConfig};
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{
    self, Admission, BreakerSettings, Circuit, Observation, Recorded, Renewal, Ticket,
};
use retry_loop::random::Random;
use std::fmt;
use std::time::Duration;

/// The shared state of one run: at most one breaker and one budget.
///
/// All that one attempt asks takes no more than 200 ms, the renewal of a probe's slot as long again, and nothing
/// returns an error: what cannot be asked is answered as if nothing were shared, so that the command runs. After
/// the first error the store is left alone for the rest of the run: a run that waits for a server before and
/// after each attempt would be worse than one that shares nothing.
#[derive(Debug)]
pub struct Shared {
    /// None after the first error.
    store: Option<Store>,
    /// What all that one attempt asks may take.
    limit: Duration,
    /// Of that, for the attempt that is asked about.
    spent: Duration,
    location: Location,
    breaker: Option<(RecordKey, BreakerSettings)>,
    budget: Option<(RecordKey, BudgetSettings)>,
    warned: bool,
}

/// An answer that always is one, and the warning, if this was the first error of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What to do.
    pub decision: T,
    /// What to tell the user.
    pub warning: Option<Warning>,
}

/// Why the state could not be used as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The store, without any password.
    pub place: String,
    /// What happened to it.
    pub what: StoreProblem,
}

/// What happened to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreProblem {
    /// It could not be used: the run goes on as if nothing were shared.
    Unusable(StoreError),
    /// A record was damaged: it was replaced by a fresh one.
    Damaged(Kind, Damage),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.what {
            StoreProblem::Unusable(error) => {
                write!(f, "shared state in {place} cannot be used ({error}). Going on without it")
            }
            StoreProblem::Damaged(kind, damage) => {
                write!(f, "a {} record in {place} was damaged ({damage}). Starting it afresh", kind.word())
            }
        }
    }
}

/// The answer to "may this attempt start?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Yes. The permit is to be handed back with the result.
    Pass(Permit),
    /// The circuit is open, or somebody else probes.
    Refused {
        /// For so long.
        wait: Duration,
    },
}

/// Permission for one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// No breaker was asked, or it could not be: the result goes nowhere.
    Unguarded,
    /// The circuit is closed.
    Closed(Ticket),
    /// This is the probe of an open circuit.
    Probe {
        /// The slot.
        ticket: Ticket,
        /// [`Shared::renew`] it so often while the attempt runs: three times in a lease, so that one
        /// missed answer does no harm.
        every: Duration,
    },
}

/// What one record says, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The name, readable.
    pub name: String,
    /// The state.
    pub state: ShownState,
    /// Whether the record was locked when it was looked at.
    pub lock: Lock,
}

/// The state in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownState {
    /// A circuit breaker, and for how long it refuses, if it does.
    Breaker(Circuit, Option<Duration>),
    /// A retry budget, as it was left; time has given back more since.
    Budget(Bucket),
    /// It cannot be read.
    Damaged(Kind, Damage),
}

impl Shared {
    /// Opens nothing yet.
    pub fn new(asked: &SharedConfig) -> Self {
        Self {
            store: Some(Store::at(&asked.location)),
            limit: PATIENCE,
            spent: Duration::ZERO,
            location: asked.location.clone(),
            breaker: asked
                .breaker
                .as_ref()
                .map(|(name, settings)| (RecordKey::new(name, Kind::Breaker), *settings)),
            budget: asked
                .budget
                .as_ref()
                .map(|(name, settings)| (RecordKey::new(name, Kind::Budget), *settings)),
            warned: false,
        }
    }

    /// With another limit than 200 ms. For tests of other promises, which are to hold on a busy machine.
    #[doc(hidden)]
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Whether an attempt may start now. A probe gets its slot for `lease` (at least 1 s).
    pub fn admit(&mut self, lease: Duration) -> Answer<Gate> {
        self.spent = Duration::ZERO;
        let lease = lease.max(circuit::SHORTEST_LEASE);
        self.ask_breaker(|_| Admit { lease }).map(|admission| match admission {
            None => Gate::Pass(Permit::Unguarded),
            Some(Admission::Closed(ticket)) => Gate::Pass(Permit::Closed(ticket)),
            Some(Admission::Probe(ticket)) => Gate::Pass(Permit::Probe { ticket, every: lease / 3 }),
            Some(Admission::Refused { wait }) => Gate::Refused { wait },
        })
    }

    /// For how long an attempt would be refused, if it would be now. Takes no slot.
    pub fn refusal(&mut self) -> Answer<Option<Duration>> {
        self.ask_breaker(|_| Refusal).map(Option::flatten)
    }

    /// Takes the result of the attempt that `permit` was for; none if it went nowhere.
    pub fn record(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
    ) -> Answer<Option<Recorded>> {
        let Some(ticket) = permit.ticket() else { return Answer::plain(None) };
        self.ask_breaker(|settings| Record { ticket, result, settings, random })
    }

    /// Keeps the slot of a probe that still runs.
    pub fn renew(&mut self, permit: Permit) -> Answer<Renewal> {
        let Permit::Probe { ticket, .. } = permit else { return Answer::plain(Renewal::Kept) };
        // An attempt of hours renews its slot many times, and needs its time for what comes after it.
        let spent = std::mem::take(&mut self.spent);
        let answer = self.ask_breaker(|_| Renew { ticket });
        self.spent = spent;
        answer.map(|renewal| renewal.unwrap_or(Renewal::Kept))
    }

    /// A retry (never a first attempt) asks for its token.
    pub fn pay(&mut self) -> Answer<Payment> {
        self.ask_budget(|settings| Pay { settings }).map(|payment| payment.unwrap_or(Payment::Paid))
    }

    /// A run that succeeded puts its part of a token in.
    pub fn deposit(&mut self) -> Answer<()> {
        self.ask_budget(|settings| Deposit { settings }).map(|_| ())
    }

    /// None without a breaker, and when it could not be asked.
    fn ask_breaker<'a, Q: Operation + 'a>(
        &'a mut self,
        operation: impl FnOnce(&'a BreakerSettings) -> Q,
    ) -> Answer<Option<Q::Reply>> {
        let Some((key, settings)) = &self.breaker else { return Answer::plain(None) };
        let link = Link {
            store: &mut self.store,
            limit: self.limit,
            spent: &mut self.spent,
            warned: &mut self.warned,
        };
        link.ask(&self.location, key, operation(settings))
    }

    /// None without a budget, and when it could not be asked.
    fn ask_budget<'a, Q: Operation + 'a>(
        &'a mut self,
        operation: impl FnOnce(&'a BudgetSettings) -> Q,
    ) -> Answer<Option<Q::Reply>> {
        let Some((key, settings)) = &self.budget else { return Answer::plain(None) };
        let link = Link {
            store: &mut self.store,
            limit: self.limit,
            spent: &mut self.spent,
            warned: &mut self.warned,
        };
        link.ask(&self.location, key, operation(settings))
    }
}

/// What an operation changes of a [`Shared`], whose settings it borrows.
struct Link<'a> {
    store: &'a mut Option<Store>,
    limit: Duration,
    spent: &'a mut Duration,
    warned: &'a mut bool,
}

impl Link<'_> {
    fn ask<Q: Operation>(
        self,
        location: &Location,
        key: &RecordKey,
        mut operation: Q,
    ) -> Answer<Option<Q::Reply>> {
        let Some(store) = self.store else { return Answer::plain(None) };
        let patience = Patience::rest(self.limit, *self.spent);
        let answered = store.ask(key, &mut operation, patience);
        *self.spent = patience.spent();
        let (decision, what) = match answered {
            Ok(StoreReply { reply, damage }) => {
                (Some(reply), damage.map(|damage| StoreProblem::Damaged(key.kind(), damage)))
            }
            Err(error) => {
                *self.store = None;
                (None, Some(StoreProblem::Unusable(error)))
            }
        };
        // A store that fails after a record was damaged is worth its own words.
        let is_new = self.store.is_none() || !std::mem::replace(self.warned, true);
        let warning = what.filter(|_| is_new).map(|what| Warning { place: location.to_string(), what });
        Answer { decision, warning }
    }
}

impl<T> Answer<T> {
    fn plain(decision: T) -> Self {
        Self { decision, warning: None }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { decision: change(self.decision), warning: self.warning }
    }
}

impl Permit {
    /// How often to [`Shared::renew`] it while the attempt runs; none if it needs no renewal.
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

/// All records at a place, in the order of their names.
///
/// # Errors
/// When the store cannot be used: whoever asks to see it wants to know.
pub fn show(location: &Location) -> Result<Vec<Shown>, StoreError> {
    let (all, now) = Store::at(location).list()?;
    let show = |found: StoredRecord| {
        let state = match found.state {
            Ok(State::Breaker(breaker)) => ShownState::Breaker(breaker, breaker.refusal(now)),
            Ok(State::Budget(budget)) => ShownState::Budget(budget),
            Err(damage) => ShownState::Damaged(found.key.kind(), damage),
        };
        Shown { name: found.key.to_string(), state, lock: found.lock }
    };
    Ok(all.into_iter().map(show).collect())
}

/// Forgets the breaker and the budget of a name. [`Removal::Absent`] if there was neither.
///
/// # Errors
/// When the store cannot be used.
pub fn reset(location: &Location, name: &Name) -> Result<Removal, StoreError> {
    let mut store = Store::at(location);
    let patience = Patience::begin(PATIENCE_OF_A_PERSON);
    let mut removal = Removal::Absent;
    for kind in Kind::ALL {
        if store.remove(&RecordKey::new(name, kind), patience)? == Removal::Removed {
            removal = Removal::Removed;
        }
    }
    Ok(removal)
}
