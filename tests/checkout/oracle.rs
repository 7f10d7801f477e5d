//! What must be so after a storm, read from both books themselves.

use crate::Failed;
use crate::books::{Books, Delivery, Order, Stock};
use crate::customers::Told;
use crate::partner::book::Payment;
use crate::shop::{Shop, compare};
use resil::ledger::State;
use resil::outbox::Outbox;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub async fn violations<DB: Books>(shop: &Shop<DB>, told: &Told) -> Result<Vec<String>, Failed> {
    let orders = DB::orders(&shop.db).await?;
    let mut found = told.contradictions.clone();
    found.extend(payments(&orders, &shop.bank.book(SystemTime::UNIX_EPOCH).await?));
    found.extend(effects(&orders, &DB::deliveries(&shop.db).await?));
    found.extend(DB::stock(&shop.db).await?.iter().filter_map(|stock| shelf(&orders, stock)));
    found.extend(promises(&orders, told));
    for (_, _, state, number) in shop.ledger.count().await? {
        if state == Some(State::Manual) {
            found.push(format!("{number} intents wait for an operator"));
        }
    }
    let past = SystemTime::now() - Duration::from_secs(86_400)..SystemTime::now();
    let records = compare::records(Arc::clone(&shop.bank), &past);
    let report = shop.ledger.reconcile::<DB::Payment, _>(past, records).await?;
    if !report.agrees() || report.agree != report.records {
        found.push(format!("the ledger finds: {report}"));
    }
    for message in Outbox::on(shop.db.clone()).set_aside(100).await? {
        found.push(format!("an event was set aside: {}", message.why));
    }
    Ok(found)
}

/// How many payments have been in doubt on their way.
pub async fn doubts<DB: Books>(shop: &Shop<DB>) -> Result<usize, Failed> {
    let mut doubts = 0;
    for order in DB::orders(&shop.db).await? {
        let intent = shop.ledger.find(order.intent.parse()?).await?.ok_or("an order without an intent")?;
        doubts += usize::from(intent.history.entries().iter().any(|entry| entry.state == Some(State::Unknown)));
    }
    Ok(doubts)
}

/// Paid is what the partner has charged once and not cancelled; failed is what it has not charged, or has cancelled.
fn payments(orders: &[Order], theirs: &[Payment]) -> Vec<String> {
    let mut found = Vec::new();
    let mut by_order: HashMap<i64, Vec<&Payment>> = HashMap::new();
    for payment in theirs {
        by_order.entry(payment.order).or_default().push(payment);
    }
    for order in orders {
        let payments = by_order.remove(&order.id).unwrap_or_default();
        let is_equal = match (&*order.state, &payments[..]) {
            ("paid", [one]) => one.is_charged() && i64::from(one.won) == order.won,
            ("failed", [one]) => !one.is_charged(),
            ("failed", []) => true,
            _ => false,
        };
        if !is_equal {
            found.push(format!("{order:?} and the partner's {payments:?}"));
        }
    }
    found.extend(by_order.values().map(|payments| format!("the partner has {payments:?} for no order of ours")));
    found
}

/// The event of each order had its effect once.
fn effects(orders: &[Order], deliveries: &[Delivery]) -> Vec<String> {
    let mut by_order: HashMap<i64, Vec<&str>> = HashMap::new();
    for delivery in deliveries {
        by_order.entry(delivery.order).or_default().push(&delivery.topic);
    }
    let of = |order: &Order| by_order.get(&order.id).cloned().unwrap_or_default();
    let wrong = orders.iter().filter(|order| of(order) != [format!("order.{}", order.state)]);
    let mut found: Vec<_> = wrong.map(|order| format!("{order:?} was delivered as {:?}", of(order))).collect();
    if by_order.len() > orders.len() {
        found.push("something was delivered for no order of ours".to_owned());
    }
    found
}

fn shelf(orders: &[Order], stock: &Stock) -> Option<String> {
    let paid = orders.iter().filter(|order| order.item == stock.item && order.state == "paid").count();
    let gone = stock.initial - stock.remaining;
    (i64::try_from(paid) != Ok(gone)).then(|| format!("{paid} of {} are paid, and {gone} are gone", stock.item))
}

/// What was answered with 202 is there, and nobody was answered another customer's order, although their keys are alike.
fn promises(orders: &[Order], told: &Told) -> impl Iterator<Item = String> {
    let mut seen = std::collections::HashSet::new();
    let twice = told.placed.iter().filter(move |order| !seen.insert(**order));
    let twice = twice.map(|order| format!("order {order} was answered to two requests"));
    let known: std::collections::HashSet<i64> = orders.iter().map(|order| order.id).collect();
    let lost = told.placed.iter().filter(move |order| !known.contains(order));
    lost.map(|order| format!("order {order} was answered with 202, and is not there")).chain(twice)
}
