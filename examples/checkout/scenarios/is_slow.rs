//! The partner is slow: no connection may wait for it, or none is left for anybody else.

use super::stage::{Stage, circuit, expect, inside, outside, wait_until};
use crate::Failed;
use crate::books::Books;
use crate::database::{CONNECTIONS, in_use};
use crate::partner::mood::{Mood, Of};

const ORDERS: usize = 40;

pub async fn play<DB: Books>(stage: &mut Stage<DB>) -> Result<(), Failed> {
    println!("4. A slow partner, and a pool of {CONNECTIONS} connections");
    // It would open, and spare the partner: then nothing would wait.
    circuit()?.observe()?;
    stage.partner_is(Of::Payments, Mood::Hold).await?;
    for _ in 0..ORDERS {
        stage.order().await?;
    }
    inside(&format!("{ORDERS} orders are answered with 202"));
    let at_once = 2 * CONNECTIONS as usize;
    wait_until("more payments wait than there are connections", async || Ok(stage.waiting().await? > at_once)).await?;
    outside(&format!("more than {at_once} payments wait for their answer"));
    wait_until("the pool is free", async || Ok(in_use(&stage.shop.db) == 0)).await?;
    inside("no connection is in use");
    let stock = stage.client.get(stage.url("/stock")).send().await?;
    expect(stock.status() == 200, "a query that has nothing to do with it is answered")?;
    inside("a query that has nothing to do with it is answered");

    circuit()?.reset()?;
    stage.partner_is(Of::Payments, Mood::Ok).await?;
    outside("goes on");
    let found = stage.agree().await?;
    expect((found.paid, found.failed) == (ORDERS, 0), "all are paid")
}
