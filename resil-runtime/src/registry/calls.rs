//! The one place through which every call of an annotated function ends, whatever becomes of it.

use super::{Outcome, Registry, Site, States, Why, events};
use crate::clock::{self, Nanos};
use crate::failure::HttpStatus;
use crate::{Classify, Event, Kind, Verdict};
use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Who in the process wants to know of each call. While it is nobody, a call is not timed.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

pub(super) fn one_listener_more() {
    LISTENERS.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn one_listener_less() {
    LISTENERS.fetch_sub(1, Ordering::Relaxed);
}

#[inline]
pub(super) fn is_anybody_listening() -> bool {
    LISTENERS.load(Ordering::Relaxed) > 0
}

/// The calls of one annotated function.
#[derive(Debug)]
pub struct Calls {
    site: &'static Site,
    #[cfg(feature = "metrics")]
    pub(crate) cells: crate::metrics::Cells,
}

impl Calls {
    /// Of the function that stands there.
    pub const fn of(site: &'static Site) -> Self {
        Self {
            site,
            #[cfg(feature = "metrics")]
            cells: crate::metrics::Cells::new(),
        }
    }

    /// One call begins.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call")]
    pub fn begin(&'static self) -> Running {
        Running(if is_anybody_listening() { self.watched() } else { None })
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::unnecessary_wraps, reason = "the other case is the hot one")]
    fn watched(&'static self) -> Option<Box<Watched>> {
        Some(Box::new(Watched {
            calls: self,
            began: clock::now(),
            waits_until: Cell::new(0),
            waited: Cell::new(0),
            repeats: Cell::new(0),
        }))
    }

    /// A call was refused before it began.
    #[cold]
    pub fn refused(&'static self) {
        if let Running(Some(watched)) = &mut self.begin() {
            watched.finish(Outcome::Failed(Verdict::refused()), None);
        }
    }

    /// A call has failed that nothing repeats.
    #[cold]
    pub fn failed(&'static self, verdict: Option<Verdict>) {
        // What a policy refuses, it says itself.
        if let Some(verdict) = verdict.filter(|verdict| verdict.kind != Kind::Refused) {
            events::gave_up(self.site, 1, Why::NoRetry, &verdict);
        }
    }
}

/// A call under way. Dropped without an end it was cancelled, or panicked.
#[must_use = "a call that is dropped counts as cancelled"]
#[derive(Debug)]
pub struct Running(Option<Box<Watched>>);

#[derive(Debug)]
struct Watched {
    calls: &'static Calls,
    began: Nanos,
    /// When the last wait between attempts is over.
    waits_until: Cell<Nanos>,
    waited: Cell<Nanos>,
    repeats: Cell<u32>,
}

impl Running {
    /// An attempt is over, and another follows after this delay.
    #[cold]
    pub(crate) fn waits(&self, delay: impl FnOnce() -> Duration) {
        let Some(watched) = &self.0 else { return };
        let delay = clock::nanos(delay());
        watched.repeats.set(watched.repeats.get().saturating_add(1));
        watched.waited.set(watched.waited.get().saturating_add(delay));
        watched.waits_until.set(clock::now().saturating_add(delay));
    }

    /// It is over. `verdict` is what its outcome means, `text` what its error says.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every call")]
    pub fn end(mut self, verdict: impl FnOnce() -> Option<Verdict>, text: impl FnOnce() -> Option<String>) {
        if let Some(mut watched) = self.0.take() {
            watched.end(verdict, text);
        }
        // Nothing is left to do.
        std::mem::forget(self);
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        if let Some(watched) = &mut self.0 {
            watched.dropped();
        }
    }
}

impl Watched {
    #[cold]
    #[inline(never)]
    fn end(&mut self, verdict: impl FnOnce() -> Option<Verdict>, text: impl FnOnce() -> Option<String>) {
        let outcome = verdict().map_or(Outcome::Succeeded, Outcome::Failed);
        let is_told = matches!(outcome, Outcome::Failed(_)) && Registry::with(States::tells_errors);
        let error = if is_told { text().map(|text| super::said::said(&text).into()) } else { None };
        self.finish(outcome, error);
    }

    #[cold]
    #[inline(never)]
    fn dropped(&mut self) {
        self.finish(if std::thread::panicking() { Outcome::Panicked } else { Outcome::Cancelled }, None);
    }

    fn finish(&mut self, outcome: Outcome, error: Option<Arc<str>>) {
        let now = clock::now();
        let left_of_wait = self.waits_until.get().saturating_sub(now);
        let is_tried = left_of_wait == 0 && !matches!(outcome, Outcome::Failed(Verdict { kind: Kind::Refused, .. }));
        let attempts = self.repeats.get().saturating_add(u32::from(is_tried));
        let waited = Duration::from_nanos(self.waited.get().saturating_sub(left_of_wait));
        let elapsed = Duration::from_nanos(now.saturating_sub(self.began));
        #[cfg(feature = "metrics")]
        self.calls.cells.count(outcome, attempts, elapsed);
        let site = self.calls.site;
        events::finished(Event::Finished { site, attempts, waited, elapsed, outcome, error });
    }
}

/// What has come of a call, to be asked what it means and what it says.
#[derive(Debug)]
pub struct Ended<'a, R>(pub &'a R);

impl<R> Clone for Ended<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Ended<'_, R> {}

impl<T, E: Classify> Ended<'_, Result<T, E>> {
    /// `None` for a success. *Found before [`EndedSomehow`], since it is no trait's.*
    pub fn resil_meaning(&self) -> Option<Verdict> {
        self.0.as_ref().err().map(Classify::verdict)
    }
}

impl<T, E: Display> Ended<'_, Result<T, E>> {
    /// What its error says. *Found before [`EndedSilently`], since it is no trait's.*
    pub fn resil_words(&self) -> Option<String> {
        self.0.as_ref().err().map(ToString::to_string)
    }
}

/// The same for a success that carries a status of its own. Found before all others, by one reference more.
pub trait EndedWithStatus {
    /// What it means.
    fn resil_meaning(&self) -> Option<Verdict>;
}

impl<T: HttpStatus, E: Classify> EndedWithStatus for &Ended<'_, Result<T, E>> {
    fn resil_meaning(&self) -> Option<Verdict> {
        match self.0 {
            Ok(answer) => answer.status_verdict(),
            Err(error) => Some(error.verdict()),
        }
    }
}

/// The same for an error that nobody has classified.
pub trait EndedSomehow {
    /// What it means.
    fn resil_meaning(&self) -> Option<Verdict>;
}

impl<T, E> EndedSomehow for Ended<'_, Result<T, E>> {
    fn resil_meaning(&self) -> Option<Verdict> {
        self.0.is_err().then(Verdict::unclassified)
    }
}

/// The same for what is no result, which is a mistake that is reported elsewhere. Found last, by one reference less.
pub trait EndedOtherwise {
    /// Nothing.
    fn resil_meaning(self) -> Option<Verdict>;
}

impl<R> EndedOtherwise for Ended<'_, R> {
    fn resil_meaning(self) -> Option<Verdict> {
        None
    }
}

/// The same for an error without a text.
pub trait EndedSilently {
    /// What it says.
    fn resil_words(&self) -> Option<String>;
}

impl<R> EndedSilently for Ended<'_, R> {
    fn resil_words(&self) -> Option<String> {
        None
    }
}
