//! What travels down a call: the deadline, the bound on connecting, the proof of idempotency; and up again: the marks
//! of progress, the connections under way, and what was sent.
//!
//! A frame is entered on each poll of an attempt and left before the poll returns, so it depends on no executor and
//! follows the future wherever it is polled.

mod call;
mod carried;
#[cfg_attr(not(feature = "reqwest"), expect(dead_code, reason = "adapters make departures"))]
pub(crate) mod departure;
pub(crate) mod keyed;
mod record;

pub use call::Sent;
pub(crate) use call::{Entered, Repeat, sent};
pub(crate) use carried::Carried;
pub(crate) use keyed::Keyed;
pub(crate) use record::Record;

use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{Due, Site, clock};
use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

scoped_tls::scoped_thread_local!(static CURRENT: Frame);

thread_local! {
    /// Whether a frame is entered: one load, where a scoped key costs a call.
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// The longest wait for a connection, and whose bound it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectBound {
    pub(crate) limit: Duration,
    pub(crate) site: &'static Site,
}

/// What one attempt hands to the calls within it.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) deadline: Option<Due>,
    pub(crate) connect: Option<ConnectBound>,
    pub(crate) keyed: Option<Arc<Keyed>>,
    /// Counts connection made, request chunk, response head, body chunk: what restarts the read clock.
    marks: Cell<u32>,
    activity: OnceCell<Arc<Activity>>,
}

impl Frame {
    /// A frame that hands down a key and no more.
    pub(crate) fn keyed(keyed: Keyed) -> Self {
        Self { keyed: Some(Arc::new(keyed)), ..Self::default() }
    }

    /// A frame that bounds the connections made within.
    pub(crate) fn bounding(connect: Option<ConnectBound>) -> Self {
        Self { connect, ..Self::default() }
    }

    /// Takes over what the caller's frame bounds more tightly.
    pub(crate) fn inherit(&mut self) {
        current(|outer| {
            self.deadline = Due::nearer(self.deadline, outer.deadline);
            self.connect = self.connect.or(outer.connect);
            self.keyed = match (self.keyed.take(), &outer.keyed) {
                (Some(own), Some(outer)) => Some(Arc::new(own.within(outer))),
                (own, outer) => own.or_else(|| outer.clone()),
            };
            if let Some(activity) = outer.activity.get() {
                self.activity = Arc::clone(activity).into();
            }
        });
    }

    /// Runs one poll inside this frame; progress and connections within count for the caller's attempt too.
    #[inline]
    pub(crate) fn enter<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Leave(bool);
        impl Drop for Leave {
            fn drop(&mut self) {
                ENTERED.set(self.0);
            }
        }
        let marks = self.marks.get();
        let result = {
            let _leave = Leave(ENTERED.replace(true));
            CURRENT.set(self, poll)
        };
        if self.marks.get() != marks {
            mark();
        }
        if let Some(activity) = self.activity.get() {
            current(|outer| _ = outer.activity.set(Arc::clone(activity)));
        }
        result
    }

    /// The marks made in polls of this attempt so far.
    pub(crate) fn marks(&self) -> u32 {
        self.marks.get()
    }

    pub(crate) fn activity(&self) -> Option<&Activity> {
        self.activity.get().map(Arc::as_ref)
    }

    fn shared_activity(&self) -> Arc<Activity> {
        Arc::clone(self.activity.get_or_init(Arc::default))
    }
}

#[inline]
fn current<R>(f: impl FnOnce(&Frame) -> R) -> Option<R> {
    ENTERED.get().then(|| CURRENT.with(f))
}

/// The nearest deadline of the calls around this one.
#[inline]
pub(crate) fn deadline() -> Option<Due> {
    current(|frame| frame.deadline).flatten()
}

/// The bound on connecting in force here.
pub(crate) fn connect_bound() -> Option<ConnectBound> {
    current(|frame| frame.connect).flatten()
}

/// The key under which this call may be repeated.
pub(crate) fn keyed() -> Option<Arc<Keyed>> {
    current(|frame| frame.keyed.clone()).flatten()
}

/// Data moved: the read clock of every attempt around this restarts.
pub(crate) fn mark() {
    current(|frame| frame.marks.set(frame.marks.get().wrapping_add(1)));
}

/// What the attempt being polled shares with tasks that work for it.
#[cfg(feature = "reqwest")]
pub(crate) fn activity() -> Option<Arc<Activity>> {
    current(Frame::shared_activity)
}

/// What happens for an attempt outside its own polls: connections being made, during which its read clock stands
/// still, chunks of a request body being sent, and a body that runs in a bulkhead.
#[derive(Debug)]
pub(crate) struct Activity {
    dialling: AtomicU32,
    /// When data last moved or a connection was done, in nanoseconds after `origin`.
    latest: AtomicU64,
    origin: Instant,
}

impl Default for Activity {
    fn default() -> Self {
        Self { dialling: AtomicU32::new(0), latest: AtomicU64::new(0), origin: clock::instant() }
    }
}

impl Activity {
    /// Since when nothing happens; `None` while something is being dialled.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        let idle = self.dialling.load(Ordering::Acquire) == 0;
        idle.then(|| self.origin + Duration::from_nanos(self.latest.load(Ordering::Acquire)))
    }

    /// Data moved, or a connection was done.
    pub(crate) fn mark(&self) {
        let now = clock::nanos(clock::instant().saturating_duration_since(self.origin));
        self.latest.fetch_max(now, Ordering::AcqRel);
    }
}

/// A connection under way on behalf of an attempt; ends when dropped.
#[derive(Debug)]
pub(crate) struct Dialling(Arc<Activity>);

impl Dialling {
    /// Registers with the attempt that is being polled, if there is one.
    pub(crate) fn start() -> Option<Self> {
        let activity = current(Frame::shared_activity)?;
        activity.dialling.fetch_add(1, Ordering::AcqRel);
        Some(Self(activity))
    }

    /// Whether the attempt it belongs to is the one being polled. A connector that lost the race against a pooled
    /// connection is moved to a task of its own: the request has gone without it, and it holds up no clock.
    pub(crate) fn is_ours(&self) -> bool {
        current(|frame| frame.activity.get().is_some_and(|activity| Arc::ptr_eq(activity, &self.0))).unwrap_or(false)
    }
}

impl Drop for Dialling {
    fn drop(&mut self) {
        self.0.mark();
        self.0.dialling.fetch_sub(1, Ordering::AcqRel);
    }
}
