//! The results of the last while, for the rules of [`circuit`](super::circuit) that look at a window of time: how many
//! successes and failures, in ten buckets. Owns their arithmetic.
//!
//! A bucket is as wide as a tenth of the window, in whole milliseconds, rounded down, and at least 1 ms. The bucket
//! with the number `n` holds what came from `n * width` to `(n + 1) * width` ms after 1970. So a result counts for more
//! than nine tenths of the window and for no longer than the window (of 10 ms or more), and the state has a fixed size
//! however many results there are. Hystrix and Polly count in ten buckets too; Resilience4j in buckets of one second.
//!
//! All numbers are whole and below 2^53, so that every store calculates the same.

use super::timestamp::{Timestamp, millis};
use std::time::Duration;

/// The shortest window: ten buckets of a millisecond.
pub const SHORTEST_WINDOW: Duration = Duration::from_millis(BUCKETS as u64);

/// How many buckets there are.
pub const BUCKETS: usize = 10;

/// What came in a tenth of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Good attempts; they are counted for a rate only.
    pub successes: u32,
    /// Failed attempts.
    pub failures: u32,
}

/// The results of the last while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    /// The width of a bucket in milliseconds. 0 until something is counted.
    pub width: u64,
    /// The number of the newest bucket: the time divided by the width.
    pub newest: u64,
    /// The newest bucket, the one before it, and so on.
    pub buckets: [Counts; BUCKETS],
}

impl Recent {
    /// Nothing counted yet.
    pub const EMPTY: Self =
        Self { width: 0, newest: 0, buckets: [Counts { successes: 0, failures: 0 }; BUCKETS] };

    /// Successes and failures in the window, each below 2^36.
    pub fn sum(&self) -> (u64, u64) {
        self.buckets.iter().fold((0, 0), |(successes, failures), bucket| {
            (successes + u64::from(bucket.successes), failures + u64::from(bucket.failures))
        })
    }

    /// The time that the buckets cover; zero until something is counted.
    pub fn window(&self) -> Duration {
        Duration::from_millis(self.width.saturating_mul(BUCKETS as u64))
    }

    /// What of it is in the window at `now`.
    #[must_use]
    pub fn aged(mut self, now: Timestamp) -> Self {
        if let Some(number) = now.millis().checked_div(self.width) {
            self.advance_to(number);
        }
        self
    }

    pub(super) fn add_success(&mut self, now: Timestamp, window: Duration) {
        self.advance(now, window);
        let count = &mut self.buckets[0].successes;
        *count = count.saturating_add(1);
    }

    pub(super) fn add_failure(&mut self, now: Timestamp, window: Duration) {
        self.advance(now, window);
        let count = &mut self.buckets[0].failures;
        *count = count.saturating_add(1);
    }

    /// Drops what is older than the window, and makes the bucket of `now` the newest.
    ///
    /// The clocks of the machines that share a state differ a little, so a newest bucket that lies ahead of `now` stays
    /// the newest. Where it lies ahead by a whole window or more, the clock was set back: all starts afresh. So a clock
    /// that is set back lets a result count for one window longer at most.
    fn advance(&mut self, now: Timestamp, window: Duration) {
        *self = self.aged(now);
        // Processes that disagree about the window do not throw away one another's failures: the buckets keep their
        // width as long as there is a failure in them.
        let width = (millis(window) / BUCKETS as u64).max(1);
        if self.width != width && self.sum().1 == 0 {
            *self = Self { width, newest: now.millis() / width, ..Self::EMPTY };
        }
    }

