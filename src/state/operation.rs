//! What can be asked of a shared state: each operation is put to the rules in `core`, or, as words and
//! numbers, to the server that has the same rules. It owns the translation and no rule.

use super::record::Kept;
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{
    self, Admission, BreakerSettings, Circuit, Observation, Recorded, Renewal, Ticket,
};
use retry_loop::random::Random;
use retry_loop::timestamp::{LONGEST, Timestamp, millis};
use std::time::Duration;

/// One operation: one atomic step in any store.
pub trait Operation {
    /// The state that it is put to.
    type State: Kept;
    /// The answer.
    type Reply;

    /// The state where there is none yet.
    fn fresh(&self, now: Timestamp) -> Self::State;

    /// Puts it to the rules.
    fn apply(&mut self, state: &mut Self::State, now: Timestamp) -> Self::Reply;

    /// It as a word and numbers, for the script of this kind of state.
    fn encode(&mut self) -> String;

    /// The answer of the script; none if it makes no sense.
    fn decode(&self, reply: &ScriptReply) -> Option<Self::Reply>;
}

/// What a script answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptReply {
    /// One of its words.
    pub word: String,
    /// Milliseconds; negative for never.
    pub wait: i64,
    /// The generation after it.
    pub generation: u64,
}

impl ScriptReply {
    /// None if no rule gives so long a time: a server could refuse for ever with it.
    fn span(&self) -> Option<Duration> {
        u64::try_from(self.wait).ok().map(Duration::from_millis).filter(|span| *span <= LONGEST)
    }

    /// Negative for never.
    fn wait(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.wait).unwrap_or(u64::MAX))
    }
}

/// May an attempt start now? A probe gets its slot for so long.
#[derive(Debug)]
pub struct Admit {
    /// At least 1 s.
    pub lease: Duration,
}

/// For how long would an attempt be refused?
#[derive(Debug)]
pub struct Refusal;

/// An attempt ended.
#[derive(Debug)]
pub struct Record<'a> {
    /// Which one.
    pub ticket: Ticket,
    /// How.
    pub result: Observation,
    /// By whose settings it counts.
    pub settings: &'a BreakerSettings,
    /// For the jitter.
    pub random: &'a mut Random,
}

/// A probe still runs.
#[derive(Debug)]
pub struct Renew {
    /// Which one.
    pub ticket: Ticket,
}

/// A retry asks for its token.
#[derive(Debug)]
pub struct Pay<'a> {
    /// Of which bucket.
    pub settings: &'a BudgetSettings,
}

/// A success puts its part of a token in.
#[derive(Debug)]
pub struct Deposit<'a> {
    /// Into which bucket.
    pub settings: &'a BudgetSettings,
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
        match reply.word.as_str() {
            "closed" => Some(Admission::Closed(Ticket::of(reply.generation))),
            "probe" => Some(Admission::Probe(Ticket::of(reply.generation))),
            "refused" => Some(Admission::Refused { wait: reply.span()? }),
            _ => None,
        }
    }
}

impl Operation for Refusal {
    type State = Circuit;
    type Reply = Option<Duration>;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Option<Duration> {
        state.refusal(now)
    }

    fn encode(&mut self) -> String {
        encode_breaker("refusal", None, Duration::ZERO, None, 0)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Option<Duration>> {
        match reply.word.as_str() {
            "refused" => Some(Some(reply.span()?)),
            "none" => Some(None),
            _ => None,
        }
    }
}

impl Operation for Record<'_> {
    type State = Circuit;
    type Reply = Recorded;

    fn fresh(&self, _now: Timestamp) -> Circuit {
        Circuit::fresh()
    }

    fn apply(&mut self, state: &mut Circuit, now: Timestamp) -> Recorded {
        state.record(self.ticket, self.result, now, self.settings, self.random)
    }

    fn encode(&mut self) -> String {
        let word = match self.result {
            Observation::Success => "success",
            Observation::Failure => "failure",
            Observation::Neutral => "nothing",
        };
        let draw = circuit::jitter_draw(self.random);
        encode_breaker(word, Some(self.ticket), Duration::ZERO, Some(self.settings), draw)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Recorded> {
        match reply.word.as_str() {
            "counted" => Some(Recorded::Counted),
            "opened" => Some(Recorded::Opened { wait: reply.span()? }),
            "recovered" => Some(Recorded::Closed),
            "given back" => Some(Recorded::GivenBack),
            "late" => Some(Recorded::Late),
            _ => None,
        }
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
        match reply.word.as_str() {
            "kept" => Some(Renewal::Kept),
            "late" => Some(Renewal::Lost),
            _ => None,
        }
    }
}

fn encode_breaker(
    word: &str,
    ticket: Option<Ticket>,
    lease: Duration,
    settings: Option<&BreakerSettings>,
    draw: u64,
) -> String {
    let settings = settings.copied().unwrap_or_default();
    let (ticket, lease) = (ticket.map_or(0, Ticket::generation), millis(lease));
    let (failures, open) = (settings.failures, millis(settings.open));
    format!("{word} {ticket} {lease} {failures} {open} {draw}")
}

impl Operation for Pay<'_> {
    type State = Bucket;
    type Reply = Payment;

    fn fresh(&self, now: Timestamp) -> Bucket {
        Bucket::fresh(now, self.settings)
    }

    fn apply(&mut self, state: &mut Bucket, now: Timestamp) -> Payment {
        state.pay(now, self.settings)
    }

    fn encode(&mut self) -> String {
        encode_budget("pay", self.settings)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<Payment> {
        match reply.word.as_str() {
            "paid" => Some(Payment::Paid),
            "empty" => Some(Payment::Empty { wait: reply.wait() }),
            _ => None,
        }
    }
}

impl Operation for Deposit<'_> {
    type State = Bucket;
    type Reply = ();

    fn fresh(&self, now: Timestamp) -> Bucket {
        Bucket::fresh(now, self.settings)
    }

    fn apply(&mut self, state: &mut Bucket, now: Timestamp) {
        state.deposit(now, self.settings);
    }

    fn encode(&mut self) -> String {
        encode_budget("deposit", self.settings)
    }

    fn decode(&self, reply: &ScriptReply) -> Option<()> {
        (reply.word == "done").then_some(())
    }
}

fn encode_budget(word: &str, settings: &BudgetSettings) -> String {
    format!("{word} {} {}", settings.burst, settings.deposit)
}
