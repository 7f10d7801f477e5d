//! One look a second for all viewers, and none without one.

use super::document::Document;
use super::process::Process;
use super::sample::sample;
use crate::registry::{Registry, States};
use crate::sync::{Mutex, lock};
use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// How old what a viewer sees may become.
const EVERY: Duration = Duration::from_secs(1);
/// A transition is shown at once; many of them, together.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// After so long a viewer comes again, and is asked again who it is.
const LASTS: Duration = Duration::from_secs(600);

/// Whoever serves the page keeps the other end for as long as they do.
pub(super) type Open = watch::Receiver<()>;

/// The newest look, for whoever is as fast as that: a slow viewer misses some, and none is kept for it.
#[derive(Debug)]
pub(super) struct Hub {
    process: Process,
    newest: watch::Sender<Option<Arc<Document>>>,
    producer: Mutex<Option<JoinHandle<()>>>,
}

impl Hub {
    pub(super) fn new() -> Self {
        Self { process: Process::this(), newest: watch::Sender::new(None), producer: Mutex::new(None) }
    }

    /// One look for somebody who does not stay.
    pub(super) fn look(&self) -> Document {
        sample(&self.process)
    }

    /// All that happens from now on, as server-sent events. Dropping the body ends it, and so does whoever serves it, if that can
    /// end; the last to leave ends the looking.
    pub(super) fn stream(self: &Arc<Self>, open: Option<Open>) -> Body {
        let viewer = Viewer { newest: self.subscribe(), seen: None, until: Instant::now() + LASTS };
        let events = stream::unfold(viewer, async |mut viewer| {
            let event = viewer.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(event)), viewer))
        });
        let closed = async move {
            match open {
                Some(mut open) => _ = open.changed().await,
                None => pending().await,
            }
        };
        Body::from_stream(events.take_until(Box::pin(closed)))
    }

    fn subscribe(self: &Arc<Self>) -> watch::Receiver<Option<Arc<Document>>> {
        let mut producer = lock(&self.producer);
        let newest = self.newest.subscribe();
        if producer.as_ref().is_none_or(JoinHandle::is_finished) {
            *producer = Some(tokio::spawn(produce(Arc::clone(self))));
        }
        newest
    }

    /// Whether nobody looks any more. Whoever comes after that finds no producer, and starts one.
    fn is_over(&self) -> bool {
        let mut producer = lock(&self.producer);
        let is_over = self.newest.is_closed();
        if is_over {
            *producer = None;
            self.newest.send_replace(None);
        }
        is_over
    }
}

async fn produce(hub: Arc<Hub>) {
    let mut touched = Registry::with(States::touched);
    loop {
        touched.mark_unchanged();
        let before = hub.newest.borrow().clone();
        let new = sample(&hub.process);
        let new = if let Some(before) = before { new.following(&before) } else { new };
        hub.newest.send_replace(Some(Arc::new(new)));
        let next = Instant::now() + EVERY;
        tokio::select! {
            () = hub.newest.closed() => {}
            () = sleep(AT_MOST_EVERY) => tokio::select! {
                () = hub.newest.closed() => {}
                // An error: of a test's registry that is gone.
                _ = timeout_at(next, touched.changed()) => {}
            },
        }
        if hub.is_over() {
            return;
        }
    }
}

struct Viewer {
    newest: watch::Receiver<Option<Arc<Document>>>,
    seen: Option<Arc<Document>>,
    until: Instant,
}

impl Viewer {
    /// The next event; `None` when its time is over.
    async fn next(&mut self) -> Option<String> {
        // Also one who reads so slowly that there is always something new.
        while Instant::now() < self.until {
            let newest = self.newest.borrow_and_update().clone();
            if let Some(newest) =
                newest.filter(|newest| self.seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, newest)))
            {
                let event = format!("data: {}\n\n", newest.to_json(self.seen.as_deref()));
                self.seen = Some(newest);
                return Some(event);
            }
            timeout_at(self.until, self.newest.changed()).await.ok()?.ok()?;
        }
        None
    }
}

#[cfg(all(test, feature = "testing", not(resil_loom)))]
mod tests {
    use super::*;
    use crate::CircuitBreaker;
    use crate::testing::isolated;

    #[tokio::test(start_paused = true)]
    async fn of_what_a_viewer_does_not_read_nothing_is_kept() {
        let _scope = isolated();
        let hub = Arc::new(Hub::new());
        let mut deaf = Viewer { newest: hub.subscribe(), seen: None, until: Instant::now() + LASTS };
        let mut other = hub.subscribe();
        assert!(deaf.next().await.is_some_and(|event| event.contains("\"is_whole\":true")));
        let mut published = Vec::new();
        for _ in 0..20 {
            assert!(other.changed().await.is_ok());
            published.extend(other.borrow_and_update().as_ref().map(Arc::downgrade));
        }
        let kept = published.iter().filter(|document| document.upgrade().is_some()).count();
        assert_eq!((published.len(), kept), (20, 2), "the one that it was sent, and the newest");
        assert!(
            deaf.next().await.is_some_and(|event| event.contains("\"is_whole\":false")),
            "what it has missed, at once"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_looks_once_a_second_and_at_once_when_something_changes() {
        let _scope = isolated();
        let hub = Arc::new(Hub::new());
        let mut newest = hub.subscribe();
        let begun = Instant::now();
        assert!(newest.changed().await.is_ok() && newest.changed().await.is_ok());
        assert_eq!(begun.elapsed(), EVERY, "the first at once, the second after a second");
        let breaker = CircuitBreaker::named("looked at");
        for _ in 0..50 {
            assert!(breaker.force_open().is_ok() && breaker.reset().is_ok());
        }
        assert!(newest.changed().await.is_ok() && newest.changed().await.is_ok());
        assert_eq!(begun.elapsed(), EVERY + AT_MOST_EVERY + EVERY, "a hundred transitions are one look");
    }

    #[tokio::test(start_paused = true)]
    async fn a_viewer_is_asked_again_who_it_is() {
        let hub = Arc::new(Hub::new());
        let mut viewer = Viewer { newest: hub.subscribe(), seen: None, until: Instant::now() + LASTS };
        let mut events = 0;
        while viewer.next().await.is_some() {
            events += 1;
        }
        assert!(events > 500, "{events}");
    }

    #[tokio::test(start_paused = true)]
    async fn so_is_one_who_reads_slowly() {
        let hub = Arc::new(Hub::new());
        let mut viewer = Viewer { newest: hub.subscribe(), seen: None, until: Instant::now() + LASTS };
        while viewer.next().await.is_some() {
            assert!(Instant::now() < viewer.until, "something new was always there");
            sleep(10 * EVERY).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_after_the_producer_has_died_starts_another_for_all() {
        let _scope = isolated();
        let hub = Arc::new(Hub::new());
        let mut first = hub.subscribe();
        assert!(first.changed().await.is_ok());
        if let Some(producer) = &*lock(&hub.producer) {
            producer.abort();
        }
        assert!(timeout_at(Instant::now() + 10 * EVERY, first.changed()).await.is_err(), "nobody looks");
        let _second = hub.subscribe();
        assert!(timeout_at(Instant::now() + 10 * EVERY, first.changed()).await.is_ok());
    }
}
