//! The messages in the database.
//!
//! All messages of one ordering key are a *lane*; one without a key has a lane to itself. Only the first of a lane, its
//! head, is ever leased, so a lease is one of the whole lane. The claim goes from lane to lane, over the index, and never
//! looks at what waits behind a head. It looks at more heads than it wants, because others may be claiming some of them.

use super::message::{Backlog, Message, MessageId, SetAside};
use crate::sql::db::{Row, Value, in_millis, whole};
use crate::{Backend, Db, Error, Tx};
use serde_json::json;
use std::time::{Duration, SystemTime};

pub(crate) const TABLE: &str = "
    CREATE TABLE resil_outbox (
        number {identity},
        id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        lane {bytes} NOT NULL,
        payload TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        spent BIGINT NOT NULL,
        epoch BIGINT NOT NULL,
        due BIGINT,
        why TEXT NOT NULL,
        recorded BIGINT NOT NULL
    );
    CREATE UNIQUE INDEX resil_outbox_lane ON resil_outbox (lane, number);
    CREATE INDEX resil_outbox_set_aside ON resil_outbox (number) WHERE due IS NULL;
";

/// Where transactions write one after the other, their numbers are in the order of their commits.
#[cfg(feature = "sqlite")]
pub(crate) const RECORD: &str = "
    INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded)
    VALUES ($1, $2, $3, $4, 0, 0, 0, {now}, '', {now})
    RETURNING id";

/// Where they write side by side, those of one lane take turns, until they commit. A message without a key has nobody to
/// wait for, and the database only so many locks.
#[cfg(feature = "postgres")]
pub(crate) const RECORD_IN_TURN: &str = "
    WITH turn AS MATERIALIZED (
        SELECT CASE WHEN left($3, 1) <> chr(1)
            THEN pg_advisory_xact_lock(hashtextextended($3, 'resil_outbox'::regclass::oid::bigint)) END
    )
    INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded)
    SELECT $1, $2, $3, $4, 0, 0, 0, {now}, '', {now} FROM turn
    RETURNING id";

const CLAIM: &str = "
    WITH RECURSIVE head (number, lane, due) AS (
        SELECT number, lane, due FROM (
            SELECT number, lane, due FROM resil_outbox WHERE lane > $2 ORDER BY lane, number LIMIT 1
        ) AS first
        UNION ALL
        SELECT following.number, following.lane, following.due
        FROM head JOIN resil_outbox AS following ON following.number = (
            SELECT number FROM resil_outbox WHERE lane > head.lane ORDER BY lane, number LIMIT 1
        )
    ),
    candidate AS MATERIALIZED (SELECT number FROM head WHERE due <= {now} LIMIT 2 * $3),
    due AS MATERIALIZED (
        SELECT number FROM resil_outbox
        WHERE number IN (SELECT number FROM candidate) AND due <= {now} ORDER BY lane LIMIT $3 {skip locked}
    )
    UPDATE resil_outbox SET epoch = epoch + 1, due = {now} + $1 WHERE number IN (SELECT number FROM due)
    RETURNING id, topic, lane, payload, attempts, recorded, number, epoch, spent,
        (SELECT max(number) FROM resil_outbox AS other WHERE other.lane = resil_outbox.lane)";

const FOLLOWERS: &str = "
    SELECT id, topic, lane, payload, attempts, recorded, number, epoch, spent,
        CAST(CASE WHEN due <= {now} THEN 1 ELSE 0 END AS BIGINT)
    FROM resil_outbox WHERE lane = $1 AND number > $2 ORDER BY number LIMIT $3";

/// Only under the lease of its lane: the next in the lane is not claimed while another worker is at this one.
const DELIVERED: &str = "
    DELETE FROM resil_outbox WHERE id IN (
        SELECT value ->> 0 FROM {rows of $1} JOIN resil_outbox AS head ON head.id = value ->> 2
        WHERE head.epoch = CAST(value ->> 3 AS BIGINT)
    ) AND id || ' ' || epoch IN (SELECT (value ->> 0) || ' ' || (value ->> 1) FROM {rows of $1})
    RETURNING id";

const FAILED: &str = "
    UPDATE resil_outbox SET attempts = attempts + 1, spent = spent + $3, due = {now} + $4, why = $5
    WHERE id = $1 AND epoch = $2
    RETURNING id";

const BACKLOG: &str = "SELECT count(due), count(*), {now} - min(recorded) FROM resil_outbox";
const SET_ASIDE: &str = "
    SELECT id, topic, lane, payload, attempts, recorded, number, why FROM resil_outbox
    WHERE due IS NULL ORDER BY number LIMIT $1";
const REDELIVER: &str =
    "UPDATE resil_outbox SET due = {now}, attempts = 0, spent = 0 WHERE id = $1 AND due IS NULL RETURNING id";
const DISCARD: &str = "DELETE FROM resil_outbox WHERE id = $1 RETURNING id";

/// The clock was set back: what is due in the far future is due now. No wait of ours is nearly as long.
const HEAL: &str = "UPDATE resil_outbox SET due = {now} WHERE due > {now} + 86400000";

/// So many of a lane are delivered under one lease, besides its head.
const PAGE: i64 = 64;

/// What the lane of a message without a key begins with, and no key can.
const ALONE: char = '\u{1}';

/// What is recorded of a message.
pub(super) struct Recorded<'a> {
    pub(super) id: MessageId,
    pub(super) topic: &'a str,
    pub(super) ordering: Option<&'a str>,
    pub(super) payload: &'a str,
}

