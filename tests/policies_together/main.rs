//! Policies stacked on one function, and functions that call each other: sequences with known outcomes, in paused
//! time. The breaker's own sequences are tested beside it, in `resil-runtime`.

mod bounds_and_keys;
mod together;
mod what_others_get_wrong;

use resil::{Classify, Error, IdempotencyKey, Kind, Verdict, circuit_breaker, deadline, retry, timeout};
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// Counts the runs of a body.
#[derive(Default)]
struct Runs(AtomicU32);

impl Runs {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Relaxed) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

#[derive(Debug, Classify)]
enum Failed {
    #[classify(status)]
    Status(u16),
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

fn lost() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn is_open(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::CircuitOpen { .. }))
}
