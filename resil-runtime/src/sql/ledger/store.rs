//! The intents in the database. Every change after the claim is fenced by the lease's token: a worker that has lost its
//! lease changes nothing.

use super::history::line;
use super::intent::IntentId;
use super::keys;
use super::machine::{Millis, Position};
use super::state::{Books, State};
use crate::sql::db::{Row, Value, in_millis, whole};
use crate::{Backend, Classify as _, Db, Effect, Error, IdempotencyKey, clock};
use std::future::Future;
use std::time::Duration;

pub(crate) const TABLES: &str = "
    CREATE TABLE resil_intents (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        op TEXT NOT NULL,
        version BIGINT NOT NULL,
        subject TEXT NOT NULL,
        arguments TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        settle BIGINT NOT NULL,
        state TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        panics BIGINT NOT NULL,
        doubt_until BIGINT,
        epoch BIGINT NOT NULL,
        due BIGINT,
        receipt TEXT,
        why TEXT NOT NULL,
        history TEXT NOT NULL,
        recorded BIGINT NOT NULL
    );
    CREATE INDEX resil_intents_due ON resil_intents (due) WHERE due IS NOT NULL;
    CREATE INDEX resil_intents_manual ON resil_intents (recorded) WHERE state = 'MANUAL';
    CREATE TABLE resil_operations (
        op TEXT NOT NULL,
        version BIGINT NOT NULL,
        shape TEXT NOT NULL,
        PRIMARY KEY (op, version)
    );
";

/// What comparing with the partner's books needs: what it is about in money, whether ours are written already, when it moved
/// last, whether an operator has decided, and whether it was the partner who told us of it.
pub(crate) const BOOKS_COLUMNS: &str = "
    ALTER TABLE resil_intents ADD COLUMN {if not exists} amount TEXT;
    ALTER TABLE resil_intents ADD COLUMN {if not exists} books TEXT;
    ALTER TABLE resil_intents ADD COLUMN {if not exists} moved BIGINT;
    ALTER TABLE resil_intents ADD COLUMN {if not exists} resolved BIGINT;
    ALTER TABLE resil_intents ADD COLUMN {if not exists} adopted BIGINT;
    {then}
    UPDATE resil_intents SET books = CASE state WHEN 'APPLIED' THEN 'DONE' ELSE 'UNDONE' END
        WHERE state IN ('APPLIED', 'REJECTED', 'COMPENSATED');
    {then}
    CREATE INDEX resil_intents_recorded ON resil_intents (op, recorded);
";

/// When the first call began, and what else is judged by time: since when it is tried, when `due` was written, how often it
/// was put off. How often a subject was recorded again; when what nobody needs any more was taken out. Claims of older
/// versions, which count the leases, find nothing from here on: they do not know when a key is too old.
pub(crate) const TIME_COLUMNS: &str = "
    ALTER TABLE resil_intents ADD COLUMN called BIGINT;
    ALTER TABLE resil_intents ADD COLUMN since BIGINT;
    ALTER TABLE resil_intents ADD COLUMN scheduled BIGINT;
    ALTER TABLE resil_intents ADD COLUMN put_off BIGINT;
    ALTER TABLE resil_intents ADD COLUMN again BIGINT;
    ALTER TABLE resil_intents ADD COLUMN pruned BIGINT;
    {old claims}
";

/// What a worker needs to know of an intent.
macro_rules! columns {
    () => {
        "id, key, op, version, arguments, state, attempts, panics, doubt_until, epoch, receipt, why, {now}, books, history, \
         coalesce(called, CASE WHEN state <> 'RECORDED' OR attempts > 0 THEN recorded END), since, put_off, resolved, due, \
         pruned, cancel_key"
    };
}

/// The clock was set back since this was scheduled: the key is no younger for it, however soon it is scheduled anew. What the
/// partner's records have told us of was called at no time.
macro_rules! called {
    ($called:literal) => {
        called!($called, "{now}")
    };
    ($called:literal, $now:literal) => {
        concat!(
            "CASE WHEN called > 0 AND scheduled > ",
            $now,
            " THEN called - (scheduled - ",
            $now,
            ") ELSE ",
            $called,
            " END"
        )
    };
}
pub(super) use called;

