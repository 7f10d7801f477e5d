use crate::registry::{Backlogs, Intents, LedgerBacklog, OutboxBacklog};
use crate::sync::{Mutex, lock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

/// What the workers of this process saw when they looked last.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    intents: Vec<Intents>,
    /// The operations that were opened here.
    operations: BTreeMap<&'static str, Looked>,
    outbox: OutboxBacklog,
    /// The relays that run here, if any has begun.
    relays: Option<u32>,
}

/// Who looks after an operation, and when somebody did last.
#[derive(Debug, Default)]
struct Looked {
    reconcilers: u32,
    seen: Option<SystemTime>,
}

impl Seen {
    pub(super) fn all(&self) -> Backlogs {
        let known = lock(&self.0);
        let seen = known.operations.values().map(|looked| looked.seen).min().flatten();
        Backlogs { ledger: LedgerBacklog { intents: known.intents.clone(), seen }, outbox: known.outbox.clone() }
    }

    /// Whether a relay runs here, or did.
    pub(super) fn has_relays(&self) -> bool {
        lock(&self.0).relays.is_some()
    }

    /// These operations are driven here. Nobody has looked yet.
    pub(crate) fn drives(&self, none: impl Iterator<Item = Intents>) {
        let mut known = lock(&self.0);
        for one in none.filter(|none| !known.has(none)).collect::<Vec<_>>() {
            known.operations.entry(one.operation).or_default();
            known.intents.push(one);
        }
    }

    /// So many intents, in place of what was known of their operations. `none` has them with no intents.
    pub(crate) fn intents(&self, none: impl Iterator<Item = Intents>, found: Vec<Intents>) {
        let mut fresh = LedgerBacklog::default();
        none.for_each(|one| fresh.add(one));
        let operations: Vec<_> = fresh.intents.iter().map(|one| one.operation).collect();
        for one in found {
            fresh.add(one);
        }
        let mut known = lock(&self.0);
        known.intents.retain(|one| !operations.contains(&one.operation));
        known.intents.append(&mut fresh.intents);
        for operation in operations {
            known.operations.entry(operation).or_default().seen = Some(SystemTime::now());
        }
    }

    /// So many messages.
    pub(crate) fn messages(&self, mut outbox: OutboxBacklog) {
        outbox.seen = Some(SystemTime::now());
        lock(&self.0).outbox = outbox;
    }

    /// A reconciler of these operations runs, as long as the answer lives.
    pub(crate) fn reconciler(self: &Arc<Self>, operations: Vec<&'static str>) -> Looks {
        let mut known = lock(&self.0);
        for operation in &operations {
            known.operations.entry(operation).or_default().reconcilers += 1;
        }
        Looks { seen: Arc::clone(self), of: Of::Operations(operations) }
    }

    /// A relay runs, as long as the answer lives.
    pub(crate) fn relay(self: &Arc<Self>) -> Looks {
        *lock(&self.0).relays.get_or_insert(0) += 1;
        Looks { seen: Arc::clone(self), of: Of::Outbox }
    }
}

impl Known {
    fn has(&self, one: &Intents) -> bool {
        self.intents.iter().any(|known| (known.operation, known.state) == (one.operation, one.state))
    }

    /// Nobody knows any more.
    fn forget(&mut self, operation: &str) {
        for one in self.intents.iter_mut().filter(|one| one.operation == operation) {
            (one.number, one.oldest) = (0, None);
        }
    }
}

/// A worker that runs. When the last is gone, nothing is told of what it saw: it would be told for ever.
#[derive(Debug)]
#[must_use = "it looks as long as this lives"]
pub(crate) struct Looks {
    seen: Arc<Seen>,
    of: Of,
}

#[derive(Debug)]
enum Of {
    Operations(Vec<&'static str>),
    Outbox,
}

impl Drop for Looks {
    fn drop(&mut self) {
        let known = &mut *lock(&self.seen.0);
        match &self.of {
            Of::Operations(operations) => {
                for operation in operations {
                    let looked = known.operations.entry(operation).or_default();
                    looked.reconcilers -= 1;
                    if looked.reconcilers == 0 {
                        looked.seen = None;
                        known.forget(operation);
                    }
                }
            }
            Of::Outbox => {
                let relays = known.relays.get_or_insert(1);
                *relays -= 1;
                if *relays == 0 {
                    known.outbox = OutboxBacklog::default();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(operation: &'static str, number: u64) -> Intents {
        Intents { operation, state: "MANUAL", needs_operator: true, number, oldest: None }
    }

    fn looks(seen: &Seen, operation: &'static str) {
        seen.intents(std::iter::once(one(operation, 0)), vec![one(operation, 7)]);
    }

    fn numbers(seen: &Seen) -> Vec<(&'static str, u64)> {
        seen.all().ledger.intents.iter().map(|one| (one.operation, one.number)).collect()
    }

    #[test]
    fn one_that_looks_does_not_vouch_for_one_that_does_not() {
        let seen = Arc::new(Seen::default());
        seen.drives(["paid", "sent"].into_iter().map(|operation| one(operation, 0)));
        assert_eq!(seen.all().ledger.seen, None);
        let [paid, sent] = ["paid", "sent"].map(|operation| seen.reconciler(vec![operation]));
        looks(&seen, "paid");
        assert_eq!(seen.all().ledger.seen, None, "nobody has looked at the other");
        looks(&seen, "sent");
        let both = seen.all().ledger.seen;
        looks(&seen, "paid");
        assert!(both.is_some() && seen.all().ledger.seen >= both);
        drop(sent);
        assert_eq!((numbers(&seen), seen.all().ledger.seen), (vec![("sent", 0), ("paid", 7)], None));
        drop(paid);
        assert!(!seen.all().need_operator());
    }

    #[test]
    fn what_was_seen_is_told_until_the_last_that_looks_has_ended() {
        let seen = Arc::new(Seen::default());
        let [first, second] = [(); 2].map(|()| (seen.reconciler(vec!["paid"]), seen.relay()));
        looks(&seen, "paid");
        seen.messages(OutboxBacklog { set_aside: 3, ..OutboxBacklog::default() });
        drop(first);
        assert_eq!((numbers(&seen), seen.all().outbox.set_aside), (vec![("paid", 7)], 3));
        drop(second);
        assert_eq!((numbers(&seen), seen.all().outbox), (vec![("paid", 0)], OutboxBacklog::default()));
        assert!(seen.has_relays(), "there should be one");
    }
}
