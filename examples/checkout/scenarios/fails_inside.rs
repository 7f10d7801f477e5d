//! An external call fails inside a transaction: the work must roll back.

use super::stage::{Stage, WON, expect, inside, outside};
use crate::Failed;
use crate::books::Books;
use crate::partner::mood::{Mood, Of};
use crate::shop::payment::pay;
use crate::shop::trouble::Trouble;
use resil::{Db, IdempotencyKey, Tx};
use std::time::SystemTime;

pub async fn play<DB: Books>(stage: &mut Stage<DB>) -> Result<(), Failed> {
    println!("1. An external call inside a transaction");
    let (db, bank) = (&stage.shop.db, &*stage.shop.bank);
    let key = IdempotencyKey::random();

    let refused = db.transaction(async |tx| {
        let order = reserve(tx).await?;
        Ok::<_, Trouble>(pay(bank, order, WON, &key).await?)
    });
    let refused = refused.await.err().ok_or("a call inside a transaction should be refused")?;
    inside(&format!("refused: {refused}"));
    nothing_is_left(db).await?;
    let book = bank.book(SystemTime::UNIX_EPOCH).await?;
    expect(book.is_empty(), "nothing was sent")?;
    outside("nothing has arrived");

    println!("   Now it is let in, for a reason, and the partner refuses.");
    stage.partner_is(Of::Payments, Mood::Refuse).await?;
    let failed = db.transaction(async |tx| {
        let order = reserve(tx).await?;
        Ok::<_, Trouble>(resil::allow("to show what comes of it", pay(bank, order, WON, &key)).await?)
    });
    let failed = failed.await.err().ok_or("the partner should refuse")?;
    outside("refused with 402, and nothing is charged");
    inside(&format!("failed: {failed}"));
    nothing_is_left(db).await?;
    stage.agree().await.map(drop)
}

async fn reserve<DB: Books>(tx: &mut Tx<DB>) -> Result<i64, Trouble> {
    if !DB::take(tx, "tea").await? {
        return Err(Trouble::SoldOut);
    }
    Ok(DB::insert(tx, "tea", WON).await?)
}

async fn nothing_is_left<DB: Books>(db: &Db<DB>) -> Result<(), Failed> {
    expect(DB::orders(db).await?.is_empty(), "no order is left")?;
    let stock = DB::stock(db).await?;
    expect(stock.iter().all(|item| item.remaining == item.initial), "all stock is on the shelf")?;
    inside("rolled back: no order, and all stock is on the shelf");
    Ok(())
}