    fn advance_to(&mut self, number: u64) {
        let distance = usize::try_from(self.newest.abs_diff(number)).unwrap_or(usize::MAX);
        if distance >= BUCKETS {
            *self = Self { width: self.width, newest: number, ..Self::EMPTY };
        } else if number > self.newest {
            self.buckets.rotate_right(distance);
            self.buckets[..distance].fill(Counts::default());
            self.newest = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    fn failures(mut recent: Recent, now: Timestamp, window: Duration) -> u64 {
        recent.advance(now, window);
        recent.sum().1
    }

    #[test]
    fn another_window_counts_once_the_old_failures_are_gone() {
        let mut recent = Recent::EMPTY;
        recent.add_failure(at(0), MINUTE);
        recent.add_failure(at(1), 2 * MINUTE);
        assert_eq!((recent.width, recent.sum()), (6000, (0, 2)));
        recent.add_success(at(1), 2 * MINUTE);
        assert_eq!((recent.width, recent.sum()), (6000, (1, 2)));
        recent.add_failure(at(60_000), 2 * MINUTE);
        assert_eq!((recent.width, recent.sum()), (12_000, (0, 1)));
    }

    #[test]
    fn a_clock_that_is_a_little_behind_loses_nothing() {
        let mut recent = Recent::EMPTY;
        recent.add_failure(at(6000), MINUTE);
        recent.add_failure(at(5995), MINUTE);
        assert_eq!(recent.buckets[0].failures, 2);
        recent.add_failure(Timestamp::from_millis(START - 60_000), MINUTE);
        assert_eq!(recent.sum(), (0, 1));
    }

    #[test]
    fn absurd_numbers_are_harmless() {
        let many = Counts { successes: u32::MAX, failures: u32::MAX };
        let full = Recent { width: 6000, newest: START / 6000, buckets: [many; BUCKETS] };
        let mut recent = full;
        recent.add_failure(at(0), MINUTE);
        recent.add_success(at(0), MINUTE);
        assert_eq!(recent, full);
        assert!(recent.sum().1 * 1000 < 1 << 53);
        for (newest, now) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
            let mut recent = Recent { newest, ..full };
            recent.add_failure(Timestamp::from_millis(now), Duration::ZERO);
            assert!(recent.sum().1 >= 1);
        }
    }

    proptest! {
        /// Each result counts for more than nine tenths of the window, and no longer than the window.
        #[test]
        fn results_age(start in 0..1_000_000_000_u64, window in 10..604_800_000_u64) {
            let (first, width) = (at(start), window / 10);
            let window = Duration::from_millis(window);
            let mut recent = Recent::EMPTY;
            recent.add_failure(first, window);
            let later = |passed| Timestamp::from_millis(first.millis() + passed);
            prop_assert_eq!(failures(recent, later(9 * width), window), 1);
            prop_assert_eq!(failures(recent, later(10 * width), window), 0);
        }

        /// The buckets hold what a list of all results says about the last ten of them; a clock that goes back less
        /// than a window holds the ageing up.
        #[test]
        fn it_counts_as_a_list_does(steps in prop::collection::vec((0..30_000_u64, 0..8_000_u64, any::<bool>()), 1..200)) {
            let (mut clock, mut latest) = (0_u64, 0_u64);
            let (mut recent, mut all) = (Recent::EMPTY, Vec::new());
            for (passed, back, good) in steps {
                clock = (clock + passed).saturating_sub(back);
                latest = latest.max(at(clock).millis() / 6000);
                all.push((latest, good));
                if good { recent.add_success(at(clock), MINUTE) } else { recent.add_failure(at(clock), MINUTE) }
                let count = |good| all.iter().filter(|one| one.1 == good && one.0 + 10 > latest).count() as u64;
                prop_assert_eq!(recent.sum(), (count(true), count(false)));
            }
        }

        /// After the clock was set back, however far, what was counted before is gone two windows later.
        #[test]
        fn a_clock_that_is_set_back_costs_one_window(back in 0..START, more in 0..60_000_u64) {
            let mut recent = Recent::EMPTY;
            recent.add_failure(at(more), MINUTE);
            let clock = START + more - back;
            let mut seen = recent;
            seen.advance(Timestamp::from_millis(clock), MINUTE);
            prop_assert_eq!(failures(seen, Timestamp::from_millis(clock + 120_000), MINUTE), 0);
        }
    }
}
