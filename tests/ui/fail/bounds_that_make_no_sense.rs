use resil::{Error, deadline, timeout};

#[timeout("0s")]
async fn timeout_of_zero() -> Result<(), Error> {
    Ok(())
}

#[timeout("5")]
async fn timeout_without_its_unit() -> Result<(), Error> {
    Ok(())
}

#[timeout(5)]
async fn timeout_that_is_a_number() -> Result<(), Error> {
    Ok(())
}

#[timeout(5s)]
async fn timeout_without_quotes() -> Result<(), Error> {
    Ok(())
}

#[timeout(-5)]
async fn timeout_that_is_negative() -> Result<(), Error> {
    Ok(())
}

#[timeout("-5s")]
async fn timeout_that_is_negative_in_quotes() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", connect = "0s", read = 3)]
async fn phases() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", allow = range)]
async fn allowance_without_parentheses() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", connect = "9ms", allow(ranges))]
async fn allowance_of_nothing_known() -> Result<(), Error> {
    Ok(())
}

#[timeout("5s", "3s")]
async fn two_bounds() -> Result<(), Error> {
    Ok(())
}

#[deadline("0ms")]
async fn deadline_of_zero() -> Result<(), Error> {
    Ok(())
}

#[deadline("thirty seconds")]
async fn deadline_in_words() -> Result<(), Error> {
    Ok(())
}

#[deadline(30)]
async fn deadline_without_its_unit() -> Result<(), Error> {
    Ok(())
}

fn main() {}
