use async_trait::async_trait;
use resil::{Error, non_idempotent, outside_transaction, retry};
use std::future::Future;
use std::pin::Pin;

#[async_trait]
trait Declared {
    #[non_idempotent]
    async fn charge(&self, won: u64) -> Result<(), Error>;

    #[outside_transaction]
    #[non_idempotent]
    async fn refund(&self, won: u64) -> Result<(), Error>;
}

#[async_trait]
trait Guarded {
    #[retry(idempotent)]
    async fn status(&self) -> Result<(), Error>;
}

struct Bank;

#[async_trait]
impl Declared for Bank {
    #[non_idempotent]
    async fn charge(&self, _won: u64) -> Result<(), Error> {
        Ok(())
    }

    async fn refund(&self, _won: u64) -> Result<(), Error> {
        Ok(())
    }
}

trait ByHand {
    #[non_idempotent]
    fn charge(&self) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>>;
}

// What the message shows: the mark is seen, behind `dyn` too.
#[async_trait]
trait Payments: Send + Sync {
    async fn charge(&self, won: u64) -> Result<(), Error>;
}

impl dyn Payments + '_ {
    #[non_idempotent]
    async fn marked_charge(&self, won: u64) -> Result<(), Error> {
        self.charge(won).await
    }
}

#[retry(idempotent)]
async fn behind_dyn(payments: &dyn Payments) -> Result<(), Error> {
    payments.marked_charge(5_000).await
}

fn main() {}
