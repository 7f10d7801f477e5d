//! After a lost answer nobody knows whether the call was done.

use resil::{Classify, Error, Failure, IdempotencyKey, fallback, non_idempotent, retry};

#[derive(Debug, Classify)]
enum PaymentError {
    #[classify(delegate)]
    Policy(Error),
}

impl From<Error> for PaymentError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

async fn second_gateway(_: &u64, _: Failure<PaymentError>) -> Result<(), PaymentError> {
    Ok(())
}

async fn second_gateway_keyed(_: &u64, _: &&IdempotencyKey, _: Failure<PaymentError>) -> Result<(), PaymentError> {
    Ok(())
}

#[non_idempotent]
async fn third_gateway(_: &u64, _: Failure<PaymentError>) -> Result<(), PaymentError> {
    Ok(())
}

#[non_idempotent]
#[fallback(with = second_gateway)]
async fn marked(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

#[fallback(with = second_gateway)]
#[retry(unsent)]
async fn unsent(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

#[fallback(with = self::second_gateway_keyed)]
#[retry(idempotency_key = key)]
async fn keyed(won: u64, key: &IdempotencyKey) -> Result<(), PaymentError> {
    Ok(drop((won, key)))
}

#[fallback(with = third_gateway)]
async fn answered_by_a_marked_function(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

#[fallback(with = second_gateway, unsent, acts = "one book")]
#[retry(unsent)]
async fn both(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

#[fallback(with = second_gateway, acts)]
#[retry(unsent)]
async fn without_a_reason(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

#[fallback(value = (), unsent)]
#[retry(unsent)]
async fn a_value_does_not_act(won: u64) -> Result<(), PaymentError> {
    Ok(drop(won))
}

fn main() {}
