//! The intents in the database. Every change after the claim is fenced by the lease's epoch: a worker that has lost its
//! lease changes nothing.

use super::history::{History, line};
use super::intent::{IntentId, IntentView};
use super::keys;
use super::machine::{Millis, Move, Position, Then};
use super::state::{Books, State};
use crate::sql::db::{Row, Value, in_millis, whole};
use crate::{Backend, Db, Error, IdempotencyKey, Tx};
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
    ALTER TABLE resil_intents ADD COLUMN amount TEXT;
    ALTER TABLE resil_intents ADD COLUMN books TEXT;
    ALTER TABLE resil_intents ADD COLUMN moved BIGINT;
    ALTER TABLE resil_intents ADD COLUMN resolved BIGINT;
    ALTER TABLE resil_intents ADD COLUMN adopted BIGINT;
    UPDATE resil_intents SET books = CASE state WHEN 'APPLIED' THEN 'DONE' ELSE 'UNDONE' END
        WHERE state IN ('APPLIED', 'REJECTED', 'COMPENSATED');
    CREATE INDEX resil_intents_recorded ON resil_intents (op, recorded);
";

/// An intent is the driver's first; a reconciler takes it after this time.
pub(super) const GRACE: Millis = 10_000;

const RECORD: &str = "
    INSERT INTO resil_intents (id, key, op, version, subject, arguments, fingerprint, settle, state, attempts, panics,
                               epoch, due, why, history, recorded, amount)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'RECORDED', 0, 0, 0, {now} + $9, '', {now} || ' RECORDED\n', {now}, $10)
    ON CONFLICT DO NOTHING
    RETURNING id";

/// The partner may have told us of the key before, under which there is no subject.
const RECORDED: &str = "
    SELECT id, fingerprint FROM resil_intents WHERE id = $1 OR key = $2
    ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1";

/// A lease: nobody else finds the intent due for so long. What a lost worker was doing is in doubt from now on.
macro_rules! claim {
    ($with:literal, $which:literal) => {
        concat!(
            $with,
            "
            UPDATE resil_intents SET
                epoch = epoch + 1,
                attempts = attempts + 1,
                due = {now} + $1,
                doubt_until = CASE state WHEN 'CALLING' THEN {now} + settle ELSE doubt_until END,
                history = CASE state
                    WHEN 'RECORDED' THEN history || {now} || ' CALLING\n'
                    WHEN 'CALLING' THEN history || {now} || ' UNKNOWN the worker was lost\n'
                    ELSE history END,
                state = CASE state WHEN 'RECORDED' THEN 'CALLING' WHEN 'CALLING' THEN 'UNKNOWN' ELSE state END
            WHERE ",
            $which,
            "
            RETURNING id, key, op, version, arguments, state, attempts, panics, doubt_until, epoch, receipt, why, {now},
                books, cancel_key"
        )
    };
}

/// Its driver need not wait for the grace that keeps reconcilers off it.
const CLAIM_ONE: &str = claim!(
    "",
    "id = $2 AND (due <= {now} OR (due IS NOT NULL AND epoch = 0)) AND op || ' ' || version IN {texts of $3}"
);

const CLAIM_DUE: &str = claim!(
    "WITH due AS MATERIALIZED (
        SELECT id FROM resil_intents
        WHERE due <= {now} AND op || ' ' || version IN {texts of $2}
        ORDER BY due LIMIT $3 {skip locked}
    )",
    "id IN (SELECT id FROM due)"
);

const HOLD: &str =
    "UPDATE resil_intents SET due = {now} + $3 WHERE id = $1 AND epoch = $2 AND due IS NOT NULL RETURNING id";

const WRITE: &str = "
    UPDATE resil_intents SET
        state = $3, attempts = $4, panics = $5, doubt_until = $6, due = {now} + $7, receipt = coalesce($8, receipt),
        why = coalesce($9, why), history = history || {now} || $10, books = coalesce($12, books),
        moved = {now}
    WHERE id = $1 AND epoch = $2 AND state = $11
    RETURNING {now}";

const READ: &str = "
    SELECT id, key, op, version, arguments, state, attempts, panics, doubt_until, epoch, receipt, why, {now}, books,
        cancel_key
    FROM resil_intents WHERE id = $1";

