//! Workers that wait, are dropped, stop, or are overtaken.

use super::*;
use resil::ledger::LedgerEvent;

on_both_databases! {
    async fn no_connection_is_held_while_the_partner_is_asked(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostAfter])).await;
        let (pool, seen) = (db.clone(), Arc::new(Mutex::new(Vec::new())));
        let notes = Arc::clone(&seen);
        shop.partner.watch(move |what| notes.lock().unwrap().push(what.to_owned()));
        // A connection goes back to the pool some moments after it was let go of; one that is held does not.
        shop.partner.withholds_until(move || {
            let pool = pool.pool().unwrap();
            usize::try_from(pool.size()).unwrap() == pool.num_idle()
        });
        let driven = async |order: i64, won: u64| {
            let intent = shop.record::<verified>(order, won).await;
            let driven = tokio::time::timeout(Duration::from_secs(10), shop.ledger.drive(&intent)).await;
            assert!(driven.is_ok(), "a connection is held while the partner is asked");
            driven.unwrap().unwrap()
        };
        assert_eq!(driven(7, 500).await, Outcome::Applied(500));
        assert!(matches!(driven(8, REFUSED_HERE).await, Outcome::Compensated(_)));
        assert_eq!(*seen.lock().unwrap(), ["call", "check", "call", "cancel"]);
    }

    async fn a_drive_that_is_dropped_goes_on(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        let mut events = resil::registry().subscribe();
        let (ours, theirs) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let inside = Arc::clone(&ours);
        shop.partner.watch(move |_call| inside.notify_one());
        tokio::select! {
            biased;
            _ = shop.ledger.drive(&intent) => unreachable!("the partner has notified before"),
            () = ours.notified() => {}
        }
        drop(theirs);
        while !matches!(events.next().await, Event::Ledger(LedgerEvent::Moved { to: State::Applied, .. })) {}
        assert_eq!((shop.order().await, shop.partner.book().calls), ((1, "paid".to_owned()), 1));
    }

    async fn a_clock_that_jumped_loses_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::LostBefore])).await;
        let intent = shop.record::<verified>(7, 500).await;
        assert_eq!(shop.ledger.drive(&intent).await.unwrap(), Outcome::InDoubt(intent.id()));
        // It was in the year 2099 when these were written, and is back now.
        DB::run(&db, "UPDATE resil_intents SET due = 4090000000000, scheduled = 4089999999990, called = 4089999999900,
            since = 4089999999900, doubt_until = 4090000000000").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        assert_eq!(shop.partner.entry().applied, 1);
    }

    async fn many_reconcilers_double_nothing(db) {
        const INTENTS: u32 = 120;
        let ways = (0..INTENTS).map(|number| match number % 6 {
            0 => Way::LostAfter,
            1 => Way::LostBefore,
            2 => Way::Broken,
            3 => Way::Refuses,
            4 => Way::Busy,
            _ => Way::Ok,
        });
        let shop = Fixture::new(&db, Partner::new(Skill::Status, ways)).await;
        for order in 0..i64::from(INTENTS) {
            shop.record::<verified>(order, 500).await;
        }
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let mut events = resil::registry().subscribe();
        let (end, ends) = tokio::sync::watch::channel(false);
        let all: Vec<_> = (0..8)
            .map(|_| {
                let mut ends = ends.clone();
                let reconciler = shop.ledger.reconciler().poll(Duration::from_millis(2)).concurrency(4);
                tokio::spawn(reconciler.run(async move { _ = ends.wait_for(|ends| *ends).await; }))
            })
            .collect();
        let mut ended = 0;
        while ended < INTENTS {
            match events.next().await {
                Event::Ledger(LedgerEvent::Moved { to, .. }) if to.is_final() => ended += 1,
                Event::Ledger(LedgerEvent::Moved { to: State::Manual, id, .. }) => panic!("{id} in MANUAL"),
                Event::Missed(_) => panic!("too many events for one test"),
                _ => {}
            }
        }
        end.send(true).unwrap();
        let mut lost = 0;
        for one in all {
            lost += one.await.unwrap().lost;
        }
        assert_eq!(lost, 0);
        let book = shop.partner.book();
        assert!(book.entries.values().all(|entry| entry.applied == 1), "nothing is doubled: {book:?}");
        let paid = DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'paid' AND changes = 1").await;
        let failed = DB::number(&db, "SELECT count(*) FROM orders WHERE state = 'failed' AND changes = 1").await;
        assert_eq!(paid, i64::try_from(book.entries.len()).unwrap(), "both books agree");
        assert_eq!(paid + failed, i64::from(INTENTS));
    }

    async fn a_worker_that_was_overtaken_changes_nothing(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Refuses])).await;
        let intent = shop.record::<verified>(7, 500).await;
        let (arrived, answer) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Semaphore::new(0)));
        let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answer));
        let first = AtomicU32::new(0);
        shop.partner.watch(move |what| if what == "call" { tells.notify_one() });
        // Only the first call is withheld.
        shop.partner.withholds_until(move || first.load(Ordering::Relaxed) > 0 || {
            let opens = gate.available_permits() > 0;
            first.store(u32::from(opens), Ordering::Relaxed);
            opens
        });
        let overtaken = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        // The clock has jumped: for the database the lease is over, and for the worker it is not.
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let other = Partner::new(Skill::Status, []);
        let elsewhere = Ledger::on(db.clone()).partial().operation::<verified>().provide(Arc::clone(&other));
        let elsewhere = Fixture { db: db.clone(), partner: other, ledger: elsewhere.open().await.unwrap() };
        elsewhere.rests(intent.id()).await;
        answer.add_permits(1);
        assert_eq!(overtaken.await.unwrap().unwrap(), Outcome::Applied(500), "what the other one has written");
        assert_eq!((shop.order().await, elsewhere.partner.entry().applied), ((1, "paid".to_owned()), 1));
        let history = shop.ledger.find(intent.id()).await.unwrap().unwrap().history.to_string();
        assert!(!history.contains("402"), "{history}");
    }

    async fn a_worker_that_was_overtaken_does_not_disturb_another_call(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Refuses])).await;
        let intent = shop.record::<verified>(7, 500).await;
        let (arrived, answers) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicU32::new(0)));
        let (tells, gate) = (Arc::clone(&arrived), Arc::clone(&answers));
        shop.partner.watch(move |_call| tells.notify_one());
        shop.partner.withholds_until(move || gate.load(Ordering::Relaxed) > 0);
        let overtaken = tokio::spawn({
            let (ledger, intent) = (shop.ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        arrived.notified().await;
        // Others have had it since, and the last of them is calling now: the state is the same, the lease another.
        DB::run(&db, "UPDATE resil_intents SET epoch = epoch + 2").await;
        answers.store(1, Ordering::Relaxed);
        assert_eq!(overtaken.await.unwrap().unwrap(), Outcome::InDoubt(intent.id()));
        let now = shop.ledger.find(intent.id()).await.unwrap().unwrap();
        assert_eq!(now.state, State::Calling, "{}", now.history);
        assert_eq!(shop.order().await, (0, "pending".to_owned()));
    }

    async fn a_stop_lets_what_is_under_way_end(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Neither, [])).await;
        let intent = shop.record::<manual>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let called = Arc::new(tokio::sync::Notify::new());
        let tells = Arc::clone(&called);
        shop.partner.watch(move |_call| tells.notify_one());
        let done = shop.ledger.reconciler().run(async move { called.notified().await }).await;
        assert_eq!((done.claimed, done.lost, done.failed), (1, 0, 0));
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
    }

    async fn what_is_cut_off_is_in_doubt_and_found_again(db) {
        let shop = Fixture::new(&db, Partner::new(Skill::Status, [Way::Hangs])).await;
        let intent = shop.record::<verified>(7, 500).await;
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        let called = Arc::new(tokio::sync::Notify::new());
        let tells = Arc::clone(&called);
        shop.partner.watch(move |what| if what == "call" { tells.notify_one() });
        let hurried = shop.ledger.reconciler().grace(Duration::ZERO);
        hurried.run(async move { called.notified().await }).await;
        assert_eq!(shop.ledger.find(intent.id()).await.unwrap().unwrap().state, State::Calling);
        // Its lease is over.
        DB::run(&db, "UPDATE resil_intents SET due = 0").await;
        shop.rests(intent.id()).await;
        assert_eq!(shop.ledger.outcome(&intent).await.unwrap(), Outcome::Applied(500));
        let states = shop.states(intent.id()).await;
        assert!(states.contains(&State::Unknown), "the worker was lost: {states:?}");
        assert_eq!((shop.order().await, shop.partner.entry().applied), ((1, "paid".to_owned()), 1));
    }
}

