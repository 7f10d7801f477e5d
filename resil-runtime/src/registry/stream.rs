//! Events as they happen, to whoever subscribed.

use super::calls::{one_listener_less, one_listener_more};
use super::{Event, Registry};
use std::fmt;
use std::future::pending;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// How many events wait for a slow subscriber. The oldest go first.
const BUFFERED: usize = 1024;

/// All subscribers of the process, and whoever counts, so that an event nobody waits for costs one load and is never put
/// together.
static SUBSCRIBERS: AtomicUsize = AtomicUsize::new(0);

/// Those of them that want the end of each call.
static OF_CALLS: AtomicUsize = AtomicUsize::new(0);

/// Has events counted from now on.
#[cfg(feature = "metrics")]
pub(crate) fn count_events() {
    SUBSCRIBERS.fetch_add(1, Ordering::Relaxed);
    one_listener_more();
}

/// What one registry tells. Has no buffer until somebody subscribes.
#[derive(Debug, Default)]
pub(super) struct Stream(OnceLock<Sender<Event>>);

impl Stream {
    fn subscribe(&self) -> Events {
        SUBSCRIBERS.fetch_add(1, Ordering::Relaxed);
        Events { receiver: self.0.get_or_init(|| broadcast::channel(BUFFERED).0).subscribe(), of_calls: false }
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
        #[cfg(feature = "metrics")]
        crate::metrics::count(&event);
        Registry::with(|states| states.stream.send(event));
    }
}

/// The same for the end of a call.
pub(super) fn tell_of_call(event: impl FnOnce() -> Event) {
    if OF_CALLS.load(Ordering::Relaxed) > 0 {
        Registry::with(|states| states.stream.send(event()));
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
    /// Whether the end of each call is among them.
    of_calls: bool,
}

impl Events {
    /// The same, and the end of each call: [`Event::Finished`]. As long as such a subscription lives, each call of an annotated
    /// function is timed, and takes room among the 1024 events that are kept for the slow ones. It needs the feature `metrics`,
    /// without which no call is watched.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use resil::{Event, Outcome, circuit_breaker, registry};
    ///
    /// #[circuit_breaker]
    /// async fn pay() -> std::io::Result<()> { Ok(()) }
    ///
    /// let mut events = registry().subscribe().with_calls();
    /// assert!(pay().await.is_ok());
    /// let Event::Finished { attempts: 1, outcome, .. } = events.next().await else { panic!("it is over") };
    /// assert_eq!(outcome, Outcome::Succeeded);
    /// # }
    /// ```
    pub fn with_calls(mut self) -> Self {
        if !std::mem::replace(&mut self.of_calls, true) {
            OF_CALLS.fetch_add(1, Ordering::Relaxed);
            one_listener_more();
        }
        self
    }

    /// Whether it is somebody else's.
    fn skips(&self, event: &Event) -> bool {
        !self.of_calls && matches!(event, Event::Finished { .. })
    }

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
        loop {
            match self.receiver.recv().await {
                Ok(event) if self.skips(&event) => {}
                Ok(event) => return event,
                Err(RecvError::Lagged(events)) => return Event::Missed(events),
                Err(RecvError::Closed) => return pending().await,
            }
        }
    }

    /// The next event if it has happened; never waits.
    ///
    /// ```
    /// let mut events = resil::registry().subscribe();
    /// assert!(events.try_next().is_none());
    /// ```
    pub fn try_next(&mut self) -> Option<Event> {
        loop {
            match self.receiver.try_recv() {
                Ok(event) if self.skips(&event) => {}
                Ok(event) => return Some(event),
                Err(TryRecvError::Lagged(events)) => return Some(Event::Missed(events)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        SUBSCRIBERS.fetch_sub(1, Ordering::Relaxed);
        if self.of_calls {
            OF_CALLS.fetch_sub(1, Ordering::Relaxed);
            one_listener_less();
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("waiting", &self.receiver.len()).field("of_calls", &self.of_calls).finish()
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
