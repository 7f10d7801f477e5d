use resil::{Error, deadline, non_idempotent, retry, timeout};

#[tokio::test]
#[timeout("5s")]
async fn test() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[non_idempotent]
async fn marked() {}

#[tokio::main]
#[deadline("30s")]
#[retry(idempotent)]
async fn main() -> Result<(), Error> {
    Ok(())
}
