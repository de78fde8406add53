//! The circuit breaker and the retry budget of a run, as the loop uses them.

use crate::core::shared::SharedConfig;
use crate::run::event::{CircuitChange, Event, Observer};
use crate::state::shared::{Gate, Permit, SharedState};
use retry_loop::bucket::Payment;
use retry_loop::circuit::{DEFAULT_LEASE, Observation, Recorded, Refusal};
use retry_loop::random::Random;
use retry_loop::run::{Admission, Guard, Permission};
use std::time::Duration;

/// The shared state of a run, and the permit of the current attempt.
#[derive(Debug)]
pub struct SharedGuard {
    state: SharedState,
    permit: Permit,
    /// When to renew the permit, as time since the start of the run; `None` if it needs no renewal.
    renewal: Option<Duration>,
    /// What the current attempt did to the circuit, until the loop has asked for it.
    pub change: Option<CircuitChange>,
    /// How long a probe may take without a renewal of its permit.
    lease: Duration,
}

impl SharedGuard {
    /// A guard that has not used the shared state yet. The lease of a probe covers the longest attempt; without a time
    /// limit the permit is renewed.
    pub fn new(config: &SharedConfig, longest_attempt: Option<Duration>) -> Self {
        let lease = longest_attempt.unwrap_or(DEFAULT_LEASE).min(DEFAULT_LEASE);
        Self {
            state: SharedState::new(config),
            permit: Permit::Unguarded,
            renewal: None,
            change: None,
            lease,
        }
    }

    /// When to renew the permit, as time since the start of the run; `None` if it needs no renewal.
    pub fn renewal(&self) -> Option<Duration> {
        self.renewal
    }

    /// The permit, to be given back with the result of its attempt.
    fn give_back(&mut self) -> Permit {
        self.renewal = None;
        std::mem::replace(&mut self.permit, Permit::Unguarded)
    }
}

/// The guard of a run at a given time. The observer gets a warning as soon as the shared state cannot be used.
pub struct GuardNow<'a, O> {
    /// `None` if the run has no circuit breaker and no retry budget.
    pub guard: Option<&'a mut SharedGuard>,
    /// Time since the start of the run.
    pub now: Duration,
    /// Gets the warnings.
    pub observer: &'a mut dyn Observer<O>,
}

impl<O> GuardNow<'_, O> {
    /// The guard, and a function that passes a warning to the observer.
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

/// What is worth a message of what became of a result.
fn change(recorded: Recorded) -> Option<CircuitChange> {
    match recorded {
        Recorded::Opened { wait } => Some(CircuitChange::Opened { wait }),
        Recorded::Closed => Some(CircuitChange::Closed),
        Recorded::Counted | Recorded::GivenBack | Recorded::Late => None,
    }
}

impl<O> Guard for GuardNow<'_, O> {
    fn admit(&mut self) -> Admission {
        let now = self.now;
        let Some((guard, warn)) = self.guard() else { return Admission::Admitted };
        match guard.state.admit(guard.lease, warn) {
            Gate::Pass(permit) => {
                guard.permit = permit;
                guard.change = matches!(permit, Permit::Probe { .. }).then_some(CircuitChange::Probing);
                guard.renewal = permit.renewal().map(|every| now + every);
                Admission::Admitted
            }
            Gate::Refused(refusal) => Admission::Refused(refusal),
        }
    }

    fn refusal(&mut self) -> Option<Refusal> {
        let (guard, warn) = self.guard()?;
        guard.state.refusal(warn)
    }

    fn record(&mut self, observation: Observation, random: &mut Random) {
        let Some((guard, warn)) = self.guard() else { return };
        let permit = guard.give_back();
        guard.change = guard.state.record(permit, observation, random, warn).and_then(change);
    }

    fn pay(&mut self) -> Payment {
        let Some((guard, warn)) = self.guard() else { return Payment::Paid };
        guard.state.pay(warn)
    }

    fn deposit(&mut self) {
        let Some((guard, warn)) = self.guard() else { return };
        guard.state.deposit(warn);
    }

    fn record_and_deposit(&mut self, observation: Observation, random: &mut Random) {
        let Some((guard, warn)) = self.guard() else { return };
        let permit = guard.give_back();
        let recorded = guard.state.record_and_deposit(permit, observation, random, warn);
        guard.change = recorded.and_then(change);
    }

    fn record_and_pay(&mut self, observation: Observation, random: &mut Random) -> Permission {
        let Some((guard, warn)) = self.guard() else { return Permission::Granted };
        let permit = guard.give_back();
        let (recorded, permission) = guard.state.record_and_pay(permit, observation, random, warn);
        guard.change = recorded.and_then(change);
        permission
    }
}
