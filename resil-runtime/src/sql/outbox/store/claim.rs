//! Takes up what is due. A claim costs what it finds, and not what waits.

use super::table::ordering_of;
use crate::sql::db::{Row, Value, in_millis, whole};
use crate::sql::outbox::message::{Message, MessageId, Unreadable};
use crate::{Backend, Db, Error};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

// A limit is a query of its own, `LIMIT (SELECT 64)`, where a planner that does not know how much waits would rather read and sort
// all of it than go along an index as far as it must.

/// Gives what was recorded since its place in its lane. It reads the first of a lane under a lock that a deletion waits
/// for: so whoever deletes that one finds the next. What is locked already is looked at the next time.
const SETTLE_IN: &str = "
    WITH fresh AS MATERIALIZED (
        SELECT number, lane FROM resil_outbox WHERE behind = 2 ORDER BY number LIMIT (SELECT $1) {skip locked}
    ),
    first AS MATERIALIZED (
        SELECT lane, (SELECT min(number) FROM resil_outbox AS other WHERE other.lane = lanes.lane) AS number
        FROM (SELECT DISTINCT lane FROM fresh) AS lanes
    ),
    kept AS MATERIALIZED (
        SELECT number, lane FROM resil_outbox WHERE number {among} SELECT number FROM first {end} {share skip locked}
    ),
    settled AS MATERIALIZED (SELECT fresh.number FROM fresh JOIN kept ON kept.lane = fresh.lane)
    UPDATE resil_outbox SET behind = CASE WHEN number IN (SELECT number FROM kept) THEN 0 ELSE 1 END
    WHERE number {among} SELECT number FROM settled {end} AND behind = 2
    RETURNING number";

/// What is to be claimed, `$1`, is a list of `[topic, share, most, alone]`: of a topic, or of all, as many as its share has
/// left, in the state `alone`. Twice as many are looked at, because others may be claiming some of them.
macro_rules! claim {
    ($seen:literal) => {
        concat!(
            "
    WITH wanted AS MATERIALIZED (
        SELECT value ->> 0 AS topic, value ->> 1 AS share, CAST(value ->> 2 AS BIGINT) AS most,
            CAST(value ->> 3 AS BIGINT) AS alone
        FROM {rows of $1}
    ),
    seen AS MATERIALIZED (",
            $seen,
            "
    ),
    ready AS MATERIALIZED (
        SELECT number, due, octet_length(payload) AS bytes FROM resil_outbox
        WHERE number {among} SELECT number FROM seen {end} AND behind + 0 = 0 AND (due - 0 <= {now} OR newer - 0 < $4)
        {skip locked}
    ),
    shared AS (
        SELECT ready.number, due, bytes, most, row_number() OVER (PARTITION BY share ORDER BY due, ready.number) AS place
        FROM ready JOIN seen ON seen.number = ready.number
    ),
    in_order AS (
        SELECT number, row_number() OVER (ORDER BY due, number) AS place,
            sum(bytes) OVER (ORDER BY due, number) - bytes AS ahead
        FROM shared WHERE place <= most
    ),
    chosen AS MATERIALIZED (SELECT number FROM in_order WHERE place <= $3 AND ahead < $5)
    UPDATE resil_outbox SET
        attempts = attempts + 1, spent = spent + 1, epoch = $6, due = {now} + $2, scheduled = {now}, newer = NULL,
        deaths = deaths + CASE WHEN alone >= 2 THEN 1 ELSE 0 END, since = coalesce(since, {now}),
        alone = CASE alone WHEN 0 THEN 2 ELSE 3 END
    WHERE number {among} SELECT number FROM chosen {end}
    RETURNING id, topic, lane, payload, attempts, recorded, number, epoch, spent, alone, deaths, {now} - since,
        (SELECT max(number) FROM resil_outbox AS other WHERE other.lane = resil_outbox.lane)"
        )
    };
}

