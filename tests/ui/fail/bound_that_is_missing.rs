use resil::{Error, circuit_breaker, deadline, timeout};

#[timeout]
async fn timeout_without_a_bound() -> Result<(), Error> {
    Ok(())
}

#[deadline()]
async fn deadline_without_a_bound() -> Result<(), Error> {
    Ok(())
}

#[timeout(read = "5s")]
async fn read_without_the_whole() -> Result<(), Error> {
    Ok(())
}

#[timeout(connect = "2s")]
async fn connect_without_the_whole() -> Result<(), Error> {
    Ok(())
}

#[deadline]
#[circuit_breaker(failure_rate = 50)]
#[timeout]
async fn both_and_another_mistake() -> Result<(), Error> {
    Ok(())
}

fn main() {}
