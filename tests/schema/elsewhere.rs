//! PostgreSQL's schemas: which one the tables are in, whatever `search_path` says.

use super::*;
use sqlx::PgPool;

async fn schema_of(db: &Db<Postgres>) -> String {
    Postgres::text(db, "SELECT current_schema()::text").await
}

async fn with_path(db: &Db<Postgres>, path: String) -> Db<Postgres> {
    let options = (*db.pool().unwrap().connect_options()).clone().application_name("listens");
    let options = options.options([("search_path", path)]);
    Db::new(PgPool::connect_with(options).await.unwrap())
}

async fn tables_of(db: &Db<Postgres>, schema: &str) -> String {
    let count =
        format!("SELECT count(*)::text FROM pg_tables WHERE tablename LIKE 'resil%' AND schemaname = '{schema}'");
    Postgres::text(db, &count).await
}

/// Another schema, which is gone afterwards.
async fn beside(db: &Db<Postgres>, suffix: &str, test: impl AsyncFnOnce(&str, &str)) {
    let first = schema_of(db).await;
    let other = format!("{first}{suffix}");
    test(&first, &other).await;
    Postgres::run_text(db, &format!("DROP SCHEMA IF EXISTS \"{other}\" CASCADE")).await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_service_works_in_a_schema_that_no_path_leads_to() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        Postgres::run(&db, ORDERS).await;
        beside(&db, "_Own", async |first, own| {
            let ours = db.clone().in_schema(own).unwrap();
            assert!(problem(ours.ready().await).ends_with(MIGRATE));
            let all = [(); 4].map(|()| {
                tokio::spawn({
                    let ours = ours.clone();
                    async move { ours.migrate().await }
                })
            });
            for one in all {
                one.await.unwrap().unwrap();
            }
            a_service_works(&ours, &format!("\"{own}\".")).await;
            assert_eq!((&*tables_of(&db, own).await, &*tables_of(&db, first).await), ("9", "0"));
            // What somebody else has under the same names is another thing.
            assert!(problem(db.ready().await).ends_with(MIGRATE));
            db.migrate().await.unwrap();
            assert_eq!(Outbox::on(db.clone()).backlog().await.unwrap().waiting, 0);
        })
        .await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn relays_of_other_processes_are_woken_in_the_same_schema() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        beside(&db, "_own", async |first, own| {
            let ours = db.clone().in_schema(own).unwrap();
            ours.migrate().await.unwrap();
            let theirs = with_path(&db, first.to_owned()).await.in_schema(own).unwrap();
            let (told, done) = tokio::sync::oneshot::channel();
            let told = Mutex::new(Some(told));
            let relay = Outbox::on(theirs).relay().poll(Duration::MAX).any(move |_| {
                told.lock().unwrap().take().unwrap().send(()).unwrap();
                async { Ok::<_, Failed>(()) }
            });
            let relay = tokio::spawn(relay.run(async { done.await.unwrap() }));
            let listens = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'listens' AND query = 'LISTEN \"resil_outbox\"' AND state = 'idle'";
            while Postgres::number(&db, listens).await == 0 {
                tokio::task::yield_now().await;
            }
            let record = ours.transaction(async |tx| Ok::<_, Failed>(tx.outbox("told", &7).await.map(drop)?));
            record.await.unwrap();
            assert_eq!(relay.await.unwrap().delivered, 1);
        })
        .await;
    })
    .await;
}

/// `shop` was put before the schema that the tables are in.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_schema_that_comes_first_begins_no_second_outbox() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        beside(&db, "_shop", async |tables, shop| {
            for step in db.migrations().iter().take(3) {
                Postgres::run_text(&db, &step.sql).await;
            }
            Postgres::run_text(&db, &format!("CREATE SCHEMA {shop}")).await;
            let behind = with_path(&db, format!("{shop}, {tables}")).await;
            let refused = problem(behind.migrate().await);
            assert!(refused.contains(&format!("in the schema `{tables}`, and what is new")), "{refused}");
            assert!(refused.ends_with(&format!("or write `.in_schema(\"{tables}\")`")), "{refused}");
            assert_eq!(tables_of(&db, shop).await, "0");
            behind.clone().in_schema(tables).unwrap().migrate().await.unwrap();
            // Now that nothing is to be made, the path leads where the messages are.
            let record = db.transaction(async |tx| Ok::<_, Failed>(tx.outbox("order.paid", &7).await.map(drop)?));
            record.await.unwrap();
            behind.ready().await.unwrap();
            behind.migrate().await.unwrap();
            assert_eq!(Outbox::on(behind.clone()).backlog().await.unwrap().waiting, 1);

            // Both have some: which are meant?
            db.clone().in_schema(shop).unwrap().migrate().await.unwrap();
            for outcome in [behind.ready().await, behind.migrate().await] {
                let refused = problem(outcome);
                assert!(refused.contains(&format!("`{shop}` and `{tables}`")), "{refused}");
            }
            let opened = Ledger::on(behind.clone()).partial().open().await;
            assert!(problem(opened).contains("in several schemas"));
            let relay = Outbox::on(behind.clone()).relay().any(async |_| Ok::<_, Failed>(()));
            assert!(problem(relay.run_once().await).contains("in several schemas"));
            behind.in_schema(tables).unwrap().ready().await.unwrap();
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_schema_has_a_plain_name() {
    let db = || Db::new(PgPool::connect_lazy("postgres://localhost/nowhere").unwrap());
    for name in ["", "a b", "a\"; DROP TABLE orders; --", "a'", "a.b", "1st", "schön", &"long".repeat(16)] {
        let refused = problem(db().in_schema(name));
        assert!(refused.ends_with("write `.in_schema(\"resil\")`"), "{refused}");
    }
    for step in db().in_schema("Select").unwrap().migrations() {
        let is_bare = |before: &str| before.ends_with("TABLE ") || before.ends_with("INTO ");
        let bare = step.sql.split("resil_").find(|before| is_bare(before));
        assert_eq!(bare, None, "step {} names a table without its schema", step.number);
    }
}
