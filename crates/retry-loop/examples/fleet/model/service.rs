//! The service: one queue in the order of arrival, a capacity, and the faults.

use super::measure::Measured;
use super::{Fault, Micros, SECOND};
use retry_loop::random::Random;
use std::ops::Range;

/// A client gives up after this; the server does not know and works on to the end.
pub const TIMEOUT: Micros = 3 * SECOND;

/// What a request takes apart from the time in the queue: the network, and work that needs no shared capacity.
const LATENCY: Micros = SECOND / 10;

/// A host that is up refuses a connection so fast.
const REFUSAL: Micros = SECOND / 50;

/// One request in a hundred fails by itself.
const FAILS_BY_ITSELF: f64 = 0.01;

/// What fails in a flaky service.
const FLAKY: f64 = 0.2;

/// The queue holds what takes so many seconds at full capacity; what comes then is refused.
const QUEUE_SECONDS: f64 = 10.0;

/// What is left of the capacity in a brown-out.
const BROWN_OUT: f64 = 0.5;

/// What is left of the capacity with cold caches.
const COLD: f64 = 0.3;

/// After the work of so many seconds at full capacity, the caches are 63 % warm.
const WARM_SECONDS: f64 = 10.0;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With what was asked for.
    Good,
    /// With an error, or with none.
    Refused,
    /// Not before the client gave up.
    TooLate,
}

/// The state of the service.
pub struct Service {
    fault: Fault,
    /// The seconds of the fault.
    when: Range<u64>,
    /// Requests in a second.
    capacity: f64,
    /// When it is done with all that is in the queue, in seconds.
    busy_until: f64,
    /// Requests that it has worked on since its restart.
    warmed_by: f64,
}

impl Service {
    /// One for `capacity` requests in a second, with a fault in these seconds.
    pub fn new(fault: Fault, when: Range<u64>, capacity: f64) -> Self {
        Self { fault, when, capacity, busy_until: 0.0, warmed_by: 0.0 }
    }

    /// A request that is sent at `now`: how it ends, and when.
    pub fn request(&mut self, now: Micros, random: &mut Random, measured: &mut Measured) -> (Answer, Micros) {
        measured.request(now);
        if self.is_down(now) {
            return (Answer::Refused, now + REFUSAL);
        }
        let arrived = now as f64 / SECOND as f64;
        let begins = self.busy_until.max(arrived);
        if self.busy_until - arrived > QUEUE_SECONDS * self.capacity / self.speed(begins) {
            return (Answer::Refused, now + LATENCY);
        }
        let done = begins + 1.0 / self.speed(begins);
        self.busy_until = done;
        let answered = (done * SECOND as f64) as Micros + LATENCY;
        // The crash ends what is in the queue.
        let crash = self.when.start * SECOND;
        if self.fault == Fault::Crash && now < crash && answered >= crash {
            self.busy_until = self.when.end as f64;
            return (Answer::Refused, crash.min(now + TIMEOUT));
        }
        if now >= self.when.end * SECOND {
            self.warmed_by += 1.0;
        }
        let in_time = answered <= now + TIMEOUT;
        measured.worked(in_time);
        if !in_time {
            (Answer::TooLate, now + TIMEOUT)
        } else if random.unit() < self.failing_part(now) {
            (Answer::Refused, answered)
        } else {
            (Answer::Good, answered)
        }
    }

    fn failing_part(&self, now: Micros) -> f64 {
        if self.fault == Fault::Flaky && self.when.contains(&(now / SECOND)) {
            FLAKY
        } else {
            FAILS_BY_ITSELF
        }
    }

    fn is_down(&self, now: Micros) -> bool {
        self.fault == Fault::Crash && self.when.contains(&(now / SECOND))
    }

    /// Requests in a second, for one that begins at `begins` seconds.
    fn speed(&self, begins: f64) -> f64 {
        let part = match self.fault {
            Fault::BrownOut if self.when.contains(&(begins as u64)) => BROWN_OUT,
            Fault::Crash if begins >= self.when.end as f64 => {
                1.0 - (1.0 - COLD) * (-self.warmed_by / (WARM_SECONDS * self.capacity)).exp()
            }
            Fault::BrownOut | Fault::Crash | Fault::Flaky => 1.0,
        };
        self.capacity * part
    }
}
