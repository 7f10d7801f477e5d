//! `#[durable]` on what people write.
#![deny(warnings)]

use resil::ledger::{Intent, Ledger, OriginalKey, Outcome, Report, Status};
use resil::{
    Db, Error, IdempotencyKey, Tx, circuit_breaker, deadline, durable, non_idempotent, outside_transaction, retry,
    timeout,
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, Sqlite};
use std::collections::BTreeMap;
use std::sync::Arc;

pub trait Gateway: Send + Sync {
    fn name(&self) -> String;
}

pub struct Bank;

impl Gateway for Bank {
    fn name(&self) -> String {
        "bank".to_owned()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Order<T> {
    id: T,
    lines: BTreeMap<String, u32>,
}

const VERSION: u32 = 3;

/// Everything at once, and parameters called like what the expansion has.
#[durable(
    db = Postgres, op = "everything", version = VERSION, per = order.id, amount = order.id, verify = status, compensate = undo,
    applied = books::done, undone = books::undone, in_doubt = cancel, settle = "2m", attempts = 7, base = "10ms", max = "1m"
)]
#[outside_transaction]
#[non_idempotent]
#[deadline("1m")]
#[retry(unsent)]
#[circuit_breaker(name = "bank")]
#[timeout("5s")]
pub async fn everything(
    gateway: &dyn Gateway,
    order: Order<u64>,
    tx: String,
    key: &IdempotencyKey,
    given: u8,
    original: Option<u32>,
) -> Result<Vec<String>, Error> {
    Ok(vec![gateway.name(), order.id.to_string(), tx.clone(), key.to_string(), format!("{given} {original:?}")])
}

async fn status(
    gateway: &dyn Gateway,
    order: Order<u64>,
    _: String,
    _: u8,
    _: Option<u32>,
    _: &OriginalKey,
) -> std::io::Result<Status<Vec<String>>> {
    let _ = (gateway.name(), order.lines);
    Ok(Status::Pending)
}

async fn undo(
    _: &dyn Gateway,
    _: Order<u64>,
    _: String,
    _: u8,
    _: Option<u32>,
    _: &OriginalKey,
    _: &IdempotencyKey,
    receipt: Option<Vec<String>>,
) -> Result<(), Error> {
    drop(receipt);
    Ok(())
}

mod books {
    use super::{Order, Postgres, Report, Tx};

    type Failed = Box<dyn std::error::Error + Send + Sync>;

    pub async fn done(
        _: &mut Tx<Postgres>,
        _: Order<u64>,
        _: String,
        _: u8,
        _: Option<u32>,
        receipt: &Vec<String>,
    ) -> Result<(), Failed> {
        if receipt.is_empty() { Err("nothing".into()) } else { Ok(()) }
    }

    pub async fn undone(
        _: &mut Tx<Postgres>,
        _: Order<u64>,
        _: String,
        _: u8,
        _: Option<u32>,
        why: &Report,
    ) -> Result<(), Failed> {
        Err(why.why.clone().into())
    }
}

/// Nothing but the call, on either database.
#[durable(db = [Sqlite, Postgres], op = "nothing")]
async fn nothing() -> std::io::Result<()> {
    Ok(())
}

type Answer<T> = Result<T, Error>;

#[durable(db = Sqlite, op = "aliased", per = shop + 1, amount = shop * 2)]
#[retry(idempotent)]
pub(crate) async fn aliased(shop: u32, order: String) -> Answer<u64> {
    Ok(u64::from(shop))
}

fn is_send<T: Send>(future: T) -> T {
    future
}

async fn all(db: Db<Sqlite>, other: Db<Postgres>) -> Result<(), Error> {
    let gateway: Arc<dyn Gateway> = Arc::new(Bank);
    let ledger = Ledger::on(db.clone()).operation::<nothing>().operation::<aliased>().open().await?;
    let on_postgres = Ledger::on(other).operation::<everything>().operation::<nothing>().provide(gateway).open().await?;
    let intent: Intent<nothing> = db.transaction(async |tx| nothing::record(tx).await).await?;
    let other = db.transaction(async |tx| aliased::record(tx, 7, String::from("tea")).await).await?;
    nothing().await.map_err(|_| Error::MissingKey { method: "POST" })?;
    if let Outcome::Applied(()) = is_send(ledger.drive(&intent)).await? {
        let _: Outcome<u64> = ledger.outcome(&other).await?;
    }
    _ = is_send(on_postgres.reconciler().run(async {})).await;
    Ok(())
}

fn main() {
    let _ = all;
}