/// A worker holds one connection at a time, so a pool of one is enough for it.
#[tokio::test]
async fn a_pool_of_one_connection_is_enough() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10));
        let one = Db::new(pool.connect_with(options).await.unwrap());
        let shop = Fixture::new(&one, Partner::new(Skill::Status, [Way::LostBefore])).await;
        assert!(matches!(shop.reconciled::<verified>(REFUSED_HERE).await, Outcome::Compensated(_)));
        assert_eq!((shop.order().await, shop.partner.entry().cancelled), ((1, "failed".to_owned()), true));
    })
    .await;
}

/// What the partner has answered is kept in memory until there is room for it.
#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let _scope = resil::testing::isolated();
    support::sqlite(async |db| {
        let options = (*db.pool().unwrap().connect_options()).clone();
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let one = Db::new(pool.connect_with(options.clone()).await.unwrap());
        // A receipt that needs room.
        #[durable(db = Sqlite, op = "large", applied = kept)]
        async fn large(partner: &Partner, order: i64, won: u64, key: &IdempotencyKey) -> Result<String, PartnerError> {
            partner.charge(won, key).await.map(|won| won.to_string().repeat(100_000))
        }
        async fn kept(tx: &mut Tx<Sqlite>, order: i64, _won: u64, _receipt: &String) -> Result<(), sqlx::Error> {
            Sqlite::set(tx, order, "paid").await
        }
        let partner = Partner::new(Skill::Neither, []);
        Sqlite::create(&one).await;
        // The connection in reserve, if it is ever made, has no more room.
        one.pool().unwrap().set_connect_options(options.pragma("max_page_count", "40"));
        let ledger = Ledger::on(one.clone()).operation::<large>().provide(Arc::clone(&partner)).partial();
        let ledger = ledger.open().await.unwrap();
        let intent = one.transaction(async |tx| {
            Sqlite::insert(tx, 7).await?;
            Ok::<_, Failed>(large::record(tx, 7, 500).await?)
        });
        let intent = intent.await.unwrap();
        let mut events = resil::registry().subscribe();
        let (full, room) = ("PRAGMA max_page_count = 40", "PRAGMA max_page_count = 100000");
        Sqlite::run(&one, full).await;
        let driven = tokio::spawn({
            let (ledger, intent) = (ledger.clone(), intent.clone());
            async move { ledger.drive(&intent).await }
        });
        loop {
            if let Event::Ledger(LedgerEvent::Unreachable { why }) = events.next().await {
                assert!(why.contains("database or disk is full"), "{why}");
                break;
            }
        }
        assert_eq!(ledger.find(intent.id()).await.unwrap().unwrap().state, State::Calling, "what is known is so");
        Sqlite::run(&one, room).await;
        assert!(matches!(driven.await.unwrap().unwrap(), Outcome::Applied(receipt) if receipt.len() == 300_000));
        assert_eq!((Sqlite::order(&one, 7).await, partner.book().calls), ((1, "paid".to_owned()), 1));
    })
    .await;
}
