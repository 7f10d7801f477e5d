//! One request on its way: how far it came.

use super::call;
use super::record::Record;
use crate::sync::{AtomicBool, Ordering};
use std::cell::RefCell;
use std::sync::Arc;

thread_local!(static CURRENT: RefCell<Option<Arc<Departure>>> = const { RefCell::new(None) });

/// A request of an adapter's, from before it leaves until its outcome is known. Shared with what works for it: the
/// connector, the redirect policy, the connection that asks for its body.
#[derive(Debug)]
pub(crate) struct Departure {
    /// Of the call it belongs to.
    record: Option<Arc<Record>>,
    acts: Acts,
    stops_at_redirects: bool,
    is_counted: AtomicBool,
    is_redirected: AtomicBool,
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
    pub(crate) fn begin(acts: Acts, stops_at_redirects: bool) -> Arc<Self> {
        let departure = Self {
            record: call::record(),
            acts,
            stops_at_redirects,
            is_counted: AtomicBool::new(false),
            is_redirected: AtomicBool::new(false),
            is_undialled: AtomicBool::new(false),
            body_is_asked_for: AtomicBool::new(false),
        };
        match &departure.record {
            Some(record) if acts != Acts::Yes => record.harmless(),
            _ => departure.count(),
        }
        Arc::new(departure)
    }

    fn count(&self) {
        if let Some(record) = &self.record
            && !self.is_counted.swap(true, Ordering::AcqRel)
        {
            record.left();
        }
    }

    /// For one poll of the request.
    pub(crate) fn enter<R>(self: &Arc<Self>, poll: impl FnOnce() -> R) -> R {
        struct Leave(Option<Arc<Departure>>);
        impl Drop for Leave {
            fn drop(&mut self) {
                CURRENT.replace(self.0.take());
            }
        }
        let _leave = Leave(CURRENT.replace(Some(Arc::clone(self))));
        poll()
    }

    /// The partner answered with the address of another.
    pub(crate) fn redirected(&self) {
        self.is_redirected.store(true, Ordering::Release);
    }

    pub(crate) fn is_redirected(&self) -> bool {
        self.is_redirected.load(Ordering::Acquire)
    }

    /// Whether who sends it looks at redirects itself.
    pub(crate) fn stops_at_redirects(&self) -> bool {
        self.stops_at_redirects
    }

    /// Whether it may change something.
    pub(crate) fn acts(&self) -> bool {
        self.acts == Acts::Yes
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
        self.is_undialled() && !self.is_redirected() && !self.body_is_asked_for.load(Ordering::Acquire)
    }

    /// It is certain to have done nothing.
    pub(crate) fn undone(&self) {
        if self.is_counted.swap(false, Ordering::AcqRel)
            && let Some(record) = &self.record
        {
            record.undone();
        }
    }
}

/// The request that is being polled.
pub(crate) fn current() -> Option<Arc<Departure>> {
    CURRENT.with_borrow(Option::clone)
}
