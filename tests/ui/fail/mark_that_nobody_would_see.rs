use async_trait::async_trait;
use resil::{Error, non_idempotent, timeout};
use tracing::instrument;

#[async_trait]
trait Boxed {
    #[non_idempotent]
    async fn charge(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[non_idempotent]
#[instrument]
async fn begins_only() -> Result<(), Error> {
    Ok(())
}

trait Gateway {
    #[non_idempotent]
    async fn charge(&self) -> Result<(), Error>;

    #[non_idempotent]
    #[timeout("1s")]
    async fn guarded(&self) -> Result<(), Error>;
}

struct Bank;

impl Gateway for Bank {
    async fn charge(&self) -> Result<(), Error> {
        Ok(())
    }

    #[timeout("1s")]
    async fn guarded(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[non_idempotent(crate)]
async fn not_a_path() {}

#[non_idempotent("charge")]
async fn nothing_to_set() {}

#[non_idempotent]
fn not_async() -> u64 {
    7
}

#[timeout("1s")]
#[non_idempotent]
async fn below_a_policy() -> Result<(), Error> {
    Ok(())
}

fn main() {}
