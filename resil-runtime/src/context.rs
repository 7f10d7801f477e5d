//! What travels down a call: the deadline, the bound on connecting, the proof of idempotency; and up again: the marks
//! when data moved, the connections and our own waits under way, and what was sent.
//!
//! A frame is entered on each poll of an attempt and left before the poll returns, so it depends on no executor and
//! follows the future wherever it is polled.

mod activity;
mod bound;
mod call;
mod carried;
#[cfg_attr(not(feature = "reqwest"), expect(dead_code, reason = "adapters make departures"))]
pub(crate) mod departure;
mod in_flight;
#[cfg_attr(not(feature = "reqwest"), expect(dead_code, reason = "adapters claim keys"))]
pub(crate) mod keyed;
mod listener;
mod record;
mod span;

pub(crate) use activity::{Activity, Pause};
pub(crate) use bound::Bound;
pub use bound::Due;
pub use call::Sent;
pub(crate) use call::{Call, Repeat, begins, given_up, sent};
pub(crate) use carried::Carried;
pub(crate) use in_flight::InFlight;
pub(crate) use keyed::AttemptKey;
#[cfg(feature = "http")]
pub(crate) use listener::asked_to_pause;
pub(crate) use listener::{Listener, Pauses};

pub(crate) use record::GivenUp;
#[cfg(feature = "sqlx")]
pub(crate) use span::{CallersSpan, in_callers_span};

use crate::registry::{Registry, States};
use std::cell::{Cell, OnceCell};
use std::num::NonZeroU32;
use std::sync::Arc;

scoped_tls::scoped_thread_local!(static CURRENT: Frame);

thread_local! {
    /// Whether a frame is entered: one load, where a scoped key costs a call.
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// What one attempt hands to the calls within it.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) deadline: Option<Due>,
    pub(crate) connect: Option<Bound>,
    pub(crate) keyed: Option<Arc<AttemptKey>>,
    /// The nearest `read` of the attempts around, this one included, in milliseconds; without one nobody listens.
    read: Option<NonZeroU32>,
    /// Where it bounds connections itself: how many had been made outside of any call when it began.
    pub(crate) dialled_outside: u32,
    /// Its own: what happens in it happens in the attempts around it, and not in those beside it.
    activity: OnceCell<Arc<Activity>>,
}

impl Frame {
    /// Hands the key of the call's attempt down, if it has one.
    #[cold]
    pub(crate) fn of_attempt(frame: &mut Option<Self>, sent: &Sent) {
        if let Some(keyed) = sent.key() {
            frame.get_or_insert_default().keyed = Some(Arc::new(keyed));
        }
    }

    /// A frame that bounds the connections made within, and the silences of the requests.
    pub(crate) fn bounding(connect: Option<Bound>, read: Option<NonZeroU32>) -> Self {
        Self { connect, read, ..Self::default() }
    }

    /// Takes over what the caller's frame bounds more tightly.
    pub(crate) fn inherit(&mut self) {
        if self.connect.is_some() {
            self.dialled_outside = Registry::with(States::dialled_outside);
        }
        current(|outer| {
            self.deadline = Due::nearer(self.deadline, outer.deadline);
            self.connect = Bound::nearer(self.connect, outer.connect);
            self.read = self.read.into_iter().chain(outer.read).min();
            self.keyed = match (self.keyed.take(), &outer.keyed) {
                (Some(own), Some(outer)) => Some(Arc::new(own.within(outer))),
                (own, outer) => own.or_else(|| outer.clone()),
            };
        });
    }

    /// Runs one poll inside this frame; what moves and what waits within count for the caller's attempt too.
    #[inline]
    pub(crate) fn enter<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Leave(bool);
        impl Drop for Leave {
            fn drop(&mut self) {
                ENTERED.set(self.0);
            }
        }
        let result = {
            let _leave = Leave(ENTERED.replace(true));
            CURRENT.set(self, poll)
        };
        if let Some(ours) = self.activity.get()
            && let Some(outers) = activity()
        {
            ours.belongs_to(&outers);
        }
        result
    }

    pub(crate) fn activity(&self) -> Option<&Activity> {
        self.activity.get().map(Arc::as_ref)
    }

    /// To be told of what happens, if a read clock listens.
    fn listening(&self) -> Option<&Arc<Activity>> {
        self.read.map(|_| self.activity.get_or_init(Arc::default))
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
pub(crate) fn connect_bound() -> Option<Bound> {
    current(|frame| frame.connect).flatten()
}

/// Whether anything annotated is being polled here, as far as it hands anything down: a circuit breaker alone does not.
pub(crate) fn is_inside_a_call() -> bool {
    ENTERED.get() || call::is_inside()
}

/// The key under which this call may be repeated.
pub(crate) fn keyed() -> Option<Arc<AttemptKey>> {
    current(|frame| frame.keyed.clone()).flatten()
}

/// Data moved: the read clock of every attempt around this restarts.
pub(crate) fn mark() {
    if let Some(activity) = activity() {
        activity.mark();
    }
}

/// What the attempt or request being polled shares with tasks that work for it, if a read clock listens.
pub(crate) fn activity() -> Option<Arc<Activity>> {
    current(|frame| frame.listening().cloned()).flatten()
}
