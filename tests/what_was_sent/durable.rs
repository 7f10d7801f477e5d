//! The ledger and the outbox call with a key of their own.

use super::partner::{Answer, Partner};
use super::{Tested, client, posts};
use resil::http::{Checked as _, Error};
use resil::ledger::{Failed, Ledger, OriginalKey, Outcome, Status, refuse};
use resil::outbox::Outbox;
use resil::{Db, IdempotencyKey, Tx, durable};
use sqlx::Sqlite;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use std::sync::Arc;
use std::time::Duration;

/// A database on a file, with all tables.
async fn database(folder: &std::path::Path) -> Result<Db<Sqlite>, Box<dyn std::error::Error>> {
    let options = SqliteConnectOptions::new().filename(folder.join("test.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let db = Db::new(SqlitePoolOptions::new().max_connections(4).connect_with(options).await?);
    db.migrate().await?;
    Ok(db)
}

struct Shop {
    client: reqwest::Client,
    partner: Partner,
}

impl Shop {
    fn start() -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self { client: client(), partner: Partner::start()? }))
    }

    async fn post(&self, path: &str) -> Result<String, Error> {
        self.client.post(self.partner.url(path)).checked().await?.text().await
    }
}

#[durable(db = Sqlite, op = "charge and ship", per = order, in_doubt = manual, attempts = 3, base = "1ms", max = "5ms")]
async fn charge_and_ship(shop: &Shop, order: i64, key: &IdempotencyKey) -> Result<String, Error> {
    _ = (order, key);
    shop.post("/charge").await?;
    let ship = shop.client.post(shop.partner.url("/ship")).keyed(key.step("ship"));
    ship.checked().await?.text().await
}

#[durable(db = Sqlite, op = "charge twice", per = order, in_doubt = manual, attempts = 3, base = "1ms", max = "5ms")]
async fn charge_twice(shop: &Shop, order: i64, key: &IdempotencyKey) -> Result<String, Error> {
    _ = (order, key);
    shop.post("/charge").await?;
    shop.post("/ship").await
}

#[durable(
    db = Sqlite, op = "three requests", per = order, verify = asked, compensate = taken_back, applied = refuses, settle = "1ms",
    base = "1ms"
)]
async fn three_requests(shop: &Shop, order: i64) -> Result<String, Error> {
    _ = order;
    shop.post("/charge").await
}

async fn asked(shop: &Shop, _: i64, original: &OriginalKey) -> Result<Status<String>, Error> {
    shop.post(&format!("/status/{original}")).await.map(Status::Applied)
}

async fn taken_back(
    shop: &Shop,
    _: i64,
    original: &OriginalKey,
    _: &IdempotencyKey,
    _: Option<String>,
) -> Result<(), Error> {
    shop.post(&format!("/cancel/{original}")).await.map(drop)
}

#[expect(clippy::unused_async, reason = "what the attribute expects")]
async fn refuses(_: &mut Tx<Sqlite>, _: i64, _: &String) -> Result<(), Failed> {
    Err(refuse("sold out"))
}

#[tokio::test]
async fn three_requests_go_out_under_two_keys() -> Tested {
    let _scope = resil::testing::isolated();
    let folder = tempfile::tempdir()?;
    let (db, shop) = (database(folder.path()).await?, Shop::start()?);
    let ledger = Ledger::on(db.clone()).partial().operation::<three_requests>();
    let ledger = ledger.provide(Arc::clone(&shop)).open().await?;
    let key = IdempotencyKey::derived("three requests", 1);
    let (status, cancel) = (format!("/status/{key}"), format!("/cancel/{key}"));
    shop.partner.on("/charge").answers([Answer::CloseBeforeAnswer]);
    shop.partner.on(&status).answers([Answer::ok("{}")]);
    shop.partner.on(&cancel).answers([Answer::ok("{}")]);
    let intent = db.transaction(async |tx| three_requests::record(tx, 1).await).await?;
    _ = ledger.drive(&intent).await?;
    while matches!(ledger.outcome(&intent).await?, Outcome::InDoubt(_)) {
        // An earlier call may still arrive.
        ledger.reconciler().run_once().await?;
    }
    assert!(matches!(ledger.outcome(&intent).await?, Outcome::Compensated(_)));
    let seen: Vec<_> = shop.partner.seen().into_iter().map(|seen| (seen.path, seen.idempotency_key)).collect();
    let step = key.step("compensate").to_string();
    assert_eq!(seen, [("/charge".to_owned(), Some(key.to_string())), (status, None), (cancel, Some(step))]);
    Ok(())
}

