use resil::{Error, non_idempotent, retry, timeout};
use std::pin::pin;
use std::time::Duration;
use tracing::Instrument as _;

struct Bank;

impl Bank {
    #[non_idempotent]
    async fn charge(&self, won: u64) -> Result<u64, Error> {
        Ok(won)
    }
}

#[non_idempotent]
async fn pay(won: u64) -> Result<u64, Error> {
    Ok(won)
}

trait Gateway {
    #[non_idempotent]
    async fn order(&self) -> Result<u64, Error>;
}

#[retry(idempotent)]
async fn in_a_function() -> Result<u64, Error> {
    pay(5).await
}

#[retry(idempotent = "the bank says so")]
#[timeout("1s")]
async fn in_a_method(bank: &Bank) -> Result<u64, Error> {
    let won = bank.charge(5).await?;
    Ok(won)
}

#[retry(idempotent)]
async fn through_a_generic(gateway: &impl Gateway) -> Result<u64, Error> {
    gateway.order().await
}

#[retry(idempotent)]
async fn in_a_timeout() -> Result<u64, Error> {
    tokio::time::timeout(Duration::from_secs(1), pay(5)).await.unwrap_or(Ok(0))
}

#[retry(idempotent)]
async fn in_a_box() -> Result<u64, Error> {
    Box::pin(pay(5)).await
}

#[retry(idempotent)]
async fn by_reference() -> Result<u64, Error> {
    let mut call = Box::pin(pay(5));
    (&mut call).await
}

#[retry(idempotent)]
async fn pinned() -> Result<u64, Error> {
    let call = pin!(pay(5));
    call.await
}

#[retry(idempotent)]
async fn joined() -> Result<u64, Error> {
    let (left, right) = tokio::join!(pay(1), async { Ok::<_, Error>(2) });
    Ok(left? + right?)
}

#[retry(idempotent)]
async fn tried_together() -> Result<u64, Error> {
    let (left, right) = tokio::try_join!(biased; async { Ok::<_, Error>(2) }, pay(1))?;
    Ok(left + right)
}

#[retry(idempotent)]
async fn instrumented() -> Result<u64, Error> {
    pay(5).instrument(tracing::Span::none()).await
}

#[retry(idempotent)]
async fn in_layers() -> Result<u64, Error> {
    let call = tokio::time::timeout(Duration::from_secs(1), Box::pin(pay(5)).in_current_span());
    call.await.unwrap_or(Ok(0))
}

#[retry(idempotent)]
async fn in_a_closure() -> Result<u64, Error> {
    let call = || async { pay(5).await };
    call().await
}

#[retry(idempotent)]
async fn in_a_block() -> Result<u64, Error> {
    let call = async move { pay(5).await };
    call.await
}

#[retry(idempotent)]
async fn in_a_macro() -> Result<u64, Error> {
    assert_eq!(pay(5).await?, 5);
    Ok(5)
}

#[non_idempotent]
#[retry(idempotent)]
async fn contradiction() -> Result<u64, Error> {
    Ok(5)
}

fn main() {}
