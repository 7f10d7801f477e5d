//! governor decides the same, and names the same wait.

use super::super::Gcra;
use ::governor::clock::{Clock as _, FakeRelativeClock};
use ::governor::middleware::NoOpMiddleware;
use ::governor::state::{InMemoryState, NotKeyed};
use ::governor::{Quota, RateLimiter};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

type Oracle = RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<::governor::nanos::Nanos>>;

fn oracle(interval: u64, burst: u32, clock: &FakeRelativeClock) -> Oracle {
    let quota =
        Quota::with_period(Duration::from_nanos(interval)).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
    RateLimiter::direct_with_clock(quota, clock.clone())
}

/// Asks both, at the same moments: a pause, and what the call costs.
fn compare(interval: u64, burst: u32, asked: &[(u64, u32)]) -> Result<(), TestCaseError> {
    let clock = FakeRelativeClock::default();
    let (theirs, ours) = (oracle(interval, burst, &clock), Gcra::new(interval, burst));
    let (mut now, mut full_at) = (0_u64, 0_u64);
    for (pause, cost) in asked {
        now += pause;
        clock.advance(Duration::from_nanos(*pause));
        let cost = NonZeroU32::new(1 + cost % burst).unwrap();
        let expected = theirs
            .check_n(cost)
            .expect("no more than the burst")
            .map_err(|refused| refused.wait_time_from(clock.now()).as_nanos());
        let found = ours.take(full_at, cost.get(), now);
        prop_assert_eq!(found.map(drop).map_err(u128::from), expected, "{} of {} at {}", cost, burst, now);
        full_at = found.unwrap_or(full_at);
    }
    Ok(())
}

fn asked(interval: u64, calls: usize) -> impl Strategy<Value = Vec<(u64, u32)>> {
    let pause = prop_oneof![Just(0), 0..=interval / 2, Just(interval), 0..=interval * 20];
    proptest::collection::vec((pause, prop_oneof![4 => Just(0), 1 => any::<u32>()]), calls)
}

fn limits() -> impl Strategy<Value = (u64, u32)> {
    (prop_oneof![1..=10_u64, 1..=1_000_000_000_000_u64], prop_oneof![1..=3_u32, 1..=100_000_u32])
}

fn cases(calls: usize) -> impl Strategy<Value = (u64, u32, Vec<(u64, u32)>)> {
    limits().prop_flat_map(move |(interval, burst)| (Just(interval), Just(burst), asked(interval, calls)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn governor_decides_the_same((interval, burst, asked) in cases(400)) {
        compare(interval, burst, &asked)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    #[ignore = "a million decisions: run in release"]
    fn governor_decides_a_million_times_the_same((interval, burst, asked) in cases(1_000)) {
        compare(interval, burst, &asked)?;
    }
}
