//! How many intents of each operation a reconciler drives at once, so that one partner who hangs stops no other operation.

use crate::sync::{Mutex, lock};
use std::collections::HashMap;
use std::sync::Arc;

/// This many of each operation by default.
const PLACES: usize = 16;

#[derive(Debug, Clone)]
pub(super) struct Shares {
    /// Of all operations together.
    pub(super) concurrency: Option<usize>,
    pub(super) at_most: Option<usize>,
    /// The operations of the ledger: what the claim calls each version, and whose it is.
    operations: Vec<(String, &'static str)>,
    running: Arc<Mutex<HashMap<&'static str, usize>>>,
}

/// What a claim may take up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) most: usize,
    /// Which versions of which operations, as a JSON list; `None` for all.
    pub(super) known: Option<String>,
}

/// A place that is taken, for as long as this lives.
#[derive(Debug)]
pub(super) struct Share {
    running: Arc<Mutex<HashMap<&'static str, usize>>>,
    op: &'static str,
}

impl Shares {
    pub(super) fn new(operations: Vec<(String, &'static str)>) -> Self {
        Self { concurrency: None, at_most: None, operations, running: Arc::default() }
    }

    fn names(&self) -> usize {
        let mut names: Vec<_> = self.operations.iter().map(|(_, op)| *op).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// How many places there are.
    pub(super) fn all(&self) -> usize {
        self.concurrency.unwrap_or_else(|| self.at_most.unwrap_or(PLACES) * self.names().max(1))
    }

    /// How many of them one operation can have: where all are told, half of them leaves some to the others.
    fn share(&self) -> usize {
        self.at_most.unwrap_or_else(|| match self.concurrency {
            None => PLACES,
            Some(all) if self.names() <= 1 => all,
            Some(all) => all.div_ceil(2),
        })
    }

    /// `None` if there is none.
    pub(super) fn room(&self) -> Option<Room> {
        let (running, share) = (lock(&self.running), self.share());
        let free = self.all().checked_sub(running.values().sum()).filter(|free| *free > 0)?;
        let left = |op| share.saturating_sub(running.get(op).copied().unwrap_or(0));
        let with_room: Vec<_> = self.operations.iter().filter(|(_, op)| left(op) > 0).collect();
        // The claim does not count for itself: so many that it takes too many of none.
        let most = with_room.iter().map(|(_, op)| left(op)).min().map_or(0, |left| left.min(free));
        let is_all = with_room.len() == self.operations.len();
        let known = || serde_json::json!(with_room.iter().map(|(known, _)| known).collect::<Vec<_>>()).to_string();
        (most > 0).then(|| Room { most, known: (!is_all).then(known) })
    }

    pub(super) fn take(&self, op: &'static str) -> Share {
        *lock(&self.running).entry(op).or_default() += 1;
        Share { running: Arc::clone(&self.running), op }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.running).get_mut(self.op) {
            *running -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(operations: &[&'static str]) -> Shares {
        Shares::new(operations.iter().map(|op| (format!("{op} 1"), *op)).collect())
    }

    #[test]
    fn an_operation_that_hangs_leaves_the_others_their_places() {
        let shares = of(&["hangs", "works"]);
        let hanging: Vec<_> = (0..PLACES).map(|_| shares.take("hangs")).collect();
        let room = shares.room().unwrap();
        assert_eq!(room, Room { most: PLACES, known: Some("[\"works 1\"]".to_owned()) });
        drop(hanging);
        assert_eq!(shares.room(), Some(Room { most: PLACES, known: None }));
    }

    #[test]
    fn no_claim_takes_more_than_is_left_to_any() {
        let mut shares = of(&["one", "other", "third"]);
        (shares.concurrency, shares.at_most) = (Some(10), Some(4));
        let _three: Vec<_> = (0..3).map(|_| shares.take("one")).collect();
        assert_eq!(shares.room(), Some(Room { most: 1, known: None }));
        let _one = shares.take("one");
        assert_eq!(shares.room().map(|room| room.most), Some(4));
        let _others: Vec<_> = (0..4).map(|_| shares.take("other")).collect();
        assert_eq!(shares.room().map(|room| room.most), Some(2), "of ten");
        let _last: Vec<_> = (0..2).map(|_| shares.take("third")).collect();
        assert_eq!(shares.room(), None);
    }

    #[test]
    fn what_is_told_of_all_is_shared() {
        let mut shares = of(&["one", "other"]);
        shares.concurrency = Some(3);
        assert_eq!((shares.all(), shares.share()), (3, 2));
        let mut alone = of(&["one", "one"]);
        alone.concurrency = Some(3);
        assert_eq!((alone.all(), alone.share()), (3, 3), "two versions of one operation");
        assert_eq!(of(&[]).room(), None);
    }
}
