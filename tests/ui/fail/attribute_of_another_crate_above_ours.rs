use resil::{Error, retry, timeout};
use tracing::instrument;

#[instrument]
#[retry(idempotent)]
#[timeout("5s")]
async fn status(order: u64) -> Result<u64, Error> {
    Ok(order)
}

#[instrument(err, ret)]
#[retry(idempotent)]
async fn balance(order: u64) -> Result<u64, Error> {
    Ok(order)
}

fn main() {}
