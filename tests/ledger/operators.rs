//! What is stored, what an operator decides, and what is refused.

use super::*;
use resil::ledger::LedgerEvent;

on_both_databases! {
    async fn one_intent_for_one_subject(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let record = async |order: i64, won: u64| {
            shop.db.transaction(async |tx| Ok::<_, Error>(manual::record(tx, order, won).await?)).await
        };
        let first = record(7, 500).await.unwrap();
        assert_eq!(record(7, 500).await.unwrap().id(), first.id());
        let error = record(7, 501).await.unwrap_err();
        assert!(matches!(&error, Error::Ledger(error) if **error == LedgerError::OtherArguments { op: "manual" }));
        assert_eq!(error.verdict(), resil::Verdict::caller().ours());
        assert_ne!(record(8, 500).await.unwrap().id(), first.id());
    }

    async fn hostile_subjects_are_data_and_impossible_ones_errors(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let record = async |subject: &str| {
            let subject = Some(subject.to_owned());
            shop.db.transaction(async |tx| resil::ledger::record::<_, manual>(tx, subject, &(7, 500)).await).await
        };
        for hostile in ["'; DROP TABLE resil_intents; --", "{now}", "$1", "주문\u{202e}", &"x".repeat(255)] {
            let id = record(hostile).await.unwrap().id();
            assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().subject, hostile);
        }
        for impossible in ["", "a\0b", "a\nb", &"x".repeat(256)] {
            let error = record(impossible).await.unwrap_err();
            assert!(error.to_string().ends_with("not recorded"), "{error}");
        }
    }

    async fn what_no_longer_decodes_needs_an_operator(db) {
        for (column, spoil) in [
            ("arguments", "UPDATE resil_intents SET arguments = '[\"secret\"]'"),
            ("receipt", "UPDATE resil_intents SET state = 'SUCCEEDED', receipt = '{'"),
        ] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
            let intent = shop.record::<manual>(7, 500).await;
            DB::run(&db, spoil).await;
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Manual(intent.id()));
            let why = shop.ledger.find(intent.id()).await.unwrap().unwrap().why;
            assert!(why.starts_with(&format!("the stored {column} cannot be read any more, ")), "{why}");
            assert!(!why.contains("secret"), "{why}");
            assert_eq!(shop.partner.book().calls, 0);
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_other_versions_have_stored_is_left_to_them_and_counted(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let ours = shop.record::<manual>(7, 500).await;
        let newer = shop.record::<manual>(8, 500).await;
        let stranger = shop.record::<manual>(9, 500).await;
        DB::run(&db, "UPDATE resil_intents SET version = 2, due = 0 WHERE subject = '8'").await;
        DB::run(&db, "UPDATE resil_intents SET state = 'LATER', due = 0 WHERE subject = '9'").await;
        // What waits for its time is not counted: it may be many.
        shop.record::<manual>(10, 500).await;
        DB::run(&db, "UPDATE resil_intents SET version = 3, due = due + 3600000 WHERE subject = '10'").await;
        DB::run(&db, "UPDATE resil_intents SET due = 0 WHERE subject = '7'").await;
        let mut events = resil::registry().subscribe();
        shop.rests(ours.id()).await;
        assert_eq!(shop.ledger.unknown().await.unwrap(), [("manual".to_owned(), 2, 1)]);
        assert_eq!(shop.ledger.find(newer.id()).await.unwrap().unwrap().state, State::Recorded);
        assert!(std::iter::from_fn(|| events.try_next()).any(|event| matches!(event, Event::Ledger(LedgerEvent::Unknown { .. }))));
        let error = shop.ledger.drive(&newer).await.unwrap_err().to_string();
        assert!(error.starts_with("operation `manual` version 2 is not in this ledger"), "{error}");
        let state = DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'LATER'").await;
        assert_eq!(state, 1, "{stranger:?} of the future stays as it is");
    }

    async fn an_operator_can_end_what_nobody_else_can(db) {
        let decide = |resolution: &Resolution| resolution.clone();
        for (resolution, state, order) in [
            (Resolution::Done("500".to_owned()), State::Applied, (1, "paid")),
            (Resolution::NotDone, State::Rejected, (1, "failed")),
            (Resolution::CallAgain, State::Applied, (1, "paid")),
            (Resolution::DoneByHand("500".to_owned()), State::Applied, (0, "pending")),
            (Resolution::ByHand(false), State::Rejected, (0, "pending")),
        ] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
            let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
            shop.ledger.resolve(id, decide(&resolution), "alice", "the bank said so on the phone").await.unwrap();
            shop.rests(id).await;
            let view = shop.ledger.find(id).await.unwrap().unwrap();
            assert_eq!((view.state, shop.order().await), (state, (order.0, order.1.to_owned())), "{resolution:?}");
            let trail = view.history.to_string();
            assert!(trail.contains("resolved by alice: the bank said so on the phone"), "{trail}");
            let again = shop.ledger.resolve(id, resolution, "bob", "").await.unwrap_err();
            assert!(matches!(&again, Error::Ledger(error) if **error == LedgerError::NotManual { state }), "{again}");
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_may_have_been_applied_is_not_rejected_because_its_repeat_is_refused(db) {
        for (way, calls) in [
            (Way::Answers(400), 2), (Way::Answers(404), 2), (Way::Answers(422), 2), (Way::Refuses, 2), (Way::LetsNobodyIn, 2),
        ] {
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostAfter, way])).await;
            let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
            shop.ledger.resolve(id, Resolution::CallAgain, "alice", "they have nothing").await.unwrap();
            shop.rests(id).await;
            let view = shop.ledger.find(id).await.unwrap().unwrap();
            assert_eq!(view.state, State::Manual, "{way:?}: {}", view.history);
            assert_eq!((shop.order().await, shop.partner.entry().applied), ((0, "pending".to_owned()), 1));
            assert_eq!(shop.partner.book().calls, calls, "{way:?}");
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
        // Nobody can be reached, for as long as it is tried; then what the operator wanted is done.
        for (connections, end) in [(20, State::Manual), (3, State::Applied)] {
            let ways = [Way::LostBefore].into_iter().chain(std::iter::repeat_n(Way::NoConnection, connections));
            let shop = Fixture::new(&db, Partner::new(Skill::Neither, ways)).await;
            let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
            shop.ledger.resolve(id, Resolution::CallAgain, "alice", "they have nothing").await.unwrap();
            shop.rests(id).await;
            let view = shop.ledger.find(id).await.unwrap().unwrap();
            assert_eq!(view.state, end, "{}", view.history);
            DB::run(&db, "DROP TABLE orders; DELETE FROM resil_intents").await;
        }
    }

    async fn what_an_operator_cannot_decide_is_refused(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::LostBefore])).await;
        let Outcome::Manual(id) = shop.drive::<manual>(500).await else { panic!() };
        for (resolution, expected) in [
            (Resolution::CheckAgain, "operation `manual` has no `verify`"),
            (Resolution::Cancel, "operation `manual` has no `compensate`"),
            (Resolution::Done("no receipt".to_owned()), "what is stored of an intent of `manual` cannot be read any more, "),
        ] {
            let error = shop.ledger.resolve(id, resolution, "alice", "").await.unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        assert_eq!(shop.ledger.find(id).await.unwrap().unwrap().state, State::Manual);
        let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        let error = shop.ledger.resolve(unknown, Resolution::NotDone, "alice", "").await.unwrap_err();
        assert!(matches!(&error, Error::Ledger(error) if **error == LedgerError::NoSuchIntent(unknown)));
    }

    async fn nothing_is_driven_inside_a_transaction(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        let inside = shop.db.transaction(async |_tx| Ok::<_, Error>(shop.ledger.drive(&intent).await)).await.unwrap();
        assert!(matches!(inside, Err(Error::InsideTransaction { .. })), "{inside:?}");
        assert_eq!(shop.partner.book().calls, 0);
    }
}
