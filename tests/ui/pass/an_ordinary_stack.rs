#![deny(warnings)]
#![forbid(unsafe_code)]

use resil::{Classify, Error, IdempotencyKey, circuit_breaker, deadline, retry, timeout};

#[derive(Debug, Classify)]
enum PaymentError {
    #[classify(caller)]
    Declined,
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for PaymentError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

/// Four imports are used by one macro, which takes the other three attributes away.
#[deadline("30s")]
#[retry(idempotent, attempts = 5, base = "200ms", factor = 2.0, max = "5s", jitter = "equal", retry_status = [429])]
#[circuit_breaker(
    name = "payment",
    window = "60s",
    min_calls = 10,
    failure_rate = 1.0,
    slow_call = "2s",
    slow_rate = 0.8,
    open_for = "10s",
    open_factor = 2.0,
    open_max = "5m",
    half_open_calls = 1,
    half_open_max_wait = "30s",
    failure_if = is_zero
)]
#[timeout("5s", connect = "1s", read = "5s")]
async fn status(order: &u64) -> Result<u64, PaymentError> {
    if *order == 0 {
        return Err(PaymentError::Declined);
    }
    Ok(*order)
}

fn is_zero(order: &u64) -> bool {
    *order == 0
}

#[retry(idempotency_key = key, budget = none)]
#[resil::timeout("5s")]
async fn pay(order: u64, key: &IdempotencyKey) -> Result<String, PaymentError> {
    Ok(format!("{order} under {key}"))
}

#[retry(unsent)]
async fn notify(order: u64) -> Result<u64, PaymentError> {
    Ok(order)
}

/// Without a retry, an argument may be moved and changed.
#[circuit_breaker]
async fn consume(mut order: String) -> Result<String, PaymentError> {
    order.push('!');
    Ok(order)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(status(&7).await.unwrap(), 7);
    assert!(matches!(status(&0).await, Err(PaymentError::Declined)));
    assert!(matches!(PaymentError::Declined, PaymentError::Declined | PaymentError::Policy(_)));
    assert!(pay(7, &IdempotencyKey::derived("order", "7")).await.unwrap().starts_with("7 under "));
    assert_eq!(notify(7).await.unwrap(), 7);
    assert_eq!(consume("now".to_owned()).await.unwrap(), "now!");
}