#[cfg(feature = "sqlite")]
pub(crate) const CLAIM_TOPICS: &str = claim!(
    "
        SELECT message.number, share, most FROM wanted CROSS JOIN resil_outbox AS message ON message.number IN (
            SELECT number FROM (
                SELECT number FROM resil_outbox
                WHERE topic = wanted.topic AND behind = 0 AND alone = wanted.alone AND due <= {now}
                ORDER BY due LIMIT 2 * $3
            )
            UNION SELECT number FROM (
                SELECT number FROM resil_outbox
                WHERE topic = wanted.topic AND behind = 0 AND newer < $4 AND wanted.alone = 1 ORDER BY newer LIMIT 2
            )
        )"
);
/// `+ 0`: compared with a number by `CAST`, the expression in the index would be converted, and the index read to its end.
#[cfg(feature = "sqlite")]
pub(crate) const CLAIM_ANY: &str = claim!(
    "
        SELECT message.number, share, most FROM wanted CROSS JOIN resil_outbox AS message ON message.number IN (
            SELECT number FROM (
                SELECT number FROM resil_outbox
                WHERE behind = 0 AND alone = wanted.alone AND due IS NOT NULL AND due + 0 <= {now} + 0
                ORDER BY due + 0 LIMIT 2 * $3
            )
            UNION SELECT number FROM (
                SELECT number FROM resil_outbox WHERE behind = 0 AND newer < $4 AND wanted.alone = 1 ORDER BY newer LIMIT 2
            )
        )"
);
#[cfg(feature = "postgres")]
pub(crate) const CLAIM_TOPICS_BESIDE: &str = claim!(
    "
        SELECT found.number, share, most FROM wanted CROSS JOIN LATERAL (
            (
                SELECT number FROM resil_outbox
                WHERE topic = wanted.topic AND behind = 0 AND alone = wanted.alone AND due <= {now}
                ORDER BY due LIMIT 2 * $3
            )
            UNION (
                SELECT number FROM resil_outbox
                WHERE topic = wanted.topic AND behind = 0 AND newer < $4 AND wanted.alone = 1 ORDER BY newer LIMIT 2
            )
        ) AS found"
);
#[cfg(feature = "postgres")]
pub(crate) const CLAIM_ANY_BESIDE: &str = claim!(
    "
        SELECT found.number, share, most FROM wanted CROSS JOIN LATERAL (
            (
                SELECT number FROM resil_outbox
                WHERE behind = 0 AND alone = wanted.alone AND due IS NOT NULL AND due + 0 <= {now}
                ORDER BY due + 0 LIMIT 2 * $3
            )
            UNION (SELECT number FROM resil_outbox WHERE behind = 0 AND newer < $4 AND wanted.alone = 1 ORDER BY newer LIMIT 2)
        ) AS found"
);

/// What follows in some lanes, `[lane, number, bytes]`: in their order, up to so many bytes of each.
const FOLLOWERS: &str = "
    WITH wanted AS MATERIALIZED (
        SELECT value ->> 0 AS lane, CAST(value ->> 1 AS BIGINT) AS number, CAST(value ->> 2 AS BIGINT) AS most
        FROM {rows of $1}
    )
    SELECT id, topic, lane, payload, attempts, recorded, number, epoch, spent, alone, deaths, coalesce({now} - since, 0),
        CAST(CASE WHEN (due <= {now} OR attempts = 0) AND due IS NOT NULL AND alone = 0 AND newer IS NULL THEN 1 ELSE 0 END AS BIGINT)
    FROM (
        SELECT message.*, most,
            sum(octet_length(payload)) OVER (PARTITION BY message.lane ORDER BY message.number) AS bytes
        FROM wanted JOIN resil_outbox AS message ON message.number {among}
            SELECT number FROM resil_outbox AS other
            WHERE other.lane = wanted.lane AND other.number > wanted.number ORDER BY number LIMIT (SELECT $2)
        {end}
    ) AS page
    WHERE bytes <= most ORDER BY number";

