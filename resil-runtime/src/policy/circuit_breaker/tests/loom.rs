//! Every interleaving. Run with `RUSTFLAGS="--cfg resil_loom" cargo test --release --lib loom`.

use std::time::Duration;

use ::loom::sync::Arc;
use ::loom::thread;

use super::super::{Circuit, CircuitState, Sample, Settings, Window};

static TWO_PLACES: Settings = Settings { window: Window::Calls(1), half_open_calls: 2, ..Settings::new() };
static ONE_PLACE: Settings = Settings { half_open_calls: 1, ..TWO_PLACES };
static TWO_CALLS: Settings = Settings { window: Window::Calls(2), failure_rate: 1.0, ..Settings::new() };
static TIME: Settings = Settings { window: Window::Time(Duration::from_secs(10)), ..Settings::new() };

fn record(circuit: &Circuit, sample: Sample, now: u64) {
    if let Ok((admission, _)) = circuit.admit(|| now) {
        let _ = circuit.record(admission, sample, || now);
    }
}

/// Open since 0, and due for half-open at the returned time.
fn open(settings: &'static Settings) -> (Arc<Circuit>, u64) {
    let circuit = Circuit::new(std::sync::Arc::new(*settings));
    record(&circuit, Sample::Failure, 0);
    (Arc::new(circuit), 30_000_000_000)
}

fn spawn<T: 'static>(circuit: &Arc<Circuit>, run: impl FnOnce(&Circuit) -> T + 'static) -> thread::JoinHandle<T> {
    let circuit = Arc::clone(circuit);
    thread::spawn(move || run(&circuit))
}

fn join<T>(thread: thread::JoinHandle<T>) -> T {
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[test]
fn of_three_threads_exactly_two_get_the_two_places() {
    ::loom::model(|| {
        let (circuit, now) = open(&TWO_PLACES);
        let asks = move |circuit: &Circuit| usize::from(circuit.admit(|| now).is_ok());
        let threads = [spawn(&circuit, asks), spawn(&circuit, asks)];
        let admitted = asks(&circuit) + threads.map(join).into_iter().sum::<usize>();
        assert_eq!(admitted, 2);
        assert_eq!(circuit.snapshot(now).not_permitted, 1);
    });
}

#[test]
fn a_dropped_probe_frees_its_place() {
    ::loom::model(|| {
        let (circuit, now) = open(&ONE_PLACE);
        let tries = move |circuit: &Circuit| record(circuit, Sample::Cancelled, now);
        let threads = [spawn(&circuit, tries), spawn(&circuit, tries)];
        let _ = threads.map(join);
        assert!(circuit.admit(|| now).is_ok());
        assert!(circuit.admit(|| now).is_err());
    });
}

#[test]
fn a_failure_that_races_a_reset_counts_before_it_or_not_at_all() {
    ::loom::model(|| {
        let circuit = Circuit::new(std::sync::Arc::new(ONE_PLACE));
        let Ok((running, _)) = circuit.admit(|| 0) else { panic!("closed") };
        let circuit = Arc::new(circuit);
        let resets = spawn(&circuit, |circuit| _ = circuit.reset());
        let _ = circuit.record(running, Sample::Failure, || 0);
        join(resets);
        let snapshot = circuit.snapshot(0);
        assert_eq!((snapshot.state, snapshot.calls), (CircuitState::Closed, 0));
    });
}

#[test]
fn a_failure_that_races_a_success_is_not_lost() {
    ::loom::model(|| {
        let circuit = Circuit::new(std::sync::Arc::new(TWO_CALLS));
        record(&circuit, Sample::Success, 0);
        record(&circuit, Sample::Success, 0);
        let circuit = Arc::new(circuit);
        let fails = spawn(&circuit, |circuit| record(circuit, Sample::Failure, 0));
        record(&circuit, Sample::Success, 0);
        join(fails);
        assert_eq!((circuit.snapshot(0).calls, circuit.snapshot(0).failures), (2, 1));
        record(&circuit, Sample::Failure, 0);
        record(&circuit, Sample::Failure, 0);
        assert_eq!(circuit.snapshot(0).state, CircuitState::Open);
    });
}

#[test]
fn a_time_window_loses_no_call() {
    ::loom::model(|| {
        let circuit = Circuit::new(std::sync::Arc::new(TIME));
        record(&circuit, Sample::Success, 0);
        let circuit = Arc::new(circuit);
        let fails = spawn(&circuit, |circuit| record(circuit, Sample::Failure, 0));
        let succeeds = spawn(&circuit, |circuit| record(circuit, Sample::Success, 0));
        // Another bucket.
        record(&circuit, Sample::Success, 1_000_000_000);
        join(fails);
        join(succeeds);
        let snapshot = circuit.snapshot(1_000_000_000);
        assert_eq!((snapshot.calls, snapshot.failures), (4, 1));
    });
}

#[test]
fn a_success_that_races_a_reset_of_a_time_window_counts_before_it_or_not_at_all() {
    ::loom::model(|| {
        let circuit = Circuit::new(std::sync::Arc::new(TIME));
        record(&circuit, Sample::Success, 0);
        let Ok((running, _)) = circuit.admit(|| 0) else { panic!("closed") };
        let circuit = Arc::new(circuit);
        let resets = spawn(&circuit, |circuit| circuit.reset());
        let _ = circuit.record(running, Sample::Success, || 0);
        join(resets);
        assert_eq!(circuit.snapshot(0).calls, 0);
    });
}
