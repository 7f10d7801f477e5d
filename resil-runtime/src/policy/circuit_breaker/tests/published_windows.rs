//! Windows and rates: sequences whose outcome the test suites of other libraries publish.

use std::time::Duration;

use super::super::{CircuitState, Sample, Settings, Window};
use super::support::Breaker;

/// A window that shows its rates and never opens.
fn observed(window: Window, min_calls: u32) -> Breaker {
    let breaker = Breaker::new(Settings { window, min_calls, failure_rate: 1.0, ..Settings::new() });
    let _ = breaker.circuit.observe();
    breaker
}

#[test]
fn resilience4j_metrics_a_window_of_ten_slides() {
    let breaker = observed(Window::Calls(10), 10);
    breaker.calls("SSFF");
    assert_eq!((breaker.failure_rate(), breaker.counts()), (None, (4, 2)));
    breaker.calls("FFFFSSSS");
    assert_eq!((breaker.failure_rate(), breaker.counts()), (Some(0.6), (10, 6)));
    breaker.calls("SSS");
    assert_eq!(breaker.failure_rate(), Some(0.3));
}

#[test]
fn resilience4j_metrics_a_window_of_four_forgets_its_failure() {
    let breaker = observed(Window::Calls(4), 1);
    for (call, rate) in [("F", 1.0), ("S", 0.5), ("S", 1.0 / 3.0), ("S", 0.25)] {
        breaker.wait(0.1);
        breaker.calls(call);
        assert_eq!(breaker.failure_rate(), Some(rate));
    }
    breaker.calls("S");
    assert_eq!(breaker.counts(), (4, 0));
}

#[test]
fn resilience4j_metrics_a_window_of_two_counts_slow_calls() {
    let slow_call = Some(Duration::from_secs(1));
    let breaker = Breaker::new(Settings { window: Window::Calls(2), slow_call, ..Settings::new() });
    let _ = breaker.circuit.observe();
    for (sample, length, slow) in
        [(Sample::Failure, 2.0, 1), (Sample::Success, 2.0, 2), (Sample::Success, 0.0, 1), (Sample::Success, 0.0, 0)]
    {
        let _ = breaker.call(sample, length);
        assert_eq!(breaker.snapshot().slow, slow);
    }
}

#[test]
fn resilience4j_metrics_a_window_of_five_seconds_slides() {
    let breaker = observed(Window::Time(Duration::from_secs(5)), 1);
    let steps = [
        (0.0, "F", (1, 1)),
        (0.1, "S", (2, 1)),
        (0.1, "S", (3, 1)),
        (1.0, "S", (4, 1)),
        (1.0, "S", (5, 1)),
        (1.0, "F", (6, 2)),
        (1.0, "S", (7, 2)),
        (1.0, "S", (5, 1)),
        (1.0, "S", (5, 1)),
        (5.0, "S", (1, 0)),
    ];
    for (wait, call, counts) in steps {
        breaker.wait(wait);
        breaker.calls(call);
        assert_eq!(breaker.counts(), counts);
    }
}

#[test]
fn failsafe_two_failures_of_three_open() {
    let opens = |script| {
        let window = Window::Calls(3);
        let breaker = Breaker::new(Settings { window, min_calls: 3, failure_rate: 2.0 / 3.0, ..Settings::new() });
        breaker.calls(script);
        breaker.state() == CircuitState::Open
    };
    assert!(opens("FSF"));
    assert!(!opens("FSS"));
}

#[test]
fn failsafe_three_failures_of_four_are_needed() {
    let breaker = Breaker::new(Settings { window: Window::Calls(4), failure_rate: 0.75, ..Settings::new() });
    breaker.calls(&"SF".repeat(20));
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[test]
fn polly_the_rate_opens_from_enough_calls_on() {
    let table = [(10, 0, false), (10, 1, true), (10, 2, true), (11, 2, true), (9, 1, false)];
    for (calls, failures, opens) in table {
        for window in [Window::Calls(100), Window::Time(Duration::from_secs(10))] {
            let breaker = Breaker::new(Settings { window, min_calls: 10, failure_rate: 0.1, ..Settings::new() });
            let running: Vec<_> = (0..calls).map(|_| breaker.admitted()).collect();
            for (index, call) in running.into_iter().enumerate() {
                let sample = if index < failures { Sample::Failure } else { Sample::Success };
                let _ = breaker.end(call, sample);
            }
            assert_eq!(breaker.state() == CircuitState::Open, opens, "{failures} of {calls}");
        }
    }
}

#[test]
fn polly_a_sample_is_gone_after_exactly_the_sampling_duration() {
    let breaker = observed(Window::Time(Duration::from_secs(10)), 1);
    breaker.calls("FSSSS");
    assert_eq!((breaker.failure_rate(), breaker.counts()), (Some(0.2), (5, 1)));
    breaker.wait(10.0);
    assert_eq!(breaker.counts(), (0, 0));
}