/// A process died at this lane, and nobody knows at which message of it.
const SUSPECT: &str = "
    UPDATE resil_outbox SET alone = 1
    WHERE alone = 0 AND number {among}
        SELECT number FROM resil_outbox WHERE lane = $1 AND number > $2 ORDER BY number LIMIT (SELECT $3)
    {end}
    RETURNING number";

/// Each topic that something is due of, by steps from one to the next.
const TOPICS: &str = "
    WITH RECURSIVE found (topic) AS (
        SELECT * FROM (
            SELECT topic FROM resil_outbox WHERE behind = 0 AND due IS NOT NULL ORDER BY topic LIMIT 1
        ) AS first
        UNION ALL
        SELECT (
            SELECT topic FROM resil_outbox WHERE behind = 0 AND due IS NOT NULL AND topic > found.topic ORDER BY topic LIMIT 1
        ) FROM found WHERE found.topic IS NOT NULL
    )
    SELECT topic, {now} - (
        SELECT min(due) FROM resil_outbox WHERE behind = 0 AND alone = 0 AND due IS NOT NULL AND topic = found.topic
    ) FROM found WHERE topic IS NOT NULL";

const NOW: &str = "SELECT {now}";

/// The clock was set back: what was put off by the clock of then waits as long again, by the clock of now, and what was never
/// tried is due. Nothing waits shorter than it was to, and no lease ends sooner. What an older version has put off is due if no
/// wait of ours is nearly as long.
const HEAL: &str = "
    UPDATE resil_outbox SET
        due = CASE WHEN attempts = 0 OR scheduled IS NULL THEN {now} ELSE {now} + (due - scheduled) END,
        since = since - coalesce(scheduled - {now}, 0), scheduled = {now}
    WHERE behind = 0 AND alone IN (0, 1, 2, 3) AND due IS NOT NULL AND due + 0 > {now} + 1000 AND (
        (attempts = 0 AND recorded > {now} + 1000) OR scheduled > {now} + 1000
        OR (scheduled IS NULL AND due > {now} + 86400000)
    )
    RETURNING number";

/// Somebody has deleted the first of a lane by hand.
const MEND: &str = "
    WITH RECURSIVE head (lane) AS (
        SELECT * FROM (SELECT lane FROM resil_outbox WHERE behind = 1 ORDER BY lane LIMIT 1) AS first
        UNION ALL
        SELECT (SELECT lane FROM resil_outbox WHERE behind = 1 AND lane > head.lane ORDER BY lane LIMIT 1)
        FROM head WHERE head.lane IS NOT NULL
    )
    UPDATE resil_outbox SET behind = 0
    WHERE behind = 1 AND number {among}
        SELECT (SELECT min(number) FROM resil_outbox AS other WHERE other.lane = head.lane) FROM head
    {end}
    RETURNING number";

/// So many of a lane are delivered under one lease, besides its head.
const PAGE: i64 = 64;

/// A message of a lane under a lease.
#[derive(Debug)]
pub(in super::super) struct Claimed {
    pub(in super::super) message: Message,
    pub(in super::super) lane: String,
    pub(in super::super) number: i64,
    /// The token of the lease, drawn for each claim anew: who holds another one has lost it. After a failover that has lost
    /// commits, two relays may hold a lease, and never one with the same token.
    pub(in super::super) epoch: i64,
    /// How many of its attempts count, with this one.
    pub(in super::super) spent: u32,
    /// Whether no other such message is to be delivered beside it.
    pub(in super::super) is_alone: bool,
    /// How many of its leases were never ended.
    pub(in super::super) deaths: u32,
    /// For how long it has been tried.
    pub(in super::super) tried: Duration,
    /// Of a head, the last message of its lane; of a follower, whether it is due.
    last: i64,
}

impl Claimed {
    pub(in super::super) fn has_followers(&self) -> bool {
        self.last > self.number
    }
}

