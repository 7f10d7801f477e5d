//! What was stored: looked up, too old, forgotten.

use super::*;
use std::time::{SystemTime, UNIX_EPOCH};

/// A rate, for which a partner is asked.
struct Rates(AtomicU32);

impl Rates {
    fn ask(&self) -> f64 {
        f64::from(1_350 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[transactional(tx = db, op = "order.in_won", once = key, fingerprint = item)]
async fn in_won<DB: Orders>(db: &Db<DB>, key: &IdempotencyKey, item: &str, rate: f64) -> Result<f64, Failed> {
    DB::add(tx, item).await?;
    Ok(rate)
}

async fn order<DB: Orders>(db: &Db<DB>, key: &IdempotencyKey, rates: &Rates) -> Result<f64, Failed> {
    if let Some(won) = db.outcome("order.in_won", key).await? {
        return Ok(won);
    }
    in_won(db, key, "tea", rates.ask()).await
}

async fn a_repeat_of_a_finished_order_needs_no_rate<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let (rates, first, second) = (Rates(AtomicU32::new(0)), key("r-1"), key("r-2"));
    for _ in 0..3 {
        assert_eq!(order(&db, &first, &rates).await.unwrap().to_bits(), 1350_f64.to_bits());
    }
    assert_eq!(order(&db, &second, &rates).await.unwrap().to_bits(), 1351_f64.to_bits(), "another order");
    assert_eq!((rates.0.load(Ordering::Relaxed), DB::count(&db).await), (2, 2));
}

async fn only_what_has_run_and_is_kept_is_found<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let look = async |op, id: &str| db.outcome::<i32>(op, key(id)).await.map_err(|error| error.to_string());
    assert_eq!(look("order.place", "r-1").await, Ok(None));
    let (ahead, mut begun) = tokio::sync::mpsc::channel::<()>(1);
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let running = db.once(Once::of("order.place", key("r-1")), async |_tx| {
        _ = ahead.send(()).await;
        _ = released.await;
        Ok::<_, Failed>(7)
    });
    let looked = async {
        begun.recv().await;
        let found = look("order.place", "r-1").await;
        release.send(()).unwrap();
        found
    };
    let (running, looked) = tokio::join!(running, looked);
    assert_eq!((running.unwrap(), looked), (7, Ok(None)), "it does not wait for one that runs");
    assert_eq!(look("order.place", "r-1").await, Ok(Some(7)));
    assert_eq!(look("order.cancel", "r-1").await, Ok(None));
    assert_eq!(look("order.place", "r-2").await, Ok(None));
    let error: Failed = db.outcome::<String>("order.place", key("r-1")).await.unwrap_err().into();
    assert!(matches!(problem(&error), OnceProblem::Undecodable(_)), "{error}");
    let held = db.transaction(async |_tx| Ok::<_, Failed>(look("order.place", "r-1").await.is_err()));
    assert!(held.await.unwrap(), "a second connection");
    DB::forget_in_the_past(&db).await;
    assert_eq!(look("order.place", "r-1").await, Ok(None));
}

async fn a_run_that_outlives_its_own_outcome_is_rolled_back<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let once = || Once::of("order.place", key("r-1")).keep(Duration::from_secs(1));
    for _ in 0..2 {
        let outlived = db.once(once(), async |tx| {
            DB::add(tx, "tea").await?;
            DB::lets_time_pass(tx).await?;
            Ok::<_, Failed>(7)
        });
        let error = outlived.await.unwrap_err();
        assert_eq!(problem(&error), &OnceProblem::Outlived);
        assert_eq!((error.verdict().kind, error.verdict().effect), (Kind::Permanent, Effect::None));
        let expected = "`order.place` took longer than its outcome is kept: rolled back. Write a longer `keep`";
        assert_eq!(error.to_string(), expected);
        assert_eq!((DB::count(&db).await, DB::stored(&db).await), (0, 0));
    }
    assert_eq!(db.once(once(), async |_tx| Ok::<_, Failed>(7)).await.unwrap(), 7, "it can be mended");
}

async fn what_is_over_is_forgotten_and_nothing_else<DB: Orders>(db: Db<DB>) {
    DB::create(&db).await;
    let run = async |id| db.once(Once::of("order.place", id), async |_tx| Ok::<_, Failed>(7)).await.unwrap();
    for number in 0..3 {
        run(key(number)).await;
    }
    let later = SystemTime::now() + Duration::from_hours(1000);
    assert_eq!(db.prune_once(later).await.unwrap(), 0, "they are kept");
    DB::forget_in_the_past(&db).await;
    DB::old_ones(&db, 1200).await;
    run(key("new")).await;
    let left = DB::stored(&db).await;
    assert_eq!(db.prune_once(UNIX_EPOCH).await.unwrap(), 0);
    let pruned = db.prune_once(SystemTime::now()).await.unwrap();
    assert_eq!((i64::try_from(pruned).unwrap(), DB::stored(&db).await), (left - 1, 1));
    assert_eq!(db.prune_once(later).await.unwrap(), 0);
}

on_both! {
    a_repeat_of_a_finished_order_needs_no_rate,
    only_what_has_run_and_is_kept_is_found,
    a_run_that_outlives_its_own_outcome_is_rolled_back,
    what_is_over_is_forgotten_and_nothing_else,
}
