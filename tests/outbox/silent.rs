//! A database that stops answering, and leaves the connection as it is.

use super::*;
use crate::support::lossy::{self, Lost};
use resil::outbox::OutboxEvent;

const BOUND: Duration = Duration::from_millis(500);

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_relay_goes_on_after_a_claim_that_is_never_answered() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        db.migrate().await.unwrap();
        record(&db, Some("a"), &[1, 2]).await;
        let silent = lossy::through(Lost::From("chosen AS"), 1, &db).await;
        let (consumer, stop) = (Consumer::new(), Arc::new(Notify::new()));
        let mut events = resil::registry().subscribe();
        resil::testing::answer_within(BOUND);
        let stopped = Arc::clone(&stop);
        let relay = relay(&silent, &consumer).poll(Duration::from_millis(2));
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        until(|| consumer.taken() == ["1", "2"]).await;
        let Event::Outbox(OutboxEvent::Unreachable { why }) = events.next().await else { panic!("it is told") };
        assert!(why.contains("no answer in time"), "{why}");
        stop.notify_one();
        relay.await.unwrap();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_transaction_that_is_never_answered_fails_and_leaves_the_pool_its_connection() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        db.migrate().await.unwrap();
        let silent = lossy::through(Lost::From("INSERT INTO resil_outbox"), 1, &db).await;
        resil::testing::answer_within(BOUND);
        let ended = silent.transaction(async |tx| tx.outbox("numbers", &1).await.map(drop)).await;
        assert_eq!(ended.unwrap_err().verdict(), Verdict::transient().ours());
        record(&silent, None, &[2]).await;
        assert_eq!(
            Postgres::number(&db, "SELECT count(*) FROM resil_outbox").await,
            1,
            "what was not committed is rolled back"
        );
    })
    .await;
}

#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_commit_that_is_never_answered_leaves_the_pool_its_connection() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        db.migrate().await.unwrap();
        let silent = lossy::through(Lost::AnswersFrom("COMMIT"), 1, &db).await;
        resil::testing::answer_within(BOUND);
        let ended = silent.transaction(async |tx| tx.outbox("numbers", &1).await.map(drop)).await;
        assert_eq!(ended.unwrap_err().verdict(), Verdict::transient().ours());
        record(&silent, None, &[2]).await;
        assert_eq!(Postgres::number(&db, "SELECT count(*) FROM resil_outbox").await, 2, "the first was committed");
    })
    .await;
}
