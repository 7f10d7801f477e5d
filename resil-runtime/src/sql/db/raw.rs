//! The transaction itself, as sqlx's own, or a connection outside of any; but one that has stopped answering is not given back to the pool, which would
//! wait for the rest of the answer until the network gives up.

use super::Backend;
use super::begin::longest;
use sqlx::pool::PoolConnection;
use sqlx::{Error, SqlSafeStr as _, SqlStr, Transaction};
use sqlx_core::transaction::TransactionManager as _;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::time::timeout;

pub(super) enum Raw<DB: Backend> {
    Ours(Ours<DB>),
    /// One that somebody else has begun. Its connection cannot be closed, but sqlx gives none back to the pool that owes an answer.
    Adopted(Transaction<'static, DB>),
}

pub(super) struct Ours<DB: Backend> {
    connection: PoolConnection<DB>,
    /// No transaction is open.
    has_ended: bool,
    /// Whether an answer is missing.
    is_silent: bool,
}

impl<DB: Backend> Raw<DB> {
    pub(super) async fn begin(connection: PoolConnection<DB>, statement: Option<SqlStr>) -> Result<Self, Error> {
        // A BEGIN that fails or is dropped half way may have been done.
        let mut ours = Ours { connection, has_ended: false, is_silent: true };
        DB::TransactionManager::begin(&mut ours.connection, statement).await?;
        ours.is_silent = false;
        Ok(Self::Ours(ours))
    }

    /// A connection outside of any transaction.
    pub(super) fn alone(connection: PoolConnection<DB>) -> Self {
        Self::Ours(Ours { connection, has_ended: true, is_silent: false })
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        let mut ours = match self {
            Self::Ours(ours) => ours,
            Self::Adopted(transaction) => return transaction.commit().await,
        };
        ours.is_silent = true;
        let committed = DB::TransactionManager::commit(&mut ours.connection).await;
        (ours.is_silent, ours.has_ended) = (false, committed.is_ok());
        committed
    }

    pub(super) async fn roll_back(self) -> Result<(), Error> {
        let mut ours = match self {
            // The database rolls back what has lost its connection.
            Self::Ours(ours) if ours.is_silent => return Ok(()),
            Self::Ours(ours) => ours,
            Self::Adopted(transaction) => return transaction.rollback().await,
        };
        ours.is_silent = true;
        let rolled_back = DB::TransactionManager::rollback(&mut ours.connection).await;
        (ours.is_silent, ours.has_ended) = (false, rolled_back.is_ok());
        rolled_back
    }

    /// Rolls back what was begun since a statement of the user's has ended it. Where nothing was, ROLLBACK would fail on SQLite, and
    /// sqlx take the connection for one in a transaction from then on.
    pub(super) async fn put_right(mut self) {
        let begin = async |connection: &mut _| DB::own_run(connection, "BEGIN".into_sql_str()).await;
        _ = self.answered(longest(), begin).await;
        _ = self.roll_back().await;
    }

    /// A statement of ours. If it is not answered within the bound, or dropped before it is, the connection is not used again.
    pub(super) async fn answered<T>(
        &mut self,
        bound: Duration,
        statement: impl AsyncFnOnce(&mut DB::Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.is_silent(true);
        let answered = timeout(bound, statement(self)).await;
        self.is_silent(answered.is_err());
        answered.unwrap_or_else(|_| Err(Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))))
    }

    fn is_silent(&mut self, is_silent: bool) {
        if let Self::Ours(ours) = self {
            ours.is_silent = is_silent;
        }
    }
}

impl<DB: Backend> Drop for Ours<DB> {
    fn drop(&mut self) {
        if self.is_silent {
            self.connection.close_on_drop();
        } else if !self.has_ended {
            DB::TransactionManager::start_rollback(&mut self.connection);
        }
    }
}

impl<DB: Backend> Deref for Raw<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Ours(ours) => &ours.connection,
            Self::Adopted(transaction) => transaction,
        }
    }
}

impl<DB: Backend> DerefMut for Raw<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Ours(ours) => &mut ours.connection,
            Self::Adopted(transaction) => transaction,
        }
    }
}
