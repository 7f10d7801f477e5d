//! What the test suites of other limiters publish.

use super::super::{Bucket, Gcra};

/// How long each of them waits who ask at these moments, behind the ones before.
fn waits(gcra: &Gcra, asked: &[u64]) -> Vec<u64> {
    let mut full_at = 0;
    asked
        .iter()
        .map(|at| {
            let wait = gcra.take(full_at, 1, *at).err().unwrap_or(0);
            full_at = gcra.take(full_at, 1, at + wait).unwrap();
            wait
        })
        .collect()
}

/// Resilience4j: one in a cycle. The first begins at once, the second within a cycle, and the third would wait too long.
#[test]
fn one_in_a_cycle() {
    let (gcra, cycle) = (Gcra::new(100, 1), 100);
    assert_eq!(waits(&gcra, &[0, 10]), [0, 90]);
    let bucket = Bucket::new();
    assert_eq!(bucket.take(&gcra, 1, 0), Ok(()));
    let ticket = bucket.join(&gcra, 1, 10, std::task::Waker::noop().clone());
    assert!(ticket.is_some(), "it waits");
    assert!(bucket.take(&gcra, 1, 20).unwrap_err() > cycle, "behind it, longer than a cycle");
}

/// `SmallRye`, rolling: two in 100 ms wait 0, 0, 100; who asks at 50, 50; at 100, 0. As a bucket that is a burst of two and one
/// more every 100 ms: what comes back within a window counts as well.
#[test]
fn a_rolling_window() {
    let gcra = Gcra::new(100, 2);
    assert_eq!(waits(&gcra, &[0, 0, 0]), [0, 0, 100]);
    assert_eq!(waits(&gcra, &[0, 0, 50]), [0, 0, 50]);
    assert_eq!(waits(&gcra, &[0, 0, 100]), [0, 0, 0]);
}
