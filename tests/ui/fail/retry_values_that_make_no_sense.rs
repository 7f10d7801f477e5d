use resil::{Error, retry};

#[retry(idempotent, attempts = 0)]
async fn no_attempts() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, attempts = -3, base = "-1s", factor = -2)]
async fn negative_values() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, attempts = "3", base = 100, max = "10")]
async fn values_of_another_type() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, factor = 0.5, jitter = 1.5)]
async fn numbers_out_of_range() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, jitter = "some", retry_status = 429)]
async fn words_of_another_vocabulary() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, retry_status = [200, 429])]
async fn status_that_is_a_success() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, budget = 5, failure_if = "is_pending")]
async fn budget_and_path() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent = true)]
async fn reason_that_is_no_text() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotency_key = "key")]
async fn key_in_quotes() -> Result<(), Error> {
    Ok(())
}

#[retry(unsent = true)]
async fn word_with_a_value() -> Result<(), Error> {
    Ok(())
}

#[retry(3)]
async fn number_by_itself() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent attempts = 3)]
async fn comma_forgotten() -> Result<(), Error> {
    Ok(())
}

fn main() {}
