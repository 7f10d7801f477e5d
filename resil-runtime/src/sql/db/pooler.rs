//! A pooler that gives each transaction another connection.

use super::Db;

impl Db<sqlx::Postgres> {
    /// The same database behind a pooler in transaction mode that knows nothing of prepared statements: `PgBouncer` before
    /// 1.21, or with `max_prepared_statements = 0`.
    ///
    /// There each transaction has a connection of its own for as long as it takes, and what stands by itself may be cut in two.
    /// So each statement of resil's comes in a transaction and leaves nothing behind, nobody listens (as with
    /// [`notify(false)`](Self::notify)), and each transaction begins by taking away what others have prepared on its connection.
    /// Yours then work as always *within* [`transaction`](Self::transaction), [`once`](Self::once) and
    /// `#[transactional]`, if the pool has `.statement_cache_capacity(0)`; by themselves, on [`pool`](Self::pool) or
    /// [`connection`](Self::connection), only those of `sqlx::raw_sql`.
    ///
    /// `PgBouncer` itself needs `ignore_startup_parameters = extra_float_digits`. It ignores `options` with `search_path`: write
    /// [`in_schema`](Self::in_schema), or set it for the role.
    ///
    /// With `max_prepared_statements` above zero everything works as it is, and `notify(false)` is enough.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    ///
    /// let options: PgConnectOptions = "postgres://shop@localhost:6432/shop".parse()?;
    /// let pool = PgPoolOptions::new().connect_lazy_with(options.statement_cache_capacity(0));
    /// let db = resil::Db::new(pool).behind_pooler().in_schema("resil")?;
    /// # Ok(()) }
    /// # #[cfg(not(feature = "postgres"))] fn main() {}
    /// ```
    #[must_use = "it is the same database, with this setting"]
    pub fn behind_pooler(self) -> Self {
        let texts = self.texts.pooled();
        self.notify(false).with_texts(texts)
    }
}
