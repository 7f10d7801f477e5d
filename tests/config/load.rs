//! Reloads, as fast as they go, while real threads call: nothing of what the process knows is lost.

use crate::support::{Files, value};
use futures_util::future::join_all;
use resil::{CircuitState, Error, circuit_breaker, registry, retry, semaphore};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::task::Poll;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// What the bodies themselves have counted.
#[derive(Default)]
struct Counted {
    inside: AtomicU32,
    most: AtomicU32,
    succeeded: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

/// In the body, once.
struct Inside<'a>(&'a AtomicU32);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[derive(Debug)]
enum Failed {
    Partner,
    Policy(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl resil::Classify for Failed {
    fn verdict(&self) -> resil::Verdict {
        match self {
            Self::Partner => io::Error::from(io::ErrorKind::TimedOut).verdict(),
            Self::Policy(error) => error.verdict(),
        }
    }
}

#[retry(idempotent, attempts = 3, base = "0ms", budget = none)]
#[circuit_breaker(name = "under load", window = 65536, min_calls = 65536)]
#[semaphore(name = "under load", permits = 8, max_wait = "60s")]
async fn loaded(counted: &Counted, chance: u8) -> Result<(), Failed> {
    let now = counted.inside.fetch_add(1, SeqCst) + 1;
    let inside = Inside(&counted.inside);
    counted.most.fetch_max(now, SeqCst);
    tokio::task::yield_now().await;
    drop(inside);
    if chance < 60 {
        counted.succeeded.fetch_add(1, SeqCst);
        Ok(())
    } else {
        counted.failed.fetch_add(1, SeqCst);
        Err(Failed::Partner)
    }
}

#[circuit_breaker(name = "open under load", window = 10, min_calls = 10, open_for = "200s")]
async fn refused() -> Result<(), Failed> {
    Err(Failed::Partner)
}

#[retry(idempotent, attempts = 2, base = "0ms", jitter = "none", budget = "spent under load")]
async fn spends() -> Result<(), Failed> {
    Err(Failed::Partner)
}

fn file(random: &mut fastrand::Rng) -> String {
    let (permits, attempts, base) = (random.u32(1..=8), random.u32(1..=4), random.u32(..3));
    let (min_calls, rate, open_for) = (random.u32(60_000..65_536), random.u32(1..10), random.u32(200..=240));
    format!(
        "[semaphore.by_name.'under load']\npermits = {permits}\n\
         [retry.by_site.'{path}::loaded']\nattempts = {attempts}\n[retry.by_site.'{path}::spends']\nbase = '{base}ms'\n\
         [circuit_breaker.by_name.'under load']\nmin_calls = {min_calls}\nfailure_rate = 0.{rate}\n\
         [circuit_breaker.by_name.'open under load']\nfailure_rate = 0.{rate}\nopen_for = '{open_for}s'\n",
        path = module_path!()
    )
}

/// A caller: ten calls at a time, of which some are dropped half way.
async fn calls(counted: &Counted, mut random: fastrand::Rng, reloads: &AtomicU32) {
    let mut rounds = 0;
    // At most three attempts each, and the window holds all of all three callers.
    while rounds < 40 || (rounds < 400 && reloads.load(SeqCst) < 50) {
        rounds += 1;
        let calls = (0..10).map(|_| {
            let (chance, is_dropped) = (random.u8(..100), random.u8(..10) == 0);
            async move {
                let mut call = Box::pin(loaded(counted, chance));
                if is_dropped {
                    // Wherever it stands after its first poll: in the line, or inside.
                    std::future::poll_fn(|cx| Poll::Ready(_ = call.as_mut().poll(cx))).await;
                    return;
                }
                match call.await {
                    Ok(()) | Err(Failed::Partner) => {}
                    Err(Failed::Policy(error)) => panic!("{error}"),
                }
            }
        });
        join_all(calls).await;
        if matches!(refused().await, Err(Failed::Policy(Error::CircuitOpen { .. }))) {
            counted.refused.fetch_add(1, SeqCst);
        }
    }
}

fn spent() -> u32 {
    registry().retry_budgets().iter().find(|budget| budget.name == "spent under load").unwrap().tokens
}

fn snapshot(breaker: &str) -> resil::policy::circuit_breaker::Snapshot {
    registry().circuit_breaker(breaker).unwrap().snapshot().unwrap()
}

/// Of the process's own registry, while others reload, two at a time.
#[test]
fn under_load_nothing_is_lost() {
    let mut random = fastrand::Rng::with_seed(18);
    let files = Files::new(&file(&mut random));
    files.configuration().apply().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (counted, reloads, has_ended) = (Counted::default(), AtomicU32::new(0), AtomicBool::new(false));

    let before = Instant::now();
    runtime().block_on(async {
        for _ in 0..10 {
            _ = refused().await;
        }
        _ = spends().await;
        while spent() > 0 {
            _ = spends().await;
        }
    });
    let spent_at = Instant::now();
    assert_eq!(snapshot("open under load").state, CircuitState::Open);

    let seeds = [random.u64(..), random.u64(..), random.u64(..)];
    std::thread::scope(|scope| {
        let (counted, reloads, has_ended, files, random) = (&counted, &reloads, &has_ended, &files, &mut random);
        let callers: Vec<_> = seeds
            .map(|seed| {
                scope.spawn(move || runtime().block_on(calls(counted, fastrand::Rng::with_seed(seed), reloads)))
            })
            .into();
        scope.spawn(move || {
            while !has_ended.load(SeqCst) {
                // As an editor does: a file is replaced, and never seen half-written.
                files.write("new", &file(random));
                std::fs::rename(files.path("new"), files.path("resil.toml")).unwrap();
                resil::reload().unwrap();
                reloads.fetch_add(1, SeqCst);
            }
        });
        scope.spawn(move || {
            while !has_ended.load(SeqCst) {
                resil::reload().unwrap();
                reloads.fetch_add(1, SeqCst);
            }
        });
        let ends: Vec<_> = callers.into_iter().map(ScopedJoinHandle::join).collect();
        has_ended.store(true, SeqCst);
        assert!(ends.iter().all(Result::is_ok));
    });

    assert!(reloads.into_inner() >= 20);
    // Permits.
    let usage = registry().semaphore("under load").unwrap().usage().unwrap();
    assert_eq!((usage.in_use, usage.waiting, counted.inside.into_inner()), (0, 0, 0));
    assert_eq!(value("semaphore", "under load", "permits"), usage.limit.to_string());
    assert!((1..=8).contains(&counted.most.into_inner()));
    // The window.
    let (window, failed) = (snapshot("under load"), counted.failed.into_inner());
    assert_eq!((window.calls, window.failures), (counted.succeeded.into_inner() + failed, failed), "{window:?}");
    assert!(failed > 0);
    // The state.
    let open = snapshot("open under load");
    assert_eq!((open.state, open.calls, open.not_permitted), (CircuitState::Open, 10, counted.refused.into_inner()));
    // The tokens: ten a second have flowed in, and a hundred are all there may be.
    let (least, most) = (spent_at.elapsed(), before.elapsed());
    let flown = |time: Duration| u32::try_from(time.as_millis() / 100).unwrap();
    let tokens = spent();
    assert!((flown(least).min(100).saturating_sub(1)..=flown(most) + 1).contains(&tokens), "{tokens} after {least:?}");
}
