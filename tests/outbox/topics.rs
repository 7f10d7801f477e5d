//! Relays take what they have a handler for.

use super::*;
use resil::outbox::OutboxEvent;

/// A handler that keeps the payloads it was handed.
fn keeps(
    taken: &Arc<Mutex<Vec<String>>>,
) -> impl Fn(Message) -> std::future::Ready<Result<(), Error>> + Send + Sync + 'static {
    let taken = Arc::clone(taken);
    move |message| {
        taken.lock().unwrap().push(message.payload);
        std::future::ready(Ok(()))
    }
}

async fn record_of<DB: Backend>(db: &Db<DB>, topic: &str, key: Option<&str>, events: std::ops::Range<u32>) {
    for event in events {
        let recorded = db.transaction(async |tx| {
            let recording = tx.outbox(topic, &event);
            match key {
                Some(key) => recording.ordered_by(key).await,
                None => recording.await,
            }
        });
        recorded.await.unwrap();
    }
}

on_both_databases! {
    async fn topics_without_a_handler_are_left_to_others_and_told(db) {
        db.migrate().await.unwrap();
        let mut events = resil::registry().subscribe();
        record_of(&db, "order.paid", None, 0..10).await;
        record_of(&db, "order.lost", Some("a"), 10..11).await;
        record_of(&db, "order.paid", Some("a"), 11..12).await;
        let (taken, stop) = (Arc::default(), Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let mine = Outbox::on(db.clone()).relay().on("order.failed", keeps(&taken));
        let runs = tokio::spawn(mine.run(async move { stopped.notified().await }));
        let mut told = HashSet::new();
        while told.len() < 2 {
            if let Event::Outbox(OutboxEvent::LeftToOthers { topic, .. }) = events.next().await {
                assert!(told.insert(topic), "it is told once a minute");
            }
        }
        assert_eq!(told, HashSet::from(["order.paid".to_owned(), "order.lost".to_owned()]));
        stop.notify_one();
        assert_eq!(runs.await.unwrap().delivered, 0);
        assert_eq!(waiting(&db).await, 12);

        // Its lane waits with it.
        let relay = Outbox::on(db.clone()).relay().on("order.paid", keeps(&taken)).on("order.failed", keeps(&taken));
        assert_eq!(relay.run_once().await.unwrap().delivered, 10);
        let lost = Arc::default();
        let relay = relay.on("order.lost", keeps(&lost));
        assert_eq!(relay.run_once().await.unwrap().delivered, 2);
        assert_eq!((lost.lock().unwrap().clone(), taken.lock().unwrap().len()), (vec!["10".to_owned()], 11));
    }

    async fn any_takes_everything_that_no_other_handler_takes(db) {
        db.migrate().await.unwrap();
        record_of(&db, "a", None, 0..3).await;
        record_of(&db, "b", Some("lane"), 3..6).await;
        record_of(&db, "c'; --", Some("lane"), 6..9).await;
        let (of_b, rest) = (Arc::default(), Arc::default());
        let relay = Outbox::on(db.clone()).relay().any(keeps(&rest)).on("b", keeps(&of_b));
        assert_eq!(relay.run_once().await.unwrap().delivered, 9);
        assert_eq!((of_b.lock().unwrap().len(), rest.lock().unwrap().len()), (3, 6));
        assert_eq!(rest.lock().unwrap()[3..], ["6", "7", "8"], "a lane stays in order across handlers");
    }

    async fn a_relay_without_handlers_takes_nothing(db) {
        db.migrate().await.unwrap();
        record_of(&db, "a", None, 0..3).await;
        let done = Outbox::on(db.clone()).relay().run_once().await.unwrap();
        assert_eq!((done.delivered, waiting(&db).await), (0, 3));
    }

    async fn the_last_handler_of_a_topic_counts(db) {
        db.migrate().await.unwrap();
        record_of(&db, "a", None, 0..2).await;
        let (first, second) = (Arc::default(), Arc::default());
        Outbox::on(db.clone()).relay().on("a", keeps(&first)).on("a", keeps(&second)).run_once().await.unwrap();
        assert_eq!((first.lock().unwrap().len(), second.lock().unwrap().len()), (0, 2));
    }

    async fn what_cannot_be_read_is_left_to_relays_that_started_later(db) {
        reads_later(&db, false).await;
        reads_later(&db, true).await;
    }
}

/// An older relay cannot read what a newer version has recorded. Its next attempt is an hour away.
async fn reads_later<DB: Sql>(db: &Db<DB>, takes_any: bool) {
    db.migrate().await.unwrap();
    record_of(db, "order.paid", Some("a"), 7..8).await;
    let hour = Duration::from_secs(3600);
    let decodes = |message: Message| std::future::ready(message.decode::<String>().map(drop));
    let mut events = resil::registry().subscribe();
    let (stop, taken) = (Arc::new(Notify::new()), Arc::default());
    let stopped = Arc::clone(&stop);
    let relay = Outbox::on(db.clone()).relay();
    let old = if takes_any { relay.any(decodes) } else { relay.on("order.paid", decodes) };
    let old = old.base(hour).max(hour).poll(Duration::from_millis(1));
    let old = tokio::spawn(old.run(async move { stopped.notified().await }));
    while !matches!(events.next().await, Event::Outbox(OutboxEvent::Failed { attempt: 1, .. })) {}
    // However the jitter fell.
    DB::run(db, "UPDATE resil_outbox SET due = due + 3600000 WHERE newer IS NOT NULL").await;
    let relay = Outbox::on(db.clone()).relay();
    let new = if takes_any { relay.any(keeps(&taken)) } else { relay.on("order.paid", keeps(&taken)) };
    while taken.lock().unwrap().is_empty() {
        new.run_once().await.unwrap();
    }
    assert_eq!(*taken.lock().unwrap(), ["7"]);
    stop.notify_one();
    assert_eq!(old.await.unwrap().failed, 1, "nor does it try again before its time");
}
