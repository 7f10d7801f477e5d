use resil::{Db, Error, transactional};
use sqlx::{Sqlite, SqlitePool};

struct Orders {
    db: Db<Sqlite>,
    pool: SqlitePool,
}

#[derive(Debug)]
enum OrderError {
    Sql(sqlx::Error),
    Policy(Error),
}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl Orders {
    #[transactional(tx = self.db)]
    async fn executed_on_tx_and_again(&self) -> Result<(), OrderError> {
        sqlx::query("INSERT INTO orders VALUES (1)").execute(tx).await?;
        sqlx::query("INSERT INTO orders VALUES (2)").execute(tx).await?;
        Ok(())
    }

    async fn executed_without_an_attribute(&self) -> Result<(), OrderError> {
        let twice = self.db.transaction(async |tx| {
            sqlx::query("INSERT INTO orders VALUES (1)").execute(tx).await?;
            sqlx::query("INSERT INTO orders VALUES (2)").execute(tx).await?;
            Ok(())
        });
        twice.await
    }

    #[transactional(tx = self.pool)]
    async fn on_a_pool(&self) -> Result<(), OrderError> {
        let _ = tx;
        Ok(())
    }
}

#[transactional(tx = pool)]
async fn on_a_parameter(pool: &SqlitePool) -> Result<(), OrderError> {
    let _ = tx;
    Ok(())
}

#[transactional(tx = pool, op = "order.place", once = id)]
async fn once_on_a_pool(pool: SqlitePool, id: resil::IdempotencyKey) -> Result<(), OrderError> {
    let _ = tx;
    Ok(())
}

fn main() {}
