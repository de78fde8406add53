//! The operations on a shared state. Each one is applied to the state by the rules of the library or, encoded as text,
//! by a server's script that has the same rules. Owns the encoding and no rule.

use super::error::StoreReply;
use super::record::RecordFormat;
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{
    self, Admission, BreakerSettings, Circuit, Observation, Recorded, Refusal, RefusalCause, Renewal, Ticket,
    Trip,
};
use retry_loop::random::Random;
use retry_loop::timestamp::{LONGEST, Timestamp, millis};
use std::time::Duration;

/// One operation: one atomic step in any store.
pub trait Operation {
    /// The state that the operation is applied to.
    type State: RecordFormat;
    /// What the operation returns.
    type Reply;

    /// The state where there is no record yet.
    fn fresh(&self, now: Timestamp) -> Self::State;

    /// Applies the operation to a state.
    fn apply(&mut self, state: &mut Self::State, now: Timestamp) -> Self::Reply;

    /// Cuts the operation to the state that a machine has of its own, for the time in which its server cannot be used.
    /// By default there is no difference.
    fn cut_to_machine(&mut self) {}

    /// The arguments for the script of this kind of state.
    fn encode(&mut self) -> String;

    /// The script's reply as that of the operation; `None` if no rule gives such a reply.
    fn decode(&self, reply: &ScriptReply) -> Option<Self::Reply>;
}

/// The reply of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptReply {
    /// `closed`, `probe`, `open`, `probing`, `paid`, ...
    pub result: String,
    /// Milliseconds; negative for "never".
    pub wait: i64,
    /// The record's generation after the operation.
    pub generation: u64,
    /// The milliseconds for which a circuit refuses attempts after the operation; negative while a probe is running.
    pub refusal: i64,
}

impl ScriptReply {
    /// `None` if no rule gives a time as long as that: a server could refuse for ever with it.
    fn span(&self) -> Option<Duration> {
        u64::try_from(self.wait).ok().map(Duration::from_millis).filter(|span| *span <= LONGEST)
    }

    /// Why the circuit refuses attempts after the operation, if it does. The outer `None` is for a reply that no rule
    /// gives.
    pub fn refusal(&self) -> Option<Option<Refusal>> {
        let wait = Duration::from_millis(self.refusal.unsigned_abs());
        let cause = if self.refusal < 0 { RefusalCause::ProbeRunning } else { RefusalCause::Open };
        (wait <= LONGEST).then_some((!wait.is_zero()).then_some(Refusal { wait, cause }))
    }

    /// The reply as a refusal; `None` if it is another one, or none that a rule gives.
    fn as_refusal(&self) -> Option<Refusal> {
        let cause = match self.result.as_str() {
            "open" => RefusalCause::Open,
            "probing" => RefusalCause::ProbeRunning,
            _ => return None,
        };
        self.span().map(|wait| Refusal { wait, cause })
    }

    fn wait(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.wait).unwrap_or(u64::MAX))
    }
}

/// Asks whether an attempt may start now.
#[derive(Debug)]
pub struct Admit {
    /// The lease that a probe gets; at least 1 s.
    pub lease: Duration,
}

/// Asks whether an attempt would be refused.
#[derive(Debug)]
pub struct QueryRefusal;

/// Records the result of an attempt.
#[derive(Debug)]
pub struct RecordResult<'a> {
    /// The attempt's ticket.
    pub ticket: Ticket,
    /// The attempt's result.
    pub result: Observation,
    /// The settings of the breaker that counts it.
    pub settings: &'a BreakerSettings,
    /// For the jitter.
    pub random: &'a mut Random,
}

/// Records the result of an attempt, and asks whether the next one would be refused.
#[derive(Debug)]
pub struct RecordAndQuery<'a>(pub RecordResult<'a>);

/// The reply to [`RecordAndQuery`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedRefusal {
    /// What became of the result.
    pub recorded: Recorded,
    /// Why an attempt would be refused now.
    pub refusal: Option<Refusal>,
}

/// When the second operation of a pair is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Whatever the breaker says.
    Always,
    /// Only if the circuit would admit an attempt after the first one.
    UnlessRefused,
}

/// The replies to a pair of operations.
#[derive(Debug)]
pub struct PairReply<T> {
    /// What the breaker did.
    pub first: StoreReply<RecordedRefusal>,
    /// `None` if the condition was not met.
    pub second: Option<StoreReply<T>>,
}

/// Renews the lease of a probe that still runs.
#[derive(Debug)]
pub struct Renew {
    /// The probe's ticket.
    pub ticket: Ticket,
}

/// Takes a token for a retry.
#[derive(Debug)]
pub struct Pay {
    /// The settings of the bucket.
    pub settings: BudgetSettings,
}

/// Adds the fraction of a token that a success earns.
#[derive(Debug)]
pub struct Deposit {
    /// The settings of the bucket.
    pub settings: BudgetSettings,
}

impl Operation for Admit {
    type State = Circuit;
    type Reply = Admission;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Admission {
        state.admit(now, self.lease)
    }

