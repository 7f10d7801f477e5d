//! What becomes of an intent, by what the partner and our own books do.

use super::*;
use resil::ledger::LedgerEvent;

/// Its client repeats at once, and a request may be under way for long.
#[durable(
    db = [Sqlite, Postgres], op = "insistent", per = order, applied = paid, undone = failed, in_doubt = repeat,
    settle = "10m", base = "2ms"
)]
#[retry(idempotency_key = key, attempts = 2, base = "0ms", budget = none)]
async fn insistent(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

on_both_databases! {
    async fn what_is_conclusive_waits_for_what_its_own_call_has_left_under_way(db) {
        let ways = [Way::LostBefore, Way::LostBefore, Way::LostBefore, Way::RefusesForGood];
        let partner = Partner::new(Skill::Deduplicates, ways);
        DB::create(&db).await;
        let ledger = Ledger::on(db.clone()).partial().operation::<insistent>().provide(Arc::clone(&partner));
        let shop = Fixture { db: db.clone(), partner, ledger: ledger.open().await.unwrap() };
        let intent = shop.record::<insistent>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        // Nothing of the first call can arrive any more.
        DB::run(&db, "UPDATE resil_intents SET doubt_until = 1, due = 0").await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert!(view.why.starts_with("not believed yet: "), "{}", view.history);
        assert_eq!((shop.order().await, shop.partner.book().calls), ((0, "pending".to_owned()), 4));
    }

    async fn what_succeeds_is_applied_in_both_books(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::InDoubt(intent.id()), "not yet");
        assert_eq!(shop.partner.book().calls, 0);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.order().await, (1, "paid".to_owned()));
        let all = [State::Recorded, State::Calling, State::Succeeded, State::Applied];
        assert_eq!(shop.states(intent.id()).await, all);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500), "and stays so");
        assert_eq!((shop.partner.entry().applied, shop.partner.book().calls), (1, 1));
    }

    async fn what_the_partner_declines_is_rejected_in_both_books(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Refuses])).await;
        let report = Report { why: "declined: the partner answered 402".to_owned() };
        assert_eq!(shop.drive::<manual>(500).await, Outcome::Rejected(report));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "failed".to_owned()), 0));
    }

    async fn an_intent_that_was_rolled_back_does_not_exist(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let undone: Result<(), Failed> = shop
            .db
            .transaction(async |tx| {
                manual::record(tx, 7, 500).await?;
                Err("the order is void".into())
            })
            .await;
        assert!(undone.is_err());
        assert!(shop.ledger.count().await.unwrap().is_empty());
    }

    async fn a_lost_answer_is_found_by_the_status_check(db) {
        for way in [Way::LostAfter, Way::Broken] {
            let shop = Fixture::new(&db, Partner::new(Skill::Status, [way])).await;
            assert_eq!(shop.drive::<verified>(500).await, Outcome::Applied(500), "in line");
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
            assert_eq!((shop.partner.book().calls, shop.partner.book().checks), (1, 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_never_arrived_is_called_again_once_that_is_certain(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, &*view.why), (State::Unknown, "not applied, which is not believed yet"));
        assert_eq!(shop.partner.book().calls, 1);
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 2);
    }

    async fn a_late_arrival_is_waited_for_and_not_called_again(db) {
        let late = Way::Late(Duration::from_millis(15));
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [late])).await;
        assert_eq!(shop.reconciled::<verified>(500).await, Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 1);
    }

    async fn a_partner_that_recognises_the_key_is_called_again(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Broken, Way::Late(Duration::from_millis(5)), Way::Busy] {
            let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [way])).await;
            assert_eq!(shop.reconciled::<repeated>(500).await, Outcome::Applied(500));
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
            assert_eq!((shop.partner.book().calls, shop.partner.book().checks), (2, 0));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn a_refusal_is_not_believed_while_an_earlier_call_may_arrive(db) {
        let ways = [Way::Late(Duration::from_millis(20)), Way::Refuses];
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
        assert_eq!(shop.reconciled::<repeated>(500).await, Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().calls, 3);
    }

    async fn a_refused_repeat_says_nothing_about_the_first_call(db) {
        for repeat in [Way::Refuses, Way::LetsNobodyIn] {
            let ways = std::iter::once(Way::LostAfter).chain([repeat; 9]);
            let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
            let outcome = shop.reconciled::<hasty>(500).await;
            assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((0, "pending".to_owned()), 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn a_mistake_of_ours_rejects_nothing(db) {
        let mut events = resil::registry().subscribe();
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [Way::LetsNobodyIn; 3])).await;
        assert_eq!(shop.reconciled::<repeated>(500).await, Outcome::Applied(500), "it was mended in time");
        let held_up = std::iter::from_fn(|| events.try_next()).filter(|event| matches!(event, Event::Ledger(LedgerEvent::HeldUp { .. })));
        assert!(held_up.count() >= 3);
        DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [Way::LetsNobodyIn; 9])).await;
        let outcome = shop.reconciled::<repeated>(500).await;
        assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn without_a_way_to_know_an_operator_decides(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Broken] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [way])).await;
            let outcome = shop.drive::<manual>(500).await;
            assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
            assert_eq!((shop.order().await, shop.partner.book().calls), ((0, "pending".to_owned()), 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn under_a_cancel_policy_an_unknown_outcome_is_cancelled_when_nothing_can_arrive_any_more(db) {
        for way in [Way::LostAfter, Way::LostBefore, Way::Late(Duration::from_millis(15))] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [way])).await;
            let outcome = shop.reconciled::<cancelled>(500).await;
            assert!(matches!(outcome, Outcome::Compensated(_)), "{outcome:?}");
            let entry = shop.partner.entry();
            assert_eq!((entry.applied == 1, shop.order().await), (entry.cancelled, (1, "failed".to_owned())));
            assert_eq!((shop.partner.book().calls, shop.partner.book().cancels), (1, 1));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_our_own_books_refuse_is_cancelled_with_the_partner(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        shop.partner.next_cancels([Way::LostAfter, Way::Busy]);
        let outcome = shop.reconciled::<verified>(REFUSED_HERE).await;
        assert_eq!(outcome, Outcome::Compensated(Report { why: format!("refused by our own books: {REFUSED}") }));
        assert_eq!((shop.order().await, shop.partner.entry().cancelled), ((1, "failed".to_owned()), true));
        assert_eq!((shop.partner.book().calls, shop.partner.book().cancels), (1, 3));
    }

    async fn what_our_own_books_refuse_and_nobody_can_cancel_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let outcome = shop.drive::<manual>(REFUSED_HERE).await;
        assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_cancellation_that_the_partner_refuses_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        shop.partner.next_cancels([Way::Refuses]);
        assert!(matches!(shop.reconciled::<verified>(REFUSED_HERE).await, Outcome::Manual(_)));
        assert!(!shop.partner.entry().cancelled);
    }

    async fn a_partner_that_contradicts_itself_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter])).await;
        shop.partner.next_checks([Status::Pending, Status::Contradictory("paid twice".to_owned())]);
        let Outcome::Manual(id) = shop.reconciled::<verified>(500).await else { panic!() };
        let view = &shop.ledger.manual(10).await.unwrap()[0];
        assert_eq!((view.id, &*view.why), (id, "the partner contradicts itself: paid twice"));
    }

    async fn trouble_in_our_own_books_passes(db) {
        FAILURES.store(0, Ordering::Relaxed);
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        assert_eq!(shop.reconciled::<manual>(FAILS_HERE_ONCE).await, Outcome::Applied(FAILS_HERE_ONCE));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    }

    async fn what_panics_three_times_needs_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Panics, Way::Panics, Way::Panics])).await;
        let Outcome::Manual(id) = shop.reconciled::<verified>(500).await else { panic!() };
        let why = shop.ledger.find(id).await.unwrap().unwrap().why;
        assert_eq!(why, "panicked: our own client has a bug");
        assert_eq!(shop.partner.book().calls, 3);
        DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let Outcome::Manual(id) = shop.reconciled::<manual>(PANICS_HERE).await else { panic!() };
        assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().why, "panicked: our own books have a bug");
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_commit_without_an_answer_is_read_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        resil::testing::lose_commits(1);
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
        assert_eq!(shop.partner.book().cancels, 0);
    }

    async fn an_open_circuit_postpones_and_spends_no_attempt(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::NoConnection; 2])).await;
        let intent = shop.record::<guarded>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        assert_eq!(shop.partner.book().calls, 2, "and its circuit is open");
        let other = shop.record::<guarded>(8, 500).await;
        assert_eq!(shop.ledger.drive(&other).await.unwrap(), Outcome::InDoubt(other.id()));
        let view = shop.ledger.find(other.id()).await.unwrap().unwrap();
        assert_eq!((view.state, view.attempts), (State::Recorded, 0));
        assert!(view.why.contains("is open: not called"), "{}", view.why);
        assert_eq!(shop.partner.book().calls, 2);
        shop.rests(other.id()).await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&other).await.unwrap(), Outcome::Applied(500));
    }

    async fn a_refusal_after_a_repeat_within_the_call_proves_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter, Way::Refuses])).await;
        assert_eq!(shop.drive::<guarded>(500).await, Outcome::Applied(500), "the first attempt had arrived");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }
}
