//! One answer of a server, as far as it was printed: its status, what its headers and its body ask for. Owns
//! which of several demands counts.

use super::amount::RequestedDelay;
use super::field::{Context, Exact, Says};
use super::value::Place;
use retry_loop::server_hint::ServerHint;
use std::time::{Duration, SystemTime};

/// More limits than this in one answer are noise.
const MOST_LIMITS: usize = 16;

/// What one answer asked for.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// `None` where output begins with something else.
    status: Option<u16>,
    asked: Option<(Rank, RequestedDelay)>,
    limits: Vec<Limit>,
    /// What the limits of headers that have ended ask for.
    resets: Vec<RequestedDelay>,
    exhausted: Option<&'static str>,
}

/// How much a demand counts beside another one of the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Of headers that have ended.
    Older,
    Exact(Exact),
}

/// A limit on requests, as its headers say.
#[derive(Debug, Clone)]
struct Limit {
    of: String,
    remaining: Remaining,
    reset: Option<(Exact, RequestedDelay)>,
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remaining {
    Unknown,
    Nothing,
    Something,
}

impl Answer {
    /// An answer with this status.
    pub fn new(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// What its lines are.
    pub fn context(&self) -> Context {
        let failed = self.status.is_some_and(|status| status >= 400);
        if failed { Context::FailedAnswer } else { Context::Unknown }
    }

    /// Whether it has limits of which more may come.
    pub fn is_in_headers(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether nothing would change if it had asked for nothing.
    pub fn asks_for_nothing(&self) -> bool {
        self.asked.is_none() && self.limits.is_empty() && self.resets.is_empty() && self.exhausted.is_none()
    }

    /// It says in these words that waiting will not help.
    pub fn exhaust(&mut self, words: &'static str) {
        self.exhausted = Some(words);
    }

    /// Whether its headers can ask for something: an answer that has succeeded or leads elsewhere did not
    /// fail. 202 says that the work goes on, and when to ask for it.
    fn has_a_say(&self) -> bool {
        self.status.is_none_or(|status| status >= 400 || status == 202)
    }

    pub fn field(&mut self, says: Says, place: Place) {
        if place == Place::Header && !self.has_a_say() {
            return;
        }
        match says {
            Says::After { asked, exact } => self.ask(asked, Rank::Exact(exact)),
            Says::Remaining { of, nothing } => {
                if let Some(limit) = self.limit(of) {
                    limit.remaining = if nothing { Remaining::Nothing } else { Remaining::Something };
                }
            }
            Says::Reset { of, asked, exact } => {
                if let Some(limit) = self.limit(of)
                    && limit.reset.is_none_or(|(other, _)| exact >= other)
                {
                    limit.reset = Some((exact, asked));
                }
            }
        }
    }

    /// The last one counts, unless the one before was more exact.
    pub fn ask(&mut self, asked: RequestedDelay, rank: Rank) {
        let nothing = asked == RequestedDelay::In(Duration::ZERO);
        if !nothing && self.asked.is_none_or(|(other, _)| rank >= other) {
            self.asked = Some((rank, asked));
        }
    }

    fn limit(&mut self, of: String) -> Option<&mut Limit> {
        let at = match self.limits.iter().position(|limit| limit.of == of) {
            Some(at) => at,
            None if self.limits.len() < MOST_LIMITS => {
                self.limits.push(Limit { of, remaining: Remaining::Unknown, reset: None });
                self.limits.len() - 1
            }
            None => return None,
        };
        self.limits.get_mut(at)
    }

    /// Limits that nothing is left of. Where an answer says 429 and names just one limit, it is that one.
    fn exhausted_limits(&self) -> impl Iterator<Item = RequestedDelay> {
        let alone = self.status == Some(429) && self.limits.len() == 1;
        self.limits.iter().filter_map(move |limit| {
            let counts =
                limit.remaining == Remaining::Nothing || limit.remaining == Remaining::Unknown && alone;
            limit.reset.filter(|_| counts).map(|(_, asked)| asked)
        })
    }

    /// Behind its headers, an answer has a body, and a new header is one of another answer.
    pub fn end_headers(&mut self) {
        let resets: Vec<RequestedDelay> = self.exhausted_limits().collect();
        if !resets.is_empty() {
            self.resets = resets;
        }
        self.limits.clear();
        if let Some((rank, _)) = &mut self.asked {
            *rank = Rank::Older;
        }
    }

    pub fn hint(&self, now: SystemTime) -> ServerHint {
        if let Some(words) = self.exhausted {
            return ServerHint::QuotaExhausted(words);
        }
        let asked = self.asked.and_then(|(_, asked)| asked.left(now));
        let limits = self.exhausted_limits().chain(self.resets.iter().copied());
        let reset = limits.filter_map(|asked| asked.left(now)).max();
        asked.or(reset).map_or(ServerHint::None, ServerHint::Wait)
    }
}
