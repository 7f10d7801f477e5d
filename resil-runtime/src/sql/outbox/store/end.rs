//! Writes down how deliveries have ended, under the lease that they began with.

use super::claim::{Claimed, token};
use crate::sql::db::{Row, Value, in_millis};
use crate::sql::outbox::message::MessageId;
use crate::{Backend, Classify as _, Db, Error, Tx, Verdict};
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

/// Only under the lease of its lane: the next in the lane is not claimed while another worker is at this one.
const DELIVERED: &str = "
    DELETE FROM resil_outbox WHERE id {among}
        SELECT value ->> 0 FROM {rows of $1} JOIN resil_outbox AS head ON head.id = value ->> 2
        WHERE head.epoch = CAST(value ->> 3 AS BIGINT)
    {end} AND id || ' ' || epoch IN (SELECT (value ->> 0) || ' ' || (value ->> 1) FROM {rows of $1})
    RETURNING id";

/// What is first in these lanes now is found by a claim. In a statement of its own, which sees what was committed until the
/// deletion had its locks.
const NEXT: &str = "
    UPDATE resil_outbox SET behind = 0, due = CASE WHEN due < {now} OR (due IS NOT NULL AND attempts = 0) THEN {now} ELSE due END
    WHERE behind <> 0 AND number {among}
        SELECT (SELECT min(number) FROM resil_outbox AS other WHERE other.lane = value) FROM {each text of $1}
    {end}
    RETURNING number";

const FAILED: &str = "
    UPDATE resil_outbox SET
        attempts = $3, spent = $4, alone = $5, due = {now} + $6, scheduled = {now}, newer = $7, why = $8, since = coalesce(since, {now}),
        epoch = $11
    WHERE id = $1 AND epoch = $2
        AND EXISTS (SELECT 1 FROM resil_outbox AS head WHERE head.id = $9 AND head.epoch = $10)
    RETURNING id";

/// It did not come to an end, and not by its own fault.
const GIVEN_BACK: &str = "
    UPDATE resil_outbox SET
        attempts = attempts - 1, spent = spent - 1, due = {now}, scheduled = {now}, epoch = 0,
        alone = CASE alone WHEN 2 THEN 0 ELSE 1 END
    WHERE behind = 0 AND alone IN (2, 3) AND due IS NOT NULL AND id || ' ' || epoch IN {texts of $1}
    RETURNING id";

/// The same with all that was claimed under a token.
const UNANSWERED: &str = "
    UPDATE resil_outbox SET
        attempts = attempts - 1, spent = spent - 1, due = {now}, scheduled = {now}, epoch = 0,
        alone = CASE alone WHEN 2 THEN 0 ELSE 1 END
    WHERE behind = 0 AND alone IN (2, 3) AND due IS NOT NULL AND epoch = $1
    RETURNING id";

/// The lease of a lane's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct HeldMessage {
    pub(in super::super) head: MessageId,
    pub(in super::super) epoch: i64,
}

impl HeldMessage {
    pub(in super::super) fn of(head: &Claimed) -> Self {
        Self { head: head.message.id, epoch: head.epoch }
    }
}

/// A message that was delivered under the lease of its lane's head.
#[derive(Debug)]
pub(in super::super) struct Delivered {
    pub(in super::super) id: MessageId,
    pub(in super::super) topic: String,
    pub(in super::super) epoch: i64,
    pub(in super::super) under: HeldMessage,
    /// The lane, if others may follow in it.
    pub(in super::super) lane: Option<String>,
}

