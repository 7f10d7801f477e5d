//! Many who ask the same while the first is running.

use super::*;
use futures_util::future::{Either, join_all, select};
use std::pin::pin;
use tokio::sync::oneshot;

/// A request that has begun, and the way to let it end.
pub(super) async fn slow<DB: Orders>(
    db: &Db<DB>,
) -> (tokio::task::JoinHandle<Result<i32, Failed>>, oneshot::Sender<bool>) {
    let (release, released) = oneshot::channel();
    let (inside, begun) = oneshot::channel();
    let db = db.clone();
    let running = tokio::spawn(async move {
        let body = async move |tx: &mut Tx<DB>| {
            DB::add(tx, "tea").await?;
            _ = inside.send(());
            if released.await? { Ok(1) } else { Err(Failed::from("sold out")) }
        };
        db.once(Once::of("order.place", key("r-1")), body).await
    });
    begun.await.unwrap();
    (running, release)
}

fn duplicate<DB: Orders>(db: &Db<DB>, answer: i32) -> impl Future<Output = Result<i32, Failed>> + use<'_, DB> {
    db.once(Once::of("order.place", key("r-1")), async move |tx| {
        DB::add(tx, "tea").await?;
        Ok::<_, Failed>(answer)
    })
}

/// How many connections the duplicates hold, and have held.
fn held_by_duplicates<DB: Backend>(db: &Db<DB>) -> (u32, u64) {
    let held = db.held();
    let theirs = held.iter().filter(|by| by.began.site.file.ends_with("duplicates.rs"));
    theirs.fold((0, 0), |(now, ended), by| (now + by.now, ended + by.ended))
}

/// Twenty statements of somebody else, while the others are polled. Answers how many connections those held at most.
async fn unrelated<DB: Orders>(db: &Db<DB>) -> u32 {
    let mut most = 0;
    for _ in 0..20 {
        assert_eq!(DB::count(db).await, 0);
        most = most.max(held_by_duplicates(db).0);
    }
    most
}

async fn a_thousand_duplicates_leave_the_pool_to_others<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let all = pin!(join_all((0..1000).map(|_| Box::pin(duplicate(&db, 2)))));
    let Either::Right((most, all)) = select(all, pin!(unrelated(&db))).await else { panic!("they wait") };
    assert_eq!(most, 1, "that of the first");
    release.send(true).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 1);
    assert!(all.await.into_iter().all(|outcome| outcome.is_ok_and(|answer| answer == 1)));
    assert_eq!((DB::count(&db).await, held_by_duplicates(&db)), (1, (0, 1)), "they never asked the database");
}

async fn of_another_process_one_duplicate_asks_at_a_time<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let other = DB::another(&db).await;
    let all = pin!(join_all((0..1000).map(|_| Box::pin(duplicate(&other, 2)))));
    let Either::Right((most, all)) = select(all, pin!(unrelated(&other))).await else { panic!("they wait") };
    release.send(true).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 1);
    assert!(all.await.into_iter().all(|outcome| outcome.is_ok_and(|answer| answer == 1)));
    let (now, ended) = held_by_duplicates(&other);
    assert!(most <= 1 && now == 0 && ended < 100, "one of them asks, now and then: {most}, {ended}");
    other.pool().unwrap().close().await;
}

async fn after_a_failure_one_of_those_who_wait_runs<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move { duplicate(&db, number).await })
        })
        .collect();
    for one in waiting.iter().step_by(2) {
        one.abort();
    }
    release.send(false).unwrap();
    running.await.unwrap().unwrap_err();
    let mut answers = Vec::new();
    for one in waiting {
        answers.extend(one.await.ok().map(Result::unwrap));
    }
    assert!(!answers.is_empty() && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(DB::count(&db).await, 1);
}

async fn who_asks_for_something_else_under_the_same_id_is_refused_after_the_wait<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let other = Once::of("order.place", key("r-1")).argument(&"coffee");
    let (other, same) = (db.once(other, async |_tx| Ok::<_, Failed>(2)), duplicate(&db, 2));
    let all = pin!(async { tokio::join!(other, same) });
    let Either::Right((_, all)) = select(all, pin!(unrelated(&db))).await else { panic!("they wait") };
    release.send(true).unwrap();
    running.await.unwrap().unwrap();
    let (other, same) = all.await;
    assert_eq!(problem(&other.unwrap_err()), &OnceProblem::OtherArguments);
    assert_eq!(same.unwrap(), 1);
}

/// One of those who wait is not polled any more, such as a branch that its caller has turned away from.
async fn who_stands_in_front_and_does_not_move_keeps_no_answer_from_the_others<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let mut in_front = pin!(duplicate(&db, 2));
    assert!(futures_util::poll!(&mut in_front).is_pending());
    let mut behind = pin!(duplicate(&db, 3));
    assert!(futures_util::poll!(&mut behind).is_pending());
    release.send(true).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), 1);
    assert_eq!(behind.await.unwrap(), 1);
    assert_eq!(duplicate(&db, 4).await.unwrap(), 1, "who comes later either");
    assert_eq!(in_front.await.unwrap(), 1);
}

async fn who_will_not_wait_is_told_that_it_runs<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (running, release) = slow(&db).await;
    let once = Once::of("order.place", key("r-1")).max_wait(Duration::ZERO);
    let error = db.once(once, async |_tx| Ok::<_, Failed>(2)).await.unwrap_err();
    assert_eq!(problem(&error), &OnceProblem::Running);
    let held = db.transaction(async |_tx| {
        let within = db.once(Once::of("order.place", key("r-1")), async |_tx| Ok::<_, Failed>(2)).await;
        Ok::<_, Failed>(within.unwrap_err().to_string())
    });
    // On SQLite this one waits for the writer first.
    let (held, ()) = tokio::join!(held, async { release.send(true).unwrap() });
    assert!(held.unwrap().contains("a second connection"), "who holds a connection does not stand in line");
    running.await.unwrap().unwrap();
}

on_both! {
    a_thousand_duplicates_leave_the_pool_to_others,
    of_another_process_one_duplicate_asks_at_a_time,
    after_a_failure_one_of_those_who_wait_runs,
    who_asks_for_something_else_under_the_same_id_is_refused_after_the_wait,
    who_stands_in_front_and_does_not_move_keeps_no_answer_from_the_others,
    who_will_not_wait_is_told_that_it_runs,
}
