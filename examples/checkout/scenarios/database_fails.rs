//! The partner has charged, and our database fails: what is done outside is rolled back inside. It is applied again, or
//! compensated, and everybody hears of it.

use super::stage::{Stage, expect, inside, outside, wait_until};
use crate::Failed;
use crate::books::Books;
use crate::partner::mood::{Mood, Of};
use resil::ledger::{IntentId, State};

pub async fn play<DB: Books>(stage: &mut Stage<DB>) -> Result<(), Failed> {
    println!("3. Success outside, failure inside");
    println!("   The partner charges while the table of orders is gone.");
    let order = held(stage).await?;
    let intent = stage.intent(order).await?.id;
    DB::execute(&stage.shop.db, "ALTER TABLE orders RENAME TO orders_elsewhere").await?;
    inside("the table of orders is gone");
    stage.partner_is(Of::Payments, Mood::Ok).await?;
    wait_until("it could not be written", async || could_not_be_written(stage, intent).await).await?;
    outside(&format!("order {order} is charged"));
    DB::execute(&stage.shop.db, "ALTER TABLE orders_elsewhere RENAME TO orders").await?;
    inside("the table of orders is there again");
    stage.ends(order, "paid").await?;

    println!("   The partner charges what the customer has withdrawn.");
    let withdrawn = held(stage).await?;
    let answer = stage.client.delete(stage.url(&format!("/orders/{withdrawn}"))).send().await?;
    expect(answer.status() == 202, "an order can be withdrawn")?;
    inside(&format!("order {withdrawn} is withdrawn"));
    stage.partner_is(Of::Payments, Mood::Ok).await?;
    stage.ends(withdrawn, "failed").await?;

    let found = stage.agree().await?;
    expect((found.paid, found.failed) == (1, 1), "one is paid, and one is compensated")
}

/// An order whose payment is with the partner, who does not go on yet.
async fn held<DB: Books>(stage: &Stage<DB>) -> Result<i64, Failed> {
    stage.partner_is(Of::Payments, Mood::Hold).await?;
    let order = stage.order().await?;
    wait_until("its payment is with the partner", async || Ok(stage.waiting().await? == 1)).await?;
    Ok(order)
}

/// Whether the partner has charged, and our own books were tried in vain.
async fn could_not_be_written<DB: Books>(stage: &Stage<DB>, intent: IntentId) -> Result<bool, Failed> {
    let intent = stage.find(intent).await?;
    Ok(intent.state == State::Succeeded && intent.attempts > 1)
}
