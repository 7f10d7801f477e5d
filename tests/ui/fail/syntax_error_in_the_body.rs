use resil::{Error, circuit_breaker, retry, timeout};

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn status(order: u64) -> Result<u64, Error> {
    let doubled = order * ;
    Ok(doubled)
}

struct Gateway;

impl Gateway {
    #[circuit_breaker]
    #[timeout("5s")]
    async fn balance(&self, account: u64) -> Result<u64, Error> {
        let status = status(account) await?;
        Ok(status)
    }
}

async fn uses_them() -> Result<u64, Error> {
    status(7).await?;
    Gateway.balance(7).await
}

fn main() {}