    fn encode(&mut self) -> String {
        let lease = self.lease.max(circuit::SHORTEST_LEASE);
        encode_breaker("admit", None, lease, None, 0)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Admission> {
        match reply.result.as_str() {
            "closed" => Some(Admission::Closed(Ticket::of(reply.generation))),
            "probe" => Some(Admission::Probe(Ticket::of(reply.generation))),
            _ => reply.as_refusal().map(Admission::Refused),
        }
    }
}

impl Operation for QueryRefusal {
    type State = Circuit;
    type Reply = Option<Refusal>;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Option<Refusal> {
        state.refusal(now)
    }

    fn encode(&mut self) -> String {
        encode_breaker("refusal", None, Duration::ZERO, None, 0)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Option<Refusal>> {
        match reply.result.as_str() {
            "none" => Some(None),
            _ => reply.as_refusal().map(Some),
        }
    }
}

impl Operation for RecordResult<'_> {
    type State = Circuit;
    type Reply = Recorded;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Recorded {
        state.record(self.ticket, self.result, now, self.settings, self.random)
    }

    fn encode(&mut self) -> String {
        let verb = match self.result {
            Observation::Success => "success",
            Observation::Failure => "failure",
            Observation::Neutral => "nothing",
        };
        let draw = circuit::jitter_draw(self.random);
        encode_breaker(verb, Some(self.ticket), Duration::ZERO, Some(self.settings), draw)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Recorded> {
        match reply.result.as_str() {
            "counted" => Some(Recorded::Counted),
            "opened" => Some(Recorded::Opened { wait: reply.span()? }),
            "recovered" => Some(Recorded::Closed),
            "given back" => Some(Recorded::GivenBack),
            "late" => Some(Recorded::Late),
            _ => None,
        }
    }
}

impl Operation for RecordAndQuery<'_> {
    type State = Circuit;
    type Reply = RecordedRefusal;

    fn fresh(&self, now: Timestamp) -> Circuit {
        self.0.fresh(now)
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> RecordedRefusal {
        RecordedRefusal { recorded: self.0.apply(state, now), refusal: state.refusal(now) }
    }

    fn encode(&mut self) -> String {
        self.0.encode()
    }

    fn decode(&self, reply: &ScriptReply) -> Option<RecordedRefusal> {
        Some(RecordedRefusal { recorded: self.0.decode(reply)?, refusal: reply.refusal()? })
    }
}

impl Operation for Renew {
    type State = Circuit;
    type Reply = Renewal;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Renewal {
        state.renew(self.ticket, now)
    }

    fn encode(&mut self) -> String {
        encode_breaker("renew", Some(self.ticket), Duration::ZERO, None, 0)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Renewal> {
        match reply.result.as_str() {
            "kept" => Some(Renewal::Kept),
            "late" => Some(Renewal::Lost),
            _ => None,
        }
    }
}

fn encode_breaker(
    verb: &str,
    ticket: Option<Ticket>,
    lease: Duration,
    settings: Option<&BreakerSettings>,
    draw: u64,
) -> String {
    let settings = settings.copied().unwrap_or_default();
    let (ticket, lease) = (ticket.map_or(0, Ticket::generation), millis(lease));
    let (threshold, window, part) = match settings.trip {
        Trip::InARow { failures, window } => (failures, window, 0),
        Trip::Rate { thousandths, minimum, window } => (minimum, Some(window), thousandths),
    };
    // 0 is no window. The shortest buckets have 1 ms, for shorter windows than 10 ms too.
    let window = window.map_or(0, |window| millis(window).max(1));
    let open = millis(settings.open);
    format!("{verb} {ticket} {lease} {threshold} {open} {draw} {window} {part}")
}

impl Operation for Pay {
    type State = Bucket;
    type Reply = Payment;

    fn fresh(&self, now: Timestamp) -> Bucket {
        Bucket::fresh(now, &self.settings)
    }

    fn apply(&mut self, state: &mut Bucket, now: Timestamp) -> Payment {
        state.pay(now, &self.settings)
    }

    fn cut_to_machine(&mut self) {
        self.settings = on_machine(&self.settings);
    }

    fn encode(&mut self) -> String {
        encode_budget("pay", &self.settings)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Payment> {
        match reply.result.as_str() {
            "paid" => Some(Payment::Paid),
            "empty" => Some(Payment::Empty { wait: reply.wait() }),
            _ => None,
        }
    }
}

impl Operation for Deposit {
    type State = Bucket;
    type Reply = ();

    fn fresh(&self, now: Timestamp) -> Bucket {
        Bucket::fresh(now, &self.settings)
    }

    fn apply(&mut self, state: &mut Bucket, now: Timestamp) {
        state.deposit(now, &self.settings);
    }

    fn cut_to_machine(&mut self) {
        self.settings = on_machine(&self.settings);
    }

    fn encode(&mut self) -> String {
        encode_budget("deposit", &self.settings)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<()> {
        (reply.result == "done").then_some(())
    }
}

/// The budget of a machine whose server cannot be used: one retry, and the next one a minute later. In the simulation of
/// docs/fleet.md more than that makes an outage longer.
fn on_machine(settings: &BudgetSettings) -> BudgetSettings {
    let one = BudgetSettings::new(1, 0.0).burst;
    BudgetSettings { burst: settings.burst.min(one), deposit: settings.deposit.min(one) }
}

fn encode_budget(verb: &str, settings: &BudgetSettings) -> String {
    format!("{verb} {} {}", settings.burst, settings.deposit)
}
