//! Orders: placed in one transaction with their reserved stock and the intent to pay them, finished asynchronously.

use super::Shop;
use super::trouble::Trouble;
use crate::books::Books;
use resil::{IdempotencyKey, transactional};
use serde::{Deserialize, Serialize};

/// What a customer sends.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewOrder {
    pub item: String,
    pub won: u32,
}

/// What a customer is answered, also when the request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub order: i64,
}

/// The order, its stock and the intent to pay it: all of them, or none. Nothing leaves the process in here.
#[transactional(tx = shop.db, op = "order.place", once = key, fingerprint = new)]
pub async fn place<DB: Books>(shop: &Shop<DB>, key: &IdempotencyKey, new: &NewOrder) -> Result<Placed, Trouble> {
    if !DB::take(tx, &new.item).await? {
        return Err(Trouble::SoldOut);
    }
    let order = DB::insert(tx, &new.item, new.won).await?;
    let intent = DB::record(tx, order, new.won).await?;
    DB::paid_by(tx, order, &intent.id().to_string()).await?;
    let ledger = shop.ledger.clone();
    // Once this is committed. If this process is gone by then, a reconciler finds the intent.
    resil::after(async move { _ = ledger.drive(&intent).await });
    Ok(Placed { order })
}

/// The customer does not want it any more. Its payment may be under way: what comes of that, the ledger undoes.
#[transactional(tx = shop.db)]
pub async fn withdraw<DB: Books>(shop: &Shop<DB>, order: i64) -> Result<(), Trouble> {
    if DB::becomes(tx, order, "withdrawn").await? { Ok(()) } else { Err(Trouble::NotPending) }
}
