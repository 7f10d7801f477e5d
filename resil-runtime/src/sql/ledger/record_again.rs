use super::intent::{Intent, IntentId};
use super::operation::Operation;
use super::record::{New, key_about, key_again};
use super::state::State;
use super::store;
use crate::{Backend, Error, Tx};

/// Keeps two who record again from making two: the second waits for the first.
const LOCK: &str = "UPDATE resil_intents SET again = coalesce(again, 0) WHERE id = $1 RETURNING again";
const COUNT: &str = "UPDATE resil_intents SET again = $2 WHERE id = $1 RETURNING id";

/// Records another intent about a subject, if the last one about it was not done: REJECTED or COMPENSATED. It has an ID and a
/// key of its own, so that the partner does not answer as it did before; its arguments may be others. The old intent stays.
///
/// Where the last one is open or done, it answers that one, and where there is none it records the first, as
/// [`record`](super::record) does. So a customer who tries again twice pays once.
///
/// # Errors
///
/// As [`record`](super::record).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn tried_again<Confirm: resil::ledger::Operation<sqlx::Sqlite, Arguments = (i64, u64)>>(
/// #     db: resil::Db<sqlx::Sqlite>, ledger: resil::ledger::Ledger<sqlx::Sqlite>,
/// # ) -> Result<(), resil::Error> {
/// // Their card was declined, and the customer tries another one.
/// let again = db.transaction(async |tx| resil::ledger::record_again::<_, Confirm>(tx, "7", &(7, 5_000)).await).await?;
/// let outcome = ledger.drive(&again).await?;
/// # _ = outcome; Ok(()) }
/// ```
pub async fn record_again<DB: Backend, O: Operation<DB>>(
    tx: &mut Tx<DB>,
    subject: impl Into<String>,
    arguments: &O::Arguments,
) -> Result<Intent<O>, Error> {
    let subject = subject.into();
    let first = key_about::<DB, O>(&subject)?;
    let first_id = IntentId::of(&first).to_string();
    let intent = New::<DB, O>::of(Some(&subject), arguments)?;
    if tx.statement(LOCK, &[(&*first_id).into()]).await?.is_empty() && intent.record(tx, &first).await?.is_none() {
        return Ok(IntentId::of(&first).into());
    }
    let mut known = store::recorded(tx, IntentId::of(&first)).await?;
    let (mut id, number) = (IntentId::of(&first), known.again);
    if number > 0 {
        id = IntentId::of(&key_again(&first, number));
        known = store::recorded(tx, id).await?;
    }
    if !matches!(known.state, Some(State::Rejected | State::Compensated)) {
        return intent.same(id, &known);
    }
    let next = number.saturating_add(1);
    let key = key_again(&first, next);
    intent.record(tx, &key).await?;
    tx.statement(COUNT, &[(&*first_id).into(), i64::from(next).into()]).await?;
    Ok(IntentId::of(&key).into())
}
