//! The rates that the processes of a fleet share, on PostgreSQL: one row for each limit and key, by the database's clock.

use super::db::Row;
use crate::policy::rate_limit::Fleet;
use crate::policy::rate_limit::fleet::{Answer, Ask, Store};
use crate::registry::misconfigured;
use crate::{Backend, Db, Error};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// `full_at` is when the bucket is full again, in nanoseconds as all the others; `seen` is when it was written, so that a clock that
/// is set back makes nothing wait longer. `asked` is what was asked for in this slot of a tenth of a second, and `before` in the one
/// before.
pub(crate) const TABLE: &str = "
    CREATE TABLE resil_rates (
        name {bytes} NOT NULL,
        part {bytes} NOT NULL,
        full_at BIGINT NOT NULL,
        seen BIGINT NOT NULL,
        slot BIGINT NOT NULL,
        asked BIGINT NOT NULL,
        before BIGINT NOT NULL,
        every BIGINT NOT NULL,
        burst BIGINT NOT NULL,
        PRIMARY KEY (name, part)
    );
";

/// A row that some process has leased from before is lost, and begins empty.
const ADD: &str = "
    INSERT INTO resil_rates (name, part, full_at, seen, slot, asked, before, every, burst)
    SELECT value->>0, value->>1,
        clock.now + CASE WHEN value->>7 = '1' THEN (value->>2)::bigint * (value->>3)::bigint ELSE 0::bigint END,
        clock.now, 0, 0, 0, (value->>2)::bigint, (value->>3)::bigint
    FROM {rows of $1}, (SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint AS now) AS clock
    ORDER BY 1, 2
    ON CONFLICT (name, part) DO NOTHING";

/// The rows are locked in one order, so that no two processes wait for each other. What is free is shared by what all have asked
/// for of late; a full bucket gives whatever is asked.
///
/// Who asks by another rate or burst finds as many tokens as there were, as far as its own bucket has room: those of two settings
/// that take turns get no more than either has. In numbers without an end, since bursts and rates are anybody's.
const LEASE: &str = "
    WITH wanted AS (
        SELECT value->>0 AS name, value->>1 AS part, (value->>2)::bigint AS every, (value->>3)::bigint AS burst,
            (value->>4)::bigint AS demand, (value->>5)::bigint AS want, (value->>6)::bigint AS back,
            (value->>8)::bigint AS arrived
        FROM {rows of $1}
    ), locked AS MATERIALIZED (
        SELECT rates.name, rates.part, rates.full_at, rates.seen, rates.slot, rates.asked, rates.before,
            rates.every AS every_before, rates.burst AS burst_before,
            wanted.every, wanted.burst, wanted.demand, wanted.want, wanted.back, wanted.arrived
        FROM resil_rates AS rates JOIN wanted ON wanted.name = rates.name AND wanted.part = rates.part
        ORDER BY rates.name, rates.part FOR UPDATE OF rates
    ), missing AS (
        SELECT *, full_at - greatest(seen - now, 0) - now AS lacks
        FROM locked, (SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint AS now) AS clock
    ), timed AS (
        SELECT *, now / 100000000 AS this, now + greatest(CASE WHEN every = every_before AND burst = burst_before THEN lacks
            ELSE greatest(least(ceil((lacks + (burst - burst_before)::numeric * every_before) * every / every_before),
                2305843009213693951), 0)::bigint END - back * every, 0) AS base
        FROM missing
    ), counted AS (
        SELECT *, greatest((burst * every - (base - now)) / every, 0) AS free,
            arrived + CASE WHEN slot = this THEN asked ELSE 0::bigint END AS asks,
            CASE WHEN slot = this THEN before WHEN slot = this - 1 THEN asked ELSE 0::bigint END AS previous
        FROM timed
    ), given AS (
        SELECT *, greatest(asks, previous, demand, 1) AS total,
            CASE WHEN base = now THEN want
                ELSE least(want, greatest(free * demand / greatest(asks, previous, demand, 1), least(free, 1))) END AS granted
        FROM counted
    )
    UPDATE resil_rates AS rates
        SET full_at = given.base + given.granted * given.every, seen = given.now, slot = given.this, asked = given.asks,
            before = given.previous, every = given.every, burst = given.burst
        FROM given WHERE rates.name = given.name AND rates.part = given.part
    RETURNING rates.name, rates.part, given.granted, given.total,
        greatest(rates.full_at - (given.burst - 1) * given.every - given.now, 0),
        CASE WHEN given.every <> given.every_before OR given.burst <> given.burst_before THEN 1::bigint ELSE 0::bigint END";

impl Fleet {
    /// This database as the store of a fleet. All processes need it, and it needs [`migrate`](Db::migrate). One more connection
    /// than the pool has is used.
    ///
    /// # Errors
    ///
    /// [`Error::Misconfigured`] on SQLite, whose file is one machine's, and if the tables are not there, or of an older version;
    /// [`Error::Transaction`] if the database cannot be asked.
    pub async fn on<DB: Backend>(db: &Db<DB>) -> Result<Self, Error> {
        if DB::HAS_ONE_WRITER {
            return Err(misconfigured(
                "the processes of a fleet do not share a file of SQLite: write `Fleet::on(&db)` with a `Db` of PostgreSQL, or leave \
                 out `fleet` and divide the rate by the number of processes"
                    .to_owned(),
            ));
        }
        db.ready().await?;
        Ok(Self::of(Rates(db.with_reserve())))
    }
}

struct Rates<DB: Backend>(Db<DB>);

impl<DB: Backend> Store for Rates<DB> {
    fn lease<'a>(&'a self, asks: &'a [Ask]) -> Pin<Box<dyn Future<Output = Result<Vec<Answer>, Error>> + Send + 'a>> {
        Box::pin(async move {
            let wanted = wanted(asks);
            let mut found = answers(self.0.statement(LEASE, &[(&*wanted).into()]).await?);
            if found.len() < asks.len() {
                self.0.statement(ADD, &[(&*wanted).into()]).await?;
                let missing: Vec<_> = asks.iter().filter(|ask| !found.contains_key(&place(ask))).cloned().collect();
                found.extend(answers(self.0.statement(LEASE, &[(&*self::wanted(&missing)).into()]).await?));
            }
            let nothing = Answer { granted: 0, demand: 0, wait: Duration::ZERO, differs: false };
            Ok(asks.iter().map(|ask| found.get(&place(ask)).copied().unwrap_or(nothing)).collect())
        })
    }
}

fn wanted(asks: &[Ask]) -> String {
    let one = |ask: &Ask| {
        let Ask { interval, burst, demand, arrived, want, back, is_known, .. } = ask;
        let (name, part) = place(ask);
        serde_json::json!([name, part, interval, burst, demand, want, back, u8::from(*is_known), arrived])
    };
    asks.iter().map(one).collect::<serde_json::Value>().to_string()
}

/// Where its row is.
fn place(ask: &Ask) -> (String, String) {
    (ask.name.to_owned(), ask.key.map(|key| format!("{key:016x}")).unwrap_or_default())
}

fn answers(rows: Vec<Row>) -> HashMap<(String, String), Answer> {
    let one = |mut row: Row| {
        let number = |row: &Row, column| u64::try_from(row.number(column).unwrap_or(0)).unwrap_or(0);
        let whole = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let answer = Answer {
            granted: whole(number(&row, 2)),
            demand: whole(number(&row, 3)),
            wait: Duration::from_nanos(number(&row, 4)),
            differs: number(&row, 5) == 1,
        };
        Some(((row.text(0)?, row.text(1)?), answer))
    };
    rows.into_iter().filter_map(one).collect()
}
