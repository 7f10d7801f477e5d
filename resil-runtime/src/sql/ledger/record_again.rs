use super::intent::Intent;
use super::operation::Operation;
use super::record::{Names, New};
use super::state::State;
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
    let names = Names::of::<DB, O>(tx, &subject).await?;
    let first = names.number(0);
    let id = first.id.to_string();
    let intent = New::<DB, O>::of(Some(&subject), arguments)?;
    if tx.statement(LOCK, &[(&*id).into()]).await?.is_empty() && intent.record(tx, &first).await?.is_none() {
        return Ok(first.id.into());
    }
    let mut known = first.known(tx).await?;
    let again = known.again;
    if again > 0 {
        known = names.number(again).known(tx).await?;
    }
    if !matches!(known.state, Some(State::Rejected | State::Compensated)) {
        return intent.same(&known);
    }
    let next = names.number(again.saturating_add(1));
    if let Some(known) = intent.record(tx, &next).await? {
        return intent.same(&known);
    }
    tx.statement(COUNT, &[(&*id).into(), i64::from(again.saturating_add(1)).into()]).await?;
    Ok(next.id.into())
}
