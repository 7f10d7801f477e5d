use resil::{Error, circuit_breaker, semaphore};

struct Money(f64);

#[circuit_breaker(name = "shops", max_keys = 100)]
async fn of_nothing() -> Result<(), Error> {
    Ok(())
}

#[semaphore(permits = 1, key = tenant, max_keys = 0)]
async fn none(tenant: u64) -> Result<u64, Error> {
    Ok(tenant)
}

#[circuit_breaker(key = price)]
async fn not_hashed(price: Money) -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(key)]
async fn which() -> Result<(), Error> {
    Ok(())
}

#[semaphore(permits = 1, keys = tenant)]
async fn misspelt(tenant: u64) -> Result<u64, Error> {
    Ok(tenant)
}

fn main() {}
