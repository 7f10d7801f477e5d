use resil::{Error, circuit_breaker, timeout};

#[retry(idempotent)]
#[timeout("5s")]
async fn outermost() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker]
#[semaphore(permits = 5)]
#[timeout("5s")]
async fn between() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s")]
#[retry(idempotent)]
async fn in_the_wrong_order_too() -> Result<(), Error> {
    Ok(())
}

fn main() {}
