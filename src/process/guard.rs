//! The circuit breaker and the retry budget of a run, as the loop uses them.

use crate::core::shared::SharedConfig;
use crate::run::event::{Event, Observer};
use crate::state::shared::{Gate, Permit, SharedState};
use retry_loop::bucket::Payment;
use retry_loop::circuit::{DEFAULT_LEASE, Observation};
use retry_loop::random::Random;
use retry_loop::run::{Admission, Guard};
use std::time::Duration;

/// The shared state of a run, and the permit of the attempt that runs.
#[derive(Debug)]
pub struct SharedGuard {
    state: SharedState,
    permit: Permit,
    /// When to renew the permit, as time since the start of the run; `None` if it needs no renewal.
    renewal: Option<Duration>,
    /// The lease of a probe.
    lease: Duration,
}

impl SharedGuard {
    /// Opens nothing yet. A probe's lease covers the longest attempt; without a time limit it is renewed.
    pub fn new(config: &SharedConfig, longest_attempt: Option<Duration>) -> Self {
        let lease = longest_attempt.unwrap_or(DEFAULT_LEASE).min(DEFAULT_LEASE);
        Self { state: SharedState::new(config), permit: Permit::Unguarded, renewal: None, lease }
    }

    /// When to renew the permit, as time since the start of the run; `None` if it needs no renewal.
    pub fn renewal(&self) -> Option<Duration> {
        self.renewal
    }
}

/// The guard of a run at a given time. The observer is told at once when the shared state cannot be used.
pub struct GuardNow<'a, O> {
    /// `None` where nothing is shared.
    pub guard: Option<&'a mut SharedGuard>,
    /// Time since the start of the run.
    pub now: Duration,
    /// Gets the warnings.
    pub observer: &'a mut dyn Observer<O>,
}

impl<O> GuardNow<'_, O> {
    /// The guard, and what passes a warning to the observer; `None` where nothing is shared.
    fn guard(&mut self) -> Option<(&mut SharedGuard, impl FnOnce(String))> {
        let guard = self.guard.as_deref_mut()?;
        Some((guard, |what| self.observer.event(&Event::Warning { what })))
    }

    /// Renews the permit of a probe that still runs.
    pub fn renew(&mut self) {
        let now = self.now;
        let Some((guard, warn)) = self.guard() else { return };
        guard.state.renew(guard.permit, warn);
        guard.renewal = guard.permit.renewal().map(|every| now + every);
    }
}

impl<O> Guard for GuardNow<'_, O> {
    fn admit(&mut self) -> Admission {
        let now = self.now;
        let Some((guard, warn)) = self.guard() else { return Admission::Admitted };
        match guard.state.admit(guard.lease, warn) {
            Gate::Pass(permit) => {
                guard.permit = permit;
                guard.renewal = permit.renewal().map(|every| now + every);
                Admission::Admitted
            }
            Gate::Refused { wait } => Admission::Refused { wait },
        }
    }

    fn refusal(&mut self) -> Option<Duration> {
        let (guard, warn) = self.guard()?;
        guard.state.refusal(warn)
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        let Some((guard, warn)) = self.guard() else { return };
        let permit = std::mem::replace(&mut guard.permit, Permit::Unguarded);
        guard.renewal = None;
        guard.state.record(permit, observation, random, warn);
    }

    fn pay(&mut self) -> Payment {
        let Some((guard, warn)) = self.guard() else { return Payment::Paid };
        guard.state.pay(warn)
    }

    fn deposit(&mut self) {
        let Some((guard, warn)) = self.guard() else { return };
        guard.state.deposit(warn);
    }
}
