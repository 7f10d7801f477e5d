//! The transaction itself, as sqlx's own; but a connection that has stopped answering is not given back to the pool, which would
//! wait for the rest of the answer until the network gives up.

use super::Backend;
use sqlx::pool::PoolConnection;
use sqlx::{Error, SqlStr};
use sqlx_core::transaction::TransactionManager as _;
use std::ops::{Deref, DerefMut};

pub(super) struct Raw<DB: Backend> {
    connection: PoolConnection<DB>,
    has_ended: bool,
    /// Whether an answer is missing.
    is_silent: bool,
}

impl<DB: Backend> Raw<DB> {
    pub(super) async fn begin(connection: PoolConnection<DB>, statement: Option<SqlStr>) -> Result<Self, Error> {
        // A BEGIN that fails or is dropped half way may have been done.
        let mut raw = Self { connection, has_ended: false, is_silent: true };
        let begun = DB::TransactionManager::begin(&mut raw.connection, statement).await;
        raw.is_silent = false;
        begun.map(|()| raw)
    }

    pub(super) async fn commit(mut self) -> Result<(), Error> {
        self.is_silent = true;
        let committed = DB::TransactionManager::commit(&mut self.connection).await;
        (self.is_silent, self.has_ended) = (false, committed.is_ok());
        committed
    }

    pub(super) async fn roll_back(mut self) -> Result<(), Error> {
        // The database rolls back what has lost its connection.
        if self.is_silent {
            return Ok(());
        }
        self.is_silent = true;
        let rolled_back = DB::TransactionManager::rollback(&mut self.connection).await;
        (self.is_silent, self.has_ended) = (false, rolled_back.is_ok());
        rolled_back
    }

    /// A statement was not answered in time.
    pub(super) fn is_silent(&mut self) {
        self.is_silent = true;
    }
}

impl<DB: Backend> Drop for Raw<DB> {
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
        &self.connection
    }
}

impl<DB: Backend> DerefMut for Raw<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}
