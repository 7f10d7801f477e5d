//! A transaction that somebody else has begun.

use super::begin::{failed, longest};
use super::raw::Raw;
use super::standing::Standing;
use super::tx::HeldConnection;
use super::{Backend, Db, Tx};
use crate::transaction::error::Step;
use crate::transaction::{Began, Holds, Scope};
use crate::{Classify as _, Error, Verdict};
use sqlx::{SqlSafeStr as _, Transaction};
use std::future::Future;
use std::panic::Location;

impl<DB: Backend> Db<DB> {
    /// Takes over a transaction that was begun by hand on the same database, so that one message of the outbox or one intent does
    /// not mean rewriting every `pool.begin()`. It ends with [`Tx::commit`]; dropped or [rolled back](Tx::roll_back) it does
    /// nothing, and [`Tx::into_inner`] gives it back. Statements run on `&mut *tx`, as before. It takes one statement, which marks
    /// it.
    ///
    /// What is not known of it:
    ///
    /// - at which isolation level it runs, and how it began. On SQLite `pool.begin_with("BEGIN IMMEDIATE")` waits for another
    ///   writer, where plain `pool.begin()` fails at its first write;
    /// - where its body is. The guard of `#[outside_transaction]`, [`after`](crate::after) and the refusal of a second connection
    ///   hold in functions under `#[transactional(tx)]` that it is handed to, and in [`savepoint`](Tx::savepoint), and not beside
    ///   those;
    /// - on SQLite, where its mark is a savepoint, whether one that was set before is released after: leave it. SQLite keeps a copy
    ///   of each page that is changed meanwhile;
    /// - its connection: after a COMMIT without an answer it is kept from the pool until there is one, and not closed.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if it could not be marked, for example because it has failed already: it is rolled back.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # use resil::Db;
    /// # let folder = tempfile::tempdir()?;
    /// # let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("a.db")).create_if_missing(true);
    /// # let pool = sqlx::SqlitePool::connect_with(options).await?;
    /// let db = Db::new(pool.clone());
    /// db.migrate().await?;
    /// sqlx::query("CREATE TABLE orders (item TEXT)").execute(&pool).await?;
    ///
    /// let mut tx = db.adopt(pool.begin_with("BEGIN IMMEDIATE").await?).await?;
    /// sqlx::query("INSERT INTO orders VALUES ('tea')").execute(&mut *tx).await?;
    /// tx.outbox("order.placed", &"tea").await?;
    /// tx.commit().await?;
    /// # assert_eq!(resil::outbox::Outbox::on(db).backlog().await?.waiting, 1);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    #[track_caller]
    pub fn adopt(&self, transaction: Transaction<'static, DB>) -> impl Future<Output = Result<Tx<DB>, Error>> + Send {
        let began = Began::at(Holds::Transaction, "db.adopt(..)", Location::caller());
        async move {
            let held = HeldConnection::new(Scope::hold(began, self.database()), self.hold(began), None);
            let mut transaction = Raw::Adopted(transaction);
            let mark = async |connection: &mut _| DB::own_run(connection, DB::OWN_MARK.into_sql_str()).await;
            match transaction.answered(longest(), mark).await {
                Ok(()) => Ok(Tx::new(transaction, Standing::begun(), began, held, self.clone())),
                Err(error) => Err(failed(began, Step::Begin, error.verdict().unsent(), Some(error.into()))),
            }
        }
    }
}

impl<DB: Backend> Tx<DB> {
    /// Commits a transaction that was [adopted](Db::adopt), wakes the relays of the outbox if there are messages in it, and runs
    /// what was left to [`after`](crate::after). It runs to its end even if this future is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`]: the commit was refused (nothing was done) or not answered, or a statement had ended the transaction
    /// before (the outcome is unknown).
    pub async fn commit(self) -> Result<(), Error> {
        self.end(Ok(())).await
    }

    /// The transaction as it was before it was [adopted](Db::adopt), with what was done in it. Whoever commits it wakes no relay,
    /// which finds messages in it with its next poll, and runs nothing of what was left to [`after`](crate::after).
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] where it was not adopted, or a savepoint in it was left half way. It is rolled back.
    pub fn into_inner(self) -> Result<Transaction<'static, DB>, Error> {
        let refused = failed(self.began, Step::Savepoint, Verdict::caller(), None);
        match self.transaction {
            Raw::Adopted(transaction) if !self.standing.is_spoilt => Ok(transaction),
            _ => Err(refused),
        }
    }
}
