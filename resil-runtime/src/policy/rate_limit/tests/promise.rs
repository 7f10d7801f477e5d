//! In any span at most rate · t + max(burst, largest cost) begin, whoever asks when, and a full bucket lets anything begin.

use super::super::{Bucket, Gcra};
use proptest::prelude::*;

/// Whether the tokens that began within any span fit.
fn keeps(interval: u64, most: u64, began: &[(u64, u32)]) -> Result<(), TestCaseError> {
    for (first, (from, _)) in began.iter().enumerate() {
        let mut tokens = 0_u64;
        for (at, cost) in &began[first..] {
            tokens += u64::from(*cost);
            prop_assert!(tokens <= (at - from) / interval + most, "{} tokens from {} to {}", tokens, from, at);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_span_has_more(
        interval in 1..=1_000_u64,
        burst in 1..=20_u32,
        asked in proptest::collection::vec((0..=3_000_u64, prop_oneof![3 => Just(1), 1 => 1..=60_u32]), 1..200),
    ) {
        let (gcra, bucket, mut now, mut began) = (Gcra::new(interval, burst), Bucket::new(), 0, Vec::new());
        let mut largest = 1;
        for (pause, cost) in asked {
            now += pause;
            largest = largest.max(cost);
            let wait = bucket.take(&gcra, cost, now).err();
            if let Some(wait) = wait {
                // At once after that, and not a moment before.
                prop_assert!(bucket.take(&gcra, cost, now + wait - 1).is_err());
                prop_assert!(bucket.take(&gcra, cost, now + wait).is_ok());
                now += wait;
            }
            began.push((now, cost));
        }
        keeps(interval, burst.max(largest).into(), &began)?;
    }

    #[test]
    fn a_full_bucket_lets_anything_begin(interval in 1..=u64::MAX, burst in 1..=u32::MAX, cost in 1..=u32::MAX, now in 0..=1_u64 << 50) {
        let gcra = Gcra::new(interval, burst);
        let full_at = gcra.take(0, cost, now).unwrap();
        prop_assert!(gcra.take(full_at, 1, full_at).is_ok(), "and what is owed is paid off");
        prop_assert!(full_at < 1 << 62);
    }
}

#[test]
fn a_cost_above_the_burst_waits_for_a_full_bucket_and_is_owed() {
    let gcra = Gcra::new(10, 5);
    let bucket = Bucket::new();
    assert_eq!(bucket.take(&gcra, 1, 0), Ok(()));
    assert_eq!(bucket.take(&gcra, 8, 0), Err(10), "not full");
    assert_eq!(bucket.take(&gcra, 8, 10), Ok(()));
    assert_eq!(bucket.tokens(&gcra, 10), -3);
    assert_eq!(bucket.take(&gcra, 1, 10), Err(40));
    assert_eq!(bucket.take(&gcra, 1, 50), Ok(()));
}

#[test]
fn a_pause_holds_all_and_none_shortens_it() {
    let gcra = Gcra::new(10, 5);
    let bucket = Bucket::new();
    assert!(bucket.pause(200));
    assert!(!bucket.pause(100), "shorter");
    assert_eq!(bucket.take(&gcra, 1, 50), Err(150));
    assert!(bucket.pause(300));
    assert_eq!(bucket.take(&gcra, 1, 299), Err(1));
    let begin = (0..6).filter(|_| bucket.take(&gcra, 1, 300).is_ok());
    assert_eq!(begin.count(), 5, "the bucket as it was");
    assert_eq!(bucket.paused_until(300), None);
}
