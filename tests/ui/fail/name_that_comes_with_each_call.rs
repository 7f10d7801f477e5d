use resil::{Error, bulkhead, circuit_breaker, retry, semaphore, timeout};
use std::time::Duration;

#[circuit_breaker(name = tenant)]
async fn breaker(tenant: &str) -> Result<(), Error> {
    let _ = tenant;
    Ok(())
}

#[semaphore(name = tenant, permits = 5)]
async fn semaphore_(tenant: String) -> Result<(), Error> {
    let _ = tenant;
    Ok(())
}

#[bulkhead(name = pool, threads = 4)]
async fn bulkhead_(pool: &'static str) -> Result<(), Error> {
    let _ = pool;
    Ok(())
}

#[retry(idempotent, budget = partner)]
async fn budget(partner: &'static str) -> Result<(), Error> {
    let _ = partner;
    Ok(())
}

#[retry(idempotent, attempts = attempts)]
async fn setting(attempts: u32) -> Result<(), Error> {
    let _ = attempts;
    Ok(())
}

#[timeout(limit)]
async fn bound(limit: Duration) -> Result<(), Error> {
    let _ = limit;
    Ok(())
}

fn main() {}