#[tokio::test]
async fn the_ledger_does_not_take_a_second_refusal_for_the_first() -> Tested {
    let _scope = resil::testing::isolated();
    let folder = tempfile::tempdir()?;
    let (db, shop) = (database(folder.path()).await?, Shop::start()?);
    let ledger = Ledger::on(db.clone()).partial().operation::<charge_and_ship>().operation::<charge_twice>();
    let ledger = ledger.provide(Arc::clone(&shop)).open().await?;
    shop.partner.on("/charge").answers([Answer::ok("{}")]);
    shop.partner.on("/ship").answers([Answer::Status(404)]);
    let intent = db.transaction(async |tx| charge_and_ship::record(tx, 1).await).await?;
    let outcome = ledger.drive(&intent).await?;
    assert!(matches!(outcome, Outcome::Manual(_) | Outcome::InDoubt(_)), "{outcome:?}");
    let seen = shop.partner.seen();
    assert!(
        seen.iter().all(|seen| seen.idempotency_key.is_some()) && seen[0].idempotency_key != seen[1].idempotency_key
    );

    let intent = db.transaction(async |tx| charge_twice::record(tx, 1).await).await?;
    let outcome = ledger.drive(&intent).await?;
    assert!(matches!(outcome, Outcome::Manual(_) | Outcome::InDoubt(_)), "{outcome:?}");
    assert_eq!(posts(&shop.partner, "/ship"), 1, "one key is one request");

    // Alone, a refusal is one.
    shop.partner.on("/charge").answers([Answer::Status(402)]);
    let intent = db.transaction(async |tx| charge_and_ship::record(tx, 2).await).await?;
    assert!(matches!(ledger.drive(&intent).await?, Outcome::Rejected(_)));
    Ok(())
}

#[tokio::test]
async fn two_requests_of_one_message_need_two_keys() -> Tested {
    let _scope = resil::testing::isolated();
    let folder = tempfile::tempdir()?;
    let (db, shop) = (database(folder.path()).await?, Shop::start()?);
    for path in ["/mail", "/points", "/log"] {
        shop.partner.on(path).answers([Answer::ok("{}")]);
    }
    db.transaction(async |tx| tx.outbox("careless", &1).await).await?;
    let handler = |shop: Arc<Shop>, is_careful: bool| {
        move |_: resil::outbox::Message| {
            let shop = Arc::clone(&shop);
            async move {
                shop.post("/mail").await?;
                let points = shop.client.post(shop.partner.url("/points"));
                if is_careful {
                    let key = IdempotencyKey::current().ok_or(resil::Error::MissingKey { method: "POST" })?;
                    points.keyed(key.step("points")).checked().await?;
                    shop.client.get(shop.partner.url("/log")).checked().await?;
                } else {
                    points.checked().await?;
                }
                Ok::<_, Error>(())
            }
        }
    };
    let relay = |is_careful| {
        Outbox::on(db.clone())
            .relay()
            .any(handler(Arc::clone(&shop), is_careful))
            .attempts(1)
            .base(Duration::from_millis(1))
    };
    assert_eq!(relay(false).run_once().await?.set_aside, 1, "refused, and not the partner's fault");
    assert_eq!((posts(&shop.partner, "/mail"), posts(&shop.partner, "/points")), (1, 0));
    db.transaction(async |tx| tx.outbox("careful", &1).await).await?;
    assert_eq!(relay(true).run_once().await?.delivered, 1);
    let seen = shop.partner.seen();
    let key = |path| seen.iter().rfind(|seen| seen.path == path).and_then(|seen| seen.idempotency_key.clone());
    assert!(key("/mail").is_some() && key("/points").is_some() && key("/mail") != key("/points"));
    assert_eq!(key("/log"), None);
    Ok(())
}
