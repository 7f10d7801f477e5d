//! What was stored: looked up, and forgotten.

use super::{OnceError, OnceProblem, RequestId};
use crate::Error;
use crate::sql::db::{Backend, Db, Stored, in_millis};
use std::time::SystemTime;

const LOOK: &str = "
    SELECT outcome FROM resil_once WHERE op = $1 AND id = $2 AND outcome IS NOT NULL AND expires > {now}";

/// What `resil::http::IdempotencyLayer` keeps. `id` is made of the owner, the key, and what is asked of whom; `payload` tells one
/// payload from another.
pub(in crate::sql::db) const ANSWERS: &str = "
    CREATE TABLE resil_answers (
        id TEXT PRIMARY KEY,
        payload TEXT NOT NULL,
        status BIGINT NOT NULL,
        headers TEXT NOT NULL,
        body TEXT NOT NULL,
        expires BIGINT NOT NULL
    );
    CREATE INDEX resil_answers_expires ON resil_answers (expires);
";

const PRUNE: [&str; 2] = [
    "DELETE FROM resil_once WHERE (op, id) IN (
        SELECT op, id FROM resil_once WHERE expires <= $1 AND expires <= {now} ORDER BY expires LIMIT 500 {skip locked}
    ) RETURNING op",
    "DELETE FROM resil_answers WHERE id IN (
        SELECT id FROM resil_answers WHERE expires <= $1 AND expires <= {now} ORDER BY expires LIMIT 500 {skip locked}
    ) RETURNING id",
];

impl<DB: Backend> Db<DB> {
    /// What this request was answered, if it has run before; without waiting for one that runs.
    ///
    /// Look first where a repeat should not need what only a run needs, such as an exchange rate, and let
    /// [`once`](Self::once) decide all the same: between the two another one may have run. It compares no arguments.
    ///
    /// # Errors
    ///
    /// [`Error::Once`] if the stored outcome is not of this type, and [`Error::Transaction`] if the database fails, or the
    /// caller holds a transaction or connection of it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// use resil::{Db, IdempotencyKey, transactional};
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// #[transactional(tx = db, op = "order.place", once = key, fingerprint = item)]
    /// async fn place(db: &Db<sqlx::Sqlite>, key: &IdempotencyKey, item: &str, rate: f64) -> Result<f64, Error> {
    ///     let _ = tx;
    ///     Ok(rate * item.len() as f64)
    /// }
    ///
    /// async fn order(db: &Db<sqlx::Sqlite>, key: &IdempotencyKey, item: &str) -> Result<f64, Error> {
    ///     if let Some(won) = db.outcome("order.place", key).await? {
    ///         return Ok(won);
    ///     }
    ///     let rate = 1_350.0; // asks a partner, which is not needed for what is done
    ///     place(db, key, item, rate).await
    /// }
    /// # let folder = tempfile::tempdir()?;
    /// # let file = folder.path().join("shop.db");
    /// # let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    /// # let db = Db::new(sqlx::SqlitePool::connect_with(options).await?);
    /// # db.migrate().await?;
    /// # let key = IdempotencyKey::random();
    /// # assert_eq!(order(&db, &key, "tea").await?, order(&db, &key, "tea").await?);
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))] fn main() {}
    /// ```
    pub async fn outcome<T: Stored>(&self, op: &'static str, id: impl RequestId) -> Result<Option<T>, Error> {
        let id = id.text();
        let mut rows = self.statement(LOOK, &[op.into(), (&*id).into()]).await?;
        let Some(outcome) = rows.first_mut().and_then(|row| row.text(0)) else { return Ok(None) };
        let decoded = T::decode(&outcome);
        decoded.map(Some).map_err(|why| OnceError::new(op, OnceProblem::Undecodable(why)).into())
    }

    /// Forgets the requests whose `keep` was over before this time, and the answers of `resil::http::IdempotencyLayer` likewise;
    /// answers how many. By the database's clock; what is still kept stays, whatever the time.
    ///
    /// They are also forgotten in passing, while new requests come. This is for whoever has to be rid of them when no more do.
    ///
    /// # Errors
    ///
    /// [`Error::Transaction`] if the database fails; what was forgotten by then is.
    pub async fn prune_once(&self, before: SystemTime) -> Result<u64, Error> {
        let before = before.duration_since(SystemTime::UNIX_EPOCH).map_or(0, in_millis);
        let mut all = 0;
        for prune in PRUNE {
            // From page to page, so that no statement holds many rows.
            loop {
                let rows = self.statement(prune, &[before.into()]).await?;
                if rows.is_empty() {
                    break;
                }
                all += rows.len() as u64;
            }
        }
        Ok(all)
    }
}
