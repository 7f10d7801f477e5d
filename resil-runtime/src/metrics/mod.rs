//! Numbers for whoever watches the service, through the [`metrics`](https://docs.rs/metrics) facade (feature `metrics`).
//!
//! [`install`] them after the recorder. Every series is there from then on, at zero, and its labels come from the program alone:
//! names, places in the source, and words of resil's. What they are is in the page `docs/metrics.md`.
//!
//! Counting goes to cells of resil's own, and from there to the recorder once a second. Without the
//! feature, nothing is paid for it.

mod cells;
#[cfg(feature = "sqlx")]
mod databases;
mod publish;
mod rare;

pub(crate) use cells::Cells;
#[cfg(feature = "sqlx")]
pub(crate) use databases::keep;
pub use publish::publish;
pub(crate) use rare::count;

use crate::registry::count_events;
use crate::sync::{Mutex, lock};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

static IS_WANTED: AtomicBool = AtomicBool::new(false);
static IS_TIMING: AtomicBool = AtomicBool::new(true);
static PUBLISHER: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

fn is_wanted() -> bool {
    IS_WANTED.load(Ordering::Relaxed)
}

fn is_timing() -> bool {
    IS_TIMING.load(Ordering::Relaxed)
}

/// Counts from now on, and tells the recorder once a second: from a task, if it is called in a Tokio runtime. Otherwise call
/// [`publish`] before each time that the numbers are read.
///
/// Call it after the recorder was installed, once; the second time it only starts the task again, should its runtime have ended.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// // After the recorder, for example `PrometheusBuilder::new().install_recorder()?`.
/// resil::metrics::install();
/// # }
/// ```
pub fn install() {
    if !IS_WANTED.swap(true, Ordering::Relaxed) {
        count_events();
    }
    publish();
    let Ok(runtime) = Handle::try_current() else { return };
    let mut publisher = lock(&PUBLISHER);
    if publisher.as_ref().is_none_or(JoinHandle::is_finished) {
        *publisher = Some(runtime.spawn(async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                publish();
            }
        }));
    }
}

/// Whether the time that calls take is told, `resil_call_duration_seconds`. It is until told otherwise; each call is timed in any
/// case, for subscribers.
///
/// ```
/// resil::metrics::time_calls(false);
/// # resil::metrics::time_calls(true);
/// ```
pub fn time_calls(time: bool) {
    IS_TIMING.store(time, Ordering::Relaxed);
}
