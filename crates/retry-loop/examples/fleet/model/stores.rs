//! The states that clients share, and how they get at them. A state server that cannot be reached is treated as
//! `retry` treats it: 200 ms of patience for each attempt, and after the first error the client shares nothing for the
//! rest of its run.

use super::{Clients, Micros, SECOND, STATE_SERVER_FAULT, Sharing, StateServer, WithoutState};
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{self, Circuit, Observation, Ticket};
use retry_loop::random::Random;
use retry_loop::run::{Admission, Guard};
use retry_loop::timestamp::Timestamp;
use std::time::Duration;

/// Any time of day.
const START_MILLIS: u64 = 1_800_000_000_000;

const PATIENCE: Micros = SECOND / 5;
const SLOW_ROUND_TRIP: Micros = SECOND / 12;
const LEASE: Duration = Duration::from_secs(3);

/// How a client gets at what it shares.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// It shares nothing.
    Outsider,
    /// It asks, and has this ticket for its attempt.
    Sharing(Option<Ticket>),
    /// It has met an error and goes on alone.
    Alone,
}

/// All shared states.
pub struct Stores {
    clients: Clients,
    circuits: Vec<Circuit>,
    buckets: Vec<Bucket>,
}

impl Stores {
    /// Fresh ones.
    pub fn new(clients: Clients, machines: u32) -> Self {
        let states = match clients.sharing {
            Sharing::Machine => machines as usize,
            Sharing::Fleet => 1,
        };
        let bucket = Bucket::fresh(wall(0), &clients.budget.unwrap_or_default());
        Self { clients, circuits: vec![Circuit::fresh(); states], buckets: vec![bucket; states] }
    }

    /// How long the question before an attempt takes.
    pub fn before_attempt(&self, access: &mut Access, now: Micros) -> Micros {
        if self.clients.breaker.is_some() { self.round_trip(access, now) } else { 0 }
    }

    /// How long the one after an attempt takes.
    pub fn after_attempt(&self, access: &mut Access, now: Micros) -> Micros {
        let shares = self.clients.breaker.is_some() || self.clients.budget.is_some();
        if shares { self.round_trip(access, now) } else { 0 }
    }

    fn round_trip(&self, access: &mut Access, now: Micros) -> Micros {
        let (Access::Sharing(_), Sharing::Fleet) = (*access, self.clients.sharing) else { return 0 };
        if !STATE_SERVER_FAULT.contains(&(now / SECOND)) {
            return 0;
        }
        match self.clients.state_server {
            StateServer::Well => 0,
            StateServer::Slow => SLOW_ROUND_TRIP,
            StateServer::Gone => {
                *access = Access::Alone;
                PATIENCE
            }
        }
    }

    /// The guard of a client of `machine`, at `now`.
    pub fn guard<'a>(&'a mut self, access: &'a mut Access, machine: u32, now: Micros) -> FleetGuard<'a> {
        let state = match self.clients.sharing {
            Sharing::Machine => machine as usize,
            Sharing::Fleet => 0,
        };
        FleetGuard { stores: self, access, state, now: wall(now) }
    }
}

fn wall(now: Micros) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + now / 1000)
}

/// What the loop of one client asks.
pub struct FleetGuard<'a> {
    stores: &'a mut Stores,
    access: &'a mut Access,
    state: usize,
    now: Timestamp,
}

impl FleetGuard<'_> {
    fn circuit(&mut self) -> Option<&mut Circuit> {
        self.stores.clients.breaker?;
        matches!(self.access, Access::Sharing(_)).then(|| &mut self.stores.circuits[self.state])
    }

    fn bucket(&mut self) -> Option<(&mut Bucket, BudgetSettings)> {
        let settings = self.stores.clients.budget?;
        matches!(self.access, Access::Sharing(_)).then(|| (&mut self.stores.buckets[self.state], settings))
    }
}

impl Guard for FleetGuard<'_> {
    fn admit(&mut self) -> Admission {
        let now = self.now;
        let Some(circuit) = self.circuit() else { return Admission::Admitted };
        match circuit.admit(now, LEASE) {
            circuit::Admission::Closed(ticket) | circuit::Admission::Probe(ticket) => {
                *self.access = Access::Sharing(Some(ticket));
                Admission::Admitted
            }
            circuit::Admission::Refused { wait } => Admission::Refused { wait },
        }
    }

    fn refusal(&mut self) -> Option<Duration> {
        let now = self.now;
        self.circuit()?.refusal(now)
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        let (now, settings) = (self.now, self.stores.clients.breaker);
        if let (Access::Sharing(Some(ticket)), Some(settings)) = (*self.access, settings) {
            self.stores.circuits[self.state].record(ticket, observation, now, &settings, random);
            *self.access = Access::Sharing(None);
        }
    }

    fn pay(&mut self) -> Payment {
        if matches!(self.access, Access::Alone) && self.stores.clients.without_state == WithoutState::GivesUp
        {
            return Payment::Empty { wait: Duration::MAX };
        }
        let now = self.now;
        self.bucket().map_or(Payment::Paid, |(bucket, settings)| bucket.pay(now, &settings))
    }

    fn deposit(&mut self) {
        let now = self.now;
        if let Some((bucket, settings)) = self.bucket() {
            bucket.deposit(now, &settings);
        }
    }
}
