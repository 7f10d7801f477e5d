//! Circuit machines: sequences whose outcome the test suites of other libraries publish.

use std::time::Duration;

use super::super::{Cause, CircuitState, Sample, Settings, Window};
use super::support::{Breaker, secs};

/// Resilience4j's state machine tests all use these.
fn state_machine() -> Breaker {
    Breaker::new(state_machine_settings())
}

fn state_machine_settings() -> Settings {
    Settings {
        window: Window::Time(Duration::from_secs(20)),
        min_calls: 5,
        slow_call: Some(Duration::from_secs(4)),
        slow_rate: 0.5,
        open_for: Duration::from_secs(5),
        half_open_calls: 4,
        half_open_max_wait: Duration::from_secs(1),
        ..Settings::new()
    }
}

fn half_open() -> Breaker {
    let breaker = state_machine();
    breaker.calls("FFFFF");
    breaker.wait(5.0);
    breaker
}

#[test]
fn resilience4j_state_machine_three_failures_of_five_open() {
    let breaker = state_machine();
    for call in ["F", "F", "F", "S"] {
        breaker.calls(call);
        assert_eq!((breaker.state(), breaker.failure_rate()), (CircuitState::Closed, None));
    }
    breaker.calls("S");
    assert_eq!((breaker.state(), breaker.failure_rate(), breaker.counts()), (CircuitState::Open, Some(0.6), (5, 3)));
    assert!(breaker.is_refused());
    assert_eq!(breaker.snapshot().not_permitted, 1);
}

#[test]
fn resilience4j_state_machine_two_failures_of_five_stay_closed() {
    let breaker = state_machine();
    for _ in 0..3 {
        breaker.calls("S");
        breaker.wait(1.0);
    }
    breaker.calls("FF");
    assert_eq!((breaker.state(), breaker.failure_rate()), (CircuitState::Closed, Some(0.4)));
    breaker.calls("F");
    assert_eq!((breaker.state(), breaker.failure_rate()), (CircuitState::Open, Some(0.5)));
}

#[test]
fn resilience4j_state_machine_slow_calls_open() {
    let breaker = state_machine();
    let _ = breaker.call(Sample::Failure, 5.0);
    let _ = breaker.call(Sample::Success, 5.0);
    let _ = breaker.call(Sample::Failure, 0.1);
    let _ = breaker.call(Sample::Success, 0.1);
    let opened = breaker.call(Sample::Success, 5.0);
    assert_eq!(opened.map(|change| change.cause), Some(Cause::SlowRate));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.slow, snapshot.slow_rate), (CircuitState::Open, 3, Some(0.6)));
}

#[test]
fn resilience4j_state_machine_half_opens_with_cleared_metrics() {
    let breaker = state_machine();
    breaker.calls("FFFFF");
    breaker.wait(3.0);
    assert!(breaker.is_refused());
    breaker.wait(3.0);
    let _ = breaker.admitted();
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.failure_rate), (CircuitState::HalfOpen, None));
    assert_eq!((snapshot.calls, snapshot.failures, snapshot.slow, snapshot.not_permitted), (0, 0, 0, 0));
}

#[test]
fn resilience4j_state_machine_stays_forced_open_for_two_hours() {
    let breaker = state_machine();
    let _ = breaker.circuit.force_open_for(secs(7200.0), breaker.now());
    breaker.wait(3600.0);
    assert!(breaker.is_refused());
    breaker.wait(3601.0);
    assert!(breaker.admitted().is_probe());
}

#[test]
fn resilience4j_state_machine_the_second_opening_is_longer() {
    let breaker = Breaker::new(Settings { open_factor: 1.5, ..state_machine_settings() });
    breaker.calls("FFFFF");
    breaker.wait(6.0);
    breaker.calls("FFFF");
    assert_eq!(breaker.state(), CircuitState::Open);
    breaker.wait(6.0);
    assert!(breaker.is_refused());
    breaker.wait(5.0);
    assert!(breaker.admitted().is_probe());
}

#[test]
fn resilience4j_state_machine_failing_probes_open_again() {
    let breaker = half_open();
    breaker.calls("FFSF");
    assert_eq!((breaker.state(), breaker.failure_rate(), breaker.counts()), (CircuitState::Open, Some(0.75), (4, 3)));
}

#[test]
fn resilience4j_state_machine_slow_probes_open_again() {
    let breaker = half_open();
    let [fast, slow @ ..] = [(); 4].map(|()| breaker.admitted());
    let _ = breaker.end(fast, Sample::Success);
    breaker.wait(5.0);
    for probe in slow {
        let _ = breaker.end(probe, Sample::Success);
    }
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, CircuitState::Open);
    assert_eq!((snapshot.slow_rate, snapshot.failure_rate), (Some(0.75), Some(0.0)));
}

#[test]
fn resilience4j_state_machine_passing_probes_close_with_cleared_metrics() {
    let breaker = half_open();
    breaker.calls("FSSS");
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Closed, (0, 0)));
    breaker.calls("S");
    assert_eq!((breaker.failure_rate(), breaker.counts()), (None, (1, 0)));
}

#[test]
fn resilience4j_state_machine_faults_of_the_caller_give_their_places_back() {
    let breaker = half_open();
    breaker.calls("SSSC");
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::HalfOpen, (3, 0)));
    breaker.calls("F");
    assert_eq!(breaker.state(), CircuitState::Closed);

    let breaker = half_open();
    breaker.calls("CCCC");
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    breaker.calls("SSSS");
    assert_eq!(breaker.state(), CircuitState::Closed);
}