/// Messages of a topic, or of all, of which so many more may be delivered.
#[derive(Debug)]
pub(in super::super) struct Wanted<'a> {
    pub(in super::super) topic: Option<&'a str>,
    /// Those of one share count together.
    pub(in super::super) share: String,
    pub(in super::super) most: usize,
    pub(in super::super) alone: bool,
}

/// How much, and for whom.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct AtMost {
    pub(in super::super) lease: Duration,
    pub(in super::super) most: usize,
    pub(in super::super) bytes: usize,
    /// When the relay started.
    pub(in super::super) started: i64,
}

/// A token for a lease; zero stands for none.
pub(in super::super) fn token() -> i64 {
    fastrand::i64(1..=i64::MAX)
}

/// Leases the lanes that are due for longest, under this token.
pub(in super::super) async fn claim<DB: Backend>(
    db: &Db<DB>,
    wanted: &[Wanted<'_>],
    bounds: AtMost,
    token: i64,
) -> Result<Vec<Claimed>, Error> {
    let each = |wanted: &Wanted<'_>| {
        let states: &[u8] = if wanted.alone { &[1, 2, 3] } else { &[0] };
        let (topic, share, most) = (wanted.topic.map(str::to_owned), wanted.share.clone(), wanted.most.to_string());
        states.iter().map(move |state| json!([topic, share, most, state.to_string()])).collect::<Vec<_>>()
    };
    let list = serde_json::Value::Array(wanted.iter().flat_map(each).collect()).to_string();
    let is_by_topic = wanted.first().is_some_and(|wanted| wanted.topic.is_some());
    let sql = if is_by_topic { DB::CLAIM_TOPICS } else { DB::CLAIM_ANY };
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX / 4);
    let AtMost { lease, most, bytes, started } = bounds;
    let values: [Value<'_>; 6] = [
        (&*list).into(),
        in_millis(lease).into(),
        number(most).into(),
        started.into(),
        number(bytes).into(),
        token.into(),
    ];
    let rows = db.statement(sql, &values).await?;
    let mut due: Vec<_> = rows.into_iter().filter_map(claimed).collect();
    due.sort_unstable_by_key(|head| head.number);
    Ok(due)
}

/// What comes next in the lanes of heads that this worker has a lease of, up to so many bytes of each, and up to what waits for its
/// time or an operator, or is to be delivered alone.
pub(in super::super) async fn followers<DB: Backend>(
    db: &Db<DB>,
    heads: impl Iterator<Item = (&Claimed, usize)>,
) -> Result<HashMap<String, Vec<Claimed>>, Error> {
    let wanted = heads.map(|(head, bytes)| json!([head.lane, head.number.to_string(), bytes.to_string()]));
    let wanted = serde_json::Value::Array(wanted.collect()).to_string();
    let rows = db.statement(FOLLOWERS, &[(&*wanted).into(), PAGE.into()]).await?;
    let mut lanes: HashMap<String, Vec<Claimed>> = HashMap::new();
    let mut ended = HashSet::new();
    for follower in rows.into_iter().filter_map(claimed) {
        if ended.contains(&follower.lane) {
            continue;
        }
        if follower.last == 1 {
            lanes.entry(follower.lane.clone()).or_default().push(follower);
        } else {
            ended.insert(follower.lane);
        }
    }
    Ok(lanes)
}

/// From now on what may have been delivered after this head is delivered one by one.
pub(in super::super) async fn suspect<DB: Backend>(db: &Db<DB>, head: &Claimed) -> Result<(), Error> {
    db.statement(SUSPECT, &[(&*head.lane).into(), head.number.into(), PAGE.into()]).await.map(drop)
}

/// Gives what was recorded its place, so much at a time, and answers how much it was.
pub(in super::super) async fn settle_in<DB: Backend>(db: &Db<DB>, most: i64) -> Result<usize, Error> {
    Ok(db.statement(SETTLE_IN, &[most.into()]).await?.len())
}

