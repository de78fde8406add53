//! Which failures open a circuit: some in a row, or a part of all attempts. Owns these rules; the header of
//! [`circuit`](super::circuit) has them step by step.

use super::recent::Recent;
use super::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::time::Duration;

/// The window of a [`Trip::Rate`] where nothing is said about it.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(60);

/// The minimum of a [`Trip::Rate`] where nothing is said about it. Where one attempt in ten fails by chance, half of
/// ten or more do so once in 600 times.
pub const DEFAULT_MINIMUM: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Which failures open a circuit. A window longer than a week counts as a week, one below 10 ms as 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// Some failures in a row.
    InARow {
        /// This many.
        failures: NonZeroU32,
        /// Failures that are older do not count. Without a window they count until there is a success.
        window: Option<Duration>,
    },
    /// A part of all attempts that ended in a window. Every success has to be counted for it, so a store writes at
    /// each of them.
    Rate {
        /// The part, in thousandths: 1 to 1000.
        thousandths: u32,
        /// Fewer attempts than this in the window say nothing.
        minimum: NonZeroU32,
        /// Attempts that ended earlier do not count.
        window: Duration,
    },
}

impl Trip {
    /// So many failures in a row, however old they are.
    pub const fn in_a_row(failures: NonZeroU32) -> Self {
        Self::InARow { failures, window: None }
    }

    /// A part of the attempts in [`DEFAULT_WINDOW`]: `part` in (0, 1], to a thousandth. What lies outside of it counts
    /// as the nearest thousandth in it, what is not a number as 1.
    pub fn rate(part: f64, minimum: NonZeroU32) -> Self {
        let part = if part.is_nan() { 1.0 } else { part };
        let thousandths = (part * 1000.0).round().clamp(1.0, 1000.0) as u32;
        Self::Rate { thousandths, minimum, window: DEFAULT_WINDOW }
    }

    /// The same, in this window.
    #[must_use]
    pub const fn within(self, window: Duration) -> Self {
        match self {
            Self::InARow { failures, .. } => Self::InARow { failures, window: Some(window) },
            Self::Rate { thousandths, minimum, .. } => Self::Rate { thousandths, minimum, window },
        }
    }

    pub(super) fn count_success(&self, failures: &mut u32, recent: &mut Recent, now: Timestamp) {
        *failures = 0;
        if let Self::Rate { window, .. } = self {
            recent.add_success(now, *window);
        }
    }

    pub(super) fn count_failure(&self, failures: &mut u32, recent: &mut Recent, now: Timestamp) {
        *failures = failures.saturating_add(1);
        if let Self::InARow { window: Some(window), .. } | Self::Rate { window, .. } = self {
            recent.add_failure(now, *window);
        }
    }

