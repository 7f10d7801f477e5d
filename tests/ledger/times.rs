//! How long a key lasts, how long is tried, and clocks that are set back.

use super::*;

/// A day ago.
const OLDER: &str = "UPDATE resil_intents SET called = called - 86400000";
const LONG_TRIED: &str = "UPDATE resil_intents SET since = since - 86400000";
const DUE: &str = "UPDATE resil_intents SET due = 0 WHERE due IS NOT NULL";

on_both_databases! {
    async fn a_key_that_the_partner_may_have_forgotten_is_not_sent_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostAfter])).await;
        let intent = shop.record::<lasting>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        // The breaker was open over the weekend, and the partner keeps its keys for a day.
        DB::run(&db, OLDER).await;
        shop.rests(intent.id()).await;
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!((view.state, shop.partner.book().calls), (State::Manual, 1), "{}", view.history);
        assert!(view.why.contains("the partner may have forgotten the key, which it keeps for 86400s"), "{}", view.why);
        // Nor for an operator.
        let again = shop.ledger.resolve(intent.id(), Resolution::CallAgain, "alice", "").await.unwrap_err();
        assert!(matches!(&again, Error::Ledger(error) if matches!(**error, LedgerError::KeyTooOld { .. })), "{again}");
        assert_eq!(shop.ledger.find(intent.id()).await.unwrap().unwrap().state, State::Manual);
        shop.ledger.resolve(intent.id(), Resolution::Cancel, "alice", "").await.unwrap();
        shop.rests(intent.id()).await;
        assert!(matches!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Compensated(_)));
        assert_eq!((shop.partner.book().calls, shop.partner.entry().cancelled), (1, true));
    }

    async fn an_operator_who_was_slower_than_the_key_sends_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostAfter])).await;
        let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
        shop.ledger.resolve(id, Resolution::CallAgain, "alice", "they have nothing").await.unwrap();
        DB::run(&db, OLDER).await;
        shop.rests(id).await;
        assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().state, State::Manual, "what a person has said is not certain");
        assert_eq!((shop.partner.entry().applied, shop.partner.book().calls), (1, 1));
    }

    async fn what_was_certainly_not_done_by_then_is_rejected(db) {
        for way in [Way::NoConnection, Way::LostBefore] {
            let shop = Fixture::new(&db, Partner::new(Skill::Status, [way])).await;
            let intent = shop.record::<verified>(7, 500).await;
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
            DB::run(&db, OLDER).await;
            shop.rests(intent.id()).await;
            let outcome = shop.ledger.outcome(&intent).await.unwrap();
            assert!(matches!(&outcome, Outcome::Rejected(report) if report.why.contains("forgotten the key")), "{outcome:?}");
            assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "failed".to_owned()), 1), "{way:?}");
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn a_call_ends_before_its_key_is_too_old(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::NoConnection, Way::Hangs])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        // A quarter of a second is left to it, less what settles.
        DB::run(&db, "UPDATE resil_intents SET called = called - 86400000 + 250, due = 0").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500), "the check has found it");
        let history = shop.ledger.find(intent.id()).await.unwrap().unwrap().history.to_string();
        assert!(history.contains("the outcome is unknown: no end within ") || history.contains("forgotten"), "{history}");
    }

    async fn a_cancellation_waits_until_nothing_can_arrive_any_more_also_for_an_operator(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
        let Outcome::Manual(id) = shop.drive::<late>(500).await else { panic!() };
        shop.ledger.resolve(id, Resolution::Cancel, "alice", "the order is gone").await.unwrap();
        for _ in 0..2 {
            shop.ledger.reconciler().run_once().await.unwrap();
            let view = shop.ledger.find(id).await.unwrap().unwrap();
            assert_eq!((view.state, shop.partner.book().cancels), (State::Compensating, 0), "{}", view.history);
            DB::run(&db, DUE).await;
        }
        DB::run(&db, "UPDATE resil_intents SET doubt_until = 1").await;
        shop.rests(id).await;
        assert_eq!((shop.ledger.find(id).await.unwrap().unwrap().state, shop.partner.book().cancels), (State::Compensated, 1));
    }

    async fn it_is_tried_for_a_day_and_then_given_up(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::NoConnection; 60])).await;
        let intent = shop.record::<lasting>(7, 500).await;
        for _ in 0..45 {
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()), "an outage of an hour");
            DB::run(&db, DUE).await;
        }
        DB::run(&db, LONG_TRIED).await;
        let Outcome::Rejected(report) = shop.ledger.drive(&intent).await.unwrap() else { panic!() };
        assert_eq!(report.why, "given up after 46 attempts: no connection");
    }

    async fn waits_and_leases_of_more_than_a_day_are_what_they_are(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::NoConnection])).await;
        let intent = shop.record::<lasting>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        DB::run(&db, "UPDATE resil_intents SET due = scheduled + 172800000").await;
        assert_eq!(shop.ledger.reconciler().run_once().await.unwrap().claimed, 0);
        let left = DB::number(&db, "SELECT due - scheduled FROM resil_intents").await;
        assert_eq!((left, shop.partner.book().calls), (172_800_000, 1));
    }

    async fn a_clock_that_is_set_back_by_two_hours_stops_nothing_for_two_hours(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore, Way::NoConnection])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        DB::run(&db, "UPDATE resil_intents SET due = due + 7200000, scheduled = scheduled + 7200000, called = called + 7200000,
            since = since + 7200000, doubt_until = doubt_until + 7200000").await;
        let rested = tokio::time::timeout(Duration::from_secs(60), shop.rests(intent.id())).await;
        assert!(rested.is_ok(), "it waits for the clock");
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        // The key is no younger for it.
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE called <= recorded + 60000").await, 1);
    }

    async fn a_key_is_no_younger_for_a_clock_that_was_set_back(db) {
        const DAY_BACK: &str = "UPDATE resil_intents SET scheduled = scheduled + 86400000, called = called + 82800000";
        let age = "SELECT scheduled - called FROM resil_intents";
        // It is claimed, written and claimed again by the new clock before anybody has noticed.
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::NoConnection; 9])).await;
        let intent = shop.record::<lasting>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        DB::run(&db, DAY_BACK).await;
        DB::run(&db, DUE).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        let hour = DB::number(&db, age).await;
        assert!((3_600_000..3_660_000).contains(&hour), "it was called an hour ago, and not {hour} ms");
        // An operator goes on with it.
        DB::run(&db, "UPDATE resil_intents SET state = 'MANUAL', due = NULL").await;
        DB::run(&db, DAY_BACK).await;
        shop.ledger.resolve(intent.id(), Resolution::NotDone, "alice", "").await.unwrap();
        let two = DB::number(&db, age).await;
        assert!((7_200_000..7_260_000).contains(&two), "it was called two hours ago, and not {two} ms");
    }

    async fn a_clock_that_is_set_back_dates_no_call_that_others_made(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        DB::run(&db, "UPDATE resil_intents SET called = -1, due = due + 7200000, scheduled = scheduled + 7200000").await;
        shop.rests(intent.id()).await;
        assert_eq!(DB::number(&db, "SELECT called FROM resil_intents").await, -1);
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Manual(intent.id()), "they say it is done, and it is not");
    }

    async fn many_are_resolved_at_once(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore; 4])).await;
        for order in 1..=3 {
            let intent = shop.record::<manual>(order, 500).await;
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Manual(intent.id()));
        }
        let other = shop.record::<late>(4, 500).await;
        assert_eq!(shop.ledger.drive(&other).await.unwrap(), Outcome::Manual(other.id()));
        let all = |filter: Filter, resolution| {
            let ledger = shop.ledger.clone();
            async move { ledger.resolve_all(&filter, &resolution, "alice", "they have nothing").await }
        };
        let receipt = all(Filter::all(), Resolution::Done("500".to_owned())).await.unwrap_err();
        assert!(matches!(&receipt, Error::Ledger(error) if **error == LedgerError::OneReceipt), "{receipt}");
        let none = all(Filter::all().op("manual").why("for another reason"), Resolution::NotDone).await.unwrap();
        assert_eq!((none.resolved, none.refused.len()), (0, 0));
        let checked = all(Filter::all().why("connection was lost"), Resolution::CheckAgain).await.unwrap();
        assert_eq!((checked.resolved, checked.refused.len()), (0, 4), "neither can: {:?}", checked.refused);
        let resolved = all(Filter::all().op("manual"), Resolution::NotDone).await.unwrap();
        assert_eq!((resolved.resolved, resolved.refused.len()), (3, 0));
        shop.ledger.reconciler().run_once().await.unwrap();
        let left = shop.ledger.manual(10).await.unwrap();
        assert_eq!(left.iter().map(|view| view.id).collect::<Vec<_>>(), [other.id()]);
        assert_eq!(DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'failed'").await, 3);
    }
}
