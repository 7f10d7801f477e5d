//! What is read of the intents in the database for people.

use super::history::History;
use super::intent::{IntentId, IntentView};
use super::state::State;
use crate::registry::Intents;
use crate::sql::db::{Row, whole};
use crate::{Backend, Db, Error};
use std::time::Duration;

/// Nobody here takes them up, so they come to be those that are due for longest.
const UNKNOWN: &str = "
    SELECT op, version, count(*) FROM (
        SELECT op, version FROM resil_intents WHERE due <= {now} ORDER BY due LIMIT (SELECT 10000)
    ) AS due
    WHERE op || ' ' || version NOT IN {texts of $1}
    GROUP BY op, version ORDER BY op, version";

const VIEW_ONE: &str =
    "SELECT id, op, version, subject, state, attempts, why, history FROM resil_intents WHERE id = $1";
const VIEW_MANUAL: &str = "
    SELECT id, op, version, subject, state, attempts, why, history FROM resil_intents
    WHERE state = 'MANUAL' ORDER BY recorded, id LIMIT $1";

/// In the order of their IDs, from page to page.
const VIEW_MANUAL_AFTER: &str = "
    SELECT id, op, version, subject, state, attempts, why, history FROM resil_intents
    WHERE state = 'MANUAL' AND id > $1 ORDER BY id LIMIT 500";

/// Counting reads no row.
pub(crate) const COUNTED: &str = "CREATE INDEX resil_intents_counted ON resil_intents (op, version, state);";

/// Counting reads no row of those that rest, and no move on the way there has an index more to write to.
pub(crate) const RESTING: &str = "
    CREATE INDEX {if not exists} resil_intents_resting ON resil_intents (op, version, state) WHERE due IS NULL;
    {then}
    DROP INDEX {schema}resil_intents_counted;";
const COUNT: &str = "
    SELECT op, version, state, CAST(sum(intents) AS BIGINT) FROM (
        SELECT op, version, state, count(*) AS intents FROM resil_intents WHERE due IS NULL GROUP BY op, version, state
        UNION ALL
        SELECT op, version, state, count(*) FROM resil_intents WHERE due IS NOT NULL GROUP BY op, version, state
    ) AS counted
    GROUP BY op, version, state ORDER BY op, version, state";

/// What is not done of these operations, of those that are due for longest and of those that wait for an operator for longest: 10,000
/// of each at most, however many there are. No index of operations is read, which would have all that are done.
const WAITING: &str = "
    SELECT op, state, count(*), {now} - min(recorded) FROM (
        SELECT op, state, recorded FROM (
            SELECT op, state, recorded FROM resil_intents
            WHERE due IS NOT NULL AND op || '' IN {texts of $1} ORDER BY due LIMIT (SELECT 10000)
        ) AS due
        UNION ALL
        SELECT op, state, recorded FROM (
            SELECT op, state, recorded FROM resil_intents
            WHERE state = 'MANUAL' AND op || '' IN {texts of $1} ORDER BY recorded LIMIT (SELECT 10000)
        ) AS manual
    ) AS waiting
    GROUP BY op, state";

/// How many of the 10,000 intents that are due for longest are of operations that are not in this list.
pub(super) async fn unknown<DB: Backend>(db: &Db<DB>, known: &str) -> Result<Vec<(String, u32, u64)>, Error> {
    let rows = db.statement(UNKNOWN, &[known.into()]).await?;
    let one = |mut row: Row| {
        let (version, count) = (row.number(1).unwrap_or(0), row.number(2).unwrap_or(0));
        (row.text(0).unwrap_or_default(), whole(version), u64::try_from(count).unwrap_or(0))
    };
    Ok(rows.into_iter().map(one).collect())
}

/// How many intents there are, by operation, version and state.
pub(super) async fn count<DB: Backend>(db: &Db<DB>) -> Result<Vec<(String, u32, Option<State>, u64)>, Error> {
    let one = |mut row: Row| {
        let (version, count) = (row.number(1).unwrap_or(0), row.number(3).unwrap_or(0));
        let state = row.text(2).and_then(|state| State::of(&state));
        (row.text(0).unwrap_or_default(), whole(version), state, u64::try_from(count).unwrap_or(0))
    };
    Ok(db.long_statement(COUNT, &[]).await?.into_iter().map(one).collect())
}

/// What is not done of these operations: so many, and how old the oldest is.
pub(super) async fn waiting<DB: Backend>(db: &Db<DB>, operations: &[&'static str]) -> Result<Vec<Intents>, Error> {
    let one = |mut row: Row| {
        let (op, state) = (row.text(0)?, State::of(&row.text(1)?)?);
        let operation = operations.iter().find(|known| **known == op)?;
        let [number, age] = [2, 3].map(|column| u64::try_from(row.number(column).unwrap_or(0)).unwrap_or(0));
        Some(state.intents(operation, number, Some(Duration::from_millis(age))))
    };
    let named = serde_json::json!(operations).to_string();
    Ok(db.statement(WAITING, &[(&*named).into()]).await?.into_iter().filter_map(one).collect())
}

pub(super) async fn view<DB: Backend>(db: &Db<DB>, id: IntentId) -> Result<Option<IntentView>, Error> {
    let rows = db.statement(VIEW_ONE, &[(&*id.to_string()).into()]).await?;
    Ok(rows.into_iter().find_map(viewed))
}

/// Those that wait for an operator, the oldest first.
pub(super) async fn manual<DB: Backend>(db: &Db<DB>, most: u32) -> Result<Vec<IntentView>, Error> {
    Ok(db.statement(VIEW_MANUAL, &[i64::from(most).into()]).await?.into_iter().filter_map(viewed).collect())
}

/// The next of those that wait for an operator, after this ID.
pub(super) async fn manual_after<DB: Backend>(db: &Db<DB>, after: &str) -> Result<Vec<IntentView>, Error> {
    Ok(db.statement(VIEW_MANUAL_AFTER, &[after.into()]).await?.into_iter().filter_map(viewed).collect())
}

fn viewed(mut row: Row) -> Option<IntentView> {
    Some(IntentView {
        id: row.text(0)?.parse().ok()?,
        op: row.text(1)?,
        version: whole(row.number(2)?),
        subject: row.text(3)?,
        state: State::of(&row.text(4)?)?,
        attempts: whole(row.number(5)?),
        why: row.text(6)?,
        history: History::of(&row.text(7)?),
    })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, Row as _};

    #[tokio::test]
    async fn a_look_at_what_waits_reads_it_in_the_order_of_an_index() {
        let pool =
            sqlx::pool::PoolOptions::new().max_connections(1).connect("sqlite::memory:").await.expect("it opens");
        let db: Db<sqlx::Sqlite> = Db::new(pool);
        db.migrate().await.expect("it migrates");
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", db.text_of(WAITING)));
        let rows = sqlx::query(explain).fetch_all(db.pool().expect("it is open")).await.expect("it explains");
        let plan: Vec<String> = rows.iter().map(|row: &sqlx::sqlite::SqliteRow| row.get("detail")).collect();
        for index in ["resil_intents_due", "resil_intents_manual"] {
            let reads = format!(" resil_intents USING INDEX {index}");
            assert!(plan.iter().any(|step| step.contains(&reads)), "{plan:#?}");
        }
        assert!(!plan.iter().any(|step| step.ends_with("SCAN resil_intents")), "{plan:#?}");
    }
}
