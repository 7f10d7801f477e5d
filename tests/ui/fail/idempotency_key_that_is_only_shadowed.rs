use resil::{Error, IdempotencyKey, retry};

#[retry(idempotency_key = key)]
async fn order(key: &IdempotencyKey) -> Result<usize, Error> {
    let key = IdempotencyKey::random();
    Ok(key.as_str().len())
}

fn main() {}
