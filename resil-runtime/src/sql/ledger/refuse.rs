use crate::Verdict;
use crate::sql::worker::Failed;
use std::fmt;

/// A refusal by our own books, for `applied`: what the partner has done is cancelled with it. `why` is for the history and for
/// `undone`.
///
/// An error of your own refuses as well, if it is a variant that itself says `#[classify(caller)]`. Nothing else does: not what
/// such a variant is wrapped in, and no error of the database, which may be about any statement.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod shop {
/// use resil::Tx;
/// use resil::ledger::{Failed, refuse};
/// use sqlx::Sqlite;
///
/// async fn mark_paid(tx: &mut Tx<Sqlite>, order: i64, won: i64, receipt: &String) -> Result<(), Failed> {
///     let paid = sqlx::query("UPDATE orders SET state = 'paid', receipt = ? WHERE id = ? AND state = 'pending'");
///     let paid = paid.bind(receipt).bind(order).execute(&mut *tx).await?;
///     if paid.rows_affected() == 1 { Ok(()) } else { Err(refuse("the order was withdrawn")) }
/// }
/// # }
/// ```
pub fn refuse(why: impl fmt::Display) -> Failed {
    Failed { refuses: true, ..Failed::new(Verdict::caller(), why) }
}
