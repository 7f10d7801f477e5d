use super::dependencies::{Dependencies, Required};
use super::original_key::OriginalKey;
use super::settings::Settings;
use crate::sql::worker::Failed;
use crate::{Backend, IdempotencyKey, Stored, Tx, Verdict};
use std::fmt;
use std::future::Future;

/// An external call whose outcome must become known: what `#[durable]` expands to, and what can be written by hand.
///
/// The five functions are the five places where an operation meets the world. `call`, `verify` and `compensate` reach
/// the partner, outside any transaction. `applied` and `undone` write our own books, in the transaction in which the
/// ledger writes down the same.
///
/// `call` may run again under the same key, `verify` as often as it takes, `compensate` until it succeeds: cancelling what
/// never arrived, or what is cancelled already, must succeed. `applied` or `undone` is committed once.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod shop {
/// use resil::ledger::{Dependencies, Failed, Operation, OriginalKey, Required, Settings, Status};
/// use resil::{Error, IdempotencyKey, Tx};
/// use sqlx::Sqlite;
///
/// struct Bank; // a client
/// impl Bank {
///     async fn charge(&self, won: u64, key: &IdempotencyKey) -> Result<String, Error> { Ok(format!("{won} under {key}")) }
///     async fn find(&self, key: &OriginalKey) -> Result<Option<String>, Error> { Ok(None) }
/// }
///
/// struct Charge;
///
/// impl Operation<Sqlite> for Charge {
///     const NAME: &'static str = "charge";
///     const VERSION: u32 = 1;
///     const SHAPE: &'static str = "order: u64, won: u64 -> String";
///     type Arguments = (u64, u64);
///     type Receipt = String;
///
///     fn settings() -> Settings { Settings::new().verifies() }
///     fn requires(all: &mut Required) { all.needs::<Bank>(); }
///
///     async fn call(given: &Dependencies, (_, won): (u64, u64), key: &IdempotencyKey) -> Result<String, Failed> {
///         Ok(given.get::<Bank>()?.charge(won, key).await?)
///     }
///
///     async fn verify(given: &Dependencies, _: (u64, u64), original: &OriginalKey) -> Result<Status<String>, Failed> {
///         Ok(given.get::<Bank>()?.find(original).await?.map_or(Status::NotApplied, Status::Applied))
///     }
///
///     async fn applied(tx: &mut Tx<Sqlite>, (order, _): (u64, u64), _: &String) -> Result<(), Failed> {
///         let paid = sqlx::query("UPDATE orders SET paid = 1 WHERE id = ?").bind(order as i64);
///         paid.execute(&mut *tx).await?;
///         Ok(())
///     }
/// }
/// # }
/// ```
pub trait Operation<DB: Backend>: Send + Sync + 'static {
    /// What it is called in the ledger, for good.
    const NAME: &'static str;
    /// Counts the changes of what is stored. A process leaves versions that it does not know to others.
    const VERSION: u32;
    /// What is stored, in words. If it changes and the version does not, the ledger refuses to start.
    const SHAPE: &'static str;
    /// What is stored when the intent is recorded.
    type Arguments: Stored + Send + Sync;
    /// What the partner answers.
    type Receipt: Stored + Send + Sync;

    /// How it is driven, and which of the functions below there are.
    fn settings() -> Settings {
        Settings::new()
    }

    /// What its functions will ask for, so that a missing one is found at start.
    fn requires(all: &mut Required) {
        _ = all;
    }

    /// What it is about in money, or in whatever else both books must have in common: compared as text with what the
    /// partner's records say, by [`Ledger::reconcile`](super::Ledger::reconcile). `None` compares nothing.
    fn amount(arguments: &Self::Arguments) -> Option<String> {
        _ = arguments;
        None
    }

    /// Calls the partner, under this key.
    fn call(
        given: &Dependencies,
        arguments: Self::Arguments,
        key: &IdempotencyKey,
    ) -> impl Future<Output = Result<Self::Receipt, Failed>> + Send;

    /// Asks the partner what became of the call that had this key. It goes out under none: a check that a partner stores
    /// under the call's key would become the answer to the call. Say so in [`settings`](Self::settings).
    fn verify(
        given: &Dependencies,
        arguments: Self::Arguments,
        original: &OriginalKey,
    ) -> impl Future<Output = Result<Status<Self::Receipt>, Failed>> + Send {
        _ = (given, arguments, original);
        async { Err(not_there("verify")) }
    }

    /// Cancels the call that had this `original` key, under a `key` of its own, the same each time; with the receipt of
    /// the call, if there is one. Say so in [`settings`](Self::settings).
    fn compensate(
        given: &Dependencies,
        arguments: Self::Arguments,
        original: &OriginalKey,
        key: &IdempotencyKey,
        receipt: Option<Self::Receipt>,
    ) -> impl Future<Output = Result<(), Failed>> + Send {
        _ = (given, arguments, original, key, receipt);
        async { Err(not_there("compensate")) }
    }

    /// Writes into our own books that it was done. What [refuses](super::refuse) it has it cancelled with the partner; any
    /// other failure is trouble that passes, or an operator's.
    fn applied(
        tx: &mut Tx<DB>,
        arguments: Self::Arguments,
        receipt: &Self::Receipt,
    ) -> impl Future<Output = Result<(), Failed>> + Send {
        _ = (tx, arguments, receipt);
        async { Ok(()) }
    }

    /// Writes into our own books that it was not done, or was cancelled.
    fn undone(
        tx: &mut Tx<DB>,
        arguments: Self::Arguments,
        why: &Report,
    ) -> impl Future<Output = Result<(), Failed>> + Send {
        _ = (tx, arguments, why);
        async { Ok(()) }
    }
}

fn not_there(function: &str) -> Failed {
    Failed::new(Verdict::caller(), format!("the operation has no `{function}`"))
}

/// What the partner says about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status<R> {
    /// It was applied, and this is its receipt.
    Applied(R),
    /// It was not. Believed only after `settle`, because a late request may still arrive.
    NotApplied,
    /// The partner has it, and has not decided yet.
    Pending,
    /// What the partner says cannot be: an operator is to look at it.
    Contradictory(String),
}

/// Why something was not done, or was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In words, which may quote the partner.
    pub why: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
