//! A fleet of clients, a service that fails and comes back, and what the clients' retries do to it; in virtual time.
//!
//! Each client is one run of `retry`, and its decisions are those of the library: a `retry_loop::run::Run` with the
//! default delays, a circuit and a bucket of `retry_loop`. Only the service, the machines and the state server are
//! models. `docs/fleet.md` describes them and shows the results.

pub mod measure;
pub mod service;
pub mod stores;

use measure::{Measured, Outcome};
use retry_loop::Policy;
use retry_loop::bucket::BudgetSettings;
use retry_loop::circuit::{BreakerSettings, Observation};
use retry_loop::random::Random;
use retry_loop::run::{Attempted, Next, Run, Verdict};
use retry_loop::server_hint::ServerHint;
use service::{Answer, Service};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use stores::{Access, Stores};

/// A moment or a length of virtual time in microseconds.
pub type Micros = u64;

/// One second.
pub const SECOND: Micros = 1_000_000;

/// How long one experiment takes, in seconds.
pub const END: u64 = 400;

/// No client comes after this second, so that all have ended at the end.
pub const LAST_ARRIVAL: u64 = 380;

/// The fault ends at this second, so that all experiments have the same time to recover.
pub const FAULT_END: u64 = 120;

/// A fault takes between 15 and 100 seconds, by the seed: an open circuit is looked at again at certain times, and how
/// soon after the end of a fault that is must not depend on one length.
const FAULT_SECONDS: (f64, f64) = (15.0, 100.0);

/// The state server is slow or gone in these seconds: while the service is down, and while it comes back.
pub const STATE_SERVER_FAULT: std::ops::Range<u64> = 105..135;

/// What happens to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is gone, and comes back with cold caches.
    Crash,
    /// It has half of its capacity.
    BrownOut,
    /// A fifth of the requests fail at random.
    Flaky,
}

/// Who shares a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// The clients of a machine, in a directory.
    Machine,
    /// All clients, on a state server.
    Fleet,
}

/// What happens to the state server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateServer {
    /// It answers at once.
    Well,
    /// It takes 83 ms for each round trip; a client waits for 200 ms for each attempt.
    Slow,
    /// It does not answer.
    Gone,
}

/// What a client does for the rest of its run once the state server did not answer. Its first attempt it makes in any
/// case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutState {
    /// It retries as if nothing were shared.
    Retries,
    /// It retries once.
    RetriesOnce,
    /// It does not retry.
    GivesUp,
    /// It uses a circuit and a budget of its machine; this budget is one retry. `retry` does this.
    SharesByMachine,
}

/// Which successes a client reports to a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// All. `retry` does this.
    EverySuccess,
    /// Those of attempts before which a failure was recorded: it would save every other question.
    AfterFailures,
}

/// What the clients do.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// Attempts in all.
    pub attempts: u64,
    /// Their retry budget.
    pub budget: Option<BudgetSettings>,
    /// Their circuit breaker.
    pub breaker: Option<BreakerSettings>,
    /// Who shares these.
    pub sharing: Sharing,
    /// What happens to the state server.
    pub state_server: StateServer,
    /// What a client does that could not reach the state server.
    pub without_state: WithoutState,
    /// Which successes they report.
    pub reports: Reports,
    /// This part of the clients makes three attempts and shares nothing.
    pub outsiders: f64,
}

/// One experiment.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// About how many clients come in all; at least 1000.
    pub size: u32,
    /// About how many of them come to one machine.
    pub clients_per_machine: u32,
    /// The load before the fault, as a part of the capacity.
    pub utilization: f64,
    /// What happens to the service.
    pub fault: Fault,
    /// What the clients do.
    pub clients: Clients,
    /// The same seed gives the same outcome.
    pub seed: u64,
}

/// A run of `retry` that has not ended.
struct Client {
    run: Run,
    machine: u32,
    came: Micros,
    began: Micros,
    answer: Answer,
    access: Access,
}

/// What comes next for a client: its index and this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Its wait is over.
    Attempt,
    /// Its attempt has ended.
    Ended,
}

