//! Opening, probing, closing: what goes wrong in other breakers, and must not here.

use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use super::super::{Cause, CircuitState, Sample, Settings, Transition, Window};
use super::support::{Breaker, cause, secs};

fn half_open(half_open_calls: u32) -> Breaker {
    let breaker = Breaker::new(Settings { window: Window::Calls(1), half_open_calls, ..Settings::new() });
    breaker.calls("F");
    breaker.wait(30.0);
    breaker
}

#[test]
fn of_fifty_concurrent_callers_exactly_two_get_the_two_places() {
    let breaker = half_open(2);
    let (circuit, now) = (&breaker.circuit, breaker.now());
    let (start, ran) = (Barrier::new(50), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                start.wait();
                if circuit.admit(|| now).is_ok() {
                    ran.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(ran.into_inner(), 2);
    assert_eq!(breaker.snapshot().not_permitted, 48);
}

#[test]
fn a_result_that_comes_after_a_change_changes_nothing_and_frees_no_place() {
    let breaker = Breaker::new(Settings { window: Window::Calls(1), half_open_calls: 2, ..Settings::new() });
    let [old, older] = [breaker.admitted(), breaker.admitted()];
    breaker.calls("F");
    assert_eq!(breaker.end(old, Sample::Success), None);
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Open, (1, 1)));
    breaker.wait(30.0);
    let _probes = [breaker.admitted(), breaker.admitted()];
    for sample in [Sample::Failure, Sample::CallerFault, Sample::Cancelled, Sample::Success] {
        assert_eq!(breaker.end(older, sample), None);
    }
    assert!(breaker.is_refused());
    assert_eq!(breaker.counts(), (0, 0));
}

#[test]
fn a_probe_of_an_earlier_period_frees_no_place() {
    let breaker = half_open(1);
    let stale = breaker.admitted();
    breaker.wait(60.0);
    assert!(breaker.is_refused());
    breaker.wait(30.0);
    let _probe = breaker.admitted();
    assert_eq!(breaker.end(stale, Sample::Cancelled), None);
    assert!(breaker.is_refused());
}

#[test]
fn ten_panics_open_a_window_of_three_and_a_panicking_probe_spends_its_place() {
    let breaker = Breaker::new(Settings { window: Window::Calls(3), min_calls: 3, ..Settings::new() });
    let running: Vec<_> = (0..7).map(|_| breaker.admitted()).collect();
    (0..3).for_each(|_| breaker.panicking_call());
    for late in running {
        assert_eq!(breaker.end(late, Sample::Failure), None);
    }
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::Open, (3, 3)));

    let breaker = half_open(2);
    breaker.panicking_call();
    let _probe = breaker.admitted();
    assert!(breaker.is_refused());
    assert_eq!(breaker.counts(), (1, 1));
}

#[test]
fn a_dropped_probe_frees_its_place_and_the_breaker_recovers() {
    let breaker = half_open(1);
    breaker.calls("XXX");
    assert_eq!((breaker.state(), breaker.counts()), (CircuitState::HalfOpen, (0, 0)));
    breaker.calls("S");
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[test]
fn with_one_place_a_success_closes_and_a_failure_opens_again() {
    for (call, state) in [("S", CircuitState::Closed), ("F", CircuitState::Open)] {
        let breaker = half_open(1);
        breaker.calls(call);
        assert_eq!(breaker.state(), state);
    }
}

#[test]
fn an_overdue_half_open_period_is_judged_by_the_probes_that_ended() {
    for (script, state, expected) in [
        ("SF", CircuitState::Open, Cause::FailureRate),
        ("SSF", CircuitState::Closed, Cause::ProbesPassed),
        ("X", CircuitState::Open, Cause::NoProbeEnded),
        ("CX", CircuitState::Closed, Cause::OnlyCallerFaults),
        ("CF", CircuitState::Open, Cause::FailureRate),
    ] {
        let breaker = half_open(5);
        breaker.calls(script);
        let _hangs = breaker.admitted();
        breaker.wait(59.0);
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
        breaker.wait(1.0);
        let transition = match breaker.circuit.admit(|| breaker.now()) {
            Ok((_, transition)) => transition,
            Err(refusal) => {
                assert_eq!(refusal.retry_after(), Some(secs(30.0)));
                refusal.transition
            }
        };
        assert_eq!((breaker.state(), cause(transition)), (state, Some(expected)), "{script}");
    }
}

#[test]
fn the_call_that_half_opens_brings_the_transition() {
    let breaker = Breaker::new(Settings { window: Window::Calls(1), half_open_calls: 1, ..Settings::new() });
    assert_eq!(cause(breaker.call(Sample::Failure, 0.0)), Some(Cause::FailureRate));
    breaker.wait(29.0);
    let refused = breaker.admit().map_err(|refusal| refusal.retry_after());
    assert_eq!(refused, Err(Some(secs(1.0))));
    assert_eq!(breaker.snapshot().retry_after, Some(secs(1.0)));
    breaker.wait(1.0);
    let admitted = breaker.circuit.admit(|| breaker.now());
    let expected = Transition { from: CircuitState::Open, to: CircuitState::HalfOpen, cause: Cause::WaitOver };
    assert_eq!(admitted.map(|(_, transition)| transition), Ok(Some(expected)));
    assert_eq!(breaker.admit().map_err(|refusal| refusal.retry_after()), Err(None));
}

#[test]
fn openings_grow_up_to_their_maximum_and_start_anew_after_closing() {
    let breaker = Breaker::new(Settings {
        window: Window::Calls(1),
        half_open_calls: 1,
        open_for: Duration::from_secs(4),
        open_factor: 2.0,
        open_max: Duration::from_secs(10),
        ..Settings::new()
    });
    for expected in [4.0, 8.0, 10.0, 10.0] {
        breaker.calls("F");
        assert_eq!(breaker.snapshot().retry_after, Some(secs(expected)));
        breaker.wait(expected);
    }
    breaker.calls("SF");
    assert_eq!(breaker.snapshot().retry_after, Some(secs(4.0)));
}
