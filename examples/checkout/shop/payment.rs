//! The payment: what a user of resil writes. The ledger calls these functions, in this process or in the next one.

use super::trouble::Trouble;
use super::{bank::Bank, events};
use crate::books::Books;
use resil::http::Error;
use resil::ledger::{OriginalKey, Report, Status};
use resil::{IdempotencyKey, Tx, circuit_breaker, durable, outside_transaction, rate_limit, retry, semaphore, timeout};
use sqlx::{Postgres, Sqlite};

/// Its times are short, so that you need not wait: a real partner gets longer ones, see `docs/operation.md`.
#[durable(
    db = [Sqlite, Postgres], op = "payment.charge", per = order, amount = won, verify = status, compensate = cancel,
    in_doubt = cancel, applied = paid, undone = failed, settle = "1s", attempts = 15, base = "50ms", max = "1s"
)]
#[outside_transaction]
#[retry(idempotency_key = key, attempts = 2, base = "20ms")]
#[circuit_breaker(name = "partner", window = 20, min_calls = 10, failure_rate = 0.7, open_for = "200ms")]
#[semaphore(name = "partner", permits = 20, max_wait = "1s")]
#[rate_limit("200/s", name = "partner", max_wait = "1s")]
#[timeout("3s", connect = "1s", read = "1s", allow(range))]
pub async fn pay(bank: &Bank, order: i64, won: u32, key: &IdempotencyKey) -> Result<u64, Error> {
    bank.charge(order, won, key).await
}

/// What became of it?
#[timeout("3s", connect = "1s", read = "1s", allow(range))]
async fn status(bank: &Bank, _order: i64, _won: u32, original: &OriginalKey) -> Result<Status<u64>, Error> {
    Ok(match bank.find(original).await? {
        Some(payment) if payment.is_charged() => Status::Applied(payment.number),
        _ => Status::NotApplied,
    })
}

/// Cancels it, under a key of its own. What never arrived, or is cancelled already, is cancelled.
#[timeout("3s", connect = "1s", read = "1s", allow(range))]
async fn cancel(
    bank: &Bank,
    _order: i64,
    _won: u32,
    original: &OriginalKey,
    _key: &IdempotencyKey,
    _receipt: Option<u64>,
) -> Result<(), Error> {
    bank.cancel(original).await
}

/// Ours, in the transaction in which the ledger writes the same: the order is paid, and everybody will hear of it. If the
/// customer has withdrawn it meanwhile, it is refused here, so the ledger cancels it with the partner.
async fn paid<DB: Books>(tx: &mut Tx<DB>, order: i64, won: u32, _number: &u64) -> Result<(), Trouble> {
    if !DB::becomes(tx, order, "paid").await? {
        return Err(Trouble::NotPending);
    }
    events::announce(tx, "order.paid", order, won).await
}

/// The order has failed, its item is on the shelf again, and everybody will hear of it.
async fn failed<DB: Books>(tx: &mut Tx<DB>, order: i64, won: u32, why: &Report) -> Result<(), Trouble> {
    if !DB::fail(tx, order, &why.why).await? {
        // It was never ours: only the partner had it.
        return Ok(());
    }
    DB::give_back(tx, order).await?;
    events::announce(tx, "order.failed", order, won).await
}
