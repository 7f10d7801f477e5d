//! The moves in the database: one, or those of many intents in one statement. Each is fenced by the token of its own lease.

use super::history::Continuation;
use super::machine::{Millis, Move, Then};
use super::state::{Books, State};
use super::store::{Claimed, called};
use crate::sql::db::{Row, Value, in_millis};
use crate::{Backend, Db, Error, Tx};
use std::collections::HashMap;
use std::time::Duration;

/// What a move changes; its sixteen values are named by a prefix and their number.
#[rustfmt::skip]
macro_rules! moves {
    ($before:literal, $value:literal, $now:literal, $from:literal, $answers:literal) => {
        concat!(
            $before, "
    UPDATE resil_intents SET
        state = ", $value, "3, attempts = ", $value, "4, panics = ", $value, "5, doubt_until = ", $value, "6,
        due = ", $now, " + ", $value, "7, receipt = coalesce(", $value, "8, receipt), why = coalesce(", $value, "9, why),
        history = substr(history, 1, CAST(", $value, "13 AS INTEGER)) || ", $value, "14 || ", $now, " || ", $value, "10,
        books = coalesce(", $value, "12, books), moved = ", $now, ", scheduled = ", $now, ", put_off = ", $value, "15,
        since = CASE WHEN ", $value, "16 = 1 THEN ", $now, " ELSE since END, called = ", called!("called", $now), "
    ", $from, "
    WHERE id = ", $value, "1 AND epoch = ", $value, "2 AND state = ", $value, "11 ", $answers
        )
    };
}

/// Reads the clock once: a statement that is run for each move of each intent.
const WRITE: &str = moves!("", "$", "{clock}", "{from clock}", "RETURNING moved, history, called");

/// The same in a transaction that others have a part in, for the first of them and for the next ones: nothing, or an error, if one
/// of them has ended it.
const WRITE_FIRST: &str = moves!("{first part}", "$", "{clock}", "{from clock}", "{if open} RETURNING id");
const WRITE_NEXT: &str = moves!("{next part}", "$", "{clock}", "{from clock}", "{if open} RETURNING id");

/// The moves of several intents, as a JSON list with the values of each. A worker that has lost an intent and the one that has it
/// may come together: the answer names the token, too.
const WRITE_ALL: &str = moves!(
    "",
    "moves.m",
    "moves.now",
    "FROM (
        SELECT {now} AS now, value ->> 0 AS m1, CAST(value ->> 1 AS BIGINT) AS m2, value ->> 2 AS m3,
            CAST(value ->> 3 AS BIGINT) AS m4, CAST(value ->> 4 AS BIGINT) AS m5, CAST(value ->> 5 AS BIGINT) AS m6,
            CAST(value ->> 6 AS BIGINT) AS m7, value ->> 7 AS m8, value ->> 8 AS m9, value ->> 9 AS m10,
            value ->> 10 AS m11, value ->> 11 AS m12, CAST(value ->> 12 AS BIGINT) AS m13, value ->> 13 AS m14,
            CAST(value ->> 14 AS BIGINT) AS m15, CAST(value ->> 15 AS BIGINT) AS m16
        FROM {rows of $1}
    ) AS moves",
    "{id of rows} RETURNING moved, history, called, id, epoch"
);

/// A move as the values of [`WRITE`].
pub(super) struct ToWrite {
    id: String,
    epoch: i64,
    from: State,
    to: Move,
    due: Option<Millis>,
    next: Continuation,
}

impl ToWrite {
    pub(super) fn new(held: &Claimed, to: Move, lease: Duration) -> Self {
        let due = match to.then {
            Then::GoOn => Some(in_millis(lease)),
            Then::Wait(wait) => Some(in_millis(wait)),
            Then::Rest => None,
        };
        let next = Continuation::of(&held.history, to.to, &to.why);
        let from = held.position.state;
        Self { id: held.id.to_string(), epoch: held.epoch, from, to, due, next }
    }

    fn values(&self) -> [Value<'_>; 16] {
        let Self { id, epoch, from, to, due, next } = self;
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
            (&*next.after).into(),
            from.text().into(),
            Books::in_state(to.to).map(Books::text).into(),
            i64::try_from(next.keeps).unwrap_or(i64::MAX).into(),
            (&*next.before).into(),
            i64::from(to.put_off).into(),
            i64::from(to.begins).into(),
        ]
    }

    /// Writes it down; `None` if the lease was lost.
    pub(super) async fn to<DB: Backend>(&self, db: &Db<DB>) -> Result<Option<Stands>, Error> {
        Ok(db.statement(WRITE, &self.values()).await?.first_mut().and_then(Stands::of))
    }

    /// The same, as a part of this transaction.
    pub(super) async fn within<DB: Backend>(&self, tx: &mut Tx<DB>) -> Result<Option<Stands>, Error> {
        Ok(tx.statement(WRITE, &self.values()).await?.first_mut().and_then(Stands::of))
    }

    /// The same, if the transaction is still open that others have a part in.
    pub(super) async fn within_open<DB: Backend>(&self, tx: &mut Tx<DB>, is_first: bool) -> Result<Part, Error> {
        let sql = if is_first { WRITE_FIRST } else { WRITE_NEXT };
        Ok(match tx.statement_of_part(sql, &self.values()).await? {
            Some(rows) if !rows.is_empty() => Part::Begins,
            Some(_) if tx.is_open().await? => Part::Lost,
            Some(_) | None => Part::Ended,
        })
    }

    pub(super) fn state(&self) -> State {
        self.to.to
    }

    pub(super) fn to_move(&self) -> Move {
        self.to.clone()
    }
}

/// What has become of the fence before a part of a transaction.
pub(super) enum Part {
    Begins,
    /// The lease was lost.
    Lost,
    /// A part before it has ended the transaction.
    Ended,
}

/// How several intents stand after one statement.
pub(super) struct AllStand(HashMap<(String, i64), Stands>);

impl AllStand {
    /// Writes all of them down.
    pub(super) async fn after<'a, DB: Backend>(
        db: &Db<DB>,
        moves: impl Iterator<Item = &'a ToWrite>,
    ) -> Result<Self, Error> {
        let moves: Vec<_> = moves.map(ToWrite::values).collect();
        // Texts and numbers can be written as JSON; an empty text would be refused by the database.
        let moves = serde_json::to_string(&moves).unwrap_or_default();
        let rows = db.statement(WRITE_ALL, &[(&*moves).into()]).await?;
        let known = |mut row: Row| Some(((row.text(3)?, row.number(4)?), Stands::of(&mut row)?));
        Ok(Self(rows.into_iter().filter_map(known).collect()))
    }

    /// How one of them does; `None` if its lease was lost.
    pub(super) fn take(&mut self, written: &ToWrite) -> Option<Stands> {
        self.0.remove(&(written.id.clone(), written.epoch))
    }
}

/// How an intent stands once a move is written.
pub(super) struct Stands {
    /// The database's clock.
    pub(super) now: Millis,
    pub(super) history: String,
    pub(super) called: Option<Millis>,
}

impl Stands {
    fn of(row: &mut Row) -> Option<Self> {
        Some(Self { now: row.number(0)?, history: row.text(1).unwrap_or_default(), called: row.number(2) })
    }
}