/// A lease: nobody else finds the intent due for so long. What a lost worker was doing is in doubt from now on, for as long as
/// the operation settles today. Of one that an older version has called, nobody has written down when; what such a one
/// has put on its way back may have left already, under the key of the call.
macro_rules! claim {
    ($with:literal, $which:literal) => {
        concat!(
            $with,
            "
            UPDATE resil_intents SET
                epoch = $4,
                attempts = attempts + 1,
                due = {now} + $1,
                scheduled = {now},
                since = coalesce(since, {now}),
                called = ",
            called!("coalesce(called, CASE WHEN state = 'RECORDED' AND attempts = 0 THEN {now} ELSE recorded END)"),
            ",
                cancel_key = CASE WHEN state = 'COMPENSATING' AND called IS NULL AND (attempts > 0 OR doubt_until IS NULL)
                    THEN coalesce(cancel_key, key) ELSE cancel_key END,
                doubt_until = CASE WHEN state <> 'CALLING' THEN doubt_until END,
                history = CASE state
                    WHEN 'RECORDED' THEN history || {now} || ' CALLING\n'
                    WHEN 'CALLING' THEN history || {now} || ' UNKNOWN the worker was lost\n'
                    ELSE history END,
                state = CASE state WHEN 'RECORDED' THEN 'CALLING' WHEN 'CALLING' THEN 'UNKNOWN' ELSE state END
            WHERE ",
            $which,
            "
            RETURNING ",
            columns!()
        )
    };
}

/// Its driver need not wait for the grace that keeps reconcilers off it.
const CLAIM_ONE: &str = claim!(
    "",
    "id = $2 AND (due <= {now} OR (due IS NOT NULL AND epoch = 0)) AND op || ' ' || version IN {texts of $3}"
);

/// The bound that no value sets lets PostgreSQL keep its plan: with the other alone it would plan each claim anew.
const CLAIM_DUE: &str = claim!(
    "WITH due AS MATERIALIZED (
        SELECT id FROM (
            SELECT id FROM resil_intents
            WHERE due <= {now} AND op || ' ' || version IN {texts of $2}
            ORDER BY due LIMIT 64 {skip locked}
        ) AS first LIMIT $3
    )",
    "id IN (SELECT id FROM due)"
);

/// After a claim whose answer was lost.
const CLAIMED: &str = concat!("SELECT ", columns!(), " FROM resil_intents WHERE due IS NOT NULL AND epoch = $1");

const HOLD: &str = concat!(
    "UPDATE resil_intents SET due = {now} + $3, scheduled = {now}, called = ",
    called!("called"),
    " WHERE id = $1 AND epoch = $2 AND due IS NOT NULL RETURNING id"
);

const READ: &str = concat!("SELECT ", columns!(), " FROM resil_intents WHERE id = $1");

/// The clock was set back: what was put off by the clock of then waits as long again, by the clock of now. Nothing waits
/// shorter than it was to, and no lease ends sooner.
const HEAL: &str = "
    UPDATE resil_intents SET
        due = CASE WHEN scheduled IS NULL THEN {now} ELSE {now} + (due - scheduled) END,
        called = CASE WHEN called < 0 THEN called ELSE called - coalesce(scheduled - {now}, 0) END, since = since - coalesce(scheduled - {now}, 0),
        scheduled = {now}
    WHERE due > {now} + 1000 AND (scheduled > {now} + 1000 OR (scheduled IS NULL AND due > {now} + 86400000))";

/// What a person has said is not certain: what may have been applied is called again, or cancelled, with its doubt.
const RESOLVE: &str = concat!(
    "
    UPDATE resil_intents SET
        state = $2, attempts = 0, panics = 0, due = CASE WHEN $3 = 1 THEN {now} END, put_off = 0, since = NULL,
        doubt_until = CASE WHEN $2 IN ('RECORDED', 'COMPENSATING') THEN doubt_until END,
        receipt = coalesce($4, receipt), epoch = $8, why = $5, history = history || {now} || $6,
        books = coalesce($7, books), moved = {now}, scheduled = {now}, resolved = 1, called = ",
    called!("coalesce(called, recorded)"),
    "
    WHERE id = $1 AND state = 'MANUAL'
    RETURNING id"
);

/// An intent under a lease of ours.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) id: IntentId,
    pub(super) key: IdempotencyKey,
    /// What a cancellation left under before cancellations had keys of their own.
    cancel_key: Option<IdempotencyKey>,
    pub(super) op: String,
    pub(super) version: u32,
    pub(super) arguments: String,
    pub(super) position: Position,
    /// The token of the lease, drawn for each anew: who holds another one has lost it. After a failover that has lost commits,
    /// two workers may hold a lease, and never one with the same token.
    pub(super) epoch: i64,
    pub(super) receipt: Option<String>,
    pub(super) why: String,
    /// The database's clock when it was read.
    pub(super) now: Millis,
    /// What our own books say, if they were ever written.
    pub(super) books: Option<Books>,
    pub(super) history: String,
    /// When a worker may take it up.
    pub(super) due: Option<Millis>,
    pub(super) is_pruned: bool,
}

impl Claimed {
    /// The key that a cancellation goes out under, the same each time.
    pub(super) fn cancellation_key(&self) -> IdempotencyKey {
        self.cancel_key.clone().unwrap_or_else(|| keys::cancellation(&self.key))
    }
}

/// A token for a lease; zero stands for none.
pub(super) fn token() -> i64 {
    fastrand::i64(1..=i64::MAX)
}

