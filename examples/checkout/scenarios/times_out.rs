//! A read timeout: nobody knows whether the partner has charged. It is asked, else it is cancelled; and what no question
//! finds, a comparison with the partner's book does, again and again, until both books agree.

use super::stage::{Stage, expect, outside, wait_until};
use crate::Failed;
use crate::books::Books;
use crate::partner::mood::{Change, Mood, Of};
use resil::IdempotencyKey;
use resil::ledger::State;
use std::time::SystemTime;

/// An order that is not in our books.
const NOBODYS: i64 = 4711;

pub async fn play<DB: Books>(stage: &mut Stage<DB>) -> Result<(), Failed> {
    println!("2. A read timeout");
    asked(stage).await?;
    late(stage).await?;
    cancelled(stage).await?;
    gone(stage).await?;
    compared(stage).await?;

    let found = stage.agree().await?;
    expect((found.paid, found.failed) == (3, 2), "three are paid, one is cancelled, and one is refused")?;
    let book = stage.shop.bank.book(SystemTime::UNIX_EPOCH).await?;
    expect(book.len() == 6, "every payment is in the partner's book once")
}

async fn asked<DB: Books>(stage: &Stage<DB>) -> Result<(), Failed> {
    println!("   The partner charges and says nothing, but can be asked.");
    stage.partner_is(Of::Payments, Mood::ApplyThenTimeOut).await?;
    let order = stage.order().await?;
    stage.ends(order, "paid").await
}

async fn late<DB: Books>(stage: &Stage<DB>) -> Result<(), Failed> {
    println!("   It charges late, after it was asked and has said no; and it would refuse another call.");
    stage.partner_is(Of::Payments, Mood::TimeOut).await?;
    let order = stage.order().await?;
    wait_until("the first attempt has arrived", async || Ok(stage.waiting().await? == 1)).await?;
    let second = Change { of: Of::Payments, mood: Mood::ApplyLate, times: Some(1), then: Mood::Refuse };
    stage.partner_changes(second).await?;
    stage.ends(order, "paid").await
}

async fn cancelled<DB: Books>(stage: &Stage<DB>) -> Result<(), Failed> {
    println!("   It charges, says nothing, and cannot be asked: cancelled.");
    stage.partner_is(Of::Payments, Mood::ApplyThenTimeOut).await?;
    stage.partner_is(Of::Status, Mood::Down).await?;
    let order = stage.order().await?;
    stage.ends(order, "failed").await?;
    stage.partner_is(Of::Status, Mood::Ok).await
}

async fn gone<DB: Books>(stage: &mut Stage<DB>) -> Result<(), Failed> {
    println!("   It charges, and is gone for a while.");
    let order = stage.order().await?;
    wait_until("it is charged", async || {
        let book = stage.shop.bank.book(SystemTime::UNIX_EPOCH).await?;
        Ok(book.iter().any(|payment| payment.order == order))
    })
    .await?;
    stage.partner_dies().await?;
    outside("killed with SIGKILL");
    wait_until("it is asked in vain", async || {
        let intent = stage.intent(order).await?;
        Ok(intent.state == State::Unknown && intent.attempts > 2)
    })
    .await?;
    stage.partner_returns().await?;
    outside("there again, with its book");
    stage.ends(order, "paid").await
}

async fn compared<DB: Books>(stage: &Stage<DB>) -> Result<(), Failed> {
    println!("   It refuses, and charges long after; and it has a payment for an order that nobody placed.");
    stage.partner_is(Of::Payments, Mood::Refuse).await?;
    let order = stage.order().await?;
    stage.ends(order, "failed").await?;
    stage.partner_is(Of::Payments, Mood::Ok).await?;
    stage.charge(order, &IdempotencyKey::derived("payment.charge", order)).await?;
    stage.charge(NOBODYS, &IdempotencyKey::random()).await?;
    outside(&format!("orders {order} and {NOBODYS} are charged, and no status check asks for them"));
    wait_until("the comparison has mended it", async || Ok(stage.compare().await?.agrees())).await?;
    stage.way(order).await
}
