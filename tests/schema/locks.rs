//! What a migration of tables with rows costs those who use them meanwhile.

use super::*;
use sqlx::{Connection as _, PgConnection, PgPool};

/// No statement that goes through all rows runs under a lock that keeps readers out. Triggers look at each.
const WATCH: &str = "
    CREATE FUNCTION keeps_readers_out() RETURNS boolean LANGUAGE sql AS $$
        SELECT EXISTS (
            SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = pg_locks.relation
            WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relkind = 'r'
                AND relname IN ('resil_intents', 'resil_outbox', 'resil_once')
        )
    $$;
    CREATE FUNCTION watch_rows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF keeps_readers_out() THEN RAISE EXCEPTION 'rows of % are changed under an exclusive lock', TG_TABLE_NAME; END IF;
        INSERT INTO watched VALUES ('rows');
        RETURN new;
    END $$;
    CREATE FUNCTION watch_indexes() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF keeps_readers_out() THEN RAISE EXCEPTION 'an index is made under an exclusive lock'; END IF;
        INSERT INTO watched VALUES ('index');
    END $$;
    CREATE TABLE watched (what TEXT);
    CREATE TRIGGER watch BEFORE UPDATE ON resil_intents FOR EACH ROW EXECUTE FUNCTION watch_rows();
    CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION watch_indexes();";

const ROWS: &str = "
    INSERT INTO resil_once (op, id, fingerprint, expires) SELECT 'order', n::text, 'f', n FROM generate_series(1, 100) n;
    INSERT INTO resil_intents (id, key, op, version, subject, arguments, fingerprint, settle, state, attempts, panics, epoch, due,
        receipt, why, history, recorded)
    SELECT n::text, n::text, 'pay', 1, n::text, '[]', 'f', 40, (ARRAY['APPLIED', 'COMPENSATED', 'RECORDED'])[1 + n % 3], 1, 0, 1,
        CASE WHEN n % 3 = 2 THEN 1 END, NULL, '', '1 COMPENSATING', 1
    FROM generate_series(1, 100) n;
    INSERT INTO resil_outbox (id, topic, lane, payload, attempts, spent, epoch, due, why, recorded)
    SELECT n::text, 't', n::text, '1', 0, 0, 0, 1, '', 1 FROM generate_series(1, 100) n;";

/// Where the rows are stored: another file holds a copy of all of them.
const FILES: &str = "
    SELECT string_agg(pg_relation_filenode(t::regclass)::text, ',') FROM unnest(ARRAY['resil_once', 'resil_intents',
        'resil_outbox']) t";

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn no_step_writes_a_table_anew_or_keeps_readers_out_for_as_long_as_there_are_rows() {
    support::postgres_database(async |options| {
        let db = Db::new(PgPool::connect_with(options).await.unwrap());
        for step in db.migrations().iter().take(3) {
            Postgres::run_text(&db, &step.sql).await;
        }
        Postgres::run(&db, ROWS).await;
        Postgres::run(&db, WATCH).await;
        let before = Postgres::text(&db, FILES).await;
        db.migrate().await.unwrap();
        assert_eq!(Postgres::text(&db, FILES).await, before);
        let booked =
            "SELECT count(*) FROM resil_intents WHERE (state = 'RECORDED') = (books IS NULL) AND cancel_key = key";
        assert_eq!(Postgres::number(&db, booked).await, 100);
        let watched = "SELECT count(*) FROM watched WHERE what = 'index'";
        assert!(Postgres::number(&db, watched).await >= 8, "the trigger has looked");
        assert_eq!(Postgres::number(&db, "SELECT count(*) FROM watched WHERE what = 'rows'").await, 167);
        db.pool().unwrap().close().await;
    })
    .await;
}

/// A process that dies between two parts of a step has committed the first.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_step_that_was_left_half_way_is_made_again() {
    support::postgres(async |db| {
        let steps = db.migrations();
        for step in steps.iter().take(3) {
            Postgres::run_text(&db, &step.sql).await;
        }
        Postgres::run(&db, ROWS).await;
        // The rows of the fourth are not to be changed, nor those of the sixth.
        let versions = "SELECT count(*) * 100 + max(version) FROM resil_schema";
        for (column, done) in [("books", 303), ("cancel_key", 505)] {
            let fails = format!(
                "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF to_jsonb(new) ->> '{column}' IS NOT NULL THEN RAISE EXCEPTION 'the machine is gone'; END IF; RETURN new; END $$;
                CREATE TRIGGER fails BEFORE UPDATE ON resil_intents FOR EACH ROW EXECUTE FUNCTION fails();"
            );
            Postgres::run_text(&db, &fails).await;
            for _ in 0..2 {
                let error = db.migrate().await.unwrap_err();
                let error = std::error::Error::source(&error).unwrap().to_string();
                assert!(error.contains("the machine is gone"), "{error}");
                assert_eq!(Postgres::number(&db, versions).await, done);
            }
            Postgres::run(&db, "DROP FUNCTION fails CASCADE").await;
        }
        db.migrate().await.unwrap();
        let newest = i64::try_from(steps.len()).unwrap();
        assert_eq!(Postgres::number(&db, versions).await, newest * 101, "each once");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn nothing_is_locked_where_nothing_is_to_do() {
    support::postgres(async |db| {
        db.migrate().await.unwrap();
        let options = (*db.pool().unwrap().connect_options()).clone();
        let mut other = PgConnection::connect_with(&options).await.unwrap();
        let mut held = other.begin().await.unwrap();
        // What a dump of the database holds, and what another migration does.
        let locks = "LOCK TABLE resil_intents, resil_outbox, resil_schema IN SHARE ROW EXCLUSIVE MODE;
            SELECT pg_advisory_xact_lock(7308326948917)";
        sqlx::raw_sql(locks).execute(&mut *held).await.unwrap();
        db.migrate().await.unwrap();
        db.ready().await.unwrap();
        held.rollback().await.unwrap();
    })
    .await;
}