    /// Whether what was counted is enough to open the circuit.
    pub(super) fn is_reached(&self, in_a_row: u32, recent: &Recent) -> bool {
        let (good, failed) = recent.sum();
        match *self {
            Self::InARow { failures, window: None } => in_a_row >= failures.get(),
            Self::InARow { failures, window: Some(_) } => {
                u64::from(in_a_row).min(failed) >= u64::from(failures.get())
            }
            Self::Rate { thousandths, minimum, .. } => {
                let all = good + failed;
                all >= u64::from(minimum.get()) && failed * 1000 >= u64::from(thousandths) * all
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::circuit::{Admission, BreakerSettings, Circuit, Observation, Recorded};
    use super::super::random::Random;
    use super::*;
    use Observation::{Failure, Success};
    use proptest::prelude::*;

    const START: u64 = 1_800_000_000_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn number(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    /// Records results at times in ms after the start, until one of them opens the circuit: its number, from 1.
    fn opened_by(trip: Trip, results: impl IntoIterator<Item = (u64, Observation)>) -> Option<usize> {
        let settings = BreakerSettings { trip, ..BreakerSettings::default() };
        let (mut circuit, mut random) = (Circuit::fresh(), Random::seeded(1));
        results
            .into_iter()
            .position(|(millis, result)| {
                let now = Timestamp::from_millis(START + millis);
                let Admission::Closed(ticket) = circuit.admit(now, MINUTE) else { panic!("it is closed") };
                let recorded = circuit.record(ticket, result, now, &settings, &mut random);
                matches!(recorded, Recorded::Opened { .. })
            })
            .map(|index| index + 1)
    }

    fn every(millis: u64, pattern: &[Observation]) -> impl Iterator<Item = (u64, Observation)> {
        pattern.iter().cycle().take(1000).enumerate().map(move |(n, result)| (n as u64 * millis, *result))
    }

    #[test]
    fn old_failures_do_not_count_in_a_window() {
        let five = Trip::in_a_row(number(5));
        // One failure in 20 s.
        assert_eq!(opened_by(five, every(20_000, &[Failure])), Some(5));
        assert_eq!(opened_by(five.within(MINUTE), every(20_000, &[Failure])), None);
        assert_eq!(opened_by(five.within(2 * MINUTE), every(20_000, &[Failure])), Some(5));
        // A success starts the count anew, though the failures before it are in the window.
        let pattern = [Failure, Failure, Failure, Failure, Success];
        assert_eq!(opened_by(five.within(MINUTE), every(100, &pattern)), None);
    }

    #[test]
    fn two_failures_of_three_open_a_rate_and_no_count() {
        let pattern = [Failure, Failure, Success];
        assert_eq!(opened_by(Trip::in_a_row(number(5)), every(100, &pattern)), None);
        assert_eq!(opened_by(Trip::rate(0.5, number(10)), every(100, &pattern)), Some(10));
        // The twelfth is a success, and only failures open it.
        assert_eq!(opened_by(Trip::rate(0.5, number(12)), every(100, &pattern)), Some(13));
        assert_eq!(opened_by(Trip::rate(0.7, number(10)), every(100, &pattern)), Some(10));
        assert_eq!(opened_by(Trip::rate(0.74, number(10)), every(100, &pattern)), None);
        // One attempt in 7 s: there are never ten in a minute.
        assert_eq!(opened_by(Trip::rate(0.5, number(10)), every(7000, &pattern)), None);
        assert_eq!(
            opened_by(Trip::rate(0.5, number(10)).within(2 * MINUTE), every(7000, &pattern)),
            Some(10)
        );
    }

    #[test]
    fn a_part_is_one_to_a_thousand_thousandths() {
        for (part, expected) in [(0.5, 500), (0.0, 1), (-3.0, 1), (9.0, 1000), (f64::NAN, 1000), (0.0014, 1)]
        {
            let Trip::Rate { thousandths, .. } = Trip::rate(part, DEFAULT_MINIMUM) else { unreachable!() };
            assert_eq!(thousandths, expected, "{part}");
        }
    }

    fn any_result() -> impl Strategy<Value = Observation> {
        prop_oneof![Just(Failure), Just(Success), Just(Observation::Neutral)]
    }

    proptest! {
        /// Without a clock that is set back, a circuit opens exactly when a list of all results says so, with the
        /// time of each rounded down to a tenth of the window; so it is no older than the window.
        #[test]
        fn it_opens_when_a_list_says_so(
            results in prop::collection::vec((0..5000_u64, any_result()), 1..200),
            window in 10..100_000_u64, least in 1..12_u32, rate in prop::option::of(1..=1000_u32),
        ) {
            let mut clock = 0;
            let results: Vec<_> = results.into_iter().map(|(passed, result)| {
                clock += passed;
                (clock, result)
            }).collect();
            let width = window / 10;
            let expected = (1..=results.len()).find(|&n| {
                let (now, last) = results[n - 1];
                let counted: Vec<_> = results[..n].iter()
                    .filter(|(then, _)| (START + then) / width + 10 > (START + now) / width)
                    .map(|(_, result)| *result).filter(|result| *result != Observation::Neutral).collect();
                let failed = counted.iter().filter(|result| **result == Failure).count();
                let in_a_row = counted.iter().rev().take_while(|result| **result == Failure).count();
                last == Failure && match rate {
                    Some(rate) => counted.len() >= least as usize && failed * 1000 >= rate as usize * counted.len(),
                    None => in_a_row >= least as usize,
                }
            });
            let window = Duration::from_millis(window);
            let trip = rate.map_or(Trip::in_a_row(number(least)), |rate| {
                Trip::rate(f64::from(rate) / 1000.0, number(least))
            });
            prop_assert_eq!(opened_by(trip.within(window), results), expected);
        }

        /// Two failures of three, wherever the pattern begins, open a rate of at most 60 % (of ten attempts, six may
        /// be failures) as soon as there is the minimum in nine tenths of the window.
        #[test]
        fn two_failures_of_three_open_it(first in 0..3_usize, gap in 1..5000_u64, least in 10..40_u32, rate in 0.01..0.6) {
            let pattern = [[Failure, Failure, Success], [Failure, Success, Failure], [Success, Failure, Failure]][first];
            let window = Duration::from_millis(gap * u64::from(least + 1) * 10 / 9 + 20);
            let opened = opened_by(Trip::rate(rate, number(least)).within(window), every(gap, &pattern));
            let least = least as usize;
            prop_assert!(opened.is_some_and(|by| (least..=least + 1).contains(&by)), "{:?} {}", opened, least);
        }

        /// However the clock is set, failures enough at one time open the circuit, and fewer never do.
        #[test]
        fn a_clock_that_is_set_hides_no_outage(
            times in prop::collection::vec(0..START, 0..4), last in 0..START, window in 0..10_000_000_u64,
        ) {
            let window = Duration::from_millis(window);
            let before = times.iter().map(|time| (*time, Failure));
            let now = std::iter::repeat_n((last, Failure), 5);
            let by = opened_by(Trip::in_a_row(number(5)).within(window), before.chain(now));
            prop_assert!(by.is_some_and(|by| (5..=times.len() + 5).contains(&by)), "{:?}", by);
        }
    }
}
