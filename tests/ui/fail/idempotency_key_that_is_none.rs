use resil::{Error, IdempotencyKey, retry};

#[retry(idempotency_key = key)]
async fn no_such_parameter(order: u64) -> Result<u64, Error> {
    Ok(order)
}

#[retry(idempotency_key = key)]
async fn a_string(key: String) -> Result<usize, Error> {
    Ok(key.len())
}

#[retry(idempotency_key = key)]
async fn a_str(key: &str) -> Result<usize, Error> {
    Ok(key.len())
}

#[retry(idempotency_key = key)]
async fn by_value(key: IdempotencyKey) -> Result<usize, Error> {
    Ok(key.as_str().len())
}

#[retry(idempotency_key = key)]
async fn never_sent(key: &IdempotencyKey, order: u64) -> Result<u64, Error> {
    Ok(order)
}

fn main() {}
