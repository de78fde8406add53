//! The circuit breaker and the retry budget of a run, as the loop asks for them.

use crate::core::shared::SharedConfig;
use crate::run::event::{Event, Observer};
use crate::state::shared::{Answer, Gate, Permit, Shared};
use retry_loop::bucket::Payment;
use retry_loop::circuit::{DEFAULT_LEASE, Observation};
use retry_loop::random::Random;
use retry_loop::run::{Admission, Guard};
use std::time::Duration;

/// What a run shares with others, and its permit to attempt.
#[derive(Debug)]
pub struct SharedGuard {
    shared: Shared,
    /// For the attempt that runs.
    permit: Permit,
    /// When the permit has to be renewed, as time since the start.
    renewal: Option<Duration>,
    /// How long a probe of an open circuit is alone.
    lease: Duration,
}

impl SharedGuard {
    /// Opens nothing yet. A probe's lease covers all that an attempt may take; without a limit it is renewed.
    pub fn new(config: &SharedConfig, longest_attempt: Option<Duration>) -> Self {
        let lease = longest_attempt.unwrap_or(DEFAULT_LEASE).min(DEFAULT_LEASE);
        Self { shared: Shared::new(config), permit: Permit::Unguarded, renewal: None, lease }
    }

    /// When the permit has to be renewed, as time since the start.
    pub fn renewal(&self) -> Option<Duration> {
        self.renewal
    }
}

/// The guard of a run, at a time since its start. `observer` is told where what is shared cannot be used.
pub struct GuardNow<'a, O> {
    /// None where nothing is shared.
    pub guard: Option<&'a mut SharedGuard>,
    /// Since the start.
    pub now: Duration,
    /// Whoever is told.
    pub observer: &'a mut dyn Observer<O>,
}

impl<O> GuardNow<'_, O> {
    fn ask<T>(&mut self, operation: impl FnOnce(&mut SharedGuard) -> Answer<T>) -> Option<T> {
        let Answer { decision, warning } = operation(self.guard.as_mut()?);
        if let Some(warning) = warning {
            self.observer.event(&Event::Warning { what: warning.to_string() });
        }
        Some(decision)
    }

    /// Renews the permit of a probe that still runs.
    pub fn renew(&mut self) {
        let now = self.now;
        self.ask(|guard| {
            let answer = guard.shared.renew(guard.permit);
            guard.renewal = guard.permit.renewal().map(|every| now + every);
            answer
        });
    }
}

impl<O> Guard for GuardNow<'_, O> {
    fn admit(&mut self) -> Admission {
        let now = self.now;
        let gate = self.ask(|guard| {
            let answer = guard.shared.admit(guard.lease);
            if let Gate::Pass(permit) = answer.decision {
                guard.permit = permit;
                guard.renewal = permit.renewal().map(|every| now + every);
            }
            answer
        });
        match gate {
            Some(Gate::Refused { wait }) => Admission::Refused { wait },
            Some(Gate::Pass(_)) | None => Admission::Admitted,
        }
    }

    fn refusal(&mut self) -> Option<Duration> {
        self.ask(|guard| guard.shared.refusal()).flatten()
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        self.ask(|guard| {
            let permit = std::mem::replace(&mut guard.permit, Permit::Unguarded);
            guard.renewal = None;
            guard.shared.record(permit, observation, random)
        });
    }

    fn pay(&mut self) -> Payment {
        self.ask(|guard| guard.shared.pay()).unwrap_or(Payment::Paid)
    }

    fn deposit(&mut self) {
        self.ask(|guard| guard.shared.deposit());
    }
}
