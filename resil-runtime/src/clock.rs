//! The only readers of time.
//!
//! Two clocks, which never meet. Breakers and budgets ask often and compare only with themselves: they read the time
//! stamp counter, a third of the price of `Instant::now`. Bounds end in a Tokio timer and therefore use Tokio's clock.
//! Under `resil::testing` both follow Tokio's, so that paused time pauses everything.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep};

/// Nanoseconds since the process first asked.
pub(crate) type Nanos = u64;

struct Counter {
    clock: quanta::Clock,
    origin: u64,
}

static COUNTER: LazyLock<Counter> = LazyLock::new(|| {
    let clock = quanta::Clock::new();
    let origin = clock.raw();
    Counter { clock, origin }
});

/// The cheap clock, for the state machines.
#[inline]
pub(crate) fn now() -> Nanos {
    #[cfg(feature = "testing")]
    if let Some(nanos) = followed::nanos() {
        return nanos;
    }
    let counter = &*COUNTER;
    counter.clock.delta_as_nanos(counter.origin, counter.clock.raw())
}

/// The clock of timers, for what must end at a moment.
#[inline]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Calibrates the counter (some milliseconds, once a process) before the first call needs it.
pub(crate) fn warm() {
    LazyLock::force(&COUNTER);
}

/// Saturates instead of overflowing: about 584 years.
pub(crate) fn nanos(duration: std::time::Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `instant + duration`, where a wait of more than thirty years is one of thirty years: longer ones overflow a timer.
pub(crate) fn after(instant: Instant, duration: std::time::Duration) -> Instant {
    const FAR: std::time::Duration = std::time::Duration::from_hours(24 * 365 * 30);
    instant.checked_add(duration.min(FAR)).unwrap_or(instant)
}

/// Sees to it that the timer wakes the task by then; ready if it has rung, perhaps for an earlier moment.
pub(crate) fn poll_until(mut timer: Pin<&mut Sleep>, due: Instant, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
    // A moment that was put off is looked at when the timer rings, and not each time.
    if timer.deadline() > due || timer.is_elapsed() || timer.deadline() <= now {
        timer.as_mut().reset(due);
    }
    timer.poll(cx)
}

/// Tokio's clock in place of the counter on one thread, for tests.
#[cfg(feature = "testing")]
pub(crate) mod followed {
    use super::{Instant, Nanos, instant, nanos as in_nanos};
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, Ordering};

    thread_local! {
        static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// So that a process which never asked for it pays one load.
    static EVER: AtomicBool = AtomicBool::new(false);

    /// Counts Tokio's time from this origin on this thread, and hands back the origin that was there.
    pub(crate) fn replace(origin: Option<Instant>) -> Option<Instant> {
        EVER.store(true, Ordering::Relaxed);
        ORIGIN.replace(origin)
    }

    pub(crate) fn origin() -> Option<Instant> {
        ORIGIN.get()
    }

    #[inline]
    pub(super) fn nanos() -> Option<Nanos> {
        if !EVER.load(Ordering::Relaxed) {
            return None;
        }
        ORIGIN.get().map(|origin| in_nanos(instant().saturating_duration_since(origin)))
    }
}
