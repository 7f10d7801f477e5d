//! Many intents at once: their moves in one statement, their books in one transaction, and what one of them does harms none of
//! the others.

use super::support::{dropped_after, lossy};
use super::*;
use resil::ledger::LedgerEvent;

#[durable(
    db = [Sqlite, Postgres], op = "together", per = order, applied = booked, undone = failed, base = "2ms", max = "10ms",
    attempts = 5, in_doubt = manual
)]
async fn together(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<u64, PartnerError> {
    partner.charge(won, key).await
}

/// The amounts say what our own books do.
const WELL: u64 = 500;
const FAILS: u64 = 601;
const PANICS: u64 = 602;
const HANGS: u64 = 603;
const COMMITS: u64 = 604;
const ROLLS_BACK: u64 = 605;
const BEGINS_ANEW: u64 = 606;
const BREAKS_A_DEFERRED_CONSTRAINT: u64 = 607;
const HIDES_AN_ERROR: u64 = 608;
const LEAVES_A_SAVEPOINT: u64 = 609;
const OVERTAKES_THE_NEXT: u64 = 610;
const COUNTS_BY_PARITY: u64 = 611;

async fn booked<DB: Shop>(tx: &mut Tx<DB>, order: i64, won: u64, _receipt: &u64) -> Result<(), BooksError> {
    DB::set(tx, order, "paid").await?;
    match won {
        FAILS => Err(BooksError::Sql(sqlx::Error::PoolTimedOut)),
        PANICS => panic!("our own books have a bug"),
        HANGS => std::future::pending().await,
        COMMITS => Ok(DB::execute(tx, "COMMIT").await?),
        ROLLS_BACK => Ok(DB::execute(tx, "ROLLBACK").await?),
        BEGINS_ANEW => Ok(DB::execute(tx, "COMMIT; BEGIN").await?),
        BREAKS_A_DEFERRED_CONSTRAINT => Ok(DB::execute(tx, "INSERT INTO children VALUES (1)").await?),
        HIDES_AN_ERROR => {
            _ = DB::execute(tx, "SELECT * FROM nowhere").await;
            Ok(())
        }
        LEAVES_A_SAVEPOINT => {
            let half_way = tx.savepoint(async |tx| {
                DB::set(tx, order, "half way").await?;
                std::future::pending::<Result<(), Failed>>().await
            });
            _ = dropped_after(20, half_way).await;
            Ok(())
        }
        OVERTAKES_THE_NEXT => {
            let next = format!("UPDATE resil_intents SET epoch = epoch + 2 WHERE subject = '{}'", order + 1);
            Ok(DB::execute(tx, &next).await?)
        }
        COUNTS_BY_PARITY => {
            let count = format!("UPDATE counts SET number = number + 1 WHERE id = {}", order % 2);
            Ok(DB::execute(tx, &count).await?)
        }
        _ => Ok(()),
    }
}

/// A shop with one operation.
async fn open<DB: Shop>(db: &Db<DB>, partner: &Arc<Partner>) -> Ledger<DB>
where
    together: Operation<DB>,
{
    let ledger = Ledger::on(db.clone()).partial().operation::<together>().provide(Arc::clone(partner));
    ledger.lease(Duration::from_secs(4)).open().await.unwrap()
}

async fn record<DB: Shop>(db: &Db<DB>, orders: impl IntoIterator<Item = (i64, u64)>) -> Vec<Intent<together>>
where
    together: Operation<DB, Arguments = (i64, u64)>,
{
    let recorded = db.transaction(async |tx| {
        let mut all = Vec::new();
        for (order, won) in orders {
            DB::insert(tx, order).await?;
            all.push(resil::ledger::record(tx, Some(order.to_string()), &(order, won)).await?);
        }
        // Due in the order they were recorded in.
        DB::execute(tx, "UPDATE resil_intents SET due = CAST(subject AS INTEGER) WHERE epoch = 0").await?;
        Ok::<_, Failed>(all)
    });
    recorded.await.unwrap()
}

/// Reconciles until so many of these are applied.
async fn applied<DB: Shop>(ledger: &Ledger<DB>, intents: &[&Intent<together>])
where
    together: Operation<DB>,
{
    let mut events = resil::registry().subscribe();
    let mut left: Vec<_> = intents.iter().map(|intent| intent.id()).collect();
    let all = async {
        while !left.is_empty() {
            match events.next().await {
                Event::Ledger(LedgerEvent::Moved { to: State::Applied, id, .. }) => left.retain(|one| *one != id),
                Event::Missed(_) => panic!("too many events for one test"),
                _ => {}
            }
        }
    };
    let grace = Duration::ZERO;
    let run = ledger.reconciler().poll(Duration::from_millis(2)).concurrency(64).grace(grace).run(all);
    let ran = tokio::time::timeout(Duration::from_secs(60), Box::pin(run)).await;
    assert!(ran.is_ok(), "nobody is held up");
}

/// How often something of this name had a connection.
fn held<DB: Backend>(db: &Db<DB>, what: &str) -> u64 {
    db.held().iter().filter(|held| held.began.site.function == what).map(|held| held.ended).sum()
}

/// One of twenty behaves like this, and all others are paid once.
async fn harms_nobody<DB: Shop>(db: &Db<DB>, amounts: &[u64])
where
    together: Operation<DB, Arguments = (i64, u64), Receipt = u64>,
{
    DB::create(db).await;
    DB::run(
        db,
        "CREATE TABLE parents (id BIGINT PRIMARY KEY);
         CREATE TABLE children (parent BIGINT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let partner = Partner::new(Skill::Neither, []);
    for (number, won) in (0..).zip(amounts) {
        // As after a start: no failure is known yet.
        let ledger = open(db, &partner).await;
        let bad = 100 * number + 7;
        let orders = (100 * number..100 * number + 20).map(|order| (order, if order == bad { *won } else { WELL }));
        let intents = record(db, orders).await;
        let others: Vec<_> = intents.iter().enumerate().filter(|(at, _)| *at != 7).map(|(_, intent)| intent).collect();
        applied(&ledger, &others).await;
        for (at, intent) in (100 * number..).zip(&intents) {
            if at != bad {
                assert_eq!(DB::order(db, at).await, (1, "paid".to_owned()), "order {at} beside {won}");
                assert_eq!(ledger.outcome(intent).await.unwrap(), Outcome::Applied(WELL));
            }
        }
        DB::run(db, "UPDATE resil_intents SET due = NULL").await;
    }
    assert!(partner.book().entries.values().all(|entry| entry.applied == 1));
}

on_both_databases! {
    async fn many_intents_take_three_commits(db) {
        DB::create(&db).await;
        let partner = Partner::new(Skill::Neither, []);
        let ledger = open(&db, &partner).await;
        record(&db, (0..16).map(|order| (order, WELL))).await;
        let (statements, books) = ("a statement of resil", "the ledger's books");
        let before = held(&db, statements);
        let done = ledger.reconciler().run_once().await.unwrap();
        assert_eq!((done.claimed, done.lost, done.failed), (16, 0, 0));
        // It looks for what is unknown, and for a clock that was set back; claims, once more in vain; and writes all moves.
        assert_eq!(held(&db, statements) - before, 5);
        assert_eq!(held(&db, books), 1, "one transaction with all of our own books");
        for order in 0..16 {
            assert_eq!(DB::order(&db, order).await, (1, "paid".to_owned()));
        }
        assert_eq!(partner.book().calls, 16);
    }

    async fn drives_in_line_come_together_too(db) {
        DB::create(&db).await;
        let ledger = open(&db, &Partner::new(Skill::Neither, [])).await;
        let intents = record(&db, (0..8).map(|order| (order, WELL))).await;
        let all = futures_util::future::join_all(intents.iter().map(|intent| ledger.drive(intent))).await;
        assert!(all.into_iter().all(|outcome| outcome.unwrap() == Outcome::Applied(WELL)));
        assert!(held(&db, "the ledger's books") < 8, "{:?}", db.held());
    }

    async fn a_failure_in_our_own_books_harms_nobody_else(db) {
        harms_nobody(&db, &[FAILS, PANICS]).await;
    }

    async fn books_that_hang_hold_nobody_up(db) {
        harms_nobody(&db, &[HANGS]).await;
    }

    async fn a_transaction_that_is_ended_by_hand_takes_nobody_along(db) {
        harms_nobody(&db, &[COMMITS, ROLLS_BACK, BEGINS_ANEW]).await;
        assert_eq!(DB::order(&db, 7).await, (1, "paid".to_owned()), "what was committed is not written twice");
    }

    async fn what_the_commit_finds_fault_with_harms_nobody_else(db) {
        harms_nobody(&db, &[BREAKS_A_DEFERRED_CONSTRAINT, HIDES_AN_ERROR, LEAVES_A_SAVEPOINT]).await;
    }

    async fn one_whose_lease_is_lost_writes_nothing_and_the_others_do(db) {
        DB::create(&db).await;
        let partner = Partner::new(Skill::Neither, []);
        let ledger = open(&db, &partner).await;
        let lost = 3;
        record(&db, (0..10).map(|order| (order, if order == lost - 1 { OVERTAKES_THE_NEXT } else { WELL }))).await;
        let done = ledger.reconciler().run_once().await.unwrap();
        assert_eq!((done.claimed, done.lost, done.failed), (10, 1, 0));
        assert_eq!(held(&db, "the ledger's books"), 1);
        for order in 0..10 {
            let (changes, state) = if order == lost { (0, "pending") } else { (1, "paid") };
            assert_eq!(DB::order(&db, order).await, (changes, state.to_owned()), "order {order}");
        }
        assert_eq!(DB::number(&db, "SELECT count(*) FROM resil_intents WHERE state = 'SUCCEEDED'").await, 1);
    }

    async fn one_that_was_overtaken_while_it_called_is_not_told_of_anothers_move(db) {
        DB::create(&db).await;
        let partner = Partner::new(Skill::Neither, []);
        let ledger = open(&db, &partner).await;
        let intents = record(&db, (0..4).map(|order| (order, WELL))).await;
        let called = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&called);
        partner.watch(move |_| _ = counts.fetch_add(1, Ordering::Relaxed));
        let all_called = Arc::clone(&called);
        // Those four, and one of them once more.
        partner.withholds_until(move || all_called.load(Ordering::Relaxed) == 5);
        let drive = |intent: &Intent<together>| {
            let (ledger, intent) = (ledger.clone(), intent.clone());
            tokio::spawn(async move { ledger.drive(&intent).await })
        };
        let firsts: Vec<_> = intents.iter().map(drive).collect();
        while called.load(Ordering::Relaxed) < 4 {
            tokio::task::yield_now().await;
        }
        // A failover has lost the claim of the third, and it is claimed anew: both answers come at once.
        DB::run(&db, "UPDATE resil_intents SET state = 'RECORDED', attempts = 0, epoch = 0, due = 0 WHERE subject = '2'").await;
        let second = drive(&intents[2]);
        assert_eq!(second.await.unwrap().unwrap(), Outcome::Applied(WELL));
        for (at, first) in firsts.into_iter().enumerate() {
            let outcome = first.await.unwrap().unwrap();
            assert!(outcome == Outcome::Applied(WELL) || at == 2, "{outcome:?}");
        }
        for order in 0..4 {
            assert_eq!(DB::order(&db, order).await, (1, "paid".to_owned()));
        }
        let history = ledger.find(intents[2].id()).await.unwrap().unwrap().history;
        let moves = history.entries().iter().filter(|entry| entry.state == Some(State::Succeeded)).count();
        assert_eq!(moves, 1, "{history}");
    }

    async fn a_lost_answer_to_the_moves_of_many_is_found_again_by_each(db) {
        DB::create(&db).await;
        let partner = Partner::new(Skill::Neither, []);
        let ledger = open(&db, &partner).await;
        let intents = record(&db, (0..10).map(|order| (order, WELL))).await;
        resil::testing::lose_answers("moves.m1", 1);
        let done = ledger.reconciler().run_once().await.unwrap();
        assert_eq!((done.claimed, done.lost, done.failed), (10, 0, 0));
        for (order, intent) in (0..).zip(&intents) {
            assert_eq!(DB::order(&db, order).await, (1, "paid".to_owned()));
            let states = [State::Recorded, State::Calling, State::Succeeded, State::Applied];
            let view = ledger.find(intent.id()).await.unwrap().unwrap();
            assert_eq!(view.history.entries().iter().filter_map(|entry| entry.state).collect::<Vec<_>>(), states);
        }
        assert_eq!(partner.book().calls, 10);
    }

    async fn a_worker_that_is_dropped_at_any_moment_loses_and_doubles_nothing(db) {
        DB::create(&db).await;
        let partner = Partner::new(Skill::Deduplicates, []);
        let ledger = Ledger::on(db.clone()).partial().operation::<repeated>().provide(Arc::clone(&partner));
        let ledger = ledger.open().await.unwrap();
        for polls in 0..14 {
            let orders = 10 * polls..10 * polls + 4;
            for order in orders.clone() {
                let recorded = db.transaction(async |tx| {
                    DB::insert(tx, order).await?;
                    Ok::<_, Failed>(resil::ledger::record::<_, repeated>(tx, Some(order.to_string()), &(order, WELL)).await?)
                });
                recorded.await.unwrap();
            }
            DB::run(&db, "UPDATE resil_intents SET due = 0 WHERE due IS NOT NULL").await;
            dropped_after(polls, Box::pin(ledger.reconciler().run_once())).await.transpose().unwrap();
            while DB::number(&db, "SELECT count(*) FROM resil_intents WHERE due IS NOT NULL").await > 0 {
                DB::run(&db, "UPDATE resil_intents SET due = 0, doubt_until = doubt_until - 1000 WHERE due IS NOT NULL").await;
                ledger.reconciler().run_once().await.unwrap();
            }
            for order in orders {
                assert_eq!(DB::order(&db, order).await, (1, "paid".to_owned()), "dropped after {polls} polls");
            }
        }
        assert!(partner.book().entries.values().all(|entry| entry.applied == 1));
    }

    async fn two_workers_whose_books_meet_in_the_same_rows_both_get_on(db) {
        DB::create(&db).await;
        DB::run(&db, "CREATE TABLE counts (id BIGINT, number BIGINT); INSERT INTO counts VALUES (0, 0), (1, 0)").await;
        let partner = Partner::new(Skill::Neither, []);
        let (one, other) = (open(&db, &partner).await, open(&db, &partner).await);
        // Odd and even ones in turn, which two groups lock in another order.
        let intents = record(&db, (0..61).map(|order| (order, COUNTS_BY_PARITY))).await;
        let concurrency = |ledger: &Ledger<DB>| tokio::spawn(ledger.reconciler().concurrency(7).run_once());
        let all = [concurrency(&one), concurrency(&other)];
        for done in all {
            done.await.unwrap().unwrap();
        }
        applied_by_now(&one, &intents).await;
        assert_eq!(DB::number(&db, "SELECT CAST(sum(number) AS BIGINT) FROM counts").await, 61, "each once");
    }
}

/// What a failed group has put off comes later.
async fn applied_by_now<DB: Shop>(ledger: &Ledger<DB>, intents: &[Intent<together>])
where
    together: Operation<DB, Receipt = u64>,
{
    for intent in intents {
        while ledger.outcome(intent).await.unwrap() != Outcome::Applied(COUNTS_BY_PARITY) {
            ledger.reconciler().run_once().await.unwrap();
        }
    }
}

/// What became of the transaction of many is read again by each; and one connection is enough for all of it.
#[tokio::test]
#[ignore = "needs RESIL_TEST_POSTGRES_URL"]
async fn a_lost_commit_of_the_books_of_many_is_found_again_by_each() {
    let _scope = resil::testing::isolated();
    for lost in [lossy::Lost::Commit, lossy::Lost::Answer] {
        support::postgres(async |db| {
            Postgres::create(&db).await;
            let partner = Partner::new(Skill::Neither, []);
            let lossy = lossy::through(lost, 1, &db).await;
            let ledger = open(&lossy, &partner).await;
            let intents = record(&db, (0..10).map(|order| (order, WELL))).await;
            applied(&ledger, &intents.iter().collect::<Vec<_>>()).await;
            for order in 0..10 {
                assert_eq!(Postgres::order(&db, order).await, (1, "paid".to_owned()));
            }
            assert_eq!(partner.book().calls, 10);
        })
        .await;
    }
}

#[tokio::test]
async fn one_connection_is_enough_for_many() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10));
        let one = Db::new(pool.connect_with(options).await.unwrap());
        harms_nobody(&one, &[WELL, FAILS]).await;
    })
    .await;
}