/// Deletes what was delivered, and answers what of it was deleted. What is delivered under a lease that was lost is delivered
/// again.
pub(in super::super) async fn delivered<DB: Backend>(
    db: &Db<DB>,
    all: impl Iterator<Item = &Delivered> + Clone,
) -> Result<HashSet<MessageId>, Error> {
    let row = |one: &Delivered| {
        json!([one.id.to_string(), one.epoch.to_string(), one.under.head.to_string(), one.under.epoch.to_string()])
    };
    let rows = serde_json::Value::Array(all.clone().map(row).collect()).to_string();
    let lanes: HashSet<&str> = all.filter_map(|one| one.lane.as_deref()).collect();
    let deleted = if lanes.is_empty() {
        db.statement(DELIVERED, &[(&*rows).into()]).await?
    } else {
        let lanes = serde_json::Value::from_iter(lanes).to_string();
        let mut tries = 0;
        loop {
            tries += 1;
            match delete(db, &rows, &lanes).await {
                // The database has ended it for the sake of another transaction.
                Err(error) if tries < TRIES && error.verdict() == Verdict::transient().unsent().ours() => {}
                ended => break ended?,
            }
        }
    };
    Ok(deleted.into_iter().filter_map(|mut row| row.text(0)?.parse().ok()).collect())
}

const TRIES: u32 = 4;

/// Deletes these rows, and finds what follows in these lanes.
async fn delete<DB: Backend>(db: &Db<DB>, rows: &str, lanes: &str) -> Result<Vec<Row>, Error> {
    let mut tx = db.own().await?;
    let deleted = async {
        let deleted = tx.statement(DELIVERED, &[rows.into()]).await?;
        tx.statement(NEXT, &[lanes.into()]).await?;
        Ok::<_, Error>(deleted)
    };
    let deleted = deleted.await;
    tx.end(deleted).await
}

/// What follows a message that was deleted in this transaction, and was the first of its lane, is the first now.
pub(super) async fn next<DB: Backend>(tx: &mut Tx<DB>, lane: &str) -> Result<(), Error> {
    let lanes = serde_json::Value::from_iter([lane]).to_string();
    tx.statement(NEXT, &[(&*lanes).into()]).await.map(drop)
}

/// How an attempt has failed.
#[derive(Debug)]
pub(in super::super) struct FailedDelivery<'a> {
    /// Whether it counts against the message.
    pub(in super::super) counts: bool,
    /// How long it waits; `None` sets it aside.
    pub(in super::super) wait: Option<Duration>,
    /// The start of the relay that could not read it.
    pub(in super::super) newer: Option<i64>,
    pub(in super::super) why: &'a str,
}

/// Puts a message off, or sets it aside. `false` if the lease was lost.
pub(in super::super) async fn failed<DB: Backend>(
    db: &Db<DB>,
    failing: &Claimed,
    under: HeldMessage,
    failure: FailedDelivery<'_>,
) -> Result<bool, Error> {
    let (id, head) = (failing.message.id.to_string(), under.head.to_string());
    let spent = failing.spent.saturating_sub(u32::from(!failure.counts));
    let is_alone = failing.deaths > 0 || failure.newer.is_some();
    let values: [Value<'_>; 11] = [
        (&*id).into(),
        failing.epoch.into(),
        i64::from(failing.message.attempt).into(),
        i64::from(spent).into(),
        i64::from(is_alone).into(),
        failure.wait.map(in_millis).into(),
        failure.newer.into(),
        failure.why.into(),
        (&*head).into(),
        under.epoch.into(),
        token().into(),
    ];
    Ok(!db.statement(FAILED, &values).await?.is_empty())
}

/// Leaves heads as if they had not been claimed.
pub(in super::super) async fn given_back<DB: Backend>(db: &Db<DB>, all: &[HeldMessage]) -> Result<(), Error> {
    let each = all.iter().map(|held| format!("{} {}", held.head, held.epoch));
    let all = each.collect::<serde_json::Value>().to_string();
    db.statement(GIVEN_BACK, &[(&*all).into()]).await.map(drop)
}

/// Leaves what a claim has leased whose answer was lost as if it had not been claimed: nobody delivers it.
pub(in super::super) async fn unanswered<DB: Backend>(db: &Db<DB>, token: i64) -> Result<(), Error> {
    db.statement(UNANSWERED, &[token.into()]).await.map(drop)
}
