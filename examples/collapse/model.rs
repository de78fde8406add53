//! A service that a short spike of load pushes into a state from which it does not come back, and many
//! clients that retry. Simulated in virtual time; the delays, the budget and the breaker are the ones
//! that `retry` itself uses.
//!
//! The service and its numbers follow Marc Brooker's simulator of metastable collapse
//! (github.com/mbrooker/simulator_example): each request takes 1 s and 10 ms more for every request in
//! flight, the client gives up after 3 s, and the server works on to the end. 40 requests a second are
//! well within what it can do; 80, for ten seconds, are not; and with three tries each, 40 become 120.

use retry_loop::backoff::{Backoff, BackoffState, Growth, Jitter};
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{Admission, BreakerSettings, Circuit, Observation, Ticket};
use retry_loop::random::Random;
use retry_loop::timestamp::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Requests per second before and after the spike, for a scale of 1.
pub const BASE: f64 = 40.0;

/// How long one run takes, in seconds of virtual time.
pub const END: f64 = 200.0;

/// From here on, goodput is measured: 70 s after the spike, which is longer than any wait of a client.
pub const SETTLED: f64 = 100.0;

const SPIKE: std::ops::Range<f64> = 20.0..30.0;
const SPIKE_FACTOR: f64 = 2.0;
const LATENCY: f64 = 1.0;
const LATENCY_PER_REQUEST: f64 = 0.010;
const TIMEOUT: f64 = 3.0;
const LEASE: Duration = Duration::from_secs(3);

/// Any time of day.
const START_MILLIS: u64 = 1_800_000_000_000;

/// What the clients do about failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strategy {
    /// Attempts in all.
    pub attempts: u32,
    /// Who shares a retry budget.
    pub budget: Sharing,
    /// Who shares a circuit breaker.
    pub breaker: Sharing,
}

/// Who shares a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// There is none.
    Absent,
    /// Every client has its own, fresh one: what a short process can do without a store.
    Alone,
    /// All clients have the same.
    Shared,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Successes at the end, as a part of the clients that came in that time.
    pub goodput: f64,
    /// Requests that reached the server for each client, over the whole run.
    pub amplification: f64,
    /// Clients.
    pub clients: u64,
}

/// Events are ordered by time, in whole microseconds, and then as they were made.
type Moment = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client begins, and the next one will.
    Arrival,
    /// A client sends its request.
    Attempt(usize),
    /// The server is done with a request.
    Served,
    /// A client has its answer.
    Succeeded(usize),
    /// A client's time is up.
    Failed(usize),
}

struct Client {
    attempts: u32,
    delays: BackoffState,
    ticket: Option<Ticket>,
    breaker: Circuit,
    budget: Bucket,
}

struct World {
    strategy: Strategy,
    backoff: Backoff,
    scale: f64,
    random: Random,
    now: Moment,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    made: u64,
    clients: Vec<Client>,
    in_flight: u64,
    requests: u64,
    came_at_the_end: u64,
    good_at_the_end: u64,
    breaker: Circuit,
    budget: Bucket,
}

/// One run. With a `scale` of n there are n times as many clients, and the server is n times as strong.
pub fn run(strategy: Strategy, scale: f64, seed: u64) -> Outcome {
    // Full jitter up to 2 s and then up to 4 s.
    let backoff = Backoff {
        base: Duration::from_secs(2),
        growth: Growth::Exponential { factor: 2.0 },
        max_delay: None,
        jitter: Jitter::Full,
    };
    let mut world = World {
        strategy,
        backoff,
        scale,
        random: Random::seeded(seed),
        now: 0,
        events: BinaryHeap::new(),
        made: 0,
        clients: Vec::new(),
        in_flight: 0,
        requests: 0,
        came_at_the_end: 0,
        good_at_the_end: 0,
        breaker: Circuit::fresh(),
        budget: Bucket::fresh(Timestamp::from_millis(START_MILLIS), &BudgetSettings::default()),
    };
    world.after(0.0, Event::Arrival);
    while let Some(Reverse((moment, _, event))) = world.events.pop() {
        world.now = moment;
        if world.seconds() >= END {
            break;
        }
        match event {
            Event::Arrival => world.arrival(),
            Event::Attempt(client) => world.attempt(client),
            Event::Served => world.in_flight -= 1,
            Event::Succeeded(client) => world.succeeded(client),
            Event::Failed(client) => world.failed(client),
        }
    }
    let clients = world.clients.len() as u64;
    Outcome {
        goodput: world.good_at_the_end as f64 / world.came_at_the_end as f64,
        amplification: world.requests as f64 / clients as f64,
        clients,
    }
}

