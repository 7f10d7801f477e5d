use std::time::Duration;

/// How a wait is randomised, so that clients do not retry in step and overload a recovering system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// Exactly the backoff. For tests; in production clients would retry in step.
    None,
    /// Uniform in (0, backoff]. Spreads best; the default.
    Full,
    /// Half the backoff, plus uniform in (0, the other half].
    Equal,
    /// Uniform between the base and three times the previous wait.
    Decorrelated,
    /// The backoff plus or minus this fraction of it.
    Fraction(f64),
}

/// How long to wait after each failed attempt: `base * factor^(n-1)`, at most `max`, then randomised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) factor: f64,
    pub(crate) max: Duration,
    pub(crate) jitter: Jitter,
}

impl Backoff {
    pub(crate) const DEFAULT: Self =
        Self { base: Duration::from_millis(100), factor: 2.0, max: Duration::from_secs(10), jitter: Jitter::Full };

    /// The wait after the `attempt`th attempt failed (1 is the first). `random` is uniform in (0, 1].
    pub(crate) fn delay(&self, attempt: u32, previous: Duration, random: impl FnOnce() -> f64) -> Duration {
        if self.base.is_zero() {
            return self.base;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        // Written by hand it can be anything; what is no growth is none.
        let factor = if self.factor > 0.0 { self.factor } else { 1.0 };
        let backoff = self.capped(self.base.as_secs_f64() * factor.powi(exponent));
        if backoff.is_zero() {
            return backoff;
        }
        let seconds = backoff.as_secs_f64();
        let delay = match self.jitter {
            Jitter::None => return backoff,
            Jitter::Full => seconds * random(),
            Jitter::Equal => seconds / 2.0 * (1.0 + random()),
            Jitter::Decorrelated => {
                let base = self.base.as_secs_f64();
                let previous = previous.as_secs_f64().max(base);
                base + (previous * 3.0 - base) * random()
            }
            // Written by hand it can be anything; more than all of the backoff it cannot take off.
            Jitter::Fraction(fraction) => {
                let fraction = if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) };
                seconds * (1.0 + fraction * (2.0 * random() - 1.0))
            }
        };
        self.capped(delay).max(Duration::from_nanos(1))
    }

    /// The wait where the partner names one: never less than either. The named one is lengthened by up to a tenth, so that
    /// its clients do not all return in the same moment, and by no more than half of what is `left` beyond it.
    pub(crate) fn after(
        &self,
        named: Duration,
        backoff: Duration,
        left: Option<Duration>,
        random: impl FnOnce() -> f64,
    ) -> Duration {
        if backoff >= named || self.jitter == Jitter::None {
            return backoff.max(named);
        }
        let more = (named / 10).mul_f64(random());
        named.saturating_add(left.map_or(more, |left| more.min(left.saturating_sub(named) / 2)))
    }

    /// The sum of all waits between so many attempts, or a part of it that reaches `enough`. Known only without jitter.
    pub(crate) fn sum(&self, attempts: u32, enough: Duration) -> Option<Duration> {
        if self.jitter != Jitter::None {
            return None;
        }
        let (mut sum, mut last) = (Duration::ZERO, None);
        for attempt in 1..attempts {
            let wait = self.delay(attempt, Duration::ZERO, || 1.0);
            if last == Some(wait) {
                // It grows no more.
                return Some(sum.saturating_add(wait.saturating_mul(attempts - attempt)));
            }
            sum = sum.saturating_add(wait);
            if sum >= enough {
                break;
            }
            last = Some(wait);
        }
        Some(sum)
    }

    /// Saturates: an overflow or a product that is no number is the cap.
    fn capped(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds).map_or(self.max, |delay| delay.min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn with(jitter: Jitter) -> Backoff {
        Backoff { jitter, ..Backoff::DEFAULT }
    }

    #[test]
    fn waits_grow_to_the_cap_and_stay_there() {
        // Resilience4j: exponential backoff.
        let backoff = Backoff { max: Duration::from_secs(100), ..with(Jitter::None) };
        let waits: Vec<_> = (1..=13).map(|n| backoff.delay(n, Duration::ZERO, || 1.0)).collect();
        assert!(waits[..11].windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert_eq!(waits[0], ms(100));
        assert_eq!(waits[11..], [Duration::from_secs(100); 2]);
    }

    #[test]
    fn a_day_doubled_a_thousand_times_is_the_cap() {
        let backoff =
            Backoff { base: Duration::from_secs(86_400), max: Duration::from_secs(30 * 86_400), ..with(Jitter::None) };
        assert_eq!(backoff.delay(1000, Duration::ZERO, || 1.0), Duration::from_secs(30 * 86_400));
        assert_eq!(backoff.delay(u32::MAX, Duration::ZERO, || 1.0), Duration::from_secs(30 * 86_400));
    }

    #[test]
    fn one_second_doubled_is_one_two_four() {
        let backoff = Backoff { base: Duration::from_secs(1), ..with(Jitter::None) };
        let waits: Vec<_> = (1..=3).map(|n| backoff.delay(n, Duration::ZERO, || 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4]);
    }

    #[test]
    fn waits_add_up_also_where_they_have_stopped_growing() {
        let backoff = Backoff { max: Duration::from_secs(1), ..with(Jitter::None) };
        let sum = |attempts| backoff.sum(attempts, Duration::MAX);
        assert_eq!((sum(0), sum(1), sum(3)), (Some(ms(0)), Some(ms(0)), Some(ms(300))));
        assert_eq!(sum(7), Some(ms(100 + 200 + 400 + 800 + 1000 + 1000)));
        assert_eq!(sum(u32::MAX), Some(ms(1500) + Duration::from_secs(u64::from(u32::MAX) - 5)));
        assert!(backoff.sum(u32::MAX, ms(300)) >= Some(ms(300)));
        assert_eq!(with(Jitter::Full).sum(3, Duration::MAX), None);
    }

    #[test]
    fn a_zero_base_does_not_wait() {
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Fraction(0.5)] {
            assert_eq!(
                Backoff { base: Duration::ZERO, ..with(jitter) }.delay(3, Duration::ZERO, || 1.0),
                Duration::ZERO
            );
        }
    }

    #[test]
    fn a_jitter_or_factor_that_makes_no_sense_does_not_wait_the_cap() {
        for random in [1e-9, 0.2, 0.5, 1.0] {
            for fraction in [3.0, -1.0, f64::NAN, f64::INFINITY] {
                let wait = with(Jitter::Fraction(fraction)).delay(1, Duration::ZERO, || random);
                assert!(wait <= ms(200), "{fraction}: {wait:?}");
            }
            for factor in [-2.0, f64::NAN, 0.0] {
                let wait = Backoff { factor, ..with(Jitter::Full) }.delay(2, Duration::ZERO, || random);
                assert!(wait <= ms(100), "{factor}: {wait:?}");
            }
        }
    }

    #[test]
    fn clients_that_were_told_the_same_time_do_not_return_in_step() {
        let told = Duration::from_secs(30);
        let wait = |jitter, backoff, random: f64| with(jitter).after(told, backoff, None, || random);
        assert_eq!(wait(Jitter::Full, ms(100), 1.0), Duration::from_secs(33));
        assert_eq!(wait(Jitter::Equal, ms(100), 0.5), Duration::from_millis(31_500));
        assert_eq!(wait(Jitter::Full, Duration::from_secs(10), 1.0), Duration::from_secs(33));
        assert_eq!(wait(Jitter::None, ms(100), 1.0), told, "in step, as it was told to");
        assert_eq!(with(Jitter::Full).after(Duration::MAX, ms(1), None, || 1.0), Duration::MAX);
    }

    #[test]
    fn a_partner_that_names_a_short_time_does_not_shorten_the_backoff() {
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Fraction(0.5)] {
            for told in [Duration::ZERO, ms(1), ms(999), ms(1_000)] {
                let wait = with(jitter).after(told, ms(1_000), None, || 1e-9);
                assert_eq!(wait, ms(1_000), "{jitter:?}, {told:?}");
            }
        }
    }

    #[test]
    fn what_is_added_to_a_named_time_leaves_an_attempt_its_time() {
        let wait = |left| with(Jitter::Full).after(Duration::from_secs(30), ms(100), Some(left), || 1.0);
        assert_eq!(wait(Duration::from_secs(32)), Duration::from_secs(31));
        assert_eq!(wait(Duration::from_secs(60)), Duration::from_secs(33));
        assert_eq!(wait(Duration::from_secs(29)), Duration::from_secs(30), "which does not fit");
    }

    proptest! {
        #[test]
        fn each_jitter_stays_in_its_range(random in 1e-9f64..=1.0) {
            let delay = |jitter| with(jitter).delay(1, Duration::ZERO, || random);
            prop_assert!(delay(Jitter::Full) > Duration::ZERO && delay(Jitter::Full) <= ms(100));
            prop_assert!(delay(Jitter::Equal) > ms(50) && delay(Jitter::Equal) <= ms(100));
            prop_assert!(delay(Jitter::Fraction(0.5)) >= ms(50) && delay(Jitter::Fraction(0.5)) <= ms(150));
            prop_assert!(delay(Jitter::Decorrelated) >= ms(100) && delay(Jitter::Decorrelated) <= ms(300));
        }

        #[test]
        fn two_thousand_waits_in_a_row_are_above_zero_and_within_the_cap(seed: u64) {
            // Polly: decorrelated jitter must neither overflow nor fall to zero.
            let mut rng = fastrand::Rng::with_seed(seed);
            for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::Fraction(1.0)] {
                let backoff = Backoff { max: Duration::from_secs(30), ..with(jitter) };
                let mut previous = Duration::ZERO;
                for attempt in 1..=2049 {
                    previous = backoff.delay(attempt, previous, || 1.0 - rng.f64());
                    prop_assert!(previous > Duration::ZERO && previous <= Duration::from_secs(30));
                }
            }
        }
    }
}
