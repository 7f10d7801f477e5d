use super::Ledger;
use super::dependencies::{Dependencies, Required};
use super::durable::Durable;
use super::erased::{Erased, Of};
use super::inner::Inner;
use super::operation::Operation;
use super::start;
use super::state::no_intents;
use crate::registry::{Policy, policies};
use crate::{Backend, Db, Error, Misconfiguration};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A ledger that is being put together: see [`Ledger::on`].
#[must_use = "a ledger is opened with `.open().await`"]
pub struct Opening<DB: Backend> {
    db: Db<DB>,
    operations: HashMap<(&'static str, u32), Arc<dyn Erased<DB>>>,
    given: Dependencies,
    lease: Duration,
    is_partial: bool,
    installation: Option<String>,
    problems: Vec<String>,
}

/// Long enough for a worker that is slow, short enough for an intent whose worker is gone.
const LEASE: Duration = Duration::from_secs(30);
const SHORTEST_LEASE: Duration = Duration::from_millis(30);
const LONGEST_LEASE: Duration = Duration::from_hours(24 * 7);

impl<DB: Backend> Opening<DB> {
    pub(super) fn new(db: Db<DB>) -> Self {
        Self {
            db,
            operations: HashMap::new(),
            given: Dependencies::default(),
            lease: LEASE,
            is_partial: false,
            installation: None,
            problems: Vec::new(),
        }
    }

    /// Drives intents of this operation.
    pub fn operation<O: Operation<DB>>(mut self) -> Self {
        let (name, version) = (O::NAME, O::VERSION);
        if self.operations.insert((name, version), Arc::new(Of::<O>::NEW)).is_some() {
            self.problems.push(format!(
                "operation `{}` version {version} is there twice: give one of the two another `op`, or another version",
                name.escape_debug()
            ));
        }
        self
    }

    /// Gives the operations what they borrow: each `&T` among the parameters of a `#[durable]` function.
    pub fn provide<T: ?Sized + Send + Sync + 'static>(mut self, given: Arc<T>) -> Self {
        if !self.given.add(given) {
            let name = std::any::type_name::<T>();
            self.problems
                .push(format!("two `{name}` are given to the ledger: wrap one of the two in a type of its own"));
        }
        self
    }

    /// How long a worker may be silent before another one takes its intent over. 30 s by default. It is extended while a
    /// call is under way, so it need not be longer than one. From 30 ms to a week.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Opens the ledger although `#[durable]` functions of this program are not among its operations: another process, or
    /// another ledger, drives them.
    pub const fn partial(mut self) -> Self {
        self.is_partial = true;
        self
    }

    /// What this installation is called, for good: `"shop-production"`. Kept in the database, and mixed into the keys of the
    /// intents that are recorded from then on.
    ///
    /// Without it the key of order 7 is the same in every database, and where two of them share one account with a partner
    /// that recognises keys, one of the two orders 7 is paid. Intents that are there keep their keys.
    pub fn installation(mut self, name: impl Into<String>) -> Self {
        self.installation = Some(name.into());
        self
    }

    /// Checks everything, then opens the ledger. The tables come from [`Db::migrate`].
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] with all problems at once: an operation or something given to it is missing or there twice,
    /// what an operation stores has changed and its version has not, the database would lose what it has confirmed, or is that
    /// of another installation, or its tables are not [ready](Db::ready). And [`Error::Transaction`] if the database cannot be asked.
    pub async fn open(self) -> Result<Ledger<DB>, Error> {
        let Self { db, operations, given, lease, is_partial, installation, mut problems } = self;
        if lease < SHORTEST_LEASE {
            problems.push(format!("a lease of {lease:?} is over before it is written: give 30s"));
        }
        if lease > LONGEST_LEASE {
            problems
                .push(format!("with a lease of {lease:?} nobody takes over from a process that has died: give 30s"));
        }
        for operation in operations.values() {
            let name = operation.name().escape_debug();
            problems.extend(operation.settings().problem().map(|why| format!("operation `{name}`: {why}")));
            let mut required = Required::default();
            operation.requires(&mut required);
            problems.extend(required.missing(&given).map(|missing| {
                format!("operation `{name}` borrows a `{missing}`, and none is given: write `.provide(Arc::new(..))`")
            }));
        }
        if !is_partial {
            problems.extend(forgotten::<DB>(&operations));
        }
        match db.ready().await {
            Ok(()) => problems.extend(start::check(&db, &operations).await?),
            Err(Error::Misconfigured(what)) => problems.extend(what.problems().iter().cloned()),
            Err(error) => return Err(error),
        }
        if let Some(name) = &installation {
            problems.extend(start::installation(&db, name, problems.is_empty()).await?);
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(Error::Misconfigured(Arc::new(Misconfiguration::new(problems))));
        }
        let inner = Inner::new(&db, operations, given, lease);
        db.seen().drives(inner.names().into_iter().flat_map(no_intents));
        Ok(Ledger(Arc::new(inner)))
    }
}

/// `#[durable]` functions of the program for this kind of database whose intents nobody would drive.
fn forgotten<DB: Backend>(
    operations: &HashMap<(&'static str, u32), Arc<dyn Erased<DB>>>,
) -> impl Iterator<Item = String> {
    let durable = policies().filter_map(Policy::downcast_ref::<Durable>);
    let of_this_kind = durable.filter(|durable| durable.databases().contains(&DB::NAME));
    of_this_kind.filter(|durable| !operations.contains_key(&(durable.op(), durable.version()))).map(|durable| {
        format!(
            "operation `{}` of {} is not in the ledger, and nobody would drive its intents: write \
             `.operation::<{}>()`, or `.partial()` if another ledger has it",
            durable.op().escape_debug(),
            durable.site(),
            durable.site().function.rsplit("::").next().unwrap_or_default(),
        )
    })
}

impl<DB: Backend> std::fmt::Debug for Opening<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("operations", &self.operations.keys()).finish_non_exhaustive()
    }
}
