//! What waits in the databases of this process, as its workers saw it when they looked last. Whoever reads it asks no database.

use super::{Registry, States};
use crate::sync::lock;
use std::fmt::Debug;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

/// What waits in the databases of this process: what [`Registry::backlogs`] answers.
///
/// A reconciler and a relay that run look every ten seconds, at no more than 10,000 rows of a kind; where more wait, the numbers are of
/// those that are due for longest. When the last that looks has ended, nothing is told any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Backlogs {
    /// The intents of its ledgers.
    pub ledger: LedgerBacklog,
    /// The messages of its outboxes.
    pub outbox: OutboxBacklog,
}

/// Intents that are not done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LedgerBacklog {
    /// A line for each operation of the program and each state that is not the end, zeros too, by operation.
    #[cfg_attr(feature = "serde", serde(serialize_with = "those_there_are"))]
    pub intents: Vec<Intents>,
    /// When a reconciler looked last: of the operations that were opened, the one that was not looked at for longest. `None` if there
    /// is one that none has looked at, or whose reconcilers have ended.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "seen_unix_seconds", serialize_with = "crate::as_data::unix_seconds")
    )]
    pub seen: Option<SystemTime>,
}

/// The intents of one operation, in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Intents {
    /// The operation, all versions of it together.
    pub operation: &'static str,
    /// The state, as it is stored: `UNKNOWN`.
    pub state: &'static str,
    /// Whether nothing moves them but an operator.
    pub needs_operator: bool,
    /// How many there are.
    pub number: u64,
    /// How long before that look the oldest of them was recorded.
    #[cfg_attr(feature = "serde", serde(rename = "oldest_seconds", serialize_with = "crate::as_data::seconds"))]
    pub oldest: Option<Duration>,
}

/// Messages that are not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OutboxBacklog {
    /// Messages to be delivered.
    pub waiting: u64,
    /// How long before that look the oldest of those was recorded.
    #[cfg_attr(feature = "serde", serde(rename = "oldest_seconds", serialize_with = "crate::as_data::seconds"))]
    pub oldest: Option<Duration>,
    /// Messages that were set aside, which nothing moves but an operator.
    pub set_aside: u64,
    /// When a relay looked last. Of several databases that have one, the one that was not looked at for longest. `None` if there is one
    /// that none has looked at, or whose relays have ended.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "seen_unix_seconds", serialize_with = "crate::as_data::unix_seconds")
    )]
    pub seen: Option<SystemTime>,
}

/// Zeros are for whoever draws a line through them.
#[cfg(feature = "serde")]
fn those_there_are<S: serde::Serializer>(intents: &[Intents], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(intents.iter().filter(|one| one.number > 0))
}

/// A database of this process. Without the features of databases there is none.
pub(crate) trait Watched: Debug + Send + Sync {
    /// What waits in it, as it was seen last.
    fn backlogs(&self) -> Backlogs;

    /// Whether a relay of it runs here, or did.
    fn has_relays(&self) -> bool;

    /// Who holds connections to it.
    #[cfg(all(feature = "sqlx", feature = "metrics"))]
    fn held(&self) -> Vec<Held>;
}

/// The connections that one place of the program holds.
#[cfg(all(feature = "sqlx", feature = "metrics"))]
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) place: String,
    pub(crate) now: u32,
    pub(crate) ended: u64,
    pub(crate) total: Duration,
}

impl Backlogs {
    /// Whether an intent or a message waits for an operator.
    pub fn need_operator(&self) -> bool {
        self.outbox.set_aside > 0 || self.ledger.intents.iter().any(|one| one.needs_operator && one.number > 0)
    }

    /// Together with what waits in another database.
    fn add(&mut self, other: Self) {
        let Self { ledger, outbox } = other;
        ledger.intents.into_iter().for_each(|one| self.ledger.add(one));
        self.outbox.waiting += outbox.waiting;
        self.outbox.set_aside += outbox.set_aside;
        self.outbox.oldest = self.outbox.oldest.max(outbox.oldest);
    }
}

impl LedgerBacklog {
    pub(crate) fn add(&mut self, one: Intents) {
        let is_same = |known: &&mut Intents| (known.operation, known.state) == (one.operation, one.state);
        match self.intents.iter_mut().find(is_same) {
            Some(known) => {
                known.number += one.number;
                known.oldest = known.oldest.max(one.oldest);
            }
            None => self.intents.push(one),
        }
    }
}

impl Registry {
    /// What waits in the databases of this process, as its reconcilers and relays saw it when they looked last. It asks no database.
    ///
    /// ```
    /// for line in resil::registry().backlogs().ledger.intents {
    ///     println!("{} {}: {}", line.operation, line.state, line.number);
    /// }
    /// ```
    pub fn backlogs(self) -> Backlogs {
        let mut all = Backlogs::default();
        crate::sql::declared().for_each(|one| all.ledger.add(one));
        let (mut of_ledgers, mut of_outboxes) = (Vec::new(), Vec::new());
        for database in databases() {
            let one = database.backlogs();
            // One that has no ledger, or no relay, is not one that nobody looks at.
            of_ledgers.extend((!one.ledger.intents.is_empty()).then_some(one.ledger.seen));
            of_outboxes.extend(database.has_relays().then_some(one.outbox.seen));
            all.add(one);
        }
        // None before all moments: nobody vouches for another.
        all.ledger.seen = of_ledgers.into_iter().min().flatten();
        all.outbox.seen = of_outboxes.into_iter().min().flatten();
        // Stable: the states of an operation stay in their order.
        all.ledger.intents.sort_by_key(|one| one.operation);
        all
    }
}

/// Those that are in use.
pub(crate) fn databases() -> Vec<Arc<dyn Watched>> {
    Registry::with(|states| lock(&states.databases).iter().filter_map(Weak::upgrade).collect())
}

impl States {
    /// A database is in use as long as this lives.
    #[cfg(feature = "sqlx")]
    pub(crate) fn watch(&self, database: Weak<dyn Watched>) {
        let mut databases = lock(&self.databases);
        databases.retain(|known| known.strong_count() > 0);
        databases.push(database);
    }
}
