//! Threads of its own: what stalls in one bulkhead starves neither another nor the caller. Shown by what completes.

use resil::{
    Bulkhead, Classify, Error, IdempotencyKey, Kind, bulkhead, circuit_breaker, deadline, fallback, retry, semaphore,
    timeout,
};
use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

type Answer<T> = Result<T, Error>;

/// Blocks the thread of whoever waits for it, until it is opened.
#[derive(Clone)]
struct Gate(Arc<Mutex<mpsc::Receiver<()>>>);

struct Opener(mpsc::Sender<()>);

fn gate() -> (Opener, Gate) {
    let (sender, receiver) = mpsc::channel();
    (Opener(sender), Gate(Arc::new(Mutex::new(receiver))))
}

impl Gate {
    fn block_this_thread(&self) {
        _ = self.0.lock().map(|receiver| receiver.recv());
    }
}

impl Opener {
    fn open(self) {
        drop(self.0);
    }
}

fn soon() -> Duration {
    Duration::from_secs(60)
}

#[tokio::test]
async fn a_body_that_blocks_its_thread_leaves_others_running() {
    #[bulkhead(name = "stalls", threads = 1)]
    async fn stalls(gate: Gate) -> Answer<&'static str> {
        gate.block_this_thread();
        Ok("released")
    }
    #[bulkhead(name = "healthy", threads = 1)]
    async fn healthy() -> Answer<&'static str> {
        tokio::task::yield_now().await;
        Ok("answered")
    }
    let _scope = resil::testing::isolated();
    let (opener, gate) = gate();
    let stalled = stalls(gate);
    let others = async {
        // In this order: the other bulkhead and the caller's own thread are done before the first may go on.
        let answer = healthy().await;
        tokio::task::yield_now().await;
        opener.open();
        answer
    };
    let (stalled, other) = tokio::join!(stalled, others);
    assert_eq!((stalled.unwrap(), other.unwrap()), ("released", "answered"));
}

#[tokio::test]
async fn a_busy_body_leaves_others_running() {
    #[bulkhead(threads = 1)]
    async fn busy(stop: Arc<AtomicU32>) -> Answer<u32> {
        while stop.load(SeqCst) == 0 {
            std::hint::spin_loop();
        }
        Ok(1)
    }
    let _scope = resil::testing::isolated();
    let stop = Arc::new(AtomicU32::new(0));
    let (busy, ()) = tokio::join!(busy(Arc::clone(&stop)), async {
        tokio::task::yield_now().await;
        stop.store(1, SeqCst);
    });
    assert_eq!(busy.unwrap(), 1);
}

