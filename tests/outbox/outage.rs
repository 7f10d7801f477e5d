//! A handler that is away, and a message that is poison.

use super::*;
use resil::outbox::OutboxEvent;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// A handler that fails so, as long as it is told to.
fn fails_with<DB: Backend>(
    db: &Db<DB>,
    is_away: &Arc<std::sync::atomic::AtomicBool>,
    error: impl Fn() -> Boxed + Send + Sync + 'static,
) -> Relay<DB> {
    let is_away = Arc::clone(is_away);
    let relay = Outbox::on(db.clone())
        .relay()
        .any(move |_| std::future::ready(if is_away.load(Ordering::Relaxed) { Err(error()) } else { Ok(()) }));
    relay.base(Duration::from_millis(1)).max(Duration::from_millis(2)).attempts(3)
}

/// Until so many attempts have failed.
async fn failures(events: &mut resil::Events, number: usize) {
    let mut failed = 0;
    while failed < number {
        failed += usize::from(matches!(events.next().await, Event::Outbox(OutboxEvent::Failed { .. })));
    }
}

on_both_databases! {
    async fn errors_that_nobody_has_classified_set_no_backlog_aside(db) {
        db.migrate().await.unwrap();
        record(&db, None, &(0..60).collect::<Vec<_>>()).await;
        let mut events = resil::registry().subscribe();
        let (is_away, stop) = (Arc::new(true.into()), Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let relay = fails_with(&db, &is_away, || "the broker's client has no words for it".into());
        let relay = tokio::spawn(relay.run(async move { stopped.notified().await }));
        failures(&mut events, 300).await;
        assert_eq!(Outbox::on(db.clone()).backlog().await.unwrap().set_aside, 0);
        is_away.store(false, Ordering::Relaxed);
        while waiting(&db).await > 0 {
            tokio::task::yield_now().await;
        }
        stop.notify_one();
        let done = relay.await.unwrap();
        assert_eq!((done.delivered, done.set_aside), (60, 0));
    }

    async fn what_fails_while_others_are_delivered_is_set_aside(db) {
        db.migrate().await.unwrap();
        let consumer = Consumer::new();
        record(&db, None, &[1]).await;
        consumer.goes("1", &[Way::Passing; 1000]);
        let (outbox, stop) = (Outbox::on(db.clone()), Notify::new());
        let runs = relay(&db, &consumer).base(Duration::from_millis(1)).run(async { stop.notified().await });
        tokio::join!(runs, async {
            let mut number = 1;
            while outbox.backlog().await.unwrap().set_aside == 0 {
                number += 1;
                record(&db, None, &[number]).await;
            }
            stop.notify_one();
        });
        let aside = Outbox::on(db.clone()).set_aside(10).await.unwrap();
        assert_eq!((aside.len(), aside[0].message.payload.as_str(), aside[0].why.as_str()), (1, "1", "the consumer fails"));
    }

    async fn an_outage_is_given_up_where_that_is_told(db) {
        db.migrate().await.unwrap();
        record(&db, None, &[1, 2]).await;
        let is_away = Arc::new(true.into());
        let relay = fails_with(&db, &is_away, || std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        let relay = relay.give_up(Duration::ZERO);
        while Outbox::on(db.clone()).backlog().await.unwrap().waiting > 0 {
            relay.run_once().await.unwrap();
        }
        let aside = Outbox::on(db.clone()).set_aside(10).await.unwrap();
        assert_eq!((aside.len(), aside[0].message.attempt), (2, 1));
    }

    async fn one_handler_that_is_away_holds_up_no_other(db) {
        db.migrate().await.unwrap();
        for number in 0..20 {
            db.transaction(async |tx| {
                tx.outbox("away", &number).await?;
                tx.outbox("well", &number).await
            })
            .await
            .unwrap();
        }
        let away = |_: Message| std::future::ready(Err::<(), _>(Fails(Verdict::transient())));
        let relay = Outbox::on(db.clone()).relay().on("away", away).on("well", |_| std::future::ready(Ok::<_, Error>(())));
        let done = relay.concurrency(4).run_once().await.unwrap();
        assert_eq!((done.delivered, done.set_aside), (20, 0));
        assert!((1..=8).contains(&done.failed), "it is left alone after a few attempts: {done:?}");
    }

    async fn what_our_own_policies_refuse_never_counts(db) {
        db.migrate().await.unwrap();
        let refused = |_: Message| std::future::ready(Err::<(), _>(Fails(Verdict::refused())));
        let relay = Outbox::on(db.clone()).relay().on("numbers", refused).on("well", |_| std::future::ready(Ok::<_, Error>(())));
        let relay = relay.attempts(1).base(Duration::ZERO).max(Duration::ZERO);
        record(&db, None, &[1]).await;
        let mut events = resil::registry().subscribe();
        let stop = Notify::new();
        let runs = relay.run(async { stop.notified().await });
        let (done, ()) = tokio::join!(runs, async {
            failures(&mut events, 10).await;
            stop.notify_one();
        });
        assert_eq!(done.set_aside, 0);
    }

    /// A handler that panics while it is dropped, because it was cut off; one whose error does; and one that throws what
    /// panics.
    async fn a_destructor_that_panics_is_poison_like_any_other(db) {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                assert!(std::thread::panicking(), "a destructor has a bug");
            }
        }
        struct Late(Bomb);
        impl Classify for Late {
            fn verdict(&self) -> Verdict {
                Verdict::transient()
            }
        }
        impl std::fmt::Display for Late {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("too late")
            }
        }
        db.migrate().await.unwrap();
        record(&db, None, &[0, 1, 2, 3]).await;
        let relay = Outbox::on(db.clone()).relay().any(|message: Message| async move {
            match &*message.payload {
                "0" => {
                    let _bomb = Bomb;
                    std::future::pending().await
                }
                "1" => Err(Late(Bomb)),
                "2" => std::panic::panic_any(Bomb),
                _ => Ok(()),
            }
        });
        let relay = relay.lease(Duration::from_millis(400)).base(Duration::ZERO).attempts(2);
        let done = relay.run_once().await.unwrap();
        assert_eq!((done.delivered, done.set_aside), (1, 3), "{done:?}");
        let whys: BTreeMap<_, _> =
            Outbox::on(db.clone()).set_aside(10).await.unwrap().into_iter().map(|one| (one.message.payload, one.why)).collect();
        assert_eq!(whys["0"], "no end within 200ms, and then a destructor panicked: a destructor has a bug");
        assert_eq!(whys["1"], "the handler panicked: a destructor has a bug");
        assert_eq!(whys["2"], "the handler panicked: without a text");
    }
}