/// A message of a lane under a lease.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) message: Message,
    pub(super) lane: String,
    pub(super) number: i64,
    /// Counts its leases: who holds an older one has lost it.
    pub(super) epoch: i64,
    /// How many of its attempts have failed with what does not pass.
    pub(super) spent: u32,
    /// Of a head, the last message of its lane; of a follower, whether it is due.
    last: i64,
}

impl Claimed {
    pub(super) fn has_followers(&self) -> bool {
        self.last > self.number
    }
}

/// A message that was delivered under the lease of its lane's head.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) id: MessageId,
    pub(super) epoch: i64,
    pub(super) head: MessageId,
    pub(super) head_epoch: i64,
}

pub(super) async fn record<DB: Backend>(tx: &mut Tx<DB>, message: &Recorded<'_>) -> Result<(), Error> {
    let id = message.id.to_string();
    let lane = message.ordering.map_or_else(|| format!("{ALONE}{id}"), str::to_owned);
    let values = [(&*id).into(), message.topic.into(), (&*lane).into(), message.payload.into()];
    tx.statement(DB::RECORD_MESSAGE, &values).await.map(drop)
}

/// Leases so many lanes whose heads are due, of those that come after this one.
pub(super) async fn claim<DB: Backend>(
    db: &Db<DB>,
    after: &str,
    most: usize,
    lease: Duration,
) -> Result<Vec<Claimed>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = db.statement(CLAIM, &[in_millis(lease).into(), after.into(), most.into()]).await?;
    Ok(rows.into_iter().filter_map(claimed).collect())
}

/// What comes next in the lane of a head that this worker has a lease of, up to what waits for its time or an operator.
pub(super) async fn followers<DB: Backend>(db: &Db<DB>, head: &Claimed) -> Result<Vec<Claimed>, Error> {
    let values: [Value<'_>; 3] = [(&*head.lane).into(), head.number.into(), PAGE.into()];
    let rows = db.statement(FOLLOWERS, &values).await?;
    Ok(rows.into_iter().filter_map(claimed).take_while(|follower| follower.last == 1).collect())
}

/// Deletes what was delivered. What is delivered under a lease that was lost is delivered again.
pub(super) async fn delivered<DB: Backend>(db: &Db<DB>, all: &[Delivered]) -> Result<(), Error> {
    let row = |one: &Delivered| {
        json!([one.id.to_string(), one.epoch.to_string(), one.head.to_string(), one.head_epoch.to_string()])
    };
    let all = serde_json::Value::Array(all.iter().map(row).collect()).to_string();
    db.statement(DELIVERED, &[(&*all).into()]).await.map(drop)
}

/// Puts a message off, or sets it aside. `false` if the lease was lost.
pub(super) async fn failed<DB: Backend>(
    db: &Db<DB>,
    held: &Claimed,
    is_spent: bool,
    wait: Option<Duration>,
    why: &str,
) -> Result<bool, Error> {
    let id = held.message.id.to_string();
    let values: [Value<'_>; 5] =
        [(&*id).into(), held.epoch.into(), i64::from(is_spent).into(), wait.map(in_millis).into(), why.into()];
    Ok(!db.statement(FAILED, &values).await?.is_empty())
}

pub(super) async fn backlog<DB: Backend>(db: &Db<DB>) -> Result<Backlog, Error> {
    let row = db.statement(BACKLOG, &[]).await?.into_iter().next();
    let number = |column| row.as_ref().and_then(|row| row.number(column)).and_then(|number| u64::try_from(number).ok());
    let waiting = number(0).unwrap_or(0);
    let set_aside = number(1).unwrap_or(0).saturating_sub(waiting);
    Ok(Backlog { waiting, set_aside, oldest: number(2).map(Duration::from_millis) })
}

pub(super) async fn set_aside<DB: Backend>(db: &Db<DB>, most: u32) -> Result<Vec<SetAside>, Error> {
    let one = |mut row: Row| {
        let why = row.text(7)?;
        Some(SetAside { message: message(&mut row)?.0, why })
    };
    Ok(db.statement(SET_ASIDE, &[i64::from(most).into()]).await?.into_iter().filter_map(one).collect())
}

pub(super) async fn redeliver<DB: Backend>(db: &Db<DB>, id: MessageId) -> Result<bool, Error> {
    Ok(!db.statement(REDELIVER, &[(&*id.to_string()).into()]).await?.is_empty())
}

pub(super) async fn discard<DB: Backend>(db: &Db<DB>, id: MessageId) -> Result<bool, Error> {
    Ok(!db.statement(DISCARD, &[(&*id.to_string()).into()]).await?.is_empty())
}

/// Makes due what the clock has put into the far future.
pub(super) async fn heal<DB: Backend>(db: &Db<DB>) -> Result<(), Error> {
    db.statement(HEAL, &[]).await.map(drop)
}

fn claimed(mut row: Row) -> Option<Claimed> {
    let (number, epoch, spent, last) = (row.number(6)?, row.number(7)?, whole(row.number(8)?), row.number(9)?);
    let (message, lane) = message(&mut row)?;
    Some(Claimed { message, lane, number, epoch, spent, last })
}

/// A message, and its lane.
fn message(row: &mut Row) -> Option<(Message, String)> {
    let (id, lane) = (row.text(0)?, row.text(2)?);
    let ordering = (!lane.starts_with(ALONE)).then(|| lane.clone());
    let recorded = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(row.number(5)?).unwrap_or(0));
    let (topic, payload, attempt) = (row.text(1)?, row.text(3)?, whole(row.number(4)?).saturating_add(1));
    Some((Message { id: id.parse().ok()?, topic, ordering, payload, attempt, recorded }, lane))
}