impl World {
    fn seconds(&self) -> f64 {
        self.now as f64 / 1e6
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(START_MILLIS + self.now / 1000)
    }

    fn after(&mut self, seconds: f64, event: Event) {
        let moment = self.now + (seconds * 1e6) as Moment;
        self.events.push(Reverse((moment, self.made, event)));
        self.made += 1;
    }

    /// Clients come independently of each other: the time between two is exponentially distributed.
    fn arrival(&mut self) {
        let factor = if SPIKE.contains(&self.seconds()) { SPIKE_FACTOR } else { 1.0 };
        let pause = -(1.0 - self.random.unit()).ln() / (BASE * self.scale * factor);
        self.after(pause, Event::Arrival);
        if self.seconds() >= SETTLED {
            self.came_at_the_end += 1;
        }
        self.clients.push(Client {
            attempts: 0,
            delays: BackoffState::default(),
            ticket: None,
            breaker: Circuit::fresh(),
            budget: Bucket::fresh(self.wall(), &BudgetSettings::default()),
        });
        self.attempt(self.clients.len() - 1);
    }

    fn attempt(&mut self, client: usize) {
        let now = self.wall();
        if let Some(breaker) = self.breaker(client) {
            match breaker.admit(now, LEASE) {
                Admission::Closed(ticket) | Admission::Probe(ticket) => {
                    self.clients[client].ticket = Some(ticket);
                }
                Admission::Refused(_) => return,
            }
        }
        self.clients[client].attempts += 1;
        self.requests += 1;
        self.in_flight += 1;
        let latency = LATENCY + LATENCY_PER_REQUEST / self.scale * self.in_flight as f64;
        self.after(latency, Event::Served);
        if latency <= TIMEOUT {
            self.after(latency, Event::Succeeded(client));
        } else {
            self.after(TIMEOUT, Event::Failed(client));
        }
    }

    fn succeeded(&mut self, client: usize) {
        if self.seconds() >= SETTLED {
            self.good_at_the_end += 1;
        }
        self.record(client, Observation::Success);
        let now = self.wall();
        if let Some(budget) = self.budget(client) {
            budget.deposit(now, &BudgetSettings::default());
        }
    }

    fn failed(&mut self, client: usize) {
        self.record(client, Observation::Failure);
        let now = self.wall();
        if self.clients[client].attempts >= self.strategy.attempts {
            return;
        }
        let delay = self.clients[client].delays.next(&self.backoff, &mut self.random);
        if self.breaker(client).is_some_and(|breaker| breaker.refusal(now).is_some()) {
            return;
        }
        let paid = self.budget(client).map(|budget| budget.pay(now, &BudgetSettings::default()));
        if matches!(paid, None | Some(Payment::Paid)) {
            self.after(delay.as_secs_f64(), Event::Attempt(client));
        }
    }

    fn record(&mut self, client: usize, result: Observation) {
        let (now, settings) = (self.wall(), BreakerSettings::default());
        let Some(ticket) = self.clients[client].ticket.take() else { return };
        let mut random = self.random.clone();
        if let Some(breaker) = self.breaker(client) {
            breaker.record(ticket, result, now, &settings, &mut random);
        }
        self.random = random;
    }

    fn breaker(&mut self, client: usize) -> Option<&mut Circuit> {
        match self.strategy.breaker {
            Sharing::Absent => None,
            Sharing::Alone => Some(&mut self.clients[client].breaker),
            Sharing::Shared => Some(&mut self.breaker),
        }
    }

    fn budget(&mut self, client: usize) -> Option<&mut Bucket> {
        match self.strategy.budget {
            Sharing::Absent => None,
            Sharing::Alone => Some(&mut self.clients[client].budget),
            Sharing::Shared => Some(&mut self.budget),
        }
    }
}