/// Claims one intent, if it is due, or was never claimed before.
pub(super) async fn claim_one<DB: Backend>(
    db: &Db<DB>,
    id: IntentId,
    known: &str,
    lease: Duration,
) -> Result<Option<Claimed>, Error> {
    let (id, token) = (id.to_string(), token());
    let values: [Value<'_>; 4] = [in_millis(lease).into(), (&*id).into(), known.into(), token.into()];
    let rows = answered(db, token, lease, db.statement(CLAIM_ONE, &values)).await?;
    Ok(rows.into_iter().find_map(claimed))
}

/// Claims so many intents that are due, of operations in this list.
pub(super) async fn claim_due<DB: Backend>(
    db: &Db<DB>,
    known: &str,
    most: usize,
    lease: Duration,
) -> Result<Vec<Claimed>, Error> {
    let (most, token) = (i64::try_from(most).unwrap_or(i64::MAX), token());
    let values: [Value<'_>; 4] = [in_millis(lease).into(), known.into(), most.into(), token.into()];
    let rows = answered(db, token, lease, db.statement(CLAIM_DUE, &values)).await?;
    Ok(rows.into_iter().filter_map(claimed).collect())
}

const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The answer to a claim. If it is lost, what was claimed is found by its token: nobody has sent anything yet, and without
/// us it would be in doubt when the lease is over.
async fn answered<DB: Backend>(
    db: &Db<DB>,
    token: i64,
    lease: Duration,
    claim: impl Future<Output = Result<Vec<Row>, Error>>,
) -> Result<Vec<Row>, Error> {
    let until = clock::after(clock::instant(), lease / 2);
    let lost = match claim.await {
        #[cfg(feature = "testing")]
        Ok(_) if crate::sql::faults::loses_claim() => None,
        Err(error) if error.verdict().effect == Effect::Unknown => Some(error),
        answer => return answer,
    };
    loop {
        match db.statement(CLAIMED, &[token.into()]).await {
            Ok(found) => return Ok(found),
            Err(_) if clock::instant() < until => tokio::time::sleep(BETWEEN_TRIES).await,
            Err(error) => return Err(lost.unwrap_or(error)),
        }
    }
}

/// One intent as it stands, without a lease.
pub(super) async fn read<DB: Backend>(db: &Db<DB>, id: IntentId) -> Result<Option<Claimed>, Error> {
    let rows = db.statement(READ, &[(&*id.to_string()).into()]).await?;
    Ok(rows.into_iter().find_map(claimed))
}

/// Extends a lease; `false` if it was lost.
pub(super) async fn hold<DB: Backend>(db: &Db<DB>, held: &Claimed, lease: Duration) -> Result<bool, Error> {
    let id = held.id.to_string();
    let rows = db.statement(HOLD, &[(&*id).into(), held.epoch.into(), in_millis(lease).into()]).await?;
    Ok(!rows.is_empty())
}

/// Counts anew what waits by a clock that was set back since.
pub(super) async fn heal<DB: Backend>(db: &Db<DB>) -> Result<(), Error> {
    db.statement(HEAL, &[]).await.map(drop)
}

/// What an operator has decided; `false` if it no longer waits for one.
pub(super) async fn resolve<DB: Backend>(
    db: &Db<DB>,
    id: IntentId,
    to: State,
    receipt: Option<&str>,
    why: &str,
) -> Result<bool, Error> {
    let (id, line, is_due) = (id.to_string(), line(to, why), i64::from(!to.rests()));
    let books = Books::in_state(to).map(Books::text);
    let values: [Value<'_>; 8] = [
        (&*id).into(),
        to.text().into(),
        is_due.into(),
        receipt.into(),
        why.into(),
        (&*line).into(),
        books.into(),
        token().into(),
    ];
    Ok(!db.statement(RESOLVE, &values).await?.is_empty())
}

/// `None` for what no version of this program has written; it stays as it is.
fn claimed(mut row: Row) -> Option<Claimed> {
    let books = row.text(13).and_then(|books| Books::of(&books));
    let position = Position {
        state: State::of(&row.text(5)?)?,
        attempts: whole(row.number(6)?),
        panics: whole(row.number(7)?),
        put_off: whole(row.number(17).unwrap_or(0)),
        since: row.number(16),
        called: row.number(15),
        doubt_until: row.number(8),
        is_done_here: books == Some(Books::Done),
        is_resolved: row.number(18).is_some(),
    };
    Some(Claimed {
        id: row.text(0)?.parse().ok()?,
        key: IdempotencyKey::from_stored(&row.text(1)?).ok()?,
        cancel_key: row.text(21).and_then(|key| IdempotencyKey::from_stored(&key).ok()),
        op: row.text(2)?,
        version: whole(row.number(3)?),
        arguments: row.text(4)?,
        position,
        epoch: row.number(9)?,
        receipt: row.text(10),
        why: row.text(11)?,
        now: row.number(12)?,
        books,
        history: row.text(14)?,
        due: row.number(19),
        is_pruned: row.number(20).is_some(),
    })
}
