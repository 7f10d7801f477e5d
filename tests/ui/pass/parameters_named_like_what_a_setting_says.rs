//! A word of a setting is no parameter, although one has the same name.

use resil::ledger::OriginalKey;
use resil::{Error, IdempotencyKey, durable, retry, timeout};
use sqlx::Sqlite;

mod limits {
    pub const ATTEMPTS: u32 = 3;
}

#[retry(idempotent, attempts = limits::ATTEMPTS)]
#[timeout("1s", connect = "1s")]
async fn named_like_a_setting(limits: u32, attempts: u32, connect: &str) -> Result<u32, Error> {
    let _ = (attempts, connect);
    Ok(limits)
}

#[durable(db = Sqlite, op = "named.pay", in_doubt = cancel, compensate = give_back)]
async fn named_like_a_word(cancel: u64, manual: u64) -> Result<u64, Error> {
    Ok(cancel + manual)
}

async fn give_back(
    _cancel: u64,
    _manual: u64,
    _original: &OriginalKey,
    _key: &IdempotencyKey,
    _receipt: Option<u64>,
) -> Result<(), Error> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(named_like_a_setting(200, 1, "").await.unwrap(), 200);
    assert_eq!(named_like_a_word(3, 4).await.unwrap(), 7);
}
