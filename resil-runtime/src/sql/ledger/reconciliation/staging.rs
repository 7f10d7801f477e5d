//! The partner's records in the database, for as long as they are compared: so their number costs no memory, their order
//! does not matter, and repeating one changes nothing.

use super::difference::{Difference, DifferenceKind, Mend};
use super::record::Record;
use crate::sql::db::{Row, Value, in_millis, whole};
use crate::sql::ledger::intent::IntentId;
use crate::sql::ledger::machine::BY_OTHERS;
use crate::sql::ledger::state::State;
use crate::sql::ledger::store::{called, token};
use crate::{Backend, Db, Error, IdempotencyKey, Stored};
use serde_json::json;
use std::collections::HashSet;
use std::ops::Range;
use std::time::{Duration, SystemTime};

pub(crate) const RECORDS: &str = "
    CREATE TABLE resil_records (
        run TEXT NOT NULL,
        id TEXT NOT NULL,
        key TEXT NOT NULL,
        is_done BIGINT NOT NULL,
        amount TEXT,
        arguments TEXT,
        staged BIGINT NOT NULL,
        PRIMARY KEY (run, id)
    );
    CREATE INDEX resil_records_staged ON resil_records (staged);
";

/// Of two records with one key, an undone one counts; amounts that differ are both kept, and differ from any of ours.
const STAGE: &str = "
    INSERT INTO resil_records (run, id, key, is_done, amount, arguments, staged)
    SELECT $1, value ->> 0, value ->> 1, CASE value ->> 2 WHEN 'done' THEN 1 ELSE 0 END, value ->> 3, value ->> 4, {now}
    FROM {rows of $2} WHERE true
    ON CONFLICT (run, id) DO UPDATE SET
        is_done = CASE WHEN excluded.is_done = 0 THEN 0 ELSE resil_records.is_done END,
        amount = CASE WHEN resil_records.amount <> excluded.amount
            THEN substr(resil_records.amount || ' and ' || excluded.amount, 1, 300)
            ELSE coalesce(resil_records.amount, excluded.amount) END,
        arguments = coalesce(resil_records.arguments, excluded.arguments)";

/// What an intent and a record say together.
macro_rules! comparing {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "CASE
                WHEN here.id IS NULL THEN CASE WHEN there.is_done = 1 THEN 'only there' ELSE 'agree' END
                WHEN here.op <> $2 THEN 'other'
                WHEN here.state = 'MANUAL' THEN 'manual'
                WHEN here.moved >= $3 THEN 'open'
                WHEN here.state = 'APPLIED' THEN CASE
                    WHEN there.is_done = 0 THEN 'state' WHEN there.amount <> here.amount THEN 'amount' ELSE 'agree' END
                WHEN here.state IN ('REJECTED', 'COMPENSATED') THEN
                    CASE WHEN there.is_done = 1 THEN 'state' ELSE 'agree' END
                ELSE 'open' END",
            $after
        )
    };
}

const COUNT: &str = comparing!(
    "SELECT ",
    " AS found, count(*) FROM resil_records AS there LEFT JOIN resil_intents AS here ON here.key = there.key
    WHERE there.run = $1 GROUP BY found"
);

const THERE: &str = comparing!(
    "SELECT * FROM (
        SELECT there.id, ",
    " AS found, there.key, here.subject, here.state, here.amount, here.epoch, there.is_done, there.amount,
            there.arguments, here.version, here.resolved, here.id, here.pruned
        FROM resil_records AS there LEFT JOIN resil_intents AS here ON here.key = there.key
        WHERE there.run = $1 AND there.id > $4
    ) AS compared WHERE found IN ('only there', 'state', 'amount') ORDER BY 1 LIMIT $5"
);

/// Nobody but the partner can date what it told us of, so it may have left the period on their side.
macro_rules! only_here {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " FROM resil_intents AS here
            WHERE here.op = $2 AND here.recorded >= $4 AND here.recorded < $3 AND coalesce(here.moved, here.recorded) < $3
                AND here.state = 'APPLIED' AND here.adopted IS NULL
                AND NOT EXISTS (SELECT 1 FROM resil_records AS there WHERE there.run = $1 AND there.key = here.key)",
            $rest
        )
    };
}

const COUNT_HERE: &str = only_here!("SELECT count(*)", "");

const HERE: &str = only_here!(
    "SELECT here.id, 'only here', here.key, here.subject, here.state, here.amount, here.epoch, NULL, NULL, NULL,
        here.version, here.resolved, here.id, here.pruned",
    " AND here.id > $5 ORDER BY here.id LIMIT $6"
);