/// The clock was set back: what is due in the far future is due now. No wait of ours is nearly as long.
const HEAL: &str = "UPDATE resil_intents SET due = {now} WHERE due > {now} + 86400000";

const UNKNOWN: &str = "
    SELECT op, version, count(*) FROM resil_intents
    WHERE due IS NOT NULL AND op || ' ' || version NOT IN {texts of $1}
    GROUP BY op, version ORDER BY op, version";

const VIEW_ONE: &str =
    "SELECT id, op, version, subject, state, attempts, why, history FROM resil_intents WHERE id = $1";
const VIEW_MANUAL: &str = "
    SELECT id, op, version, subject, state, attempts, why, history FROM resil_intents
    WHERE state = 'MANUAL' ORDER BY recorded, id LIMIT $1";

const RESOLVE: &str = "
    UPDATE resil_intents SET
        state = $2, attempts = 0, panics = 0, due = CASE WHEN $3 = 1 THEN {now} END, doubt_until = NULL,
        receipt = coalesce($4, receipt), epoch = epoch + 1, why = $5, history = history || {now} || $6,
        books = coalesce($7, books), moved = {now}, resolved = 1
    WHERE id = $1 AND state = 'MANUAL'
    RETURNING id";

const COUNT: &str = "
    SELECT op, version, state, count(*) FROM resil_intents
    GROUP BY op, version, state ORDER BY op, version, state";

/// What an intent is recorded as.
pub(super) struct Recorded<'a> {
    pub(super) id: IntentId,
    pub(super) key: &'a IdempotencyKey,
    pub(super) op: &'static str,
    pub(super) version: u32,
    pub(super) subject: &'a str,
    pub(super) arguments: &'a str,
    pub(super) fingerprint: &'a str,
    pub(super) settle: Duration,
    pub(super) amount: Option<&'a str>,
}

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
    /// Counts the leases of this intent: who holds an older one has lost it.
    pub(super) epoch: i64,
    pub(super) receipt: Option<String>,
    pub(super) why: String,
    /// The database's clock when it was read.
    pub(super) now: Millis,
    /// What our own books say, if they were ever written.
    pub(super) books: Option<Books>,
}

impl Claimed {
    /// The key that a cancellation goes out under, the same each time.
    pub(super) fn cancellation_key(&self) -> IdempotencyKey {
        self.cancel_key.clone().unwrap_or_else(|| keys::cancellation(&self.key))
    }
}

/// Records an intent, unless there is one of this name or with this key: then answers the name and the fingerprint of that
/// one.
pub(super) async fn record<DB: Backend>(
    tx: &mut Tx<DB>,
    intent: &Recorded<'_>,
) -> Result<Option<(IntentId, String)>, Error> {
    let id = intent.id.to_string();
    let values: [Value<'_>; 10] = [
        (&*id).into(),
        intent.key.as_str().into(),
        intent.op.into(),
        i64::from(intent.version).into(),
        intent.subject.into(),
        intent.arguments.into(),
        intent.fingerprint.into(),
        in_millis(intent.settle).into(),
        GRACE.into(),
        intent.amount.into(),
    ];
    if !tx.statement(RECORD, &values).await?.is_empty() {
        return Ok(None);
    }
    let known = tx.statement(RECORDED, &[(&*id).into(), intent.key.as_str().into()]).await?;
    let known = known.into_iter().find_map(|mut row| Some((row.text(0)?.parse().ok()?, row.text(1)?)));
    Ok(Some(known.unwrap_or((intent.id, String::new()))))
}

/// Claims one intent, if it is due, or was never claimed before.
pub(super) async fn claim_one<DB: Backend>(
    db: &Db<DB>,
    id: IntentId,
    known: &str,
    lease: Duration,
) -> Result<Option<Claimed>, Error> {
    let id = id.to_string();
    let rows = db.statement(CLAIM_ONE, &[in_millis(lease).into(), (&*id).into(), known.into()]).await?;
    Ok(rows.into_iter().find_map(claimed))
}

/// Claims so many intents that are due, of operations in this list.
pub(super) async fn claim_due<DB: Backend>(
    db: &Db<DB>,
    known: &str,
    most: usize,
    lease: Duration,
) -> Result<Vec<Claimed>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = db.statement(CLAIM_DUE, &[in_millis(lease).into(), known.into(), most.into()]).await?;
    Ok(rows.into_iter().filter_map(claimed).collect())
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

