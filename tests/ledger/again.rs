//! Subjects that are tried again, intents that are pruned, drives that wait.

use super::*;
use resil::ledger::record_again;
use std::time::SystemTime;
use tokio::sync::Notify;

on_both_databases! {
    async fn what_was_not_done_can_be_tried_again_under_another_key(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [Way::Refuses, Way::Refuses])).await;
        let again = async |won: u64| {
            shop.db.transaction(async |tx| manual::record_again(tx, 7, won).await).await
        };
        let first = shop.record::<manual>(7, 500).await;
        assert_eq!(again(500).await.unwrap().id(), first.id(), "it is open");
        assert!(matches!(shop.ledger.drive(&first).await.unwrap(), Outcome::Rejected(_)));
        let second = again(600).await.unwrap();
        assert_ne!(second.id(), first.id());
        assert_eq!(again(600).await.unwrap().id(), second.id(), "whoever clicks twice tries once");
        let other = again(700).await.unwrap_err();
        assert!(matches!(&other, Error::Ledger(error) if **error == LedgerError::OtherArguments { op: "manual" }), "{other}");
        assert!(matches!(shop.ledger.drive(&second).await.unwrap(), Outcome::Rejected(_)));
        let third = again(500).await.unwrap();
        let outcome = shop.ledger.drive(&third).await.unwrap();
        assert_eq!(outcome, Outcome::Applied(500));
        assert_eq!(again(500).await.unwrap().id(), third.id(), "it is done");
        let recorded = shop.db.transaction(async |tx| manual::record(tx, 7, 500).await).await.unwrap();
        assert_eq!(recorded.id(), third.id(), "the last one counts");
        let ids = [first.id(), second.id(), third.id()];
        let states = [State::Rejected, State::Rejected, State::Applied];
        for (id, state) in ids.into_iter().zip(states) {
            assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().state, state);
        }
        assert_eq!(DB::number(&db, "SELECT count(DISTINCT key) FROM resil_intents").await, 3);
        assert_eq!(shop.partner.entry().applied, 1);
    }

    async fn recording_again_is_a_part_of_its_transaction_and_records_the_first_where_there_is_none(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Refuses])).await;
        let undone = shop.db.transaction(async |tx| {
            record_again::<_, manual>(tx, "7", &(7, 500)).await?;
            Err::<(), Failed>("the order is gone".into())
        });
        undone.await.unwrap_err();
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents").await, 0);
        let first = shop.db.transaction(async |tx| record_again::<_, manual>(tx, "7", &(7, 500)).await).await.unwrap();
        assert_eq!(shop.record::<manual>(7, 500).await.id(), first.id());
        let empty = shop.db.transaction(async |tx| record_again::<_, manual>(tx, "", &(7, 500)).await).await;
        assert!(empty.unwrap_err().to_string().ends_with("not recorded"));
    }

    async fn by_hand_it_is_done_only_with_a_receipt(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
        let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
        for refused in [Resolution::ByHand(true), Resolution::DoneByHand("no receipt".to_owned())] {
            let error = shop.ledger.resolve(id, refused, "alice", "").await.unwrap_err();
            assert!(matches!(&error, Error::Ledger(error) if matches!(**error, LedgerError::Unreadable { .. })), "{error}");
            assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().state, State::Manual);
        }
        shop.ledger.resolve(id, Resolution::DoneByHand("500".to_owned()), "alice", "").await.unwrap();
        assert_eq!(shop.ledger.outcome::<manual>(&id.into()).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.order().await, (0, "pending".to_owned()), "nothing is run");
    }

    async fn what_is_pruned_is_known_and_not_done_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Ok, Way::Refuses, Way::Ok])).await;
        let [done, undone, late] = [7, 8, 9];
        let paid = shop.record::<manual>(done, 500).await;
        assert_eq!(shop.ledger.drive(&paid).await.unwrap(), Outcome::Applied(500));
        let refused = shop.record::<manual>(undone, 500).await;
        let rejected = shop.ledger.drive(&refused).await.unwrap();
        let open = shop.record::<manual>(late, 500).await;
        let hour = Duration::from_secs(3_600);
        assert_eq!(shop.ledger.prune(SystemTime::now() - hour).await.unwrap(), 0, "they are young");
        assert_eq!(shop.ledger.prune(SystemTime::now() + hour).await.unwrap(), 2);
        assert_eq!(shop.ledger.prune(SystemTime::now() + hour).await.unwrap(), 0);
        let pruned = shop.ledger.outcome(&paid).await.unwrap_err();
        assert!(matches!(&pruned, Error::Ledger(error) if **error == LedgerError::Pruned(paid.id())), "{pruned}");
        assert_eq!(shop.ledger.outcome(&refused).await.unwrap(), rejected, "the reason is kept");
        let same = shop.db.transaction(async |tx| manual::record(tx, done, 500).await).await.unwrap();
        assert_eq!(same.id(), paid.id(), "it is not done again");
        let other = shop.db.transaction(async |tx| manual::record(tx, done, 501).await).await;
        assert!(matches!(other, Err(Error::Ledger(error)) if *error == LedgerError::OtherArguments { op: "manual" }));
        assert_eq!(shop.ledger.drive(&open).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.partner.book().calls, 3);
    }

    async fn a_second_drive_waits_for_the_first(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let (arrived, answers) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answers));
        shop.partner.watch(move |_call| tells.notify_one());
        shop.partner.withholds_until(move || gate.load(Ordering::Relaxed) > 0);
        let intent = shop.record::<manual>(7, 500).await;
        let first = tokio::spawn(shop.ledger.drive(&intent));
        arrived.notified().await;
        let in_doubt = Outcome::InDoubt(intent.id());
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), in_doubt, "unless it is told to wait");
        assert_eq!(shop.ledger.drive(&intent).wait(Duration::from_millis(1)).await.unwrap(), in_doubt, "no longer");
        let second = tokio::spawn(shop.ledger.drive(&intent).wait(Duration::from_secs(60)));
        tokio::task::yield_now().await;
        answers.store(1, Ordering::Relaxed);
        assert_eq!(first.await.unwrap().unwrap(), Outcome::Applied(500));
        assert_eq!(second.await.unwrap().unwrap(), Outcome::Applied(500));
        assert_eq!(shop.partner.book().calls, 1);
    }

    async fn a_drive_that_waits_goes_on_by_itself(db) {
        let ways = [Way::NoConnection, Way::LostBefore, Way::LostAfter];
        let shop = Fixture::new(&db, Partner::new(Skill::Status, ways)).await;
        let intent = shop.record::<verified>(7, 500).await;
        let driven = shop.ledger.drive(&intent).wait(Duration::from_secs(60)).await.unwrap();
        assert_eq!(driven, Outcome::Applied(500), "without a reconciler");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }

    async fn an_orderly_end_waits_for_drives_whose_caller_is_gone(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        for is_reconciled in [false, true] {
            let intent = shop.record::<manual>(7 + i64::from(is_reconciled), 500).await;
            let arrived = Arc::new(Notify::new());
            let tells = Arc::clone(&arrived);
            shop.partner.watch(move |_call| tells.notify_one());
            tokio::select! {
                biased;
                _ = shop.ledger.drive(&intent) => unreachable!("the partner has notified before"),
                () = arrived.notified() => {}
            }
            if is_reconciled {
                shop.ledger.reconciler().grace(Duration::from_secs(60)).run(async {}).await;
            } else {
                shop.ledger.drained().await;
            }
            assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        }
        shop.ledger.drained().await;
    }
}

