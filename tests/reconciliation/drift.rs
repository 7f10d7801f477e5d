//! Each kind of drift is found and mended.

use super::*;
use resil::ledger::LedgerEvent;

on_both_databases! {
    async fn books_that_agree_are_left_alone(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=5 {
            shop.pays::<verified>(order, 500).await;
        }
        shop.pays::<bare>(6, 600).await;
        let mut events = resil::registry().subscribe();
        let report = shop.compares::<verified>(shop.records()).await;
        assert!(report.agrees(), "{report}");
        assert_eq!((report.records, report.agree, report.other), (6, 5, 1));
        let Event::Ledger(LedgerEvent::Reconciled(told)) = events.next().await else { panic!("it is told") };
        assert_eq!(*told, report);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state <> 'APPLIED'").await, 0);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_records").await, 0, "nothing is left behind");
    }

    async fn what_only_the_partner_has_comes_into_our_books(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        shop.pays::<verified>(7, 500).await;
        let key = shop.key(7).await;
        // Our database was restored from before the payment.
        DB::run(&db, "DELETE FROM resil_intents").await;
        DB::run(&db, "UPDATE orders SET state = 'pending', changes = 0").await;
        let told = vec![Ok(Record::done(&key).amount(in_cents(500)).arguments((7, 500)))];
        let report = shop.compares::<verified>(told.clone()).await;
        assert_eq!(found(&report), [1, 0, 0, 0], "{report}");
        let difference = &report.differences()[0];
        assert_eq!((difference.mend, difference.here, difference.there), (Mend::Verify, None, Some(true)));
        let again = shop.compares::<verified>(told.clone()).await;
        assert!(again.agrees() && again.open == 1, "it is under way: {again}");
        shop.mends().await;
        assert_eq!(shop.state(difference.id).await, State::Applied);
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()));
        assert_eq!(shop.partner.book().calls, 1, "it was not charged again");
        let after = shop.compares::<verified>(told).await;
        assert_eq!((after.agrees(), after.agree), (true, 1), "{after}");
        // Whoever records it now finds it.
        let intent = db.transaction(async |tx| verified::record(tx, 7, 500).await).await.unwrap();
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        // On the partner's side it is older than the period by then.
        assert!(shop.compares::<verified>(Vec::new()).await.agrees(), "nobody but the partner can date it");
    }

    async fn the_keys_of_an_installation_are_compared_like_others(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let before = shop.pays::<verified>(6, 500).await;
        Ledger::on(db.clone()).partial().installation("shop-production").open().await.unwrap();
        let paid = shop.pays::<verified>(7, 500).await;
        let key = shop.key(7).await;
        assert_ne!(key, IdempotencyKey::derived("verified", 7).to_string());
        let report = shop.compares::<verified>(shop.records()).await;
        assert!(report.agrees() && report.agree == 2, "{report}");
        shop.drifts(7, |entry| entry.won = 50).await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!((found(&report), report.differences()[0].id), ([0, 0, 1, 0], paid.id()));
        assert_eq!((shop.state(paid.id()).await, shop.state(before.id()).await), (State::Manual, State::Applied));
    }

    async fn what_may_be_of_another_installation_is_told_and_left_alone(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        Ledger::on(db.clone()).partial().installation("shop-production").open().await.unwrap();
        // The account is shared: orders 7 and 8 of our sister were paid.
        let sister = [7, 8].map(|order| IdempotencyKey::derived("verified", order));
        for key in &sister {
            shop.partner.charge(500, key).await.unwrap();
        }
        let told = Record::done(sister[0].as_str()).amount(in_cents(500)).arguments((7, 500));
        let told = || vec![Ok(told.clone()), Ok(Record::done(sister[1].as_str()))];
        for _ in 0..2 {
            let report = shop.compares::<verified>(told()).await;
            assert_eq!(found(&report), [2, 0, 0, 0], "{report}");
            assert!(report.differences().iter().all(|difference| difference.mend == Mend::Nothing), "{report}");
        }
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents").await, 0, "none of it is taken over");
        // Our own order 7 is another one.
        let ours = shop.pays::<verified>(7, 500).await;
        assert_eq!((shop.state(ours.id()).await, shop.partner.book().calls), (State::Applied, 3));
    }

    async fn a_record_that_contradicts_itself_is_left_to_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let key = IdempotencyKey::derived("verified", 7);
        shop.partner.charge(900, &key).await.unwrap();
        let told = vec![Ok(Record::done(key.as_str()).amount(in_cents(900)).arguments((7, 500)))];
        assert_eq!(shop.compares::<verified>(told).await.differences()[0].mend, Mend::Manual);
    }

    async fn what_nobody_can_explain_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let report = shop.compares::<verified>(vec![Ok(Record::done("a-key-of-nobody").amount(900))]).await;
        assert_eq!(found(&report), [1, 0, 0, 0], "{report}");
        let waits = shop.ledger.manual(10).await.unwrap();
        assert_eq!(waits.len(), 1);
        assert_eq!((waits[0].state, waits[0].why.as_str()), (State::Manual, "the books differ: only the partner has it"));
        // It may be about an order that is placed by now.
        let seven = IdempotencyKey::derived("verified", 7);
        _ = shop.compares::<verified>(vec![Ok(Record::done(seven.as_str()))]).await;
        let refused = db.transaction(async |tx| verified::record(tx, 7, 500).await).await.unwrap_err();
        assert!(refused.to_string().starts_with("the partner has a call of `verified` about the same which we do not know"));
        DB::run(&db, "DELETE FROM resil_intents WHERE key <> 'a-key-of-nobody'").await;
        let again = shop.compares::<verified>(vec![Ok(Record::done("a-key-of-nobody").amount(900))]).await;
        assert!(again.agrees() && again.manual == 1, "{again}");
        shop.ledger.resolve(waits[0].id, Resolution::ByHand(false), "ann", "refunded there").await.unwrap();
        let after = shop.compares::<verified>(vec![Ok(Record::undone("a-key-of-nobody").amount(900))]).await;
        assert!(after.agrees(), "{after}");
    }

    async fn what_the_partner_has_lost_is_asked_for_and_done_again(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.partner.edit(|book| book.entries.clear());
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 1, 0, 0], "{report}");
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!(shop.partner.entry().applied, 1);
        assert!(shop.partner.book().checks >= 1, "it was asked first");
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()), "our own books were right, and are not written twice");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn records_that_leave_something_out_change_nothing(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        let report = shop.compares::<verified>(Vec::new()).await;
        assert_eq!(found(&report), [0, 1, 0, 0], "{report}");
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Applied);
        assert_eq!((shop.partner.book().calls, DB::order(&db, 7).await.0), (1, 1), "the status check has cleared it up");
    }

    async fn without_a_status_check_an_operator_decides(db) {
        let shop = Fixture::new(&db, Skill::Deduplicates).await;
        shop.pays::<repeated>(7, 500).await;
        assert_eq!(shop.compares::<repeated>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        let bare = shop.pays::<bare>(8, 500).await;
        assert_eq!(shop.compares::<bare>(Vec::new()).await.differences()[0].mend, Mend::Manual);
        assert_eq!(shop.state(bare.id()).await, State::Manual);
    }

    async fn an_amount_that_differs_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.won = 50).await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 0, 1, 0], "{report}");
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, view.why.as_str()), (State::Manual, "the books differ: 500'00 here, 50'00 there"));
        assert!(shop.compares::<verified>(shop.records()).await.agrees(), "an operator has it");
        shop.ledger.resolve(intent.id(), Resolution::Cancel, "ann", "it was a mistake there").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Compensated);
        assert!(shop.partner.entry().cancelled);
        assert_eq!(DB::order(&db, 7).await, (2, "failed".to_owned()), "paid, then failed");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn what_is_undone_here_is_cancelled_there(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.ledger.find(intent.id()).await.unwrap();
        // It was given up here, and the partner has applied it later than it said it could.
        DB::run(&db, "UPDATE resil_intents SET state = 'REJECTED', books = 'UNDONE'").await;
        DB::run(&db, "UPDATE orders SET state = 'failed', changes = 1").await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!(found(&report), [0, 0, 0, 1], "{report}");
        assert_eq!(report.differences()[0].mend, Mend::Compensate);
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Compensated);
        assert!(shop.partner.entry().cancelled);
        assert_eq!(DB::order(&db, 7).await, (1, "failed".to_owned()), "our own books were right, and are not written twice");
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    async fn what_was_undone_there_waits_for_an_operator(db) {
        let shop = Fixture::new(&db, Skill::Status).await;
        let intent = shop.pays::<verified>(7, 500).await;
        shop.drifts(7, |entry| entry.cancelled = true).await;
        let report = shop.compares::<verified>(shop.records()).await;
        assert_eq!((found(&report), report.differences()[0].mend), ([0, 0, 0, 1], Mend::Manual), "{report}");
        shop.ledger.resolve(intent.id(), Resolution::NotDone, "ann", "the customer's bank took it back").await.unwrap();
        shop.mends().await;
        assert_eq!(shop.state(intent.id()).await, State::Rejected);
        assert_eq!(DB::order(&db, 7).await, (2, "failed".to_owned()));
        assert!(shop.compares::<verified>(shop.records()).await.agrees());
    }

    /// Drift of all kinds at once, by chance: all of it is found, mended, and gone.
    async fn seeded_drift_is_found_and_mended(db) {
        const ORDERS: i64 = 120;
        let seed = std::env::var("RESIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(6);
        let mut random = fastrand::Rng::with_seed(seed);
        let shop = Fixture::new(&db, Skill::Status).await;
        for order in 1..=ORDERS {
            shop.pays::<verified>(order, 500).await;
        }
        let mut expected = [0; 4];
        let (mut told, mut keys) = (Vec::new(), Vec::new());
        for order in 1..=ORDERS {
            let key = shop.key(order).await;
            keys.push((order, key.clone()));
            match random.u32(..8) {
                0 => {
                    DB::run_text(&db, &format!("DELETE FROM resil_intents WHERE subject = '{order}'")).await;
                    DB::run_text(&db, &format!("UPDATE orders SET state = 'pending', changes = 0 WHERE id = {order}")).await;
                    told.push(Ok(Record::done(&key).amount(in_cents(500)).arguments((order, 500))));
                    expected[0] += 1;
                }
                1 => {
                    shop.partner.edit(|book| _ = book.entries.remove(&key));
                    expected[1] += 1;
                }
                2 => {
                    shop.drifts(order, |entry| entry.won += 1).await;
                    expected[2] += 1;
                }
                3 => {
                    shop.drifts(order, |entry| entry.cancelled = true).await;
                    expected[3] += 1;
                }
                4 => {
                    let given_up = "UPDATE resil_intents SET state = 'REJECTED', books = 'UNDONE' WHERE subject = ";
                    DB::run_text(&db, &format!("{given_up}'{order}'")).await;
                    DB::run_text(&db, &format!("UPDATE orders SET state = 'failed' WHERE id = {order}")).await;
                    expected[3] += 1;
                }
                _ => {}
            }
        }
        let mut records = shop.records();
        records.extend(told);
        let report = shop.compares::<verified>(records).await;
        assert_eq!(found(&report), expected, "seed {seed}: {report}");
        shop.mends().await;
        for waits in shop.ledger.manual(1_000).await.unwrap() {
            let resolution = if waits.why.contains("undone") { Resolution::NotDone } else { Resolution::Cancel };
            shop.ledger.resolve(waits.id, resolution, "ann", "as the partner has it").await.unwrap();
        }
        shop.mends().await;
        let second = shop.compares::<verified>(shop.records()).await;
        assert!(second.agrees() && second.agree == second.records, "seed {seed}: {second}");
        // The oracle is the partner's book.
        for (order, key) in keys {
            let entry = shop.partner.book().entries.get(&key).cloned().unwrap_or_default();
            let (changes, state) = DB::order(&db, order).await;
            let is_paid = entry.applied > 0 && !entry.cancelled;
            assert_eq!(state, if is_paid { "paid" } else { "failed" }, "order {order}, seed {seed}: {entry:?}");
            assert!(entry.applied == 1 && changes <= 2, "order {order}, seed {seed}: {entry:?}, {changes} changes");
        }
    }
}
