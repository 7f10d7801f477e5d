//! How an intent comes into the database.

use super::intent::IntentId;
use super::machine::Millis;
use super::state::State;
use crate::sql::db::{Value, in_millis, whole};
use crate::{Backend, Error, IdempotencyKey, Tx};
use std::time::Duration;

/// An intent is the driver's first; a reconciler takes it after this time.
pub(super) const GRACE: Millis = 10_000;

macro_rules! record {
    ($mark:literal) => {
        concat!(
            "
    INSERT INTO resil_intents (id, key, op, version, subject, arguments, fingerprint, settle, state, attempts, panics,
                               epoch, due, why, history, recorded, amount, scheduled)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'RECORDED', 0, 0, 0, {now} + $9, '', {now} || ' RECORDED\n', {now}, $10, {now})
    ON CONFLICT DO NOTHING
    RETURNING id, ",
            $mark
        )
    };
}

/// Answers the mark of the transaction that it runs in, where a statement can tell.
#[cfg(feature = "sqlite")]
pub(crate) const RECORD: &str = record!("'unknown'");
#[cfg(feature = "postgres")]
pub(crate) const RECORD_MARKED: &str = record!("current_setting('resil.transaction', true)");

/// The partner may have told us of the key before, under which there is no subject.
const RECORDED: &str = "
    SELECT id, fingerprint, again, state FROM resil_intents WHERE id = $1 OR key = $2
    ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1";

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

/// An intent that was there before.
pub(super) struct KnownIntent {
    pub(super) id: IntentId,
    /// Empty if only the partner knows it.
    pub(super) fingerprint: String,
    /// How often it was recorded again.
    pub(super) again: u32,
    /// `None` if this program knows no such state.
    pub(super) state: Option<State>,
}

/// Records an intent, unless there is one of this name or with this key.
pub(super) async fn record<DB: Backend>(tx: &mut Tx<DB>, intent: &Recorded<'_>) -> Result<Option<KnownIntent>, Error> {
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
    if !tx.marked_statement(DB::RECORD_INTENT, &values).await?.is_empty() {
        return Ok(None);
    }
    recorded(tx, intent.id, intent.key).await.map(Some)
}

/// One of this name or with this key, which is there.
pub(super) async fn recorded<DB: Backend>(
    tx: &mut Tx<DB>,
    id: IntentId,
    key: &IdempotencyKey,
) -> Result<KnownIntent, Error> {
    let rows = tx.statement(RECORDED, &[(&*id.to_string()).into(), key.as_str().into()]).await?;
    let known = rows.into_iter().find_map(|mut row| {
        let (id, fingerprint) = (row.text(0)?.parse().ok()?, row.text(1)?);
        let state = row.text(3).and_then(|state| State::of(&state));
        Some(KnownIntent { id, fingerprint, again: whole(row.number(2).unwrap_or(0)), state })
    });
    Ok(known.unwrap_or(KnownIntent { id, fingerprint: String::new(), again: 0, state: None }))
}
