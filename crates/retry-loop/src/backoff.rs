//! The formulas of the delay after the nth failure: growth, cap and jitter.
//!
//! The names are those of Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog,
//! 2015) and its simulator, aws-samples/aws-arch-backoff-simulator.

use super::random::{Random, scale};
use std::time::Duration;

/// The parameters of the delays.
///
/// The default is the one of the command line: 0.5 s, times four for each failure, at most 60 s, plus
/// a random part of up to 0.3 s.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// The delay after the first failure, and the wait between good attempts where several are wanted.
    /// [`Growth::List`] ignores it for the former.
    pub base: Duration,
    /// How the delay grows from failure to failure. [`Jitter::Decorrelated`] ignores it.
    pub growth: Growth,
    /// The cap on the backoff, *before* jitter, so that clients at the cap do not meet. Without one it
    /// is 60 s, or more where `base` or the list ask for more.
    pub max_delay: Option<Duration>,
    /// The random part.
    pub jitter: Jitter,
}

/// How the delay grows with the number n = 1, 2, ... of the failure that it follows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Growth {
    /// base * factor^(n-1)
    Exponential {
        /// Finite and greater than 0. Less than 1 makes the delays shorter.
        factor: f64,
    },
    /// base * n
    Linear,
    /// base * fib(n), that is 1, 1, 2, 3, 5, ... times base
    Fibonacci,
    /// base
    Constant,
    /// These delays in turn, then the last one again and again. An empty list means no delay.
    List(Vec<Duration>),
}

/// The random part of a delay. In the formulas b is the delay without it (after [`Policy::max_delay`] was applied),
/// and U(x, y) is a random time between x and y, equally distributed.
///
/// `Full`, `Equal` and `Decorrelated` are named and defined as in Marc Brooker's "Exponential Backoff And Jitter"
/// (AWS Architecture Blog, 2015), which compares them.
///
/// [`Policy::max_delay`]: crate::Policy::max_delay
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// b
    None,
    /// b + U(0, j)
    Additive(Duration),
    /// max(0, b + U(-j, j))
    Symmetric(Duration),
    /// b * (1 + U(-r, r)) with r between 0 and 1
    Ratio(f64),
    /// U(0, b): the fewest calls on a contended server
    Full,
    /// b/2 + U(0, b/2)
    Equal,
    /// min(max_delay, U(base, 3 * the last delay)), where the first "last delay" is base; the growth is ignored. The
    /// fastest on a contended server, for some more calls than `Full`.
    Decorrelated,
}

/// The cap where none is given.
const DEFAULT_CAP: Duration = Duration::from_secs(60);

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            growth: Growth::Exponential { factor: 4.0 },
            max_delay: None,
            jitter: Jitter::Additive(Duration::from_millis(300)),
        }
    }
}

impl Backoff {
    /// min(cap, growth(n)): the delay after failure `n` (from 1) without jitter.
    pub fn backoff(&self, n: u64) -> Duration {
        let n = n.max(1);
        let grown = match &self.growth {
            Growth::Exponential { factor } => scale(self.base, power(*factor, n - 1)),
            Growth::Linear => scale(self.base, n as f64),
            Growth::Fibonacci => scale(self.base, fibonacci(n)),
            Growth::Constant => self.base,
            Growth::List(delays) => {
                let index = usize::try_from(n - 1).unwrap_or(usize::MAX);
                delays.get(index).or(delays.last()).copied().unwrap_or_default()
            }
        };
        grown.min(self.cap())
    }

    /// The cap on the backoff: the explicit one, else 60 s or what `base` or the list ask for.
    pub fn cap(&self) -> Duration {
        self.max_delay.unwrap_or_else(|| {
            let asked = match &self.growth {
                Growth::List(delays) => delays.iter().max().copied().unwrap_or_default(),
                _ => self.base,
            };
            asked.max(DEFAULT_CAP)
        })
    }

    /// The shortest and the longest delay after failure `n` (from 1).
    pub fn range(&self, n: u64) -> (Duration, Duration) {
        let b = self.backoff(n);
        match self.jitter {
            Jitter::None => (b, b),
            Jitter::Additive(j) => (b, b.saturating_add(j)),
            Jitter::Symmetric(j) => (b.saturating_sub(j), b.saturating_add(j)),
            Jitter::Ratio(r) => (scale(b, 1.0 - r), scale(b, 1.0 + r)),
            Jitter::Full => (Duration::ZERO, b),
            Jitter::Equal => (b / 2, b),
            Jitter::Decorrelated => {
                let highest = scale(self.base, power(3.0, n)).min(self.cap());
                (self.base.min(highest), highest)
            }
        }
    }
}

