//! The arithmetic of the retry budget: a token bucket that limits the load which retries add, however many processes
//! retry. A store keeps the tokens.
//!
//! First attempts are never refused: only a retry asks for a token.

use super::timestamp::Timestamp;
use std::time::Duration;

/// Thousandths of a token: whole numbers, so that nothing is lost to rounding in a shared record.
const TOKEN: u64 = 1000;

/// Converts thousandths to tokens, for people.
pub fn tokens(thousandths: u64) -> f64 {
    thousandths as f64 / TOKEN as f64
}

/// Time gives back one token in a minute, which is one thousandth in 60 ms. It keeps a lone job from starving after an
/// outage, and has to be less than one for each job: in the simulation of docs/fleet.md, a fleet of machines that have a
/// budget each and a job in 4 s did not get its service up again with one token in 10 s, in none of 20 runs; with one
/// in 30 s it did in all of them.
const MILLIS_PER_THOUSANDTH: u64 = 60;

/// The tokens that a bucket holds by default.
pub const DEFAULT_BURST: u32 = 10;

/// The tokens that a success puts in by default.
pub const DEFAULT_RATIO: f64 = 0.2;

/// The settings of a budget. Processes that share one should have the same; otherwise each one cuts the bucket to its
/// own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetSettings {
    /// Thousandths of a token that the bucket holds.
    pub burst: u64,
    /// Thousandths that a success puts in; at most `burst`.
    pub deposit: u64,
}

impl BudgetSettings {
    /// A bucket for `burst` tokens into which each success puts `ratio` of a token, to a thousandth.
    /// A ratio that is negative or not a number counts as 0, and none is more than the whole bucket.
    pub fn new(burst: u32, ratio: f64) -> Self {
        let burst = u64::from(burst) * TOKEN;
        // `as` saturates and turns NaN into 0.
        let deposit = ((ratio * TOKEN as f64).round() as u64).min(burst);
        Self { burst, deposit }
    }
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self::new(DEFAULT_BURST, DEFAULT_RATIO)
    }
}

/// The state of one budget: small, of a fixed size, the same for every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Thousandths of a token.
    pub thousandths: u64,
    /// The time up to which the refill has been put in.
    pub at: Timestamp,
}

/// The answer to a retry that asks for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// The token was taken.
    Paid,
    /// There is no token.
    Empty {
        /// The time until the refill alone makes up a token; the longest duration for a bucket of size 0.
        wait: Duration,
    },
}

impl Bucket {
    /// A full bucket.
    pub const fn fresh(now: Timestamp, settings: &BudgetSettings) -> Self {
        Self { thousandths: settings.burst, at: now }
    }

    /// Puts in the deposit of a success.
    pub fn deposit(&mut self, now: Timestamp, settings: &BudgetSettings) {
        // A full bucket is left as it is, its time included, so that success after success writes
        // nothing: the refill is capped, so old time is worth no more than the bucket holds.
        if self.thousandths != settings.burst {
            self.refill(now, settings);
            self.thousandths = (self.thousandths + settings.deposit).min(settings.burst);
        }
    }

    /// Takes the token of a retry. If there is none, nothing changes.
    pub fn pay(&mut self, now: Timestamp, settings: &BudgetSettings) -> Payment {
        let mut refilled = *self;
        refilled.refill(now, settings);
        if let Some(left) = refilled.thousandths.checked_sub(TOKEN) {
            *self = Self { thousandths: left, ..refilled };
            return Payment::Paid;
        }
        // If the clock was set back, `at` follows it; otherwise the refill would stop until the clock caught up.
        if refilled.at < self.at {
            *self = refilled;
        }
        let missing = (TOKEN - refilled.thousandths) * MILLIS_PER_THOUSANDTH;
        let passed = now.millis().saturating_sub(refilled.at.millis());
        let wait = if settings.burst < TOKEN { u64::MAX } else { missing - passed };
        Payment::Empty { wait: Duration::from_millis(wait) }
    }

