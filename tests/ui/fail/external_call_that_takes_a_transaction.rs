use resil::{Error, Tx, outside_transaction, timeout};
use sqlx::{Postgres, Sqlite};

type Open<'a> = &'a mut Tx<Sqlite>;
type InTransaction = sqlx::Transaction<'static, Postgres>;

#[outside_transaction]
#[timeout("5s")]
async fn ours(won: u64, tx: &mut Tx<Postgres>) -> Result<u64, Error> {
    let _ = tx;
    Ok(won)
}

#[outside_transaction]
async fn raw(_: &mut sqlx::Transaction<'_, Sqlite>) -> Result<u64, Error> {
    Ok(1)
}

#[outside_transaction]
async fn under_another_name(_order: InTransaction) -> Result<u64, Error> {
    Ok(1)
}

struct Bank;

impl Bank {
    #[outside_transaction]
    async fn charge(&self, tx: Option<u64>, both: &mut &mut Tx<Sqlite>) -> Result<u64, Error> {
        let _ = both;
        Ok(tx.unwrap_or(1))
    }
}

#[outside_transaction]
fn that_returns_a_future<'a>(tx: &'a mut Tx<Sqlite>) -> impl std::future::Future<Output = Result<(), Error>> + 'a {
    async move {
        let _ = tx;
        Ok(())
    }
}

fn main() {
    let _: fn(Open<'_>) = |_| ();
}
