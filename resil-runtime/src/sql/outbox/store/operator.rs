//! What an operator sees and decides.

use super::claim::message;
use super::end::next;
use crate::outbox::{Backlog, Filter, MessageId, OutboxError, SetAside};
use crate::registry::OutboxBacklog;
use crate::sql::db::{Row, Value};
use crate::{Backend, Db, Error};
use std::time::Duration;

const BACKLOG: &str = "
    SELECT (SELECT count(*) FROM resil_outbox), (SELECT count(*) FROM resil_outbox WHERE due IS NULL),
        {now} - (SELECT recorded FROM resil_outbox ORDER BY number LIMIT 1)";

const MOST: u64 = 10_000;

/// The same of the first 10,000 of each kind, however many there are: of those set aside, and of those that wait, by their place. No
/// index has all that wait and none that was set aside.
pub(super) const WAITING: &str = "
    SELECT count(*), {now} - min(recorded), (SELECT count(*) FROM (
        SELECT number FROM resil_outbox WHERE due IS NULL ORDER BY number LIMIT (SELECT 10000)
    ) AS aside) FROM (
        SELECT recorded FROM (
            SELECT recorded FROM resil_outbox WHERE behind = 0 AND due IS NOT NULL ORDER BY alone, due + 0 LIMIT (SELECT 10000)
        ) AS firsts
        UNION ALL
        SELECT recorded FROM (
            SELECT recorded FROM resil_outbox WHERE behind = 1 AND due IS NOT NULL ORDER BY lane, number LIMIT (SELECT 10000)
        ) AS behind
        UNION ALL
        SELECT recorded FROM (
            SELECT recorded FROM resil_outbox WHERE behind = 2 AND due IS NOT NULL ORDER BY number LIMIT (SELECT 10000)
        ) AS fresh
    ) AS waiting";

const SET_ASIDE: &str = "
    SELECT id, topic, lane, payload, attempts, recorded, number, why FROM (
        SELECT *, sum(octet_length(payload)) OVER (ORDER BY number) - octet_length(payload) AS ahead
        FROM (SELECT * FROM resil_outbox WHERE due IS NULL ORDER BY number LIMIT $1) AS page
    ) AS page
    WHERE ahead < $2 ORDER BY number";

macro_rules! redeliver {
    ($which:literal) => {
        concat!(
            "
    UPDATE resil_outbox SET
        due = {now}, scheduled = {now}, attempts = 0, spent = 0, since = NULL, newer = NULL, alone = CASE WHEN deaths > 0 THEN 1 ELSE 0 END
    WHERE due IS NULL AND ",
            $which,
            " RETURNING number"
        )
    };
}
const REDELIVER: &str = redeliver!("id = $1");
const REDELIVER_ALL: &str = redeliver!(
    "topic = coalesce($1, topic) AND lane = coalesce($2, lane) AND recorded >= coalesce($3, recorded)
        AND recorded < coalesce($4, recorded + 1)"
);

/// A message, and the first of its lane, which a lease is of. No claim can come in between.
const LANE_OF: &str = "
    SELECT lane, CAST(CASE WHEN alone >= 2 AND due > {now} THEN 1 ELSE 0 END AS BIGINT) FROM resil_outbox
    WHERE number = (
        SELECT min(number) FROM resil_outbox AS other
        WHERE other.lane = (SELECT lane FROM resil_outbox AS found WHERE found.id = $1)
    ) {locked}";
const EXISTS: &str = "SELECT id FROM resil_outbox WHERE id = $1";
const DISCARD: &str = "DELETE FROM resil_outbox WHERE id = $1 RETURNING id";

pub(in super::super) async fn backlog<DB: Backend>(db: &Db<DB>) -> Result<Backlog, Error> {
    let row = db.long_statement(BACKLOG, &[]).await?.into_iter().next();
    let number = |column| row.as_ref().and_then(|row| row.number(column)).and_then(|number| u64::try_from(number).ok());
    let set_aside = number(1).unwrap_or(0);
    let waiting = number(0).unwrap_or(0).saturating_sub(set_aside);
    Ok(Backlog { waiting, set_aside, oldest: number(2).map(Duration::from_millis) })
}

/// What a look may cost however much waits.
pub(in super::super) async fn waiting<DB: Backend>(db: &Db<DB>) -> Result<OutboxBacklog, Error> {
    let row = db.statement(WAITING, &[]).await?.into_iter().next();
    let number = |column| row.as_ref().and_then(|row| row.number(column)).and_then(|number| u64::try_from(number).ok());
    let (waiting, set_aside) = (number(0).unwrap_or(0), number(2).unwrap_or(0));
    Ok(OutboxBacklog {
        waiting: waiting.min(MOST),
        oldest: number(1).map(Duration::from_millis),
        set_aside,
        seen: None,
    })
}

pub(in super::super) async fn set_aside<DB: Backend>(
    db: &Db<DB>,
    most: u32,
    bytes: usize,
) -> Result<Vec<SetAside>, Error> {
    let one = |mut row: Row| {
        let why = row.text(7)?;
        Some(SetAside { message: message(&mut row)?.0, why })
    };
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    Ok(db.statement(SET_ASIDE, &[i64::from(most).into(), bytes.into()]).await?.into_iter().filter_map(one).collect())
}

pub(in super::super) async fn redeliver<DB: Backend>(db: &Db<DB>, id: MessageId) -> Result<bool, Error> {
    Ok(!db.statement(REDELIVER, &[(&*id.to_string()).into()]).await?.is_empty())
}

pub(in super::super) async fn redeliver_all<DB: Backend>(db: &Db<DB>, filter: &Filter) -> Result<u64, Error> {
    let (from, until) = filter.recorded_in_millis();
    let values: [Value<'_>; 4] =
        [filter.topic.as_deref().into(), filter.ordering.as_deref().into(), from.into(), until.into()];
    Ok(db.long_statement(REDELIVER_ALL, &values).await?.len() as u64)
}

/// Deletes a message, unless somebody is delivering it or what is before it.
pub(in super::super) async fn discard<DB: Backend>(db: &Db<DB>, id: MessageId) -> Result<(), Error> {
    let text = id.to_string();
    let mut tx = db.own().await?;
    let discarded = async {
        let first = tx.statement(LANE_OF, &[(&*text).into()]).await?.into_iter().next();
        let Some(mut first) = first else {
            // The first of its lane was deleted while this waited: there may be another one now.
            let is_there = !tx.statement(EXISTS, &[(&*text).into()]).await?.is_empty();
            return Err(if is_there { OutboxError::Busy(id) } else { OutboxError::NoSuchMessage(id) }.into());
        };
        if first.number(1) == Some(1) {
            return Err(OutboxError::Busy(id).into());
        }
        if tx.statement(DISCARD, &[(&*text).into()]).await?.is_empty() {
            return Err(OutboxError::NoSuchMessage(id).into());
        }
        next(&mut tx, &first.text(0).unwrap_or_default()).await
    };
    let discarded = discarded.await;
    tx.end(discarded).await
}
