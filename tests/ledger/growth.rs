//! What grows, and what one partner may take of the others.

use super::*;

const DUE: &str = "UPDATE resil_intents SET due = 0 WHERE due IS NOT NULL";

on_both_databases! {
    async fn what_is_put_off_again_and_again_waits_longer_and_leaves_one_line(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<barred>(7, 500).await;
        resil::CircuitBreaker::named("barred").force_open().unwrap();
        let mut size = 0;
        for times in 1..=60 {
            assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
            let now = DB::number(&db, "SELECT CAST(length(history) AS BIGINT) FROM resil_intents").await;
            assert!(times < 12 || now <= size + 2, "{now} after {size}");
            size = now;
            DB::run(&db, DUE).await;
        }
        let view = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        let times: Vec<_> = view.history.entries().iter().map(|entry| (entry.state.unwrap(), entry.times)).collect();
        assert_eq!(times, [(State::Recorded, 1), (State::Calling, 60), (State::Recorded, 60)], "{}", view.history);
        assert_eq!((view.attempts, shop.partner.book().calls), (0, 0));
        assert_eq!(DB::number(&db, "SELECT put_off FROM resil_intents").await, 60);
        resil::CircuitBreaker::named("barred").reset().unwrap();
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::Applied(500));
    }

    async fn a_history_is_never_longer_than_it_may_be(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::NoConnection])).await;
        let intent = shop.record::<lasting>(7, 500).await;
        let line = format!("1700000000000 UNKNOWN {}\\n", "no reason twice ".repeat(12));
        let lines: String = (0..100).map(|number| line.replace("twice", &format!("twice {number}"))).collect();
        let lines = lines.replace("\\n", "\n");
        DB::run_text(&db, &format!("UPDATE resil_intents SET history = '{lines}'")).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        assert!(DB::number(&db, "SELECT CAST(length(history) AS BIGINT) FROM resil_intents").await < 10_000);
        let history = shop.ledger.find(intent.id()).await.unwrap().unwrap().history;
        let all: u32 = history.entries().iter().map(|entry| entry.times).sum();
        assert_eq!(all, 102, "{history}");
        assert!(history.to_string().contains("steps are left out here  ("), "{history}");
    }

    async fn a_partner_who_hangs_stops_no_other_operation(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Hangs; 16])).await;
        for order in 100..140 {
            shop.record::<manual>(order, 500).await;
        }
        DB::run(&db, DUE).await;
        let other = shop.record::<verified>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 1 WHERE op = 'verified'").await;
        let reconciled = tokio::time::timeout(Duration::from_secs(60), shop.rests(other.id())).await;
        assert!(reconciled.is_ok(), "it has no place");
        assert_eq!(shop.ledger.outcome(&other).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.partner.book().calls, 17, "and the one who hangs has no more than its share");
    }

    async fn at_most_so_many_of_each(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [Way::Hangs; 2])).await;
        for order in 100..110 {
            shop.record::<manual>(order, 500).await;
        }
        let other = shop.record::<verified>(7, 500).await;
        DB::run(&db, DUE).await;
        let mut events = resil::registry().subscribe();
        let rested = async {
            while !shop.ledger.find(other.id()).await.unwrap().unwrap().state.is_final() {
                events.next().await;
            }
        };
        let reconciler = shop.ledger.reconciler().at_most(2).poll(Duration::from_millis(2)).grace(Duration::ZERO);
        let done = tokio::time::timeout(Duration::from_secs(60), reconciler.run(rested)).await;
        assert_eq!(done.expect("it has a place").claimed, 3);
        assert_eq!(shop.partner.book().calls, 3);
    }

    async fn our_own_books_are_written_within_a_lease_or_not_at_all(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let ledger = Ledger::on(db.clone()).partial().operation::<hanging>().provide(Arc::clone(&shop.partner));
        let ledger = ledger.lease(Duration::from_secs(1)).open().await.unwrap();
        let intent = shop.record::<hanging>(7, 500).await;
        let driven = tokio::time::timeout(Duration::from_secs(60), ledger.drive(&intent)).await;
        assert_eq!(driven.expect("it ends").unwrap(), Outcome::InDoubt(intent.id()));
        let view = ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!(view.state, State::Succeeded);
        assert_eq!(view.why, "our own books could not be written: no end within a lease, 1s");
        assert_eq!(shop.order().await, (0, "pending".to_owned()), "it was rolled back");
    }

    async fn what_waits_is_counted_however_much_of_other_programs_waits_longer(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        for order in 1..=3 {
            shop.record::<late>(order, 500).await;
        }
        DB::run(&db, "UPDATE resil_intents SET state = 'MANUAL', due = NULL WHERE subject = '1'").await;
        DB::run(&db, "UPDATE resil_intents SET state = 'UNKNOWN', due = due + 3600000 WHERE subject = '2'").await;
        for (subject, from) in [("1", 0), ("2", 20_000)] {
            let others = format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {from} + 10099)
                INSERT INTO resil_intents (id, key, op, version, subject, arguments, fingerprint, settle, state, attempts, panics,
                    epoch, due, why, history, recorded)
                SELECT CAST(n AS TEXT), CAST(n AS TEXT), 'of another program', 1, CAST(n AS TEXT), '', '', 0, state, 0, 0,
                    0, due - 7200000, '', '', 0 FROM numbers, resil_intents WHERE subject = '{subject}' AND op = 'late'"
            );
            DB::run_text(&db, &others).await;
        }
        let seen = || resil::registry().backlogs().ledger;
        let mut told = Vec::new();
        let looked = async {
            while seen().seen.is_none() {
                tokio::task::yield_now().await;
            }
            told = seen().intents.into_iter().filter(|one| one.operation == "late" && one.number > 0).collect();
        };
        shop.ledger.reconciler().run(looked).await;
        let mut told: Vec<_> = told.into_iter().map(|one| (one.state, one.number)).collect();
        told.sort_unstable();
        assert_eq!(told, [("MANUAL", 1), ("RECORDED", 1), ("UNKNOWN", 1)]);
    }

    async fn what_waits_is_seen_by_a_reconciler_and_told_without_a_question(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let all = || resil::registry().backlogs().ledger;
        let line = |state: &str| {
            let found = all().intents.into_iter().find(|one| (one.operation, one.state) == ("late", state));
            found.map(|one| (one.number, one.oldest.map(|age| age.as_secs() / 60)))
        };
        assert_eq!(all().seen, None);
        assert_eq!([line("MANUAL"), line("UNKNOWN"), line("APPLIED")], [Some((0, None)), Some((0, None)), None]);
        for order in 1..=4 {
            shop.record::<late>(order, 500).await;
        }
        DB::run(&db, "UPDATE resil_intents SET state = 'MANUAL', due = NULL, recorded = recorded - 3600000 WHERE subject = '1'").await;
        DB::run(&db, "UPDATE resil_intents SET state = 'UNKNOWN', recorded = recorded - 7200000 WHERE subject = '2'").await;
        DB::run(&db, "UPDATE resil_intents SET op = 'of another program' WHERE subject = '3'").await;
        let looked = async || {
            while all().seen.is_none() {
                tokio::task::yield_now().await;
            }
        };
        let needs_one = async {
            looked().await;
            let seen = ["RECORDED", "UNKNOWN", "MANUAL", "CALLING"].map(|state| line(state).unwrap());
            assert_eq!(seen, [(1, Some(0)), (1, Some(120)), (1, Some(60)), (0, None)]);
            assert!(all().intents.iter().all(|one| one.operation != "of another program"), "a label is the program's");
            let health = resil::health();
            assert_eq!((health.is_well(), &*health.to_string()), (false, "ledger `late`: 1 need an operator"));
        };
        shop.ledger.reconciler().run(needs_one).await;
        assert_eq!((all().seen, line("MANUAL")), (None, Some((0, None))), "nobody looks any more");

        DB::run(&db, "UPDATE resil_intents SET state = 'APPLIED' WHERE state = 'MANUAL'").await;
        let is_well = async {
            looked().await;
            assert_eq!(line("MANUAL"), Some((0, None)));
            assert!(resil::health().is_well());
        };
        shop.ledger.reconciler().run(is_well).await;
    }
}

#[durable(db = [Sqlite, Postgres], op = "hanging", per = order, applied = hang)]
async fn hanging(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

async fn hang<DB: Shop>(tx: &mut Tx<DB>, order: i64, _won: u64, _receipt: &u64) -> Result<(), BooksError> {
    DB::set(tx, order, "paid").await?;
    std::future::pending().await
}
