//! The transitions of the circuit breaker: after too many failures it refuses all attempts for a while, then admits
//! one as a probe. A store keeps the state and reads the clock.
//!
//! ```text
//!            too many failures          time is up, one probe
//!   Closed ----------------------> Open ----------------------> HalfOpen
//!     ^                             ^ ^---- probe given back ---- | |  ^ the lease ran out:
//!     |                             '------ probe failed -------- | '--' another probe
//!     '------------------------------------ probe succeeded ------'
//! ```
//!
//! Each arrow starts a new *generation*. A ticket carries the generation in which its attempt was
//! admitted; a result from an older one says nothing about the present, and is ignored.
//!
//! # The state of a closed circuit
//!
//! All that is kept is [`Phase::Closed`]: the failures since the last success, `failures`, and the results of the
//! last while in ten buckets, `recent` ([`Recent`]: `width`, `newest`, and ten times `successes` and `failures`).
//! A transition to closed starts with all of them 0. A neutral result changes nothing. Otherwise, at the time `now`:
//!
//! 1. *Count.* A success sets `failures` to 0; a failure adds 1 to it. For a [`Trip::InARow`] with a window, a failure
//!    is counted in `recent` as well, and a success is not: a success after a success changes nothing, so there is
//!    nothing to write. For a [`Trip::Rate`], both are counted in `recent`. Without a window `recent` is left alone.
//! 2. *Counting in `recent`*: with `number = floor(now / width)` and `distance = |number - newest|`:
//!    if `width` is not 0 and `distance >= 10`, all counts become 0 and `newest = number`; otherwise, if
//!    `number > newest`, the buckets move by `distance` places, the newest ones become 0, and `newest = number`.
//!    Then, with `own = max(1, floor(window / 10))`: if `width` is not `own` and no bucket has a failure, all counts
//!    become 0, `width = own`, `newest = floor(now / own)`. Then 1 is added in the newest bucket, up to 2^32 - 1.
//! 3. *Open?* Only a failure opens the circuit. With F and S, the sums of failures and successes in `recent`:
//!    - in a row, no window: `failures >= threshold`
//!    - in a row, in a window: `min(failures, F) >= threshold`. That is exact: the failures in a row are the last
//!      failures of all, and those in the window are, too; the smaller number is in both.
//!    - rate: `S + F >= minimum` and `1000 * F >= thousandths * (S + F)`
//!
//! How long an attempt took plays no part: a slow success is a success. [`Recent`] says how exact the window is.

use super::random::Random;
use super::recent::Recent;
use super::timestamp::{Span, Timestamp, millis};
pub use super::trip::{DEFAULT_MINIMUM, DEFAULT_WINDOW, Trip};
use std::num::NonZeroU32;
use std::time::Duration;

/// The longest time that doubling leads to. An explicit longer [`BreakerSettings::open`] raises it.
///
/// An open circuit adds up to this time to an outage, and a probe costs next to nothing: one attempt in 24 s or more
/// for each name, however many share it.
const LONGEST_OPEN: Duration = Duration::from_secs(30);

/// How long a circuit is open at first where nothing is said about it.
///
/// In the simulation of docs/fleet.md (crashes of 15 to 100 s, a fleet with one circuit), 30 s that doubled up to ten
/// minutes made the recovery three times as long as without any retries; 5 s and at most 30 s make it as short.
pub const DEFAULT_OPEN: Duration = Duration::from_secs(5);

/// The lease of a probe without a time limit.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// The shortest lease: recording the result takes time, too.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(1);

/// A doubled open time is shortened by up to a fifth, so that breakers which opened together (on many
/// machines) do not probe together. It is never prolonged, so the cap is a cap.
const JITTER: u64 = 5;

/// The number of steps of the jitter: whole numbers, so that all stores get the same result.
const STEPS: u64 = 1024;

/// The settings of a breaker. Processes that share one should have the same; otherwise each one applies its own to the
/// transitions that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Which failures open it.
    pub trip: Trip,
    /// The time for which it opens at first, at most a week.
    pub open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        const FIVE: NonZeroU32 = NonZeroU32::new(5).unwrap();
        Self { trip: Trip::in_a_row(FIVE), open: DEFAULT_OPEN }
    }
}

/// The state of one breaker: small, of a fixed size, the same for every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circuit {
    /// Grows with every transition, from 0.
    pub generation: u64,
    /// Closed, open or half open.
    pub phase: Phase,
}

/// The phase of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All attempts are admitted.
    Closed {
        /// Failures in a row so far.
        failures: u32,
        /// The results of the last while.
        recent: Recent,
    },
    /// No attempt is admitted until the span is over.
    Open {
        /// The time for which the circuit is open.
        span: Span,
        /// The open time without jitter, in milliseconds. A failed probe doubles it.
        period: u64,
    },
    /// A probe is running.
    HalfOpen {
        /// The time in which no other probe is admitted. After it the probe counts as dead.
        lease: Span,
        /// The open time before this probe, in milliseconds.
        period: u64,
    },
}

impl Phase {
    /// Closed, with nothing counted yet.
    pub const CLOSED: Self = Self::Closed { failures: 0, recent: Recent::EMPTY };
}

/// The permission for one attempt, which is returned with its result. A ticket that is lost because its process was
/// killed does no harm: the lease of a probe runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    generation: u64,
}

/// The answer of [`Circuit::admit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The circuit is closed.
    Closed(Ticket),
    /// The attempt is the probe. [`Circuit::renew`] keeps its lease while it runs.
    Probe(Ticket),
    /// The circuit is open, or another probe is running.
    Refused(Refusal),
}