/// What an operator makes of it is in doubt: one of the two books has it as done.
const MOVE: &str = concat!(
    "
    UPDATE resil_intents SET
        state = $3, attempts = 0, panics = 0, due = CASE WHEN $4 = 1 THEN {now} END,
        doubt_until = CASE WHEN $3 = 'MANUAL' THEN {now} END,
        scheduled = {now}, put_off = 0, since = NULL, epoch = $8, why = $5, history = history || {now} || $6, moved = {now},
        books = coalesce(books, CASE state WHEN 'APPLIED' THEN 'DONE'
            WHEN 'REJECTED' THEN 'UNDONE' WHEN 'COMPENSATED' THEN 'UNDONE' END),
        called = ",
    called!("coalesce(called, recorded)"),
    "
    WHERE id = $1 AND epoch = $2 AND state = $7
    RETURNING id"
);

const ADOPT: &str = "
    INSERT INTO resil_intents (id, key, op, version, subject, arguments, fingerprint, settle, state, attempts, panics,
                               epoch, due, why, history, recorded, amount, moved, adopted, scheduled, called)
    VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8, 0, 0, $13, CASE WHEN $9 = 1 THEN {now} END, $10, {now} || $11, {now}, $12,
            {now}, 1, {now}, $14)
    ON CONFLICT DO NOTHING
    RETURNING id";

const DISCARD: &str = "DELETE FROM resil_records WHERE run = $1";

/// What a comparison that died has left behind.
const SWEEP: &str = "DELETE FROM resil_records WHERE staged < {now} - 86400000";

/// So many records are sent, and so many differences read, at once.
const BATCH: usize = 500;
const LONGEST_TEXT: usize = 300;

/// The records of one comparison.
pub(super) struct Staging<'a, DB: Backend> {
    db: &'a Db<DB>,
    run: String,
    batch: Vec<serde_json::Value>,
    /// The IDs in the batch: a statement cannot merge a row with one that it inserts itself.
    ids: HashSet<IntentId>,
}

/// What is compared.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) op: &'static str,
    /// In milliseconds since 1970.
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Question {
    pub(super) fn new(op: &'static str, period: &Range<SystemTime>) -> Self {
        let [from, to] = [period.start, period.end].map(since_1970);
        Self { op, from, to }
    }
}

/// How many records say what.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) agree: u64,
    pub(super) open: u64,
    pub(super) manual: u64,
    pub(super) other: u64,
    pub(super) all: u64,
    /// All differences, those among the records and those that they do not have.
    pub(super) differ: u64,
    /// Those among them that only the partner has.
    pub(super) only_there: u64,
}

/// A difference as it was found, and what it takes to mend it.
pub(super) struct FoundDifference {
    /// Where the next page begins.
    pub(super) at: String,
    pub(super) difference: Difference,
    pub(super) arguments: Option<String>,
    epoch: i64,
    pub(super) version: Option<u32>,
    /// Whether an operator has decided about it.
    pub(super) is_resolved: bool,
    /// Whether nobody knows any more what it was about.
    pub(super) is_pruned: bool,
}

impl<'a, DB: Backend> Staging<'a, DB> {
    pub(super) async fn new(db: &'a Db<DB>) -> Result<Self, Error> {
        db.long_statement(SWEEP, &[]).await?;
        Ok(Self { db, run: uuid::Uuid::new_v4().to_string(), batch: Vec::new(), ids: HashSet::new() })
    }

    pub(super) async fn add<A: Stored>(&mut self, record: &Record<A>) -> Result<(), Error> {
        let id = IntentId::of_text(&record.key);
        if self.batch.len() >= BATCH || self.ids.contains(&id) {
            self.flush().await?;
        }
        let is_done = if record.is_done { "done" } else { "undone" };
        let amount = record.amount.as_deref().map(storable);
        // Arguments that cannot be stored are none.
        let arguments = record.arguments.as_ref().and_then(|arguments| arguments.encode().ok());
        self.ids.insert(id);
        let key =
            IdempotencyKey::from_stored(&record.key).map_or_else(|_| storable(&record.key), |key| key.to_string());
        self.batch.push(json!([id.to_string(), key, is_done, amount, arguments]));
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let batch = serde_json::Value::Array(std::mem::take(&mut self.batch)).to_string();
        self.ids.clear();
        self.db.statement(STAGE, &[(&*self.run).into(), (&*batch).into()]).await.map(drop)
    }

