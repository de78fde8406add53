//! The shared state of one run. It fails open: no store that cannot be used stops a run, and only a retry budget gets
//! smaller by it. The rules are the library's, the bytes are the store's.

use super::fail_open::FailOpenStore;
use super::operation::{
    Admit, Condition, Deposit, Operation, Pay, QueryRefusal, RecordAndQuery, RecordResult, RecordedRefusal,
    Renew,
};
use super::record_key::{RecordKey, RecordKind};
use crate::core::shared::SharedConfig;
use retry_loop::bucket::{BudgetSettings, Payment};
use retry_loop::circuit::{
    self, Admission, BreakerSettings, Observation, Recorded, Refusal, Renewal, Ticket,
};
use retry_loop::random::Random;
use retry_loop::run::Permission;
use std::time::Duration;

/// The shared state of one run: at most one breaker and one budget.
///
/// No operation returns an error. The first one of a store goes to `warn`, as the text of a message, and that store is
/// not used again in this run.
#[derive(Debug)]
pub struct SharedState {
    store: FailOpenStore,
    breaker: Option<(RecordKey, BreakerSettings)>,
    budget: Option<(RecordKey, BudgetSettings)>,
    /// The payment for the next retry when no store can be used. Clients that retry as if they had no budget, because
    /// the server with the budget is gone, are what keeps a service down: docs/fleet.md.
    without_store: Payment,
}

/// Whether an attempt may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may. The permit goes to [`SharedState::record`] with the attempt's result.
    Pass(Permit),
    /// It may not: the circuit is open, or another process probes it.
    Refused(Refusal),
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

impl SharedState {
    /// Opens nothing yet.
    pub fn new(config: &SharedConfig) -> Self {
        let (breaker, budget) = (config.breaker.as_ref(), config.budget.as_ref());
        Self {
            store: FailOpenStore::new(config),
            breaker: breaker.map(|(name, settings)| (RecordKey::new(name, RecordKind::Breaker), *settings)),
            budget: budget.map(|(name, settings)| (RecordKey::new(name, RecordKind::Budget), *settings)),
            without_store: Payment::Paid,
        }
    }

    /// With another limit for the operations of an attempt, for tests that must pass on a busy machine.
    #[doc(hidden)]
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.store.set_limit(limit);
        self
    }

    /// Asks whether an attempt may start now. A probe gets a lease of `lease` (at least 1 s).
    pub fn admit(&mut self, lease: Duration, warn: impl FnOnce(String)) -> Gate {
        self.store.begin_attempt();
        let lease = lease.max(circuit::SHORTEST_LEASE);
        match self.ask_breaker(|_| Admit { lease }, warn) {
            None => Gate::Pass(Permit::Unguarded),
            Some(Admission::Closed(ticket)) => Gate::Pass(Permit::Closed(ticket)),
            Some(Admission::Probe(ticket)) => Gate::Pass(Permit::Probe { ticket, every: lease / 3 }),
            Some(Admission::Refused(refusal)) => Gate::Refused(refusal),
        }
    }

    /// Why an attempt would be refused if it were to start now. Starts no probe.
    pub fn refusal(&mut self, warn: impl FnOnce(String)) -> Option<Refusal> {
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
        let Some((key, _)) = &self.breaker else { return Renewal::Kept };
        let renewal = self.store.with_own_limit(|store| store.execute(key, Renew { ticket }, warn));
        renewal.unwrap_or(Renewal::Kept)
    }

    /// Takes a token for a retry. First attempts need none.
    pub fn pay(&mut self, warn: impl FnOnce(String)) -> Payment {
        let Some((key, settings)) = &self.budget else { return Payment::Paid };
        let payment = self.store.execute(key, Pay { settings: *settings }, warn);
        payment.unwrap_or_else(|| self.pay_without_store())
    }

    /// Adds the fraction of a token that a successful run earns.
    pub fn deposit(&mut self, warn: impl FnOnce(String)) {
        let Some((key, settings)) = &self.budget else { return };
        self.store.execute(key, Deposit { settings: *settings }, warn);
    }

    /// Records the result of the attempt with which the run succeeds, and adds what that earns to the budget. `None` when
    /// there was no breaker to record it.
    pub fn record_and_deposit(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
        warn: impl FnOnce(String),
    ) -> Option<Recorded> {
        match (permit.ticket(), &self.breaker, &self.budget) {
            (Some(ticket), Some((one, settings)), Some((other, budget))) => {
                let record = RecordAndQuery(RecordResult { ticket, result, settings, random });
                let then = (Deposit { settings: *budget }, Condition::Always);
                self.store.execute_pair([one, other], record, then, warn).map(|(reply, _)| reply.recorded)
            }
            (Some(_), Some(_), None) => self.record(permit, result, random, warn),
            _ => {
                self.deposit(warn);
                None
            }
        }
    }

    /// Records a failed attempt, and asks whether a retry may follow; if it may, its token is paid. What became of the
    /// result is `None` when there was no breaker to record it.
    pub fn record_and_pay(
        &mut self,
        permit: Permit,
        result: Observation,
        random: &mut Random,
        warn: impl FnOnce(String),
    ) -> (Option<Recorded>, Permission) {
        let (Some(ticket), Some((one, settings))) = (permit.ticket(), &self.breaker) else {
            return (None, self.pay(warn).into());
        };
        let record = RecordAndQuery(RecordResult { ticket, result, settings, random });
        let Some((other, budget)) = &self.budget else {
            let reply = self.store.execute(one, record, warn);
            let refusal = reply.and_then(|reply| reply.refusal);
            let permission = refusal.map_or(Permission::Granted, Permission::CircuitOpen);
            return (reply.map(|reply| reply.recorded), permission);
        };
        let then = (Pay { settings: *budget }, Condition::UnlessRefused);
        let reply = self.store.execute_pair([one, other], record, then, warn);
        let permission = match reply {
            Some((_, Some(payment))) => payment.into(),
            Some((RecordedRefusal { refusal: Some(refusal), .. }, None)) => Permission::CircuitOpen(refusal),
            Some((_, None)) => Permission::Granted,
            None => self.pay_without_store().into(),
        };
        (reply.map(|(reply, _)| reply.recorded), permission)
    }

    fn ask_breaker<'a, Q: Operation + 'a>(
        &'a mut self,
        operation: impl FnOnce(&'a BreakerSettings) -> Q,
        warn: impl FnOnce(String),
    ) -> Option<Q::Reply> {
        let (key, settings) = self.breaker.as_ref()?;
        self.store.execute(key, operation(settings), warn)
    }

    /// A run that no store tells how many retries there are makes one.
    fn pay_without_store(&mut self) -> Payment {
        std::mem::replace(&mut self.without_store, Payment::Empty { wait: Duration::MAX })
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
