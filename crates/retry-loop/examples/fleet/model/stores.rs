//! The states that clients share, and how they get at them. A state server that cannot be reached is treated as
//! `retry` treats it: 200 ms of patience for each attempt, and after the first error the client does not ask the server
//! again. [`WithoutState`] says what it does instead.

use super::{Clients, Micros, Reports, SECOND, STATE_SERVER_FAULT, Sharing, StateServer, WithoutState};
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{self, Circuit, Observation, Refusal, Ticket};
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
    /// It asks, and has this permit for its attempt.
    Sharing(Option<Permit>),
    /// It has met an error, and shares with its machine. It has this permit for its attempt.
    Machine(Option<Permit>),
    /// It has met an error and goes on alone. It may retry as often as this.
    Alone(u64),
}

/// The permit for an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Permit {
    ticket: Ticket,
    /// Whether its success is reported.
    reports_success: bool,
}

/// A circuit and a bucket.
#[derive(Clone, Copy)]
struct State {
    circuit: Circuit,
    bucket: Bucket,
}

impl State {
    fn fresh(budget: Option<BudgetSettings>) -> Self {
        Self { circuit: Circuit::fresh(), bucket: Bucket::fresh(wall(0), &budget.unwrap_or_default()) }
    }
}

/// The budget of a machine whose clients cannot reach the state server.
fn on_machine(budget: BudgetSettings) -> BudgetSettings {
    let one = BudgetSettings::new(1, 0.0).burst;
    BudgetSettings { burst: budget.burst.min(one), deposit: budget.deposit.min(one) }
}

/// All shared states.
pub struct Stores {
    clients: Clients,
    /// One for each machine, or one for the fleet.
    states: Vec<State>,
    /// One for each machine, of the clients that cannot reach the state server.
    on_machines: Vec<State>,
}

impl Stores {
    /// Fresh ones.
    pub fn new(clients: Clients, machines: u32) -> Self {
        let states = match clients.sharing {
            Sharing::Machine => machines as usize,
            Sharing::Fleet => 1,
        };
        let without = match clients.without_state {
            WithoutState::SharesByMachine => machines as usize,
            _ => 0,
        };
        Self {
            clients,
            states: vec![State::fresh(clients.budget); states],
            on_machines: vec![State::fresh(clients.budget.map(on_machine)); without],
        }
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
        let (Access::Sharing(ticket), Sharing::Fleet) = (*access, self.clients.sharing) else { return 0 };
        if !STATE_SERVER_FAULT.contains(&(now / SECOND)) {
            return 0;
        }
        match self.clients.state_server {
            StateServer::Well => 0,
            StateServer::Slow => SLOW_ROUND_TRIP,
            StateServer::Gone => {
                *access = match self.clients.without_state {
                    WithoutState::Retries => Access::Alone(u64::MAX),
                    WithoutState::RetriesOnce => Access::Alone(1),
                    WithoutState::GivesUp => Access::Alone(0),
                    WithoutState::SharesByMachine => Access::Machine(ticket),
                };
                PATIENCE
            }
        }
    }

    /// The guard of a client of `machine`, at `now`.
    pub fn guard<'a>(&'a mut self, access: &'a mut Access, machine: u32, now: Micros) -> FleetGuard<'a> {
        FleetGuard { stores: self, access, machine: machine as usize, now: wall(now) }
    }
}

fn wall(now: Micros) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + now / 1000)
}

/// What the loop of one client asks.
pub struct FleetGuard<'a> {
    stores: &'a mut Stores,
    access: &'a mut Access,
    machine: usize,
    now: Timestamp,
}

impl FleetGuard<'_> {
    /// The state that the client uses, and the permit that it has from it.
    fn state(&mut self) -> Option<(&mut State, &mut Option<Permit>)> {
        let stores = &mut *self.stores;
        match &mut *self.access {
            Access::Sharing(ticket) => {
                let index = if stores.clients.sharing == Sharing::Machine { self.machine } else { 0 };
                Some((&mut stores.states[index], ticket))
            }
            Access::Machine(ticket) => Some((&mut stores.on_machines[self.machine], ticket)),
            Access::Outsider | Access::Alone(_) => None,
        }
    }

    fn budget(&self) -> Option<BudgetSettings> {
        let own = self.stores.clients.budget?;
        Some(if matches!(self.access, Access::Machine(_)) { on_machine(own) } else { own })
    }
}

impl Guard for FleetGuard<'_> {
    fn admit(&mut self) -> Admission {
        let (now, Clients { breaker, reports, .. }) = (self.now, self.stores.clients);
        let (Some((state, held)), Some(_)) = (self.state(), breaker) else { return Admission::Admitted };
        let reports_success =
            reports == Reports::EverySuccess || state.circuit.phase != Circuit::fresh().phase;
        match state.circuit.admit(now, LEASE) {
            circuit::Admission::Closed(ticket) | circuit::Admission::Probe(ticket) => {
                *held = Some(Permit { ticket, reports_success });
                Admission::Admitted
            }
            circuit::Admission::Refused(refusal) => Admission::Refused(refusal),
        }
    }

    fn refusal(&mut self) -> Option<Refusal> {
        let now = self.now;
        self.stores.clients.breaker?;
        self.state()?.0.circuit.refusal(now)
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        let now = self.now;
        let Some(settings) = self.stores.clients.breaker else { return };
        if let Some((state, held)) = self.state()
            && let Some(Permit { ticket, reports_success }) = held.take()
            && (reports_success || observation != Observation::Success)
        {
            state.circuit.record(ticket, observation, now, &settings, random);
        }
    }

    fn pay(&mut self) -> Payment {
        let now = self.now;
        let Some(settings) = self.budget() else { return Payment::Paid };
        if let Access::Alone(retries) = self.access {
            let left = retries.checked_sub(1);
            *retries = left.unwrap_or(0);
            return left.map_or(Payment::Empty { wait: Duration::MAX }, |_| Payment::Paid);
        }
        self.state().map_or(Payment::Paid, |(state, _)| state.bucket.pay(now, &settings))
    }

    fn deposit(&mut self) {
        let now = self.now;
        let Some(settings) = self.budget() else { return };
        if let Some((state, _)) = self.state() {
            state.bucket.deposit(now, &settings);
        }
    }
}