    pub(super) async fn count(&self, question: &Question) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let Question { op, from, to } = *question;
        let number = |row: &Row, column| row.number(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let values: [Value<'_>; 4] = [(&*self.run).into(), op.into(), to.into(), from.into()];
        counts.differ = self.db.long_statement(COUNT_HERE, &values).await?.first().map_or(0, |row| number(row, 0));
        for mut row in self.db.long_statement(COUNT, &values[..3]).await? {
            let number = number(&row, 1);
            counts.all += number;
            match row.text(0).as_deref() {
                Some("agree") => counts.agree += number,
                Some("open") => counts.open += number,
                Some("manual") => counts.manual += number,
                Some("other") => counts.other += number,
                Some("only there") => {
                    counts.only_there += number;
                    counts.differ += number;
                }
                _ => counts.differ += number,
            }
        }
        Ok(counts)
    }

    /// The next differences of what the partner has, after this ID.
    pub(super) async fn there(&self, question: &Question, after: &str) -> Result<Vec<FoundDifference>, Error> {
        let Question { op, to, .. } = *question;
        let values: [Value<'_>; 5] = [(&*self.run).into(), op.into(), to.into(), after.into(), most().into()];
        Ok(self.db.long_statement(THERE, &values).await?.into_iter().filter_map(found).collect())
    }

    /// The next intents of the period that are done and that the partner does not have, after this ID.
    pub(super) async fn here(&self, question: &Question, after: &str) -> Result<Vec<FoundDifference>, Error> {
        let Question { op, from, to } = *question;
        let values: [Value<'_>; 6] =
            [(&*self.run).into(), op.into(), to.into(), from.into(), after.into(), most().into()];
        Ok(self.db.long_statement(HERE, &values).await?.into_iter().filter_map(found).collect())
    }

    pub(super) async fn discard(self) -> Result<(), Error> {
        self.db.long_statement(DISCARD, &[(&*self.run).into()]).await.map(drop)
    }
}

/// Sends an intent that differs on its way. `false` if it has changed meanwhile.
pub(super) async fn send<DB: Backend>(db: &Db<DB>, found: &FoundDifference, to: State) -> Result<bool, Error> {
    let FoundDifference { difference, epoch, .. } = found;
    let (id, why, is_due) = (difference.id.to_string(), difference.why(), i64::from(!to.rests()));
    let from = difference.here.map_or("", State::text);
    let line = crate::sql::ledger::history::line(to, &why);
    let values: [Value<'_>; 8] = [
        (&*id).into(),
        (*epoch).into(),
        to.text().into(),
        is_due.into(),
        (&*why).into(),
        (&*line).into(),
        from.into(),
        token().into(),
    ];
    Ok(!db.statement(MOVE, &values).await?.is_empty())
}

/// What the operation would have recorded of an intent that only the partner knows.
pub(super) struct Adopted<'a> {
    pub(super) op: &'a str,
    pub(super) version: u32,
    pub(super) arguments: &'a str,
    pub(super) fingerprint: &'a str,
    pub(super) settle: Duration,
    pub(super) amount: Option<&'a str>,
}

/// Records an intent that only the partner knows. `false` if it is there by now.
pub(super) async fn adopt<DB: Backend>(
    db: &Db<DB>,
    difference: &Difference,
    to: State,
    intent: &Adopted<'_>,
) -> Result<bool, Error> {
    let (id, why, is_due) = (difference.id.to_string(), difference.why(), i64::from(!to.rests()));
    let line = crate::sql::ledger::history::line(to, &why);
    let values: [Value<'_>; 14] = [
        (&*id).into(),
        (&*difference.key).into(),
        intent.op.into(),
        i64::from(intent.version).into(),
        intent.arguments.into(),
        intent.fingerprint.into(),
        in_millis(intent.settle).into(),
        to.text().into(),
        is_due.into(),
        (&*why).into(),
        (&*line).into(),
        intent.amount.into(),
        token().into(),
        BY_OTHERS.into(),
    ];
    Ok(!db.statement(ADOPT, &values).await?.is_empty())
}

fn found(mut row: Row) -> Option<FoundDifference> {
    let at = row.text(0)?;
    let difference = Difference {
        id: row.text(12).as_ref().unwrap_or(&at).parse().ok()?,
        kind: DifferenceKind::of(&row.text(1)?)?,
        key: row.text(2)?,
        subject: row.text(3).unwrap_or_default(),
        here: row.text(4).and_then(|state| State::of(&state)),
        amount_here: row.text(5),
        there: row.number(7).map(|is_done| is_done == 1),
        amount_there: row.text(8),
        mend: Mend::Nothing,
    };
    let epoch = row.number(6).unwrap_or(0);
    let (version, is_resolved) = (row.number(10).map(whole), row.number(11).is_some());
    let is_pruned = row.number(13).is_some();
    Some(FoundDifference { at, difference, arguments: row.text(9), epoch, version, is_resolved, is_pruned })
}

fn most() -> i64 {
    i64::try_from(BATCH).unwrap_or(i64::MAX)
}

/// What the partner has written, so that it can be stored: what a text in a database cannot hold is replaced.
fn storable(text: &str) -> String {
    let mut stored: String = text.chars().take(LONGEST_TEXT).collect();
    if stored.len() < text.len() {
        stored.push('…');
    }
    stored.replace('\0', "\u{fffd}")
}

fn since_1970(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, in_millis)
}