/// Why a circuit admits no attempt, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The time until it may admit one; more than 0. While a probe is running, that is the rest of its lease: its result
    /// may come sooner, and renewing the lease makes it later.
    pub wait: Duration,
    /// The reason.
    pub cause: RefusalCause,
}

/// Why a circuit admits no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCause {
    /// The circuit is open for some time.
    Open,
    /// The circuit is half open: another attempt probes it.
    ProbeRunning,
}

/// What a breaker learns from an attempt that it admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// The service works.
    Success,
    /// The service failed, or did not answer in time.
    Failure,
    /// Nothing: the attempt failed for a permanent reason, or was aborted.
    Neutral,
}

/// What [`Circuit::record`] did with an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was counted; the circuit stays closed.
    Counted,
    /// The circuit is open from now on.
    Opened {
        /// The time for which it is open.
        wait: Duration,
    },
    /// The probe succeeded: the circuit is closed again.
    Closed,
    /// The probe was neutral: the next attempt may be the probe.
    GivenBack,
    /// It came from an older generation, and was ignored.
    Late,
}

/// The answer of [`Circuit::renew`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The probe has another lease.
    Kept,
    /// The lease had run out, and another probe took over. The result will be ignored.
    Lost,
}

/// Draws the random part of [`Circuit::record`]: a whole number below 1024.
pub fn jitter_draw(random: &mut Random) -> u64 {
    (random.unit() * STEPS as f64) as u64
}

impl Ticket {
    /// The generation in which it was given out.
    pub const fn generation(self) -> u64 {
        self.generation
    }

    /// The ticket that a store gave out in this generation.
    pub const fn of(generation: u64) -> Self {
        Self { generation }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self::fresh()
    }
}

impl Circuit {
    /// A closed circuit without failures.
    pub const fn fresh() -> Self {
        Self { generation: 0, phase: Phase::CLOSED }
    }

    /// Says whether an attempt may start at `now`. If it is the probe, it gets a lease of `lease` (at least 1 s).
    pub fn admit(&mut self, now: Timestamp, lease: Duration) -> Admission {
        let period = match &mut self.phase {
            Phase::Closed { .. } => return Admission::Closed(self.ticket()),
            Phase::Open { span, period } | Phase::HalfOpen { lease: span, period } => {
                *span = span.clamped(now);
                *period
            }
        };
        if let Some(refusal) = self.refusal(now) {
            return Admission::Refused(refusal);
        }
        self.go(now, Phase::HalfOpen { lease: Span::new(now, lease.max(SHORTEST_LEASE)), period });
        Admission::Probe(self.ticket())
    }

    /// Why [`Self::admit`] would refuse an attempt; none if it would admit one. Changes nothing.
    pub fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        let (span, cause) = match self.phase {
            Phase::Closed { .. } => return None,
            Phase::Open { span, .. } => (span, RefusalCause::Open),
            Phase::HalfOpen { lease, .. } => (lease, RefusalCause::ProbeRunning),
        };
        let wait = span.left(now);
        (!wait.is_zero()).then_some(Refusal { wait, cause })
    }

    /// Records the end of the attempt that got `ticket`.
    pub fn record(
        &mut self,
        ticket: Ticket,
        result: Observation,
        now: Timestamp,
        settings: &BreakerSettings,
        random: &mut Random,
    ) -> Recorded {
        if ticket != self.ticket() {
            return Recorded::Late;
        }
        match (&mut self.phase, result) {
            (Phase::Closed { .. }, Observation::Neutral) => Recorded::Counted,
            (Phase::Closed { failures, recent }, Observation::Success) => {
                settings.trip.count_success(failures, recent, now);
                Recorded::Counted
            }
            (Phase::Closed { failures, recent }, Observation::Failure) => {
                settings.trip.count_failure(failures, recent, now);
                if !settings.trip.is_reached(*failures, recent) {
                    return Recorded::Counted;
                }
                self.open(now, millis(settings.open), settings.open)
            }
            (Phase::HalfOpen { .. }, Observation::Success) => {
                self.go(now, Phase::CLOSED);
                Recorded::Closed
            }
            (Phase::HalfOpen { period, .. }, Observation::Failure) => {
                let least = millis(settings.open);
                let period = period.saturating_mul(2).clamp(least, least.max(millis(LONGEST_OPEN)));
                let cut = (period / JITTER).saturating_mul(jitter_draw(random)) / STEPS;
                self.open(now, period, Duration::from_millis(period - cut))
            }
            (Phase::HalfOpen { period, .. }, Observation::Neutral) => {
                let period = *period;
                self.open(now, period, Duration::ZERO);
                Recorded::GivenBack
            }
            // No ticket has the generation of an open circuit.
            (Phase::Open { .. }, _) => Recorded::Late,
        }
    }

    /// Starts the lease of a probe anew at `now`. The ticket of a closed circuit has no lease: nothing changes.
    pub fn renew(&mut self, ticket: Ticket, now: Timestamp) -> Renewal {
        if ticket != self.ticket() {
            return Renewal::Lost;
        }
        if let Phase::HalfOpen { lease, .. } = &mut self.phase {
            lease.from = now;
        }
        Renewal::Kept
    }

    fn open(&mut self, now: Timestamp, period: u64, wait: Duration) -> Recorded {
        let span = Span::new(now, wait);
        self.go(now, Phase::Open { span, period });
        Recorded::Opened { wait: Duration::from_millis(span.length) }
    }

    /// The generation follows the clock, so that a ticket from before a reset or the loss of the record does not fit the
    /// state that came after.
    fn go(&mut self, now: Timestamp, phase: Phase) {
        self.generation = self.generation.saturating_add(1).max(now.millis());
        self.phase = phase;
    }

    fn ticket(&self) -> Ticket {
        Ticket { generation: self.generation }
    }
}

#[cfg(test)]
mod tests;
