use resil::{Error, circuit_breaker, retry};

struct Payment {
    pending: bool,
}

fn number(payment: &Payment) -> u32 {
    u32::from(payment.pending)
}

fn of_another_type(name: &String) -> bool {
    name.is_empty()
}

#[retry(idempotent, failure_if = number)]
async fn answers_a_number() -> Result<Payment, Error> {
    Ok(Payment { pending: true })
}

#[circuit_breaker(failure_if = number)]
async fn answers_a_number_to_a_breaker() -> Result<Payment, Error> {
    Ok(Payment { pending: true })
}

#[retry(idempotent, failure_if = of_another_type)]
async fn asks_for_another_type() -> Result<Payment, Error> {
    Ok(Payment { pending: true })
}

fn main() {}
