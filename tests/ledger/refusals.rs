//! Who refuses, and who only fails: the partner for good, our own books by intent.

use super::*;
use resil::ledger::LedgerEvent;

on_both_databases! {
    async fn what_is_said_for_good_ends_a_doubt(db) {
        let ways = std::iter::once(Way::LostBefore).chain([Way::RefusesForGood; 5]);
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
        let ended = shop.reconciled::<repeated>(500).await;
        assert!(matches!(&ended, Outcome::Rejected(report) if report.why.contains("for good")), "{ended:?}");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "failed".to_owned()), 0));
    }

    async fn what_is_said_for_good_is_not_believed_while_an_earlier_call_may_arrive(db) {
        let ways = [Way::Late(Duration::from_millis(200)), Way::RefusesForGood];
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
        assert_eq!(shop.reconciled::<leisurely>(500).await, Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }

    async fn a_function_judges_what_is_said_for_good(db) {
        let ways = [Way::LostBefore, Way::Answers(402), Way::Answers(410), Way::Answers(410), Way::Answers(410)];
        let shop = Fixture::new(&db, Partner::new(Skill::Deduplicates, ways)).await;
        let ended = shop.reconciled::<judged>(500).await;
        assert_eq!(ended, Outcome::Rejected(Report { why: "declined: the partner answered 410".to_owned() }));
        assert!(shop.partner.book().calls >= 3, "402 says nothing here");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "failed".to_owned()), 0));
    }

    async fn a_first_answer_is_the_partners_word_or_put_off_or_none_at_all(db) {
        for (status, ended) in [(422, "rejected"), (404, "rejected"), (429, "applied"), (401, "applied"), (403, "applied"),
            (407, "applied"), (408, "applied"), (409, "applied"), (425, "applied")] {
            let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Answers(status)])).await;
            let outcome = shop.reconciled::<verified>(500).await;
            match ended {
                "applied" => assert_eq!(outcome, Outcome::Applied(500), "{status}"),
                _ => assert!(matches!(outcome, Outcome::Rejected(_)), "{status}: {outcome:?}"),
            }
            assert_eq!(shop.partner.book().checks > 0, matches!(status, 408 | 409 | 425), "{status}");
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn our_books_refuse_by_a_word_of_the_ledgers(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let outcome = shop.drive::<refused>(500).await;
        assert_eq!(outcome, Outcome::Compensated(Report { why: format!("refused by our own books: {REFUSED}") }));
        assert_eq!((shop.order().await, shop.partner.entry().cancelled), ((1, "failed".to_owned()), true));
    }

    async fn what_is_refused_inside_another_error_is_no_refusal(db) {
        for won in [REFUSED_WITHIN, REFUSED_SOMEWHERE] {
            let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
            let outcome = shop.reconciled::<verified>(won).await;
            assert!(matches!(outcome, Outcome::Manual(_)), "{outcome:?}");
            assert_eq!((shop.partner.book().cancels, shop.order().await), (0, (0, "pending".to_owned())));
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn a_constraint_on_our_books_refunds_nobody(db) {
        let mut events = resil::registry().subscribe();
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [])).await;
        DB::run(&db, "CREATE UNIQUE INDEX too_strict ON orders (state) WHERE state = 'paid'").await;
        DB::run(&db, "INSERT INTO orders VALUES (6, 'paid', 1)").await;
        let Outcome::Manual(id) = shop.reconciled::<verified>(500).await else { panic!("it is not refused") };
        assert_eq!((shop.partner.entry().cancelled, shop.partner.book().cancels), (false, 0));
        let is_held_up = |event: &Event| matches!(event, Event::Ledger(LedgerEvent::HeldUp { .. }));
        assert!(std::iter::from_fn(|| events.try_next()).any(|event| is_held_up(&event)), "it is told");
        DB::run(&db, "DROP INDEX too_strict").await;
        shop.ledger.resolve(id, Resolution::CheckAgain, "ann", "the constraint is gone").await.unwrap();
        shop.rests(id).await;
        assert_eq!(shop.ledger.outcome(&Intent::<verified>::from(id)).await.unwrap(), Outcome::Applied(500));
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    }
}
