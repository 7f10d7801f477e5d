//! What is paid stays paid, whatever the records say.

use super::*;

on_both_databases! {
    async fn what_was_begun_or_finished_outside_of_the_period_is_not_missed(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let Range { start, end } = today();
        let (hour, now) = (Duration::from_secs(3_600), SystemTime::now());
        for period in [start..now - hour, now + hour..end] {
            let is_over = period.end < now;
            let none: Records = Vec::new();
            let report = shop.ledger.reconcile::<verified, _>(period.clone(), stream::iter(none)).await.unwrap();
            assert!(report.agrees(), "{report}");
            let records = stream::iter(shop.records());
            let report = shop.ledger.reconcile::<verified, _>(period, records).await.unwrap();
            // What has moved since the records were written is none of theirs.
            assert_eq!((report.open, found(&report)), if is_over { (1, [0; 4]) } else { (0, [0, 0, 1, 0]) }, "{report}");
        }
    }

    async fn what_is_paid_is_never_cancelled_because_a_record_is_missing(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let unasked = shop.pays::<cancelled>(7, 500).await;
        let asked = shop.pays::<doubtful>(8, 500).await;
        assert_eq!(shop.compares::<cancelled>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        assert_eq!(shop.compares::<doubtful>(Vec::new()).await.differences()[0].mend, Mend::Verify);
        assert_eq!(shop.ledger.outcome(&asked).await.unwrap(), Outcome::Applied(500), "as our own books have it");
        // It never says more than that it does not know.
        shop.partner.next_checks(vec![Status::Pending; 20]);
        shop.mends().await;
        assert_eq!((shop.state(unasked.id()).await, shop.state(asked.id()).await), (State::Manual, State::Manual));
        assert_eq!(shop.partner.book().cancels, 0);
    }

    async fn another_receipt_is_left_to_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        _ = shop.compares::<verified>(Vec::new()).await;
        shop.partner.next_checks([Status::Applied(777)]);
        shop.mends().await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Manual(intent.id()));
        let receipt = DB::text(&db, "SELECT receipt FROM resil_intents").await;
        assert_eq!((receipt.as_str(), DB::order(&db, 7).await.0), ("500", 1), "our own books have the first one");
    }

    async fn a_process_of_the_version_before_leaves_books_that_are_not_written_twice(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET books = NULL, moved = NULL").await;
        _ = shop.compares::<verified>(Vec::new()).await;
        shop.mends().await;
        assert_eq!((shop.state(intent.id()).await, DB::order(&db, 7).await.0), (State::Applied, 1));
    }

    async fn what_an_operator_has_decided_is_told_and_not_touched(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let stale = shop.records();
        _ = shop.compares::<verified>(stale.clone()).await;
        shop.ledger.resolve(intent.id(), Resolution::Cancel, "ann", "a mistake").await.unwrap();
        shop.mends().await;
        for _ in 0..2 {
            let report = shop.compares::<verified>(stale.clone()).await;
            assert_eq!((found(&report), report.differences()[0].mend), ([0, 0, 0, 1], Mend::Nothing), "{report}");
            shop.mends().await;
        }
        assert_eq!((shop.state(intent.id()).await, shop.partner.book().cancels), (State::Compensated, 1));
    }

    async fn a_comparison_sends_no_key_that_the_partner_may_have_forgotten(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.partner.edit(|book| book.entries.clear());
        DB::run(&db, "UPDATE resil_intents SET called = called - 86400000").await;
        assert_eq!(shop.compares::<verified>(Vec::new()).await.differences()[0].mend, Mend::Verify);
        shop.mends().await;
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, shop.partner.book().calls), (State::Manual, 1), "{}", view.history);
        assert!(view.why.contains("may have forgotten the key"), "{}", view.why);
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()));
    }

    async fn what_was_pruned_is_recognised_and_left_to_an_operator_where_it_differs(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in [7, 8] {
            shop.pays::<verified>(order, 500).await;
        }
        assert_eq!(shop.ledger.prune(SystemTime::now() + Duration::from_secs(60)).await.unwrap(), 2);
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
        let lost = shop.key(7).await;
        shop.partner.edit(|book| _ = book.entries.remove(&lost));
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!((found(&report), report.differences()[0].mend), ([0, 1, 0, 0], Mend::Manual), "{report}");
        shop.mends().await;
        assert_eq!(DB::number(&db, "SELECT CAST(sum(changes) AS BIGINT) FROM orders").await, 2, "nothing was applied twice");
        assert_eq!((shop.partner.book().calls, shop.partner.book().checks), (2, 0));
    }

    async fn a_comparison_that_is_dropped_at_every_poll_is_finished_by_the_next(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=4 {
            shop.pays::<verified>(order, 500).await;
        }
        shop.drifts(1, |entry| entry.won = 50).await;
        shop.drifts(2, |entry| entry.cancelled = true).await;
        let lost = shop.key(3).await;
        shop.partner.edit(|book| _ = book.entries.remove(&lost));
        for polls in 0..120 {
            let compared = shop.ledger.reconcile::<verified, _>(today(), stream::iter(shop.records()));
            _ = support::dropped_after(polls / 4, compared).await;
        }
        _ = shop.compares::<verified>(shop.records()).await;
        shop.mends().await;
        assert_eq!(shop.ledger.manual(10).await.unwrap().len(), 2, "each difference was sent on its way once");
        assert_eq!((shop.partner.book().entries.len(), shop.partner.book().calls), (4, 5));
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
        for order in 1..=4 {
            assert_eq!(DB::order(&db, order).await, (1, "paid".to_owned()));
        }
    }

    async fn so_much_drift_is_more_likely_a_wrong_file(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=101 {
            shop.pays::<verified>(order, 500).await;
        }
        let report = shop.compares::<verified>(Vec::new()).await;
        assert!(report.held_back && report.to_string().contains("nothing was mended"), "{report}");
        assert_eq!(found(&report), [0, 101, 0, 0]);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'APPLIED'").await, 101);
    }

    async fn an_operator_who_calls_again_does_not_write_our_books_twice(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<bare>(7, 500).await;
        _ = shop.compares::<bare>(Vec::new()).await;
        shop.ledger.resolve(intent.id(), Resolution::CallAgain, "ann", "they have lost it").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!((shop.partner.book().calls, DB::order(&db, 7).await), (2, (1, "paid".to_owned())));
    }
}
