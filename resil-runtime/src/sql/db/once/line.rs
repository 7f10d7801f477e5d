//! Where the requests of one process that have the same ID stand in line, so that one of them asks the database, and the
//! others hold no connection. Those behind it are answered what it found out.

use super::{OnceError, OnceProblem};
use crate::sync::{Mutex, lock};
use crate::{Error, clock};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The stored outcome of a request, and by what it is told from another with its ID.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) fingerprint: Arc<str>,
    pub(super) outcome: Arc<str>,
}

/// So long it is passed on. A line that never ends asks again, so that nothing is remembered for longer than it is kept.
const NEWS: Duration = Duration::from_secs(1);

/// Who is first may ask. It leaves behind what it found.
#[derive(Default)]
struct State {
    is_taken: bool,
    news: Option<(Found, Instant)>,
}

type Line = Arc<watch::Sender<State>>;
type Of = (&'static str, Arc<str>);

/// All lines of a database, and how many stand in each.
#[derive(Default)]
pub(in crate::sql::db) struct Lines(Mutex<HashMap<Of, (Line, usize)>>);

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lines({})", lock(&self.0).len())
    }
}

/// A place in a line. The last to leave takes the line away.
pub(super) struct Place {
    lines: Arc<Lines>,
    of: Of,
    line: Line,
    is_first: bool,
}

impl Place {
    pub(super) fn of(lines: &Arc<Lines>, op: &'static str, id: &str) -> Self {
        let of = (op, Arc::from(id));
        let mut all = lock(&lines.0);
        let (line, places) = all.entry(Of::clone(&of)).or_default();
        *places += 1;
        let line = Line::clone(line);
        drop(all);
        Self { lines: Arc::clone(lines), of, line, is_first: false }
    }

    /// Waits to be the first, and answers what one before it has found, if it did.
    pub(super) async fn first(&mut self, until: Instant) -> Result<Option<Found>, Error> {
        let wait = until.saturating_duration_since(clock::instant());
        let turn = timeout(wait, self.turn()).await;
        turn.map_err(|_| OnceError::new(self.of.0, OnceProblem::Running).into())
    }

    /// A turn is taken and never given: one that is not polled any more would keep it from those behind it.
    async fn turn(&mut self) -> Option<Found> {
        let mut changes = self.line.subscribe();
        loop {
            let mut found = None;
            self.line.send_if_modified(|state| {
                let news = state.news.as_ref().filter(|(_, since)| since.elapsed() < NEWS);
                found = news.map(|(found, _)| found.clone());
                self.is_first = found.is_none() && !state.is_taken;
                state.is_taken |= self.is_first;
                // Nobody waits for this.
                false
            });
            if found.is_some() || self.is_first {
                return found;
            }
            // It is there as long as this place.
            _ = changes.changed().await;
        }
    }

    /// Tells the others.
    pub(super) fn tell(self, found: Found) {
        // They are woken when this leaves.
        self.line.send_if_modified(|state| {
            state.news = Some((found, clock::instant()));
            false
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_first {
            self.line.send_modify(|state| state.is_taken = false);
        }
        let mut lines = lock(&self.lines.0);
        if let Some((_, places)) = lines.get_mut(&self.of) {
            *places -= 1;
            if *places == 0 {
                lines.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(outcome: &str) -> Found {
        Found { fingerprint: "f".into(), outcome: outcome.into() }
    }

    async fn first(place: &mut Place) -> Option<String> {
        let until = clock::instant() + Duration::from_secs(1);
        place.first(until).await.unwrap().map(|found| found.outcome.to_string())
    }

    #[tokio::test]
    async fn who_stands_behind_is_told_and_the_last_takes_the_line_away() {
        let lines = Arc::default();
        let [mut one, mut two, mut other] =
            [Place::of(&lines, "op", "1"), Place::of(&lines, "op", "1"), Place::of(&lines, "op", "2")];
        assert_eq!(first(&mut one).await, None);
        assert_eq!(first(&mut other).await, None, "another line");
        let error = two.first(clock::instant()).await.err().unwrap();
        assert_eq!(error.to_string(), "the first request with this ID is still running `op`: not run");
        one.tell(found("7"));
        assert_eq!(first(&mut two).await.as_deref(), Some("7"));
        drop((two, other));
        assert_eq!(format!("{lines:?}"), "Lines(0)");
        assert_eq!(first(&mut Place::of(&lines, "op", "1")).await, None, "it is kept in the database alone");
    }

    #[tokio::test]
    async fn who_leaves_lets_the_next_one_ask() {
        let lines = Arc::default();
        let mut places = [(); 3].map(|()| Place::of(&lines, "op", "1"));
        assert_eq!(first(&mut places[0]).await, None);
        let [failed, mut next, gone] = places;
        drop(gone);
        drop(failed);
        assert_eq!(first(&mut next).await, None);
        drop(next);
        assert_eq!(format!("{lines:?}"), "Lines(0)");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_line_is_left_behind_by_whoever_comes_and_goes() {
        let lines: Arc<Lines> = Arc::default();
        let all: Vec<_> = (0..200)
            .map(|number| {
                let lines = Arc::clone(&lines);
                tokio::spawn(async move {
                    let mut place = Place::of(&lines, "op", ["1", "2"][number % 2]);
                    if number % 5 > 0 {
                        first(&mut place).await;
                    }
                    if number % 7 == 0 {
                        place.tell(found("7"));
                    }
                })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(format!("{lines:?}"), "Lines(0)");
    }
}
