//! Our book and the partner's, side by side: what the ledger compares and mends, and what people look at.

use super::Shop;
use super::bank::Bank;
use super::trouble::Trouble;
use crate::books::{Books, Delivery, Order};
use crate::partner::book::Payment;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use resil::http::Error;
use resil::ledger::Record;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The partner dates a payment later than we record it.
const MARGIN: Duration = Duration::from_secs(3600);

/// The partner's book, as the ledger reads it. It tells what each payment is for, so what only the partner has is adopted.
pub fn records(
    bank: Arc<Bank>,
    period: &Range<SystemTime>,
) -> impl Stream<Item = Result<Record<(i64, u32)>, Error>> + Send + use<> {
    let from = period.start.checked_sub(MARGIN).unwrap_or(SystemTime::UNIX_EPOCH);
    let record = |payment: Payment| {
        let record = if payment.is_charged() { Record::done(payment.key) } else { Record::undone(payment.key) };
        record.amount(payment.won).arguments((payment.order, payment.won))
    };
    let book = async move { Ok::<_, Error>(stream::iter(bank.book(from).await?).map(move |one| Ok(record(one)))) };
    stream::once(book).try_flatten()
}

/// Compares what was recorded until a moment ago, again and again, and has mended what differs. Runs until it is to stop.
pub async fn keep<DB: Books>(shop: Shop<DB>, every: Duration, end: impl Future<Output = ()>) {
    let bank = Arc::clone(&shop.bank);
    let records = move |period: Range<SystemTime>| records(Arc::clone(&bank), &period);
    let comparison = shop.ledger.reconciliation::<DB::Payment, _, _, _>(records);
    comparison.every(every).lag(Duration::from_secs(2)).run(end).await;
}

/// What a comparison has found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Comparison {
    pub paid: usize,
    pub failed: usize,
    /// Orders whose payment is under way; their books need not agree yet.
    pub open: usize,
    pub differences: Vec<String>,
}

impl Comparison {
    /// Whether nothing is open and nothing differs.
    pub fn agrees(&self) -> bool {
        self.open == 0 && self.differences.is_empty()
    }
}

pub async fn books<DB: Books>(shop: &Shop<DB>) -> Result<Comparison, Trouble> {
    let theirs = shop.bank.book(SystemTime::UNIX_EPOCH).await?;
    let ours = DB::orders(&shop.db).await?;
    let deliveries = DB::deliveries(&shop.db).await?;
    let mut found = Comparison::default();
    for order in &ours {
        found.look_at(order, &theirs, &deliveries);
    }
    for payment in &theirs {
        if payment.is_charged() && !ours.iter().any(|order| order.id == payment.order) {
            found.differences.push(format!("payment {} is for order {}, which we lack", payment.number, payment.order));
        }
    }
    for item in DB::stock(&shop.db).await? {
        let sold = ours.iter().filter(|order| order.item == item.item && order.state != "failed").count();
        if item.initial - item.remaining != i64::try_from(sold).unwrap_or(i64::MAX) {
            found.differences.push(format!(
                "{sold} of {} are sold or reserved, {} of {} remain",
                item.item, item.remaining, item.initial
            ));
        }
    }
    Ok(found)
}

impl Comparison {
    fn look_at(&mut self, order: &Order, theirs: &[Payment], deliveries: &[Delivery]) {
        let charged = theirs.iter().filter(|payment| payment.order == order.id && payment.is_charged()).count();
        let topic = match &*order.state {
            "paid" => {
                self.paid += 1;
                "order.paid"
            }
            "failed" => {
                self.failed += 1;
                "order.failed"
            }
            _ => {
                self.open += 1;
                return;
            }
        };
        if charged != usize::from(order.state == "paid") {
            self.differences.push(format!("order {} is {}, and charged {charged} times", order.id, order.state));
        }
        let delivered: Vec<_> = deliveries.iter().filter(|delivery| delivery.order == order.id).collect();
        match delivered[..] {
            [one] if one.topic == topic => {}
            // Its event is on its way.
            [] => self.open += 1,
            _ => self.differences.push(format!("order {} is {}, and delivered {delivered:?}", order.id, order.state)),
        }
    }
}