#[test]
fn an_intent_is_stored_as_its_name() {
    let text = "\"7c1e0d52-3fa9-4b86-a0c4-92d15e8f6b37\"";
    let id: IntentId = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), text);
    let intent: Intent<manual> = serde_json::from_value(serde_json::to_value(id).unwrap()).unwrap();
    assert_eq!((intent.id(), serde_json::to_string(&intent).unwrap()), (id, text.to_owned()));
    serde_json::from_str::<IntentId>("\"7\"").unwrap_err();
}

/// A request that records an intent runs once, and its repeat drives the same one.
struct Orders(Db<Sqlite>);

impl Orders {
    #[resil::transactional(tx = self.0, op = "order.place", once = request)]
    async fn place(&self, request: &IdempotencyKey, order: i64) -> Result<Intent<manual>, Failed> {
        Sqlite::insert(tx, order).await?;
        Ok(manual::record(tx, order, 500).await?)
    }
}

#[tokio::test]
async fn a_request_that_runs_once_answers_its_intent() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        Sqlite::create(&db).await;
        let (orders, request) = (Orders(db.clone()), IdempotencyKey::derived("request", 1));
        let first = orders.place(&request, 7).await.unwrap();
        assert_eq!(orders.place(&request, 7).await.unwrap().id(), first.id());
        assert_eq!(Sqlite::number(&db, "SELECT count(*) FROM orders").await, 1);
    })
    .await;
}
