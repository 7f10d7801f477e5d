//! Events as they happen, to whoever subscribed.

use super::{Event, Registry};
use std::fmt;
use std::future::pending;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// How many events wait for a slow subscriber. The oldest go first.
const BUFFERED: usize = 1024;

/// All subscribers of the process, so that an event nobody waits for costs one load and is never put together.
static SUBSCRIBERS: AtomicUsize = AtomicUsize::new(0);

/// What one registry tells. Has no buffer until somebody subscribes.
#[derive(Debug, Default)]
pub(super) struct Stream(OnceLock<Sender<Event>>);

impl Stream {
    fn subscribe(&self) -> Events {
        SUBSCRIBERS.fetch_add(1, Ordering::Relaxed);
        Events { receiver: self.0.get_or_init(|| broadcast::channel(BUFFERED).0).subscribe() }
    }

    fn send(&self, event: Event) {
        if let Some(sender) = self.0.get() {
            // Without a subscriber it comes back, and is dropped.
            _ = sender.send(event);
        }
    }
}

/// Gives an event to the subscribers of this thread's registry, if there are any. Never waits for one.
#[inline]
pub(crate) fn tell(event: impl FnOnce() -> Event) {
    if SUBSCRIBERS.load(Ordering::Relaxed) > 0 {
        let event = event();
        Registry::with(|states| states.stream.send(event));
    }
}

impl Registry {
    /// Everything that happens in a policy from now on: changes of state, refusals, retries, timeouts.
    ///
    /// A call never waits for a subscriber: the last 1024 events are kept for a slow one, and [`Event::Missed`] says how
    /// many it lost. Events of two threads may arrive in another order than they happened in. Works without the feature `tracing`. Without a subscriber an event costs one load.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), resil::Error> {
    /// use resil::{CircuitBreaker, CircuitState, Event, registry};
    ///
    /// static MAILER: CircuitBreaker = CircuitBreaker::named("mailer");
    ///
    /// let mut events = registry().subscribe();
    /// MAILER.force_open()?;
    /// match events.next().await {
    ///     Event::StateChanged { breaker, to: CircuitState::ForcedOpen, .. } => assert_eq!(breaker, "mailer"),
    ///     other => println!("{other}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn subscribe(self) -> Events {
        Self::with(|states| states.stream.subscribe())
    }
}

/// A subscription to what happens. Dropping it ends it. See [`Registry::subscribe`].
#[must_use = "dropping it unsubscribes"]
pub struct Events {
    receiver: Receiver<Event>,
}

impl Events {
    /// Waits for the next event. Dropping the future loses none. It never ends; of an isolated registry that is gone it
    /// waits forever.
    ///
    /// ```no_run
    /// # async fn watch() {
    /// let mut events = resil::registry().subscribe();
    /// loop {
    ///     eprintln!("{}", events.next().await);
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Event {
        match self.receiver.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(events)) => Event::Missed(events),
            Err(RecvError::Closed) => pending().await,
        }
    }

    /// The next event if it has happened; never waits.
    ///
    /// ```
    /// let mut events = resil::registry().subscribe();
    /// assert!(events.try_next().is_none());
    /// ```
    pub fn try_next(&mut self) -> Option<Event> {
        match self.receiver.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(events)) => Some(Event::Missed(events)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        SUBSCRIBERS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("waiting", &self.receiver.len()).finish()
    }
}

#[cfg(all(test, not(resil_loom)))]
mod tests {
    use super::*;
    use crate::registry;
    use std::cell::Cell;

    #[test]
    fn an_event_is_put_together_only_for_a_subscriber() {
        let made = Cell::new(0);
        let count = || {
            made.set(made.get() + 1);
            Event::Missed(7)
        };
        tell(count);
        assert_eq!(made.get(), 0, "nobody waits");
        let mut events = registry::registry().subscribe();
        tell(count);
        assert_eq!((made.get(), events.try_next()), (1, Some(Event::Missed(7))));
        drop(events);
        tell(count);
        assert_eq!(made.get(), 1, "nobody waits any more");
    }
}
