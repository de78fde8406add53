//! One response of a server, as far as it was printed: its status, and the demands of its headers and its body. Decides
//! which of several demands counts.

use super::amount::RequestedDelay;
use super::field::{Context, FieldValue, Precision};
use super::value::Place;
use retry_loop::server_hint::ServerHint;
use std::time::{Duration, SystemTime};

/// The limits that are kept of one response; more are noise.
const MAX_LIMITS: usize = 16;

#[derive(Debug, Default, Clone)]
pub struct Response {
    /// `None` for output before the first status.
    status: Option<u16>,
    delay: Option<(Rank, RequestedDelay)>,
    limits: Vec<Limit>,
    /// The demands of limits in headers that have ended.
    resets: Vec<RequestedDelay>,
    exhausted: Option<&'static str>,
}

/// The precedence of a demand among others of the same response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// From headers that have ended.
    Older,
    Precision(Precision),
}

/// A limit on requests, by its headers.
#[derive(Debug, Clone)]
struct Limit {
    of: String,
    remaining: Remaining,
    reset: Option<(Precision, RequestedDelay)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remaining {
    Unknown,
    Nothing,
    Something,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    pub fn context(&self) -> Context {
        let failed = self.status.is_some_and(|status| status >= 400);
        if failed { Context::FailedResponse } else { Context::Unknown }
    }

    /// Whether headers of limits have come, and more may follow.
    pub fn is_in_headers(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether it has no demand at all.
    pub fn is_empty(&self) -> bool {
        self.delay.is_none() && self.limits.is_empty() && self.resets.is_empty() && self.exhausted.is_none()
    }

    /// Notes that waiting does not help, because of the quota of this name.
    pub fn exhaust(&mut self, quota: &'static str) {
        self.exhausted = Some(quota);
    }

    /// Whether its headers can ask for a delay: not in a success or a redirection. 202 means that the work goes on, and
    /// says when to ask for its result.
    fn may_ask_for_a_delay(&self) -> bool {
        self.status.is_none_or(|status| status >= 400 || status == 202)
    }

    pub fn field(&mut self, value: FieldValue, place: Place) {
        if place == Place::Header && !self.may_ask_for_a_delay() {
            return;
        }
        match value {
            FieldValue::RetryAfter { delay, precision } => self.demand(delay, Rank::Precision(precision)),
            FieldValue::Remaining { of, nothing } => {
                if let Some(limit) = self.limit(of) {
                    limit.remaining = if nothing { Remaining::Nothing } else { Remaining::Something };
                }
            }
            FieldValue::Reset { of, delay, precision } => {
                if let Some(limit) = self.limit(of)
                    && limit.reset.is_none_or(|(other, _)| precision >= other)
                {
                    limit.reset = Some((precision, delay));
                }
            }
        }
    }

    /// Adds a demand. The last one counts, unless an earlier one is more precise.
    pub fn demand(&mut self, delay: RequestedDelay, rank: Rank) {
        let nothing = delay == RequestedDelay::In(Duration::ZERO);
        if !nothing && self.delay.is_none_or(|(other, _)| rank >= other) {
            self.delay = Some((rank, delay));
        }
    }

    fn limit(&mut self, of: String) -> Option<&mut Limit> {
        let at = match self.limits.iter().position(|limit| limit.of == of) {
            Some(at) => at,
            None if self.limits.len() < MAX_LIMITS => {
                self.limits.push(Limit { of, remaining: Remaining::Unknown, reset: None });
                self.limits.len() - 1
            }
            None => return None,
        };
        self.limits.get_mut(at)
    }

    /// The resets of exhausted limits. The only limit of a response with status 429 counts as one.
    fn exhausted_limits(&self) -> impl Iterator<Item = RequestedDelay> {
        let alone = self.status == Some(429) && self.limits.len() == 1;
        self.limits.iter().filter_map(move |limit| {
            let counts =
                limit.remaining == Remaining::Nothing || limit.remaining == Remaining::Unknown && alone;
            limit.reset.filter(|_| counts).map(|(_, delay)| delay)
        })
    }

    /// Notes the end of the headers: the body follows, and a further header belongs to another response.
    pub fn end_headers(&mut self) {
        let resets: Vec<RequestedDelay> = self.exhausted_limits().collect();
        if !resets.is_empty() {
            self.resets = resets;
        }
        self.limits.clear();
        if let Some((rank, _)) = &mut self.delay {
            *rank = Rank::Older;
        }
    }

    pub fn hint(&self, now: SystemTime) -> ServerHint {
        if let Some(words) = self.exhausted {
            return ServerHint::QuotaExhausted(words);
        }
        let delay = self.delay.and_then(|(_, delay)| delay.left(now));
        let limits = self.exhausted_limits().chain(self.resets.iter().copied());
        let reset = limits.filter_map(|delay| delay.left(now)).max();
        delay.or(reset).map_or(ServerHint::None, ServerHint::Wait)
    }
}
