use resil::{Error, circuit_breaker, deadline, retry, timeout};

#[timeout("5", conect = "2s")]
#[circuit_breaker(failure_rate = 50, half_open_calls = 0, min_calls = 0)]
#[retry(attempts = -1, base = "1", base = "2s")]
#[deadline]
async fn in_the_arguments() -> Result<(), Error> {
    Ok(())
}

#[deadline("5s")]
#[retry(idempotency_key = key)]
#[circuit_breaker(window = 10, min_calls = 20, slow_rate = 0.5, name = RETRY)]
#[timeout("10s", read = T::READ)]
async fn between_them<T>(mut order: u64, items: T) -> Result<(), Error> {
    order += 1;
    drop((order, items));
    Ok(())
}

#[circuit_breaker(crate = resil)]
#[timeout("10s", crate = ::resil)]
async fn two_crate_paths() -> Result<(), Error> {
    Ok(())
}

fn main() {}
