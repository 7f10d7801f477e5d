//! The connection of a channel, which its own task makes, and the calls that wait for it.

use crate::Phase;
use crate::clock;
use crate::context::Bound;
use crate::failure::ConnectTimeout;
use crate::registry::events;
use crate::sync::{Mutex, lock};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use tokio::time::Instant;

/// What a channel and its connector share.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since when a connection is being made: from the dial to the first message that leaves, so that TLS is part of it.
    since: Option<Instant>,
    /// How many calls have a message that has not left.
    waiting: usize,
    /// Nobody waits for the dial that is under way, which has taken too long.
    is_given_up: bool,
    /// The channel's task while it dials. It looks at nothing else then, and not at the calls that come.
    dialler: Option<Waker>,
}

impl Line {
    /// A call has a message to send.
    pub(super) fn join(&self) {
        lock(&self.0).waiting += 1;
    }

    /// Its message has left, over a connection, or never will.
    pub(super) fn leave(&self, has_left: bool) {
        let mut state = lock(&self.0);
        state.waiting -= 1;
        if has_left {
            state.since = None;
        }
    }

    /// A call has waited for too long. The dial is of no use any more, unless to another.
    fn give_up(&self) {
        let dialler = {
            let mut state = lock(&self.0);
            state.is_given_up = state.waiting == 0;
            if state.is_given_up { state.dialler.take() } else { None }
        };
        _ = dialler.map(Waker::wake);
    }

    fn begin(&self) {
        let mut state = lock(&self.0);
        state.since = Some(clock::instant());
        state.is_given_up = false;
    }

    /// Makes a connection: `dial` begins, and begins anew for the next call when those that waited have given up.
    pub(super) async fn connect<F, T, E>(&self, mut dial: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            self.begin();
            let mut attempt = pin!(dial());
            let ended = poll_fn(|cx| {
                {
                    let mut state = lock(&self.0);
                    if state.is_given_up {
                        return Poll::Ready(None);
                    }
                    state.dialler = Some(cx.waker().clone());
                }
                attempt.as_mut().poll(cx).map(Some)
            });
            if let Some(ended) = ended.await {
                if ended.is_err() {
                    lock(&self.0).since = None;
                }
                return ended;
            }
        }
    }
}

/// Ends when the connection that a call waits for has taken longer than its bound, if its message can still be kept back:
/// `keep_back` says so, once and for all.
///
/// The channel's task dials, and knows nothing of the call. So each call has its own clock, which counts from where both the
/// call and the dial have begun, and no call's bound is another's.
pub(super) async fn bounded(bound: Bound, line: Arc<Line>, keep_back: impl Fn() -> bool) -> ConnectTimeout {
    let Bound { limit, site } = bound;
    let begun = clock::instant();
    let mut due = clock::after(begun, limit);
    loop {
        tokio::time::sleep_until(due).await;
        let now = clock::instant();
        let since = lock(&line.0).since;
        // Not yet, or no more: one that begins from now on ends later than the next look.
        due = clock::after(since.map_or(now, |since| since.max(begun)), limit);
        if due > now {
            continue;
        }
        if !keep_back() {
            return pending().await;
        }
        line.give_up();
        events::timed_out(site, Phase::Connect, limit);
        return ConnectTimeout::new(limit, site);
    }
}