/// The same for what older versions have recorded, which gave nothing a place.
pub(in super::super) async fn settle_in_all<DB: Backend>(db: &Db<DB>) -> Result<(), Error> {
    while settle_in(db, 1000).await? > 0 {}
    Ok(())
}

/// Each topic that something is due of, and for how long.
pub(in super::super) async fn topics<DB: Backend>(db: &Db<DB>) -> Result<Vec<(String, Duration)>, Error> {
    let one = |mut row: Row| {
        let waits = row.number(1).and_then(|waits| u64::try_from(waits).ok()).unwrap_or(0);
        Some((row.text(0)?, Duration::from_millis(waits)))
    };
    Ok(db.statement(TOPICS, &[]).await?.into_iter().filter_map(one).collect())
}

/// The database's clock.
pub(in super::super) async fn now<DB: Backend>(db: &Db<DB>) -> Result<i64, Error> {
    Ok(db.statement(NOW, &[]).await?.first().and_then(|row| row.number(0)).unwrap_or(0))
}

/// Makes due what no claim would find.
pub(in super::super) async fn heal<DB: Backend>(db: &Db<DB>) -> Result<(), Error> {
    db.statement(HEAL, &[]).await?;
    db.statement(MEND, &[]).await.map(drop)
}

fn claimed(mut row: Row) -> Option<Claimed> {
    let number = |column| row.number(column);
    let (spent, alone, deaths) = (whole(number(8)?), number(9)?, whole(number(10)?));
    let tried = Duration::from_millis(u64::try_from(number(11)?).unwrap_or(0));
    let (number, epoch, last) = (number(6)?, number(7)?, number(12)?);
    let (message, lane) = message(&mut row)?;
    let mut claimed = Claimed { message, lane, number, epoch, spent, is_alone: alone == 3, deaths, tried, last };
    if alone == 0 {
        // A follower was not claimed by itself.
        claimed.message.attempt = claimed.message.attempt.saturating_add(1);
        claimed.spent = claimed.spent.saturating_add(1);
    }
    Some(claimed)
}

/// A message, and its lane.
pub(super) fn message(row: &mut Row) -> Option<(Message, String)> {
    let (id, lane): (MessageId, String) = (row.text(0)?.parse().ok()?, row.text(2)?);
    let recorded = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(row.number(5)?).unwrap_or(0));
    let (topic, payload, attempt) = (row.text(1)?, row.text(3)?, whole(row.number(4)?));
    let ordering = ordering_of(&lane);
    Some((Message { id, topic, ordering, payload, attempt, recorded, unreadable: Unreadable::default() }, lane))
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, Row as _};

    #[tokio::test]
    async fn sqlite_reads_what_is_due_out_of_an_index_and_nothing_beside_it() {
        let pool =
            sqlx::pool::PoolOptions::new().max_connections(1).connect("sqlite::memory:").await.expect("it opens");
        let db: Db<sqlx::Sqlite> = Db::new(pool);
        db.migrate().await.expect("it migrates");
        for (sql, index) in [
            (CLAIM_ANY, "resil_outbox_due (alone=? AND <expr><?)"),
            (CLAIM_TOPICS, "resil_outbox_topic (topic=? AND alone=? AND due<?)"),
            (SETTLE_IN, "SCAN resil_outbox USING INDEX resil_outbox_fresh"),
            (super::super::operator::WAITING, "resil_outbox_due"),
            (super::super::operator::WAITING, "resil_outbox_behind"),
            (super::super::operator::WAITING, "resil_outbox_fresh"),
        ] {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", db.text_of(sql)));
            let rows = sqlx::query(explain).fetch_all(db.pool().expect("it is open")).await.expect("it explains");
            let plan: Vec<String> = rows.iter().map(|row: &sqlx::sqlite::SqliteRow| row.get("detail")).collect();
            assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:#?}");
            let is_whole = |step: &String| step.starts_with("SCAN") && step.ends_with("resil_outbox");
            assert!(!plan.iter().any(is_whole), "{plan:#?}");
        }
    }
}