/// `base` to the `n`th, by squaring. The precision of `f64::powf` and `powi` depends on the platform (their documentation
/// says so), but a seed has to give the same delays everywhere; besides, `powf` would load libm at each start.
fn power(base: f64, mut n: u64) -> f64 {
    let (mut power, mut square) = (1.0, base);
    while n > 0 {
        if n % 2 == 1 {
            power *= square;
        }
        square *= square;
        n /= 2;
    }
    power
}

/// fib(1) = fib(2) = 1. Infinite from n = 1477 on, which the cap turns into a duration.
fn fibonacci(n: u64) -> f64 {
    let (mut a, mut b) = (0.0_f64, 1.0_f64);
    for _ in 1..n.min(1500) {
        (a, b) = (b, a + b);
    }
    b
}

/// The state of a [`Backoff`] between failures.
#[derive(Debug, Clone, Default)]
pub struct BackoffState {
    failures: u64,
    /// The last decorrelated delay, s; none before the first.
    previous: Option<Duration>,
}

impl BackoffState {
    /// Counts one more failure, and returns the delay after it.
    pub fn next(&mut self, backoff: &Backoff, random: &mut Random) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let (low, high) = backoff.range(self.failures);
        match backoff.jitter {
            Jitter::None => low,
            // Not between `low` and `high`: where b < J, clamping at zero comes after the draw.
            Jitter::Symmetric(j) => {
                let b = backoff.backoff(self.failures);
                b.saturating_add(scale(j, 2.0 * random.unit())).saturating_sub(j)
            }
            Jitter::Decorrelated => {
                let previous = self.previous.unwrap_or(backoff.base);
                let delay = random.between(backoff.base, scale(previous, 3.0)).min(backoff.cap());
                self.previous = Some(delay);
                delay
            }
            Jitter::Additive(_) | Jitter::Ratio(_) | Jitter::Full | Jitter::Equal => {
                random.between(low, high).min(high)
            }
        }
    }

    /// Forgets all failures.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    fn row(backoff: &Backoff, n: u64) -> Vec<f64> {
        (1..=n).map(|n| backoff.backoff(n).as_secs_f64()).collect()
    }

    fn with(growth: Growth) -> Backoff {
        Backoff { growth, ..Backoff::default() }
    }

    #[test]
    fn the_four_shapes_and_the_list() {
        assert_eq!(row(&Backoff::default(), 5), [0.5, 2.0, 8.0, 32.0, 60.0]);
        assert_eq!(row(&with(Growth::Linear), 4), [0.5, 1.0, 1.5, 2.0]);
        assert_eq!(row(&with(Growth::Fibonacci), 6), [0.5, 0.5, 1.0, 1.5, 2.5, 4.0]);
        assert_eq!(row(&with(Growth::Constant), 3), [0.5, 0.5, 0.5]);
        let list = vec![seconds(0.5), seconds(2.0), seconds(5.0)];
        assert_eq!(row(&with(Growth::List(list)), 4), [0.5, 2.0, 5.0, 5.0]);
    }

    #[test]
    fn a_long_base_or_list_raises_the_default_cap_and_an_explicit_cap_wins() {
        let long = Backoff { base: seconds(300.0), ..Backoff::default() };
        assert_eq!(long.backoff(1), seconds(300.0));
        assert_eq!(long.backoff(2), seconds(300.0));
        assert_eq!(with(Growth::List(vec![seconds(90.0)])).backoff(1), seconds(90.0));
        assert_eq!(Backoff { max_delay: Some(seconds(7.0)), ..long }.backoff(1), seconds(7.0));
    }

    #[test]
    fn a_reset_starts_the_row_anew() {
        let backoff = Backoff { jitter: Jitter::None, ..Backoff::default() };
        let (mut delays, mut random) = (BackoffState::default(), Random::seeded(1));
        let first = delays.next(&backoff, &mut random);
        delays.next(&backoff, &mut random);
        delays.reset();
        assert_eq!(delays.next(&backoff, &mut random), first);
    }

    #[test]
    fn each_jitter_fills_its_range_and_means_what_it_says() {
        for (jitter, low, high, mean) in [
            (Jitter::Additive(seconds(0.3)), 0.5, 0.8, 0.65),
            (Jitter::Symmetric(seconds(0.3)), 0.2, 0.8, 0.5),
            // Half of the draws below zero are zero: E[max(0, U(-0.5, 1.5))] = 0.5625.
            (Jitter::Symmetric(seconds(1.0)), 0.0, 1.5, 0.5625),
            (Jitter::Ratio(0.2), 0.4, 0.6, 0.5),
            (Jitter::Full, 0.0, 0.5, 0.25),
            (Jitter::Equal, 0.25, 0.5, 0.375),
            (Jitter::Decorrelated, 0.5, 1.5, 1.0),
        ] {
            let backoff = Backoff { jitter, ..Backoff::default() };
            let mut random = Random::seeded(7);
            let draws: Vec<f64> = (0..20_000)
                .map(|_| BackoffState::default().next(&backoff, &mut random).as_secs_f64())
                .collect();
            let (least, most) = draws.iter().fold((f64::MAX, 0.0_f64), |(l, m), &d| (l.min(d), m.max(d)));
            let width = high - low;
            assert!(least >= low - 1e-9 && least <= low + 0.01 * width, "{jitter:?}: least {least}");
            assert!(most <= high + 1e-9 && most >= high - 0.01 * width, "{jitter:?}: most {most}");
            let seen = draws.iter().sum::<f64>() / 20_000.0;
            assert!((seen - mean).abs() < 0.02 * width, "{jitter:?}: mean {seen}, wanted {mean}");
        }
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            Just(Duration::ZERO),
            Just(Duration::MAX),
            (0..=1_000_000_000_000_u64, 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
            (0..100_000_u64).prop_map(Duration::from_millis),
        ]
    }

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        let growth = prop_oneof![
            prop_oneof![1e-300..1e300_f64, 0.5..10.0_f64].prop_map(|factor| Growth::Exponential { factor }),
            Just(Growth::Linear),
            Just(Growth::Fibonacci),
            Just(Growth::Constant),
            prop::collection::vec(any_duration(), 1..5).prop_map(Growth::List),
        ];
        let jitter = prop_oneof![
            Just(Jitter::None),
            any_duration().prop_map(Jitter::Additive),
            any_duration().prop_map(Jitter::Symmetric),
            (0.0..=1.0_f64).prop_map(Jitter::Ratio),
            Just(Jitter::Full),
            Just(Jitter::Equal),
            Just(Jitter::Decorrelated),
        ];
        (any_duration(), growth, prop::option::of(any_duration()), jitter)
            .prop_map(|(base, growth, max_delay, jitter)| Backoff { base, growth, max_delay, jitter })
    }

    proptest! {
        /// Never above the cap plus the jitter, never below the range, no panic for any n. A delay is
        /// a `Duration`, so negative and NaN would have shown as a panic or as a saturated value.
        #[test]
        fn delays_stay_in_range(backoff in any_backoff(), n in prop_oneof![1..100_u64, Just(u64::from(u32::MAX)), Just(u64::MAX)], seed: u64) {
            let extra = match backoff.jitter {
                Jitter::Additive(j) | Jitter::Symmetric(j) => j,
                Jitter::Ratio(r) => scale(backoff.cap(), r),
                _ => Duration::ZERO,
            };
            let mut delays = BackoffState { failures: n - 1, ..BackoffState::default() };
            let mut random = Random::seeded(seed);
            for n in n..n.saturating_add(3) {
                let (low, high) = backoff.range(n);
                let delay = delays.next(&backoff, &mut random);
                // f64 has 53 bits, so a day is exact to 15 ps and 10^12 s to 0.1 ms.
                let slack = scale(high, 1e-15) + Duration::from_nanos(1);
                prop_assert!(low <= high);
                prop_assert!(backoff.backoff(n) <= backoff.cap());
                prop_assert!(delay <= backoff.cap().saturating_add(extra).saturating_add(slack), "{delay:?}");
                prop_assert!(delay <= high.saturating_add(slack) && delay.saturating_add(slack) >= low, "{low:?} {delay:?} {high:?}");
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_delays(backoff in any_backoff(), seed: u64) {
            let draw = || {
                let (mut delays, mut random) = (BackoffState::default(), Random::seeded(seed));
                (0..20).map(|_| delays.next(&backoff, &mut random)).collect::<Vec<_>>()
            };
            prop_assert_eq!(draw(), draw());
        }
    }
}
