//! Leases after a failover, lost answers, and connections that others hold.

use super::*;
use resil::ledger::LedgerEvent;
use tokio::sync::Notify;

/// A partner who holds its first call back until the second of the two is told.
fn withholding(skill: Skill, way: Way) -> (Arc<Partner>, Arc<Notify>, Arc<AtomicU32>) {
    let (partner, arrived, answers) =
        (Partner::new(skill, [way]), Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answers));
    partner.watch(move |what| {
        if what == "call" {
            tells.notify_one();
        }
    });
    partner.withholds_until(move || gate.load(Ordering::Relaxed) > 0);
    (partner, arrived, answers)
}

/// A call is under way, its lease is extended, and its answer written, while others hold every connection of the pool.
macro_rules! while_the_application_has_all {
    ($db:expr, $database:ty) => {
        let (partner, arrived, answers) = withholding(Skill::Neither, Way::Ok);
        <$database as Shop>::create($db).await;
        let ledger = Ledger::on($db.clone()).partial().operation::<manual>().provide(Arc::clone(&partner));
        let ledger = ledger.lease(Duration::from_secs(6)).open().await.unwrap();
        let shop = Fixture { db: $db.clone(), partner, ledger };
        let intent = shop.record::<manual>(7, 500).await;
        let mut events = resil::registry().subscribe();
        let driven = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        let pool = $db.pool().unwrap().clone();
        let mut all = Vec::new();
        for _ in 0..support::CONNECTIONS {
            all.push(pool.acquire().await.unwrap());
        }
        // The first of them looks on, until the lease was extended twice.
        let held = "SELECT scheduled FROM resil_intents";
        let first: i64 = sqlx::query_scalar(held).fetch_one(&mut *all[0]).await.unwrap();
        let extended = async {
            while sqlx::query_scalar::<_, i64>(held).fetch_one(&mut *all[0]).await.unwrap() <= first + 2_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), extended).await.expect("the lease is extended");
        answers.store(1, Ordering::Relaxed);
        let written = async {
            while !matches!(events.next().await, Event::Ledger(LedgerEvent::Moved { to: State::Succeeded, .. })) {}
        };
        tokio::time::timeout(Duration::from_secs(20), written).await.expect("what the partner has answered is written");
        drop(all);
        assert_eq!(driven.await.unwrap().unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    };
}

on_both_databases! {
    async fn after_a_failover_that_lost_commits_one_lease_is_not_two(db) {
        let (partner, arrived, answers) = withholding(Skill::Status, Way::Refuses);
        let shop = Fixture::new(&db, partner).await;
        let intent = shop.record::<verified>(7, 500).await;
        let first = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        // The standby has never heard of that claim.
        DB::run(&db, "UPDATE resil_intents SET state = 'RECORDED', attempts = 0, epoch = 0, due = 0").await;
        let (theirs, theirs_arrived, theirs_answers) = withholding(Skill::Status, Way::Ok);
        let elsewhere = Ledger::on(db.clone()).partial().operation::<verified>().provide(Arc::clone(&theirs));
        let elsewhere = elsewhere.open().await.unwrap();
        let second = tokio::spawn({
            let (ledger, intent) = (elsewhere.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        theirs_arrived.notified().await;
        answers.store(1, Ordering::Relaxed);
        assert_eq!(first.await.unwrap().unwrap(), Outcome::InDoubt(intent.id()));
        assert_eq!(shop.ledger.find(intent.id()).await.unwrap().unwrap().state, State::Calling, "the second is calling");
        theirs_answers.store(1, Ordering::Relaxed);
        assert_eq!(second.await.unwrap().unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, theirs.entry().applied), ((1, "paid".to_owned()), 1));
    }

    async fn each_lease_has_a_token_of_its_own(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::NoConnection; 3])).await;
        let intent = shop.record::<verified>(7, 500).await;
        let mut tokens = vec![DB::number(&db, "SELECT epoch FROM resil_intents").await];
        assert_eq!(tokens, [0], "never claimed");
        for _ in 0..3 {
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
            tokens.push(DB::number(&db, "SELECT epoch FROM resil_intents").await);
            DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        }
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 4, "{tokens:?}");
        assert!(tokens[1] > 1_000, "{tokens:?}");
    }

    async fn a_claim_whose_answer_is_lost_is_found_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        resil::testing::lose_claims(1);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
        let states = [State::Recorded, State::Calling, State::Succeeded, State::Applied];
        assert_eq!(shop.states(intent.id()).await, states, "nothing was sent, so there is no doubt");
        let other = shop.record::<manual>(8, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 0 WHERE due IS NOT NULL").await;
        resil::testing::lose_claims(1);
        let done = shop.ledger.reconciler().run_once().await.unwrap();
        assert_eq!((done.claimed, shop.states(other.id()).await), (1, states.to_vec()));
    }

    async fn heartbeats_and_writes_have_a_connection_when_the_application_has_all(db) {
        while_the_application_has_all!(&db, DB);
    }
}

/// Where each statement of ours is a transaction of its own.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn heartbeats_have_a_connection_in_every_isolation_level() {
    let _scope = resil::testing::isolated();
    support::postgres(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let options = options.options([("default_transaction_isolation", "serializable")]);
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(support::CONNECTIONS);
        let strict = Db::new(pool.connect_with(options).await.unwrap());
        while_the_application_has_all!(&strict, Postgres);
    })
    .await;
}
