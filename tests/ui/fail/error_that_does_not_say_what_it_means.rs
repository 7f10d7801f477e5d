use resil::{circuit_breaker, retry};

#[derive(Debug)]
enum PaymentError {
    Declined,
    Policy(resil::Error),
}

impl From<resil::Error> for PaymentError {
    fn from(error: resil::Error) -> Self {
        Self::Policy(error)
    }
}

#[retry(idempotent)]
async fn under_retry() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

#[circuit_breaker]
async fn under_circuit_breaker() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

#[retry(idempotent)]
#[circuit_breaker]
async fn under_both() -> Result<u32, PaymentError> {
    Err(PaymentError::Declined)
}

fn main() {}
