//! The window, the manual controls, and what a breaker costs.

use std::time::Duration;

use super::super::{Cause, Circuit, CircuitState, Sample, Settings, Transition, Window};
use super::support::{Breaker, cause};

const SECOND: u64 = 1_000_000_000;

#[test]
fn after_a_thousand_successes_the_fifth_failure_opens() {
    let breaker = Breaker::new(Settings { window: Window::Calls(10), min_calls: 5, ..Settings::new() });
    breaker.calls(&"S".repeat(1000));
    breaker.calls("FFFF");
    assert_eq!(breaker.state(), CircuitState::Closed);
    breaker.calls("F");
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[test]
fn rates_are_compared_as_fractions() {
    for (size, failures, failure_rate) in [(100, 7, 0.07), (50, 14, 0.28)] {
        let window = Window::Calls(size);
        let breaker = Breaker::new(Settings { window, min_calls: size, failure_rate, ..Settings::new() });
        breaker.calls(&"F".repeat(failures));
        breaker.calls(&"S".repeat(size as usize - failures));
        assert_eq!(breaker.state(), CircuitState::Open, "{failures} of {size}");
    }
}

#[test]
fn an_observed_breaker_reports_each_crossing_once_and_refuses_nothing() {
    for window in [Window::Calls(4), Window::Time(Duration::from_secs(10))] {
        let breaker = Breaker::new(Settings { window, min_calls: 2, ..Settings::new() });
        assert_eq!(cause(breaker.circuit.observe()), Some(Cause::Manual));
        let reports = |script: &str| {
            let samples = script.chars().map(|call| if call == 'F' { Sample::Failure } else { Sample::Success });
            samples.filter_map(|sample| breaker.call(sample, 0.0)).count()
        };
        assert_eq!(reports("FFFF"), 1);
        assert_eq!(reports("SSSSS"), 0);
        assert_eq!(reports("FFFFF"), 1);
        assert_eq!(breaker.state(), CircuitState::Observing);
    }
}

#[test]
fn a_disabled_breaker_lets_all_pass_and_records_nothing() {
    for window in [Window::Calls(2), Window::Time(Duration::from_secs(10))] {
        let breaker = Breaker::new(Settings { window, min_calls: 2, ..Settings::new() });
        breaker.calls("SSSF");
        let _ = breaker.circuit.disable();
        breaker.calls("FFSFFS");
        assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Disabled, (0, 0)));
        let _ = breaker.circuit.reset();
        breaker.calls("F");
        assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Closed, (1, 1)));
    }
}

#[test]
fn a_forced_open_breaker_refuses_until_it_is_reset() {
    let breaker = Breaker::new(Settings::new());
    let running = breaker.admitted();
    let forced = breaker.circuit.force_open();
    assert_eq!(
        forced,
        Some(Transition { from: CircuitState::Closed, to: CircuitState::ForcedOpen, cause: Cause::Manual })
    );
    assert_eq!(breaker.circuit.force_open(), None);
    breaker.wait(1e9);
    assert_eq!(breaker.admit().map_err(|refusal| refusal.retry_after()), Err(None));
    assert_eq!((breaker.snapshot().retry_after, breaker.snapshot().not_permitted), (None, 1));
    let _ = breaker.circuit.reset();
    assert_eq!(breaker.end(running, Sample::Failure), None);
    breaker.calls("S");
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Closed, (1, 0)));
}

#[test]
fn durations_saturate() {
    let breaker = Breaker::new(Settings {
        window: Window::Calls(1),
        slow_call: Some(Duration::MAX),
        open_for: Duration::MAX,
        open_factor: 3.0,
        open_max: Duration::MAX,
        half_open_max_wait: Duration::MAX,
        ..Settings::new()
    });
    breaker.calls("SF");
    breaker.wait(1e10);
    assert!(breaker.is_refused());
    let _ = breaker.circuit.force_open_for(Duration::MAX, breaker.now());
    assert!(breaker.is_refused());
    let _ = breaker.circuit.reset();
    breaker.calls("S");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[test]
fn a_usual_call_reads_no_clock() {
    let breaker = Breaker::new(Settings::new());
    let clock = || panic!("nobody needs the time");
    for sample in [Sample::Success, Sample::Failure, Sample::CallerFault, Sample::Cancelled].repeat(30) {
        match breaker.circuit.admit(clock) {
            Ok((admission, _)) if sample != Sample::Failure => {
                assert_eq!(breaker.circuit.record(admission, sample, clock), None);
            }
            Ok(_) => {}
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

#[test]
fn a_breaker_of_a_hundred_calls_takes_at_most_256_bytes() {
    let bits = 100_usize.div_ceil(8);
    assert!(size_of::<Circuit>() + bits <= 256, "{} + {bits}", size_of::<Circuit>());
}

#[test]
fn two_threads_lose_no_call_of_a_time_window() {
    let window = Window::Time(Duration::from_secs(10));
    let breaker = Breaker::new(Settings { window, failure_rate: 1.0, ..Settings::new() });
    let circuit = &breaker.circuit;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for call in 0..100_000_u64 {
                    let sample = if call % 100 == 99 { Sample::Failure } else { Sample::Success };
                    if let Ok((admission, _)) = circuit.admit(|| call) {
                        assert_eq!(circuit.record(admission, sample, || call * 10_000), None);
                    }
                }
            });
        }
    });
    let snapshot = circuit.snapshot(SECOND);
    assert_eq!((snapshot.calls, snapshot.failures), (200_000, 2_000));
}
