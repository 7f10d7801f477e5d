//! Which key goes out with what.

use super::*;

fn key(order: i64) -> IdempotencyKey {
    IdempotencyKey::derived("verified", order)
}

fn cancelled_under(order: i64) -> String {
    key(order).step("compensate").to_string()
}

on_both_databases! {
    async fn the_call_has_the_key_its_cancellation_one_of_its_own_and_the_status_check_none(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter])).await;
        shop.partner.next_cancels([Way::LostAfter, Way::Busy]);
        let outcome = shop.reconciled::<verified>(REFUSED_HERE).await;
        assert!(matches!(outcome, Outcome::Compensated(_)), "{outcome:?}");
        let book = shop.partner.book();
        assert_eq!(book.keys("call"), [key(7).to_string()]);
        assert_eq!(book.keys("check"), [""]);
        assert_eq!(book.keys("cancel"), [(); 3].map(|()| cancelled_under(7)), "the same each time");
    }

    async fn a_cancellation_that_may_have_left_keeps_the_key_it_left_with(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        shop.partner.next_cancels([Way::Busy]);
        let intent = shop.record::<verified>(7, REFUSED_HERE).await;
        shop.ledger.drive(&intent).await.unwrap();
        assert_eq!(shop.ledger.find(intent.id()).await.unwrap().unwrap().state, State::Compensating);
        older::as_version_5(&db).await;
        db.migrate().await.unwrap();
        shop.rests(intent.id()).await;
        assert_eq!(shop.partner.book().keys("cancel"), [cancelled_under(7), key(7).to_string()]);
        assert!(shop.partner.entry().cancelled);
    }

    async fn a_cancellation_that_an_older_worker_has_begun_after_us_keeps_its_key_too(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostAfter])).await;
        let put_off = shop.record::<patient>(8, 500).await;
        shop.ledger.drive(&put_off).await.unwrap();
        shop.partner.next_cancels([Way::Busy]);
        let intent = shop.record::<verified>(7, REFUSED_HERE).await;
        shop.ledger.drive(&intent).await.unwrap();
        // It had a lease when the tables were brought up, and knows nothing of the new columns.
        DB::run(&db, "UPDATE resil_intents SET called = NULL, since = NULL, scheduled = NULL, due = 0").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.partner.book().keys("cancel"), [cancelled_under(7), key(7).to_string()]);
        DB::run(&db, "UPDATE resil_intents SET doubt_until = 0, due = 0 WHERE op = 'patient'").await;
        shop.rests(put_off.id()).await;
        let put_off = IdempotencyKey::derived("patient", 8).step("compensate").to_string();
        assert_eq!(shop.partner.book().keys("cancel").last(), Some(&put_off), "this one has not left");
    }

    async fn what_an_operator_cancels_again_keeps_it_too_and_what_was_only_put_off_does_not(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostAfter])).await;
        let put_off = shop.record::<patient>(8, 500).await;
        shop.ledger.drive(&put_off).await.unwrap();
        let view = shop.ledger.find(put_off.id()).await.unwrap().unwrap();
        assert_eq!((view.state, view.attempts), (State::Compensating, 0), "an earlier call may still arrive");
        shop.partner.next_cancels([Way::Refuses]);
        let refused = shop.record::<verified>(7, REFUSED_HERE).await;
        assert!(matches!(shop.ledger.drive(&refused).await.unwrap(), Outcome::Manual(_)));
        older::as_version_5(&db).await;
        db.migrate().await.unwrap();
        DB::run(&db, "UPDATE resil_intents SET doubt_until = 0, due = 0 WHERE op = 'patient'").await;
        shop.rests(put_off.id()).await;
        shop.ledger.resolve(refused.id(), Resolution::Cancel, "ann", "they will take it now").await.unwrap();
        shop.rests(refused.id()).await;
        let put_off = IdempotencyKey::derived("patient", 8).step("compensate").to_string();
        let expected = [cancelled_under(7), put_off, key(7).to_string()];
        assert_eq!(shop.partner.book().keys("cancel"), expected);
    }

    async fn two_databases_that_share_an_account_with_the_partner_have_two_keys(db) {
        let partner = Partner::new(Skill::Deduplicates, []);
        let shop = Fixture::new(&db, Arc::clone(&partner)).await;
        named(&db, "shop-production").await.unwrap();
        support::sqlite(async |other| {
            let other_shop = Fixture::new(&other, Arc::clone(&partner)).await;
            named(&other, "shop-south").await.unwrap();
            assert_eq!(shop.drive::<repeated>(500).await, Outcome::Applied(500));
            assert_eq!(other_shop.drive::<repeated>(600).await, Outcome::Applied(600));
        })
        .await;
        let book = partner.book();
        let mut charged: Vec<_> = book.entries.values().map(|entry| (entry.applied, entry.won)).collect();
        charged.sort_unstable();
        assert_eq!(charged, [(1, 500), (1, 600)], "each has paid its own order 7");
    }

    async fn what_was_recorded_before_the_installation_had_a_name_is_the_same_intent(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, [Way::LostAfter])).await;
        let before = shop.record::<repeated>(7, 500).await;
        shop.ledger.drive(&before).await.unwrap();
        named(&db, "shop").await.unwrap();
        let again = db.transaction(async |tx| repeated::record(tx, 7, 500).await).await.unwrap();
        assert_eq!(again.id(), before.id());
        let other = db.transaction(async |tx| repeated::record(tx, 7, 501).await).await.unwrap_err();
        assert!(other.to_string().contains("with other arguments"), "{other}");
        shop.rests(before.id()).await;
        assert_eq!((shop.partner.book().calls, shop.partner.entry().applied), (2, 1), "and under the key it had");
    }

    async fn an_installation_has_one_name(db) {
        db.migrate().await.unwrap();
        let misnamed = "x".repeat(101);
        for name in ["", "two\nlines", &misnamed] {
            let refused = named(&db, name).await.unwrap_err().to_string();
            assert!(refused.ends_with("write `.installation(\"shop-production\")`"), "{refused}");
        }
        named(&db, "shop-production").await.unwrap();
        named(&db, "shop-production").await.unwrap();
        let refused = named(&db, "shop-staging").await.unwrap_err().to_string();
        let expected = "misconfigured, not called: the database is that of the installation `shop-production`, and this is `shop-staging`: give this \
            one a database of its own, or write `.installation(\"shop-production\")`";
        assert_eq!(refused, expected);
        // Who does not say it may open: what is recorded here belongs to it all the same.
        let ledger = Ledger::on(db.clone()).partial().operation::<verified>().provide(Partner::new(Skill::Status, []));
        ledger.open().await.unwrap();
        let intent = db.transaction(async |tx| verified::record(tx, 7, 500).await).await.unwrap();
        let stored = DB::text(&db, &format!("SELECT key FROM resil_intents WHERE id = '{}'", intent.id())).await;
        assert_ne!(stored, key(7).to_string());
    }

    async fn a_ledger_with_other_problems_names_no_database(db) {
        db.migrate().await.unwrap();
        let refused = Ledger::on(db.clone()).partial().operation::<verified>().installation("shop").open().await.unwrap_err();
        assert!(refused.to_string().contains("and none is given"), "{refused}");
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_installation").await, 0);
    }
}

async fn named<DB: Backend>(db: &Db<DB>, name: &str) -> Result<Ledger<DB>, Error> {
    Ledger::on(db.clone()).partial().installation(name).open().await
}
