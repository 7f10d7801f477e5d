//! One breaker with a clock that a test moves.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::super::{Admission, Cause, Circuit, CircuitState, Refusal, Sample, Settings, Snapshot, Transition};
use crate::clock::nanos;

pub(super) fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn valid(settings: Settings) -> Arc<Settings> {
    assert_eq!(settings.validate(), Ok(()));
    Arc::new(settings)
}

pub(super) fn cause(transition: Option<Transition>) -> Option<Cause> {
    transition.map(|transition| transition.cause)
}

pub(super) struct Breaker {
    pub(super) circuit: Circuit,
    now: Cell<u64>,
}

impl Breaker {
    pub(super) fn new(settings: Settings) -> Self {
        // Not zero, as no clock is that exact.
        Self { circuit: Circuit::new(valid(settings)), now: Cell::new(1_000_000_000_000) }
    }

    pub(super) fn wait(&self, seconds: f64) {
        self.now.set(self.now() + nanos(secs(seconds)));
    }

    pub(super) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(super) fn admit(&self) -> Result<Admission, Refusal> {
        self.circuit.admit(|| self.now()).map(|(admission, _)| admission)
    }

    #[track_caller]
    pub(super) fn admitted(&self) -> Admission {
        match self.admit() {
            Ok(admission) => admission,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    pub(super) fn end(&self, admission: Admission, sample: Sample) -> Option<Transition> {
        self.circuit.record(admission, sample, || self.now())
    }

    /// A call of this length.
    #[track_caller]
    pub(super) fn call(&self, sample: Sample, seconds: f64) -> Option<Transition> {
        let admission = self.admitted();
        self.wait(seconds);
        self.end(admission, sample)
    }

    /// Calls that take no time: success, failure, caller's fault, cancelled.
    #[track_caller]
    pub(super) fn calls(&self, script: &str) {
        for letter in script.chars() {
            let sample = match letter {
                'S' => Sample::Success,
                'F' => Sample::Failure,
                'C' => Sample::CallerFault,
                'X' => Sample::Cancelled,
                other => panic!("no such call: {other}"),
            };
            let _ = self.call(sample, 0.0);
        }
    }

    /// A call that panics, under a guard such as any caller has.
    #[track_caller]
    pub(super) fn panicking_call(&self) {
        let admission = self.admitted();
        let outcome = catch_unwind(AssertUnwindSafe(|| std::panic::resume_unwind(Box::new("oh"))));
        let sample = if outcome.is_ok() { Sample::Success } else { Sample::Failure };
        let _ = self.end(admission, sample);
    }

    pub(super) fn is_refused(&self) -> bool {
        self.admit().is_err()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.circuit.snapshot(self.now())
    }

    pub(super) fn state(&self) -> CircuitState {
        self.snapshot().state
    }

    pub(super) fn failure_rate(&self) -> Option<f64> {
        self.snapshot().failure_rate
    }

    /// All calls, and those that failed.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.snapshot().calls, self.snapshot().failures)
    }
}
