use resil::{circuit_breaker, retry, timeout};

type Count = u32;

struct Receipt;

#[timeout("5s")]
async fn under_timeout() -> Count {
    1
}

#[retry(idempotent)]
async fn under_retry() -> Receipt {
    Receipt
}

#[circuit_breaker]
async fn under_circuit_breaker() -> Count {
    1
}

fn main() {}