#[tokio::test]
async fn the_attempt_timeout_fires_for_the_caller_of_a_body_that_blocks() {
    #[circuit_breaker(name = "blocked", window = 1, min_calls = 1)]
    #[bulkhead(name = "blocked", threads = 1)]
    #[timeout("50ms")]
    async fn blocked(gate: Gate) -> Answer<()> {
        gate.block_this_thread();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let (opener, gate) = gate();
    let error = blocked(gate.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    let error = blocked(gate).await.unwrap_err();
    assert!(matches!(error, Error::CircuitOpen { .. }), "the timeout was counted: {error}");
    let handle = Bulkhead::new(1).name("blocked");
    assert_eq!(handle.usage().unwrap().in_use, 1, "its place is taken for as long as it holds its thread");
    opener.open();
    assert_eq!(handle.shutdown(soon()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_semaphore_keeps_thread_and_task_and_a_bulkhead_does_not() {
    type Identity = (ThreadId, Option<tokio::task::Id>);
    fn identity() -> Identity {
        (std::thread::current().id(), tokio::task::try_id())
    }
    #[semaphore(permits = 1)]
    async fn here() -> Answer<Identity> {
        Ok(identity())
    }
    #[bulkhead(threads = 1)]
    async fn elsewhere() -> Answer<Identity> {
        Ok(identity())
    }
    let _scope = resil::testing::isolated();
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let caller = tokio::task::spawn_local(async {
                let (thread, task) = identity();
                assert_eq!(here().await.unwrap(), (thread, task));
                let (other_thread, other_task) = elsewhere().await.unwrap();
                assert_ne!(other_thread, thread);
                assert_ne!(other_task, task);
            });
            caller.await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn whoever_finds_neither_a_place_nor_room_in_the_queue_is_refused() {
    #[bulkhead(name = "queued", threads = 1, max_concurrent = 1, queue = 1, max_wait = "60s")]
    async fn call(gate: Arc<tokio::sync::Semaphore>) -> Answer<()> {
        gate.acquire().await.unwrap().forget();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (first, second, third) = tokio::join!(biased; call(Arc::clone(&gate)), call(Arc::clone(&gate)), async {
        let third = call(Arc::clone(&gate)).await;
        gate.add_permits(2);
        third
    });
    assert!(first.is_ok() && second.is_ok(), "the second ran after the first");
    let error = third.unwrap_err();
    assert!(matches!(error, Error::BulkheadFull { name: "queued", limit: 1, .. }), "{error}");
    assert_eq!(error.verdict().kind, Kind::Refused);
}

#[tokio::test]
async fn a_call_for_which_no_thread_is_free_is_refused_and_never_begins() {
    static BEGUN: AtomicU32 = AtomicU32::new(0);
    #[fallback(value = false)]
    #[bulkhead(name = "no thread", threads = 1, max_concurrent = 2, max_wait = "50ms")]
    async fn call(gate: Gate) -> Answer<bool> {
        BEGUN.fetch_add(1, SeqCst);
        gate.block_this_thread();
        Ok(true)
    }
    let _scope = resil::testing::isolated();
    let (opener, gate) = gate();
    let (first, second) = tokio::join!(biased; call(gate.clone()), async {
        let second = call(gate.clone()).await;
        opener.open();
        second
    });
    assert!(first.unwrap());
    assert!(!second.unwrap(), "the refusal reached the fallback");
    let handle = Bulkhead::new(1).name("no thread").max_concurrent(2).max_wait(Duration::from_millis(50));
    assert_eq!(handle.shutdown(soon()).await.unwrap(), 0);
    assert_eq!(BEGUN.load(SeqCst), 1, "what was refused does not run later");
}

#[tokio::test]
async fn a_full_bulkhead_never_opens_a_breaker() {
    #[circuit_breaker(name = "over a full one", window = 1, min_calls = 1)]
    #[bulkhead(threads = 1, max_concurrent = 1)]
    async fn call(gate: Arc<tokio::sync::Semaphore>) -> Answer<()> {
        gate.acquire().await.unwrap().forget();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (first, ()) = tokio::join!(biased; call(Arc::clone(&gate)), async {
        for _ in 0..10 {
            assert!(matches!(call(Arc::clone(&gate)).await, Err(Error::BulkheadFull { .. })));
        }
        gate.add_permits(1);
    });
    assert!(first.is_ok());
}

#[tokio::test]
async fn dropping_the_caller_ends_the_body_and_gives_the_place_back() {
    struct Dropped(Option<tokio::sync::oneshot::Sender<ThreadId>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            _ = self.0.take().unwrap().send(std::thread::current().id());
        }
    }
    #[bulkhead(name = "dropped", threads = 1)]
    async fn waits(dropped: Dropped, begun: tokio::sync::mpsc::UnboundedSender<()>) -> Answer<()> {
        let _held = dropped;
        begun.send(()).unwrap();
        pending().await
    }
    let _scope = resil::testing::isolated();
    let (sender, dropped) = tokio::sync::oneshot::channel();
    let (started, mut begun) = tokio::sync::mpsc::unbounded_channel();
    tokio::select! {
        biased;
        _ = waits(Dropped(Some(sender)), started) => unreachable!("it waits forever"),
        () = async { begun.recv().await.unwrap() } => {}
    }
    assert_ne!(dropped.await.unwrap(), std::thread::current().id(), "dropped where it ran");
    assert_eq!(Bulkhead::new(1).name("dropped").shutdown(soon()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_call_dropped_at_any_poll_gives_its_place_back() {
    let _scope = resil::testing::isolated();
    let handle = Bulkhead::new(2).name("many").max_concurrent(3).queue(2);
    for polls in 0..40 {
        let mut calls: Vec<_> = (0..6)
            .map(|_| {
                Box::pin(handle.call(async {
                    tokio::task::yield_now().await;
                    Ok::<_, Error>(())
                }))
            })
            .collect();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..polls {
            calls.retain_mut(|call| call.as_mut().poll(&mut context).is_pending());
        }
        drop(calls);
    }
    while handle.usage().unwrap().in_use > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.usage().unwrap().waiting, 0);
    assert_eq!(handle.call(async { Ok::<_, Error>(7) }).await.unwrap(), 7);
}

#[tokio::test]
async fn a_panic_comes_back_as_a_failure_and_the_threads_go_on() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[retry(idempotent, base = "0ms")]
    #[circuit_breaker(name = "panics", window = 2, min_calls = 2)]
    #[bulkhead(name = "panics", threads = 1)]
    async fn call(fine: bool) -> Answer<()> {
        RUNS.fetch_add(1, SeqCst);
        assert!(fine, "this panic is part of the test");
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let error = call(false).await.unwrap_err();
    assert!(matches!(error, Error::Panicked { name: "panics" }), "{error}");
    assert_eq!(RUNS.load(SeqCst), 1, "nobody knows what it did, so it is not repeated");
    assert_eq!(Bulkhead::new(1).name("panics").call(async { Ok::<_, Error>(7) }).await.unwrap(), 7);
    assert!(matches!(call(false).await, Err(Error::Panicked { .. })));
    assert!(matches!(call(true).await, Err(Error::CircuitOpen { .. })), "both were counted");
}

struct Shop {
    attempts: AtomicU32,
    name: String,
}

impl Shop {
    #[retry(idempotency_key = key, base = "0ms")]
    #[bulkhead(threads = 1)]
    #[timeout("60s")]
    async fn order(self: Arc<Self>, (item, _): (String, u32), key: IdempotencyKey) -> Answer<String> {
        let shop = || self.name.clone();
        if self.attempts.fetch_add(1, SeqCst) == 0 {
            return Err(Error::Timeout {
                site: &resil::Site::UNKNOWN,
                phase: resil::Phase::Read,
                limit: Duration::ZERO,
            });
        }
        Ok(format!("{item} from {} under {}", shop(), key.as_str()))
    }
}

#[tokio::test]
async fn each_attempt_gets_its_own_arguments() {
    let _scope = resil::testing::isolated();
    let shop = Arc::new(Shop { attempts: AtomicU32::new(0), name: "here".to_owned() });
    let key = IdempotencyKey::from_stored("key").unwrap();
    let order = Arc::clone(&shop).order(("tea".to_owned(), 1), key);
    assert_eq!(order.await.unwrap(), "tea from here under key");
    assert_eq!(shop.attempts.load(SeqCst), 2);
}

#[tokio::test]
async fn deadline_and_registry_go_along() {
    #[deadline("50ms")]
    #[bulkhead(threads = 1)]
    async fn outer() -> Answer<Error> {
        assert!(matches!(open().await, Err(Error::CircuitOpen { .. })), "the isolated registry is that of the caller");
        Ok(inner().await.unwrap_err())
    }
    #[deadline("1h")]
    async fn inner() -> Answer<()> {
        pending().await
    }
    #[circuit_breaker(name = "seen from both sides")]
    async fn open() -> Answer<()> {
        Ok(())
    }
    let _scope = resil::testing::isolated();
    resil::CircuitBreaker::named("seen from both sides").force_open().unwrap();
    let error = match outer().await {
        Ok(inner) => inner,
        Err(outer) => outer,
    };
    let limit = Duration::from_millis(50);
    assert!(matches!(error, Error::DeadlineExceeded { limit: l, attempted: true, .. } if l == limit), "{error}");
}

#[tokio::test]
async fn a_shutdown_waits_for_what_runs_and_refuses_what_comes() {
    #[bulkhead(name = "ends in order", threads = 1, queue = 5, max_wait = "60s")]
    async fn call(gate: Arc<tokio::sync::Semaphore>) -> Answer<()> {
        gate.acquire().await.unwrap().forget();
        Ok(())
    }
    let _scope = resil::testing::isolated();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let handle = Bulkhead::new(1).name("ends in order").queue(5).max_wait(Duration::from_secs(60));
    let (runs, queued, left, late) = tokio::join!(
        biased;
        call(Arc::clone(&gate)),
        call(Arc::clone(&gate)),
        handle.shutdown(soon()),
        async {
            let late = call(Arc::clone(&gate)).await;
            gate.add_permits(1);
            late
        }
    );
    assert!(runs.is_ok(), "it had begun");
    for refused in [queued, late] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::BulkheadClosed { name: "ends in order", attempted: false }), "{error}");
    }
    assert_eq!(left.unwrap(), 0);
    assert_eq!(handle.shutdown(Duration::ZERO).await.unwrap(), 0, "twice is as good as once");
}

#[tokio::test]
async fn a_shutdown_never_blocks_its_thread() {
    #[bulkhead(name = "holds on", threads = 2)]
    async fn blocks(gate: Gate) -> Answer<()> {
        gate.block_this_thread();
        Ok(())
    }
    #[bulkhead(name = "holds on", threads = 2)]
    async fn waits(begun: tokio::sync::mpsc::UnboundedSender<()>) -> Answer<()> {
        begun.send(()).unwrap();
        pending().await
    }
    let _scope = resil::testing::isolated();
    let (opener, gate) = gate();
    let (started, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let handle = Bulkhead::new(2).name("holds on");
    let blocked = blocks(gate);
    let (blocked, waiting, left) = tokio::join!(biased; blocked, waits(started), async {
        begun.recv().await.unwrap();
        let left = handle.shutdown(Duration::ZERO).await;
        opener.open();
        left
    });
    assert_eq!(left.unwrap(), 2, "one holds its thread, one waits forever");
    assert!(blocked.is_ok() || matches!(blocked, Err(Error::BulkheadClosed { attempted: true, .. })));
    let error = waiting.unwrap_err();
    assert!(matches!(error, Error::BulkheadClosed { attempted: true, .. }), "{error}");
    assert_eq!(error.verdict().effect, resil::Effect::Unknown);
}

#[tokio::test]
async fn the_registry_ends_all_bulkheads_at_once() {
    let _scope = resil::testing::isolated();
    let (left, right) = (Bulkhead::new(1).name("left"), Bulkhead::new(1).name("right"));
    let call = || async { Ok::<_, Error>(7) };
    assert!(left.call(call()).await.is_ok() && right.call(call()).await.is_ok());
    assert_eq!(resil::registry().shutdown(soon()).await, 0);
    for ended in [left, right] {
        assert!(matches!(ended.call(call()).await, Err(Error::BulkheadClosed { attempted: false, .. })));
    }
}

#[tokio::test]
async fn settings_out_of_range_are_refused() {
    let _scope = resil::testing::isolated();
    let call = || async { Ok::<_, Error>(()) };
    for wrong in [
        Bulkhead::new(0).name("no threads"),
        Bulkhead::new(1_000_000).name("too many threads"),
        Bulkhead::new(1).name("no calls").max_concurrent(0),
        Bulkhead::new(1).name("no time").max_wait(Duration::ZERO),
    ] {
        let error = wrong.call(call()).await.unwrap_err();
        assert!(matches!(&error, Error::Misconfigured(_)), "{error}");
        assert!(error.to_string().contains("write "), "{error}");
    }
    Bulkhead::new(1).name("one\0name").call(call()).await.unwrap();
    let error = Bulkhead::new(2).name("one\0name").call(call()).await.unwrap_err();
    assert!(error.to_string().contains("bulkhead `one\\0name` was first used with other settings: threads = 1 or 2"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_threads_of_an_isolated_test_end_with_it() {
    #[bulkhead(name = "ends", threads = 2)]
    async fn call(runs_on: bool) -> Answer<()> {
        if runs_on { pending().await } else { Ok(()) }
    }
    let is_ours = |task: &std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == "bulkhead ends")
    };
    for _ in 0..20 {
        let _scope = resil::testing::isolated();
        call(false).await.unwrap();
        tokio::spawn(call(true));
        tokio::task::yield_now().await;
    }
    // They need a moment to leave.
    while std::fs::read_dir("/proc/self/task").unwrap().any(|task| task.as_ref().is_ok_and(is_ours)) {
        tokio::task::yield_now().await;
    }
}
