use super::Ledger;
use crate::sql::db::in_millis;
use crate::{Backend, Error};
use std::time::SystemTime;

/// From page to page, so that no statement holds many rows. Key, state, amount, times and what our own books say stay: by them
/// it is recognised.
const PRUNE: &str = "
    UPDATE resil_intents SET arguments = '', receipt = NULL, history = '', pruned = {now}
    WHERE id IN (
        SELECT id FROM resil_intents
        WHERE id > $1 AND state IN ('APPLIED', 'REJECTED', 'COMPENSATED') AND pruned IS NULL
            AND coalesce(moved, recorded) < $2
        ORDER BY id LIMIT 500
    ) AND state IN ('APPLIED', 'REJECTED', 'COMPENSATED')
    RETURNING id";

impl<DB: Backend> Ledger<DB> {
    /// Takes arguments, receipt and history out of the intents that are final since before this time, and answers of how many:
    /// for whoever must not keep such data, or has no room for it. By the database's clock.
    ///
    /// What is left is a short row. It keeps its subject from being done again, and a comparison with the partner's books from
    /// taking it for unknown: do not delete intents by hand. Where a comparison then differs, an operator decides;
    /// [`outcome`](Self::outcome) of one that is done answers [`LedgerError::Pruned`](super::LedgerError::Pruned).
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database fails; what was pruned by then is.
    pub async fn prune(&self, before: SystemTime) -> Result<u64, Error> {
        let before = before.duration_since(SystemTime::UNIX_EPOCH).map_or(0, in_millis);
        let (mut all, mut last) = (0, String::new());
        loop {
            let rows = self.db().statement(PRUNE, &[(&*last).into(), before.into()]).await?;
            all += rows.len() as u64;
            let Some(greatest) = rows.into_iter().filter_map(|mut row| row.text(0)).max() else { return Ok(all) };
            last = greatest;
        }
    }
}
