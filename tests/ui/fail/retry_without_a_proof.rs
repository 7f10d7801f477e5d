use resil::{Error, IdempotencyKey, retry};

#[retry]
async fn bare() -> Result<(), Error> {
    Ok(())
}

#[retry(attempts = 5)]
async fn no_proof_among_the_arguments() -> Result<(), Error> {
    Ok(())
}

#[retry(attempts = 0)]
async fn no_proof_and_a_wrong_value() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotant)]
async fn misspelt_proof() -> Result<(), Error> {
    Ok(())
}

#[retry(idempotent, unsent)]
async fn two_proofs() -> Result<(), Error> {
    Ok(())
}

#[retry(attempts = 3, idempotency_key = key, idempotent)]
async fn two_proofs_with_a_key(key: &IdempotencyKey) -> Result<(), Error> {
    let _ = key;
    Ok(())
}

fn main() {}
