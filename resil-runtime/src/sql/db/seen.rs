use crate::registry::{Backlogs, Intents, LedgerBacklog, OutboxBacklog};
use crate::sync::{Mutex, lock};
use std::time::SystemTime;

/// What the workers of this process saw when they looked last.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Backlogs>);

impl Seen {
    pub(super) fn all(&self) -> Backlogs {
        lock(&self.0).clone()
    }

    /// These operations are driven here. Nobody has looked yet.
    pub(crate) fn drives(&self, none: impl Iterator<Item = Intents>) {
        let mut all = lock(&self.0);
        none.for_each(|one| all.ledger.add(one));
    }

    /// So many intents, in place of what was known of their operations. `none` has them with no intents.
    pub(crate) fn intents(&self, none: impl Iterator<Item = Intents>, found: Vec<Intents>) {
        let mut fresh = LedgerBacklog { seen: Some(SystemTime::now()), ..LedgerBacklog::default() };
        none.for_each(|one| fresh.add(one));
        let known: Vec<_> = fresh.intents.iter().map(|one| one.operation).collect();
        for one in found {
            fresh.add(one);
        }
        let ledger = &mut lock(&self.0).ledger;
        ledger.intents.retain(|one| !known.contains(&one.operation));
        ledger.intents.append(&mut fresh.intents);
        ledger.seen = fresh.seen;
    }

    /// So many messages.
    pub(crate) fn messages(&self, mut outbox: OutboxBacklog) {
        outbox.seen = Some(SystemTime::now());
        lock(&self.0).outbox = outbox;
    }
}
