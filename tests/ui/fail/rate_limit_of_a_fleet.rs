use resil::{Error, rate_limit};

#[rate_limit("100/s", fleet)]
async fn without_a_name() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s", name = "bank", lost = "share")]
async fn lost_by_nobody() -> Result<u32, Error> {
    Ok(1)
}

#[rate_limit("100/s", name = "bank", fleet, lost = "unlimited")]
async fn never_unlimited() -> Result<u32, Error> {
    Ok(1)
}

fn main() {}
