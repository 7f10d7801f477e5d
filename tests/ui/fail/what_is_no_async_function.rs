use resil::{Error, circuit_breaker, deadline, retry, timeout};
use std::future::Future;

#[timeout("5s")]
fn sync_function() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent)]
struct Gateway;

#[deadline("5s")]
mod gateways {}

#[circuit_breaker]
const LIMIT: u32 = 5;

#[circuit_breaker]
fn future_made_by_hand() -> impl Future<Output = Result<(), Error>> {
    std::future::ready(Ok(()))
}

trait Payments {
    #[retry(idempotent)]
    #[timeout("5s")]
    async fn status(&self) -> Result<(), Error>;
}

#[retry(idempotent)]
impl Gateway {
    async fn status(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn main() {
    let _ = sync_function();
    let _ = Gateway.status();
}
