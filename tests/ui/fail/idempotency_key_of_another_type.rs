use resil::{Error, retry};

struct OrderId(u64);

#[retry(idempotency_key = key)]
async fn order(key: &OrderId) -> Result<u64, Error> {
    Ok(key.0)
}

fn main() {}
