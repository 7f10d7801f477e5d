//! One request on its way: how far it came.

use super::call;
use super::record::CallRecord;
use crate::sync::{AtomicBool, Ordering};
use std::cell::RefCell;
use std::sync::Arc;

thread_local!(static CURRENT: RefCell<Option<Arc<Departure>>> = const { RefCell::new(None) });

/// A request of an adapter's, from before it leaves until its outcome is known. Shared with what works for it: the
/// connector, the redirect policy, the connection that asks for its body.
#[derive(Debug)]
pub(crate) struct Departure {
    /// Its own: it can be begun in one call and awaited in another.
    record: CallRecord,
    acts: Acts,
    /// Host and port, as a URL has them.
    to: String,
    stops_at_redirects: bool,
    is_counted: AtomicBool,
    is_redirected: AtomicBool,
    is_dialled: AtomicBool,
    is_undialled: AtomicBool,
    body_is_asked_for: AtomicBool,
}

/// What a request may do, as far as its maker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    /// It may change something.
    Yes,
    /// Its method is safe.
    Safe,
    /// It is said to be harmless, whatever it looks like.
    Never,
}

impl Departure {
    /// Counts from here on as something that has left, if it may act.
    pub(crate) fn begin(acts: Acts, to: String, stops_at_redirects: bool) -> Arc<Self> {
        let departure = Self {
            record: CallRecord::new(None),
            acts,
            to,
            stops_at_redirects,
            is_counted: AtomicBool::new(false),
            is_redirected: AtomicBool::new(false),
            is_dialled: AtomicBool::new(false),
            is_undialled: AtomicBool::new(false),
            body_is_asked_for: AtomicBool::new(false),
        };
        departure.is_waited_for(true);
        if acts == Acts::Yes {
            departure.count();
        }
        Arc::new(departure)
    }

    /// Whether the call is waiting for it, or has waited in vain.
    pub(crate) fn is_waited_for(&self, is_waited_for: bool) {
        self.record.waits_harmlessly(is_waited_for && self.acts != Acts::Yes);
    }

    fn count(&self) {
        if !self.is_counted.swap(true, Ordering::AcqRel) {
            self.record.left();
        }
    }

    /// For one poll of the request, by a call that hears of it from now on.
    pub(crate) fn enter<R>(self: &Arc<Self>, poll: impl FnOnce() -> R) -> R {
        struct Leave(Option<Arc<Departure>>);
        impl Drop for Leave {
            fn drop(&mut self) {
                CURRENT.replace(self.0.take());
            }
        }
        if let Some(call) = call::record() {
            self.record.belongs_to(&call);
        }
        let _leave = Leave(CURRENT.replace(Some(Arc::clone(self))));
        poll()
    }

    /// Whether it is the one being polled.
    pub(crate) fn is_current(self: &Arc<Self>) -> bool {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|current| Arc::ptr_eq(current, self)))
    }

    /// The partner answered with the address of another.
    pub(crate) fn redirected(&self) {
        self.is_redirected.store(true, Ordering::Release);
    }

    pub(crate) fn is_redirected(&self) -> bool {
        self.is_redirected.load(Ordering::Acquire)
    }

    /// Whether who sends it looks at the redirect itself: at the first one.
    pub(crate) fn stops_at_redirects(&self) -> bool {
        self.stops_at_redirects && !self.is_redirected()
    }

    /// Whether it may change something.
    pub(crate) fn acts(&self) -> bool {
        self.acts == Acts::Yes
    }

    /// Our connector is asked for a connection to there. If that is not where it goes, it was redirected, by a policy that
    /// is not ours.
    pub(crate) fn dials(&self, there: &str) {
        if !there.contains(&format!("//{}/", self.to)) {
            self.redirected();
        }
    }

    /// Our connector has made a connection for it, over which it is sent.
    pub(crate) fn dialled(&self) {
        self.is_dialled.store(true, Ordering::Release);
    }

    /// Our connector has failed to make a connection for it.
    pub(crate) fn undialled(&self) {
        self.is_undialled.store(true, Ordering::Release);
    }

    pub(crate) fn is_undialled(&self) -> bool {
        self.is_undialled.load(Ordering::Acquire)
    }

    /// Its streamed body is asked for, by a connection that has begun to send it.
    pub(crate) fn body_asked_for(&self) {
        self.body_is_asked_for.store(true, Ordering::Release);
        if self.acts == Acts::Safe {
            self.count();
        }
    }

    /// Whether our connector says that nothing of it was sent, and nothing contradicts.
    pub(crate) fn never_left(&self) -> bool {
        let has_left = [&self.is_dialled, &self.is_redirected, &self.body_is_asked_for];
        self.is_undialled() && !has_left.iter().any(|flag| flag.load(Ordering::Acquire))
    }

    /// It is certain to have done nothing.
    pub(crate) fn undone(&self) {
        if self.is_counted.swap(false, Ordering::AcqRel) {
            self.record.undone();
        }
    }
}

/// The request that is being polled.
pub(crate) fn current() -> Option<Arc<Departure>> {
    CURRENT.with_borrow(Option::clone)
}
