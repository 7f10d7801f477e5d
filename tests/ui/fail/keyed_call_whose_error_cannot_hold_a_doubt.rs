//! A first attempt may have been applied, and the last one refused.

use resil::{Classify, IdempotencyKey, retry};
use std::io;

#[derive(Debug, Classify)]
enum PaymentError {
    #[classify(caller)]
    Declined,
}

#[retry(idempotency_key = key)]
async fn own(key: &IdempotencyKey) -> Result<(), PaymentError> {
    _ = key;
    Err(PaymentError::Declined)
}

// `io::Error` can hold one.
#[retry(idempotency_key = key)]
async fn of_std(key: &IdempotencyKey) -> io::Result<()> {
    _ = key;
    Ok(())
}

fn main() {}
