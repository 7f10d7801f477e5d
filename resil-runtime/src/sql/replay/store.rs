//! The answers in their table, which `db/once/stored.rs` makes and prunes.

use super::answer::{Answer, Written};
use crate::sql::db::in_millis;
use crate::sync::{AtomicU32, Ordering};
use crate::{Backend, Db, Error};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

const LOOK: &str = "SELECT payload, status, headers, body FROM resil_answers WHERE id = $1 AND expires > {now}";

/// If two processes have answered the same request at once, the first answer stays.
const KEEP: &str = "
    INSERT INTO resil_answers (id, payload, status, headers, body, expires) VALUES ($1, $2, $3, $4, $5, {now} + $6)
    ON CONFLICT (id) DO UPDATE
        SET payload = excluded.payload, status = excluded.status, headers = excluded.headers, body = excluded.body,
            expires = excluded.expires
        WHERE resil_answers.expires <= {now}";

/// More than are added between two sweeps, so that the table stays as large as what is kept.
const SWEEP: &str = "
    DELETE FROM resil_answers WHERE id IN (
        SELECT id FROM resil_answers WHERE expires <= {now} ORDER BY expires LIMIT 256 {skip locked}
    )";
const KEPT_BETWEEN_SWEEPS: u32 = 64;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Where answers are kept, whatever the database.
pub(super) trait Store: Send + Sync {
    fn look<'a>(&'a self, id: &'a str) -> Boxed<'a, Option<Known>>;
    fn keep<'a>(&'a self, id: &'a str, payload: &'a str, answer: Answer, keep: Duration) -> Boxed<'a, ()>;
}

/// What is known of a request.
pub(super) struct Known {
    pub(super) payload: String,
    /// `None` if another version of the program has stored it in another way.
    pub(super) answer: Option<Answer>,
}

pub(super) struct Table<DB: Backend> {
    db: Db<DB>,
    kept: AtomicU32,
}

impl<DB: Backend> Table<DB> {
    pub(super) fn on(db: Db<DB>) -> Self {
        Self { db, kept: AtomicU32::new(0) }
    }
}

impl<DB: Backend> Store for Table<DB> {
    fn look<'a>(&'a self, id: &'a str) -> Boxed<'a, Option<Known>> {
        Box::pin(async move {
            let mut rows = self.db.statement(LOOK, &[id.into()]).await?;
            let Some(row) = rows.first_mut() else { return Ok(None) };
            let payload = row.text(0).unwrap_or_default();
            let (status, headers, body) = (row.number(1).unwrap_or_default(), row.text(2), row.text(3));
            let written = Written { status, headers: headers.unwrap_or_default(), body: body.unwrap_or_default() };
            Ok(Some(Known { payload, answer: Answer::read(&written) }))
        })
    }

    fn keep<'a>(&'a self, id: &'a str, payload: &'a str, answer: Answer, keep: Duration) -> Boxed<'a, ()> {
        Box::pin(async move {
            let Written { status, headers, body } = answer.write();
            let (status, keep) = (status.into(), in_millis(keep).into());
            let values = [id.into(), payload.into(), status, (&*headers).into(), (&*body).into(), keep];
            self.db.statement(KEEP, &values).await?;
            if self.kept.fetch_add(1, Ordering::Relaxed).is_multiple_of(KEPT_BETWEEN_SWEEPS) {
                self.db.statement(SWEEP, &[]).await?;
            }
            Ok(())
        })
    }
}
