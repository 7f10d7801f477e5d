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

struct Order {
    checked: bool,
}

impl Order {
    fn checked(&self, _strictly: bool) -> u64 {
        7
    }
}

#[retry(idempotency_key = key)]
async fn something_is_checked(key: &IdempotencyKey, order: &Order) -> Result<u64, Error> {
    let number = order.checked(true);
    let checked = number.max(checked());
    if order.checked { Ok(checked) } else { Ok(number) }
}

fn checked() -> u64 {
    7
}

fn main() {}
