//! Statements of the user's: `sqlx::query(..).execute(&mut *tx)`.

use super::standing::{Failing, Standing};
use super::{Backend, Connection, Tx};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Database, Either, Error, Execute, Executor, SqlStr};
use sqlx_core::describe::Describe;
use std::marker::PhantomData;

/// What a statement answers, one after the other: a row, or how many it has changed.
pub(super) type Step<DB> = Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>;

/// A statement whose text is looked at when it is sent.
struct Watched<'s, 'q, E> {
    statement: E,
    standing: Option<&'s mut Standing>,
    failing: Failing,
    of: PhantomData<&'q ()>,
}

impl<'s, 'q: 's, DB: Database, E: Execute<'q, DB>> Execute<'s, DB> for Watched<'s, 'q, E> {
    fn sql(self) -> SqlStr {
        let sql = self.statement.sql();
        if let Some(standing) = self.standing {
            standing.used(sql.as_str(), self.failing);
        }
        sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, sqlx::error::BoxDynError> {
        self.statement.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.statement.persistent()
    }
}

/// The others come from these four.
macro_rules! executor {
    ($on:ident) => {
        impl<'c, DB: Backend> Executor<'c> for &'c mut $on<DB> {
            type Database = DB;

            fn fetch_many<'e, 'q: 'e, E>(self, statement: E) -> BoxStream<'e, Step<DB>>
            where
                'c: 'e,
                E: Execute<'q, DB> + 'q,
            {
                let (connection, standing) = self.lent();
                DB::own_fetch_many(connection, Watched { statement, standing, failing: DB::FAILING, of: PhantomData })
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, statement: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
            where
                'c: 'e,
                E: Execute<'q, DB> + 'q,
            {
                let (connection, standing) = self.lent();
                DB::own_fetch_optional(
                    connection,
                    Watched { statement, standing, failing: DB::FAILING, of: PhantomData },
                )
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [DB::TypeInfo],
            ) -> BoxFuture<'e, Result<DB::Statement, Error>>
            where
                'c: 'e,
            {
                let (connection, standing) = self.lent();
                // It runs later.
                if let Some(standing) = standing {
                    standing.used("", DB::FAILING);
                }
                DB::own_prepare_with(connection, sql, parameters)
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
            where
                'c: 'e,
            {
                let (connection, standing) = self.lent();
                if let Some(standing) = standing {
                    standing.used("", DB::FAILING);
                }
                DB::own_describe(connection, sql)
            }
        }
    };
}
executor!(Tx);
executor!(Connection);

/// What runs on one kind of database as sqlx has it.
macro_rules! executed {
    ($connection:ty) => {
        fn own_fetch_many<'e, 'q: 'e, E: sqlx::Execute<'q, Self> + 'q>(
            connection: &'e mut $connection,
            statement: E,
        ) -> futures_core::stream::BoxStream<'e, $crate::sql::db::executor::Step<Self>> {
            sqlx::Executor::fetch_many(connection, statement)
        }

        fn own_fetch_optional<'e, 'q: 'e, E: sqlx::Execute<'q, Self> + 'q>(
            connection: &'e mut $connection,
            statement: E,
        ) -> futures_core::future::BoxFuture<'e, Result<Option<<Self as Database>::Row>, sqlx::Error>> {
            sqlx::Executor::fetch_optional(connection, statement)
        }

        fn own_prepare_with<'e>(
            connection: &'e mut $connection,
            sql: SqlStr,
            parameters: &'e [<Self as Database>::TypeInfo],
        ) -> futures_core::future::BoxFuture<'e, Result<<Self as Database>::Statement, sqlx::Error>> {
            sqlx::Executor::prepare_with(connection, sql, parameters)
        }

        fn own_describe(
            connection: &mut $connection,
            sql: SqlStr,
        ) -> futures_core::future::BoxFuture<'_, Result<sqlx_core::describe::Describe<Self>, sqlx::Error>> {
            sqlx::Executor::describe(connection, sql)
        }
    };
}
pub(super) use executed;
