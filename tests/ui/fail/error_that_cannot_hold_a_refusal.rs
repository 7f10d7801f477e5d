use resil::{Classify, circuit_breaker, deadline, retry, timeout};

#[derive(Debug, Classify)]
enum PaymentError {
    #[classify(caller)]
    Declined,
}

#[timeout("5s")]
async fn under_timeout() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

#[deadline("5s")]
async fn under_deadline() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

#[circuit_breaker]
async fn under_circuit_breaker() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn under_a_stack() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

type Outcome = Result<u32, PaymentError>;

#[timeout("5s")]
async fn behind_an_alias() -> Outcome {
    Err(PaymentError::Declined)
}

fn main() {}