    /// The tokens at `now`, in thousandths, between 0 and `burst`.
    pub fn left(mut self, now: Timestamp, settings: &BudgetSettings) -> u64 {
        self.refill(now, settings);
        self.thousandths
    }

    fn refill(&mut self, now: Timestamp, settings: &BudgetSettings) {
        // 0 for a clock that was set back.
        let gained = now.millis().saturating_sub(self.at.millis()) / MILLIS_PER_THOUSANDTH;
        let paid_for = self.at.millis().saturating_add(gained * MILLIS_PER_THOUSANDTH);
        self.thousandths = self.thousandths.saturating_add(gained);
        // The part of 60 ms that is left over stays in `at`, unless the bucket is full: no time is
        // saved up beyond that.
        self.at = now.min(Timestamp::from_millis(paid_for));
        if self.thousandths >= settings.burst {
            *self = Self::fresh(now, settings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + (seconds * 1000.0) as u64)
    }

    fn emptied(settings: &BudgetSettings) -> Bucket {
        let mut budget = Bucket::fresh(at(0.0), settings);
        while budget.pay(at(0.0), settings) == Payment::Paid {}
        budget
    }

    #[test]
    fn ten_retries_at_once_and_then_one_in_a_minute() {
        let settings = BudgetSettings::default();
        let mut budget = Bucket::fresh(at(0.0), &settings);
        for _ in 0..10 {
            assert_eq!(budget.pay(at(0.0), &settings), Payment::Paid);
        }
        let wait = Duration::from_millis(36_005);
        assert_eq!(budget.pay(at(23.995), &settings), Payment::Empty { wait });
        assert_eq!(budget.pay(at(60.0), &settings), Payment::Paid);
        assert!(matches!(budget.pay(at(119.999), &settings), Payment::Empty { .. }));
        assert_eq!(budget.pay(at(120.0), &settings), Payment::Paid);
    }

    #[test]
    fn five_successes_pay_for_one_retry() {
        let settings = BudgetSettings::default();
        let mut budget = emptied(&settings);
        for _ in 0..4 {
            budget.deposit(at(0.0), &settings);
            assert!(matches!(budget.pay(at(0.0), &settings), Payment::Empty { .. }));
        }
        budget.deposit(at(0.0), &settings);
        assert_eq!(budget.pay(at(0.0), &settings), Payment::Paid);
    }

    #[test]
    fn a_full_bucket_is_not_touched_by_a_success() {
        let settings = BudgetSettings::default();
        let mut budget = Bucket::fresh(at(0.0), &settings);
        budget.deposit(at(5000.0), &settings);
        assert_eq!(budget, Bucket::fresh(at(0.0), &settings));
        // The time that it was full is not saved up.
        for _ in 0..10 {
            assert_eq!(budget.pay(at(5000.0), &settings), Payment::Paid);
        }
        assert!(matches!(budget.pay(at(5000.0), &settings), Payment::Empty { .. }));
    }

    #[test]
    fn a_clock_that_is_set_back_costs_no_more_than_the_time_since() {
        let settings = BudgetSettings::default();
        let mut budget = emptied(&settings);
        let year = Duration::from_secs(365 * 86400);
        let back = Timestamp::from_millis(at(0.0).millis() - 365 * 86_400_000);
        assert_eq!(budget.pay(back, &settings), Payment::Empty { wait: Duration::from_secs(60) });
        let later = Timestamp::from_millis(back.millis() + 60_000);
        assert!(later < at(0.0) && year > Duration::ZERO);
        assert_eq!(budget.pay(later, &settings), Payment::Paid);
    }

    #[test]
    fn changed_settings_cut_the_bucket_or_let_it_grow_with_time() {
        let (small, large) = (BudgetSettings::new(2, 0.5), BudgetSettings::new(100, 0.5));
        let mut budget = Bucket::fresh(at(0.0), &large);
        assert_eq!(budget.left(at(0.0), &small), 2000);
        budget.deposit(at(0.0), &small);
        assert_eq!(budget.thousandths, 2000);
        assert_eq!(budget.left(at(0.0), &large), 2000);
        assert_eq!(budget.left(at(120.0), &large), 4000);
        // A bucket that holds no token pays for no retry and says so at once.
        let none = BudgetSettings::new(0, 0.2);
        let mut budget = Bucket::fresh(at(0.0), &none);
        assert_eq!(budget.pay(at(99.0), &none), Payment::Empty { wait: Duration::from_millis(u64::MAX) });
    }

    #[test]
    fn absurd_ratios_are_harmless() {
        for (ratio, deposit) in
            [(f64::NAN, 0), (-1.0, 0), (0.0004, 0), (0.2, 200), (1e300, 10_000), (f64::INFINITY, 10_000)]
        {
            assert_eq!(BudgetSettings::new(10, ratio).deposit, deposit, "{ratio}");
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pay,
        Success,
        Pass(u64),
        SetBack(u64),
        BudgetSettings(u32, f64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => Just(Step::Pay),
            4 => Just(Step::Success),
            4 => prop_oneof![0..100_u64, 0..30_000_u64, 0..1_000_000_000_u64].prop_map(Step::Pass),
            1 => (0..1_000_000_000_u64).prop_map(Step::SetBack),
            1 => (0..20_u32, 0.0..1.5_f64).prop_map(|(burst, ratio)| Step::BudgetSettings(burst, ratio)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The tokens stay in the bucket, and what is paid out was put in: the first filling, the
        /// successes and the time that passed. A token is there when it is said to be.
        #[test]
        fn it_keeps_its_promises(steps in prop::collection::vec(any_step(), 1..200)) {
            let mut settings = BudgetSettings::default();
            let mut clock = 4_000_000_000_000_u64;
            let mut budget = Bucket::fresh(Timestamp::from_millis(clock), &settings);
            let (mut put_in, mut paid_out) = (u128::from(settings.burst), 0_u128);
            for step in steps {
                let now = Timestamp::from_millis(clock);
                match step {
                    Step::Pay => {
                        let before = budget.left(now, &settings);
                        match budget.pay(now, &settings) {
                            Payment::Paid => {
                                prop_assert!(before >= TOKEN);
                                paid_out += u128::from(TOKEN);
                            }
                            Payment::Empty { wait } => {
                                prop_assert!(before < TOKEN);
                                prop_assert!(!wait.is_zero());
                                if settings.burst >= TOKEN {
                                    prop_assert!(wait <= Duration::from_secs(60));
                                    let then = Timestamp::from_millis(clock + wait.as_millis() as u64);
                                    prop_assert_eq!(budget.clone().pay(then, &settings), Payment::Paid);
                                }
                            }
                        }
                        prop_assert!(budget.thousandths <= settings.burst || budget.left(now, &settings) < TOKEN);
                    }
                    Step::Success => {
                        budget.deposit(now, &settings);
                        put_in += u128::from(settings.deposit);
                        prop_assert!(budget.thousandths <= settings.burst);
                    }
                    Step::Pass(passed) => {
                        clock += passed;
                        // 60 ms more than passed: what was left over before.
                        put_in += u128::from(passed / MILLIS_PER_THOUSANDTH + 1);
                    }
                    Step::SetBack(by) => clock -= by,
                    Step::BudgetSettings(burst, ratio) => settings = BudgetSettings::new(burst, ratio),
                }
                let now = Timestamp::from_millis(clock);
                prop_assert!(budget.left(now, &settings) <= settings.burst);
                prop_assert!(paid_out <= put_in, "{} paid out, {} put in", paid_out, put_in);
                let full = Timestamp::from_millis(
                    clock.max(budget.at.millis()) + settings.burst * MILLIS_PER_THOUSANDTH
                );
                prop_assert_eq!(budget.left(full, &settings), settings.burst);
            }
        }
    }
}
