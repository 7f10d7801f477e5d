//! The table, and how a message comes into it.
//!
//! `behind` says what place a message has in its lane: 0, it is the first; 1, it waits behind another; 2, nobody has looked
//! yet. Only what is first is in the indexes that a claim reads.
//!
//! `alone` says how a message is to be claimed: 0, with others; 1, alone; 2 and 3 are the same two under a lease. Where a
//! lease was never ended, the process was: so 2 and 3 are claimed alone as well.

use super::super::message::MessageId;
use crate::{Backend, Error, Tx};

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

/// `deaths` is how many leases were never ended, `since` when it was tried first, and `newer` the start of the relay that
/// could not read it: those that started later come first. The index of all topics is of an expression, so that no planner takes
/// it for a claim of some topics, and reads through all others.
pub(crate) const PLACES: &str = "
    ALTER TABLE resil_outbox ADD COLUMN {if not exists} behind BIGINT NOT NULL DEFAULT 2;
    ALTER TABLE resil_outbox ADD COLUMN {if not exists} alone BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE resil_outbox ADD COLUMN {if not exists} deaths BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE resil_outbox ADD COLUMN {if not exists} since BIGINT;
    ALTER TABLE resil_outbox ADD COLUMN {if not exists} newer BIGINT;
    {then}
    CREATE INDEX resil_outbox_due ON resil_outbox (alone, (due + 0)) WHERE behind = 0 AND due IS NOT NULL;
    CREATE INDEX resil_outbox_topic ON resil_outbox (topic, alone, due) WHERE behind = 0 AND due IS NOT NULL;
    CREATE INDEX resil_outbox_newer ON resil_outbox (newer, topic) WHERE behind = 0 AND newer IS NOT NULL;
    CREATE INDEX resil_outbox_behind ON resil_outbox (lane, number) WHERE behind = 1;
    CREATE INDEX resil_outbox_fresh ON resil_outbox (number) WHERE behind = 2;
";

/// When `due` was written: a clock that is set back since makes nothing wait longer. What was never tried waits for nothing.
pub(crate) const SCHEDULED: &str = "
    ALTER TABLE resil_outbox ADD COLUMN scheduled BIGINT;
";

/// Where transactions write one after the other, their numbers are in the order of their commits, and each sees what is
/// before it. `$5` is 1 where one of the same lane is before it in the same transaction.
#[cfg(feature = "sqlite")]
pub(crate) const RECORD: &str = "
    INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded, behind)
    VALUES ($1, $2, $3, $4, 0, 0, 0, {now}, '', {now}, $5 OR EXISTS (SELECT 1 FROM resil_outbox WHERE lane = $3))
    RETURNING id, 'unknown'";

/// Where they write side by side, those of one lane take turns, until they commit, and a relay finds out what is before
/// them, but for what is before it in the same transaction: they read nothing, so that no isolation level lets them fail for each
/// other. A message without a key has nobody to
/// wait for, and the database only so many locks.
#[cfg(feature = "postgres")]
pub(crate) const RECORD_IN_TURN: &str = "
    WITH turn AS MATERIALIZED (
        SELECT CASE WHEN left($3, 1) <> chr(1)
            THEN pg_advisory_xact_lock(hashtextextended($3, 'resil_outbox'::regclass::oid::bigint)) END
    )
    INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded, behind)
    SELECT $1, $2, $3, $4, 0, 0, 0, {now}, '', {now}, CASE WHEN left($3, 1) = chr(1) THEN 0 ELSE 2 - $5 END FROM turn
    RETURNING id, current_setting('resil.transaction', true)";

/// What the lane of a message without a key begins with, and no key can.
const ALONE: char = '\u{1}';

/// What is recorded of a message.
pub(in super::super) struct Recorded<'a> {
    pub(in super::super) id: MessageId,
    pub(in super::super) topic: &'a str,
    pub(in super::super) ordering: Option<&'a str>,
    pub(in super::super) payload: &'a str,
}

pub(in super::super) async fn record<DB: Backend>(tx: &mut Tx<DB>, message: &Recorded<'_>) -> Result<(), Error> {
    let id = message.id.to_string();
    let lane = message.ordering.map_or_else(|| format!("{ALONE}{id}"), str::to_owned);
    let is_behind = i64::from(message.ordering.is_some_and(|key| tx.has_message_of(key)));
    let values = [(&*id).into(), message.topic.into(), (&*lane).into(), message.payload.into(), is_behind.into()];
    tx.marked_statement(DB::RECORD_MESSAGE, &values).await.map(drop)
}

/// The ordering key that a lane stands for.
pub(super) fn ordering_of(lane: &str) -> Option<String> {
    (!lane.starts_with(ALONE)).then(|| lane.to_owned())
}