/// A move as the values of [`WRITE`].
pub(super) struct Written {
    id: String,
    epoch: i64,
    from: State,
    to: Move,
    due: Option<Millis>,
    line: String,
}

impl Written {
    pub(super) fn new(held: &Claimed, to: Move, lease: Duration) -> Self {
        let due = match to.then {
            Then::GoOn => Some(in_millis(lease)),
            Then::Wait(wait) => Some(in_millis(wait)),
            Then::Rest => None,
        };
        let line = line(to.to, &to.why);
        let from = held.position.state;
        Self { id: held.id.to_string(), epoch: held.epoch, from, to, due, line }
    }

    fn values(&self) -> [Value<'_>; 12] {
        let Self { id, epoch, from, to, due, line } = self;
        [
            (&**id).into(),
            (*epoch).into(),
            to.to.text().into(),
            i64::from(to.attempts).into(),
            i64::from(to.panics).into(),
            to.doubt_until.into(),
            (*due).into(),
            to.receipt.as_deref().into(),
            (!to.keeps_why).then_some(&*to.why).into(),
            (&**line).into(),
            from.text().into(),
            Books::in_state(to.to).map(Books::text).into(),
        ]
    }

    /// Writes it down. The database's clock, or `None` if the lease was lost.
    pub(super) async fn to<DB: Backend>(&self, db: &Db<DB>) -> Result<Option<Millis>, Error> {
        Ok(db.statement(WRITE, &self.values()).await?.first().and_then(|row| row.number(0)))
    }

    /// The same, as a part of this transaction.
    pub(super) async fn within<DB: Backend>(&self, tx: &mut Tx<DB>) -> Result<Option<Millis>, Error> {
        Ok(tx.statement(WRITE, &self.values()).await?.first().and_then(|row| row.number(0)))
    }

    pub(super) fn state(&self) -> State {
        self.to.to
    }

    pub(super) fn into_move(self) -> Move {
        self.to
    }
}

/// Makes due what the clock has put into the far future.
pub(super) async fn heal<DB: Backend>(db: &Db<DB>) -> Result<(), Error> {
    db.statement(HEAL, &[]).await.map(drop)
}

/// How many open intents there are of operations that are not in this list.
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
    Ok(db.statement(COUNT, &[]).await?.into_iter().map(one).collect())
}

pub(super) async fn view<DB: Backend>(db: &Db<DB>, id: IntentId) -> Result<Option<IntentView>, Error> {
    let rows = db.statement(VIEW_ONE, &[(&*id.to_string()).into()]).await?;
    Ok(rows.into_iter().find_map(viewed))
}

/// Those that wait for an operator, the oldest first.
pub(super) async fn manual<DB: Backend>(db: &Db<DB>, most: u32) -> Result<Vec<IntentView>, Error> {
    Ok(db.statement(VIEW_MANUAL, &[i64::from(most).into()]).await?.into_iter().filter_map(viewed).collect())
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
    let values: [Value<'_>; 7] =
        [(&*id).into(), to.text().into(), is_due.into(), receipt.into(), why.into(), (&*line).into(), books.into()];
    Ok(!db.statement(RESOLVE, &values).await?.is_empty())
}

/// `None` for what no version of this program has written; it stays as it is.
fn claimed(mut row: Row) -> Option<Claimed> {
    let books = row.text(13).and_then(|books| Books::of(&books));
    let position = Position {
        state: State::of(&row.text(5)?)?,
        attempts: whole(row.number(6)?),
        panics: whole(row.number(7)?),
        doubt_until: row.number(8),
        is_done_here: books == Some(Books::Done),
    };
    Some(Claimed {
        id: row.text(0)?.parse().ok()?,
        key: row.text(1)?.parse().ok()?,
        cancel_key: row.text(14).and_then(|key| key.parse().ok()),
        op: row.text(2)?,
        version: whole(row.number(3)?),
        arguments: row.text(4)?,
        position,
        epoch: row.number(9)?,
        receipt: row.text(10),
        why: row.text(11)?,
        now: row.number(12)?,
        books,
    })
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
