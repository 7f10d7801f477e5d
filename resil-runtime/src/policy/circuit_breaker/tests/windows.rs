use super::super::count_window::CountWindow;
use super::super::time_window::{Buckets, TimeWindow};
use super::super::{Judged, Tally};

const SUCCESS: Judged = Judged { failed: false, slow: false };
const FAILURE: Judged = Judged { failed: true, slow: false };

#[test]
fn a_count_window_is_clean_when_its_last_failure_leaves() {
    let mut window = CountWindow::new(3, false);
    for call in [FAILURE, SUCCESS, SUCCESS] {
        window.record(call);
        assert!(!window.is_full_of_fast_successes());
    }
    window.record(SUCCESS);
    assert!(window.is_full_of_fast_successes());
    window.clear();
    assert_eq!(window.tally(), Tally::default());
    assert!(!window.is_full_of_fast_successes());
}

#[test]
fn a_count_window_ignores_slowness_unless_it_is_judged() {
    let slow = Judged { slow: true, ..SUCCESS };
    for (judged, expected) in [(false, 0), (true, 2)] {
        let mut window = CountWindow::new(2, judged);
        (0..3).for_each(|_| _ = window.record(slow));
        assert_eq!(window.tally().slow, expected);
    }
}

#[test]
fn a_bucket_leaves_as_a_whole_when_ten_later_ones_began() {
    let mut buckets = Buckets::new(100);
    buckets.advance(9);
    buckets.record(FAILURE);
    buckets.advance(99);
    assert_eq!((buckets.tally().failures, buckets.current_ends()), (1, 100));
    buckets.advance(100);
    assert_eq!(buckets.tally().calls, 0);
}

#[test]
fn a_clock_that_steps_back_or_far_ahead_loses_no_order() {
    let mut buckets = Buckets::new(100);
    buckets.advance(1_000);
    buckets.record(SUCCESS);
    buckets.advance(500);
    buckets.record(FAILURE);
    assert_eq!((buckets.tally().calls, buckets.tally().failures), (2, 1));
    buckets.advance(u64::MAX);
    assert_eq!((buckets.tally(), buckets.current_ends()), (Tally::default(), u64::MAX));
    let mut tiny = Buckets::new(1);
    tiny.advance(u64::MAX);
    tiny.record(SUCCESS);
    assert_eq!(tiny.current_ends(), u64::MAX);
}

#[test]
fn a_success_of_an_earlier_generation_does_not_reach_the_next() {
    let window = TimeWindow::new();
    window.stay_quiet_until(10);
    assert!(window.add(0, 9));
    assert!(!window.add(0, 10));
    assert_eq!(window.drain(1), 1);
    assert!(window.add(0, 9));
    assert!(window.add(1, 9));
    assert_eq!(window.drain(1), 1);
}

#[cfg(feature = "dashboard")]
#[test]
fn the_cells_of_a_window_are_its_calls_from_the_oldest_to_the_newest() {
    let numbers = |cells: Vec<Tally>| cells.into_iter().map(|cell| (cell.calls, cell.failures)).collect::<Vec<_>>();
    let mut window = CountWindow::new(5, true);
    window.record(FAILURE);
    assert_eq!(numbers(window.cells(2)), [(1, 1), (0, 0)], "three calls to a cell");
    for call in [SUCCESS, SUCCESS, SUCCESS, FAILURE, SUCCESS] {
        window.record(call);
    }
    assert_eq!(numbers(window.cells(2)), [(3, 0), (2, 1)], "the first has left");
    assert_eq!(numbers(window.cells(50)), [(1, 0), (1, 0), (1, 0), (1, 1), (1, 0)]);
    let mut buckets = Buckets::new(100);
    for bucket in 0..13 {
        buckets.advance(bucket * 10);
        (0..bucket).for_each(|_| buckets.record(SUCCESS));
    }
    let calls: Vec<u64> = buckets.cells().into_iter().map(|cell| cell.calls).collect();
    assert_eq!(calls, (3..13).collect::<Vec<_>>());
    buckets.advance(u64::MAX);
    assert_eq!(buckets.cells(), [Tally::default(); 10]);
}