/// Runs an experiment to its end.
pub fn run(experiment: &Experiment) -> Outcome {
    let arrivals_per_second = f64::from(experiment.size) / LAST_ARRIVAL as f64;
    let machines = experiment.size.div_ceil(experiment.clients_per_machine);
    let mut random = Random::seeded(experiment.seed);
    let (least, most) = FAULT_SECONDS;
    let fault = FAULT_END - (least + (most - least) * random.unit()) as u64..FAULT_END;
    let capacity = arrivals_per_second / experiment.utilization;
    let mut world = World {
        experiment,
        policy: Policy::default(),
        random,
        service: Service::new(experiment.fault, fault.clone(), capacity),
        stores: Stores::new(experiment.clients, machines),
        measured: Measured::new(fault, machines),
        clients: Vec::new(),
        free: Vec::new(),
        events: BinaryHeap::new(),
        made: 0,
        came: 0,
    };
    let mut arrival = world.pause(arrivals_per_second);
    loop {
        let next = world.events.peek().map(|Reverse((time, ..))| *time);
        if arrival < LAST_ARRIVAL * SECOND && next.is_none_or(|next| arrival <= next) {
            world.arrive(arrival, machines);
            arrival += world.pause(arrivals_per_second);
        } else if let Some(Reverse((now, _, client, event))) = world.events.pop() {
            match event {
                Event::Attempt => world.attempt(client, now),
                Event::Ended => world.ended(client, now),
            }
        } else {
            return world.measured.outcome();
        }
    }
}

struct World<'a> {
    experiment: &'a Experiment,
    policy: Policy,
    random: Random,
    service: Service,
    stores: Stores,
    measured: Measured,
    clients: Vec<Client>,
    free: Vec<u32>,
    /// By time, and then in the order in which they were made.
    events: BinaryHeap<Reverse<(Micros, u32, u32, Event)>>,
    made: u32,
    came: u64,
}

impl World<'_> {
    /// Clients come independently of each other: the time between two is exponentially distributed.
    fn pause(&mut self, per_second: f64) -> Micros {
        (-(1.0 - self.random.unit()).ln() / per_second * SECOND as f64) as Micros
    }

    fn at(&mut self, time: Micros, client: u32, event: Event) {
        self.events.push(Reverse((time, self.made, client, event)));
        self.made = self.made.wrapping_add(1);
    }

    fn arrive(&mut self, now: Micros, machines: u32) {
        let clients = &self.experiment.clients;
        let machine = ((self.random.unit() * f64::from(machines)) as u32).min(machines - 1);
        let outsider = clients.outsiders > 0.0 && self.random.unit() < clients.outsiders;
        let (attempts, access) =
            if outsider { (3, Access::Outsider) } else { (clients.attempts, Access::Sharing(None)) };
        let seed = self.experiment.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.came;
        self.came += 1;
        let client = Client {
            run: Run::new(self.policy.clone().attempts(attempts).seed(seed)),
            machine,
            came: now,
            began: now,
            answer: Answer::Refused,
            access,
        };
        let index = if let Some(index) = self.free.pop() {
            self.clients[index as usize] = client;
            index
        } else {
            self.clients.push(client);
            self.clients.len() as u32 - 1
        };
        self.measured.came(now);
        self.attempt(index, now);
    }

    /// Asks for admission, and sends the request.
    fn attempt(&mut self, index: u32, now: Micros) {
        let client = &mut self.clients[index as usize];
        let admission_takes = self.stores.before_attempt(&mut client.access, now);
        let elapsed = Duration::from_micros(now - client.came);
        let mut guard = self.stores.guard(&mut client.access, client.machine, now);
        if client.run.admit(elapsed, &mut guard).is_err() {
            return self.leave(index, Verdict::Transient);
        }
        let sent = now + admission_takes;
        let (answer, answered) = self.service.request(sent, &mut self.random, &mut self.measured);
        (client.began, client.answer) = (sent, answer);
        let report_takes = self.stores.after_attempt(&mut client.access, answered);
        self.at(answered + report_takes, index, Event::Ended);
    }

    fn ended(&mut self, index: u32, now: Micros) {
        let client = &mut self.clients[index as usize];
        let (verdict, observation) = match client.answer {
            Answer::Good => (Verdict::Success, Observation::Success),
            Answer::Refused | Answer::TooLate => (Verdict::Transient, Observation::Failure),
        };
        let attempted = Attempted {
            verdict,
            observation,
            hint: ServerHint::None,
            took: Duration::from_micros(now - client.began),
            elapsed: Duration::from_micros(now - client.came),
        };
        let mut guard = self.stores.guard(&mut client.access, client.machine, now);
        match client.run.judged(attempted, &mut guard) {
            Next::Retry(delay) | Next::Again(delay) => {
                self.at(now + delay.as_micros() as Micros, index, Event::Attempt);
            }
            Next::Succeeded => self.leave(index, Verdict::Success),
            Next::Stop(_) => self.leave(index, verdict),
        }
    }

    fn leave(&mut self, index: u32, verdict: Verdict) {
        let client = &self.clients[index as usize];
        self.measured.left(client.came, client.machine, verdict);
        self.free.push(index);
    }
}
