use resil::{Error, deadline, timeout};

#[timeout(duration = "5s")]
async fn duration() -> Result<(), Error> {
    Ok(())
}

#[timeout(secs = 5)]
async fn seconds() -> Result<(), Error> {
    Ok(())
}

#[timeout(limit = "5s", connect = "2s")]
async fn limit() -> Result<(), Error> {
    Ok(())
}

#[timeout(millis = 500)]
async fn millis() -> Result<(), Error> {
    Ok(())
}

#[deadline(limit = "30s")]
async fn limit_of_a_deadline() -> Result<(), Error> {
    Ok(())
}

#[deadline(after = 30)]
async fn after() -> Result<(), Error> {
    Ok(())
}

fn main() {}
