//! Who makes the tables: another role, or another tool.

use super::*;
use sqlx::PgPool;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A role that may use what is in this schema, and make nothing.
async fn restricted(db: &Db<Postgres>, test: impl AsyncFnOnce(Db<Postgres>)) {
    let schema = Postgres::text(db, "SELECT current_schema()::text").await;
    let role = format!("{schema}_user");
    let grants = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}"
    );
    Postgres::run_text(db, &grants).await;
    let options = (*db.pool().unwrap().connect_options()).clone().options([("role", &role)]);
    let pool = PgPool::connect_with(options).await.unwrap();
    test(Db::new(pool.clone())).await;
    pool.close().await;
    Postgres::run_text(db, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_role_that_may_make_nothing_works_with_what_another_has_made() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        restricted(&db, async |user| {
            Postgres::run(&db, ORDERS).await;
            let denied = user.migrate().await.unwrap_err();
            assert!(matches!(denied, Error::Transaction(_)), "{denied}");
            let denied = std::error::Error::source(&denied).unwrap().to_string();
            assert!(denied.contains("permission denied for schema"), "{denied}");
            assert!(problem(user.ready().await).ends_with(MIGRATE));
            db.migrate().await.unwrap();
            user.migrate().await.unwrap();
            user.ready().await.unwrap();
            a_service_works(&user, "").await;
        })
        .await;
    })
    .await;
}

/// Runs this in `psql`, each statement by itself or all in one transaction.
fn psql(schema: &str, sql: &str, is_one: bool) {
    let url = std::env::var("RESIL_TEST_POSTGRES_URL").unwrap();
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]).args(is_one.then_some("--single-transaction"));
    psql.args(["--dbname", &url]).env("PGOPTIONS", format!("-c search_path={schema}"));
    let mut psql = psql.stdin(Stdio::piped()).spawn().unwrap();
    psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success(), "{sql}");
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn psql_makes_the_tables_as_well() {
    let _scope = resil::testing::isolated();
    for is_one in [false, true] {
        support::postgres(async |db| {
            let schema = Postgres::text(&db, "SELECT current_schema()::text").await;
            restricted(&db, async |user| {
                Postgres::run(&db, ORDERS).await;
                for step in user.migrations() {
                    problem(user.ready().await);
                    psql(&schema, &step.sql, is_one);
                }
                user.ready().await.unwrap();
                user.migrate().await.unwrap();
                a_service_works(&user, "").await;
            })
            .await;
        })
        .await;
    }
}

/// The names are in the steps, and no path leads there.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn psql_makes_them_in_a_schema_of_choice() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        Postgres::run(&db, ORDERS).await;
        let schema = Postgres::text(&db, "SELECT current_schema()::text").await;
        let ours = db.clone().in_schema(&schema).unwrap();
        for step in ours.migrations() {
            psql("pg_catalog", &step.sql, true);
        }
        ours.ready().await.unwrap();
        a_service_works(&ours, "").await;
    })
    .await;
}
